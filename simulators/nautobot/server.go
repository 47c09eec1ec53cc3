// Package nautobot simulates the REST API of Nautobot 3.1: the same answers and the same refusals, word for word where
// the words are known. In: HTTP requests, worlds. Out: HTTP answers, a journal of requests with the changes that each
// made, and the store for assertions.
//
// The engine is generic: what models there are, with their fields, uniqueness and relations, is data (models/*.yaml).
package nautobot

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/eventrig/eventrig/simulators/internal/admin"
	"github.com/eventrig/eventrig/simulators/internal/faults"
	"github.com/eventrig/eventrig/simulators/internal/journal"
	"github.com/eventrig/eventrig/simulators/internal/routes"
	"github.com/eventrig/eventrig/simulators/internal/values"
)

// DefaultToken is the token of Nautobot's own development environment.
const DefaultToken = "0123456789abcdef0123456789abcdef01234567"

// Version is the version of Nautobot that is simulated.
const Version = "3.1.8"

// Entry is one request of the journal; Change is what it did to one record.
type (
	Entry  = journal.Entry
	Change = journal.Change
	Fault  = faults.Rule
)

// Config says how a simulated Nautobot starts.
type Config struct {
	Seed  uint64           // of the ids that Nautobot itself draws
	Token string           // of the user admin; empty: DefaultToken
	Now   func() time.Time // empty: time.Now
}

// Server is a simulated Nautobot. It is safe for concurrent use.
type Server struct {
	config  Config
	schema  *schema
	routes  *routes.Table
	handler http.Handler
	journal *journal.Journal
	faults  *faults.Set

	mu     sync.RWMutex
	store  *store
	random *rand.Rand
}

// New makes a simulated Nautobot that holds what a new one holds: its statuses, roles, the namespace Global and the user
// admin with the token.
func New(config Config) *Server {
	if config.Token == "" {
		config.Token = DefaultToken
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	s := &Server{config: config, schema: builtin(), journal: journal.New(), faults: &faults.Set{}}
	s.routes = s.schema.routes()
	s.Reset()
	s.handler = admin.Handler(s, journal.Handler(s.journal, faults.Handler(s.faults, http.HandlerFunc(s.serve), faulty)), admin.Named("Nautobot"))
	return s
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Token is the token that clients need.
func (s *Server) Token() string { return s.config.Token }

// Journal is what was asked and changed.
func (s *Server) Journal() *journal.Journal { return s.journal }

// Faults are the faults in force.
func (s *Server) Faults() *faults.Set { return s.faults }

// Reset puts store, journal and faults back to what New made.
func (s *Server) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.store = newStore(s.schema)
	s.random = rand.New(rand.NewPCG(s.config.Seed, 0x6e6175746f626f74))
	s.journal.Reset()
	s.faults.Clear()
	s.fill()
}

// State returns all records, as Records does, by path.
func (s *Server) State() map[string][]map[string]any {
	state := map[string][]map[string]any{}
	for _, m := range s.schema.models {
		state[m.path] = s.Records(m.path, nil)
	}
	return state
}

// Paths returns the paths of the models that come with the package.
func Paths() []string { return builtin().paths() }

// Records returns the records under path, such as tenancy/tenants, whose fields equal where, in the order of Nautobot's
// lists. Related fields are ids, choices are values; where may reach into related records (tenant__name). An unknown
// path or field matches nothing: Check tells it from an empty table.
func (s *Server) Records(path string, where map[string]any) []map[string]any {
	s.mu.RLock()
	defer s.mu.RUnlock()
	m := s.schema.byPath[path]
	if m == nil {
		return nil
	}
	found := []map[string]any{}
	s.store.candidates(m, where, func(r *record) bool {
		for name, want := range where {
			have, known := s.store.attribute(m, r, name)
			if !known || !values.Equal(have, want) {
				return true
			}
		}
		found = append(found, m.values(r))
		return true
	})
	return found
}

// Check says whether a path and the fields of an assertion exist, with the nearest names where one does not.
func (s *Server) Check(path string, fields ...string) error {
	m := s.schema.byPath[path]
	if m == nil {
		return fmt.Errorf("nautobot has no %q: nearest is %s", path, nearestOf(path, s.schema.paths()))
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, name := range fields {
		if _, known := s.store.attribute(m, nil, name); !known {
			return fmt.Errorf("%s has no field %q: nearest is %s", path, name, nearestOf(name, m.fieldNames()))
		}
	}
	return nil
}

func (s *Server) timestamp() string { return s.config.Now().UTC().Format(timeFormat) }

// newID draws a version 4 UUID from the seed.
func (s *Server) newID() string {
	var id uuid.UUID
	high, low := s.random.Uint64(), s.random.Uint64()
	for i := range 8 {
		id[i], id[i+8] = byte(high>>(8*i)), byte(low>>(8*i))
	}
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return id.String()
}

// routes are the endpoints as patterns, to name the closest one to a request that matched none.
func (s *schema) routes() *routes.Table {
	table := routes.New("GET /health/", "GET /api/", "GET /api/status/")
	apps := []string{}
	for _, m := range s.models {
		table.Add("GET, POST, PUT, PATCH, DELETE, OPTIONS /api/" + m.path + "/")
		table.Add("GET, PUT, PATCH, DELETE, OPTIONS /api/" + m.path + "/{id}/")
		if m.notes {
			table.Add("GET, POST /api/" + m.path + "/{id}/notes/")
		}
		if app := m.appPath(); !slices.Contains(apps, app) {
			apps = append(apps, app)
			table.Add("GET /api/" + app + "/")
		}
	}
	return table
}
