package observe

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
)

// BusEvent is an event that an EventSource made of a message, as its log showed it.
type BusEvent struct {
	Key                    string // of the message
	ID                     string // of the CloudEvent
	Namespace, Name, Event string // of the EventSource, and its event
	Data                   json.RawMessage
	Time                   time.Time
}

// Events returns what EventSources made of the messages with these keys, in order of time; without keys, of all.
func (o *Observer) Events(keys ...string) []BusEvent {
	o.mu.Lock()
	defer o.mu.Unlock()
	var found []BusEvent
	for _, id := range sortedNames(o.state.events) {
		e := o.state.events[id]
		if e.data != nil && (len(keys) == 0 || slices.Contains(keys, e.key)) {
			found = append(found, BusEvent{Key: e.key, ID: e.id, Namespace: e.consumer.namespace, Name: e.consumer.name, Event: e.consumer.event, Data: e.data, Time: e.time})
		}
	}
	slices.SortStableFunc(found, func(a, b BusEvent) int { return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.ID, b.ID)) })
	return found
}

// Pipeline returns the EventSources and Sensors as the API server has them. They are not to be changed.
func (o *Observer) Pipeline() (sources []*v1alpha1.EventSource, sensors []*v1alpha1.Sensor) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, name := range sortedNames(o.state.sources) {
		sources = append(sources, o.state.sources[name])
	}
	for _, name := range sortedNames(o.state.sensors) {
		sensors = append(sensors, o.state.sensors[name])
	}
	return sources, sensors
}
