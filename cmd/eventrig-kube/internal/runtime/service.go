package runtime

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"time"

	"google.golang.org/grpc"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// version is what the node's status shows as the container runtime's.
const version = "0.1.0"

func newID() string {
	var id [32]byte
	_, _ = rand.Read(id[:]) // never fails
	return hex.EncodeToString(id[:])
}

// Version names this runtime.
func (r *Runtime) Version(context.Context, *cri.VersionRequest) (*cri.VersionResponse, error) {
	return &cri.VersionResponse{Version: "0.1.0", RuntimeName: "eventrig", RuntimeVersion: version, RuntimeApiVersion: "v1"}, nil
}

// Status says that the runtime and the network are ready: New does not return before they are.
func (r *Runtime) Status(context.Context, *cri.StatusRequest) (*cri.StatusResponse, error) {
	return &cri.StatusResponse{
		Status:          &cri.RuntimeStatus{Conditions: []*cri.RuntimeCondition{{Type: cri.RuntimeReady, Status: true}, {Type: cri.NetworkReady, Status: true}}},
		RuntimeHandlers: []*cri.RuntimeHandler{{Name: "", Features: &cri.RuntimeHandlerFeatures{RecursiveReadOnlyMounts: true}}},
		Features:        &cri.RuntimeFeatures{SupplementalGroupsPolicy: true},
	}, nil
}

// RuntimeConfig names a cgroup driver; there are no cgroups, so any will do.
func (r *Runtime) RuntimeConfig(context.Context, *cri.RuntimeConfigRequest) (*cri.RuntimeConfigResponse, error) {
	return &cri.RuntimeConfigResponse{Linux: &cri.LinuxRuntimeConfiguration{CgroupDriver: cri.CgroupDriver_CGROUPFS}}, nil
}

// UpdateRuntimeConfig hears of the node's pod range, which the Network knows already.
func (r *Runtime) UpdateRuntimeConfig(context.Context, *cri.UpdateRuntimeConfigRequest) (*cri.UpdateRuntimeConfigResponse, error) {
	return &cri.UpdateRuntimeConfigResponse{}, nil
}

// UpdateContainerResources accepts new limits; limits have no effect here.
func (r *Runtime) UpdateContainerResources(context.Context, *cri.UpdateContainerResourcesRequest) (*cri.UpdateContainerResourcesResponse, error) {
	return &cri.UpdateContainerResourcesResponse{}, nil
}

// UpdatePodSandboxResources accepts new limits; limits have no effect here.
func (r *Runtime) UpdatePodSandboxResources(context.Context, *cri.UpdatePodSandboxResourcesRequest) (*cri.UpdatePodSandboxResourcesResponse, error) {
	return &cri.UpdatePodSandboxResourcesResponse{}, nil
}

// GetContainerEvents sends nothing: changes are told by Config.OnChange, which is faster than the kubelet's evented PLEG.
func (r *Runtime) GetContainerEvents(_ *cri.GetEventsRequest, stream grpc.ServerStreamingServer[cri.ContainerEventResponse]) error {
	select {
	case <-stream.Context().Done():
	case <-r.ctx.Done():
	}
	return nil
}

// ContainerStats describes one container without figures: there are no cgroups to read them from.
func (r *Runtime) ContainerStats(_ context.Context, req *cri.ContainerStatsRequest) (*cri.ContainerStatsResponse, error) {
	c, err := r.container(req.ContainerId)
	if err != nil {
		return nil, err
	}
	return &cri.ContainerStatsResponse{Stats: c.stats()}, nil
}

// ListContainerStats describes the running containers that match a filter.
func (r *Runtime) ListContainerStats(_ context.Context, req *cri.ListContainerStatsRequest) (*cri.ListContainerStatsResponse, error) {
	filter, response := req.GetFilter(), &cri.ListContainerStatsResponse{}
	for _, c := range r.containersOf(filter.GetPodSandboxId()) {
		if filter.GetId() != "" && filter.Id != c.id || !matches(filter.GetLabelSelector(), c.config.Labels) || !c.running() {
			continue
		}
		response.Stats = append(response.Stats, c.stats())
	}
	return response, nil
}

// PodSandboxStats describes one pod.
func (r *Runtime) PodSandboxStats(_ context.Context, req *cri.PodSandboxStatsRequest) (*cri.PodSandboxStatsResponse, error) {
	s, err := r.sandbox(req.PodSandboxId)
	if err != nil {
		return nil, err
	}
	return &cri.PodSandboxStatsResponse{Stats: r.sandboxStats(s)}, nil
}

// ListPodSandboxStats describes the pods that match a filter.
func (r *Runtime) ListPodSandboxStats(_ context.Context, req *cri.ListPodSandboxStatsRequest) (*cri.ListPodSandboxStatsResponse, error) {
	r.mu.Lock()
	all := make([]*sandbox, 0, len(r.sandboxes))
	for _, s := range r.sandboxes {
		if s.ready {
			all = append(all, s)
		}
	}
	r.mu.Unlock()
	filter, response := req.GetFilter(), &cri.ListPodSandboxStatsResponse{}
	for _, s := range all {
		if (filter.GetId() == "" || filter.Id == s.id) && matches(filter.GetLabelSelector(), s.config.Labels) {
			response.Stats = append(response.Stats, r.sandboxStats(s))
		}
	}
	return response, nil
}

func (r *Runtime) sandboxStats(s *sandbox) *cri.PodSandboxStats {
	stats := &cri.PodSandboxStats{
		Attributes: &cri.PodSandboxAttributes{Id: s.id, Metadata: s.config.Metadata, Labels: s.config.Labels, Annotations: s.config.Annotations},
		Linux:      &cri.LinuxPodSandboxStats{},
	}
	for _, c := range r.containersOf(s.id) {
		if c.running() {
			stats.Linux.Containers = append(stats.Linux.Containers, c.stats())
		}
	}
	return stats
}

func (c *container) stats() *cri.ContainerStats {
	now := time.Now().UnixNano()
	return &cri.ContainerStats{
		Attributes: &cri.ContainerAttributes{Id: c.id, Metadata: c.config.Metadata, Labels: c.config.Labels, Annotations: c.config.Annotations},
		Cpu:        &cri.CpuUsage{Timestamp: now},
		Memory:     &cri.MemoryUsage{Timestamp: now},
	}
}
