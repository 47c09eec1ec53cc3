package rig

import (
	"context"
	"errors"
	"fmt"
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
	for _, object := range objects {
		if object.GetKind() != "EventSource" {
			continue
		}
		events, _, err := unstructured.NestedMap(object.Object, "spec", "amqp")
		if err != nil {
			return nil, failure.New(failure.BadInput, "", "%s: read spec.amqp: %w", object.Origin, err)
		}
		for name, event := range events {
			fields, _ := event.(map[string]any)
			text := func(path ...string) string {
				value, _, _ := unstructured.NestedString(fields, path...)
				return value
			}
			if text("url") == "" {
				return nil, failure.New(failure.BadInput, "write the URL into the manifest, or leave --broker out",
					"%s: spec.amqp.%s.url is in a Secret: which virtual host of the broker it consumes from cannot be told", object.Origin, name)
			}
			vhost, err := observe.VHostOfURL(text("url"))
			if err != nil {
				return nil, failure.New(failure.BadInput, "", "%s: read spec.amqp.%s.url: %w", object.Origin, name, err)
			}
			in := add(vhost)
			appendNew := func(to *[]string, value string) {
				if value != "" && !slices.Contains(*to, value) {
					*to = append(*to, value)
				}
			}
			appendNew(&in.queues, text("queueDeclare", "name"))
			appendNew(&in.exchanges, text("exchangeName"))
			appendNew(&in.defaults, text("routingKey"))
		}
	}
	slices.SortFunc(all, func(a, b intake) int { return strings.Compare(a.vhost, b.vhost) })
	return all, nil
}
