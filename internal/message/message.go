// Package message reads recorded events, in every form in which people have them.
//
// In: files, or standard input, of JSON: one message, several one after the other (JSON Lines, or over several lines), a
// list of them, or any mixture. Out: one Event per message, with the body byte for byte as it would lie on the wire and
// what the recording tells of its route and its source. Numbers, the order of keys and what no form knows stay as they
// are: nothing is decoded and encoded again.
//
// The form of each message is told from its keys alone, each compared as it is written, in the order of Forms: the first
// that fits is taken, so that the same text is always read in the same way. Options.As overrules it.
package message

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/eventrig/eventrig/internal/failure"
)

// Form is how a message was written down.
type Form string

// The forms, in the order in which they are tried.
const (
	// CloudEvent is the bus's own: specversion, id, source and type, with data or data_base64. Argo Events writes the
	// EventSource's name into source and the event's into subject.
	CloudEvent Form = "cloudevent"
	// RabbitMQ is a message as RabbitMQ's management API returns it (POST /api/queues/VHOST/QUEUE/get), and with it the
	// management page's answers and rabbitmqadmin's raw_json and pretty_json; or as the API takes it for publishing: a text
	// payload and a routing_key, with payload_encoding or exchange.
	RabbitMQ Form = "rabbitmq"
	// Trace is a line of a log that the plugin rabbitmq_tracing writes as JSON: a payload in base64, exchange, routing_keys.
	Trace Form = "trace"
	// EventSource is what an EventSource passes on, which Sensors see as the event's data: a body, with exchange and
	// routingKey (AMQP), with header or headers (webhooks), or with type, version and resource (Kubernetes objects). An AMQP
	// body that is a text is base64, as an EventSource without jsonBody writes it, if it can be decoded.
	EventSource Form = "eventsource"
	// Envelope is a message as oslo.messaging's driver messagingv2 sends it: a text oslo.message.
	Envelope Form = "envelope"
	// Notification is a notification without an envelope, as the driver messaging sends it: event_type, with at least one of
	// payload, publisher_id and message_id.
	Notification Form = "notification"
	// Body is anything else: a webhook's body, a message that is none of oslo's, a misspelt envelope.
	Body Form = "body"
)

// Forms returns all forms in the order in which they are tried.
func Forms() []Form {
	return []Form{CloudEvent, RabbitMQ, Trace, EventSource, Envelope, Notification, Body}
}

// ParseForm reads a form's name; the empty name is no form, which means that it is to be found out.
func ParseForm(name string) (Form, error) {
	names := make([]string, 0, len(Forms()))
	for _, form := range Forms() {
		if name == "" || name == string(form) {
			return Form(name), nil
		}
		names = append(names, string(form))
	}
	return "", failure.New(failure.BadInput, "give one of "+strings.Join(names, ", "), "unknown form of a message %q", name)
}

// Event is one recorded message.
type Event struct {
	File  string // as it was named; Stdin for standard input
	Line  int    // where it starts in the file, from 1
	Index int    // its place among the file's messages, from 1
	Form  Form

	// Raw is the message as the file has it, all of it.
	Raw []byte
	// Data is the body as it would lie on the wire: what an AMQP publisher sends or a webhook's caller posts.
	Data []byte
	// Content is what Data is: Envelope, Notification or Body.
	Content Form
	// Passed is what the EventSource passed on, which is what a Sensor sees, byte for byte; nil where the recording is
	// from before an EventSource.
	Passed []byte
	// Notification is the notification's JSON, out of its envelope where it has one; nil where there is none, or where the
	// envelope's text is no JSON object.
	Notification []byte

	VHost, Exchange, RoutingKey string
	// Source is the EventSource's event that the message is known to come by, NAMESPACE/NAME/EVENT or NAME/EVENT: a
	// scenario's webhook says so. No recording does.
	Source string
	// SourceName and EventName are a CloudEvent's source and subject.
	SourceName, EventName string
	// CloudEventID and SourceType are a CloudEvent's id and type (amqp, webhook, resource, ...).
	CloudEventID, SourceType string

	// Of the notification.
	EventType, PublisherID, MessageID string

	// Properties are the AMQP properties, with the headers among them, as RabbitMQ shows them; nil where the recording has
	// none.
	Properties json.RawMessage
	// Headers are the HTTP headers that a webhook's EventSource passed on, as they were recorded.
	Headers json.RawMessage
}

// Stdin is the name that stands for standard input.
const Stdin = "-"

// Place says where the event stands: FILE:LINE.
func (e Event) Place() string { return place(e.File, e.Line) }

func place(file string, line int) string {
	if file == Stdin {
		file = "standard input"
	}
	return fmt.Sprintf("%s:%d", file, line)
}

// IsEventType reports whether a path, as a Sensor's filter has it, is that of a notification's type, whatever the notification lies in.
func IsEventType(path string) bool {
	return path == "event_type" || strings.HasSuffix(path, ".event_type")
}
