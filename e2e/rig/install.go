package rig

import (
	"context"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"

	"golang.org/x/sync/errgroup"

	"github.com/eventrig/eventrig/internal/apply"
	"github.com/eventrig/eventrig/internal/argo"
)

// Namespaces as UnderStack has them: Argo Events' controller and webhook beside the Workflows, EventSources and Sensors
// with OpenStack.
const (
	eventsNamespace    = argo.NamespaceEvents
	workflowsNamespace = argo.NamespaceWorkflows
	openstackNamespace = "openstack"
	nautobotNamespace  = "nautobot"
	webhookDeployment  = "events-webhook"
)

// namespaces are made before anything else, whether or not the manifests under test name them too.
var namespaces = []string{eventsNamespace, workflowsNamespace, openstackNamespace, nautobotNamespace}

// install brings Argo and the manifests under test into the cluster.
func (r *Rig) install(ctx context.Context) error {
	if err := r.cluster.StartNode(ctx); err != nil {
		return err
	}
	end := r.watch.phase("Argo's manifests")
	err := r.installArgo(ctx)
	end()
	if err != nil {
		return err
	}
	group, groupContext := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer r.watch.phase("node")()
		return r.cluster.WaitNode(groupContext)
	})
	group.Go(func() error { return r.startObserver(groupContext) })
	group.Go(func() error {
		defer r.watch.phase("validating webhook")()
		return r.waitDeployment(groupContext, eventsNamespace, webhookDeployment)
	})
	if err := group.Wait(); err != nil {
		return err
	}
	defer r.watch.phase("manifests under test")()
	return r.apply(ctx, r.manifests)
}

// apply writes objects and tells the observer which EventSources and Sensors to look out for.
func (r *Rig) apply(ctx context.Context, objects []apply.Object) error {
	applied, err := r.applier.All(ctx, objects)
	if err != nil {
		return err
	}
	for _, object := range applied {
		r.observer.Expect(object.GetKind(), object.GetNamespace(), object.GetName(), object.GetGeneration())
	}
	return nil
}

// installArgo writes the upstream manifests and what surrounds Argo: names of outside services, credentials.
func (r *Rig) installArgo(ctx context.Context) error {
	upstream, err := argo.Render(ctx, argo.Versions{ArgoEvents: r.options.ArgoEvents, ArgoWorkflows: r.options.ArgoWorkflows})
	if err != nil {
		return fmt.Errorf("render Argo's manifests: %w", err)
	}
	var objects []apply.Object
	for _, name := range namespaces {
		objects = append(objects, namespace(name))
	}
	for _, service := range outsideServices {
		objects = append(objects, service.objects()...)
	}
	objects = append(objects, brokerSecrets(r.services)...)
	objects = append(objects, r.handlerSecrets()...)
	if r.options.Bus == BusJetStreamExotic {
		for _, name := range r.busNamespaces() {
			tls, err := busTLS(name)
			if err != nil {
				return err
			}
			objects = append(objects, tls)
		}
	}
	for _, object := range upstream {
		objects = append(objects, apply.Object{Unstructured: object, Origin: "Argo's own manifests"})
	}
	// Definitions first and by themselves: the API server takes its time before it stores the first object of a new kind.
	slices.SortStableFunc(objects, func(a, b apply.Object) int { return apply.Rank(a.GetKind()) - apply.Rank(b.GetKind()) })
	_, err = r.applier.All(ctx, objects)
	return err
}

// waitDeployment watches a Deployment until it is available. When that does not happen the error holds what its pods say.
func (r *Rig) waitDeployment(ctx context.Context, namespace, name string) error {
	watchContext, cancel := context.WithCancel(ctx)
	defer cancel()
	for {
		watcher, err := r.client.AppsV1().Deployments(namespace).Watch(watchContext, metav1.ListOptions{
			FieldSelector: fields.OneTermEqualSelector("metadata.name", name).String(),
		})
		if err != nil {
			return fmt.Errorf("watch Deployment %s/%s: %w", namespace, name, err)
		}
		for open := true; open; {
			select {
			case <-ctx.Done():
				watcher.Stop()
				return fmt.Errorf("wait for Deployment %s/%s: %w\n%s", namespace, name, ctx.Err(), r.podTroubles(namespace))
			case event, more := <-watcher.ResultChan():
				open = more
				deployment, isDeployment := event.Object.(*appsv1.Deployment)
				if isDeployment && deployment.Status.AvailableReplicas > 0 {
					watcher.Stop()
					return nil
				}
			}
		}
	}
}

// podTroubles describes the pods of a namespace that are not ready: container states and warning events. It is for
// error messages, so it never fails itself.
func (r *Rig) podTroubles(namespace string) string {
	ctx, cancel := context.WithTimeout(context.Background(), troubleTimeout)
	defer cancel()
	text := ""
	pods, err := r.client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return "its pods could not be listed: " + err.Error()
	}
	for _, pod := range pods.Items {
		for _, container := range pod.Status.ContainerStatuses {
			if container.Ready {
				continue
			}
			text += fmt.Sprintf("pod %s/%s, container %s: %s\n", namespace, pod.Name, container.Name, containerState(container.State))
			text += r.podLog(ctx, namespace, pod.Name, container.Name)
		}
	}
	events, err := r.client.CoreV1().Events(namespace).List(ctx, metav1.ListOptions{FieldSelector: "type=Warning"})
	if err != nil {
		return text
	}
	for _, event := range events.Items {
		text += fmt.Sprintf("event %s %s: %s: %s\n", event.InvolvedObject.Kind, event.InvolvedObject.Name, event.Reason, event.Message)
	}
	return text
}

func containerState(state corev1.ContainerState) string {
	switch {
	case state.Waiting != nil:
		return fmt.Sprintf("waiting: %s %s", state.Waiting.Reason, state.Waiting.Message)
	case state.Terminated != nil:
		return fmt.Sprintf("ended with %d: %s %s", state.Terminated.ExitCode, state.Terminated.Reason, state.Terminated.Message)
	default:
		return "running but not ready"
	}
}

// podLog returns the last lines of a container, indented.
func (r *Rig) podLog(ctx context.Context, namespace, pod, container string) string {
	lines := int64(10)
	data, err := r.client.CoreV1().Pods(namespace).GetLogs(pod, &corev1.PodLogOptions{Container: container, TailLines: &lines}).DoRaw(ctx)
	if err != nil {
		return ""
	}
	return indent(string(data))
}
