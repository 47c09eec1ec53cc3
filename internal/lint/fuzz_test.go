package lint_test

import (
	"encoding/json"
	"testing"

	"github.com/eventrig/eventrig/internal/lint"
	"github.com/eventrig/eventrig/internal/pipeline"
)

// Whatever a Sensor's expressions are, linting comes to an end and does not panic.
func FuzzExpressions(f *testing.F) {
	f.Add(`.body["oslo.message"] | fromjson`, "event_type", "string", "^baremetal.node.update.end$", "", `{{ .Input }}`, `return event.a == 1`, "a == 1 && b")
	f.Add(`def f: f; f`, `payload.ironic_object\.data.uuid`, "number", "1", ">=", `{{`, `while true do end`, `a["b"] == "`)
	f.Add(`[range(1e9)]`, `a.#(b=="c")#|@reverse`, "bool", "true", "!=", `{{ "a" | repeat 5 }}`, `return`, "[a-b] + (")
	f.Add(`{"a": (1, 2)} | .. |= empty`, `\`, "", "(", "=", `{{ define "x" }}`, `function f() return true end`, "")
	f.Add(`"\(`, `..`, "string", `[a-`, "", ``, `return event`, "x.y.z =~ 'a('")
	f.Fuzz(func(t *testing.T, jq, path, kind, value, comparator, template, lua, expression string) {
		data := map[string]any{"path": path, "type": kind, "value": []string{value, value + "x"}, "comparator": comparator}
		sensor := object("Sensor", map[string]any{
			"dependencies": []any{
				map[string]any{"name": "one", "eventSourceName": "source", "eventName": "event", "transform": map[string]any{"jq": jq},
					"filters": map[string]any{"data": []any{data, data}, "script": lua, "exprs": []any{map[string]any{"expr": expression, "fields": []any{map[string]any{"name": "a", "path": path}}}}}},
				map[string]any{"name": "two", "eventSourceName": "source", "eventName": "event", "transform": map[string]any{"script": lua},
					"filters": map[string]any{"data": []any{data}, "dataLogicalOperator": "or"}},
			},
			"triggers": []any{map[string]any{
				"template":   map[string]any{"name": "log", "log": map[string]any{}, "conditions": expression},
				"parameters": []any{map[string]any{"src": map[string]any{"dependencyName": "one", "dataKey": path, "dataTemplate": template}, "dest": path}},
			}},
		})
		source := object("EventSource", map[string]any{"amqp": map[string]any{"event": map[string]any{
			"url": "amqp://host/" + path, "exchangeName": "keystone", "exchangeType": "topic", "routingKey": "notifications.info", "jsonBody": true,
			"filter": map[string]any{"expression": expression},
		}}})
		var graph pipeline.Graph
		for _, one := range []map[string]any{sensor, source} {
			text, err := json.Marshal(one)
			if err != nil {
				t.Fatal(err)
			}
			objects, err := pipeline.Parse("fuzz.json", text)
			if err != nil {
				return // text that is no YAML
			}
			graph.Objects = append(graph.Objects, objects...)
		}
		lint.Run(t.Context(), lint.NewInput(&graph, nil), lint.Rules)
	})
}

func object(kind string, spec map[string]any) map[string]any {
	name := "source"
	if kind == "Sensor" {
		name = "sensor"
	}
	return map[string]any{"apiVersion": "argoproj.io/v1alpha1", "kind": kind, "metadata": map[string]any{"name": name, "namespace": "openstack"}, "spec": spec}
}
