// Package storage gives PersistentVolumeClaims their volumes: folders of the node, one per claim.
//
// In: claims and storage classes from shared informers. Out: a default StorageClass, and a PersistentVolume for each claim
// of a class that names this provisioner; the cluster's own binder brings the two together.
package storage

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	v1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
)

const (
	// Provisioner is the name by which a StorageClass asks for this package.
	Provisioner = "eventrig.dev/host-path"
	// DefaultClass is the StorageClass of claims that name none.
	DefaultClass = "standard"

	isDefaultClass = "storageclass.kubernetes.io/is-default-class"
	provisionedBy  = "pv.kubernetes.io/provisioned-by"
)

// Config says where volumes are made.
type Config struct {
	Client  kubernetes.Interface
	Factory informers.SharedInformerFactory
	Dir     string
}

// Controller makes volumes for claims.
type Controller struct {
	Config
	queue  workqueue.TypedRateLimitingInterface[cache.ObjectName]
	synced []cache.InformerSynced
}

// New subscribes to claims and volumes; the caller starts the informers afterwards.
func New(c Config) (*Controller, error) {
	controller := &Controller{Config: c, queue: workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[cache.ObjectName]())}
	add := func(object any) {
		if name, err := cache.ObjectToName(object); err == nil {
			controller.queue.Add(name)
		}
	}
	claims := c.Factory.Core().V1().PersistentVolumeClaims().Informer()
	classes := c.Factory.Storage().V1().StorageClasses().Informer()
	registration, err := claims.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: add, UpdateFunc: func(_, object any) { add(object) }})
	if err != nil {
		return nil, fmt.Errorf("watch PersistentVolumeClaims: %w", err)
	}
	// A claim may come before the class that it names.
	_, err = classes.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: func(any) {
		for _, claim := range claims.GetStore().List() {
			add(claim)
		}
	}})
	if err != nil {
		return nil, fmt.Errorf("watch StorageClasses: %w", err)
	}
	controller.synced = []cache.InformerSynced{registration.HasSynced, classes.HasSynced}
	return controller, nil
}

// Run provisions until ctx ends.
func (c *Controller) Run(ctx context.Context) {
	defer c.queue.ShutDown()
	if !cache.WaitForCacheSync(ctx.Done(), c.synced...) {
		return
	}
	if err := c.ensureClass(ctx); err != nil {
		klog.ErrorS(err, "Claims without a class stay pending")
	}
	go func() {
		<-ctx.Done()
		c.queue.ShutDown()
	}()
	for {
		name, ended := c.queue.Get()
		if ended {
			return
		}
		if err := c.provision(ctx, name); err != nil {
			klog.ErrorS(err, "Making a volume failed, trying again", "claim", name)
			c.queue.AddRateLimited(name)
		} else {
			c.queue.Forget(name)
		}
		c.queue.Done(name)
	}
}

// ensureClass makes the default class. One that is there already, with whatever content, is somebody's choice.
func (c *Controller) ensureClass(ctx context.Context) error {
	immediate, reclaim := storagev1.VolumeBindingImmediate, v1.PersistentVolumeReclaimRetain
	class := &storagev1.StorageClass{
		ObjectMeta:        metav1.ObjectMeta{Name: DefaultClass, Annotations: map[string]string{isDefaultClass: "true"}},
		Provisioner:       Provisioner,
		VolumeBindingMode: &immediate,
		ReclaimPolicy:     &reclaim, // the folder goes with the rig; deleting it earlier would take evidence away
	}
	if _, err := c.Client.StorageV1().StorageClasses().Create(ctx, class, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("make the default StorageClass: %w", err)
	}
	return nil
}

func (c *Controller) provision(ctx context.Context, name cache.ObjectName) error {
	claim, err := c.Factory.Core().V1().PersistentVolumeClaims().Lister().PersistentVolumeClaims(name.Namespace).Get(name.Name)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the claim: %w", err)
	}
	if claim.Spec.VolumeName != "" || claim.DeletionTimestamp != nil || claim.Spec.StorageClassName == nil || claim.Spec.Selector != nil {
		return nil
	}
	class, err := c.Factory.Storage().V1().StorageClasses().Lister().Get(*claim.Spec.StorageClassName)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the claim's StorageClass: %w", err)
	}
	if class.Provisioner != Provisioner {
		return nil
	}
	volume := volumeFor(claim, class, c.Dir)
	if err := os.MkdirAll(volume.Spec.HostPath.Path, 0o777); err != nil {
		return fmt.Errorf("make the volume's folder: %w", err)
	}
	// Any user of any pod may write, as on a provisioner's fresh volume; the umask took that away.
	if err := os.Chmod(volume.Spec.HostPath.Path, 0o777); err != nil {
		return fmt.Errorf("open the volume's folder to pods: %w", err)
	}
	if _, err := c.Client.CoreV1().PersistentVolumes().Create(ctx, volume, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("make the volume: %w", err)
	}
	return nil
}

func volumeFor(claim *v1.PersistentVolumeClaim, class *storagev1.StorageClass, dir string) *v1.PersistentVolume {
	name := "pvc-" + string(claim.UID)
	kind := v1.HostPathDirectoryOrCreate
	reclaim := v1.PersistentVolumeReclaimRetain
	if class.ReclaimPolicy != nil {
		reclaim = *class.ReclaimPolicy
	}
	return &v1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{provisionedBy: Provisioner}},
		Spec: v1.PersistentVolumeSpec{
			Capacity:                      v1.ResourceList{v1.ResourceStorage: claim.Spec.Resources.Requests[v1.ResourceStorage]},
			AccessModes:                   claim.Spec.AccessModes,
			VolumeMode:                    claim.Spec.VolumeMode,
			StorageClassName:              class.Name,
			PersistentVolumeReclaimPolicy: reclaim,
			MountOptions:                  class.MountOptions,
			PersistentVolumeSource:        v1.PersistentVolumeSource{HostPath: &v1.HostPathVolumeSource{Path: filepath.Join(dir, name), Type: &kind}},
			ClaimRef: &v1.ObjectReference{
				Kind: "PersistentVolumeClaim", APIVersion: "v1", Namespace: claim.Namespace, Name: claim.Name,
				UID: claim.UID, ResourceVersion: claim.ResourceVersion,
			},
		},
	}
}
