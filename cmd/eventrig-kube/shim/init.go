package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/eventrig/eventrig/cmd/eventrig-kube/internal/runtime/spec"
)

// become turns this process into the container. It returns only with an error.
func become(input *json.Decoder, warn func(string)) error {
	var c spec.Container
	if err := input.Decode(&c); err != nil {
		return fmt.Errorf("read the container's spec: %w", err)
	}
	unix.Umask(0)
	if c.Netns != "" {
		if err := enterNetns(c.Netns); err != nil {
			return err
		}
	}
	if c.IPCNamespace != "" {
		joinIPC(c.IPCNamespace)
	}
	setSysctls(c, warn)
	if c.Hostname != "" {
		if err := unix.Sethostname([]byte(c.Hostname)); err != nil {
			return fmt.Errorf("set the hostname: %w", err)
		}
	}
	if err := buildRoot(&c, warn); err != nil {
		return err
	}
	if err := hide(c.Masked, c.Readonly); err != nil {
		return err
	}
	if c.Process.TTY {
		if err := ownTerminal(warn); err != nil {
			return err
		}
	}
	if c.ReadonlyRoot {
		if err := makeReadonly("/", false); err != nil {
			return fmt.Errorf("make the root file system read-only: %w", err)
		}
	}
	return execute(c.Process, warn)
}

func enterNetns(path string) error {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open the pod's network namespace %s: %w", path, err)
	}
	defer unix.Close(fd)
	if err := unix.Setns(fd, unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter the pod's network namespace %s: %w", path, err)
	}
	return nil
}

// setSysctls runs while /proc is still the node's: its net folder shows the namespace of the reader.
func setSysctls(c spec.Container, warn func(string)) {
	if c.Netns != "" {
		// containerd lets every user of a pod bind low ports; images rely on it. Older kernels do not have the file.
		_ = os.WriteFile("/proc/sys/net/ipv4/ip_unprivileged_port_start", []byte("0"), 0)
	}
	for name, value := range c.Sysctls {
		if strings.HasPrefix(name, "net.") && c.Netns == "" {
			warn(fmt.Sprintf("sysctl %s is left alone: the pod is on the node's network", name))
			continue
		}
		if err := os.WriteFile("/proc/sys/"+strings.ReplaceAll(name, ".", "/"), []byte(value), 0); err != nil {
			warn(fmt.Sprintf("sysctl %s cannot be set: %v", name, err))
		}
	}
}

// execute is the last step of a container: identity, working folder, execve.
func execute(p spec.Process, warn func(string)) error {
	id, err := resolveUser(p.User)
	if err != nil {
		return err
	}
	env := withHome(p.Env, id.home)
	if p.Workdir == "" {
		p.Workdir = "/"
	}
	if err := os.MkdirAll(p.Workdir, 0o755); err != nil {
		return fmt.Errorf("make the working folder %s: %w", p.Workdir, err)
	}
	ownStdio(id)
	if err := limitCapabilities(p.Capabilities); err != nil {
		return err
	}
	if err := id.assume(p.SingleUID, warn); err != nil {
		return err
	}
	// Only now: a user without rights on the folder has to fail here as under any runtime.
	if err := unix.Chdir(p.Workdir); err != nil {
		return fmt.Errorf("enter the working folder %s: %w", p.Workdir, err)
	}
	path, err := lookPath(p.Args[0], env)
	if err != nil {
		return err
	}
	if p.NoNewPrivs {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("set no_new_privs: %w", err)
		}
	}
	// After the change of user, which clears it.
	if err := tieToNode(); err != nil {
		return err
	}
	unix.Umask(0o022)
	if err := syscall.Exec(path, p.Args, env); err != nil {
		return fmt.Errorf("exec: %q: %w", path, err)
	}
	return nil
}

// tieToNode has the kernel kill this process when the node ends. The runtime starts containers on one thread that lives as
// long as the node does; the control pipe closes the gap in which that thread may have gone already.
func tieToNode() error {
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return fmt.Errorf("tie the container to the node: %w", err)
	}
	control := []unix.PollFd{{Fd: spec.ControlFD, Events: unix.POLLIN}}
	if n, _ := unix.Poll(control, 0); n > 0 {
		return errors.New("start the container: the node process is gone")
	}
	return nil
}

// joinIPC enters the namespace of another container of the pod. When that one has ended meanwhile there is nothing to share,
// and the namespace of this one is as good.
func joinIPC(path string) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	_ = unix.Setns(fd, unix.CLONE_NEWIPC)
}

// ownStdio gives the pipes or the terminal to the user, so that /dev/stdout can be opened.
func ownStdio(id identity) {
	if id.uid == 0 {
		return
	}
	for fd := 0; fd <= 2; fd++ {
		var st unix.Stat_t
		if unix.Fstat(fd, &st) != nil || st.Rdev == unix.Mkdev(1, 3) {
			continue
		}
		_ = unix.Fchown(fd, id.uid, -1) // refused where the uid is not mapped: the warning about the uid says so
	}
}

// lookPath is execvp's search in the PATH of the container and not of this process.
func lookPath(name string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		if err := executable(name); err != nil {
			return "", fmt.Errorf("exec: %q: %w", name, err)
		}
		return name, nil
	}
	var denied error
	for _, dir := range filepath.SplitList(getenv(env, "PATH")) {
		if dir == "" {
			dir = "."
		}
		path := filepath.Join(dir, name)
		err := executable(path)
		if err == nil {
			return path, nil
		}
		if !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENOTDIR) {
			denied = fmt.Errorf("exec: %q: %w", path, err)
		}
	}
	if denied != nil {
		return "", denied
	}
	return "", fmt.Errorf("exec: %q: executable file not found in $PATH", name)
}

func executable(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		var inner *os.PathError
		if errors.As(err, &inner) {
			return inner.Err
		}
		return err
	}
	if info.IsDir() {
		return unix.EISDIR
	}
	return unix.Access(path, unix.X_OK)
}

func getenv(env []string, name string) string {
	value := ""
	for _, entry := range env {
		if v, ok := strings.CutPrefix(entry, name+"="); ok {
			value = v
		}
	}
	return value
}

func withHome(env []string, home string) []string {
	if getenv(env, "HOME") != "" {
		return env
	}
	return append(append([]string(nil), env...), "HOME="+home)
}
