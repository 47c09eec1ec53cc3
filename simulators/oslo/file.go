package oslo

import (
	"encoding/hex"

	"github.com/google/uuid"

	"github.com/eventrig/eventrig/internal/failure"
)

// Parse reads a captured notification, in oslo's envelope or bare, and says which driver wrote it.
func Parse(data []byte) (Notification, Driver, error) {
	document, err := decodeObject(data)
	if err != nil {
		return Notification{}, "", err
	}
	driver := Messaging
	if wrapped, ok := document[envelope]; ok {
		text, ok := wrapped.(string)
		if !ok {
			return Notification{}, "", failure.New(failure.BadInput, "", "%s must be a string that holds JSON, is %s", envelope, kind(wrapped))
		}
		if document, err = decodeObject([]byte(text)); err != nil {
			return Notification{}, "", failure.New(failure.BadInput, "", "in %s: %w", envelope, err)
		}
		driver = MessagingV2
	}
	if _, ok := document["event_type"]; !ok {
		return Notification{}, "", failure.New(failure.BadInput, "give the message as it lay in the queue, or what its oslo.message holds",
			"this is no notification: it has no event_type")
	}
	n, err := fromDocument(document)
	return n, driver, err
}

func decodeObject(data []byte) (map[string]any, error) {
	value, err := decode(data)
	if err != nil {
		return nil, failure.New(failure.BadInput, "", "a notification is JSON: %w", err)
	}
	document, ok := value.(map[string]any)
	if !ok {
		return nil, failure.New(failure.BadInput, "", "a notification is an object, not %s", kind(value))
	}
	return document, nil
}

// Edit returns the notification with Options.Set and Options.Remove applied; n itself is not changed.
func (n Notification) Edit(options Options) (Notification, error) {
	copied, err := normalise(n.Document())
	if err != nil {
		return Notification{}, err
	}
	edited, err := edit(copied.(map[string]any), options) // a document is an object
	if err != nil {
		return Notification{}, err
	}
	if edited.removed["priority"] {
		edited.Priority = n.Priority
	}
	return edited, nil
}

// Fresh returns the notification with identifiers of its own, for sending it more than once.
func (n Notification) Fresh(options Options) Notification {
	f := filler{draw: drawFrom(options.Random), eventType: n.EventType}
	n.MessageID = uuid.UUID(f.identity("message_id")).String()
	unique := f.identity("_unique_id")
	n.UniqueID = hex.EncodeToString(unique[:])
	return n
}
