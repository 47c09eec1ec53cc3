// Package openstack simulates an OpenStack cloud on one listener: Keystone, Ironic, Nova, Neutron, Cinder and Glance, each
// under a path prefix of its own, with a catalog that names them as the client reached them. In: HTTP requests, worlds,
// calls from Go. Out: answers in the services' words, a journal, the store for assertions, and the notifications that the
// real services would send, in order, to Config.Publish.
//
// The services are packages below this one; what they share is package core.
package openstack

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/eventrig/eventrig/simulators/internal/faults"
	"github.com/eventrig/eventrig/simulators/internal/frame"
	"github.com/eventrig/eventrig/simulators/internal/journal"
	"github.com/eventrig/eventrig/simulators/openstack/cinder"
	"github.com/eventrig/eventrig/simulators/openstack/core"
	"github.com/eventrig/eventrig/simulators/openstack/glance"
	"github.com/eventrig/eventrig/simulators/openstack/ironic"
	"github.com/eventrig/eventrig/simulators/openstack/keystone"
	"github.com/eventrig/eventrig/simulators/openstack/neutron"
	"github.com/eventrig/eventrig/simulators/openstack/nova"
)

// The credentials that every simulated cloud knows.
const (
	Username    = keystone.Username
	Password    = keystone.Password
	ProjectName = keystone.ProjectName
	DomainName  = keystone.DomainName
	Region      = keystone.Region
)

type (
	// Entry is one request of the journal.
	Entry = journal.Entry
	// Fault is a fault to be injected.
	Fault = faults.Rule
	// Change is what happened to one resource.
	Change = core.Change
	// Message is a notification on its way to RabbitMQ.
	Message = core.Message
	// Sent is a notification in the journal of notifications.
	Sent = core.Sent
)

// Config says how a simulated cloud starts.
type Config struct {
	Seed uint64           // of the ids and tokens that the services draw
	Now  func() time.Time // empty: time.Now
	// OnChange is called after each change, in the order of the changes, before its request is answered.
	OnChange func(Change)
	// Publish sends a notification and returns once the broker has confirmed it. It is called off the request's path, in
	// order for each virtual host, and again until it succeeds, as oslo.messaging does. Without it notifications are
	// journalled only.
	Publish func(context.Context, Message) error
	// Told is called with a notification before Publish is, while the request that caused it is still unanswered.
	Told func(Message)
	// Log is told what no client learns, such as a broker that is away.
	Log func(format string, arguments ...any)
	// Transition is how long a bare metal node stays in each of the states that it passes; with 0 it has passed them all
	// when its request is answered.
	Transition time.Duration
}

// Server is a simulated OpenStack cloud. It is safe for concurrent use.
type Server struct {
	frame.Frame
	seed        uint64
	cloud       *core.Cloud
	keystone    *keystone.Keystone
	services    []*core.Service
	collections []core.Collection
	fill        []func()
	plain       http.Handler // without journal, faults and administration
}

// New makes a simulated cloud with the domain Default, the project admin and the user admin.
func New(config Config) *Server {
	s := &Server{Frame: frame.New(), seed: config.Seed, cloud: core.NewCloud(core.Config{
		Seed: config.Seed, Now: config.Now, OnChange: config.OnChange, Publish: config.Publish, Told: config.Told, Log: config.Log, Transition: config.Transition,
	})}
	s.keystone = keystone.New(s.cloud, s.catalog)
	s.add(s.keystone)
	network := neutron.New(s.cloud)
	metal := ironic.New(s.cloud, network)
	s.add(metal)
	s.add(network)
	s.add(nova.New(s.cloud, network, metal))
	s.add(cinder.New(s.cloud))
	s.add(glance.New(s.cloud))
	s.Reset()
	s.plain = s.routes()
	s.Mount(s, "OpenStack", s.plain, s.faulty)
	return s
}

// service is what each of the packages below gives.
type service interface {
	Service() *core.Service
	Collections() []core.Collection
	Fill()
}

func (s *Server) add(made service) {
	s.services = append(s.services, made.Service())
	s.collections = append(s.collections, made.Collections()...)
	s.fill = append(s.fill, made.Fill)
}

// routes sends each request to the service whose prefix its path has. What has none is Keystone's, which also answers
// at the root, as a Keystone on a port of its own does.
func (s *Server) routes() http.Handler {
	handlers := make([]http.Handler, len(s.services))
	for i, service := range s.services {
		handlers[i] = service.Handler(s.cloud, s.keystone.Authenticate)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handlers[s.serviceOf(r)].ServeHTTP(w, r) })
}

func (s *Server) serviceOf(r *http.Request) int {
	return max(0, slices.IndexFunc(s.services, func(service *core.Service) bool { return service.Takes(r.URL.Path) }))
}

// Notifications returns every notification so far, in order, published or not.
func (s *Server) Notifications() []Sent { return s.cloud.Notifier.Sent() }

// Notified is Notifications for the admin endpoint.
func (s *Server) Notified() any { return s.Notifications() }

// Flush waits until the broker has confirmed every notification so far.
func (s *Server) Flush(ctx context.Context) error { return s.cloud.Notifier.Flush(ctx) }

// Reset puts store, tokens, journal and faults back to what New made. What waits for the broker is still sent.
func (s *Server) Reset() { s.reset(func() {}) }

func (s *Server) reset(then func()) {
	s.cloud.Reset(func() {
		for _, fill := range s.fill {
			fill()
		}
		s.Forget()
		then()
	})
}

// Close ends what runs in the background: transitions, and attempts to publish.
func (s *Server) Close() error {
	s.cloud.Close()
	return nil
}

// CloudsYAML is a clouds.yaml with one cloud, named understack, for a client that reaches the simulator at authURL.
func CloudsYAML(authURL string) string {
	return fmt.Sprintf(`clouds:
  understack:
    auth:
      auth_url: %s
      username: %s
      password: %s
      project_name: %s
      user_domain_name: %s
      project_domain_name: %s
    region_name: %s
    identity_api_version: "3"
`, authURL, Username, Password, ProjectName, DomainName, DomainName, Region)
}
