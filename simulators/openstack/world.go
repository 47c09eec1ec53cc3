package openstack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/eventrig/eventrig/fixtures/worlds"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/simulators/openstack/core"
)

// Load adds a world's records, all of them or, with an error that names file and line, none. What a world brings was
// there before anyone listened: neither OnChange nor a notification tells it.
func (s *Server) Load(world *worlds.World) error {
	return s.cloud.Exclusively(func() error { return s.load(world) })
}

func (s *Server) load(world *worlds.World) error {
	restore := s.cloud.Snapshot()
	for _, collection := range world.OpenStack {
		if err := s.loadCollection(collection); err != nil {
			restore()
			return err
		}
	}
	return nil
}

// Replace makes the cloud hold what a new one with a world holds. With an error, which names file and line, it is as it
// was, journal and faults included.
func (s *Server) Replace(world *worlds.World) error {
	// What a cloud of the same seed takes this one does, too.
	trial := New(Config{Seed: s.seed, Now: s.cloud.Now})
	err := errors.Join(trial.Load(world), trial.Close())
	if err != nil {
		return err
	}
	s.reset(func() { err = s.load(world) })
	return err
}

func (s *Server) loadCollection(collection worlds.Collection) error {
	target, err := s.collection(collection.Path)
	if err != nil {
		return failure.New(failure.BadInput, failure.Hint(err), "%s:%d: %w", collection.File, collection.Line, err)
	}
	known := slices.Sorted(slices.Values(target.Fields))
	key := target.Table.Key()
	for _, r := range collection.Records {
		for name := range r.Fields {
			if name != key && !slices.Contains(known, name) {
				return failure.New(failure.BadInput, "fields are "+key+", "+strings.Join(known, ", "),
					"%s: openstack %s have no field %q", r.At(name), collection.Path, name)
			}
		}
		normal, err := core.Normalise(r.Fields)
		if err == nil {
			fields, _ := normal.(map[string]any)
			if id, given := fields[key]; given && core.Resource(fields).Text(key) == "" {
				err = fmt.Errorf("%s is a text: put it in quotation marks (it is %s)", key, core.Str(id))
			} else {
				err = target.Create(core.Quietly(context.Background()), fields)
			}
		}
		if err != nil {
			return failure.New(failure.BadInput, target.Hint, "%s: openstack %s: %w", r.At(""), collection.Path, err)
		}
	}
	return nil
}
