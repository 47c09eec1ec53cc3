// Package nova simulates OpenStack's Compute API v2.1 with its microversions: servers with their metadata, addresses and
// actions, flavors with extra specs, key pairs, and what clients ask for beside. In: requests, worlds. Out: answers in
// Nova's words and its unversioned compute.instance notifications. A server is deployed on a node of the simulated Ironic,
// as Nova's driver for Ironic does; in a cloud without nodes it is active once it is made. Its addresses are those of its
// ports in the simulated Neutron.
package nova

import (
	"context"

	"github.com/eventrig/eventrig/simulators/openstack/core"
	"github.com/eventrig/eventrig/simulators/openstack/ironic"
)

// Network is what Nova needs of Neutron.
type Network interface {
	CreatePort(ctx context.Context, caller *core.Caller, given core.Resource) (core.Resource, error)
	DeletePort(ctx context.Context, caller *core.Caller, id string)
	ChangePort(ctx context.Context, caller *core.Caller, id string, fields core.Resource) error
	Bind(ctx context.Context, caller *core.Caller, id, device, owner, host string) error
	PortsOf(device string) []core.Resource
	NetworkName(id string) string
	HasNetwork(id string) bool
}

// Nova is the simulated service.
type Nova struct {
	cloud   *core.Cloud
	network Network
	metal   *ironic.Ironic
	servers *core.Table
	flavors *core.Table
	keys    *core.Table
	nodes   *core.Table // Ironic's: what runs servers here
}

// computeHost is the host of the one nova-compute.
const computeHost = "rig-compute-0"

// New makes the service.
func New(cloud *core.Cloud, network Network, metal *ironic.Ironic) *Nova {
	return &Nova{
		cloud: cloud, network: network, metal: metal, servers: cloud.Table("compute/servers", "server", "id"), flavors: cloud.Table("compute/flavors", "flavor", "id"),
		keys: cloud.Table("compute/keypairs", "keypair", "name"), nodes: cloud.Table("baremetal/nodes", "node", "uuid"),
	}
}

// Fill implements the cloud's start: Nova starts with one flavor.
func (n *Nova) Fill() {
	made := flavorFields.New()
	for name, value := range map[string]any{"id": "1", "name": "baremetal.small", "ram": core.Integer(131072), "vcpus": core.Integer(32), "disk": core.Integer(480),
		"extra_specs": map[string]any{"resources:CUSTOM_BAREMETAL_SMALL": "1", "resources:VCPU": "0", "resources:MEMORY_MB": "0", "resources:DISK_GB": "0"}} {
		made[name] = value
	}
	n.flavors.Put(core.Quietly(context.Background()), made)
}

var versions = core.Microversions{Service: "compute", Header: "X-OpenStack-Nova-API-Version", Major: 2, Min: 1, Max: 96, Default: 1,
	Skip: core.At("")}

// Service is the API.
func (n *Nova) Service() *core.Service {
	s := &core.Service{
		Name: "nova", Type: "compute", Prefix: "/compute", Endpoint: "/v2.1",
		RequestIDHeaders: []string{"X-Openstack-Request-Id", "X-Compute-Request-Id"},
		Before:           versions.Negotiate,
		Open:             core.At("", "v2.1"),
		RenderError:      core.Faults, NoRoute: "The resource could not be found.", Missing: missing,
	}
	s.Routes = append(s.Routes, discovery...)
	s.Routes = append(s.Routes, n.serverRoutes()...)
	s.Routes = append(s.Routes, n.metadataRoutes()...)
	s.Routes = append(s.Routes, n.flavorRoutes()...)
	s.Routes = append(s.Routes, n.otherRoutes()...)
	return s
}

// missing is what Nova's API has beyond this (api-ref of openstack/nova).
var missing = []core.Endpoint{
	{Method: "*", Path: "/v2.1/os-aggregates", Note: "the list is served, and empty"}, {Method: "*", Path: "/v2.1/os-server-groups", Note: "the list is served, and empty"},
	{Method: "POST", Path: "/v2.1/servers/{server}/action", Note: "migrate, evacuate, resize, rescue, shelve, snapshot and consoles"},
	{Method: "*", Path: "/v2.1/servers/{server}/os-volume_attachments", Note: "the list is served, and empty"},
	{Method: "*", Path: "/v2.1/servers/{server}/tags, topology, migrations, diagnostics, os-security-groups, os-instance-actions"},
	{Method: "*", Path: "/v2.1/os-quota-sets"}, {Method: "*", Path: "/v2.1/os-simple-tenant-usage"}, {Method: "*", Path: "/v2.1/os-migrations"},
	{Method: "*", Path: "placement", Note: "no such service"},
	{Method: "*", Path: "hypervisors", Note: "servers are deployed on Ironic's nodes; in a cloud without nodes a server is active once it is made"},
	{Method: "*", Path: "policy", Note: "any valid token may do everything, whatever its roles and project"},
}

var discovery = []core.Route{
	{Method: "GET", Path: "/{$}", Do: func(r *core.Request) (*core.Answer, error) {
		return core.OK(map[string]any{"versions": []any{versionOf(r)}})
	}},
	{Method: "GET", Path: "/v2.1", Do: func(r *core.Request) (*core.Answer, error) {
		version := versionOf(r)
		version["media-types"] = []any{map[string]any{"base": "application/json", "type": "application/vnd.openstack.compute+json;version=2.1"}}
		return core.OK(map[string]any{"version": version})
	}},
}

func versionOf(r *core.Request) map[string]any {
	return map[string]any{"id": "v2.1", "status": "CURRENT", "version": "2.96", "min_version": "2.1", "updated": "2013-07-23T11:33:21Z",
		"links": []any{map[string]any{"rel": "self", "href": r.Base() + "/v2.1/"}}}
}

// Collections are the tables as worlds and assertions know them.
func (n *Nova) Collections() []core.Collection {
	return []core.Collection{
		{Path: "compute/servers", Table: n.servers, Fields: serverFields.Names(nil), Hint: "fields are those of the API; project_id is a project's id",
			Create: func(ctx context.Context, fields core.Resource) error {
				made := serverFields.New()
				for name, value := range fields {
					made[name] = value
				}
				if made.Text("id") == "" {
					made["id"] = n.cloud.UUID()
				}
				if n.servers.Get(made.Text("id")) != nil {
					return core.Errorf(409, "Instance %s already exists.", made["id"])
				}
				n.stamp(made)
				n.servers.Put(ctx, made)
				return nil
			}},
		{Path: "compute/flavors", Table: n.flavors, Fields: flavorFields.Names(nil), Hint: "fields are those of the API",
			Create: func(ctx context.Context, fields core.Resource) error {
				_, err := n.makeFlavor(ctx, fields)
				return err
			}},
		{Path: "compute/keypairs", Table: n.keys, Fields: []string{"public_key", "user_id"}, Create: func(ctx context.Context, fields core.Resource) error {
			n.keys.Put(ctx, fields)
			return nil
		}},
	}
}
