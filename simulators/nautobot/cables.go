package nautobot

import (
	"fmt"
	"slices"
)

// compatible says which kinds of termination may be at the other end (dcim/constants.py COMPATIBLE_TERMINATION_TYPES).
var compatible = map[string][]string{
	"circuits.circuittermination": {"dcim.interface", "dcim.frontport", "dcim.rearport", "circuits.circuittermination"},
	"dcim.consoleport":            {"dcim.consoleserverport", "dcim.frontport", "dcim.rearport"},
	"dcim.consoleserverport":      {"dcim.consoleport", "dcim.frontport", "dcim.rearport"},
	"dcim.interface":              {"dcim.interface", "circuits.circuittermination", "dcim.frontport", "dcim.rearport"},
	"dcim.frontport":              {"dcim.consoleport", "dcim.consoleserverport", "dcim.interface", "dcim.frontport", "dcim.rearport", "circuits.circuittermination"},
	"dcim.rearport":               {"dcim.consoleport", "dcim.consoleserverport", "dcim.interface", "dcim.frontport", "dcim.rearport", "circuits.circuittermination"},
	"dcim.powerfeed":              {"dcim.powerport", "dcim.powerfeed"},
	"dcim.poweroutlet":            {"dcim.powerport"},
	"dcim.powerport":              {"dcim.poweroutlet", "dcim.powerfeed"},
}

// checkCable is Cable.clean (dcim/models/cables.py), which stops at the first thing that is wrong.
func checkCable(w *writer) {
	s := w.s.store
	sides := [2]string{"a", "b"}
	var models [2]*model
	var ends [2]*record
	for i, side := range sides {
		kind, id := w.text("termination_"+side+"_type"), w.text("termination_"+side+"_id")
		if compatible[kind] == nil {
			w.issues.add("termination_"+side+"_type", "Invalid content type: "+kind)
			return
		}
		models[i] = w.s.schema.byKind[kind]
		if ends[i] = s.find(models[i].path, id); ends[i] == nil {
			w.issues.add("termination_"+side, fmt.Sprintf("Invalid ID for type %s", w.s.schema.typeName(kind)))
			return
		}
	}
	if w.old != nil {
		for _, side := range sides {
			for _, name := range []string{"termination_" + side + "_type", "termination_" + side + "_id"} {
				if w.m.text(w.old, name) != w.text(name) {
					w.issues.add("termination_"+side, "Cable termination points may not be modified. Delete and recreate the cable instead.")
					return
				}
			}
		}
	}
	for i, side := range sides {
		if kind := models[i].text(ends[i], "type"); models[i].class == "Interface" && !connectable(kind) {
			c, _ := models[i].field("type").choice(kind)
			w.issues.add("termination_"+side+"_id", fmt.Sprintf("Cables cannot be terminated to %s interfaces", c.label))
			return
		}
	}
	if !slices.Contains(compatible[models[0].kind], models[1].kind) {
		w.issues.add(allField, fmt.Sprintf("Incompatible termination types: %s and %s", w.s.schema.typeName(models[0].kind), w.s.schema.typeName(models[1].kind)))
		return
	}
	if models[0].class == "RearPort" && models[1].class == "RearPort" {
		a, _ := models[0].get(ends[0], "positions").(int64)
		b, _ := models[1].get(ends[1], "positions").(int64)
		if a > 1 && b > 1 && a != b {
			w.issues.add(allField, fmt.Sprintf("%s has %d position(s) but %s has %d. Both terminations must have the same number of positions (if greater than one).",
				s.str(models[0], ends[0]), a, s.str(models[1], ends[1]), b))
			return
		}
	}
	if ends[0].id == ends[1].id {
		w.issues.add(allField, fmt.Sprintf("Cannot connect %s to itself", w.s.schema.typeName(models[0].kind)))
		return
	}
	if models[0].text(ends[0], "rear_port") == ends[1].id || models[1].text(ends[1], "rear_port") == ends[0].id {
		w.issues.add(allField, "A front port cannot be connected to it corresponding rear port")
		return
	}
	for i, side := range sides {
		if models[i].text(ends[i], "provider_network") != "" {
			w.issues.add("termination_"+side+"_id", "Circuit terminations attached to a provider network may not be cabled.")
			return
		}
	}
	for i := range sides {
		if cable := s.cableOf(ends[i].id); cable != nil && cable.id != w.r.id {
			w.issues.add(allField, fmt.Sprintf("%s already has a cable attached (#%s)", s.str(models[i], ends[i]), cable.id))
			return
		}
	}
	switch {
	case w.value("length") == nil:
		w.m.set(w.r, "length_unit", "")
	case w.text("length_unit") == "":
		w.issues.add(allField, "Must specify a unit when setting a cable length")
	}
}

// cableOf returns the cable at a termination, or nil.
func (s *store) cableOf(id string) *record {
	table := s.tables["dcim/cables"]
	if len(table.byID) == 0 {
		return nil
	}
	for _, end := range [...]string{"termination_a_id", "termination_b_id"} {
		if g := table.where(table.model.field(end), id); g.len() > 0 {
			return g.at(0)
		}
	}
	return nil
}

// peerOf returns what is at the other end of a termination's cable.
func (s *store) peerOf(id string) (*model, *record) {
	cable := s.cableOf(id)
	if cable == nil {
		return nil, nil
	}
	cables := s.schema.byPath["dcim/cables"]
	side := "a"
	if cables.text(cable, "termination_a_id") == id {
		side = "b"
	}
	m := s.schema.byKind[cables.text(cable, "termination_"+side+"_type")]
	if m == nil {
		return nil, nil
	}
	return m, s.find(m.path, cables.text(cable, "termination_"+side+"_id"))
}

// endpointOf follows a termination's cables through patch panels to the endpoint at the far end (CablePath.from_origin).
// Active says that all cables on the way are connected; there is no path without a cable.
func (s *store) endpointOf(id string) (m *model, end *record, active, path bool) {
	return s.walk(id, nil)
}

// walk is endpointOf, telling each cable with the id at its near end and what is at its far end.
func (s *store) walk(id string, each func(near string, cable *record, m *model, far *record)) (m *model, end *record, active, path bool) {
	cables := s.schema.byPath["dcim/cables"]
	active = true
	if s.cableOf(id) == nil {
		return nil, nil, active, false
	}
	var positions []int64
	seen := map[string]bool{}
	for !seen[id] {
		seen[id] = true
		cable := s.cableOf(id)
		if cable == nil {
			return nil, nil, active, path
		}
		path = true
		statuses, status := s.follow(cables, cable, "status")
		active = active && status != nil && statuses.text(status, "name") == "Connected"
		if m, end = s.peerOf(id); end == nil {
			return nil, nil, active, path
		}
		if each != nil {
			each(id, cable, m, end)
		}
		switch m.class {
		case "FrontPort":
			position, _ := m.get(end, "rear_port_position").(int64)
			positions = append(positions, position)
			id = m.text(end, "rear_port")
		case "RearPort":
			position := int64(1)
			if len(positions) > 0 {
				position, positions = positions[len(positions)-1], positions[:len(positions)-1]
			}
			front := s.tables["dcim/front-ports"]
			next := ""
			front.where(front.model.field("rear_port"), end.id).all(func(r *record) bool {
				if at, _ := front.model.get(r, "rear_port_position").(int64); at == position {
					next = r.id
				}
				return next == ""
			})
			if next == "" {
				return nil, nil, active, path
			}
			id = next
		default:
			return m, end, active, path
		}
	}
	return nil, nil, active, path
}

// cablesOfDevice is the filter ?device= of cables: those with an end at one of the devices.
func cablesOfDevice(s *store, m *model, values []string) (*condition, string) {
	ids, _, message := s.named(s.schema.byPath["dcim/devices"], values)
	if message != "" {
		return nil, message
	}
	return &condition{test: func(r *record) bool {
		for _, side := range []string{"a", "b"} {
			end := s.schema.byKind[m.text(r, "termination_"+side+"_type")]
			if end == nil {
				continue
			}
			if port := s.find(end.path, m.text(r, "termination_"+side+"_id")); port != nil && slices.Contains(ids, end.text(port, "device")) {
				return true
			}
		}
		return false
	}}, ""
}
