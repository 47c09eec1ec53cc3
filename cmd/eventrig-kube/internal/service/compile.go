package service

import (
	"cmp"
	"net/netip"
	"slices"

	v1 "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
)

// Rule translates one address and port that clients know into the endpoints behind it.
type Rule struct {
	Name      string // namespace/service:port, for people
	Protocol  v1.Protocol
	To        netip.AddrPort   // the Service's address
	Endpoints []netip.AddrPort // in order; none means that a connection is refused
	ByClient  bool             // a client always reaches the same endpoint (sessionAffinity: ClientIP)
}

// Compile turns Services and their endpoints into rules, sorted, so that equal states give equal rules.
func Compile(services []*v1.Service, endpointSlices []*discovery.EndpointSlice, nodeIP netip.Addr) []Rule {
	bySvc := map[string][]*discovery.EndpointSlice{}
	for _, slice := range endpointSlices {
		if name := slice.Labels[discovery.LabelServiceName]; name != "" && slice.AddressType == discovery.AddressTypeIPv4 {
			key := slice.Namespace + "/" + name
			bySvc[key] = append(bySvc[key], slice)
		}
	}
	var rules []Rule
	for _, svc := range services {
		if svc.Spec.Type == v1.ServiceTypeExternalName {
			continue
		}
		key := svc.Namespace + "/" + svc.Name
		for _, port := range svc.Spec.Ports {
			if port.Protocol != v1.ProtocolTCP && port.Protocol != v1.ProtocolUDP && port.Protocol != "" {
				continue
			}
			endpoints := endpointsOf(bySvc[key], port)
			for _, to := range addressesOf(svc, port, nodeIP) {
				rules = append(rules, Rule{
					Name: key + ":" + port.Name, Protocol: cmp.Or(port.Protocol, v1.ProtocolTCP), To: to, Endpoints: endpoints,
					ByClient: svc.Spec.SessionAffinity == v1.ServiceAffinityClientIP,
				})
			}
		}
	}
	slices.SortFunc(rules, func(a, b Rule) int {
		return cmp.Or(a.To.Compare(b.To), cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Name, b.Name))
	})
	return rules
}

// addressesOf is every address a Service is reached at: its cluster addresses, its external ones, and the node's with the node port.
func addressesOf(svc *v1.Service, port v1.ServicePort, nodeIP netip.Addr) []netip.AddrPort {
	var to []netip.AddrPort
	for _, text := range slices.Concat([]string{svc.Spec.ClusterIP}, svc.Spec.ExternalIPs) {
		// A headless Service has "None" here: its clients find the endpoints by name.
		if address, err := netip.ParseAddr(text); err == nil && address.Is4() {
			to = append(to, netip.AddrPortFrom(address, uint16(port.Port)))
		}
	}
	if port.NodePort != 0 {
		to = append(to, netip.AddrPortFrom(nodeIP, uint16(port.NodePort)))
	}
	return to
}

// endpointsOf is where a Service's port leads. While a Service has no ready endpoint, those that end but still serve do,
// as kube-proxy has it.
func endpointsOf(all []*discovery.EndpointSlice, port v1.ServicePort) []netip.AddrPort {
	var ready, ending []netip.AddrPort
	for _, slice := range all {
		target, found := targetPort(slice, port)
		if !found {
			continue
		}
		for _, endpoint := range slice.Endpoints {
			isReady := endpoint.Conditions.Ready == nil || *endpoint.Conditions.Ready
			serves := endpoint.Conditions.Serving != nil && *endpoint.Conditions.Serving
			for _, text := range endpoint.Addresses {
				address, err := netip.ParseAddr(text)
				if err != nil {
					continue
				}
				switch {
				case isReady:
					ready = append(ready, netip.AddrPortFrom(address, target))
				case serves:
					ending = append(ending, netip.AddrPortFrom(address, target))
				}
			}
		}
	}
	if len(ready) == 0 {
		ready = ending
	}
	slices.SortFunc(ready, netip.AddrPort.Compare)
	return slices.Compact(ready)
}

// targetPort finds the slice's port by the Service port's name: that is where a named target port has its number.
func targetPort(slice *discovery.EndpointSlice, port v1.ServicePort) (uint16, bool) {
	for _, p := range slice.Ports {
		name, protocol := "", v1.ProtocolTCP
		if p.Name != nil {
			name = *p.Name
		}
		if p.Protocol != nil {
			protocol = *p.Protocol
		}
		if name == port.Name && protocol == cmp.Or(port.Protocol, v1.ProtocolTCP) && p.Port != nil {
			return uint16(*p.Port), true
		}
	}
	return 0, false
}
