package nautobot

import (
	"encoding/json"
	"strconv"
)

// shownComputed renders the read-only fields that are neither stored nor counted.
var shownComputed map[string]func(s *store, b []byte, v *view, m *model, r *record) []byte

func init() {
	shownComputed = map[string]func(s *store, b []byte, v *view, m *model, r *record) []byte{
		"null":                         func(_ *store, b []byte, _ *view, _ *model, _ *record) []byte { return append(b, "null"...) },
		"zero":                         func(_ *store, b []byte, _ *view, _ *model, _ *record) []byte { return append(b, '0') },
		"empty-object":                 func(_ *store, b []byte, _ *view, _ *model, _ *record) []byte { return append(b, "{}"...) },
		"config-context":               showConfigContext,
		"tree-depth":                   showTreeDepth,
		"parent-bay":                   showParentBay,
		"tagged-items":                 showTaggedItems,
		"nat-outside-list":             showNATOutside,
		"termination-a":                showGeneric("termination_a"),
		"termination-b":                showGeneric("termination_b"),
		"assigned-object":              showGeneric("assigned_object"),
		"associated-object":            showGeneric("associated_object"),
		"changed-object":               showGeneric("changed_object"),
		"object-data":                  showObjectData,
		"circuit-termination-a":        showCircuitTermination("A"),
		"circuit-termination-z":        showCircuitTermination("Z"),
		"cable":                        showCable,
		"cable-peer":                   showPeer,
		"cable-peer-type":              showPeerType,
		"connected-endpoint":           showEndpoint,
		"connected-endpoint-type":      showEndpointType,
		"connected-endpoint-reachable": showReachable,
	}
}

// derived returns a computed field's value for an assertion, as JSON has it.
func (s *store) derived(m *model, r *record, f *field) any {
	var value any
	data := s.appendField(nil, &view{counted: true, manyAll: true}, m, r, f)
	if err := json.Unmarshal(data, &value); err != nil {
		panic("nautobot: decode own answer: " + err.Error()) // what appendField makes is JSON
	}
	return value
}

func (s *store) appendObject(b []byte, v *view, m *model, r *record) []byte {
	if r == nil {
		return append(b, "null"...)
	}
	return s.appendRelated(b, v, m, r.id)
}

// showGeneric shows the record that NAME_type and NAME_id mean.
func showGeneric(name string) func(s *store, b []byte, v *view, m *model, r *record) []byte {
	return func(s *store, b []byte, v *view, m *model, r *record) []byte {
		other := s.schema.byKind[m.text(r, name+"_type")]
		if other == nil {
			return append(b, "null"...)
		}
		return s.appendObject(b, v, other, s.find(other.path, m.text(r, name+"_id")))
	}
}

func showTreeDepth(s *store, b []byte, _ *view, m *model, r *record) []byte {
	depth := int64(0)
	for id := m.text(r, "parent"); id != "" && depth < 1000; depth++ {
		parent := s.find(m.path, id)
		if parent == nil {
			break
		}
		id = m.text(parent, "parent")
	}
	return strconv.AppendInt(b, depth, 10)
}

func showParentBay(s *store, b []byte, v *view, _ *model, r *record) []byte {
	bays := s.tables["dcim/device-bays"]
	if g := bays.where(bays.model.field("installed_device"), r.id); g.len() > 0 {
		return s.appendObject(b, v, bays.model, g.at(0))
	}
	return append(b, "null"...)
}

func showTaggedItems(s *store, b []byte, _ *view, m *model, r *record) []byte {
	total := 0
	for _, ref := range m.pointed {
		total += s.tables[ref.model.path].where(ref.field, r.id).len()
	}
	return strconv.AppendInt(b, int64(total), 10)
}

func showNATOutside(s *store, b []byte, v *view, m *model, r *record) []byte {
	var ids []string
	s.tables[m.path].where(m.field("nat_inside"), r.id).all(func(r *record) bool {
		ids = append(ids, r.id)
		return true
	})
	return s.appendMany(b, v, m, ids)
}

func showCircuitTermination(side string) func(s *store, b []byte, v *view, m *model, r *record) []byte {
	return func(s *store, b []byte, v *view, _ *model, r *record) []byte {
		ends := s.tables["circuits/circuit-terminations"]
		var found *record
		ends.where(ends.model.field("circuit"), r.id).all(func(r *record) bool {
			if ends.model.text(r, "term_side") == side {
				found = r
			}
			return found == nil
		})
		return s.appendObject(b, v, ends.model, found)
	}
}

func showCable(s *store, b []byte, v *view, _ *model, r *record) []byte {
	return s.appendObject(b, v, s.schema.byPath["dcim/cables"], s.cableOf(r.id))
}

func showPeer(s *store, b []byte, v *view, _ *model, r *record) []byte {
	m, peer := s.peerOf(r.id)
	return s.appendObject(b, v, m, peer)
}

func showPeerType(s *store, b []byte, _ *view, _ *model, r *record) []byte {
	m, peer := s.peerOf(r.id)
	return appendKind(b, m, peer)
}

func appendKind(b []byte, m *model, r *record) []byte {
	if r == nil {
		return append(b, "null"...)
	}
	return appendString(b, m.kind)
}

func showEndpoint(s *store, b []byte, v *view, _ *model, r *record) []byte {
	m, end, _, _ := s.endpointOf(r.id)
	return s.appendObject(b, v, m, end)
}

func showEndpointType(s *store, b []byte, _ *view, _ *model, r *record) []byte {
	m, end, _, _ := s.endpointOf(r.id)
	return appendKind(b, m, end)
}

func showReachable(s *store, b []byte, _ *view, _ *model, r *record) []byte {
	_, _, active, path := s.endpointOf(r.id)
	if !path {
		return append(b, "null"...)
	}
	return strconv.AppendBool(b, active)
}
