package oslo

import (
	"context"
	"fmt"
	"iter"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Message is a message body and where it goes.
type Message struct {
	Route Route
	Body  []byte
}

// Window is how many messages Stream lets be on their way to the broker and back. More do not make it faster: the broker
// confirms several at once.
const Window = 1024

// Stream publishes messages in their order and lets up to Window of them wait for the broker's confirmation at once, so
// that many cost one round trip. It calls confirmed for each message, in order, once the broker has confirmed it and never
// before, and returns when all are confirmed. The sequence may take its time between two messages; those before are
// confirmed meanwhile.
//
// It ends at the first error: the sequence's, confirmed's, the broker's or ctx's. Of the messages that confirmed was not
// called for, up to Window may have arrived all the same.
func (p *Publisher) Stream(ctx context.Context, messages iter.Seq2[Message, error], confirmed func(Message) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	type sent struct {
		message      Message
		confirmation *amqp.DeferredConfirmation
	}
	underway := make(chan sent, Window)
	ended := make(chan error, 1)
	go func() {
		for s := range underway {
			err := p.await(ctx, s.message.Route, s.confirmation)
			if err == nil {
				err = confirmed(s.message)
			}
			if err != nil {
				stop(err)
				ended <- err
				return
			}
		}
		ended <- nil
	}()
	fill := func() error {
		defer close(underway)
		for message, err := range messages {
			if err != nil {
				return err
			}
			confirmation, err := p.send(ctx, message.Route, message.Body)
			if err != nil {
				return fmt.Errorf("publish to %s/%s %s: %w", message.Route.VHost, message.Route.Exchange, message.Route.RoutingKey, explain(err))
			}
			select {
			case underway <- sent{message, confirmation}:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		return nil
	}
	failed := fill()
	// What was sent before a bad message is confirmed all the same.
	if err := <-ended; err != nil {
		return err
	}
	return failed
}
