package dns

import (
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
	v1 "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

type cluster struct {
	services []*v1.Service
	slices   []*discovery.EndpointSlice
	pods     map[string]string // namespace/subdomain/hostname -> address
}

func (c cluster) service(namespace, name string) *v1.Service {
	for _, svc := range c.services {
		if svc.Namespace == namespace && svc.Name == name {
			return svc
		}
	}
	return nil
}

func (c cluster) endpointSlices(namespace, service string) []*discovery.EndpointSlice {
	var all []*discovery.EndpointSlice
	for _, slice := range c.slices {
		if slice.Namespace == namespace && slice.Labels[discovery.LabelServiceName] == service {
			all = append(all, slice)
		}
	}
	return all
}

func (c cluster) hasNamespace(namespace string) bool {
	return slices.ContainsFunc(c.services, func(svc *v1.Service) bool { return svc.Namespace == namespace })
}

func (c cluster) podAddress(svc *v1.Service, host string) string {
	return c.pods[svc.Namespace+"/"+svc.Name+"/"+host]
}

func ptr[T any](v T) *T { return &v }

func exampleCluster() cluster {
	service := func(name string, spec v1.ServiceSpec) *v1.Service {
		return &v1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "argo", Name: name}, Spec: spec}
	}
	slice := func(service string) *discovery.EndpointSlice {
		return &discovery.EndpointSlice{
			ObjectMeta:  metav1.ObjectMeta{Namespace: "argo", Labels: map[string]string{discovery.LabelServiceName: service}},
			AddressType: discovery.AddressTypeIPv4,
			Ports:       []discovery.EndpointPort{{Name: ptr("client"), Port: ptr(int32(4222)), Protocol: ptr(v1.ProtocolTCP)}},
			Endpoints: []discovery.Endpoint{
				{Addresses: []string{"10.244.1.2"}, Hostname: ptr("bus-0"), Conditions: discovery.EndpointConditions{Ready: ptr(true)}},
				{Addresses: []string{"10.244.1.3"}, Hostname: ptr("bus-1"), Conditions: discovery.EndpointConditions{Ready: ptr(false)}},
				{Addresses: []string{"10.244.1.2"}, Hostname: ptr("alias"), Conditions: discovery.EndpointConditions{Ready: ptr(true)}},
				{Addresses: []string{"10.244.1.4"}, Conditions: discovery.EndpointConditions{Ready: ptr(true)}},
			},
		}
	}
	return cluster{
		services: []*v1.Service{
			service("web", v1.ServiceSpec{ClusterIP: "10.96.1.1", Ports: []v1.ServicePort{{Name: "http", Port: 80, Protocol: v1.ProtocolTCP}}}),
			service("bus", v1.ServiceSpec{ClusterIP: v1.ClusterIPNone}),
			service("early", v1.ServiceSpec{ClusterIP: v1.ClusterIPNone, PublishNotReadyAddresses: true}),
			service("empty", v1.ServiceSpec{ClusterIP: v1.ClusterIPNone}),
			service("outside", v1.ServiceSpec{Type: v1.ServiceTypeExternalName, ExternalName: "keystone.example.org"}),
		},
		slices: []*discovery.EndpointSlice{slice("bus"), slice("early")},
		// Both have an address that no EndpointSlice has yet.
		pods: map[string]string{"argo/bus/bus-2": "10.244.1.5", "argo/early/bus-2": "10.244.1.5"},
	}
}

func TestResolve(t *testing.T) {
	const absent = "NXDOMAIN"
	for _, c := range []struct {
		name string
		kind uint16
		want string // what the records say, sorted, without their headers
	}{
		{"web.argo.svc.cluster.local.", dns.TypeA, "10.96.1.1"},
		{"WEB.argo.SVC.cluster.local.", dns.TypeA, "10.96.1.1"},
		{"web.argo.svc.cluster.local.", dns.TypeAAAA, ""},
		{"_http._tcp.web.argo.svc.cluster.local.", dns.TypeSRV, "0 100 80 web.argo.svc.cluster.local."},
		{"_http._udp.web.argo.svc.cluster.local.", dns.TypeSRV, absent},
		{"bus.argo.svc.cluster.local.", dns.TypeA, "10.244.1.2 10.244.1.4"},
		{"early.argo.svc.cluster.local.", dns.TypeA, "10.244.1.2 10.244.1.3 10.244.1.4"},
		{"empty.argo.svc.cluster.local.", dns.TypeA, ""},
		{"bus-0.bus.argo.svc.cluster.local.", dns.TypeA, "10.244.1.2"},
		{"alias.bus.argo.svc.cluster.local.", dns.TypeA, "10.244.1.2"},
		{"bus-0.bus.argo.svc.cluster.local.", dns.TypeAAAA, ""},
		{"bus-1.bus.argo.svc.cluster.local.", dns.TypeA, absent},
		{"bus-1.early.argo.svc.cluster.local.", dns.TypeA, "10.244.1.3"},
		{"bus-2.bus.argo.svc.cluster.local.", dns.TypeA, absent},
		{"bus-2.early.argo.svc.cluster.local.", dns.TypeA, "10.244.1.5"},
		{"bus-3.early.argo.svc.cluster.local.", dns.TypeA, absent},
		{"10-244-1-4.bus.argo.svc.cluster.local.", dns.TypeA, "10.244.1.4"},
		{"_client._tcp.bus.argo.svc.cluster.local.", dns.TypeSRV, "0 100 4222 10-244-1-4.bus.argo.svc.cluster.local. 0 100 4222 alias.bus.argo.svc.cluster.local. 0 100 4222 bus-0.bus.argo.svc.cluster.local."},
		{"outside.argo.svc.cluster.local.", dns.TypeA, "keystone.example.org."},
		{"10-244-1-2.argo.pod.cluster.local.", dns.TypeA, "10.244.1.2"},
		{"nonsense.argo.pod.cluster.local.", dns.TypeA, absent},
		{"argo.svc.cluster.local.", dns.TypeA, ""},
		{"nowhere.svc.cluster.local.", dns.TypeA, absent},
		{"nothing.argo.svc.cluster.local.", dns.TypeA, absent},
		{"cluster.local.", dns.TypeA, ""},
		{"web.argo.svc.cluster.local.argo.svc.cluster.local.", dns.TypeA, absent},
		{"github.com.", dns.TypeA, absent},
	} {
		a := resolve(exampleCluster(), "cluster.local.", c.name, c.kind)
		got := absent
		if a.found {
			var texts []string
			for _, record := range a.records {
				texts = append(texts, strings.TrimPrefix(record.String(), record.Header().String()))
			}
			slices.Sort(texts)
			got = strings.Join(texts, " ")
		}
		if got != c.want {
			t.Errorf("%s %s: got %q, want %q", dns.TypeToString[c.kind], c.name, got, c.want)
		}
	}
}
