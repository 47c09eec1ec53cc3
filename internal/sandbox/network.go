package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/eventrig/eventrig/internal/sandbox/protocol"
)

// forwardDialTimeout bounds how long a forwarded connection waits for its other half.
const forwardDialTimeout = 10 * time.Second

// Dial connects to an address of the inner network. Names are looked up by the host's resolver settings, so give addresses.
func (s *Sandbox) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	request := protocol.Request{Op: protocol.OpDial, Network: network, Address: address}
	if deadline, ok := ctx.Deadline(); ok {
		request.TimeoutMillis = max(time.Until(deadline).Milliseconds(), 1)
	}
	conn, err := s.dial(ctx, request)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Addr: inner{network, address}, Err: err}
	}
	return conn, nil
}

func (s *Sandbox) dial(ctx context.Context, request protocol.Request) (net.Conn, error) {
	result, err := s.ask(ctx, request)
	if err != nil {
		// The supervisor's clock may run out a moment before the context's.
		var inside *protocol.Error
		if _, limited := ctx.Deadline(); limited && errors.As(err, &inside) && inside.Timeout() {
			return nil, os.ErrDeadlineExceeded
		}
		if errors.Is(err, context.DeadlineExceeded) {
			return nil, os.ErrDeadlineExceeded
		}
		return nil, err
	}
	file, err := result.file(request.Address)
	if err != nil {
		return nil, err
	}
	defer file.Close() // FileConn has a duplicate
	return net.FileConn(file)
}

// Listen listens on an address of the inner network; connections are accepted here, outside.
func (s *Sandbox) Listen(network, address string) (net.Listener, error) {
	fail := func(err error) (net.Listener, error) {
		return nil, &net.OpError{Op: "listen", Net: network, Addr: inner{network, address}, Err: err}
	}
	result, err := s.ask(context.Background(), protocol.Request{Op: protocol.OpListen, Network: network, Address: address})
	if err != nil {
		return fail(err)
	}
	file, err := result.file(address)
	if err != nil {
		return fail(err)
	}
	defer file.Close()
	listener, err := net.FileListener(file)
	if err != nil {
		return fail(err)
	}
	return listener, nil
}

// inner is an address of the inner network in an error.
type inner struct{ network, address string }

func (a inner) Network() string { return a.network }
func (a inner) String() string  { return a.address + " (in the sandbox)" }

// forward passes the connections of a listener on to where dial leads, across the sandbox's border.
type forward struct {
	sandbox  *Sandbox
	dial     func(context.Context) (net.Conn, error)
	listener net.Listener
	ctx      context.Context
	cancel   context.CancelFunc
	running  sync.WaitGroup
}

// Forward opens a random port of the host's loopback that leads to a TCP address inside, and returns its host:port. The port is closed,
// with its connections, by the returned function, or with the sandbox.
func (s *Sandbox) Forward(inside string) (string, func(), error) {
	if _, _, err := net.SplitHostPort(inside); err != nil {
		return "", nil, fmt.Errorf("forward to %q: %w", inside, err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("forward to %s: %w", inside, err)
	}
	stop, err := s.pass(listener, func(ctx context.Context) (net.Conn, error) { return s.Dial(ctx, "tcp", inside) })
	if err != nil {
		return "", nil, fmt.Errorf("forward to %s: %w", inside, err)
	}
	return listener.Addr().String(), stop, nil
}

// Expose opens a TCP address inside that leads to whatever dial connects to, outside: what runs in the sandbox reaches one
// place of the outer network and no other. It is closed, with its connections, by the returned function, or with the sandbox.
func (s *Sandbox) Expose(inside string, dial func(context.Context) (net.Conn, error)) (func(), error) {
	listener, err := s.Listen("tcp", inside)
	if err != nil {
		return nil, err
	}
	stop, err := s.pass(listener, dial)
	if err != nil {
		return nil, fmt.Errorf("expose at %s: %w", inside, err)
	}
	return stop, nil
}

// pass begins to pass connections on. The listener is closed also where it cannot.
func (s *Sandbox) pass(listener net.Listener, dial func(context.Context) (net.Conn, error)) (func(), error) {
	ctx, cancel := context.WithCancel(context.Background())
	f := &forward{sandbox: s, dial: dial, listener: listener, ctx: ctx, cancel: cancel}
	s.mu.Lock()
	if s.closing || s.lost {
		s.mu.Unlock()
		cancel()
		_ = listener.Close()
		return nil, ErrClosed
	}
	s.forwards[f] = struct{}{}
	s.mu.Unlock()
	f.running.Add(1)
	go f.serve()
	go func() {
		select {
		case <-s.done:
			f.close()
		case <-ctx.Done():
		}
	}()
	return f.close, nil
}

func (f *forward) close() {
	f.sandbox.mu.Lock()
	delete(f.sandbox.forwards, f)
	f.sandbox.mu.Unlock()
	f.cancel()
	_ = f.listener.Close()
	f.running.Wait()
}

func (f *forward) serve() {
	defer f.running.Done()
	for {
		conn, err := f.listener.Accept()
		if err != nil {
			return
		}
		f.running.Add(1)
		go func() {
			defer f.running.Done()
			f.relay(conn)
		}()
	}
}

// relay copies both ways, handing the end of either direction on, until both have ended or the forward is closed.
func (f *forward) relay(caller net.Conn) {
	defer caller.Close()
	ctx, cancel := context.WithTimeout(f.ctx, forwardDialTimeout)
	callee, err := f.dial(ctx)
	cancel()
	if err != nil {
		if tcp, ok := caller.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // a reset is the nearest to the refusal that was met on the other side
		}
		return
	}
	defer callee.Close()
	stop := context.AfterFunc(f.ctx, func() {
		_ = caller.Close()
		_ = callee.Close()
	})
	defer stop()
	var copying sync.WaitGroup
	pump := func(to, from net.Conn) {
		defer copying.Done()
		_, _ = io.Copy(to, from)
		if half, ok := to.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
	}
	copying.Add(2)
	go pump(callee, caller)
	go pump(caller, callee)
	copying.Wait()
}
