// Package pipeline reads manifests into objects that know where they were written.
//
// In: files, folders and kustomizations, on disk or embedded. Out: a Graph of objects, each with the file and line of
// its definition; what cannot be read is failure.BadInput that names file, line and what is wrong.
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

// Graph is all that was read, in reading order.
type Graph struct {
	Objects []Object
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
