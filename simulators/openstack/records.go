package openstack

import (
	"context"
	"strings"

	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/nearest"
	"github.com/eventrig/eventrig/simulators/openstack/core"
)

// collection finds a table by its path.
func (s *Server) collection(path string) (core.Collection, error) {
	for _, collection := range s.collections {
		if collection.Path == path {
			return collection, nil
		}
	}
	paths := s.Paths()
	hint := "there are " + strings.Join(paths, ", ")
	if best := nearest.Name(path, paths); best != "" {
		hint = "did you mean " + best + "? " + hint
	}
	return core.Collection{}, failure.New(failure.BadInput, hint, "openstack has no %q", path)
}

// Paths are the paths that Records and worlds know. Keystone's stand alone, those of another service after its type:
// projects, baremetal/nodes.
func (s *Server) Paths() []string {
	var paths []string
	for _, collection := range s.collections {
		paths = append(paths, collection.Path)
	}
	return paths
}

// Check says whether Records knows a path.
func (s *Server) Check(path string) error {
	_, err := s.collection(path)
	return err
}

// Records returns the resources whose fields equal where, Keystone's by name. Check tells an unknown path from an empty
// one.
func (s *Server) Records(path string, where map[string]any) []map[string]any {
	collection, err := s.collection(path)
	if err != nil {
		return nil
	}
	rows := collection.Table.All(func(r core.Resource) bool {
		for name, want := range where {
			if !core.Same(r[name], want) {
				return false
			}
		}
		return true
	})
	core.Sort(rows, "name", false)
	found := make([]map[string]any, len(rows))
	for i, row := range rows {
		found[i] = row.Clone()
	}
	return found
}

// State returns everything in the store by path.
func (s *Server) State() map[string][]map[string]any {
	state := map[string][]map[string]any{}
	for _, path := range s.Paths() {
		state[path] = s.Records(path, nil)
	}
	return state
}

// CreateProject makes a project in a domain, named by id or name, as an administrator would; without an id it draws
// one. It returns the project's id. A second project of the same name in the domain, or of the same id, is an error.
// As with everything that is done from Go, notifications tell it only with Notifying.
func (s *Server) CreateProject(domain, name string, id ...string) (string, error) {
	return s.CreateProjectContext(context.Background(), domain, name, strings.Join(id, ""))
}

// Notifying makes the changes that are done with a context be told by notifications, as requests over HTTP are.
func Notifying(ctx context.Context) context.Context { return core.Notifying(ctx) }

// Collecting makes the changes that are done with a context put the notifications that would tell them into a list: the
// caller sends them.
func Collecting(ctx context.Context, into *[]Message) context.Context {
	return core.Collecting(ctx, into)
}

// CreateProjectContext is CreateProject with a context.
func (s *Server) CreateProjectContext(ctx context.Context, domain, name, id string) (made string, err error) {
	err = s.cloud.Exclusively(func() error {
		made, err = s.keystone.CreateProject(ctx, domain, name, id)
		return err
	})
	return made, err
}

// CreateDomain makes a domain and returns its id.
func (s *Server) CreateDomain(name string, id ...string) (string, error) {
	return s.CreateDomainContext(context.Background(), name, strings.Join(id, ""))
}

// CreateDomainContext is CreateDomain with a context.
func (s *Server) CreateDomainContext(ctx context.Context, name, id string) (made string, err error) {
	err = s.cloud.Exclusively(func() error {
		made, err = s.keystone.CreateDomain(ctx, name, id)
		return err
	})
	return made, err
}

// UpdateProject changes fields of a project or domain, such as name, description or enabled.
func (s *Server) UpdateProject(id string, fields map[string]any) error {
	return s.UpdateProjectContext(context.Background(), id, fields)
}

// UpdateProjectContext is UpdateProject with a context.
func (s *Server) UpdateProjectContext(ctx context.Context, id string, fields map[string]any) error {
	return s.cloud.Exclusively(func() error { return s.keystone.UpdateProject(ctx, id, fields) })
}

// DeleteProject deletes a project, or a domain whether it is enabled or not.
func (s *Server) DeleteProject(id string) error {
	return s.DeleteProjectContext(context.Background(), id)
}

// DeleteProjectContext is DeleteProject with a context.
func (s *Server) DeleteProjectContext(ctx context.Context, id string) error {
	return s.cloud.Exclusively(func() error { return s.keystone.DeleteProject(ctx, id) })
}
