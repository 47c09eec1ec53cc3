package nova

import (
	"context"
	"net/http"

	"github.com/eventrig/eventrig/simulators/openstack/core"
)

var flavorFields = core.Fields{
	{Name: "id", Types: "string null"}, {Name: "name", Types: "string", Required: true, Max: 255}, {Name: "ram", Types: "integer string", Required: true},
	{Name: "vcpus", Types: "integer string", Required: true}, {Name: "disk", Types: "integer string", Required: true}, {Name: "swap", Types: "integer string", Default: ""},
	{Name: "OS-FLV-EXT-DATA:ephemeral", Types: "integer string", Default: core.Integer(0)}, {Name: "OS-FLV-DISABLED:disabled", Default: false},
	{Name: "os-flavor-access:is_public", Types: "boolean string", Default: true}, {Name: "rxtx_factor", Types: "number string", Default: core.Integer(1)},
	{Name: "description", Types: "string null"}, {Name: "extra_specs", Default: map[string]any{}},
}

func (n *Nova) makeFlavor(ctx context.Context, given core.Resource) (core.Resource, error) {
	made := flavorFields.New()
	for name, value := range given {
		made[name] = value
	}
	if id := made.Text("id"); id == "" || id == "auto" {
		made["id"] = n.cloud.UUID()
	}
	if n.flavors.Find(func(f core.Resource) bool { return f["id"] == made["id"] }) != nil {
		return nil, core.Errorf(http.StatusConflict, "Flavor with ID %s already exists.", made["id"])
	}
	if n.flavors.Find(core.Where("name", made["name"])) != nil {
		return nil, core.Errorf(http.StatusConflict, "Flavor with name %s already exists.", made["name"])
	}
	n.flavors.Put(ctx, made)
	return made, nil
}

func (n *Nova) flavorRoutes() []core.Route {
	const path = "/v2.1/flavors"
	find := func(r *core.Request) (core.Resource, error) {
		if found := n.flavors.Get(r.PathValue("id")); found != nil {
			return found, nil
		}
		return nil, notFound("Flavor %s could not be found.", r.PathValue("id"))
	}
	view := func(r *core.Request, flavor core.Resource) map[string]any {
		shown := map[string]any(flavor.Clone())
		if r.Minor < 61 {
			delete(shown, "extra_specs")
		}
		if r.Minor < 55 {
			delete(shown, "description")
		}
		shown["links"] = links(r, "flavors/"+flavor.Text("id"))
		return shown
	}
	list := func(detail bool) func(*core.Request) (*core.Answer, error) {
		return func(r *core.Request) (*core.Answer, error) {
			found := n.flavors.All()
			core.Sort(found, "id", false)
			page, next, err := r.Limited(found, "id")
			if err != nil {
				return nil, err
			}
			shown := []any{}
			for _, flavor := range page {
				if detail {
					shown = append(shown, view(r, flavor))
				} else {
					shown = append(shown, map[string]any{"id": flavor["id"], "name": flavor["name"], "links": links(r, "flavors/"+flavor.Text("id"))})
				}
			}
			body := map[string]any{"flavors": shown}
			if next != "" {
				body["flavors_links"] = []any{map[string]any{"rel": "next", "href": next}}
			}
			return core.OK(body)
		}
	}
	return []core.Route{
		{Method: "GET", Path: path, Do: list(false)},
		{Method: "GET", Path: path + "/detail", Do: list(true)},
		{Method: "POST", Path: path, Do: func(r *core.Request) (*core.Answer, error) {
			given, err := r.Inner("flavor")
			if err != nil {
				return nil, err
			}
			if wrong := flavorFields.Check(given, true); wrong != nil {
				return nil, core.Invalid(wrong)
			}
			made, err := n.makeFlavor(r.Context(), given)
			if err != nil {
				return nil, err
			}
			return core.OK(map[string]any{"flavor": view(r, made)})
		}},
		{Method: "GET", Path: path + "/{id}", Do: func(r *core.Request) (*core.Answer, error) {
			found, err := find(r)
			if err != nil {
				return nil, err
			}
			return core.OK(map[string]any{"flavor": view(r, found)})
		}},
		{Method: "DELETE", Path: path + "/{id}", Do: func(r *core.Request) (*core.Answer, error) {
			found, err := find(r)
			if err != nil {
				return nil, err
			}
			n.flavors.Delete(r.Context(), found.Text("id"))
			return core.Accepted(nil)
		}},
		{Method: "GET", Path: path + "/{id}/os-extra_specs", Do: func(r *core.Request) (*core.Answer, error) {
			found, err := find(r)
			if err != nil {
				return nil, err
			}
			return core.OK(map[string]any{"extra_specs": found["extra_specs"]})
		}},
		{Method: "POST", Path: path + "/{id}/os-extra_specs", Do: func(r *core.Request) (*core.Answer, error) {
			found, err := find(r)
			if err != nil {
				return nil, err
			}
			given, err := r.Inner("extra_specs")
			if err == nil {
				err = checkMetadata(given)
			}
			if err != nil {
				return nil, err
			}
			changed := found.Clone()
			for name, value := range given {
				changed.Object("extra_specs")[name] = value
			}
			n.flavors.Put(r.Context(), changed)
			return core.OK(map[string]any{"extra_specs": map[string]any(given)})
		}},
		{Method: "DELETE", Path: path + "/{id}/os-extra_specs/{key}", Do: func(r *core.Request) (*core.Answer, error) {
			found, err := find(r)
			if err != nil {
				return nil, err
			}
			changed := found.Clone()
			if _, has := changed.Object("extra_specs")[r.PathValue("key")]; !has {
				return nil, notFound("Flavor %s has no extra specs with key %s.", found["id"], r.PathValue("key"))
			}
			delete(changed.Object("extra_specs"), r.PathValue("key"))
			n.flavors.Put(r.Context(), changed)
			return &core.Answer{Status: http.StatusOK}, nil
		}},
	}
}

// otherRoutes are what clients ask for beside servers and flavors.
func (n *Nova) otherRoutes() []core.Route {
	fixed := func(path string, body map[string]any) core.Route {
		return core.Route{Method: "GET", Path: "/v2.1/" + path, Note: "always the same", Do: func(*core.Request) (*core.Answer, error) { return core.OK(body) }}
	}
	hypervisors := func(detail bool) func(*core.Request) (*core.Answer, error) {
		return func(r *core.Request) (*core.Answer, error) {
			shown := []any{}
			for _, node := range n.nodes.All() {
				one := map[string]any{"id": node["uuid"], "hypervisor_hostname": node["uuid"], "state": "up", "status": "enabled"}
				if detail {
					one["hypervisor_type"], one["host_ip"], one["service"], one["uptime"] = "ironic", "192.0.2.1", map[string]any{"id": computeHost, "host": computeHost, "disabled_reason": nil}, nil
				}
				shown = append(shown, one)
			}
			return core.OK(map[string]any{"hypervisors": shown})
		}
	}
	return []core.Route{
		{Method: "GET", Path: "/v2.1/os-hypervisors", Note: "Ironic's nodes", Do: hypervisors(false)},
		{Method: "GET", Path: "/v2.1/os-hypervisors/detail", Note: "Ironic's nodes", Do: hypervisors(true)},
		{Method: "GET", Path: "/v2.1/os-keypairs", Do: func(*core.Request) (*core.Answer, error) {
			shown := []any{}
			for _, key := range n.keys.All() {
				shown = append(shown, map[string]any{"keypair": map[string]any(key)})
			}
			return core.OK(map[string]any{"keypairs": shown})
		}},
		{Method: "POST", Path: "/v2.1/os-keypairs", Note: "the public key is given; none is generated", Do: func(r *core.Request) (*core.Answer, error) {
			given, err := r.Inner("keypair")
			if err != nil {
				return nil, err
			}
			if wrong := (core.Fields{{Name: "name", Types: "string", Required: true, Max: 255}, {Name: "public_key", Types: "string", Required: true}}).CheckKnown(given, true); wrong != nil {
				return nil, core.Invalid(wrong)
			}
			if n.keys.Get(given.Text("name")) != nil {
				return nil, core.Errorf(http.StatusConflict, "Key pair '%s' already exists.", given.Text("name"))
			}
			made := core.Resource{"name": given["name"], "public_key": given["public_key"], "fingerprint": "", "type": "ssh", "user_id": r.Caller.UserID}
			n.keys.Put(r.Context(), made)
			return core.OK(map[string]any{"keypair": map[string]any(made)})
		}},
		{Method: "DELETE", Path: "/v2.1/os-keypairs/{name}", Do: func(r *core.Request) (*core.Answer, error) {
			if n.keys.Get(r.PathValue("name")) == nil {
				return nil, notFound("Keypair %s not found for user %s", r.PathValue("name"), r.Caller.UserID)
			}
			n.keys.Delete(r.Context(), r.PathValue("name"))
			return core.NoContent()
		}},
		fixed("os-services", map[string]any{"services": []any{map[string]any{"id": "1", "binary": "nova-compute", "host": computeHost, "zone": "nova", "status": "enabled", "state": "up", "disabled_reason": nil, "forced_down": false, "updated_at": nil}}}),
		fixed("os-availability-zone", map[string]any{"availabilityZoneInfo": []any{map[string]any{"zoneName": "nova", "zoneState": map[string]any{"available": true}, "hosts": nil}}}),
		fixed("os-aggregates", map[string]any{"aggregates": []any{}}),
		fixed("os-server-groups", map[string]any{"server_groups": []any{}}),
		fixed("limits", map[string]any{"limits": map[string]any{"rate": []any{}, "absolute": map[string]any{"maxTotalInstances": -1, "maxTotalCores": -1, "maxTotalRAMSize": -1, "maxServerMeta": 128}}}),
		fixed("extensions", map[string]any{"extensions": []any{}}),
	}
}
