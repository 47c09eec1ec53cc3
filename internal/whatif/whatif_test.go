package whatif_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/eventrig/eventrig/internal/corpus"
	"github.com/eventrig/eventrig/internal/pipeline"
	"github.com/eventrig/eventrig/internal/pipeline/pipelinetest"
	"github.com/eventrig/eventrig/internal/whatif"
)

const source = `
apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: keystone, namespace: openstack}
spec:
  amqp:
    notifications: {url: "amqp://rabbitmq:5672/keystone", exchangeName: keystone, exchangeType: topic, routingKey: notifications.info, jsonBody: true}
---
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: sync, namespace: openstack}
spec:
  entrypoint: main
  arguments: {parameters: [{name: project}, {name: event}]}
  templates: [{name: main, container: {image: busybox}}]
---
`

// sensor is what the tests change a part of.
const sensor = `
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: s, namespace: openstack}
spec:
  dependencies:
  - name: dep
    eventSourceName: keystone
    eventName: notifications
    transform: {jq: .body}
    filters:
      data: [{path: event_type, type: string, value: ["^created$"]}]
  triggers:
  - template:
      name: t
      k8s:
        operation: create
        parameters:
        - {dest: spec.arguments.parameters.0.value, src: {dependencyName: dep, dataKey: payload.id}}
        - {dest: spec.arguments.parameters.1.value, src: {dependencyName: dep, dataKey: payload}}
        source:
          resource:
            apiVersion: argoproj.io/v1alpha1
            kind: Workflow
            metadata: {generateName: sync-}
            spec:
              arguments: {parameters: [{name: project}, {name: event}]}
              workflowTemplateRef: {name: sync}
---
`

func event(eventType, payload string) string {
	return fmt.Sprintf(`{"vhost":"keystone","exchange":"keystone","routing_key":"notifications.info","payload_encoding":"string","payload":%q}`+"\n",
		fmt.Sprintf(`{"event_type":%q,"publisher_id":"p","message_id":"m","payload":%s}`, eventType, payload))
}

var events = []string{event("created", `{"id": "p1", "name": "a"}`), event("deleted", `{"id": "p1", "name": "a"}`), event("created", `{"id": "p2"}`)}

func compare(t testing.TB, before, after *pipeline.Graph, options whatif.Options, events ...string) *whatif.Report {
	t.Helper()
	file := filepath.Join(t.TempDir(), "events.jsonl")
	if err := os.WriteFile(file, []byte(strings.Join(events, "")), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := corpus.New([]string{file}, nil, "", 1)
	if err != nil {
		t.Fatal(err)
	}
	report, err := whatif.Compare(t.Context(), before, after, c, nil, options)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// changed replaces a part of the Sensor.
func changed(t testing.TB, replace ...string) string {
	t.Helper()
	text := sensor
	for i := 0; i+1 < len(replace); i += 2 {
		if !strings.Contains(text, replace[i]) {
			t.Fatalf("the Sensor has no %q", replace[i])
		}
		text = strings.Replace(text, replace[i], replace[i+1], 1)
	}
	return text
}

// lines are the changes in short: event, kind, and what differs.
func lines(report *whatif.Report) []string {
	var all []string
	for _, change := range report.Changes {
		text := change.Event[strings.LastIndex(change.Event, ":")+1:] + " " + string(change.Change)
		for _, d := range change.Diff {
			text += fmt.Sprintf(" %s %s>%s", d.Path, d.Old, d.New)
		}
		all = append(all, text)
	}
	return all
}

func TestWhatChangesAndNothingElse(t *testing.T) {
	for name, c := range map[string]struct {
		replace []string
		want    []string
	}{
		"nothing":             {nil, nil},
		"a label":             {[]string{"{name: s, ", "{name: s, labels: {a: b}, "}, nil},
		"the trigger's name":  {[]string{"name: t", "name: u"}, nil},
		"the same, otherwise": {[]string{`"^created$"`, `"^(created)$"`}, nil},
		"falls silent":        {[]string{"^created$", "^made$"}, []string{"1 silent", "3 silent"}},
		"fires now":           {[]string{"^created$", "^(created|deleted)$"}, []string{"2 fires"}},
		"fails now":           {[]string{"dataKey: payload.id", "dataKey: payload.name"}, []string{`1 parameters spec.arguments.parameters[project].value "p1">"a"`, "3 fails"}},
		"another parameter": {[]string{"dataKey: payload}", "dataTemplate: 'x {{ .Input.payload.id }}'}"}, []string{
			`1 parameters spec.arguments.parameters[event].value "{\"id\":\"p1\",\"name\":\"a\"}">"x p1"`, `3 parameters spec.arguments.parameters[event].value "{\"id\":\"p2\"}">"x p2"`}},
		"inside a text of JSON": {[]string{"jq: .body", "jq: .body | .payload.new = 1 | del(.payload.name)"}, []string{
			`1 parameters spec.arguments.parameters[event].value → name "a"> spec.arguments.parameters[event].value → new >1`, `3 parameters spec.arguments.parameters[event].value → new >1`}},
		"another object":               {[]string{"spec:\n              arguments", "spec:\n              priority: 5\n              arguments"}, []string{"1 object spec.priority >5", "3 object spec.priority >5"}},
		"another field":                {[]string{"workflowTemplateRef", "serviceAccountName: other\n              workflowTemplateRef"}, []string{`1 object spec.serviceAccountName >"other"`, `3 object spec.serviceAccountName >"other"`}},
		"another name":                 {[]string{"generateName: sync-", "generateName: run-"}, []string{`1 object metadata.generateName "sync-">"run-"`, `3 object metadata.generateName "sync-">"run-"`}},
		"what a server writes":         {[]string{"{generateName: sync-}", "{generateName: sync-, creationTimestamp: null, uid: x, resourceVersion: '1'}"}, nil},
		"the order of parameters":      {[]string{"[{name: project}, {name: event}]", "[{name: event}, {name: project}]", "parameters.0.value", "parameters.9.value", "parameters.1.value", "parameters.0.value", "parameters.9.value", "parameters.1.value"}, nil},
		"a template that there is not": {[]string{"workflowTemplateRef: {name: sync}", "workflowTemplateRef: {name: snyc}"}, []string{`1 object spec.workflowTemplateRef.name "sync">"snyc"`, `3 object spec.workflowTemplateRef.name "sync">"snyc"`}},
	} {
		t.Run(name, func(t *testing.T) {
			report := compare(t, pipelinetest.Graph(t, source, sensor), pipelinetest.Graph(t, source, changed(t, c.replace...)), whatif.Options{}, events...)
			if got := lines(report); !slices.Equal(got, c.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
			if report.Events != 3 || report.Changed != len(c.want) {
				t.Errorf("%d events, %d changed", report.Events, report.Changed)
			}
			silentlyChanged := len(c.replace) > 0 && len(c.want) == 0 && name != "a label"
			if (len(report.Unseen) == 1) != silentlyChanged {
				t.Errorf("unseen %+v", report.Unseen)
			}
		})
	}
}

func TestWhyAndWhere(t *testing.T) {
	report := compare(t, pipelinetest.Graph(t, source, sensor), pipelinetest.Graph(t, source, changed(t, "^created$", "^made$")), whatif.Options{}, events...)
	first := report.Changes[0]
	if first.Old.Verdict != "fires" || first.New.Verdict != "silent" || !strings.Contains(first.New.Reason, `event_type is "created", wanted ^made$`) ||
		!strings.HasPrefix(first.New.At, "m.yaml:") || !strings.HasPrefix(first.Old.At, "m.yaml:") || first.EventType != "created" || first.Trigger != "t" || first.Sensor != "openstack/s" {
		t.Errorf("%+v", first)
	}
	// Only with reasons: the event that stays silent.
	with := compare(t, pipelinetest.Graph(t, source, sensor), pipelinetest.Graph(t, source, changed(t, "^created$", "^made$")), whatif.Options{Reasons: true}, events...)
	if got := lines(with); !slices.Equal(got, []string{"1 silent", "2 reason", "3 silent"}) || with.Changed != 2 {
		t.Errorf("%v, %d have another outcome", got, with.Changed)
	}
	only := compare(t, pipelinetest.Graph(t, source, sensor), pipelinetest.Graph(t, source, changed(t, "^created$", "^made$")), whatif.Options{Reasons: true}, events[1])
	if len(only.Changes) != 1 || only.Any() {
		t.Errorf("another reason is another outcome: %+v", only)
	}
}

func TestSensorsThatComeAndGo(t *testing.T) {
	another := strings.Replace(sensor, "name: s,", "name: z,", 1)
	report := compare(t, pipelinetest.Graph(t, source, sensor), pipelinetest.Graph(t, source, another), whatif.Options{Reasons: true}, events...)
	if got := lines(report); !slices.Equal(got, []string{"1 silent", "1 fires", "3 silent", "3 fires"}) {
		t.Errorf("%v", got)
	}
	if len(report.Added) != 1 || report.Added[0].Object != "Sensor/openstack/z" || len(report.Removed) != 1 || report.Removed[0].Object != "Sensor/openstack/s" || !report.Any() {
		t.Errorf("added %+v, removed %+v", report.Added, report.Removed)
	}
	if report.Changes[0].New.Reason != "there is no such Sensor" {
		t.Errorf("%+v", report.Changes[0])
	}
	without := compare(t, pipelinetest.Graph(t, source), pipelinetest.Graph(t, source, another), whatif.Options{}, event("other", "{}"))
	if len(without.Changes) > 0 || len(without.Added) != 1 || !without.Any() {
		t.Errorf("%+v", without)
	}
}

// The object is the same, and the template that it names is gone: the Workflow will fail.
func TestProblemsAreChanges(t *testing.T) {
	gone := strings.Replace(source, "metadata: {name: sync,", "metadata: {name: other,", 1)
	report := compare(t, pipelinetest.Graph(t, source, sensor), pipelinetest.Graph(t, gone, sensor), whatif.Options{}, events...)
	if got := lines(report); !slices.Equal(got, []string{"1 problems", "3 problems"}) {
		t.Errorf("%v", got)
	}
}

// What is drawn, or taken from the clock, is not a change; what changes beside it is one.
func TestChanceIsNoChange(t *testing.T) {
	drawn := func(rest string) string {
		return changed(t, "dataKey: payload}", `dataTemplate: '{"uuid": "{{ uuidv4 }}", "at": {{ now | unixEpoch }}, "n": `+rest+`}'}`)
	}
	if got := lines(compare(t, pipelinetest.Graph(t, source, drawn("1")), pipelinetest.Graph(t, source, drawn("1")), whatif.Options{}, events...)); len(got) > 0 {
		t.Errorf("%v", got)
	}
	got := lines(compare(t, pipelinetest.Graph(t, source, drawn("1")), pipelinetest.Graph(t, source, drawn("2")), whatif.Options{}, events[0]))
	if !slices.Equal(got, []string{"1 parameters spec.arguments.parameters[event].value → n 1>2"}) {
		t.Errorf("%v", got)
	}
	jq := changed(t, "jq: .body", "jq: .body | .payload.id = (now | tostring)")
	if got := lines(compare(t, pipelinetest.Graph(t, source, jq), pipelinetest.Graph(t, source, jq), whatif.Options{}, events...)); len(got) > 0 {
		t.Errorf("%v", got)
	}
}

func TestScenariosAreACorpus(t *testing.T) {
	before, err := pipeline.Load("../../manifests/understack")
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile("../../manifests/understack/sensors/nova-oslo-event/sensor.yaml")
	if err != nil {
		t.Fatal(err)
	}
	objects, err := pipeline.Parse("sensor.yaml", []byte(strings.Replace(string(content), "- wanted\n", "- ^wanted$\n", 1)))
	if err != nil {
		t.Fatal(err)
	}
	after := &pipeline.Graph{}
	for _, object := range before.Objects {
		if object.Key() == objects[0].Key() {
			object = objects[0]
		}
		after.Objects = append(after.Objects, object)
	}
	run := func() *whatif.Report {
		c, err := corpus.New(nil, []string{corpus.BuiltIn}, "", 1)
		if err != nil {
			t.Fatal(err)
		}
		report, err := whatif.Compare(t.Context(), before, after, c, nil, whatif.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	report := run()
	var scenarios []string
	for _, change := range report.Changes {
		scenarios = append(scenarios, change.Scenario+" "+string(change.Change))
	}
	if !slices.Equal(scenarios, []string{"nova-server-deleted-storage-unwanted silent", "nova-server-deleted-storage-wanted-but-not-project silent"}) {
		t.Errorf("%v", scenarios)
	}
	first, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	if second, err := json.Marshal(run()); err != nil || string(first) != string(second) {
		t.Error("the same corpus gives another report")
	}
}
