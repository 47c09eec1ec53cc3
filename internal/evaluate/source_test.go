package evaluate_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/eventrig/eventrig/internal/evaluate"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/message"
	"github.com/eventrig/eventrig/internal/pipeline"
	"github.com/eventrig/eventrig/internal/pipeline/pipelinetest"
)

func managed(t *testing.T, vhost, exchange, key, body string) string {
	return string(mustJSON(t, map[string]any{"vhost": vhost, "exchange": exchange, "routing_key": key, "payload": body, "payload_encoding": "string"}))
}

func TestSourceIsFound(t *testing.T) {
	graph := pipelinetest.Graph(t, eventSources, sensor("keystone", unwrap, ""))
	for name, test := range map[string]struct {
		source, body string
		want         string // sources
		how          string
	}{
		"flag":           {"openstack/nova/notifications", wire(t, notification), "openstack/nova/notifications", "--source"},
		"flag, unknown":  {"openstack/keystne/notifications", wire(t, notification), "openstack/keystne/notifications", "--source"},
		"route":          {"", managed(t, "keystone", "keystone", "notifications.info", wire(t, notification)), "openstack/keystone/notifications", "exchange keystone"},
		"pattern":        {"", managed(t, "nova", "nova", "notifications.error", wire(t, notification)), "openstack/nova/notifications", "exchange nova"},
		"other vhost":    {"", managed(t, "nova", "keystone", "notifications.info", wire(t, notification)), "", "exchange keystone"},
		"publisher":      {"", wire(t, notification), "openstack/keystone/notifications", "publisher_id"},
		"unknown":        {"", `{"a": 1}`, "openstack/keystone/notifications openstack/nova/bytes openstack/nova/notifications openstack/hook/alerts openstack/secrets/added", "not known"},
		"cloudevent":     {"", `{"specversion":"1.0","id":"1","source":"keystone","subject":"notifications","type":"amqp","data":{"body":{}}}`, "openstack/keystone/notifications", "CloudEvent"},
		"webhook's data": {"", `{"header":{"A":["b"]},"body":{}}`, "openstack/hook/alerts", "webhook"},
		"resource":       {"", `{"type":"ADD","body":{},"version":"v1","resource":"secrets"}`, "openstack/secrets/added", "resource secrets"},
	} {
		t.Run(name, func(t *testing.T) {
			found := evaluateOne(t, graph, evaluate.Options{Source: test.source}, test.body).Found
			var names []string
			for _, source := range found.Sources {
				names = append(names, source.String())
			}
			if got := strings.Join(names, " "); got != test.want {
				t.Errorf("found %q, want %q", got, test.want)
			}
			has(t, "how", found.How, test.how)
			if strings.Contains(test.source, "keystne") {
				has(t, "note", found.Note, "nearest is openstack/keystone/notifications")
			}
		})
	}
	if _, err := evaluate.New(graph, evaluate.Options{Source: "keystone"}); failure.ExitStatus(err) != 2 {
		t.Errorf("--source keystone: %v", err)
	}
}

func TestDependencyThatNamesNothing(t *testing.T) {
	for name, test := range map[string]struct{ manifests, hint string }{
		"misspelt":  {sensor("keystonee", unwrap, ""), "the nearest is keystone/notifications"},
		"namespace": {strings.ReplaceAll(sensor("keystone", unwrap, ""), "name: s, namespace: openstack", "name: s, namespace: argo-events"), "is in namespace openstack, the Sensor in argo-events"},
		"bus":       {strings.ReplaceAll(sensor("keystone", unwrap, ""), "spec:\n  dependencies", "spec:\n  eventBusName: other\n  dependencies"), "publishes to the EventBus default, the Sensor listens to other"},
	} {
		t.Run(name, func(t *testing.T) {
			o := one(t, evaluateOne(t, pipelinetest.Graph(t, eventSources, test.manifests), evaluate.Options{}, wire(t, notification)))
			if o.Verdict != evaluate.NoDependency || !o.Near {
				t.Errorf("verdict %s, near %v", o.Verdict, o.Near)
			}
			has(t, "hint", o.Hint, test.hint)
		})
	}
}

func TestWhatEventSourcesPassOn(t *testing.T) {
	show := func(source string) string {
		return strings.Replace(sensor(strings.Split(source, "/")[0], "", "log: {}"), "eventName: notifications", "eventName: "+strings.Split(source, "/")[1], 1)
	}
	param := `http:
  url: http://example.org
  payload: [{src: {dependencyName: dep, dataKey: "@this"}, dest: data}]`
	for name, test := range map[string]struct{ source, body, want string }{
		"amqp": {"keystone/notifications", `{"a": "<1>"}`, `{"contentType":"application/json","contentEncoding":"utf-8","deliveryMode":2,"priority":0,"correlationId":"","replyTo":"","expiration":"",` +
			`"messageId":"","timestamp":"0001-01-01 00:00:00 +0000 UTC","type":"","appId":"","exchange":"keystone","routingKey":"notifications.info","body":{"a":"\u003c1\u003e"}}`},
		"bytes":    {"nova/bytes", `{"a":1}`, `"body":"eyJhIjoxfQ=="`},
		"webhook":  {"hook/alerts", `{"a": 1}`, `{"header":{"Content-Type":["application/json"]},"body":{"a":1},"metadata":{"team":"net"}}`},
		"resource": {"secrets/added", `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"x","labels":{"user":""}}}`, `{"type":"ADD","body":{"apiVersion":"v1","kind":"Secret","metadata":{"name":"x","labels":{"user":""}}},"oldBody":null,"group":"","version":"v1","resource":"secrets"}`},
	} {
		t.Run(name, func(t *testing.T) {
			manifests := strings.Replace(show(test.source), "log: {}", strings.ReplaceAll(param, "\n", "\n      "), 1)
			o := one(t, evaluateOne(t, pipelinetest.Graph(t, eventSources, manifests), evaluate.Options{Source: "openstack/" + test.source}, test.body))
			if o.Verdict != evaluate.Fires {
				t.Fatalf("%s: %s %s", o.Verdict, o.Hint, o.Got)
			}
			has(t, "data", o.Triggers[0].Parameters[0].Value, test.want)
		})
	}
	for name, test := range map[string]struct{ source, body, got string }{
		"not JSON":   {"keystone/notifications", managed(t, "keystone", "keystone", "notifications.info", "hello"), "the body is not JSON"},
		"no label":   {"secrets/added", `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"x"}}`, "label user only"},
		"other type": {"secrets/added", `{"type":"UPDATE","body":{"metadata":{}},"version":"v1","resource":"secrets"}`, "tells of ADD only"},
		"no object":  {"secrets/added", `{"a":1}`, "no Kubernetes object"},
	} {
		t.Run(name, func(t *testing.T) {
			o := one(t, evaluateOne(t, pipelinetest.Graph(t, eventSources, show(test.source)), evaluate.Options{Source: "openstack/" + test.source}, test.body))
			if o.Verdict != evaluate.Filtered || o.Step != "eventsource" {
				t.Errorf("verdict %s, step %s", o.Verdict, o.Step)
			}
			has(t, "got", string(o.Got), test.got)
		})
	}
}

func TestAnEventThatTheBusRefusesReachesNoSensor(t *testing.T) {
	bus := func(spec string) string {
		return "---\napiVersion: argoproj.io/v1alpha1\nkind: EventBus\nmetadata: {name: default, namespace: openstack}\nspec: " + spec + "\n"
	}
	body := func(size int) string { return fmt.Sprintf(`{"a": %q}`, strings.Repeat("x", size)) }
	show := sensor("keystone", "", "log: {}")
	for name, test := range map[string]struct {
		buses []string
		size  int
		want  string // "" where the event passes
	}{
		"small":                 {nil, 500_000, ""},
		"as argo-events has it": {nil, 1_200_000, "EventBus default takes 1MB at most"},
		"in between":            {nil, 1_040_000, ""},
		"STAN":                  {[]string{bus("{nats: {native: {maxPayload: 2kb}}}")}, 2500, "takes 2kb at most"},
		"STAN, thousands":       {[]string{bus("{nats: {native: {maxPayload: 3K}}}")}, 2600, "takes 3K at most"},
		"STAN, larger":          {[]string{bus("{nats: {native: {maxPayload: 4kib}}}")}, 2500, ""},
		"STAN, bytes":           {[]string{bus("{nats: {native: {maxPayload: '4000'}}}")}, 4001, "takes 4000 at most"},
		"JetStream":             {[]string{bus("{jetstream: {version: latest, maxPayload: 2MB}}")}, 1_200_000, ""},
		"JetStream, default":    {[]string{bus("{jetstream: {version: latest}}")}, 1_200_000, "takes 1MB at most"},
		"not argo-events' own":  {[]string{bus("{jetstreamExotic: {url: nats://elsewhere}}")}, 1_200_000, ""},
		"another's":             {[]string{strings.Replace(bus("{nats: {native: {maxPayload: 2kb}}}"), "openstack", "argo-events", 1)}, 2500, ""},
	} {
		t.Run(name, func(t *testing.T) {
			o := one(t, evaluateOne(t, pipelinetest.Graph(t, slices.Concat([]string{eventSources}, test.buses, []string{show})...), evaluate.Options{Source: "openstack/keystone/notifications"}, managed(t, "keystone", "keystone", "notifications.info", body(test.size))))
			if refused := o.Verdict == evaluate.Filtered && o.Step == "eventsource"; refused != (test.want != "") {
				t.Fatalf("verdict %s, step %s, got %.300s", o.Verdict, o.Step, o.Got)
			}
			has(t, "got", string(o.Got), test.want)
			if test.want != "" {
				has(t, "hint", o.Hint, "maxPayload")
			}
		})
	}
}

const two = `---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: s, namespace: openstack}
spec:
  dependencies:
  - {name: created-dep, eventSourceName: keystone, eventName: notifications, transform: {jq: '.body["oslo.message"] | fromjson'}, filters: {data: [{path: event_type, type: string, value: [created]}]}}
  - {name: other, eventSourceName: nova, eventName: notifications, transform: {jq: '.body["oslo.message"] | fromjson'}}
  triggers:
  - template: {name: both, conditions: %q, log: {}}
    parameters: [{src: {dependencyName: other, dataKey: event_type}, dest: name}]
`

func TestConditions(t *testing.T) {
	first := managed(t, "keystone", "keystone", "notifications.info", wire(t, notification))
	second := managed(t, "nova", "nova", "notifications.info", wire(t, strings.Replace(notification, "identity.project.created", "compute.x", 1)))
	for name, test := range map[string]struct {
		conditions string
		events     []string
		fires      []bool // by event
	}{
		"and, one":   {"created-dep && other", []string{first}, []bool{false}},
		"and, both":  {"created-dep && other", []string{first, second}, []bool{false, true}},
		"and, again": {"created-dep && other", []string{first, second, first}, []bool{false, true, false}},
		"or":         {"created-dep || other", []string{first, second}, []bool{true, true}},
		"unknown":    {"created-dep && nobody", []string{first, second}, []bool{false, false}},
	} {
		t.Run(name, func(t *testing.T) {
			events, err := message.Parse("events.jsonl", []byte(strings.Join(test.events, "\n")))
			if err != nil {
				t.Fatal(err)
			}
			evaluator, err := evaluate.New(pipelinetest.Graph(t, eventSources, fmt.Sprintf(two, test.conditions)), evaluate.Options{})
			if err != nil {
				t.Fatal(err)
			}
			for i, result := range evaluator.Run(events) {
				fires := false
				for _, o := range result.Outcomes {
					fires = fires || o.Verdict == evaluate.Fires
					if o.Step == "conditions" && o.Verdict == evaluate.Filtered && !strings.Contains(o.Hint, "waits for") {
						t.Errorf("hint %q", o.Hint)
					}
				}
				if fires != test.fires[i] {
					t.Errorf("event %d fires: %v", i, fires)
				}
			}
		})
	}
}

const twice = `---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: s, namespace: openstack}
spec:
  dependencies:
  - {name: a, eventSourceName: keystone, eventName: notifications}
  - {name: b, eventSourceName: keystone, eventName: notifications}
  triggers:
  - template: {name: t, conditions: a || b, log: {}}
`

// On NATS streaming a trigger keeps one dependency for each EventSource and event, on JetStream all.
func TestTwoDependenciesOnOneEventDependOnTheBus(t *testing.T) {
	jetstream := "---\napiVersion: argoproj.io/v1alpha1\nkind: EventBus\nmetadata: {name: default, namespace: openstack}\nspec: {jetstream: {version: latest}}\n"
	for bus, want := range map[string]string{"": "no-dependency fires", jetstream: "fires fires"} {
		var verdicts []string
		for _, o := range evaluateOne(t, pipelinetest.Graph(t, eventSources, twice, bus), evaluate.Options{}, wire(t, notification)).Outcomes {
			verdicts = append(verdicts, string(o.Verdict))
		}
		if got := strings.Join(verdicts, " "); got != want {
			t.Errorf("bus %q: %s, want %s", bus, got, want)
		}
	}
}

func TestWrap(t *testing.T) {
	graph := pipelinetest.Graph(t, eventSources, sensor("keystone", unwrap, ""))
	if o := one(t, evaluateOne(t, graph, evaluate.Options{Wrap: true}, notification)); o.Verdict != evaluate.Fires {
		t.Errorf("verdict %s: %s", o.Verdict, o.Got)
	}
}

// Every kind of trigger that sends something is resolved as far as that goes without sending it.
func TestTriggersThatSend(t *testing.T) {
	payload := `[{src: {dependencyName: dep, dataKey: event_type}, dest: type}]`
	for kind, trigger := range map[string]string{
		"http":       "http: {url: http://x, payload: " + payload + ", parameters: [{src: {dependencyName: dep, dataKey: event_type}, dest: url}]}",
		"kafka":      "kafka: {url: x, topic: s, partition: 0, payload: " + payload + "}",
		"nats":       "nats: {url: x, subject: s, payload: " + payload + "}",
		"awsLambda":  "awsLambda: {functionName: f, region: r, payload: " + payload + "}",
		"custom":     "custom: {serverURL: x, payload: " + payload + "}",
		"slack":      "slack: {message: m}",
		"log":        "log: {}",
		"none":       "conditions: dep",
		"url source": "k8s: {source: {url: {path: http://example.org/x.yaml}}}",
	} {
		t.Run(kind, func(t *testing.T) {
			o := one(t, evaluateOne(t, pipelinetest.Graph(t, eventSources, sensor("keystone", unwrap, trigger)), evaluate.Options{}, wire(t, notification)))
			shown := o.Triggers[0]
			if kind == "none" {
				if o.Verdict != evaluate.ParameterError {
					t.Errorf("verdict %s", o.Verdict)
				}
				return
			}
			if o.Verdict != evaluate.Fires || kind != "url source" && shown.Type != kind {
				t.Fatalf("verdict %s (%s), type %s", o.Verdict, o.Got, shown.Type)
			}
			if strings.Contains(trigger, "payload") && shown.Payload != `{"type":"identity.project.created"}` {
				t.Errorf("payload %s", shown.Payload)
			}
			if kind == "http" {
				has(t, "http", string(shown.Object), `"url":"identity.project.created"`)
			}
			if kind == "url source" {
				has(t, "notes", strings.Join(shown.Notes, " "), "is not fetched")
			}
		})
	}
}

// A CloudEvent keeps its own id and time, which contextKey and time filters see.
func TestCloudEventKeepsItsContext(t *testing.T) {
	event := mustJSON(t, map[string]any{"specversion": "1.0", "id": "abc", "source": "keystone", "subject": "notifications", "type": "amqp",
		"time": "2026-01-02T03:04:05Z", "datacontenttype": "application/json", "data": map[string]any{"body": json.RawMessage(wire(t, notification))}})
	trigger := fmt.Sprintf(workflow, "argo-events", "sync", "", "{src: {dependencyName: dep, contextKey: id}, dest: spec.arguments.parameters.0.value}")
	graph := pipelinetest.Graph(t, eventSources, sensor("keystone", "filters: {time: {start: '03:00:00', stop: '03:30:00'}}", trigger))
	o := one(t, evaluateOne(t, graph, evaluate.Options{}, string(event)))
	if o.Verdict != evaluate.Fires || o.Triggers[0].Parameters[0].Value != "abc" {
		t.Errorf("%s %s: %+v", o.Verdict, o.Hint, o.Triggers)
	}
}

func TestEmptyGraph(t *testing.T) {
	if got := evaluateOne(t, &pipeline.Graph{}, evaluate.Options{}, notification); len(got.Outcomes) != 0 {
		t.Errorf("%+v", got)
	}
}
