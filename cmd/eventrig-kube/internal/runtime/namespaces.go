package runtime

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/eventrig/eventrig/cmd/eventrig-kube/internal/runtime/spec"
)

// namespaces are those that a process starts in where they are not this process's own.
type namespaces struct {
	fresh uintptr // made for it: CLONE_NEW flags
	pid   string  // path of the pid namespace that it joins; empty for none
}

// start starts a command. The caller's thread is the spawner's: it makes children for another pid namespace meanwhile.
func (n namespaces) start(cmd *exec.Cmd) error {
	cmd.SysProcAttr.Cloneflags |= n.fresh
	if n.pid == "" {
		return cmd.Start()
	}
	there, err := os.Open(n.pid)
	if err != nil {
		return fmt.Errorf("open the pid namespace to join: %w", err)
	}
	defer there.Close()
	back, err := os.Open("/proc/thread-self/ns/pid")
	if err != nil {
		return fmt.Errorf("open the node's pid namespace: %w", err)
	}
	defer back.Close()
	if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWPID); err != nil {
		return fmt.Errorf("join the pid namespace: %w", err)
	}
	err = cmd.Start()
	if backErr := unix.Setns(int(back.Fd()), unix.CLONE_NEWPID); backErr != nil {
		err = errors.Join(err, fmt.Errorf("go back to the node's pid namespace: %w", backErr))
	}
	return err
}

// namespacesOf says where a container starts, as the pod asks for it: a pid namespace of its own, the pod's, another
// container's (kubectl debug --target) or the node's; the node's System V objects or not.
func (r *Runtime) namespacesOf(c *container) (namespaces, error) {
	options := c.sandbox.options()
	where := namespaces{fresh: syscall.CLONE_NEWNS | syscall.CLONE_NEWUTS}
	if options.GetIpc() != cri.NamespaceMode_NODE {
		where.fresh |= syscall.CLONE_NEWIPC
	}
	own := c.config.GetLinux().GetSecurityContext().GetNamespaceOptions()
	switch {
	case own.GetPid() == cri.NamespaceMode_TARGET:
		target, err := r.container(own.GetTargetId())
		if err != nil {
			return where, fmt.Errorf("share the processes of another container: %w", err)
		}
		pid := target.pid()
		if pid == 0 {
			return where, fmt.Errorf("share the processes of container %s: it does not run", target.config.Metadata.Name)
		}
		where.pid = namespacePath(pid, "pid")
	case options.GetPid() == cri.NamespaceMode_POD && c.sandbox.pause != nil:
		where.pid = namespacePath(c.sandbox.pause.Process.Pid, "pid")
	case options.GetPid() != cri.NamespaceMode_NODE:
		where.fresh |= syscall.CLONE_NEWPID
	}
	return where, nil
}

func namespacePath(pid int, name string) string { return fmt.Sprintf("/proc/%d/ns/%s", pid, name) }

// siblingIPC is the path of the namespace that holds the pod's System V objects: that of any container which runs. Each has
// one of its own as long as it is alone.
func (r *Runtime) siblingIPC(c *container) string {
	if c.sandbox.options().GetIpc() == cri.NamespaceMode_NODE {
		return ""
	}
	for _, other := range r.containersOf(c.sandbox.id) {
		if pid := other.pid(); other != c && pid != 0 {
			return namespacePath(pid, "ipc")
		}
	}
	return ""
}

// startPause starts the process that holds a pid namespace for all containers of a pod, and reaps what they leave in it.
func (r *Runtime) startPause(s *sandbox) error {
	if s.options().GetPid() != cri.NamespaceMode_POD {
		return nil
	}
	if err := r.track(); err != nil {
		return err
	}
	cmd := exec.Command(r.config.Shim, spec.ModePause)
	cmd.Env, cmd.Dir = []string{}, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if _, err := r.launch(cmd, spec.Pause{}, nil, namespaces{fresh: syscall.CLONE_NEWPID}); err != nil {
		if cmd.Process != nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
		r.running.Done()
		return fmt.Errorf("start the process that holds the pod's pid namespace: %w", err)
	}
	s.pause, s.pauseEnded = cmd, make(chan struct{})
	go func() {
		defer r.running.Done()
		_ = cmd.Wait()
		close(s.pauseEnded)
	}()
	return nil
}

// stopPause ends every process of a shared pid namespace.
func (s *sandbox) stopPause() {
	if s.pause != nil {
		_ = s.pause.Process.Kill()
		<-s.pauseEnded
	}
}

// killRest kills what a container has left in a pid namespace that it does not own. Each container has a mount namespace of
// its own, by which its processes are known; it is held open, so that no other has its number yet.
func killRest(mounts *os.File) {
	own, err := mounts.Stat()
	for more := err == nil; more; {
		more = false
		links, _ := filepath.Glob("/proc/[0-9]*/ns/mnt")
		for _, link := range links {
			if there, err := os.Stat(link); err != nil || !os.SameFile(own, there) {
				continue
			}
			var pid int
			if _, err := fmt.Sscanf(link, "/proc/%d/", &pid); err == nil && unix.Kill(pid, unix.SIGKILL) == nil {
				more = true // it may have made another one meanwhile
			}
		}
	}
}
