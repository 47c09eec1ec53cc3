package broker

import (
	"context"
	"errors"
	"fmt"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"
)

// ErrNoQueue says that a queue does not exist.
var ErrNoQueue = errors.New("no such queue")

// QueueState is what the server says about a queue.
type QueueState struct {
	Messages  int // ready, without those that a consumer has not acknowledged yet
	Consumers int
}

// Queue asks for a queue by a passive declaration, which changes nothing. A missing queue is ErrNoQueue.
func (b *Broker) Queue(ctx context.Context, vhost, name string) (QueueState, error) {
	channel, err := b.channel(ctx, vhost)
	if err != nil {
		return QueueState{}, err
	}
	defer func() { _ = channel.Close() }()
	queue, err := channel.QueueDeclarePassive(name, false, false, false, false, nil)
	var refused *amqp.Error
	switch {
	case errors.As(err, &refused) && refused.Code == amqp.NotFound:
		return QueueState{}, fmt.Errorf("ask for queue %s/%s: %w", vhost, name, ErrNoQueue)
	case err != nil:
		return QueueState{}, fmt.Errorf("ask for queue %s/%s: %w", vhost, name, err)
	}
	return QueueState{Messages: queue.Messages, Consumers: queue.Consumers}, nil
}

// Consumers returns how many consumers a queue has; a queue that does not exist yet has none.
func (b *Broker) Consumers(ctx context.Context, vhost, queue string) (int, error) {
	state, err := b.Queue(ctx, vhost, queue)
	if errors.Is(err, ErrNoQueue) {
		return 0, nil
	}
	return state.Consumers, err
}

// Tap delivers a copy of everything that a durable topic exchange routes by key, from the moment that it returns, through
// a queue of its own: nothing is taken from other consumers. It declares the exchange as oslo and Argo do. The channel is
// closed when ctx ends or the connection is lost.
func (b *Broker) Tap(ctx context.Context, vhost, exchange, key string) (<-chan amqp.Delivery, error) {
	channel, err := b.channel(ctx, vhost)
	if err != nil {
		return nil, err
	}
	deliveries, err := tap(channel, exchange, key)
	if err != nil {
		_ = channel.Close()
		return nil, fmt.Errorf("tap %s/%s %s: %w", vhost, exchange, key, err)
	}
	out := make(chan amqp.Delivery)
	go func() {
		defer close(out)
		defer func() { _ = channel.Close() }()
		for {
			select {
			case <-ctx.Done():
				return
			case delivery, ok := <-deliveries:
				if !ok {
					return
				}
				select {
				case out <- delivery:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	return out, nil
}

func tap(channel *amqp.Channel, exchange, key string) (<-chan amqp.Delivery, error) {
	if err := channel.ExchangeDeclare(exchange, amqp.ExchangeTopic, true, false, false, false, nil); err != nil {
		return nil, fmt.Errorf("declare the exchange: %w", err)
	}
	// Classic by name: a virtual host whose default is quorum refuses an exclusive queue of that type.
	queue, err := channel.QueueDeclare("", false, true, true, false, amqp.Table{"x-queue-type": "classic"})
	if err != nil {
		return nil, fmt.Errorf("declare the queue: %w", err)
	}
	if err := channel.QueueBind(queue.Name, key, exchange, false, nil); err != nil {
		return nil, fmt.Errorf("bind the queue: %w", err)
	}
	deliveries, err := channel.Consume(queue.Name, "", true, true, false, false, nil)
	if err != nil {
		return nil, fmt.Errorf("consume: %w", err)
	}
	return deliveries, nil
}

// Counter counts what an exchange routes by a key.
type Counter struct {
	mu        sync.Mutex
	delivered int
	changed   chan struct{} // closed and replaced at every delivery
	ended     bool
}

// Count starts a tap that only counts; it ends with ctx.
func (b *Broker) Count(ctx context.Context, vhost, exchange, key string) (*Counter, error) {
	deliveries, err := b.Tap(ctx, vhost, exchange, key)
	if err != nil {
		return nil, err
	}
	counter := &Counter{changed: make(chan struct{})}
	go func() {
		for range deliveries {
			counter.step(1, false)
		}
		counter.step(0, true)
	}()
	return counter, nil
}

func (c *Counter) step(by int, ended bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.delivered += by
	c.ended = c.ended || ended
	close(c.changed)
	c.changed = make(chan struct{})
}

// Delivered is the number of messages seen so far.
func (c *Counter) Delivered() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.delivered
}

// Wait returns when at least n messages were seen, the tap has ended or ctx ends.
func (c *Counter) Wait(ctx context.Context, n int) error {
	for {
		c.mu.Lock()
		delivered, ended, changed := c.delivered, c.ended, c.changed
		c.mu.Unlock()
		if delivered >= n {
			return nil
		}
		if ended {
			return fmt.Errorf("wait for %d messages: the tap ended after %d", n, delivered)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for %d messages, %d seen: %w", n, delivered, ctx.Err())
		}
	}
}

// channel opens a channel on the broker's own connection to a virtual host.
func (b *Broker) channel(ctx context.Context, vhost string) (*amqp.Channel, error) {
	connection, err := b.observer(ctx, vhost)
	if err != nil {
		return nil, err
	}
	channel, err := connection.Channel()
	if err != nil {
		return nil, fmt.Errorf("open a channel to %s: %w", vhost, err)
	}
	return channel, nil
}

// observer returns the connection that observes a virtual host, opening it anew when it was lost.
func (b *Broker) observer(ctx context.Context, vhost string) (*amqp.Connection, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, errors.New("the broker is closed")
	}
	if connection := b.connections[vhost]; connection != nil && !connection.IsClosed() {
		return connection, nil
	}
	connection, err := b.Connect(ctx, vhost)
	if err != nil {
		return nil, err
	}
	b.connections[vhost] = connection
	return connection, nil
}
