package rig

import (
	"context"
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/apply"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/ledger"
)

var _ scenario.Rig = (*Rig)(nil)

// Tier implements scenario.Rig.
func (r *Rig) Tier() string { return Tier }

// Observer implements scenario.Rig.
func (r *Rig) Observer() scenario.Observer { return r.observer }

// Ledger implements scenario.Rig.
func (r *Rig) Ledger() *ledger.Ledger { return r.ledger }

// Turn implements scenario.Rig.
func (r *Rig) Turn(ctx context.Context, claim scenario.Claim) (end func(), err error) {
	return r.turns.Take(ctx, claim)
}

// Apply implements scenario.Rig. Sensors and EventSources get the log level that the rig observes them by.
func (r *Rig) Apply(ctx context.Context, objects []map[string]any) (undo func(context.Context) error, err error) {
	var all, fresh, changed []apply.Object
	for _, content := range objects {
		object := fromScenario(content)
		if err := observable(object.Unstructured); err != nil {
			return nil, failure.New(failure.BadInput, "", "%w", err)
		}
		all = append(all, object)
		if object.GetName() == "" {
			continue // made anew each time; the server names it
		}
		current, err := r.applier.Get(ctx, object)
		switch {
		case err == nil:
			changed = append(changed, fromScenario(withoutServerFields(current.Object)))
		case isNotFound(err):
			fresh = append(fresh, object)
		default:
			return nil, err
		}
	}
	undo = func(ctx context.Context) error {
		return errors.Join(r.remove(ctx, fresh), r.restore(ctx, changed))
	}
	return undo, r.apply(ctx, all)
}

// Delete implements scenario.Rig.
func (r *Rig) Delete(ctx context.Context, objects []map[string]any) (undo func(context.Context) error, err error) {
	var before []apply.Object
	undo = func(ctx context.Context) error { return r.restore(ctx, before) }
	for _, content := range objects {
		object := fromScenario(content)
		current, err := r.applier.Get(ctx, object)
		if err != nil {
			if isNotFound(err) {
				return undo, failure.New(failure.BadInput, "name an object that is there", "delete: %w", err)
			}
			return undo, err
		}
		if err := r.remove(ctx, []apply.Object{object}); err != nil {
			return undo, err
		}
		before = append(before, fromScenario(withoutServerFields(current.Object)))
	}
	return undo, nil
}

// Objects implements scenario.Rig.
func (r *Rig) Objects(ctx context.Context, e scenario.ObjectExpectation) ([]map[string]any, error) {
	kind := &unstructured.Unstructured{}
	kind.SetAPIVersion(e.APIVersion)
	kind.SetKind(e.Kind)
	kind.SetNamespace(e.Namespace)
	found, err := r.applier.List(ctx, apply.Object{Unstructured: kind, Origin: "the scenario"}, labels.SelectorFromSet(e.Labels).String())
	if err != nil {
		return nil, err
	}
	var objects []map[string]any
	for _, one := range found {
		if e.Name == "" || one.GetName() == e.Name {
			objects = append(objects, one.Object)
		}
	}
	return objects, nil
}

// remove deletes objects, as far as they are there.
func (r *Rig) remove(ctx context.Context, objects []apply.Object) error {
	var all []error
	for _, object := range objects {
		all = append(all, r.applier.Delete(ctx, object))
		r.observer.Forget(object.GetKind(), object.GetNamespace(), object.GetName())
	}
	return errors.Join(all...)
}

// restore writes objects as they were. What the scenario's own apply added to their fields goes: it owned them.
func (r *Rig) restore(ctx context.Context, objects []apply.Object) error {
	if len(objects) == 0 {
		return nil
	}
	return r.apply(ctx, objects)
}

func fromScenario(content map[string]any) apply.Object {
	return apply.Object{Unstructured: &unstructured.Unstructured{Object: content}, Origin: "the scenario"}
}

func isNotFound(err error) bool {
	var status apierrors.APIStatus
	return errors.As(err, &status) && apierrors.IsNotFound(err)
}

// withoutServerFields takes out of an object what only the server may set, so that it can be applied again.
func withoutServerFields(object map[string]any) map[string]any {
	for _, field := range []string{"resourceVersion", "uid", "creationTimestamp", "managedFields", "generation", "ownerReferences"} {
		unstructured.RemoveNestedField(object, "metadata", field)
	}
	unstructured.RemoveNestedField(object, "status")
	return object
}
