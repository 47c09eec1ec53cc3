package rig

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/eventrig/eventrig/e2e/observe"
	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/fixtures/worlds"
	"github.com/eventrig/eventrig/internal/cluster/embedded"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/ledger"
	"github.com/eventrig/eventrig/simulators/nautobot"
	"github.com/eventrig/eventrig/simulators/ontap"
	"github.com/eventrig/eventrig/simulators/openstack"
	"github.com/eventrig/eventrig/simulators/undersync"
)

// space is a set of simulators: the rig's own, which everybody reaches, or those of one scenario, which only the pods of
// the Workflows behind its messages do. So scenarios that run side by side do not see one another's records, and a rig
// that a scenario joins is left as it was.
type space struct {
	rig       *Rig
	name      string // of the scenario's; empty for the rig's own
	scenario  string // whose they are, once it is known
	nautobot  *nautobot.Server
	openstack *openstack.Server
	ontap     *ontap.Server
	undersync *undersync.Server
	message   func(scenario.Published) scenario.Message // what sends a notification that a step causes
	keys      []string                                  // the scenario's messages, under the lock of spaces
	caused    []string                                  // those of keys that requests to the simulated cloud caused, under the lock of spaces
	closed    bool                                      // under the lock of spaces
	handed    map[string]int                            // the newest entry of each journal that journals has returned
	close     func()
}

var _ scenario.Stores = (*space)(nil)

// spaces are the scenarios' simulators.
type spaces struct {
	mu      sync.Mutex
	made    int
	open    []*space
	retired []*space // of ended scenarios, for requests of Workflows that outlive theirs
}

const (
	// retiredSpaces is how many ended scenarios may still have Workflows that run.
	retiredSpaces = 64
	// ownerTimeout bounds how long a request waits until it is known whose pod sent it; usually it is known before. On a machine
	// that has far more to do than it can, it took more than 10 s, and one pod's requests went to two sets of simulators.
	ownerTimeout = 30 * time.Second
)

// newSpace makes simulators that hold the named worlds.
func (r *Rig) newSpace(name string, holding []string) (*space, error) {
	s := emptySpace()
	s.rig, s.name, s.message = r, name, r.message
	// No two spaces of a rig draw the same: a message_id that came before would be taken for the same message sent again.
	s.openstack = openstack.New(openstack.Config{Seed: rand.Uint64(), Publish: s.publish, Told: s.told})
	return s, s.load(holding)
}

func emptySpace() *space {
	return &space{
		nautobot: nautobot.New(nautobot.Config{}), openstack: openstack.New(openstack.Config{}),
		ontap: ontap.New(ontap.Config{}), undersync: undersync.New(undersync.Config{}), close: func() {}, handed: map[string]int{},
	}
}

// simulators are all that the rig serves, in the same order in every space.
func (s *space) simulators() []simulator {
	return []simulator{
		{"nautobot", nautobotPort, false, s.nautobot, s.nautobot.Journal(), s.nautobot.Faults()},
		{"openstack", openstackPort, false, s.openstack, s.openstack.Journal(), s.openstack.Faults()},
		{"ontap", ontapPort, true, s.ontap, s.ontap.Journal(), s.ontap.Faults()},
		{"undersync", undersyncPort, false, s.undersync, s.undersync.Journal(), s.undersync.Faults()},
	}
}

// load puts the records of worlds into the simulators.
func (s *space) load(names []string) error {
	for _, name := range names {
		world, err := worlds.Open(name)
		if err != nil {
			return fmt.Errorf("load world %s: %w", name, err)
		}
		for _, one := range s.simulators() {
			if err := one.handler.Load(world); err != nil {
				return fmt.Errorf("load world %s: %w", name, err)
			}
		}
	}
	return nil
}

// Stores implements scenario.Rig.
func (r *Rig) Stores(_ context.Context, names []string) (scenario.Stores, error) {
	if len(names) == 0 {
		names = []string{defaultWorld}
	}
	r.spaces.mu.Lock()
	r.spaces.made++
	name := fmt.Sprintf("scenario-%d", r.spaces.made)
	r.spaces.mu.Unlock()
	s, err := r.newSpace(name, names)
	if err != nil {
		return nil, err
	}
	stop := s.observe()
	r.spaces.mu.Lock()
	r.spaces.open = append(r.spaces.open, s)
	r.spaces.mu.Unlock()
	s.close = sync.OnceFunc(func() {
		stop()
		r.spaces.retire(s)
		if err := s.keepJournal(); err != nil {
			r.options.Log("the journal of a scenario is not kept: %v", err)
		}
	})
	return s, nil
}

// idle is a space that no pod asks, because there is none.
type idle struct{ *space }

// Own implements scenario.Stores: no request is anybody's.
func (idle) Own([]string) {}

// Caused implements scenario.Stores.
func (idle) Caused() []string { return nil }

// NewStores makes simulators that hold the named worlds, or what a new rig holds, and that no pod asks. message makes what
// sends a notification that a step causes.
func NewStores(names []string, message func(scenario.Published) scenario.Message) (scenario.Stores, error) {
	if len(names) == 0 {
		names = []string{defaultWorld}
	}
	s := emptySpace()
	s.message = message
	return idle{s}, s.load(names)
}

// retire takes a scenario's space off those whose journals count.
func (s *spaces) retire(ended *space) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ended.closed = true
	s.open = slices.DeleteFunc(s.open, func(other *space) bool { return other == ended })
	s.retired = append(s.retired, ended)
	if over := len(s.retired) - retiredSpaces; over > 0 {
		s.retired = slices.Delete(s.retired, 0, over)
	}
}

// observe tells the observer of requests as they are answered, until stop.
func (s *space) observe() (stop func()) {
	var stops []func()
	for _, one := range s.simulators() {
		entries, stop := one.journal.Subscribe()
		stops = append(stops, stop)
		go func() {
			for entry := range entries {
				s.rig.observer.Request(request(s.name, one.name, entry))
			}
		}()
	}
	return func() {
		for _, stop := range stops {
			stop()
		}
	}
}

// Name implements scenario.Stores.
func (s *space) Name(scenario string) { s.scenario = scenario }

// Own implements scenario.Stores.
func (s *space) Own(keys []string) {
	s.rig.spaces.mu.Lock()
	defer s.rig.spaces.mu.Unlock()
	s.keys = slices.Clone(keys)
	for _, key := range s.caused {
		if !slices.Contains(keys, key) {
			s.keys = append(s.keys, key) // the scenario does not know of it yet
		}
	}
}

// Caused implements scenario.Stores.
func (s *space) Caused() []string {
	s.rig.spaces.mu.Lock()
	defer s.rig.spaces.mu.Unlock()
	return slices.Clone(s.caused)
}

// told makes a notification that a request to the scenario's cloud caused the scenario's, before the request is answered:
// a chain is not settled while what its pods caused is under way. Nobody follows what the rig's own cloud tells.
func (s *space) told(m openstack.Message) {
	s.rig.spaces.mu.Lock()
	own, follow := slices.Clone(s.keys), s.name != "" && !s.closed
	s.rig.spaces.mu.Unlock()
	if !follow {
		return
	}
	message := published(m)
	message.Time = time.Now()
	keys, err := s.rig.observer.Track([]scenario.Published{message}, own...)
	if err != nil {
		s.rig.options.Log("a notification of the simulated cloud is not followed: %v", err)
		return
	}
	s.rig.spaces.mu.Lock()
	defer s.rig.spaces.mu.Unlock()
	s.keys, s.caused = append(s.keys, keys...), append(s.caused, keys...)
}

// publish sends a notification of the cloud and notes in the ledger that the broker took it.
func (s *space) publish(ctx context.Context, m openstack.Message) error {
	if err := s.rig.tell(ctx, m); err != nil {
		return err
	}
	s.rig.spaces.mu.Lock()
	follow := slices.Contains(s.caused, scenario.Key(published(m)))
	s.rig.spaces.mu.Unlock()
	if follow {
		s.rig.ledger.Append(ledger.Record{Time: time.Now(), Hop: ledger.Published, MessageID: scenario.Key(published(m)), Verdict: "confirmed",
			Object:  m.VHost + "/" + m.Exchange + "/" + m.RoutingKey,
			Details: map[string]any{"event_type": m.EventType, "bytes": len(m.Body), "caused": true}})
	}
	return nil
}

// Close implements scenario.Stores.
func (s *space) Close() { s.close() }

// Records implements scenario.Stores.
func (s *space) Records(_ context.Context, simulator, path string, where map[string]any) ([]map[string]any, error) {
	var err error
	var records func(path string, where map[string]any) []map[string]any
	switch simulator {
	case "nautobot":
		err, records = s.nautobot.Check(path), s.nautobot.Records
	case "openstack":
		err, records = s.openstack.Check(path), s.openstack.Records
	case "ontap":
		err, records = s.ontap.Check(path), s.ontap.Records
	case "undersync":
		err, records = s.undersync.Check(path), s.undersync.Records
	default:
		err = fmt.Errorf("there is no simulator %q", simulator)
	}
	if err != nil {
		return nil, failure.New(failure.BadInput, "", "%w", err)
	}
	return records(path, where), nil
}

// Fault implements scenario.Stores.
func (s *space) Fault(_ context.Context, simulator string, rule map[string]any) error {
	for _, one := range s.simulators() {
		if one.name != simulator {
			continue
		}
		if rule == nil {
			one.faults.Clear()
			return nil
		}
		decoded, err := faultRule(rule)
		if err != nil {
			return err
		}
		if err := one.faults.Add(decoded); err != nil {
			return failure.New(failure.BadInput, "", "%w", err)
		}
		return nil
	}
	return failure.New(failure.BadInput, "", "there is no simulator %q", simulator)
}

// journals adds what the simulators answered since it was called last to the answered requests, and what has no answer yet to
// the open ones. One caller at a time.
func (s *space) journals(answered, open []observe.Request) ([]observe.Request, []observe.Request) {
	for _, one := range s.simulators() {
		entries, _ := one.journal.Since(s.handed[one.name])
		for _, entry := range entries {
			answered = append(answered, request(s.name, one.name, entry))
			s.handed[one.name] = entry.Sequence
		}
		for _, entry := range one.journal.Open() {
			open = append(open, request(s.name, one.name, entry))
		}
	}
	return answered, open
}

// dispatch hands each request to the simulator of the scenario that it belongs to, or to the rig's own.
func (r *Rig) dispatch(simulator func(*space) http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		simulator(r.spaceOf(request)).ServeHTTP(w, request)
	})
}

// spaceOf finds the space of a request by the address that it comes from. The rig's node is the way in for whoever uses
// the rig from outside.
func (r *Rig) spaceOf(request *http.Request) *space {
	host, _, err := net.SplitHostPort(request.RemoteAddr)
	if err != nil || host == embedded.NodeAddress || strings.HasPrefix(request.URL.Path, "/_eventrig/") || !r.spaces.any() {
		return r.own
	}
	ctx, cancel := context.WithTimeout(request.Context(), ownerTimeout)
	defer cancel()
	for {
		changed := r.observer.Changed()
		if keys, known := r.observer.Owner(host); known {
			return r.spaces.of(keys, r.own)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return r.own
		}
	}
}

func (s *spaces) any() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)+len(s.retired) > 0
}

// of returns the space that has all of these messages, else the rig's own.
func (s *spaces) of(keys []string, own *space) *space {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, candidate := range slices.Concat(s.open, s.retired) {
		has := func(key string) bool { return slices.Contains(candidate.keys, key) }
		if len(keys) > 0 && !slices.ContainsFunc(keys, func(key string) bool { return !has(key) }) {
			return candidate
		}
	}
	return own
}

// all returns the rig's own space and those of the scenarios that run.
func (s *spaces) all(own *space) []*space {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*space{own}, s.open...)
}
