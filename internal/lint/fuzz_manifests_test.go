package lint_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/eventrig/eventrig/internal/lint"
	"github.com/eventrig/eventrig/internal/pipeline"
)

// Whatever a file holds, linting it comes to an end and does not panic. It starts from the examples of the rules.
func FuzzManifests(f *testing.F) {
	for _, rule := range lint.Rules {
		f.Add([]byte(rule.Bad))
		f.Add([]byte(rule.Good))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		var objects []pipeline.Object
		for _, part := range strings.Split(string(content), "\n---\n") { // one broken document does not hide the others
			found, err := pipeline.Parse("fuzz.yaml", []byte(part))
			if err == nil {
				objects = append(objects, found...)
			}
		}
		graph := &pipeline.Graph{Objects: objects}
		// Each program of jq has its own limit; this one is for what they take together, which grows with the manifest.
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		for _, finding := range lint.Run(ctx, lint.NewInput(graph, graph.DecodeProblems()), lint.Rules).Findings {
			if finding.Message == "" || finding.Line < 0 {
				t.Errorf("%+v", finding)
			}
		}
	})
}

// Whatever the templates of a Workflow read and whatever their conditions are, linting does not panic.
func FuzzTemplates(f *testing.F) {
	f.Add(`'{{steps.first.outputs.result}}' == wanted-but-not`, `{{steps.first.outputs.parameters.x}}`, `a.Succeeded && (b || !c)`, `-p a=b`)
	f.Add(`{{workflow.parameters.a}} == 1 || {{=1}}`, `{{inputs.parameters.x}}{{`, `a..b`, `--parameter`)
	f.Add(`"{{a}}' == '{{a}}" && {{b}} in (1,2)`, `{{tasks.a.outputs.artifacts.}}`, ``, `-p`)
	f.Add(`2024-01-01 < '2024-01-02' ? {{x}} : ({{x}} ?? 1)`, `{{steps..outputs.result}} {{ steps.name }}`, `-a.-`, `-p=`)
	f.Add(`{{a}}{{b}}{{c}}{{d}}{{e}} =~ '('`, `{{{{a}}}}`, `a.b.c`, `-f`)
	f.Fuzz(func(t *testing.T, when, read, depends, argument string) {
		text := fmt.Sprintf(`{"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "w", "namespace": "a"}, "spec": {"entrypoint": "all",
"arguments": {"parameters": [{"name": "a", "value": %[4]q, "enum": [%[4]q, "x"]}]},
"templates": [
{"name": "all", "inputs": {"parameters": [{"name": "x", "value": %[2]q}]}, "steps": [[{"name": "first", "template": "run"}], [{"name": "second", "template": "run", "when": %[1]q, "withItems": [%[2]q],
"arguments": {"parameters": [{"name": "x", "value": %[2]q}]}}]]},
{"name": "graph", "dag": {"tasks": [{"name": "a", "template": "run"}, {"name": "b", "template": "run", "depends": %[3]q, "when": %[1]q, "arguments": {"parameters": [{"name": "x", "value": %[2]q}]}}]}},
{"name": "run", "outputs": {"parameters": [{"name": "x", "valueFrom": {"path": "/x", "default": %[4]q}}]}, "container": {"image": "a", "command": [%[4]q], "args": [%[2]q]}}]}}
`, when, read, depends, argument)
		objects, err := pipeline.Parse("fuzz.json", []byte(text))
		if err != nil {
			return // text that is no JSON
		}
		lint.Run(t.Context(), lint.NewInput(&pipeline.Graph{Objects: objects}, nil), lint.Rules)
	})
}
