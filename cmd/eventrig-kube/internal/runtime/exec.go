package runtime

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	goruntime "runtime"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"k8s.io/client-go/tools/remotecommand"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
	utilexec "k8s.io/utils/exec"

	"github.com/eventrig/eventrig/cmd/eventrig-kube/internal/runtime/spec"
)

// maxExecOutput is how much of a probe's output is kept, containerd's figure.
const maxExecOutput = 16 << 20

// ExecSync runs a command in a container and returns its output.
func (r *Runtime) ExecSync(ctx context.Context, req *cri.ExecSyncRequest) (*cri.ExecSyncResponse, error) {
	c, err := r.container(req.ContainerId)
	if err != nil {
		return nil, err
	}
	if req.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(req.Timeout)*time.Second)
		defer cancel()
	}
	stdout, stderr := &capped{}, &capped{}
	code, err := r.exec(ctx, c, req.Cmd, nil, stdout, stderr, false, nil)
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			return nil, status.Errorf(codes.DeadlineExceeded, "command %q timed out", req.Cmd)
		}
		return nil, status.Errorf(codes.Unknown, "exec in container %s: %v", c.config.Metadata.Name, err)
	}
	return &cri.ExecSyncResponse{Stdout: stdout.bytes(), Stderr: stderr.bytes(), ExitCode: code}, nil
}

// capped keeps the beginning of what is written to it.
type capped struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (c *capped) Write(data []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.buffer.Write(data[:min(len(data), maxExecOutput-c.buffer.Len())])
	return len(data), nil
}

func (c *capped) bytes() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return bytes.Clone(c.buffer.Bytes())
}

// Exec returns the address at which the command's streams are served.
func (r *Runtime) Exec(_ context.Context, req *cri.ExecRequest) (*cri.ExecResponse, error) {
	if err := r.mustRun(req.ContainerId); err != nil {
		return nil, err
	}
	return r.streams.GetExec(req)
}

// Attach returns the address at which a container's streams are served.
func (r *Runtime) Attach(_ context.Context, req *cri.AttachRequest) (*cri.AttachResponse, error) {
	if err := r.mustRun(req.ContainerId); err != nil {
		return nil, err
	}
	return r.streams.GetAttach(req)
}

// PortForward returns the address at which a pod's ports are served.
func (r *Runtime) PortForward(_ context.Context, req *cri.PortForwardRequest) (*cri.PortForwardResponse, error) {
	if _, err := r.sandbox(req.PodSandboxId); err != nil {
		return nil, err
	}
	return r.streams.GetPortForward(req)
}

func (r *Runtime) mustRun(id string) error {
	c, err := r.container(id)
	if err != nil {
		return err
	}
	if !c.running() {
		return status.Errorf(codes.FailedPrecondition, "container %s does not run", c.config.Metadata.Name)
	}
	return nil
}

// streamer is the streaming server's view of a Runtime, whose own methods have the same names.
type streamer struct{ r *Runtime }

// Exec runs a command on a client's streams.
func (s streamer) Exec(ctx context.Context, containerID string, cmd []string, in io.Reader, out, errOut io.WriteCloser, tty bool, sizes <-chan remotecommand.TerminalSize) error {
	c, err := s.r.container(containerID)
	if err != nil {
		return err
	}
	var stdout, stderr io.Writer // a nil interface stays one
	if out != nil {
		stdout = out
	}
	if errOut != nil {
		stderr = errOut
	}
	code, err := s.r.exec(ctx, c, cmd, in, stdout, stderr, tty, sizes)
	if err != nil {
		return err
	}
	if code != 0 {
		return utilexec.CodeExitError{Err: fmt.Errorf("command terminated with exit code %d", code), Code: int(code)}
	}
	return nil
}

// Attach connects a client to a container until either goes.
func (s streamer) Attach(ctx context.Context, containerID string, in io.Reader, out, errOut io.WriteCloser, _ bool, sizes <-chan remotecommand.TerminalSize) error {
	c, err := s.r.container(containerID)
	if err != nil {
		return err
	}
	c.mu.Lock()
	streams := c.io
	c.mu.Unlock()
	if streams == nil {
		return fmt.Errorf("container %s does not run", c.config.Metadata.Name)
	}
	me := &client{}
	if out != nil {
		me.stdout = out
	}
	if errOut != nil {
		me.stderr = errOut
	}
	streams.attach(me)
	defer streams.detach(me)
	if streams.tty != nil {
		go followSizes(ctx, streams.tty, sizes)
	}
	inputDone := make(chan struct{})
	if in != nil {
		go func() {
			defer close(inputDone)
			streams.feed(in)
		}()
	}
	if out == nil && errOut == nil {
		select {
		case <-inputDone:
		case <-c.exited:
		case <-ctx.Done():
		}
		return nil
	}
	select {
	case <-c.exited:
	case <-ctx.Done():
	}
	return nil
}

func followSizes(ctx context.Context, terminal *os.File, sizes <-chan remotecommand.TerminalSize) {
	for {
		select {
		case size, ok := <-sizes:
			if !ok {
				return
			}
			resize(terminal, size.Width, size.Height)
		case <-ctx.Done():
			return
		}
	}
}

// exec runs a command in a container and returns its exit status.
func (r *Runtime) exec(ctx context.Context, c *container, args []string, in io.Reader, out, errOut io.Writer, tty bool, sizes <-chan remotecommand.TerminalSize) (int32, error) {
	if len(args) == 0 {
		return 0, errors.New("no command is given")
	}
	if err := r.track(); err != nil {
		return 0, err
	}
	defer r.running.Done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(r.ctx, cancel)()
	pid := c.pid()
	if pid == 0 {
		return 0, fmt.Errorf("container %s does not run", c.config.Metadata.Name)
	}
	streams, err := openStdio("", in != nil, true, tty)
	if err != nil {
		return 0, err
	}
	streams.attach(&client{stdout: out, stderr: errOut})
	input := spec.Exec{Pid: pid, Process: c.process}
	input.Process.Args, input.Process.TTY = args, tty
	if tty && !c.process.TTY {
		input.Process.Env = append(append([]string(nil), c.process.Env...), "TERM=xterm")
	}
	cmd := exec.Command(r.config.Shim, spec.ModeExec)
	cmd.Env, cmd.Dir = []string{}, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	ran, err := r.launch(cmd, input, streams, namespaces{})
	if err == nil {
		err = streams.childRuns()
	} else {
		streams.childStarted()
	}
	for _, warning := range ran.warnings {
		r.config.Log.V(1).Info(warning, "container", c.config.Metadata.Name, "exec", args)
	}
	if err != nil {
		if cmd.Process != nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
		streams.finish()
		return 0, err
	}
	if in != nil {
		go streams.feed(in) // ends with the client's stream; the process does not wait for it
	}
	if streams.tty != nil {
		go followSizes(ctx, streams.tty, sizes)
	}
	// The shim kills the command when it is told to end.
	defer context.AfterFunc(ctx, func() { _ = cmd.Process.Signal(syscall.SIGTERM) })()
	_ = cmd.Wait()
	streams.finish()
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	return exitCode(cmd.ProcessState), nil
}

// PortForward connects a client with a port of a pod, on the pod's own loopback interface.
func (s streamer) PortForward(ctx context.Context, podSandboxID string, port int32, stream io.ReadWriteCloser) error {
	pod, err := s.r.sandbox(podSandboxID)
	if err != nil {
		return err
	}
	conn, err := dialIn(ctx, pod.netns, net.JoinHostPort("127.0.0.1", strconv.Itoa(int(port))))
	if err != nil {
		return fmt.Errorf("connect to port %d of the pod: %w", port, err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	fromPod := make(chan struct{})
	go func() {
		defer close(fromPod)
		_, _ = io.Copy(stream, conn)
	}()
	go func() {
		_, _ = io.Copy(conn, stream)
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.CloseWrite()
		}
	}()
	select {
	case <-fromPod:
	case <-ctx.Done():
	}
	return nil
}

// dialIn dials from within a network namespace; a socket stays in the namespace that it was made in.
func dialIn(ctx context.Context, netns, address string) (net.Conn, error) {
	var dialer net.Dialer
	if netns == "" {
		return dialer.DialContext(ctx, "tcp", address)
	}
	type result struct {
		conn net.Conn
		err  error
	}
	results := make(chan result, 1)
	go func() {
		goruntime.LockOSThread()
		back, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			goruntime.UnlockOSThread()
			results <- result{err: fmt.Errorf("open the node's network namespace: %w", err)}
			return
		}
		defer unix.Close(back)
		there, err := unix.Open(netns, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err == nil {
			err = unix.Setns(there, unix.CLONE_NEWNET)
			unix.Close(there)
		}
		var conn net.Conn
		if err == nil {
			conn, err = dialer.DialContext(ctx, "tcp", address)
		}
		if unix.Setns(back, unix.CLONE_NEWNET) == nil {
			goruntime.UnlockOSThread() // else the thread ends with this goroutine
		}
		results <- result{conn, err}
	}()
	got := <-results
	return got.conn, got.err
}
