package mutate

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/corpus"
	"github.com/eventrig/eventrig/internal/evaluate"
	"github.com/eventrig/eventrig/internal/lint"
	"github.com/eventrig/eventrig/internal/pipeline"
)

// Reach says which scenarios come to which objects: by the events that they send, by the Workflows that come of these and of
// what services tell while they run, by the accounts of all that runs, and by the Sensors that they name.
type Reach map[string][]int // by Object.Key: places of scenarios, ascending

// ReachOf works out what scenarios reach. Scenarios that cannot be read are bad input.
func ReachOf(ctx context.Context, graph *pipeline.Graph, scenarios []scenario.Scenario, seed int64) (Reach, error) {
	evaluator, err := evaluate.New(graph, evaluate.Options{})
	if err != nil {
		return nil, err
	}
	w := &reachWalk{graph: graph, in: lint.NewInput(graph, nil), chains: lint.Chains(ctx, graph), reach: map[string]map[int]bool{}}
	events := &corpus.Corpus{Scenarios: scenarios, Seed: seed}
	place := 0
	for part, err := range events.Evaluate(ctx, nil, evaluator) {
		if err != nil {
			return nil, err
		}
		w.scenario(place, scenarios[place], part)
		place++
	}
	w.references()
	reach := Reach{}
	for key, places := range w.reach {
		for place := range scenarios {
			if places[place] {
				reach[key] = append(reach[key], place)
			}
		}
	}
	return reach, nil
}

type reachWalk struct {
	graph  *pipeline.Graph
	in     *lint.Input
	chains []lint.Chain
	reach  map[string]map[int]bool
}

// note says that a scenario reaches an object; before is whether that was known.
func (w *reachWalk) note(place int, key string) (before bool) {
	if w.reach[key] == nil {
		w.reach[key] = map[int]bool{}
	}
	before = w.reach[key][place]
	w.reach[key][place] = true
	return before
}

func (w *reachWalk) scenario(place int, s scenario.Scenario, part corpus.Evaluated) {
	var raised []string // event types that services send while Workflows run
	act := func(sensor pipeline.Sensor) {
		raised = append(raised, w.raises(sensor.GetNamespace()+"/"+sensor.GetName(), "")...)
	}
	for _, result := range part.Results[0] {
		for _, source := range result.Found.Sources {
			w.source(place, source.Namespace, source.Name)
		}
		for i := range result.Outcomes {
			o := &result.Outcomes[i]
			if o.Source == nil {
				continue
			}
			w.sensor(place, o.Sensor)
			for j := range o.Triggers {
				t := &o.Triggers[j]
				var object unstructured.Unstructured
				if !t.Met || json.Unmarshal(t.Object, &object.Object) != nil {
					continue
				}
				w.workflow(place, &object)
				act(o.Sensor)
			}
		}
	}
	for _, submitted := range part.Submitted {
		reached, _ := w.in.ReachedFrom(submitted.Kind, submitted.From) // nothing where it is not there
		w.templates(place, reached.Templates)
		for _, template := range reached.Templates {
			raised = append(raised, w.raises("", strings.TrimPrefix(template, "WorkflowTemplate/"))...)
		}
	}
	seen := map[string]bool{}
	for len(raised) > 0 {
		eventType := raised[0]
		raised = raised[1:]
		if seen[eventType] {
			continue
		}
		seen[eventType] = true
		for _, sensor := range w.graph.Sensors() {
			if w.starts(sensor, eventType) {
				w.sensor(place, sensor)
				w.static(place, sensor)
				act(sensor)
			}
		}
	}
	then := s.Spec.Then
	var named []string
	for _, e := range then.Sensors {
		named = append(named, e.Name)
	}
	for _, e := range then.Workflows {
		named = append(named, e.Sensor)
	}
	for _, sensor := range w.graph.Sensors() {
		full := sensor.GetNamespace() + "/" + sensor.GetName()
		if slices.ContainsFunc(named, func(name string) bool { return name == full || name == sensor.GetName() }) {
			w.sensor(place, sensor)
		}
	}
}

// raises are the event types that services send because of the Workflows of a Sensor or of a template.
func (w *reachWalk) raises(sensor, template string) []string {
	var all []string
	for _, chain := range w.chains {
		if sensor != "" && chain.Sensor == sensor || template != "" && chain.Template == template {
			all = append(all, chain.Raises...)
		}
	}
	return all
}

func (w *reachWalk) starts(sensor pipeline.Sensor, eventType string) bool {
	return slices.ContainsFunc(w.chains, func(c lint.Chain) bool {
		return c.Sensor == sensor.GetNamespace()+"/"+sensor.GetName() && slices.Contains(c.Starts, eventType)
	})
}

func (w *reachWalk) source(place int, namespace, name string) {
	if w.note(place, "EventSource/"+namespace+"/"+name) {
		return
	}
	for _, source := range w.graph.EventSources() {
		if source.GetNamespace() == namespace && source.GetName() == name && source.Typed.Spec.Template != nil {
			w.account(place, namespace, source.Typed.Spec.Template.ServiceAccountName)
		}
	}
}

// sensor notes a Sensor to which an event comes, and the EventSources that it listens to.
func (w *reachWalk) sensor(place int, sensor pipeline.Sensor) {
	if w.note(place, sensor.Key()) {
		return
	}
	if template := sensor.Typed.Spec.Template; template != nil {
		w.account(place, sensor.GetNamespace(), template.ServiceAccountName)
	}
	for _, d := range sensor.Typed.Spec.Dependencies {
		w.source(place, sensor.GetNamespace(), d.EventSourceName)
	}
}

// static notes what a Sensor's triggers create as it is written.
func (w *reachWalk) static(place int, sensor pipeline.Sensor) {
	(&maker{graph: w.graph, object: sensor.Object}).created(func(_, path []any) {
		content, _ := at(sensor.Unstructured.Object, path)
		if fields, _ := content.(map[string]any); fields != nil {
			object := (&unstructured.Unstructured{Object: fields}).DeepCopy()
			object.SetNamespace(cmp.Or(object.GetNamespace(), sensor.GetNamespace()))
			w.workflow(place, object)
		}
	})
}

// workflow notes what a Workflow, or a Job, comes to.
func (w *reachWalk) workflow(place int, object *unstructured.Unstructured) {
	w.templates(place, w.in.ReachedBy(object).Templates)
	for _, path := range [][]string{{"spec", "serviceAccountName"}, {"spec", "template", "spec", "serviceAccountName"}} {
		if account, _, err := unstructured.NestedString(object.Object, path...); err == nil && account != "" {
			w.account(place, object.GetNamespace(), account)
		}
	}
}

func (w *reachWalk) templates(place int, keys []string) {
	for _, key := range keys {
		if w.note(place, key) {
			continue
		}
		for _, template := range w.graph.WorkflowTemplates() {
			if template.Key() == key {
				w.account(place, template.GetNamespace(), template.Typed.Spec.ServiceAccountName)
			}
		}
	}
}

// account notes a ServiceAccount with the roles and bindings that give it rights.
func (w *reachWalk) account(place int, namespace, name string) {
	name = cmp.Or(name, "default")
	if w.note(place, "ServiceAccount/"+namespace+"/"+name) {
		return
	}
	for _, right := range w.graph.Rights(namespace, name) {
		w.note(place, right.From.Key())
		w.note(place, right.Binding.Key())
	}
}

// references notes what the objects that are reached name: Secrets, ConfigMaps, claims.
func (w *reachWalk) references() {
	for _, reference := range w.graph.References() {
		for place := range w.reach[reference.From.Key()] {
			w.note(place, reference.Kind+"/"+reference.Namespace+"/"+reference.Name)
		}
	}
}
