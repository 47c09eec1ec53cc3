package argo

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// controllerName is the Deployment of the workflow controller.
const controllerName = "workflow-controller"

// bindToNamespaces makes the controller watch the workflow namespaces and gives it rights there and nowhere else.
//
// The informers of a controller without --namespaced list all namespaces at once; with a RoleBinding instead of the
// ClusterRoleBinding each list is forbidden, and the controller waits for its caches for ever. Upstream's answer is
// --namespaced --managed-namespace NS, which takes one namespace.
func bindToNamespaces(objects []*unstructured.Unstructured, versions Versions) ([]*unstructured.Unstructured, error) {
	var controller *unstructured.Unstructured
	for _, object := range objects {
		if object.GetKind() == "Deployment" && object.GetName() == controllerName {
			controller = object
		}
	}
	if controller == nil || len(containers(controller)) == 0 {
		return nil, fmt.Errorf("upstream's manifests have no Deployment %s with a container", controllerName)
	}
	original := controller.DeepCopy()
	for i, namespace := range versions.WorkflowNamespaces {
		deployment := controller
		if i > 0 {
			deployment = original.DeepCopy()
			if err := rename(deployment, controllerName+"-"+namespace); err != nil {
				return nil, err
			}
			objects = append(objects, deployment)
		}
		container := containers(deployment)[0]
		arguments, _ := container["args"].([]any)
		container["args"] = append(arguments, "--namespaced", "--managed-namespace", namespace)
		objects = append(objects, binding(namespace))
	}
	return objects, nil
}

// rename makes a controller that stands beside the first one: other labels, and no leader election, since all
// controllers of one namespace would compete for one lease.
func rename(deployment *unstructured.Unstructured, name string) error {
	deployment.SetName(name)
	for _, labels := range [][]string{{"spec", "selector", "matchLabels"}, {"spec", "template", "metadata", "labels"}} {
		if err := unstructured.SetNestedField(deployment.Object, name, append(labels, "app")...); err != nil {
			return fmt.Errorf("name controller %s: %w", name, err)
		}
	}
	return setEnv(deployment, "LEADER_ELECTION_DISABLE", "true")
}

// binding lets the controller work in one namespace, as UnderStack's argo-binding does.
func binding(namespace string) *unstructured.Unstructured {
	name := "argo-binding"
	if namespace == NamespaceWorkflows {
		name = "argo-cluster-binding" // there upstream's own binding, to the Role with its lease, has the name
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "rbac.authorization.k8s.io/v1",
		"kind":       "RoleBinding",
		"metadata":   map[string]any{"name": name, "namespace": namespace},
		"roleRef":    map[string]any{"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "argo-cluster-role"},
		"subjects":   []any{map[string]any{"kind": "ServiceAccount", "name": "argo", "namespace": NamespaceWorkflows}},
	}}
}
