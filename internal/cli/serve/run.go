package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/eventrig/eventrig/fixtures/worlds"
	"github.com/eventrig/eventrig/internal/authority"
	"github.com/eventrig/eventrig/internal/failure"
)

// grace is how long a stop waits for requests that are being answered.
const grace = 5 * time.Second

func run(command *cobra.Command, f *flags, k kind) (err error) {
	var loaded []*worlds.World
	for _, name := range f.worlds {
		world, err := worlds.Open(name)
		if err != nil {
			return err
		}
		loaded = append(loaded, world)
	}
	listener, host, err := listen(f.listen)
	if err != nil {
		return err
	}
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second}
	scheme, ca := "http", ""
	if f.tls {
		scheme = "https"
		if ca, err = f.secure(server, host); err != nil {
			return errors.Join(err, listener.Close())
		}
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String()) // a listener's own address has a port
	s, err := k.start(f, scheme+"://"+net.JoinHostPort(host, port))
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	s.limitJournal(f.journal)
	s.CA = ca
	if closer, ok := s.simulator.(io.Closer); ok {
		defer func() { err = errors.Join(err, closer.Close()) }()
	}
	if kept, ok := s.simulator.(interface{ Restored() bool }); ok && kept.Restored() && len(loaded) > 0 {
		fmt.Fprintln(command.ErrOrStderr(), "the state file holds records: no world is loaded")
		loaded = nil
	}
	for _, world := range loaded {
		if err := s.Load(world); err != nil {
			return errors.Join(err, listener.Close())
		}
	}
	server.Handler = s
	served := make(chan error, 1)
	go func() {
		if f.tls {
			served <- server.ServeTLS(listener, "", "")
		} else {
			served <- server.Serve(listener)
		}
	}()
	if err := announce(command, f.output, s.ready); err != nil {
		return errors.Join(err, server.Close())
	}
	select {
	case err := <-served:
		return failure.New(failure.Environment, "", "serve on %s: %w", listener.Addr(), err)
	case <-command.Context().Done():
		return stop(server)
	}
}

// listen returns a listener with the host that a client on this machine reaches it at.
func listen(address string) (net.Listener, string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, "", failure.New(failure.BadInput, "want HOST:PORT, such as 127.0.0.1:8080", "read --listen: %w", err)
	}
	if number, err := strconv.Atoi(port); err != nil || number < 0 || number > 65535 {
		return nil, "", failure.New(failure.BadInput, "want a port from 0 to 65535", "--listen has the port %q", port)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, "", failure.New(failure.Environment, "take another address with --listen; 127.0.0.1:0 takes a free port", "listen on %s: %w", address, err)
	}
	if bound, ok := listener.Addr().(*net.TCPAddr); ok && bound.IP.IsUnspecified() {
		return listener, "127.0.0.1", nil
	}
	return listener, host, nil
}

// secure makes a certificate for the host and its authority, which it returns in PEM and writes where the user wants it.
func (f *flags) secure(server *http.Server, host string) (ca string, err error) {
	root, err := authority.New("eventrig serve")
	if err != nil {
		return "", failure.New(failure.Environment, "", "%w", err)
	}
	hosts := []string{"localhost", "127.0.0.1", "::1"}
	if host != "localhost" && host != "127.0.0.1" && host != "::1" {
		hosts = append(hosts, host)
	}
	if server.TLSConfig, err = root.Server("eventrig simulator", hosts...); err != nil {
		return "", failure.New(failure.Environment, "", "%w", err)
	}
	if f.caFile != "" {
		if err := os.WriteFile(f.caFile, root.PEM(), 0o644); err != nil {
			return "", failure.New(failure.BadInput, "give another --ca-file", "write certificate: %w", err)
		}
	}
	return string(root.PEM()), nil
}

func announce(command *cobra.Command, output string, announced ready) error {
	line := announced.URL
	if output == "json" {
		data, err := json.Marshal(announced)
		if err != nil {
			return fmt.Errorf("encode address: %w", err)
		}
		line = string(data)
	}
	if _, err := fmt.Fprintln(command.OutOrStdout(), line); err != nil {
		return fmt.Errorf("print address: %w", err)
	}
	return nil
}

// stop lets the requests in flight finish. The command's own context is over; the last answers still get their time.
func stop(server *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	err := server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("requests were still unanswered after %s", grace)
	}
	if err != nil {
		return failure.New(failure.Interrupted, "", "stop server: %w", errors.Join(err, server.Close()))
	}
	return nil
}
