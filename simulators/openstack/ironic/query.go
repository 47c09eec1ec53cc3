package ironic

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/eventrig/eventrig/simulators/openstack/core"
)

// maxLimit is Ironic's default of [api]max_limit.
const maxLimit = 1000

// list answers with those of all that pass the query's filters, a page of them.
func (i *Ironic) list(r *core.Request, k kind, all []core.Resource, detail bool) (*core.Answer, error) {
	query := r.URL.Query()
	allowed := append([]string{"fields", "detail", "limit", "marker", "sort_key", "sort_dir"}, k.filters...)
	allowed = append(allowed, k.fields.Names(func(f core.Field) bool { return f.Filter })...)
	if k.event == "port" || k.event == "portgroup" {
		allowed = append(allowed, "node_uuid")
	}
	for name := range query {
		if !slices.Contains(allowed, name) {
			return nil, badRequest("Unexpected arguments: %s", name)
		}
	}
	fields := k.summary
	if written := query.Get("detail"); query.Has("detail") {
		if r.Minor < sinceDetailQuery {
			return nil, notAcceptable()
		}
		wanted, ok := core.Boolean(written)
		if !ok {
			return nil, badRequest("Invalid detail: Unrecognized value %s, acceptable values are: '0', '1', 'f', 'false', 'n', 'no', 'off', 'on', 't', 'true', 'y', 'yes'", core.Repr(written))
		}
		detail = detail || wanted
	}
	if detail {
		if query.Has("fields") {
			return nil, badRequest("Can't fetch a subset of fields with 'detail' set")
		}
		fields = nil
	}
	fields, err := k.chosen(r, fields)
	if err != nil {
		return nil, err
	}
	found, err := i.filtered(r, k, all, query)
	if err != nil {
		return nil, err
	}
	page, next, err := k.page(r, found, query)
	if err != nil {
		return nil, err
	}
	shown := make([]any, len(page))
	for at, one := range page {
		shown[at] = k.view(r, one, fields)
	}
	answer := map[string]any{k.plural: shown}
	if next != "" {
		answer["next"] = next
	}
	return core.OK(answer)
}

// page sorts and cuts, and gives the address of the next page.
func (k kind) page(r *core.Request, found []core.Resource, query url.Values) ([]core.Resource, string, error) {
	limit := maxLimit
	if query.Has("limit") {
		given, err := strconv.Atoi(query.Get("limit"))
		if err != nil {
			return nil, "", badRequest("Expected an integer for limit: %s", query.Get("limit"))
		}
		if given <= 0 {
			return nil, "", badRequest("Limit must be positive")
		}
		limit = min(limit, given)
	}
	direction := query.Get("sort_dir")
	if query.Has("sort_dir") && direction != "asc" && direction != "desc" {
		return nil, "", badRequest("Invalid sort direction: %s. Acceptable values are 'asc' or 'desc'", direction)
	}
	key := query.Get("sort_key")
	if key != "" && key != "id" {
		field, known := k.fields.Find(key)
		if !known || strings.HasPrefix(field.Types, "object") || field.Types == "array" {
			return nil, "", badRequest("The sort_key value \"%s\" is invalid for sorting", key)
		}
		if field.Since > r.Minor {
			return nil, "", notAcceptable()
		}
		core.Sort(found, key, direction == "desc")
	} else if direction == "desc" {
		slices.Reverse(found)
	}
	marker := query.Get("marker")
	page, more, ok := core.Page(found, "uuid", marker, limit)
	if !ok {
		if !isUUID(marker) {
			return nil, "", badRequest("Expected UUID for marker: %s", marker)
		}
		return nil, "", k.notFound(marker)
	}
	if !more {
		return page, "", nil
	}
	query.Set("limit", strconv.Itoa(limit))
	query.Set("marker", page[len(page)-1].Text("uuid"))
	return page, r.Base() + r.URL.Path + "?" + query.Encode(), nil
}

// filtered applies the query's filters.
func (i *Ironic) filtered(r *core.Request, k kind, all []core.Resource, query url.Values) ([]core.Resource, error) {
	keep := func(condition func(core.Resource) bool) {
		all = slices.DeleteFunc(all, func(one core.Resource) bool { return !condition(one) })
	}
	boolean := func(name string) (value bool, err error) {
		value, ok := core.Boolean(query.Get(name))
		if !ok {
			err = badRequest("Invalid %s: Unrecognized value %s, acceptable values are: '0', '1', 'f', 'false', 'n', 'no', 'off', 'on', 't', 'true', 'y', 'yes'", name, core.Repr(query.Get(name)))
		}
		return value, err
	}
	for _, field := range k.fields {
		if !field.Filter || !query.Has(field.Name) {
			continue
		}
		if field.Since > r.Minor {
			return nil, notAcceptable()
		}
		given := query.Get(field.Name)
		switch {
		case field.Types == flag:
			wanted, err := boolean(field.Name)
			if err != nil {
				return nil, err
			}
			keep(func(one core.Resource) bool { return one.Flag(field.Name) == wanted })
			continue
		case field.Name == "provision_state" && targets[given] == "" && !stable[given]:
			return nil, badRequest("Provision state \"%s\" is not valid", given)
		case strings.HasSuffix(field.Name, "_uuid") && !isUUID(given):
			return nil, badRequest("Expected UUID for %s: %s", field.Name, given)
		case field.Name == "address":
			mac, ok := normalMAC(given)
			if !ok {
				return nil, badRequest("Expected valid MAC address for address: %s", given)
			}
			given = mac
		}
		keep(func(one core.Resource) bool { return one.Text(field.Name) == given })
	}
	for name := range query {
		if !slices.Contains(k.filters, name) && name != "node_uuid" {
			continue
		}
		given := query.Get(name)
		switch name {
		case "node", "node_uuid":
			node, err := i.kind("node").find(given)
			if err != nil {
				return nil, err
			}
			keep(core.Where("node_uuid", node["uuid"]))
		case "portgroup":
			group, err := i.kind("portgroup").find(given)
			if err != nil {
				return nil, err
			}
			keep(core.Where("portgroup_uuid", group["uuid"]))
		case "associated":
			wanted, err := boolean(name)
			if err != nil {
				return nil, err
			}
			keep(func(one core.Resource) bool { return (one["instance_uuid"] != nil) == wanted })
		case "sharded":
			wanted, err := boolean(name)
			if err != nil {
				return nil, err
			}
			keep(func(one core.Resource) bool { return (one["shard"] != nil) == wanted })
		case "shard":
			shards := strings.Split(given, ",")
			keep(func(one core.Resource) bool {
				if k.event == "port" {
					one = i.nodes.Get(one.Text("node_uuid"))
				}
				return one["shard"] != nil && slices.Contains(shards, one.Text("shard"))
			})
		case "project":
			keep(func(one core.Resource) bool { return one.Text("owner") == given || one.Text("lessee") == given })
		case "description_contains":
			keep(func(one core.Resource) bool {
				return strings.Contains(strings.ToLower(one.Text("description")), strings.ToLower(given))
			})
		}
	}
	return all, nil
}

// nestedRoutes are the lists of one node's or port group's parts.
func (i *Ironic) nestedRoutes() []core.Route {
	route := func(owner, child, path, field string) core.Route {
		parent, part := i.kind(owner), i.kind(child)
		return core.Route{Method: "GET", Path: path, Do: func(r *core.Request) (*core.Answer, error) {
			found, err := parent.find(r.PathValue("ident"))
			if err != nil {
				return nil, err
			}
			return i.list(r, part, part.table.All(core.Where(field, found["uuid"])), strings.HasSuffix(path, "/detail"))
		}}
	}
	return []core.Route{
		route("node", "port", "/v1/nodes/{ident}/ports", "node_uuid"),
		route("node", "port", "/v1/nodes/{ident}/ports/detail", "node_uuid"),
		route("node", "portgroup", "/v1/nodes/{ident}/portgroups", "node_uuid"),
		route("node", "portgroup", "/v1/nodes/{ident}/portgroups/detail", "node_uuid"),
		route("node", "volumeconnector", "/v1/nodes/{ident}/volume/connectors", "node_uuid"),
		route("node", "volumetarget", "/v1/nodes/{ident}/volume/targets", "node_uuid"),
		route("portgroup", "port", "/v1/portgroups/{ident}/ports", "portgroup_uuid"),
		route("chassis", "node", "/v1/chassis/{ident}/nodes", "chassis_uuid"),
	}
}
