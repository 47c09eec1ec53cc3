package ontap

import (
	"context"
	"maps"
	"net/url"
	"slices"

	"github.com/eventrig/eventrig/simulators/internal/journal"
	"github.com/eventrig/eventrig/simulators/internal/values"
)

// operation is one change in the making: of a request, or of a world, which may set what a client cannot.
type operation struct {
	ctx       context.Context
	fromWorld bool
	query     url.Values
	changes   *[]journal.Change
}

// flag says whether a query parameter is true.
func (o *operation) flag(name string) bool { return o.query.Get(name) == "true" }

func (o *operation) record(change journal.Change) {
	if o.changes != nil {
		*o.changes = append(*o.changes, change)
	}
}

// create adds a record. The caller holds the lock, and puts the store back when it fails.
func (s *Server) create(o *operation, c *collection, given map[string]any) (record, error) {
	r := record{}
	if err := s.apply(o, c, r, "", given); err != nil {
		return nil, err
	}
	r.setDefault("uuid", values.UUID(s.random))
	if s.store.get(c.path, r.id()) != nil {
		return nil, refuse(409, codeDuplicate, "uuid", "duplicate entry")
	}
	if err := s.check(o, c, nil, r); err != nil {
		return nil, err
	}
	s.store.put(c.path, r)
	o.record(journal.Change{Path: c.path, ID: r.id(), After: s.complete(c, r)})
	return r, nil
}

// update changes a record, under the same terms as create.
func (s *Server) update(o *operation, c *collection, old record, given map[string]any) error {
	before := s.complete(c, old)
	r := maps.Clone(old)
	if err := s.apply(o, c, r, "", given); err != nil {
		return err
	}
	if err := s.check(o, c, old, r); err != nil {
		return err
	}
	s.store.put(c.path, r)
	o.record(journal.Change{Path: c.path, ID: r.id(), Before: before, After: s.complete(c, r)})
	return nil
}

// delete removes a record and what goes with it, under the same terms as create.
func (s *Server) delete(o *operation, c *collection, r record) error {
	if err := s.release(o, c, r); err != nil {
		return err
	}
	s.drop(o, c.path, r)
	return nil
}

// drop removes a record.
func (s *Server) drop(o *operation, path string, r record) {
	o.record(journal.Change{Path: path, ID: r.id(), Before: s.complete(byPath[path], r)})
	s.store.remove(path, r.id())
}

// apply sets the fields of a record from a request's or a world's object, strictly.
func (s *Server) apply(o *operation, c *collection, r record, prefix string, given map[string]any) error {
	for _, key := range slices.Sorted(maps.Keys(given)) {
		name, value := prefix+key, given[key]
		f := c.field(name)
		switch {
		case key == "_links": // an answer sent back holds them
			continue
		case f == nil && c.object(name):
			inner, ok := value.(map[string]any)
			if _, short := value.(string); short && c.field(name+".name") != nil {
				inner, ok = map[string]any{"name": value}, true // as for a reference
			}
			if !ok {
				return invalid(name, value, "object")
			}
			if err := s.apply(o, c, r, name+".", inner); err != nil {
				return err
			}
			continue
		case f == nil:
			return unexpected(name)
		case f.readOnly && !o.fromWorld:
			return refuse(400, codeNotSettable, name, "Field %q cannot be set in this operation", name)
		case value == nil:
			r.set(name, nil)
			continue
		}
		normal, err := s.normalize(c, f, value)
		if err != nil {
			return err
		}
		r.set(name, normal)
	}
	return nil
}
