package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/logfile"
	"github.com/eventrig/eventrig/internal/sandbox/protocol"
)

// Start makes a sandbox and returns when processes can be run in it. ctx bounds the start only. Where the system refuses namespaces the
// error is a failure.Environment whose hint names the ways out.
func Start(ctx context.Context, c Config) (*Sandbox, error) {
	supervisor, err := filepath.Abs(c.Supervisor)
	if err != nil {
		return nil, fmt.Errorf("start sandbox: %w", err)
	}
	if info, err := os.Stat(supervisor); err != nil || info.IsDir() {
		return nil, failure.New(failure.Environment, "build it with `make build`, or set $EVENTRIG_BIN to the folder that holds it",
			"start sandbox: find supervisor program %q: %w", c.Supervisor, errors.Join(err, exec.ErrNotFound))
	}
	if c, err = c.absolute(); err != nil {
		return nil, fmt.Errorf("start sandbox: %w", err)
	}
	conn, theirs, err := socketPair()
	if err != nil {
		return nil, fmt.Errorf("start sandbox: %w", err)
	}
	defer theirs.Close()
	output, err := logfile.Open(c.Log)
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("start sandbox: %w", err)
	}
	defer output.Close()

	s := newSandbox(conn)
	s.log = c.Log
	s.ownUsers = !canMakeNamespaces()
	s.unprivileged = s.ownUsers || countMapped("/proc/self/uid_map") < allIDs
	s.command = &exec.Cmd{
		Path: supervisor, Args: []string{supervisor}, Env: []string{}, Dir: "/",
		Stdout: output, Stderr: output, ExtraFiles: []*os.File{theirs},
		SysProcAttr: &syscall.SysProcAttr{
			Setsid:     true, // an interrupt at the terminal is for the caller, who then closes the sandbox
			Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC,
		},
	}
	if s.ownUsers {
		s.command.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
		s.command.Env = []string{protocol.AwaitMaps + "=1"}
	}
	if err := s.command.Start(); err != nil {
		_ = conn.Close()
		return nil, startFailed(err, "start its first process", s.unprivileged, readSystem)
	}
	go s.attend()
	if err := s.initialise(ctx, c); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// absolute resolves the paths of a Config against the caller's working folder; the supervisor's is /.
func (c Config) absolute() (Config, error) {
	tmpfs := make([]string, 0, len(c.Tmpfs))
	for _, dir := range c.Tmpfs {
		resolved, err := filepath.Abs(dir)
		if err != nil {
			return c, err
		}
		tmpfs = append(tmpfs, resolved)
	}
	c.Tmpfs = tmpfs
	if c.Dir == "" {
		return c, nil
	}
	var err error
	c.Dir, err = filepath.Abs(c.Dir)
	return c, err
}

// initialise maps the user namespace, has the supervisor set everything up and waits for its answer.
func (s *Sandbox) initialise(ctx context.Context, c Config) error {
	var err error
	if s.mappedIDs, err = s.mapIDs(ctx); err != nil {
		return startFailed(err, "map user ids", s.unprivileged, readSystem)
	}
	_, err = s.ask(ctx, protocol.Request{Op: protocol.OpInit, Init: &protocol.Init{
		Dir: c.Dir, Hostname: Hostname, Tmpfs: c.Tmpfs, Addresses: c.Addresses,
	}})
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrClosed):
		<-s.done
		return startFailed(s.exitErr, "set it up", s.unprivileged, readSystem)
	default:
		return startFailed(err, "set it up", s.unprivileged, readSystem)
	}
}

// mapIDs fills the maps of the sandbox's user namespace, if it has one, and returns how many ids exist inside.
func (s *Sandbox) mapIDs(ctx context.Context) (int, error) {
	if !s.ownUsers {
		return countMapped("/proc/self/uid_map"), nil
	}
	return writeMaps(ctx, s.command.Process.Pid)
}

// socketPair returns the client's end and the supervisor's. Both are close-on-exec; exec.Cmd gives the second to the supervisor alone.
func socketPair() (*net.UnixConn, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make control socket: %w", err)
	}
	for _, fd := range fds {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 1<<20) // a process with a long environment is one packet
	}
	theirs := os.NewFile(uintptr(fds[1]), "supervisor's control socket")
	ours := os.NewFile(uintptr(fds[0]), "control socket")
	defer ours.Close()
	conn, err := net.FileConn(ours)
	if err != nil {
		_ = theirs.Close()
		return nil, nil, fmt.Errorf("open control socket: %w", err)
	}
	socket, ok := conn.(*net.UnixConn)
	if !ok {
		_ = theirs.Close()
		return nil, nil, fmt.Errorf("open control socket: it is a %T", conn)
	}
	return socket, theirs, nil
}
