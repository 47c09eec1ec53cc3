package neutron

import (
	"slices"
	"strings"

	"github.com/eventrig/eventrig/simulators/openstack/core"
)

// kind is one resource of the API: a table of fields and what is special about it.
type kind struct {
	singular, plural string
	missing          string // message for an id that there is not, with %s for it
	fault            string // the type of that error
	fields           core.Fields
	readOnly         bool // clients do not create it
}

// path is the collection's part of an address: dashes for extensions, underscores for the core.
func (k kind) path() string {
	switch k.plural {
	case "security_groups", "security_group_rules":
		return strings.ReplaceAll(k.plural, "_", "-")
	}
	return k.plural
}

func kindOf(plural string) kind {
	return kinds[slices.IndexFunc(kinds, func(k kind) bool { return k.plural == plural })]
}

const (
	text    = "string null"
	truth   = "boolean string null"
	integer = "integer string null"
	object  = "object null"
	list    = "array null"
)

// standard are the fields that every resource has, in the order of an answer.
func standard(fields ...core.Field) core.Fields {
	all := append(core.Fields{{Name: "id"}}, fields...)
	return append(all,
		core.Field{Name: "project_id", Types: text, Fixed: true}, core.Field{Name: "tenant_id", Types: text, Fixed: true},
		core.Field{Name: "description", Types: text, Default: ""}, core.Field{Name: "tags", Default: []any{}},
		core.Field{Name: "created_at"}, core.Field{Name: "updated_at"}, core.Field{Name: "revision_number", Default: core.Integer(0)})
}

var name = core.Field{Name: "name", Types: text, Default: "", Max: 255}

// kinds are the resources of the API (neutron-lib's API definitions).
var kinds = []kind{
	{singular: "network", plural: "networks", missing: "Network %s could not be found.", fault: "NetworkNotFound", fields: standard(
		name, core.Field{Name: "admin_state_up", Types: truth, Default: true}, core.Field{Name: "mtu", Types: integer, Default: core.Integer(9000)},
		core.Field{Name: "status", Default: "ACTIVE"}, core.Field{Name: "subnets", Default: []any{}}, core.Field{Name: "shared", Types: truth, Default: false},
		core.Field{Name: "port_security_enabled", Types: truth, Default: true}, core.Field{Name: "router:external", Types: truth, Default: false},
		core.Field{Name: "provider:network_type", Types: text}, core.Field{Name: "provider:physical_network", Types: text},
		core.Field{Name: "provider:segmentation_id", Types: integer}, core.Field{Name: "is_default", Types: truth, Default: false},
		core.Field{Name: "availability_zone_hints", Types: list, Default: []any{}, Fixed: true}, core.Field{Name: "availability_zones", Default: []any{}},
		core.Field{Name: "ipv4_address_scope"}, core.Field{Name: "ipv6_address_scope"}, core.Field{Name: "l2_adjacency", Default: true},
		core.Field{Name: "dns_domain", Types: text, Default: ""}, core.Field{Name: "vlan_transparent", Types: truth, Fixed: true},
		core.Field{Name: "qos_policy_id", Types: text},
	)},
	{singular: "subnet", plural: "subnets", missing: "Subnet %s could not be found.", fault: "SubnetNotFound", fields: standard(
		name, core.Field{Name: "network_id", Types: "string", Required: true, Fixed: true}, core.Field{Name: "ip_version", Types: integer, Required: true, Fixed: true},
		core.Field{Name: "cidr", Types: text, Fixed: true}, core.Field{Name: "gateway_ip", Types: text}, core.Field{Name: "allocation_pools", Types: list},
		core.Field{Name: "dns_nameservers", Types: list, Default: []any{}}, core.Field{Name: "host_routes", Types: list, Default: []any{}},
		core.Field{Name: "enable_dhcp", Types: truth, Default: true}, core.Field{Name: "ipv6_ra_mode", Types: text, Fixed: true},
		core.Field{Name: "ipv6_address_mode", Types: text, Fixed: true}, core.Field{Name: "subnetpool_id", Types: text, Fixed: true},
		core.Field{Name: "use_default_subnetpool", Types: truth, Fixed: true}, core.Field{Name: "prefixlen", Types: integer, Fixed: true},
		core.Field{Name: "segment_id", Types: text}, core.Field{Name: "service_types", Types: list, Default: []any{}}, core.Field{Name: "dns_publish_fixed_ip", Types: truth, Default: false},
	)},
	{singular: "port", plural: "ports", missing: "Port %s could not be found.", fault: "PortNotFound", fields: standard(
		name, core.Field{Name: "network_id", Types: "string", Required: true, Fixed: true}, core.Field{Name: "mac_address", Types: text},
		core.Field{Name: "admin_state_up", Types: truth, Default: true}, core.Field{Name: "status", Default: "DOWN"},
		core.Field{Name: "device_id", Types: text, Default: ""}, core.Field{Name: "device_owner", Types: text, Default: ""},
		core.Field{Name: "fixed_ips", Types: list}, core.Field{Name: "security_groups", Types: list, Default: []any{}},
		core.Field{Name: "allowed_address_pairs", Types: list, Default: []any{}}, core.Field{Name: "extra_dhcp_opts", Types: list, Default: []any{}},
		core.Field{Name: "port_security_enabled", Types: truth, Default: true}, core.Field{Name: "binding:host_id", Types: text, Default: ""},
		core.Field{Name: "binding:vnic_type", Types: text, Default: "normal"}, core.Field{Name: "binding:profile", Types: object, Default: map[string]any{}},
		core.Field{Name: "binding:vif_type", Default: "unbound"}, core.Field{Name: "binding:vif_details", Default: map[string]any{}},
		core.Field{Name: "dns_name", Types: text, Default: ""}, core.Field{Name: "dns_assignment", Default: []any{}}, core.Field{Name: "qos_policy_id", Types: text},
		core.Field{Name: "propagate_uplink_status", Types: truth, Default: true, Fixed: true},
	)},
	{singular: "network_segment_range", plural: "network_segment_ranges", missing: "Network Segment Range %s could not be found.", fault: "NetworkSegmentRangeNotFound", fields: standard(
		name, core.Field{Name: "default", Default: false}, core.Field{Name: "shared", Types: truth, Default: true, Fixed: true},
		core.Field{Name: "network_type", Types: "string", Required: true, Fixed: true, Enum: []string{"vlan", "vxlan", "gre", "geneve"}},
		core.Field{Name: "physical_network", Types: text, Fixed: true}, core.Field{Name: "minimum", Types: "integer string", Required: true},
		core.Field{Name: "maximum", Types: "integer string", Required: true}, core.Field{Name: "used", Default: map[string]any{}}, core.Field{Name: "available", Default: []any{}},
	)},
	{singular: "agent", plural: "agents", missing: "Agent %s could not be found.", fault: "AgentNotFound", readOnly: true, fields: core.Fields{
		{Name: "id"}, {Name: "agent_type"}, {Name: "binary"}, {Name: "topic"}, {Name: "host"}, {Name: "admin_state_up", Types: truth, Default: true},
		{Name: "alive"}, {Name: "created_at"}, {Name: "started_at"}, {Name: "heartbeat_timestamp"}, {Name: "description", Types: text},
		{Name: "availability_zone", Default: "nova"}, {Name: "configurations", Default: map[string]any{}}, {Name: "resource_versions", Default: map[string]any{}},
		{Name: "resources_synced"},
	}},
	{singular: "router", plural: "routers", missing: "Router %s could not be found", fault: "RouterNotFound", fields: standard(
		name, core.Field{Name: "admin_state_up", Types: truth, Default: true}, core.Field{Name: "status", Default: "ACTIVE"},
		core.Field{Name: "external_gateway_info", Types: object}, core.Field{Name: "distributed", Types: truth, Default: false},
		core.Field{Name: "ha", Types: truth, Default: false}, core.Field{Name: "routes", Types: list, Default: []any{}},
		core.Field{Name: "availability_zone_hints", Types: list, Default: []any{}, Fixed: true}, core.Field{Name: "availability_zones", Default: []any{}},
		core.Field{Name: "flavor_id", Types: text},
	)},
	{singular: "floatingip", plural: "floatingips", missing: "Floating IP %s could not be found", fault: "FloatingIPNotFound", fields: standard(
		core.Field{Name: "floating_network_id", Types: "string", Required: true, Fixed: true}, core.Field{Name: "floating_ip_address", Types: text, Fixed: true},
		core.Field{Name: "port_id", Types: text}, core.Field{Name: "fixed_ip_address", Types: text}, core.Field{Name: "router_id"},
		core.Field{Name: "subnet_id", Types: text, Fixed: true}, core.Field{Name: "status", Default: "DOWN"}, core.Field{Name: "port_details"},
		core.Field{Name: "dns_name", Types: text, Default: ""}, core.Field{Name: "dns_domain", Types: text, Default: ""}, core.Field{Name: "qos_policy_id", Types: text},
	)},
	{singular: "security_group", plural: "security_groups", missing: "Security group %s does not exist", fault: "SecurityGroupNotFound", fields: standard(
		name, core.Field{Name: "stateful", Types: truth, Default: true}, core.Field{Name: "shared", Default: false}, core.Field{Name: "security_group_rules", Default: []any{}},
	)},
	{singular: "security_group_rule", plural: "security_group_rules", missing: "Security group rule %s does not exist", fault: "SecurityGroupRuleNotFound", fields: standard(
		core.Field{Name: "security_group_id", Types: "string", Required: true, Fixed: true}, core.Field{Name: "direction", Types: "string", Required: true, Fixed: true, Enum: []string{"ingress", "egress"}},
		core.Field{Name: "ethertype", Types: text, Default: "IPv4", Fixed: true}, core.Field{Name: "protocol", Types: "string integer null", Fixed: true},
		core.Field{Name: "port_range_min", Types: integer, Fixed: true}, core.Field{Name: "port_range_max", Types: integer, Fixed: true},
		core.Field{Name: "remote_ip_prefix", Types: text, Fixed: true}, core.Field{Name: "remote_group_id", Types: text, Fixed: true},
		core.Field{Name: "remote_address_group_id", Types: text, Fixed: true}, core.Field{Name: "normalized_cidr"},
	)},
	{singular: "subnetpool", plural: "subnetpools", missing: "Subnet pool %s could not be found.", fault: "SubnetPoolNotFound", fields: standard(
		core.Field{Name: "name", Types: "string", Required: true, Max: 255}, core.Field{Name: "prefixes", Types: "array", Required: true},
		core.Field{Name: "default_prefixlen", Types: integer}, core.Field{Name: "min_prefixlen", Types: integer}, core.Field{Name: "max_prefixlen", Types: integer},
		core.Field{Name: "default_quota", Types: integer}, core.Field{Name: "address_scope_id", Types: text}, core.Field{Name: "ip_version"},
		core.Field{Name: "is_default", Types: truth, Default: false}, core.Field{Name: "shared", Types: truth, Default: false, Fixed: true},
	)},
	{singular: "trunk", plural: "trunks", missing: "Trunk %s could not be found.", fault: "TrunkNotFound", fields: standard(
		name, core.Field{Name: "port_id", Types: "string", Required: true, Fixed: true}, core.Field{Name: "admin_state_up", Types: truth, Default: true},
		core.Field{Name: "status", Default: "DOWN"}, core.Field{Name: "sub_ports", Types: list, Default: []any{}, Fixed: true},
	)},
}
