package observe

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/eventrig/eventrig/internal/ledger"
)

var secrets = schema.GroupResource{Resource: "secrets"}

func secret(version string, labels map[string]string) *unstructured.Unstructured {
	object := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Secret"}}
	object.SetNamespace("openstack")
	object.SetName("user-a")
	object.SetUID(types.UID("uid-a"))
	object.SetResourceVersion(version)
	object.SetLabels(labels)
	return object
}

// watching is an observer of an EventSource that hears of Secrets with a label.
func watching() *Observer {
	o := newObserver(Config{Ledger: ledger.New(nil)})
	labelled := &v1alpha1.ResourceFilter{Labels: []v1alpha1.Selector{{Key: "user", Operation: "exists"}}}
	spec := func(kinds ...v1alpha1.ResourceEventType) v1alpha1.ResourceEventSource {
		return v1alpha1.ResourceEventSource{Namespace: "openstack", EventTypes: kinds, Filter: labelled,
			GroupVersionResource: metav1.GroupVersionResource{Version: "v1", Resource: "secrets"}}
	}
	o.state.sources["openstack/secrets"] = &v1alpha1.EventSource{ObjectMeta: metav1.ObjectMeta{Namespace: "openstack", Name: "secrets"},
		Spec: v1alpha1.EventSourceSpec{Resource: map[string]v1alpha1.ResourceEventSource{"upsert": spec(v1alpha1.ADD, v1alpha1.UPDATE), "delete": spec(v1alpha1.DELETE)}}}
	return o
}

func TestWhatAResourceEventSourceHearsOfAChange(t *testing.T) {
	o := watching()
	with, without := map[string]string{"user": ""}, map[string]string{"other": ""}
	elsewhere := secret("1", with)
	elsewhere.SetNamespace("default")
	for name, c := range map[string]struct {
		change ObjectChange
		want   []string
	}{
		"made":                  {ObjectChange{After: secret("1", with)}, []string{"ADD Secret/openstack/user-a@1 at openstack/secrets/upsert"}},
		"made without a label":  {ObjectChange{After: secret("1", without)}, nil},
		"made elsewhere":        {ObjectChange{After: elsewhere}, nil},
		"changed":               {ObjectChange{Before: secret("1", with), After: secret("2", with)}, []string{"UPDATE Secret/openstack/user-a@2 at openstack/secrets/upsert"}},
		"applied as it was":     {ObjectChange{Before: secret("1", with), After: secret("1", with)}, nil},
		"gets the label":        {ObjectChange{Before: secret("1", without), After: secret("2", with)}, []string{"ADD Secret/openstack/user-a@2 at openstack/secrets/upsert"}},
		"loses the label":       {ObjectChange{Before: secret("1", with), After: secret("2", without)}, []string{"DELETE Secret/openstack/user-a@uid-a at openstack/secrets/delete"}},
		"deleted":               {ObjectChange{Before: secret("1", with)}, []string{"DELETE Secret/openstack/user-a@uid-a at openstack/secrets/delete"}},
		"deleted without label": {ObjectChange{Before: secret("1", without)}, nil},
	} {
		c.change.Resource = secrets
		raised, err := o.Raised([]ObjectChange{c.change})
		var got []string
		for _, p := range raised {
			got = append(got, p.MessageID+" at "+p.Source)
		}
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, %v; want %q", name, got, err, c.want)
		}
	}
	configMap := ObjectChange{Resource: schema.GroupResource{Resource: "configmaps"}, After: secret("1", with)}
	if raised, err := o.Raised([]ObjectChange{configMap}); err != nil || len(raised) > 0 {
		t.Errorf("another resource: %v, %v", raised, err)
	}
	if !o.Watched(secrets, "openstack") || o.Watched(secrets, "default") || o.Watched(configMap.Resource, "openstack") {
		t.Error("what is watched is not what the EventSource says")
	}
}

func TestAChangeIsSettledWhenItsEventIs(t *testing.T) {
	o := watching()
	raised, err := o.Raised([]ObjectChange{{Resource: secrets, After: secret("7", map[string]string{"user": ""})}})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := o.Track(raised)
	if err != nil || len(keys) != 1 {
		t.Fatal(keys, err)
	}
	w := &world{state: o.state, t: t}
	w.record = func(r ledger.Record) { w.records = append(w.records, r) }
	w.source = &component{namespace: "openstack", name: "secrets", source: true}
	w.settled("ADD Secret/openstack/user-a@7 was routed to EventSource/openstack/secrets/upsert, which has not put it on the bus", keys...)

	told := func(id, kind string, object *unstructured.Unstructured) {
		body, _ := json.Marshal(object.Object)
		data, _ := json.Marshal(map[string]any{"type": kind, "body": json.RawMessage(body), "oldBody": nil, "group": "", "version": "v1", "resource": "secrets"})
		w.line(w.source, line{kind: sourceEvent, eventIDs: []string{id}, data: data, time: at(1)})
		w.line(w.source, line{kind: sourcePublished, eventIDs: []string{id}, event: "upsert", time: at(2)})
	}
	// The same Secret in another version is another event.
	told("e0", "UPDATE", secret("6", nil))
	w.settled("has not put it on the bus", keys...)
	told("e1", "ADD", secret("7", nil))
	w.settled("", keys...)
	if on := w.of(ledger.OnBus); len(on) != 2 || on[1].MessageID != keys[0] {
		t.Errorf("records: %+v", on)
	}
}
