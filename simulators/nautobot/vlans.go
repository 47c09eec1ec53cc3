package nautobot

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// serveVLANs lists the VLAN IDs that a group has left and gives of them (VLANGroupViewSet.available_vlans of
// ipam/api/views.py).
func serveVLANs(s *Server, w http.ResponseWriter, r *http.Request, who actor, m *model, key string) {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		s.read(w, notesMethods, func(b []byte) ([]byte, error) {
			group, err := s.lookup(r, m, key)
			if err != nil {
				return b, err
			}
			free := s.store.availableVIDs(m, group)
			limit, err := strconv.Atoi(r.URL.Query().Get("limit"))
			if err != nil {
				limit = pageSize
			}
			if limit = min(limit, maxPageSize); limit >= 0 {
				free = free[:min(limit, len(free))]
			}
			return appendJSON(b, map[string]any{"count": len(free), "next": nil, "previous": nil, "results": free}), nil
		})
	case http.MethodPost:
		s.change(w, r, who, http.StatusCreated, func(t *transaction, data any) ([]byte, error) {
			group, err := s.lookup(r, m, key)
			if err != nil {
				return nil, err
			}
			items, many, err := requested(data)
			if err != nil {
				return nil, err
			}
			if err := s.store.takeVIDs(m, group, items); err != nil {
				return nil, err
			}
			made, err := s.allocate(viewOf(r), t, who, s.schema.byPath["ipam/vlans"], items, many)
			if err != nil {
				return nil, err
			}
			count := len(items)
			if !many {
				// Nautobot counts the members of the one record.
				var members map[string]json.RawMessage
				if err := json.Unmarshal(made, &members); err != nil {
					return nil, fmt.Errorf("read own answer: %w", err)
				}
				count = len(members)
			}
			return append(append(fmt.Appendf(nil, `{"count":%d,"next":null,"previous":null,"results":`, count), made...), '}'), nil
		})
	default:
		methodNotAllowed(w, r, notesMethods)
	}
}

// availableVIDs are the ids in a group's range that none of its VLANs has, the lowest first.
func (s *store) availableVIDs(m *model, group *record) []int64 {
	taken := map[int64]bool{}
	vlans := s.tables["ipam/vlans"]
	vlans.where(vlans.model.field("vlan_group"), group.id).all(func(vlan *record) bool {
		vid, _ := vlans.model.get(vlan, "vid").(int64)
		taken[vid] = true
		return true
	})
	free := []int64{}
	within := numberRange(m.text(group, "range"))
	for vid := int64(1); vid <= 4094 && within != nil; vid++ {
		if within(vid) && !taken[vid] {
			free = append(free, vid)
		}
	}
	return free
}

// takeVIDs fills in the id and the group of each requested VLAN. What cannot be had is a 204.
func (s *store) takeVIDs(m *model, group *record, items []map[string]any) error {
	free := s.availableVIDs(m, group)
	if len(free) < len(items) {
		return insufficient(fmt.Sprintf("An insufficient number of VLANs are available within the VLANGroup %s (%d requested, %d available)",
			s.str(m, group), len(items), len(free)))
	}
	for _, item := range items {
		wanted, ok := item["vid"]
		if !ok {
			continue
		}
		number, _ := wanted.(json.Number)
		vid, err := number.Int64()
		at := slices.Index(free, vid)
		if err != nil || at < 0 {
			return insufficient(fmt.Sprintf("VLAN %s is not available within the VLANGroup.", plain(wanted)))
		}
		free = slices.Delete(free, at, at+1)
	}
	for _, item := range items {
		if _, ok := item["vid"]; !ok {
			item["vid"] = json.Number(strconv.FormatInt(free[0], 10))
			free = free[1:]
		}
		wanted, ok := item["vlan_group"]
		switch id, _ := wanted.(string); {
		case !ok:
			item["vlan_group"] = group.id
		case s.find(m.path, strings.ToLower(id)) == nil:
			return insufficient(fmt.Sprintf("VLAN Group with pk %s does not exist.", plain(wanted)))
		case strings.ToLower(id) != group.id:
			return insufficient(fmt.Sprintf("Invalid VLAN Group requested: %s. Only VLAN Group %s is permitted.",
				s.str(m, s.find(m.path, strings.ToLower(id))), s.str(m, group)))
		}
	}
	return nil
}
