package scenario

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/eventrig/eventrig/internal/failure"
)

const head = "apiVersion: eventrig.dev/v1alpha1\nkind: Scenario\nmetadata: {name: a}\n"

func TestMistakesNameFileLineAndTheRightField(t *testing.T) {
	body := "spec:\n  when: [{publish: {event: keystone/x}}]\n  then:\n    sensors: [{name: s, fires: 1}]\n"
	for name, c := range map[string]struct{ text, want string }{
		"unknown field":       {head + strings.Replace(body, "fires: 1", "fire: 1", 1), `x.yaml:7: unknown field "fire" in spec.then.sensors[0]; did you mean "fires"?`},
		"unknown step":        {head + strings.Replace(body, "publish:", "pubish:", 1), `x.yaml:5: unknown field "pubish" in spec.when[0]; did you mean "publish"?`},
		"case":                {head + strings.Replace(body, "then:", "Then:", 1), `did you mean "then"?`},
		"far off":             {head + strings.Replace(body, "then:", "zzzzzzzzzzzz:", 1), `it knows vars, tiers`},
		"count":               {head + strings.Replace(body, "fires: 1", `fires: "one"`, 1), `x.yaml:7: "one" is not a count: write 1, ">=1", "<=3" or "1..3"`},
		"nothing checked":     {head + strings.Replace(body, ", fires: 1", "", 1), `x.yaml:7: spec.then.sensors[0] checks nothing`},
		"list for fields":     {head + "spec: []\n", `x.yaml:4: spec holds a list, not fields`},
		"two actions":         {head + strings.Replace(body, "{publish:", "{wait-settled: {}, publish:", 1), `x.yaml:5: spec.when[0] has 2 actions`},
		"event and raw":       {head + strings.Replace(body, "event: keystone/x", "event: a, raw: b, exchange: c, routing-key: d", 1), `needs event or raw, and not both`},
		"undefined variable":  {head + strings.Replace("spec:\n  vars: {project: hex}\n"+body[6:], "keystone/x", `"${projct}"`, 1), `x.yaml:6: undefined variable ${projct}; did you mean ${project}?`},
		"unknown filter":      {head + strings.Replace("spec:\n  vars: {p: hex}\n"+body[6:], "keystone/x", `"${p|dash}"`, 1), `unknown filter "dash"`},
		"bad phase":           {head + "spec:\n  when: [{wait-settled: {}}]\n  then: {workflows: [{sensor: s, phase: Suceeded}]}\n", `did you mean "Succeeded"?`},
		"bad timeout":         {head + "spec:\n  timeout: soon\n" + body[6:], `spec.timeout is "soon"`},
		"type":                {head + strings.Replace(body, "event: keystone/x", "event: x, count: many", 1), "x.yaml:5: cannot unmarshal"},
		"syntax":              {head + "spec: {a: [}\n", "x.yaml:4: did not find"},
		"wrong apiVersion":    {strings.Replace(head, "v1alpha1", "v2", 1) + body, `apiVersion is "eventrig.dev/v2"`},
		"nothing happens":     {head + "spec: {then: {ledger: {lost: 0}}}\n", "spec.when is empty"},
		"reason no regex":     {head + strings.Replace(body, "fires: 1", "fails: 1, reason: '('", 1), "is no regular expression"},
		"two faults":          {head + "spec:\n  when: [{fault: {broker: stop, clear: true}}]\n  then: {ledger: {lost: 0}}\n", "has 2 faults, want exactly one of nautobot"},
		"unknown fault":       {head + "spec:\n  when: [{fault: {broker: stopp}}]\n  then: {ledger: {lost: 0}}\n", `did you mean "stop"?`},
		"whom to refuse":      {head + "spec:\n  when: [{fault: {refuse: nautobott}}]\n  then: {ledger: {lost: 0}}\n", `did you mean "nautobot"?`},
		"component's kind":    {head + "spec:\n  when: [{fault: {scale: {kind: Deploymnt, name: a/b, replicas: 0}}}]\n  then: {ledger: {lost: 0}}\n", `did you mean "Deployment"?`},
		"component's name":    {head + "spec:\n  when: [{fault: {delete-pods: {kind: Sensor, name: s}}}]\n  then: {ledger: {lost: 0}}\n", "give namespace/name"},
		"template's name":     {head + "spec:\n  when: [{submit: {template: t}}]\n  then: {ledger: {lost: 0}}\n", "give namespace/name"},
		"sensor and template": {head + "spec:\n  when: [{wait-settled: {}}]\n  then: {workflows: [{sensor: s, template: a/t}]}\n", "needs a sensor or a template, and not both"},
		"hop of an order":     {head + "spec:\n  when: [{wait-settled: {}}]\n  then: {ledger: {order: [onbus]}}\n", `did you mean "on-bus"?`},
		"latency":             {head + "spec:\n  when: [{wait-settled: {}}]\n  then: {ledger: {maxLatency: {workflow: 5}}}\n", "give a duration such as 500ms"},
		"object without kind": {head + "spec:\n  when: [{wait-settled: {}}]\n  then: {objects: [{kind: Job}]}\n", "needs apiVersion and kind"},
		"sensor of a pod":     {head + "spec:\n  when: [{wait-settled: {}}]\n  then: {objects: [{apiVersion: v1, kind: Pod, sensor: s}]}\n", "known of Workflows and Jobs only"},
		"variable in objects": {head + "spec:\n  when: [{wait-settled: {}}]\n  then: {objects: [{apiVersion: v1, kind: Pod, name: \"${x}\"}]}\n", "undefined variable ${x}"},
		"fill of nothing":     {head + strings.Replace(body, "event: keystone/x", "event: keystone/x, fill: {payload.a: 0}", 1), "fill payload.a is 0: give a length from 1 to"},
		"fill of a raw body":  {head + strings.Replace(body, "event: keystone/x", "raw: b, exchange: c, routing-key: d, fill: {payload.a: 1}", 1), "fill is for an event"},
		"fields of no volume": {head + "spec:\n  when: [{wait-settled: {}}]\n  then: {ontap: [{path: a/b, count: 0, fields: {a: 1}}]}\n", "spec.then.ontap[0] wants no record and yet fields of it"},
		"webhook":             {head + "spec:\n  when: [{webhook: {eventSource: s}}]\n  then: {ledger: {lost: 0}}\n", "needs eventSource and event"},
		"fields of no record": {head + "spec:\n  when: [{wait-settled: {}}]\n  then: {nautobot: [{path: a/b, count: 0, fields: {a: 1}}]}\n", "wants no record and yet fields of it"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("x.yaml", []byte(c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestEveryMistakeIsReportedAndIsBadInput(t *testing.T) {
	text := head + "spec:\n  whn: []\n---\n" + head + "spec:\n  thn: {}\n"
	_, err := LoadFS(fstest.MapFS{"a.yaml": {Data: []byte(text)}})
	if failure.ExitStatus(err) != int(failure.BadInput) {
		t.Errorf("exit status %d", failure.ExitStatus(err))
	}
	for _, want := range []string{"a.yaml:5", "a.yaml:11"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
}

func TestLoadReadsFoldersAndManifestsBesideTheScenario(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("sub/a.yaml", head+"spec:\n  vars: {n: name}\n  given: {manifests: [m.txt]}\n  when: [{wait-settled: {}}]\n  then: {ledger: {lost: 0}}\n")
	write("sub/m.txt", "kind: A\nmetadata: {name: \"${n}\", x: \"${HOME}\"}\nspec: {replicas: 2}\n---\nkind: B\n")
	all, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	objects := all[0].Spec.Given.Objects
	if len(objects) != 2 || objects[0]["spec"].(map[string]any)["replicas"] != int64(2) {
		t.Fatalf("%v", objects)
	}
	spec, err := Resolve(all[0], map[string]string{"n": "calm"})
	if err != nil {
		t.Fatal(err)
	}
	metadata := spec.Given.Objects[0]["metadata"].(map[string]any)
	if metadata["name"] != "calm" || metadata["x"] != "${HOME}" {
		t.Errorf("a manifest's own ${...} must stay: %v", metadata)
	}
	if objects[0]["metadata"].(map[string]any)["name"] != "${n}" {
		t.Error("Resolve changed the scenario itself")
	}
	write("sub/b.yaml", head+"spec:\n  when: [{wait-settled: {}}]\n  then: {ledger: {lost: 0}}\n")
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), `the name "a" is taken by`) {
		t.Errorf("a second scenario of the same name: %v", err)
	}
}

func TestCounts(t *testing.T) {
	for text, want := range map[string]Count{"1": {1, 1}, "0": {0, 0}, ">=1": {1, math.MaxInt}, "1..3": {1, 3}, "<=2": {0, 2}, " >= 2 ": {2, math.MaxInt}} {
		got, err := ParseCount(text)
		if err != nil || got != want {
			t.Errorf("%q: %v %v", text, got, err)
		}
		again, err := ParseCount(got.String())
		if err != nil || again != got {
			t.Errorf("%q is written as %q", text, got)
		}
	}
	for _, text := range []string{"", "-1", "3..1", ">=", "1.5", "..2", "x"} {
		if _, err := ParseCount(text); err == nil {
			t.Errorf("%q was taken for a count", text)
		}
	}
}

func TestVariables(t *testing.T) {
	s := Scenario{Metadata: Metadata{Name: "a"}, Spec: Spec{Vars: map[string]string{"p": "hex", "u": "uuid", "n": "name", "both": "${n}-${p|upper}", "chain": "${both}!"}}}
	one, err := Values(s, 7, 0)
	if err != nil {
		t.Fatal(err)
	}
	same, _ := Values(s, 7, 0)
	other, _ := Values(s, 7, 1)
	if one["p"] != same["p"] || one["p"] == other["p"] {
		t.Error("the seed decides, and each attempt draws anew")
	}
	if len(one["p"]) != 32 || one["both"] != one["n"]+"-"+strings.ToUpper(one["p"]) || one["chain"] != one["both"]+"!" {
		t.Errorf("%v", one)
	}
	dashed, _, err := expandText("${p|dashed}", one, true)
	if err != nil || strings.ReplaceAll(dashed, "-", "") != one["p"] || len(dashed) != 36 {
		t.Errorf("%s %v", dashed, err)
	}
	if literal, _, _ := expandText("$${p}", one, true); literal != "${p}" {
		t.Errorf("%s", literal)
	}
	if _, _, err := expandText("${n|dashed}", one, true); err == nil {
		t.Error("a name is no UUID")
	}
	s.Spec.Vars = map[string]string{"a": "${b}", "b": "${a}"}
	if _, err := Values(s, 1, 0); err == nil || !strings.Contains(err.Error(), "need each other") {
		t.Errorf("%v", err)
	}
}

func TestTheSchemaKnowsEveryField(t *testing.T) {
	schema, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(schema) {
		t.Fatal("no JSON")
	}
	for _, want := range []string{`"wait-settled"`, `"known-defect"`, `"routing-key"`, `"additionalProperties": false`, `"fires"`} {
		if !strings.Contains(string(schema), want) {
			t.Errorf("the schema lacks %s", want)
		}
	}
	if strings.Contains(string(schema), `"Line"`) {
		t.Error("the schema shows Line, which is no field of the file")
	}
}

func TestBodyKey(t *testing.T) {
	bare := `{"message_id":"m1","event_type":"x"}`
	wrapped, _ := json.Marshal(map[string]string{"oslo.version": "2.0", "oslo.message": bare})
	if BodyKey([]byte(bare)) != "m1" || BodyKey(wrapped) != "m1" {
		t.Error("the message id is the key, in an envelope and bare")
	}
	if BodyKey([]byte(`{"b":1, "a":"<"}`)) != BodyKey([]byte(`{"a":"\u003c","b":1}`)) {
		t.Error("an EventSource writes JSON anew; the key must not depend on how it is written")
	}
	if BodyKey([]byte("x")) == BodyKey([]byte("y")) {
		t.Error("other bodies, other keys")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(head + "spec:\n  vars: {p: hex}\n  when: [{publish: {event: a, set: {x: \"${p|dashed}\"}}}]\n  then: {sensors: [{name: s, fires: \">=1\"}]}\n")
	f.Add("a: &a [*a]\n")
	f.Add("spec: {when: [{apply: {objects: [{1: 2}]}}]}")
	f.Fuzz(func(t *testing.T, text string) {
		scenarios, err := Parse("f.yaml", []byte(text))
		if err != nil {
			var joined interface{ Unwrap() []error }
			if errors.As(err, &joined) && len(joined.Unwrap()) == 0 {
				t.Error("an error without a mistake")
			}
			if !strings.Contains(err.Error(), "f.yaml") {
				t.Errorf("%v does not name the file", err)
			}
		}
		for _, s := range scenarios {
			if values, err := Values(s, 1, 0); err == nil {
				_, _ = Resolve(s, values)
			}
		}
	})
}
