package scenario

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/eventrig/eventrig/internal/ledger"
)

func TestEveryStepReachesTheRigAndFaultsAreTakenBack(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("recording.jsonl", "{\"a\": \"${no variable}\"}\n{\"a\": 2}\n")
	list, err := Load(write("s.yaml", head+`spec:
  vars: {id: uuid}
  given: {faults: [{nautobot: {status: 503}}]}
  when:
    - replay: {file: recording.jsonl}
    - webhook: {eventSource: hooks, event: alerts, body: {id: "${id}"}}
    - fault: {broker: stop}
    - fault: {scale: {kind: Sensor, name: openstack/s, replicas: 0}}
    - fault: {clear: true}
    - fault: {delete-pods: {kind: EventBus, name: openstack/default}}
    - fault: {refuse: nautobot}
    - wait-ready: {}
    - submit: {template: argo-events/x, parameters: {a: "${id}"}}
  then: {sensors: [{name: s, fires: 0}]}
`))
	if err != nil {
		t.Fatal(err)
	}
	f := newFakeRig()
	f.observe(true)
	if r := Run(t.Context(), f, list[0], Options{}); r.Verdict != Passed {
		t.Fatalf("%+v", r)
	}
	want := strings.Join([]string{
		"worlds ", "nautobot map[status:503]", "ready",
		`replay {"a": "${no variable}"}`, `replay {"a": 2}`, "call hooks alerts",
		"fault it disturbs the broker", "fault it scales Sensor openstack/s",
		"mend it scales Sensor openstack/s", "mend it disturbs the broker", // the newest first
		"fault it deletes pods of EventBus openstack/default", "fault it takes nautobot away from everybody", "ready", "submit argo-events/x",
		"mend it takes nautobot away from everybody", "mend it deletes pods of EventBus openstack/default",
	}, "|")
	got := strings.Join(f.calls, "|")
	// Which simulator's faults are cleared first does not matter.
	for _, simulator := range []string{"nautobot", "openstack", "ontap", "undersync"} {
		if !strings.Contains(got, simulator+" map[]|") {
			t.Errorf("the faults of %s are not cleared", simulator)
		}
		got = strings.Replace(got, simulator+" map[]|", "", 1)
	}
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestAnInterruptTakesFaultsBackToo(t *testing.T) {
	list, err := Parse("t.yaml", []byte(head+"spec:\n  when: [{fault: {broker: stop}}, {publish: {event: keystone/x}}]\n  then: {sensors: [{name: s, fires: 0}]}\n"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	f := newFakeRig()
	f.onTrack = func(*fakeRig) { cancel() }
	if r := Run(ctx, f, list[0], Options{}); r.Verdict != Errored || f.calls[len(f.calls)-1] != "mend it disturbs the broker" {
		t.Errorf("%+v %v", r, f.calls)
	}
}

func TestObjectsOrderAndLatency(t *testing.T) {
	at := func(ms int) time.Time { return time.UnixMilli(int64(ms)) }
	record := func(hop ledger.Hop, message string, ms int) ledger.Record {
		return ledger.Record{Time: at(ms), Hop: hop, MessageID: message, Sensor: "openstack/s", Object: "x/" + message}
	}
	job := ledger.Record{Hop: ledger.Workflow, MessageID: "m", Sensor: "openstack/s", Object: "Job/openstack/j", Verdict: "Succeeded", Time: at(900),
		Details: map[string]any{"finished": true, "created": at(200)}}
	store := map[string][]map[string]any{"Job": {
		{"kind": "Job", "metadata": map[string]any{"namespace": "openstack", "name": "j", "labels": map[string]any{"a.b/c": "d"}}, "spec": map[string]any{"containers": []any{map[string]any{"image": "i"}}}},
		{"kind": "Job", "metadata": map[string]any{"namespace": "openstack", "name": "another's"}},
	}}
	call := ledger.Record{Hop: ledger.APICall, MessageID: "m", Object: "nautobot POST /api/a/", Details: map[string]any{"to": "nautobot", "method": "POST", "path": "/api/a/", "status": 201, "body": `{"name": "x", "tags": [{"id": 3}]}`}}
	for name, c := range map[string]struct {
		then    string
		records []ledger.Record
		want    Verdict
		why     string // in the first failure
	}{
		"its own object":         {"    objects: [{apiVersion: batch/v1, kind: Job, sensor: s, count: 1, fields: {spec.containers.0.image: i, metadata.labels.a.b/c: d}}]\n", []ledger.Record{job}, Passed, ""},
		"any object":             {"    objects: [{apiVersion: batch/v1, kind: Job, count: 2}]\n", nil, Passed, ""},
		"none of its own":        {"    objects: [{apiVersion: batch/v1, kind: Job, sensor: s, count: 0}]\n", nil, Passed, ""},
		"too many":               {"    objects: [{apiVersion: batch/v1, kind: Job, namespace: openstack, count: 1}]\n", nil, Failed, "Job/openstack/another's"},
		"another field":          {"    objects: [{apiVersion: batch/v1, kind: Job, sensor: s, fields: {spec.containers.0.image: k}}]\n", []ledger.Record{job}, Failed, `"i"`},
		"no such field":          {"    objects: [{apiVersion: batch/v1, kind: Job, sensor: s, fields: {spec.containers.1.image: k}}]\n", []ledger.Record{job}, Failed, "no such field"},
		"in order":               {"    ledger: {order: [on-bus]}\n", []ledger.Record{record(ledger.OnBus, "m", 10), record(ledger.OnBus, "n", 20)}, Passed, ""},
		"out of order":           {"    ledger: {order: [on-bus]}\n", []ledger.Record{record(ledger.OnBus, "m", 30), record(ledger.OnBus, "n", 20)}, Failed, "n came there 0.010s before m"},
		"order of one that came": {"    ledger: {order: [on-bus]}\n", []ledger.Record{record(ledger.OnBus, "m", 30)}, Failed, "1 of 2 events came there"},
		"in time":                {"    ledger: {maxLatency: {workflow: 250ms, finished: 1s}}\n", []ledger.Record{record(ledger.Published, "m", 0), job}, Passed, ""},
		"too late":               {"    ledger: {maxLatency: {workflow: 100ms}}\n", []ledger.Record{record(ledger.Published, "m", 0), job}, Failed, "m took 200ms"},
		"never there":            {"    ledger: {maxLatency: {pod: 100ms}}\n", []ledger.Record{record(ledger.Published, "m", 0), job}, Failed, "no event came there"},
		"body":                   {"    requests: [{to: nautobot, body: {name: x, tags.0.id: 3}}]\n", []ledger.Record{call}, Passed, ""},
		"another body":           {"    requests: [{to: nautobot, body: {name: y}}]\n", []ledger.Record{call}, Failed, `name is "x", want "y"`},
		"nothing in the body":    {"    requests: [{to: nautobot, body: {tags.1.id: 3}}]\n", []ledger.Record{call}, Failed, "its body has no tags.1.id"},
		"a submitted Workflow":   {"    workflows: [{template: a/t, phase: Succeeded}]\n", []ledger.Record{{Hop: ledger.Workflow, MessageID: "m", Object: "Workflow/a/w", Verdict: "Succeeded", Details: map[string]any{"finished": true, "template": "a/t"}}}, Passed, ""},
		"none submitted":         {"    workflows: [{template: a/t}]\n", []ledger.Record{job}, Failed, "no submit step"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeRig()
			f.store = store
			s := parse(t, c.then)
			s.Spec.When = append(s.Spec.When, s.Spec.When[0])
			var tracked int
			f.keys = func() []string {
				tracked++
				if tracked == 2 {
					f.observe(true, c.records...)
				}
				return []string{[]string{"m", "n"}[tracked-1]}
			}
			r := Run(t.Context(), f, s, Options{Timeout: 5 * time.Second})
			if r.Verdict != c.want {
				t.Fatalf("%s: %+v", r.Verdict, r.Failures)
			}
			if c.why != "" && !strings.Contains(r.Failures[0].Got+r.Failures[0].Why, c.why) {
				t.Errorf("%+v", r.Failures[0])
			}
		})
	}
}

func TestWhatIsTooLateOrOutOfOrderFailsAtOnce(t *testing.T) {
	f := newFakeRig()
	f.onTrack = func(f *fakeRig) {
		f.observe(false, ledger.Record{Hop: ledger.OnBus, Time: time.Now().Add(time.Hour)})
	}
	began := time.Now()
	r := Run(t.Context(), f, parse(t, "    ledger: {maxLatency: {on-bus: 1s}}\n"), Options{Timeout: time.Minute})
	if r.Verdict != Failed || time.Since(began) > 30*time.Second {
		t.Errorf("%+v", r)
	}
}

func TestADerivedScenarioIsOneAndHoldsWhatWasSeen(t *testing.T) {
	parameters := map[string]any{"event_type": "created", "body": strings.Repeat("x", longestParameter+1)}
	change := func(verdict string, before, after map[string]any) ledger.Record {
		return ledger.Record{Hop: ledger.RecordChange, MessageID: "m", Object: "nautobot tenancy/tenants 1", Verdict: verdict, Details: map[string]any{"before": before, "after": after}}
	}
	s := Derive("bug", "bug.json", []ledger.Record{
		{Hop: ledger.Published, MessageID: "m"}, {Hop: ledger.OnBus, MessageID: "m", Object: "e", EventID: "1"},
		{Hop: ledger.Decided, MessageID: "m", Sensor: "openstack/s", Verdict: "fires"}, {Hop: ledger.Triggered, MessageID: "m", Sensor: "openstack/s", Verdict: "succeeded"},
		{Hop: ledger.Decided, MessageID: "m", Sensor: "openstack/other", Verdict: "filtered"},
		{Hop: ledger.Workflow, MessageID: "m", Sensor: "openstack/s", Object: "Workflow/argo-events/w", Verdict: "Failed", Details: map[string]any{"parameters": parameters, "finished": true}},
		{Hop: ledger.Pod, MessageID: "m", Sensor: "openstack/s", Object: "Pod/argo-events/p", Verdict: "Failed", Details: map[string]any{"exitCode": 3.0}},
		{Hop: ledger.APICall, MessageID: "m", Details: map[string]any{"to": "nautobot", "method": "GET", "path": "/api/"}},
		{Hop: ledger.APICall, MessageID: "m", Details: map[string]any{"to": "nautobot", "method": "PATCH", "path": "/api/t/1/", "status": 200.0}},
		{Hop: ledger.APICall, MessageID: "m", Details: map[string]any{"to": "nautobot", "method": "PATCH", "path": "/api/t/1/", "status": 200.0}},
		change("created", nil, map[string]any{"id": "1", "name": "old", "created": "now"}),
		change("updated", map[string]any{"id": "1", "name": "old"}, map[string]any{"id": "1", "name": "new"}),
	})
	then := s.Spec.Then
	if len(then.Sensors) != 2 || *then.Sensors[0].Fires != Exactly(1) || *then.Sensors[1].Fires != Exactly(0) {
		t.Errorf("sensors %+v", then.Sensors)
	}
	if len(then.Workflows) != 1 || then.Workflows[0].Phase != "Failed" || len(then.Workflows[0].Parameters) != 1 || then.Workflows[0].Namespace != "argo-events" {
		t.Errorf("workflows %+v", then.Workflows)
	}
	if len(then.Pods) != 1 || *then.Pods[0].ExitCode != 3 {
		t.Errorf("pods %+v", then.Pods)
	}
	if len(then.Requests) != 1 || *then.Requests[0].Count != Exactly(2) {
		t.Errorf("requests %+v", then.Requests)
	}
	if len(then.Nautobot) != 1 || len(then.Nautobot[0].Fields) != 1 || then.Nautobot[0].Fields["name"] != "new" {
		t.Errorf("nautobot %+v", then.Nautobot)
	}
	if *then.Ledger.Lost != Exactly(0) {
		t.Errorf("lost %v", then.Ledger.Lost)
	}
}
