package mutate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/eventrig/eventrig/e2e/rig"
	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/pipeline"
)

// OnRig is a lane on a rig that runs the graph's manifests. A mutant is applied, waited for until the pods of what it changes
// run with it and are ready, and taken back at the end; ready is how long such pods may take.
func OnRig(on *rig.Rig, graph *pipeline.Graph, seed int64, ready time.Duration) Stage {
	return &rigLane{on, graph, seed, ready}
}

type rigLane struct {
	rig   *rig.Rig
	graph *pipeline.Graph
	seed  int64
	ready time.Duration
}

func (l *rigLane) Tier() string { return rig.Tier }

func (l *rigLane) Force(ctx context.Context, m *Mutant) (Trial, error) {
	trial := &rigTrial{lane: l, mutant: m}
	if m == nil {
		return trial, nil
	}
	if err := l.rig.Err(); err != nil {
		return nil, err
	}
	var err error
	if m.Gone() {
		_, trial.undo, err = l.rig.Delete(ctx, []map[string]any{m.Object.DeepCopy().Object})
	} else {
		content := m.Content()
		if m.Object.GetKind() == "WorkflowTemplate" {
			content = marked(content)
		}
		_, trial.undo, err = l.rig.Apply(ctx, []map[string]any{content})
	}
	if err == nil {
		err = l.settled(ctx, m)
	}
	if err == nil {
		return trial, nil
	}
	if endErr := trial.End(context.WithoutCancel(ctx)); endErr != nil {
		return nil, errors.Join(err, endErr)
	}
	if refused(err) {
		return nil, &Refusal{err}
	}
	return nil, err
}

// refused reports whether an API server, or a webhook that it asks, does not take an object.
func refused(err error) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return false
	}
	code := status.Status().Code
	return code >= 400 && code < 500 && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) && !apierrors.IsTooManyRequests(err)
}

// settled waits until a mutant is in force: the pods that run with what it changes are there, and ready.
func (l *rigLane) settled(ctx context.Context, m *Mutant) error {
	switch kind := m.Object.GetKind(); {
	case kind == "Sensor" || kind == "EventSource":
	case givesRights(kind):
		if err := l.allowed(ctx, m, m.Graph(l.graph)); err != nil {
			return err
		}
	default:
		return nil // the API server, and whoever makes a pod, asks for it anew
	}
	bounded, cancel := context.WithTimeout(ctx, l.ready)
	defer cancel()
	if err := l.rig.Observer().Ready(bounded); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return &Unready{err}
	}
	return nil
}

// givesRights reports whether accounts have their rights by objects of a kind.
func givesRights(kind string) bool {
	return slices.Contains([]string{"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding", "ServiceAccount"}, kind)
}

// allowed waits until accounts may do what a graph gives them, the pods that ask but once included.
func (l *rigLane) allowed(ctx context.Context, m *Mutant, by *pipeline.Graph) error {
	if err := l.decided(ctx, m.Object, by); err != nil {
		return err
	}
	return l.restart(ctx, m)
}

// restart starts the pods anew that hold on to what an account was allowed: an EventSource that watches objects asks once,
// when it starts, and a token is one of an account that may be gone.
func (l *rigLane) restart(ctx context.Context, m *Mutant) error {
	reaches := func(namespace, account string) bool {
		if m.Object.GetKind() == "ServiceAccount" {
			return m.Object.GetNamespace() == namespace && m.Object.GetName() == account
		}
		for _, right := range l.graph.Rights(namespace, account) {
			if right.From.Key() == m.Object.Key() || right.Binding.Key() == m.Object.Key() {
				return true
			}
		}
		return false
	}
	anew := func(kind, namespace, name string) error {
		_, err := l.rig.Fault(ctx, scenario.Fault{DeletePods: &scenario.Component{Kind: kind, Name: namespace + "/" + name}})
		if err != nil {
			return fmt.Errorf("start %s %s/%s anew: %w", kind, namespace, name, err)
		}
		return nil
	}
	for _, source := range l.graph.EventSources() {
		if template := source.Typed.Spec.Template; template != nil && reaches(source.GetNamespace(), template.ServiceAccountName) {
			if err := anew("EventSource", source.GetNamespace(), source.GetName()); err != nil {
				return err
			}
		}
	}
	if m.Object.GetKind() != "ServiceAccount" {
		return nil // a Sensor asks the API server each time
	}
	for _, sensor := range l.graph.Sensors() {
		if template := sensor.Typed.Spec.Template; template != nil && reaches(sensor.GetNamespace(), template.ServiceAccountName) {
			if err := anew("Sensor", sensor.GetNamespace(), sensor.GetName()); err != nil {
				return err
			}
		}
	}
	return nil
}

type rigTrial struct {
	lane   *rigLane
	mutant *Mutant
	undo   scenario.Restore
}

func (t *rigTrial) Run(ctx context.Context, s scenario.Scenario) scenario.Result {
	for again := 0; ; again++ {
		result := scenario.Run(ctx, t.lane.rig, s, scenario.Options{Seed: t.lane.seed, Attempt: again})
		if !result.OK() || again == mostStale {
			return result
		}
		if stale, err := t.stale(ctx, result); err != nil || !stale {
			return result // where it cannot be told, the Workflows are gone already
		}
	}
}

// mostStale is how often a scenario is run again because Argo's controller had not seen the change.
const mostStale = 3

// endTimeout is how long the rig may take to be as it was.
const endTimeout = 3 * time.Minute

func (t *rigTrial) End(ctx context.Context) error {
	if t.undo == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, endTimeout)
	defer cancel()
	if _, err := t.undo(ctx); err != nil {
		return err
	}
	t.undo = nil
	if givesRights(t.mutant.Object.GetKind()) {
		if err := t.lane.allowed(ctx, t.mutant, t.lane.graph); err != nil {
			return err
		}
	}
	return t.lane.rig.Observer().Ready(ctx)
}
