package neutron

import (
	"net/http"
	"slices"

	"github.com/eventrig/eventrig/simulators/openstack/core"
)

// routerRoutes join subnets to routers; each is an update of the router and tells router.interface.create or .delete.
func (n *Neutron) routerRoutes() []core.Route {
	routers := kindOf("routers")
	interfaceOf := func(do func(r *core.Request, router core.Resource, given core.Resource) (core.Resource, error), event string) func(*core.Request) (*core.Answer, error) {
		return func(r *core.Request) (*core.Answer, error) {
			router := n.tables["routers"].Get(r.PathValue("id"))
			if router == nil {
				return nil, routers.notFound(r.PathValue("id"))
			}
			value, _ := r.JSON()
			given, ok := value.(map[string]any)
			if !ok || (given["subnet_id"] == nil) == (given["port_id"] == nil) {
				return nil, badRequest("Bad router request: Either subnet_id or port_id must be specified.")
			}
			port, err := do(r, router, given)
			if err != nil {
				return nil, err
			}
			var subnet any
			for _, fixed := range port.List("fixed_ips") {
				object, _ := fixed.(map[string]any)
				subnet = object["subnet_id"]
				break
			}
			shown := map[string]any{"id": router["id"], "tenant_id": router["tenant_id"], "project_id": router["project_id"], "port_id": port["id"],
				"network_id": port["network_id"], "subnet_id": subnet, "subnet_ids": []any{subnet}}
			n.cloud.Notify(r.Context(), core.Event{Name: "neutron/router.interface." + event, Payload: map[string]any{"router_interface": shown}, Caller: r.Caller})
			return core.OK(shown)
		}
	}
	return []core.Route{
		{Method: "PUT", Path: "/v2.0/routers/{id}/add_router_interface", Do: interfaceOf(func(r *core.Request, router, given core.Resource) (core.Resource, error) {
			if id := given.Text("port_id"); id != "" {
				port := n.tables["ports"].Get(id)
				if port == nil {
					return nil, kindOf("ports").notFound(id)
				}
				owned := port.Clone()
				owned["device_id"], owned["device_owner"] = router["id"], "network:router_interface"
				n.tables["ports"].Put(r.Context(), owned)
				return owned, nil
			}
			subnet := n.tables["subnets"].Get(given.Text("subnet_id"))
			if subnet == nil {
				return nil, kindOf("subnets").notFound(given.Text("subnet_id"))
			}
			if subnet["gateway_ip"] == nil {
				return nil, badRequest("Bad router request: Subnet for router interface must have a gateway IP.")
			}
			return n.make(r.Context(), r.Caller, kindOf("ports"), core.Resource{"network_id": subnet["network_id"], "device_id": router["id"],
				"device_owner": "network:router_interface", "fixed_ips": []any{map[string]any{"subnet_id": subnet["id"], "ip_address": subnet["gateway_ip"]}}})
		}, "create")},
		{Method: "PUT", Path: "/v2.0/routers/{id}/remove_router_interface", Do: interfaceOf(func(r *core.Request, router, given core.Resource) (core.Resource, error) {
			port := n.tables["ports"].Find(func(p core.Resource) bool {
				return p["device_id"] == router["id"] && (p["id"] == given["port_id"] || (given["subnet_id"] != nil && usesSubnet(p, given.Text("subnet_id"))))
			})
			if port == nil {
				return nil, fault(http.StatusNotFound, "RouterInterfaceNotFoundForSubnet", "Router %s has no interface on subnet %s", router["id"], core.Str(given["subnet_id"]))
			}
			n.tables["ports"].Delete(r.Context(), port.Text("id"))
			return port, nil
		}, "delete")},
	}
}

// tagRoutes are the tags of every resource that has them.
func (n *Neutron) tagRoutes() []core.Route {
	var routes []core.Route
	for _, k := range kinds {
		if _, has := k.fields.Find("tags"); !has {
			continue
		}
		path := "/v2.0/" + k.path() + "/{id}/tags"
		change := func(do func(r *core.Request, tags []any) ([]any, error), status int) func(*core.Request) (*core.Answer, error) {
			return func(r *core.Request) (*core.Answer, error) {
				found := n.tables[k.plural].Get(r.PathValue("id"))
				if found == nil {
					return nil, k.notFound(r.PathValue("id"))
				}
				tags, err := do(r, slices.Clone(found.List("tags")))
				if err != nil {
					return nil, err
				}
				if status != http.StatusOK || r.Method != http.MethodGet {
					changed := found.Clone()
					changed["tags"] = tags
					n.touch(changed)
					n.tables[k.plural].Put(r.Context(), changed)
				}
				if status == http.StatusOK {
					return core.OK(map[string]any{"tags": tags})
				}
				return &core.Answer{Status: status}, nil
			}
		}
		has := func(r *core.Request, tags []any) (int, error) {
			at := slices.Index(tags, any(r.PathValue("tag")))
			if at < 0 {
				return at, fault(http.StatusNotFound, "TagNotFound", "Tag %s could not be found.", r.PathValue("tag"))
			}
			return at, nil
		}
		routes = append(routes,
			core.Route{Method: "GET", Path: path, Do: change(func(_ *core.Request, tags []any) ([]any, error) { return append([]any{}, tags...), nil }, http.StatusOK)},
			core.Route{Method: "PUT", Path: path, Do: change(func(r *core.Request, _ []any) ([]any, error) {
				value, _ := r.JSON()
				body, _ := value.(map[string]any)
				tags, ok := body["tags"].([]any)
				if !ok {
					return nil, badRequest("Invalid tags body")
				}
				for _, tag := range tags {
					if _, ok := tag.(string); !ok {
						return nil, badRequest("Invalid input for tags. Reason: '%s' is not a valid string.", core.Str(tag))
					}
				}
				return tags, nil
			}, http.StatusOK)},
			core.Route{Method: "DELETE", Path: path, Do: change(func(*core.Request, []any) ([]any, error) { return []any{}, nil }, http.StatusNoContent)},
			core.Route{Method: "GET", Path: path + "/{tag}", Do: change(func(r *core.Request, tags []any) ([]any, error) {
				_, err := has(r, tags)
				return tags, err
			}, http.StatusNoContent)},
			core.Route{Method: "PUT", Path: path + "/{tag}", Do: change(func(r *core.Request, tags []any) ([]any, error) {
				if tag := any(r.PathValue("tag")); !slices.Contains(tags, tag) {
					tags = append(tags, tag)
				}
				return tags, nil
			}, http.StatusCreated)},
			core.Route{Method: "DELETE", Path: path + "/{tag}", Do: change(func(r *core.Request, tags []any) ([]any, error) {
				at, err := has(r, tags)
				if err != nil {
					return nil, err
				}
				return slices.Delete(tags, at, at+1), nil
			}, http.StatusNoContent)},
		)
	}
	return routes
}
