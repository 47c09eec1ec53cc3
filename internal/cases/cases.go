// Package cases says what the scenarios of a Sensor have to show, and which scenarios show it: each value of a filter that lets
// an event through, and each near miss.
//
// In: a graph of manifests (internal/pipeline) and a corpus of scenarios (internal/corpus). Out: the cases of each Sensor, with
// the names of the scenarios that send such an event. The cases follow from what the Sensor's dependencies, filters, transforms
// and parameters say; what becomes of an event is internal/evaluate's word. A near miss is an event that one filter alone keeps
// out: with another value there it would have fired.
package cases

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	aev1 "github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
	"github.com/tidwall/gjson"

	"github.com/eventrig/eventrig/internal/corpus"
	"github.com/eventrig/eventrig/internal/evaluate"
	"github.com/eventrig/eventrig/internal/message"
	"github.com/eventrig/eventrig/internal/pipeline"
)

// Case is one thing that scenarios have to show of a Sensor.
type Case struct {
	Name      string   // in words, such as: event_type is a.b.end
	Fires     bool     // a trigger acts in it; else it is a near miss
	Scenarios []string // that send such an event; each once, sorted
}

// Sensor is a Sensor with its cases, in the order of its manifest.
type Sensor struct {
	Name  string // namespace/name
	Cases []*Case
}

// Of lists the cases of every Sensor of a graph, in the order of their names, and finds the scenarios of the corpus for them.
func Of(ctx context.Context, graph *pipeline.Graph, events *corpus.Corpus) ([]Sensor, error) {
	evaluator, err := evaluate.New(graph, evaluate.Options{})
	if err != nil {
		return nil, err
	}
	var all []Sensor
	by := map[string]*sensorCases{}
	for _, one := range graph.Sensors() {
		c := newSensorCases(graph, one)
		by[one.Key()] = c
		all = append(all, Sensor{Name: one.GetNamespace() + "/" + one.GetName(), Cases: c.all})
	}
	for part, err := range events.Evaluate(ctx, nil, evaluator) {
		if err != nil {
			return nil, err
		}
		for _, result := range part.Results[0] {
			for i := range result.Outcomes {
				o := &result.Outcomes[i]
				if c := by[o.Sensor.Key()]; c != nil && o.Source != nil {
					c.note(part.Scenario, result, o)
				}
			}
		}
	}
	slices.SortFunc(all, func(a, b Sensor) int { return strings.Compare(a.Name, b.Name) })
	for _, sensor := range all {
		for _, c := range sensor.Cases {
			slices.Sort(c.Scenarios)
			c.Scenarios = slices.Compact(c.Scenarios)
		}
	}
	return all, nil
}

// The near misses of a filter. Of an event's type only those are told apart that a service could send.
const (
	another  = "has another value"
	missing  = "is missing"
	null     = "is null"
	empty    = "is empty"
	contains = "only contains a value"
)

// sensorCases are a Sensor's cases by what they are about.
type sensorCases struct {
	all   []*Case
	named map[string]*Case
}

func (c *sensorCases) add(name string, fires bool) {
	if c.named[name] == nil {
		one := &Case{Name: name, Fires: fires}
		c.named[name], c.all = one, append(c.all, one)
	}
}

func (c *sensorCases) seen(scenario, name string) {
	if one := c.named[name]; one != nil {
		one.Scenarios = append(one.Scenarios, scenario)
	}
}

func newSensorCases(graph *pipeline.Graph, sensor pipeline.Sensor) *sensorCases {
	c := &sensorCases{named: map[string]*Case{}}
	for i := range sensor.Typed.Spec.Dependencies {
		d := &sensor.Typed.Spec.Dependencies[i]
		for _, event := range graph.Events() {
			if event.Resource == nil || event.SourceName != d.EventSourceName || event.Name != d.EventName || event.Namespace != sensor.GetNamespace() {
				continue
			}
			for _, kind := range event.Resource.EventTypes {
				c.add(heard(string(kind)), true)
			}
			c.add(dropped, false)
		}
		var filters []aev1.DataFilter
		if d.Filters != nil {
			filters = d.Filters.Data
		}
		for _, f := range filters {
			for _, value := range f.Value {
				c.add(is(f.Path, value), true)
			}
			if slices.ContainsFunc(f.Value, plain) {
				c.add(about(f.Path, contains), true)
			}
			if !slices.ContainsFunc(f.Value, anything) {
				c.add(about(f.Path, another), false)
			}
			if message.IsEventType(f.Path) {
				continue
			}
			for _, miss := range []string{missing, null, empty} {
				c.add(about(f.Path, miss), false)
			}
		}
		if d.Transform != nil {
			c.add(transformFails, false)
		}
		for j := range sensor.Typed.Spec.Triggers {
			for _, written := range evaluate.ParametersOf(&sensor.Typed.Spec.Triggers[j]) {
				if key := keyOf(written.Src, d.Name); key != "" && !filtered(key, filters) {
					c.add(parameter(key, missing), false)
					c.add(parameter(key, null), true)
				}
			}
		}
	}
	return c
}

// transformFails is of messages that oslo.messaging's envelope is missing from, or that are no notification at all.
const transformFails = "the transform fails"

// dropped is of objects that the EventSource does not pass on.
const dropped = "the EventSource keeps it out"

func heard(kind string) string          { return "an object's " + kind }
func is(path, value string) string      { return "`" + path + "` is `" + value + "`" }
func about(path, what string) string    { return "`" + path + "` " + what }
func parameter(key, what string) string { return "parameter from `" + key + "` " + what }
func filtered(key string, filters []aev1.DataFilter) bool {
	return slices.ContainsFunc(filters, func(f aev1.DataFilter) bool { return f.Path == key || strings.HasPrefix(f.Path, key+".") })
}

// keyOf is where in an event of a dependency a parameter looks; empty where it does not look there, or has a default.
func keyOf(src *aev1.TriggerParameterSource, dependency string) string {
	if src == nil || src.DependencyName != dependency || src.DataTemplate != "" || src.Value != nil {
		return ""
	}
	return src.DataKey
}

// note finds the cases that an event is one of.
func (c *sensorCases) note(scenario string, result evaluate.Result, o *evaluate.Outcome) {
	switch o.Step {
	case "eventsource":
		c.seen(scenario, dropped)
		return
	case "transform":
		c.seen(scenario, transformFails)
		return
	}
	for i := range o.Checks {
		c.check(scenario, o, i)
	}
	for i := range o.Triggers {
		t := &o.Triggers[i]
		if !t.Met {
			continue
		}
		for _, p := range t.Parameters {
			key := strings.TrimPrefix(p.From, "dataKey ")
			switch {
			case p.Error != "":
				c.seen(scenario, parameter(key, missing))
			case p.Value == "null" && p.Note != "":
				c.seen(scenario, parameter(key, null))
			}
		}
		if t.Error == "" && result.Event.Passed != nil {
			c.seen(scenario, heard(gjson.GetBytes(result.Event.Passed, "type").String()))
		}
	}
}

func (c *sensorCases) check(scenario string, o *evaluate.Outcome, i int) {
	check := &o.Checks[i]
	if check.Kind != "data" {
		return
	}
	var text string
	isText := json.Unmarshal(check.Got, &text) == nil && string(check.Got) != "null"
	if o.Passed() {
		exact := false
		for j, matches := range o.Matches(i) {
			if value := o.Dependency.Filters.Data[check.Index].Value[j]; matches && (text == value || !plain(value)) {
				c.seen(scenario, is(check.Path, value))
				exact = true
			}
		}
		if check.Pass && !exact {
			c.seen(scenario, about(check.Path, contains))
		}
		return
	}
	if check.Pass || !o.Decides(i) {
		return
	}
	switch {
	case check.Got == nil:
		c.seen(scenario, about(check.Path, missing))
	case string(check.Got) == "null":
		c.seen(scenario, about(check.Path, null))
	case isText && text == "":
		c.seen(scenario, about(check.Path, empty))
	default:
		c.seen(scenario, about(check.Path, another))
	}
}

// plain says whether a filter's value is meant as a text: dots aside it has nothing that a regular expression would.
func plain(value string) bool { return !strings.ContainsAny(value, `\+*?()[]{}|^$`) }

// anything says whether a filter's value matches every text but the empty one.
func anything(value string) bool { return value == ".+" || value == ".*" }

// String is a Sensor's holes in a line each, for tests.
func (s Sensor) String() string {
	var lines []string
	for _, c := range s.Cases {
		lines = append(lines, fmt.Sprintf("%s: %s: %v", s.Name, c.Name, c.Scenarios))
	}
	return strings.Join(lines, "\n")
}
