package cli_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/eventrig/eventrig/internal/cli"
)

// What a user gets wrong is found before anything is started: exit status 2, a first line that names it, and what to do.
func TestWrongUse(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("XDG_STATE_HOME", folder)
	write := func(name, content string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	manifest := write("manifest.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a\n")
	pod := write("pod.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n")
	field := write("field.yaml", "apiVersion: eventrig.dev/v1alpha1\nkind: Scenario\nmetadata: {name: x}\nspec:\n  then:\n    workflow: []\n")
	const head = "apiVersion: eventrig.dev/v1alpha1\nkind: Scenario\nmetadata: {name: x}\n"
	scenario := func(step, then string) string {
		return write(fmt.Sprintf("%x.yaml", sha256.Sum256([]byte(step+then))), head+"spec:\n  when: [{"+step+"}]\n  then:\n    "+then+"\n")
	}
	for name, test := range map[string]struct {
		arguments []string
		want      []string
	}{
		"unknown command":   {[]string{"statu"}, []string{`unknown command "statu"`, "did you mean: status"}},
		"unknown flag":      {[]string{"up", "--bogus"}, []string{"unknown flag: --bogus", "eventrig up --help"}},
		"extra argument":    {[]string{"status", "extra"}, []string{"extra", "eventrig status --help"}},
		"wrong duration":    {[]string{"up", "--timeout", "x"}, []string{"--timeout", "eventrig up --help"}},
		"unknown output":    {[]string{"status", "-o", "yaml"}, []string{`"yaml"`, "use text or json"}},
		"unknown bus":       {[]string{"test", "--bus", "kafka"}, []string{`"kafka"`, "jetstream"}},
		"broken expression": {[]string{"test", "--focus", "("}, []string{"--focus"}},
		"nothing selected":  {[]string{"test", "--focus", "^none$"}, []string{"no scenario", "eventrig test --list"}},
		"no rig: status":    {[]string{"status"}, []string{"no rig is up", "eventrig up"}},
		"no rig: down":      {[]string{"down"}, []string{"no rig is up", "eventrig up"}},
		"no such rig":       {[]string{"down", "--rig", "x"}, []string{`no rig named "x"`, "rigs that are up: none"}},
		"no rig: publish":   {[]string{"publish", "keystone/identity.project.created"}, []string{"no rig is up"}},
		"unknown event":     {[]string{"publish", "--dry-run", "keystone/identity.project.craeted"}, []string{"identity.project.created", "--list"}},
		"broken manifest":   {[]string{"test", "--manifests", manifest}, []string{manifest + ":", "not valid YAML"}},
		"wrong field":       {[]string{"test", field}, []string{field + ":6:", `"workflow"`, `did you mean "workflows"`}},
		"missing scenario":  {[]string{"test", filepath.Join(folder, "none.yaml")}, []string{"none.yaml"}},
		"tier to come":      {[]string{"test", "--tier", "kind"}, []string{"tier kind is not there yet", "this eventrig has: embedded"}},
		"unknown tier":      {[]string{"test", "--tier", "cloud"}, []string{`"cloud" is unknown`, "this eventrig has: embedded"}},
		"offline and rig":   {[]string{"test", "--tier", "offline", "--rig", "x"}, []string{"--rig is a matter of a rig"}},
		"offline and image": {[]string{"test", "--tier", "offline", "--image", "a=command:/bin/true"}, []string{"--image is a matter of a rig"}},
		"offline and event": {[]string{"test", "--tier", "offline", "--event", manifest}, []string{"--tier offline has none", "eventrig explain --event"}},
		"no parallel":       {[]string{"test", "--parallel", "0"}, []string{"--parallel 0", "a number from 1"}},
		"no attempts":       {[]string{"test", "--flake-attempts", "0"}, []string{"--flake-attempts 0"}},
		"join no rig":       {[]string{"test", "--rig", "x"}, []string{`no rig named "x" is up`}},
		"join and choose":   {[]string{"test", "--rig", "x", "--bus", "jetstream"}, []string{"--bus is a matter of the rig", "eventrig up"}},
		"join and keep":     {[]string{"test", "--rig", "x", "--keep", "always"}, []string{"--keep is a matter of the rig"}},
		"event and path":    {[]string{"test", "--event", manifest, field}, []string{"--event sends a message of its own"}},
		"event and focus":   {[]string{"test", "--event", manifest, "--focus", "x"}, []string{"--focus chooses scenarios"}},
		"write of nothing":  {[]string{"test", "--write-scenario", "x.yaml"}, []string{"--event FILE"}},
		"missing event":     {[]string{"test", "--event", folder + "/none"}, []string{"none"}},
		"event no JSON":     {[]string{"test", "--event", manifest}, []string{manifest, "manifest.yaml:1: not JSON"}},
		"event no route":    {[]string{"test", "--event", write("bare.json", `{"a": 1}`)}, []string{"bare.json", "event_type"}},
		"dry run: event":    {[]string{"test", "--dry-run", scenario("publish: {event: keystone/identity.project.craeted}", "sensors: [{name: keystone-event-project, fires: 1}]")}, []string{"identity.project.created"}},
		"dry run: sensor":   {[]string{"test", "--dry-run", scenario("wait-settled: {}", "sensors: [{name: keystone-event-projct, fires: 1}]")}, []string{":7: ", `did you mean "keystone-event-project"`}},
		"dry run: template": {[]string{"test", "--dry-run", scenario("submit: {template: argo-events/none}", "workflows: [{template: argo-events/none}]")}, []string{`no WorkflowTemplate "argo-events/none"`}},
		"dry run: fault":    {[]string{"test", "--dry-run", scenario("fault: {nautobot: {stauts: 503}}", "sensors: [{name: keystone-event-project, fires: 0}]")}, []string{`"stauts"`, "status"}},
		"dry run: hook":     {[]string{"test", "--dry-run", scenario("webhook: {eventSource: openstack-keystone, event: x}", "sensors: [{name: keystone-event-project, fires: 0}]")}, []string{`no webhook event "x"`}},
		"dry run: path":     {[]string{"test", "--dry-run", scenario("wait-settled: {}", "nautobot: [{path: tenancy/tenant}]")}, []string{"tenancy/tenants"}},
		"dry run: world":    {[]string{"test", "--dry-run", strings.TrimSpace(write("world.yaml", head+"spec:\n  given: {worlds: [one-domian]}\n  when: [{wait-settled: {}}]\n  then: {ledger: {lost: 0}}\n"))}, []string{"one-domian"}},
		"lint: no path":     {[]string{"lint"}, []string{"no PATH", "--builtin"}},
		"lint: no file":     {[]string{"lint", folder, folder + "/none"}, []string{folder + "/none"}},
		"lint: nothing":     {[]string{"lint", t.TempDir()}, []string{"no manifests in"}},
		"lint: no rule":     {[]string{"lint", folder, "--only", "wiring/duplicate-objekt"}, []string{`"wiring/duplicate-objekt"`, `did you mean "wiring/duplicate-object"`}},
		"lint: no page":     {[]string{"lint", "--rules", "wirng"}, []string{`"wirng"`, `did you mean "wiring"`}},
		"lint: output":      {[]string{"lint", folder, "-o", "xml"}, []string{`"xml"`, "sarif"}},
		"lint: fail on":     {[]string{"lint", folder, "--fail-on", "info"}, []string{`"info"`, "error, warning or never"}},
		"missing manifests": {[]string{"test", "--manifests", folder + "/none"}, []string{"none"}},
		"coverage: output":  {[]string{"coverage", "-o", "xml"}, []string{`"xml"`, "text, json or html"}},
		"coverage: kind":    {[]string{"coverage", "--fail-under", "senser=80"}, []string{`no kind "senser"`, "did you mean sensor?"}},
		"coverage: percent": {[]string{"coverage", "--fail-under", "120"}, []string{`"120" is no percentage`, "sensor=100"}},
		"coverage: time":    {[]string{"coverage", "--time", "noon"}, []string{`--time "noon"`, "2026-11-24T18:00:00Z"}},
		"coverage: form":    {[]string{"coverage", "--corpus", field, "--form", "xml"}, []string{`"xml"`, "envelope"}},
		"coverage: source":  {[]string{"coverage", "--source", "nova"}, []string{`--source "nova" is not NAMESPACE/NAME/EVENT`}},
		"coverage: corpus":  {[]string{"coverage", "--corpus", folder + "/none"}, []string{folder + "/none", "a file with events"}},
		"coverage: events":  {[]string{"coverage", "--corpus", t.TempDir()}, []string{".jsonl"}},
		"coverage: stdin":   {[]string{"coverage", "--corpus", "-"}, []string{"standard input:1: it holds no message", "JSON Lines"}},
		"coverage: YAML":    {[]string{"coverage", "--manifests", manifest}, []string{manifest + ":", "not valid YAML"}},
		"coverage: nothing": {[]string{"coverage", "--manifests", pod}, []string{"there is no Sensor in " + pod, "--manifests"}},
		"coverage: extra":   {[]string{"coverage", folder}, []string{folder, "eventrig coverage --help"}},
		"whatif: no side":   {[]string{"whatif"}, []string{"nothing to compare with", "--old DIR"}},
		"whatif: no new":    {[]string{"whatif", "--old", pod}, []string{"nothing to compare " + pod + " with", "--new DIR"}},
		"whatif: no folder": {[]string{"whatif", "--old", folder + "/none", "--new", pod}, []string{"--old " + folder + "/none", "REV:PATH"}},
		"whatif: nothing":   {[]string{"whatif", "--old", pod, "--new", pod}, []string{"no Sensor in " + pod}},
		"whatif: YAML":      {[]string{"whatif", "--old", pod, "--new", manifest}, []string{manifest + ":", "not valid YAML"}},
		"whatif: output":    {[]string{"whatif", "--old", pod, "--new", pod, "-o", "html"}, []string{`"html"`, "use text or json"}},
		"whatif: scenarios": {[]string{"whatif", "--old", pod, "--new", pod, "--scenarios", folder + "/none"}, []string{"none"}},
		"explain: no event": {[]string{"explain"}, []string{"no event to explain", "--event FILE"}},
		"explain: sensor":   {[]string{"explain", "--event", pod, "--sensor", "("}, []string{`--sensor "("`}},
		"explain: expect":   {[]string{"explain", "--event", pod, "--expect", "keystone-event-project=runs"}, []string{"keystone-event-project=runs", "silent"}},
		"explain: time":     {[]string{"explain", "--event", pod, "--time", "noon"}, []string{`--time "noon"`}},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if status := cli.Main(test.arguments, &stdout, &stderr); status != 2 {
				t.Errorf("exit status %d, want 2", status)
			}
			for _, want := range test.want {
				if !strings.Contains(stderr.String(), want) {
					t.Errorf("stderr has no %q:\n%s", want, stderr.String())
				}
			}
			if stdout.Len() > 0 {
				t.Errorf("stdout of a failure holds: %s", stdout.String())
			}
		})
	}
}

// A rig that a killed process left is no rig that is up, and down --all removes it with the logs of failed ones.
func TestDownAll(t *testing.T) {
	state := t.TempDir()
	t.Setenv("XDG_STATE_HOME", state)
	killed, failed := filepath.Join(state, "eventrig", "rigs", "killed"), filepath.Join(state, "eventrig", "failed", "old")
	for _, folder := range []string{killed, failed} {
		if err := os.MkdirAll(filepath.Join(folder, "logs"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	var stdout, stderr bytes.Buffer
	if status := cli.Main([]string{"status", "--rig", "old"}, &stdout, &stderr); status != 2 || !strings.Contains(stderr.String(), failed) {
		t.Errorf("status of a failed rig: exit status %d, its logs are not named:\n%s", status, stderr.String())
	}
	stderr.Reset()
	if status := cli.Main([]string{"down", "--all"}, &stdout, &stderr); status != 0 {
		t.Fatalf("exit status %d: %s", status, stderr.String())
	}
	for _, folder := range []string{killed, failed} {
		if _, err := os.Stat(folder); !os.IsNotExist(err) {
			t.Errorf("%s is still there (%v)", folder, err)
		}
		if !strings.Contains(stdout.String(), folder) {
			t.Errorf("stdout does not name %s: %s", folder, stdout.String())
		}
	}
}

// At the tier offline nothing is started; what was not looked at is named, and a selection of which nothing can be decided is
// no success.
func TestOffline(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	var stdout, stderr bytes.Buffer
	arguments := []string{"test", "--tier", "offline", "--artifacts", t.TempDir()}
	if status := cli.Main(arguments, &stdout, &stderr); status != 0 {
		t.Fatalf("exit status %d: %s%s", status, stdout.String(), stderr.String())
	}
	for _, want := range []string{"keystone-project-created  ", "  offline  passed", "not checked at this tier:", "then.nautobot in ", "then.workflows.phase in ", "argo-events 1.9.10"} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("stdout has no %q:\n%s", want, stdout.String())
		}
	}
	only := filepath.Join(t.TempDir(), "only.yaml")
	content := "apiVersion: eventrig.dev/v1alpha1\nkind: Scenario\nmetadata: {name: x}\nspec:\n  when: [{publish: {event: keystone/identity.user.created}}]\n  then: {requests: [{to: nautobot, count: 0}]}\n"
	if err := os.WriteFile(only, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	stdout.Reset()
	stderr.Reset()
	if status := cli.Main(append(arguments, only), &stdout, &stderr); status != 2 || !strings.Contains(stderr.String(), "every selected scenario was skipped") || !strings.Contains(stdout.String(), "1 skipped") {
		t.Errorf("exit status %d:\n%s%s", status, stdout.String(), stderr.String())
	}
	wrong := strings.Replace(content, "requests: [{to: nautobot, count: 0}]", "sensors: [{name: keystone-event-project, fires: 1}]", 1)
	if err := os.WriteFile(only, []byte(wrong), 0o644); err != nil {
		t.Fatal(err)
	}
	stdout.Reset()
	if status := cli.Main(append(arguments, only, "-o", "json"), &stdout, &stderr); status != 1 {
		t.Errorf("exit status %d:\n%s", status, stdout.String())
	}
	var document struct {
		Verdict   string
		Scenarios []struct {
			Tier     string
			Failures []struct {
				Explanation []struct{ Sensor, Verdict, Step, Path, Text string }
			}
		}
	}
	if err := json.Unmarshal(stdout.Bytes(), &document); err != nil {
		t.Fatalf("%v: %s", err, stdout.String())
	}
	explained := document.Scenarios[0].Failures[0].Explanation
	if document.Verdict != "failed" || document.Scenarios[0].Tier != "offline" || len(explained) != 1 || explained[0].Verdict != "filtered" || explained[0].Path != "event_type" {
		t.Errorf("%+v", document)
	}
}

// A dry run of the built-in scenarios finds nothing wrong, says what would be done, and starts nothing.
func TestDryRun(t *testing.T) {
	state := t.TempDir()
	t.Setenv("XDG_STATE_HOME", state)
	var stdout, stderr bytes.Buffer
	if status := cli.Main([]string{"test", "--dry-run", "--seed", "7"}, &stdout, &stderr); status != 0 {
		t.Fatalf("exit status %d: %s", status, stderr.String())
	}
	for _, want := range []string{"keystone-project-created  (", "publish: {event: keystone/identity.project.created, set: {payload.", "runs alone: it applies objects", "nothing was run"} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("stdout has no %q:\n%s", want, stdout.String())
		}
	}
	if strings.Contains(stdout.String(), "${") {
		t.Errorf("a variable is left:\n%s", stdout.String())
	}
	var first, second bytes.Buffer
	for _, out := range []*bytes.Buffer{&first, &second} {
		if status := cli.Main([]string{"test", "--dry-run", "--seed", "7", "-o", "json"}, out, &stderr); status != 0 {
			t.Fatalf("exit status %d: %s", status, stderr.String())
		}
	}
	if first.String() != second.String() {
		t.Error("the same seed drew other values")
	}
	var document struct {
		DryRun    bool
		Scenarios []struct {
			Name string
			Runs bool
		}
	}
	if err := json.Unmarshal(first.Bytes(), &document); err != nil || !document.DryRun || len(document.Scenarios) < 6 || !document.Scenarios[0].Runs {
		t.Errorf("%v: %s", err, first.String())
	}
	if left, err := os.ReadDir(state); err != nil || len(left) > 0 {
		t.Errorf("%v %v", left, err)
	}
}
