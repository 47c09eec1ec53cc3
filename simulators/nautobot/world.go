package nautobot

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/eventrig/eventrig/fixtures/worlds"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/nearest"
	"github.com/eventrig/eventrig/simulators/internal/frame"
)

// Load adds a world's records, all of them or, with an error that names file and line, none.
func (s *Server) Load(world *worlds.World) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &transaction{store: s.store}
	for _, collection := range world.Nautobot {
		if err := s.loadCollection(t, collection); err != nil {
			t.rollback()
			return err
		}
	}
	if err := s.commit(t, actor{}); err != nil {
		t.rollback()
		return err
	}
	return nil
}

// Replace makes the simulator hold what a new one with a world holds. With an error, which names file and line, it is as
// it was, journal and faults included.
func (s *Server) Replace(world *worlds.World) error {
	config := s.config
	config.StateFile = ""
	// Built beside the one that is asked meanwhile, which then takes it over.
	fresh := &Server{Frame: frame.New(), config: config, schema: s.schema}
	if err := fresh.begin(); err != nil {
		return err
	}
	if err := fresh.Load(world); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != nil {
		if err := s.state.replace(fresh.store); err != nil {
			return failure.New(failure.Environment, "see whether the disk is full", "%w", err)
		}
	}
	s.store, s.random = fresh.store, fresh.random
	s.Forget()
	return nil
}

func (s *Server) loadCollection(t *transaction, collection worlds.Collection) error {
	m := s.schema.byPath[collection.Path]
	if m == nil {
		return failure.New(failure.BadInput, "nearest is "+nearestOf(collection.Path, s.schema.paths()),
			"%s:%d: nautobot has no %q", collection.File, collection.Line, collection.Path)
	}
	for _, r := range collection.Records {
		for name := range r.Fields {
			// The real API ignores fields that it does not know; in a world one is a typing mistake.
			if f := m.field(name); name != "id" && name != "custom_fields" && (f == nil || f.readOnly) {
				return failure.New(failure.BadInput, "nearest is "+nearestOf(name, m.fieldNames()),
					"%s: %s has no field %q", r.At(name), m.path, name)
			}
		}
		values, err := asJSON(r.Fields)
		if err != nil {
			return failure.New(failure.BadInput, "", "%s: %s: %w", r.At(""), m.path, err)
		}
		if existing := s.extends(m, values); existing != nil {
			_, err = s.update(t, m, existing, values, true, actor{})
		} else {
			_, err = s.create(t, m, values, actor{}, true)
		}
		var refused *refusal
		if errors.As(err, &refused) {
			if issues, ok := refused.body.(problems); ok {
				name := issues.fields()[0]
				return failure.New(failure.BadInput, "a record may refer to records above it only",
					"%s: %s: %s: %s", r.At(name), m.path, name, strings.Join(issues[name], " "))
			}
		}
		if err != nil {
			return failure.New(failure.BadInput, "", "%s: %s: %w", r.At(""), m.path, err)
		}
	}
	return nil
}

// extends says which status, role or tag of that name there is already: a world gives it to further kinds of record. The
// kinds that it has are added to those of the world.
func (s *Server) extends(m *model, data any) *record {
	values, _ := data.(map[string]any)
	name, _ := values["name"].(string)
	kinds, isList := values["content_types"].([]any)
	if !isList || values["id"] != nil || !slices.Contains([]string{"extras/statuses", "extras/roles", "extras/tags"}, m.path) {
		return nil
	}
	var existing *record
	s.store.tables[m.path].where(m.field("name"), name).all(func(r *record) bool {
		existing = r
		return false
	})
	if existing != nil {
		had, _ := m.get(existing, "content_types").([]string)
		for _, kind := range had {
			if !slices.Contains(kinds, any(kind)) {
				kinds = append(kinds, kind)
			}
		}
		values["content_types"] = kinds
	}
	return existing
}

// asJSON turns what YAML gave into what a JSON body gives, so that there is one way in.
func asJSON(fields map[string]any) (any, error) {
	data, err := json.Marshal(fields)
	if err != nil {
		return nil, fmt.Errorf("turn record into JSON: %w", err)
	}
	return decode(data)
}

func (m *model) fieldNames() []string {
	names := []string{"id", "custom_fields", "created", "last_updated"}
	for _, f := range m.fields {
		names = append(names, f.name)
	}
	sort.Strings(names)
	return names
}

// nearestOf returns the candidate closest to word; there is always one.
func nearestOf(word string, candidates []string) string { return nearest.Names(word, candidates, 1)[0] }
