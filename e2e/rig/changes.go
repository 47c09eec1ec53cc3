package rig

import (
	"cmp"
	"context"
	"errors"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/eventrig/eventrig/e2e/observe"
	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/apply"
	"github.com/eventrig/eventrig/internal/failure"
)

// Heard implements scenario.Rig.
func (r *Rig) Heard(objects []map[string]any) (bool, error) {
	for _, content := range objects {
		object := fromScenario(content)
		resource, err := r.applier.Resource(object)
		if err != nil {
			if meta.IsNoMatchError(err) {
				continue // its definition may be among the objects
			}
			return false, err
		}
		if r.observer.Watched(resource, cmp.Or(object.GetNamespace(), metav1.NamespaceDefault)) {
			return true, nil
		}
	}
	return false, nil
}

// Apply implements scenario.Rig. Sensors and EventSources get the log level that the rig observes them by.
func (r *Rig) Apply(ctx context.Context, objects []map[string]any) (raised []scenario.Published, undo scenario.Restore, err error) {
	var all, fresh, changed []apply.Object
	for _, content := range objects {
		object := fromScenario(content)
		if err := observable(object.Unstructured); err != nil {
			return nil, nil, failure.New(failure.BadInput, "", "%w", err)
		}
		all = append(all, object)
	}
	before, err := r.current(ctx, all)
	if err != nil {
		return nil, nil, err
	}
	for i, object := range all {
		switch {
		case before[i] != nil:
			changed = append(changed, fromScenario(withoutServerFields(before[i].DeepCopy().Object)))
		case object.GetName() != "":
			fresh = append(fresh, object)
		}
	}
	undo = func(ctx context.Context) ([]scenario.Published, error) {
		removed, removeErr := r.remove(ctx, fresh)
		restored, restoreErr := r.restore(ctx, changed)
		return append(removed, restored...), errors.Join(removeErr, restoreErr)
	}
	applied, err := r.apply(ctx, all)
	if err != nil {
		return nil, undo, err
	}
	for _, object := range applied {
		if object.GetGenerateName() != "" { // named by the server
			fresh = append(fresh, fromScenario(object.Object))
		}
	}
	raised, err = r.raised(before, applied)
	return raised, undo, err
}

// Delete implements scenario.Rig.
func (r *Rig) Delete(ctx context.Context, objects []map[string]any) (raised []scenario.Published, undo scenario.Restore, err error) {
	var deleted []apply.Object
	undo = func(ctx context.Context) ([]scenario.Published, error) { return r.restore(ctx, deleted) }
	for _, content := range objects {
		object := fromScenario(content)
		current, err := r.applier.Get(ctx, object)
		if err != nil {
			if isNotFound(err) {
				return raised, undo, failure.New(failure.BadInput, "name an object that is there", "delete: %w", err)
			}
			return raised, undo, err
		}
		its, err := r.remove(ctx, []apply.Object{object})
		if err != nil {
			return raised, undo, err
		}
		raised = append(raised, its...)
		deleted = append(deleted, fromScenario(withoutServerFields(current.Object)))
	}
	return raised, undo, nil
}

// remove deletes objects, as far as they are there.
func (r *Rig) remove(ctx context.Context, objects []apply.Object) ([]scenario.Published, error) {
	before, err := r.current(ctx, objects)
	all := []error{err}
	for _, object := range objects {
		all = append(all, r.applier.Delete(ctx, object))
		r.observer.Forget(object.GetKind(), object.GetNamespace(), object.GetName())
	}
	raised, err := r.raised(before, nil)
	return raised, errors.Join(append(all, err)...)
}

// restore writes objects as they were. What the scenario's own apply added to their fields goes: it owned them.
func (r *Rig) restore(ctx context.Context, objects []apply.Object) ([]scenario.Published, error) {
	if len(objects) == 0 {
		return nil, nil
	}
	before, err := r.current(ctx, objects)
	if err != nil {
		return nil, err
	}
	applied, err := r.apply(ctx, objects)
	if err != nil {
		return nil, err
	}
	return r.raised(before, applied)
}

// current reads objects as the server has them, nil for one that is not there or has no name yet.
func (r *Rig) current(ctx context.Context, objects []apply.Object) ([]*unstructured.Unstructured, error) {
	found := make([]*unstructured.Unstructured, len(objects))
	for i, object := range objects {
		if object.GetName() == "" {
			continue
		}
		current, err := r.applier.Get(ctx, object)
		if err != nil && !isNotFound(err) {
			return found, err
		}
		if err == nil {
			found[i] = current
		}
	}
	return found, nil
}

// raised are the events that resource EventSources make of objects that were as before and are now as after.
func (r *Rig) raised(before, after []*unstructured.Unstructured) ([]scenario.Published, error) {
	var changes []observe.ObjectChange
	at := map[types.UID]int{}
	note := func(object *unstructured.Unstructured) (*observe.ObjectChange, error) {
		if i, known := at[object.GetUID()]; known {
			return &changes[i], nil
		}
		resource, err := r.applier.Resource(fromScenario(object.Object))
		if err != nil {
			return nil, err
		}
		at[object.GetUID()] = len(changes)
		changes = append(changes, observe.ObjectChange{Resource: resource})
		return &changes[len(changes)-1], nil
	}
	for _, object := range before {
		if object == nil {
			continue
		}
		change, err := note(object)
		if err != nil {
			return nil, err
		}
		change.Before = object
	}
	for _, object := range after {
		change, err := note(object)
		if err != nil {
			return nil, err
		}
		change.After = object
	}
	return r.observer.Raised(changes)
}
