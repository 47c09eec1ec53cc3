// Package apply writes objects to an API server in the order in which they need one another.
//
// In: objects, each with the place it was read from. Out: the objects as the server has them, or an error that names
// file and line. Server-side apply is used, so that a second application of the same manifests changes nothing.
package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"

	"github.com/eventrig/eventrig/internal/failure"
)

// fieldManager is who owns the fields that the rig sets.
const fieldManager = "eventrig"

// parallel is how many objects of one rank are written at once.
const parallel = 16

// Object is an object and where it came from.
type Object struct {
	*unstructured.Unstructured
	Origin string // "file:line", or what made it
}

// Applier writes objects to one API server.
type Applier struct {
	client dynamic.Interface
	mapper *restmapper.DeferredDiscoveryRESTMapper
}

// New makes an Applier for the API server of config.
func New(config *rest.Config) (*Applier, error) {
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make dynamic client: %w", err)
	}
	discovered, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make discovery client: %w", err)
	}
	return &Applier{client: client, mapper: restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(discovered))}, nil
}

// ranks orders kinds: what others refer to comes first, what starts work comes last.
var ranks = map[string]int{
	"Namespace": 0, "CustomResourceDefinition": 1, "PriorityClass": 1, "StorageClass": 1,
	"ServiceAccount": 2, "Role": 2, "ClusterRole": 2, "Secret": 2, "ConfigMap": 2, "PersistentVolumeClaim": 2,
	"RoleBinding": 3, "ClusterRoleBinding": 3, "Service": 3, "EndpointSlice": 3,
	"WorkflowTemplate": 5, "ClusterWorkflowTemplate": 5, "EventBus": 5,
	"EventSource": 6, "Sensor": 6, "CronWorkflow": 7, "Workflow": 7,
}

// Rank returns the place of a kind in the order of application.
func Rank(kind string) int {
	if rank, known := ranks[kind]; known {
		return rank
	}
	return 4
}

// All writes the objects rank by rank, those of one rank side by side, and returns them as the server has them, in no
// particular order.
func (a *Applier) All(ctx context.Context, objects []Object) ([]*unstructured.Unstructured, error) {
	var mu sync.Mutex
	var applied []*unstructured.Unstructured
	byRank := map[int][]Object{}
	for _, object := range objects {
		byRank[Rank(object.GetKind())] = append(byRank[Rank(object.GetKind())], object)
	}
	order := make([]int, 0, len(byRank))
	for rank := range byRank {
		order = append(order, rank)
	}
	slices.Sort(order)
	for _, rank := range order {
		group, groupContext := errgroup.WithContext(ctx)
		group.SetLimit(parallel)
		for _, object := range byRank[rank] {
			group.Go(func() error {
				current, err := a.One(groupContext, object)
				mu.Lock()
				defer mu.Unlock()
				applied = append(applied, current)
				return err
			})
		}
		if err := group.Wait(); err != nil {
			return nil, err
		}
		if rank == Rank("CustomResourceDefinition") {
			if err := a.waitEstablished(ctx, byRank[rank]); err != nil {
				return nil, err
			}
			a.mapper.Reset()
		}
	}
	return applied, nil
}

// One writes one object by server-side apply and returns it as the server has it.
func (a *Applier) One(ctx context.Context, object Object) (*unstructured.Unstructured, error) {
	resource, err := a.resource(object)
	if err != nil {
		return nil, err
	}
	var current *unstructured.Unstructured
	if object.GetName() == "" && object.GetGenerateName() != "" {
		current, err = resource.Create(ctx, object.Unstructured, metav1.CreateOptions{FieldManager: fieldManager})
	} else {
		current, err = resource.Apply(ctx, object.GetName(), object.Unstructured, metav1.ApplyOptions{FieldManager: fieldManager, Force: true})
	}
	if err == nil {
		return current, nil
	}
	described := fmt.Errorf("apply %s from %s: %w", Name(object.Unstructured), object.Origin, err)
	if apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) || apierrors.IsForbidden(err) {
		return nil, failure.New(failure.BadInput, "correct the manifest: the message is the API server's own", "%w", described)
	}
	return nil, described
}

// Get reads the object of that kind, namespace and name as the server has it.
func (a *Applier) Get(ctx context.Context, object Object) (*unstructured.Unstructured, error) {
	resource, err := a.resource(object)
	if err != nil {
		return nil, err
	}
	current, err := resource.Get(ctx, object.GetName(), metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", Name(object.Unstructured), err)
	}
	return current, nil
}

// List reads the objects of the kind that object names, in its namespace or in all where it names none, with the labels
// that selector asks for.
func (a *Applier) List(ctx context.Context, object Object, selector string) ([]unstructured.Unstructured, error) {
	resource, err := a.resource(object)
	if err != nil {
		return nil, err
	}
	if object.GetNamespace() == "" {
		mapping, err := a.mapping(object)
		if err != nil {
			return nil, err
		}
		resource = a.client.Resource(mapping.Resource)
	}
	list, err := resource.List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", object.GetKind(), err)
	}
	return list.Items, nil
}

// Delete removes an object; one that is not there is no error.
func (a *Applier) Delete(ctx context.Context, object Object) error {
	resource, err := a.resource(object)
	if err != nil {
		return err
	}
	if err := resource.Delete(ctx, object.GetName(), metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete %s: %w", Name(object.Unstructured), err)
	}
	return nil
}

// Resource returns the resource that objects of this kind are served as.
func (a *Applier) Resource(object Object) (schema.GroupResource, error) {
	mapping, err := a.mapping(object)
	if err != nil {
		return schema.GroupResource{}, err
	}
	return mapping.Resource.GroupResource(), nil
}

func (a *Applier) mapping(object Object) (*meta.RESTMapping, error) {
	kind := object.GroupVersionKind()
	mapping, err := a.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		var none *meta.NoKindMatchError
		if errors.As(err, &none) {
			return nil, failure.New(failure.BadInput, "correct apiVersion or kind, or add the CustomResourceDefinition to the manifests",
				"find the resource of %s from %s: %w", Name(object.Unstructured), object.Origin, err)
		}
		return nil, fmt.Errorf("find the resource of %s: %w", Name(object.Unstructured), err)
	}
	return mapping, nil
}

func (a *Applier) resource(object Object) (dynamic.ResourceInterface, error) {
	mapping, err := a.mapping(object)
	if err != nil {
		return nil, err
	}
	if mapping.Scope.Name() != meta.RESTScopeNameNamespace {
		return a.client.Resource(mapping.Resource), nil
	}
	namespace := object.GetNamespace()
	if namespace == "" {
		namespace = metav1.NamespaceDefault
	}
	return a.client.Resource(mapping.Resource).Namespace(namespace), nil
}

var definitions = schema.GroupVersionResource{
	Group: apiextensionsv1.GroupName, Version: "v1", Resource: "customresourcedefinitions",
}

// waitEstablished returns when the API server serves every definition among the objects. It polls: the condition
// comes within a few hundred milliseconds, and a watch per definition would cost more.
func (a *Applier) waitEstablished(ctx context.Context, objects []Object) error {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for _, object := range objects {
		if object.GetKind() != "CustomResourceDefinition" {
			continue
		}
		for !a.established(ctx, object.GetName()) {
			select {
			case <-ctx.Done():
				return fmt.Errorf("wait for CustomResourceDefinition %s to be established: %w", object.GetName(), ctx.Err())
			case <-ticker.C:
			}
		}
	}
	return nil
}

func (a *Applier) established(ctx context.Context, name string) bool {
	current, err := a.client.Resource(definitions).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return false
	}
	conditions, _, _ := unstructured.NestedSlice(current.Object, "status", "conditions")
	return slices.ContainsFunc(conditions, func(condition any) bool {
		fields, _ := condition.(map[string]any)
		return fields["type"] == "Established" && fields["status"] == "True"
	})
}

// Name is how messages call an object: Kind/namespace/name.
func Name(object *unstructured.Unstructured) string {
	name := object.GetName()
	if name == "" {
		name = object.GetGenerateName() + "*"
	}
	if namespace := object.GetNamespace(); namespace != "" {
		name = namespace + "/" + name
	}
	return object.GetKind() + "/" + name
}
