// Package embedded boots a Kubernetes cluster of one node without Docker: real etcd, kube-apiserver,
// kube-controller-manager, kube-scheduler and kubelet, each a process inside one sandbox.
//
// In: a folder of its own, the binaries, the image catalogue that the node resolves images with.
// Out: a ready API server (REST configuration for this process, kubeconfig for others) and, after StartNode, a node
// that runs pods as processes. Everything lives in the sandbox's namespaces and dies with them.
package embedded

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/eventrig/eventrig/internal/await"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/logfile"
	"github.com/eventrig/eventrig/internal/sandbox"
)

// Addresses and names inside the sandbox. They are fixed because each sandbox has a network of its own.
const (
	NodeName       = "eventrig"
	NodeAddress    = "10.244.0.1"
	PodCIDR        = "10.244.1.0/24"
	ServiceCIDR    = "10.96.0.0/16"
	ServiceAddress = "10.96.0.1"
	DNSAddress     = "10.96.0.10"
	DNSDomain      = "cluster.local"
	apiAddress     = "127.0.0.1:6443"
)

// Binaries are the programs that the cluster runs, as host paths.
type Binaries struct {
	Kube string // eventrig-kube, the multi-call binary
	Shim string // eventrig-shim, which sets a container up and becomes its process
}

// Config says what to boot.
type Config struct {
	Dir      string // the rig's folder
	Run      string // the folder that the sandbox has covered with a tmpfs, as Tmpfs named it when the sandbox was made
	Images   string // file of the image catalogue
	Binaries Binaries
}

// Cluster is a running embedded cluster.
type Cluster struct {
	config  Config
	sandbox *sandbox.Sandbox
	pki     *pki
	rest    *rest.Config

	once   sync.Once
	failed chan struct{}
	err    error
}

// shortFolders exist on every Linux system (Filesystem Hierarchy Standard) and are usually empty.
var shortFolders = []string{"/mnt", "/srv", "/media"}

// Tmpfs returns the folder that the sandbox must cover with a tmpfs, for etcd's data and the kubelet's folders. It is
// seen inside the sandbox only. A Unix socket's path takes 107 bytes and the kubelet makes some below its own folder, so
// a short folder is taken where an empty one is to be had, and else one of the rig's own.
func Tmpfs(dir string) string {
	for _, folder := range shortFolders {
		if entries, err := os.ReadDir(folder); err == nil && len(entries) == 0 {
			return folder
		}
	}
	return filepath.Join(dir, "run")
}

// LoopbackAddresses are the addresses that the sandbox must have on its loopback interface.
func LoopbackAddresses() []string { return []string{NodeAddress + "/32", DNSAddress + "/32"} }

// Start boots the control plane inside the sandbox and returns when the API server is ready. The node is started by
// StartNode, so that CRDs can be installed meanwhile.
func Start(ctx context.Context, inside *sandbox.Sandbox, config Config) (*Cluster, error) {
	c := &Cluster{config: config, sandbox: inside, failed: make(chan struct{})}
	if err := c.prepare(); err != nil {
		return nil, err
	}
	if err := c.start(ctx, c.etcd()); err != nil {
		return nil, err
	}
	if err := c.start(ctx, c.apiServer()); err != nil {
		return nil, err
	}
	if err := c.waitReady(ctx); err != nil {
		return nil, fmt.Errorf("wait for the API server: %w", err)
	}
	// Only now: before /readyz their informers would meet RBAC that is not there yet, and back off for seconds.
	for _, component := range []component{c.controllerManager(), c.scheduler()} {
		if err := c.start(ctx, component); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// prepare makes folders, certificates, kubeconfigs and the audit policy.
func (c *Cluster) prepare() error {
	// The kubelet runs these for volumes; without them no pod would ever start, and only its log would say so.
	for _, program := range []string{"mount", "umount"} {
		if _, err := exec.LookPath(program); err != nil {
			return failure.New(failure.Environment, "install the package mount (part of util-linux)", "find what the kubelet mounts volumes with: %w", err)
		}
	}
	for _, folder := range []string{"logs", "pods"} {
		if err := os.MkdirAll(filepath.Join(c.config.Dir, folder), 0o755); err != nil {
			return failure.New(failure.Environment, "choose another folder with --artifacts or free some space", "make rig folder: %w", err)
		}
	}
	var err error
	if c.pki, err = newPKI(filepath.Join(c.config.Dir, "pki"), identities(NodeName, NodeAddress, ServiceAddress)); err != nil {
		return failure.New(failure.Environment, "free some space on the file system of "+c.config.Dir, "make certificates: %w", err)
	}
	for _, id := range []string{"admin", "controller-manager", "scheduler", "node"} {
		if err := c.pki.writeKubeconfig(c.pki.path(id+".kubeconfig"), "https://"+apiAddress, id); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(c.config.Dir, "audit-policy.yaml"), []byte(auditPolicy), 0o644); err != nil {
		return fmt.Errorf("write audit policy: %w", err)
	}
	if c.rest, err = clientcmd.BuildConfigFromFlags("", c.pki.path("admin.kubeconfig")); err != nil {
		return fmt.Errorf("read admin kubeconfig: %w", err)
	}
	c.rest.Dial = c.sandbox.Dial
	// The rig applies its manifests at once: client-side throttling would only stretch the boot.
	c.rest.QPS, c.rest.Burst = 1000, 1000
	return nil
}

// waitReady polls /readyz: there is nothing to watch before the API server is there.
func (c *Cluster) waitReady(ctx context.Context) error {
	client, err := rest.HTTPClientFor(c.rest)
	if err != nil {
		return fmt.Errorf("make API client: %w", err)
	}
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+apiAddress+"/readyz", nil)
		if err != nil {
			return fmt.Errorf("make readiness request: %w", err)
		}
		response, err := client.Do(request)
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
			err = fmt.Errorf("GET /readyz: %s", response.Status)
		}
		select {
		case <-c.failed:
			return failure.New(failure.Environment, "look at the folder "+filepath.Join(c.config.Dir, "logs"), "%w", c.err)
		case <-ctx.Done():
			return fmt.Errorf("%w (last: %w)\nend of the API server's log:\n%s", context.Cause(ctx), err, logfile.Tail(c.Log("kube-apiserver"), 10))
		case <-ticker.C:
		}
	}
}

// StartNode starts the kubelet with its container runtime, network, service addresses and DNS.
func (c *Cluster) StartNode(ctx context.Context) error { return c.start(ctx, c.node()) }

// WaitNode returns when the node is Ready.
func (c *Cluster) WaitNode(ctx context.Context) error {
	client, err := kubernetes.NewForConfig(c.rest)
	if err != nil {
		return fmt.Errorf("make API client: %w", err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-c.failed:
			cancel(failure.New(failure.Environment, "look at the folder "+filepath.Join(c.config.Dir, "logs"), "%w", c.err))
		case <-ctx.Done():
		}
	}()
	last := "the node has not registered"
	_, err = await.Object(ctx, client.CoreV1().RESTClient(), "nodes", metav1.NamespaceAll, NodeName, func(node *corev1.Node) bool {
		for _, condition := range node.Status.Conditions {
			if condition.Type == corev1.NodeReady {
				last = condition.Message
				return condition.Status == corev1.ConditionTrue
			}
		}
		return false
	})
	if err != nil {
		return fmt.Errorf("wait for the node: %w (last: %s)\nend of its log:\n%s", err, last, logfile.Tail(c.Log("node"), 10))
	}
	return nil
}

// REST returns the configuration of an administrator's client in this process.
func (c *Cluster) REST() *rest.Config { return rest.CopyConfig(c.rest) }

// WriteKubeconfig writes an administrator's kubeconfig that reaches the API server at the given host address.
func (c *Cluster) WriteKubeconfig(path, hostAddress string) error {
	return c.pki.writeKubeconfig(path, "https://"+hostAddress, "admin")
}

// APIAddress is where the API server listens inside the sandbox.
func (c *Cluster) APIAddress() string { return apiAddress }

// AuditLog is the API server's audit log, JSON Lines on the host.
func (c *Cluster) AuditLog() string { return filepath.Join(c.config.Dir, "audit.jsonl") }

// Log is the file of a component's output.
func (c *Cluster) Log(component string) string {
	return filepath.Join(c.config.Dir, "logs", component+".log")
}

// Failed is closed when a component has ended by itself; Err then says which and why.
func (c *Cluster) Failed() <-chan struct{} { return c.failed }

// Err returns why the cluster failed, nil while it has not.
func (c *Cluster) Err() error {
	select {
	case <-c.failed:
		return c.err
	default:
		return nil
	}
}

func (c *Cluster) fail(err error) {
	c.once.Do(func() {
		c.err = err
		close(c.failed)
	})
}
