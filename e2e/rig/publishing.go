package rig

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/simulators/oslo"
)

// Messages implements scenario.Rig.
func (r *Rig) Messages(_ context.Context, step scenario.Step) ([]scenario.Message, error) {
	if step.Webhook != nil {
		call, err := r.webhook(*step.Webhook)
		return []scenario.Message{call}, err
	}
	published, err := Compose(step)
	if err != nil {
		return nil, err
	}
	var messages []scenario.Message
	for _, one := range published {
		messages = append(messages, r.message(one))
	}
	return messages, nil
}

// message is what sends a message to the rig's RabbitMQ.
func (r *Rig) message(published scenario.Published) scenario.Message {
	return scenario.Message{
		Published: published,
		Send:      func(ctx context.Context) error { return r.send(ctx, published) },
		Begin: func(ctx context.Context) (func(context.Context) error, error) {
			return r.publishers.Begin(ctx, routeOf(published), published.Body)
		},
	}
}

func routeOf(m scenario.Published) oslo.Route {
	return oslo.Route{VHost: m.VHost, Exchange: m.Exchange, RoutingKey: m.RoutingKey}
}

// Publish sends what a publish step says and returns once the broker has confirmed it.
func (r *Rig) Publish(ctx context.Context, step scenario.Publish) ([]scenario.Published, error) {
	messages, err := Compose(scenario.Step{Publish: &step})
	if err != nil {
		return nil, err
	}
	for i := range messages {
		// The time before, because an EventSource may have the message before the confirmation is here.
		messages[i].Time = time.Now()
		// Followed before it is sent: seen first, it would be taken for an earlier one of the same content.
		if _, err := r.follow(messages[i : i+1]); err != nil {
			return messages[:i], err
		}
		if err := r.send(ctx, messages[i]); err != nil {
			return messages[:i], err
		}
	}
	return messages, nil
}

// send sends a message and returns once the broker has confirmed it.
func (r *Rig) send(ctx context.Context, message scenario.Published) error {
	return r.publishers.Publish(ctx, routeOf(message), message.Body)
}

// WaitSettled waits until every component on the way was observed to be done with the messages: what they start has
// ended then, and what has not happened will not.
func (r *Rig) WaitSettled(ctx context.Context, published ...scenario.Published) error {
	_, err := r.waitSettled(ctx, published)
	return err
}

// waitSettled also returns the keys under which the ledger has the messages.
func (r *Rig) waitSettled(ctx context.Context, published []scenario.Published) ([]string, error) {
	keys, err := r.follow(published)
	if err != nil {
		return nil, err
	}
	return keys, scenario.Settle(ctx, r.observer, keys)
}

// follow lets the observer follow messages that were sent, each once however often it is asked for.
func (r *Rig) follow(published []scenario.Published) ([]string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.followed == nil {
		r.followed = map[sending]string{}
	}
	var fresh []scenario.Published
	for _, p := range published {
		if _, known := r.followed[sendingOf(p)]; !known {
			fresh = append(fresh, p)
		}
	}
	keys, err := r.observer.Track(fresh)
	if err != nil {
		return nil, fmt.Errorf("track messages: %w", err)
	}
	for i, p := range fresh {
		r.followed[sendingOf(p)] = keys[i]
	}
	keys = nil
	for _, p := range published {
		if key := r.followed[sendingOf(p)]; !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// sending is one sending of a message: the same content may be sent again.
type sending struct {
	content string
	at      time.Time
}

func sendingOf(p scenario.Published) sending { return sending{scenario.Key(p), p.Time.Round(0)} }
