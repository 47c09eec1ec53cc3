// Package nautobot simulates the REST API of Nautobot 3.1: the same answers and the same refusals, word for word where
// the words are known. In: HTTP requests, worlds. Out: HTTP answers, a journal of requests with the changes that each
// made, and the store for assertions.
//
// The engine is generic: what models there are, with their fields, uniqueness and relations, is data (models/*.yaml).
package nautobot

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/eventrig/eventrig/simulators/internal/faults"
	"github.com/eventrig/eventrig/simulators/internal/frame"
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
	// StateFile keeps the records across restarts, in a bbolt file that is made where there is none. Empty: in memory.
	StateFile string
	// OpenAPIFile is a document as a Nautobot serves it at /api/swagger.yaml; models that are not simulated by themselves,
	// those of plugins for example, are read from it.
	OpenAPIFile string
}

// Server is a simulated Nautobot. It is safe for concurrent use.
type Server struct {
	frame.Frame
	config Config
	schema *schema
	routes *routes.Table

	mu     sync.RWMutex
	store  *store
	random *rand.Rand
	state  *stateFile // nil: in memory
	old    bool       // the state file held records when it was opened

	graphqlState
}

// New makes a simulated Nautobot that holds what a new one holds: its statuses, roles, the namespace Global and the user
// admin with the token. It panics where a file of the configuration cannot be used: Open tells what is wrong with it.
func New(config Config) *Server {
	s, err := Open(config)
	if err != nil {
		panic("nautobot: " + err.Error())
	}
	return s
}

// Open makes a simulated Nautobot as New does, or, with a state file that holds records, one that holds those.
// Errors name the file and say what to do (internal/failure).
func Open(config Config) (*Server, error) {
	if config.Token == "" {
		config.Token = DefaultToken
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	s := &Server{Frame: frame.New(), config: config, schema: builtin()}
	var err error
	if config.OpenAPIFile != "" {
		if s.schema, err = s.schema.extend(config.OpenAPIFile); err != nil {
			return nil, err
		}
	}
	s.routes = s.schema.routes()
	if config.StateFile != "" {
		if s.state, err = openState(config.StateFile); err != nil {
			return nil, err
		}
	}
	if err := s.begin(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.Mount(s, "Nautobot", http.HandlerFunc(s.serve), faulty)
	return s, nil
}

// Close closes the state file. What was answered is in it already.
func (s *Server) Close() error {
	if s.state == nil {
		return nil
	}
	if err := s.state.db.Close(); err != nil {
		return fmt.Errorf("close state: %w", err)
	}
	return nil
}

// Restored says whether the state file held records, so that there is no world to start with.
func (s *Server) Restored() bool { return s.old }

// Token is the token that clients need.
func (s *Server) Token() string { return s.config.Token }

// Reset puts store, journal and faults back to what New made, also in the state file.
func (s *Server) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.empty()
	s.Forget()
	err := error(nil)
	if s.state != nil {
		err = s.state.clear()
	}
	if err = errors.Join(err, s.fill()); err != nil {
		// A disk that is full: the memory is right, and the next write will say so to its client.
		fmt.Fprintln(os.Stderr, "nautobot:", err)
	}
}

func (s *Server) empty() {
	s.store = newStore(s.schema)
	starts := uint64(0)
	if s.state != nil {
		starts = s.state.starts - 1
	}
	s.random = rand.New(rand.NewPCG(s.config.Seed, 0x6e6175746f626f74+starts))
}

// begin takes over what the state file holds, or what a new Nautobot does.
func (s *Server) begin() error {
	s.empty()
	if s.state != nil {
		var err error
		if s.old, err = s.state.read(s.store); err != nil {
			return err
		}
	}
	if !s.old {
		return s.fill()
	}
	return s.giveToken()
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

// newID draws an id from the seed.
func (s *Server) newID() string { return values.UUID(s.random) }

// routes are the endpoints as patterns, to name the closest one to a request that matched none.
func (s *schema) routes() *routes.Table {
	table := routes.New("GET /health/", "GET /api/", "GET /api/status/", "POST /api/graphql/", "GET /api/swagger/", "GET /api/swagger.json", "GET /api/swagger.yaml",
		"GET /api/docs/", "GET /api/plugins/installed-plugins/",
		"GET /api/"+contentTypesPath+"/", "GET /api/"+contentTypesPath+"/{id}/")
	for below, one := range subroutes {
		at := strings.LastIndexByte(below, '/')
		table.Add(one.methods + " /api/" + below[:at] + "/{id}/" + below[at+1:] + "/")
	}
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
