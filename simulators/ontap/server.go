// Package ontap simulates the REST API of a NetApp ONTAP cluster as far as UnderStack's handlers use it
// (python/understack-workflows/understack_workflows/netapp of rackerlabs/understack): SVMs, volumes, NVMe namespaces,
// aggregates, nodes, Ethernet ports, IP interfaces and routes, with jobs for what ONTAP does in the background. In: HTTP
// requests, worlds. Out: HTTP answers, a journal of requests with the changes that each made, and the store.
//
// Shapes and error codes are those of NetApp's API description, as its Go client in NetApp/trident has it
// (storage_drivers/ontap/api/rest). Where a code is not known from there the answer has NetApp's general code 13001.
//
// The engine is generic: what collections there are, with their fields, is data (models.go); rules.go has what each checks.
package ontap

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/eventrig/eventrig/internal/nearest"
	"github.com/eventrig/eventrig/simulators/internal/faults"
	"github.com/eventrig/eventrig/simulators/internal/frame"
	"github.com/eventrig/eventrig/simulators/internal/journal"
	"github.com/eventrig/eventrig/simulators/internal/values"
)

// The credentials that clients need unless Config says others.
const (
	DefaultUsername = "admin"
	DefaultPassword = "password"
)

// Entry is one request of the journal; Change is what it did to one record; Fault is a fault to be injected.
type (
	Entry  = journal.Entry
	Change = journal.Change
	Fault  = faults.Rule
)

// Config says how a simulated cluster starts.
type Config struct {
	Seed     uint64           // of the uuids that ONTAP draws
	Username string           // empty: DefaultUsername
	Password string           // empty: DefaultPassword
	Now      func() time.Time // empty: time.Now
}

// Server is a simulated ONTAP cluster. It is safe for concurrent use.
type Server struct {
	frame.Frame
	config Config

	mu     sync.RWMutex
	store  *store
	random *rand.Rand
}

// New makes a simulated cluster of two nodes with an aggregate each, the ports e4a and e4b on the broadcast domains
// Fabric-A and Fabric-B, and no SVM.
func New(config Config) *Server {
	if config.Username == "" {
		config.Username = DefaultUsername
	}
	if config.Password == "" {
		config.Password = DefaultPassword
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	s := &Server{Frame: frame.New(), config: config}
	s.Reset()
	s.Mount(s, "NetApp ONTAP", http.HandlerFunc(s.serve), func(w http.ResponseWriter, r *http.Request, status int) {
		answerError(w, r, refuse(status, codeGeneral, "", "%s", http.StatusText(status)))
	})
	return s
}

// Credentials are those that clients need.
func (s *Server) Credentials() (username, password string) {
	return s.config.Username, s.config.Password
}

// Reset puts store, journal and faults back to what New made.
func (s *Server) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.empty()
	s.Forget()
}

// empty makes the store that of a new cluster.
func (s *Server) empty() {
	s.random = rand.New(rand.NewPCG(s.config.Seed, 0x6f6e746170))
	s.store = newStore()
	for _, given := range newCluster {
		for _, fields := range given.records {
			if _, err := s.create(&operation{fromWorld: true}, byPath[given.path], fields); err != nil {
				panic(fmt.Sprintf("ontap: %s of a new cluster: %v", given.path, err)) // the table itself is wrong
			}
		}
	}
}

// State returns all records by path, references with uuid and name.
func (s *Server) State() map[string][]map[string]any {
	state := map[string][]map[string]any{}
	for _, c := range collections {
		state[c.path] = s.Records(c.path, nil)
	}
	return state
}

// Paths returns the paths of the collections that are simulated, such as svm/svms.
func Paths() []string {
	paths := make([]string, 0, len(collections))
	for _, c := range collections {
		paths = append(paths, c.path)
	}
	return paths
}

// Records returns the records under a path whose fields equal where; names with dots reach into objects (svm.name). An
// unknown path or field matches nothing: Check tells it from an empty collection.
func (s *Server) Records(path string, where map[string]any) []map[string]any {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c := byPath[path]
	if c == nil {
		return nil
	}
	found := []map[string]any{}
	for _, r := range s.store.all(path) {
		shown := s.complete(c, r)
		fits := true
		for name, want := range where {
			have := lookup(shown, name)
			fits = fits && len(have) == 1 && values.Equal(have[0], want)
		}
		if fits {
			found = append(found, shown)
		}
	}
	return found
}

// Check says whether a path and the fields of an assertion exist, with the nearest names where one does not.
func (s *Server) Check(path string, fields ...string) error {
	c := byPath[path]
	if c == nil {
		return fmt.Errorf("ontap has no %q: nearest is %s", path, nearest.Names(path, Paths(), 1)[0])
	}
	for _, name := range fields {
		if !c.knows(name) {
			return fmt.Errorf("ontap %s have no field %q: nearest is %s", path, name, nearest.Names(name, c.names(), 1)[0])
		}
	}
	return nil
}

func (s *Server) timestamp() string {
	// ONTAP writes an offset, never Z.
	return s.config.Now().UTC().Format("2006-01-02T15:04:05-07:00")
}

// store holds the records of each collection in the order in which they came. A record is never changed, only replaced.
type store struct {
	tables map[string][]record
}

// record is one object as ONTAP's JSON has it; a reference holds the uuid only.
type record map[string]any

func newStore() *store { return &store{tables: map[string][]record{}} }

func (s *store) clone() *store {
	copied := newStore()
	for path, records := range s.tables {
		copied.tables[path] = slices.Clone(records)
	}
	return copied
}

func (s *store) all(path string) []record { return s.tables[path] }

// get returns the record with an id, nil without one.
func (s *store) get(path, id string) record {
	i := s.index(path, id)
	if i < 0 {
		return nil
	}
	return s.tables[path][i]
}

func (s *store) index(path, id string) int {
	return slices.IndexFunc(s.tables[path], func(r record) bool { return r.id() == id })
}

// put adds a record, or replaces the one with its id.
func (s *store) put(path string, r record) {
	if i := s.index(path, r.id()); i >= 0 {
		s.tables[path][i] = r
		return
	}
	s.tables[path] = append(s.tables[path], r)
}

func (s *store) remove(path, id string) {
	s.tables[path] = slices.DeleteFunc(s.tables[path], func(r record) bool { return r.id() == id })
}

func (r record) id() string { return r.text("uuid") }

// text returns a field that is a text, through objects; "" without one.
func (r record) text(name string) string {
	value, _ := r.value(name).(string)
	return value
}

// value returns a field, through objects; nil without one.
func (r record) value(name string) any {
	found := lookup(r, name)
	if len(found) != 1 {
		return nil
	}
	return found[0]
}

// set sets a field, through objects that it makes.
func (r record) set(name string, value any) {
	segments := splitName(name)
	object := map[string]any(r)
	for _, segment := range segments[:len(segments)-1] {
		inner, ok := object[segment].(map[string]any)
		if !ok {
			inner = map[string]any{}
		} else {
			inner = maps.Clone(inner) // it may be another record's as well
		}
		object[segment] = inner
		object = inner
	}
	object[segments[len(segments)-1]] = value
}

// setDefault sets a field that has no value yet.
func (r record) setDefault(name string, value any) {
	if r.value(name) == nil {
		r.set(name, value)
	}
}
