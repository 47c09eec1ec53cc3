package runtime

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/eventrig/eventrig/cmd/eventrig-kube/internal/images"
)

// hostNet is a Network in which every pod is on the host's network.
type hostNet struct {
	mu   sync.Mutex
	pods map[string]bool
}

func (n *hostNet) Add(id, _ string) (string, string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.pods[id] = true
	return "", "10.244.1.7", nil
}

func (n *hostNet) Remove(id string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.pods, id)
	return nil
}

type rig struct {
	*Runtime
	t       *testing.T
	dir     string
	sandbox string
	config  *cri.PodSandboxConfig
	net     *hostNet

	mu      sync.Mutex
	changes int
	events  []string
}

var shim = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "eventrig-shim")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	build := exec.Command("go", "build", "-o", dir+"/shim", "github.com/eventrig/eventrig/cmd/eventrig-kube/shim")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return out, err
	}
	return os.ReadFile(dir + "/shim")
})

// singleUID says that these tests run in a user namespace with one uid.
func singleUID() bool {
	data, _ := os.ReadFile("/proc/self/uid_map")
	fields := strings.Fields(string(data))
	return len(fields) == 3 && fields[2] == "1"
}

// start makes a runtime with one pod in it.
func start(t *testing.T, entries ...images.Image) *rig {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("containers need root (or a user namespace around the node process, as the rig's sandbox has)")
	}
	program, err := shim()
	if err != nil {
		t.Fatalf("build the shim: %v\n%s", err, program)
	}
	r := &rig{t: t, dir: t.TempDir(), net: &hostNet{pods: map[string]bool{}}}
	if err := os.WriteFile(r.dir+"/shim", program, 0o755); err != nil {
		t.Fatal(err)
	}
	entries = append(entries, images.Image{Repository: "test/shell", Kind: images.Command, Entrypoint: []string{"/bin/sh"}, Env: []string{"FROM_IMAGE=1", "BOTH=image"}})
	r.Runtime, err = New(Config{Root: r.dir + "/run", Shim: r.dir + "/shim", Images: &images.Catalogue{Images: entries}, Network: r.net, Unprivileged: singleUID(), Log: testr.New(t),
		OnChange: func(string) { r.mu.Lock(); r.changes++; r.mu.Unlock() },
		Warn: func(_, _, _, reason, message string) {
			r.mu.Lock()
			r.events = append(r.events, reason+": "+message)
			r.mu.Unlock()
		}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if left := processesIn(r.dir); len(left) > 0 {
			t.Errorf("left behind after Close: %v", left)
		}
		if mounts, _ := os.ReadFile("/proc/self/mountinfo"); bytes.Contains(mounts, []byte(r.dir)) {
			t.Errorf("mounts of %s are left behind", r.dir)
		}
	})
	r.config = &cri.PodSandboxConfig{Metadata: &cri.PodSandboxMetadata{Name: "pod", Namespace: "ns", Uid: "uid"}, Hostname: "pod-1", LogDirectory: r.dir + "/logs",
		DnsConfig: &cri.DNSConfig{Servers: []string{"10.96.0.10"}, Searches: []string{"ns.svc.cluster.local"}, Options: []string{"ndots:5"}},
		Linux:     &cri.LinuxPodSandboxConfig{SecurityContext: &cri.LinuxSandboxSecurityContext{NamespaceOptions: &cri.NamespaceOption{Pid: cri.NamespaceMode_CONTAINER}}}}
	r.pod()
	return r
}

// pod makes another pod, in which containers are made from now on.
func (r *rig) pod() {
	r.t.Helper()
	sandbox, err := r.RunPodSandbox(r.t.Context(), &cri.RunPodSandboxRequest{Config: r.config})
	if err != nil {
		r.t.Fatal(err)
	}
	r.sandbox = sandbox.PodSandboxId
}

// processesIn lists the processes whose command line names a folder.
func processesIn(dir string) []string {
	var found []string
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		if data, err := os.ReadFile(file); err == nil && bytes.Contains(data, []byte(dir)) {
			found = append(found, file+" "+string(bytes.ReplaceAll(data, []byte{0}, []byte{' '})))
		}
	}
	return found
}

// create makes a container of test/shell that runs a script.
func (r *rig) create(script string, change ...func(*cri.ContainerConfig)) string {
	r.t.Helper()
	config := &cri.ContainerConfig{Metadata: &cri.ContainerMetadata{Name: "main"}, Image: &cri.ImageSpec{Image: "test/shell:1"}, Args: []string{"-c", script}, LogPath: "main/0.log"}
	for _, f := range change {
		f(config)
	}
	response, err := r.CreateContainer(r.t.Context(), &cri.CreateContainerRequest{PodSandboxId: r.sandbox, Config: config, SandboxConfig: r.config})
	if err != nil {
		r.t.Fatal(err)
	}
	return response.ContainerId
}

func (r *rig) run(script string, change ...func(*cri.ContainerConfig)) string {
	r.t.Helper()
	id := r.create(script, change...)
	if _, err := r.StartContainer(r.t.Context(), &cri.StartContainerRequest{ContainerId: id}); err != nil {
		r.t.Fatal(err)
	}
	return id
}

// wait returns the status of a container that has ended.
func (r *rig) wait(id string) *cri.ContainerStatus {
	r.t.Helper()
	c, err := r.container(id)
	if err != nil {
		r.t.Fatal(err)
	}
	select {
	case <-c.exited:
	case <-time.After(20 * time.Second):
		r.t.Fatalf("the container has not ended; its log:\n%s", r.log())
	}
	return c.status()
}

// log is the log without times.
func (r *rig) log() string {
	r.t.Helper()
	data, err := os.ReadFile(r.dir + "/logs/main/0.log")
	if err != nil {
		r.t.Fatal(err)
	}
	var text strings.Builder
	for _, line := range strings.SplitAfter(string(data), "\n") {
		if line == "" {
			continue
		}
		stamp, rest, _ := strings.Cut(line, " ")
		if _, err := time.Parse(time.RFC3339Nano, stamp); err != nil {
			r.t.Errorf("log line %q: %v", line, err)
		}
		text.WriteString(rest)
	}
	return text.String()
}

// logged waits until the log holds a text.
func (r *rig) logged(text string) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !strings.Contains(r.log(), text) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			r.t.Fatalf("%q is not logged; the log:\n%s", text, r.log())
		}
	}
}

func (r *rig) exec(id string, args ...string) (*cri.ExecSyncResponse, error) {
	return r.ExecSync(r.t.Context(), &cri.ExecSyncRequest{ContainerId: id, Cmd: args, Timeout: 20})
}
