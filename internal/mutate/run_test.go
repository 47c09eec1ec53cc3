package mutate

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/eventrig/eventrig/e2e/rig"
	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/fixtures/scenarios"
	"github.com/eventrig/eventrig/internal/pipeline"
)

// keystone is the pipeline that a rig runs by default, with its scenarios.
func keystone(t testing.TB) (*pipeline.Graph, []scenario.Scenario) {
	t.Helper()
	graph, _, err := rig.Manifests(rig.Options{})
	if err != nil {
		t.Fatal(err)
	}
	all, err := scenario.LoadFS(scenarios.FS)
	if err != nil {
		t.Fatal(err)
	}
	return graph, all
}

func find(t *testing.T, report *Report, id string) Mutation {
	t.Helper()
	at := slices.IndexFunc(report.Mutants, func(m Mutation) bool { return m.ID == id })
	if at < 0 {
		t.Fatalf("there is no mutant %s", id)
	}
	return report.Mutants[at]
}

func TestTheOfflineTierKillsWhatSensorsDecide(t *testing.T) {
	graph, all := keystone(t)
	report, err := Run(t.Context(), graph, all, Options{Choice: Choice{Focus: regexp.MustCompile(`Sensor/`)}, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	const at = "Sensor/openstack/keystone-event-project spec.dependencies[0]"
	for _, id := range []string{
		"event-name " + at + ".eventName", "transform " + at + ".transform", "filter-drop " + at + ".filters.data[0]", "filter-path " + at + ".filters.data[0].path",
		"filter-value-drop " + at + ".filters.data[0].value[1]", "filter-comparator " + at + ".filters.data[0].comparator",
		"parameter-dest Sensor/openstack/keystone-event-project spec.triggers[0].template.k8s.parameters[1].dest",
	} {
		if m := find(t, report, id); m.Verdict != Killed || m.Scenario == "" || m.Why == "" || m.Tier != "offline" || m.Line == 0 {
			t.Errorf("%+v", m)
		}
	}
	if m := find(t, report, "filter-operator "+at+".filters.dataLogicalOperator"); m.Verdict != Equivalent {
		t.Errorf("%+v", m)
	}
	if m := find(t, report, "template-name Sensor/openstack/keystone-event-project spec.triggers[0].template.k8s.source.resource.spec.workflowTemplateRef.name"); m.Verdict != Open {
		t.Errorf("%+v", m)
	}
	// No scenario sends what an identity.project.* that is no creation, change or deletion would be.
	if m := find(t, report, "filter-widen "+at+".filters.data[0].value[0]"); m.Verdict != Survived || !strings.HasPrefix(m.Apart, "keystone/identity.project") {
		t.Errorf("%+v", m)
	}
	if report.Total.Left > 0 || len(report.Excluded) > 0 || report.Tier != "offline" {
		t.Errorf("%+v %+v", report.Total, report.Excluded)
	}
}

// What the offline tier cannot tell goes to rigs, and nothing else does.
func TestRigsGetWhatIsLeft(t *testing.T) {
	graph, all := keystone(t)
	stage := &fake{t: t, verdict: func(mutant, _ string) scenario.Verdict {
		if mutant != "" {
			return scenario.Failed
		}
		return scenario.Passed
	}}
	down := false
	report, err := Run(t.Context(), graph, all, Options{Choice: Choice{Operators: []string{"template-name", "filter-path", "command"}}, Seed: 1,
		Rigs: func(context.Context) ([]Stage, func() error, error) {
			return []Stage{stage}, func() error { down = true; return nil }, nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range report.Mutants {
		want := "fake"
		if m.Operator == "filter-path" {
			want = "offline"
		}
		if m.Verdict != Killed || m.Tier != want {
			t.Errorf("%+v", m)
		}
	}
	if !down || report.Tier != "embedded" {
		t.Errorf("the rigs are down: %v; %s", down, report.Tier)
	}
}

func TestReach(t *testing.T) {
	graph, all := keystone(t)
	reach, err := ReachOf(t.Context(), graph, all, 1)
	if err != nil {
		t.Fatal(err)
	}
	user := slices.IndexFunc(all, func(s scenario.Scenario) bool { return s.Metadata.Name == "keystone-user-created" })
	for key, want := range map[string]bool{
		"EventSource/openstack/openstack-keystone":                 true,
		"Sensor/openstack/keystone-event-project":                  true,
		"WorkflowTemplate/argo-events/keystone-event-project":      false, // nothing is started
		"Role/argo-events/executor":                                false,
		"RoleBinding/argo-events/openstack-sensor-submit-workflow": true,
	} {
		if got := slices.Contains(reach[key], user); got != want {
			t.Errorf("keystone-user-created comes to %s: %v", key, got)
		}
	}
	created := slices.IndexFunc(all, func(s scenario.Scenario) bool { return s.Metadata.Name == "keystone-project-created" })
	for _, key := range []string{
		"WorkflowTemplate/argo-events/keystone-event-project", "ServiceAccount/argo-events/workflow", "Role/argo-events/executor", "RoleBinding/argo-events/executor",
		"Role/argo-events/sensor-submit-workflow-role", "ServiceAccount/openstack/sensor-submit-workflow",
	} {
		if !slices.Contains(reach[key], created) {
			t.Errorf("keystone-project-created does not come to %s", key)
		}
	}
}
