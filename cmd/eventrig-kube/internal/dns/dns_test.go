package dns

import (
	"context"
	"strings"
	"testing"

	"github.com/miekg/dns"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
)

// TestServerAnswersFromTheCluster asks over both transports what a server over informers says.
func TestServerAnswersFromTheCluster(t *testing.T) {
	example := exampleCluster()
	var objects []runtime.Object
	for _, svc := range example.services {
		objects = append(objects, svc)
	}
	for _, slice := range example.slices {
		slice.Name = slice.Labels["kubernetes.io/service-name"]
		objects = append(objects, slice)
	}
	// A pod that has its address from the node, but is in no EndpointSlice yet.
	for _, svc := range example.services {
		if svc.Name == "early" {
			svc.Spec.Selector = map[string]string{"app": "bus"}
		}
	}
	young := func(name string, labels map[string]string) *v1.Pod {
		return &v1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "argo", Name: name, UID: types.UID(name), Labels: labels}, Spec: v1.PodSpec{Hostname: name, Subdomain: "early"}}
	}
	objects = append(objects, young("young", map[string]string{"app": "bus"}), young("other", map[string]string{"app": "other"}), young("pending", map[string]string{"app": "bus"}))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	factory := informers.NewSharedInformerFactory(fake.NewClientset(objects...), 0)
	server, err := New(Config{
		Services:       factory.Core().V1().Services(),
		EndpointSlices: factory.Discovery().V1().EndpointSlices(),
		Pods:           factory.Core().V1().Pods(),
		Address:        func(uid string) string { return map[string]string{"young": "10.244.1.6", "other": "10.244.1.7"}[uid] },
		Domain:         "cluster.local",
		Listen:         "127.0.0.1:0",
	})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	go server.Serve()

	for _, network := range []string{"udp", "tcp"} {
		ask := func(name string, kind uint16) *dns.Msg {
			t.Helper()
			request := new(dns.Msg)
			request.SetQuestion(name, kind)
			client := dns.Client{Net: network}
			address := server.udp.PacketConn.LocalAddr().String()
			if network == "tcp" {
				address = server.tcp.Listener.Addr().String()
			}
			reply, _, err := client.Exchange(request, address)
			if err != nil {
				t.Fatalf("%s: %v", network, err)
			}
			return reply
		}
		if reply := ask("bus.argo.svc.cluster.local.", dns.TypeA); reply.Rcode != dns.RcodeSuccess || len(reply.Answer) != 2 {
			t.Errorf("%s: a headless Service: %s", network, reply)
		}
		if reply := ask("web.argo.svc.cluster.local.", dns.TypeAAAA); reply.Rcode != dns.RcodeSuccess || len(reply.Answer) != 0 || len(reply.Ns) != 1 {
			t.Errorf("%s: no IPv6 address: %s", network, reply)
		}
		if reply := ask("young.early.argo.svc.cluster.local.", dns.TypeA); len(reply.Answer) != 1 || !strings.HasSuffix(reply.Answer[0].String(), "10.244.1.6") {
			t.Errorf("%s: a pod that no EndpointSlice has yet: %s", network, reply)
		}
		for _, name := range []string{"other", "pending"} {
			if reply := ask(name+".early.argo.svc.cluster.local.", dns.TypeA); reply.Rcode != dns.RcodeNameError {
				t.Errorf("%s: %s is not behind the Service, or has no address: %s", network, name, reply)
			}
		}
		if reply := ask("gone.argo.svc.cluster.local.", dns.TypeA); reply.Rcode != dns.RcodeNameError {
			t.Errorf("%s: a name that is not there: %s", network, reply)
		}
	}
}
