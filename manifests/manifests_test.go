package manifests_test

import (
	"io/fs"
	"path"
	"strings"
	"testing"

	events "github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
	workflows "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/eventrig/eventrig/manifests"
)

// typed makes an empty object of a kind.
var typed = map[string]func() any{
	"ConfigMap":        func() any { return &corev1.ConfigMap{} },
	"Deployment":       func() any { return &appsv1.Deployment{} },
	"EventBus":         func() any { return &events.EventBus{} },
	"EventSource":      func() any { return &events.EventSource{} },
	"Namespace":        func() any { return &corev1.Namespace{} },
	"Role":             func() any { return &rbacv1.Role{} },
	"RoleBinding":      func() any { return &rbacv1.RoleBinding{} },
	"Sensor":           func() any { return &events.Sensor{} },
	"Service":          func() any { return &corev1.Service{} },
	"ServiceAccount":   func() any { return &corev1.ServiceAccount{} },
	"WorkflowTemplate": func() any { return &workflows.WorkflowTemplate{} },
}

// TestEveryFieldIsOneThatItsKindHas reads each object as its own type: the API server would drop a misspelt field of a
// custom resource without a word.
func TestEveryFieldIsOneThatItsKindHas(t *testing.T) {
	count := 0
	err := fs.WalkDir(manifests.FS, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Ext(name) != ".yaml" || path.Base(name) == "kustomization.yaml" || path.Base(name) == "no-cluster-binding.yaml" {
			return err
		}
		content, err := manifests.FS.ReadFile(name)
		if err != nil {
			return err
		}
		for document := range strings.SplitSeq(string(content), "\n---\n") {
			var kind metav1.TypeMeta
			if err := yaml.Unmarshal([]byte(document), &kind); err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if typed[kind.Kind] == nil {
				t.Errorf("%s: kind %q is not known here", name, kind.Kind)
				continue
			}
			count++
			if err := yaml.UnmarshalStrict([]byte(document), typed[kind.Kind]()); err != nil {
				t.Errorf("%s: %s: %v", name, kind.Kind, err)
			}
		}
		return nil
	})
	if err != nil || count < 30 {
		t.Errorf("%d objects were checked, error %v", count, err)
	}
}

// TestEveryFileIsInItsKustomization keeps a file from being forgotten, as has happened upstream of us: a template that is in
// no kustomization is never applied, and its Sensor's Workflows cannot run.
func TestEveryFileIsInItsKustomization(t *testing.T) {
	err := fs.WalkDir(manifests.FS, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Ext(name) != ".yaml" || path.Base(name) == "kustomization.yaml" {
			return err
		}
		content, err := manifests.FS.ReadFile(path.Join(path.Dir(name), "kustomization.yaml"))
		if err != nil {
			return err
		}
		if !strings.Contains(string(content), " "+path.Base(name)+"\n") {
			t.Errorf("%s is not in its kustomization", name)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
