package dns

import (
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/miekg/dns"
	v1 "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
)

// ttl is how long an answer may be kept: one second, so that a resolver that caches sees a pod's replacement in time.
const ttl = 1

// source is what the records are made of.
type source interface {
	service(namespace, name string) *v1.Service
	endpointSlices(namespace, service string) []*discovery.EndpointSlice
	hasNamespace(namespace string) bool
	podAddress(svc *v1.Service, host string) string
}

// answer holds the records for a question. When found is false the name does not exist (NXDOMAIN); a name that exists
// without records of the type asked for is an empty answer.
type answer struct {
	records []dns.RR
	extra   []dns.RR
	found   bool
}

// resolve answers as the Kubernetes DNS specification has it, for names below domain (with a final dot).
func resolve(from source, domain, name string, kind uint16) answer {
	rest, inside := strings.CutSuffix(strings.ToLower(name), "."+domain)
	if !inside {
		return answer{found: strings.EqualFold(name, domain)}
	}
	labels := strings.Split(rest, ".")
	slices.Reverse(labels) // svc, namespace, service, (endpoint | _protocol, _port)
	switch labels[0] {
	case "svc":
		return resolveService(from, domain, name, labels[1:], kind)
	case "pod":
		return resolvePod(from, name, labels[1:], kind)
	}
	return answer{}
}

func resolveService(from source, domain, name string, labels []string, kind uint16) answer {
	switch len(labels) {
	case 0:
		return answer{found: true}
	case 1:
		return answer{found: from.hasNamespace(labels[0])}
	}
	svc := from.service(labels[0], labels[1])
	if svc == nil {
		return answer{}
	}
	if svc.Spec.Type == v1.ServiceTypeExternalName {
		if len(labels) != 2 {
			return answer{}
		}
		return answer{found: true, records: []dns.RR{&dns.CNAME{Hdr: header(name, dns.TypeCNAME), Target: dns.Fqdn(svc.Spec.ExternalName)}}}
	}
	full := fmt.Sprintf("%s.%s.svc.%s", svc.Name, svc.Namespace, domain)
	switch len(labels) {
	case 2:
		return addressAnswer(name, kind, serviceAddresses(from, svc))
	case 3:
		return resolveEndpoint(from, svc, name, labels[2], kind)
	case 4:
		return resolvePort(from, svc, full, name, labels[2], labels[3], kind)
	}
	return answer{}
}

// serviceAddresses is the Service's own address, or for a headless one those of its endpoints.
func serviceAddresses(from source, svc *v1.Service) []net.IP {
	if svc.Spec.ClusterIP != v1.ClusterIPNone {
		if ip := net.ParseIP(svc.Spec.ClusterIP).To4(); ip != nil {
			return []net.IP{ip}
		}
		return nil
	}
	var ips []net.IP
	for _, e := range endpoints(from, svc) {
		if !slices.ContainsFunc(ips, e.ip.Equal) {
			ips = append(ips, e.ip)
		}
	}
	return ips
}

func resolveEndpoint(from source, svc *v1.Service, name, host string, kind uint16) answer {
	if svc.Spec.ClusterIP != v1.ClusterIPNone {
		return answer{}
	}
	var ips []net.IP
	for _, e := range endpoints(from, svc) {
		if e.host == host {
			ips = append(ips, e.ip)
		}
	}
	if len(ips) == 0 && svc.Spec.PublishNotReadyAddresses {
		// Where readiness does not matter an endpoint is the pod's address, which reaches the EndpointSlice by way of the
		// kubelet, the API server and a controller. Servers of one cluster that start together look for one another before
		// that, and one that does not find the others takes seconds for its next attempt (NATS: 4 to 9 s).
		if ip := net.ParseIP(from.podAddress(svc, host)).To4(); ip != nil {
			ips = append(ips, ip)
		}
	}
	if len(ips) == 0 {
		return answer{}
	}
	return addressAnswer(name, kind, ips)
}

// resolvePort answers _port._protocol.service.namespace.svc: a named port, and the addresses of its targets.
func resolvePort(from source, svc *v1.Service, full, name, protocol, port string, kind uint16) answer {
	protocol, isProtocol := strings.CutPrefix(protocol, "_")
	port, isPort := strings.CutPrefix(port, "_")
	if !isProtocol || !isPort {
		return answer{}
	}
	a := answer{}
	target := func(host string, number int32, ip net.IP) {
		a.records = append(a.records, &dns.SRV{Hdr: header(name, dns.TypeSRV), Priority: 0, Weight: 100, Port: uint16(number), Target: host})
		a.extra = append(a.extra, &dns.A{Hdr: header(host, dns.TypeA), A: ip})
	}
	if svc.Spec.ClusterIP != v1.ClusterIPNone {
		for _, p := range svc.Spec.Ports {
			if p.Name != "" && p.Name == port && strings.EqualFold(string(p.Protocol), protocol) {
				a.found = true
				target(full, p.Port, net.ParseIP(svc.Spec.ClusterIP).To4())
			}
		}
	} else {
		for _, e := range endpoints(from, svc) {
			for _, p := range e.ports {
				if p.Name != nil && *p.Name == port && p.Port != nil && p.Protocol != nil && strings.EqualFold(string(*p.Protocol), protocol) {
					a.found = true
					target(e.host+"."+full, *p.Port, e.ip)
				}
			}
		}
	}
	if kind != dns.TypeSRV {
		a.records, a.extra = nil, nil
	}
	return a
}

// resolvePod answers 10-244-1-2.namespace.pod with the address it spells.
func resolvePod(from source, name string, labels []string, kind uint16) answer {
	if len(labels) != 2 || !from.hasNamespace(labels[0]) {
		return answer{}
	}
	ip := net.ParseIP(strings.ReplaceAll(labels[1], "-", ".")).To4()
	if ip == nil {
		return answer{}
	}
	return addressAnswer(name, kind, []net.IP{ip})
}

type target struct {
	host  string
	ip    net.IP
	ports []discovery.EndpointPort
}

// endpoints is a headless Service's, those ready or all of them as the Service wants it. An endpoint without a host name
// gets one made of its address.
func endpoints(from source, svc *v1.Service) []target {
	var all []target
	seen := map[string]bool{}
	for _, slice := range from.endpointSlices(svc.Namespace, svc.Name) {
		if slice.AddressType != discovery.AddressTypeIPv4 {
			continue
		}
		for _, e := range slice.Endpoints {
			if e.Conditions.Ready != nil && !*e.Conditions.Ready && !svc.Spec.PublishNotReadyAddresses {
				continue
			}
			for _, text := range e.Addresses {
				ip := net.ParseIP(text).To4()
				host := strings.ReplaceAll(text, ".", "-")
				if e.Hostname != nil && *e.Hostname != "" {
					host = *e.Hostname
				}
				if ip == nil || seen[host+" "+text] {
					continue
				}
				seen[host+" "+text] = true
				all = append(all, target{host: host, ip: ip, ports: slice.Ports})
			}
		}
	}
	return all
}

func addressAnswer(name string, kind uint16, ips []net.IP) answer {
	a := answer{found: true}
	if kind == dns.TypeA || kind == dns.TypeANY {
		for _, ip := range ips {
			a.records = append(a.records, &dns.A{Hdr: header(name, dns.TypeA), A: ip})
		}
	}
	return a
}

func header(name string, kind uint16) dns.RR_Header {
	return dns.RR_Header{Name: name, Rrtype: kind, Class: dns.ClassINET, Ttl: ttl}
}
