package offline

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/eventrig/eventrig/internal/pipeline"
)

// Apply implements scenario.Rig: the objects take the place of those of the same name. Nothing is to be undone, because the
// manifests are this run's own.
func (p *play) Apply(_ context.Context, objects []map[string]any) (undo func(context.Context) error, err error) {
	return p.change(objects, func(o pipeline.Object) []pipeline.Object { return []pipeline.Object{o} })
}

// Delete implements scenario.Rig.
func (p *play) Delete(_ context.Context, objects []map[string]any) (undo func(context.Context) error, err error) {
	return p.change(objects, func(pipeline.Object) []pipeline.Object { return nil })
}

// change replaces objects by what instead makes of them. What was sent before is evaluated by the manifests before.
func (p *play) change(objects []map[string]any, instead func(pipeline.Object) []pipeline.Object) (undo func(context.Context) error, err error) {
	undo = func(context.Context) error { return nil }
	p.evaluate()
	all := slices.Clone(p.manifests.graph.Objects)
	for _, content := range objects {
		object := pipeline.Object{Unstructured: &unstructured.Unstructured{Object: content}, File: p.scenario.File, Line: p.scenario.Line}
		all = slices.DeleteFunc(all, func(other pipeline.Object) bool {
			return object.GetName() != "" && other.Key() == object.Key() && other.GroupVersionKind().Group == object.GroupVersionKind().Group
		})
		all = append(all, instead(object)...)
	}
	changed, err := newManifests(&pipeline.Graph{Objects: all, Unlisted: p.manifests.graph.Unlisted})
	if err != nil {
		return undo, err
	}
	p.manifests, p.sequence = changed, changed.evaluator.Sequence()
	return undo, nil
}
