package cli_test

import (
	"bytes"
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
	field := write("field.yaml", "apiVersion: eventrig.dev/v1alpha1\nkind: Scenario\nmetadata: {name: x}\nspec:\n  then:\n    workflow: []\n")
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
		"missing manifests": {[]string{"test", "--manifests", folder + "/none"}, []string{"none"}},
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
