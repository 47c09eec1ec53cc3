// Package dns is the cluster's DNS: names of Services and of the pods behind headless ones.
//
// In: Services, EndpointSlices and pods from shared informers, and the addresses that the node has given to pods. Out: answers on one address, over UDP and TCP.
// What is not in the cluster does not exist: a rig reaches nothing outside, and a test that tries should see it at once.
package dns

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"

	"github.com/miekg/dns"
	v1 "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"
	coreinformers "k8s.io/client-go/informers/core/v1"
	discoveryinformers "k8s.io/client-go/informers/discovery/v1"
	"k8s.io/client-go/tools/cache"
)

const (
	byService = "eventrig.dev/service" // indexes EndpointSlices by the Service that they belong to
	byName    = "eventrig.dev/name"    // indexes pods by their name in DNS: namespace/subdomain/hostname
)

// Config says what to answer and where.
type Config struct {
	Services       coreinformers.ServiceInformer
	EndpointSlices discoveryinformers.EndpointSliceInformer
	Pods           coreinformers.PodInformer
	// Address is the address of a pod whose network is there, "" of any other.
	Address func(podUID string) string
	Domain  string // cluster.local
	Listen  string // address and port
}

// Server answers until it is closed.
type Server struct {
	source   source
	domain   string
	udp, tcp *dns.Server
}

// New takes the address, so that questions wait rather than fail until Serve answers them. The caller starts the informers.
func New(c Config) (*Server, error) {
	err := c.EndpointSlices.Informer().AddIndexers(cache.Indexers{byService: func(object any) ([]string, error) {
		slice, ok := object.(*discovery.EndpointSlice)
		if !ok {
			return nil, nil
		}
		return []string{slice.Namespace + "/" + slice.Labels[discovery.LabelServiceName]}, nil
	}})
	if err != nil {
		return nil, fmt.Errorf("index EndpointSlices by Service: %w", err)
	}
	err = c.Pods.Informer().AddIndexers(cache.Indexers{byName: func(object any) ([]string, error) {
		pod, ok := object.(*v1.Pod)
		if !ok || pod.Spec.Subdomain == "" || pod.Spec.Hostname == "" {
			return nil, nil
		}
		return []string{pod.Namespace + "/" + pod.Spec.Subdomain + "/" + pod.Spec.Hostname}, nil
	}})
	if err != nil {
		return nil, fmt.Errorf("index pods by name: %w", err)
	}
	s := &Server{source: informed{c}, domain: dns.Fqdn(c.Domain)}
	c.Services.Informer() // makes the factory start it

	packets, err := net.ListenPacket("udp", c.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen for DNS: %w", err)
	}
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		packets.Close()
		return nil, fmt.Errorf("listen for DNS: %w", err)
	}
	s.udp = &dns.Server{PacketConn: packets, Handler: dns.HandlerFunc(s.answer)}
	s.tcp = &dns.Server{Listener: listener, Handler: dns.HandlerFunc(s.answer)}
	return s, nil
}

// Serve answers until Close, or until one of its sockets fails.
func (s *Server) Serve() error {
	ended := make(chan error, 2)
	go func() { ended <- s.udp.ActivateAndServe() }()
	go func() { ended <- s.tcp.ActivateAndServe() }()
	if err := <-ended; err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("serve DNS: %w", err)
	}
	return nil
}

// Close gives the address back.
func (s *Server) Close() {
	// What is left to fail is a socket that is closed already.
	_ = s.udp.PacketConn.Close()
	_ = s.tcp.Listener.Close()
}

func (s *Server) answer(w dns.ResponseWriter, request *dns.Msg) {
	reply := new(dns.Msg)
	reply.SetReply(request)
	reply.Authoritative = true
	reply.RecursionAvailable = true // musl's and Go's resolvers take an answer without it for a failure
	if len(request.Question) != 1 {
		reply.Rcode = dns.RcodeFormatError
		_ = w.WriteMsg(reply)
		return
	}
	question := request.Question[0]
	a := resolve(s.source, s.domain, question.Name, question.Qtype)
	if !a.found {
		reply.Rcode = dns.RcodeNameError
	}
	// Clients that take the first address are spread over all of them.
	rand.Shuffle(len(a.records), func(i, j int) { a.records[i], a.records[j] = a.records[j], a.records[i] })
	reply.Answer, reply.Extra = append(a.records, s.follow(a.records, question.Qtype)...), a.extra
	if len(reply.Answer) == 0 {
		reply.Ns = []dns.RR{s.authority()}
	}
	if _, udp := w.RemoteAddr().(*net.UDPAddr); udp {
		size := dns.MinMsgSize
		if option := request.IsEdns0(); option != nil {
			size = int(option.UDPSize())
		}
		reply.Truncate(size)
	}
	_ = w.WriteMsg(reply) // a client that has gone needs no answer
}

// follow adds what a CNAME leads to, when that is in the cluster.
func (s *Server) follow(records []dns.RR, kind uint16) []dns.RR {
	if len(records) != 1 || kind == dns.TypeCNAME {
		return nil
	}
	cname, ok := records[0].(*dns.CNAME)
	if !ok {
		return nil
	}
	next := resolve(s.source, s.domain, cname.Target, kind)
	if len(next.records) == 1 {
		if _, again := next.records[0].(*dns.CNAME); again {
			return nil // one step: two ExternalNames may point at each other
		}
	}
	return next.records
}

// authority goes with an empty answer and says how long its emptiness may be kept.
func (s *Server) authority() dns.RR {
	return &dns.SOA{
		Hdr: header(s.domain, dns.TypeSOA), Ns: "ns.dns." + s.domain, Mbox: "hostmaster." + s.domain,
		Serial: 1, Refresh: 7200, Retry: 1800, Expire: 86400, Minttl: ttl,
	}
}

// informed answers from the informers' stores.
type informed struct{ Config }

func (i informed) service(namespace, name string) *v1.Service {
	svc, err := i.Services.Lister().Services(namespace).Get(name)
	if err != nil {
		return nil
	}
	return svc
}

func (i informed) endpointSlices(namespace, service string) []*discovery.EndpointSlice {
	objects, err := i.EndpointSlices.Informer().GetIndexer().ByIndex(byService, namespace+"/"+service)
	if err != nil {
		return nil
	}
	var all []*discovery.EndpointSlice
	for _, object := range objects {
		if slice, ok := object.(*discovery.EndpointSlice); ok {
			all = append(all, slice)
		}
	}
	return all
}

// podAddress is the address of the pod of that host name behind a headless Service, from the moment that the node gave it.
func (i informed) podAddress(svc *v1.Service, host string) string {
	objects, err := i.Pods.Informer().GetIndexer().ByIndex(byName, svc.Namespace+"/"+svc.Name+"/"+host)
	if err != nil || len(svc.Spec.Selector) == 0 {
		return ""
	}
	selector := labels.SelectorFromSet(svc.Spec.Selector)
	for _, object := range objects {
		if pod, ok := object.(*v1.Pod); ok && selector.Matches(labels.Set(pod.Labels)) {
			return i.Address(string(pod.UID))
		}
	}
	return ""
}

// hasNamespace knows a namespace by its Services: others have no names in DNS either.
func (i informed) hasNamespace(namespace string) bool {
	all, err := i.Services.Lister().Services(namespace).List(labels.Everything())
	return err == nil && len(all) > 0
}
