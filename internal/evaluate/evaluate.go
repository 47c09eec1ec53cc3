// Package evaluate says what Sensors do with an event, and why, without a cluster.
//
// In: a graph of manifests (internal/pipeline) and recorded messages (internal/message). Out: for each event, Sensor and
// dependency an Outcome: the verdict, the step that said no with the value seen and the values wanted, every filter and
// parameter on its own, and the objects that the triggers would create.
//
// The verdict is argo-events' own: what transforms, filters and resolves parameters here is the code that its Sensors run
// (pkg/sensors/dependencies, pkg/sensors/triggers), called in the order of pkg/sensors/listener.go. What has no exported
// function there (how an event finds its dependency, how conditions are read) follows v1.9.10 with the same libraries. The
// reasons are computed beside the verdict and held against it; where they differ the Outcome says so (Outcome.Doubt).
//
// Nothing here looks at a cluster, a network or a clock other than Options.Time. It explains what a rig observed; it never
// takes an observation's place.
package evaluate

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	aev1 "github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"

	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/message"
	"github.com/eventrig/eventrig/internal/pipeline"
)

// Options say how to evaluate.
type Options struct {
	Source string        // NAMESPACE/NAME/EVENT that the events come from; empty: found out for each event
	Time   time.Time     // when the EventSource gets the events, which time filters compare; zero: now, or a CloudEvent's own time
	Wrap   bool          // put notifications without oslo's envelope into one
	Limit  time.Duration // how long one transform or script may run; zero: 2 s. Argo Events sets no limit
}

// Evaluator evaluates events against the Sensors of one graph. It may be used from several goroutines.
type Evaluator struct {
	graph   *pipeline.Graph
	options Options
	source  *Source // of Options.Source
	sources []*Source
	sensors []*sensor
	queries sync.Map // jq program -> *query

	capacities map[string]capacity // of EventBuses, by namespace/name
	slow       sync.Map            // what did not come to an end -> *atomic.Int32, how often
}

// Result is what all Sensors do with one event.
type Result struct {
	Event    message.Event
	Found    Found     // where the event comes from
	Passed   []*Source // of Found.Sources, those whose EventSource passes the event on
	Outcomes []Outcome // by Sensor and dependency, in the order of the manifests
}

// New prepares the graph's Sensors. A malformed Options.Source is bad input.
func New(graph *pipeline.Graph, options Options) (*Evaluator, error) {
	if options.Limit == 0 {
		options.Limit = 2 * time.Second
	}
	e := &Evaluator{graph: graph, options: options, capacities: capacitiesOf(graph)}
	for _, one := range graph.Sensors() {
		e.sensors = append(e.sensors, newSensor(graph, one))
	}
	e.sources = sourcesOf(graph)
	if options.Source != "" {
		parts := strings.Split(options.Source, "/")
		if len(parts) != 3 || parts[0] == "" || parts[1] == "" || parts[2] == "" {
			return nil, failure.New(failure.BadInput, "such as openstack/openstack-keystone/notifications", "--source %q is not NAMESPACE/NAME/EVENT", options.Source)
		}
		e.source = e.named(parts[0], parts[1], parts[2])
	}
	return e, nil
}

// Run evaluates events as a Sensor gets them, one after the other: where a trigger's conditions name several dependencies,
// an event that met one is remembered for those that follow. Events are spread over the machine's cores.
func (e *Evaluator) Run(events []message.Event) []Result { return e.Sequence().Run(events) }

// Sequence is a sequence of events that comes in parts: what met a dependency in one part is remembered in the next. It is for
// one goroutine.
type Sequence struct {
	evaluator *Evaluator
	held      map[*trigger]map[string]*Outcome
}

// Sequence begins a sequence: nothing is remembered.
func (e *Evaluator) Sequence() *Sequence {
	return &Sequence{evaluator: e, held: map[*trigger]map[string]*Outcome{}}
}

// Run is Evaluator.Run for the next events of the sequence.
func (s *Sequence) Run(events []message.Event) []Result {
	results := s.evaluator.each(events)
	s.join(results)
	return results
}

// each evaluates events without regard to one another.
func (e *Evaluator) each(events []message.Event) []Result {
	results := make([]Result, len(events))
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(events)) {
		workers.Go(func() {
			for i := range next {
				results[i] = e.one(events[i])
			}
		})
	}
	for i := range events {
		next <- i
	}
	close(next)
	workers.Wait()
	return results
}

// Event evaluates one event on its own.
func (e *Evaluator) Event(event message.Event) Result { return e.Run([]message.Event{event})[0] }

// one evaluates an event up to the point where other events matter.
func (e *Evaluator) one(event message.Event) Result {
	if e.options.Wrap {
		event = wrap(event)
	}
	result := Result{Event: event, Found: e.find(event)}
	arrivals := e.arrivals(event, result.Found.Sources)
	for _, a := range arrivals {
		if a.dropped == "" {
			result.Passed = append(result.Passed, a.source)
		}
	}
	for _, s := range e.sensors {
		for i := range s.spec().Dependencies {
			result.Outcomes = append(result.Outcomes, e.dependency(s, i, result.Found, arrivals)...)
		}
	}
	return result
}

// dependency evaluates an event at one dependency of a Sensor: one outcome for each source that it may have come by, or
// one that says that it does not come here.
func (e *Evaluator) dependency(s *sensor, index int, found Found, arrivals []*arrival) []Outcome {
	dependency := &s.spec().Dependencies[index]
	var outcomes []Outcome
	for _, a := range arrivals {
		if !s.hears(dependency, a.source) {
			continue
		}
		o := Outcome{Sensor: s.Sensor, Index: index, Dependency: dependency, Source: a.source, places: &s.places, arrival: a}
		e.decide(s, &o)
		if o.passed {
			e.alone(s, &o)
		}
		outcomes = append(outcomes, o)
	}
	if len(outcomes) == 0 {
		o := Outcome{Sensor: s.Sensor, Index: index, Dependency: dependency, places: &s.places}
		e.unheard(s, &o, found)
		outcomes = append(outcomes, o)
	}
	return outcomes
}

// decide goes through the steps of a Sensor's listener, up to the conditions.
func (e *Evaluator) decide(s *sensor, o *Outcome) {
	defer func() {
		if crash := recover(); crash != nil {
			o.crashed("filter", crash)
		}
	}()
	if o.arrival.dropped != "" {
		o.verdict(Filtered, "eventsource")
		o.Got = quoted(o.arrival.dropped)
		o.Hint = o.arrival.hint
		o.At = o.Source.at()
		return
	}
	if shadow := s.shadowed(o.Index, o.Source); shadow != "" {
		o.verdict(NoDependency, "dependency")
		o.Hint = fmt.Sprintf("dependency %s has the same EventSource and event, and on NATS streaming (STAN) a trigger gets each event by one dependency only", shadow)
		return
	}
	if len(s.triggersOf(o.Dependency.Name)) == 0 {
		o.verdict(NoDependency, "conditions")
		o.Hint = "no trigger's conditions name this dependency, so that no trigger listens to it"
		return
	}
	for _, t := range s.triggersOf(o.Dependency.Name) {
		o.Listeners = append(o.Listeners, t.Template.Name)
	}
	event, ok := e.transform(o)
	if !ok {
		return
	}
	o.event = event
	e.filter(o)
}

// patience is how often a program may run out of time before it is run no more: those of Lua and templates cannot be stopped,
// and go on using a core each.
const patience = 3

// ranOut notes that a program, told by any key, ran out of time.
func (e *Evaluator) ranOut(program any) {
	times, _ := e.slow.LoadOrStore(program, new(atomic.Int32))
	times.(*atomic.Int32).Add(1)
}

// givenUp says why a program is run no more, "" where it still is.
func (e *Evaluator) givenUp(program any) string {
	times, known := e.slow.Load(program)
	if !known || times.(*atomic.Int32).Load() < patience {
		return ""
	}
	return fmt.Sprintf("it is not run any more: it did not end within %s for %d earlier events", e.options.Limit, times.(*atomic.Int32).Load())
}

// spec is short for the Sensor's.
func (s *sensor) spec() *aev1.SensorSpec { return &s.Typed.Spec }
