package supervisor

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/eventrig/eventrig/internal/sandbox/protocol"
)

// maxDial bounds a dial whose caller set no deadline; the kernel itself gives up a connection attempt after about this time.
const maxDial = 130 * time.Second

// server answers the requests of one client.
type server struct {
	conn     *net.UnixConn
	children *children

	mu    sync.Mutex
	dials map[uint64]context.CancelFunc
	peak  int64
}

func newServer(conn *net.UnixConn) *server {
	s := &server{conn: conn, dials: map[uint64]context.CancelFunc{}}
	s.children = newChildren(func(exit protocol.Exit) { s.send(&protocol.Reply{Exit: &exit}, -1) })
	return s
}

// serve handles requests, each in its own goroutine, until the socket ends.
func (s *server) serve() error {
	receiver := protocol.NewReceiver(s.conn)
	initialised := false
	for {
		var request protocol.Request
		fds, err := receiver.Receive(&request)
		if err != nil {
			return err
		}
		protocol.CloseAll(fds) // the client has nothing to hand in
		switch {
		case request.Op == protocol.OpInit && request.Init != nil && !initialised:
			reply := protocol.Reply{ID: request.ID}
			if err := setup(*request.Init); err != nil {
				reply.Fail(err)
			} else {
				initialised = true
			}
			s.send(&reply, -1)
		case !initialised:
			reply := protocol.Reply{ID: request.ID}
			reply.Fail(errors.New("the sandbox is not set up"))
			s.send(&reply, -1)
		case request.Op == protocol.OpCancel:
			s.mu.Lock()
			if cancel := s.dials[request.Target]; cancel != nil {
				cancel()
			}
			s.mu.Unlock()
		case request.Op == protocol.OpDial:
			s.dial(request)
		default:
			go s.handle(request)
		}
	}
}

func (s *server) handle(request protocol.Request) {
	reply := protocol.Reply{ID: request.ID}
	var err error
	switch request.Op {
	case protocol.OpRun:
		if request.Run == nil {
			err = errors.New("run request has no process")
			break
		}
		reply.Pid, err = s.children.start(request.ID, *request.Run)
	case protocol.OpSignal:
		err = s.children.signal(request.Target, syscall.Signal(request.Signal))
	case protocol.OpListen:
		s.listen(request)
		return
	case protocol.OpPSS:
		reply.PSS, err = totalPSS()
		s.mu.Lock()
		s.peak = max(s.peak, reply.PSS)
		reply.Peak = s.peak
		s.mu.Unlock()
	case protocol.OpProcesses:
		reply.Processes, err = listProcesses()
	default:
		err = fmt.Errorf("unknown operation %q", request.Op)
	}
	if err != nil {
		reply.Fail(err)
	}
	s.send(&reply, -1)
}

// dial connects in the background; its cancel function is known before the next request (which may be the cancel) is read.
func (s *server) dial(request protocol.Request) {
	timeout := time.Duration(request.TimeoutMillis) * time.Millisecond
	if timeout <= 0 {
		timeout = maxDial
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	s.mu.Lock()
	s.dials[request.ID] = cancel
	s.mu.Unlock()
	go func() {
		defer func() {
			s.mu.Lock()
			delete(s.dials, request.ID)
			s.mu.Unlock()
			cancel()
		}()
		var dialer net.Dialer
		dialer.SetMultipathTCP(false)
		conn, err := dialer.DialContext(ctx, request.Network, request.Address)
		if err != nil {
			s.fail(request.ID, innermost(err))
			return
		}
		defer conn.Close()
		s.handOut(request.ID, conn)
	}()
}

func (s *server) listen(request protocol.Request) {
	var config net.ListenConfig
	config.SetMultipathTCP(false)
	listener, err := config.Listen(context.Background(), request.Network, request.Address)
	if err != nil {
		s.fail(request.ID, innermost(err))
		return
	}
	defer listener.Close()
	if unixListener, ok := listener.(*net.UnixListener); ok {
		unixListener.SetUnlinkOnClose(false) // the client's copy goes on using the path
	}
	s.handOut(request.ID, listener)
}

// handOut sends a socket; the kernel keeps it open for the client after the caller has closed it here.
func (s *server) handOut(id uint64, socket any) {
	holder, ok := socket.(syscall.Conn)
	if !ok {
		s.fail(id, fmt.Errorf("a %T has no file descriptor", socket))
		return
	}
	raw, err := holder.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) { s.send(&protocol.Reply{ID: id}, int(fd)) })
	}
	if err != nil {
		s.fail(id, fmt.Errorf("hand out socket: %w", err))
	}
}

func (s *server) fail(id uint64, err error) {
	reply := protocol.Reply{ID: id}
	reply.Fail(err)
	s.send(&reply, -1)
}

func (s *server) send(reply *protocol.Reply, fd int) {
	err := protocol.Send(s.conn, reply, fd)
	if errors.Is(err, syscall.EMSGSIZE) {
		short := protocol.Reply{ID: reply.ID}
		short.Fail(err)
		err = protocol.Send(s.conn, &short, -1)
	}
	if err != nil && !errors.Is(err, syscall.EPIPE) && !errors.Is(err, net.ErrClosed) {
		log.Printf("answer: %v", err)
	}
}

// innermost takes the operation and addresses off a network error: the client puts them on again.
func innermost(err error) error {
	var operation *net.OpError
	if errors.As(err, &operation) {
		return operation.Err
	}
	return err
}
