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

var cronWorkflows = schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "cronworkflows"}

// cron is a CronWorkflow whose Workflow a controller finishes at once.
func cron(name string, spec map[string]any) *unstructured.Unstructured {
	content := map[string]any{"workflowSpec": probe("argo-events").Object["spec"], "timezone": "UTC"}
	for key, value := range spec {
		content[key] = value
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "argoproj.io/v1alpha1", "kind": "CronWorkflow",
		"metadata": map[string]any{"name": name, "namespace": "argo-events"},
		"spec":     content,
	}}
}

// The schedules of UnderStack's CronWorkflows are for the night; what makes them fire is the same for one that is due each second.
var _ = Describe("a CronWorkflow", Label("suite:nightly", "nightly"), func() {
	var client dynamic.Interface
	BeforeEach(func() { client = dynamicOf(shared) })
	// create makes one, and takes it away again together with its Workflows.
	create := func(ctx SpecContext, object *unstructured.Unstructured) {
		GinkgoHelper()
		_, err := client.Resource(cronWorkflows).Namespace("argo-events").Create(ctx, object, metav1.CreateOptions{})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(func(ctx SpecContext) error {
			return client.Resource(cronWorkflows).Namespace("argo-events").Delete(ctx, object.GetName(), metav1.DeleteOptions{})
		}, NodeTimeout(10*time.Second))
	}
	// made are the phases of the Workflows that one has made, by name.
	made := func(ctx SpecContext, name string) (map[string]string, error) {
		list, err := client.Resource(workflows).Namespace("argo-events").List(ctx, metav1.ListOptions{LabelSelector: "workflows.argoproj.io/cron-workflow=" + name})
		if err != nil {
			return nil, err
		}
		phases := map[string]string{}
		for _, item := range list.Items {
			phases[item.GetName()], _, _ = unstructured.NestedString(item.Object, "status", "phase")
		}
		return phases, nil
	}

	It("fires when it is due, and not while it is suspended", func(ctx SpecContext) {
		create(ctx, cron("suspended", map[string]any{"schedules": []any{"@every 1s"}, "suspend": true}))
		create(ctx, cron("each-second", map[string]any{"schedules": []any{"@every 1s"}, "successfulJobsHistoryLimit": int64(100)}))
		// Three of the one, made after the other: a schedule that is heeded would have fired meanwhile.
		Eventually(ctx, made).WithArguments(ctx, "each-second").Should(SatisfyAll(HaveLen(3), HaveEach("Succeeded")))
		Expect(made(ctx, "suspended")).To(BeEmpty())
	}, NodeTimeout(2*time.Minute))

	It("whose turn was missed is run at once, as long as its deadline allows", func(ctx SpecContext) {
		last := time.Now().Add(-25 * time.Hour).UTC().Truncate(time.Second).Format(time.RFC3339)
		daily := func(name string, deadline int64) *unstructured.Unstructured {
			// Due in the hours before now, and not in those to come.
			object := cron(name, map[string]any{"schedules": []any{time.Now().UTC().Add(-2 * time.Hour).Format("4 15 * * *")}})
			if deadline > 0 {
				object.Object["spec"].(map[string]any)["startingDeadlineSeconds"] = deadline
			}
			object.SetAnnotations(map[string]string{"cronworkflows.argoproj.io/last-used-schedule": "CRON_TZ=UTC " + object.Object["spec"].(map[string]any)["schedules"].([]any)[0].(string)})
			object.Object["status"] = map[string]any{"lastScheduledTime": last}
			return object
		}
		create(ctx, daily("missed-for-good", 0))
		create(ctx, daily("missed", 3*60*60))
		Eventually(ctx, made).WithArguments(ctx, "missed").Should(SatisfyAll(HaveLen(1), HaveEach("Succeeded")))
		Expect(made(ctx, "missed-for-good")).To(BeEmpty())
	}, NodeTimeout(2*time.Minute))
})
