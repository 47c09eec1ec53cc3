package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/eventrig/eventrig/cmd/eventrig-kube/internal/runtime/spec"
)

// join runs a command in the namespaces of a container and returns its exit status. This process stays outside of the
// container's pid namespace, as the parent that waits. The command dies with the container; SIGTERM to this process means
// that the caller is gone and kills it, other signals are passed on.
func join(input *json.Decoder, warn func(string)) (int, error) {
	var e spec.Exec
	if err := input.Decode(&e); err != nil {
		return 0, fmt.Errorf("read the command's spec: %w", err)
	}
	if err := enter(e.Pid); err != nil {
		return 0, err
	}
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT, unix.SIGUSR1, unix.SIGUSR2)
	p := e.Process
	id, err := resolveUser(p.User)
	if err != nil {
		return 0, err
	}
	env := withHome(p.Env, id.home)
	path, err := lookPath(p.Args[0], env)
	if err != nil {
		return 0, err
	}
	if p.Workdir == "" {
		p.Workdir = "/"
	}
	if p.TTY {
		if _, err := takeTerminal(); err != nil {
			return 0, err
		}
	}
	ownStdio(id)
	if err := limitCapabilities(p.Capabilities); err != nil {
		return 0, err
	}
	// This process becomes the user first, for the reason it can give when that fails; the command inherits it.
	if err := id.assume(p.SingleUID, warn); err != nil {
		return 0, err
	}
	if err := unix.Chdir(p.Workdir); err != nil {
		return 0, fmt.Errorf("enter the working folder %s: %w", p.Workdir, err)
	}
	if p.NoNewPrivs {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return 0, fmt.Errorf("set no_new_privs: %w", err)
		}
	}
	unix.Umask(0o022)
	// No death signal: Go compares the parent's pid, which is 0 seen from another pid namespace, and would kill the command.
	pid, err := syscall.ForkExec(path, p.Args, &syscall.ProcAttr{Env: env, Files: []uintptr{0, 1, 2},
		Sys: &syscall.SysProcAttr{Setsid: true, Setctty: p.TTY, Ctty: 0}})
	if err != nil {
		return 0, fmt.Errorf("exec: %q: %w", path, err)
	}
	unix.Close(spec.ReportFD) // the command runs
	for fd := 0; fd <= 2; fd++ {
		unix.Close(fd) // the other ends see the end of file when the command closes its own
	}
	go func() {
		for s := range signals {
			if s == unix.SIGTERM {
				_ = syscall.Kill(-pid, syscall.SIGKILL) // what it started in its session's first group
				s = unix.SIGKILL
			}
			_ = syscall.Kill(pid, s.(syscall.Signal))
		}
	}()
	for {
		var status syscall.WaitStatus
		_, err := syscall.Wait4(pid, &status, 0, nil)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return 0, fmt.Errorf("wait for the command: %w", err)
		case status.Signaled():
			return 128 + int(status.Signal()), nil
		default:
			return status.ExitStatus(), nil
		}
	}
}

func enter(pid int) error {
	// The mount namespace comes last: the others are looked up in the node's /proc.
	namespaces := []struct {
		name string
		flag int
	}{{"net", unix.CLONE_NEWNET}, {"ipc", unix.CLONE_NEWIPC}, {"uts", unix.CLONE_NEWUTS}, {"pid", unix.CLONE_NEWPID}, {"mnt", unix.CLONE_NEWNS}}
	fds := make([]int, len(namespaces))
	for i, ns := range namespaces {
		fd, err := unix.Open(fmt.Sprintf("/proc/%d/ns/%s", pid, ns.name), unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("open the container's %s namespace: %w", ns.name, err)
		}
		fds[i] = fd
	}
	// setns of the mount namespace refuses a thread that shares its root and working folder with others.
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return fmt.Errorf("unshare the thread's root and working folder: %w", err)
	}
	for i, ns := range namespaces {
		if err := unix.Setns(fds[i], ns.flag); err != nil {
			return fmt.Errorf("enter the container's %s namespace: %w", ns.name, err)
		}
		unix.Close(fds[i])
	}
	return nil
}
