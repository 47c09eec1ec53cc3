package coverage_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/eventrig/eventrig/internal/corpus"
	"github.com/eventrig/eventrig/internal/coverage"
	"github.com/eventrig/eventrig/internal/evaluate"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/pipeline"
	"github.com/eventrig/eventrig/internal/pipeline/pipelinetest"
)

const source = `
apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: keystone, namespace: openstack}
spec:
  amqp:
    notifications: {url: "amqp://rabbitmq:5672/keystone", exchangeName: keystone, exchangeType: topic, routingKey: notifications.info, jsonBody: true}
    other: {url: "amqp://rabbitmq:5672/keystone", exchangeName: other, exchangeType: topic, routingKey: notifications.info, jsonBody: true}
---
`

// sensor is a Sensor with one dependency "dep"; both texts are JSON.
func sensor(dependency, triggers string) string {
	return fmt.Sprintf(`
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: s, namespace: openstack}
spec:
  dependencies:
  - {name: dep, eventSourceName: keystone, eventName: notifications, %s}
  triggers:
  %s
---
`, dependency, strings.ReplaceAll(strings.TrimSpace(triggers), "\n", "\n  "))
}

const logs = `- template: {name: t, log: {}}`

// event is a message of RabbitMQ to the EventSource's event notifications; payload is JSON.
func event(eventType, payload string) string {
	body, err := json.Marshal(fmt.Sprintf(`{"event_type":%q,"publisher_id":"p","message_id":"m","payload":%s}`, eventType, payload))
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf(`{"vhost":"keystone","exchange":"keystone","routing_key":"notifications.info","payload_encoding":"string","payload":%s}`+"\n", body)
}

// measure holds events against a graph.
func measure(t testing.TB, graph *pipeline.Graph, events ...string) *coverage.Report {
	t.Helper()
	file := filepath.Join(t.TempDir(), "events.jsonl")
	if err := os.WriteFile(file, []byte(strings.Join(events, "")), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := corpus.New([]string{file}, nil, "", 1)
	if err != nil {
		t.Fatal(err)
	}
	report, err := coverage.Measure(t.Context(), graph, c, nil, evaluate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// states are those of a kind's points, by name.
func states(report *coverage.Report, kind coverage.Kind) map[string]coverage.State {
	found := map[string]coverage.State{}
	for _, p := range report.Points {
		if p.Kind == kind {
			found[p.Name] = p.State
		}
	}
	return found
}

func want(t testing.TB, report *coverage.Report, kind coverage.Kind, states_ map[string]coverage.State) {
	t.Helper()
	got := states(report, kind)
	for name, state := range states_ {
		if got[name] != state {
			t.Errorf("%s %q is %q, want %q", kind, name, got[name], state)
		}
	}
	if len(got) != len(states_) {
		t.Errorf("%ss: %v", kind, got)
	}
}

type S = map[string]coverage.State

func TestEachValueOfAFilter(t *testing.T) {
	graph := pipelinetest.Graph(t, source, sensor(`filters: {data: [
      {path: body.event_type, type: string, value: ["^a$", "^b$", "^c$", "^d$"]},
      {path: body.payload.ok, type: bool, value: ["true"]}]}`, logs))
	report := measure(t, graph, event("a", `{"ok": true}`), event("b", `{"ok": false}`), event("a", `{"ok": false}`), event("z", `{"ok": true}`))
	want(t, report, coverage.Value, S{
		"data[0] body.event_type: ^a$": coverage.Reached, "data[0] body.event_type: ^b$": coverage.Overrule,
		"data[0] body.event_type: ^c$": coverage.Refused, "data[0] body.event_type: ^d$": coverage.Refused,
		"data[1] body.payload.ok: true": coverage.Reached,
	})
	want(t, report, coverage.Refusal, S{"data[0] body.event_type: anything else": coverage.Reached, "data[1] body.payload.ok: anything else": coverage.Reached})
	want(t, report, coverage.Source, S{"notifications (amqp)": coverage.Reached, "other (amqp)": coverage.Never})
	for _, p := range report.Points {
		if p.Name == "data[0] body.event_type: ^a$" && (p.Events != 1 || !strings.HasSuffix(p.First, "events.jsonl:1") || p.Near != 3) {
			t.Errorf("%+v", p)
		}
		if p.Name == "data[0] body.event_type: ^b$" && p.Why != "1 event has it, and another filter keeps each of them out" {
			t.Errorf("%q", p.Why)
		}
	}
}

func TestARefusalCountsOnlyWhereTheFilterAloneDecides(t *testing.T) {
	both := `filters: {data: [{path: body.event_type, type: string, value: [a]}, {path: body.payload.n, type: number, comparator: ">", value: ["5"]}]}`
	graph := pipelinetest.Graph(t, source, sensor(both, logs))
	want(t, measure(t, graph, event("z", `{"n": 1}`)), coverage.Refusal,
		S{"data[0] body.event_type: anything else": coverage.Overrule, "data[1] body.payload.n: anything else": coverage.Overrule})
	report := measure(t, graph, event("a", `{"n": 1}`), event("a", `{"n": 6}`))
	want(t, report, coverage.Refusal, S{"data[0] body.event_type: anything else": coverage.Passed, "data[1] body.payload.n: anything else": coverage.Reached})
	want(t, report, coverage.Value, S{"data[0] body.event_type: a": coverage.Reached, "data[1] body.payload.n: >5": coverage.Reached})
	// Where one filter is enough, each one stands in the way of an event that none lets through.
	or := strings.Replace(both, "filters: {", "filters: {dataLogicalOperator: or, ", 1)
	want(t, measure(t, pipelinetest.Graph(t, source, sensor(or, logs)), event("z", `{"n": 1}`), event("a", `{"n": 1}`)), coverage.Refusal,
		S{"data[0] body.event_type: anything else": coverage.Reached, "data[1] body.payload.n: anything else": coverage.Reached})
}

func TestOtherFiltersHaveTwoSides(t *testing.T) {
	graph := pipelinetest.Graph(t, source, sensor(`filters: {
      exprs: [{expr: 'm > 5', fields: [{name: m, path: body.payload.n}]}],
      data: [{path: body.event_type, type: string, comparator: "!=", value: [z]}],
      context: {source: keystone},
      script: "return event.body.payload.n < 100"}`, logs))
	report := measure(t, graph, event("a", `{"n": 6}`), event("z", `{"n": 6}`), event("a", `{"n": 200}`))
	want(t, report, coverage.Value, S{"exprs[0]: m > 5": coverage.Reached, "data[0] body.event_type: not z": coverage.Reached,
		"context: source keystone": coverage.Reached, "script: true": coverage.Reached})
	want(t, report, coverage.Refusal, S{"exprs[0]: anything else": coverage.Passed, "data[0] body.event_type: anything else": coverage.Reached,
		"context: anything else": coverage.Passed, "script: anything else": coverage.Reached})
}

func TestParametersAndTheirDefaults(t *testing.T) {
	graph := pipelinetest.Graph(t, source, sensor(`transform: {jq: ".body"}`, `
- template:
    name: t
    k8s:
      operation: create
      parameters:
      - {dest: data.a, src: {dependencyName: dep, dataKey: payload.a}}
      - {dest: data.b, src: {dependencyName: dep, dataKey: payload.b, value: none}}
      - {dest: data.c, src: {dependencyName: dep, value: fixed}}
      source: {resource: {apiVersion: v1, kind: ConfigMap, metadata: {generateName: x-}, data: {}}}`))
	parameters := func(a, b, fallback coverage.State) S {
		return S{"data.a from payload.a": a, "data.b from payload.b": b, `data.b by its default "none"`: fallback, `data.c from the value "fixed"`: coverage.Reached}
	}
	want(t, measure(t, graph, event("x", `{"a":"1","b":"2"}`)), coverage.Parameter, parameters(coverage.Reached, coverage.Reached, coverage.Passed))
	want(t, measure(t, graph, event("x", `{"a":"1"}`)), coverage.Parameter, parameters(coverage.Reached, coverage.Default, coverage.Reached))
	report := measure(t, graph, event("x", `{"b":"2"}`))
	want(t, report, coverage.Parameter, parameters(coverage.Failed, coverage.Reached, coverage.Passed))
	want(t, report, coverage.Trigger, S{"t": coverage.Failed})
	want(t, report, coverage.Sensor, S{"s": coverage.Failed})
	want(t, report, coverage.Transform, S{"dep (jq)": coverage.Reached})
}

func TestConditionsWaitForTheOthers(t *testing.T) {
	graph := pipelinetest.Graph(t, source, strings.Replace(sensor("", `- template: {name: t, conditions: "dep && late", log: {}}`), "  triggers:",
		"  - {name: late, eventSourceName: keystone, eventName: other}\n  triggers:", 1))
	first := event("x", "{}")
	want(t, measure(t, graph, first), coverage.Condition, S{"t with dep": coverage.Waiting, "t with late": coverage.Never})
	second := strings.Replace(first, `"exchange":"keystone"`, `"exchange":"other"`, 1)
	want(t, measure(t, graph, first, second), coverage.Condition, S{"t with dep": coverage.Reached, "t with late": coverage.Reached})
}

func TestAnEventOfUnknownOriginReachesNothing(t *testing.T) {
	graph := pipelinetest.Graph(t, source, sensor("", logs))
	report := measure(t, graph, `{"some": "thing"}`, event("x", "{}"), strings.ReplaceAll(event("x", "{}"), `"exchange":"keystone"`, `"exchange":"glance"`))
	if len(report.Unplaced) != 1 || !strings.HasSuffix(report.Unplaced[0], "events.jsonl:1") || report.Nowhere != 1 || report.Events != 3 {
		t.Errorf("unplaced %v, nowhere %d, events %d", report.Unplaced, report.Nowhere, report.Events)
	}
	want(t, report, coverage.Dependency, S{"dep (keystone/notifications)": coverage.Reached})
}

func TestSharesAreOfWhatCounts(t *testing.T) {
	graph := pipelinetest.Graph(t, source, sensor("", logs), `
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: by-hand, namespace: openstack}
spec: {entrypoint: main, templates: [{name: main, container: {image: busybox}}]}
`)
	report := measure(t, graph, event("x", "{}"))
	// The template, which no event can start, is told and not counted: 1 of 2 sources, the Sensor, its dependency and trigger.
	if report.Total.Reached != 4 || report.Total.Of != 5 || report.Total.Percent != 80 {
		t.Errorf("%+v", report.Total)
	}
	want(t, report, coverage.Template, S{"by-hand": coverage.Never})
	if report.Total.Under(80) || !report.Total.Under(80.1) {
		t.Error("80 % are not 80 %")
	}
	third := coverage.Share{Reached: 2, Of: 3}
	if third.Under(66.66) || !third.Under(66.67) {
		t.Error("the rounded number is compared")
	}
	sum := 0
	for _, object := range report.Objects {
		sum += object.Of
	}
	if sum != report.Total.Of {
		t.Errorf("the objects have %d points, the total is of %d", sum, report.Total.Of)
	}
}

func TestUnderStacksTreeByItsScenarios(t *testing.T) {
	graph, err := pipeline.Load("../../manifests/understack")
	if err != nil {
		t.Fatal(err)
	}
	c, err := corpus.New(nil, nil, "", 1)
	if err != nil {
		t.Fatal(err)
	}
	run := func() *coverage.Report {
		report, err := coverage.Measure(t.Context(), graph, c, nil, evaluate.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	report := run()
	// Ironic's two errors of the lifecycle go to the queue of its errors, which no EventSource reads.
	if report.Scenarios < 40 || report.Events < 60 || len(report.Unplaced) > 0 || report.Nowhere != 2 || len(report.Notes) > 0 {
		t.Errorf("%d scenarios, %d events, unplaced %v, %d nowhere, notes %v", report.Scenarios, report.Events, report.Unplaced, report.Nowhere, report.Notes)
	}
	for _, share := range report.Kinds {
		if share.Reached == 0 {
			t.Errorf("no %s is reached", share.Kind)
		}
	}
	for _, p := range report.Points {
		if p.File == "" || p.Line == 0 || p.Name == "" || (p.State == coverage.Reached) != (p.First != "") || (p.State == coverage.Reached) != (p.Why == "") {
			t.Errorf("%+v", p)
		}
		content, err := os.ReadFile(p.File)
		if err != nil {
			t.Fatal(err)
		}
		line := strings.Split(string(content), "\n")[p.Line-1]
		_, value, _ := strings.Cut(p.Name, ": ")
		if p.Kind == coverage.Value && strings.HasPrefix(p.Name, "data") && !strings.Contains(line, value) {
			t.Errorf("%s:%d is %q, not %q", p.File, p.Line, line, p.Name)
		}
	}
	again := run()
	first, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	if second, err := json.Marshal(again); err != nil || string(first) != string(second) {
		t.Error("the same corpus gives another report")
	}
	if got := states(report, coverage.Handler)["openstack-oslo-event takes baremetal.node.delete.end"]; got != coverage.Reached {
		t.Errorf("the handler of deleted nodes is %q", got)
	}
	for _, sensor := range []string{"keystone-automation-user-upsert", "keystone-automation-user-delete"} {
		if got := states(report, coverage.Sensor)[sensor]; got != coverage.Reached {
			t.Errorf("%s, which a Secret of a scenario fires, is %q", sensor, got)
		}
	}
	if got := states(report, coverage.Template)["openstack-oslo-event"]; got != coverage.Reached {
		t.Errorf("the template that a template of the Workflow names is %q", got)
	}
}

func TestWrongInputNamesFileAndLine(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(folder, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	graph := pipelinetest.Graph(t, source, sensor("", logs))
	broken := write("broken.jsonl", event("x", "{}")+"{\"a\": \n")
	scenario := write("s.yaml", "apiVersion: eventrig.dev/v1alpha1\nkind: Scenario\nmetadata: {name: x}\nspec:\n  when:\n  - publish: {event: keystone/identity.project.craeted}\n  then: {ledger: {lost: 0}}\n")
	for name, c := range map[string]struct {
		files, scenarios []string
		want             string
	}{
		"events":   {[]string{broken}, nil, "broken.jsonl:2"},
		"scenario": {nil, []string{scenario}, "s.yaml:6"},
		"no file":  {[]string{filepath.Join(folder, "none")}, nil, "none"},
	} {
		t.Run(name, func(t *testing.T) {
			corpus, err := corpus.New(c.files, c.scenarios, "", 1)
			if err == nil {
				_, err = coverage.Measure(t.Context(), graph, corpus, nil, evaluate.Options{})
			}
			if failure.ExitStatus(err) != int(failure.BadInput) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestKindsAreEachOnce(t *testing.T) {
	kinds := coverage.Kinds()
	if len(slices.Compact(slices.Sorted(slices.Values(kinds)))) != len(kinds) {
		t.Errorf("%v", kinds)
	}
}

func BenchmarkUnderStacksTree(b *testing.B) {
	graph, err := pipeline.Load("../../manifests/understack")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		c, err := corpus.New(nil, nil, "", 1)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := coverage.Measure(b.Context(), graph, c, nil, evaluate.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
