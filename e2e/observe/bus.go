package observe

import (
	"maps"
	"time"
)

// busState is what a pod's log says of its connections to the event bus. argo-events does not mend one that breaks: it looks
// every five seconds whether it has one, and then makes another (pkg/eventsources/eventing.go, pkg/sensors/listener.go).
// A Sensor on JetStream does not say which of its connections broke, so that nothing is noted of it.
type busState struct {
	triggers map[string]string    // that subscribed, by the client of their connection
	off      map[string]time.Time // what lost its connection, since when: triggers, or "" for an EventSource
}

// subscribed notes the subscription of a Sensor's trigger.
func (b *busState) subscribed(client, trigger string) {
	if b.triggers == nil {
		b.triggers = map[string]string{}
	}
	b.triggers[client] = trigger
	delete(b.off, trigger)
}

// rejoined notes that an EventSource made a connection anew.
func (b *busState) rejoined() { delete(b.off, "") }

// broke notes that a client's connection ended. That by which a pod elects its leader is not logged, and mends itself.
func (b *busState) broke(client string, source bool, at time.Time) {
	trigger, known := b.triggers[client]
	if !source && (!known || client == "") {
		return // it had no subscription yet
	}
	if b.off == nil {
		b.off = map[string]time.Time{}
	}
	b.off[trigger] = at
}

// restarted forgets what broke before a container's start.
func (b *busState) restarted(at time.Time) {
	maps.DeleteFunc(b.off, func(_ string, since time.Time) bool { return since.Before(at) })
}
