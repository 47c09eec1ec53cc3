package scenario

import (
	"context"
	"net/http"
	"time"

	"github.com/eventrig/eventrig/internal/ledger"
)

// Rig is what the runner needs of a rig; e2e/rig implements it.
type Rig interface {
	// Tier names the tier: offline, embedded, kind, existing.
	Tier() string
	// Turn waits until a scenario with this claim may run beside those that do; end lets the next ones go on.
	Turn(ctx context.Context, claim Claim) (end func(), err error)
	// Stores makes simulators of one scenario's own, which hold the named worlds, or what a new rig holds.
	Stores(ctx context.Context, worlds []string) (Stores, error)
	// Messages makes the messages of a publish, replay or webhook step, with every variable resolved. Nothing is sent yet,
	// so that they can be announced before.
	Messages(ctx context.Context, step Step) ([]Message, error)
	// Submission makes the Workflow of a submit step: Workflow/namespace/name, and what starts it.
	Submission(ctx context.Context, s Submit) (object string, start func(context.Context) error, err error)
	// Heard says whether a resource EventSource watches some of the objects, so that whoever changes them waits before until
	// it and the Sensors are ready.
	Heard(objects []map[string]any) (bool, error)
	// Apply creates or updates objects and returns what makes it undone: new ones go, changed ones are as before. Readiness
	// is not its business: the runner asks the Observer.
	Apply(ctx context.Context, objects []map[string]any) (raised []Published, undo Restore, err error)
	// Delete removes objects and returns what puts them back.
	Delete(ctx context.Context, objects []map[string]any) (raised []Published, undo Restore, err error)
	// Objects returns the objects of a kind, with apiVersion, kind and where e names them namespace, name and labels.
	Objects(ctx context.Context, e ObjectExpectation) ([]map[string]any, error)
	// Fault disturbs the broker or a component and returns what mends it again.
	Fault(ctx context.Context, f Fault) (undo func(context.Context) error, err error)
	// Observer returns what watches the rig.
	Observer() Observer
	// Ledger returns the ledger that the Observer writes.
	Ledger() *ledger.Ledger
}

// Partial is a Rig that can decide only a part of what scenarios expect.
type Partial interface {
	// Decidable returns the expectations that the rig can decide, narrowed to what it knows, and names the others with the
	// reason. It is asked once the chain is settled after the last step.
	Decidable(then Then) (part Then, skipped []Skip)
}

// Skip is something that was not looked at.
type Skip struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// Restore makes a change of objects undone. As the change itself it returns the events that resource EventSources make of
// what it did, for the Observer to track: they are known only then.
type Restore func(context.Context) (raised []Published, err error)

// Stores are the simulators of one scenario. Requests reach them from the pods of the Workflows that the scenario's
// events caused; nobody else's do.
type Stores interface {
	// Name says whose they are, for whoever looks at their journals later.
	Name(scenario string)
	// Own says that requests by pods of these messages' Workflows are this scenario's.
	Own(keys []string)
	// Caused returns the keys of the notifications that requests to the simulated cloud caused so far, in order: those of
	// the scenario's pods. They are announced to the Observer before the request that caused them is answered.
	Caused() []string
	// ChangeOpenStack changes the OpenStack simulator's state. With Notify it returns the notifications that the service
	// tells it by, in order and not yet sent.
	ChangeOpenStack(ctx context.Context, change OpenStackChange) ([]Message, error)
	// Records returns the records of a simulator's store ("nautobot", "openstack") under path whose fields equal where.
	Records(ctx context.Context, simulator, path string, where map[string]any) ([]map[string]any, error)
	// Fault puts a fault rule of a simulator in force; nil takes all of them back.
	Fault(ctx context.Context, simulator string, rule map[string]any) error
	// Close gives the simulators up.
	Close()
}

// Message is a message that is ready to be sent.
type Message struct {
	Published
	// Send sends it and returns once the broker confirmed it, or the webhook answered as wanted.
	Send func(ctx context.Context) error
	// Begin, where there is one, is Send in two halves, for many messages on their way at once: it sends, and wait
	// returns once the broker confirmed it. Those begun one after the other arrive in that order.
	Begin func(ctx context.Context) (wait func(context.Context) error, err error)
	// Silent is a call that is to be refused: no event comes of it.
	Silent bool
}

// Published is one message.
type Published struct {
	MessageID  string // message_id in the body; empty for a raw body without one: the runner then makes a key of it
	EventType  string
	VHost      string
	Exchange   string
	RoutingKey string
	Body       []byte // as sent, envelope included
	Time       time.Time
	// Source is the EventSource's event, namespace/name/event, that a webhook call went to, or that hears of a changed
	// object. Other messages find theirs by vhost, exchange and routing key.
	Source string
	// Header is the HTTP header with which a webhook's EventSource gets the call; nil for other messages.
	Header http.Header
}

// Observer watches a rig and writes the ledger. e2e/observe implements it.
type Observer interface {
	// Track announces messages that are about to be published, each once, and returns the keys under which the ledger
	// has them: the message id, or a digest of the body where it has none. A body that was there before gets a key of
	// its own, so that a message sent again is told from its first time; unless that is among own, the keys of the
	// scenario that sends it.
	Track(published []Published, own ...string) (keys []string, err error)
	// Adopt announces a Workflow that the scenario is about to submit and returns the key under which the ledger has it.
	Adopt(object, template string) (key string)
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
	// Skipped are the expectations that this tier cannot decide.
	Skipped []Skip `json:"skipped,omitempty"`
	// Earlier are the attempts before this one, none of which passed; a scenario that then passes is flaky.
	Earlier []Attempt `json:"earlierAttempts,omitempty"`
	// File, Line and Labels say where the scenario comes from.
	File   string            `json:"file,omitempty"`
	Line   int               `json:"line,omitempty"`
	Labels map[string]string `json:"labels,omitempty"`
	// Timeline is the scenario's part of the ledger, for reports and artifacts.
	Timeline []ledger.Record `json:"-"`
	// Explained is what evaluation says of each event at each Sensor, where Options.Explain asks for it.
	Explained []Explanation `json:"-"`
	// Err is set with VerdictError: the scenario could not be run. It keeps the class of internal/failure.
	Err error `json:"-"`
}

// Attempt is one run of a scenario among several.
type Attempt struct {
	Verdict  Verdict   `json:"verdict"`
	Seconds  float64   `json:"seconds"`
	Failures []Failure `json:"failures"`
}

// Flaky says whether the scenario passed, but not at the first attempt.
func (r Result) Flaky() bool {
	return len(r.Earlier) > 0 && (r.Verdict == Passed || r.Verdict == KnownDefect)
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
	// Explanation says, where the expectation is about a Sensor, what evaluating the scenario's events there gives.
	Explanation []Explanation `json:"explanation,omitempty"`

	about subject
}
