// Package openstack simulates the OpenStack APIs that UnderStack's handlers call; so far Keystone's Identity v3: version
// discovery, password tokens with a catalog, projects, domains and users. In: HTTP requests, worlds, calls from Go. Out:
// HTTP answers in Keystone's words, a journal, and the store for assertions. Whoever publishes the notifications that
// changes cause hooks in at Config.OnChange.
package openstack

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/eventrig/eventrig/simulators/internal/admin"
	"github.com/eventrig/eventrig/simulators/internal/faults"
	"github.com/eventrig/eventrig/simulators/internal/journal"
)

// The credentials that every simulated cloud knows.
const (
	Username    = "admin"
	Password    = "password"
	ProjectName = "admin"
	DomainName  = "Default"
	Region      = "RegionOne"
)

// Entry is one request of the journal; Fault is a fault to be injected.
type (
	Entry = journal.Entry
	Fault = faults.Rule
)

// Change is what happened to one resource. Operation is created, updated or deleted; Before and After are as the API
// shows them, without links.
type Change struct {
	Resource  string // project, domain or user
	Operation string
	ID        string
	Before    map[string]any
	After     map[string]any
	RequestID string // empty for a change from Go
}

// Config says how a simulated cloud starts.
type Config struct {
	Seed uint64           // of the ids and tokens that the services draw
	Now  func() time.Time // empty: time.Now
	// OnChange is called after each change, in the order of the changes, before its request is answered.
	OnChange func(Change)
}

// Server is a simulated OpenStack cloud. It is safe for concurrent use.
type Server struct {
	config  Config
	handler http.Handler
	journal *journal.Journal
	faults  *faults.Set

	// changing is held over a change and its OnChange, so that hooks see changes in order and may read the server.
	changing sync.Mutex
	mu       sync.RWMutex
	random   *rand.Rand
	identity *identity
}

// New makes a simulated cloud with the domain Default, the project admin and the user admin.
func New(config Config) *Server {
	if config.Now == nil {
		config.Now = time.Now
	}
	s := &Server{config: config, journal: journal.New(), faults: &faults.Set{}}
	s.Reset()
	s.handler = admin.Handler(s, journal.Handler(s.journal, faults.Handler(s.faults, s.routes(), faulty)), admin.Named("OpenStack"))
	return s
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Journal is what was asked and changed.
func (s *Server) Journal() *journal.Journal { return s.journal }

// Faults are the faults in force.
func (s *Server) Faults() *faults.Set { return s.faults }

// Reset puts store, tokens, journal and faults back to what New made.
func (s *Server) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.random = rand.New(rand.NewPCG(s.config.Seed, 0x6b657973746f6e65))
	s.identity = newIdentity(s.newID)
	s.journal.Reset()
	s.faults.Clear()
}

// newID draws an id as OpenStack writes them: 32 hexadecimal digits.
func (s *Server) newID() string {
	return fmt.Sprintf("%016x%016x", s.random.Uint64(), s.random.Uint64())
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
