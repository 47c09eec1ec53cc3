// Package sandbox runs processes in namespaces of their own (mount, pid, network, UTS, IPC, and user when the caller is not root), so
// that everything a rig starts is found in one place and goes with it, also after SIGKILL. In: the folders that get a tmpfs, the
// addresses of the inner network, and the processes to run. Out: their exits, and connections and listeners of the inner network as
// ordinary net.Conn and net.Listener.
//
// The first process inside is the supervisor (cmd/eventrig-sandbox). It ends, and the kernel ends all others with it, as soon as its
// control socket closes: at Close, or when the process that called Start dies in any way.
package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/eventrig/eventrig/internal/sandbox/protocol"
)

// Hostname is the name of every sandbox's own host.
const Hostname = "eventrig"

// closeTimeout bounds the end of everything inside; a process that is stuck in the kernel outlasts any signal.
const closeTimeout = 15 * time.Second

// ErrClosed is what a sandbox that has ended answers.
var ErrClosed = errors.New("the sandbox has ended")

// Config says what a sandbox is made of.
type Config struct {
	Dir        string   // the rig's folder on the host
	Supervisor string   // path of the eventrig-sandbox program
	Log        string   // file that the supervisor's own messages are appended to; empty discards them
	Tmpfs      []string // folders that get a tmpfs inside; the host keeps empty ones
	Addresses  []string // addresses in CIDR notation that lo gets; the first is the address of the sandbox's host name
}

// Process is a program to run inside. It sees the host's file system, apart from the sandbox's tmpfs mounts.
type Process struct {
	Name string   // what errors call it
	Path string   // program; a name without a slash is searched in PATH of Env
	Args []string // arguments after the program name
	Env  []string // the whole environment
	Dir  string   // working folder; / when empty
	Log  string   // file that stdout and stderr are appended to; empty discards them
	Root string   // root folder (chroot), optional; Path and Dir are then paths in it

	// Binds are folders and files of the sandbox that the process finds in Root too, under the same paths. With any, Root is shown
	// read-only, with the sandbox's /proc, /sys and /dev and a /tmp that goes with the process; only Binds can be written.
	Binds []string
}

// ProcessInfo is one process inside, for diagnostics.
type ProcessInfo = protocol.ProcessInfo

// Sandbox is a running sandbox. Its methods may be called from several goroutines.
type Sandbox struct {
	conn         *net.UnixConn
	ownUsers     bool // it has a user namespace of its own
	unprivileged bool
	mappedIDs    int
	log          string
	command      *exec.Cmd

	done    chan struct{} // closed when the supervisor, and with it everything inside, has ended
	exitErr error         // why; valid after done

	mu       sync.Mutex
	lastID   uint64
	lost     bool // the control socket has ended: nothing will be answered any more
	pending  map[uint64]chan answer
	children map[uint64]*Child
	forwards map[*forward]struct{}
	closing  bool
}

// answer is a reply with the file descriptor that came with it, or -1.
type answer struct {
	reply protocol.Reply
	fd    int
}

func newSandbox(conn *net.UnixConn) *Sandbox {
	return &Sandbox{conn: conn, done: make(chan struct{}), pending: map[uint64]chan answer{},
		children: map[uint64]*Child{}, forwards: map[*forward]struct{}{}}
}

// Done is closed when the sandbox has ended with everything inside.
func (s *Sandbox) Done() <-chan struct{} { return s.done }

// Unprivileged tells whether the sandbox's root is root of a user namespace only: one of its own, or, where the caller itself is such a
// root (in a rootless container), the caller's.
func (s *Sandbox) Unprivileged() bool { return s.unprivileged }

// MappedIDs returns how many user and group ids exist inside: all of them for root, 65537 or so with subordinate ids, and 1 where the
// caller has none, in which case nothing inside can run as another user.
func (s *Sandbox) MappedIDs() int { return s.mappedIDs }

// PSS samples the memory of everything inside, with shared pages counted once.
func (s *Sandbox) PSS() (int64, error) {
	reply, err := s.sample()
	return reply.PSS, err
}

// PeakPSS takes a sample and returns the highest of all samples so far.
func (s *Sandbox) PeakPSS() (int64, error) {
	reply, err := s.sample()
	return reply.Peak, err
}

func (s *Sandbox) sample() (protocol.Reply, error) {
	result, err := s.ask(context.Background(), protocol.Request{Op: protocol.OpPSS})
	if err != nil {
		return protocol.Reply{}, fmt.Errorf("sample memory of sandbox: %w", err)
	}
	return result.reply, nil
}

// Processes lists everything that runs inside, pods included, with the pids that the sandbox knows them by.
func (s *Sandbox) Processes() ([]ProcessInfo, error) {
	result, err := s.ask(context.Background(), protocol.Request{Op: protocol.OpProcesses})
	if err != nil {
		return nil, fmt.Errorf("list processes of sandbox: %w", err)
	}
	return result.reply.Processes, nil
}

// Close ends everything inside and returns when it is gone. It may be called again.
func (s *Sandbox) Close() error {
	s.mu.Lock()
	s.closing = true
	forwards := make([]*forward, 0, len(s.forwards))
	for f := range s.forwards {
		forwards = append(forwards, f)
	}
	s.mu.Unlock()
	for _, f := range forwards {
		f.close()
	}
	_ = s.conn.Close()
	timer := time.NewTimer(closeTimeout)
	defer timer.Stop()
	select {
	case <-s.done:
		return nil
	case <-timer.C:
	}
	_ = s.command.Process.Kill()
	timer.Reset(closeTimeout)
	select {
	case <-s.done:
		return nil
	case <-timer.C:
		return fmt.Errorf("end sandbox: supervisor (pid %d) is still there after SIGKILL: a process inside is stuck in the kernel", s.command.Process.Pid)
	}
}

// attend waits for the supervisor's end and reads its messages.
func (s *Sandbox) attend() {
	read := make(chan struct{})
	go func() {
		defer close(read)
		s.receive()
	}()
	err := s.command.Wait()
	_ = s.conn.Close()
	<-read
	s.mu.Lock()
	switch {
	case s.closing:
		s.exitErr = ErrClosed
	case err != nil:
		s.exitErr = fmt.Errorf("%w unexpectedly: supervisor: %w%s", ErrClosed, err, logHint(s.log))
	default:
		s.exitErr = fmt.Errorf("%w unexpectedly%s", ErrClosed, logHint(s.log))
	}
	children := s.children
	s.children = map[uint64]*Child{}
	s.mu.Unlock()
	close(s.done)
	for _, child := range children {
		child.finish(fmt.Errorf("%s: %w", child.name, s.exitErr))
	}
}

func logHint(log string) string {
	if log == "" {
		return ""
	}
	return "; see " + log
}

// receive hands each reply to who asked for it, until the socket ends.
func (s *Sandbox) receive() {
	receiver := protocol.NewReceiver(s.conn)
	for {
		var reply protocol.Reply
		fds, err := receiver.Receive(&reply)
		if err != nil {
			break
		}
		if reply.Exit != nil {
			protocol.CloseAll(fds)
			s.childExited(*reply.Exit)
			continue
		}
		s.mu.Lock()
		waiting := s.pending[reply.ID]
		delete(s.pending, reply.ID)
		s.mu.Unlock()
		result := answer{reply: reply, fd: -1}
		if len(fds) == 1 && waiting != nil {
			result.fd = fds[0]
		} else {
			protocol.CloseAll(fds) // the caller has given up
		}
		if waiting != nil {
			waiting <- result
		}
	}
	s.mu.Lock()
	s.lost = true
	pending := s.pending
	s.pending = map[uint64]chan answer{}
	s.mu.Unlock()
	for _, waiting := range pending {
		close(waiting)
	}
}

// ask sends a request and waits for its answer. The error is that of the supervisor, or of ctx, or ErrClosed.
func (s *Sandbox) ask(ctx context.Context, request protocol.Request) (answer, error) {
	if err := ctx.Err(); err != nil {
		return answer{}, err
	}
	waiting := make(chan answer, 1)
	s.mu.Lock()
	if s.lost || s.closing {
		s.mu.Unlock()
		return answer{}, ErrClosed
	}
	if request.ID == 0 {
		s.lastID++
		request.ID = s.lastID
	}
	s.pending[request.ID] = waiting
	s.mu.Unlock()
	if err := protocol.Send(s.conn, request, -1); err != nil {
		s.mu.Lock()
		delete(s.pending, request.ID)
		s.mu.Unlock()
		if errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) {
			return answer{}, ErrClosed
		}
		return answer{}, err
	}
	select {
	case result, ok := <-waiting:
		return settle(result, ok)
	case <-ctx.Done():
	}
	s.mu.Lock()
	_, open := s.pending[request.ID]
	delete(s.pending, request.ID)
	s.mu.Unlock()
	if open {
		if request.Op == protocol.OpDial {
			_ = protocol.Send(s.conn, protocol.Request{Op: protocol.OpCancel, Target: request.ID}, -1)
		}
		return answer{}, ctx.Err()
	}
	// The answer won the race: it is in the channel, or about to be.
	result, ok := <-waiting
	return settle(result, ok)
}

func settle(result answer, ok bool) (answer, error) {
	if !ok {
		return answer{}, ErrClosed
	}
	return result, result.reply.Err()
}

// reserveID returns the id of a request whose events may arrive before its reply.
func (s *Sandbox) reserveID() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastID++
	return s.lastID
}

// file wraps the file descriptor of an answer.
func (a answer) file(name string) (*os.File, error) {
	if a.fd < 0 {
		return nil, errors.New("the supervisor's answer holds no socket")
	}
	return os.NewFile(uintptr(a.fd), name), nil
}
