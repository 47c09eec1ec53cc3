package mutate_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/eventrig/eventrig/internal/cli/clitest"
	command "github.com/eventrig/eventrig/internal/cli/mutate"
	"github.com/eventrig/eventrig/internal/mutate"
)

func run(t testing.TB, arguments ...string) (stdout string, status int, err error) {
	t.Helper()
	return clitest.Run(t, command.New(), arguments...)
}

var small = []string{"--manifests", "testdata/manifests.yaml", "testdata/scenarios.yaml", "--reasons", "testdata/reasons.yaml"}

func TestText(t *testing.T) {
	out, status, err := run(t, small...)
	if status != 1 || err == nil || !strings.Contains(err.Error(), "that no scenario notices") {
		t.Fatalf("exit status %d: %v", status, err)
	}
	for _, want := range []string{
		"survived: no scenario notices\n", "  testdata/manifests.yaml:26: filter-value-drop Sensor/openstack/projects: without identity.project.deleted\n",
		"      a scenario could send keystone/identity.project.deleted\n", "reasoned\n  testdata/manifests.yaml:", "      the Sensor asks for nothing but the creation\n",
		"openstack/projects ", "left out, it does not pass with the manifests as they are written (offline): wrong: ",
		"testdata/reasons.yaml:5: every mutant that the entry fits is killed: take it out\n", "only a rig can tell: --tier embedded\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the text has no %q", want)
		}
	}
	if t.Failed() {
		t.Log(out)
	}
}

func TestJSON(t *testing.T) {
	out, status, err := run(t, append(small, "-o", "json")...)
	if status != 1 {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(strings.NewReader(out))
	decoder.DisallowUnknownFields()
	var report mutate.Report
	if err := decoder.Decode(&report); err != nil {
		t.Fatal(err)
	}
	verdicts := map[string]mutate.Verdict{}
	for _, m := range report.Mutants {
		verdicts[m.ID] = m.Verdict
		if m.File != "testdata/manifests.yaml" || m.Line == 0 || m.Change == "" {
			t.Errorf("%+v", m)
		}
	}
	for id, want := range map[string]mutate.Verdict{
		"transform Sensor/openstack/projects spec.dependencies[0].transform":                                                  mutate.Killed,
		"filter-value-drop Sensor/openstack/projects spec.dependencies[0].filters.data[0].value[0]":                           mutate.Killed,
		"filter-value-drop Sensor/openstack/projects spec.dependencies[0].filters.data[0].value[1]":                           mutate.Survived, // no scenario deletes
		"rbac-verb Role/openstack/submitter rules[0].verbs[0]":                                                                mutate.Killed,
		"rbac-verb Role/openstack/submitter rules[0].verbs[1]":                                                                mutate.Reasoned,
		"command Sensor/openstack/projects spec.triggers[0].template.k8s.source.resource.spec.templates[0].container.command": mutate.Open,
	} {
		if verdicts[id] != want {
			t.Errorf("%s: %q, want %q", id, verdicts[id], want)
		}
	}
	if len(report.Excluded) != 1 || report.Excluded[0].Name != "wrong" {
		t.Errorf("%+v", report.Excluded)
	}
	// It notices that the Sensor is gone.
	if never := report.NeverFail(); len(never) != 0 {
		t.Errorf("%+v", never)
	}
}

func TestAScenarioForEachLeavesNoSurvivor(t *testing.T) {
	out, status, err := run(t, append(small, "--operators", "transform,event-name,parameter-drop")...)
	if status != 0 || !strings.Contains(out, "scenarios that failed with none of the mutants that they ran with\n  testdata/scenarios.yaml:13: says-little (") {
		t.Errorf("exit status %d: %v\n%s", status, err, out)
	}
}

func TestLists(t *testing.T) {
	out, status, err := run(t, append(small, "--list", "--focus", "filter-value-drop")...)
	if status != 0 || !strings.HasPrefix(out, "testdata/manifests.yaml:26: filter-value-drop Sensor/openstack/projects spec.dependencies[0].filters.data[0].value[0]: without identity.project.created\n") || !strings.HasSuffix(out, "2 mutants\n") {
		t.Errorf("exit status %d, %v: %s", status, err, out)
	}
	out, status, err = run(t, "--list-operators", "-o", "json")
	if err != nil {
		t.Error(err)
	}
	var operators []struct{ Name, Does string }
	if err := json.Unmarshal([]byte(out), &operators); err != nil || len(operators) != len(mutate.Operators) {
		t.Errorf("exit status %d, %v: %s", status, err, out)
	}
	// Without other manifests those that are built in.
	out, status, err = run(t, "--list", "--focus", "event-name Sensor/openstack/nova-oslo-event")
	if status != 0 || !strings.HasPrefix(out, "understack/sensors/nova-oslo-event/sensor.yaml:") {
		t.Errorf("exit status %d, %v: %s", status, err, out)
	}
}

func TestBadInput(t *testing.T) {
	with := func(more ...string) []string { return append(append([]string{}, small...), more...) }
	for name, c := range map[string]struct {
		arguments []string
		want      string
	}{
		"output":       {with("-o", "xml"), `"xml"`},
		"tier":         {with("--tier", "kind"), `"kind"`},
		"operator":     {with("--operators", "filters"), `"filters"`},
		"focus":        {with("--focus", "("), "--focus"},
		"nothing":      {with("--focus", "^none"), "nothing to change"},
		"sample":       {with("--sample", "-1"), "--sample"},
		"rigs":         {with("--rigs", "0"), "--rigs"},
		"no manifests": {[]string{"--manifests", "testdata/none"}, "testdata/none"},
		"no scenario":  {[]string{"--manifests", "testdata/manifests.yaml", "testdata/none"}, "testdata/none"},
		"no reasons":   {with("--reasons", "testdata/none"), "testdata/none"},
		"reasons":      {with("--reasons", "testdata/scenarios.yaml"), "testdata/scenarios.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			out, status, err := run(t, c.arguments...)
			if status != 2 || err == nil || !strings.Contains(err.Error(), c.want) || out != "" {
				t.Errorf("exit status %d, %v: %s", status, err, out)
			}
		})
	}
}
