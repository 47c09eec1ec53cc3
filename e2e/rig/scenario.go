package rig

import (
	"context"
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/apply"
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
