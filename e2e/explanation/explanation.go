// Package explanation puts what internal/evaluate says of an event into the words of a scenario's verdict.
//
// In: a result of evaluate, and the key under which the ledger has its message. Out: scenario.Explanation. It is a package
// of its own because e2e/scenario knows neither Argo nor Kubernetes.
package explanation

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/evaluate"
)

// Of returns what the dependencies of a Sensor (namespace/name) do with an event; key is that of its message.
func Of(result evaluate.Result, key, sensor string) []scenario.Explanation {
	var all []scenario.Explanation
	for i := range result.Outcomes {
		if o := &result.Outcomes[i]; o.Name() == sensor {
			all = append(all, of(result, o, key))
		}
	}
	return all
}

func of(result evaluate.Result, o *evaluate.Outcome, key string) scenario.Explanation {
	e := scenario.Explanation{
		Event: key, EventType: result.Event.EventType, Events: 1, Sensor: o.Name(), Dependency: o.Dependency.Name, Verdict: string(o.Verdict),
		Step: o.Step, Path: o.Path, Want: o.Want, Got: o.Got, Hint: o.Hint, At: o.At, Near: o.Near,
	}
	if e.Want == nil {
		e.Want = []string{}
	}
	e.Text = o.Reason()
	if o.Verdict == evaluate.Fires {
		e.Text = o.Passes()
		if makes := objects(o); makes != "" {
			e.Text += "; it makes " + makes
		}
		e.Parameters = origins(o)
	}
	if o.Doubt != "" {
		e.Text += "; eventrig is in doubt: " + o.Doubt
	}
	return e
}

// objects names what the triggers that act would make, and what the API server will object to.
func objects(o *evaluate.Outcome) string {
	var parts []string
	for i := range o.Triggers {
		t := &o.Triggers[i]
		if !t.Met || t.Error != "" || !t.Creates() {
			continue
		}
		object, ok := decoded(t)
		if !ok {
			continue
		}
		name := object.GetName()
		if name == "" {
			name = object.GetGenerateName()
		}
		text := fmt.Sprintf("%s %s/%s", object.GetKind(), object.GetNamespace(), name)
		for _, problem := range t.Problems {
			text += ", but " + problem.Message
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}

func decoded(t *evaluate.Trigger) (unstructured.Unstructured, bool) {
	var object unstructured.Unstructured
	err := json.Unmarshal(t.Object, &object.Object)
	return object, err == nil && object.Object != nil
}

// argument is where triggers put a Workflow's parameters.
const argument = "spec.arguments.parameters."

// origins says of each parameter of a Workflow what the trigger takes it from, by the parameter's name.
func origins(o *evaluate.Outcome) map[string]string {
	found := map[string]string{}
	for i := range o.Triggers {
		t := &o.Triggers[i]
		object, ok := decoded(t)
		if !t.Met || t.Error != "" || !ok {
			continue
		}
		list, _, err := unstructured.NestedSlice(object.Object, "spec", "arguments", "parameters")
		if err != nil {
			continue
		}
		for _, p := range t.Parameters {
			place, inside := strings.CutPrefix(p.Dest, argument)
			place, _, _ = strings.Cut(place, ".")
			at, err := strconv.Atoi(place)
			if !inside || err != nil || at < 0 || at >= len(list) {
				continue
			}
			fields, _ := list[at].(map[string]any)
			name, _ := fields["name"].(string)
			text := p.From + " = " + evaluate.OneLine(p.Value)
			if p.Note != "" {
				text += " (" + p.Note + ")"
			}
			found[name] = text
		}
	}
	return found
}
