package offline

import (
	"context"
	"fmt"
	"path"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/pipeline"
)

// Apply implements scenario.Rig: the objects take the place of those of the same name. Nothing is to be undone, because the
// manifests are this run's own.
func (p *play) Apply(_ context.Context, objects []map[string]any) (raised []scenario.Published, undo scenario.Restore, err error) {
	return p.change(objects, func(o pipeline.Object) []pipeline.Object { return []pipeline.Object{o} })
}

// Delete implements scenario.Rig.
func (p *play) Delete(_ context.Context, objects []map[string]any) (raised []scenario.Published, undo scenario.Restore, err error) {
	return p.change(objects, func(pipeline.Object) []pipeline.Object { return nil })
}

// change replaces objects by what instead makes of them. What was sent before is evaluated by the manifests before.
func (p *play) change(objects []map[string]any, instead func(pipeline.Object) []pipeline.Object) (raised []scenario.Published, undo scenario.Restore, err error) {
	undo = func(context.Context) ([]scenario.Published, error) { return nil, nil }
	p.evaluate()
	all := slices.Clone(p.manifests.graph.Objects)
	for _, content := range objects {
		object := pipeline.Object{Unstructured: &unstructured.Unstructured{Object: content}, File: p.scenario.File, Line: p.scenario.Line}
		p.tellsOf(object)
		all = slices.DeleteFunc(all, func(other pipeline.Object) bool {
			return object.GetName() != "" && other.Key() == object.Key() && other.GroupVersionKind().Group == object.GroupVersionKind().Group
		})
		all = append(all, instead(object)...)
	}
	changed, err := newManifests(&pipeline.Graph{Objects: all, Unlisted: p.manifests.graph.Unlisted})
	if err != nil {
		return nil, undo, err
	}
	p.manifests, p.sequence = changed, changed.evaluator.Sequence()
	return nil, undo, nil
}

// Heard implements scenario.Rig.
func (p *play) Heard([]map[string]any) (bool, error) { return false, nil }

// tellsOf notes the Sensors of EventSources that watch such objects: when one is made, changed or deleted, whether it was there
// before and what the API server makes of it decide what they hear.
func (p *play) tellsOf(object pipeline.Object) {
	resource, _ := meta.UnsafeGuessKindToResource(object.GroupVersionKind())
	for _, event := range p.manifests.graph.Events() {
		watched := event.Resource
		if watched == nil || watched.Group != resource.Group || watched.Resource != resource.Resource || watched.Namespace != "" && watched.Namespace != object.GetNamespace() {
			continue
		}
		for _, sensor := range p.manifests.graph.Sensors() {
			for _, d := range sensor.Typed.Spec.Dependencies {
				if takes, err := path.Match(d.EventSourceName+"/"+d.EventName, event.SourceName+"/"+event.Name); err == nil && takes && sensor.GetNamespace() == event.Namespace {
					p.unknown[sensor.GetNamespace()+"/"+sensor.GetName()] = fmt.Sprintf("EventSource %s watches %s: what it hears of them shows only where an API server runs", event.SourceName, resource.Resource)
				}
			}
		}
	}
}
