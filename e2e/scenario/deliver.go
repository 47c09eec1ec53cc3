package scenario

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/eventrig/eventrig/internal/ledger"
)

// publish sends a step's messages and follows them.
func (r *runner) publish(ctx context.Context, what string, step Step) error {
	return r.deliver(ctx, what, func() ([]Message, error) { return r.rig.Messages(ctx, step) }, true)
}

// deliver sends the messages that make makes, which needs somebody to hear them.
func (r *runner) deliver(ctx context.Context, what string, make func() ([]Message, error), heard bool) error {
	if heard {
		if err := r.awaitReady(ctx); err != nil {
			return err
		}
	}
	messages, err := make()
	if err != nil {
		return fmt.Errorf("publish %s: %w", what, err)
	}
	sent := 0
	for batch := range slices.Chunk(messages, window) {
		r.waiting(fmt.Sprintf("message %d of %d to be taken", sent+1, len(messages)))
		if err := r.send(ctx, batch); err != nil {
			return fmt.Errorf("publish %s: %w", what, err)
		}
		sent += len(batch)
	}
	return nil
}

// awaitReady waits for the EventSources and Sensors, unless nothing has changed since the last time.
func (r *runner) awaitReady(ctx context.Context) error {
	if r.ready {
		return nil
	}
	r.waiting("the EventSources and Sensors")
	if err := r.rig.Observer().Ready(ctx); err != nil {
		return fmt.Errorf("wait for the EventSources and Sensors: %w", err)
	}
	r.ready = true
	return nil
}

// window is how many messages of one step are on their way to the broker at once. They are announced together before the
// first of them goes, so that it also bounds by how much an announcement is early.
const window = 256

// send follows messages, sends them in their order and returns when all are taken.
func (r *runner) send(ctx context.Context, messages []Message) error {
	keys, err := r.follow(messages)
	if err != nil {
		return fmt.Errorf("follow it: %w", err)
	}
	type begun struct {
		message Message
		key     string
		wait    func(context.Context) error
	}
	var underway []begun
	settle := func() error {
		for _, one := range underway {
			if err := one.wait(ctx); err != nil {
				return err
			}
			r.confirmed(one.message, one.key)
		}
		underway = nil
		return nil
	}
	for i, m := range messages {
		// The time before, because an EventSource may have the message before the confirmation is here.
		m.Time = time.Now()
		if m.Begin != nil {
			wait, err := m.Begin(ctx)
			if err != nil {
				return errors.Join(settle(), err)
			}
			underway = append(underway, begun{m, keys[i], wait})
			continue
		}
		if err := settle(); err != nil {
			return err
		}
		if err := m.Send(ctx); err != nil {
			return err
		}
		if !m.Silent {
			r.confirmed(m, keys[i])
		}
	}
	return settle()
}

// follow announces messages to the observer and makes them the scenario's. It returns their keys in the ledger; that of a
// silent one is empty.
func (r *runner) follow(messages []Message) ([]string, error) {
	keys := make([]string, len(messages))
	var heard []Published
	var at []int
	for i, m := range messages {
		if !m.Silent {
			m.Time = time.Now()
			heard, at = append(heard, m.Published), append(at, i)
		}
	}
	if len(heard) == 0 {
		return keys, nil
	}
	tracked, err := r.rig.Observer().Track(heard, r.keys...)
	if err != nil {
		return nil, err
	}
	for i, key := range tracked {
		keys[at[i]] = key
	}
	r.own(tracked...)
	r.sentHere(tracked...)
	return keys, nil
}

// sentHere notes that the step under way sent messages. One that is sent again is told of its first time.
func (r *runner) sentHere(keys ...string) {
	if r.places == nil {
		r.places = map[string]string{}
	}
	for _, key := range keys {
		if _, known := r.places[key]; !known {
			r.places[key] = fmt.Sprintf("%s, line %d", r.at, r.line)
		}
	}
}

// confirmed notes in the ledger that a message was taken.
func (r *runner) confirmed(m Message, key string) {
	to := cmpText(m.Source, m.VHost+"/"+m.Exchange+"/"+m.RoutingKey)
	verdict := "confirmed"
	if _, is := r.rig.(Partial); is {
		verdict = "evaluated" // nobody is there who could confirm it
	}
	r.rig.Ledger().Append(ledger.Record{Time: m.Time, Hop: ledger.Published, MessageID: key, Verdict: verdict, Object: to,
		Details: map[string]any{"event_type": m.EventType, "bytes": len(m.Body)}})
	r.log("published %s %s to %s", m.EventType, key, to)
}

// adopt makes the notifications that the scenario's pods caused in the simulated cloud the scenario's.
func (r *runner) adopt() {
	if caused := r.stores.Caused(); len(caused) > 0 {
		r.own(caused...)
	}
}

// own makes messages the scenario's.
func (r *runner) own(keys ...string) {
	known := map[string]bool{}
	for _, key := range r.keys {
		known[key] = true
	}
	all := r.keys
	for _, key := range keys {
		if !known[key] {
			known[key] = true
			all = append(all, key)
		}
	}
	if len(all) == len(r.keys) {
		return
	}
	r.mu.Lock()
	r.keys = all
	r.mu.Unlock()
	r.stores.Own(all)
}

// owned returns the scenario's messages so far, for another goroutine than the runner's.
func (r *runner) owned() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.keys
}
