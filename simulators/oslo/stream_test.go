package oslo

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// numbered is a sequence of messages that can be told apart.
func numbered(route Route, count int) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		for i := range count {
			if !yield(Message{route, fmt.Appendf(nil, `{"n": %d}`, i)}, nil) {
				return
			}
		}
	}
}

func TestStreamConfirmsEachInOrder(t *testing.T) {
	b := rabbit(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	route := Route{VHost: "bench", Exchange: "stream", RoutingKey: "ordered.info"}
	const count = 2*Window + 100
	next := 0
	err := publisher(t, "bench").Stream(ctx, numbered(route, count), func(m Message) error {
		if want := fmt.Sprintf(`{"n": %d}`, next); string(m.Body) != want || m.Route != route {
			return fmt.Errorf("confirmed %s to %v, want %s", m.Body, m.Route, want)
		}
		next++
		return nil
	})
	if err != nil || next != count {
		t.Fatalf("%d of %d confirmed: %v", next, count, err)
	}
	if state, err := b.Queue(ctx, "bench", route.RoutingKey); err != nil || state.Messages != count {
		t.Errorf("the queue has %+v, %v", state, err)
	}
}

// TestStreamConfirmsWhileItWaits sends the second message only after the first was confirmed: a slow sequence must not hold
// back the confirmations of what went before.
func TestStreamConfirmsWhileItWaits(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	route := Route{VHost: "bench", Exchange: "stream", RoutingKey: "waiting.info"}
	first := make(chan struct{})
	messages := func(yield func(Message, error) bool) {
		if !yield(Message{route, []byte("{}")}, nil) {
			return
		}
		select {
		case <-first:
			yield(Message{route, []byte("{}")}, nil)
		case <-ctx.Done():
			yield(Message{}, ctx.Err())
		}
	}
	calls := 0
	err := publisher(t, "bench").Stream(ctx, messages, func(Message) error {
		if calls++; calls == 1 {
			close(first)
		}
		return nil
	})
	if err != nil || calls != 2 {
		t.Errorf("%d confirmed, %v", calls, err)
	}
}

func TestStreamEndsAtTheFirstError(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	route := Route{VHost: "bench", Exchange: "stream", RoutingKey: "failing.info"}
	bad := errors.New("bad")
	count := func(calls *int) func(Message) error { return func(Message) error { *calls++; return nil } }

	confirmed := 0
	messages := func(yield func(Message, error) bool) {
		for m := range numbered(route, 10) {
			if !yield(m, nil) {
				return
			}
		}
		yield(Message{}, bad)
	}
	if err := publisher(t, "bench").Stream(ctx, messages, count(&confirmed)); !errors.Is(err, bad) || confirmed != 10 {
		t.Errorf("the sequence fails: %d confirmed, %v", confirmed, err)
	}
	confirmed = 0
	if err := publisher(t, "bench").Stream(ctx, numbered(route, 1_000_000), func(Message) error {
		if confirmed++; confirmed == 10 {
			return bad
		}
		return nil
	}); !errors.Is(err, bad) || confirmed != 10 {
		t.Errorf("the receiver fails: %d confirmed, %v", confirmed, err)
	}
	confirmed = 0
	if err := publisher(t, "bench").Stream(ctx, numbered(Route{VHost: "nova"}, 1), count(&confirmed)); err == nil || confirmed != 0 {
		t.Errorf("a route of another virtual host: %d confirmed, %v", confirmed, err)
	}
	ended, end := context.WithCancel(ctx)
	confirmed = 0
	err := publisher(t, "bench").Stream(ended, numbered(route, 1_000_000), func(Message) error {
		if confirmed++; confirmed == 10 {
			end()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("an ended context: %d confirmed, %v", confirmed, err)
	}
}

// TestStreamDoesNotClaimWhatABrokerLost closes the connection while messages are on their way.
func TestStreamDoesNotClaimWhatABrokerLost(t *testing.T) {
	b := rabbit(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	connection, err := b.Connect(ctx, "bench")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	p, err := NewPublisher(connection)
	if err != nil {
		t.Fatal(err)
	}
	route := Route{VHost: "bench", Exchange: "stream", RoutingKey: "lost.info"}
	confirmed := 0
	err = p.Stream(ctx, numbered(route, 1_000_000), func(Message) error {
		if confirmed++; confirmed == 100 {
			_ = connection.Close()
		}
		return nil
	})
	if err == nil || ctx.Err() != nil {
		t.Fatalf("the connection was closed, and Stream says %v after %d", err, confirmed)
	}
	state, err := b.Queue(ctx, "bench", route.RoutingKey)
	if err != nil || state.Messages < confirmed {
		t.Errorf("%d were confirmed, the queue has %+v (%v)", confirmed, state, err)
	}
}

// BenchmarkConfirmedPublish says how many messages a second a local RabbitMQ confirms, and how that is to what a bare loop
// over the AMQP library reaches on the same broker in the same run: ratio is Stream's rate by the bare loop's.
//
//	go test ./simulators/oslo -run '^$' -bench ConfirmedPublish -benchtime 50000x
func BenchmarkConfirmedPublish(b *testing.B) {
	p := publisher(b, "bench")
	n, route := build(b, "keystone/identity.project.created", Options{})
	body, err := n.Body(MessagingV2)
	if err != nil {
		b.Fatal(err)
	}
	route.VHost = "bench"
	rates := map[string]float64{}
	measure := func(name string, run func(b *testing.B)) {
		b.Run(name, func(b *testing.B) {
			run(b)
			rates[name] = float64(b.N) / b.Elapsed().Seconds()
			b.ReportMetric(rates[name], "msg/s")
			if bare := rates["bare loop"]; bare > 0 {
				b.ReportMetric(rates[name]/bare, "ratio")
			}
		})
	}
	if err := p.Publish(b.Context(), route, body); err != nil { // declares
		b.Fatal(err)
	}
	measure("bare loop", func(b *testing.B) { bareLoop(b, route, body) })
	measure("stream", func(b *testing.B) {
		err := p.Stream(b.Context(), func(yield func(Message, error) bool) {
			for range b.N {
				if !yield(Message{route, body}, nil) {
					return
				}
			}
		}, func(Message) error { return nil })
		if err != nil {
			b.Fatal(err)
		}
	})
	template, err := catalogue(b).Lookup("keystone/identity.project.created")
	if err != nil {
		b.Fatal(err)
	}
	fresh := func(b *testing.B, next func() (Message, error)) {
		err := p.Stream(b.Context(), func(yield func(Message, error) bool) {
			for range b.N {
				if !yield(next()) {
					return
				}
			}
		}, func(Message) error { return nil })
		if err != nil {
			b.Fatal(err)
		}
	}
	// As publish --count sends them.
	measure("stream of a series", func(b *testing.B) {
		series, err := template.Series(Options{}, MessagingV2)
		if err != nil {
			b.Fatal(err)
		}
		fresh(b, func() (Message, error) {
			m := series.Next().Message
			m.Route.VHost = route.VHost
			return m, nil
		})
	})
	measure("stream of notifications built one by one", func(b *testing.B) {
		fresh(b, func() (Message, error) {
			n, _, err := template.Build(Options{})
			if err != nil {
				return Message{}, err
			}
			body, err := n.Body(MessagingV2)
			return Message{route, body}, err
		})
	})
	b.Run("one at a time", func(b *testing.B) {
		for b.Loop() {
			if err := p.Publish(b.Context(), route, body); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
	})
}

// bareLoop publishes with the AMQP library alone and waits for the last confirmation, which confirms all.
func bareLoop(b *testing.B, route Route, body []byte) {
	connection, err := rabbit(b).Connect(b.Context(), route.VHost)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	channel, err := connection.Channel()
	if err != nil {
		b.Fatal(err)
	}
	if err := channel.Confirm(false); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	confirmations := make([]*amqp.DeferredConfirmation, 0, b.N)
	for range b.N {
		confirmation, err := channel.PublishWithDeferredConfirmWithContext(b.Context(), route.Exchange, route.RoutingKey, false, false,
			amqp.Publishing{ContentType: "application/json", ContentEncoding: "utf-8", DeliveryMode: amqp.Persistent, Body: body})
		if err != nil {
			b.Fatal(err)
		}
		confirmations = append(confirmations, confirmation)
	}
	for _, confirmation := range confirmations {
		if !confirmation.Wait() {
			b.Fatal("a message was not confirmed")
		}
	}
	b.StopTimer()
}

// BenchmarkBuild says what one notification costs to make, by itself and as one of a series.
func BenchmarkBuild(b *testing.B) {
	for _, name := range []string{"keystone/identity.project.created", "ironic/baremetal.node.provision_set.end", "nova/instance.create.end"} {
		template, err := catalogue(b).Lookup(name)
		if err != nil {
			b.Fatal(err)
		}
		random := NewRandom(1)
		b.Run(strings.ReplaceAll(name, "/", " ")+" one", func(b *testing.B) {
			for b.Loop() {
				n, _, err := template.Build(Options{Random: random})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := n.Body(MessagingV2); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(strings.ReplaceAll(name, "/", " ")+" of a series", func(b *testing.B) {
			series, err := template.Series(Options{Random: random}, MessagingV2)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				series.Next()
			}
		})
	}
}
