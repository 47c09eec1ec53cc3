package runtime

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	restclient "k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/transport/spdy"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
	utilexec "k8s.io/utils/exec"
)

// dial serves the runtime on a socket and returns a client of it.
func (r *rig) dial() cri.RuntimeServiceClient {
	r.t.Helper()
	// A unix socket's path has to be short.
	dir, err := os.MkdirTemp("", "cri")
	if err != nil {
		r.t.Fatal(err)
	}
	listener, err := Listen(dir + "/s")
	if err != nil {
		r.t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- r.Serve(listener) }()
	conn, err := grpc.NewClient("unix://"+dir+"/s", grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(grpc.WaitForReady(true)))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		conn.Close()
		if err := errors.Join(r.Close(), <-served, os.RemoveAll(dir)); err != nil {
			r.t.Errorf("stop serving: %v", err)
		}
	})
	return cri.NewRuntimeServiceClient(conn)
}

func TestExecOverTheStreamingServer(t *testing.T) {
	r := start(t)
	service := r.dial()
	id := r.run("exec sleep 1000")
	response, err := service.Exec(t.Context(), &cri.ExecRequest{ContainerId: id, Cmd: []string{"sh", "-c", "cat; echo bad >&2; exit 6"}, Stdin: true, Stdout: true, Stderr: true})
	if err != nil {
		t.Fatal(err)
	}
	address, err := url.Parse(response.Url)
	if err != nil {
		t.Fatal(err)
	}
	executor, err := remotecommand.NewSPDYExecutor(&restclient.Config{}, http.MethodPost, address)
	if err != nil {
		t.Fatal(err)
	}
	var out, errOut bytes.Buffer
	err = executor.StreamWithContext(t.Context(), remotecommand.StreamOptions{Stdin: strings.NewReader("input"), Stdout: &out, Stderr: &errOut})
	var exit utilexec.ExitError
	if !errors.As(err, &exit) || exit.ExitStatus() != 6 || out.String() != "input" || errOut.String() != "bad\n" {
		t.Errorf("got %v, %q, %q", err, out.String(), errOut.String())
	}
}

// ownNetns makes the pod's network a namespace of its own, held open by a process.
type ownNetns struct {
	*hostNet
	path string
}

func (n ownNetns) Add(id, hostname string) (string, string, error) {
	_, ip, err := n.hostNet.Add(id, hostname)
	return n.path, ip, err
}

func TestPortForwardIntoThePodsNetwork(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("python3 is needed for a server in the container:", err)
	}
	r := start(t)
	holder := exec.Command("sh", "-c", "ip link set lo up && echo up && exec cat")
	holder.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	stdin, _ := holder.StdinPipe()
	stdout, _ := holder.StdoutPipe()
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stdin.Close(); _ = holder.Wait() })
	if up := make([]byte, 3); true {
		if _, err := io.ReadFull(stdout, up); err != nil {
			t.Skip("no loopback in a new network namespace (is ip installed?):", err)
		}
	}
	r.Runtime.config.Network = ownNetns{r.net, fmt.Sprintf("/proc/%d/ns/net", holder.Process.Pid)}
	pod, err := r.RunPodSandbox(t.Context(), &cri.RunPodSandboxRequest{Config: r.config})
	if err != nil {
		t.Fatal(err)
	}
	r.sandbox = pod.PodSandboxId
	// Port 80 as an ordinary user: pods may bind low ports.
	r.run(`exec python3 -uc '
import socket
s = socket.create_server(("127.0.0.1", 80))
print("listening", flush=True)
while True:
    c, _ = s.accept()
    c.sendall(b"echo " + c.recv(100))
    c.close()
'`, func(c *cri.ContainerConfig) {
		if !singleUID() {
			c.Linux = &cri.LinuxContainerConfig{SecurityContext: &cri.LinuxContainerSecurityContext{RunAsUser: &cri.Int64Value{Value: 1000}}}
		}
	})
	r.logged("listening")
	response, err := r.dial().PortForward(t.Context(), &cri.PortForwardRequest{PodSandboxId: r.sandbox, Port: []int32{80}})
	if err != nil {
		t.Fatal(err)
	}
	address, err := url.Parse(response.Url)
	if err != nil {
		t.Fatal(err)
	}
	transport, upgrader, err := spdy.RoundTripperFor(&restclient.Config{})
	if err != nil {
		t.Fatal(err)
	}
	stop, ready, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	forwarder, err := portforward.NewOnAddresses(spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, address), []string{"127.0.0.1"}, []string{"0:80"}, stop, ready, io.Discard, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	go func() { ended <- forwarder.ForwardPorts() }()
	select {
	case <-ready:
	case err := <-ended:
		t.Fatal(err)
	}
	defer close(stop)
	ports, err := forwarder.GetPorts()
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", ports[0].Local))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "hello")
	got, err := io.ReadAll(conn)
	if err != nil || string(got) != "echo hello" {
		t.Errorf("got %q, %v", got, err)
	}
}
