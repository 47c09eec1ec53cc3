package rig

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

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
)

// Submission implements scenario.Rig. The Workflow is what `argo submit --from workflowtemplate/NAME -p KEY=VALUE` makes
// (argo-workflows, workflow/common/convert.go: NewWorkflowFromWorkflowTemplate), but that its name is drawn here.
func (r *Rig) Submission(ctx context.Context, s scenario.Submit) (object string, start func(context.Context) error, err error) {
	namespace, name, _ := strings.Cut(s.Template, "/")
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
	// A Workflow whose template is not there would only end with the phase Error.
	if _, err := admin.Resource(workflowTemplatesGVR).Namespace(namespace).Get(ctx, name, metav1.GetOptions{}); err != nil {
		return "", nil, failure.New(failure.BadInput, "name a WorkflowTemplate that is there: namespace/name", "read WorkflowTemplate %s: %w", s.Template, err)
	}
	var parameters []any
	for _, key := range slices.Sorted(maps.Keys(s.Parameters)) {
		parameters = append(parameters, map[string]any{"name": key, "value": s.Parameters[key]})
	}
	workflow := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow",
		"metadata": map[string]any{
			"name": fmt.Sprintf("%.50s-%s", name, random.Hex(4)), "namespace": namespace,
			"labels": map[string]any{"workflows.argoproj.io/workflow-template": name},
		},
		"spec": map[string]any{
			"workflowTemplateRef": map[string]any{"name": name},
			"arguments":           map[string]any{"parameters": parameters},
		},
	}}
	start = func(ctx context.Context) error {
		_, err := client.Resource(workflowsGVR).Namespace(namespace).Create(ctx, workflow, metav1.CreateOptions{})
		if err != nil {
			return failure.New(failure.Check, "", "create it: %w", err)
		}
		return nil
	}
	return "Workflow/" + namespace + "/" + workflow.GetName(), start, nil
}
