package evaluate_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/eventrig/eventrig/internal/evaluate"
	"github.com/eventrig/eventrig/internal/message"
	"github.com/eventrig/eventrig/internal/pipeline"
	"github.com/eventrig/eventrig/internal/pipeline/pipelinetest"
)

// eventSources are what the Sensors of these tests listen to.
const eventSources = `
apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: keystone, namespace: openstack}
spec:
  amqp:
    notifications: {url: "amqp://rabbitmq:5672/keystone", exchangeName: keystone, exchangeType: topic, routingKey: notifications.info, jsonBody: true}
---
apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: nova, namespace: openstack}
spec:
  amqp:
    notifications: {url: "amqp://rabbitmq:5672/nova", exchangeName: nova, exchangeType: topic, routingKey: "notifications.*", jsonBody: true}
    bytes: {url: "amqp://rabbitmq:5672/nova", exchangeName: raw, exchangeType: direct, routingKey: raw}
---
apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: hook, namespace: openstack}
spec:
  webhook:
    alerts: {port: "12000", endpoint: /alerts, method: POST, metadata: {team: net}}
---
apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: secrets, namespace: openstack}
spec:
  resource:
    added:
      version: v1
      resource: secrets
      namespace: openstack
      eventTypes: [ADD]
      filter: {labels: [{key: user, operation: exists}]}
---
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: sync, namespace: argo-events}
spec:
  entrypoint: main
  arguments: {parameters: [{name: type}, {name: level, value: info}]}
  templates: [{name: main, container: {image: busybox}}]
`

// sensor makes a Sensor of one dependency; spec holds more fields of the dependency, trigger the trigger's template.
func sensor(source, spec, trigger string) string {
	indent := func(text string, by int) string {
		return strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n"+strings.Repeat(" ", by))
	}
	if trigger == "" {
		trigger = "log: {}"
	}
	return fmt.Sprintf(`---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: s, namespace: openstack}
spec:
  dependencies:
  - name: dep
    eventSourceName: %s
    eventName: notifications
    %s
  triggers:
  - template:
      name: t
      %s
`, source, indent(spec, 4), indent(trigger, 6))
}

const unwrap = `transform: {jq: '.body["oslo.message"] | fromjson'}`

// wire is a notification as its service sends it.
func wire(t testing.TB, notification string) string {
	t.Helper()
	body, err := json.Marshal(map[string]string{"oslo.version": "2.0", "oslo.message": notification})
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

const notification = `{"event_type":"identity.project.created","publisher_id":"identity.host","message_id":"m1","payload":{"n":5,"text":"7","flag":true,"none":null,"list":[1],"ironic_object.data":{"uuid":"u1"},"target":{"id":"p1"}}}`

func evaluateOne(t testing.TB, graph *pipeline.Graph, options evaluate.Options, body string) evaluate.Result {
	t.Helper()
	events, err := message.Parse("event.json", []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	evaluator, err := evaluate.New(graph, options)
	if err != nil {
		t.Fatal(err)
	}
	result := evaluator.Event(events[0])
	for _, o := range result.Outcomes {
		if o.Doubt != "" {
			t.Errorf("doubt: %s", o.Doubt)
		}
	}
	return result
}

func one(t testing.TB, result evaluate.Result) evaluate.Outcome {
	t.Helper()
	if len(result.Outcomes) != 1 {
		t.Fatalf("%d outcomes, want one: %+v", len(result.Outcomes), result.Outcomes)
	}
	return result.Outcomes[0]
}

func has(t testing.TB, what, text, part string) {
	t.Helper()
	if !strings.Contains(text, part) {
		t.Errorf("%s is %q, want %q in it", what, text, part)
	}
}

func TestFilterSaysWhatTheComparisonMeans(t *testing.T) {
	for name, test := range map[string]struct {
		filter  string
		verdict evaluate.Verdict
		got     string // of the outcome, or of the check where it fires
		says    string // in the hint or in a note
	}{
		"equal":                {`{path: event_type, type: string, value: [identity.project.created]}`, evaluate.Fires, `"identity.project.created"`, ""},
		"part":                 {`{path: event_type, type: string, value: [project]}`, evaluate.Fires, `"identity.project.created"`, `matches only the part "project"`},
		"dot":                  {`{path: event_type, type: string, value: [identity.project.create.]}`, evaluate.Fires, `"identity.project.created"`, "a dot is any character"},
		"anchored":             {`{path: event_type, type: string, value: ["^identity"]}`, evaluate.Fires, `"identity.project.created"`, ""},
		"slip":                 {`{path: event_type, type: string, value: [identity.project.updated, identity.project.creatd]}`, evaluate.Filtered, `"identity.project.created"`, `did you mean "identity.project.creatd"?`},
		"case":                 {`{path: event_type, type: string, value: [Identity.Project.Created]}`, evaluate.Filtered, `"identity.project.created"`, "upper and lower case"},
		"other":                {`{path: event_type, type: string, value: [compute.instance.delete.end]}`, evaluate.Filtered, `"identity.project.created"`, ""},
		"null":                 {`{path: payload.none, type: string, value: [".+"]}`, evaluate.Filtered, `null`, ""},
		"missing":              {`{path: payload.targt.id, type: string, value: [p1]}`, evaluate.Filtered, ``, "did you mean payload.target"},
		"dotted key":           {`{path: payload.ironic_object.data.uuid, type: string, value: [u1]}`, evaluate.Filtered, ``, `write payload.ironic_object\.data.uuid`},
		"dotted key escaped":   {`{path: 'payload.ironic_object\.data.uuid', type: string, value: [u1]}`, evaluate.Fires, `"u1"`, ""},
		"elsewhere":            {`{path: body.event_type, type: string, value: [x]}`, evaluate.Filtered, ``, "event_type exists"},
		"number as text":       {`{path: payload.n, type: string, value: ["5"]}`, evaluate.Fires, `5`, `compared as the text "5"`},
		"text as number":       {`{path: payload.text, type: number, comparator: ">=", value: ["7"]}`, evaluate.Fires, `"7"`, "counts as the number 7"},
		"word as number":       {`{path: event_type, type: number, value: ["0"]}`, evaluate.Fires, `"identity.project.created"`, "counts as 0"},
		"number":               {`{path: payload.n, type: number, comparator: "<", value: ["5"]}`, evaluate.Filtered, `5`, ""},
		"number as bool":       {`{path: payload.n, type: bool, value: ["true"]}`, evaluate.Fires, `5`, "counts as true"},
		"not equal":            {`{path: event_type, type: string, comparator: "!=", value: [project]}`, evaluate.Filtered, `"identity.project.created"`, `is matched by "project"`},
		"not equal to several": {`{path: event_type, type: string, comparator: "!=", value: [project, compute]}`, evaluate.Fires, `"identity.project.created"`, "as soon as one"},
		"text greater":         {`{path: event_type, type: string, comparator: ">", value: [a]}`, evaluate.Filtered, `"identity.project.created"`, "> is never met"},
		"no regexp":            {`{path: event_type, type: string, value: ["("]}`, evaluate.Filtered, `"identity.project.created"`, "error parsing regexp"},
		"template":             {`{path: event_type, type: string, template: '{{ .Input | upper }}', value: [IDENTITY]}`, evaluate.Fires, `"identity.project.created"`, "after the template"},
	} {
		t.Run(name, func(t *testing.T) {
			graph := pipelinetest.Graph(t, eventSources, sensor("keystone", unwrap+"\nfilters: {data: ["+test.filter+"]}", ""))
			o := one(t, evaluateOne(t, graph, evaluate.Options{}, wire(t, notification)))
			if o.Verdict != test.verdict {
				t.Fatalf("verdict %s (%s, got %s), want %s", o.Verdict, o.Hint, o.Got, test.verdict)
			}
			check := o.Checks[0]
			if string(check.Got) != test.got {
				t.Errorf("got %s, want %s", check.Got, test.got)
			}
			has(t, "what it says", strings.Join(append(check.Notes, check.Hint, check.Error), "\n"), test.says)
			if o.Verdict == evaluate.Filtered && (o.Step != "filter" || string(o.Got) != test.got || !strings.HasPrefix(o.At, "m.yaml:")) {
				t.Errorf("step %q, got %s at %q", o.Step, o.Got, o.At)
			}
		})
	}
}

func TestFiltersJoined(t *testing.T) {
	yes, no := `{path: event_type, type: string, value: [identity]}`, `{path: event_type, type: string, value: [compute]}`
	for name, test := range map[string]struct {
		dependency string
		fires      bool
	}{
		"and":           {"filters: {data: [" + yes + "," + no + "]}", false},
		"or":            {"filters: {dataLogicalOperator: or, data: [" + yes + "," + no + "]}", true},
		"kinds and":     {"filters: {data: [" + yes + "], exprs: [{expr: 'n > 6', fields: [{name: 'n', path: payload.n}]}]}", false},
		"kinds or":      {"filtersLogicalOperator: or\nfilters: {data: [" + yes + "], exprs: [{expr: 'n > 6', fields: [{name: 'n', path: payload.n}]}]}", true},
		"expr":          {"filters: {exprs: [{expr: 'n > 4', fields: [{name: 'n', path: payload.n}]}]}", true},
		"expr path":     {"filters: {exprs: [{expr: 'n > 4', fields: [{name: 'n', path: payload.m}]}]}", false},
		"expr no field": {"filters: {exprLogicalOperator: or, exprs: [{expr: 'true'}]}", false},
		"context":       {"filters: {context: {type: amqp, subject: notifications}}", true},
		"context not":   {"filters: {context: {type: webhook}}", false},
		"script":        {"filters: {script: 'return event.payload.n == 5'}", true},
		"script not":    {"filters: {script: 'return event.payload.n'}", false},
		"script error":  {"filtersLogicalOperator: or\nfilters: {data: [" + yes + "], script: 'return event.payload.x.y'}", false},
		"time":          {"filters: {time: {start: '08:00:00', stop: '17:00:00'}}", true},
		"time not":      {"filters: {time: {start: '08:00:00', stop: '11:00:00'}}", false},
		"no value":      {"filters: {data: [{path: event_type, type: string}]}", false},
	} {
		t.Run(name, func(t *testing.T) {
			graph := pipelinetest.Graph(t, eventSources, sensor("keystone", unwrap+"\n"+test.dependency, ""))
			noon := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
			o := one(t, evaluateOne(t, graph, evaluate.Options{Time: noon}, wire(t, notification)))
			if fires := o.Verdict == evaluate.Fires; fires != test.fires {
				t.Errorf("%s: %s, got %s", o.Verdict, o.Hint, o.Got)
			}
		})
	}
}

func TestTransformTellsItsError(t *testing.T) {
	for name, test := range map[string]struct {
		transform, body, cause, hint string
	}{
		"bare":        {unwrap, notification, "fromjson cannot be applied to: null", "not in oslo's envelope"},
		"misspelt":    {unwrap, strings.Replace(wire(t, notification), "oslo.message", "oslomessage", 1), "fromjson cannot be applied to: null", "but oslomessage"},
		"cut off":     {unwrap, `{"oslo.version":"2.0","oslo.message":"{\"event_type\": "}`, "fromjson", "cut off"},
		"no object":   {`transform: {jq: '.body["oslo.version"]'}`, wire(t, notification), `gives "2.0", not an object`, "under a key"},
		"nothing":     {`transform: {jq: empty}`, wire(t, notification), "gives nothing", ""},
		"no jq":       {`transform: {jq: ".body["}`, wire(t, notification), "unexpected", "is no jq"},
		"bomb":        {`transform: {jq: "def f: f; f"}`, wire(t, notification), "still runs after", "sets no limit"},
		"script":      {`transform: {script: "return 5"}`, wire(t, notification), "not of lua table", ""},
		"script bomb": {`transform: {script: "local i = 0 while i < 1e8 do i = i + 1 end return event"}`, wire(t, notification), "still runs after", "sets no limit"},
	} {
		t.Run(name, func(t *testing.T) {
			graph := pipelinetest.Graph(t, eventSources, sensor("keystone", test.transform, ""))
			options := evaluate.Options{Source: "openstack/keystone/notifications", Limit: 300 * time.Millisecond}
			o := one(t, evaluateOne(t, graph, options, test.body))
			if o.Verdict != evaluate.TransformError || o.Step != "transform" {
				t.Fatalf("verdict %s, step %s", o.Verdict, o.Step)
			}
			has(t, "got", string(o.Got), strings.Trim(string(mustJSON(t, test.cause)), `"`))
			has(t, "hint", o.Hint, test.hint)
			has(t, "place", o.At, "m.yaml:")
		})
	}
}

func TestWhatDoesNotEndIsGivenUp(t *testing.T) {
	for name, dependency := range map[string]string{
		"jq":       `transform: {jq: "def f: f; f"}`,
		"script":   `transform: {script: "local i = 0 while i < 1e7 do i = i + 1 end return event"}`,
		"template": `filters: {data: [{path: body, type: string, template: '{{ range until 3000000 }}{{ . | quote | upper }}{{ end }}', value: [x]}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			evaluator, err := evaluate.New(pipelinetest.Graph(t, eventSources, sensor("keystone", dependency, "")), evaluate.Options{Source: "openstack/keystone/notifications", Limit: 20 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			events, err := message.Parse("e.json", []byte(wire(t, notification)))
			if err != nil {
				t.Fatal(err)
			}
			var verdicts []evaluate.Verdict
			for range 5 {
				o := one(t, evaluator.Event(events[0]))
				if verdicts = append(verdicts, o.Verdict); len(verdicts) > 3 {
					has(t, "got", string(o.Got), "did not end within 20ms for 3 earlier events")
				}
			}
			if verdicts[2] == evaluate.Undecided || verdicts[3] != evaluate.Undecided {
				t.Errorf("verdicts %v", verdicts)
			}
		})
	}
}

func mustJSON(t testing.TB, value any) []byte {
	t.Helper()
	encoded, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

func TestScriptsThatReachOutAreNotRun(t *testing.T) {
	for _, script := range []string{`os.exit(3)`, `io.open("/etc/passwd")`, `local o = os; o.exit(3)`, `_G["os"].exit(3)`, `os["exit"](3)`, `require("os").exit(3)`} {
		for _, dependency := range []string{"transform: {script: %q}", "filters: {script: %q}"} {
			graph := pipelinetest.Graph(t, eventSources, sensor("keystone", fmt.Sprintf(dependency, script), ""))
			if o := one(t, evaluateOne(t, graph, evaluate.Options{}, wire(t, notification))); o.Verdict != evaluate.Undecided {
				t.Errorf("%s: %s", script, o.Verdict)
			}
		}
	}
	graph := pipelinetest.Graph(t, eventSources, sensor("keystone", `filters: {script: "return os.time() > 0"}`, ""))
	if o := one(t, evaluateOne(t, graph, evaluate.Options{}, wire(t, notification))); o.Verdict != evaluate.Fires {
		t.Errorf("os.time: %s (%s)", o.Verdict, o.Got)
	}
}

const workflow = `k8s:
  operation: create
  source:
    resource:
      apiVersion: argoproj.io/v1alpha1
      kind: Workflow
      metadata: {generateName: sync-, namespace: %s}
      spec:
        workflowTemplateRef: {name: %s}
        arguments: {parameters: [{name: type, value: x}%s]}
  parameters: [%s]`

func TestParametersAndObject(t *testing.T) {
	parameter := func(src, dest string) string { return "{src: {dependencyName: dep, " + src + "}, dest: " + dest + "}" }
	value := "spec.arguments.parameters.0.value"
	for name, test := range map[string]struct {
		parameters string
		verdict    evaluate.Verdict
		value      string // of the first parameter
		says       string
	}{
		"key":       {parameter("dataKey: event_type", value), evaluate.Fires, "identity.project.created", ""},
		"number":    {parameter("dataKey: payload.n", value), evaluate.Fires, "5", ""},
		"null":      {parameter("dataKey: payload.none", value), evaluate.Fires, "null", "null becomes the text null"},
		"object":    {parameter("dataKey: payload.target", value), evaluate.Fires, `{"id":"p1"}`, ""},
		"context":   {parameter("contextKey: subject", value), evaluate.Fires, "notifications", ""},
		"template":  {parameter(`dataTemplate: "{{ .Input.event_type | upper }}"`, value), evaluate.Fires, "IDENTITY.PROJECT.CREATED", ""},
		"default":   {parameter("dataKey: payload.nope, value: d", value), evaluate.Fires, "d", "payload has no nope"},
		"missing":   {parameter("dataKey: payload.targets.id", value), evaluate.ParameterError, "", "did you mean payload.target"},
		"other dep": {`{src: {dependencyName: depp, dataKey: x}, dest: ` + value + `}`, evaluate.Fires, "", "did you mean dep?"},
		"far":       {parameter("dataKey: event_type", "spec.arguments.parameters.4.value"), evaluate.Fires, "identity.project.created", "there is no item 4"},
	} {
		t.Run(name, func(t *testing.T) {
			graph := pipelinetest.Graph(t, eventSources, sensor("keystone", unwrap, fmt.Sprintf(workflow, "argo-events", "sync", "", test.parameters)))
			o := one(t, evaluateOne(t, graph, evaluate.Options{}, wire(t, notification)))
			if o.Verdict != test.verdict {
				t.Fatalf("verdict %s (%s), want %s", o.Verdict, o.Got, test.verdict)
			}
			p := o.Triggers[0].Parameters[0]
			if p.Value != test.value {
				t.Errorf("value %q, want %q", p.Value, test.value)
			}
			has(t, "note", p.Note+o.Hint, test.says)
			if test.verdict == evaluate.ParameterError {
				if o.Step != "parameters" || o.Path != "payload.targets.id" || !strings.HasPrefix(o.At, "m.yaml:") {
					t.Errorf("step %q, path %q, at %q", o.Step, o.Path, o.At)
				}
				return
			}
			var object struct {
				Spec struct {
					Arguments struct {
						Parameters []struct{ Value *string }
					}
				}
			}
			if err := json.Unmarshal(o.Triggers[0].Object, &object); err != nil {
				t.Fatal(err)
			}
			if got := object.Spec.Arguments.Parameters[0].Value; test.value != "" && name != "far" && (got == nil || *got != test.value) {
				t.Errorf("object has %v, want %q", got, test.value)
			}
		})
	}
}

func TestObjectAgainstItsTemplate(t *testing.T) {
	for name, test := range map[string]struct{ namespace, template, more, problem string }{
		"fits":       {"argo-events", "sync", "", ""},
		"namespace":  {"openstack", "sync", "", "in namespace argo-events, the Workflow in openstack"},
		"missing":    {"argo-events", "synk", "", "synk is not in the manifests"},
		"undeclared": {"argo-events", "sync", ", {name: levle, value: debug}", "does not declare the parameter levle"},
	} {
		t.Run(name, func(t *testing.T) {
			graph := pipelinetest.Graph(t, eventSources, sensor("keystone", unwrap, fmt.Sprintf(workflow, test.namespace, test.template, test.more, "")))
			problems := one(t, evaluateOne(t, graph, evaluate.Options{}, wire(t, notification))).Triggers[0].Problems
			text := string(mustJSON(t, problems))
			if test.problem == "" && len(problems) > 0 {
				t.Errorf("problems: %s", text)
			}
			has(t, "problems", text, test.problem)
		})
	}
	none := strings.Replace(fmt.Sprintf(workflow, "argo-events", "sync", "", ""), "[{name: type, value: x}]", "[]", 1)
	graph := pipelinetest.Graph(t, eventSources, sensor("keystone", unwrap, none))
	has(t, "problems", string(mustJSON(t, one(t, evaluateOne(t, graph, evaluate.Options{}, wire(t, notification))).Triggers[0].Problems)), "needs the parameter type")
}

func TestDefaultNamespaceIsTheSensors(t *testing.T) {
	trigger := `k8s: {source: {resource: {apiVersion: batch/v1, kind: Job, metadata: {generateName: j-}, spec: {}}}}`
	o := one(t, evaluateOne(t, pipelinetest.Graph(t, eventSources, sensor("keystone", unwrap, trigger)), evaluate.Options{}, wire(t, notification)))
	has(t, "object", string(o.Triggers[0].Object), `"namespace":"openstack"`)
}
