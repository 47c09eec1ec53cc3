package scenario

import (
	"context"
	"time"

	"github.com/eventrig/eventrig/internal/ledger"
)

// Rig is what the runner needs of a rig; e2e/rig implements it.
type Rig interface {
	// Tier names the tier: offline, embedded, kind, existing.
	Tier() string
	// LoadWorlds resets the simulators and loads the named worlds.
	LoadWorlds(ctx context.Context, names []string) error
	// Publish sends p, with every variable resolved, and returns one entry per message once the broker confirmed it.
	Publish(ctx context.Context, p Publish) ([]Published, error)
	// Apply creates or updates objects. Readiness is not its business: the runner asks the Observer.
	Apply(ctx context.Context, objects []map[string]any) error
	// Delete removes objects and returns them as they were, so that the runner can put them back.
	Delete(ctx context.Context, objects []map[string]any) (before []map[string]any, err error)
	// ChangeOpenStack changes the OpenStack simulator's state.
	ChangeOpenStack(ctx context.Context, change OpenStackChange) error
	// Records returns the records of a simulator's store ("nautobot", "openstack") under path whose fields equal where.
	Records(ctx context.Context, simulator, path string, where map[string]any) ([]map[string]any, error)
	// Observer returns what watches the rig.
	Observer() Observer
	// Ledger returns the ledger that the Observer writes.
	Ledger() *ledger.Ledger
}

// Published is one message that the broker confirmed.
type Published struct {
	MessageID  string // message_id in the body; empty for a raw body without one: the runner then makes a key of it
	EventType  string
	VHost      string
	Exchange   string
	RoutingKey string
	Body       []byte // as sent, envelope included
	Time       time.Time
	Confirmed  bool
}

// Observer watches a rig and writes the ledger. e2e/observe implements it.
type Observer interface {
	// Track announces messages before or right after they were published and returns the keys under which the ledger
	// has them: the message id, or a digest of the body where it has none.
	Track(published []Published) (keys []string, err error)
	// Sensors returns the namespace/name of every Sensor, so that an expectation about one that does not exist is a
	// mistake and not a success.
	Sensors(ctx context.Context) ([]string, error)
	// Ready waits until every EventSource listens and every Sensor is subscribed: what a Sensor on STAN missed before
	// that it never sees.
	Ready(ctx context.Context) error
	// Settled says whether the chain is settled for the messages, and if not what is still open.
	Settled(ctx context.Context, keys []string) (settled bool, open string, err error)
	// Changed returns a channel that is closed when the answer of Settled or the ledger may have changed.
	Changed() <-chan struct{}
}

// Result is the outcome of one scenario.
type Result struct {
	Name     string    `json:"name"`
	Tier     string    `json:"tier"`
	Verdict  Verdict   `json:"verdict"` // passed, failed, error, skipped or known-defect
	Seconds  float64   `json:"seconds"`
	Failures []Failure `json:"failures"`
	// File, Line and Labels say where the scenario comes from.
	File   string            `json:"file,omitempty"`
	Line   int               `json:"line,omitempty"`
	Labels map[string]string `json:"labels,omitempty"`
	// Timeline is the scenario's part of the ledger, for reports and artifacts.
	Timeline []ledger.Record `json:"-"`
	// Err is set with VerdictError: the scenario could not be run. It keeps the class of internal/failure.
	Err error `json:"-"`
}

// Verdict is the outcome in one word.
type Verdict string

// The verdicts of a scenario.
const (
	Passed      Verdict = "passed"
	Failed      Verdict = "failed"
	Errored     Verdict = "error"
	Skipped     Verdict = "skipped"
	KnownDefect Verdict = "known-defect"
)

// Failure is one expectation that was not met: where, what was wanted, what came, why, and what to do next.
type Failure struct {
	Hop      string `json:"hop"`            // where in the chain
	Expected string `json:"expected"`       // what was wanted
	Got      string `json:"got"`            // what came
	Why      string `json:"why,omitempty"`  // the cause, in the words of the component that decided
	Next     string `json:"next,omitempty"` // what to look at or do
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"`
}
