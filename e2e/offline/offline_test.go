package offline_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/eventrig/eventrig/e2e/offline"
	"github.com/eventrig/eventrig/e2e/rig"
	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/fixtures/scenarios"
	"github.com/eventrig/eventrig/internal/ledger"
	"github.com/eventrig/eventrig/internal/report"
)

const understack = "../../manifests/understack"

func runner(t testing.TB, options rig.Options) *offline.Runner {
	t.Helper()
	r, err := offline.New(options)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func load(t testing.TB, from fs.FS) []scenario.Scenario {
	t.Helper()
	all, err := scenario.LoadFS(from)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// parse makes scenarios of documents without their head.
func parse(t testing.TB, spec string) scenario.Scenario {
	t.Helper()
	all, err := scenario.Parse("s.yaml", []byte("apiVersion: eventrig.dev/v1alpha1\nkind: Scenario\nmetadata: {name: s}\nspec:\n"+spec))
	if err != nil {
		t.Fatal(err)
	}
	return all[0]
}

func names(skipped []scenario.Skip) []string {
	var all []string
	for _, skip := range skipped {
		all = append(all, skip.Name)
	}
	return all
}

func TestTheScenariosOfTheTreeHoldAsFarAsTheyCanBeDecided(t *testing.T) {
	for name, c := range map[string]struct {
		from      fs.FS
		manifests []string
		fewest    int // scenarios of which something is decided
	}{
		"built in":   {scenarios.FS, nil, 7},
		"UnderStack": {scenarios.UnderStack, []string{understack}, 30},
	} {
		t.Run(name, func(t *testing.T) {
			r := runner(t, rig.Options{Manifests: c.manifests})
			decided := 0
			for _, s := range load(t, c.from) {
				result := r.Run(t.Context(), s, scenario.Options{Seed: 1})
				switch result.Verdict {
				case scenario.Passed, scenario.KnownDefect:
					decided++
				case scenario.Skipped:
					t.Logf("%s is skipped: %+v", result.Name, result.Failures)
				default:
					t.Errorf("%s%s", result.String(), report.Timeline(result))
				}
				whole := result.Verdict != scenario.Skipped && len(result.Skipped) == 0
				if result.Tier != offline.Tier || whole && len(s.Spec.Then.Nautobot)+len(s.Spec.Then.Pods)+len(s.Spec.Then.Requests) > 0 {
					t.Errorf("%s at %s leaves nothing out", result.Name, result.Tier)
				}
			}
			if decided < c.fewest {
				t.Errorf("%d scenarios are decided, want at least %d", decided, c.fewest)
			}
		})
	}
}

const created = "  when: [{publish: {event: keystone/identity.project.created, set: {payload.target.id: 1f0e8d7c6b5a49382716a5b4c3d2e1f0}}}]\n"

func TestAWrongExpectationFailsAndIsExplained(t *testing.T) {
	r := runner(t, rig.Options{})
	for name, c := range map[string]struct{ spec, expected, explanation string }{
		"fires":     {created + "  then: {sensors: [{name: keystone-event-project, fires: 0}]}\n", "fires 0 times", "identity.project.created: fires: filters pass: event_type is "},
		"silent":    {"  when: [{publish: {event: keystone/identity.user.created}}]\n  then: {sensors: [{name: keystone-event-project, fires: 1}]}\n", "fires once", "identity.user.created: filtered: filter event_type is "},
		"malformed": {"  when: [{publish: {event: keystone/identity.project.created, driver: messaging}}]\n  then: {sensors: [{name: keystone-event-project, fires: 1}]}\n", "fires once", "transform-error"},
		"parameter": {created + "  then: {workflows: [{sensor: keystone-event-project, phase: Succeeded, parameters: {project_uuid: x}}]}\n", "project_uuid=x", "project_uuid <- dataKey payload.target.id = 1f0e8d7c6b5a49382716a5b4c3d2e1f0"},
		"too few":   {created + "  then: {workflows: [{sensor: keystone-event-project, phase: Succeeded, count: 2}]}\n", ">=2 Workflows", ""},
	} {
		t.Run(name, func(t *testing.T) {
			result := r.Run(t.Context(), parse(t, c.spec), scenario.Options{})
			if result.Verdict != scenario.Failed {
				t.Fatalf("%s: %+v", result.Verdict, result.Failures)
			}
			f := result.Failures[0]
			if !strings.Contains(f.Expected, c.expected) {
				t.Errorf("expected %q", f.Expected)
			}
			var explained []string
			for _, e := range f.Explanation {
				explained = append(explained, e.String())
			}
			if !strings.Contains(strings.Join(explained, "\n"), c.explanation) {
				t.Errorf("explanation %q", explained)
			}
			if c.explanation != "" && !strings.Contains(explained[0], "sensor.yaml:") && name != "fires" && name != "parameter" {
				t.Errorf("the explanation names no line: %q", explained[0])
			}
		})
	}
}

func TestWhatCannotBeDecidedIsNamedAndNeverPassed(t *testing.T) {
	then := `  then:
    sensors: [{name: keystone-event-project, fires: 1}]
    workflows: [{sensor: keystone-event-project, phase: Failed, count: 0}, {sensor: keystone-event-project, phase: Succeeded, parameters: {event_type: identity.project.created}}]
    nautobot: [{path: tenancy/tenants, count: 99}]
    openstack: [{path: projects, count: 99}]
    requests: [{to: nautobot, count: 99}]
    pods: [{sensor: keystone-event-project, exitCode: 99}]
    objects: [{apiVersion: v1, kind: Secret, count: 99}]
    ledger: {maxLatency: {workflow: 1ns}}
`
	result := runner(t, rig.Options{}).Run(t.Context(), parse(t, created+then), scenario.Options{})
	if result.Verdict != scenario.Passed {
		t.Fatalf("%s", result.String())
	}
	want := []string{"then.workflows[0].phase keystone-event-project", "then.workflows[1].phase keystone-event-project", "then.nautobot[0] tenancy/tenants", "then.openstack[0] projects",
		"then.requests[0] nautobot", "then.pods[0] keystone-event-project", "then.objects[0] Secret", "then.ledger"}
	if got := names(result.Skipped); !slices.Equal(got, want) {
		t.Errorf("skipped %q\nwant    %q", got, want)
	}
	for name, c := range map[string]struct{ spec, reason string }{
		"nothing to decide":   {created + "  then: {nautobot: [{path: tenancy/tenants, count: 99}]}\n", "handlers' pods write"},
		"only the phase":      {created + "  then: {workflows: [{sensor: keystone-event-project, phase: Failed, count: 0}]}\n", "how a Workflow ends"},
		"the broker goes":     {"  when: [{fault: {broker: restart}}, {publish: {event: keystone/identity.user.created}}]\n  then: {sensors: [{name: keystone-event-project, fires: 0}]}\n", "the broker is disturbed"},
		"an EventSource goes": {"  when: [{fault: {scale: {kind: EventSource, name: openstack/openstack-keystone, replicas: 0}}}]\n  then: {sensors: [{name: keystone-event-project, fires: 0}]}\n", "is scaled"},
		"only a submission":   {"  when: [{submit: {template: argo-events/keystone-event-project}}]\n  then: {workflows: [{template: argo-events/keystone-event-project}]}\n", "made by a cluster"},
	} {
		t.Run(name, func(t *testing.T) {
			result := runner(t, rig.Options{}).Run(t.Context(), parse(t, c.spec), scenario.Options{})
			if result.Verdict != scenario.Skipped || len(result.Failures) != 1 || !strings.Contains(result.Failures[0].Expected, c.reason) {
				t.Errorf("%s: %+v", result.Verdict, result.Failures)
			}
		})
	}
}

// sensor is a manifest beside UnderStack's EventSources and roles; trigger is the trigger's template without its name.
func sensor(account, trigger string) string {
	return `  given:
    objects:
      - apiVersion: argoproj.io/v1alpha1
        kind: Sensor
        metadata: {name: mine, namespace: openstack}
        spec:
          template: {serviceAccountName: ` + account + `}
          dependencies:
            - {name: d, eventSourceName: openstack-keystone, eventName: notifications}
          triggers:
            - template: {name: t, ` + trigger + `}
  when: [{publish: {event: keystone/identity.user.created}}, {publish: {event: keystone/identity.user.deleted}}]
`
}

func TestTheAnswerOfTheAPIServerIsThatOfTheRolesInTheManifests(t *testing.T) {
	make := func(namespace string) string {
		return "k8s: {operation: create, source: {resource: {apiVersion: argoproj.io/v1alpha1, kind: Workflow, metadata: {generateName: x-, namespace: " + namespace + "}, spec: {}}}}"
	}
	r := runner(t, rig.Options{})
	for name, c := range map[string]struct{ account, trigger, sensors string }{
		"may":               {"sensor-submit-workflow", make("argo-events"), "fires: 2, fails: 0"},
		"not in that place": {"sensor-submit-workflow", make("openstack"), `fires: 0, fails: 2, reason: 'workflows\.argoproj\.io is forbidden: User "system:serviceaccount:openstack:sensor-submit-workflow" cannot create resource "workflows" in API group "argoproj.io" in the namespace "openstack"'`},
		"may not":           {"default", make("argo-events"), "fires: 0, fails: 2, reason: forbidden"},
		"needs no right":    {"default", "log: {}", "fires: 2, fails: 0"},
	} {
		t.Run(name, func(t *testing.T) {
			result := r.Run(t.Context(), parse(t, sensor(c.account, c.trigger)+"  then: {sensors: [{name: mine, "+c.sensors+"}]}\n"), scenario.Options{})
			if result.Verdict != scenario.Passed {
				t.Errorf("%s%s", result.String(), report.Timeline(result))
			}
		})
	}
}

func TestASensorOfWhichTooLittleIsKnownIsSkipped(t *testing.T) {
	r := runner(t, rig.Options{})
	for name, c := range map[string]struct{ trigger, reason string }{
		"another service":    {"http: {url: http://example.org, method: POST}", "does http"},
		"a change":           {"k8s: {operation: patch, source: {resource: {apiVersion: v1, kind: ConfigMap, metadata: {name: x, namespace: argo-events}}}}", "does k8s patch"},
		"one name for all":   {"k8s: {operation: create, source: {resource: {apiVersion: argoproj.io/v1alpha1, kind: Workflow, metadata: {name: x, namespace: argo-events}, spec: {}}}}", "is still there"},
		"an object from git": {"k8s: {operation: create, source: {git: {url: x, cloneDirectory: x, filePath: x}}}", "is not in the manifests"},
	} {
		t.Run(name, func(t *testing.T) {
			spec := sensor("sensor-submit-workflow", c.trigger) + "  then: {sensors: [{name: mine, fires: 2}, {name: keystone-event-project, fires: 0}]}\n"
			result := r.Run(t.Context(), parse(t, spec), scenario.Options{})
			if result.Verdict != scenario.Passed || len(result.Skipped) != 1 || result.Skipped[0].Name != "then.sensors[0] mine" || !strings.Contains(result.Skipped[0].Reason, c.reason) {
				t.Errorf("%s: %+v %+v", result.Verdict, result.Skipped, result.Failures)
			}
		})
	}
}

func TestWhatWorkflowsMakeServicesSendIsNotGuessed(t *testing.T) {
	// The Workflow cleans the node, which Ironic tells; another Sensor takes that.
	spec := `  when: [{publish: {event: ironic/baremetal.node.power_set.end, set: {'payload.ironic_object\.data.provision_state': clean failed}}}]
  then: {sensors: [{name: ironic-oslo-event, fires: 0}, {name: ironic-node-port, fires: 0}]}
`
	result := runner(t, rig.Options{Manifests: []string{understack}}).Run(t.Context(), parse(t, spec), scenario.Options{})
	if got := names(result.Skipped); result.Verdict != scenario.Passed || !slices.Equal(got, []string{"then.sensors[0] ironic-oslo-event"}) {
		t.Errorf("%s: %+v %+v", result.Verdict, result.Skipped, result.Failures)
	}
}

func TestWebhooksAreTakenAsTheirEventSourceTakesThem(t *testing.T) {
	const hook = "webhook: {eventSource: argo-events/alertmanager-webhook-eventsource, event: alerts"
	alert := ", body: {alerts: [{status: firing, labels: {alertname: NeutronAgentDown, id: a, hostname: h}}]}"
	r := runner(t, rig.Options{Manifests: []string{understack}})
	for name, c := range map[string]struct {
		step string
		want scenario.Verdict
	}{
		"fires":        {hook + alert + "}", scenario.Passed},
		"no JSON":      {hook + ", body: 'x'}", scenario.Errored},
		"other method": {hook + alert + ", method: GET}", scenario.Errored},
		"refused":      {hook + alert + ", method: GET, status: 400}", scenario.Failed}, // it makes no event, so nothing fires
	} {
		t.Run(name, func(t *testing.T) {
			spec := "  when: [{" + c.step + "}]\n  then: {sensors: [{name: alertmanager-webhook-sensor, fires: 1}], workflows: [{sensor: alertmanager-webhook-sensor, parameters: {id: a, hostname: h}}]}\n"
			if result := r.Run(t.Context(), parse(t, spec), scenario.Options{}); result.Verdict != c.want {
				t.Errorf("%s: %+v", result.Verdict, result.Failures)
			}
		})
	}
}

func TestConditionsAreRememberedFromStepToStep(t *testing.T) {
	spec := `  given:
    objects:
      - apiVersion: argoproj.io/v1alpha1
        kind: Sensor
        metadata: {name: mine, namespace: openstack}
        spec:
          dependencies:
            - {name: a, eventSourceName: openstack-keystone, eventName: notifications, filters: {script: 'return string.find(event.body["oslo.message"], "user.created") ~= nil'}}
            - {name: b, eventSourceName: openstack-nova, eventName: notifications}
          triggers: [{template: {name: both, log: {}}}]
  when: [{publish: {event: keystone/identity.user.created}}, {wait-settled: {}}, {publish: {event: nova/compute.instance.delete.end}}, {publish: {event: nova/compute.instance.delete.end}}]
  then: {sensors: [{name: mine, fires: 1, fails: 0}]}
`
	result := runner(t, rig.Options{Manifests: []string{understack}}).Run(t.Context(), parse(t, spec), scenario.Options{})
	if result.Verdict != scenario.Passed {
		t.Errorf("%s%s", result.String(), report.Timeline(result))
	}
}

func TestTheLedgerSaysThatNothingWasObserved(t *testing.T) {
	r := runner(t, rig.Options{})
	r.Run(t.Context(), parse(t, created+"  then: {sensors: [{name: keystone-event-project, fires: 1}]}\n"), scenario.Options{})
	folder := t.TempDir()
	if err := r.SaveLedger(folder); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(filepath.Join(folder, offline.Tier, "ledger.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	records, err := ledger.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[ledger.Hop]string{}
	for _, record := range records {
		seen[record.Hop] = record.Verdict
	}
	if seen[ledger.Published] != "evaluated" || seen[ledger.Triggered] != "succeeded" || seen[ledger.Workflow] != "would be created" {
		t.Errorf("%v", seen)
	}
}
