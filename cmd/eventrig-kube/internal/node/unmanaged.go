package node

import (
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/kubernetes/pkg/kubelet/cm"
)

// unmanaged is a container manager that manages nothing, for a node without cgroups. Upstream's stub says that the node
// has no local storage, so that no pod which asks for some would ever be scheduled.
type unmanaged struct {
	cm.ContainerManager
	root string
}

// GetCapacity implements cm.ContainerManager.
func (u unmanaged) GetCapacity(localStorage bool) v1.ResourceList {
	capacity := u.ContainerManager.GetCapacity(localStorage)
	if space, err := fileSystem(u.root); err == nil && localStorage {
		capacity[v1.ResourceEphemeralStorage] = *resource.NewQuantity(int64(space.Capacity), resource.BinarySI)
	}
	return capacity
}
