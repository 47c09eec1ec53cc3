package suites_test

import (
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/report"
)

// listening is a Sensor that is interested in every event of an EventSource.
func listening(name, namespace, source, event string) map[string]any {
	return map[string]any{
		"apiVersion": "argoproj.io/v1alpha1", "kind": "Sensor", "metadata": map[string]any{"name": name, "namespace": namespace},
		"spec": map[string]any{
			"dependencies": []any{map[string]any{"name": "d", "eventSourceName": source, "eventName": event}},
			"triggers":     []any{map[string]any{"template": map[string]any{"name": name, "log": map[string]any{}}}},
		},
	}
}

// colocationSpecs are about what has to be where, which the API server checks no more than Argo's webhook does.
func colocationSpecs() {
	It("gives events to the Sensors of their EventSource's namespace that name it rightly, and to no others", func(ctx SpecContext) {
		s := parsed(`
apiVersion: eventrig.dev/v1alpha1
kind: Scenario
metadata: {name: co-location}
spec:
  timeout: 100s
  when: [{publish: {event: keystone/identity.user.created}}]
  then: {ledger: {lost: 0}}
`)
		s.Spec.Given.Objects = []map[string]any{
			listening("right", "openstack", "openstack-keystone", "notifications"),
			listening("elsewhere", "argo-events", "openstack-keystone", "notifications"), // beside an EventBus of the same name
			listening("wrong-source", "openstack", "keystone", "notifications"),
			listening("wrong-event", "openstack", "openstack-keystone", "notification"),
		}
		one := scenario.Exactly(1)
		for _, name := range []string{"right", "elsewhere", "wrong-source", "wrong-event"} {
			s.Spec.Then.Sensors = append(s.Spec.Then.Sensors, scenario.SensorExpectation{Name: name, Fires: &one})
		}
		result := scenario.Run(ctx, tree, s, scenario.Options{Seed: GinkgoRandomSeed()})
		Expect(result.Verdict).To(Equal(scenario.Failed), result.String()+report.Timeline(result))
		Expect(result.Failures).To(HaveLen(3), "all but the one that is right: %s", result.String())
		for i, want := range []string{"hears the EventBus of its own namespace only", "the nearest is openstack-keystone/notifications", "the nearest is openstack-keystone/notifications"} {
			text := scenario.Result{Failures: result.Failures[i : i+1]}.String()
			Expect(result.Failures[i].Got).To(ContainSubstring("fired 0"))
			Expect(text).To(ContainSubstring("explain"), "the failure says why")
			Expect(text).To(ContainSubstring(want), "the explanation names what would be right")
		}
	}, NodeTimeout(3*time.Minute))

	It("runs no Workflow whose template is in another namespace", func(ctx SpecContext) {
		_, undo, err := tree.Apply(ctx, []map[string]any{{
			"apiVersion": "argoproj.io/v1alpha1", "kind": "WorkflowTemplate", "metadata": map[string]any{"name": "only-in-openstack", "namespace": "openstack"},
			"spec": map[string]any{"entrypoint": "nothing", "templates": []any{map[string]any{"name": "nothing", "suspend": map[string]any{"duration": "0s"}}}},
		}})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(func(ctx SpecContext) error {
			_, err := undo(ctx)
			return err
		}, NodeTimeout(20*time.Second))
		client := dynamicOf(tree)
		submitted, err := client.Resource(workflows).Namespace("argo-events").Create(ctx, &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": map[string]any{"generateName": "template-elsewhere-", "namespace": "argo-events"},
			"spec": map[string]any{"workflowTemplateRef": map[string]any{"name": "only-in-openstack"}},
		}}, metav1.CreateOptions{})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(func(ctx SpecContext) error {
			return client.Resource(workflows).Namespace("argo-events").Delete(ctx, submitted.GetName(), metav1.DeleteOptions{})
		}, NodeTimeout(20*time.Second))
		Eventually(ctx, func() (string, error) {
			current, err := client.Resource(workflows).Namespace("argo-events").Get(ctx, submitted.GetName(), metav1.GetOptions{})
			if err != nil {
				return "", err
			}
			phase, _, _ := unstructured.NestedString(current.Object, "status", "phase")
			message, _, _ := unstructured.NestedString(current.Object, "status", "message")
			return fmt.Sprintf("%s: %s", phase, message), nil
		}).Should(And(HavePrefix("Error: "), ContainSubstring(`"only-in-openstack" not found`)))
	}, NodeTimeout(time.Minute))
}
