package oslo

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eventrig/eventrig/internal/failure"
)

// PublisherOption changes how a Publisher declares what it sends to.
type PublisherOption func(*Publisher)

// Transient is amqp_durable_queues=false: exchange and default queue do not survive a restart of the broker.
func Transient() PublisherOption { return func(p *Publisher) { p.durable = false } }

// Quorum is rabbit_quorum_queue=true: the default queue is asked for as a quorum queue.
func Quorum() PublisherOption { return func(p *Publisher) { p.quorum = true } }

// Publisher sends notifications over one connection as oslo.messaging's RabbitMQ driver does: before the first one to an
// exchange and key it declares the topic exchange and a queue named after the routing key, and it waits for the broker to
// confirm every message. It is safe for use by several goroutines, which then share the wait for confirmations.
type Publisher struct {
	connection      *amqp.Connection
	durable, quorum bool

	mu       sync.Mutex
	channel  *amqp.Channel
	declared map[Route]bool

	blocked atomic.Pointer[string] // why the broker takes no messages, nil while it does
}

// NewPublisher opens a channel for publishing on a connection, which stays the caller's.
func NewPublisher(connection *amqp.Connection, options ...PublisherOption) (*Publisher, error) {
	p := &Publisher{connection: connection, durable: true, declared: map[Route]bool{}}
	for _, option := range options {
		option(p)
	}
	channel, err := connection.Channel()
	if err != nil {
		return nil, fmt.Errorf("open a channel for publishing: %w", err)
	}
	if err := channel.Confirm(false); err != nil {
		return nil, fmt.Errorf("ask for publisher confirms: %w", err)
	}
	p.channel = channel
	go p.listen(connection.NotifyBlocked(make(chan amqp.Blocking, 1)))
	return p, nil
}

// listen keeps what the broker says of an alarm, until the connection ends.
func (p *Publisher) listen(said <-chan amqp.Blocking) {
	for blocking := range said {
		if p.blocked.Store(nil); blocking.Active {
			p.blocked.Store(&blocking.Reason)
		}
	}
}

// Publish sends one message and returns when the broker has confirmed it. As with oslo, a message that no queue takes is
// confirmed too.
func (p *Publisher) Publish(ctx context.Context, route Route, body []byte) error {
	wait, err := p.Begin(ctx, route, body)
	if err != nil {
		return err
	}
	return wait(ctx)
}

// Begin sends one message and does not wait; wait returns when the broker has confirmed it.
func (p *Publisher) Begin(ctx context.Context, route Route, body []byte) (wait func(context.Context) error, err error) {
	confirmation, err := p.send(ctx, route, body)
	if err != nil {
		return nil, fmt.Errorf("publish to %s/%s %s: %w", route.VHost, route.Exchange, route.RoutingKey, explain(err))
	}
	return func(ctx context.Context) error { return p.await(ctx, route, confirmation) }, nil
}

// await returns once the broker has confirmed a message.
func (p *Publisher) await(ctx context.Context, route Route, confirmation *amqp.DeferredConfirmation) error {
	confirmed, err := confirmation.WaitContext(ctx)
	switch {
	case err == nil && !confirmed && ctx.Err() != nil:
		err = ctx.Err() // whoever ended it may have closed the connection, too
		fallthrough
	case err != nil:
		if reason := p.blocked.Load(); reason != nil {
			err = fmt.Errorf("it takes no messages, being %s: %w", *reason, err)
		}
		return fmt.Errorf("wait for the broker to confirm a message to %s/%s: %w", route.VHost, route.Exchange, err)
	case !confirmed:
		return failure.New(failure.Environment, "see the broker's log", "the broker refused a message to %s/%s, or the connection was lost",
			route.VHost, route.Exchange)
	}
	return nil
}

func (p *Publisher) send(ctx context.Context, route Route, body []byte) (*amqp.DeferredConfirmation, error) {
	if vhost := p.connection.Config.Vhost; vhost != route.VHost {
		return nil, failure.New(failure.BadInput, "connect to the virtual host that the route names", "the connection is to virtual host %q", vhost)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.declare(route); err != nil {
		return nil, err
	}
	// oslo sends an empty header table and priority 0 as well; the library leaves both out, which means the same to a consumer.
	confirmation, err := p.channel.PublishWithDeferredConfirmWithContext(ctx, route.Exchange, route.RoutingKey, false, false, amqp.Publishing{
		ContentType: "application/json", ContentEncoding: "utf-8", DeliveryMode: amqp.Persistent, Body: body,
	})
	if err != nil {
		return nil, err
	}
	return confirmation, nil
}

// declare makes the exchange and oslo's default queue, once per connection and route.
func (p *Publisher) declare(route Route) error {
	if p.declared[route] {
		return nil
	}
	if err := p.channel.ExchangeDeclare(route.Exchange, amqp.ExchangeTopic, p.durable, false, false, false, nil); err != nil {
		return fmt.Errorf("declare the exchange: %w", err)
	}
	var arguments amqp.Table
	if p.quorum {
		arguments = amqp.Table{"x-queue-type": "quorum"}
	}
	if _, err := p.channel.QueueDeclare(route.RoutingKey, p.durable, false, false, false, arguments); err != nil {
		return fmt.Errorf("declare the default queue: %w", err)
	}
	if err := p.channel.QueueBind(route.RoutingKey, route.RoutingKey, route.Exchange, false, nil); err != nil {
		return fmt.Errorf("bind the default queue: %w", err)
	}
	p.declared[route] = true
	return nil
}

// Close closes the channel; the connection stays open.
func (p *Publisher) Close() error {
	if err := p.channel.Close(); err != nil && !errors.Is(err, amqp.ErrClosed) {
		return fmt.Errorf("close the publisher: %w", err)
	}
	return nil
}

// explain adds what to do to the broker's refusals.
func explain(err error) error {
	var refused *amqp.Error
	if errors.As(err, &refused) && refused.Code == amqp.PreconditionFailed {
		return failure.New(failure.Environment, "someone declared it otherwise before (durable, type or arguments): delete it or declare the same", "%w", err)
	}
	return err
}
