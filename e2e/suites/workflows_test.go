package suites_test

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

var workflows = schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "workflows"}

// probe is a Workflow that a controller finishes at once: it needs no pod.
func probe(namespace string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow",
		"metadata": map[string]any{"generateName": "probe-", "namespace": namespace},
		"spec": map[string]any{
			"entrypoint":         "nothing",
			"serviceAccountName": "workflow",
			"templates":          []any{map[string]any{"name": "nothing", "suspend": map[string]any{"duration": "0s"}}},
		},
	}}
}

var _ = Describe("the workflow controller", func() {
	It("runs Workflows in the workflow namespace and nowhere else", func(ctx SpecContext) {
		client := dynamicOf(shared)
		elsewhere, err := client.Resource(workflows).Namespace("openstack").Create(ctx, probe("openstack"), metav1.CreateOptions{})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(func(ctx SpecContext) error {
			return client.Resource(workflows).Namespace("openstack").Delete(ctx, elsewhere.GetName(), metav1.DeleteOptions{})
		}, NodeTimeout(10*time.Second))
		here, err := client.Resource(workflows).Namespace("argo-events").Create(ctx, probe("argo-events"), metav1.CreateOptions{})
		Expect(err).NotTo(HaveOccurred())
		// The one created later is taken up: a controller that also watched the other namespace would have met it before.
		Eventually(ctx, phase).WithArguments(ctx, client, here).ShouldNot(BeEmpty())
		Expect(phase(ctx, client, elsewhere)).To(BeEmpty(), "a Workflow outside the workflow namespaces was run")
	}, NodeTimeout(time.Minute))
})

func phase(ctx SpecContext, client dynamic.Interface, workflow *unstructured.Unstructured) (string, error) {
	current, err := client.Resource(workflows).Namespace(workflow.GetNamespace()).Get(ctx, workflow.GetName(), metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	text, _, err := unstructured.NestedString(current.Object, "status", "phase")
	return text, err
}
