package dns

import (
	"context"
	"testing"

	"github.com/miekg/dns"
	"k8s.io/apimachinery/pkg/runtime"
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
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	factory := informers.NewSharedInformerFactory(fake.NewClientset(objects...), 0)
	server, err := New(Config{
		Services:       factory.Core().V1().Services(),
		EndpointSlices: factory.Discovery().V1().EndpointSlices(),
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
		if reply := ask("gone.argo.svc.cluster.local.", dns.TypeA); reply.Rcode != dns.RcodeNameError {
			t.Errorf("%s: a name that is not there: %s", network, reply)
		}
	}
}
