package supervisor

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/eventrig/eventrig/internal/logfile"
	"github.com/eventrig/eventrig/internal/sandbox/protocol"
)

// children starts processes and reaps them, and the orphans that the kernel hands to pid 1. os/exec is not used: its Wait and a
// reaper of everything take each other's children.
type children struct {
	exited func(protocol.Exit)

	mu    sync.Mutex // held while forking, so that no child is reaped before it is known, and while signalling
	byPid map[int]uint64
	byID  map[uint64]int
}

func newChildren(exited func(protocol.Exit)) *children {
	c := &children{exited: exited, byPid: map[int]uint64{}, byID: map[uint64]int{}}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGCHLD)
	go func() {
		for range signals {
			c.reap()
		}
	}()
	return c
}

func (c *children) start(id uint64, run protocol.Run) (int, error) {
	output, err := logfile.Open(run.Log)
	if err != nil {
		return 0, fmt.Errorf("start %s: %w", run.Name, err)
	}
	defer output.Close()
	input, err := os.Open(os.DevNull)
	if err != nil {
		return 0, fmt.Errorf("start %s: %w", run.Name, err)
	}
	defer input.Close()
	if run.Root == "" && run.Dir != "" {
		// execve would blame the program for a missing folder.
		if _, err := os.Stat(run.Dir); err != nil {
			return 0, fmt.Errorf("start %s: working folder: %w", run.Name, err)
		}
	}
	dir := run.Dir
	if dir == "" {
		dir = "/"
	}
	attributes := &syscall.ProcAttr{
		Dir: dir, Env: run.Env,
		Files: []uintptr{input.Fd(), output.Fd(), output.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true, Chroot: run.Root},
	}
	if run.Root != "" && len(run.Binds) > 0 {
		return c.startInRoot(id, run, attributes)
	}
	path, err := findProgram(run)
	if err != nil {
		return 0, fmt.Errorf("start %s: %w", run.Name, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	pid, err := syscall.ForkExec(path, append([]string{run.Path}, run.Args...), attributes)
	if err != nil {
		return 0, fmt.Errorf("start %s: execute %s: %w", run.Name, path, err)
	}
	c.byPid[pid], c.byID[id] = id, pid
	return pid, nil
}

// startInRoot starts a process with a root file system and folders of the sandbox in it. One that cannot be is also reported as an exit,
// which the client does not wait for then.
func (c *children) startInRoot(id uint64, run protocol.Run, attributes *syscall.ProcAttr) (int, error) {
	c.mu.Lock()
	pid, reader, err := startInRoot(run, attributes)
	if err == nil {
		c.byPid[pid], c.byID[id] = id, pid
	}
	c.mu.Unlock()
	if err == nil {
		err = awaitRoot(reader)
	}
	if err != nil {
		return 0, fmt.Errorf("start %s: %w", run.Name, err)
	}
	return pid, nil
}

// signal reaches the process only, as kill does; SIGKILL also reaches its process group, because a wrapper script cannot pass it on.
func (c *children) signal(id uint64, number syscall.Signal) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	pid, running := c.byID[id]
	if !running {
		return os.ErrProcessDone
	}
	if number == syscall.SIGKILL {
		_ = syscall.Kill(-pid, number)
	}
	if err := syscall.Kill(pid, number); err != nil {
		return fmt.Errorf("send %s: %w", unix.SignalName(number), err)
	}
	return nil
}

func (c *children) reap() {
	for {
		c.mu.Lock()
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if errors.Is(err, syscall.EINTR) {
			c.mu.Unlock()
			continue
		}
		if err != nil || pid <= 0 {
			c.mu.Unlock()
			return
		}
		id, known := c.byPid[pid]
		delete(c.byPid, pid)
		delete(c.byID, id)
		c.mu.Unlock()
		if !known {
			continue
		}
		exit := protocol.Exit{Target: id, Status: status.ExitStatus()}
		if status.Signaled() {
			exit.Signal = int(status.Signal())
		}
		c.exited(exit)
	}
}

// findProgram resolves a bare name in the process's own PATH, below its own root.
func findProgram(run protocol.Run) (string, error) {
	if strings.Contains(run.Path, "/") {
		return run.Path, nil
	}
	search := ""
	for _, variable := range run.Env {
		if value, found := strings.CutPrefix(variable, "PATH="); found {
			search = value
		}
	}
	for _, dir := range filepath.SplitList(search) {
		candidate := filepath.Join("/", dir, run.Path)
		info, err := os.Stat(filepath.Join(run.Root, candidate))
		if err == nil && !info.IsDir() && info.Mode()&0o111 != 0 {
			return candidate, nil
		}
	}
	return "", fmt.Errorf("find %q in PATH %q: %w", run.Path, search, syscall.ENOENT)
}
