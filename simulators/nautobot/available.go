package nautobot

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
)

// insufficient is the answer of an allocation for which there is no room: 204 with a body that no client sees
// (ipam/api/views.py).
func insufficient(detail string) error {
	return &refusal{status: http.StatusNoContent, body: map[string]any{"detail": detail}}
}

// requested reads what an allocation is asked for: one object or a list of them.
func requested(data any) (items []map[string]any, many bool, err error) {
	list, many := data.([]any)
	if !many {
		list = []any{data}
	}
	for _, item := range list {
		values, err := dictionary(item)
		if err != nil {
			return nil, many, err
		}
		items = append(items, values)
	}
	return items, many, nil
}

func (s *Server) allocate(v view, t *transaction, who actor, m *model, items []map[string]any, many bool) ([]byte, error) {
	if !many {
		return s.post(v, t, who, m, items[0])
	}
	list := make([]any, len(items))
	for i, item := range items {
		list[i] = item
	}
	return s.post(v, t, who, m, list)
}

// allocation is an endpoint that lists what is free in a prefix and gives of it.
type allocation struct {
	of   string // path of the model that is made
	list func(s *store, m *model, prefix *record, limit int) (label string, free []netip.Prefix)
	// take fills in what each requested record gets.
	take func(s *store, m *model, prefix *record, items []map[string]any) error
}

func (a allocation) serve(s *Server, w http.ResponseWriter, r *http.Request, who actor, m *model, key string) {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		s.read(w, notesMethods, func(b []byte) ([]byte, error) {
			prefix, err := s.lookup(r, m, key)
			if err != nil {
				return b, err
			}
			limit := pageSize
			if given, err := strconv.Atoi(r.URL.Query().Get("limit")); err == nil && given >= 0 {
				if limit = min(given, maxPageSize); limit == 0 {
					limit = maxPageSize
				}
			}
			b = append(b, '[')
			label, free := a.list(s.store, m, prefix, limit)
			for i, network := range free {
				if i > 0 {
					b = append(b, ',')
				}
				b = fmt.Appendf(b, `{"ip_version":%s,"%s":"%s"}`, ipVersion(network.Addr()), label, network)
			}
			return append(b, ']'), nil
		})
	case http.MethodPost:
		s.change(w, r, who, http.StatusCreated, func(t *transaction, data any) ([]byte, error) {
			prefix, err := s.lookup(r, m, key)
			if err != nil {
				return nil, err
			}
			items, many, err := requested(data)
			if err != nil {
				return nil, err
			}
			if err := a.take(s.store, m, prefix, items); err != nil {
				return nil, err
			}
			return s.allocate(viewOf(r), t, who, s.schema.byPath[a.of], items, many)
		})
	default:
		methodNotAllowed(w, r, notesMethods)
	}
}

func listIPs(s *store, m *model, prefix *record, limit int) (string, []netip.Prefix) {
	return "address", s.availableIPs(m, prefix, limit)
}

func takeIPs(s *store, m *model, prefix *record, items []map[string]any) error {
	free := s.availableIPs(m, prefix, len(items))
	if len(free) < len(items) {
		return insufficient(fmt.Sprintf("An insufficient number of IP addresses are available within the prefix %s (%d requested, %d available)",
			m.text(prefix, "prefix"), len(items), len(free)))
	}
	for i, item := range items {
		item["address"], item["namespace"] = free[i].String(), m.text(prefix, "namespace")
	}
	return nil
}

// availableIPs are the first addresses of a prefix that no record has (Prefix.get_available_ips).
func (s *store) availableIPs(m *model, r *record, limit int) []netip.Prefix {
	network, err := netip.ParsePrefix(m.text(r, "prefix"))
	if err != nil {
		return nil
	}
	taken := map[netip.Addr]bool{}
	addresses := s.tables["ipam/ip-addresses"]
	below := []string{r.id}
	for i := 0; i < len(below); i++ {
		addresses.where(addresses.model.field("parent"), below[i]).all(func(ip *record) bool {
			if host, err := netip.ParseAddr(addresses.model.text(ip, "host")); err == nil {
				taken[host] = true
			}
			return true
		})
		s.tables[m.path].where(m.field("parent"), below[i]).all(func(child *record) bool {
			below = append(below, child.id)
			return true
		})
	}
	if network.Addr().Is4() && network.Bits() < 31 && m.text(r, "type") != "pool" {
		taken[network.Addr()], taken[last(network)] = true, true
	}
	var free []netip.Prefix
	for ip := network.Addr(); ip.IsValid() && network.Contains(ip) && len(free) < limit; ip = ip.Next() {
		if !taken[ip] {
			free = append(free, netip.PrefixFrom(ip, network.Bits()))
		}
	}
	return free
}

func listPrefixes(s *store, m *model, prefix *record, _ int) (string, []netip.Prefix) {
	return "prefix", s.availablePrefixes(m, prefix)
}

func takePrefixes(s *store, m *model, parent *record, items []map[string]any) error {
	free := s.availablePrefixes(m, parent)
	for _, item := range items {
		length, err := prefixLength(item["prefix_length"], free)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(free, func(network netip.Prefix) bool { return network.Bits() <= length })
		if at < 0 {
			return insufficient("Insufficient space is available to accommodate the requested prefix size(s)")
		}
		taken := netip.PrefixFrom(free[at].Addr(), length)
		item["prefix"], item["namespace"] = taken.String(), m.text(parent, "namespace")
		free = slices.Replace(free, at, at+1, without(free[at], []netip.Prefix{taken})...)
	}
	return nil
}

// prefixLength is PrefixLengthSerializer (ipam/api/serializers.py).
func prefixLength(value any, free []netip.Prefix) (int, error) {
	number, ok := value.(json.Number)
	if value == nil {
		return 0, &refusal{status: 400, body: map[string]any{"prefix_length": []string{"This field is required."}}}
	}
	length, err := strconv.Atoi(number.String())
	if !ok || err != nil {
		return 0, &refusal{status: 400, body: map[string]any{"prefix_length": "Field must be an integer"}}
	}
	for _, network := range free {
		if bits := network.Addr().BitLen(); length > bits || length < 0 {
			return 0, &refusal{status: 400, body: map[string]any{"prefix_length": fmt.Sprintf("Invalid prefix length (%d) for IPv%s", length, ipVersion(network.Addr()))}}
		}
	}
	return length, nil
}

// availablePrefixes is a prefix's room beside its children, in networks as large as can be (Prefix.get_available_prefixes).
func (s *store) availablePrefixes(m *model, r *record) []netip.Prefix {
	network, err := netip.ParsePrefix(m.text(r, "prefix"))
	if err != nil {
		return nil
	}
	var children []netip.Prefix
	s.tables[m.path].where(m.field("parent"), r.id).all(func(child *record) bool {
		if taken, err := netip.ParsePrefix(m.text(child, "prefix")); err == nil {
			children = append(children, taken)
		}
		return true
	})
	return without(network, children)
}

// without is a network less others inside it.
func without(network netip.Prefix, taken []netip.Prefix) []netip.Prefix {
	inside := taken[:0:0]
	for _, other := range taken {
		if other.Overlaps(network) {
			if other.Bits() <= network.Bits() {
				return nil
			}
			inside = append(inside, other)
		}
	}
	if len(inside) == 0 {
		return []netip.Prefix{network}
	}
	low := netip.PrefixFrom(network.Addr(), network.Bits()+1)
	high := netip.PrefixFrom(last(low).Next(), network.Bits()+1)
	return append(without(low, inside), without(high, inside)...)
}
