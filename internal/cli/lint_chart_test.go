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

// Who switches a chart's EventBus off has another; who puts it elsewhere by a value has made a mistake.
func TestLintTakesASwitchedOffBusForGiven(t *testing.T) {
	folder := t.TempDir()
	for name, content := range map[string]string{
		"chart/Chart.yaml":          "apiVersion: v2\nname: site\nversion: 0.1.0\n",
		"chart/values.yaml":         "eventbus: {enabled: true}\nsource: {enabled: true}\nbus: default\n",
		"chart/templates/bus.yaml":  "{{- if .Values.eventbus.enabled }}\napiVersion: argoproj.io/v1alpha1\nkind: EventBus\nmetadata: {name: {{ .Values.bus }}}\nspec: {jetstream: {version: latest}}\n{{- end }}\n",
		"chart/templates/tick.yaml": "{{- if .Values.source.enabled }}\napiVersion: argoproj.io/v1alpha1\nkind: EventSource\nmetadata: {name: clock}\nspec: {calendar: {tick: {schedule: \"0 * * * *\"}}}\n{{- end }}\n",
		"kust/kustomization.yaml":   "resources: [bus.yaml]\n",
		"kust/bus.yaml":             "apiVersion: argoproj.io/v1alpha1\nkind: EventBus\nmetadata: {name: default}\nspec: {jetstream: {version: latest}}\n",
	} {
		file := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	chart, kust := filepath.Join(folder, "chart"), filepath.Join(folder, "kust")
	arguments := []string{chart, kust, "--namespace", chart + "=openstack", "--namespace", kust + "=argo-events", "--all-enabled"}
	if status, stdout, stderr := lint(t, arguments...); status != 0 {
		t.Errorf("exit status %d\n%s%s", status, stdout, stderr)
	}
	if status, stdout, _ := lint(t, append(arguments, "--set", "bus=other")...); status != 1 || !strings.Contains(stdout, "wiring/no-event-bus") {
		t.Errorf("with another name: exit status %d\n%s", status, stdout)
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
