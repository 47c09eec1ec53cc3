// Package argo renders what installs Argo Events and Argo Workflows, as UnderStack runs them.
//
// In: the versions, and the namespaces that Workflows may run in. Out: the objects of upstream's own install manifests,
// taken from the modules' zips, with the changes that manifests/argo-events and manifests/argo-workflows write down and
// those that depend on the parameters: image tags, the controller's arguments and its RoleBindings.
package argo

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/images"
	"github.com/eventrig/eventrig/manifests"
)

// Where the controllers run.
const (
	NamespaceEvents    = "argo-events"
	NamespaceWorkflows = "argo"
)

// Versions says what is rendered. Empty fields mean UnderStack's.
type Versions struct {
	ArgoEvents    string
	ArgoWorkflows string
	// WorkflowNamespaces are the namespaces whose Workflows run. One controller watches one namespace, so each further
	// one gets a controller of its own.
	WorkflowNamespaces []string
	// Modules finds a folder with the module's manifests/; by default that of the component cache, filled by download.
	Modules func(ctx context.Context, module, version string) (dir string, err error)
}

func (v Versions) withDefaults() Versions {
	if v.ArgoEvents == "" {
		v.ArgoEvents = images.DefaultArgoEvents
	}
	if v.ArgoWorkflows == "" {
		v.ArgoWorkflows = images.DefaultArgoWorkflows
	}
	if len(v.WorkflowNamespaces) == 0 {
		v.WorkflowNamespaces = []string{NamespaceEvents}
	}
	if v.Modules == nil {
		v.Modules = (&images.Builder{}).ModuleManifests
	}
	return v
}

// Render returns the install manifests of both, in the order in which kustomize has them. Namespaces that Workflows run
// in, other than argo-events, are not among them.
func Render(ctx context.Context, versions Versions) ([]*unstructured.Unstructured, error) {
	versions = versions.withDefaults()
	events, err := renderEvents(ctx, versions)
	if err != nil {
		return nil, fmt.Errorf("render argo-events %s: %w", versions.ArgoEvents, err)
	}
	workflows, err := renderWorkflows(ctx, versions)
	if err != nil {
		return nil, fmt.Errorf("render argo-workflows %s: %w", versions.ArgoWorkflows, err)
	}
	return append(events, workflows...), nil
}

// renderEvents lays upstream's manifests and our changes side by side in memory and builds them.
func renderEvents(ctx context.Context, versions Versions) ([]*unstructured.Unstructured, error) {
	dir, err := versions.Modules(ctx, images.ModuleArgoEvents, versions.ArgoEvents)
	if err != nil {
		return nil, err
	}
	files, err := overlay("argo-events", filepath.Join(dir, "manifests"), map[string]string{
		"upstream": "cluster-install",
		"webhook":  "extensions/validating-webhook",
	})
	if err != nil {
		return nil, err
	}
	objects, err := build(files, "argo-events")
	if err != nil {
		return nil, err
	}
	const image = "quay.io/argoproj/argo-events"
	setTag(objects, image, versions.ArgoEvents)
	for _, object := range objects {
		if object.GetKind() == "Deployment" && object.GetName() == "controller-manager" {
			// The image of the pods that the controller makes.
			if err := setEnv(object, "ARGO_EVENTS_IMAGE", image+":"+versions.ArgoEvents); err != nil {
				return nil, err
			}
		}
	}
	return objects, nil
}

func renderWorkflows(ctx context.Context, versions Versions) ([]*unstructured.Unstructured, error) {
	dir, err := versions.Modules(ctx, images.ModuleArgoWorkflows, versions.ArgoWorkflows)
	if err != nil {
		return nil, err
	}
	files, err := overlay("argo-workflows", filepath.Join(dir, "manifests"), map[string]string{
		"crds":       "base/crds/minimal",
		"controller": "base/workflow-controller",
		"rbac":       "cluster-install-no-crds/workflow-controller-rbac",
	})
	if err != nil {
		return nil, err
	}
	objects, err := build(files, "argo-workflows")
	if err != nil {
		return nil, err
	}
	setTag(objects, "quay.io/argoproj/workflow-controller", versions.ArgoWorkflows)
	return bindToNamespaces(objects, versions)
}

// overlay puts the folder of our manifests and the folders of upstream that it refers to into one memory file system.
// Each of upstream's is a kustomization that only refers to where it lies, so that its own relative paths hold.
func overlay(ours, upstream string, folders map[string]string) (filesys.FileSystem, error) {
	memory := filesys.MakeFsInMemory()
	disk := filesys.MakeFsOnDisk()
	if !disk.IsDir(upstream) {
		return nil, failure.New(failure.Environment, "choose a version whose module holds manifests", "%s does not exist", upstream)
	}
	err := disk.Walk(upstream, func(name string, info fs.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		relative, err := filepath.Rel(upstream, name)
		if err != nil {
			return err
		}
		content, err := disk.ReadFile(name)
		if err != nil {
			return err
		}
		return memory.WriteFile(path.Join("/module", filepath.ToSlash(relative)), content)
	})
	if err != nil {
		return nil, fmt.Errorf("read upstream's manifests: %w", err)
	}
	err = fs.WalkDir(manifests.FS, ours, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := manifests.FS.ReadFile(name)
		if err != nil {
			return err
		}
		return memory.WriteFile("/"+name, content)
	})
	if err != nil {
		return nil, fmt.Errorf("read our manifests: %w", err)
	}
	for name, folder := range folders {
		if !memory.IsDir(path.Join("/module", folder)) {
			return nil, failure.New(failure.Environment, "choose another version", "the module has no manifests/%s", folder)
		}
		kustomization := "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n- ../../module/" + folder + "\n"
		if err := memory.WriteFile(path.Join("/", ours, name, "kustomization.yaml"), []byte(kustomization)); err != nil {
			return nil, err
		}
	}
	return memory, nil
}

func build(files filesys.FileSystem, folder string) ([]*unstructured.Unstructured, error) {
	options := krusty.MakeDefaultOptions()
	resources, err := krusty.MakeKustomizer(options).Run(files, "/"+folder)
	if err != nil {
		return nil, failure.New(failure.Environment, "these manifests may not fit this version", "kustomize: %w", err)
	}
	objects := make([]*unstructured.Unstructured, 0, resources.Size())
	for _, resource := range resources.Resources() {
		// By way of YAML, because kustomize's maps hold numbers of Go's int, which the API machinery cannot copy.
		content, err := resource.AsYAML()
		if err != nil {
			return nil, fmt.Errorf("read kustomize's result: %w", err)
		}
		object := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(content, &object.Object); err != nil {
			return nil, fmt.Errorf("read kustomize's result: %w", err)
		}
		objects = append(objects, object)
	}
	return objects, nil
}

// setTag gives every container of the image the tag; upstream's manifests say `latest` in places.
func setTag(objects []*unstructured.Unstructured, image, tag string) {
	for _, object := range objects {
		for _, container := range containers(object) {
			if name, _ := container["image"].(string); name == image || strings.HasPrefix(name, image+":") {
				container["image"] = image + ":" + tag
			}
		}
	}
}

// containers returns the containers of a Deployment, not copies of them.
func containers(object *unstructured.Unstructured) []map[string]any {
	list, found, err := unstructured.NestedFieldNoCopy(object.Object, "spec", "template", "spec", "containers")
	if err != nil || !found {
		return nil
	}
	items, _ := list.([]any)
	var result []map[string]any
	for _, item := range items {
		if container, ok := item.(map[string]any); ok {
			result = append(result, container)
		}
	}
	return result
}

func setEnv(deployment *unstructured.Unstructured, name, value string) error {
	all := containers(deployment)
	if len(all) == 0 {
		return fmt.Errorf("set %s: Deployment %s has no container", name, deployment.GetName())
	}
	list, _ := all[0]["env"].([]any)
	for _, item := range list {
		if variable, ok := item.(map[string]any); ok && variable["name"] == name {
			variable["value"] = value
			return nil
		}
	}
	all[0]["env"] = append(list, map[string]any{"name": name, "value": value})
	return nil
}
