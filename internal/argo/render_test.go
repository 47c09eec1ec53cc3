package argo_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/eventrig/eventrig/internal/argo"
)

// render renders and indexes by kind, namespace and name.
func render(t *testing.T, versions argo.Versions) map[string]*unstructured.Unstructured {
	t.Helper()
	objects, err := argo.Render(t.Context(), versions)
	if err != nil {
		t.Fatalf("render: %v", err)
	}
	result := map[string]*unstructured.Unstructured{}
	for _, object := range objects {
		key := object.GetKind() + "/" + object.GetNamespace() + "/" + object.GetName()
		if result[key] != nil {
			t.Errorf("%s is there twice", key)
		}
		result[key] = object
	}
	return result
}

func text(t *testing.T, object *unstructured.Unstructured) string {
	t.Helper()
	content, err := yaml.Marshal(object.Object)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestUnderStacksInstallation(t *testing.T) {
	objects := render(t, argo.Versions{})
	for _, key := range []string{
		"Namespace//argo-events", "Namespace//argo",
		"CustomResourceDefinition//eventbus.argoproj.io", "CustomResourceDefinition//eventsources.argoproj.io", "CustomResourceDefinition//sensors.argoproj.io",
		"CustomResourceDefinition//workflows.argoproj.io", "CustomResourceDefinition//workflowtemplates.argoproj.io", "CustomResourceDefinition//workflowtaskresults.argoproj.io",
		"Deployment/argo-events/controller-manager", "ConfigMap/argo-events/argo-events-controller-config", "ServiceAccount/argo-events/argo-events-sa",
		"ClusterRole//argo-events-role", "ClusterRoleBinding//argo-events-binding",
		"Deployment/argo-events/events-webhook", "Service/argo-events/events-webhook", "ServiceAccount/argo-events/argo-events-webhook-sa",
		"Deployment/argo/workflow-controller", "ConfigMap/argo/workflow-controller-configmap", "ServiceAccount/argo/argo",
		"ClusterRole//argo-cluster-role", "Role/argo/argo-role", "RoleBinding/argo/argo-binding", "RoleBinding/argo/argo-config-reader",
		"RoleBinding/argo-events/argo-binding", "PriorityClass//workflow-controller",
	} {
		if objects[key] == nil {
			t.Errorf("%s is missing", key)
		}
	}
	for key := range objects {
		if key == "ClusterRoleBinding//argo-binding" || strings.Contains(key, "argo-server") {
			t.Errorf("%s should not be there", key)
		}
	}
	for key, wants := range map[string][]string{
		"Deployment/argo-events/controller-manager":    {"image: quay.io/argoproj/argo-events:v1.9.10", "value: quay.io/argoproj/argo-events:v1.9.10", "name: IMAGE_PULL_POLICY", "imagePullPolicy: IfNotPresent"},
		"Deployment/argo-events/events-webhook":        {"image: quay.io/argoproj/argo-events:v1.9.10", "imagePullPolicy: IfNotPresent"},
		"Deployment/argo/workflow-controller":          {"image: quay.io/argoproj/workflow-controller:v3.7.15", "name: DEFAULT_REQUEUE_TIME", "value: 100ms", "- --managed-namespace", "- argo-events"},
		"RoleBinding/argo-events/argo-binding":         {"kind: ClusterRole", "name: argo-cluster-role", "namespace: argo"},
		"RoleBinding/argo/argo-binding":                {"kind: Role", "name: argo-role", "namespace: argo"},
		"ConfigMap/argo/workflow-controller-configmap": {"workflowDefaults:", "OnWorkflowSuccess"},
	} {
		if objects[key] == nil {
			continue
		}
		for _, want := range wants {
			if content := text(t, objects[key]); !strings.Contains(content, want) {
				t.Errorf("%s has no %q:\n%s", key, want, content)
			}
		}
	}
}

func TestAFurtherWorkflowNamespaceGetsItsOwnController(t *testing.T) {
	objects := render(t, argo.Versions{WorkflowNamespaces: []string{"argo-events", "staging"}})
	for key, namespace := range map[string]string{"Deployment/argo/workflow-controller": "argo-events", "Deployment/argo/workflow-controller-staging": "staging"} {
		if objects[key] == nil {
			t.Fatalf("%s is missing", key)
		}
		list, _, _ := unstructured.NestedSlice(objects[key].Object, "spec", "template", "spec", "containers")
		arguments := list[0].(map[string]any)["args"].([]any)
		if !slices.Contains(arguments, any(namespace)) || len(arguments) != 3 {
			t.Errorf("%s has arguments %v, want namespace %s", key, arguments, namespace)
		}
		if objects["RoleBinding/"+namespace+"/argo-binding"] == nil {
			t.Errorf("no RoleBinding in %s", namespace)
		}
	}
}

func TestAModuleThatCannotBeHadIsSaid(t *testing.T) {
	cause := errors.New("no such version")
	_, err := argo.Render(t.Context(), argo.Versions{ArgoEvents: "v9.9.9", Modules: func(context.Context, string, string) (string, error) { return "", cause }})
	if !errors.Is(err, cause) || !strings.Contains(err.Error(), "argo-events v9.9.9") {
		t.Errorf("error is %v", err)
	}
}

func TestBusTLSIsAnUsableKeyPair(t *testing.T) {
	secret, err := argo.BusTLS("openstack")
	if err != nil || len(secret.Data["tls.crt"]) == 0 || len(secret.Data["tls.key"]) == 0 || secret.Namespace != "openstack" {
		t.Errorf("secret %v, error %v", secret, err)
	}
}
