package rig

import (
	"context"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"golang.org/x/sync/errgroup"

	"github.com/eventrig/eventrig/internal/apply"
	"github.com/eventrig/eventrig/internal/argo"
	"github.com/eventrig/eventrig/internal/await"
)

// Namespaces as UnderStack has them: Argo Events' controller and webhook beside the Workflows, EventSources and Sensors
// with OpenStack.
const (
	eventsNamespace    = argo.NamespaceEvents
	workflowsNamespace = argo.NamespaceWorkflows
	openstackNamespace = "openstack"
	nautobotNamespace  = "nautobot"
	undersyncNamespace = "undersync"
	webhookDeployment  = "events-webhook"
)

// namespaces are made before anything else, whether or not the manifests under test name them too.
var namespaces = []string{eventsNamespace, workflowsNamespace, openstackNamespace, nautobotNamespace, undersyncNamespace}

// install brings Argo and the manifests under test into the cluster.
func (r *Rig) install(ctx context.Context) (err error) {
	if err := r.cluster.StartNode(ctx); err != nil {
		return err
	}
	end := r.watch.phase("Argo's manifests")
	err = r.installArgo(ctx)
	if err == nil {
		// The bus takes longest to be there, and clients that come before it back off for seconds. It is the rig's own
		// manifest, so it need not wait for the webhook that holds the manifests under test to their rules.
		_, err = r.applier.All(ctx, r.manifests.bus)
	}
	end(&err)
	if err != nil {
		return err
	}
	limited, stop := r.limited(ctx)
	defer stop()
	group, groupContext := errgroup.WithContext(limited)
	group.Go(func() (err error) {
		defer r.watch.phase("node")(&err)
		return r.cluster.WaitNode(groupContext)
	})
	group.Go(func() error { return r.startObserver(groupContext) })
	group.Go(func() (err error) {
		defer r.watch.phase("validating webhook")(&err)
		return r.waitWebhook(groupContext)
	})
	group.Go(func() (err error) {
		defer r.watch.phase("event bus")(&err)
		return r.waitBus(groupContext)
	})
	if err := group.Wait(); err != nil {
		return err
	}
	defer r.watch.phase("manifests under test")(&err)
	_, err = r.apply(ctx, r.manifests.objects)
	return err
}

// apply writes objects and tells the observer which EventSources and Sensors to look out for. It returns the objects as the
// server has them.
func (r *Rig) apply(ctx context.Context, objects []apply.Object) ([]*unstructured.Unstructured, error) {
	applied, err := r.applier.All(ctx, objects)
	if err != nil {
		return nil, err
	}
	for _, object := range applied {
		r.observer.Expect(object.GetKind(), object.GetNamespace(), object.GetName(), object.GetGeneration())
	}
	return applied, nil
}

// installArgo writes the upstream manifests and what surrounds Argo: names of outside services, credentials.
func (r *Rig) installArgo(ctx context.Context) error {
	upstream, err := r.upstream()
	if err != nil {
		return err
	}
	var objects []apply.Object
	needed := slices.Clone(namespaces)
	for _, service := range slices.Concat(outsideServices, r.manifests.brokers) {
		objects = append(objects, service.objects()...)
		if !slices.Contains(needed, service.namespace) {
			needed = append(needed, service.namespace)
		}
	}
	for _, name := range needed {
		objects = append(objects, namespace(name))
	}
	objects = append(objects, brokerSecrets(r.services)...)
	objects = append(objects, handlerSettings(r.authority.PEM())...)
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
	_, err = r.applier.All(ctx, objects)
	return err
}

// waitDeployment watches a Deployment until it is available. When that does not happen the error holds what its pods say.
func (r *Rig) waitDeployment(ctx context.Context, namespace, name string) error {
	_, err := await.Object(ctx, r.client.AppsV1().RESTClient(), "deployments", namespace, name, func(deployment *appsv1.Deployment) bool {
		return deployment.Status.AvailableReplicas > 0
	})
	if err != nil {
		return fmt.Errorf("wait for Deployment %s/%s: %w\n%s", namespace, name, err, r.podTroubles(namespace, ""))
	}
	return nil
}
