package node

import (
	"context"
	"reflect"
	"sync/atomic"
	"time"
	"unsafe"

	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/kubelet"
	"k8s.io/kubernetes/pkg/kubelet/pleg"
	"k8s.io/kubernetes/pkg/kubelet/volumemanager"
)

const (
	relistPeriod  = 50 * time.Millisecond // how late the kubelet sees a container's change that the runtime did not report
	volumeLoop    = 10 * time.Millisecond
	syncErrorBack = time.Second // the kubelet waits 10 s after a failed sync of a pod
)

// speed shortens the kubelet's periods, which are tuned for hundreds of nodes and not for one test. They are private fields:
// one that a version of Kubernetes does not have keeps its default, and the node is slower but not wrong.
type speed struct {
	relist atomic.Pointer[func()]
	poke   chan struct{}
}

func newSpeed() *speed { return &speed{poke: make(chan struct{}, 1)} }

// changed tells the kubelet to look at the containers now. It never blocks; several changes become one look.
func (s *speed) changed(string) {
	select {
	case s.poke <- struct{}{}:
	default:
	}
}

// run looks at the containers whenever something changed, until ctx ends.
func (s *speed) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.poke:
			if relist := s.relist.Load(); relist != nil {
				(*relist)()
			}
		}
	}
}

// apply is a kubelet.Option: the kubelet calls it on itself before it starts.
func (s *speed) apply(k *kubelet.Kubelet) {
	kubelet := reflect.ValueOf(k).Elem()

	if generator, ok := private[pleg.PodLifecycleEventGenerator](kubelet, "pleg"); ok {
		if adjustable, ok := (*generator).(interface {
			Update(*pleg.RelistDuration)
			Relist()
		}); ok {
			adjustable.Update(&pleg.RelistDuration{RelistPeriod: relistPeriod, RelistThreshold: 3 * time.Minute})
			relist := adjustable.Relist
			s.relist.Store(&relist)
		}
	}
	if volumes, ok := private[volumemanager.VolumeManager](kubelet, "volumeManager"); ok {
		manager := reflect.ValueOf(*volumes)
		setDuration(manager, volumeLoop, "reconciler", "loopSleepDuration")
		setDuration(manager, volumeLoop, "desiredStateOfWorldPopulator", "loopSleepDuration")
		*volumes = promptVolumes{*volumes}
	}
	setDuration(kubelet, syncErrorBack, "podWorkers", "backOffPeriod")
}

// private returns a pointer to an unexported field when it is there and has the type.
func private[T any](of reflect.Value, name string) (*T, bool) {
	field := of.FieldByName(name)
	if !field.IsValid() || !field.CanAddr() || field.Type() != reflect.TypeFor[T]() {
		klog.InfoS("This kubelet has no such field, its default period stays", "field", name)
		return nil, false
	}
	return (*T)(unsafe.Pointer(field.UnsafeAddr())), true
}

// setDuration sets the field that path leads to, through pointers and interfaces.
func setDuration(from reflect.Value, d time.Duration, path ...string) {
	for _, name := range path {
		for from.Kind() == reflect.Interface || from.Kind() == reflect.Pointer {
			from = from.Elem()
		}
		if from.Kind() == reflect.Struct {
			from = from.FieldByName(name)
		}
		if !from.IsValid() {
			klog.InfoS("This kubelet has no such field, its default period stays", "field", path)
			return
		}
	}
	if from.Type() != reflect.TypeFor[time.Duration]() || !from.CanAddr() {
		klog.InfoS("This kubelet's field is no period, its default stays", "field", path)
		return
	}
	*(*time.Duration)(unsafe.Pointer(from.UnsafeAddr())) = d
}
