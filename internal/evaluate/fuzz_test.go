package evaluate_test

import (
	"encoding/json"
	"testing"
	"time"

	aev1 "github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/eventrig/eventrig/internal/evaluate"
	"github.com/eventrig/eventrig/internal/message"
	"github.com/eventrig/eventrig/internal/pipeline"
)

// fuzzed evaluates an event at a Sensor with this dependency. Nothing may panic or take longer than the limits allow, and the
// reasons must fit argo-events' verdict.
func fuzzed(t *testing.T, dependency aev1.EventDependency, parameters []aev1.TriggerParameter, data []byte) {
	t.Helper()
	if !json.Valid(data) {
		return
	}
	dependency.Name, dependency.EventSourceName, dependency.EventName = "dep", "source", "event"
	resource := aev1.NewK8SResource(map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"generateName": "x-"}, "data": map[string]any{"a": "b"}})
	sensor := aev1.Sensor{}
	sensor.Spec.Dependencies = []aev1.EventDependency{dependency}
	sensor.Spec.Triggers = []aev1.Trigger{{Template: &aev1.TriggerTemplate{Name: "t", K8s: &aev1.StandardK8STrigger{Source: &aev1.ArtifactLocation{Resource: &resource}, Parameters: parameters}}}}
	encoded, err := json.Marshal(sensor)
	if err != nil {
		return // what cannot be written is in no manifest
	}
	object := &unstructured.Unstructured{}
	if err := json.Unmarshal(encoded, &object.Object); err != nil {
		t.Fatal(err)
	}
	object.SetAPIVersion("argoproj.io/v1alpha1")
	object.SetKind("Sensor")
	object.SetName("s")
	object.SetNamespace("ns")
	graph := &pipeline.Graph{Objects: []pipeline.Object{{Unstructured: object}}}
	evaluator, err := evaluate.New(graph, evaluate.Options{Source: "ns/source/event", Limit: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	written, err := json.Marshal(map[string]any{"specversion": "1.0", "id": "i", "source": "source", "subject": "event", "type": "amqp", "data": json.RawMessage(data)})
	if err != nil {
		t.Fatal(err)
	}
	events, err := message.Parse("e", written)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	result := evaluator.Event(events[0])
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %s", took)
	}
	for i := range result.Outcomes {
		o := &result.Outcomes[i]
		if o.Doubt != "" {
			t.Errorf("doubt: %s", o.Doubt)
		}
		if o.Reason() == "" && o.Verdict != evaluate.Fires || o.Verdict == evaluate.Fires && o.Passes() == "" {
			t.Errorf("%s without a reason: %+v", o.Verdict, o)
		}
		for _, raw := range []json.RawMessage{o.Got} {
			if raw != nil && !json.Valid(raw) {
				t.Errorf("got %q is no JSON", raw)
			}
		}
		for _, c := range o.Checks {
			if c.Got != nil && !json.Valid(c.Got) {
				t.Errorf("%s: got %q is no JSON", c.Path, c.Got)
			}
		}
	}
}

const fuzzedData = `{"body":{"oslo.message":"{\"event_type\":\"a.b\",\"payload\":{\"n\":1}}","a":[1,{"b":null}],"c.d":true,"s":"5","f":1e300,"t":"x y"}}`

func FuzzTransform(f *testing.F) {
	for _, program := range []string{
		`.body["oslo.message"] | fromjson`, `{body: (.body["oslo.message"] | fromjson)}`, `def f: f; f`, `[range(100000000)]`, `"x" * 100000000`, `.body.a[5].b.c`, `empty`, `error("x")`, `input`,
		`$ENV`, `env`, `halt`, `limit(3; repeat(.))`, `..`, `.[`, `.body.s | tonumber`, `{a: infinite}`, `{a: nan}`, `{a: now}`, `reduce range(1e9) as $i (0; . + $i)`, `[.[] | recurse]`, `@json "x\(.)"`, `{"a": ("1" * 5)}`,
		`.body | splits("a+")`, `{a: [limit(5; range(1; infinite))]}`, `ltrimstr(1)`, `try error catch .`, `label $out | foreach .[] as $i (0; .; break $out)`, `getpath(["a","b"])`, `{a: (.body.f * .body.f)}`,
	} {
		f.Add(program, fuzzedData)
	}
	f.Fuzz(func(t *testing.T, program, data string) {
		fuzzed(t, aev1.EventDependency{Transform: &aev1.EventDependencyTransformer{JQ: program}}, nil, []byte(data))
	})
}

func FuzzFilter(f *testing.F) {
	add := func(path, kind, comparator, value, second, template, logic string) {
		f.Add(path, kind, comparator, value, second, template, logic, fuzzedData)
	}
	add("body.s", "string", "=", "5", "", "", "and")
	add("body.s", "number", ">=", "4", "x", "", "or")
	add(`body.c\.d`, "bool", "!=", "true", "1", "", "")
	add("body.a.#(b==null)", "string", "", "(", ")", "", "and")
	add("body.a.1.b", "string", "=", "", ".*", "{{ .Input | upper }}", "or")
	add("body.*", "string", "<", "a", "b", "{{ range until 99999999 }}x{{ end }}", "xor")
	add("@this|@pretty", "string", "=", "^", "$", "{{ .Input | fail }}", "")
	add("body.f", "number", "=", "NaN", "1e999", "", "")
	add("..", "strin", "~", "a", "a", "{{", "")
	f.Fuzz(func(t *testing.T, path, kind, comparator, value, second, template, logic, data string) {
		one := aev1.DataFilter{Path: path, Type: aev1.JSONType(kind), Value: []string{value, second}, Comparator: aev1.Comparator(comparator), Template: template}
		two := aev1.DataFilter{Path: path, Type: aev1.JSONTypeString, Value: []string{second}}
		fuzzed(t, aev1.EventDependency{
			Filters:                &aev1.EventDependencyFilter{Data: []aev1.DataFilter{one, two}, DataLogicalOperator: aev1.LogicalOperator(logic)},
			FiltersLogicalOperator: aev1.LogicalOperator(logic),
		}, nil, []byte(data))
	})
}

func FuzzExpressions(f *testing.F) {
	f.Add("n > 4", "n", "body.s", "and", "return event.body.s == '5'", "a.b")
	f.Add(`t matches "x"`, "t", "body.t", "or", "return 1", "")
	f.Add("", "", "", "", "", "x")
	f.Add("[1,2,3][9]", "a-b", "body.a", "", "error('x')", "")
	f.Add("1/0", "n", "body.f", "or", "local n = 0 for i = 1, 1000 do n = n + i end return n > 5", "amqp") // one that does not end would go on using a core
	f.Fuzz(func(t *testing.T, expression, name, path, logic, script, kind string) {
		filters := &aev1.EventDependencyFilter{
			Exprs:               []aev1.ExprFilter{{Expr: expression, Fields: []aev1.PayloadField{{Name: name, Path: path}}}},
			ExprLogicalOperator: aev1.LogicalOperator(logic), Script: script, Context: &aev1.EventContext{Type: kind},
		}
		fuzzed(t, aev1.EventDependency{Filters: filters, FiltersLogicalOperator: aev1.LogicalOperator(logic)}, nil, []byte(fuzzedData))
	})
}

func FuzzParameters(f *testing.F) {
	f.Add("body.s", "", "data.a", "default", "append", fuzzedData)
	f.Add("body.nope", "{{ .Input.body.s }}", "data.b.c", "", "prepend", fuzzedData)
	f.Add("", "{{ range until 99999999 }}x{{ end }}", "data.0", "", "", fuzzedData)
	f.Add("@this", "{{ .Input", "metadata.-1", "v", "overwrite", fuzzedData)
	f.Add("body.a", "", "", "", "", fuzzedData)
	f.Fuzz(func(t *testing.T, key, template, dest, fallback, operation, data string) {
		source := &aev1.TriggerParameterSource{DependencyName: "dep", DataKey: key, DataTemplate: template}
		if fallback != "" {
			source.Value = &fallback
		}
		fuzzed(t, aev1.EventDependency{}, []aev1.TriggerParameter{{Src: source, Dest: dest, Operation: aev1.TriggerParameterOperation(operation)}}, []byte(data))
	})
}
