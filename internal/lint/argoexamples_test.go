package lint_test

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/eventrig/eventrig/internal/lint"
)

// Every error in Argo Events' own examples is one, for one of these reasons.
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
