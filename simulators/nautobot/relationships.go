package nautobot

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The sides of a relationship. In a symmetric one both ends are peers.
const (
	sourceSide      = "source"
	destinationSide = "destination"
	peerSide        = "peer"
)

func opposite(side string) string {
	switch side {
	case sourceSide:
		return destinationSide
	case destinationSide:
		return sourceSide
	}
	return peerSide
}

// relationship is a record of extras/relationships.
type relationship struct {
	*record
	m *model
}

func (r relationship) kind() string    { return r.m.text(r.record, "type") }
func (r relationship) symmetric() bool { return strings.HasPrefix(r.kind(), "symmetric-") }
func (r relationship) String() string {
	return strings.ReplaceAll(r.m.text(r.record, "label"), "_", " ")
}

// typeAt is the kind of record at a side.
func (r relationship) typeAt(side string) string {
	if side == peerSide {
		side = sourceSide
	}
	return r.m.text(r.record, side+"_type")
}

// hasMany says whether there may be several records at a side for one at the other.
func (r relationship) hasMany(side string) bool {
	kind := strings.TrimPrefix(r.kind(), "symmetric-")
	return kind == "many-to-many" || (kind == "one-to-many" && side == destinationSide)
}

// label is what a record at this side calls those at the other (Relationship.get_label).
func (r relationship) label(s *schema, side string) string {
	if side == peerSide {
		side = sourceSide
	}
	if given := r.m.text(r.record, side+"_label"); given != "" {
		return given
	}
	other := s.byKind[r.typeAt(opposite(side))]
	switch {
	case other == nil:
		return "(unknown)"
	case r.hasMany(opposite(side)):
		return other.verbosePlural()
	}
	return other.verbose
}

// verbosePlural is Django's verbose_name_plural.
func (m *model) verbosePlural() string {
	plural := strings.ReplaceAll(m.plural, "_", " ")
	if strings.HasPrefix(strings.ToLower(plural), strings.ToLower(m.verbose)) {
		return m.verbose + plural[len(m.verbose):]
	}
	return plural
}

// place is one side of a relationship at which a record may be.
type place struct {
	relationship
	side string
}

// relationshipsOf are the places that records of a kind may have, in the order of the relationships' labels.
func (s *store) relationshipsOf(kind string) []place {
	table := s.tables["extras/relationships"]
	var found []place
	table.ordered.Scan(func(r *record) bool {
		one := relationship{r, table.model}
		switch {
		case one.symmetric() && one.typeAt(peerSide) == kind:
			found = append(found, place{one, peerSide})
		case !one.symmetric():
			for _, side := range []string{sourceSide, destinationSide} {
				if one.typeAt(side) == kind {
					found = append(found, place{one, side})
				}
			}
		}
		return true
	})
	return found
}

// associations are a record's associations at a place, with the ids at the other end.
func (s *store) associations(at place, id string) (found []*record, peers []string) {
	table := s.tables["extras/relationship-associations"]
	m := table.model
	table.where(m.field("relationship"), at.id).all(func(a *record) bool {
		source, destination := m.text(a, "source_id"), m.text(a, "destination_id")
		switch {
		case source == id && at.side != destinationSide:
			found, peers = append(found, a), append(peers, destination)
		case destination == id && at.side != sourceSide:
			found, peers = append(found, a), append(peers, source)
		}
		return true
	})
	return found, peers
}

// appendRelationships is RelationshipsDataField (extras/api/relationships.py): each relationship that the record may
// have, with what it is associated to. At depth 0 that is only the ids.
func (s *store) appendRelationships(b []byte, v *view, m *model, r *record) []byte {
	shown := map[string]map[string]any{}
	for _, at := range s.relationshipsOf(m.kind) {
		key := at.m.text(at.record, "key")
		if shown[key] == nil {
			shown[key] = map[string]any{
				"id": at.id, "url": string(v.appendURL(nil, at.m, at.id)), "label": at.m.text(at.record, "label"), "type": at.kind(),
			}
		}
		other := opposite(at.side)
		objects := []any{}
		_, peers := s.associations(at, r.id)
		peerModel := s.schema.byKind[at.typeAt(other)]
		found := make([]*record, 0, len(peers))
		for _, id := range peers {
			if peer := s.findKind(peerModel, id); peer != nil {
				found = append(found, peer)
			}
		}
		slices.SortFunc(found, byOrder) // Nautobot leaves the order to the database
		for _, peer := range found {
			if v.depth > 0 {
				objects = append(objects, json.RawMessage(s.appendRecord(nil, v.inside(), peerModel, peer)))
			} else {
				objects = append(objects, map[string]any{"id": peer.id})
			}
		}
		shown[key][other] = map[string]any{"label": at.label(s.schema, at.side), "object_type": at.typeAt(other), "objects": objects}
	}
	return appendJSON(b, shown)
}

// findKind finds a record of a model that may be unknown.
func (s *store) findKind(m *model, id string) *record {
	if m == nil {
		return nil
	}
	return s.find(m.path, id)
}

// wanted is what a request wants a record to be associated to at a place.
type wanted struct {
	place
	peers []string
}

// readRelationships reads the relationships that were sent with a record, as RelationshipsDataField.to_internal_value
// does.
func (w *writer) readRelationships() []wanted {
	given, ok := w.given["relationships"]
	if !ok || !w.m.custom {
		return nil
	}
	byKey, ok := given.(map[string]any)
	refuse := func(format string, arguments ...any) {
		w.issues.add("relationships", fmt.Sprintf(format, arguments...))
	}
	if !ok {
		refuse("Invalid data. Expected a dictionary, but got %s.", pythonType(given))
		return nil
	}
	label := strings.SplitN(w.m.kind, ".", 2)[0] + "." + w.m.class
	places := w.s.store.relationshipsOf(w.m.kind)
	var all []wanted
	for _, key := range slices.Sorted(maps.Keys(byKey)) {
		sides, _ := byKey[key].(map[string]any)
		own := slices.DeleteFunc(slices.Clone(places), func(at place) bool { return at.m.text(at.record, "key") != key })
		if len(own) == 0 {
			refuse("%q is not a relationship on %s", key, label)
			continue
		}
		for _, side := range []string{sourceSide, destinationSide, peerSide} {
			sent, there := sides[side]
			if !there {
				continue
			}
			at := slices.IndexFunc(own, func(at place) bool { return opposite(at.side) == side })
			if at < 0 {
				refuse("%q is not a valid side for %q on %s", side, own[0].String(), label)
				continue
			}
			side, _ := sent.(map[string]any)
			value, there := side["objects"]
			objects, isList := value.([]any)
			other := opposite(own[at].side)
			switch {
			case !there:
				refuse(`"objects" must be specified under [%q][%q] when present`, key, other)
				continue
			case !isList:
				refuse(`"objects" must be a list, not a single value`)
				continue
			case len(objects) > 1 && !own[at].hasMany(other):
				refuse("For %q, %q objects must include at most a single object", own[at].String(), other)
				continue
			}
			peerModel := w.s.schema.byKind[own[at].typeAt(other)]
			if peerModel == nil {
				refuse("Model %s is not currently installed, cannot look it up", own[at].typeAt(other))
				continue
			}
			one := wanted{place: own[at]}
			for _, object := range objects {
				id, message := w.resolve(&field{to: peerModel.path, target: peerModel, kind: related}, object)
				if message != "" {
					refuse("%s", message)
					continue
				}
				one.peers = append(one.peers, id)
			}
			all = append(all, one)
		}
	}
	return all
}

// associate makes and removes associations until a record has those that were wanted.
func (w *writer) associate(all []wanted) error {
	m := w.s.schema.byPath["extras/relationship-associations"]
	for _, one := range all {
		existing, peers := w.s.store.associations(one.place, w.r.id)
		for i, association := range existing {
			if !slices.Contains(one.peers, peers[i]) {
				if err := w.t.delete(m, association); err != nil {
					return err
				}
			}
		}
		for _, peer := range one.peers {
			if slices.Contains(peers, peer) {
				continue
			}
			source, destination := w.r.id, peer
			if one.side == destinationSide {
				source, destination = peer, w.r.id
			}
			_, err := w.s.create(w.t, m, map[string]any{
				"relationship": one.id, "source_type": one.typeAt(sourceSide), "source_id": source,
				"destination_type": one.m.text(one.record, "destination_type"), "destination_id": destination,
			}, w.actor, false)
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// checkAssociation is RelationshipAssociation.clean (extras/models/relationships.py).
func checkAssociation(w *writer) {
	s := w.s.store
	m, found := w.other("relationship")
	if found == nil {
		return
	}
	of := relationship{found, m}
	for _, side := range []string{sourceSide, destinationSide} {
		if w.text(side+"_type") != m.text(found, side+"_type") {
			w.issues.add(side+"_type", fmt.Sprintf("%s_type has a different value than defined in %s", side, of))
			return
		}
	}
	ends := map[string]string{sourceSide: w.text("source_id"), destinationSide: w.text("destination_id")}
	named := func(side string) string {
		peer := s.schema.byKind[m.text(found, side+"_type")]
		if r := s.findKind(peer, ends[side]); r != nil {
			return s.str(peer, r)
		}
		return ends[side]
	}
	taken := map[string]map[string]bool{sourceSide: {}, destinationSide: {}}
	s.tables[w.m.path].where(w.m.field("relationship"), found.id).all(func(a *record) bool {
		if a.id == w.r.id {
			return true
		}
		source, destination := w.m.text(a, "source_id"), w.m.text(a, "destination_id")
		taken[sourceSide][source], taken[destinationSide][destination] = true, true
		if of.symmetric() && source == ends[destinationSide] && destination == ends[sourceSide] {
			w.issues.add(allField, fmt.Sprintf("A %s association already exists between %s and %s", of, named(sourceSide), named(destinationSide)))
		}
		return true
	})
	one := func(side, elsewhere string) {
		if taken[elsewhere][ends[side]] {
			direction := map[string]string{sourceSide: "from", destinationSide: "to"}[side]
			w.issues.add(side, fmt.Sprintf("Unable to create more than one %s association %s %s (%s)", of, direction, named(side), side))
		}
	}
	if !of.hasMany(destinationSide) {
		one(sourceSide, sourceSide)
	}
	if !of.hasMany(sourceSide) {
		one(destinationSide, destinationSide)
	}
	if of.symmetric() && !of.hasMany(destinationSide) {
		one(sourceSide, destinationSide)
		one(destinationSide, sourceSide)
	}
}
