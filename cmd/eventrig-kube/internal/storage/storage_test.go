package storage

import (
	"context"
	"os"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
)

func TestClaimOfTheDefaultClassGetsAVolume(t *testing.T) {
	class, other := DefaultClass, "somebody-elses"
	claim := func(name string, class *string) *v1.PersistentVolumeClaim {
		return &v1.PersistentVolumeClaim{
			ObjectMeta: metav1.ObjectMeta{Namespace: "argo", Name: name, UID: "uid"},
			Spec:       v1.PersistentVolumeClaimSpec{StorageClassName: class},
		}
	}
	client := fake.NewClientset(claim("other", &other), claim("none", nil))
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	factory := informers.NewSharedInformerFactory(client, 0)
	controller, err := New(Config{Client: client, Factory: factory, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	classes, err := client.StorageV1().StorageClasses().Watch(ctx, metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	volumes, err := client.CoreV1().PersistentVolumes().Watch(ctx, metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	factory.Start(ctx.Done())
	go controller.Run(ctx)

	next(t, ctx, classes) // the default class is there: only now can a claim name it
	if _, err := client.CoreV1().PersistentVolumeClaims("argo").Create(ctx, claim("mine", &class), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	volume := next(t, ctx, volumes).Object.(*v1.PersistentVolume)
	if volume.Spec.ClaimRef.Name != "mine" || volume.Spec.StorageClassName != class {
		t.Errorf("the volume is for %v of class %s", volume.Spec.ClaimRef, volume.Spec.StorageClassName)
	}
	if info, err := os.Stat(volume.Spec.HostPath.Path); err != nil || info.Mode().Perm() != 0o777 {
		t.Errorf("the volume's folder: %v, %v", info, err)
	}
}

func next(t *testing.T, ctx context.Context, w watch.Interface) watch.Event {
	t.Helper()
	select {
	case event := <-w.ResultChan():
		return event
	case <-ctx.Done():
		t.Fatal("nothing was made")
		return watch.Event{}
	}
}
