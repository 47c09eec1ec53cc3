package message

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/eventrig/eventrig/internal/failure"
)

// object is a JSON object with its values as they are written. Unlike with a struct, keys are told apart by case.
type object map[string]json.RawMessage

func parse(raw []byte) (object, bool) {
	var o object
	err := json.Unmarshal(raw, &o)
	return o, err == nil && o != nil
}

func (o object) has(keys ...string) bool {
	for _, key := range keys {
		if _, ok := o[key]; !ok {
			return false
		}
	}
	return true
}

// kind tells the type of a value by its first byte: '"', '{', '[', 't', 'f', 'n', '0' for a number, 0 for none.
func (o object) kind(key string) byte {
	value := o[key]
	switch {
	case len(value) == 0:
		return 0
	case value[0] == '-' || value[0] >= '0' && value[0] <= '9':
		return '0'
	}
	return value[0]
}

func (o object) texts(keys ...string) bool {
	for _, key := range keys {
		if o.kind(key) != '"' {
			return false
		}
	}
	return true
}

// text returns a text, or "" where there is none.
func (o object) text(key string) string {
	value, _ := unquote(o[key])
	return value
}

// detect makes an event of an object, which is valid JSON.
func detect(raw []byte, as Form) (Event, error) {
	o, ok := parse(raw)
	if !ok {
		return Event{}, fmt.Errorf("a message is a JSON object, not %.40q", raw)
	}
	form := as
	if as == "" {
		form = formOf(o)
	} else if !fits(as, o) && !(as == EventSource && o.has("body")) { // there are many kinds of EventSource
		return Event{}, failure.New(failure.BadInput, "leave out the form, and it is found out", "it is not of the form %s", as)
	}
	event := Event{Form: form, Data: raw}
	var err error
	switch form {
	case CloudEvent:
		err = event.cloudEvent(o)
	case RabbitMQ, Trace:
		err = event.managed(o)
	case EventSource:
		event.passed(o, raw)
	}
	if err != nil {
		return Event{}, err
	}
	if as == Body {
		event.Content = Body
		return event, nil
	}
	event.content()
	return event, nil
}

func formOf(o object) Form {
	for _, form := range Forms() {
		if fits(form, o) {
			return form
		}
	}
	return Body
}

func fits(form Form, o object) bool {
	switch form {
	case CloudEvent:
		return o.texts("specversion", "id", "source", "type") && (o.has("data") || o.texts("data_base64"))
	case RabbitMQ:
		return o.texts("payload", "routing_key") && (o.texts("payload_encoding") || o.texts("exchange"))
	case Trace:
		return o.texts("payload", "exchange", "type") && o.kind("routing_keys") == '['
	case EventSource:
		return o.has("body") && (o.texts("exchange", "routingKey") || o.kind("header") == '{' || o.kind("headers") == '{' ||
			o.texts("type", "version", "resource"))
	case Envelope:
		return o.texts("oslo.message")
	case Notification:
		return o.texts("event_type") && (o.has("payload") || o.has("publisher_id") || o.has("message_id"))
	}
	return form == Body
}

func (e *Event) cloudEvent(o object) error {
	e.SourceName, e.EventName = o.text("source"), o.text("subject")
	e.CloudEventID, e.SourceType = o.text("id"), o.text("type")
	data := []byte(o["data"])
	switch {
	case !o.has("data"):
		encoded, err := unquote(o["data_base64"])
		if err == nil {
			data, err = base64.StdEncoding.DecodeString(encoded)
		}
		if err != nil {
			return fmt.Errorf("decode the CloudEvent's data_base64: %w", err)
		}
	case o.kind("data") == '"' && o.texts("datacontenttype") && !strings.Contains(o.text("datacontenttype"), "json"):
		text, err := unquote(o["data"])
		if err != nil {
			return fmt.Errorf("read the CloudEvent's data: %w", err)
		}
		data = []byte(text) // the CloudEvents format writes what is not JSON as a text
	}
	e.Data, e.Passed = data, data
	if inner, ok := parse(data); ok && fits(EventSource, inner) {
		e.passed(inner, data)
	}
	return nil
}

// passed reads what an EventSource passed on.
func (e *Event) passed(o object, raw []byte) {
	e.Passed, e.Data = raw, o["body"]
	e.Exchange, e.RoutingKey = o.text("exchange"), o.text("routingKey")
	for _, key := range []string{"header", "headers"} {
		if o.kind(key) == '{' {
			e.Headers = o[key]
		}
	}
	// Without jsonBody an AMQP EventSource passes the body on as base64.
	if o.kind("body") == '"' && o.has("routingKey") {
		if decoded, err := base64.StdEncoding.DecodeString(o.text("body")); err == nil {
			e.Data = decoded
		}
	}
}

// managed reads a message as RabbitMQ's management API or its tracing plugin shows it.
func (e *Event) managed(o object) error {
	payload, err := unquote(o["payload"])
	if err != nil {
		return fmt.Errorf("read its payload: %w", err)
	}
	encoding := o.text("payload_encoding")
	if e.Form == Trace {
		encoding = "base64"
	}
	switch encoding {
	case "string", "":
		e.Data = []byte(payload)
	case "base64":
		if e.Data, err = base64.StdEncoding.DecodeString(payload); err != nil {
			return fmt.Errorf("decode its payload, which payload_encoding says is base64: %w", err)
		}
	default:
		return failure.New(failure.BadInput, "RabbitMQ writes string or base64", "payload_encoding is %q", encoding)
	}
	var size int
	if json.Unmarshal(o["payload_bytes"], &size) == nil && size > len(e.Data) && !json.Valid(e.Data) {
		return failure.New(failure.BadInput, "get it again, without truncate or with a larger one",
			"its payload is cut off: %d of %d bytes are there", len(e.Data), size)
	}
	e.VHost, e.Exchange, e.RoutingKey = o.text("vhost"), o.text("exchange"), o.text("routing_key")
	var keys []string
	if e.Form == Trace && json.Unmarshal(o["routing_keys"], &keys) == nil && len(keys) > 0 {
		e.RoutingKey = keys[0] // the others are those of the headers CC and BCC
	}
	if o.kind("properties") == '{' {
		e.Properties = o["properties"]
	}
	return nil
}

// content tells what the body is, and what a notification in it says of itself.
func (e *Event) content() {
	e.Content = Body
	o, ok := parse(e.Data)
	switch {
	case !ok:
		return
	case fits(Envelope, o):
		e.Content = Envelope
		text, err := unquote(o["oslo.message"])
		if err != nil {
			return
		}
		if o, ok = parse([]byte(text)); !ok {
			return
		}
		e.Notification = []byte(text)
	case fits(Notification, o):
		e.Content, e.Notification = Notification, e.Data
	default:
		return
	}
	e.EventType, e.PublisherID, e.MessageID = o.text("event_type"), o.text("publisher_id"), o.text("message_id")
}

var errLost = errors.New("a text in it is not Unicode, so its bytes cannot be told: have it in base64 (encoding base64)")

// unquote returns a JSON text, and an error where decoding would replace bytes or half characters by a mark.
func unquote(raw json.RawMessage) (string, error) {
	if len(raw) == 0 {
		return "", nil
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return "", err
	}
	if strings.Contains(text, string(utf8.RuneError)) {
		written := bytes.Count(raw, []byte(string(utf8.RuneError))) + bytes.Count(bytes.ToLower(raw), []byte(`\ufffd`))
		if written < strings.Count(text, string(utf8.RuneError)) {
			return "", errLost
		}
	}
	return text, nil
}
