// Package oslo simulates how OpenStack services send notifications through oslo.messaging.
//
// In: a catalogue of notifications (package fixtures/notifications, or a captured message) and what a test wants changed in
// one. Out: the message exactly as oslo.messaging puts it on the wire (measured against oslo.messaging 16.1: envelope,
// properties, exchange, routing key, the default queue) and a publisher that sends it the way oslo does.
package oslo

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/eventrig/eventrig/internal/failure"
)

// Driver is oslo.messaging's notification driver, which decides the wire format.
type Driver string

// The drivers that services use.
const (
	MessagingV2 Driver = "messagingv2" // the notification as a JSON string in an envelope; what UnderStack sets
	Messaging   Driver = "messaging"   // the notification bare
)

// ParseDriver reads a driver's name.
func ParseDriver(name string) (Driver, error) {
	switch driver := Driver(name); driver {
	case MessagingV2, Messaging:
		return driver, nil
	default:
		return "", failure.New(failure.BadInput, "give messagingv2 or messaging", "unknown notification driver %q", name)
	}
}

// Notification is one notification, before a driver wraps it.
type Notification struct {
	MessageID   string
	PublisherID string // service.host
	EventType   string
	Priority    string // INFO, ERROR, ...
	Timestamp   string // as oslo writes it: 2006-01-02 15:04:05.000000, UTC
	UniqueID    string
	Payload     map[string]any
	Context     map[string]any // nil where the service passes no context; each key goes out as _context_KEY

	other   map[string]any  // fields that oslo does not write itself, kept from a captured message
	removed map[string]bool // fields that a test took out
}

// Route is where a notification goes.
type Route struct{ VHost, Exchange, RoutingKey string }

const (
	contextPrefix = "_context_"
	envelope      = "oslo.message"
)

// The fields of a notification in the order in which oslo.messaging writes them.
var fields = []string{"message_id", "publisher_id", "event_type", "priority", "payload", "timestamp", "_unique_id"}

// Document returns the notification as the JSON object that goes on the wire; the payload is shared, not copied.
func (n Notification) Document() map[string]any {
	document := map[string]any{
		"message_id": n.MessageID, "publisher_id": n.PublisherID, "event_type": n.EventType, "priority": n.Priority,
		"payload": n.Payload, "timestamp": n.Timestamp, "_unique_id": n.UniqueID,
	}
	for key, value := range n.Context {
		document[contextPrefix+key] = value
	}
	maps.Copy(document, n.other)
	for key := range n.removed {
		delete(document, key)
	}
	return document
}

// fromDocument reads a notification's JSON object.
func fromDocument(document map[string]any) (Notification, error) {
	n := Notification{removed: map[string]bool{}, other: map[string]any{}}
	texts := map[string]*string{
		"message_id": &n.MessageID, "publisher_id": &n.PublisherID, "event_type": &n.EventType, "priority": &n.Priority,
		"timestamp": &n.Timestamp, "_unique_id": &n.UniqueID,
	}
	for _, key := range fields {
		if _, ok := document[key]; !ok {
			n.removed[key] = true
		}
	}
	for key, value := range document {
		name, isContext := strings.CutPrefix(key, contextPrefix)
		switch target := texts[key]; {
		case target != nil:
			text, ok := value.(string)
			if !ok {
				return n, failure.New(failure.BadInput, "", "field %s must be a string, is %s", key, kind(value))
			}
			*target = text
		case key == "payload":
			payload, ok := value.(map[string]any)
			if !ok {
				return n, failure.New(failure.BadInput, "", "field payload must be an object, is %s", kind(value))
			}
			n.Payload = payload
		case isContext:
			if n.Context == nil {
				n.Context = map[string]any{}
			}
			n.Context[name] = value
		default:
			n.other[key] = value
		}
	}
	return n, nil
}

// Message returns the notification as oslo.messaging serialises it, without an envelope.
func (n Notification) Message() ([]byte, error) {
	document := n.Document()
	keys := make([]string, 0, len(document))
	for _, key := range fields {
		if has(document, key) {
			keys = append(keys, key)
		}
	}
	for _, key := range sortedKeys(document) {
		if !slices.Contains(fields, key) {
			keys = append(keys, key)
		}
	}
	return appendObject(make([]byte, 0, usualSize), keys, document)
}

// usualSize is enough for most messages, in bytes.
const usualSize = 4096

// Body returns the message body that a driver sends.
func (n Notification) Body(driver Driver) ([]byte, error) {
	message, err := n.Message()
	if err != nil {
		return nil, fmt.Errorf("serialise the notification: %w", err)
	}
	switch driver {
	case Messaging:
		return message, nil
	case MessagingV2, "":
		body := make([]byte, 0, len(message)+len(message)/4)
		return appendObject(body, []string{"oslo.version", envelope}, map[string]any{"oslo.version": "2.0", envelope: string(message)})
	default:
		return nil, failure.New(failure.BadInput, "give messagingv2 or messaging", "unknown notification driver %q", driver)
	}
}
