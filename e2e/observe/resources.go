package observe

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/apply"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/resourcefilter"
)

// ObjectChange is what became of an object of the API server. Before is nil for one that was not there, After for one that is
// gone.
type ObjectChange struct {
	Resource      schema.GroupResource
	Before, After *unstructured.Unstructured
}

// Watched says whether a resource EventSource watches objects of a resource in a namespace.
func (o *Observer) Watched(resource schema.GroupResource, namespace string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, source := range o.state.sources {
		for _, spec := range source.Spec.Resource {
			if watches(&spec, resource, namespace) {
				return true
			}
		}
	}
	return false
}

// Raised returns the events that the resource EventSources make of changes, for Track. Which objects one hears of is up to
// the API server, by namespace and labels, as a queue gets what it is bound to; of these its own filter leaves some out.
func (o *Observer) Raised(changes []ObjectChange) ([]scenario.Published, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var raised []scenario.Published
	for _, change := range changes {
		for _, name := range sortedNames(o.state.sources) {
			source := o.state.sources[name]
			for _, event := range sortedNames(source.Spec.Resource) {
				spec := source.Spec.Resource[event]
				kind, object, err := heard(&spec, change)
				if err != nil {
					return nil, failure.New(failure.BadInput, "", "EventSource %s, event %s: %w", name, event, err)
				}
				if kind == "" || resourcefilter.Refusal(spec.Filter, kind, object, o.state.startOf(source)) != "" {
					continue
				}
				raised = append(raised, scenario.Published{MessageID: changeKey(string(kind), object), EventType: string(kind) + " " + apply.Name(object),
					Source: name + "/" + event, Time: time.Now()})
			}
		}
	}
	return raised, nil
}

// startOf is a time before which an EventSource's pod did not watch: the zero time where it has several or none.
func (s *state) startOf(source *v1alpha1.EventSource) time.Time {
	var start time.Time
	for _, c := range s.components {
		if c.source && !c.gone && c.namespace == source.Namespace && c.name == source.Name {
			if !start.IsZero() {
				return time.Time{}
			}
			start = c.created
		}
	}
	return start
}

func watches(spec *v1alpha1.ResourceEventSource, resource schema.GroupResource, namespace string) bool {
	return spec.Group == resource.Group && spec.Resource == resource.Resource && (spec.Namespace == "" || spec.Namespace == namespace)
}

// heard returns what a watch with the EventSource's labels tells of a change, and "" when it tells nothing or the
// EventSource does not want that kind. To such a watch an object whose labels change comes and goes.
func heard(spec *v1alpha1.ResourceEventSource, change ObjectChange) (v1alpha1.ResourceEventType, *unstructured.Unstructured, error) {
	selector, err := resourcefilter.Selector(spec.Filter)
	if err != nil {
		return "", nil, err
	}
	seen := func(object *unstructured.Unstructured) bool {
		return object != nil && watches(spec, change.Resource, object.GetNamespace()) && selector.Matches(labels.Set(object.GetLabels()))
	}
	before, after := seen(change.Before), seen(change.After)
	var kind v1alpha1.ResourceEventType
	object := change.After
	switch {
	case !before && after:
		kind = v1alpha1.ADD
	case before && after && change.Before.GetResourceVersion() != change.After.GetResourceVersion():
		kind = v1alpha1.UPDATE
	case before && !after:
		kind, object = v1alpha1.DELETE, change.Before
	}
	if !slices.Contains(spec.EventTypes, kind) {
		return "", nil, nil
	}
	return kind, object, nil
}

// changeKey is the key of what happened to an object. Of a deletion the server does not tell the version to whoever asked
// for it.
func changeKey(kind string, object *unstructured.Unstructured) string {
	version := object.GetResourceVersion()
	if kind == string(v1alpha1.DELETE) {
		version = string(object.GetUID())
	}
	return fmt.Sprintf("%s %s@%s", kind, apply.Name(object), version)
}

// keyOfChange returns the key of a resource EventSource's event from its data (events.ResourceEventData), and "" for other
// data.
func keyOfChange(data json.RawMessage) string {
	var fields struct {
		Type     string          `json:"type"`
		Resource string          `json:"resource"`
		Body     json.RawMessage `json:"body"`
	}
	if json.Unmarshal(data, &fields) != nil || fields.Type == "" || fields.Resource == "" {
		return ""
	}
	object := &unstructured.Unstructured{}
	if json.Unmarshal(fields.Body, &object.Object) != nil || object.GetUID() == "" {
		return ""
	}
	return changeKey(fields.Type, object)
}
