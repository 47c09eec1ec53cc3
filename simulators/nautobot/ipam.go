package nautobot

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// globalNamespace is the namespace that a new Nautobot has and that prefixes fall into (ipam/models.py).
const globalNamespace = "Global"

func deriveNamespace(w *writer) {
	if w.value("namespace") != nil {
		return
	}
	table := w.s.store.tables["ipam/namespaces"]
	if g := table.where(table.model.field("name"), globalNamespace); g.len() > 0 {
		w.m.set(w.r, "namespace", g.at(0).id)
	}
}

// derivePrefix takes a prefix apart and finds its parent (Prefix._deconstruct_prefix, get_parent).
func derivePrefix(w *writer) {
	deriveNamespace(w)
	network, err := netip.ParsePrefix(w.text("prefix"))
	if err != nil {
		return
	}
	network = network.Masked()
	w.m.set(w.r, "prefix", network.String())
	w.m.set(w.r, "network", network.Addr().String())
	w.m.set(w.r, "broadcast", last(network).String())
	w.m.set(w.r, "prefix_length", int64(network.Bits()))
	w.m.set(w.r, "ip_version", ipVersion(network.Addr()))
	parent := w.s.store.closestPrefix(w.text("namespace"), network.Addr(), network.Bits()-1, w.r.id)
	w.m.set(w.r, "parent", nil)
	if parent != nil {
		w.m.set(w.r, "parent", parent.id)
	}
}

func ipVersion(ip netip.Addr) string {
	if ip.Is4() {
		return "4"
	}
	return "6"
}

// last is the highest address of a network.
func last(network netip.Prefix) netip.Addr {
	bytes := network.Addr().AsSlice()
	for bit := network.Bits(); bit < len(bytes)*8; bit++ {
		bytes[bit/8] |= 1 << (7 - bit%8)
	}
	ip, _ := netip.AddrFromSlice(bytes) // as many bytes as it gave
	return ip
}

// closestPrefix finds the longest prefix of a namespace, at most that long, that holds an address.
func (s *store) closestPrefix(namespace string, ip netip.Addr, longest int, except string) *record {
	for bits := longest; bits >= 0; bits-- {
		network, err := ip.Prefix(bits)
		if err != nil {
			return nil
		}
		if r := s.prefix(namespace, network); r != nil && r.id != except {
			return r
		}
	}
	return nil
}

// prefix finds the record of a network by the unique set that it is in.
func (s *store) prefix(namespace string, network netip.Prefix) *record {
	table := s.tables["ipam/prefixes"]
	for i, set := range table.model.sets {
		if len(set.fields) == 3 {
			return table.sets[i][namespace+"\x00"+network.Addr().String()+"\x00"+sortNumber(int64(network.Bits()))+"\x00"]
		}
	}
	return nil
}

// reparent puts below a new or moved prefix what belongs there (Prefix.reparent_subnets, reparent_ips).
func reparent(w *writer) {
	network, err := netip.ParsePrefix(w.text("prefix"))
	if err != nil || (w.old != nil && w.m.text(w.old, "prefix") == w.text("prefix") && w.m.text(w.old, "namespace") == w.text("namespace")) {
		return
	}
	var siblings []*record
	if parent := w.text("parent"); parent != "" {
		siblings = w.s.store.tables[w.m.path].where(w.m.field("parent"), parent).records()
	} else {
		w.s.store.tables[w.m.path].where(w.m.field("namespace"), w.text("namespace")).all(func(r *record) bool {
			if w.m.get(r, "parent") == nil {
				siblings = append(siblings, r)
			}
			return true
		})
	}
	for _, sibling := range siblings {
		other, err := netip.ParsePrefix(w.m.text(sibling, "prefix"))
		if err == nil && sibling.id != w.r.id && other.Bits() > network.Bits() && network.Contains(other.Addr()) {
			moved := sibling.clone()
			w.m.set(moved, "parent", w.r.id)
			w.t.put(w.m, moved)
		}
	}
	if parent := w.text("parent"); parent != "" {
		addresses := w.s.store.tables["ipam/ip-addresses"]
		for _, r := range addresses.where(addresses.model.field("parent"), parent).records() {
			if ip, err := netip.ParseAddr(addresses.model.text(r, "host")); err == nil && network.Contains(ip) {
				moved := r.clone()
				addresses.model.set(moved, "parent", w.r.id)
				w.t.put(addresses.model, moved)
			}
		}
	}
}

// releaseChildren hands a prefix's children to its parent before it goes (Prefix.delete); addresses need one.
func releaseChildren(t *transaction, m *model, r *record) error {
	parent := m.get(r, "parent")
	addresses := t.store.tables["ipam/ip-addresses"]
	own := addresses.where(addresses.model.field("parent"), r.id).records()
	if len(own) > 0 && parent == nil {
		var by []dependent
		for _, ip := range own {
			by = append(by, dependent{model: addresses.model, record: ip})
		}
		return t.protected(by)
	}
	for _, ip := range own {
		moved := ip.clone()
		addresses.model.set(moved, "parent", parent)
		t.put(addresses.model, moved)
	}
	for _, child := range t.store.tables[m.path].where(m.field("parent"), r.id).records() {
		moved := child.clone()
		m.set(moved, "parent", parent)
		t.put(m, moved)
	}
	return nil
}

// deriveAddress takes an address apart and finds its parent prefix (IPAddress.clean, IPAddressSerializer.validate).
func deriveAddress(w *writer) {
	given, parentGiven := w.text("namespace"), w.value("parent")
	w.m.set(w.r, "namespace", nil)
	address, err := netip.ParsePrefix(w.text("address"))
	if err != nil {
		return
	}
	host := address.Addr().String()
	if w.old != nil && w.m.text(w.old, "host") != host {
		w.issues.add("address", "Host address cannot be changed once created")
		return
	}
	w.m.set(w.r, "host", host)
	w.m.set(w.r, "mask_length", int64(address.Bits()))
	w.m.set(w.r, "ip_version", ipVersion(address.Addr()))
	w.m.set(w.r, "dns_name", strings.ToLower(w.text("dns_name")))
	if w.old == nil && given == "" && parentGiven == nil {
		w.issues.add(allField, "One of parent or namespace must be provided")
		return
	}
	prefixes := w.s.schema.byPath["ipam/prefixes"]
	namespace := given
	if namespace == "" {
		if _, parent := w.other("parent"); parent != nil {
			namespace = prefixes.text(parent, "namespace")
		}
	}
	closest := w.s.store.closestPrefix(namespace, address.Addr(), address.Addr().BitLen(), "")
	if closest == nil {
		w.issues.add("namespace", "No suitable parent Prefix exists in this Namespace")
		return
	}
	if _, parent := w.other("parent"); parent != nil && parent.id != closest.id && w.sent("parent") {
		spaces, space := w.s.store.follow(prefixes, closest, "namespace")
		w.issues.add("parent", fmt.Sprintf("%s cannot be assigned as the parent of %s.  In namespace %s, the expected parent would be %s.",
			prefixes.text(parent, "prefix"), w.text("address"), w.s.store.str(spaces, space), prefixes.text(closest, "prefix")))
		return
	}
	w.m.set(w.r, "parent", closest.id)
}

func checkAddress(w *writer) {
	if w.text("type") == "slaac" && w.text("ip_version") != "6" {
		w.issues.add("type", "Only IPv6 addresses can be assigned SLAAC type")
	}
	if w.text("nat_inside") == w.r.id {
		w.issues.add("nat_inside", "IP address cannot be its own NAT inside address.")
	}
}

func checkAssignment(w *writer) {
	device, vm := w.value("interface"), w.value("vm_interface")
	switch {
	case device != nil && vm != nil:
		w.issues.add("interface", "Cannot use a single instance to associate to both an Interface and a VMInterface.")
	case device == nil && vm == nil:
		w.issues.add("interface", "Must associate to either an Interface or a VMInterface.")
	}
}

// numberRange reads "1-10,20" (core/forms/utils.py parse_numeric_range).
func numberRange(words string) func(int64) bool {
	var ranges [][2]int64
	for part := range strings.SplitSeq(words, ",") {
		low, high, ranged := strings.Cut(strings.TrimSpace(part), "-")
		from, err := strconv.ParseInt(strings.TrimSpace(low), 10, 64)
		if err != nil {
			return nil
		}
		to := from
		if ranged {
			if to, err = strconv.ParseInt(strings.TrimSpace(high), 10, 64); err != nil || to < from {
				return nil
			}
		}
		ranges = append(ranges, [2]int64{from, to})
	}
	return func(number int64) bool {
		return slices.ContainsFunc(ranges, func(r [2]int64) bool { return r[0] <= number && number <= r[1] })
	}
}

func checkVLANGroup(w *writer) {
	w.checkLocationType("VLAN groups")
	within := numberRange(w.text("range"))
	if within == nil {
		w.issues.add("range", "Invalid list of range(s).")
		return
	}
	vlans := w.s.store.tables["ipam/vlans"]
	var outside []string
	vlans.where(vlans.model.field("vlan_group"), w.r.id).all(func(r *record) bool {
		if vid, _ := vlans.model.get(r, "vid").(int64); !within(vid) {
			outside = append(outside, fmt.Sprint(vid))
		}
		return true
	})
	if len(outside) > 0 {
		w.issues.add("range", fmt.Sprintf("VLAN group range may not be re-sized due to existing VLANs (IDs: %s).", strings.Join(outside, ",")))
	}
}

func checkVLAN(w *writer) {
	groups, group := w.other("vlan_group")
	if group == nil {
		return
	}
	allowed := groups.text(group, "range")
	vid, _ := w.value("vid").(int64)
	if within := numberRange(allowed); within != nil && !within(vid) {
		w.issues.add("vid", fmt.Sprintf("VLAN ID is not contained in VLAN Group range (%s)", allowed))
	}
}

func checkService(w *writer) {
	device, vm := w.value("device"), w.value("virtual_machine")
	switch {
	case device != nil && vm != nil:
		w.issues.add(allField, "A service cannot be associated with both a device and a virtual machine.")
	case device == nil && vm == nil:
		w.issues.add(allField, "A service must be associated with either a device or a virtual machine.")
	}
	ports, ok := w.value("ports").([]any)
	if !ok {
		w.issues.add("ports", fmt.Sprintf(`Expected a list of items but got type "%s".`, pythonType(w.value("ports"))))
		return
	}
	for _, port := range ports {
		if _, message := convertInteger(&field{low: 1, high: 65535}, port); message != "" {
			w.issues.add("ports", message)
			return
		}
	}
}

func checkVRFAssignment(w *writer) {
	vrfs, vrf := w.other("vrf")
	if vrf == nil {
		return
	}
	for _, name := range []string{"rd", "name"} {
		if w.text(name) == "" {
			w.m.set(w.r, name, vrfs.get(vrf, name))
		}
	}
	owners := 0
	for _, name := range []string{"device", "virtual_machine", "virtual_device_context"} {
		if w.value(name) != nil {
			owners++
		}
	}
	switch {
	case owners > 1:
		w.issues.add(allField, "A VRF assignment must not be associated with more than one of the following: `device`, `virtual_machine`, `virtual_device_context`.")
	case owners == 0:
		w.issues.add(allField, "A VRF must be associated with either a device, a virtual machine, or a virtual device context.")
	}
}

func checkVRFPrefix(w *writer) {
	vrfs, vrf := w.other("vrf")
	prefixes, prefix := w.other("prefix")
	if vrf != nil && prefix != nil && vrfs.text(vrf, "namespace") != prefixes.text(prefix, "namespace") {
		w.issues.add("prefix", "Prefix must be in same namespace as VRF")
	}
}

// specialFilters are filters that no field explains, by path?name.
var specialFilters map[string]func(s *store, m *model, values []string) (*condition, string)

func init() {
	specialFilters = map[string]func(s *store, m *model, values []string) (*condition, string){
		"dcim/cables?device":             cablesOfDevice,
		"dcim/cables?device_id":          cablesOfDevice,
		"ipam/ip-addresses?address":      addressFilter,
		"ipam/ip-addresses?prefix":       func(s *store, m *model, v []string) (*condition, string) { return withinFilter(m, "host", v, true) },
		"ipam/prefixes?prefix":           prefixFilter,
		"ipam/prefixes?within":           func(s *store, m *model, v []string) (*condition, string) { return withinFilter(m, "prefix", v, false) },
		"ipam/prefixes?within_include":   func(s *store, m *model, v []string) (*condition, string) { return withinFilter(m, "prefix", v, true) },
		"ipam/prefixes?contains":         containsFilter,
		"ipam/vlans?available_on_device": availableOnDevice,

		"dcim/devices?has_primary_ip":                    hasPrimary,
		"virtualization/virtual-machines?has_primary_ip": hasPrimary,
	}
}

// hasPrimary is the filter ?has_primary_ip=: those with a primary address of either version.
func hasPrimary(_ *store, m *model, values []string) (*condition, string) {
	wanted, message := convertBoolean(values[0])
	return &condition{test: func(r *record) bool {
		has := m.get(r, "primary_ip4") != nil || m.get(r, "primary_ip6") != nil
		return message != "" || has == wanted.(bool)
	}}, ""
}

// addressFilter is MultiValueCharFilter filter_address (ipam/filters.py): a host, or a host with its mask.
func addressFilter(s *store, m *model, values []string) (*condition, string) {
	hosts, masks := []string{}, map[string]map[int64]bool{}
	for _, value := range values {
		text, mask, masked := strings.Cut(value, "/")
		ip, err := netip.ParseAddr(text)
		if err != nil {
			continue // the real filter finds nothing for what is no address
		}
		host := ip.String()
		hosts = append(hosts, host)
		if masks[host] == nil {
			masks[host] = map[int64]bool{}
		}
		bits := int64(-1)
		if masked {
			if bits, err = strconv.ParseInt(mask, 10, 64); err != nil {
				continue
			}
		}
		masks[host][bits] = true
	}
	c := &condition{test: func(r *record) bool {
		wanted := masks[m.text(r, "host")]
		bits, _ := m.get(r, "mask_length").(int64)
		return wanted[-1] || wanted[bits]
	}}
	s.narrow(c, m, m.field("host"), hosts)
	c.exact = false
	return c, ""
}

func prefixFilter(s *store, m *model, values []string) (*condition, string) {
	var wanted []string
	for _, value := range values {
		if network, err := netip.ParsePrefix(value); err == nil {
			wanted = append(wanted, network.Masked().String())
		}
	}
	c := &condition{test: func(r *record) bool { return slices.Contains(wanted, m.text(r, "prefix")) }}
	s.narrow(c, m, m.field("prefix"), wanted)
	return c, ""
}

// withinFilter finds what lies in one of the networks.
func withinFilter(m *model, name string, values []string, include bool) (*condition, string) {
	var networks []netip.Prefix
	for _, value := range values {
		network, err := netip.ParsePrefix(strings.TrimSpace(value))
		if err == nil {
			networks = append(networks, network.Masked())
		}
	}
	return &condition{test: func(r *record) bool {
		words := m.text(r, name)
		own, err := netip.ParsePrefix(words)
		if err != nil {
			ip, err := netip.ParseAddr(words)
			if err != nil {
				return false
			}
			own = netip.PrefixFrom(ip, ip.BitLen())
		}
		return slices.ContainsFunc(networks, func(network netip.Prefix) bool {
			return network.Contains(own.Addr()) && (own.Bits() > network.Bits() || include && own.Bits() == network.Bits())
		})
	}}, ""
}

func containsFilter(_ *store, m *model, values []string) (*condition, string) {
	return &condition{test: func(r *record) bool {
		own, err := netip.ParsePrefix(m.text(r, "prefix"))
		return err == nil && slices.ContainsFunc(values, func(value string) bool {
			if ip, err := netip.ParseAddr(value); err == nil {
				return own.Contains(ip)
			}
			network, err := netip.ParsePrefix(value)
			return err == nil && own.Bits() <= network.Bits() && own.Contains(network.Addr())
		})
	}}, ""
}

// availableOnDevice finds the VLANs of a device's location and those of none.
func availableOnDevice(s *store, m *model, values []string) (*condition, string) {
	devices := s.schema.byPath["dcim/devices"]
	ids, _, message := s.named(devices, values)
	if message != "" {
		return nil, message
	}
	locations := map[string]bool{}
	for _, id := range ids {
		places, at := s.follow(devices, s.find(devices.path, id), "location")
		for at != nil && !locations[at.id] {
			locations[at.id] = true
			_, at = s.follow(places, at, "parent")
		}
	}
	f := m.field("locations")
	return &condition{test: func(r *record) bool {
		own := s.throughIDs(f, r)
		return len(own) == 0 || slices.ContainsFunc(own, func(id string) bool { return locations[id] })
	}}, ""
}
