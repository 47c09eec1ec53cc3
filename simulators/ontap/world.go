package ontap

import (
	"context"
	"errors"

	"github.com/eventrig/eventrig/fixtures/worlds"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/nearest"
)

// Load adds a world's records, all of them or, with an error that names file and line, none. A world may set what a client
// cannot, such as a uuid or whether a namespace is mapped.
func (s *Server) Load(world *worlds.World) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.store.clone()
	err := s.load(world)
	if err != nil {
		s.store = before
	}
	return err
}

// Replace makes the cluster hold what a new one with a world holds. With an error, which names file and line, it is as it
// was, journal and faults included.
func (s *Server) Replace(world *worlds.World) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	store, random := s.store, s.random
	s.empty()
	if err := s.load(world); err != nil {
		s.store, s.random = store, random
		return err
	}
	s.Forget()
	return nil
}

func (s *Server) load(world *worlds.World) error {
	for _, given := range world.ONTAP {
		if err := s.loadCollection(given); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) loadCollection(given worlds.Collection) error {
	c := byPath[given.Path]
	if c == nil {
		return failure.New(failure.BadInput, "nearest is "+nearest.Names(given.Path, Paths(), 1)[0],
			"%s:%d: ontap has no %q", given.File, given.Line, given.Path)
	}
	if c.single {
		return failure.New(failure.BadInput, "there is one from the start", "%s:%d: ontap %s: a world cannot add one", given.File, given.Line, given.Path)
	}
	for _, r := range given.Records {
		_, err := s.create(&operation{ctx: context.Background(), fromWorld: true}, c, r.Fields)
		if err == nil {
			continue
		}
		var refused *refusal
		if !errors.As(err, &refused) {
			return failure.New(failure.BadInput, "", "%s: ontap %s: %w", r.At(""), c.path, err)
		}
		hint := "a record may refer to records above it only"
		if refused.code == codeUnexpected {
			hint = "nearest is " + nearest.Names(refused.target, c.names(), 1)[0]
		}
		first := ""
		if refused.target != "" {
			first = splitName(refused.target)[0]
		}
		return failure.New(failure.BadInput, hint, "%s: ontap %s: %w", r.At(first), c.path, err)
	}
	return nil
}
