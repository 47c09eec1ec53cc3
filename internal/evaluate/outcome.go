package evaluate

import (
	"encoding/json"
	"fmt"
	"sync"

	aev1 "github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
	cloudevents "github.com/cloudevents/sdk-go/v2"

	"github.com/eventrig/eventrig/internal/pipeline"
)

// Verdict is what became of an event at a dependency.
type Verdict string

// The verdicts.
const (
	Fires          Verdict = "fires"           // a trigger acts
	Filtered       Verdict = "filtered"        // a filter said no, the EventSource dropped it, or conditions wait for other events
	NoDependency   Verdict = "no-dependency"   // it comes from elsewhere than the dependency listens to
	TransformError Verdict = "transform-error" // the transform failed: Argo logs it and acknowledges the event, which is lost
	ParameterError Verdict = "parameter-error" // a parameter could not be resolved, or the object not made: the trigger fails
	Undecided      Verdict = "undecided"       // a script that may change this machine, and is not run
)

// Outcome is what became of an event at one dependency of a Sensor.
type Outcome struct {
	Sensor     pipeline.Sensor
	Index      int // of the dependency
	Dependency *aev1.EventDependency
	Source     *Source // where the event came from; nil where it does not come to this dependency

	Verdict Verdict
	Step    string          // what said no: eventsource, dependency, transform, filter, conditions, parameters or object; empty when it fires
	Path    string          // the path in the event that it looked at
	Want    []string        // the values wanted
	Got     json.RawMessage // the value seen; nil where there is none
	Hint    string          // what to do about it
	At      string          // where that is written: file:line
	Near    bool            // it is worth a closer look: it fires, or little is missing
	Doubt   string          // the reasons found do not fit argo-events' verdict: a defect of eventrig

	Listeners   []string // names of the triggers that listen to the dependency, where the event comes to it
	FilterError string   // what argo-events logs where a filter cannot be applied; it may let the event through all the same

	Transform *Transform
	Checks    []Check // the filters, one by one
	Operator  string  // and, or: how kinds of filters are joined
	Triggers  []Trigger

	places  *sync.Map // where the Sensor's fields are written, by placeKey
	arrival *arrival
	event   *cloudevents.Event // as filters and triggers see it
	passed  bool               // the filters let it through
}

// Name is the Sensor's namespace/name.
func (o *Outcome) Name() string { return o.Sensor.GetNamespace() + "/" + o.Sensor.GetName() }

func (o *Outcome) verdict(v Verdict, step string) { o.Verdict, o.Step = v, step }

// crashed records a panic in argo-events' code, or in a library that it calls.
func (o *Outcome) crashed(step string, crash any) {
	o.verdict(Undecided, step)
	o.Got = quoted(fmt.Sprint(crash))
	o.Hint = "argo-events' own code panics on this event; a Sensor's pod would restart"
	o.Near = true
}

// line says where a field of the Sensor is written. Few fields are ever asked for, and they again and again.
func (o *Outcome) line(steps ...any) string {
	var key placeKey
	if o.places == nil || len(steps) > len(key) {
		return place(o.Sensor.Object, pipeline.Path(steps...))
	}
	copy(key[:], steps)
	if known, ok := o.places.Load(key); ok {
		return known.(string)
	}
	found := place(o.Sensor.Object, pipeline.Path(steps...))
	o.places.Store(key, found)
	return found
}

// placeKey is a path, of names and indexes.
type placeKey [8]any

// field is a path below the dependency.
func (o *Outcome) field(steps ...any) string {
	return o.line(append([]any{"spec", "dependencies", o.Index}, steps...)...)
}

func place(object pipeline.Object, path string) string {
	if object.File == "" {
		return ""
	}
	if line := object.LineOf(path); line > 0 {
		return fmt.Sprintf("%s:%d", object.File, line)
	}
	return object.File
}

// quoted is a text as JSON.
func quoted(text string) json.RawMessage {
	encoded, err := json.Marshal(text)
	if err != nil {
		return json.RawMessage(`""`) // a string can always be encoded
	}
	return encoded
}
