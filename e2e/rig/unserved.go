package rig

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/eventrig/eventrig/internal/pipeline"
)

// otherArgo are the kinds of Argo CD and Argo Rollouts, which share the API group of those that the rig runs.
var otherArgo = []string{
	"AnalysisRun", "AnalysisTemplate", "AppProject", "Application", "ApplicationSet", "ClusterAnalysisTemplate", "Experiment", "Rollout",
}

// unserved are objects of operators that a site has and the rig has not, such as RabbitMQ's users and permissions or
// External Secrets: API groups that neither Kubernetes nor Argo nor a CustomResourceDefinition of the manifests has. What
// they stand for the rig brings along itself, or the pods that need it say so.
func unserved(graph *pipeline.Graph) map[*unstructured.Unstructured]bool {
	defined := map[string]bool{}
	for _, object := range graph.Objects {
		if object.GetKind() == "CustomResourceDefinition" {
			group, _, _ := unstructured.NestedString(object.Unstructured.Object, "spec", "group")
			defined[group] = true
		}
	}
	left := map[*unstructured.Unstructured]bool{}
	for _, object := range graph.Objects {
		group := object.GroupVersionKind().Group
		switch {
		case defined[group], scheme.Scheme.IsGroupRegistered(group), group == "apiextensions.k8s.io", group == "apiregistration.k8s.io":
		case group == "argoproj.io" && !slices.Contains(otherArgo, object.GetKind()):
		default:
			left[object.Unstructured] = true
		}
	}
	return left
}

// leftOut says which objects of the manifests were not applied, one sentence for each API group.
func leftOut(graph *pipeline.Graph, left map[*unstructured.Unstructured]bool) []string {
	names := map[string][]string{}
	for _, object := range graph.Objects {
		if left[object.Unstructured] {
			group := object.GroupVersionKind().Group
			names[group] = append(names[group], object.GetKind()+" "+object.GetName())
		}
	}
	var notes []string
	for group, which := range names {
		text := strings.Join(which[:min(2, len(which))], ", ")
		if more := len(which) - 2; more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		notes = append(notes, fmt.Sprintf("the rig has no %s: %s not applied", group, text))
	}
	slices.Sort(notes)
	return notes
}
