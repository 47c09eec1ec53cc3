package nova

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/eventrig/eventrig/simulators/openstack/core"
)

// serverFields are what is kept of a server; addresses and flavor are written when it is shown.
var serverFields = core.Fields{
	{Name: "id"}, {Name: "name", Types: "string", Required: true, Max: 255}, {Name: "status", Default: "ACTIVE"}, {Name: "project_id"}, {Name: "user_id"},
	{Name: "metadata", Types: "object", Default: map[string]any{}}, {Name: "flavor_id", Default: "1"}, {Name: "image_id"}, {Name: "key_name", Types: "string null"},
	{Name: "description", Types: "string null"}, {Name: "config_drive", Default: ""}, {Name: "host", Default: computeHost}, {Name: "node"},
	{Name: "availability_zone", Default: "nova"}, {Name: "power_state", Default: core.Integer(1)}, {Name: "vm_state", Default: "active"}, {Name: "task_state"},
	{Name: "created"}, {Name: "updated"}, {Name: "launched_at"}, {Name: "locked", Default: false}, {Name: "fault"},
	{Name: "addresses", Default: map[string]any{}}, // of a world's server without ports
}

// createFields are those of POST /servers that are read (nova/api/openstack/compute/schemas/servers.py).
var createFields = core.Fields{
	{Name: "name", Types: "string", Required: true, Max: 255}, {Name: "flavorRef", Types: "string integer", Required: true}, {Name: "imageRef", Types: "string"},
	{Name: "metadata", Types: "object"}, {Name: "networks", Types: "array string"}, {Name: "key_name", Types: "string null"}, {Name: "description", Types: "string null"},
	{Name: "availability_zone", Types: "string"}, {Name: "config_drive", Types: "boolean string"},
}

func notFound(format string, arguments ...any) error {
	return core.Errorf(http.StatusNotFound, format, arguments...)
}

func (n *Nova) find(r *core.Request) (core.Resource, error) {
	if found := n.servers.Get(r.PathValue("id")); found != nil {
		return found, nil
	}
	return nil, notFound("Instance %s could not be found.", r.PathValue("id"))
}

func (n *Nova) stamp(made core.Resource) {
	now := n.cloud.Now().Format("2006-01-02T15:04:05Z")
	for _, name := range []string{"created", "updated"} {
		if made[name] == nil {
			made[name] = now
		}
	}
	if made["launched_at"] == nil {
		made["launched_at"] = n.cloud.Now().Format("2006-01-02T15:04:05.000000")
	}
}

func (n *Nova) serverRoutes() []core.Route {
	const path = "/v2.1/servers"
	return []core.Route{
		{Method: "GET", Path: path, Do: func(r *core.Request) (*core.Answer, error) { return n.listServers(r, false) }},
		{Method: "GET", Path: path + "/detail", Do: func(r *core.Request) (*core.Answer, error) { return n.listServers(r, true) }},
		{Method: "POST", Path: path, Do: n.createServer},
		{Method: "GET", Path: path + "/{id}", Do: func(r *core.Request) (*core.Answer, error) {
			found, err := n.find(r)
			if err != nil {
				return nil, err
			}
			return core.OK(map[string]any{"server": n.view(r, found)})
		}},
		{Method: "PUT", Path: path + "/{id}", Do: func(r *core.Request) (*core.Answer, error) {
			found, err := n.find(r)
			if err != nil {
				return nil, err
			}
			given, err := r.Inner("server")
			if err != nil {
				return nil, err
			}
			fields := core.Fields{{Name: "name", Types: "string", Max: 255}, {Name: "description", Types: "string null", Max: 255}}
			if wrong := fields.CheckKnown(given, false); wrong != nil {
				return nil, core.Invalid(wrong)
			}
			changed := found.Clone()
			for _, name := range []string{"name", "description"} {
				if value, has := given[name]; has {
					changed[name] = value
				}
			}
			n.save(r.Context(), r.Caller, changed)
			return core.OK(map[string]any{"server": n.view(r, changed)})
		}},
		{Method: "DELETE", Path: path + "/{id}", Do: func(r *core.Request) (*core.Answer, error) {
			found, err := n.find(r)
			if err != nil {
				return nil, err
			}
			n.terminate(r.Context(), r.Caller, found)
			return core.NoContent()
		}},
		{Method: "POST", Path: path + "/{id}/action", Note: "os-start, os-stop, reboot, rebuild, lock, unlock, pause, unpause, suspend, resume, os-resetState", Do: n.act},
		{Method: "GET", Path: path + "/{id}/ips", Do: func(r *core.Request) (*core.Answer, error) {
			found, err := n.find(r)
			if err != nil {
				return nil, err
			}
			return core.OK(map[string]any{"addresses": n.addresses(found)})
		}},
		{Method: "GET", Path: path + "/{id}/os-interface", Do: func(r *core.Request) (*core.Answer, error) {
			found, err := n.find(r)
			if err != nil {
				return nil, err
			}
			shown := []any{}
			for _, port := range n.network.PortsOf(found.Text("id")) {
				shown = append(shown, map[string]any{"port_id": port["id"], "net_id": port["network_id"], "mac_addr": port["mac_address"], "port_state": port["status"], "fixed_ips": port["fixed_ips"]})
			}
			return core.OK(map[string]any{"interfaceAttachments": shown})
		}},
		{Method: "GET", Path: path + "/{id}/os-volume_attachments", Do: func(r *core.Request) (*core.Answer, error) {
			if _, err := n.find(r); err != nil {
				return nil, err
			}
			return core.OK(map[string]any{"volumeAttachments": []any{}})
		}},
	}
}

func (n *Nova) listServers(r *core.Request, detail bool) (*core.Answer, error) {
	query := r.URL.Query()
	everybody, _ := core.Boolean(query.Get("all_tenants"))
	found := n.servers.All(func(s core.Resource) bool {
		if !everybody && s.Text("project_id") != r.Caller.ProjectID {
			return false
		}
		for name, field := range map[string]string{"status": "status", "host": "host", "uuid": "id", "project_id": "project_id", "tenant_id": "project_id", "node": "node"} {
			if query.Has(name) && !strings.EqualFold(s.Text(field), query.Get(name)) && !(name == "tenant_id" || name == "project_id") {
				return false
			}
			if (name == "tenant_id" || name == "project_id") && query.Has(name) && s.Text("project_id") != query.Get(name) {
				return false
			}
		}
		return !query.Has("name") || strings.Contains(s.Text("name"), query.Get("name"))
	})
	slices.Reverse(found) // the newest first
	if key := query.Get("sort_key"); key != "" {
		core.Sort(found, map[string]string{"display_name": "name", "created_at": "created", "uuid": "id"}[key], query.Get("sort_dir") != "asc")
	}
	page, next, err := r.Limited(found, "id")
	if err != nil {
		return nil, err
	}
	shown := []any{}
	for _, server := range page {
		if detail {
			shown = append(shown, n.view(r, server))
		} else {
			shown = append(shown, map[string]any{"id": server["id"], "name": server["name"], "links": links(r, "servers/"+server.Text("id"))})
		}
	}
	body := map[string]any{"servers": shown}
	if next != "" {
		body["servers_links"] = []any{map[string]any{"rel": "next", "href": next}}
	}
	return core.OK(body)
}

// save stores a changed server and tells compute.instance.update.
func (n *Nova) save(ctx context.Context, caller *core.Caller, changed core.Resource) {
	changed["updated"] = n.cloud.Now().Format("2006-01-02T15:04:05Z")
	n.servers.Put(ctx, changed)
	n.tell(ctx, caller, "update", changed, changed.Text("vm_state"), "")
}
