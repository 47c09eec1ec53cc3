package node

import (
	"context"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/kubernetes/pkg/kubelet/volumemanager"
	volumeutil "k8s.io/kubernetes/pkg/volume/util"
)

const (
	volumeLook   = 3 * time.Millisecond
	volumeLookAt = 2 * time.Second // a volume that takes longer is slow for its own reasons
)

// promptVolumes sees that a pod's volumes are there (or gone) within milliseconds. The kubelet's own check comes first at once,
// when nothing can be there yet, and then every 300 ms: each pod would start and end that much later.
type promptVolumes struct{ volumemanager.VolumeManager }

// WaitForAttachAndMount implements volumemanager.VolumeManager. The kubelet's own check has the last word.
func (p promptVolumes) WaitForAttachAndMount(ctx context.Context, pod *v1.Pod) error {
	if pod != nil {
		mounts, devices, _ := volumeutil.GetPodVolumeNames(pod, false)
		expected := mounts.Union(devices).Len()
		p.look(ctx, pod, func(there int) bool { return there >= expected })
	}
	return p.VolumeManager.WaitForAttachAndMount(ctx, pod)
}

// WaitForUnmount implements volumemanager.VolumeManager.
func (p promptVolumes) WaitForUnmount(ctx context.Context, pod *v1.Pod) error {
	if pod != nil {
		p.look(ctx, pod, func(there int) bool { return there == 0 })
	}
	return p.VolumeManager.WaitForUnmount(ctx, pod)
}

func (p promptVolumes) look(ctx context.Context, pod *v1.Pod, done func(there int) bool) {
	name := volumeutil.GetUniquePodName(pod)
	// That time ran out is no error here: the caller asks the kubelet's own manager next, which knows why.
	_ = wait.PollUntilContextTimeout(ctx, volumeLook, volumeLookAt, true, func(context.Context) (bool, error) {
		return done(len(p.GetMountedVolumesForPod(name))), nil
	})
}
