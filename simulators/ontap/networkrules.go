package ontap

import "strconv"

func (s *Server) portRules(o *operation, old, r record) error {
	if old != nil || (o.fromWorld && r.text("type") != "vlan") {
		r.setDefault("type", "physical")
		r.setDefault("enabled", true)
		r.setDefault("state", "up")
		if s.taken("network/ethernet/ports", r, "name", "node.uuid") {
			return refuse(409, codeDuplicate, "name", "duplicate entry")
		}
		return nil
	}
	tag, _ := r.value("vlan.tag").(int64)
	base := s.store.get("network/ethernet/ports", r.text("vlan.base_port.uuid"))
	switch {
	case r.text("type") != "vlan":
		// A link aggregation group is a type, too; nobody here makes one.
		return refuse(400, "1967083", "type", "The specified type is not valid.")
	case base == nil:
		return refuse(400, "1967091", "vlan.base_port", "The specified VLAN base port name and node name are not valid.")
	case r.value("node") != nil && r.text("node.uuid") != base.text("node.uuid"):
		return refuse(400, "1967092", "node", "The specified node does not match the node specified for the VLAN base port.")
	case tag < 1 || tag > 4094:
		return invalid("vlan.tag", tag, "integer from 1 to 4094")
	}
	r.set("node", map[string]any{"uuid": base.text("node.uuid")})
	r.set("name", base.text("name")+"-"+strconv.FormatInt(tag, 10))
	if s.taken("network/ethernet/ports", r, "name", "node.uuid") {
		return refuse(409, codeDuplicate, "", "duplicate entry")
	}
	for _, name := range []string{"mac_address", "mtu", "speed", "state"} {
		r.setDefault(name, base.value(name))
	}
	r.setDefault("enabled", true)
	return nil
}

func (s *Server) releasePort(r record) error {
	if r.text("type") != "vlan" {
		return refuse(400, codeGeneral, "", "The port %q is physical: it cannot be deleted.", r.text("name"))
	}
	for _, lif := range s.store.all("network/ip/interfaces") {
		if lif.text("location.home_port.uuid") == r.id() || lif.text("location.port.uuid") == r.id() {
			return refuse(409, "1966189", "", "Port is the home port or current port of an interface.")
		}
	}
	return nil
}

func (s *Server) interfaceRules(r record) error {
	if r.text("name") == "" {
		return refuse(400, codeGeneral, "name", "An interface needs a name.")
	}
	r.setDefault("scope", "svm")
	if r.text("scope") == "svm" && r.value("svm") == nil {
		return refuse(400, "1967127", "svm", `svm.uuid or svm.name must be provided if scope is "svm".`)
	}
	if r.value("svm") != nil {
		r.set("ipspace", s.store.get("svm/svms", r.text("svm.uuid")).value("ipspace"))
	} else if r.value("ipspace") == nil {
		return refuse(400, "1967128", "ipspace", `ipspace.uuid or ipspace.name must be provided if scope is "cluster".`)
	}
	family, err := address(r, "ip.address")
	if err != nil {
		return err
	}
	length, err := strconv.Atoi(r.text("ip.netmask"))
	switch {
	case err != nil:
		return invalid("ip.netmask", r.value("ip.netmask"), "IP netmask or length")
	case family == "ipv4" && (length < 1 || length > 32):
		return refuse(400, "1966269", "ip.netmask", "IPv4 addresses must have a prefix length between 1 and 32.")
	case family == "ipv6" && (length < 1 || length > 127):
		return refuse(400, "1966267", "ip.netmask", "IPv6 addresses must have a prefix length between 1 and 127.")
	case s.taken("network/ip/interfaces", r, "name", "svm.uuid"):
		return refuse(409, "1966140", "name", "An interface with the same name already exists.")
	case s.taken("network/ip/interfaces", r, "ip.address", "ipspace.uuid"):
		return refuse(409, "1376963", "ip.address", "Duplicate IP address.")
	}
	r.set("ip.family", family)
	if err := s.place(r); err != nil {
		return err
	}
	r.setDefault("enabled", true)
	r.setDefault("location.auto_revert", false)
	r.setDefault("location.failover", "home_port_only")
	r.setDefault("service_policy.name", "default-data-files")
	r.set("location.is_home", true)
	r.set("state", "down")
	if r.value("enabled") == true {
		r.set("state", "up")
	}
	return nil
}

// place finds an interface's home from what is said of it: a port, a node, a broadcast domain, or some of them.
func (s *Server) place(r record) error {
	port := s.store.get("network/ethernet/ports", r.text("location.home_port.uuid"))
	node, domain := r.text("location.home_node.uuid"), r.text("location.broadcast_domain.uuid")
	if port == nil && node == "" && domain == "" {
		return refuse(400, "1967111", "location", "Home node must be specified by at least one location.home_node, location.home_port, or location.broadcast_domain field.")
	}
	if port == nil {
		for _, candidate := range s.store.all("network/ethernet/ports") {
			fits := (node == "" || candidate.text("node.uuid") == node) && (domain == "" || candidate.text("broadcast_domain.uuid") == domain)
			if fits && candidate.text("name") != "e0M" {
				port = candidate
				break
			}
		}
		if port == nil {
			return refuse(400, "1967153", "location", "No suitable port exists on location.home_node to host the interface.")
		}
	}
	switch {
	case node != "" && port.text("node.uuid") != node:
		return refuse(400, "1967112", "location.home_node", "The specified location.home_node.name does not match the node name of location.home_port.uuid.")
	case domain != "" && port.text("broadcast_domain.uuid") != domain:
		return refuse(400, "1966987", "location", "The Vserver Broadcast-Domain Home-Node and Home-Port combination is not valid.")
	}
	for _, name := range []string{"home_port", "port"} {
		r.set("location."+name, map[string]any{"uuid": port.id()})
	}
	for _, name := range []string{"home_node", "node"} {
		r.set("location."+name, map[string]any{"uuid": port.text("node.uuid")})
	}
	if of := port.text("broadcast_domain.uuid"); of != "" {
		r.set("location.broadcast_domain", map[string]any{"uuid": of})
	}
	return nil
}

func (s *Server) routeRules(r record) error {
	if r.value("gateway") == nil {
		return refuse(400, codeGeneral, "gateway", "A route needs a gateway.")
	}
	family, err := address(r, "gateway")
	if err != nil {
		return err
	}
	if r.value("destination.netmask") != nil && r.value("destination.address") == nil {
		return refuse(400, "1967080", "destination.address", "The destination.address is missing.")
	}
	everywhere := map[string]string{"ipv4": "0.0.0.0", "ipv6": "::"}[family]
	r.setDefault("destination.address", everywhere)
	if r.value("destination.netmask") == nil {
		length := map[string]string{"ipv4": "32", "ipv6": "128"}[family]
		if r.text("destination.address") == everywhere {
			length = "0"
		}
		r.set("destination.netmask", length)
	}
	of, err := address(r, "destination.address")
	if err != nil {
		return err
	}
	if of != family {
		return refuse(400, codeGeneral, "destination.address", "The destination is %s, the gateway is %s.", of, family)
	}
	r.set("destination.family", family)
	r.set("scope", "cluster")
	if svm := s.store.get("svm/svms", r.text("svm.uuid")); svm != nil {
		r.set("scope", "svm")
		r.set("ipspace", svm.value("ipspace"))
	}
	r.setDefault("ipspace", s.ipspace("Default"))
	r.setDefault("metric", int64(20))
	if s.taken("network/ip/routes", r, "svm.uuid", "ipspace.uuid", "gateway", "destination.address", "destination.netmask") {
		return refuse(409, "1966345", "", "Duplicate route exists.")
	}
	return nil
}
