package nautobot

import (
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"strings"

	"github.com/eventrig/eventrig/fixtures/worlds"
	"github.com/eventrig/eventrig/internal/failure"
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
	return nil
}

func (s *Server) loadCollection(t *transaction, collection worlds.Collection) error {
	m := byPath[collection.Path]
	if m == nil {
		return failure.New(failure.BadInput, "nearest is "+nearest(collection.Path, Paths()),
			"%s:%d: nautobot has no %q", collection.File, collection.Line, collection.Path)
	}
	for _, r := range collection.Records {
		for name := range r.Fields {
			// The real API ignores fields that it does not know; in a world one is a typing mistake.
			if f := m.field(name); name != "id" && name != "custom_fields" && (f == nil || f.readOnly) {
				return failure.New(failure.BadInput, "nearest is "+nearest(name, m.fieldNames()),
					"%s: %s has no field %q", r.At(name), m.path, name)
			}
		}
		values, err := asJSON(r.Fields)
		if err != nil {
			return failure.New(failure.BadInput, "", "%s: %s: %w", r.At(""), m.path, err)
		}
		_, err = s.create(t, m, values)
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

// nearest returns the candidate that takes the fewest edits to reach.
func nearest(word string, candidates []string) string {
	best, fewest := "", len(word)+1000
	for _, candidate := range candidates {
		if edits := distance(word, candidate); edits < fewest {
			best, fewest = candidate, edits
		}
	}
	return best
}

// distance is Levenshtein's.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		previous := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			previous, row[j] = row[j], min(row[j]+1, row[j-1]+1, previous+cost)
		}
	}
	return row[len(b)]
}
