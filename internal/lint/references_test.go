package lint_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/eventrig/eventrig/internal/lint"
)

// referring is a Workflow with steps and a DAG; READ and WORD are where its templates refer to each other.
const referring = `apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w, namespace: a}
spec:
  entrypoint: all
  arguments: {parameters: [{name: node, value: x}]}
  templates:
  - name: all
    inputs: {parameters: [{name: node}]}
    outputs: {parameters: [{name: end, valueFrom: {parameter: "{{steps.third.outputs.result}}"}}]}
    steps:
    - - {name: first, template: run, arguments: {parameters: [{name: word, value: "{{inputs.parameters.node}}"}]}}
      - {name: waiting, template: pause}
    - - name: second
        template: run
        arguments: {parameters: [{name: word, value: "READ"}]}
        hooks: {exit: {template: run, expression: "true", arguments: {parameters: [{name: word, value: "{{steps.second.status}}"}]}}}
    - - {name: third, template: run, withItems: [1, 2], arguments: {parameters: [{name: word, value: "{{item}}"}]}}
      - {name: graph, template: graph}
  - name: graph
    dag:
      tasks:
      - {name: a, template: run, arguments: {parameters: [{name: word, value: b}]}}
      - {name: b, template: run, depends: a.Succeeded, arguments: {parameters: [{name: word, value: b}]}}
      - {name: c, template: run, dependencies: [], arguments: {parameters: [{name: word, value: "TASK"}]}}
      - {name: d, template: run, depends: "b && (c || c.Failed)", arguments: {parameters: [{name: word, value: "DEEP"}]}}
  - name: pause
    suspend: {}
  - name: run
    inputs: {parameters: [{name: word}]}
    outputs: {parameters: [{name: done, valueFrom: {path: /tmp/done}}]}
    container: {image: "a:1", command: [run], args: ["WORD"]}
`

func TestReferences(t *testing.T) {
	for _, test := range []struct {
		at, tag, want string // want: in the message of the finding; "" without one
	}{
		{"READ", "{{steps.first.outputs.result}}", ""},
		{"READ", "{{ steps.first.outputs.parameters.done }} and {{workflow.name}}", ""},
		{"READ", "{{steps.first.id}} {{steps.waiting.status}}", ""},
		{"READ", "{{=steps.nobody.outputs.result}}", ""},
		{"READ", "{{steps.name}}", ""},
		{"READ", "{{custom.thing}}", ""},
		{"READ", "{{workflow.parameters.node}}", ""},
		{"READ", "{{steps.frist.outputs.result}}", `there is no step "frist" in template "all"`},
		{"READ", "{{steps.first.outputs.parameters.don}}", `template "run" has no output parameter "don"`},
		{"READ", "{{steps.first.outputs.artifacts.log}}", `has no output artifact "log"`},
		{"READ", "{{steps.first.outputs.parameters}}", "only of a step that runs for several items"},
		{"READ", "{{steps.waiting.outputs.result}}", "has no result"},
		{"READ", "{{steps.third.outputs.result}}", `step "third" does not run before this one`},
		{"READ", "{{inputs.parameters.nod}}", `template "all" has no input parameter "nod"`},
		{"READ", "{{workflow.parameters.nod}}", `reads {{workflow.parameters.nod}}, and the Workflow has no such argument`},
		{"TASK", "{{tasks.a.outputs.result}}", `task "a" need not have ended`},
		{"TASK", "{{tasks.e.outputs.result}}", `there is no task "e"`},
		{"DEEP", "{{tasks.a.outputs.result}} {{tasks.c.outputs.parameters.done}}", ""},
		{"WORD", "{{inputs.parameters.word}} {{outputs.parameters.done.path}}", ""},
		{"WORD", "{{inputs.parameters.words}}", `did you mean "word"?`},
		{"WORD", "{{steps.first.outputs.result}}", "a template without steps or tasks"},
	} {
		text := strings.Replace(referring, test.at, test.tag, 1)
		text = strings.NewReplacer("READ", "x", "TASK", "x", "DEEP", "x", "WORD", "x").Replace(text)
		var found []lint.Finding
		for _, finding := range lintAll(t, text) {
			if finding.Severity == lint.Error {
				found = append(found, finding)
			}
		}
		switch {
		case test.want == "" && len(found) > 0:
			t.Errorf("%s as %s: %+v", test.tag, test.at, found)
		case test.want != "" && !slices.ContainsFunc(found, func(f lint.Finding) bool { return strings.Contains(f.Message+" "+f.Hint, test.want) && f.Line > 0 }):
			t.Errorf("%s as %s: found %+v, want %q", test.tag, test.at, found, test.want)
		}
	}
}

// A Workflow that a trigger submits from a template or a CronWorkflow is looked at as the command line makes it.
func TestSubmitFrom(t *testing.T) {
	const text = `apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: s, namespace: a}
spec:
  dependencies: [{name: tick, eventSourceName: clock, eventName: tick}]
  triggers:
  - template:
      name: sync
      argoWorkflow:
        operation: submit-from
        args: [ARGS]
        source: {resource: {apiVersion: argoproj.io/v1alpha1, kind: KIND, metadata: {name: NAME}}}
---
apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: clock, namespace: a}
spec: {calendar: {tick: {schedule: "* * * * *"}}}
---
apiVersion: argoproj.io/v1alpha1
kind: EventBus
metadata: {name: default, namespace: a}
spec: {jetstream: {version: latest}}
---
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: sync, namespace: a}
spec:
  entrypoint: main
  arguments: {parameters: [{name: node}]}
  templates: [{name: main, container: {image: "a:1", command: [run], args: ["{{workflow.parameters.node}}"]}}]
---
apiVersion: argoproj.io/v1alpha1
kind: CronWorkflow
metadata: {name: nightly, namespace: a}
spec: {schedules: ["0 2 * * *"], workflowSpec: {workflowTemplateRef: {name: sync}, arguments: {parameters: [{name: node, value: all}]}}}
`
	for _, test := range []struct{ kind, name, args, want string }{
		{"WorkflowTemplate", "sync", `-p, node=x`, ""},
		{"WorkflowTemplate", "sync", `--parameter=node=x`, ""},
		{"workflowtemplate", "sync", `-f, values.yaml`, ""},
		{"CronWorkflow", "nightly", "", ""},
		{"WorkflowTemplate", "sync", "", "contracts/missing-argument"},
		{"WorkflowTemplate", "sink", "-p, node=x", "wiring/unknown-template"},
		{"CronWorkflow", "hourly", "", "wiring/unknown-template"},
		{"Workflow", "sync", "", "contracts/submit-from"},
	} {
		var rules []string
		for _, finding := range lintAll(t, strings.NewReplacer("KIND", test.kind, "NAME", test.name, "ARGS", test.args).Replace(text)) {
			if finding.Severity == lint.Error {
				rules = append(rules, finding.Rule)
			}
		}
		if want := test.want; strings.Join(rules, " ") != want {
			t.Errorf("submit from %s %s with %s: %q, want %q", test.kind, test.name, test.args, rules, want)
		}
	}
}
