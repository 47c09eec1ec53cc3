package neutron

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/eventrig/eventrig/simulators/openstack/core"
)

func fault(status int, kind, format string, arguments ...any) *core.Error {
	refusal := core.Errorf(status, format, arguments...)
	refusal.Kind = kind
	return refusal
}

func badRequest(format string, arguments ...any) error {
	return fault(http.StatusBadRequest, "HTTPBadRequest", format, arguments...)
}

func invalid(format string, arguments ...any) error {
	return fault(http.StatusBadRequest, "InvalidInput", format, arguments...)
}

func (k kind) notFound(id string) error {
	return fault(http.StatusNotFound, k.fault, k.missing, id)
}

// decode reads {"SINGULAR": {...}} (neutron/api/v2/base.py, prepare_request_body), or a list of such.
func decode(r *core.Request, k kind) (one core.Resource, several []core.Resource, err error) {
	value, ok := r.JSON()
	if !ok {
		return nil, nil, badRequest("Malformed request body: Cannot understand JSON.")
	}
	body, ok := value.(map[string]any)
	if !ok || len(body) == 0 {
		return nil, nil, badRequest("Resource body required")
	}
	if items, bulk := body[k.plural].([]any); bulk {
		for _, item := range items {
			inner, ok := item.(map[string]any)
			if !ok {
				return nil, nil, badRequest("Unable to find '%s' in request body", k.singular)
			}
			several = append(several, inner)
		}
		if len(several) == 0 {
			return nil, nil, badRequest("Resources required")
		}
		return nil, several, nil
	}
	inner, ok := body[k.singular].(map[string]any)
	if !ok {
		return nil, nil, badRequest("Unable to find '%s' in request body", k.singular)
	}
	return inner, nil, nil
}

// convert holds what a client gave against the table (neutron_lib/api/attributes.py) and writes it as Neutron keeps it.
func (k kind) convert(given core.Resource, creating bool) error {
	verb := map[bool]string{true: "POST", false: "PUT"}[creating]
	var unknown []string
	for name := range given {
		field, known := k.fields.Find(name)
		switch {
		case !known:
			unknown = append(unknown, name)
		case field.Types == "" || (field.Fixed && !creating):
			if creating {
				return badRequest("Attribute '%s' not allowed in %s", name, verb)
			}
			return badRequest("Cannot update read-only attribute %s", name)
		}
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		return badRequest("Unrecognized attribute(s) '%s'", strings.Join(unknown, "', '"))
	}
	for _, field := range k.fields {
		value, has := given[field.Name]
		if !has {
			if creating && field.Required {
				return badRequest("Failed to parse request. Required attribute '%s' not specified", field.Name)
			}
			continue
		}
		converted, err := convert(field, value)
		if err != nil {
			return err
		}
		given[field.Name] = converted
	}
	return nil
}

func convert(field core.Field, value any) (any, error) {
	reason := func(format string, arguments ...any) error {
		return fault(http.StatusBadRequest, "HTTPBadRequest", "Invalid input for %s. Reason: %s.", field.Name, fmt.Sprintf(format, arguments...))
	}
	wrong := field.Check(value)
	switch {
	case field.Types == truth && value != nil:
		truth, ok := core.Boolean(core.Str(value))
		if !ok {
			return nil, reason("'%s' cannot be converted to boolean", core.Str(value))
		}
		return truth, nil
	case (field.Types == integer || field.Types == "integer string") && value != nil:
		number, ok := whole(value)
		if !ok {
			return nil, reason("'%s' is not an integer", core.Str(value))
		}
		return number, nil
	case wrong == nil:
		return value, nil
	case wrong.Keyword == "maxLength":
		return nil, reason("'%s' exceeds maximum length of %d", core.Str(value), field.Max)
	case wrong.Keyword == "enum":
		return nil, reason("'%s' is not in %s", core.Str(value), core.Repr(texts(field.Enum)))
	case strings.HasPrefix(field.Types, "array"):
		return nil, reason("'%s' is not a list", core.Str(value))
	case strings.HasPrefix(field.Types, "object"):
		return nil, reason("'%s' is not a dictionary", core.Str(value))
	default:
		return nil, reason("'%s' is not a valid string", core.Str(value))
	}
}

func texts(values []string) []any {
	list := make([]any, len(values))
	for i, value := range values {
		list[i] = value
	}
	return list
}

// make creates a resource without notifications about the request: what the API and worlds have in common.
func (n *Neutron) make(ctx context.Context, caller *core.Caller, k kind, given core.Resource) (core.Resource, error) {
	made := k.fields.New()
	for name, value := range given {
		made[name] = value
	}
	if made["id"] == nil {
		made["id"] = n.cloud.UUID()
	} else if n.tables[k.plural].Get(made.Text("id")) != nil {
		return nil, fault(http.StatusConflict, "Conflict", "%s %s already exists.", k.singular, made["id"])
	}
	owner := made["project_id"]
	if owner == nil {
		owner = made["tenant_id"]
	}
	if _, owned := k.fields.Find("project_id"); owned {
		if owner == nil {
			owner = ""
			if caller != nil {
				owner = caller.ProjectID
			}
		}
		made["project_id"], made["tenant_id"] = owner, owner
	}
	if err := n.complete(ctx, k, made); err != nil {
		return nil, err
	}
	now := n.cloud.Now().Format("2006-01-02T15:04:05Z")
	if made["created_at"] == nil {
		made["created_at"], made["updated_at"] = now, now
	}
	n.tables[k.plural].Put(ctx, made)
	n.after(ctx, k, made)
	return made, nil
}

// CreatePort makes a port for another service, which asks through the API as everybody does.
func (n *Neutron) CreatePort(ctx context.Context, caller *core.Caller, given core.Resource) (core.Resource, error) {
	k := kindOf("ports")
	tell := func(operation string, port core.Resource) {
		n.cloud.Notify(ctx, core.Event{Name: "neutron/port." + operation, Payload: map[string]any{"port": map[string]any(port)}, Caller: caller})
	}
	tell("create.start", given)
	made, err := n.make(ctx, caller, k, given)
	if err == nil {
		tell("create.end", made)
	}
	return made, err
}

// DeletePort deletes a port for another service.
func (n *Neutron) DeletePort(ctx context.Context, caller *core.Caller, id string) {
	port := n.tables["ports"].Get(id)
	if port == nil {
		return
	}
	tell := func(operation string, payload map[string]any) {
		payload["port_id"] = id
		n.cloud.Notify(ctx, core.Event{Name: "neutron/port." + operation, Payload: payload, Caller: caller})
	}
	tell("delete.start", map[string]any{})
	n.tables["ports"].Delete(ctx, id)
	tell("delete.end", map[string]any{"port": map[string]any(port)})
}

// ChangePort changes a port for another service, which asks through the API as everybody does.
func (n *Neutron) ChangePort(ctx context.Context, caller *core.Caller, id string, fields core.Resource) error {
	k := kindOf("ports")
	port := n.tables["ports"].Get(id)
	if port == nil {
		return k.notFound(id)
	}
	tell := func(operation string, payload map[string]any) {
		n.cloud.Notify(ctx, core.Event{Name: "neutron/port." + operation, Payload: payload, Caller: caller})
	}
	told := fields.Clone()
	told["id"] = id
	tell("update.start", map[string]any{"port": map[string]any(told), "id": id})
	changed := port.Clone()
	for name, value := range fields {
		changed[name] = value
	}
	if err := n.completeUpdate(ctx, k, changed, port); err != nil {
		return err
	}
	n.touch(changed)
	n.tables["ports"].Put(ctx, changed)
	tell("update.end", map[string]any{"port": n.view(k, changed)})
	return nil
}

// PortsOf are the ports of a device.
func (n *Neutron) PortsOf(device string) []core.Resource {
	return n.tables["ports"].All(core.Where("device_id", device))
}

// Bind gives a port to a device, on a host where one is known, as Nova does when it plugs the port.
func (n *Neutron) Bind(ctx context.Context, caller *core.Caller, id, device, owner, host string) error {
	port := n.tables["ports"].Get(id)
	if port == nil {
		return kindOf("ports").notFound(id)
	}
	if holder := port.Text("device_id"); holder != "" && holder != device {
		return fault(http.StatusConflict, "PortInUse", "Port %s is still in use.", id)
	}
	return n.ChangePort(ctx, caller, id, core.Resource{"device_id": device, "device_owner": owner, "binding:host_id": host})
}

// NetworkName is the name of a network.
func (n *Neutron) NetworkName(id string) string { return n.tables["networks"].Get(id).Text("name") }

// HasNetwork says whether there is such a network.
func (n *Neutron) HasNetwork(id string) bool { return n.tables["networks"].Get(id) != nil }

func (n *Neutron) notify(r *core.Request, k kind, operation string, payload map[string]any) {
	n.cloud.Notify(r.Context(), core.Event{Name: "neutron/" + k.singular + "." + operation, Payload: payload, Caller: r.Caller})
}

func (n *Neutron) routes(k kind) []core.Route {
	path := "/v2.0/" + k.path()
	table := n.tables[k.plural]
	find := func(r *core.Request) (core.Resource, error) {
		found := table.Get(r.PathValue("id"))
		if found == nil {
			return nil, k.notFound(r.PathValue("id"))
		}
		return found, nil
	}
	routes := []core.Route{
		{Method: "GET", Path: path, Do: func(r *core.Request) (*core.Answer, error) { return n.list(r, k) }},
		{Method: "GET", Path: path + "/{id}", Do: func(r *core.Request) (*core.Answer, error) {
			found, err := find(r)
			if err != nil {
				return nil, err
			}
			return core.OK(map[string]any{k.singular: chosen(n.view(k, found), r.URL.Query()["fields"])})
		}},
		{Method: "PUT", Path: path + "/{id}", Do: func(r *core.Request) (*core.Answer, error) {
			given, _, err := decode(r, k)
			if err != nil {
				return nil, err
			}
			found, err := find(r)
			if err != nil {
				return nil, err
			}
			if err := k.convert(given, false); err != nil {
				return nil, err
			}
			told := given.Clone()
			told["id"] = found["id"]
			n.notify(r, k, "update.start", map[string]any{k.singular: map[string]any(told), "id": found["id"]})
			changed := found.Clone()
			for name, value := range given {
				changed[name] = value
			}
			if err := n.completeUpdate(r.Context(), k, changed, found); err != nil {
				return nil, err
			}
			n.touch(changed)
			table.Put(r.Context(), changed)
			n.after(r.Context(), k, changed)
			shown := n.view(k, changed)
			n.notify(r, k, "update.end", map[string]any{k.singular: shown})
			return core.OK(map[string]any{k.singular: shown})
		}},
		{Method: "DELETE", Path: path + "/{id}", Do: func(r *core.Request) (*core.Answer, error) {
			found, err := find(r)
			if err != nil {
				return nil, err
			}
			id := found["id"]
			n.notify(r, k, "delete.start", map[string]any{k.singular + "_id": id})
			if err := n.release(r.Context(), k, found); err != nil {
				return nil, err
			}
			shown := n.view(k, found)
			table.Delete(r.Context(), found.Text("id"))
			n.after(r.Context(), k, found)
			n.notify(r, k, "delete.end", map[string]any{k.singular + "_id": id, k.singular: shown})
			return core.NoContent()
		}},
	}
	if k.readOnly {
		return routes
	}
	return append(routes, core.Route{Method: "POST", Path: path, Do: func(r *core.Request) (*core.Answer, error) {
		one, several, err := decode(r, k)
		if err != nil {
			return nil, err
		}
		given, key := several, k.plural
		if one != nil {
			given, key = []core.Resource{one}, k.singular
		}
		for _, fields := range given {
			if err := k.convert(fields, true); err != nil {
				return nil, err
			}
		}
		shape := func(items []any) map[string]any {
			if one != nil {
				return map[string]any{key: items[0]}
			}
			return map[string]any{key: items}
		}
		asked := make([]any, len(given))
		for i, fields := range given {
			asked[i] = map[string]any(fields.Clone())
		}
		n.notify(r, k, "create.start", shape(asked))
		restore := func() {}
		if len(given) > 1 {
			restore = n.cloud.Snapshot() // a list is made wholly or not at all
		}
		var shown []any
		for _, fields := range given {
			made, err := n.make(r.Context(), r.Caller, k, fields)
			if err != nil {
				restore()
				return nil, err
			}
			shown = append(shown, n.view(k, n.tables[k.plural].Get(made.Text("id"))))
		}
		n.notify(r, k, "create.end", shape(shown))
		return core.Created(shape(shown))
	}})
}

// touch notes a change in the resource's revision and time.
func (n *Neutron) touch(changed core.Resource) {
	changed["updated_at"] = n.cloud.Now().Format("2006-01-02T15:04:05Z")
	changed["revision_number"] = core.Integer(changed.Integer("revision_number") + 1)
}

// view is what the API shows of a resource.
func (n *Neutron) view(k kind, found core.Resource) map[string]any {
	shown := map[string]any(found.Clone())
	switch k.singular {
	case "subnet":
		delete(shown, "use_default_subnetpool")
		delete(shown, "prefixlen")
	case "security_group":
		rules := []any{}
		for _, rule := range n.tables["security_group_rules"].All(core.Where("security_group_id", found["id"])) {
			rules = append(rules, map[string]any(rule))
		}
		shown["security_group_rules"] = rules
	}
	return shown
}

func chosen(shown map[string]any, fields []string) map[string]any {
	if len(fields) == 0 {
		return shown
	}
	picked := map[string]any{}
	for _, name := range fields {
		if value, has := shown[name]; has {
			picked[name] = value
		}
	}
	return picked
}
