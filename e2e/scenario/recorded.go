package scenario

import "github.com/eventrig/eventrig/internal/message"

// Recorded is a message as it lay in a queue, with its route as far as the recording tells.
type Recorded struct {
	VHost      string `json:"vhost,omitempty"`
	Exchange   string `json:"exchange,omitempty"`
	RoutingKey string `json:"routing_key,omitempty"`
	Body       []byte `json:"body"`
}

// ReadRecorded reads a recording in any of the forms that package message knows; file is the name that errors give it. A
// body is kept byte for byte, but for white space around it.
func ReadRecorded(file string, data []byte) ([]Recorded, error) {
	events, err := message.Parse(file, data)
	if err != nil {
		return nil, err
	}
	found := make([]Recorded, 0, len(events))
	for _, event := range events {
		found = append(found, Recorded{VHost: event.VHost, Exchange: event.Exchange, RoutingKey: event.RoutingKey, Body: event.Data})
	}
	return found, nil
}
