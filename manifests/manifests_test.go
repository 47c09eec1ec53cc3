package manifests_test

import (
	"io/fs"
	"path"
	"strings"
	"testing"

	events "github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
	workflows "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/eventrig/eventrig/manifests"
)

// typed makes an empty object of a kind.
var typed = map[string]func() any{
	"ConfigMap":        func() any { return &corev1.ConfigMap{} },
	"CronWorkflow":     func() any { return &workflows.CronWorkflow{} },
	"Deployment":       func() any { return &appsv1.Deployment{} },
	"EventBus":         func() any { return &events.EventBus{} },
	"EventSource":      func() any { return &events.EventSource{} },
	"Job":              func() any { return &batchv1.Job{} },
	"Namespace":        func() any { return &corev1.Namespace{} },
	"Role":             func() any { return &rbacv1.Role{} },
	"RoleBinding":      func() any { return &rbacv1.RoleBinding{} },
	"Sensor":           func() any { return &events.Sensor{} },
	"Service":          func() any { return &corev1.Service{} },
	"ServiceAccount":   func() any { return &corev1.ServiceAccount{} },
	"Workflow":         func() any { return &workflows.Workflow{} },
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
			object := typed[kind.Kind]()
			if err := yaml.UnmarshalStrict([]byte(document), object); err != nil {
				t.Errorf("%s: %s: %v", name, kind.Kind, err)
			}
			if sensor, ok := object.(*events.Sensor); ok {
				created(t, name, sensor)
			}
		}
		return nil
	})
	if err != nil || count < 60 {
		t.Errorf("%d objects were checked, error %v", count, err)
	}
}

// created reads what a Sensor's triggers make as strictly as what is applied.
func created(t *testing.T, name string, sensor *events.Sensor) {
	t.Helper()
	for _, trigger := range sensor.Spec.Triggers {
		resource := trigger.Template.K8s.Source.Resource.Value
		var kind metav1.TypeMeta
		if err := yaml.Unmarshal(resource, &kind); err != nil || typed[kind.Kind] == nil {
			t.Errorf("%s: trigger %s makes %q, error %v", name, trigger.Template.Name, kind.Kind, err)
			continue
		}
		if err := yaml.UnmarshalStrict(resource, typed[kind.Kind]()); err != nil {
			t.Errorf("%s: trigger %s: %s: %v", name, trigger.Template.Name, kind.Kind, err)
		}
	}
}

// TestEveryFileIsInItsKustomization keeps a file from being forgotten, as has happened upstream of us: a template that is in
// no kustomization is never applied, and its Sensor's Workflows cannot run. The one that it happened to is kept that way.
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
		folder, above := path.Base(path.Dir(name)), path.Dir(path.Dir(name))
		if content, err := manifests.FS.ReadFile(path.Join(above, "kustomization.yaml")); err == nil &&
			strings.Contains(string(content), "- "+folder+"\n") == (folder == "neutron-event-network-segment-range" && path.Base(above) == "workflowtemplates") {
			t.Errorf("folder %s is or is not in %s/kustomization.yaml, against what is meant", folder, above)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestAComponentsFolderHasItsName lets a person find an object, and put a kustomization together, by name.
func TestAComponentsFolderHasItsName(t *testing.T) {
	for _, kind := range []string{"eventsource", "sensor", "workflowtemplate"} {
		files, err := fs.Glob(manifests.FS, "understack/"+kind+"s/*/"+kind+".yaml")
		if err != nil || len(files) < 8 {
			t.Errorf("%d %s files, error %v", len(files), kind, err)
		}
		for _, name := range files {
			content, err := manifests.FS.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			var object metav1.PartialObjectMetadata
			if err := yaml.Unmarshal(content, &object); err != nil || object.Name != path.Base(path.Dir(name)) {
				t.Errorf("%s is of %s, error %v", name, object.Name, err)
			}
		}
	}
}
