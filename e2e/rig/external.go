package rig

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/eventrig/eventrig/e2e/observe"
	"github.com/eventrig/eventrig/internal/apply"
	"github.com/eventrig/eventrig/internal/broker"
	"github.com/eventrig/eventrig/internal/failure"
)

// leaveTimeout bounds the removal of what a rig made on a RabbitMQ that someone else runs.
const leaveTimeout = 10 * time.Second

// intake is what one virtual host holds for the EventSources under test.
type intake struct {
	vhost             string
	queues, exchanges []string // the queues that EventSources consume
	defaults          []string // oslo's default queues, named after the routing keys
}

// joinBroker joins a RabbitMQ that someone else runs. The queues of the EventSources under test must be new: messages in
// one that exists are somebody's, and a consumer beside somebody's own takes every second one from it. What the rig makes
// there goes again with Close.
func (r *Rig) joinBroker(ctx context.Context) (err error) {
	defer r.watch.phase("join RabbitMQ")(&err)
	intakes, err := intakesOf(r.manifests.objects)
	if err != nil {
		return err
	}
	var names []string
	for _, in := range intakes {
		names = append(names, in.vhost)
	}
	joined, err := broker.External(ctx, r.options.Broker, names...)
	if err != nil {
		return err
	}
	var made []intake
	for _, in := range intakes {
		before, err := missing(ctx, joined, in)
		if err != nil {
			return errors.Join(err, joined.Close())
		}
		made = append(made, before)
	}
	for i := range r.services {
		r.services[i].User, r.services[i].Password = joined.User(), joined.Password()
	}
	r.broker = joined
	r.versions["rabbitmq"] = joined.Version()
	r.onClose(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
		defer cancel()
		var all []error
		for _, in := range made {
			all = append(all, joined.Remove(ctx, in.vhost, slices.Concat(in.queues, in.defaults), in.exchanges))
		}
		return errors.Join(append(all, joined.Close())...)
	})
	return nil
}

// missing returns what of an intake does not exist yet. A queue that an EventSource would consume must not exist.
func missing(ctx context.Context, b *broker.Broker, in intake) (intake, error) {
	absent := intake{vhost: in.vhost, queues: in.queues}
	for _, name := range in.queues {
		state, err := b.Queue(ctx, in.vhost, name)
		if err == nil {
			return absent, failure.New(failure.Environment,
				fmt.Sprintf("give the rig a RabbitMQ of its own; where a killed rig left the queue: rabbitmqctl delete_queue -p %s %s", in.vhost, name),
				"queue %s of virtual host %s exists on the broker, with %d consumers and %d messages: the rig would take messages that are somebody's",
				name, in.vhost, state.Consumers, state.Messages)
		}
		if !errors.Is(err, broker.ErrNoQueue) {
			return absent, fmt.Errorf("look for somebody else's queues: %w", err)
		}
	}
	for _, name := range in.defaults {
		_, err := b.Queue(ctx, in.vhost, name)
		if errors.Is(err, broker.ErrNoQueue) {
			absent.defaults = append(absent.defaults, name)
		} else if err != nil {
			return absent, fmt.Errorf("look for oslo's default queues: %w", err)
		}
	}
	for _, name := range in.exchanges {
		exists, err := b.Exchange(ctx, in.vhost, name)
		if err != nil {
			return absent, fmt.Errorf("look for the services' exchanges: %w", err)
		}
		if !exists {
			absent.exchanges = append(absent.exchanges, name)
		}
	}
	return absent, nil
}

// amqpEvent is one event of an AMQP EventSource, as it is written.
type amqpEvent struct {
	source apply.Object
	name   string
	fields map[string]any
}

// String is where it is written.
func (e amqpEvent) String() string { return fmt.Sprintf("%s: spec.amqp.%s", e.source.Origin, e.name) }

// text is a field's, "" where it is not there or no text.
func (e amqpEvent) text(path ...string) string {
	value, _, _ := unstructured.NestedString(e.fields, path...)
	return value
}

// amqpEvents are those of all EventSources, of each in the order of their names.
func amqpEvents(objects []apply.Object) ([]amqpEvent, error) {
	var all []amqpEvent
	for _, object := range objects {
		if object.GetKind() != "EventSource" {
			continue
		}
		events, _, err := unstructured.NestedMap(object.Object, "spec", "amqp")
		if err != nil {
			return nil, failure.New(failure.BadInput, "", "%s: read spec.amqp: %w", object.Origin, err)
		}
		for _, name := range slices.Sorted(maps.Keys(events)) {
			fields, _ := events[name].(map[string]any)
			all = append(all, amqpEvent{object, name, fields})
		}
	}
	return all, nil
}

// intakesOf reads from the EventSources which virtual hosts they consume from, and what they declare there.
func intakesOf(objects []apply.Object) ([]intake, error) {
	var all []intake
	add := func(vhost string) *intake {
		i := slices.IndexFunc(all, func(in intake) bool { return in.vhost == vhost })
		if i < 0 {
			all = append(all, intake{vhost: vhost})
			i = len(all) - 1
		}
		return &all[i]
	}
	events, err := amqpEvents(objects)
	if err != nil {
		return nil, err
	}
	for _, event := range events {
		url := event.text("url")
		if url == "" {
			return nil, failure.New(failure.BadInput, "write the URL into the manifest, or leave --broker out",
				"%s.url is in a Secret: which virtual host of the broker it consumes from cannot be told", event)
		}
		vhost, err := observe.VHostOfURL(url)
		if err != nil {
			return nil, failure.New(failure.BadInput, "", "read %s.url: %w", event, err)
		}
		in := add(vhost)
		appendNew := func(to *[]string, value string) {
			if value != "" && !slices.Contains(*to, value) {
				*to = append(*to, value)
			}
		}
		appendNew(&in.queues, event.text("queueDeclare", "name"))
		appendNew(&in.exchanges, event.text("exchangeName"))
		appendNew(&in.defaults, event.text("routingKey"))
	}
	slices.SortFunc(all, func(a, b intake) int { return strings.Compare(a.vhost, b.vhost) })
	return all, nil
}
