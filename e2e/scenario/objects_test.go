package scenario

import (
	"context"
	"slices"
	"testing"

	"github.com/eventrig/eventrig/internal/ledger"
)

const applies = head + `spec:
  when:
    - apply: {objects: [{apiVersion: v1, kind: Secret, metadata: {name: a, namespace: openstack}}]}
    - delete: {objects: [{apiVersion: v1, kind: Secret, metadata: {name: a, namespace: openstack}}]}
  then:
    sensors: [{name: s, fires: 1}]
`

// What a resource EventSource makes of an applied object is the scenario's event: its end is waited for, and what the
// clean-up causes too.
func TestEventsAboutAppliedObjectsAreTheScenarios(t *testing.T) {
	list, err := Parse("t.yaml", []byte(applies))
	if err != nil {
		t.Fatal(err)
	}
	f := newFakeRig()
	f.raised = []Published{{MessageID: "ADD Secret/openstack/a@1", EventType: "ADD Secret/openstack/a", Source: "openstack/secrets/upsert"}}
	f.onTrack = func(f *fakeRig) { f.observe(true, decided, fired) }
	f.keys = func() []string { return []string{"m"} }
	result := Run(context.Background(), f, list[0], Options{})
	if result.Verdict != Passed {
		t.Fatalf("%+v", result)
	}
	want := []string{"worlds ", "ready", "apply", "ready", "delete", "restore", "remove"}
	if !slices.Equal(f.calls, want) {
		t.Errorf("calls %q, want %q", f.calls, want)
	}
	var published []ledger.Record
	for _, r := range f.log.Of("m") {
		if r.Hop == ledger.Published {
			published = append(published, r)
		}
	}
	if len(published) != 2 || published[0].Verdict != "applied" || published[0].Object != "openstack/secrets/upsert" {
		t.Errorf("published: %+v", published)
	}
}

// Nobody is waited for who does not hear of the object.
func TestObjectsThatNoEventSourceWatchesRaiseNothing(t *testing.T) {
	list, err := Parse("t.yaml", []byte(applies))
	if err != nil {
		t.Fatal(err)
	}
	f := newFakeRig()
	f.settled = true
	result := Run(context.Background(), f, list[0], Options{})
	if result.Verdict != Failed || result.Failures[0].Why != "no step of the scenario raised an event" {
		t.Errorf("%+v", result)
	}
	if slices.Contains(f.calls, "ready") {
		t.Errorf("calls %q", f.calls)
	}
}
