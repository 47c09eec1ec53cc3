// Package pipeline reads manifests into objects that know where they were written.
//
// In: files, folders and kustomizations, on disk or embedded. Out: a Graph of objects, each with the file and line of
// its definition and of each of its fields, those of Argo also in their typed form. Load fails with failure.BadInput at the
// first thing that cannot be read; Read reads all that can be and returns the rest as Problems with file, line and hint.
package pipeline

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Object is one object of a manifest.
type Object struct {
	*unstructured.Unstructured
	File string // as the caller named it; of a kustomization the file that the object came from
	Line int    // the line of the document's first field; 0 where a generator made the object

	source source
	unit   string // what is deployed as a whole and brings the object: an argument, a kustomization, a chart
}

// Origin is where the object was written: "file:line".
func (o Object) Origin() string {
	if o.Line == 0 {
		return o.File
	}
	return fmt.Sprintf("%s:%d", o.File, o.Line)
}

// Key is "Kind/namespace/name", with an empty namespace where the manifest has none.
func (o Object) Key() string {
	return o.GetKind() + "/" + o.GetNamespace() + "/" + o.GetName()
}

// Graph is all that was read, in reading order. Its methods decode on first use and may be called from several goroutines;
// Objects is not to be changed after that.
type Graph struct {
	Objects []Object
	// Unlisted are objects in the folders of kustomizations that these do not list, with the namespace that they are written
	// with: not part of what would be applied.
	Unlisted []Object

	typed typed
}

// Find returns an object by kind, namespace and name, of any API group and version.
func (g *Graph) Find(kind, namespace, name string) (Object, bool) {
	for _, object := range g.Objects {
		if object.GetKind() == kind && object.GetName() == name && object.GetNamespace() == namespace {
			return object, true
		}
	}
	return Object{}, false
}

// Kind returns the objects of a kind, of any version.
func (g *Graph) Kind(kind schema.GroupKind) []Object {
	var found []Object
	for _, object := range g.Objects {
		if object.GroupVersionKind().GroupKind() == kind {
			found = append(found, object)
		}
	}
	return found
}

// Namespaces returns the names of all namespaces that objects are in, sorted.
func (g *Graph) Namespaces() []string {
	var names []string
	for _, object := range g.Objects {
		if name := object.GetNamespace(); name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
