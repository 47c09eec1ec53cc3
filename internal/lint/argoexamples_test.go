package lint_test

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/eventrig/eventrig/internal/lint"
	"github.com/eventrig/eventrig/internal/pipeline"
)

// Every error in Argo Events' own examples is one, for one of these reasons. They are read as one graph, as they are not meant
// to be: what only that makes an error is said.
func TestErrorsInArgoEventsExamplesAreTrue(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/argoproj/argo-events").Output()
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(strings.TrimSpace(string(out)), "examples")
	reasons := []struct {
		rule, why string
		holds     func(lint.Finding) bool
	}{
		{"expressions/path-removed", "they were written for events without an outside; the EventSource that they name is a webhook, whose events have header and body",
			func(f lint.Finding) bool { return strings.Contains(f.Hint, "write body.") }},
		{"expressions/filter-never", "the context's source is the name of the EventSource, webhook, and the filter wants custom-webhook",
			func(f lint.Finding) bool { return filepath.Base(f.File) == "filter-with-context.yaml" }},
		{"wiring/duplicate-object", "the tutorials show one Sensor several times, each time with more, and several folders name one thing alike",
			func(f lint.Finding) bool {
				return strings.Contains(f.File, "tutorials") || slices.Contains([]string{"sensor-to-existing-workflow-template.yaml", "webhook.yaml"}, filepath.Base(f.File))
			}},
		{"wiring/unknown-event", "the EventSource webhook has the events example and example-with-..., not those that these Sensors name",
			func(f lint.Finding) bool {
				return slices.Contains([]string{"dependencies-conditions.yaml", "time-filter-webhook.yaml", "transform.yaml"}, filepath.Base(f.File)) && strings.Contains(f.Message, `EventSource "webhook" has no event`)
			}},
		{"wiring/unknown-template", "the CronWorkflow that it submits from is in no file",
			func(f lint.Finding) bool {
				return filepath.Base(f.File) == "special-workflow-trigger-submit-existing.yml"
			}},
		{"contracts/missing-input", "its template declares the input message, and is given none",
			func(f lint.Finding) bool { return filepath.Base(f.File) == "multi-dependencies.yaml" }},
		{"contracts/unknown-reference", "its template reads the inputs message1 and message2, and declares message",
			func(f lint.Finding) bool { return filepath.Base(f.File) == "multi-dependencies.yaml" }},
		{"rights/missing", "rbac/ gives the account default an executor's rights only, and operate-workflow-sa none for pods",
			func(f lint.Finding) bool {
				return strings.Contains(f.Message, "ServiceAccount default may not create workflows") || strings.Contains(f.Message, "operate-workflow-sa may not create pods")
			}},
	}
	errors := 0
	for _, finding := range findings(t, folder) {
		if finding.Severity != lint.Error {
			continue
		}
		errors++
		if !slices.ContainsFunc(reasons, func(r struct {
			rule, why string
			holds     func(lint.Finding) bool
		}) bool {
			return r.rule == finding.Rule && r.holds(finding)
		}) {
			t.Errorf("an error without a reason: %+v", finding)
		}
	}
	if errors < 40 {
		t.Errorf("only %d errors: are the examples read?", errors)
	}
}

// What Argo Workflows' own examples hand to each other is right, so nothing there is an error.
func TestNoContractIsBrokenInArgoWorkflowsExamples(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/argoproj/argo-workflows/v3").Output()
	if err != nil {
		t.Fatal(err)
	}
	// Some of the files are written in a way that only Argo Workflows' own reader takes.
	graph, problems := pipeline.Read(t.Context(), pipeline.Options{}, filepath.Join(strings.TrimSpace(string(out)), "examples"))
	if len(graph.Workflows()) < 100 || len(graph.WorkflowTemplates()) < 5 {
		t.Fatalf("only %d Workflows and %d templates: are the examples read?", len(graph.Workflows()), len(graph.WorkflowTemplates()))
	}
	for _, finding := range lint.Run(t.Context(), lint.NewInput(graph, problems), lint.Rules).Findings {
		if finding.Severity == lint.Error && strings.HasPrefix(finding.Rule, "contracts/") {
			t.Errorf("a false error: %+v", finding)
		}
	}
}
