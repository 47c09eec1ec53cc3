package runtime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/eventrig/eventrig/cmd/eventrig-kube/internal/images"
	"github.com/eventrig/eventrig/cmd/eventrig-kube/internal/runtime/spec"
)

// startFailed is the exit status of a container whose command could not be started, as containerd has it.
const startFailed = 128

// StartContainer starts the process; an error of it (no such command, a volume that cannot be mounted) is both returned
// and the container's end, with reason StartError.
func (r *Runtime) StartContainer(_ context.Context, req *cri.StartContainerRequest) (*cri.StartContainerResponse, error) {
	c, err := r.container(req.ContainerId)
	if err != nil {
		return nil, err
	}
	if err := r.track(); err != nil {
		return nil, status.Error(codes.Unavailable, err.Error())
	}
	c.startMu.Lock()
	defer c.startMu.Unlock()
	if state := c.currentState(); state != cri.ContainerState_CONTAINER_CREATED {
		r.running.Done()
		return nil, status.Errorf(codes.FailedPrecondition, "start container %s: it is %s", c.id, state)
	}
	if r.startsLast(c) {
		r.startLater(c)
	} else if err := r.start(c); err != nil {
		r.running.Done()
		r.exit(c, startFailed, "StartError", err.Error())
		return nil, status.Errorf(codes.Unknown, "start container %s: %v", c.config.Metadata.Name, err)
	}
	r.releaseOthers(c)
	r.config.OnChange(c.sandbox.uid())
	return &cri.StartContainerResponse{}, nil
}

func (r *Runtime) start(c *container) error {
	if r.sandboxState(c.sandbox) != cri.PodSandboxState_SANDBOX_READY {
		return errors.New("the sandbox is stopped")
	}
	input, err := r.containerSpec(c)
	if err != nil {
		return err
	}
	where, err := r.namespacesOf(c)
	if err != nil {
		return err
	}
	streams, err := openStdio(c.logPath, c.config.Stdin, c.config.StdinOnce, c.config.Tty)
	if err != nil {
		return err
	}
	cmd := exec.Command(r.config.Shim, spec.ModeInit)
	cmd.Env = []string{} // the shim's own; the container's is in the spec
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	ran, err := r.launch(cmd, input, streams, where)
	if err == nil {
		err = streams.childRuns()
	} else {
		streams.childStarted()
	}
	if err != nil {
		if cmd.Process != nil {
			_ = cmd.Process.Kill() // it ends by itself after a report; this covers the rest
			_ = cmd.Wait()
		}
		_ = ran.mounts.Close() // of none it is an error, which says nothing
		streams.finish()
		return err
	}
	for _, warning := range ran.warnings {
		r.warn(c.sandbox, reasonDiffers, "container "+c.config.Metadata.Name+": "+warning)
	}
	c.mu.Lock()
	c.cmd, c.io, c.started, c.state = cmd, streams, time.Now(), cri.ContainerState_CONTAINER_RUNNING
	doomed := c.doomed
	c.mu.Unlock()
	if doomed {
		c.signal(syscall.SIGKILL)
	}
	go func() {
		defer r.running.Done()
		_ = cmd.Wait() // the state says it all
		if ran.mounts != nil {
			killRest(ran.mounts)
			_ = ran.mounts.Close() // nothing was written
		}
		streams.finish()
		code := exitCode(cmd.ProcessState)
		reason := "Completed"
		if code != 0 {
			reason = "Error"
		}
		r.exit(c, code, reason, "")
	}()
	return nil
}

// exit records the end of a container.
func (r *Runtime) exit(c *container, code int32, reason, message string) {
	c.mu.Lock()
	c.state, c.finished, c.code, c.reason, c.message = cri.ContainerState_CONTAINER_EXITED, time.Now(), code, reason, message
	if c.started.IsZero() {
		c.started = c.finished
	}
	c.mu.Unlock()
	close(c.exited)
	r.config.OnChange(c.sandbox.uid())
}

// process is what runs in a container, of its image and its config.
func (r *Runtime) process(c *container) (spec.Process, error) {
	args, err := command(c.image.image, c.config.Command, c.config.Args)
	if err != nil {
		return spec.Process{}, err
	}
	security := c.config.GetLinux().GetSecurityContext()
	user := spec.User{Name: c.image.image.User, Groups: security.GetSupplementalGroups(),
		Strict: security.GetSupplementalGroupsPolicy() == cri.SupplementalGroupsPolicy_Strict}
	if name := security.GetRunAsUsername(); name != "" {
		user.Name = name
	}
	if uid := security.GetRunAsUser(); uid != nil {
		user.UID = &uid.Value
	}
	if gid := security.GetRunAsGroup(); gid != nil {
		user.GID = &gid.Value
	}
	p := spec.Process{Args: args, Env: r.environment(c), Workdir: c.image.image.Workdir, User: user, TTY: c.config.Tty,
		NoNewPrivs: security.GetNoNewPrivs(), SingleUID: r.config.Unprivileged}
	p.Capabilities, _ = capabilitiesOf(security) // a name that is none is told of when the container is made
	if c.config.WorkingDir != "" {
		p.Workdir = c.config.WorkingDir
	}
	return p, nil
}

func (r *Runtime) environment(c *container) []string {
	values, order := map[string]string{}, []string{}
	set := func(name, value string) {
		if _, ok := values[name]; !ok {
			order = append(order, name)
		}
		values[name] = value
	}
	set("PATH", images.DefaultPath)
	if c.sandbox.config.Hostname != "" {
		set("HOSTNAME", c.sandbox.config.Hostname)
	}
	if c.config.Tty {
		set("TERM", "xterm")
	}
	for _, entry := range c.image.image.Env {
		name, value, _ := strings.Cut(entry, "=")
		set(name, value)
	}
	for _, kv := range c.config.Envs {
		set(kv.Key, kv.Value)
	}
	env := make([]string, len(order))
	for i, name := range order {
		env[i] = name + "=" + values[name]
	}
	return env
}

// containerSpec is the shim's view of a container.
func (r *Runtime) containerSpec(c *container) (spec.Container, error) {
	security := c.config.GetLinux().GetSecurityContext()
	input := spec.Container{Scratch: filepath.Join(c.dir, "mount"), Rootfs: c.image.image.Root, Hostname: c.sandbox.config.Hostname, Netns: c.sandbox.netns, IPCNamespace: r.siblingIPC(c),
		Sysctls: c.sandbox.config.GetLinux().GetSysctls(), ReadonlyRoot: security.GetReadonlyRootfs(), WritableSys: security.GetPrivileged(), Process: c.process}
	if !security.GetPrivileged() {
		input.Masked, input.Readonly = security.GetMaskedPaths(), security.GetReadonlyPaths()
	}
	for _, target := range c.image.image.Targets() {
		input.Binds = append(input.Binds, spec.Bind{Source: c.image.image.Files[target], Target: target, ReadOnly: true, Recursive: true, Image: true})
	}
	hostname := filepath.Join(c.dir, "hostname")
	if err := os.WriteFile(hostname, []byte(c.sandbox.config.Hostname+"\n"), 0o644); err != nil {
		return input, fmt.Errorf("write the container's hostname: %w", err)
	}
	own := map[string]string{"/etc/hostname": hostname, "/etc/resolv.conf": filepath.Join(c.sandbox.dir, "resolv.conf")}
	mounts := append([]*cri.Mount(nil), c.config.Mounts...)
	for _, m := range mounts {
		delete(own, filepath.Clean(m.ContainerPath))
	}
	for _, target := range []string{"/etc/hostname", "/etc/resolv.conf"} {
		if source, ok := own[target]; ok {
			input.Binds = append(input.Binds, spec.Bind{Source: source, Target: target, Image: true})
		}
	}
	// What the containers of a pod share by POSIX shared memory.
	shm := filepath.Join(c.sandbox.dir, "shm")
	if c.sandbox.options().GetIpc() == cri.NamespaceMode_NODE {
		shm = "/dev/shm"
	}
	input.Binds = append(input.Binds, spec.Bind{Source: shm, Target: "/dev/shm", Image: true})
	// A mount inside another one comes after it.
	depth := func(m *cri.Mount) int { return strings.Count(filepath.Clean(m.ContainerPath), "/") }
	sort.SliceStable(mounts, func(i, j int) bool { return depth(mounts[i]) < depth(mounts[j]) })
	for _, m := range mounts {
		if _, err := os.Stat(m.HostPath); errors.Is(err, os.ErrNotExist) {
			if err := os.MkdirAll(m.HostPath, 0o755); err != nil { // as containerd does for hostPath volumes without a type
				return input, fmt.Errorf("make the volume %s: %w", m.HostPath, err)
			}
		}
		input.Binds = append(input.Binds, spec.Bind{Source: m.HostPath, Target: m.ContainerPath, ReadOnly: m.Readonly, Recursive: m.RecursiveReadOnly})
	}
	for _, d := range c.config.Devices {
		input.Binds = append(input.Binds, spec.Bind{Source: d.HostPath, Target: d.ContainerPath})
	}
	return input, nil
}
