package rig

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

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

// Apply implements scenario.Rig. Sensors and EventSources get the log level that the rig observes them by.
func (r *Rig) Apply(ctx context.Context, objects []map[string]any) error {
	var all []apply.Object
	for _, content := range objects {
		object := apply.Object{Unstructured: &unstructured.Unstructured{Object: content}, Origin: "the scenario"}
		if err := observable(object.Unstructured); err != nil {
			return failure.New(failure.BadInput, "", "%w", err)
		}
		all = append(all, object)
	}
	return r.apply(ctx, all)
}

// Delete implements scenario.Rig: it removes objects and returns them as they were, without what the server added.
func (r *Rig) Delete(ctx context.Context, objects []map[string]any) ([]map[string]any, error) {
	var before []map[string]any
	for _, content := range objects {
		object := apply.Object{Unstructured: &unstructured.Unstructured{Object: content}, Origin: "the scenario"}
		current, err := r.applier.Get(ctx, object)
		if err != nil {
			var status apierrors.APIStatus
			if errors.As(err, &status) && apierrors.IsNotFound(err) {
				return before, failure.New(failure.BadInput, "name an object that is there", "delete: %w", err)
			}
			return before, err
		}
		if err := r.applier.Delete(ctx, object); err != nil {
			return before, err
		}
		r.observer.Forget(current.GetKind(), current.GetNamespace(), current.GetName())
		before = append(before, withoutServerFields(current.Object))
	}
	return before, nil
}

// withoutServerFields takes out of an object what only the server may set, so that it can be applied again.
func withoutServerFields(object map[string]any) map[string]any {
	for _, field := range []string{"resourceVersion", "uid", "creationTimestamp", "managedFields", "generation", "ownerReferences"} {
		unstructured.RemoveNestedField(object, "metadata", field)
	}
	unstructured.RemoveNestedField(object, "status")
	return object
}

// LoadWorlds implements scenario.Rig: both simulators forget what they hold and start with the named worlds.
func (r *Rig) LoadWorlds(_ context.Context, names []string) error {
	r.nautobot.Reset()
	r.openstack.Reset()
	for _, name := range names {
		if err := r.loadWorld(name); err != nil {
			return fmt.Errorf("load world %s: %w", name, err)
		}
	}
	return nil
}
