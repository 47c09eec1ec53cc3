package lint

import (
	"encoding/json"
	"errors"
	"time"

	aev1 "github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
	"github.com/argoproj/argo-events/pkg/sensors/dependencies"

	"github.com/eventrig/eventrig/internal/lint/jq"
	"github.com/eventrig/eventrig/internal/pipeline"
)

// jqLimit bounds one run of a jq program, and jqTotal all of one dependency's. On a busy machine a run of a millisecond may
// take long, so it is tried jqTries times before the program is called endless; a longer limit would let it take more memory.
const (
	jqLimit = 250 * time.Millisecond
	jqTries = 3
	jqTotal = 20 * time.Second
)

// sensorDependency is a Sensor's dependency with what can be told of the events that it gets.
type sensorDependency struct {
	sensor pipeline.Sensor
	spec   *aev1.EventDependency
	path   string // of the dependency, for LineOf

	event pipeline.Event // what it names
	found bool           // the graph has that event

	program    *jq.Program // its jq transform, if it has one that compiles
	programErr error
	shape      jq.Shape  // the event's data behind the transform
	outcomes   []outcome // what becomes of each sample
	slow       bool      // the transform did not come to an end on a sample; outcomes are incomplete
}

// outcome is what becomes of one sample.
type outcome struct {
	sample
	err   error          // of the transform
	after map[string]any // behind the transform
	data  []byte         // the same, as JSON
	fires bool           // the filters let it through as it is
	may   bool           // the filters let its event type through
}

// sensorDependencies are those of every Sensor, in order.
var sensorDependencies = NewFact(func(in *Input) []*sensorDependency {
	var all []*sensorDependency
	for _, sensor := range in.Graph.Sensors() {
		for i := range sensor.Typed.Spec.Dependencies {
			d := &sensorDependency{sensor: sensor, spec: &sensor.Typed.Spec.Dependencies[i], path: pipeline.Path("spec", "dependencies", i)}
			d.event, d.found = in.Graph.Event(sensor.GetNamespace(), d.spec.EventSourceName, d.spec.EventName)
			d.work(in)
			all = append(all, d)
		}
	}
	return all
})

// jq is the dependency's jq program, "" without one.
func (d *sensorDependency) jq() string {
	if d.spec.Transform == nil {
		return ""
	}
	return d.spec.Transform.JQ
}

// lua is the dependency's Lua transform, "" without one. Argo Events takes jq if both are given.
func (d *sensorDependency) lua() string {
	if d.spec.Transform == nil || d.spec.Transform.JQ != "" {
		return ""
	}
	return d.spec.Transform.Script
}

func (d *sensorDependency) work(in *Input) {
	before := jq.Of(jq.Object)
	if d.found {
		before = shapeOf(d.event)
	}
	d.shape = before
	switch {
	case d.lua() != "":
		d.shape = jq.Of(jq.Object | jq.Array)
		return
	case d.jq() != "":
		if d.program, d.programErr = jq.Parse(d.jq()); d.programErr != nil {
			return
		}
		d.shape = d.program.Analyse(before).First
	}
	if !d.found {
		return
	}
	until := time.Now().Add(jqTotal)
	for _, known := range samples(d.event) {
		if in.Context().Err() != nil || time.Now().After(until) {
			d.slow = time.Now().After(until)
			return
		}
		if !d.try(in, known) {
			d.slow = true
			return
		}
	}
}

// try works out what becomes of a sample; it returns false if the transform does not come to an end.
func (d *sensorDependency) try(in *Input, known sample) bool {
	result := outcome{sample: known}
	var after any = known.value
	if d.program != nil {
		if after, result.err = d.transform(in, known.value); errors.Is(result.err, jq.ErrSlow) {
			return false
		}
	}
	if object, ok := after.(map[string]any); ok && result.err == nil {
		result.after = object
		if result.data, result.err = json.Marshal(object); result.err == nil {
			result.fires = d.passes(result.data)
			result.may = d.admits(result)
		}
	}
	d.outcomes = append(d.outcomes, result)
	return true
}

// transform runs the dependency's jq program; jq.ErrSlow says that it does not come to an end.
func (d *sensorDependency) transform(in *Input, value any) (after any, err error) {
	for range jqTries {
		if after, err = d.program.Run(in.Context(), value, jqLimit); !errors.Is(err, jq.ErrSlow) {
			break
		}
	}
	return after, err
}

// passes asks Argo Events' own code whether the filters let data through. Lua is left out: it has no limit of time.
func (d *sensorDependency) passes(data []byte) bool {
	if d.spec.Filters == nil {
		return true
	}
	filters := d.spec.Filters.DeepCopy()
	if filters.Script != "" {
		if filters.Script = ""; d.spec.FiltersLogicalOperator == aev1.OrLogicalOperator {
			return true // the script may say yes
		}
	}
	filters.Time = nil // the hour does not belong to the event
	event := &aev1.Event{Data: data, Context: &aev1.EventContext{
		DataContentType: "application/json", Source: d.spec.EventSourceName, Subject: d.spec.EventName, Type: d.event.Type, SpecVersion: "1.0",
	}}
	passed, err := dependencies.Filter(event, filters, d.spec.FiltersLogicalOperator)
	return passed && err == nil
}

// admits reports whether the filters let the type of a sample through, whatever else the event holds: of the filters that
// must all hold, only those are asked that look at the event type.
func (d *sensorDependency) admits(result outcome) bool {
	filters := d.spec.Filters
	if filters == nil || result.fires {
		return true
	}
	others := filters.Exprs != nil || filters.Context != nil || filters.Time != nil || filters.Script != ""
	if d.spec.FiltersLogicalOperator == aev1.OrLogicalOperator && others {
		return true
	}
	var asked []aev1.DataFilter
	for _, filter := range filters.Data {
		if value, ok := lookup(result.after, parsePath(filter.Path).steps); ok && value == any(result.eventType) {
			asked = append(asked, filter)
		}
	}
	if len(asked) == 0 || filters.DataLogicalOperator == aev1.OrLogicalOperator && len(asked) < len(filters.Data) {
		return true
	}
	passed, err := dependencies.Filter(&aev1.Event{Data: result.data, Context: &aev1.EventContext{}},
		&aev1.EventDependencyFilter{Data: asked, DataLogicalOperator: filters.DataLogicalOperator}, "")
	return passed && err == nil
}

// admitted are the samples whose type the dependency lets through.
func (d *sensorDependency) admitted() []outcome {
	var admitted []outcome
	for _, result := range d.outcomes {
		if result.may {
			admitted = append(admitted, result)
		}
	}
	return admitted
}

// admittedTypes are the event types that the dependency lets through, each once, sorted.
func (d *sensorDependency) admittedTypes() []string {
	var admitted []sample
	for _, result := range d.admitted() {
		admitted = append(admitted, result.sample)
	}
	return eventTypes(admitted)
}
