package observe

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/eventrig/eventrig/internal/ledger"
)

func TestARestartedContainerIsReadOnceAndReadyByItsOwnLog(t *testing.T) {
	o := newObserver(Config{Ledger: ledger.New(nil), OpenLog: func(ctx context.Context, _, _, _ string, _ *time.Time) (io.ReadCloser, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}})
	defer o.Close()
	started := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	see := func(restarts int32, at time.Time) {
		pod := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{UID: "u", Namespace: "openstack", Name: "p", Labels: map[string]string{v1alpha1.LabelSensorName: "s"}},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main"}}},
			Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{
				Name: "main", RestartCount: restarts,
				State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(at)}},
			}}},
		}
		object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(pod)
		if err != nil {
			t.Fatal(err)
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		o.setPod(&unstructured.Unstructured{Object: object}, false)
	}
	see(0, started)
	o.mu.Lock()
	c := o.state.components["u"]
	c.ready["of the first run"] = started.Add(time.Second)
	// The reader may meet the second run's log before the watch tells of the restart.
	c.ready["of the second run"] = started.Add(11 * time.Second)
	o.mu.Unlock()
	see(1, started.Add(10*time.Second))

	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.follows) != 1 {
		t.Errorf("%d readers for one container: each would count the newest run's lines", len(o.follows))
	}
	if _, kept := c.ready["of the first run"]; kept {
		t.Error("what the first run said still holds after its end")
	}
	if _, kept := c.ready["of the second run"]; !kept {
		t.Error("what the second run said is forgotten")
	}
}
