package corpus

import (
	"encoding/base64"
	"encoding/json"
	"slices"

	"github.com/google/uuid"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/eventrig/eventrig/internal/message"
	"github.com/eventrig/eventrig/internal/pipeline"
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
		object := asServed(content)
		before, there := o.made[key(object)]
		o.made[key(object)] = object.Object
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
		object := asServed(content)
		if before, there := o.made[key(object)]; there {
			delete(o.made, key(object))
			object.Object = before
		}
		events = append(events, heard("DELETE", object, nil, file, line))
	}
	return events
}

// asServed is an object as an API server has it, as far as that can be told without one: its namespace, the metadata that a
// server writes, and what it makes of a Secret. Other defaults are missing.
func asServed(content map[string]any) unstructured.Unstructured {
	object := unstructured.Unstructured{Object: map[string]any{}}
	if text, err := json.Marshal(content); err == nil {
		_ = json.Unmarshal(text, &object.Object) // what was written can be read
	}
	if object.GetNamespace() == "" && !slices.Contains(pipeline.ClusterScoped(), object.GetKind()) {
		object.SetNamespace(metav1.NamespaceDefault)
	}
	object.SetUID(types.UID(uuid.NewSHA1(uuid.NameSpaceURL, []byte(key(object))).String()))
	object.SetCreationTimestamp(metav1.NewTime(moment))
	object.SetResourceVersion("1")
	if object.GetKind() != "Secret" || object.GetAPIVersion() != "v1" {
		return object
	}
	if object.Object["type"] == nil {
		object.Object["type"] = string(corev1.SecretTypeOpaque)
	}
	if plain, _, err := unstructured.NestedStringMap(object.Object, "stringData"); err == nil && len(plain) > 0 {
		data, _, err := unstructured.NestedStringMap(object.Object, "data")
		if err != nil || data == nil {
			data = map[string]string{}
		}
		for name, value := range plain {
			data[name] = base64.StdEncoding.EncodeToString([]byte(value))
		}
		if unstructured.SetNestedStringMap(object.Object, data, "data") == nil {
			delete(object.Object, "stringData")
		}
	}
	return object
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
