package corpus

import (
	"encoding/json"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/eventrig/eventrig/internal/message"
)

// objects are the Kubernetes objects that a scenario has made so far, by kind, namespace and name.
type objects struct{ made map[string]map[string]any }

func key(object unstructured.Unstructured) string {
	return object.GroupVersionKind().String() + " " + object.GetNamespace() + "/" + object.GetName()
}

// applied are the events by which a resource EventSource hears of objects that are applied.
func (o *objects) applied(list []map[string]any, file string, line int) []message.Event {
	if o.made == nil {
		o.made = map[string]map[string]any{}
	}
	var events []message.Event
	for _, content := range list {
		object := unstructured.Unstructured{Object: content}
		before, there := o.made[key(object)]
		o.made[key(object)] = content
		if there {
			events = append(events, heard("UPDATE", object, before, file, line))
		} else {
			events = append(events, heard("ADD", object, nil, file, line))
		}
	}
	return events
}

// deleted are those of objects that are deleted. Of one that the scenario did not make only what the step says is known.
func (o *objects) deleted(list []map[string]any, file string, line int) []message.Event {
	var events []message.Event
	for _, content := range list {
		object := unstructured.Unstructured{Object: content}
		if before, there := o.made[key(object)]; there {
			delete(o.made, key(object))
			object.Object = before
		}
		events = append(events, heard("DELETE", object, nil, file, line))
	}
	return events
}

// heard is what a resource EventSource passes on (argo-events, events.ResourceEventData).
func heard(what string, object unstructured.Unstructured, before map[string]any, file string, line int) message.Event {
	kind := object.GroupVersionKind()
	plural, _ := meta.UnsafeGuessKindToResource(kind)
	passed, err := json.Marshal(map[string]any{
		"type": what, "body": object.Object, "oldBody": before, "group": kind.Group, "version": kind.Version, "resource": plural.Resource,
	})
	if err != nil {
		passed = nil // what was read from YAML can be written
	}
	body, err := json.Marshal(object.Object)
	if err != nil {
		body = passed
	}
	event := message.Wire(body)
	event.Form, event.Passed, event.SourceType = message.EventSource, passed, "resource"
	event.File, event.Line = file, line
	return event
}
