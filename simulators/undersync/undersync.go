// Package undersync simulates Undersync, the service that brings the configuration of a VLAN group's switches in line with
// Nautobot, as far as UnderStack's clients ask it (python/understack-workflows/understack_workflows/undersync/client.py
// and python/neutron-understack/neutron_understack/undersync.py of rackerlabs/understack): a run for a VLAN group, dry or
// forced. In: HTTP requests, worlds. Out: HTTP answers, a journal, and the runs that were asked for.
//
// Undersync's source is not public. Its clients look at the status and log the body, which must be JSON; what stands in
// the body is this package's own.
package undersync

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/eventrig/eventrig/fixtures/worlds"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/nearest"
	"github.com/eventrig/eventrig/simulators/internal/faults"
	"github.com/eventrig/eventrig/simulators/internal/frame"
	"github.com/eventrig/eventrig/simulators/internal/journal"
	"github.com/eventrig/eventrig/simulators/internal/values"
)

// DefaultToken is the bearer token that clients need unless Config says another.
const DefaultToken = "undersync-token"

// The collections of the store.
const (
	groupsPath = "vlan-groups" // what a world names: name, devices
	runsPath   = "runs"        // what was asked for: id, vlan_group, action, time
)

// Entry is one request of the journal; Fault is a fault to be injected.
type (
	Entry = journal.Entry
	Fault = faults.Rule
)

// Config says how a simulated Undersync starts.
type Config struct {
	Seed  uint64           // of the ids of runs
	Token string           // empty: DefaultToken
	Now   func() time.Time // empty: time.Now
}

// Server is a simulated Undersync. It is safe for concurrent use.
type Server struct {
	frame.Frame
	config Config

	mu     sync.RWMutex
	random *rand.Rand
	groups []map[string]any
	runs   []map[string]any
}

// New makes a simulated Undersync that knows every VLAN group, until a world names some.
func New(config Config) *Server {
	if config.Token == "" {
		config.Token = DefaultToken
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	s := &Server{Frame: frame.New(), config: config}
	s.Reset()
	s.Mount(s, "Undersync", http.HandlerFunc(s.serve), func(w http.ResponseWriter, _ *http.Request, status int) {
		answer(w, status, map[string]any{"error": http.StatusText(status)})
	})
	return s
}

// Token is the token that clients need.
func (s *Server) Token() string { return s.config.Token }

// Reset puts store, journal and faults back to what New made.
func (s *Server) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.empty()
	s.Forget()
}

func (s *Server) empty() {
	s.random = rand.New(rand.NewPCG(s.config.Seed, 0x756e646572))
	s.groups, s.runs = nil, nil
}

// State returns the VLAN groups and the runs.
func (s *Server) State() map[string][]map[string]any {
	return map[string][]map[string]any{groupsPath: s.Records(groupsPath, nil), runsPath: s.Records(runsPath, nil)}
}

// Records returns the records under a path, vlan-groups or runs, whose fields equal where.
func (s *Server) Records(path string, where map[string]any) []map[string]any {
	s.mu.RLock()
	defer s.mu.RUnlock()
	found := []map[string]any{}
	for _, record := range map[string][]map[string]any{groupsPath: s.groups, runsPath: s.runs}[path] {
		fits := true
		for name, want := range where {
			fits = fits && values.Equal(record[name], want)
		}
		if fits {
			found = append(found, maps.Clone(record))
		}
	}
	return found
}

// fields are those of the collections.
var fields = map[string][]string{groupsPath: {"name", "devices"}, runsPath: {"id", "vlan_group", "action", "time"}}

// Check says whether a path and the fields of an assertion exist, with the nearest names where one does not.
func (s *Server) Check(path string, names ...string) error {
	known, ok := fields[path]
	if !ok {
		return fmt.Errorf("undersync has no %q: nearest is %s", path, nearest.Names(path, slices.Sorted(maps.Keys(fields)), 1)[0])
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return fmt.Errorf("undersync %s have no field %q: nearest is %s", path, name, nearest.Names(name, known, 1)[0])
		}
	}
	return nil
}

// Load adds a world's VLAN groups, all of them or, with an error that names file and line, none.
func (s *Server) Load(world *worlds.World) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.load(world)
}

// Replace makes the simulator hold what a new one with a world holds. With an error, which names file and line, it is as
// it was, journal and faults included.
func (s *Server) Replace(world *worlds.World) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	random, groups, runs := s.random, s.groups, s.runs
	s.empty()
	if err := s.load(world); err != nil {
		s.random, s.groups, s.runs = random, groups, runs
		return err
	}
	s.Forget()
	return nil
}

func (s *Server) load(world *worlds.World) error {
	groups := slices.Clone(s.groups)
	for _, collection := range world.Undersync {
		if collection.Path != groupsPath {
			return failure.New(failure.BadInput, "want "+groupsPath, "%s:%d: undersync has no %q", collection.File, collection.Line, collection.Path)
		}
		for _, r := range collection.Records {
			for name := range r.Fields {
				if !slices.Contains(fields[groupsPath], name) {
					return failure.New(failure.BadInput, "nearest is "+nearest.Names(name, fields[groupsPath], 1)[0],
						"%s: undersync %s have no field %q", r.At(name), groupsPath, name)
				}
			}
			group := map[string]any{"name": r.Fields["name"], "devices": []any{}}
			if name, ok := r.Fields["name"].(string); !ok || name == "" {
				return failure.New(failure.BadInput, "", "%s: undersync %s: name is a text and required", r.At("name"), groupsPath)
			} else if find(groups, name) != nil {
				return failure.New(failure.BadInput, "", "%s: undersync has a VLAN group %q already", r.At("name"), name)
			}
			if given, ok := r.Fields["devices"]; ok {
				devices, list := given.([]any)
				for _, device := range devices {
					_, text := device.(string)
					list = list && text
				}
				if !list {
					return failure.New(failure.BadInput, "", "%s: undersync %s: devices is a list of names", r.At("devices"), groupsPath)
				}
				group["devices"] = devices
			}
			groups = append(groups, group)
		}
	}
	s.groups = groups
	return nil
}

func find(groups []map[string]any, name string) map[string]any {
	i := slices.IndexFunc(groups, func(group map[string]any) bool { return group["name"] == name })
	if i < 0 {
		return nil
	}
	return groups[i]
}
