package rig

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"
)

// clusterStateTimeout bounds how long the cluster may take to tell its state: a run that failed is not kept waiting by it.
const clusterStateTimeout = 30 * time.Second

// withoutNamespace is the folder of the objects that are in none.
const withoutNamespace = "_cluster"

// clusterKinds are the resources outside of namespaces that are of interest. The rest is Kubernetes' own.
var clusterKinds = []string{"namespaces", "nodes", "clusterworkflowtemplates", "validatingwebhookconfigurations"}

// uninteresting are resources that say nothing that others do not, or have a file of their own (events).
var uninteresting = []string{"events", "leases", "controllerrevisions", "endpoints", "bindings", "podtemplates"}

// saveClusterState writes what the API server holds: Events in the order in which they came (events.txt), and every object of
// every namespace as YAML (objects/NAMESPACE/RESOURCE.yaml). That it could not be asked is said there.
func (r *Rig) saveClusterState(folder string) error {
	if r.client == nil || r.Err() != nil {
		return nil // it never answered, or does no more
	}
	ctx, cancel := context.WithTimeout(context.Background(), clusterStateTimeout)
	defer cancel()
	err := errors.Join(r.saveEvents(ctx, filepath.Join(folder, "events.txt")), r.saveObjects(ctx, filepath.Join(folder, "objects")))
	if err == nil {
		return nil
	}
	return write(filepath.Join(folder, "objects", "incomplete.txt"), []byte("The API server did not tell all of its state: "+err.Error()+"\n"))
}

func (r *Rig) saveEvents(ctx context.Context, path string) error {
	list, err := r.client.CoreV1().Events("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("list the Events: %w", err)
	}
	at := func(e corev1.Event) time.Time {
		return slices.MaxFunc([]time.Time{e.LastTimestamp.Time, e.EventTime.Time, e.CreationTimestamp.Time}, time.Time.Compare)
	}
	slices.SortStableFunc(list.Items, func(a, b corev1.Event) int { return at(a).Compare(at(b)) })
	var text strings.Builder
	for _, e := range list.Items {
		times := ""
		if e.Count > 1 {
			times = fmt.Sprintf(" (%d times)", e.Count)
		}
		fmt.Fprintf(&text, "%s %-7s %s %s/%s %s: %s%s\n", at(e).UTC().Format(time.RFC3339), e.Type, e.InvolvedObject.Kind, e.InvolvedObject.Namespace, e.InvolvedObject.Name, e.Reason,
			strings.ReplaceAll(strings.TrimSpace(e.Message), "\n", " "), times)
	}
	return write(path, []byte(text.String()))
}

func (r *Rig) saveObjects(ctx context.Context, folder string) error {
	discovered, err := discovery.NewDiscoveryClientForConfig(r.cluster.REST())
	if err != nil {
		return fmt.Errorf("make discovery client: %w", err)
	}
	client, err := dynamic.NewForConfig(r.cluster.REST())
	if err != nil {
		return fmt.Errorf("make dynamic client: %w", err)
	}
	// What is known of a part of the groups is better than nothing.
	lists, err := discovered.ServerPreferredResources()
	all := []error{err}
	for _, list := range lists {
		group, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			all = append(all, fmt.Errorf("read API group %q: %w", list.GroupVersion, err))
			continue
		}
		for _, resource := range list.APIResources {
			if !slices.Contains(resource.Verbs, "list") || slices.Contains(uninteresting, resource.Name) || !resource.Namespaced && !slices.Contains(clusterKinds, resource.Name) {
				continue
			}
			found, err := client.Resource(group.WithResource(resource.Name)).List(ctx, metav1.ListOptions{})
			if err != nil {
				all = append(all, fmt.Errorf("list %s: %w", resource.Name, err))
				continue
			}
			name := strings.TrimSuffix(resource.Name+"."+group.Group, ".")
			all = append(all, saveList(folder, name, found.Items))
		}
	}
	return errors.Join(all...)
}

// saveList writes the objects of one resource, a file for each namespace.
func saveList(folder, resource string, objects []unstructured.Unstructured) error {
	slices.SortFunc(objects, func(a, b unstructured.Unstructured) int {
		return cmp.Or(strings.Compare(a.GetNamespace(), b.GetNamespace()), strings.Compare(a.GetName(), b.GetName()))
	})
	files := map[string][]byte{}
	for _, object := range objects {
		text, err := yaml.Marshal(shown(object).Object)
		if err != nil {
			return fmt.Errorf("encode %s %s/%s: %w", resource, object.GetNamespace(), object.GetName(), err)
		}
		path := filepath.Join(folder, cmp.Or(object.GetNamespace(), withoutNamespace), resource+".yaml")
		if files[path] != nil {
			files[path] = append(files[path], "---\n"...)
		}
		files[path] = append(files[path], text...)
	}
	var all []error
	for path, content := range files {
		all = append(all, write(path, content))
	}
	return errors.Join(all...)
}

// shown is an object as it may be handed on: of a Secret only how much there is.
func shown(object unstructured.Unstructured) *unstructured.Unstructured {
	copied := object.DeepCopy()
	unstructured.RemoveNestedField(copied.Object, "metadata", "managedFields")
	if copied.GetKind() != "Secret" {
		return copied
	}
	unstructured.RemoveNestedField(copied.Object, "metadata", "annotations", corev1.LastAppliedConfigAnnotation)
	for _, field := range []string{"data", "stringData"} {
		values, found, err := unstructured.NestedMap(copied.Object, field)
		if err != nil || !found {
			continue
		}
		for key, value := range values {
			values[key] = fmt.Sprintf("not shown: %d characters", len(fmt.Sprint(value)))
		}
		copied.Object[field] = values
	}
	return copied
}

// write writes a file of the artifacts, with its folder.
func write(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("make artifacts folder: %w", err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		return fmt.Errorf("write artifact: %w", err)
	}
	return nil
}
