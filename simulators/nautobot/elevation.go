package nautobot

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// rackUnit is one unit of a rack's face.
type rackUnit struct {
	id       int64
	device   *record
	occupied bool
}

// serveElevation lists the units of a rack's face with what is mounted in them (RackViewSet.elevation of
// dcim/api/views.py), as JSON only.
func serveElevation(s *Server, w http.ResponseWriter, r *http.Request, _ actor, m *model, key string) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		methodNotAllowed(w, r, readMethods)
		return
	}
	s.read(w, readMethods, func(b []byte) ([]byte, error) {
		query := r.URL.Query()
		devices := s.schema.byPath["dcim/devices"]
		face := query.Get("face")
		if face == "" {
			face = "front"
		}
		shown, ok := devices.field("face").choice(face)
		if !ok {
			return b, problems{"face": {fmt.Sprintf("%q is not a valid choice.", face)}}.refusal()
		}
		// The filters of racks do not apply to their units.
		plain := r.Clone(r.Context())
		plain.URL.RawQuery = ""
		rack, err := s.lookup(plain, m, key)
		if err != nil {
			return b, err
		}
		expand := query.Get("expand_devices") == "" || truthy(query.Get("expand_devices"))
		units := s.store.rackUnits(m, rack, face, query.Get("exclude"), expand)
		if q := query.Get("q"); q != "" {
			units = slices.DeleteFunc(units, func(u rackUnit) bool { return !strings.Contains(fmt.Sprintf("U%d", u.id), q) })
		}
		v := viewOf(r)
		return appendEnvelope(b, &v, r, query, len(units), func(b []byte, i int) []byte {
			b = fmt.Appendf(b, `{"id":%d,"name":"U%d","face":{"value":%q,"label":%q},"device":`, units[i].id, units[i].id, shown.value, shown.label)
			b = s.store.appendObject(b, &v, devices, units[i].device)
			return fmt.Appendf(b, `,"occupied":%t}`, units[i].occupied)
		}), nil
	})
}

// rackUnits are a rack's units from the top, or from the bottom where they are numbered downwards (Rack.get_rack_units of
// dcim/models/racks.py). Without expand a device stands in the lowest of its units only, and the others are left out.
func (s *store) rackUnits(m *model, rack *record, face, exclude string, expand bool) []rackUnit {
	height, _ := m.get(rack, "u_height").(int64)
	units := make([]rackUnit, height)
	for i := range units {
		units[i].id = int64(i) + 1
	}
	covered := map[int64]bool{}
	devices := s.tables["dcim/devices"]
	types := s.schema.byPath["dcim/device-types"]
	devices.where(devices.model.field("rack"), rack.id).all(func(device *record) bool {
		at, mounted := devices.model.get(device, "position").(int64)
		_, deviceType := s.follow(devices.model, device, "device_type")
		if !mounted || deviceType == nil || device.id == exclude {
			return true
		}
		full, _ := types.get(deviceType, "is_full_depth").(bool)
		if !full && devices.model.text(device, "face") != face {
			return true
		}
		tall, _ := types.get(deviceType, "u_height").(int64)
		for u := at; u < at+tall && u <= height; u++ {
			if expand || u == at {
				units[u-1].device = device
			} else {
				covered[u] = true
			}
			units[u-1].occupied = true
		}
		return true
	})
	units = slices.DeleteFunc(units, func(u rackUnit) bool { return covered[u.id] })
	if descending, _ := m.get(rack, "desc_units").(bool); !descending {
		slices.Reverse(units)
	}
	return units
}
