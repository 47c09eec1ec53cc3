package oslo

import (
	"context"
	"errors"
	"fmt"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Publishers keeps one Publisher per virtual host, as each OpenStack service keeps a connection of its own. It is safe for
// use by several goroutines.
type Publishers struct {
	connect func(ctx context.Context, vhost string) (*amqp.Connection, error)

	mu     sync.Mutex
	open   map[string]*opened
	closed bool
}

type opened struct {
	mu         sync.Mutex // held while connecting, so that one virtual host does not wait for another
	connection *amqp.Connection
	publisher  *Publisher
}

// NewPublishers makes an empty set; connect opens the connection to a virtual host when the first message goes there, and
// again after it was lost.
func NewPublishers(connect func(ctx context.Context, vhost string) (*amqp.Connection, error)) *Publishers {
	return &Publishers{connect: connect, open: map[string]*opened{}}
}

// Publish sends one message to the virtual host of its route and returns when the broker has confirmed it.
func (p *Publishers) Publish(ctx context.Context, route Route, body []byte) error {
	publisher, err := p.publisher(ctx, route.VHost)
	if err != nil {
		return err
	}
	return publisher.Publish(ctx, route, body)
}

// Begin sends one message and does not wait; wait returns when the broker has confirmed it. Messages to one virtual host
// arrive in the order in which they were begun.
func (p *Publishers) Begin(ctx context.Context, route Route, body []byte) (wait func(context.Context) error, err error) {
	publisher, err := p.publisher(ctx, route.VHost)
	if err != nil {
		return nil, err
	}
	return publisher.Begin(ctx, route, body)
}

func (p *Publishers) publisher(ctx context.Context, vhost string) (*Publisher, error) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, errors.New("the publishers are closed")
	}
	if p.open[vhost] == nil {
		p.open[vhost] = &opened{}
	}
	known := p.open[vhost]
	p.mu.Unlock()

	known.mu.Lock()
	defer known.mu.Unlock()
	if known.connection != nil && !known.connection.IsClosed() {
		return known.publisher, nil
	}
	connection, err := p.connect(ctx, vhost)
	if err != nil {
		return nil, fmt.Errorf("connect to virtual host %s: %w", vhost, err)
	}
	publisher, err := NewPublisher(connection)
	if err != nil {
		_ = connection.Close() // the first error matters more
		return nil, err
	}
	known.connection, known.publisher = connection, publisher
	return publisher, nil
}

// Close closes the connections; what was confirmed is with the broker.
func (p *Publishers) Close() error {
	p.mu.Lock()
	p.closed = true
	open := p.open
	p.open = nil
	p.mu.Unlock()
	var all []error
	for vhost, known := range open {
		known.mu.Lock()
		if known.connection != nil {
			if err := known.connection.Close(); err != nil && !errors.Is(err, amqp.ErrClosed) {
				all = append(all, fmt.Errorf("close the connection to virtual host %s: %w", vhost, err))
			}
		}
		known.mu.Unlock()
	}
	return errors.Join(all...)
}
