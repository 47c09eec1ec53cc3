package keystone

import (
	"github.com/eventrig/eventrig/simulators/openstack/core"
)

// catalogRoutes show the catalog as services, endpoints and regions; it cannot be changed.
func (k *Keystone) catalogRoutes() []core.Route {
	services := func(r *core.Request) []core.Resource {
		var all []core.Resource
		for _, entry := range k.catalog(r, r.Caller.ProjectID) {
			service := core.Resource(entry.(map[string]any)) // our own literal
			all = append(all, core.Resource{"id": service["id"], "type": service["type"], "name": service["name"], "enabled": true, "description": ""})
		}
		return all
	}
	endpoints := func(r *core.Request) []core.Resource {
		var all []core.Resource
		for _, entry := range k.catalog(r, r.Caller.ProjectID) {
			service := core.Resource(entry.(map[string]any))
			for _, endpoint := range service.List("endpoints") {
				one := core.Resource(endpoint.(map[string]any)).Clone()
				one["service_id"], one["enabled"] = service["id"], true
				all = append(all, one)
			}
		}
		return all
	}
	regions := func(*core.Request) []core.Resource {
		return []core.Resource{{"id": Region, "description": "", "parent_region_id": nil}}
	}
	var routes []core.Route
	for _, collection := range []struct {
		singular, plural string
		all              func(*core.Request) []core.Resource
		filters          []string
	}{{"service", "services", services, []string{"type", "name"}}, {"endpoint", "endpoints", endpoints, []string{"service_id", "interface", "region_id", "region"}}, {"region", "regions", regions, nil}} {
		of := kind{plural: collection.plural}
		for _, name := range collection.filters {
			of.fields = append(of.fields, core.Field{Name: name, Filter: true})
		}
		routes = append(routes,
			core.Route{Method: "GET", Path: "/v3/" + collection.plural, Do: func(r *core.Request) (*core.Answer, error) {
				shown := []any{}
				for _, one := range collection.all(r) {
					if passes(of, r)(one) {
						shown = append(shown, view(r, of, one))
					}
				}
				return core.OK(map[string]any{collection.plural: shown, "links": listLinks(r)})
			}},
			core.Route{Method: "GET", Path: "/v3/" + collection.plural + "/{id}", Do: func(r *core.Request) (*core.Answer, error) {
				for _, one := range collection.all(r) {
					if one["id"] == r.PathValue("id") {
						return core.OK(map[string]any{collection.singular: view(r, of, one)})
					}
				}
				return nil, notFound(collection.singular, r.PathValue("id"))
			}},
		)
	}
	return routes
}
