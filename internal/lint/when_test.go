package lint_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/eventrig/eventrig/internal/lint"
	"github.com/eventrig/eventrig/internal/pipeline"
)

// conditionals is a Workflow with a condition in its second group of steps. mode allows two values, state is what a node may be in.
const conditionals = `apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w, namespace: a}
spec:
  entrypoint: all
  arguments:
    parameters:
    - {name: mode, value: full, enum: [full, dry-run]}
    - {name: state, value: clean failed}
    - {name: count, value: "5"}
  templates:
  - name: all
    steps:
    - - {name: first, template: run}
    - - name: second
        template: run
        when: WHEN
  - name: run
    outputs:
      parameters:
      - {name: done, valueFrom: {path: /tmp/done, default: "False"}}
    container: {image: "a:1", command: [run]}
`

func TestConditions(t *testing.T) {
	for when, want := range map[string]string{
		`"'{{steps.first.outputs.result}}' == 'x'"`:         "",
		`"'{{steps.first.outputs.result}}' == x"`:           "",
		`"\"{{steps.first.outputs.result}}\" == x || true"`: "",
		`"'{{steps.first.outputs.result}}' == a-b"`:         "when-invalid",
		`"('{{steps.first.outputs.result}}' == a || '{{steps.first.outputs.result}}' == a-b) && '{{workflow.parameters.state}}' == c"`: "when-invalid",
		`"'{{steps.first.outputs.result}}' = 'x'"`:                                             "when-invalid",
		`"'{{steps.first.outputs.result}}' > 5"`:                                               "when-invalid",
		`"'{{steps.first.outputs.result}}'"`:                                                   "when-invalid",
		`"{{steps.first.outputs.result}} > 5"`:                                                 "",
		`"{{steps.first.outputs.result}} == 5"`:                                                "",
		`"'{{steps.first.outputs.result}}' == 5"`:                                              "when-never",
		`"'{{steps.first.outputs.parameters.done}}' == true"`:                                  "when-never",
		`"'{{steps.first.outputs.parameters.done}}' == True"`:                                  "",
		`"{{steps.first.outputs.parameters.done}} == True"`:                                    "when-unquoted",
		`"{{steps.first.outputs.parameters.done}} == 'true'"`:                                  "when-never",
		`"{{steps.first.outputs.parameters.done}} == true"`:                                    "when-unquoted",
		`"'{{workflow.parameters.mode}}' == 'dry'"`:                                            "when-never",
		`"'{{workflow.parameters.mode}}' == 'dry-run'"`:                                        "",
		`"{{workflow.parameters.mode}} == full"`:                                               "when-breaks",
		`"{{workflow.parameters.state}} == active"`:                                            "when-breaks",
		`"'{{workflow.parameters.state}}' != active"`:                                          "",
		`"'{{steps.first.outputs.result}}' == 'a' && '{{steps.first.outputs.result}}' == 'b'"`: "when-never",
		`"'a-{{steps.first.outputs.result}}' == 'a-b'"`:                                        "",
		`"'{{workflow.parameters.state}}' =~ '^clean'"`:                                        "",
		`"{{steps.first.status}} == Succeeded"`:                                                "",
		`"{{=steps.first.exitCode}} == 0"`:                                                     "",
		`"false"`:                                                                              "",
	} {
		var got []string
		for _, finding := range lintAll(t, strings.Replace(conditionals, "WHEN", when, 1)) {
			if _, name, _ := strings.Cut(finding.Rule, "/"); strings.HasPrefix(name, "when-") {
				got = append(got, name)
				if finding.Line != 17 {
					t.Errorf("%s: the finding is in line %d: %+v", when, finding.Line, finding)
				}
			}
		}
		if want == "" && len(got) > 0 || want != "" && !slices.Equal(got, []string{want}) {
			t.Errorf("%s: found %q, want %q", when, got, want)
		}
	}
}

// A value that notifications are known to bring is tried in the conditions that it gets into.
func TestConditionsKnowWhatEventsBring(t *testing.T) {
	text := strings.Replace(strings.Replace(ironicWorkflow, "WHEN", `"{{workflow.parameters.state}} == active"`, 1), "VALUE", "payload.ironic_object\\.data.provision_state", 1)
	found := lintAll(t, text)
	at := slices.IndexFunc(found, func(f lint.Finding) bool { return strings.HasPrefix(f.Rule, "contracts/when-") })
	if at < 0 || found[at].Severity != lint.Info {
		t.Fatalf("the condition without quotes is not found: %+v", found)
	}
	// A type of events has dots, which are no words.
	text = strings.Replace(strings.Replace(ironicWorkflow, "WHEN", `"{{workflow.parameters.state}} == active"`, 1), "VALUE", "publisher_id", 1)
	if found := lintAll(t, text); !slices.ContainsFunc(found, func(f lint.Finding) bool {
		return f.Rule == "contracts/when-breaks" && strings.Contains(f.Message, "cannot be evaluated")
	}) {
		t.Errorf("a publisher breaks the condition: %+v", found)
	}
}

const ironicWorkflow = `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: ironic, namespace: a}
spec:
  amqp:
    events:
      url: amqp://rabbitmq/ironic
      exchangeName: ironic
      exchangeType: topic
      routingKey: ironic_versioned_notifications.info
      jsonBody: true
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: node, namespace: a}
spec:
  dependencies:
  - name: node
    eventSourceName: ironic
    eventName: events
    transform: {jq: '.body["oslo.message"] | fromjson'}
    filters: {data: [{path: event_type, type: string, value: ["^baremetal.node.update.end$"]}]}
  triggers:
  - template:
      name: workflow
      k8s:
        operation: create
        parameters:
        - {src: {dependencyName: node, dataKey: 'VALUE'}, dest: spec.arguments.parameters.0.value}
        source:
          resource:
            apiVersion: argoproj.io/v1alpha1
            kind: Workflow
            metadata: {generateName: node-}
            spec:
              entrypoint: all
              arguments: {parameters: [{name: state}]}
              templates:
              - name: all
                steps:
                - - name: only
                    when: WHEN
                    inline: {suspend: {}}
`

func lintAll(t *testing.T, text string) []lint.Finding {
	t.Helper()
	objects, err := pipeline.Parse("text.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return lint.Run(t.Context(), lint.NewInput(&pipeline.Graph{Objects: objects}, nil), lint.Rules).Findings
}
