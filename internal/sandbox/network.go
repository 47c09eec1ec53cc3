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

// forwardDialTimeout bounds the inner connection of a forwarded one.
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

// forward is one host port that leads inside.
type forward struct {
	sandbox  *Sandbox
	inside   string
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
	ctx, cancel := context.WithCancel(context.Background())
	f := &forward{sandbox: s, inside: inside, listener: listener, ctx: ctx, cancel: cancel}
	s.mu.Lock()
	if s.closing || s.lost {
		s.mu.Unlock()
		cancel()
		_ = listener.Close()
		return "", nil, fmt.Errorf("forward to %s: %w", inside, ErrClosed)
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
	return listener.Addr().String(), f.close, nil
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
func (f *forward) relay(outside net.Conn) {
	defer outside.Close()
	ctx, cancel := context.WithTimeout(f.ctx, forwardDialTimeout)
	within, err := f.sandbox.Dial(ctx, "tcp", f.inside)
	cancel()
	if err != nil {
		if tcp, ok := outside.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // a reset is the nearest to the refusal that was met inside
		}
		return
	}
	defer within.Close()
	stop := context.AfterFunc(f.ctx, func() {
		_ = outside.Close()
		_ = within.Close()
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
	go pump(within, outside)
	go pump(outside, within)
	copying.Wait()
}
