package rig

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/eventrig/eventrig/internal/failure"
)

// componentLabels are the labels by which what stands behind a component is found.
var componentLabels = map[string]string{
	"EventSource": v1alpha1.LabelEventSourceName, "Sensor": v1alpha1.LabelSensorName, "EventBus": "eventbus-name",
}

// workload is the Deployment or StatefulSet that makes a component's pods.
type workload struct {
	kind, component string // as a scenario has them: EventBus, openstack/default
	resource        string // Deployment or StatefulSet
	namespace, name string
	replicas        int
	selector        string // of the pods
}

func (w workload) String() string { return w.kind + " " + w.component }

// workloadOf finds what makes the pods of a component, which is named namespace/name.
func (r *Rig) workloadOf(ctx context.Context, kind, qualified string) (workload, error) {
	namespace, name, _ := strings.Cut(qualified, "/")
	found := workload{kind: kind, component: qualified, namespace: namespace}
	take := func(resource, name string, replicas *int32, selector *metav1.LabelSelector) {
		found.resource, found.name, found.replicas, found.selector = resource, name, 1, metav1.FormatLabelSelector(selector)
		if replicas != nil {
			found.replicas = int(*replicas)
		}
	}
	if kind == "Deployment" {
		one, err := r.client.AppsV1().Deployments(namespace).Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return found, failure.New(failure.BadInput, "Argo's own are "+strings.Join(argoDeployments, ", "), "there is no %s", found)
		}
		if err != nil {
			return found, fmt.Errorf("read %s: %w", found, err)
		}
		take("Deployment", one.Name, one.Spec.Replicas, one.Spec.Selector)
		return found, nil
	}
	labelled := metav1.ListOptions{LabelSelector: componentLabels[kind] + "=" + name}
	deployments, err := r.client.AppsV1().Deployments(namespace).List(ctx, labelled)
	if err != nil {
		return found, fmt.Errorf("list the Deployments of %s: %w", found, err)
	}
	statefulSets, err := r.client.AppsV1().StatefulSets(namespace).List(ctx, labelled)
	if err != nil {
		return found, fmt.Errorf("list the StatefulSets of %s: %w", found, err)
	}
	switch {
	case len(deployments.Items) > 0:
		one := deployments.Items[0]
		take("Deployment", one.Name, one.Spec.Replicas, one.Spec.Selector)
	case len(statefulSets.Items) > 0:
		one := statefulSets.Items[0]
		take("StatefulSet", one.Name, one.Spec.Replicas, one.Spec.Selector)
	default:
		return found, failure.New(failure.BadInput, "name a component that runs", "%s has neither a Deployment nor a StatefulSet", found)
	}
	return found, nil
}

// podsOf lists the pods of a component.
func (r *Rig) podsOf(ctx context.Context, w workload) ([]corev1.Pod, error) {
	list, err := r.client.CoreV1().Pods(w.namespace).List(ctx, metav1.ListOptions{LabelSelector: w.selector})
	if err != nil {
		return nil, fmt.Errorf("list the pods of %s: %w", w, err)
	}
	return list.Items, nil
}

// setReplicas changes how many pods a component is to have.
func (r *Rig) setReplicas(ctx context.Context, w workload, replicas int) error {
	patch := fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, replicas)
	var err error
	if w.resource == "Deployment" {
		_, err = r.client.AppsV1().Deployments(w.namespace).Patch(ctx, w.name, types.MergePatchType, patch, metav1.PatchOptions{}, "scale")
	} else {
		_, err = r.client.AppsV1().StatefulSets(w.namespace).Patch(ctx, w.name, types.MergePatchType, patch, metav1.PatchOptions{}, "scale")
	}
	if err != nil {
		return fmt.Errorf("scale %s %s/%s to %d: %w", w.resource, w.namespace, w.name, replicas, err)
	}
	return nil
}

// awaitPods waits until a component has the pods that are wanted: one that is on its way out may still take what is
// published.
func (r *Rig) awaitPods(ctx context.Context, w workload, want string, enough func([]corev1.Pod) bool) error {
	for {
		changed := r.observer.Changed()
		pods, err := r.podsOf(ctx, w)
		if err != nil {
			return err
		}
		if enough(pods) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait until %s, which has %d pods, has %s: %w", w, len(pods), want, ctx.Err())
		}
	}
}

// componentMended waits until a component has its pods again and they are ready, then for everything that was disturbed.
func (r *Rig) componentMended(ctx context.Context, w workload) error {
	if err := r.awaitPods(ctx, w, fmt.Sprintf("%d that are ready", w.replicas), func(pods []corev1.Pod) bool {
		return len(pods) == w.replicas && !slices.ContainsFunc(pods, func(pod corev1.Pod) bool { return pod.DeletionTimestamp != nil || !isReady(pod) })
	}); err != nil {
		return err
	}
	if err := r.busMended(ctx, w); err != nil {
		return err
	}
	return r.mended(ctx)
}

// busMended waits, where a component is a bus, until one of its servers leads: until then nobody is let in, and what is
// published is lost, or waits half a minute for an acknowledgement.
func (r *Rig) busMended(ctx context.Context, w workload) error {
	if w.kind != "EventBus" {
		return nil
	}
	return r.waitBus(ctx)
}

func isReady(pod corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}
