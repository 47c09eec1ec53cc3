package mutate

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/ledger"
	"github.com/eventrig/eventrig/internal/pipeline"
)

// markLabel is put on the templates of a changed WorkflowTemplate: a Workflow keeps the templates that it was made with, so
// that those tell whether Argo's controller had seen the change.
const markLabel = "eventrig.dev/mutant"

// marked puts the label on the templates of a WorkflowTemplate.
func marked(content map[string]any) map[string]any {
	spec, _ := content["spec"].(map[string]any)
	templates, _ := spec["templates"].([]any)
	for _, one := range templates {
		template, _ := one.(map[string]any)
		if template == nil {
			continue
		}
		metadata, _ := template["metadata"].(map[string]any)
		if metadata == nil {
			metadata = map[string]any{}
			template["metadata"] = metadata
		}
		labels, _ := metadata["labels"].(map[string]any)
		if labels == nil {
			labels = map[string]any{}
			metadata["labels"] = labels
		}
		labels[markLabel] = "true"
	}
	return content
}

// stale reports whether one of a scenario's Workflows was made with the WorkflowTemplate as it was before the change.
func (t *rigTrial) stale(ctx context.Context, result scenario.Result) (bool, error) {
	if t.mutant == nil || t.mutant.Object.GetKind() != "WorkflowTemplate" || t.mutant.Gone() {
		return false, nil
	}
	seen := map[string]bool{}
	for _, record := range result.Timeline {
		if record.Hop != ledger.Workflow || seen[record.Object] {
			continue
		}
		seen[record.Object] = true
		parts := strings.SplitN(record.Object, "/", 3)
		if len(parts) != 3 || parts[0] != "Workflow" {
			continue
		}
		found, err := t.lane.rig.Objects(ctx, scenario.ObjectExpectation{APIVersion: "argoproj.io/v1alpha1", Kind: "Workflow", Namespace: parts[1], Name: parts[2]})
		if err != nil {
			return false, err
		}
		for _, workflow := range found {
			if old, err := madeBefore(workflow, t.mutant.Object.GetName()); err != nil || old {
				return old, err
			}
		}
	}
	return false, nil
}

// madeBefore reports whether a Workflow keeps a template of that name without the mark.
func madeBefore(workflow map[string]any, name string) (bool, error) {
	var kept struct {
		Spec struct {
			WorkflowTemplateRef struct {
				Name string `json:"name"`
			} `json:"workflowTemplateRef"`
		} `json:"spec"`
		Status struct {
			StoredTemplates            map[string]json.RawMessage `json:"storedTemplates"`
			StoredWorkflowTemplateSpec json.RawMessage            `json:"storedWorkflowTemplateSpec"`
		} `json:"status"`
	}
	encoded, err := json.Marshal(workflow)
	if err == nil {
		err = json.Unmarshal(encoded, &kept)
	}
	if err != nil {
		return false, fmt.Errorf("read what a Workflow was made with: %w", err)
	}
	without := func(text json.RawMessage) bool { return len(text) > 0 && !strings.Contains(string(text), markLabel) }
	if kept.Spec.WorkflowTemplateRef.Name == name && without(kept.Status.StoredWorkflowTemplateSpec) {
		return true, nil
	}
	for key, text := range kept.Status.StoredTemplates {
		if strings.HasPrefix(key, "namespaced/"+name+"/") && without(text) {
			return true, nil
		}
	}
	return false, nil
}

// decidedPeriod is how often the API server is asked what an account may do.
const decidedPeriod = 10 * time.Millisecond

// decided waits until the API server decides by the rights that a graph gives: about each right that the graph as it is
// written gives through the object.
func (l *rigLane) decided(ctx context.Context, object pipeline.Object, by *pipeline.Graph) error {
	ticker := time.NewTicker(decidedPeriod)
	defer ticker.Stop()
	for _, account := range l.accounts() {
		namespace, name, _ := strings.Cut(account, "/")
		given := by.Rights(namespace, name)
		for _, right := range l.graph.Rights(namespace, name) {
			if right.From.Key() != object.Key() && right.Binding.Key() != object.Key() {
				continue
			}
			for _, ask := range requests(right) {
				want := pipeline.Allows(given, ask.Verb, ask.Group, resourceOf(ask), ask.Namespace, ask.Name)
				for {
					review, err := l.rig.Kubernetes().AuthorizationV1().SubjectAccessReviews().Create(ctx, &authorizationv1.SubjectAccessReview{
						Spec: authorizationv1.SubjectAccessReviewSpec{User: "system:serviceaccount:" + namespace + ":" + name, ResourceAttributes: &ask},
					}, metav1.CreateOptions{})
					if err != nil {
						return fmt.Errorf("ask what ServiceAccount %s may do: %w", account, err)
					}
					if review.Status.Allowed == want {
						break
					}
					select {
					case <-ctx.Done():
						return fmt.Errorf("wait until ServiceAccount %s may %s %s: %v: %w", account, ask.Verb, resourceOf(ask), want, ctx.Err())
					case <-ticker.C: // that the authorizer has seen the change is nowhere to be watched
					}
				}
			}
		}
	}
	return nil
}

// accounts are the ServiceAccounts of the manifests, as namespace/name, and those that bindings name.
func (l *rigLane) accounts() []string {
	var all []string
	for _, object := range l.graph.Objects {
		if object.GetKind() == "ServiceAccount" {
			all = append(all, object.GetNamespace()+"/"+object.GetName())
		}
	}
	for _, reference := range l.graph.References() {
		if reference.Kind == "ServiceAccount" {
			all = append(all, reference.Namespace+"/"+reference.Name)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// requests are requests that a right allows, without those of all verbs, groups or resources.
func requests(right pipeline.Right) []authorizationv1.ResourceAttributes {
	var all []authorizationv1.ResourceAttributes
	for _, group := range right.APIGroups {
		for _, resource := range right.Resources {
			for _, verb := range right.Verbs {
				if group == "*" || verb == "*" || strings.Contains(resource, "*") {
					continue
				}
				one := authorizationv1.ResourceAttributes{Namespace: right.Namespace, Verb: verb, Group: group}
				one.Resource, one.Subresource, _ = strings.Cut(resource, "/")
				if len(right.ResourceNames) > 0 {
					one.Name = right.ResourceNames[0]
				}
				all = append(all, one)
			}
		}
	}
	return all
}

func resourceOf(ask authorizationv1.ResourceAttributes) string {
	if ask.Subresource != "" {
		return ask.Resource + "/" + ask.Subresource
	}
	return ask.Resource
}
