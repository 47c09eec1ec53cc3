// Package neutron simulates OpenStack's Networking API v2.0: networks, subnets, ports with their addresses, network segment
// ranges, agents, routers, floating IPs, security groups, subnet pools, trunks, tags and the list of extensions. In:
// requests, worlds. Out: answers in Neutron's words and its RESOURCE.OPERATION.start and .end notifications.
package neutron

import (
	"context"
	"net/http"
	"strings"

	"github.com/eventrig/eventrig/simulators/openstack/core"
)

// Neutron is the simulated service.
type Neutron struct {
	cloud  *core.Cloud
	tables map[string]*core.Table // by plural
}

// New makes the service.
func New(cloud *core.Cloud) *Neutron {
	n := &Neutron{cloud: cloud, tables: map[string]*core.Table{}}
	for _, k := range kinds {
		n.tables[k.plural] = cloud.Table("network/"+k.plural, k.singular, "id")
	}
	return n
}

// Fill puts in the agents that a site has. Neutron itself starts without networks.
func (n *Neutron) Fill() {
	ctx := core.Quietly(context.Background())
	for _, agent := range []struct{ kind, binary, topic string }{
		{"DHCP agent", "neutron-dhcp-agent", "dhcp_agent"}, {"L3 agent", "neutron-l3-agent", "l3_agent"},
		{"Open vSwitch agent", "neutron-openvswitch-agent", "N/A"},
	} {
		made := kindOf("agents").fields.New()
		made["id"], made["agent_type"], made["binary"], made["topic"] = n.cloud.UUID(), agent.kind, agent.binary, agent.topic
		made["host"], made["alive"] = "rig-network-0", true
		stamp := n.cloud.Now().Format("2006-01-02 15:04:05")
		made["created_at"], made["started_at"], made["heartbeat_timestamp"] = stamp, stamp, stamp
		n.tables["agents"].Put(ctx, made)
	}
}

// Service is the API.
func (n *Neutron) Service() *core.Service {
	s := &core.Service{
		Name: "neutron", Type: "network", Prefix: "/networking",
		RequestIDHeaders: []string{"X-Openstack-Request-Id"},
		Open:             core.At(""),
		RenderError: func(_ *core.Request, e *core.Error) any {
			kind := e.Kind
			if kind == "" {
				kind = "HTTP" + strings.ReplaceAll(http.StatusText(e.Status), " ", "")
			}
			return map[string]any{"NeutronError": map[string]any{"type": kind, "message": e.Message, "detail": ""}}
		},
		NoRoute: "The resource could not be found.",
		Missing: missing,
	}
	s.Routes = append(s.Routes, discovery...)
	for _, k := range kinds {
		s.Routes = append(s.Routes, n.routes(k)...)
	}
	s.Routes = append(s.Routes, n.tagRoutes()...)
	s.Routes = append(s.Routes, n.routerRoutes()...)
	s.Routes = append(s.Routes, extensionRoutes...)
	s.Routes = append(s.Routes, core.Route{Method: "GET", Path: "/v2.0/quotas/{project}", Note: "always without limits", Do: func(*core.Request) (*core.Answer, error) {
		quota := map[string]any{}
		for _, k := range kinds {
			quota[k.singular] = -1
		}
		return core.OK(map[string]any{"quota": quota})
	}})
	return s
}

// missing is what Neutron's API has beyond this (api-ref of openstack/neutron-lib).
var missing = []core.Endpoint{
	{Method: "*", Path: "/v2.0/address-scopes"}, {Method: "*", Path: "/v2.0/address-groups"}, {Method: "*", Path: "/v2.0/qos"},
	{Method: "*", Path: "/v2.0/rbac-policies"}, {Method: "*", Path: "/v2.0/segments"}, {Method: "*", Path: "/v2.0/metering"},
	{Method: "*", Path: "/v2.0/flavors"}, {Method: "*", Path: "/v2.0/availability_zones"}, {Method: "*", Path: "/v2.0/auto-allocated-topology"},
	{Method: "*", Path: "/v2.0/ports/{port}/bindings"}, {Method: "*", Path: "/v2.0/agents/{agent}/dhcp-networks, l3-routers"},
	{Method: "PUT, DELETE", Path: "/v2.0/quotas/{project}"}, {Method: "*", Path: "services: VPN, BGP, load balancers, firewalls, logging, local IPs"},
	{Method: "*", Path: "policy", Note: "any valid token may do everything, whatever its roles and project"},
}

var discovery = []core.Route{
	{Method: "GET", Path: "/{$}", Do: func(r *core.Request) (*core.Answer, error) {
		return core.OK(map[string]any{"versions": []any{map[string]any{"id": "v2.0", "status": "CURRENT",
			"links": []any{map[string]any{"rel": "self", "href": r.Base() + "/v2.0/"}}}}})
	}},
	{Method: "GET", Path: "/v2.0", Do: func(r *core.Request) (*core.Answer, error) {
		resources := []any{}
		for _, k := range kinds {
			resources = append(resources, map[string]any{"name": k.singular, "collection": k.plural,
				"links": []any{map[string]any{"rel": "self", "href": r.Base() + "/v2.0/" + k.path()}}})
		}
		return core.OK(map[string]any{"resources": resources})
	}},
}

// Collections are the tables as worlds and assertions know them.
func (n *Neutron) Collections() []core.Collection {
	var collections []core.Collection
	for _, k := range kinds {
		collections = append(collections, core.Collection{
			Path: "network/" + k.plural, Table: n.tables[k.plural], Fields: k.fields.Names(nil),
			Hint: "fields and their types are those of the API; a record refers to what is above it, by id",
			Create: func(ctx context.Context, fields core.Resource) error {
				_, err := n.make(ctx, nil, k, fields)
				return err
			},
		})
	}
	return collections
}
