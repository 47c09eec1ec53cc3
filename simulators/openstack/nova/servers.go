package nova

import (
	"cmp"

	"net/http"
	"net/netip"
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
	{Name: "created"}, {Name: "updated"}, {Name: "launched_at"}, {Name: "locked", Default: false},
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

// view is a server as the API shows it.
func (n *Nova) view(r *core.Request, server core.Resource) map[string]any {
	id := server.Text("id")
	shown := map[string]any{
		"id": id, "name": server["name"], "status": server["status"], "tenant_id": server["project_id"], "user_id": server["user_id"],
		"metadata": server["metadata"], "hostId": "", "created": server["created"], "updated": server["updated"], "accessIPv4": "", "accessIPv6": "",
		"addresses": n.addresses(server), "config_drive": server["config_drive"], "key_name": server["key_name"], "progress": 0, "image": "",
		"OS-DCF:diskConfig": "MANUAL", "OS-EXT-AZ:availability_zone": server["availability_zone"], "OS-EXT-STS:power_state": server["power_state"],
		"OS-EXT-STS:task_state": server["task_state"], "OS-EXT-STS:vm_state": server["vm_state"], "OS-SRV-USG:launched_at": server["launched_at"],
		"OS-SRV-USG:terminated_at": nil, "OS-EXT-SRV-ATTR:host": server["host"], "OS-EXT-SRV-ATTR:hypervisor_hostname": server["node"],
		"OS-EXT-SRV-ATTR:instance_name": "instance-" + id[:min(8, len(id))], "os-extended-volumes:volumes_attached": []any{}, "security_groups": []any{map[string]any{"name": "default"}},
		"links": links(r, "servers/"+id),
	}
	if image := server.Text("image_id"); image != "" {
		shown["image"] = map[string]any{"id": image, "links": []any{map[string]any{"rel": "bookmark", "href": r.Base() + "/images/" + image}}}
	}
	flavor := n.flavors.Get(server.Text("flavor_id"))
	shown["flavor"] = map[string]any{"id": server["flavor_id"], "links": []any{map[string]any{"rel": "bookmark", "href": r.Base() + "/flavors/" + server.Text("flavor_id")}}}
	if r.Minor >= 47 {
		shown["flavor"] = map[string]any{"original_name": cmp.Or(flavor.Text("name"), server.Text("flavor_id")), "ram": flavor["ram"], "vcpus": flavor["vcpus"], "disk": flavor["disk"],
			"ephemeral": flavor["OS-FLV-EXT-DATA:ephemeral"], "swap": 0, "extra_specs": flavor["extra_specs"]}
	}
	for since, add := range map[int]map[string]any{
		3:  {"OS-EXT-SRV-ATTR:hostname": server["name"], "OS-EXT-SRV-ATTR:kernel_id": "", "OS-EXT-SRV-ATTR:ramdisk_id": "", "OS-EXT-SRV-ATTR:launch_index": 0, "OS-EXT-SRV-ATTR:reservation_id": "", "OS-EXT-SRV-ATTR:root_device_name": nil, "OS-EXT-SRV-ATTR:user_data": nil},
		9:  {"locked": server["locked"]},
		19: {"description": server["description"]},
		26: {"tags": []any{}},
	} {
		if r.Minor >= since {
			for name, value := range add {
				shown[name] = value
			}
		}
	}
	return shown
}

// addresses are an object, also where there are none: null crashes openstacksdk.
func (n *Nova) addresses(server core.Resource) map[string]any {
	ports := n.network.PortsOf(server.Text("id"))
	if len(ports) == 0 {
		if given := server.Object("addresses"); given != nil {
			return given
		}
	}
	shown := map[string]any{}
	for _, port := range ports {
		name := n.network.NetworkName(port.Text("network_id"))
		list, _ := shown[name].([]any)
		for _, fixed := range port.List("fixed_ips") {
			object, _ := fixed.(map[string]any)
			version := 4
			if at, err := netip.ParseAddr(core.Str(object["ip_address"])); err == nil && at.Is6() {
				version = 6
			}
			list = append(list, map[string]any{"addr": object["ip_address"], "version": version, "OS-EXT-IPS:type": "fixed", "OS-EXT-IPS-MAC:mac_addr": port["mac_address"]})
		}
		if list == nil {
			list = []any{}
		}
		shown[name] = list
	}
	return shown
}

func links(r *core.Request, path string) []any {
	return []any{map[string]any{"rel": "self", "href": r.Base() + "/v2.1/" + path}, map[string]any{"rel": "bookmark", "href": r.Base() + "/" + path}}
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
			n.save(r, changed)
			return core.OK(map[string]any{"server": n.view(r, changed)})
		}},
		{Method: "DELETE", Path: path + "/{id}", Do: func(r *core.Request) (*core.Answer, error) {
			found, err := n.find(r)
			if err != nil {
				return nil, err
			}
			// nova/compute/manager.py, _delete_instance and _shutdown_instance
			n.tell(r, "delete.start", found, "active", "deleting")
			n.tell(r, "shutdown.start", found, "active", "deleting")
			for _, port := range n.network.PortsOf(found.Text("id")) {
				n.network.DeletePort(r.Context(), r.Caller, port.Text("id"))
			}
			n.tell(r, "shutdown.end", found, "active", "deleting")
			n.servers.Delete(r.Context(), found.Text("id"))
			n.tell(r, "delete.end", found, "deleted", "")
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

func (n *Nova) createServer(r *core.Request) (*core.Answer, error) {
	given, err := r.Inner("server")
	if err != nil {
		return nil, err
	}
	if wrong := createFields.CheckKnown(given, true); wrong != nil {
		return nil, core.Invalid(wrong)
	}
	if strings.TrimSpace(given.Text("name")) == "" {
		return nil, core.Errorf(http.StatusBadRequest, "Invalid input for field/attribute name. Value: %s. '%s' is too short", given.Text("name"), given.Text("name"))
	}
	reference := core.Str(given["flavorRef"])
	flavor := n.flavors.Get(reference[strings.LastIndex(reference, "/")+1:])
	if flavor == nil {
		return nil, core.Errorf(http.StatusBadRequest, "Flavor %s could not be found.", reference)
	}
	made := serverFields.New()
	made["id"], made["name"], made["project_id"], made["user_id"] = n.cloud.UUID(), given["name"], r.Caller.ProjectID, r.Caller.UserID
	made["flavor_id"] = flavor["id"]
	for from, to := range map[string]string{"metadata": "metadata", "imageRef": "image_id", "key_name": "key_name", "description": "description", "availability_zone": "availability_zone"} {
		if given[from] != nil {
			made[to] = given[from]
		}
	}
	if err := checkMetadata(made.Object("metadata")); err != nil {
		return nil, err
	}
	networks, _ := given["networks"].([]any)
	for _, one := range networks {
		object, ok := one.(map[string]any)
		if !ok {
			return nil, core.Errorf(http.StatusBadRequest, "Invalid input for field/attribute networks. Value: %s. %s is not of type 'object'", core.Str(one), core.Repr(one))
		}
		if id, has := object["uuid"].(string); has && !n.network.HasNetwork(id) {
			return nil, core.Errorf(http.StatusBadRequest, "Network %s could not be found.", id)
		}
	}
	n.stamp(made)
	id := made.Text("id")
	if node := n.nodes.Find(func(node core.Resource) bool {
		return node["provision_state"] == "available" && node["instance_uuid"] == nil && !node.Flag("maintenance")
	}); node != nil {
		made["node"] = node["uuid"]
	}
	n.tell(r, "create.start", made, "building", "")
	for _, one := range networks {
		network, _ := one.(map[string]any)
		if port, has := network["port"].(string); has {
			err = n.network.Bind(r.Context(), port, id, "compute:nova", computeHost)
		} else {
			ask := core.Resource{"network_id": network["uuid"], "device_id": id, "device_owner": "compute:nova", "binding:host_id": computeHost, "project_id": r.Caller.ProjectID}
			if fixed, has := network["fixed_ip"]; has {
				ask["fixed_ips"] = []any{map[string]any{"ip_address": fixed}}
			}
			_, err = n.network.CreatePort(r.Context(), r.Caller, ask)
		}
		if err != nil {
			n.tell(r, "create.error", made, "building", "")
			return nil, asBadRequest(err)
		}
	}
	n.servers.Put(r.Context(), made)
	n.tell(r, "update", made, "active", "")
	n.tell(r, "create.end", made, "active", "")
	return core.Accepted(map[string]any{"server": map[string]any{"id": id, "links": links(r, "servers/"+id), "OS-DCF:diskConfig": "MANUAL", "adminPass": n.cloud.Hex()[:12], "security_groups": []any{map[string]any{"name": "default"}}}})
}

// asBadRequest is another service's refusal as Nova passes it on.
func asBadRequest(err error) error {
	return core.Errorf(http.StatusBadRequest, "%s", err.Error())
}

// actions are what POST action does: the notification, the states in which it may be done, and what it changes.
var actions = map[string]struct {
	event string // "" tells nothing
	from  []string
	vm    string // vm_state afterwards; "" leaves it
	shows string // status
	power int
}{
	"os-start": {"power_on", []string{"stopped"}, "active", "ACTIVE", 1}, "os-stop": {"power_off", []string{"active", "error"}, "stopped", "SHUTOFF", 4},
	"reboot": {"reboot", []string{"active", "stopped", "paused", "suspended", "error"}, "active", "ACTIVE", 1}, "rebuild": {"rebuild", []string{"active", "stopped", "error"}, "active", "ACTIVE", 1},
	"pause": {"pause", []string{"active"}, "paused", "PAUSED", 3}, "unpause": {"unpause", []string{"paused"}, "active", "ACTIVE", 1},
	"suspend": {"suspend", []string{"active"}, "suspended", "SUSPENDED", 4}, "resume": {"resume", []string{"suspended"}, "active", "ACTIVE", 1},
	"lock": {}, "unlock": {}, "os-resetState": {},
}

func (n *Nova) act(r *core.Request) (*core.Answer, error) {
	found, err := n.find(r)
	if err != nil {
		return nil, err
	}
	value, ok := r.JSON()
	body, isObject := value.(map[string]any)
	if !ok || !isObject || len(body) != 1 {
		return nil, core.Errorf(http.StatusBadRequest, "Malformed request body")
	}
	for name, argument := range body {
		action, known := actions[name]
		if !known {
			return nil, core.Errorf(http.StatusBadRequest, "There is no such action: %s", name)
		}
		if len(action.from) > 0 && !slices.Contains(action.from, found.Text("vm_state")) {
			return nil, core.Errorf(http.StatusConflict, "Cannot '%s' instance %s while it is in vm_state %s", strings.TrimPrefix(name, "os-"), found["id"], found["vm_state"])
		}
		changed := found.Clone()
		switch name {
		case "lock", "unlock":
			changed["locked"] = name == "lock"
		case "os-resetState":
			object, _ := argument.(map[string]any)
			state, _ := object["state"].(string)
			if state != "active" && state != "error" {
				return nil, core.Errorf(http.StatusBadRequest, "Invalid input for field/attribute state. Value: %s. %s is not one of ['active', 'error']", core.Str(object["state"]), core.Repr(object["state"]))
			}
			changed["vm_state"], changed["status"] = state, strings.ToUpper(state)
		case "rebuild":
			object, _ := argument.(map[string]any)
			if image, ok := object["imageRef"].(string); ok {
				changed["image_id"] = image
			}
		}
		if action.event != "" {
			n.tell(r, action.event+".start", found, found.Text("vm_state"), action.event)
		}
		if action.vm != "" {
			changed["vm_state"], changed["status"], changed["power_state"] = action.vm, action.shows, core.Integer(action.power)
		}
		n.save(r, changed)
		if action.event != "" {
			n.tell(r, action.event+".end", changed, changed.Text("vm_state"), "")
		}
		if name == "rebuild" {
			return core.Accepted(map[string]any{"server": n.view(r, changed)})
		}
	}
	return core.Accepted(nil)
}

// save stores a changed server and tells compute.instance.update.
func (n *Nova) save(r *core.Request, changed core.Resource) {
	changed["updated"] = n.cloud.Now().Format("2006-01-02T15:04:05Z")
	n.servers.Put(r.Context(), changed)
	n.tell(r, "update", changed, changed.Text("vm_state"), "")
}

// tell sends compute.instance.OPERATION with what nova/notifications/base.py, info_from_instance, has of a server.
func (n *Nova) tell(r *core.Request, operation string, server core.Resource, state, task string) {
	flavor := n.flavors.Get(server.Text("flavor_id"))
	text := func(value any) any {
		if value == nil {
			return ""
		}
		return value
	}
	set := map[string]any{}
	for name, value := range map[string]any{
		"tenant_id": server["project_id"], "user_id": server["user_id"], "instance_id": server["id"], "display_name": server["name"],
		"hostname": server["name"], "instance_type": flavor["name"], "instance_flavor_id": server["flavor_id"], "memory_mb": flavor["ram"], "vcpus": flavor["vcpus"],
		"root_gb": flavor["disk"], "disk_gb": flavor["disk"], "host": server["host"], "node": server["node"], "availability_zone": server["availability_zone"],
		"metadata": server["metadata"], "state": state, "state_description": task, "launched_at": text(server["launched_at"]),
		"created_at": strings.NewReplacer("T", " ", "Z", "+00:00").Replace(server.Text("created")),
	} {
		set["payload."+name] = value
	}
	n.cloud.Notify(r.Context(), core.Event{Name: "nova/compute.instance." + operation, Set: set, Caller: r.Caller})
}

func checkMetadata(metadata map[string]any) error {
	for name, value := range metadata {
		if _, ok := value.(string); !ok {
			return core.Errorf(http.StatusBadRequest, "Invalid input for field/attribute %s. Value: %s. %s is not of type 'string'", name, core.Str(value), core.Repr(value))
		}
		if len(name) > 255 {
			return core.Errorf(http.StatusBadRequest, "Invalid input for field/attribute metadata. '%s' is too long", name)
		}
	}
	return nil
}

// metadataRoutes are a server's metadata, all of it and single items.
func (n *Nova) metadataRoutes() []core.Route {
	const path = "/v2.1/servers/{id}/metadata"
	change := func(r *core.Request, do func(metadata map[string]any) (any, error)) (*core.Answer, error) {
		found, err := n.find(r)
		if err != nil {
			return nil, err
		}
		changed := found.Clone()
		body, err := do(changed.Object("metadata"))
		if err != nil {
			return nil, err
		}
		n.save(r, changed)
		if body == nil {
			return core.NoContent()
		}
		return core.OK(body)
	}
	merge := func(replace bool) func(*core.Request) (*core.Answer, error) {
		return func(r *core.Request) (*core.Answer, error) {
			given, err := r.Inner("metadata")
			if err == nil {
				err = checkMetadata(given)
			}
			if err != nil {
				return nil, err
			}
			return change(r, func(metadata map[string]any) (any, error) {
				if replace {
					clear(metadata)
				}
				for name, value := range given {
					metadata[name] = value
				}
				return map[string]any{"metadata": metadata}, nil
			})
		}
	}
	return []core.Route{
		{Method: "GET", Path: path, Do: func(r *core.Request) (*core.Answer, error) {
			found, err := n.find(r)
			if err != nil {
				return nil, err
			}
			return core.OK(map[string]any{"metadata": found["metadata"]})
		}},
		{Method: "POST", Path: path, Do: merge(false)},
		{Method: "PUT", Path: path, Do: merge(true)},
		{Method: "GET", Path: path + "/{key}", Do: func(r *core.Request) (*core.Answer, error) {
			found, err := n.find(r)
			if err != nil {
				return nil, err
			}
			value, has := found.Object("metadata")[r.PathValue("key")]
			if !has {
				return nil, notFound("Metadata item was not found")
			}
			return core.OK(map[string]any{"meta": map[string]any{r.PathValue("key"): value}})
		}},
		{Method: "PUT", Path: path + "/{key}", Do: func(r *core.Request) (*core.Answer, error) {
			given, err := r.Inner("meta")
			if err == nil {
				err = checkMetadata(given)
			}
			if err != nil {
				return nil, err
			}
			return change(r, func(metadata map[string]any) (any, error) {
				value, has := given[r.PathValue("key")]
				if !has {
					return nil, core.Errorf(http.StatusBadRequest, "Request body and URI mismatch")
				}
				metadata[r.PathValue("key")] = value
				return map[string]any{"meta": map[string]any(given)}, nil
			})
		}},
		{Method: "DELETE", Path: path + "/{key}", Do: func(r *core.Request) (*core.Answer, error) {
			return change(r, func(metadata map[string]any) (any, error) {
				if _, has := metadata[r.PathValue("key")]; !has {
					return nil, notFound("Metadata item was not found")
				}
				delete(metadata, r.PathValue("key"))
				return nil, nil
			})
		}},
	}
}
