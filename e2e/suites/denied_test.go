package suites_test

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eventrig/eventrig/e2e/observe"
	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/report"
)

// submitting are the Sensors that make Workflows, by the namespace of their ServiceAccount; jobs those that make Jobs.
var (
	submitting = map[string][]string{
		"openstack": {
			"cinder-oslo-event", "ironic-node-port", "ironic-port-delete", "ironic-node-portgroup", "ironic-node-update", "ironic-oslo-event", "ironic-node-reclean",
			"keystone-event-project", "keystone-oslo-event", "neutron-event-network-segment-range", "nova-oslo-event",
		},
		"argo-events": {"alertmanager-webhook-sensor"},
	}
	jobs = []string{"keystone-automation-user-upsert", "keystone-automation-user-delete"}
)

// everySensor plays testdata/every-sensor.yaml, in which each Sensor is to fire once, but for those that refused names, whose
// trigger is to fail with that reason and to make nothing.
func everySensor(ctx SpecContext, refused map[string]string) scenario.Result {
	GinkgoHelper()
	all, err := scenario.Load("testdata/every-sensor.yaml")
	Expect(err).NotTo(HaveOccurred())
	s := all[0]
	one, none := scenario.Exactly(1), scenario.Exactly(0)
	for _, sensor := range slices.Concat(submitting["openstack"], submitting["argo-events"], jobs) {
		if reason, is := refused[sensor]; is {
			s.Spec.Then.Sensors = append(s.Spec.Then.Sensors, scenario.SensorExpectation{Name: sensor, Fires: &none, Fails: &one, Reason: reason})
			s.Spec.Then.Workflows = append(s.Spec.Then.Workflows, scenario.WorkflowExpectation{Sensor: sensor, Count: &none})
			continue
		}
		s.Spec.Then.Sensors = append(s.Spec.Then.Sensors, scenario.SensorExpectation{Name: sensor, Fires: &one, Fails: &none})
		s.Spec.Then.Workflows = append(s.Spec.Then.Workflows, scenario.WorkflowExpectation{Sensor: sensor, Count: &one})
	}
	result := scenario.Run(ctx, tree, s, scenario.Options{Seed: GinkgoRandomSeed(), Attempt: CurrentSpecReport().NumAttempts + len(refused)})
	Expect(result.Verdict).To(Equal(scenario.Passed), result.String()+report.Timeline(result))
	return result
}

// deniedSpecs take away one right that is needed at a time: what stops is what it is for, the message names it, and nothing
// else changes. Given back, all is as before.
func deniedSpecs() {
	BeforeAll(func(ctx SpecContext) {
		// Where the Jobs of Secrets that no scenario made look for it.
		_, err := tree.ChangeOpenStack(ctx, scenario.OpenStackChange{Create: "domain", Set: map[string]any{"name": "service"}})
		Expect(err).NotTo(HaveOccurred())
	}, NodeTimeout(time.Minute))

	It("fires every Sensor, with exactly the rights that it needs", func(ctx SpecContext) {
		withRole(ctx, "argo-events/sensor-submit-workflow-role", only("create workflows"), func(ctx context.Context) bool {
			return !may(ctx, "openstack/sensor-submit-workflow", "argo-events", "get", "workflows.argoproj.io")
		})
		withRole(ctx, "argo-events/http-template-role", only(), func(ctx context.Context) bool {
			return !may(ctx, "argo-events/workflow", "argo-events", "list", "workflowtasksets.argoproj.io")
		})
		everySensor(ctx, nil)
	}, NodeTimeout(5*time.Minute))

	It("fires no Sensor that may not create Workflows, and only the others", func(ctx SpecContext) {
		back := withRole(ctx, "argo-events/sensor-submit-workflow-role", without("create", "workflows"), func(ctx context.Context) bool {
			return !may(ctx, "openstack/sensor-submit-workflow", "argo-events", "create", "workflows.argoproj.io")
		})
		refused := map[string]string{}
		for namespace, sensors := range submitting {
			for _, sensor := range sensors {
				refused[sensor] = regexp.QuoteMeta(`workflows.argoproj.io is forbidden: User "system:serviceaccount:` + namespace +
					`:sensor-submit-workflow" cannot create resource "workflows" in API group "argoproj.io" in the namespace "argo-events"`)
			}
		}
		result := everySensor(ctx, refused)
		for _, record := range result.Timeline {
			Expect(record.Object).NotTo(HavePrefix("nautobot "), "nothing was asked of Nautobot: %+v", record)
		}
		back(ctx)
		everySensor(ctx, nil)
	}, NodeTimeout(8*time.Minute))

	It("makes no Job of a Secret without the right to create Jobs", func(ctx SpecContext) {
		withRole(ctx, "openstack/k8s-openstack-events-secrets", without("create", "jobs"), func(ctx context.Context) bool {
			return !may(ctx, "openstack/k8s-openstack-events-secrets", "openstack", "create", "jobs.batch")
		})
		refused := map[string]string{}
		for _, sensor := range jobs {
			refused[sensor] = regexp.QuoteMeta(`jobs.batch is forbidden: User "system:serviceaccount:openstack:k8s-openstack-events-secrets" cannot create resource "jobs" in API group "batch" in the namespace "openstack"`)
		}
		everySensor(ctx, refused)
	}, NodeTimeout(5*time.Minute))

	DescribeTable("hears of no Secret without the right to", func(ctx SpecContext, verb string) {
		const account = "openstack/k8s-openstack-events-secrets"
		back := withRole(ctx, account, without(verb, "secrets"), func(ctx context.Context) bool { return !may(ctx, account, "openstack", verb, "secrets") })
		pods := tree.Kubernetes().CoreV1().Pods("openstack")
		its := metav1.ListOptions{LabelSelector: v1alpha1.LabelEventSourceName + "=k8s-openstack-secrets"}
		running := func() []corev1.Pod {
			list, err := pods.List(ctx, its)
			Expect(err).NotTo(HaveOccurred())
			return list.Items
		}
		old := running()
		Expect(old).To(HaveLen(1))
		// What it watches already it goes on hearing of: rights are asked for when a watch begins.
		Expect(pods.Delete(ctx, old[0].Name, metav1.DeleteOptions{})).To(Succeed())
		refusal := `secrets is forbidden: User "system:serviceaccount:openstack:k8s-openstack-events-secrets" cannot ` + verb + ` resource "secrets" in API group "" in the namespace "openstack"`
		Eventually(ctx, func() string {
			for _, pod := range running() {
				log, err := pods.GetLogs(pod.Name, &corev1.PodLogOptions{}).DoRaw(ctx)
				// That a watch is refused stands there only within a quoted text.
				if pod.UID != old[0].UID && err == nil && strings.Contains(strings.ReplaceAll(string(log), `\"`, `"`), refusal) {
					return refusal
				}
			}
			return "no pod says so"
		}).WithTimeout(90 * time.Second).Should(Equal(refusal))

		By("giving the right back")
		probe := "heard-again-" + verb
		_, undo, err := tree.Apply(ctx, []map[string]any{{"apiVersion": "v1", "kind": "Secret", "stringData": map[string]any{"password": "p"}, "metadata": map[string]any{
			"name": probe, "namespace": "openstack", "labels": map[string]any{"understack.rackspace.com/keystone-user": probe, "understack.rackspace.com/keystone-role": "tenant-read"},
		}}})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(func(ctx SpecContext) error {
			_, err := undo(ctx)
			return err
		}, NodeTimeout(20*time.Second))
		back(ctx)
		Eventually(ctx, func() bool {
			return slices.ContainsFunc(tree.Observer().(*observe.Observer).Events(), func(seen observe.BusEvent) bool {
				return seen.Name == "k8s-openstack-secrets" && strings.Contains(string(seen.Data), probe)
			})
		}).WithTimeout(90*time.Second).Should(BeTrue(), "it hears of a Secret again")
	},
		Entry("list them", "list", NodeTimeout(3*time.Minute)),
		Entry("watch them", "watch", NodeTimeout(3*time.Minute)),
	)

	// Without the right to patch, it depends on what the controller has seen of the result whether the Workflow ends at once, too,
	// or only when the controller no longer waits for the rest of it, after ten minutes.
	It("fails a Workflow whose pods may not report results", func(ctx SpecContext) {
		withRole(ctx, "argo-events/executor", without("create", "workflowtaskresults"), func(ctx context.Context) bool {
			return !may(ctx, "argo-events/workflow", "argo-events", "create", "workflowtaskresults.argoproj.io")
		})
		expectPassed(ctx, tree, parsed(reporting))
	}, NodeTimeout(3*time.Minute))
}

// reporting is a Workflow whose handler does its work and whose result cannot be reported.
const reporting = `
apiVersion: eventrig.dev/v1alpha1
kind: Scenario
metadata: {name: results-not-reported}
spec:
  timeout: 100s
  vars: {project: hex, name: name}
  when:
    - openstack: {create: project, id: "${project}", set: {name: "${name}", domain_id: default}}
    - publish: {event: keystone/identity.project.created, set: {payload.target.id: "${project}", payload.resource_info: "${project}"}}
  then:
    sensors: [{name: keystone-event-project, fires: 1, fails: 0}]
    workflows: [{sensor: keystone-event-project, phase: Error, message: 'workflowtaskresults\.argoproj\.io .*is forbidden: User "system:serviceaccount:argo-events:workflow" cannot'}]
`

func parsed(text string) scenario.Scenario {
	GinkgoHelper()
	all, err := scenario.Parse("spec.yaml", []byte(text))
	Expect(err).NotTo(HaveOccurred())
	return all[0]
}
