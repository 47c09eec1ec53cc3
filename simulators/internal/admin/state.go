package admin

import (
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/eventrig/eventrig/internal/nearest"
)

// queryable is a simulator that can be asked for some of its records without making a copy of all.
type queryable interface {
	Records(path string, where map[string]any) []map[string]any
	Check(path string, fields ...string) error
}

// state answers with the whole store by path, or with the records of one path.
func (h *handler) state(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	if !query.Has("path") {
		if len(query) > 0 {
			return bad("add ?path=PATH", "a field's value can be asked for in one path only")
		}
		answer(w, http.StatusOK, h.simulator.State())
		return nil
	}
	path := query.Get("path")
	query.Del("path")
	records, err := h.records(path, slices.Sorted(maps.Keys(query)))
	if err != nil {
		return err
	}
	found := []map[string]any{}
	for _, record := range records {
		fits := true
		for name := range query {
			// As text, because a query has nothing else.
			value, has := record[name]
			fits = fits && has && fmt.Sprint(value) == query.Get(name)
		}
		if fits {
			found = append(found, record)
		}
	}
	answer(w, http.StatusOK, found)
	return nil
}

func (h *handler) records(path string, fields []string) ([]map[string]any, error) {
	if s, ok := h.simulator.(queryable); ok {
		if err := s.Check(path, fields...); err != nil {
			return nil, &refusal{http.StatusNotFound, err, ""}
		}
		return s.Records(path, nil), nil
	}
	state := h.simulator.State()
	records, known := state[path]
	if !known {
		hint := ""
		if paths := slices.Sorted(maps.Keys(state)); len(paths) > 0 {
			hint = "nearest is " + nearest.Names(path, paths, 1)[0]
		}
		return nil, &refusal{http.StatusNotFound, fmt.Errorf("%s has no %q", h.name, path), hint}
	}
	return records, nil
}
