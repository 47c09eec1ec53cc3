package cli_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// switchedChart is a chart whose Sensor is there also where its EventSource is switched off, and with a template that only
// one Sensor uses.
func switchedChart(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "site")
	for name, content := range map[string]string{
		"Chart.yaml":  "apiVersion: v2\nname: site\nversion: 0.1.0\n",
		"values.yaml": "enabled:\n  nova: true\n  sync: true\nbus: default\n",
		"templates/source.yaml": `apiVersion: argoproj.io/v1alpha1
kind: EventBus
metadata: {name: {{ .Values.bus }}, namespace: openstack}
spec: {jetstream: {version: latest}}
{{- if .Values.enabled.nova }}
---
apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: openstack-nova, namespace: openstack}
spec:
  calendar:
    tick: {schedule: "0 * * * *"}
{{- end }}
`,
		"templates/sensor.yaml": `apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: nova, namespace: openstack}
spec:
  dependencies:
  - {name: tick, eventSourceName: openstack-nova, eventName: tick}
  triggers:
  - template: {name: note, log: {}}
{{- if .Values.enabled.sync }}
---
apiVersion: argoproj.io/v1alpha1
kind: CronWorkflow
metadata: {name: sync, namespace: openstack}
spec:
  schedules: ["0 2 * * *"]
  workflowSpec:
    workflowTemplateRef: {name: sync}
{{- end }}
`,
		"templates/templates.yaml": `{{- range list "sync" "other" }}
---
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: {{ . }}, namespace: openstack}
spec:
  entrypoint: main
  templates:
  - {name: main, suspend: {}}
{{- end }}
---
apiVersion: argoproj.io/v1alpha1
kind: CronWorkflow
metadata: {name: other, namespace: openstack}
spec:
  schedules: ["0 2 * * *"]
  workflowSpec:
    workflowTemplateRef: {name: other}
`,
	} {
		file := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func TestLintTakesValuesOfCharts(t *testing.T) {
	folder := switchedChart(t)
	values := filepath.Join(t.TempDir(), "site.yaml")
	if err := os.WriteFile(values, []byte("bus: other\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		arguments []string
		status    int
		want      []string // the rules of the errors
	}{
		{nil, 0, nil},
		{[]string{"--values", values}, 1, []string{"wiring/no-event-bus", "wiring/no-event-bus"}},
		{[]string{"--set", "bus=other"}, 1, []string{"wiring/no-event-bus", "wiring/no-event-bus"}},
		{[]string{"--values", "site=" + values, "--set", "bus=default"}, 0, nil},
		{[]string{"--set", "enabled.nova=false"}, 1, []string{"wiring/unknown-event-source"}},
	} {
		status, stdout, stderr := lint(t, append([]string{folder, "-o", "json"}, test.arguments...)...)
		var errors []string
		for _, finding := range decode(t, stdout).Findings {
			if finding.Severity == "error" {
				errors = append(errors, finding.Rule)
			}
		}
		if status != test.status || !slices.Equal(errors, test.want) {
			t.Errorf("lint %v: exit status %d, errors %q, want %d, %q; %s", test.arguments, status, errors, test.status, test.want, stderr)
		}
	}
}

func TestLintRefusesOptionsOfCharts(t *testing.T) {
	folder := switchedChart(t)
	broken, plain := filepath.Join(t.TempDir(), "broken.yaml"), filepath.Join(t.TempDir(), "plain.yaml")
	for file, content := range map[string]string{broken: "a: 1\nb: [\n", plain: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: notes}\n"} {
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		arguments []string
		want      string
	}{
		{[]string{folder, "--values", filepath.Join(folder, "none.yaml")}, "none.yaml"},
		{[]string{folder, "--values", broken}, broken + ":"},
		{[]string{folder, "--values", "nova=" + plain}, `no chart "nova" was read`},
		{[]string{folder, "--set", "enabled"}, "--set enabled"},
		{[]string{folder, "--kube-version", "new"}, `--kube-version "new"`},
		{[]string{plain, "--set", "a=b"}, "no Helm chart among the manifests"},
	} {
		status, stdout, stderr := lint(t, test.arguments...)
		if status != 2 || stdout != "" || !strings.Contains(stderr, test.want) || !strings.Contains(stderr, "hint: ") {
			t.Errorf("lint %v: exit status %d, stdout %q, stderr %q; want 2 and %q", test.arguments, status, stdout, stderr, test.want)
		}
	}
}

func TestLintAllEnabled(t *testing.T) {
	folder := switchedChart(t)
	status, stdout, _ := lint(t, folder, "--all-enabled", "-o", "json")
	var report struct {
		Findings     []struct{ Rule, Severity, Object, Combination string }
		Combinations []struct {
			Chart string
			Set   []string
		}
	}
	if err := json.Unmarshal([]byte(stdout), &report); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(report.Combinations); got != "[{site [enabled.nova=false enabled.sync=false]} {site [enabled.sync=false]} {site [enabled.nova=false]}]" {
		t.Errorf("combinations %s", got)
	}
	var notable []string
	for _, finding := range report.Findings {
		if finding.Severity != "info" {
			notable = append(notable, finding.Rule+" "+finding.Object+" in "+finding.Combination)
		}
		// It is used where sync is enabled.
		if finding.Rule == "wiring/unused-template" {
			t.Errorf("a template is called unused: %+v", finding)
		}
	}
	// Two combinations show it: the one that changes less is named.
	want := []string{"wiring/unknown-event-source Sensor/openstack/nova in site with enabled.nova=false"}
	if status != 1 || !slices.Equal(notable, want) {
		t.Errorf("exit status %d, findings %q, want %q", status, notable, want)
	}
	_, text, _ := lint(t, folder, "--all-enabled")
	for _, line := range []string{
		"    in: site with enabled.nova=false\n",
		"chart site with the values as given and 3 other combinations: every combination of enabled.nova, enabled.sync\n",
	} {
		if !strings.Contains(text, line) {
			t.Errorf("the text has no %q:\n%s", line, text)
		}
	}
	for _, format := range []string{"github", "sarif"} {
		_, stdout, stderr := lint(t, folder, "--all-enabled", "-o", format)
		if !strings.Contains(stdout, "in: site with enabled.nova=false") || !strings.Contains(stderr, "3 other combinations") {
			t.Errorf("-o %s does not say where:\n%s%s", format, stdout, stderr)
		}
	}
	// Without the flag it is as the values say.
	if status, text, _ := lint(t, folder); status != 0 || strings.Contains(text, "combination") {
		t.Errorf("exit status %d: %s", status, text)
	}
}
