package coverage

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/eventrig/eventrig/internal/corpus"
	"github.com/eventrig/eventrig/internal/evaluate"
	"github.com/eventrig/eventrig/internal/lint"
	"github.com/eventrig/eventrig/internal/pipeline"
)

// Measure says what a corpus reaches of a graph. The options are the evaluation's; those that are unset are as in
// evaluate.New. Errors are the corpus's own: bad input, with file and line.
func Measure(ctx context.Context, graph *pipeline.Graph, events *corpus.Corpus, stdin io.Reader, options evaluate.Options) (*Report, error) {
	evaluator, err := evaluate.New(graph, options)
	if err != nil {
		return nil, err
	}
	t := &tally{in: lint.NewInput(graph, nil), plan: newPlan(graph, len(events.Scenarios) > 0), report: &Report{Scenarios: len(events.Scenarios), Unplaced: []string{}, Notes: []string{}}}
	for part, err := range events.Evaluate(ctx, stdin, evaluator) {
		if err != nil {
			return nil, err
		}
		for i := range part.Results[0] {
			if err := t.add(&part.Results[0][i]); err != nil {
				return nil, err
			}
		}
		for _, submitted := range part.Submitted {
			t.submitted(submitted)
		}
		t.report.Notes = append(t.report.Notes, part.Notes...)
	}
	for _, p := range t.points {
		p.explain()
		t.report.Points = append(t.report.Points, p.Point)
	}
	t.report.sum()
	return t.report, nil
}

// tally counts what events reach.
type tally struct {
	*plan
	in     *lint.Input // the graph, as rules see it
	report *Report
	now    int    // the event's number
	place  string // FILE:LINE of it
}

// hit notes that the event reaches a point.
func (t *tally) hit(p *point) {
	if p == nil || p.reached == t.now {
		return
	}
	p.reached, p.State = t.now, Reached
	if p.Events++; p.First == "" {
		p.First = t.place
	}
}

// near notes that the event comes as far as a point without reaching it; of what an event is noted for, the nearest counts.
func (t *tally) near(p *point, state State) {
	if p == nil {
		return
	}
	if p.came != t.now {
		p.came, p.last = t.now, state
		p.Near++
		p.states[state]++
	} else if nearness[state] > nearness[p.last] {
		p.states[p.last]--
		p.last = state
		p.states[state]++
	}
	if nearness[state] > nearness[p.State] {
		p.State = state
	}
}

func (t *tally) add(result *evaluate.Result) error {
	if len(result.Found.Sources) == 0 && result.Event.SourceType == "resource" {
		return nil // an object that nobody watches
	}
	t.now++
	t.report.Events++
	t.place = result.Event.Place()
	switch {
	case result.Found.Tried:
		t.report.Unplaced = append(t.report.Unplaced, t.place)
		return nil
	case len(result.Found.Sources) == 0:
		t.report.Nowhere++
		return nil
	}
	for _, source := range result.Passed {
		t.hit(t.sources[source.String()])
	}
	for _, source := range result.Found.Sources {
		if one := t.sources[source.String()]; one != nil && one.reached != t.now {
			t.near(one, Refused)
		}
	}
	for i := range result.Outcomes {
		o := &result.Outcomes[i]
		if o.Doubt != "" {
			return fmt.Errorf("evaluate %s at %s: the reasons do not fit the verdict, which is a defect of eventrig: %s", t.place, o.Name(), o.Doubt)
		}
		if o.Source != nil {
			t.outcome(result, o)
		}
	}
	return nil
}

func (t *tally) outcome(result *evaluate.Result, o *evaluate.Outcome) {
	sensor := t.sensors[o.Sensor.Key()]
	if sensor == nil || o.Index >= len(sensor.dependencies) {
		return
	}
	dependency := &sensor.dependencies[o.Index]
	switch {
	case o.Step == "eventsource", o.Verdict == evaluate.NoDependency:
		t.near(dependency.comes, Refused)
		if o.Hint != "" && o.Verdict == evaluate.NoDependency {
			dependency.comes.Why = o.Hint
		}
		return
	}
	t.hit(dependency.comes)
	t.near(sensor.fires, Refused)
	if o.Transform != nil {
		if o.Transform.Error == "" && o.Transform.Result != nil {
			t.hit(dependency.transform)
		} else {
			t.near(dependency.transform, Failed)
		}
	}
	for i := range o.Checks {
		c := &o.Checks[i]
		t.filter(o, i, dependency.filters[filterKey{c.Kind, c.Index}])
	}
	for i := range o.Triggers {
		trigger := &o.Triggers[i]
		if trigger.Place() < len(sensor.triggers) {
			t.trigger(result, sensor, &sensor.triggers[trigger.Place()], trigger)
		}
	}
}

func (t *tally) filter(o *evaluate.Outcome, check int, f filterPlan) {
	if f.refusal == nil {
		return
	}
	passes := o.Checks[check].Pass
	matches := make([]bool, len(f.values))
	switch {
	case f.single:
		matches[0] = passes
	case passes:
		matches = o.Matches(check)
	}
	for i, value := range f.values {
		switch {
		case i >= len(matches) || !matches[i]:
			t.near(value, Refused)
		case o.Passed():
			t.hit(value)
		default:
			t.near(value, Overrule)
		}
	}
	switch {
	case passes:
		t.near(f.refusal, Passed)
	case !o.Passed() && o.Decides(check):
		t.hit(f.refusal)
	default:
		t.near(f.refusal, Overrule)
	}
}

func (t *tally) trigger(result *evaluate.Result, sensor *sensorPlan, plan *triggerPlan, acted *evaluate.Trigger) {
	switch {
	case !acted.Met:
		t.near(plan.acts, Waiting)
		for _, name := range acted.Have {
			t.near(plan.conditions[name], Waiting)
		}
		return
	case acted.Error != "":
		t.near(plan.acts, Failed)
		t.near(sensor.fires, Failed)
		plan.acts.Why = "it fails: " + acted.Error
		for _, p := range acted.Parameters {
			if p.Error != "" {
				plan.acts.Why = "it fails of the parameter " + p.Dest
				break
			}
		}
	default:
		t.hit(plan.acts)
		t.hit(sensor.fires)
	}
	for _, name := range acted.Have {
		if acted.Error == "" {
			t.hit(plan.conditions[name])
		} else {
			t.near(plan.conditions[name], Failed)
		}
	}
	for i := range acted.Parameters {
		if i < len(plan.parameters) {
			t.parameter(plan.parameters[i], &acted.Parameters[i])
		}
	}
	if acted.Error != "" || acted.Object == nil || !acted.Creates() {
		return
	}
	var object unstructured.Unstructured
	if json.Unmarshal(acted.Object, &object.Object) != nil {
		return
	}
	t.reached(t.in.ReachedBy(&object), result.Event.EventType)
}

func (t *tally) parameter(plan parameterPlan, got *evaluate.Parameter) {
	switch {
	case got.Error != "":
		t.near(plan.taken, Failed)
		plan.taken.Why = "it cannot be resolved: " + cmp.Or(got.Note, got.Error)
	case got.Default && plan.fallback != nil:
		t.near(plan.taken, Default)
		t.hit(plan.fallback)
	case got.Default, got.Skipped:
		t.near(plan.taken, Default)
	default:
		t.hit(plan.taken)
		t.near(plan.fallback, Passed)
	}
}

// reached notes what a Workflow comes to.
func (t *tally) reached(by lint.Reached, eventType string) {
	for _, key := range by.Templates {
		t.hit(t.templates[key])
	}
	for _, command := range by.Commands {
		t.hit(t.handlers[command][eventType])
	}
}

func (t *tally) submitted(s corpus.Submitted) {
	reached, found := t.in.ReachedFrom(s.Kind, s.From)
	if !found {
		return // the scenario is for other manifests
	}
	t.now++
	t.place = s.Place
	t.reached(reached, "")
}
