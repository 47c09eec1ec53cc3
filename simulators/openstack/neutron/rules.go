package neutron

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/eventrig/eventrig/simulators/openstack/core"
)

func whole(value any) (any, bool) {
	text := core.Str(value)
	if _, err := strconv.Atoi(text); err != nil {
		return nil, false
	}
	number, _ := strconv.Atoi(text)
	return core.Integer(number), true
}

// complete fills in what a new resource's creator left to Neutron, and refuses what cannot be.
func (n *Neutron) complete(ctx context.Context, k kind, made core.Resource) error {
	if field, has := k.fields.Find("network_id"); has && field.Required {
		if n.tables["networks"].Get(made.Text("network_id")) == nil {
			return kindOf("networks").notFound(made.Text("network_id"))
		}
	}
	switch k.singular {
	case "network":
		return n.completeNetwork(made)
	case "subnet":
		return n.completeSubnet(made)
	case "port":
		if made["mac_address"] == nil || made["mac_address"] == "" {
			id := n.cloud.Hex()
			made["mac_address"] = fmt.Sprintf("fa:16:3e:%s:%s:%s", id[0:2], id[2:4], id[4:6])
		}
		if err := n.checkPort(made); err != nil {
			return err
		}
		return n.allocate(made, nil)
	case "network_segment_range":
		return n.completeRange(made, "")
	case "floatingip":
		return n.completeFloating(made)
	case "security_group_rule":
		group := n.tables["security_groups"].Get(made.Text("security_group_id"))
		if group == nil {
			return kindOf("security_groups").notFound(made.Text("security_group_id"))
		}
	case "security_group":
		for _, version := range []string{"IPv4", "IPv6"} {
			rule := core.Resource{"security_group_id": made["id"], "direction": "egress", "ethertype": version, "project_id": made["project_id"]}
			full := kindOf("security_group_rules").fields.New()
			for name, value := range rule {
				full[name] = value
			}
			full["id"], full["tenant_id"] = n.cloud.UUID(), made["project_id"]
			n.tables["security_group_rules"].Put(ctx, full)
		}
	case "trunk":
		if n.tables["ports"].Get(made.Text("port_id")) == nil {
			return kindOf("ports").notFound(made.Text("port_id"))
		}
	case "subnetpool":
		made["ip_version"] = core.Integer(4)
		if prefixes := made.List("prefixes"); len(prefixes) > 0 && strings.Contains(core.Str(prefixes[0]), ":") {
			made["ip_version"] = core.Integer(6)
		}
	}
	return nil
}

// completeUpdate is complete for a change.
func (n *Neutron) completeUpdate(_ context.Context, k kind, changed, before core.Resource) error {
	switch k.singular {
	case "port":
		if err := n.checkPort(changed); err != nil {
			return err
		}
		if !core.Same(changed["fixed_ips"], before["fixed_ips"]) {
			return n.allocate(changed, before)
		}
	case "network_segment_range":
		return n.completeRange(changed, before.Text("id"))
	case "floatingip":
		return n.associate(changed)
	}
	return nil
}

func (n *Neutron) checkPort(made core.Resource) error {
	mac, err := net.ParseMAC(made.Text("mac_address"))
	if err != nil {
		return badRequest("Invalid input for mac_address. Reason: '%s' is not a valid MAC address.", core.Str(made["mac_address"]))
	}
	made["mac_address"] = mac.String()
	if other := n.tables["ports"].Find(func(p core.Resource) bool {
		return p["id"] != made["id"] && p["network_id"] == made["network_id"] && p["mac_address"] == made["mac_address"]
	}); other != nil {
		return fault(http.StatusConflict, "MacAddressInUse", "Unable to complete operation for network %s. The mac address %s is in use.", made["network_id"], made["mac_address"])
	}
	// A port that has a host is bound; one of a device is up.
	made["binding:vif_type"], made["binding:vif_details"], made["status"] = "unbound", map[string]any{}, "DOWN"
	if made["binding:host_id"] != "" && made["binding:host_id"] != nil {
		made["binding:vif_type"], made["binding:vif_details"], made["status"] = "other", map[string]any{"connectivity": "l2"}, "ACTIVE"
	}
	return nil
}

// completeNetwork gives a network its segment: the lowest free number of the ranges of its type.
func (n *Neutron) completeNetwork(made core.Resource) error {
	if made["provider:network_type"] == nil {
		made["provider:network_type"] = "vxlan"
	}
	kind, physical := made.Text("provider:network_type"), made["provider:physical_network"]
	taken := map[int]bool{}
	for _, other := range n.tables["networks"].All(func(o core.Resource) bool {
		return o["id"] != made["id"] && o["provider:network_type"] == kind && core.Same(o["provider:physical_network"], physical)
	}) {
		taken[other.Integer("provider:segmentation_id")] = true
	}
	switch kind {
	case "flat", "local":
		return nil
	case "vlan", "vxlan", "gre", "geneve":
	default:
		return invalid("Invalid input for operation: network_type value '%s' not supported.", kind)
	}
	if made["provider:segmentation_id"] != nil {
		if taken[made.Integer("provider:segmentation_id")] {
			return fault(http.StatusConflict, "TunnelIdInUse", "Unable to create the network. The tunnel ID %d is in use.", made.Integer("provider:segmentation_id"))
		}
		return nil
	}
	ranges := n.tables["network_segment_ranges"].All(core.Where("network_type", kind))
	if len(ranges) == 0 {
		ranges = []core.Resource{{"minimum": core.Integer(1), "maximum": core.Integer(4094)}}
	}
	for _, segments := range ranges {
		for id := segments.Integer("minimum"); id <= segments.Integer("maximum"); id++ {
			if !taken[id] {
				made["provider:segmentation_id"] = core.Integer(id)
				return nil
			}
		}
	}
	return fault(http.StatusServiceUnavailable, "NoNetworkAvailable", "Unable to create the network. No tenant network is available for allocation.")
}

func (n *Neutron) completeRange(made core.Resource, self string) error {
	minimum, maximum := made.Integer("minimum"), made.Integer("maximum")
	limit := map[string]int{"vlan": 4094, "vxlan": 1<<24 - 1, "geneve": 1<<24 - 1, "gre": 1<<32 - 1}[made.Text("network_type")]
	switch {
	case minimum > maximum:
		return fault(http.StatusBadRequest, "NetworkSegmentRangeInvalid", "Invalid network segment range: minimum %d is greater than maximum %d.", minimum, maximum)
	case minimum < 1 || maximum > limit:
		return fault(http.StatusBadRequest, "NetworkSegmentRangeInvalid", "Invalid network segment range: %d-%d is not within 1-%d.", minimum, maximum, limit)
	case made["network_type"] == "vlan" && made["physical_network"] == nil:
		return fault(http.StatusBadRequest, "InvalidInput", "Invalid input for operation: physical_network requires a value for a VLAN range.")
	}
	for _, other := range n.tables["network_segment_ranges"].All(core.Where("network_type", made["network_type"])) {
		if other.Text("id") != self && other["id"] != made["id"] && core.Same(other["physical_network"], made["physical_network"]) &&
			minimum <= other.Integer("maximum") && maximum >= other.Integer("minimum") {
			return fault(http.StatusConflict, "NetworkSegmentRangeOverlaps", "Network segment range overlaps with range(s) with id %s.", other["id"])
		}
	}
	made["available"] = []any{}
	if maximum-minimum < 10_000 { // the real list is as long as the range
		available := make([]any, 0, maximum-minimum+1)
		for id := minimum; id <= maximum; id++ {
			available = append(available, core.Integer(id))
		}
		made["available"] = available
	}
	return nil
}

// after keeps what hangs together: a network's list of its subnets.
func (n *Neutron) after(ctx context.Context, k kind, changed core.Resource) {
	if k.singular != "subnet" {
		return
	}
	network := n.tables["networks"].Get(changed.Text("network_id"))
	if network == nil {
		return
	}
	subnets := []any{}
	for _, subnet := range n.tables["subnets"].All(core.Where("network_id", network["id"])) {
		subnets = append(subnets, subnet["id"])
	}
	if core.Same(network["subnets"], subnets) {
		return
	}
	with := network.Clone()
	with["subnets"] = subnets
	n.tables["networks"].Put(ctx, with)
}

// release refuses a deletion, or deletes what goes with the resource.
func (n *Neutron) release(ctx context.Context, k kind, found core.Resource) error {
	id := found.Text("id")
	switch k.singular {
	case "network":
		var ports []string
		for _, port := range n.tables["ports"].All(core.Where("network_id", id)) {
			ports = append(ports, port.Text("id"))
		}
		if len(ports) > 0 {
			return fault(http.StatusConflict, "NetworkInUse", "Unable to complete operation on network %s. There are one or more ports in use on the network, id for these ports is: %s.", id, strings.Join(ports, ","))
		}
		for _, subnet := range n.tables["subnets"].All(core.Where("network_id", id)) {
			n.tables["subnets"].Delete(ctx, subnet.Text("id"))
		}
	case "subnet":
		if n.tables["ports"].Find(func(p core.Resource) bool { return usesSubnet(p, id) }) != nil {
			return fault(http.StatusConflict, "SubnetInUse", "Unable to complete operation on subnet %s: One or more ports have an IP allocation from this subnet.", id)
		}
	case "port":
		if owner := found.Text("device_owner"); strings.HasPrefix(owner, "network:router_interface") {
			return fault(http.StatusConflict, "ServicePortInUse", "Port %s cannot be deleted directly via the port API: has device owner %s.", id, owner)
		}
	case "router":
		if n.tables["ports"].Find(core.Where("device_id", id)) != nil {
			return fault(http.StatusConflict, "RouterInUse", "Router %s still has ports", id)
		}
	case "security_group":
		if n.tables["ports"].Find(func(p core.Resource) bool {
			for _, group := range p.List("security_groups") {
				if group == id {
					return true
				}
			}
			return false
		}) != nil {
			return fault(http.StatusConflict, "SecurityGroupInUse", "Security Group %s in use.", id)
		}
		for _, rule := range n.tables["security_group_rules"].All(core.Where("security_group_id", id)) {
			n.tables["security_group_rules"].Delete(ctx, rule.Text("id"))
		}
	case "network_segment_range":
		for _, network := range n.tables["networks"].All(core.Where("provider:network_type", found["network_type"])) {
			if at := network.Integer("provider:segmentation_id"); at >= found.Integer("minimum") && at <= found.Integer("maximum") {
				return fault(http.StatusConflict, "NetworkSegmentRangeReferencedByProject", "Network Segment Range %s is referenced by one or more tenant networks.", id)
			}
		}
	}
	return nil
}
