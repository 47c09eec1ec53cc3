// Package protocol is what a sandbox's client and its supervisor say to each other over one SOCK_SEQPACKET socket pair: a packet is one
// JSON message, with at most one file descriptor attached. In: a Request or Reply and a connection. Out: packets. Requests carry
// an id and are answered in any order; id 0 marks an event that nobody asked for.
package protocol

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
)

// The operations of a Request.
const (
	OpInit      = "init"      // make the sandbox's mounts, addresses and routes; always first
	OpRun       = "run"       // start a process; its exit is reported by an event
	OpSignal    = "signal"    // signal a process that was started by OpRun
	OpDial      = "dial"      // connect inside; the reply carries the connection
	OpListen    = "listen"    // listen inside; the reply carries the listener
	OpPSS       = "pss"       // sample the memory of everything inside
	OpProcesses = "processes" // list everything inside
	OpCancel    = "cancel"    // give up the dial with the id in Target; has no reply
)

// ControlFD is the file descriptor that the supervisor finds its end of the socket pair at.
const ControlFD = 3

// AwaitMaps is the environment variable that tells the supervisor that it was started in a user namespace without maps, which will be
// there when the first request is.
const AwaitMaps = "EVENTRIG_SANDBOX_AWAIT_MAPS"

// EnterRoot is the first argument of the supervisor's program where it is to put a root file system together and become a process in it.
const EnterRoot = "enter-root"

// maxPacket bounds one message; a longer one is refused by the sender's socket buffer long before.
const maxPacket = 1 << 20

// Init is what the supervisor needs to make a sandbox.
type Init struct {
	Dir       string   `json:"dir,omitempty"`
	Hostname  string   `json:"hostname,omitempty"`
	Tmpfs     []string `json:"tmpfs,omitempty"`
	Addresses []string `json:"addresses,omitempty"`
}

// Run is a process to start.
type Run struct {
	Name string   `json:"name"`
	Path string   `json:"path"`
	Args []string `json:"args,omitempty"`
	Env  []string `json:"env,omitempty"`
	Dir  string   `json:"dir,omitempty"`
	Log  string   `json:"log,omitempty"`
	Root string   `json:"root,omitempty"`

	Binds []string `json:"binds,omitempty"`
}

// Request asks the supervisor for one operation.
type Request struct {
	ID            uint64 `json:"id"`
	Op            string `json:"op"`
	Init          *Init  `json:"init,omitempty"`
	Run           *Run   `json:"run,omitempty"`
	Target        uint64 `json:"target,omitempty"` // id of the run or dial that is meant
	Signal        int    `json:"signal,omitempty"`
	Network       string `json:"network,omitempty"`
	Address       string `json:"address,omitempty"`
	TimeoutMillis int64  `json:"timeoutMillis,omitempty"` // of a dial; 0 is none
}

// Exit reports that a process ended.
type Exit struct {
	Target uint64 `json:"target"`           // id of its run request
	Status int    `json:"status"`           // exit status, when it was not signalled
	Signal int    `json:"signal,omitempty"` // the signal that ended it, or 0
}

// ProcessInfo is one process inside, for diagnostics.
type ProcessInfo struct {
	Pid     int    `json:"pid"` // as seen inside
	Parent  int    `json:"parent"`
	Name    string `json:"name"`
	State   string `json:"state"`
	Command string `json:"command"`
	RSS     int64  `json:"rss"`
}

// Reply answers the request with the same id, or, with id 0, reports an event.
type Reply struct {
	ID        uint64        `json:"id"`
	Error     string        `json:"error,omitempty"`
	Errno     int           `json:"errno,omitempty"`
	Timeout   bool          `json:"timeout,omitempty"`
	Pid       int           `json:"pid,omitempty"`
	PSS       int64         `json:"pss,omitempty"`
	Peak      int64         `json:"peak,omitempty"`
	Processes []ProcessInfo `json:"processes,omitempty"`
	Exit      *Exit         `json:"exit,omitempty"`
}

// Fail puts err into the reply so that its kind survives the way over the socket.
func (r *Reply) Fail(err error) {
	r.Error = err.Error()
	var errno syscall.Errno
	if errors.As(err, &errno) {
		r.Errno = int(errno)
	}
	var timed interface{ Timeout() bool }
	r.Timeout = errors.As(err, &timed) && timed.Timeout() || errors.Is(err, os.ErrDeadlineExceeded)
}

// Err returns the error of the reply, or nil.
func (r *Reply) Err() error {
	if r.Error == "" {
		return nil
	}
	return &Error{Message: r.Error, Errno: syscall.Errno(r.Errno), timeout: r.Timeout}
}

// Error is an error that happened in the supervisor; errors.Is finds its errno, and it is a net.Error.
type Error struct {
	Message string
	Errno   syscall.Errno
	timeout bool
}

// Error returns the supervisor's message.
func (e *Error) Error() string { return e.Message }

// Timeout tells whether time ran out inside.
func (e *Error) Timeout() bool { return e.timeout }

// Temporary makes Error a net.Error.
func (e *Error) Temporary() bool { return e.timeout }

// Unwrap returns the errno where there is one.
func (e *Error) Unwrap() error {
	if e.Errno == 0 {
		return nil
	}
	return e.Errno
}

// Send writes one message, with the file descriptor fd attached unless it is negative.
func Send(conn *net.UnixConn, message any, fd int) error {
	data, err := json.Marshal(message)
	if err != nil {
		return fmt.Errorf("encode message: %w", err)
	}
	var rights []byte
	if fd >= 0 {
		rights = syscall.UnixRights(fd)
	}
	if _, _, err := conn.WriteMsgUnix(data, rights, nil); err != nil {
		return fmt.Errorf("send message of %d bytes: %w", len(data), err)
	}
	return nil
}

// Receiver reads messages; it keeps its buffers between them.
type Receiver struct {
	conn   *net.UnixConn
	data   []byte
	rights []byte
}

// NewReceiver returns a Receiver that reads from conn.
func NewReceiver(conn *net.UnixConn) *Receiver {
	return &Receiver{conn: conn, data: make([]byte, maxPacket), rights: make([]byte, 256)}
}

// Receive reads the next message into message and returns the file descriptors that came with it; the caller owns them.
func (r *Receiver) Receive(message any) (fds []int, err error) {
	n, rightsN, flags, _, err := r.conn.ReadMsgUnix(r.data, r.rights)
	if err != nil {
		return nil, err
	}
	if rightsN > 0 {
		controls, err := syscall.ParseSocketControlMessage(r.rights[:rightsN])
		if err != nil {
			return nil, fmt.Errorf("read control message: %w", err)
		}
		for i := range controls {
			passed, err := syscall.ParseUnixRights(&controls[i])
			if err != nil {
				continue // credentials and the like: nothing that needs closing
			}
			fds = append(fds, passed...)
		}
	}
	if flags&(syscall.MSG_TRUNC|syscall.MSG_CTRUNC) != 0 {
		CloseAll(fds)
		return nil, fmt.Errorf("message is longer than %d bytes", maxPacket)
	}
	if err := json.Unmarshal(r.data[:n], message); err != nil {
		CloseAll(fds)
		return nil, fmt.Errorf("decode message: %w", err)
	}
	return fds, nil
}

// CloseAll closes file descriptors that nobody wants any more.
func CloseAll(fds []int) {
	for _, fd := range fds {
		_ = syscall.Close(fd)
	}
}
