package cli_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"github.com/eventrig/eventrig/internal/cli"
)

// lint runs `eventrig lint` and returns its exit status and what it printed.
func lint(t *testing.T, arguments ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = cli.Main(append([]string{"lint"}, arguments...), &out, &errs)
	return status, out.String(), errs.String()
}

// brokenManifests is a folder with an error (an object twice), a warning (a field that there is not) and a broken file.
func brokenManifests(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	for name, content := range map[string]string{
		"twice.yaml":    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: notes, namespace: a}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: notes, namespace: a}\ndata: {a: b}\n",
		"broken.yaml":   "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x\n",
		"template.yaml": "apiVersion: argoproj.io/v1alpha1\nkind: WorkflowTemplate\nmetadata: {name: sync, namespace: a}\nspec:\n  entrypiont: main\n  entrypoint: main\n  templates:\n  - name: main\n    suspend: {}\n",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

type findings struct {
	Findings []struct {
		Rule, Severity, Object, File, Message, Hint string
		Line                                        int
	}
}

func decode(t *testing.T, stdout string) findings {
	t.Helper()
	var found findings
	if err := json.Unmarshal([]byte(stdout), &found); err != nil {
		t.Fatalf("stdout is no JSON: %v\n%s", err, stdout)
	}
	if found.Findings == nil {
		t.Fatalf("findings is no list:\n%s", stdout)
	}
	return found
}

func TestLintFindsAndFails(t *testing.T) {
	folder := brokenManifests(t)
	status, stdout, stderr := lint(t, folder, "-o", "json")
	if status != 1 || !strings.Contains(stderr, "2 errors") {
		t.Errorf("exit status %d, stderr %q; want 1 and a summary", status, stderr)
	}
	found := decode(t, stdout)
	for rule, place := range map[string]struct {
		severity, file, object string
		line                   int
	}{
		"input/unreadable":        {"error", "broken.yaml", "", 3},
		"wiring/duplicate-object": {"error", "twice.yaml", "ConfigMap/a/notes", 5},
		"input/unknown-field":     {"warning", "template.yaml", "WorkflowTemplate/a/sync", 5},
	} {
		at := slices.IndexFunc(found.Findings, func(f struct {
			Rule, Severity, Object, File, Message, Hint string
			Line                                        int
		}) bool {
			return f.Rule == rule
		})
		if at < 0 {
			t.Errorf("%s is not found", rule)
			continue
		}
		got := found.Findings[at]
		if got.Severity != place.severity || got.File != filepath.Join(folder, place.file) || got.Object != place.object || got.Line != place.line || got.Hint == "" {
			t.Errorf("%s is found as %+v, want %+v", rule, got, place)
		}
	}
}

func TestLintFailOn(t *testing.T) {
	folder := brokenManifests(t)
	for _, test := range []struct {
		arguments []string
		want      int
	}{
		{[]string{folder, "--fail-on", "never"}, 0},
		{[]string{filepath.Join(folder, "template.yaml")}, 0},
		{[]string{filepath.Join(folder, "template.yaml"), "--fail-on", "warning"}, 1},
		{[]string{filepath.Join(folder, "template.yaml"), "--fail-on", "warning", "--skip", "input/unknown-field"}, 0},
		{[]string{filepath.Join(folder, "twice.yaml"), "--only", "suppression"}, 0},
		{[]string{filepath.Join(folder, "broken.yaml"), "--only", "suppression"}, 1},
	} {
		if status, stdout, _ := lint(t, test.arguments...); status != test.want {
			t.Errorf("lint %v: exit status %d, want %d\n%s", test.arguments, status, test.want, stdout)
		}
	}
}

func TestLintFormats(t *testing.T) {
	folder := brokenManifests(t)
	t.Chdir(folder)
	_, text, _ := lint(t, ".")
	for _, want := range []string{"broken.yaml:3  error  input/unreadable", "ConfigMap/a/notes", "    hint: take one of them away", "2 errors, 1 warning"} {
		if !strings.Contains(text, want) {
			t.Errorf("the text has no %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "\x1b") {
		t.Error("there are colours where no terminal is")
	}
	_, github, _ := lint(t, ".", "-o", "github")
	for _, want := range []string{"::error file=broken.yaml,line=3,title=input/unreadable::", "::warning file=template.yaml,line=5,title=input/unknown-field::", "%0Ahint: "} {
		if !strings.Contains(github, want) {
			t.Errorf("the annotations have no %q:\n%s", want, github)
		}
	}
	_, document, _ := lint(t, ".", "-o", "sarif")
	log, err := sarif.FromString(document)
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Validate(); err != nil {
		t.Errorf("the SARIF does not fit the schema of 2.1.0: %v", err)
	}
	if log.Version != "2.1.0" || len(log.Runs) != 1 || *log.Runs[0].Tool.Driver.Name != "eventrig lint" || len(log.Runs[0].Results) < 3 {
		t.Errorf("the SARIF is not as it should be:\n%s", document)
	}
	for _, result := range log.Runs[0].Results {
		if rule := log.Runs[0].Tool.Driver.Rules[result.RuleIndex]; *rule.ID != *result.RuleID {
			t.Errorf("result of %s has the index of %s", *result.RuleID, *rule.ID)
		}
		if uri := *result.Locations[0].PhysicalLocation.ArtifactLocation.URI; strings.Contains(uri, "\\") || filepath.IsAbs(uri) {
			t.Errorf("the place %q is not relative to the checkout", uri)
		}
	}
}

func TestLintNothingFound(t *testing.T) {
	file := filepath.Join(t.TempDir(), "fine.yaml")
	if err := os.WriteFile(file, []byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: notes, namespace: a}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if status, stdout, stderr := lint(t, file, filepath.Dir(file)); status != 0 || stdout != "nothing found in 1 object\n" || stderr != "" {
		t.Errorf("exit status %d, stdout %q, stderr %q; want one line", status, stdout, stderr)
	}
	if status, stdout, _ := lint(t, file, "-o", "json"); status != 0 || len(decode(t, stdout).Findings) != 0 {
		t.Errorf("exit status %d: %s", status, stdout)
	}
}

func TestLintSuppressed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "suppressed.yaml")
	content := `apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata:
  name: sync
  namespace: a
  annotations:
    eventrig.dev/lint-ignore: |
      input/unknown-field: the operator's own field
spec:
  ours: 1
  entrypoint: main
  templates:
  - {name: main, suspend: {}}
`
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	status, stdout, _ := lint(t, file, "--fail-on", "warning")
	if status != 0 || !strings.Contains(stdout, "suppressed)") {
		t.Errorf("exit status %d: %s", status, stdout)
	}
	_, document, _ := lint(t, file, "-o", "sarif")
	if !strings.Contains(document, `"justification": "the operator's own field"`) {
		t.Errorf("the SARIF does not say why:\n%s", document)
	}
}

func TestLintRules(t *testing.T) {
	status, list, _ := lint(t, "--rules")
	if status != 0 || !strings.Contains(list, "wiring/duplicate-object") || !strings.Contains(list, "input/unreadable") {
		t.Errorf("exit status %d:\n%s", status, list)
	}
	for _, arguments := range [][]string{{"--rules", "wiring/duplicate-object"}, {"--rules=wiring/duplicate-object"}} {
		status, page, _ := lint(t, arguments...)
		if status != 0 || !strings.HasPrefix(page, "### wiring/duplicate-object\n") || !strings.Contains(page, "Bad:") || strings.Count(page, "### ") != 1 {
			t.Errorf("%v: exit status %d:\n%s", arguments, status, page)
		}
	}
	status, document, _ := lint(t, "--rules", "-o", "json")
	var rules []struct{ Rule, Severity, Title, Why, Bad, Good string }
	if err := json.Unmarshal([]byte(document), &rules); err != nil || status != 0 || len(rules) < 5 {
		t.Errorf("exit status %d, %v:\n%s", status, err, document)
	}
}

// The one error of UnderStack's own wiring: a template that lies in the folder and that no kustomization lists.
func TestLintBuiltin(t *testing.T) {
	folder := filepath.Join("..", "..", "manifests", "understack")
	for _, arguments := range [][]string{{"--builtin"}, {folder}} {
		status, stdout, _ := lint(t, append(arguments, "-o", "json", "--only", "wiring")...)
		var errors []string
		for _, finding := range decode(t, stdout).Findings {
			if finding.Severity == "error" {
				errors = append(errors, finding.Rule+" "+finding.Object)
			}
		}
		want := []string{"wiring/template-not-listed Sensor/openstack/neutron-event-network-segment-range"}
		if status != 1 || !slices.Equal(errors, want) {
			t.Errorf("lint %v: exit status %d, errors %q, want %q", arguments, status, errors, want)
		}
	}
}
