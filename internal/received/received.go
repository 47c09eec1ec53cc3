// Package received makes of what a scenario sends the event that an EventSource gets.
//
// In: a message for RabbitMQ, or the call of a webhook, as a scenario's step makes it. Out: the event as internal/evaluate
// takes it. Both places that evaluate scenarios without a cluster, the tier offline and a corpus, take it from here.
package received

import (
	"encoding/json"
	"fmt"

	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/message"
)

// Event is a sent message as its EventSource gets it: the body byte for byte, whatever it is, with the route by which it comes.
func Event(sent scenario.Published) (message.Event, error) {
	event := message.Wire(sent.Body)
	event.VHost, event.Exchange, event.RoutingKey = sent.VHost, sent.Exchange, sent.RoutingKey
	if sent.Source == "" {
		return event, nil
	}
	event.Source, event.SourceType = sent.Source, "webhook"
	var err error
	if event.Headers, err = json.Marshal(sent.Header); err != nil {
		return event, fmt.Errorf("write the header of the call of %s: %w", sent.Source, err)
	}
	return event, nil
}
