package lint

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"

	"github.com/eventrig/eventrig/internal/lint/jq"
	"github.com/eventrig/eventrig/internal/pipeline"
	"github.com/eventrig/eventrig/simulators/oslo"
)

// sample is one event as an EventSource would hand it on.
type sample struct {
	name      string // SERVICE/EVENT_TYPE[@VARIANT], as the catalogue of notifications has it
	eventType string
	value     map[string]any
}

// samples are the notifications of the catalogue that an event's binding would receive: for AMQP events on the exchange of
// an OpenStack service. Of other events nothing is known.
func samples(event pipeline.Event) []sample {
	if event.AMQP == nil || !event.AMQP.JSONBody {
		return nil
	}
	return routed(event.AMQP.ExchangeName, event.AMQP.RoutingKey)
}

// known holds what route has found, by exchange and binding: the catalogue is always the same, and large.
var known sync.Map

// routed are the notifications that a topic exchange hands to a binding. They are not to be changed.
func routed(exchange, binding string) []sample {
	key := [2]string{exchange, binding}
	if found, ok := known.Load(key); ok {
		return found.([]sample)
	}
	found := route(exchange, binding)
	known.Store(key, found)
	return found
}

func route(exchange, binding string) []sample {
	catalogue, err := oslo.Default()
	if err != nil {
		return nil
	}
	var found []sample
	for _, name := range catalogue.Names() {
		template, err := catalogue.Lookup(name)
		if err != nil || template.Exchange != exchange {
			continue
		}
		notification, route, err := template.Build(oslo.Options{Random: oslo.NewRandom(1)})
		if err != nil || !topicMatches(binding, route.RoutingKey) {
			continue
		}
		body, err := notification.Body(oslo.MessagingV2)
		if err != nil {
			continue
		}
		var decoded any
		if json.Unmarshal(body, &decoded) != nil {
			continue
		}
		found = append(found, sample{name: name, eventType: notification.EventType, value: amqpData(exchange, route.RoutingKey, decoded)})
	}
	return found
}

// amqpData is what an AMQP EventSource makes of a message (AMQPEventData of argo-events v1.9.10).
func amqpData(exchange, routingKey string, body any) map[string]any {
	return map[string]any{
		"contentType": "application/json", "contentEncoding": "utf-8", "deliveryMode": 2.0, "priority": 0.0, "correlationId": "",
		"replyTo": "", "expiration": "", "messageId": "", "timestamp": "0001-01-01 00:00:00 +0000 UTC", "type": "", "appId": "",
		"exchange": exchange, "routingKey": routingKey, "body": body,
	}
}

// topicMatches reports whether a topic exchange routes a key by a binding: * stands for a word, # for any number of them.
func topicMatches(binding, key string) bool {
	return wordsMatch(strings.Split(binding, "."), strings.Split(key, "."))
}

func wordsMatch(binding, key []string) bool {
	for i, word := range binding {
		if word == "#" {
			rest := binding[i+1:]
			for from := i; from <= len(key); from++ {
				if wordsMatch(rest, key[from:]) {
					return true
				}
			}
			return false
		}
		if i >= len(key) || word != "*" && word != key[i] {
			return false
		}
	}
	return len(binding) == len(key)
}

// shapeOf is what is known of the data of an event, by its type (pkg/eventsources/events of argo-events v1.9.10).
func shapeOf(event pipeline.Event) jq.Shape {
	text := jq.Of(jq.String)
	with := func(fields map[string]jq.Shape) jq.Shape {
		fields["metadata"] = jq.Anything
		return jq.Closed(fields)
	}
	switch {
	case event.AMQP != nil:
		body := text // base64: without jsonBody the body is a Go []byte
		if event.AMQP.JSONBody {
			body = jq.Anything
		}
		return with(map[string]jq.Shape{
			"contentType": text, "contentEncoding": text, "deliveryMode": jq.Of(jq.Number), "priority": jq.Of(jq.Number), "correlationId": text,
			"replyTo": text, "expiration": text, "messageId": text, "timestamp": text, "type": text, "appId": text, "exchange": text,
			"routingKey": text, "body": body,
		})
	case event.Webhook != nil:
		return with(map[string]jq.Shape{"header": jq.Of(jq.Object), "body": jq.Anything})
	case event.Resource != nil:
		object := jq.Shape{Kinds: jq.Object | jq.Null, Open: true, Fields: map[string]jq.Shape{"metadata": jq.Of(jq.Object)}}
		return with(map[string]jq.Shape{"type": text, "body": object, "oldBody": object, "group": text, "version": text, "resource": text})
	}
	return jq.Of(jq.Object)
}

// eventTypes are the event types of samples, each once, sorted.
func eventTypes(samples []sample) []string {
	types := make([]string, len(samples))
	for i, known := range samples {
		types[i] = known.eventType
	}
	slices.Sort(types)
	return slices.Compact(types)
}
