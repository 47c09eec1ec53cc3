package rig

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/simulators/nautobot"
)

// componentLabels are the labels by which the pods of a component are found.
var componentLabels = map[string]string{
	"EventSource": v1alpha1.LabelEventSourceName, "Sensor": v1alpha1.LabelSensorName, "EventBus": "eventbus-name",
}

// Fault implements scenario.Rig.
func (r *Rig) Fault(ctx context.Context, f scenario.Fault) (undo func(context.Context) error, err error) {
	switch {
	case f.DeletePods != nil:
		return r.deletePods(ctx, f.DeletePods.Kind, f.DeletePods.Name)
	case f.Scale != nil:
		return r.scale(ctx, *f.Scale)
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

// componentPods lists the pods of a component.
func (r *Rig) componentPods(ctx context.Context, kind, qualified string) (namespace string, pods []corev1.Pod, err error) {
	namespace, name, _ := strings.Cut(qualified, "/")
	list, err := r.client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: componentLabels[kind] + "=" + name})
	if err != nil {
		return namespace, nil, fmt.Errorf("list the pods of %s %s: %w", kind, qualified, err)
	}
	return namespace, list.Items, nil
}

// deletePods deletes the pods of a component as `kubectl delete pod` does: with their grace period, until they are gone.
// Its controller makes new ones. A Sensor on STAN ends before it has closed its subscription (argo-events v1.9.10,
// pkg/sensors/listener.go), so that the server sends the one that is gone up to three events more and keeps them until its
// heartbeats have failed for minutes; that is Argo's own behaviour, and not taken back.
func (r *Rig) deletePods(ctx context.Context, kind, name string) (func(context.Context) error, error) {
	namespace, pods, err := r.componentPods(ctx, kind, name)
	if err != nil {
		return nil, err
	}
	if len(pods) == 0 {
		return nil, failure.New(failure.BadInput, "name a component that runs", "%s %s has no pod", kind, name)
	}
	going := map[types.UID]bool{}
	for _, pod := range pods {
		going[pod.UID] = true
		r.observer.Leaving(string(pod.UID))
		if err := r.client.CoreV1().Pods(namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{}); err != nil {
			return r.mended, fmt.Errorf("delete pod %s/%s: %w", namespace, pod.Name, err)
		}
	}
	return r.mended, r.awaitPods(ctx, kind, name, "none of those that were deleted", func(pods []corev1.Pod) bool {
		return !slices.ContainsFunc(pods, func(pod corev1.Pod) bool { return going[pod.UID] })
	})
}

// scale changes the replicas of the Deployment or StatefulSet behind a component.
func (r *Rig) scale(ctx context.Context, s scenario.Scale) (func(context.Context) error, error) {
	namespace, name, _ := strings.Cut(s.Name, "/")
	selector := metav1.ListOptions{LabelSelector: componentLabels[s.Kind] + "=" + name}
	set := func(ctx context.Context, resource string, before int32, object string, replicas int) error {
		patch := fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, replicas)
		var err error
		if resource == "Deployment" {
			_, err = r.client.AppsV1().Deployments(namespace).Patch(ctx, object, types.MergePatchType, patch, metav1.PatchOptions{}, "scale")
		} else {
			_, err = r.client.AppsV1().StatefulSets(namespace).Patch(ctx, object, types.MergePatchType, patch, metav1.PatchOptions{}, "scale")
		}
		if err != nil {
			return fmt.Errorf("scale %s %s/%s from %d to %d: %w", resource, namespace, object, before, replicas, err)
		}
		return nil
	}
	deployments, err := r.client.AppsV1().Deployments(namespace).List(ctx, selector)
	if err != nil {
		return nil, fmt.Errorf("list the Deployments of %s %s: %w", s.Kind, s.Name, err)
	}
	statefulSets, err := r.client.AppsV1().StatefulSets(namespace).List(ctx, selector)
	if err != nil {
		return nil, fmt.Errorf("list the StatefulSets of %s %s: %w", s.Kind, s.Name, err)
	}
	resource, object, before := "", "", int32(1)
	switch {
	case len(deployments.Items) > 0:
		resource, object = "Deployment", deployments.Items[0].Name
		if deployments.Items[0].Spec.Replicas != nil {
			before = *deployments.Items[0].Spec.Replicas
		}
	case len(statefulSets.Items) > 0:
		resource, object = "StatefulSet", statefulSets.Items[0].Name
		if statefulSets.Items[0].Spec.Replicas != nil {
			before = *statefulSets.Items[0].Spec.Replicas
		}
	default:
		return nil, failure.New(failure.BadInput, "name a component that runs", "%s %s has neither a Deployment nor a StatefulSet", s.Kind, s.Name)
	}
	if s.Replicas == 0 {
		_, pods, err := r.componentPods(ctx, s.Kind, s.Name)
		if err != nil {
			return nil, err
		}
		for _, pod := range pods {
			r.observer.Leaving(string(pod.UID))
		}
	}
	undo := func(ctx context.Context) error {
		if err := set(ctx, resource, int32(s.Replicas), object, int(before)); err != nil {
			return err
		}
		return r.mended(ctx)
	}
	if err := set(ctx, resource, before, object, s.Replicas); err != nil {
		return undo, err
	}
	return undo, r.awaitPods(ctx, s.Kind, s.Name, fmt.Sprintf("%d", s.Replicas), func(pods []corev1.Pod) bool { return len(pods) == s.Replicas })
}

// awaitPods waits until a component has the pods that are wanted: one that is on its way out may still take what is
// published.
func (r *Rig) awaitPods(ctx context.Context, kind, name, want string, enough func([]corev1.Pod) bool) error {
	for {
		changed := r.observer.Changed()
		_, pods, err := r.componentPods(ctx, kind, name)
		if err != nil {
			return err
		}
		if enough(pods) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait until %s %s, which has %d pods, has %s: %w", kind, name, len(pods), want, ctx.Err())
		}
	}
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
