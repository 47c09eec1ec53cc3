package neutron

import (
	"net/http"

	"github.com/eventrig/eventrig/simulators/openstack/core"
)

// extensions are those that the resources here stem from: alias and name.
var extensions = [][2]string{
	{"address-scope", "Address scope"}, {"agent", "agent"}, {"allowed-address-pairs", "Allowed Address Pairs"}, {"availability_zone", "Availability Zone"},
	{"binding", "Port Binding"}, {"binding-extended", "Port Bindings Extended"}, {"default-subnetpools", "Default Subnetpools"}, {"dns-integration", "DNS Integration"},
	{"external-net", "Neutron external network"}, {"extra_dhcp_opt", "Neutron Extra DHCP options"}, {"extraroute", "Neutron Extra Route"},
	{"filter-validation", "Filter parameters validation"}, {"ip_allocation", "IP Allocation"}, {"l2_adjacency", "L2 Adjacency"}, {"multi-provider", "Multi Provider Network"},
	{"net-mtu", "Network MTU"}, {"network-segment-range", "Neutron Network Segment Range"}, {"network_availability_zone", "Network Availability Zone"},
	{"pagination", "Pagination support"}, {"port-security", "Port Security"}, {"project-id", "project_id field enabled"}, {"provider", "Provider Network"},
	{"quotas", "Quota management support"}, {"router", "Neutron L3 Router"}, {"security-group", "security-group"}, {"service-type", "Neutron Service Type Management"},
	{"sorting", "Sorting support"}, {"standard-attr-description", "standard-attr-description"}, {"standard-attr-revisions", "Resource revision numbers"},
	{"standard-attr-tag", "Tag support for resources with standard attribute: port, subnet, trunk, router, network, policy, subnetpool, security_group, floatingip"},
	{"standard-attr-timestamp", "Resource timestamps"}, {"subnet-service-types", "Subnet service types"}, {"subnet_allocation", "Subnet Allocation"}, {"trunk", "Trunk Extension"},
}

var extensionRoutes = []core.Route{
	{Method: "GET", Path: "/v2.0/extensions", Do: func(*core.Request) (*core.Answer, error) {
		shown := make([]any, len(extensions))
		for i, one := range extensions {
			shown[i] = extension(one)
		}
		return core.OK(map[string]any{"extensions": shown})
	}},
	{Method: "GET", Path: "/v2.0/extensions/{alias}", Do: func(r *core.Request) (*core.Answer, error) {
		for _, one := range extensions {
			if one[0] == r.PathValue("alias") {
				return core.OK(map[string]any{"extension": extension(one)})
			}
		}
		return nil, fault(http.StatusNotFound, "HTTPNotFound", "Extension with alias %s does not exist", r.PathValue("alias"))
	}},
}

func extension(one [2]string) map[string]any {
	return map[string]any{"alias": one[0], "name": one[1], "description": one[1], "updated": "2018-01-01T10:00:00-00:00", "links": []any{}}
}
