package openstack

import (
	"strings"

	"github.com/eventrig/eventrig/simulators/openstack/core"
)

// catalog names every service as whoever asks reached this one: the same host and, for a Keystone that was reached at
// the root, Keystone at the root.
func (s *Server) catalog(r *core.Request, project string) []any {
	entries := []any{}
	for i, service := range s.services {
		prefix := service.Prefix
		if i == 0 {
			prefix = r.Prefix
		}
		if strings.Contains(service.Endpoint, "%(project_id)s") && project == "" {
			continue // as Keystone leaves out what it cannot fill in
		}
		url := core.Host(r.Request) + prefix + strings.ReplaceAll(service.Endpoint, "%(project_id)s", project)
		for _, kind := range append([]string{service.Type}, service.Aliases...) {
			endpoints := []any{}
			for _, face := range []string{"public", "internal", "admin"} {
				endpoints = append(endpoints, map[string]any{
					"id": kind + "-" + face, "interface": face, "region": Region, "region_id": Region, "url": url,
				})
			}
			entries = append(entries, map[string]any{"id": kind, "type": kind, "name": service.Name, "endpoints": endpoints})
		}
	}
	return entries
}
