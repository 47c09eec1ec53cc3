package runtime

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/eventrig/eventrig/cmd/eventrig-kube/internal/runtime/spec"
)

// container is a container of the kubelet: at most one run of one process.
type container struct {
	id      string
	config  *cri.ContainerConfig
	sandbox *sandbox
	image   pulledImage
	imageID string
	process spec.Process
	dir     string
	logPath string
	created time.Time
	io      *stdio

	startMu sync.Mutex    // held while it is being started
	exited  chan struct{} // closed when the state is EXITED

	releasing sync.Once
	released  chan struct{} // closed when a container that starts last need not wait any longer

	mu       sync.Mutex
	state    cri.ContainerState
	doomed   bool // killed before or while it was started
	cmd      *exec.Cmd
	started  time.Time
	finished time.Time
	code     int32
	reason   string
	message  string
}

func (r *Runtime) container(id string) (*container, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.containers[id]; c != nil {
		return c, nil
	}
	return nil, status.Errorf(codes.NotFound, "container %q does not exist", id)
}

// containersOf lists the containers of a sandbox, of all with "".
func (r *Runtime) containersOf(sandboxID string) []*container {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []*container
	for _, c := range r.containers {
		if sandboxID == "" || c.sandbox.id == sandboxID {
			list = append(list, c)
		}
	}
	return list
}

// CreateContainer checks and records what StartContainer is going to start.
func (r *Runtime) CreateContainer(_ context.Context, req *cri.CreateContainerRequest) (*cri.CreateContainerResponse, error) {
	s, err := r.sandbox(req.PodSandboxId)
	if err != nil {
		return nil, err
	}
	config := req.GetConfig()
	if config.GetMetadata() == nil {
		return nil, status.Error(codes.InvalidArgument, "create a container: the request has no metadata")
	}
	reference := config.GetImage().GetImage()
	imageID, image, err := r.lookup(reference)
	if err != nil {
		return nil, status.Error(codes.NotFound, err.Error())
	}
	c := &container{id: newID(), config: config, sandbox: s, image: image, imageID: imageID, created: time.Now(), exited: make(chan struct{}), released: make(chan struct{}),
		state: cri.ContainerState_CONTAINER_CREATED}
	if c.process, err = r.process(c); err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	for _, m := range config.Mounts {
		if m.GetImage().GetImage() != "" {
			return nil, status.Errorf(codes.InvalidArgument, "mount %s: image volumes are not to be had on an embedded node", m.ContainerPath)
		}
	}
	c.dir = filepath.Join(r.config.Root, "containers", c.id)
	if err := os.MkdirAll(filepath.Join(c.dir, "mount"), 0o755); err != nil {
		return nil, fmt.Errorf("make the container's folder: %w", err)
	}
	if s.config.LogDirectory != "" && config.LogPath != "" {
		c.logPath = filepath.Join(s.config.LogDirectory, config.LogPath)
	}
	r.warnOfFields(c)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closing || !s.ready {
		return nil, status.Errorf(codes.FailedPrecondition, "create a container: sandbox %s is stopped", s.id)
	}
	r.containers[c.id] = c
	return &cri.CreateContainerResponse{ContainerId: c.id}, nil
}

// StopContainer asks the first process to end and kills the container's pid namespace when the grace period is over.
func (r *Runtime) StopContainer(ctx context.Context, req *cri.StopContainerRequest) (*cri.StopContainerResponse, error) {
	c, err := r.container(req.ContainerId)
	if err != nil {
		return &cri.StopContainerResponse{}, nil // gone is stopped
	}
	if !c.running() {
		return &cri.StopContainerResponse{}, nil
	}
	if req.Timeout > 0 && !c.waits() {
		c.signal(c.stopSignal())
		grace := time.NewTimer(time.Duration(req.Timeout) * time.Second)
		defer grace.Stop()
		select {
		case <-c.exited:
			return &cri.StopContainerResponse{}, nil
		case <-grace.C:
		case <-ctx.Done():
			return nil, status.FromContextError(ctx.Err()).Err()
		}
	}
	c.kill()
	select {
	case <-c.exited:
		return &cri.StopContainerResponse{}, nil
	case <-ctx.Done():
		return nil, status.FromContextError(ctx.Err()).Err()
	}
}

// RemoveContainer kills a container if need be and forgets it.
func (r *Runtime) RemoveContainer(_ context.Context, req *cri.RemoveContainerRequest) (*cri.RemoveContainerResponse, error) {
	c, err := r.container(req.ContainerId)
	if err != nil {
		return &cri.RemoveContainerResponse{}, nil
	}
	if err := r.forget(c); err != nil {
		return nil, err
	}
	r.config.OnChange(c.sandbox.uid())
	return &cri.RemoveContainerResponse{}, nil
}

func (r *Runtime) forget(c *container) error {
	c.kill()
	c.waitExited()
	if err := os.RemoveAll(c.dir); err != nil {
		return fmt.Errorf("remove the container's folder: %w", err)
	}
	r.mu.Lock()
	delete(r.containers, c.id)
	r.mu.Unlock()
	return nil
}

// ListContainers lists the containers that match a filter.
func (r *Runtime) ListContainers(_ context.Context, req *cri.ListContainersRequest) (*cri.ListContainersResponse, error) {
	filter, response := req.GetFilter(), &cri.ListContainersResponse{}
	for _, c := range r.containersOf(filter.GetPodSandboxId()) {
		state := c.currentState()
		if filter.GetId() != "" && filter.Id != c.id || filter.GetState() != nil && filter.State.State != state || !matches(filter.GetLabelSelector(), c.config.Labels) {
			continue
		}
		response.Containers = append(response.Containers, &cri.Container{Id: c.id, PodSandboxId: c.sandbox.id, Metadata: c.config.Metadata,
			Image: c.config.Image, ImageRef: c.imageID, ImageId: c.imageID, State: state, CreatedAt: c.created.UnixNano(),
			Labels: c.config.Labels, Annotations: c.config.Annotations})
	}
	return response, nil
}

// ContainerStatus describes a container.
func (r *Runtime) ContainerStatus(_ context.Context, req *cri.ContainerStatusRequest) (*cri.ContainerStatusResponse, error) {
	c, err := r.container(req.ContainerId)
	if err != nil {
		return nil, err
	}
	return &cri.ContainerStatusResponse{Status: c.status()}, nil
}

// ReopenContainerLog starts a new log file after the kubelet has moved the old one away.
func (r *Runtime) ReopenContainerLog(_ context.Context, req *cri.ReopenContainerLogRequest) (*cri.ReopenContainerLogResponse, error) {
	c, err := r.container(req.ContainerId)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	streams := c.io
	c.mu.Unlock()
	if streams == nil || !c.running() {
		return nil, status.Errorf(codes.FailedPrecondition, "container %s does not run", c.id)
	}
	return &cri.ReopenContainerLogResponse{}, streams.log.reopen()
}

func (c *container) status() *cri.ContainerStatus {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := &cri.ContainerStatus{Id: c.id, Metadata: c.config.Metadata, State: c.state, CreatedAt: c.created.UnixNano(), Image: c.config.Image,
		ImageRef: c.image.digest(c.imageID), ImageId: c.imageID, Labels: c.config.Labels, Annotations: c.config.Annotations, Mounts: c.config.Mounts, LogPath: c.logPath,
		Reason: c.reason, Message: c.message, ExitCode: c.code}
	if !c.started.IsZero() {
		s.StartedAt = c.started.UnixNano()
	}
	if !c.finished.IsZero() {
		s.FinishedAt = c.finished.UnixNano()
	}
	return s
}

func (c *container) currentState() cri.ContainerState {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

func (c *container) running() bool { return c.currentState() == cri.ContainerState_CONTAINER_RUNNING }

// pid is the container's first process as this process knows it, 0 when it does not run.
func (c *container) pid() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != cri.ContainerState_CONTAINER_RUNNING || c.cmd == nil { // nil: it waits for another one of its pod
		return 0
	}
	return c.cmd.Process.Pid
}

func (c *container) stopSignal() syscall.Signal {
	// The enumeration of the CRI has the kernel's names; those that images use in practice are mapped.
	switch c.config.GetStopSignal() {
	case cri.Signal_SIGINT:
		return syscall.SIGINT
	case cri.Signal_SIGQUIT:
		return syscall.SIGQUIT
	case cri.Signal_SIGHUP:
		return syscall.SIGHUP
	case cri.Signal_SIGUSR1:
		return syscall.SIGUSR1
	case cri.Signal_SIGUSR2:
		return syscall.SIGUSR2
	case cri.Signal_SIGKILL:
		return syscall.SIGKILL
	}
	return syscall.SIGTERM
}

// signal reaches the container's first process if it runs.
func (c *container) signal(s syscall.Signal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cmd != nil && c.cmd.Process != nil && c.state == cri.ContainerState_CONTAINER_RUNNING {
		_ = c.cmd.Process.Signal(s) // an ended process is what is wanted
	}
}

// kill ends the first process and with it, by the kernel's hand, its whole pid namespace.
func (c *container) kill() {
	c.mu.Lock()
	c.doomed = true
	c.mu.Unlock()
	c.release()
	c.signal(syscall.SIGKILL)
}

// waitExited returns when a container that was killed is gone; one that was never started is gone already.
func (c *container) waitExited() {
	c.startMu.Lock()
	started := c.currentState() != cri.ContainerState_CONTAINER_CREATED
	c.startMu.Unlock()
	if started {
		<-c.exited
	}
}
