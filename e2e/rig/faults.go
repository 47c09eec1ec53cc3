package rig

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/simulators/nautobot"
)

// Fault implements scenario.Rig.
func (r *Rig) Fault(ctx context.Context, f scenario.Fault) (undo func(context.Context) error, err error) {
	switch {
	case f.DeletePods != nil:
		return r.deletePods(ctx, f.DeletePods.Kind, f.DeletePods.Name)
	case f.Scale != nil:
		return r.scale(ctx, *f.Scale)
	case f.Refuse != "":
		return r.refuse(f.Refuse)
	default:
		return r.disturbBroker(ctx, f.Broker)
	}
}

// disturbBroker stops, starts or restarts RabbitMQ, or ends its connections.
func (r *Rig) disturbBroker(ctx context.Context, how string) (func(context.Context) error, error) {
	if how == "close-connections" {
		return r.mended, r.broker.CloseConnections(ctx, "a scenario's fault")
	}
	undo := func(ctx context.Context) error {
		if err := r.broker.Resume(ctx); err != nil {
			return err
		}
		return r.mended(ctx)
	}
	if how != "start" {
		if err := r.broker.Halt(); err != nil {
			return undo, err
		}
	}
	if how != "stop" {
		if err := r.broker.Resume(ctx); err != nil {
			return undo, err
		}
	}
	return undo, nil
}

// mended waits until everything that was disturbed works again, so that the next scenario finds the rig as it was. That
// an EventSource consumes again only RabbitMQ knows: its log is silent about a connection that it does not miss yet.
func (r *Rig) mended(ctx context.Context) error {
	if err := r.observer.Ready(ctx); err != nil {
		return err
	}
	ticker := time.NewTicker(consumersPeriod)
	defer ticker.Stop()
	for _, queue := range r.observer.Queues() {
		for {
			state, err := r.broker.Queue(ctx, queue.VHost, queue.Name)
			if err == nil && state.Consumers > 0 {
				break
			}
			select {
			case <-ctx.Done():
				return failure.New(failure.Environment, "see the log of its pod", "wait until EventSource %s consumes from queue %s/%s again: %w",
					queue.EventSource, queue.VHost, queue.Name, errors.Join(ctx.Err(), err))
			case <-ticker.C: // RabbitMQ tells nobody of a new consumer
			}
		}
	}
	return nil
}

// consumersPeriod is how often RabbitMQ is asked for the consumers that are to come back.
const consumersPeriod = 50 * time.Millisecond

// deletePods deletes the pods of a component as `kubectl delete pod` does: with their grace period, until they are gone.
// Its controller makes new ones. A Sensor on STAN ends before it has closed its subscription (argo-events v1.9.10,
// pkg/sensors/listener.go), so that the server sends the one that is gone up to three events more and keeps them until its
// heartbeats have failed for minutes; that is Argo's own behaviour, and not taken back.
func (r *Rig) deletePods(ctx context.Context, kind, name string) (func(context.Context) error, error) {
	behind, err := r.workloadOf(ctx, kind, name)
	if err != nil {
		return nil, err
	}
	pods, err := r.podsOf(ctx, behind)
	if err != nil {
		return nil, err
	}
	if len(pods) == 0 {
		return nil, failure.New(failure.BadInput, "name a component that runs", "%s has no pod", behind)
	}
	mend := func(ctx context.Context) error { return r.componentMended(ctx, behind) }
	going := map[types.UID]bool{}
	for _, pod := range pods {
		going[pod.UID] = true
		r.observer.Leaving(string(pod.UID))
		if err := r.client.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{}); err != nil {
			return mend, fmt.Errorf("delete pod %s/%s: %w", pod.Namespace, pod.Name, err)
		}
	}
	return mend, r.awaitPods(ctx, behind, "none of those that were deleted", func(pods []corev1.Pod) bool {
		return !slices.ContainsFunc(pods, func(pod corev1.Pod) bool { return going[pod.UID] })
	})
}

// scale changes the replicas of the Deployment or StatefulSet behind a component.
func (r *Rig) scale(ctx context.Context, s scenario.Scale) (func(context.Context) error, error) {
	behind, err := r.workloadOf(ctx, s.Kind, s.Name)
	if err != nil {
		return nil, err
	}
	if s.Replicas == 0 {
		pods, err := r.podsOf(ctx, behind)
		if err != nil {
			return nil, err
		}
		for _, pod := range pods {
			r.observer.Leaving(string(pod.UID))
		}
	}
	undo := func(ctx context.Context) error {
		if err := r.setReplicas(ctx, behind, behind.replicas); err != nil {
			return err
		}
		return r.componentMended(ctx, behind)
	}
	if err := r.setReplicas(ctx, behind, s.Replicas); err != nil {
		return undo, err
	}
	if err := r.awaitPods(ctx, behind, strconv.Itoa(s.Replicas), func(pods []corev1.Pod) bool { return len(pods) == s.Replicas }); err != nil {
		return undo, err
	}
	if s.Replicas > 0 {
		return undo, r.busMended(ctx, behind)
	}
	return undo, nil
}

// faultRule reads a simulator's fault rule in its JSON form; an unknown field is a mistake.
func faultRule(rule map[string]any) (nautobot.Fault, error) {
	var decoded nautobot.Fault
	data, err := json.Marshal(rule)
	if err == nil {
		decoder := json.NewDecoder(bytes.NewReader(data))
		decoder.DisallowUnknownFields()
		err = decoder.Decode(&decoded)
	}
	if err != nil {
		return decoded, failure.New(failure.BadInput, "it takes method, path, skip, times, status, body, delaySeconds, drop, after", "read the fault rule: %w", err)
	}
	return decoded, nil
}
