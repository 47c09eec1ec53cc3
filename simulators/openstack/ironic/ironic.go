// Package ironic simulates OpenStack's Bare Metal API v1 with its microversions: nodes with the provision state machine,
// power and maintenance, ports, port groups, inventory, traits, virtual interfaces, volume connectors and targets,
// allocations, chassis, deploy templates and runbooks. In: requests, worlds. Out: answers in Ironic's words and its
// versioned notifications. Hardware always does what it is told, unless a node says otherwise (see FailKey).
package ironic

import (
	"context"
	"net/http"
	"strings"

	"github.com/eventrig/eventrig/simulators/openstack/core"
)

// Conductor is the host name of the one conductor.
const Conductor = "rig-conductor-0"

// FailKey is the key of a node's extra that makes an operation fail as broken hardware would: its value is one of
// verify, inspect, clean, deploy, delete, rescue, unrescue, adopt, service and power.
const FailKey = "eventrig_fail"

// Ironic is the simulated service.
type Ironic struct {
	cloud       *core.Cloud
	network     Network
	nodes       *core.Table
	ports       *core.Table
	portgroups  *core.Table
	connectors  *core.Table
	targets     *core.Table
	allocations *core.Table
	chassis     *core.Table
	templates   *core.Table
	runbooks    *core.Table
	inventories *core.Table
	details     *core.Table // what a node has that its own record does not show: the boot device
	walks       map[string]int
}

// New makes the service.
func New(cloud *core.Cloud, network Network) *Ironic {
	table := func(path, resource string) *core.Table { return cloud.Table("baremetal/"+path, resource, "uuid") }
	return &Ironic{
		cloud: cloud, network: network, walks: map[string]int{},
		nodes: table("nodes", "node"), ports: table("ports", "port"), portgroups: table("portgroups", "portgroup"),
		connectors: table("volume_connectors", "volume connector"), targets: table("volume_targets", "volume target"),
		allocations: table("allocations", "allocation"), chassis: table("chassis", "chassis"),
		templates: table("deploy_templates", "deploy template"), runbooks: table("runbooks", "runbook"),
		inventories: cloud.Table("baremetal/inventories", "inventory", "node_uuid"),
		details:     cloud.Table("baremetal/details", "detail", "node_uuid"),
	}
}

// Fill implements the cloud's start: Ironic starts empty.
func (i *Ironic) Fill() {}

// Service is the API.
func (i *Ironic) Service() *core.Service {
	s := &core.Service{
		Name: "ironic", Type: "baremetal", Prefix: "/baremetal",
		RequestIDHeaders: []string{"Openstack-Request-Id"},
		Before:           negotiate,
		Open: func(r *core.Request) bool {
			path := strings.TrimRight(r.URL.Path[len(r.Prefix):], "/")
			return path == "" || path == "/v1"
		},
		RenderError: renderError,
		NoRoute:     "Not Found",
		Missing:     missing,
	}
	s.Routes = append(s.Routes, i.discovery()...)
	for _, k := range i.kinds() {
		s.Routes = append(s.Routes, i.routes(k)...)
	}
	s.Routes = append(s.Routes, i.nestedRoutes()...)
	s.Routes = append(s.Routes, i.stateRoutes()...)
	s.Routes = append(s.Routes, i.maintenanceRoutes()...)
	s.Routes = append(s.Routes, i.managementRoutes()...)
	s.Routes = append(s.Routes, i.traitRoutes()...)
	s.Routes = append(s.Routes, i.vifRoutes()...)
	s.Routes = append(s.Routes, i.inventoryRoutes()...)
	s.Routes = append(s.Routes, i.driverRoutes()...)
	return s
}

// missing is what Ironic's API has beyond this (api-ref of openstack/ironic).
var missing = []core.Endpoint{
	{Method: "POST", Path: "/v1/heartbeat/{node}", Note: "no agent runs"}, {Method: "GET", Path: "/v1/lookup", Note: "no agent runs"},
	{Method: "POST", Path: "/v1/continue_inspection", Note: "no agent runs"},
	{Method: "GET", Path: "/v1/nodes/{node}/bios"}, {Method: "GET", Path: "/v1/nodes/{node}/firmware"},
	{Method: "GET", Path: "/v1/nodes/{node}/history"}, {Method: "*", Path: "/v1/nodes/{node}/vendor_passthru"},
	{Method: "GET", Path: "/v1/nodes/{node}/vmedia"}, {Method: "PUT", Path: "/v1/nodes/{node}/management/indicators"},
	{Method: "PUT", Path: "/v1/nodes/{node}/states/raid"}, {Method: "*", Path: "/v1/inspection_rules"}, {Method: "GET", Path: "/v1/shards"},
	{Method: "POST", Path: "/v1/events"}, {Method: "*", Path: "/v1/drivers/{driver}/vendor_passthru"},
	{Method: "*", Path: "deploy hold, clean hold, service hold", Note: "known as states, never entered by themselves"},
	{Method: "*", Path: "policy", Note: "any valid token may do everything, whatever its roles and the node's owner or lessee"},
}

func (i *Ironic) discovery() []core.Route {
	links := func(r *core.Request, path string) []any {
		return []any{
			map[string]any{"href": r.Base() + "/v1/" + path, "rel": "self"},
			map[string]any{"href": r.Base() + "/" + path, "rel": "bookmark"},
		}
	}
	versionOf := func(r *core.Request) map[string]any {
		return map[string]any{"id": "v1", "status": "CURRENT", "min_version": MinVersion, "version": MaxVersion,
			"links": []any{map[string]any{"href": r.Base() + "/v1/", "rel": "self"}}}
	}
	return []core.Route{
		{Method: "GET", Path: "/{$}", Do: func(r *core.Request) (*core.Answer, error) {
			return core.OK(map[string]any{"name": "OpenStack Ironic API", "default_version": versionOf(r), "versions": []any{versionOf(r)},
				"description": "Ironic is an OpenStack project which enables the provision and management of baremetal machines."})
		}},
		{Method: "GET", Path: "/v1", Do: func(r *core.Request) (*core.Answer, error) {
			body := map[string]any{"id": "v1", "version": versionOf(r), "links": []any{
				map[string]any{"href": r.Base() + "/v1/", "rel": "self"},
				map[string]any{"href": "https://docs.openstack.org/ironic/latest/contributor/webapi.html", "rel": "describedby", "type": "text/html"},
			}, "media_types": []any{map[string]any{"base": "application/json", "type": "application/vnd.openstack.ironic.v1+json"}}}
			for _, name := range []string{"nodes", "ports", "portgroups", "chassis", "drivers", "conductors", "allocations", "deploy_templates", "runbooks", "volume"} {
				body[name] = links(r, name+"/")
			}
			return core.OK(body)
		}},
	}
}

// Collections are the tables as worlds and assertions know them.
func (i *Ironic) Collections() []core.Collection {
	var collections []core.Collection
	for _, k := range i.kinds() {
		fields := k.fields.Names(func(f core.Field) bool { return f.Name != "uuid" })
		collections = append(collections, core.Collection{Path: "baremetal/" + k.path(), Table: k.table, Fields: fields,
			Hint: "fields and their types are those of the API; a record refers to what is above it, by uuid",
			Create: func(ctx context.Context, fields core.Resource) error {
				return i.load(ctx, k, fields)
			}})
	}
	return append(collections, core.Collection{Path: "baremetal/inventories", Table: i.inventories, Fields: []string{"inventory", "plugin_data"},
		Hint: "node_uuid is a node above it",
		Create: func(ctx context.Context, fields core.Resource) error {
			if i.nodes.Get(fields.Text("node_uuid")) == nil {
				return nodeNotFound(fields.Text("node_uuid"))
			}
			made := core.Resource{"inventory": map[string]any{}, "plugin_data": map[string]any{}}
			for name, value := range fields {
				made[name] = value
			}
			i.inventories.Put(ctx, made)
			return nil
		}})
}

func nodeNotFound(ident string) *core.Error {
	return core.Errorf(http.StatusNotFound, "Node %s could not be found.", ident)
}
