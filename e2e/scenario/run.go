package scenario

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/ledger"
	"github.com/eventrig/eventrig/internal/nearest"
)

// Options are a run's own settings.
type Options struct {
	Seed    int64
	Attempt int           // which repetition this is; each draws other variables
	Timeout time.Duration // for scenarios that set none; DefaultTimeout when zero
	Log     func(format string, args ...any)
	Waiting func(open string) // told what the run waits for, whenever that changes; may be nil
	Explain bool              // evaluate what each Sensor makes of the events, whatever came of them: Result.Explained
}

// Run plays a scenario on a rig and checks what it expects. It never returns without a verdict: what could not be run
// has the verdict error, and Err keeps the class.
func Run(ctx context.Context, rig Rig, s Scenario, opts Options) Result {
	started := time.Now()
	result := Result{Name: s.Metadata.Name, Tier: rig.Tier(), File: s.File, Line: s.Line, Labels: s.Metadata.Labels, Failures: []Failure{}}
	if len(s.Spec.Tiers) > 0 && !slices.Contains(s.Spec.Tiers, rig.Tier()) {
		result.Verdict = Skipped
		result.Failures = append(result.Failures, Failure{Hop: "given", Expected: "tier " + strings.Join(s.Spec.Tiers, " or "), Got: "tier " + rig.Tier()})
		return result
	}
	timeout := cmpOr(opts.Timeout, DefaultTimeout)
	if d, err := time.ParseDuration(s.Spec.Timeout); err == nil {
		timeout = d
	}
	r := runner{rig: rig, scenario: s, log: opts.Log, waiting: opts.Waiting, timeout: timeout}
	if r.log == nil {
		r.log = func(string, ...any) {}
	}
	if r.waiting == nil {
		r.waiting = func(string) {}
	}
	failures, err := r.inTurn(ctx, opts, func() { started = time.Now() })
	result.Skipped = r.skipped
	result.Timeline = rig.Ledger().Of(r.keys...)
	if opts.Explain && ctx.Err() == nil {
		result.Explained = r.explainAll(ctx)
	}
	result.Seconds = time.Since(started).Seconds()
	switch {
	case err != nil && ctx.Err() != nil:
		result.Verdict, result.Err = Errored, ctx.Err()
		result.Failures = append(result.Failures, Failure{Hop: r.at, Expected: "the scenario to run to its end", Got: ctx.Err().Error(), File: s.File, Line: s.Line})
	case err != nil:
		result.Verdict, result.Err = Errored, err
		result.Failures = append(result.Failures, Failure{Hop: r.at, Expected: "the step to succeed", Got: err.Error(), Next: failure.Hint(err), File: s.File, Line: r.line})
	case r.nothing:
		result.Verdict = Skipped
		result.Failures = append(result.Failures, Failure{Hop: "then", Expected: "a tier that can decide it (" + r.skipped[0].Reason + ")", Got: "tier " + rig.Tier(), File: s.File, Line: s.Line})
	case len(failures) > 0 && s.Spec.KnownDefect != "":
		result.Verdict = Failed
		result.Failures = append([]Failure{{Hop: "then", Expected: "the known defect: " + s.Spec.KnownDefect, Got: "it did not occur as recorded",
			Why: "the expectations describe the defect, and the ones below no longer hold", Next: "if it is fixed, remove known-defect and let then describe what is right", File: s.File, Line: s.Line}}, failures...)
	case len(failures) > 0:
		result.Verdict, result.Failures = Failed, failures
	case s.Spec.KnownDefect != "":
		result.Verdict = KnownDefect
	default:
		result.Verdict = Passed
	}
	return result
}

func cmpOr(a, b time.Duration) time.Duration {
	if a > 0 {
		return a
	}
	return b
}

// runner is the state of one run.
type runner struct {
	rig      Rig
	stores   Stores
	scenario Scenario
	spec     Spec
	log      func(string, ...any)
	waiting  func(string)
	timeout  time.Duration

	at   string // the step under way, for the failure text
	line int
	mu   sync.Mutex // of writes to keys, and of others' reads
	keys []string
	// places are the steps that sent the messages, by key: a failure says which of several it is about.
	places map[string]string
	undo   []undo
	ready  bool

	skipped []Skip // expectations that the rig cannot decide
	nothing bool   // it can decide none
}

// undo takes back one thing that the scenario did to the rig.
type undo struct {
	what string
	do   func(context.Context) error
}

// inTurn runs the scenario once it may, and leaves the rig as it was.
func (r *runner) inTurn(ctx context.Context, opts Options, begun func()) ([]Failure, error) {
	r.at, r.line = "given", r.scenario.Line
	values, err := Values(r.scenario, opts.Seed, opts.Attempt)
	if err != nil {
		return nil, failure.New(failure.BadInput, "", "%w", err)
	}
	if r.spec, err = Resolve(r.scenario, values); err != nil {
		return nil, failure.New(failure.BadInput, "", "%w", err)
	}
	r.waiting("its turn")
	end, err := r.rig.Turn(ctx, ClaimOf(r.scenario, r.spec, values))
	if err != nil {
		return nil, fmt.Errorf("wait for the scenario's turn: %w", err)
	}
	defer end()
	begun()
	if r.stores, err = r.rig.Stores(ctx, r.spec.Given.Worlds); err != nil {
		return nil, fmt.Errorf("load the worlds %s: %w", strings.Join(r.spec.Given.Worlds, ", "), err)
	}
	defer r.stores.Close()
	r.stores.Name(r.scenario.Metadata.Name)
	limited, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	failures, err := r.run(limited)
	if cleanupErr := r.cleanUp(ctx); err == nil && cleanupErr != nil {
		err = cleanupErr
	}
	return failures, err
}

func (r *runner) run(ctx context.Context) ([]Failure, error) {
	if err := r.apply(ctx, r.spec.Given.Objects); err != nil {
		return nil, err
	}
	for _, fault := range r.spec.Given.Faults {
		if err := r.fault(ctx, fault); err != nil {
			return nil, r.timely(ctx, err)
		}
	}
	for i, step := range r.spec.When {
		r.at, r.line = fmt.Sprintf("when[%d]", i), step.Line
		if err := r.step(ctx, step); err != nil {
			return nil, r.timely(ctx, err)
		}
	}
	r.at = "then"
	if err := r.knownSensors(ctx); err != nil {
		return nil, r.timely(ctx, err)
	}
	if partial, is := r.rig.(Partial); is {
		if err := r.waitSettled(ctx); err != nil {
			return nil, r.timely(ctx, err)
		}
		r.spec.Then, r.skipped = partial.Decidable(r.spec.Then)
		if r.nothing = len(r.skipped) > 0 && r.spec.Then.empty(); r.nothing {
			return nil, nil
		}
	}
	return r.decide(ctx)
}

// timely says what the scenario waited for when its time ran out within a step.
func (r *runner) timely(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return failure.New(failure.Timeout, "raise spec.timeout, or see what the step waited for", "not within %s: %w", r.timeout, err)
	}
	return err
}

func (r *runner) step(ctx context.Context, step Step) error {
	switch {
	case step.Publish != nil:
		return r.publish(ctx, cmpText(step.Publish.Event, "a raw body"), step)
	case step.Replay != nil:
		return r.publish(ctx, step.Replay.File, step)
	case step.Webhook != nil:
		return r.publish(ctx, "to webhook "+step.Webhook.EventSource, step)
	case step.OpenStack != nil:
		return r.deliver(ctx, "what changed in OpenStack", func() ([]Message, error) { return r.stores.ChangeOpenStack(ctx, *step.OpenStack) }, step.OpenStack.Notify)
	case step.Apply != nil:
		return r.apply(ctx, step.Apply.Objects)
	case step.Delete != nil:
		return r.change(ctx, "delete objects", "put back what the scenario deleted", step.Delete.Objects, r.rig.Delete)
	case step.Submit != nil:
		return r.submit(ctx, *step.Submit)
	case step.Fault != nil:
		return r.fault(ctx, *step.Fault)
	case step.WaitSettled != nil:
		return r.waitSettled(ctx)
	case step.WaitReady != nil:
		r.ready = false
		return r.awaitReady(ctx)
	}
	return nil
}

func (r *runner) submit(ctx context.Context, s Submit) error {
	object, start, err := r.rig.Submission(ctx, s)
	if err != nil {
		return fmt.Errorf("submit a Workflow from %s: %w", s.From(), err)
	}
	key := r.rig.Observer().Adopt(object, s.From())
	r.own(key)
	r.sentHere(key)
	at := time.Now()
	if err := start(ctx); err != nil {
		return fmt.Errorf("submit a Workflow from %s: %w", s.From(), err)
	}
	r.rig.Ledger().Append(ledger.Record{Time: at, Hop: ledger.Published, MessageID: key, Verdict: "submitted", Object: object})
	r.log("submitted %s", object)
	return nil
}

func (r *runner) fault(ctx context.Context, f Fault) error {
	for simulator, rule := range f.Rules() {
		if rule == nil && !f.Clear {
			continue
		}
		if err := r.stores.Fault(ctx, simulator, rule); err != nil {
			return fmt.Errorf("make %s fail: %w", simulator, err)
		}
	}
	if f.Clear {
		r.ready = false
		return r.takeBack(ctx, func(u undo) bool { return u.what == mendFault })
	}
	if f.alone() == "" {
		return nil
	}
	mend, err := r.rig.Fault(ctx, f)
	if mend != nil {
		r.later(mendFault, mend)
	}
	if err != nil {
		return fmt.Errorf("disturb the rig: %w", err)
	}
	return nil
}

const mendFault = "mend what the scenario disturbed"

func cmpText(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// Settle waits until the chain is settled for the messages with these keys.
func Settle(ctx context.Context, observer Observer, keys []string) error {
	return settle(ctx, observer, func() []string { return keys }, func(string) {})
}

func settle(ctx context.Context, observer Observer, keys func() []string, waiting func(string)) error {
	for {
		changed := observer.Changed()
		asked := keys()
		settled, open, err := observer.Settled(ctx, asked)
		if more := len(keys()); settled && more != len(asked) {
			continue // the last of what settled caused more
		}
		if err != nil {
			return fmt.Errorf("ask whether the chain is settled: %w", err)
		}
		if settled {
			return nil
		}
		waiting(open)
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait until the chain is settled: %s: %w", open, ctx.Err())
		}
	}
}

// decide checks the expectations at every change until one cannot be met any more, the chain is settled, or time is out.
func (r *runner) decide(ctx context.Context) ([]Failure, error) {
	for {
		changed := r.rig.Observer().Changed()
		r.adopt()
		known := len(r.keys)
		settled, open, err := r.rig.Observer().Settled(ctx, r.keys)
		if err != nil && ctx.Err() == nil {
			return nil, fmt.Errorf("ask whether the chain is settled: %w", err)
		}
		if r.adopt(); len(r.keys) != known {
			continue // what settled last caused more
		}
		// Asked before the records are read: what arrives in between is then read too.
		view := r.view()
		failures, hopeless := r.evaluate(ctx, view, settled || ctx.Err() != nil)
		if hopeless || settled {
			return r.located(ctx, failures), nil
		}
		r.waiting(open)
		select {
		case <-changed:
		case <-ctx.Done():
			if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return nil, ctx.Err()
			}
			last := context.WithoutCancel(ctx)
			bounded, cancel := context.WithTimeout(last, 5*time.Second)
			defer cancel()
			view := r.view()
			failures, _ := r.evaluate(bounded, view, true)
			failures = append(failures, Failure{Hop: view.furthest(), Expected: fmt.Sprintf("the chain to be settled within %s", r.timeout), Got: "still open: " + cmpText(open, "unknown"),
				Why:  "a count is decided only when nothing more can come",
				Next: "look at the component named above (eventrig status, its log in the artifacts); raise spec.timeout if it is only slow"})
			return r.located(bounded, failures), nil
		}
	}
}

// view is the scenario's part of the ledger now.
func (r *runner) view() *view {
	v := newView(r.rig.Ledger().Of(r.keys...), r.keys)
	v.places = r.places
	return v
}

// located says of failures where the scenario wants what was not met, and of those about Sensors why that is so.
func (r *runner) located(ctx context.Context, failures []Failure) []Failure {
	r.explain(ctx, failures)
	for i := range failures {
		failures[i].File = r.scenario.File
		if failures[i].Line == 0 {
			failures[i].Line = r.scenario.Line
		}
	}
	return failures
}

// later notes what is to be taken back at the end.
func (r *runner) later(what string, do func(context.Context) error) {
	r.undo = append(r.undo, undo{what, do})
}

// takeBack undoes what is chosen, the newest first, each once.
func (r *runner) takeBack(ctx context.Context, chosen func(undo) bool) error {
	var kept []undo
	var errs []error
	for _, u := range slices.Backward(r.undo) {
		if !chosen(u) {
			kept = append(kept, u)
			continue
		}
		if err := u.do(ctx); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", u.what, err))
		}
	}
	slices.Reverse(kept)
	r.undo = kept
	return errors.Join(errs...)
}

// cleanUp takes back whatever the scenario did to the rig, also after an interrupt.
func (r *runner) cleanUp(ctx context.Context) error {
	if len(r.undo) == 0 {
		return nil
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTimeout)
	defer cancel()
	at := r.at
	r.at = "clean-up"
	r.waiting("the rig to be as it was")
	if err := r.takeBack(bounded, func(undo) bool { return true }); err != nil {
		return err
	}
	r.at = at
	return nil
}

// cleanUpTimeout leaves a broker that was stopped the time to start.
const cleanUpTimeout = time.Minute

// knownSensors refuses expectations about Sensors that do not exist: fires: 0 would hold for any typing mistake.
func (r *runner) knownSensors(ctx context.Context) error {
	known, err := r.rig.Observer().Sensors(ctx)
	if err != nil {
		return fmt.Errorf("list the Sensors: %w", err)
	}
	check := func(name string, line int) error {
		if name == "" {
			return nil // a submitted Workflow has none
		}
		for _, k := range known {
			if sameSensor(k, name) {
				return nil
			}
		}
		var short []string
		for _, k := range known {
			short = append(short, k[strings.LastIndex(k, "/")+1:])
		}
		hint := "the rig has " + strings.Join(known, ", ")
		if best := nearest.Name(name, short); best != "" {
			hint = fmt.Sprintf("did you mean %q? ", best) + hint
		}
		r.line = line
		return failure.New(failure.BadInput, hint, "%s:%d: there is no Sensor %q", r.scenario.File, line, name)
	}
	for _, m := range r.spec.Then.sensorsMeant() {
		if err := check(m.sensor, m.line); err != nil {
			return err
		}
	}
	return nil
}

// meant is a Sensor that an expectation is about.
type meant struct {
	sensor string
	line   int
}

func (t Then) sensorsMeant() []meant {
	var all []meant
	for _, e := range t.Sensors {
		all = append(all, meant{e.Name, e.Line})
	}
	for _, e := range t.Workflows {
		all = append(all, meant{e.Sensor, e.Line})
	}
	for _, e := range t.Pods {
		all = append(all, meant{e.Sensor, e.Line})
	}
	for _, e := range t.Objects {
		all = append(all, meant{e.Sensor, e.Line})
	}
	return all
}

// sameSensor compares namespace/name with a name as a scenario writes it.
func sameSensor(full, written string) bool {
	return full == written || (!strings.Contains(written, "/") && strings.HasSuffix(full, "/"+written))
}
