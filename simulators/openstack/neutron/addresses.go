package neutron

import (
	"net/http"
	"net/netip"

	"github.com/eventrig/eventrig/simulators/openstack/core"
)

func (n *Neutron) completeSubnet(made core.Resource) error {
	version := made.Integer("ip_version")
	if version != 4 && version != 6 {
		return badRequest("Invalid input for ip_version. Reason: '%d' is not in [4, 6].", version)
	}
	if made["cidr"] == nil {
		if err := n.fromPool(made); err != nil {
			return err
		}
	}
	prefix, err := netip.ParsePrefix(made.Text("cidr"))
	if err != nil {
		return badRequest("Invalid input for cidr. Reason: '%s' is not a valid IP subnet.", core.Str(made["cidr"]))
	}
	prefix = prefix.Masked()
	made["cidr"] = prefix.String()
	if prefix.Addr().Is4() != (version == 4) {
		return invalid("Invalid input for operation: cidr '%s' does not match the ip_version '%d'.", prefix, version)
	}
	for _, other := range n.tables["subnets"].All(core.Where("network_id", made["network_id"])) {
		if at, err := netip.ParsePrefix(other.Text("cidr")); err == nil && other["id"] != made["id"] && at.Overlaps(prefix) {
			return invalid("Invalid input for operation: Requested subnet with cidr: %s for network: %s overlaps with another subnet.", prefix, made["network_id"])
		}
	}
	if _, given := made["gateway_ip"].(string); made["gateway_ip"] == nil && !given {
		made["gateway_ip"] = prefix.Addr().Next().String()
	}
	if made["gateway_ip"] == "" {
		made["gateway_ip"] = nil
	}
	if made["allocation_pools"] == nil {
		made["allocation_pools"] = defaultPools(prefix, made.Text("gateway_ip"))
	}
	for _, pool := range made.List("allocation_pools") {
		object, _ := pool.(map[string]any)
		if first, last := bounds(object); !first.IsValid() || !last.IsValid() || !prefix.Contains(first) || !prefix.Contains(last) || last.Less(first) {
			return fault(http.StatusBadRequest, "InvalidAllocationPool", "The allocation pool %s is not valid.", core.Repr(pool))
		}
	}
	return nil
}

// fromPool takes the first free prefix of a subnet pool.
func (n *Neutron) fromPool(made core.Resource) error {
	pool := n.tables["subnetpools"].Get(made.Text("subnetpool_id"))
	if pool == nil {
		if made["subnetpool_id"] != nil {
			return kindOf("subnetpools").notFound(made.Text("subnetpool_id"))
		}
		return badRequest("Bad subnets request: a subnetpool must be specified in the absence of a cidr.")
	}
	length := made.Integer("prefixlen")
	if length == 0 {
		length = pool.Integer("default_prefixlen")
	}
	for _, listed := range pool.List("prefixes") {
		within, err := netip.ParsePrefix(core.Str(listed))
		if err != nil || length < within.Bits() || length > within.Addr().BitLen() {
			continue
		}
		for candidate := netip.PrefixFrom(within.Masked().Addr(), length); within.Contains(candidate.Addr()); candidate = after(candidate) {
			if n.tables["subnets"].Find(func(s core.Resource) bool {
				at, err := netip.ParsePrefix(s.Text("cidr"))
				return err == nil && s["subnetpool_id"] == pool["id"] && at.Overlaps(candidate)
			}) == nil {
				made["cidr"] = candidate.String()
				return nil
			}
		}
	}
	return fault(http.StatusServiceUnavailable, "SubnetAllocationError", "Failed to allocate subnet: Insufficient prefix space to allocate subnet size /%d.", length)
}

// after is the prefix of the same length that follows; an invalid one at the end of the address space.
func after(prefix netip.Prefix) netip.Prefix {
	return netip.PrefixFrom(last(prefix).Next(), prefix.Bits())
}

// last is the highest address of a prefix.
func last(prefix netip.Prefix) netip.Addr {
	bytes := prefix.Masked().Addr().AsSlice()
	for bit := prefix.Bits(); bit < len(bytes)*8; bit++ {
		bytes[bit/8] |= 1 << (7 - bit%8)
	}
	address, _ := netip.AddrFromSlice(bytes)
	return address
}

// defaultPools is everything but network, broadcast and gateway (neutron/ipam/utils.py, generate_pools).
func defaultPools(prefix netip.Prefix, gateway string) []any {
	first, end := prefix.Addr(), last(prefix)
	if prefix.Addr().Is4() && prefix.Bits() < 31 {
		first, end = first.Next(), end.Prev()
	} else if prefix.Addr().Is6() && prefix.Bits() < 127 {
		first = first.Next()
	}
	pools := []any{}
	add := func(from, to netip.Addr) {
		if from.IsValid() && to.IsValid() && !to.Less(from) {
			pools = append(pools, map[string]any{"start": from.String(), "end": to.String()})
		}
	}
	at, err := netip.ParseAddr(gateway)
	if err != nil || at.Less(first) || end.Less(at) {
		add(first, end)
		return pools
	}
	if first.Less(at) {
		add(first, at.Prev())
	}
	if at.Less(end) {
		add(at.Next(), end)
	}
	return pools
}

func bounds(pool map[string]any) (first, last netip.Addr) {
	first, _ = netip.ParseAddr(core.Resource(pool).Text("start"))
	last, _ = netip.ParseAddr(core.Resource(pool).Text("end"))
	return first, last
}

func usesSubnet(port core.Resource, subnet string) bool {
	for _, fixed := range port.List("fixed_ips") {
		if object, _ := fixed.(map[string]any); object["subnet_id"] == subnet {
			return true
		}
	}
	return false
}

// allocate gives a port its addresses: those that it asks for, or one of each version that its network has.
func (n *Neutron) allocate(made, before core.Resource) error {
	network := made.Text("network_id")
	subnets := n.tables["subnets"].All(core.Where("network_id", network))
	asked := made.List("fixed_ips")
	if made["fixed_ips"] == nil {
		for _, version := range []int{4, 6} {
			for _, subnet := range subnets {
				if subnet.Integer("ip_version") == version {
					asked = append(asked, map[string]any{"subnet_id": subnet["id"]})
					break
				}
			}
		}
	}
	used := map[string]bool{}
	for _, port := range n.tables["ports"].All(core.Where("network_id", network)) {
		if port["id"] == made["id"] {
			continue
		}
		for _, fixed := range port.List("fixed_ips") {
			object, _ := fixed.(map[string]any)
			used[core.Str(object["ip_address"])] = true
		}
	}
	allocated := []any{}
	for _, one := range asked {
		object, ok := one.(map[string]any)
		if !ok {
			return badRequest("Invalid input for fixed_ips. Reason: '%s' is not a dictionary.", core.Str(one))
		}
		given := core.Resource(object)
		var chosen core.Resource
		address := given.Text("ip_address")
		for _, subnet := range subnets {
			prefix, err := netip.ParsePrefix(subnet.Text("cidr"))
			at, parseErr := netip.ParseAddr(address)
			if err == nil && ((given["subnet_id"] != nil && subnet["id"] == given["subnet_id"]) || (given["subnet_id"] == nil && parseErr == nil && prefix.Contains(at))) {
				chosen = subnet
			}
		}
		if chosen == nil {
			if given["subnet_id"] != nil {
				return kindOf("subnets").notFound(given.Text("subnet_id"))
			}
			return fault(http.StatusBadRequest, "InvalidIpForNetwork", "IP address %s is not a valid IP for any of the subnets on the specified network.", address)
		}
		if address == "" {
			if address = free(chosen, used); address == "" {
				return fault(http.StatusConflict, "IpAddressGenerationFailure", "No more IP addresses available on network %s.", network)
			}
		}
		if used[address] {
			return fault(http.StatusConflict, "IpAddressInUse", "Unable to complete operation for network %s. The IP address %s is in use.", network, address)
		}
		used[address] = true
		allocated = append(allocated, map[string]any{"subnet_id": chosen["id"], "ip_address": address})
	}
	made["fixed_ips"] = allocated
	return nil
}

func free(subnet core.Resource, used map[string]bool) string {
	for _, pool := range subnet.List("allocation_pools") {
		object, _ := pool.(map[string]any)
		first, last := bounds(object)
		for at := first; at.IsValid() && !last.Less(at); at = at.Next() {
			if !used[at.String()] {
				return at.String()
			}
		}
	}
	return ""
}

func (n *Neutron) completeFloating(made core.Resource) error {
	network := n.tables["networks"].Get(made.Text("floating_network_id"))
	if network == nil {
		return kindOf("networks").notFound(made.Text("floating_network_id"))
	}
	if !network.Flag("router:external") {
		return badRequest("Bad floatingip request: Network %s is not a valid external network.", network["id"])
	}
	if made["floating_ip_address"] == nil {
		used := map[string]bool{}
		for _, other := range n.tables["floatingips"].All(core.Where("floating_network_id", network["id"])) {
			used[other.Text("floating_ip_address")] = true
		}
		for _, subnet := range n.tables["subnets"].All(core.Where("network_id", network["id"])) {
			if address := free(subnet, used); address != "" {
				made["floating_ip_address"] = address
				break
			}
		}
		if made["floating_ip_address"] == nil {
			return fault(http.StatusConflict, "IpAddressGenerationFailure", "No more IP addresses available on network %s.", network["id"])
		}
	}
	return n.associate(made)
}

// associate joins a floating IP with a port.
func (n *Neutron) associate(made core.Resource) error {
	made["status"], made["router_id"], made["port_details"] = "DOWN", nil, nil
	if made["port_id"] == nil {
		made["fixed_ip_address"] = nil
		return nil
	}
	port := n.tables["ports"].Get(made.Text("port_id"))
	if port == nil {
		return kindOf("ports").notFound(made.Text("port_id"))
	}
	if made["fixed_ip_address"] == nil {
		for _, fixed := range port.List("fixed_ips") {
			object, _ := fixed.(map[string]any)
			made["fixed_ip_address"] = object["ip_address"]
			break
		}
	}
	made["status"] = "ACTIVE"
	return nil
}
