package rig

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/random"
)

var (
	workflowsGVR         = schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "workflows"}
	workflowTemplatesGVR = schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "workflowtemplates"}
	cronWorkflowsGVR     = schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "cronworkflows"}
)

// Submission implements scenario.Rig. The Workflow is what `argo submit --from workflowtemplate/NAME -p KEY=VALUE`, or
// `--from cronwf/NAME`, makes (argo-workflows, workflow/common/convert.go: NewWorkflowFromWorkflowTemplate and
// ConvertCronWorkflowToWorkflow), but that its name is drawn here.
func (r *Rig) Submission(ctx context.Context, s scenario.Submit) (object string, start func(context.Context) error, err error) {
	namespace, name, _ := strings.Cut(s.From(), "/")
	config := rest.CopyConfig(r.cluster.REST())
	config.Impersonate.UserName = s.As
	if after, is := strings.CutPrefix(s.As, "system:serviceaccount:"); is {
		// Impersonation gives only the groups that it names.
		config.Impersonate.Groups = []string{"system:serviceaccounts", "system:serviceaccounts:" + strings.Split(after, ":")[0], "system:authenticated"}
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return "", nil, fmt.Errorf("make a client for %s: %w", s.As, err)
	}
	admin, err := dynamic.NewForConfig(r.cluster.REST())
	if err != nil {
		return "", nil, fmt.Errorf("make a client: %w", err)
	}
	from := workflowTemplatesGVR
	if s.CronWorkflow != "" {
		from = cronWorkflowsGVR
	}
	// A Workflow whose template is not there would only end with the phase Error.
	source, err := admin.Resource(from).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return "", nil, failure.New(failure.BadInput, "name a "+s.Kind()+" that is there: namespace/name", "read %s %s: %w", s.Kind(), s.From(), err)
	}
	workflow := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow",
		"spec": map[string]any{"workflowTemplateRef": map[string]any{"name": name}},
	}}
	labels := map[string]string{"workflows.argoproj.io/workflow-template": name}
	if s.CronWorkflow != "" {
		if labels, err = asScheduled(workflow, source); err != nil {
			return "", nil, failure.New(failure.BadInput, "", "make a Workflow of CronWorkflow %s: %w", s.From(), err)
		}
	}
	workflow.SetName(fmt.Sprintf("%.50s-%s", name, random.Hex(4)))
	workflow.SetNamespace(namespace)
	workflow.SetLabels(labels)
	if err := setParameters(workflow, s.Parameters); err != nil {
		return "", nil, failure.New(failure.BadInput, "", "give the Workflow of %s its parameters: %w", s.From(), err)
	}
	start = func(ctx context.Context) error {
		_, err := client.Resource(workflowsGVR).Namespace(namespace).Create(ctx, workflow, metav1.CreateOptions{})
		if err != nil {
			return failure.New(failure.Check, "", "create it: %w", err)
		}
		return nil
	}
	return "Workflow/" + namespace + "/" + workflow.GetName(), start, nil
}

// asScheduled makes a Workflow what a CronWorkflow's is when it is run out of turn. It returns the labels.
func asScheduled(workflow, cron *unstructured.Unstructured) (map[string]string, error) {
	spec, _, err := unstructured.NestedMap(cron.Object, "spec", "workflowSpec")
	if err != nil {
		return nil, err
	}
	workflow.Object["spec"] = spec
	labels, _, err := unstructured.NestedStringMap(cron.Object, "spec", "workflowMetadata", "labels")
	if err != nil {
		return nil, err
	}
	annotations, _, err := unstructured.NestedStringMap(cron.Object, "spec", "workflowMetadata", "annotations")
	if err != nil {
		return nil, err
	}
	finalizers, _, err := unstructured.NestedStringSlice(cron.Object, "spec", "workflowMetadata", "finalizers")
	if err != nil {
		return nil, err
	}
	if labels == nil {
		labels = map[string]string{}
	}
	if annotations == nil {
		annotations = map[string]string{}
	}
	const instance = "workflows.argoproj.io/controller-instanceid"
	if id, given := cron.GetLabels()[instance]; given {
		labels[instance] = id
	}
	labels["workflows.argoproj.io/cron-workflow"] = cron.GetName()
	annotations["workflows.argoproj.io/scheduled-time"] = time.Now().Format(time.RFC3339)
	workflow.SetAnnotations(annotations)
	workflow.SetFinalizers(finalizers)
	workflow.SetOwnerReferences([]metav1.OwnerReference{*metav1.NewControllerRef(cron, cron.GroupVersionKind())})
	return labels, nil
}

// setParameters gives a Workflow arguments, in place of those of these names that it has.
func setParameters(workflow *unstructured.Unstructured, given map[string]string) error {
	has, _, err := unstructured.NestedSlice(workflow.Object, "spec", "arguments", "parameters")
	if err != nil {
		return err
	}
	parameters := slices.DeleteFunc(has, func(one any) bool {
		fields, _ := one.(map[string]any)
		name, _ := fields["name"].(string)
		_, replaced := given[name]
		return replaced
	})
	for _, key := range slices.Sorted(maps.Keys(given)) {
		parameters = append(parameters, map[string]any{"name": key, "value": given[key]})
	}
	if len(parameters) == 0 {
		return nil
	}
	return unstructured.SetNestedSlice(workflow.Object, parameters, "spec", "arguments", "parameters")
}
