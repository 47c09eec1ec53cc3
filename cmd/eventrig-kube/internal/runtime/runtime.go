// Package runtime is the container runtime of an embedded node: the Container Runtime Interface (RuntimeService and
// ImageService, v1) over local Linux processes in namespaces. In come the kubelet's gRPC calls and the image catalogue;
// out come processes, log files in the CRI format, and a call of Config.OnChange at each change, so that the kubelet need
// not wait for its next look. There are no cgroups: limits have no effect, which an Event of the pod tells. State is in memory
// and dies with the node, as its processes do.
package runtime

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"google.golang.org/grpc"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
	"k8s.io/kubelet/pkg/cri/streaming"

	"github.com/eventrig/eventrig/cmd/eventrig-kube/internal/images"
	"github.com/eventrig/eventrig/cmd/eventrig-kube/internal/service"
)

// Network gives pods their network namespace. Add returns its path ("" for the node's own) and the pod's address.
type Network interface {
	Add(sandboxID string, hostname string) (netnsPath string, ip string, err error)
	Remove(sandboxID string) error
}

// HostPorts leads ports of the node to pods. Publish returns what it cannot give; Withdraw of a pod that has none is no error.
type HostPorts interface {
	Publish(sandboxID, name, podIP string, ports []service.HostPort) (refused []string, err error)
	Withdraw(sandboxID string) error
}

// Config is what a Runtime is made of.
type Config struct {
	Root         string            // folder for mount points and small files of containers, best on a tmpfs
	Shim         string            // path of eventrig-shim
	Images       *images.Catalogue // what stands behind an image reference
	Network      Network
	HostPorts    HostPorts           // nil: pods get none
	DNS          *cri.DNSConfig      // for pods whose sandbox config has none
	OnChange     func(podUID string) // called after each state change of a sandbox or container; must not block
	Unprivileged bool                // only one uid is mapped: another one is a warning and not an error
	Log          logr.Logger

	// Warn is told what a pod gets otherwise than it asked for, to make an Event of it; may be nil.
	Warn func(podNamespace, podName, podUID, reason, message string)
}

// Runtime implements the CRI. Use New.
type Runtime struct {
	cri.UnimplementedRuntimeServiceServer
	cri.UnimplementedImageServiceServer

	config  Config
	spawner *spawner
	control *os.File // read end of a pipe whose end of file tells the shims that this process is gone
	alive   *os.File // its write end

	streams    streaming.Server
	streamHTTP *http.Server

	ctx    context.Context // ends with Close
	cancel context.CancelFunc

	mu         sync.Mutex
	grpc       *grpc.Server
	closing    bool
	sandboxes  map[string]*sandbox
	containers map[string]*container
	pulled     map[string]pulledImage // by id
	fetched    map[string]string      // ids of the images of registries, by the reference that was pulled
	running    sync.WaitGroup         // goroutines that wait for a container or command
}

// New makes a runtime; Serve makes it reachable and Close ends everything that it started.
func New(config Config) (*Runtime, error) {
	if config.Network == nil || config.Images == nil || config.Root == "" {
		return nil, errors.New("make the container runtime: Root, Images and Network are needed")
	}
	if info, err := os.Stat(config.Shim); err != nil || info.Mode()&0o111 == 0 {
		return nil, fmt.Errorf("make the container runtime: the shim %q is no program", config.Shim)
	}
	if err := os.MkdirAll(filepath.Join(config.Root, "containers"), 0o755); err != nil {
		return nil, fmt.Errorf("make the container runtime's folder: %w", err)
	}
	if config.OnChange == nil {
		config.OnChange = func(string) {}
	}
	if config.Warn == nil {
		config.Warn = func(string, string, string, string, string) {}
	}
	control, alive, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make the control pipe: %w", err)
	}
	r := &Runtime{config: config, spawner: newSpawner(), control: control, alive: alive,
		sandboxes: map[string]*sandbox{}, containers: map[string]*container{}, pulled: map[string]pulledImage{}, fetched: map[string]string{}}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	if err := r.startStreaming(); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// startStreaming listens for the connections of exec, attach and port-forward, which the kubelet proxies.
func (r *Runtime) startStreaming() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen for exec and port-forward streams: %w", err)
	}
	config := streaming.DefaultConfig
	config.Addr = listener.Addr().String()
	config.BaseURL = &url.URL{Scheme: "http", Host: config.Addr}
	if r.streams, err = streaming.NewServer(config, streamer{r}); err != nil {
		listener.Close()
		return fmt.Errorf("make the streaming server: %w", err)
	}
	r.streamHTTP = &http.Server{Handler: r.streams, ReadHeaderTimeout: time.Minute}
	go func() {
		if err := r.streamHTTP.Serve(listener); err != nil && !errors.Is(err, http.ErrServerClosed) {
			r.config.Log.Error(err, "the streaming server ended")
		}
	}()
	return nil
}

// Listen makes the socket that Serve answers on. It is a step of its own, because a kubelet that is started before the
// socket is there gives up at once.
func Listen(socket string) (net.Listener, error) {
	if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("remove the old socket: %w", err)
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return nil, fmt.Errorf("listen for the kubelet: %w", err)
	}
	return listener, nil
}

// Serve answers the kubelet until Close.
func (r *Runtime) Serve(listener net.Listener) error {
	server := grpc.NewServer(grpc.MaxRecvMsgSize(16<<20), grpc.MaxSendMsgSize(16<<20))
	cri.RegisterRuntimeServiceServer(server, r)
	cri.RegisterImageServiceServer(server, r)
	r.mu.Lock()
	if r.closing {
		r.mu.Unlock()
		return listener.Close()
	}
	r.grpc = server
	r.mu.Unlock()
	if err := server.Serve(listener); err != nil {
		return fmt.Errorf("serve the kubelet: %w", err)
	}
	return nil
}

// Close kills every container, waits for the processes to be gone, gives the networks back and stops answering.
func (r *Runtime) Close() error {
	r.mu.Lock()
	if r.closing {
		r.mu.Unlock()
		return nil
	}
	r.closing = true // no new sandbox, container or command from here on
	server := r.grpc
	sandboxes := make([]*sandbox, 0, len(r.sandboxes))
	for _, s := range r.sandboxes {
		sandboxes = append(sandboxes, s)
	}
	r.mu.Unlock()

	r.cancel()
	var errs []error
	for _, s := range sandboxes {
		if err := r.stopSandbox(s); err != nil {
			errs = append(errs, err)
		}
	}
	if r.streamHTTP != nil {
		errs = append(errs, r.streamHTTP.Close())
	}
	if server != nil {
		server.Stop()
	}
	r.running.Wait()
	r.spawner.close()
	errs = append(errs, r.alive.Close(), r.control.Close())
	return errors.Join(errs...)
}

// track lets Close wait for a goroutine; it refuses once Close has begun. The caller holds no lock.
func (r *Runtime) track() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closing {
		return errors.New("the node is shutting down")
	}
	r.running.Add(1)
	return nil
}

// warn tells once of what a pod gets otherwise than it asked for.
func (r *Runtime) warn(s *sandbox, reason, message string) {
	r.mu.Lock()
	before := s.told[message]
	s.told[message] = true
	r.mu.Unlock()
	if before {
		return
	}
	meta := s.config.GetMetadata()
	r.config.Log.Info(message, "reason", reason, "pod", meta.GetNamespace()+"/"+meta.GetName())
	r.config.Warn(meta.GetNamespace(), meta.GetName(), meta.GetUid(), reason, message)
}
