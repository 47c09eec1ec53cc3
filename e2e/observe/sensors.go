package observe

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
	"github.com/argoproj/argo-events/pkg/sensors/dependencies"
	"github.com/argoproj/argo-events/pkg/sensors/triggers"
	cloudevents "github.com/cloudevents/sdk-go/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

var word = regexp.MustCompile(`[A-Za-z0-9_][A-Za-z0-9_.-]*`)

// dependencyOf returns the dependency by which a trigger gets an event of this EventSource and event name. The match
// is the one of pkg/eventbus/stan/sensor: a glob over source and subject.
func dependencyOf(sensor *v1alpha1.Sensor, trigger *v1alpha1.Trigger, source, subject string) (*v1alpha1.EventDependency, bool) {
	used := func(string) bool { return true }
	if conditions := trigger.Template.Conditions; conditions != "" {
		names := map[string]bool{}
		for _, name := range word.FindAllString(conditions, -1) {
			names[name] = true
		}
		used = func(name string) bool { return names[name] }
	}
	for i := range sensor.Spec.Dependencies {
		d := &sensor.Spec.Dependencies[i]
		if !used(d.Name) {
			continue
		}
		// Names hold no slash, so path.Match's * is the glob's.
		if ok, err := path.Match(d.EventSourceName+"__"+d.EventName, source+"__"+subject); err == nil && ok {
			return d, true
		}
	}
	return nil, false
}

// busOf is the event bus that an EventSource or a Sensor uses in its namespace.
func busOf(name string) string {
	if name == "" {
		return "default"
	}
	return name
}

// makingOf is what a trigger makes an object of: a k8s trigger that creates, or an argoWorkflow trigger that submits, by argo. It
// is nil where the trigger does something else.
func makingOf(template *v1alpha1.TriggerTemplate) (source *v1alpha1.ArtifactLocation, parameters []v1alpha1.TriggerParameter) {
	switch k8s, argo := template.K8s, template.ArgoWorkflow; {
	case k8s != nil && (k8s.Operation == "" || k8s.Operation == v1alpha1.Create):
		return k8s.Source, k8s.Parameters
	case argo != nil && (argo.Operation == "" || argo.Operation == v1alpha1.Submit):
		return argo.Source, argo.Parameters
	}
	return nil, nil
}

// creates returns the kind of object that a trigger creates, or "" when it does something else.
func creates(trigger *v1alpha1.Trigger) string {
	source, _ := makingOf(trigger.Template)
	if source == nil || source.Resource == nil {
		return ""
	}
	obj, err := triggers.FetchKubernetesResource(source)
	if err != nil {
		return ""
	}
	return obj.GetKind()
}

// wouldCreate computes with argo-events' own code the object that a trigger makes of an event. It tells whose object
// one is among several; it is never taken for an outcome.
func wouldCreate(dependency *v1alpha1.EventDependency, trigger *v1alpha1.Trigger, e *event) (*unstructured.Unstructured, error) {
	ce := cloudevents.NewEvent()
	ce.SetID(e.id)
	ce.SetSource(e.consumer.name)
	ce.SetSubject(e.consumer.event)
	ce.SetType("amqp")
	if err := ce.SetData(cloudevents.ApplicationJSON, []byte(e.data)); err != nil {
		return nil, fmt.Errorf("make the event: %w", err)
	}
	if dependency.Transform != nil {
		transformed, err := dependencies.ApplyTransform(&ce, dependency.Transform)
		if err != nil {
			return nil, fmt.Errorf("transform the event: %w", err)
		}
		ce = *transformed
	}
	events := map[string]*v1alpha1.Event{dependency.Name: {
		Context: &v1alpha1.EventContext{ID: ce.ID(), Source: ce.Source(), Subject: ce.Subject(), Type: ce.Type(), SpecVersion: ce.SpecVersion(),
			DataContentType: ce.DataContentType(), Time: metav1.Time{Time: ce.Time()}},
		Data: ce.Data(),
	}}
	t := trigger.DeepCopy()
	if err := triggers.ApplyTemplateParameters(events, t); err != nil {
		return nil, fmt.Errorf("apply the template's parameters: %w", err)
	}
	source, parameters := makingOf(t.Template)
	if source == nil {
		return nil, errors.New("the trigger creates nothing")
	}
	obj, err := triggers.FetchKubernetesResource(source)
	if err != nil {
		return nil, fmt.Errorf("read the trigger's object: %w", err)
	}
	if err := triggers.ApplyResourceParameters(events, parameters, obj); err != nil {
		return nil, fmt.Errorf("apply the parameters: %w", err)
	}
	return obj, nil
}

// identity is what two objects of one trigger differ in: a Workflow's arguments, another object's labels, annotations
// and containers' environment.
func identity(obj *unstructured.Unstructured) string {
	if obj.GetKind() == "Workflow" {
		p := parametersOf(obj)
		var b strings.Builder
		for _, name := range sortedNames(p) {
			fmt.Fprintf(&b, "%q=%q\n", name, p[name])
		}
		return b.String()
	}
	containers, _, _ := unstructured.NestedSlice(obj.Object, "spec", "template", "spec", "containers")
	var b strings.Builder
	for _, c := range containers {
		if m, ok := c.(map[string]any); ok {
			fmt.Fprintf(&b, "%v %v %v\n", m["env"], m["command"], m["args"])
		}
	}
	return b.String()
}

// parametersOf returns the arguments of a Workflow.
func parametersOf(obj *unstructured.Unstructured) map[string]string {
	list, _, _ := unstructured.NestedSlice(obj.Object, "spec", "arguments", "parameters")
	out := map[string]string{}
	for _, item := range list {
		if p, ok := item.(map[string]any); ok {
			value := p["value"]
			if value == nil {
				value = p["default"]
			}
			if value != nil {
				out[fmt.Sprint(p["name"])] = fmt.Sprint(value)
			}
		}
	}
	return out
}
