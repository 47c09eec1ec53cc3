package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/eventrig/eventrig/internal/sandbox/protocol"
)

// Child is a process that Run started.
type Child struct {
	sandbox *Sandbox
	id      uint64
	name    string
	pid     int
	done    chan struct{}
	err     error
}

// ExitError is how a process ended that did not end well.
type ExitError struct {
	Name   string
	Status int            // exit status, when it was not signalled
	Signal syscall.Signal // the signal that ended it, or 0
}

// Error names the process and its exit status or signal.
func (e *ExitError) Error() string {
	if e.Signal != 0 {
		return fmt.Sprintf("%s was ended by signal %d (%s)", e.Name, int(e.Signal), e.Signal)
	}
	return fmt.Sprintf("%s ended with exit status %d", e.Name, e.Status)
}

// ExitCode is the exit status as a shell has it: 128 and the signal for a process that a signal ended.
func (e *ExitError) ExitCode() int {
	if e.Signal != 0 {
		return 128 + int(e.Signal)
	}
	return e.Status
}

// Run starts a process. ctx bounds the start only: the process runs until it ends, is signalled, or the sandbox ends.
func (s *Sandbox) Run(ctx context.Context, p Process) (*Child, error) {
	if p.Name == "" {
		p.Name = p.Path
	}
	if p.Log != "" {
		log, err := filepath.Abs(p.Log) // the supervisor's working folder is /
		if err != nil {
			return nil, fmt.Errorf("run %s in sandbox: %w", p.Name, err)
		}
		p.Log = log
	}
	child := &Child{sandbox: s, id: s.reserveID(), name: p.Name, done: make(chan struct{})}
	s.mu.Lock()
	s.children[child.id] = child // before the request: the exit may be reported ahead of the reply
	s.mu.Unlock()
	result, err := s.ask(ctx, protocol.Request{ID: child.id, Op: protocol.OpRun, Run: &protocol.Run{
		Name: p.Name, Path: p.Path, Args: p.Args, Env: p.Env, Dir: p.Dir, Log: p.Log, Root: p.Root, Binds: p.Binds,
	}})
	if err != nil {
		s.mu.Lock()
		delete(s.children, child.id)
		s.mu.Unlock()
		if ctx.Err() != nil {
			// It may have been started all the same; nobody will ever hold it.
			go func() { _ = child.Signal(syscall.SIGKILL) }()
		}
		return nil, fmt.Errorf("run %s in sandbox: %w", p.Name, err)
	}
	child.pid = result.reply.Pid
	return child, nil
}

// Done is closed when the process has ended.
func (c *Child) Done() <-chan struct{} { return c.done }

// Err returns nil while the process runs and when it ended with status 0, else an *ExitError, or ErrClosed (wrapped) when it went
// with the sandbox.
func (c *Child) Err() error {
	select {
	case <-c.done:
		return c.err
	default:
		return nil
	}
}

// Pid returns the pid that the sandbox knows the process by.
func (c *Child) Pid() int { return c.pid }

// Signal sends a signal to the process; SIGKILL goes to its process group as well, so that a wrapper script does not leave its program
// behind. The error is os.ErrProcessDone when it has ended.
func (c *Child) Signal(signal syscall.Signal) error {
	select {
	case <-c.done:
		return os.ErrProcessDone
	default:
	}
	_, err := c.sandbox.ask(context.Background(), protocol.Request{Op: protocol.OpSignal, Target: c.id, Signal: int(signal)})
	if err == nil {
		return nil
	}
	var refused *protocol.Error
	if errors.Is(err, ErrClosed) || errors.As(err, &refused) && (refused.Errno == syscall.ESRCH || refused.Message == os.ErrProcessDone.Error()) {
		return os.ErrProcessDone
	}
	return fmt.Errorf("signal %s: %w", c.name, err)
}

func (c *Child) finish(err error) {
	c.err = err
	close(c.done)
}

func (s *Sandbox) childExited(exit protocol.Exit) {
	s.mu.Lock()
	child := s.children[exit.Target]
	delete(s.children, exit.Target)
	s.mu.Unlock()
	if child == nil {
		return
	}
	if exit.Status == 0 && exit.Signal == 0 {
		child.finish(nil)
		return
	}
	child.finish(&ExitError{Name: child.name, Status: exit.Status, Signal: syscall.Signal(exit.Signal)})
}
