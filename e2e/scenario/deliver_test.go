package scenario

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/ledger"
)

// pipelined are messages that note when they are begun and when they are waited for.
func pipelined(f *fakeRig, count int, fail map[int]error) []Message {
	var all []Message
	for i := range count {
		id := fmt.Sprintf("m%d", i)
		all = append(all, Message{Published: Published{MessageID: id}, Begin: func(context.Context) (func(context.Context) error, error) {
			f.call("begin " + id)
			return func(context.Context) error { f.call("confirmed " + id); return fail[i] }, nil
		}})
	}
	return all
}

func oneStep(t *testing.T) Scenario {
	t.Helper()
	list, err := Parse("t.yaml", []byte(head+"spec:\n  when: [{publish: {event: keystone/x, count: 600}}]\n  then: {sensors: [{name: s, fires: 0}]}\n"))
	if err != nil {
		t.Fatal(err)
	}
	return list[0]
}

// TestManyMessagesAreOnTheirWayAtOnce: a step's messages wait for the broker together, each announced before it is sent,
// all in order, and each in the ledger by the time of its own sending.
func TestManyMessagesAreOnTheirWayAtOnce(t *testing.T) {
	const count = 600
	f := newFakeRig()
	f.messages = pipelined(f, count, nil)
	f.observe(true)
	if r := Run(t.Context(), f, oneStep(t), Options{}); r.Verdict != Passed {
		t.Fatalf("%+v", r)
	}
	place := map[string]int{}
	for i, call := range f.calls {
		if _, twice := place[call]; twice && call != "ready" {
			t.Errorf("%s twice", call)
		}
		place[call] = i
	}
	most, underway := 0, 0
	for i := range count {
		id := fmt.Sprintf("m%d", i)
		track, tracked := place["track "+id]
		begin, begun := place["begin "+id]
		if confirmed, ok := place["confirmed "+id]; !tracked || !begun || !ok || track > begin || begin > confirmed {
			t.Fatalf("%s: tracked at %d, begun at %d, confirmed at %d", id, track, begin, confirmed)
		}
		if i > 0 && begin < place[fmt.Sprintf("begin m%d", i-1)] {
			t.Errorf("%s was sent out of order", id)
		}
	}
	for _, call := range f.calls {
		switch {
		case strings.HasPrefix(call, "begin "):
			underway++
			most = max(most, underway)
		case strings.HasPrefix(call, "confirmed "):
			underway--
		}
	}
	if most != window {
		t.Errorf("at most %d were on their way at once, want %d", most, window)
	}
	var keys []string
	for _, record := range f.log.Records() {
		if record.Hop == ledger.Published {
			keys = append(keys, record.MessageID)
		}
	}
	if len(keys) != count || keys[0] != "m0" || keys[count-1] != fmt.Sprintf("m%d", count-1) {
		t.Errorf("the ledger has %d publications", len(keys))
	}
}

func TestAMessageThatIsNotConfirmedEndsTheStep(t *testing.T) {
	f := newFakeRig()
	f.messages = pipelined(f, 10, map[int]error{3: failure.New(failure.Environment, "", "the broker refused it")})
	f.observe(true)
	r := Run(t.Context(), f, oneStep(t), Options{})
	var classed *failure.Error
	if r.Verdict != Errored || !errors.As(r.Err, &classed) || !strings.Contains(r.Err.Error(), "the broker refused it") {
		t.Fatalf("%+v", r)
	}
	if slices.Contains(f.calls, "confirmed m4") {
		t.Error("it went on after the broker's refusal")
	}
	published := 0
	for _, record := range f.log.Records() {
		if record.Hop == ledger.Published {
			published++
		}
	}
	if published != 3 {
		t.Errorf("%d in the ledger as confirmed, want 3", published)
	}
}

// TestWhatPodsCauseIsTheScenarios: a chain is not settled before what the scenario's pods caused in the simulated cloud is
// followed, too, and its records count as the scenario's.
func TestWhatPodsCauseIsTheScenarios(t *testing.T) {
	list, err := Parse("t.yaml", []byte(head+"spec:\n  when: [{publish: {event: keystone/x}}]\n  then: {sensors: [{name: s, fires: 1}]}\n"))
	if err != nil {
		t.Fatal(err)
	}
	f := newFakeRig()
	f.caused = []string{"of a pod"}
	f.onTrack = func(f *fakeRig) {
		f.observe(true, ledger.Record{Hop: ledger.Triggered, Sensor: "openstack/s", Trigger: "t", Verdict: "succeeded", MessageID: "of a pod"})
	}
	r := Run(t.Context(), f, list[0], Options{})
	if r.Verdict != Passed || len(r.Timeline) == 0 {
		t.Errorf("%+v", r)
	}
}

func TestOpenStackStepsAreChecked(t *testing.T) {
	for step, want := range map[string]string{
		`{create: baremetal/nodes, update: network/ports, id: x}`: "exactly one of create, update, delete, action, call",
		`{action: baremetal/nodes, id: x}`:                        "together with do",
		`{update: network/ports, set: {name: x}}`:                 "needs the id of what it changes",
		`{delete: network/ports}`:                                 "needs the id of what it deletes",
		`{call: /baremetal/v1/nodes}`:                             "give METHOD and path",
		`{create: projects, status: 7}`:                           "give an HTTP status",
	} {
		_, err := Parse("t.yaml", []byte(head+"spec:\n  when: [{openstack: "+step+"}]\n  then: {sensors: [{name: s, fires: 1}]}\n"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", step, err)
		}
	}
	for _, step := range []string{`{action: baremetal/nodes, do: provide, id: x, notify: true}`, `{delete: volume/type_access, set: {volume_type_id: a, project_id: b}}`, `{call: PUT /baremetal/v1/nodes/x/traits, set: {traits: []}}`} {
		if _, err := Parse("t.yaml", []byte(head+"spec:\n  when: [{openstack: "+step+"}]\n  then: {sensors: [{name: s, fires: 1}]}\n")); err != nil {
			t.Errorf("%s: %v", step, err)
		}
	}
}
