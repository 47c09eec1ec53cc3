package broker

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/eventrig/eventrig/internal/failure"
)

// Own says whether the server was started here, so that its tools and its HTTP API can be had.
func (b *Broker) Own() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.server != nil
}

// Management returns the address, as seen from where the server runs, of its HTTP API and management page. Both are started
// when they are first asked for: most rigs never need them, and they take a second of a processor and some memory. User and
// Password are let in.
func (b *Broker) Management(ctx context.Context) (address string, err error) {
	b.managing.Lock()
	defer b.managing.Unlock()
	address = net.JoinHostPort("127.0.0.1", strconv.Itoa(b.config.HTTP))
	if b.managed {
		return address, nil
	}
	answer, err := b.tool(ctx, "rabbitmq-plugins", "enable", "rabbitmq_management")
	if err != nil {
		return "", err
	}
	if answer.Status != 0 {
		return "", failure.New(failure.Environment, "see "+b.log, "start RabbitMQ's HTTP API: %s", strings.TrimSpace(answer.Errors+answer.Output))
	}
	b.managed = true
	return address, nil
}

// DialManagement connects to the server's HTTP API, which it starts when it does not run yet.
func (b *Broker) DialManagement(ctx context.Context) (net.Conn, error) {
	address, err := b.Management(ctx)
	if err != nil {
		return nil, err
	}
	connection, err := b.dial(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("reach RabbitMQ's HTTP API: %w", err)
	}
	return connection, nil
}
