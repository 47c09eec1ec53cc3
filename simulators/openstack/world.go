package openstack

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/eventrig/eventrig/fixtures/worlds"
	"github.com/eventrig/eventrig/internal/failure"
)

// Load adds a world's domains and projects, all of them or, with an error that names file and line, none. What a world
// brings was there before anyone listened: OnChange is not called for it.
func (s *Server) Load(world *worlds.World) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	s.mu.RLock()
	before := maps.Clone(s.identity.projects)
	s.mu.RUnlock()
	hook := s.config.OnChange
	s.config.OnChange = nil
	defer func() { s.config.OnChange = hook }()
	for _, collection := range world.OpenStack {
		if err := s.loadCollection(collection); err != nil {
			s.mu.Lock()
			s.identity.projects = before
			s.mu.Unlock()
			return err
		}
	}
	return nil
}

func (s *Server) loadCollection(collection worlds.Collection) error {
	if collection.Path != "projects" && collection.Path != "domains" {
		return failure.New(failure.BadInput, "want projects or domains",
			"%s:%d: openstack has no %q", collection.File, collection.Line, collection.Path)
	}
	known := slices.Sorted(maps.Keys(projectFields))
	for _, r := range collection.Records {
		for name := range r.Fields {
			if name != "id" && projectFields[name] == "" {
				return failure.New(failure.BadInput, "fields are id, "+strings.Join(known, ", "),
					"%s: openstack %s have no field %q", r.At(name), collection.Path, name)
			}
		}
		data, err := json.Marshal(r.Fields)
		if err == nil {
			fields := resource{}
			if err = json.Unmarshal(data, &fields); err == nil {
				if collection.Path == "domains" {
					fields["is_domain"] = true
				}
				if _, given := fields["id"]; given && fields.text("id") == "" {
					err = fmt.Errorf("id is a text: put it in quotation marks")
				} else {
					_, err = s.createProject(context.Background(), fields)
				}
			}
		}
		if err != nil {
			return failure.New(failure.BadInput, "ids are 32 hexadecimal digits, and a project's domain_id is a domain above it",
				"%s: openstack %s: %w", r.At(""), collection.Path, err)
		}
	}
	return nil
}
