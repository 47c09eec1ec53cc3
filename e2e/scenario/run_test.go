package scenario

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/ledger"
)

// fakeStores plays the simulators of one scenario.
type fakeStores struct{ *fakeRig }

func (f fakeStores) Fault(_ context.Context, simulator string, rule map[string]any) error {
	f.call(fmt.Sprintf("%s %v", simulator, rule))
	return nil
}

// fakeRig plays a rig whose observations a test makes.
type fakeRig struct {
	mu       sync.Mutex
	turns    Turns
	log      *ledger.Ledger
	settled  bool
	open     string
	changed  chan struct{}
	applied  []map[string]any
	calls    []string
	sensors  []string
	store    map[string][]map[string]any
	onTrack  func(f *fakeRig)
	keys     func() []string
	applyErr error
	caused   []string    // by requests to the simulated cloud
	messages []Message   // of a publish step, each tracked by its id
	raised   []Published // by each change of objects
}

func newFakeRig() *fakeRig {
	return &fakeRig{log: ledger.New(nil), changed: make(chan struct{}), sensors: []string{"openstack/s", "openstack/other"}, store: map[string][]map[string]any{}, open: "Sensor openstack/s has not said"}
}

func (f *fakeRig) call(text string) { f.mu.Lock(); f.calls = append(f.calls, text); f.mu.Unlock() }
func (f *fakeRig) observe(settled bool, records ...ledger.Record) {
	for _, r := range records {
		if r.MessageID == "" && !r.Ambiguous {
			r.MessageID = "m"
		}
		f.log.Append(r)
	}
	f.mu.Lock()
	f.settled = settled
	close(f.changed)
	f.changed = make(chan struct{})
	f.mu.Unlock()
}
func (f *fakeRig) Tier() string { return "embedded" }
func (f *fakeRig) Turn(ctx context.Context, claim Claim) (func(), error) {
	return f.turns.Take(ctx, claim)
}
func (f *fakeRig) Stores(_ context.Context, names []string) (Stores, error) {
	f.call("worlds " + strings.Join(names, ","))
	return fakeStores{f}, nil
}
func (f fakeStores) Name(string)  {}
func (f fakeStores) Own([]string) {}
func (f fakeStores) Caused() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.caused)
}
func (f fakeStores) Close()                      {}
func (f *fakeRig) Adopt(object, _ string) string { return object }
func (f *fakeRig) Messages(_ context.Context, step Step) ([]Message, error) {
	message := func(text string, p Published) Message {
		return Message{Published: p, Send: func(context.Context) error { f.call(text); return nil }}
	}
	switch {
	case step.Publish != nil && f.messages != nil:
		return f.messages, nil
	case step.Publish != nil:
		return []Message{message("publish "+step.Publish.Event, Published{MessageID: "m", EventType: step.Publish.Event})}, nil
	case step.Replay != nil:
		var all []Message
		for _, m := range step.Replay.Messages {
			all = append(all, message("replay "+string(m.Body), Published{Body: m.Body}))
		}
		return all, nil
	default:
		w := step.Webhook
		return []Message{message("call "+w.EventSource+" "+w.Event, Published{Source: w.EventSource + "/" + w.Event})}, nil
	}
}
func (f *fakeRig) Submission(_ context.Context, s Submit) (string, func(context.Context) error, error) {
	return "Workflow/argo-events/w", func(context.Context) error {
		f.call("submit " + s.Template)
		if f.onTrack != nil {
			go f.onTrack(f)
		}
		return nil
	}, nil
}
func (f *fakeRig) Objects(_ context.Context, e ObjectExpectation) ([]map[string]any, error) {
	return f.store[e.Kind], nil
}
func (f *fakeRig) Heard([]map[string]any) (bool, error) { return len(f.raised) > 0, nil }
func (f *fakeRig) Apply(_ context.Context, objects []map[string]any) ([]Published, Restore, error) {
	f.call("apply")
	f.applied = append(f.applied, objects...)
	return f.raised, func(context.Context) ([]Published, error) { f.call("remove"); return f.raised, nil }, f.applyErr
}
func (f *fakeRig) Delete(_ context.Context, objects []map[string]any) ([]Published, Restore, error) {
	f.call("delete")
	return f.raised, func(context.Context) ([]Published, error) { f.call("restore"); return f.raised, nil }, nil
}
func (f fakeStores) ChangeOpenStack(ctx context.Context, c OpenStackChange) ([]Message, error) {
	f.call("openstack " + c.Create + c.Update + c.Delete)
	if !c.Notify {
		return nil, nil
	}
	return f.Messages(ctx, Step{Publish: &Publish{Event: "keystone/identity." + c.Create + ".created"}})
}
func (f fakeStores) Records(_ context.Context, simulator, path string, _ map[string]any) ([]map[string]any, error) {
	return f.store[simulator+" "+path], nil
}
func (f *fakeRig) Fault(_ context.Context, fault Fault) (func(context.Context) error, error) {
	f.call("fault " + fault.alone())
	return func(context.Context) error { f.call("mend " + fault.alone()); return nil }, nil
}
func (f *fakeRig) Observer() Observer     { return f }
func (f *fakeRig) Ledger() *ledger.Ledger { return f.log }
func (f *fakeRig) Track(published []Published, _ ...string) ([]string, error) {
	keys := slices.Repeat([]string{"m"}, len(published))
	if f.keys != nil {
		keys = f.keys()
	}
	if f.messages != nil {
		for i, p := range published {
			keys[i] = p.MessageID
			f.call("track " + p.MessageID)
		}
	}
	if f.onTrack != nil {
		go f.onTrack(f)
	}
	return keys, nil
}
func (f *fakeRig) Sensors(context.Context) ([]string, error) { return f.sensors, nil }
func (f *fakeRig) Ready(context.Context) error               { f.call("ready"); return nil }
func (f *fakeRig) Settled(context.Context, []string) (bool, string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.settled, f.open, nil
}
func (f *fakeRig) Changed() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.changed
}

func parse(t *testing.T, then string) Scenario {
	t.Helper()
	list, err := Parse("t.yaml", []byte(head+"spec:\n  when: [{publish: {event: keystone/x}}]\n  then:\n"+then))
	if err != nil {
		t.Fatal(err)
	}
	return list[0]
}

var (
	fired    = ledger.Record{Hop: ledger.Triggered, Sensor: "openstack/s", Trigger: "t", Verdict: "succeeded"}
	decided  = ledger.Record{Hop: ledger.Decided, Sensor: "openstack/s", Trigger: "t", Verdict: "fires"}
	filtered = ledger.Record{Hop: ledger.Decided, Sensor: "openstack/s", Trigger: "t", Verdict: "filtered", Cause: "discarded due to filtering"}
	refused  = ledger.Record{Hop: ledger.Triggered, Sensor: "openstack/s", Trigger: "t", Verdict: "failed", Cause: `workflows.argoproj.io is forbidden: User "x" cannot create`}
)

func workflow(phase string, finished bool) ledger.Record {
	return ledger.Record{Hop: ledger.Workflow, Sensor: "openstack/s", Object: "Workflow/argo-events/w", Verdict: phase, Cause: "child failed",
		Details: map[string]any{"parameters": map[string]string{"event_type": "created"}, "finished": finished}}
}

// The event of a late trigger: fires 0 holds at first, and must not be believed before the chain is settled.
func TestANegativeIsNotDecidedBeforeTheChainIsSettled(t *testing.T) {
	f := newFakeRig()
	checked := make(chan struct{})
	f.onTrack = func(f *fakeRig) {
		f.observe(false) // nothing has happened yet, and the runner looks
		select {
		case <-checked:
			t.Error("decided although the Sensor had not said anything")
		case <-time.After(100 * time.Millisecond):
		}
		f.observe(true, decided, fired)
	}
	result := Run(context.Background(), f, parse(t, "    sensors: [{name: s, fires: 0}]\n"), Options{})
	close(checked)
	if result.Verdict != Failed || !strings.Contains(result.Failures[0].Got, "fired 1") {
		t.Errorf("%+v", result)
	}
}

func TestWhatCanNoLongerBeMetFailsAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		then    string
		records []ledger.Record
		got     string
	}{
		"Failed where Succeeded is wanted": {"    workflows: [{sensor: s, phase: Succeeded}]\n", []ledger.Record{decided, fired, workflow("Failed", true)}, "Failed (child failed)"},
		"fired too often":                  {"    sensors: [{name: s, fires: 0}]\n", []ledger.Record{decided, fired}, "fired 1"},
		"another reason":                   {"    sensors: [{name: s, fails: 1, reason: quota}]\n", []ledger.Record{decided, refused}, "forbidden"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeRig()
			f.onTrack = func(f *fakeRig) { f.observe(false, c.records...) }
			result := Run(context.Background(), f, parse(t, c.then), Options{Timeout: 20 * time.Second})
			if result.Verdict != Failed || result.Seconds > 5 || !strings.Contains(result.Failures[0].Got, c.got) {
				t.Errorf("%+v", result)
			}
		})
	}
}

func TestOneOfTwoWorkflowsMayStillSucceed(t *testing.T) {
	f := newFakeRig()
	const between = "the second trigger"
	looked := make(chan struct{})
	look := sync.OnceFunc(func() { close(looked) })
	f.onTrack = func(f *fakeRig) {
		f.observe(false, decided, fired, decided, workflow("Failed", true)) // a second decision whose trigger still runs
		f.mu.Lock()
		f.open = between
		f.mu.Unlock()
		f.observe(false)
		<-looked // with all of that in the ledger
		second := workflow("Succeeded", true)
		second.Object += "2"
		f.observe(true, fired, second)
	}
	result := Run(context.Background(), f, parse(t, "    workflows: [{sensor: s, phase: Succeeded}]\n"), Options{Waiting: func(open string) {
		if open == between {
			look()
		}
	}})
	if result.Verdict != Passed {
		t.Errorf("%+v", result)
	}
}

func TestAPodWithoutAnImageFailsTheScenarioAtOnce(t *testing.T) {
	stuck := ledger.Record{Hop: ledger.Pod, Sensor: "openstack/s", Object: "Pod/a/p", Verdict: "ErrImagePull", Cause: "image nobody/knows:1 has no mapping: add --image nobody/knows=rootfs:PATH",
		Details: map[string]any{"stuck": true}}
	pulled := stuck
	pulled.Verdict, pulled.Cause, pulled.Details = "Running", "", nil
	for name, c := range map[string]struct {
		step    string
		records []ledger.Record
		want    Verdict
	}{
		"while the outcome is awaited":                 {"", []ledger.Record{decided, fired, workflow("Running", false), stuck}, Failed},
		"while the chain is to settle":                 {", {wait-settled: {}}", []ledger.Record{decided, fired, workflow("Running", false), stuck}, Failed},
		"but not one that has got its image after all": {"", []ledger.Record{decided, fired, stuck, pulled, workflow("Succeeded", true)}, Passed},
	} {
		t.Run(name, func(t *testing.T) {
			list, err := Parse("t.yaml", []byte(head+"spec:\n  when: [{publish: {event: keystone/x}}"+c.step+"]\n  then: {workflows: [{sensor: s, phase: Succeeded}]}\n"))
			if err != nil {
				t.Fatal(err)
			}
			f := newFakeRig()
			f.onTrack = func(f *fakeRig) { f.observe(c.want == Passed, c.records...) }
			result := Run(t.Context(), f, list[0], Options{Timeout: time.Hour})
			if result.Verdict != c.want {
				t.Fatalf("%+v", result)
			}
			if c.want == Failed && (result.Failures[0].Got != "ErrImagePull" || !strings.Contains(result.Failures[0].Why, "add --image nobody/knows") || result.Failures[0].Line == 0) {
				t.Errorf("%+v", result.Failures[0])
			}
		})
	}
}

func TestATimeoutReportsTheLastMismatch(t *testing.T) {
	f := newFakeRig()
	f.onTrack = func(f *fakeRig) { f.observe(false, decided, fired, workflow("Running", false)) }
	f.open = "Workflow/argo-events/w is Running"
	result := Run(context.Background(), f, parse(t, "    workflows: [{sensor: s, phase: Succeeded}]\n"), Options{Timeout: 100 * time.Millisecond})
	if result.Verdict != Failed || len(result.Failures) != 2 {
		t.Fatalf("%+v", result)
	}
	if f := result.Failures[0]; f.Hop != "workflow" || !strings.Contains(f.Got, "Running") || f.Line == 0 {
		t.Errorf("%+v", f)
	}
	if !strings.Contains(result.Failures[1].Got, "w is Running") {
		t.Errorf("%+v", result.Failures[1])
	}
}

func TestExpectationsOnASettledChain(t *testing.T) {
	pod := ledger.Record{Hop: ledger.Pod, Sensor: "openstack/s", Object: "Pod/a/p", Verdict: "Succeeded", Details: map[string]any{"exitCode": 0}}
	call := ledger.Record{Hop: ledger.APICall, Object: "nautobot POST /api/a/", Details: map[string]any{"to": "nautobot", "method": "POST", "path": "/api/a/", "status": 201}}
	store := map[string][]map[string]any{"ontap svm/svms": {{"name": "os-1"}}, "nautobot tenancy/tenants": {{"id": "1", "name": "default:eng", "status": map[string]any{"value": "active"}, "n": 3}}}
	ambiguous := ledger.Record{Hop: ledger.Workflow, Object: "Workflow/a/b", Ambiguous: true, Candidates: []string{"m", "n"}}
	for name, c := range map[string]struct {
		then    string
		records []ledger.Record
		want    Verdict
		why     string
	}{
		"fires":               {"    sensors: [{name: openstack/s, fires: 1, fails: 0}]\n", []ledger.Record{decided, fired}, Passed, ""},
		"filtered":            {"    sensors: [{name: s, fires: 0, fails: 0, reason: discarded}]\n", []ledger.Record{filtered}, Passed, ""},
		"denied":              {"    sensors: [{name: s, fires: 0, fails: 1, reason: forbidden}]\n", []ledger.Record{decided, refused}, Passed, ""},
		"filtered instead":    {"    sensors: [{name: s, fires: 1}]\n", []ledger.Record{filtered}, Failed, "discarded due to filtering"},
		"denied instead":      {"    sensors: [{name: s, fires: 1}]\n", []ledger.Record{decided, refused}, Failed, "is forbidden"},
		"not routed":          {"    sensors: [{name: s, fires: 1}]\n", nil, Failed, "no EventSource has a queue"},
		"workflow":            {"    workflows: [{sensor: s, phase: Succeeded, parameters: {event_type: created}}]\n", []ledger.Record{fired, workflow("", false), workflow("Succeeded", true)}, Passed, ""},
		"other parameter":     {"    workflows: [{sensor: s, parameters: {event_type: deleted}}]\n", []ledger.Record{fired, workflow("Succeeded", true)}, Failed, `event_type is "created", want "deleted"`},
		"pod":                 {"    pods: [{sensor: s, exitCode: 0}]\n", []ledger.Record{pod}, Passed, ""},
		"pod of other code":   {"    pods: [{sensor: s, exitCode: 1}]\n", []ledger.Record{pod}, Failed, "exit code 0"},
		"request":             {"    requests: [{to: nautobot, method: post, path: /api/*, status: 201}, {to: openstack, count: 0}]\n", []ledger.Record{call}, Passed, ""},
		"request missing":     {"    requests: [{to: nautobot, method: PATCH}]\n", []ledger.Record{call}, Failed, "nautobot POST /api/a/"},
		"record":              {"    nautobot: [{path: tenancy/tenants, where: {id: \"1\"}, count: 1, fields: {name: \"default:eng\", status.value: active, n: 3}}]\n", nil, Passed, ""},
		"record field":        {"    nautobot: [{path: tenancy/tenants, fields: {name: x}}]\n", nil, Failed, "default:eng"},
		"record of ONTAP":     {"    ontap: [{path: svm/svms, count: 1, fields: {name: os-1}}]\n", nil, Passed, ""},
		"other of ONTAP":      {"    ontap: [{path: svm/svms, fields: {name: os-2}}]\n", nil, Failed, "os-1"},
		"record missing":      {"    nautobot: [{path: dcim/devices}]\n", nil, Failed, "holds 0 records"},
		"ambiguous":           {"    sensors: [{name: s, fires: 0}]\n", []ledger.Record{ambiguous}, Failed, "fits each of them"},
		"no such Sensor":      {"    sensors: [{name: t, fires: 0}]\n", nil, Errored, ""},
		"lost and duplicates": {"    ledger: {lost: 1, duplicates: 0}\n", nil, Passed, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeRig()
			f.store = store
			f.onTrack = func(f *fakeRig) { f.observe(true, c.records...) }
			result := Run(context.Background(), f, parse(t, c.then), Options{Timeout: 5 * time.Second})
			if result.Verdict != c.want {
				t.Fatalf("%s: %+v", result.Verdict, result.Failures)
			}
			if c.why != "" && !strings.Contains(result.Failures[0].Why, c.why) {
				t.Errorf("%+v", result.Failures[0])
			}
		})
	}
}

func TestAKnownDefectPassesWhileItIsThere(t *testing.T) {
	s := parse(t, "    sensors: [{name: s, fires: 1}]\n")
	s.Spec.KnownDefect = "fires on everything"
	f := newFakeRig()
	f.observe(true, decided, fired)
	if r := Run(context.Background(), f, s, Options{}); r.Verdict != KnownDefect {
		t.Errorf("%+v", r)
	}
	f = newFakeRig()
	f.observe(true, filtered)
	if r := Run(context.Background(), f, s, Options{}); r.Verdict != Failed || !strings.Contains(r.Failures[0].Next, "remove known-defect") {
		t.Errorf("%+v", r)
	}
}

func TestStepsRunInOrderAndObjectsAreTakenBack(t *testing.T) {
	list, err := Parse("t.yaml", []byte(head+`spec:
  given: {worlds: [w], objects: [{kind: A}]}
  when:
    - openstack: {create: project, id: x}
    - delete: {objects: [{kind: B}]}
    - publish: {event: keystone/x}
    - wait-settled: {}
    - publish: {event: keystone/y}
  then: {sensors: [{name: s, fires: 0}]}
`))
	if err != nil {
		t.Fatal(err)
	}
	f := newFakeRig()
	f.observe(true)
	if r := Run(context.Background(), f, list[0], Options{}); r.Verdict != Passed {
		t.Fatalf("%+v", r)
	}
	want := "worlds w|apply|openstack project|delete|ready|publish keystone/x|publish keystone/y|restore|remove"
	if got := strings.Join(f.calls, "|"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestErrorsKeepTheirClassAndObjectsAreTakenBackAllTheSame(t *testing.T) {
	s := parse(t, "    sensors: [{name: s, fires: 0}]\n")
	s.Spec.Given.Objects = []map[string]any{{"kind": "A"}}
	f := newFakeRig()
	f.applyErr = failure.New(failure.Environment, "install it", "no such kind")
	r := Run(context.Background(), f, s, Options{})
	if r.Verdict != Errored || failure.ExitStatus(r.Err) != 3 || r.Failures[0].Next != "install it" {
		t.Errorf("%+v", r)
	}
	if f.calls[len(f.calls)-1] != "remove" {
		t.Errorf("%v", f.calls)
	}
	ctx, cancel := context.WithCancel(context.Background())
	f = newFakeRig()
	f.onTrack = func(*fakeRig) { cancel() }
	if r := Run(ctx, f, parse(t, "    sensors: [{name: s, fires: 0}]\n"), Options{}); r.Verdict != Errored || !errors.Is(r.Err, context.Canceled) {
		t.Errorf("%+v", r)
	}
	s.Spec.Tiers = []string{"kind"}
	if r := Run(context.Background(), newFakeRig(), s, Options{}); r.Verdict != Skipped {
		t.Errorf("%+v", r)
	}
}

// A step that wants its change told sends what the cloud tells, once somebody is there to hear it; another one sends nothing.
func TestAnOpenStackStepTellsWhenAsked(t *testing.T) {
	for notify, want := range map[string]string{"true": "ready", "false": ""} {
		f := newFakeRig()
		list, err := Parse("t.yaml", []byte(head+"spec:\n  when: [{openstack: {create: project, set: {name: x}, notify: "+notify+"}}]\n  then:\n    sensors: [{name: s, fires: 0}]\n"))
		if err != nil {
			t.Fatal(err)
		}
		f.observe(true, filtered)
		Run(context.Background(), f, list[0], Options{})
		if calls := strings.Join(f.calls, " "); !strings.Contains(calls, "openstack project") || strings.Contains(calls, "ready") != (want != "") {
			t.Errorf("notify: %s made the calls %s", notify, calls)
		}
	}
}
