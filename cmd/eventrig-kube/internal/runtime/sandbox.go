package runtime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	v1 "k8s.io/api/core/v1"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/eventrig/eventrig/cmd/eventrig-kube/internal/service"
)

// sandbox is a pod: a network namespace and the containers in it. There is no pause process; the namespace is held by the
// Network's path.
type sandbox struct {
	id      string
	config  *cri.PodSandboxConfig
	handler string
	created time.Time
	netns   string
	ip      string
	dir     string

	pause      *exec.Cmd // holds the pid namespace that the containers share, where they do
	pauseEnded chan struct{}

	stopMu sync.Mutex // one stop at a time

	// guarded by Runtime.mu
	ready bool
	told  map[string]bool // what was warned of: a container that starts again says it no second time
}

func (s *sandbox) uid() string { return s.config.GetMetadata().GetUid() }

func (s *sandbox) hostNetwork() bool {
	return s.options().GetNetwork() == cri.NamespaceMode_NODE
}

func (s *sandbox) options() *cri.NamespaceOption {
	return s.config.GetLinux().GetSecurityContext().GetNamespaceOptions()
}

// RunPodSandbox makes a pod's network and its files.
func (r *Runtime) RunPodSandbox(_ context.Context, req *cri.RunPodSandboxRequest) (*cri.RunPodSandboxResponse, error) {
	if req.GetConfig().GetMetadata() == nil {
		return nil, status.Error(codes.InvalidArgument, "run a sandbox: the request has no metadata")
	}
	if req.RuntimeHandler != "" {
		return nil, status.Errorf(codes.InvalidArgument, "run a sandbox: an embedded node has no runtime handler %q (runtimeClassName), only its own", req.RuntimeHandler)
	}
	if err := r.track(); err != nil {
		return nil, status.Error(codes.Unavailable, err.Error())
	}
	defer r.running.Done()
	s := &sandbox{id: newID(), config: req.Config, handler: req.RuntimeHandler, created: time.Now(), ready: true, told: map[string]bool{}}
	s.dir = filepath.Join(r.config.Root, "sandboxes", s.id)
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the sandbox's folder: %w", err)
	}
	if err := errors.Join(r.writeResolvConf(s), makeShared(filepath.Join(s.dir, "shm"))); err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.dir))
	}
	if s.config.LogDirectory != "" {
		if err := os.MkdirAll(s.config.LogDirectory, 0o755); err != nil {
			return nil, errors.Join(fmt.Errorf("make the pod's log folder: %w", err), os.RemoveAll(s.dir))
		}
	}
	if !s.hostNetwork() {
		var err error
		if s.netns, s.ip, err = r.config.Network.Add(s.id, s.config.Hostname); err != nil {
			return nil, errors.Join(fmt.Errorf("make the pod's network: %w", err), r.config.Network.Remove(s.id), os.RemoveAll(s.dir))
		}
	}
	if err := errors.Join(r.publishPorts(s), r.startPause(s)); err != nil {
		return nil, errors.Join(err, r.release(s))
	}
	r.mu.Lock()
	closing := r.closing
	if !closing {
		r.sandboxes[s.id] = s
	}
	r.mu.Unlock()
	if closing {
		return nil, errors.Join(errors.New("the node is shutting down"), r.release(s))
	}
	r.config.OnChange(s.uid())
	return &cri.RunPodSandboxResponse{PodSandboxId: s.id}, nil
}

// Address is the address of a pod, "" while it has no network of its own.
func (r *Runtime) Address(podUID string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.sandboxes {
		if s.ready && s.uid() == podUID {
			return s.ip
		}
	}
	return ""
}

// makeShared makes a folder that every user of the pod may write to.
func makeShared(dir string) error {
	if err := os.Mkdir(dir, 0o777); err != nil {
		return fmt.Errorf("make the pod's shared memory: %w", err)
	}
	if err := os.Chmod(dir, 0o777|os.ModeSticky); err != nil {
		return fmt.Errorf("open the pod's shared memory to its users: %w", err)
	}
	return nil
}

func (r *Runtime) writeResolvConf(s *sandbox) error {
	dns := s.config.GetDnsConfig()
	if dns == nil {
		dns = r.config.DNS
	}
	path := filepath.Join(s.dir, "resolv.conf")
	if dns == nil {
		data, err := os.ReadFile("/etc/resolv.conf")
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("read the node's resolv.conf: %w", err)
		}
		return os.WriteFile(path, data, 0o644)
	}
	var text strings.Builder
	if len(dns.Searches) > 0 {
		fmt.Fprintf(&text, "search %s\n", strings.Join(dns.Searches, " "))
	}
	for _, server := range dns.Servers {
		fmt.Fprintf(&text, "nameserver %s\n", server)
	}
	if len(dns.Options) > 0 {
		fmt.Fprintf(&text, "options %s\n", strings.Join(dns.Options, " "))
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
		return fmt.Errorf("write the pod's resolv.conf: %w", err)
	}
	return nil
}

func (r *Runtime) sandbox(id string) (*sandbox, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.sandboxes[id]; s != nil {
		return s, nil
	}
	return nil, status.Errorf(codes.NotFound, "sandbox %q does not exist", id)
}

// StopPodSandbox kills what still runs in the pod and gives its network back.
func (r *Runtime) StopPodSandbox(_ context.Context, req *cri.StopPodSandboxRequest) (*cri.StopPodSandboxResponse, error) {
	s, err := r.sandbox(req.PodSandboxId)
	if err != nil {
		return &cri.StopPodSandboxResponse{}, nil // gone is stopped
	}
	return &cri.StopPodSandboxResponse{}, r.stopSandbox(s)
}

func (r *Runtime) stopSandbox(s *sandbox) error {
	s.stopMu.Lock()
	defer s.stopMu.Unlock()
	r.mu.Lock()
	ready := s.ready
	s.ready = false // no container starts in it any more
	r.mu.Unlock()
	for _, c := range r.containersOf(s.id) {
		c.kill()
		c.waitExited()
	}
	s.stopPause()
	if !ready {
		return nil
	}
	r.config.OnChange(s.uid())
	if s.hostNetwork() {
		return nil
	}
	if err := r.removeNetwork(s); err != nil {
		return fmt.Errorf("remove the pod's network: %w", err)
	}
	return nil
}

// publishPorts gives a pod the ports of the node that it asks for; what cannot be had is an Event of the pod.
func (r *Runtime) publishPorts(s *sandbox) error {
	var ports []service.HostPort
	for _, p := range s.config.PortMappings {
		if p.HostPort > 0 {
			ports = append(ports, service.HostPort{Protocol: v1.Protocol(p.Protocol.String()), HostIP: p.HostIp, Host: p.HostPort, Pod: p.ContainerPort})
		}
	}
	if len(ports) == 0 || s.hostNetwork() {
		return nil // on the node's network the port is the container's own
	}
	if r.config.HostPorts == nil {
		r.warn(s, reasonHostPort, "this node gives no hostPort")
		return nil
	}
	meta := s.config.GetMetadata()
	refused, err := r.config.HostPorts.Publish(s.id, meta.GetNamespace()+"/"+meta.GetName(), s.ip, ports)
	for _, why := range refused {
		r.warn(s, reasonHostPort, why)
	}
	if err != nil {
		return fmt.Errorf("give the pod its hostPorts: %w", err)
	}
	return nil
}

func (r *Runtime) removeNetwork(s *sandbox) error {
	var err error
	if r.config.HostPorts != nil {
		err = r.config.HostPorts.Withdraw(s.id)
	}
	return errors.Join(err, r.config.Network.Remove(s.id))
}

// release undoes RunPodSandbox.
func (r *Runtime) release(s *sandbox) error {
	s.stopPause()
	var networkErr error
	if !s.hostNetwork() {
		networkErr = r.removeNetwork(s)
	}
	return errors.Join(networkErr, os.RemoveAll(s.dir))
}

// RemovePodSandbox forgets a pod and its containers.
func (r *Runtime) RemovePodSandbox(_ context.Context, req *cri.RemovePodSandboxRequest) (*cri.RemovePodSandboxResponse, error) {
	s, err := r.sandbox(req.PodSandboxId)
	if err != nil {
		return &cri.RemovePodSandboxResponse{}, nil
	}
	if err := r.stopSandbox(s); err != nil {
		return nil, err
	}
	for _, c := range r.containersOf(s.id) {
		if err := r.forget(c); err != nil {
			return nil, err
		}
	}
	if err := os.RemoveAll(s.dir); err != nil {
		return nil, fmt.Errorf("remove the sandbox's folder: %w", err)
	}
	r.mu.Lock()
	delete(r.sandboxes, s.id)
	r.mu.Unlock()
	r.config.OnChange(s.uid())
	return &cri.RemovePodSandboxResponse{}, nil
}

// PodSandboxStatus describes a pod.
func (r *Runtime) PodSandboxStatus(_ context.Context, req *cri.PodSandboxStatusRequest) (*cri.PodSandboxStatusResponse, error) {
	s, err := r.sandbox(req.PodSandboxId)
	if err != nil {
		return nil, err
	}
	response := &cri.PodSandboxStatusResponse{Status: &cri.PodSandboxStatus{
		Id: s.id, Metadata: s.config.Metadata, State: r.sandboxState(s), CreatedAt: s.created.UnixNano(),
		Network: &cri.PodSandboxNetworkStatus{Ip: s.ip},
		Linux:   &cri.LinuxPodSandboxStatus{Namespaces: &cri.Namespace{Options: s.config.GetLinux().GetSecurityContext().GetNamespaceOptions()}},
		Labels:  s.config.Labels, Annotations: s.config.Annotations, RuntimeHandler: s.handler,
	}, Timestamp: time.Now().UnixNano()}
	for _, c := range r.containersOf(s.id) {
		response.ContainersStatuses = append(response.ContainersStatuses, c.status())
	}
	return response, nil
}

func (r *Runtime) sandboxState(s *sandbox) cri.PodSandboxState {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.ready {
		return cri.PodSandboxState_SANDBOX_READY
	}
	return cri.PodSandboxState_SANDBOX_NOTREADY
}

// ListPodSandbox lists the pods that match a filter.
func (r *Runtime) ListPodSandbox(_ context.Context, req *cri.ListPodSandboxRequest) (*cri.ListPodSandboxResponse, error) {
	r.mu.Lock()
	all := make([]*sandbox, 0, len(r.sandboxes))
	for _, s := range r.sandboxes {
		all = append(all, s)
	}
	r.mu.Unlock()
	filter, response := req.GetFilter(), &cri.ListPodSandboxResponse{}
	for _, s := range all {
		state := r.sandboxState(s)
		if filter.GetId() != "" && filter.Id != s.id || filter.GetState() != nil && filter.State.State != state || !matches(filter.GetLabelSelector(), s.config.Labels) {
			continue
		}
		response.Items = append(response.Items, &cri.PodSandbox{Id: s.id, Metadata: s.config.Metadata, State: state, CreatedAt: s.created.UnixNano(),
			Labels: s.config.Labels, Annotations: s.config.Annotations, RuntimeHandler: s.handler})
	}
	return response, nil
}

func matches(selector, labels map[string]string) bool {
	for key, value := range selector {
		if labels[key] != value {
			return false
		}
	}
	return true
}
