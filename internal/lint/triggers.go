package lint

import (
	"slices"
	"strconv"
	"strings"

	aev1 "github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/eventrig/eventrig/internal/pipeline"
)

// trigger is one trigger of a Sensor, with the object that it creates or changes where the manifest holds it.
type trigger struct {
	sensor pipeline.Sensor
	index  int
	path   []any // of the trigger in the Sensor
	aev1.Trigger

	kind         string                     // k8s or argoWorkflow; "" for a trigger that works on no Kubernetes object
	object       *unstructured.Unstructured // as it is written, before any parameter; nil where it is fetched or there is none
	objectPath   []any                      // of the object in the Sensor
	inline       bool                       // the object is text, so that its fields have no lines of their own
	parameters   []aev1.TriggerParameter    // what is written into the object
	parameterAt  []any                      // of the first of them, without its index
	namespace    string                     // of the object; "" where it is not known
	creates      bool                       // the object is created or submitted, not changed or deleted
	dests        []dest                     // where parameters write in the object
	templateDest []dest                     // where parameters write in the trigger itself, before the object is made
	moving       bool                       // a parameter changes where or what another one writes, so that this is known with the event only
}

// dest is where a trigger's parameter writes.
type dest struct {
	steps  []string
	path   []any // of the dest in the Sensor
	index  int   // of the parameter
	append bool
	src    string // the dependency
}

// objectTriggers are the triggers that work on Kubernetes objects.
func objectTriggers(in *Input) []*trigger {
	return slices.DeleteFunc(slices.Clone(triggers.Of(in)), func(t *trigger) bool { return t.kind == "" })
}

// triggers are all triggers of all Sensors.
var triggers = NewFact(func(in *Input) []*trigger {
	var all []*trigger
	for _, sensor := range in.Graph.Sensors() {
		for i, one := range sensor.Typed.Spec.Triggers {
			if one.Template != nil {
				all = append(all, newTrigger(sensor, i, one))
			}
		}
	}
	return all
})

func newTrigger(sensor pipeline.Sensor, index int, one aev1.Trigger) *trigger {
	t := &trigger{sensor: sensor, index: index, path: []any{"spec", "triggers", index}, Trigger: one}
	t.templateDest = destsOf(one.Parameters, t.at("parameters"))
	var source *aev1.ArtifactLocation
	switch {
	case one.Template.K8s != nil:
		k8s := one.Template.K8s
		source, t.kind, t.parameters = k8s.Source, "k8s", k8s.Parameters
		t.creates = k8s.Operation == "" || k8s.Operation == aev1.Create
	case one.Template.ArgoWorkflow != nil:
		argo := one.Template.ArgoWorkflow
		source, t.kind, t.parameters = argo.Source, "argoWorkflow", argo.Parameters
		t.creates = argo.Operation == "" || argo.Operation == aev1.Submit
	default:
		return t
	}
	t.parameterAt = t.at("template", t.kind, "parameters")
	t.dests = destsOf(t.parameters, t.parameterAt)
	replaced := false
	for _, one := range t.templateDest {
		switch into := []string{t.kind, "source", "resource"}; {
		case overlap(one.steps, []string{t.kind, "parameters"}):
			t.moving = true
		case len(one.steps) > len(into) && equal(one.steps[:len(into)], into):
			t.dests = append(t.dests, dest{steps: one.steps[len(into):], path: one.path, index: one.index, append: one.append, src: one.src})
		case overlap(one.steps, []string{t.kind, "source"}):
			replaced = true
		}
	}
	if replaced {
		return t
	}
	if source == nil {
		return t
	}
	switch {
	case source.Resource != nil:
		t.objectPath = t.at("template", t.kind, "source", "resource")
		if content, ok := fieldAt(sensor.Unstructured.Object, t.objectPath).(map[string]any); ok {
			t.object = &unstructured.Unstructured{Object: content}
		}
	case source.Inline != nil:
		t.objectPath, t.inline = t.at("template", t.kind, "source", "inline"), true
		var content map[string]any
		if err := yaml.Unmarshal([]byte(*source.Inline), &content); err == nil && content != nil {
			t.object = &unstructured.Unstructured{Object: content}
		}
	}
	if t.object != nil {
		// argo-events puts the object into the Sensor's namespace where it names none itself (standard-k8s.go).
		if t.namespace = t.object.GetNamespace(); t.namespace == "" {
			t.namespace = sensor.GetNamespace()
		}
		if t.writes("metadata", "namespace") {
			t.namespace = ""
		}
	}
	return t
}

func destsOf(parameters []aev1.TriggerParameter, at []any) []dest {
	var all []dest
	for i, parameter := range parameters {
		one := dest{steps: pipeline.DestSteps(parameter.Dest), path: append(append([]any{}, at...), i, "dest"), index: i,
			append: parameter.Operation == aev1.TriggerParameterOpAppend || parameter.Operation == aev1.TriggerParameterOpPrepend}
		if parameter.Src != nil {
			one.src = parameter.Src.DependencyName
		}
		all = append(all, one)
	}
	return all
}

// overlap says that one of the places lies in the other.
func overlap(a, b []string) bool {
	n := min(len(a), len(b))
	return equal(a[:n], b[:n])
}

// name is the trigger's name.
func (t *trigger) name() string { return t.Template.Name }

// where is the path of the trigger in the Sensor.
func (t *trigger) where() string { return pipeline.Path(t.path...) }

// goesTo is the namespace of the object as it is written, else the Sensor's.
func (t *trigger) goesTo() string {
	if t.object != nil && t.object.GetNamespace() != "" {
		return t.object.GetNamespace()
	}
	return t.sensor.GetNamespace()
}

// at is a path below the trigger.
func (t *trigger) at(steps ...any) []any { return append(append([]any{}, t.path...), steps...) }

// in is the path in the Sensor of a field of the object.
func (t *trigger) in(steps ...any) string {
	if t.inline {
		return pipeline.Path(t.objectPath...)
	}
	return pipeline.Path(append(append([]any{}, t.objectPath...), steps...)...)
}

// writes reports whether a parameter writes the field of the object, or something that it is a part of.
func (t *trigger) writes(steps ...string) bool {
	if t.moving {
		return true
	}
	for _, one := range t.dests {
		if len(one.steps) <= len(steps) && equal(one.steps, steps[:len(one.steps)]) {
			return true
		}
	}
	return false
}

func equal(a, b []string) bool { return strings.Join(a, "\x00") == strings.Join(b, "\x00") }

// fieldAt returns what lies at a path; nil where there is nothing.
func fieldAt(value any, path []any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			fields, _ := value.(map[string]any)
			value = fields[step]
		case int:
			items, _ := value.([]any)
			if step < 0 || step >= len(items) {
				return nil
			}
			value = items[step]
		}
	}
	return value
}

// index reads a step of a dest as an index of a list.
func index(step string) (int, bool) {
	number, err := strconv.Atoi(step)
	return number, err == nil
}
