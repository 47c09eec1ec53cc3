package pipeline

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
	"sync"

	aev1 "github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
	awv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	rbacv1 "k8s.io/api/rbac/v1"
)

// Sensor is a Sensor of Argo Events.
type Sensor struct {
	Object
	Typed *aev1.Sensor
}

// EventSource is an EventSource of Argo Events.
type EventSource struct {
	Object
	Typed *aev1.EventSource
}

// EventBus is an EventBus of Argo Events.
type EventBus struct {
	Object
	Typed *aev1.EventBus
}

// WorkflowTemplate is a WorkflowTemplate of Argo Workflows, or a ClusterWorkflowTemplate: both have the same fields.
type WorkflowTemplate struct {
	Object
	Typed   *awv1.WorkflowTemplate
	Cluster bool // a ClusterWorkflowTemplate, in no namespace
}

// CronWorkflow is a CronWorkflow of Argo Workflows.
type CronWorkflow struct {
	Object
	Typed *awv1.CronWorkflow
}

// Workflow is a Workflow that lies in the manifests as such; those that Sensors create are in their triggers.
type Workflow struct {
	Object
	Typed *awv1.Workflow
}

// Event is one event of an EventSource.
type Event struct {
	Source     EventSource
	Namespace  string // the EventSource's
	SourceName string // the EventSource's: a dependency's eventSourceName
	Name       string // a dependency's eventName
	Type       string // the field of the EventSource's spec: amqp, webhook, resource, calendar, ...
	Path       string // the event's field in the EventSource, for LineOf: spec.amqp.notifications

	AMQP     *aev1.AMQPEventSource     // of type amqp
	Webhook  *aev1.WebhookEventSource  // of type webhook
	Resource *aev1.ResourceEventSource // of type resource
	Filter   *aev1.EventSourceFilter   // the expr filter that the EventSource applies, for the types that have one
	Value    any                       // a pointer to the type's own struct, such as *aev1.CalendarEventSource
}

// typed are the objects that have a typed form, in reading order.
type typed struct {
	once sync.Once

	sensors       []Sensor
	eventSources  []EventSource
	eventBuses    []EventBus
	templates     []WorkflowTemplate
	cronWorkflows []CronWorkflow
	workflows     []Workflow
	events        []Event
	roles         []role
	bindings      []binding
	problems      []Problem
}

// argoGroup is the API group of both Argos.
const argoGroup = "argoproj.io"

// types decodes what Argo defines and RBAC, once: Objects must not be changed afterwards.
func (g *Graph) types() *typed {
	t := &g.typed
	t.once.Do(func() {
		for _, object := range g.Objects {
			switch object.GroupVersionKind().Group {
			case argoGroup:
				t.addArgo(object)
			case rbacv1.GroupName:
				t.addRBAC(object)
			}
		}
		for _, source := range t.eventSources {
			t.events = append(t.events, eventsOf(source)...)
		}
	})
	return t
}

func (t *typed) addArgo(object Object) {
	switch object.GetKind() {
	case "Sensor":
		add(t, object, &t.sensors, func(o Object, v *aev1.Sensor) Sensor { return Sensor{o, v} })
	case "EventSource":
		add(t, object, &t.eventSources, func(o Object, v *aev1.EventSource) EventSource { return EventSource{o, v} })
	case "EventBus":
		add(t, object, &t.eventBuses, func(o Object, v *aev1.EventBus) EventBus { return EventBus{o, v} })
	case "WorkflowTemplate", "ClusterWorkflowTemplate":
		add(t, object, &t.templates, func(o Object, v *awv1.WorkflowTemplate) WorkflowTemplate {
			return WorkflowTemplate{o, v, o.GetKind() == "ClusterWorkflowTemplate"}
		})
	case "CronWorkflow":
		add(t, object, &t.cronWorkflows, func(o Object, v *awv1.CronWorkflow) CronWorkflow { return CronWorkflow{o, v} })
	case "Workflow":
		add(t, object, &t.workflows, func(o Object, v *awv1.Workflow) Workflow { return Workflow{o, v} })
	}
}

func (t *typed) addRBAC(object Object) {
	switch object.GetKind() {
	case "Role":
		add(t, object, &t.roles, func(o Object, v *rbacv1.Role) role { return role{Object: o, rules: v.Rules} })
	case "ClusterRole":
		add(t, object, &t.roles, func(o Object, v *rbacv1.ClusterRole) role { return role{o, v.Rules, v.AggregationRule, true} })
	case "RoleBinding":
		add(t, object, &t.bindings, func(o Object, v *rbacv1.RoleBinding) binding { return binding{o, v.Subjects, v.RoleRef, false} })
	case "ClusterRoleBinding":
		add(t, object, &t.bindings, func(o Object, v *rbacv1.ClusterRoleBinding) binding { return binding{o, v.Subjects, v.RoleRef, true} })
	}
}

func add[T, V any](t *typed, object Object, list *[]V, with func(Object, *T) V) {
	decoded, problems := decode[T](object)
	t.problems = append(t.problems, problems...)
	if decoded != nil {
		*list = append(*list, with(object, decoded))
	}
}

// Sensors returns the Sensors that could be decoded, in reading order.
func (g *Graph) Sensors() []Sensor { return g.types().sensors }

// EventSources returns the EventSources that could be decoded, in reading order.
func (g *Graph) EventSources() []EventSource { return g.types().eventSources }

// EventBuses returns the EventBuses that could be decoded, in reading order.
func (g *Graph) EventBuses() []EventBus { return g.types().eventBuses }

// WorkflowTemplates returns the WorkflowTemplates and ClusterWorkflowTemplates that could be decoded, in reading order.
func (g *Graph) WorkflowTemplates() []WorkflowTemplate { return g.types().templates }

// CronWorkflows returns the CronWorkflows that could be decoded, in reading order.
func (g *Graph) CronWorkflows() []CronWorkflow { return g.types().cronWorkflows }

// Workflows returns the Workflows that could be decoded, in reading order.
func (g *Graph) Workflows() []Workflow { return g.types().workflows }

// Events returns every event of every EventSource: the EventSources in reading order, their events by type and name.
func (g *Graph) Events() []Event { return g.types().events }

// DecodeProblems returns what is wrong with objects of Argo and of RBAC: fields that there are not, values that do not fit.
func (g *Graph) DecodeProblems() []Problem { return g.types().problems }

// Event returns an event by the namespace and name of its EventSource and its own name, as a dependency names it.
func (g *Graph) Event(namespace, source, name string) (Event, bool) {
	for _, event := range g.types().events {
		if event.Name == name && event.SourceName == source && event.Namespace == namespace {
			return event, true
		}
	}
	return Event{}, false
}

// eventsOf reads the events out of an EventSource: each field of its spec that is a map holds events by name.
func eventsOf(source EventSource) []Event {
	var events []Event
	spec := reflect.ValueOf(&source.Typed.Spec).Elem()
	for i := range spec.NumField() {
		field := spec.Field(i)
		if field.Kind() != reflect.Map || field.Type().Elem().Kind() != reflect.Struct {
			continue
		}
		kind, _, _ := strings.Cut(spec.Type().Field(i).Tag.Get("json"), ",")
		for entries := field.MapRange(); entries.Next(); {
			value := reflect.New(field.Type().Elem())
			value.Elem().Set(entries.Value())
			event := Event{Source: source, Namespace: source.GetNamespace(), SourceName: source.GetName(), Name: entries.Key().String(),
				Type: kind, Path: Path("spec", kind, entries.Key().String()), Value: value.Interface()}
			if filter := value.Elem().FieldByName("Filter"); filter.IsValid() {
				event.Filter, _ = filter.Interface().(*aev1.EventSourceFilter)
			}
			switch typed := event.Value.(type) {
			case *aev1.AMQPEventSource:
				event.AMQP = typed
			case *aev1.WebhookEventSource:
				event.Webhook = typed
			case *aev1.ResourceEventSource:
				event.Resource = typed
			}
			events = append(events, event)
		}
	}
	slices.SortStableFunc(events, func(a, b Event) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Name, b.Name))
	})
	return events
}

// TemplateBehind returns the WorkflowTemplate (namespace/name) by which a Workflow runs that is submitted from an object of a
// kind: a WorkflowTemplate itself, or the one that a CronWorkflow names; "" for a CronWorkflow that names none or is not there.
func (g *Graph) TemplateBehind(kind, from string) string {
	if kind != "CronWorkflow" {
		return from
	}
	for _, cron := range g.CronWorkflows() {
		if ref := cron.Typed.Spec.WorkflowSpec.WorkflowTemplateRef; ref != nil && cron.GetNamespace()+"/"+cron.GetName() == from {
			return cron.GetNamespace() + "/" + ref.Name
		}
	}
	return ""
}
