package service

import (
	"net/netip"
	"reflect"
	"testing"

	v1 "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func ptr[T any](v T) *T { return &v }

func addresses(texts ...string) []netip.AddrPort {
	var all []netip.AddrPort
	for _, text := range texts {
		all = append(all, netip.MustParseAddrPort(text))
	}
	return all
}

func slice(svc, portName string, port int32, endpoints ...discovery.Endpoint) *discovery.EndpointSlice {
	return &discovery.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Namespace: "argo", Name: svc + "-x", Labels: map[string]string{discovery.LabelServiceName: svc}},
		AddressType: discovery.AddressTypeIPv4,
		Ports:       []discovery.EndpointPort{{Name: ptr(portName), Port: ptr(port), Protocol: ptr(v1.ProtocolTCP)}},
		Endpoints:   endpoints,
	}
}

func endpoint(ip string, ready, serving bool) discovery.Endpoint {
	return discovery.Endpoint{Addresses: []string{ip}, Conditions: discovery.EndpointConditions{Ready: ptr(ready), Serving: ptr(serving)}}
}

func svc(name, ip string, ports ...v1.ServicePort) *v1.Service {
	return &v1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "argo", Name: name}, Spec: v1.ServiceSpec{ClusterIP: ip, Ports: ports}}
}

func TestCompile(t *testing.T) {
	node := netip.MustParseAddr("10.244.0.1")
	http := v1.ServicePort{Name: "http", Port: 80, Protocol: v1.ProtocolTCP}
	for _, c := range []struct {
		name     string
		services []*v1.Service
		slices   []*discovery.EndpointSlice
		want     []Rule
	}{
		{
			"ready endpoints of all slices, in order, at the target's port",
			[]*v1.Service{svc("web", "10.96.1.1", http)},
			[]*discovery.EndpointSlice{
				slice("web", "http", 8080, endpoint("10.244.1.3", true, true), endpoint("10.244.1.4", false, false)),
				slice("web", "http", 8081, endpoint("10.244.1.2", true, true)),
				slice("other", "http", 8080, endpoint("10.244.1.9", true, true)),
			},
			[]Rule{{Name: "argo/web:http", Protocol: v1.ProtocolTCP, To: netip.MustParseAddrPort("10.96.1.1:80"), Endpoints: addresses("10.244.1.2:8081", "10.244.1.3:8080")}},
		},
		{
			"no endpoint: the rule stays, so that connections are refused",
			[]*v1.Service{svc("web", "10.96.1.1", http)}, nil,
			[]Rule{{Name: "argo/web:http", Protocol: v1.ProtocolTCP, To: netip.MustParseAddrPort("10.96.1.1:80"), Endpoints: nil}},
		},
		{
			"an endpoint that ends serves while there is no other",
			[]*v1.Service{svc("web", "10.96.1.1", http)},
			[]*discovery.EndpointSlice{slice("web", "http", 8080, endpoint("10.244.1.3", false, true))},
			[]Rule{{Name: "argo/web:http", Protocol: v1.ProtocolTCP, To: netip.MustParseAddrPort("10.96.1.1:80"), Endpoints: addresses("10.244.1.3:8080")}},
		},
		{"headless Services have no rule", []*v1.Service{svc("web", v1.ClusterIPNone, http)}, nil, nil},
		{
			"a node port is the node's",
			[]*v1.Service{svc("web", "10.96.1.1", v1.ServicePort{Port: 80, NodePort: 30080})},
			[]*discovery.EndpointSlice{slice("web", "", 8080, endpoint("10.244.1.3", true, true))},
			[]Rule{
				{Name: "argo/web:", Protocol: v1.ProtocolTCP, To: netip.MustParseAddrPort("10.96.1.1:80"), Endpoints: addresses("10.244.1.3:8080")},
				{Name: "argo/web:", Protocol: v1.ProtocolTCP, To: netip.MustParseAddrPort("10.244.0.1:30080"), Endpoints: addresses("10.244.1.3:8080")},
			},
		},
		{
			"a port of another name or protocol is not this one",
			[]*v1.Service{svc("web", "10.96.1.1", v1.ServicePort{Name: "http", Port: 80, Protocol: v1.ProtocolUDP})},
			[]*discovery.EndpointSlice{slice("web", "http", 8080, endpoint("10.244.1.3", true, true))},
			[]Rule{{Name: "argo/web:http", Protocol: v1.ProtocolUDP, To: netip.MustParseAddrPort("10.96.1.1:80"), Endpoints: nil}},
		},
	} {
		if got := Compile(c.services, c.slices, node); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s:\n got %v\nwant %v", c.name, got, c.want)
		}
	}
}
