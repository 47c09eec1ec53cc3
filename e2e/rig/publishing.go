package rig

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/simulators/oslo"
)

// publishers keeps one publisher per virtual host, as each OpenStack service keeps one connection.
type publishers struct {
	mu   sync.Mutex
	open map[string]*publisher
}

type publisher struct {
	connection *amqp.Connection
	oslo       *oslo.Publisher
}

// publisher returns the publisher of a virtual host; one whose connection was lost is replaced.
func (r *Rig) publisher(ctx context.Context, vhost string) (*oslo.Publisher, error) {
	r.publishers.mu.Lock()
	defer r.publishers.mu.Unlock()
	if known := r.publishers.open[vhost]; known != nil && !known.connection.IsClosed() {
		return known.oslo, nil
	}
	connection, err := r.broker.Connect(ctx, vhost)
	if err != nil {
		return nil, fmt.Errorf("connect to vhost %s: %w", vhost, err)
	}
	made, err := oslo.NewPublisher(connection)
	if err != nil {
		_ = connection.Close() // the first error matters more
		return nil, err
	}
	if r.publishers.open == nil {
		r.publishers.open = map[string]*publisher{}
	}
	r.publishers.open[vhost] = &publisher{connection: connection, oslo: made}
	return made, nil
}

// Publish implements scenario.Rig: it sends what a publish step says and returns once the broker has confirmed it.
func (r *Rig) Publish(ctx context.Context, step scenario.Publish) ([]scenario.Published, error) {
	var sent []scenario.Published
	for range max(step.Count, 1) {
		one, err := r.message(step)
		if err != nil {
			return sent, err
		}
		publisher, err := r.publisher(ctx, one.VHost)
		if err != nil {
			return sent, err
		}
		// The time before, because an EventSource may have the message before the confirmation is here.
		one.Time = time.Now()
		route := oslo.Route{VHost: one.VHost, Exchange: one.Exchange, RoutingKey: one.RoutingKey}
		if err := publisher.Publish(ctx, route, one.Body); err != nil {
			return sent, err
		}
		one.Confirmed = true
		sent = append(sent, one)
	}
	return sent, nil
}

// WaitSettled waits until every component on the way was observed to be done with the messages: what they start has
// ended then, and what has not happened will not.
func (r *Rig) WaitSettled(ctx context.Context, published ...scenario.Published) error {
	_, err := r.waitSettled(ctx, published)
	return err
}

// waitSettled also returns the keys under which the ledger has the messages.
func (r *Rig) waitSettled(ctx context.Context, published []scenario.Published) ([]string, error) {
	keys, err := r.observer.Track(published)
	if err != nil {
		return nil, fmt.Errorf("track messages: %w", err)
	}
	return keys, scenario.Settle(ctx, r.observer, keys)
}

// message makes the message of a publish step: a raw body as it is, or a notification of the catalogue.
func (r *Rig) message(step scenario.Publish) (scenario.Published, error) {
	if step.Raw != "" {
		made := scenario.Published{VHost: step.VHost, Exchange: step.Exchange, RoutingKey: step.RoutingKey, Body: []byte(step.Raw)}
		if made.VHost == "" || made.Exchange == "" || made.RoutingKey == "" {
			return made, failure.New(failure.BadInput, "a raw body says nothing about its route", "publish: raw needs vhost, exchange and routing-key")
		}
		// A message that is no notification is still a message: it then has no message id.
		if notification, _, err := oslo.Parse(made.Body); err == nil {
			made.MessageID, made.EventType = notification.MessageID, notification.EventType
		}
		return made, nil
	}
	catalogue, err := oslo.Default()
	if err != nil {
		return scenario.Published{}, fmt.Errorf("read the catalogue of notifications: %w", err)
	}
	template, err := catalogue.Lookup(step.Event)
	if err != nil {
		return scenario.Published{}, err
	}
	notification, route, err := template.Build(oslo.Options{Random: r.random(), Set: step.Set, Remove: step.Remove})
	if err != nil {
		return scenario.Published{}, fmt.Errorf("make %s: %w", step.Event, err)
	}
	driver := oslo.MessagingV2
	if step.Driver != "" {
		if driver, err = oslo.ParseDriver(step.Driver); err != nil {
			return scenario.Published{}, err
		}
	}
	body, err := notification.Body(driver)
	if err != nil {
		return scenario.Published{}, err
	}
	override := func(value *string, with string) {
		if with != "" {
			*value = with
		}
	}
	override(&route.VHost, step.VHost)
	override(&route.Exchange, step.Exchange)
	override(&route.RoutingKey, step.RoutingKey)
	return scenario.Published{
		MessageID: notification.MessageID, EventType: notification.EventType,
		VHost: route.VHost, Exchange: route.Exchange, RoutingKey: route.RoutingKey, Body: body,
	}, nil
}

// random is the source of a message's identifiers: never the same twice on one rig.
func (r *Rig) random() *rand.Rand { return oslo.NewRandom(rand.Uint64()) }
