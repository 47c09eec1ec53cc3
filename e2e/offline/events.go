package offline

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/eventrig/eventrig/e2e/rig"
	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/message"
	"github.com/eventrig/eventrig/internal/pipeline"
)

// Event is a message as evaluate takes it: one of RabbitMQ with its route, a webhook call as its EventSource passes it on. The
// key names it.
func Event(key string, published scenario.Published, graph *pipeline.Graph) (message.Event, error) {
	var recorded any
	if published.Source == "" {
		recorded = map[string]any{
			"payload": published.Body, "payload_encoding": "base64", "payload_bytes": len(published.Body),
			"vhost": published.VHost, "exchange": published.Exchange, "routing_key": published.RoutingKey,
		}
	} else {
		call, err := webhookEvent(published, graph)
		if err != nil {
			return message.Event{}, err
		}
		recorded = call
	}
	written, err := json.Marshal(recorded)
	if err != nil {
		return message.Event{}, fmt.Errorf("read message %s: %w", key, err)
	}
	events, err := message.Parse(key, written)
	if err != nil {
		return message.Event{}, fmt.Errorf("read message %s: %w", key, err)
	}
	return events[0], nil
}

// webhookEvent is the CloudEvent of a webhook call (argo-events, pkg/eventsources/sources/webhook).
func webhookEvent(published scenario.Published, graph *pipeline.Graph) (map[string]any, error) {
	namespace, rest, _ := strings.Cut(published.Source, "/")
	name, event, _ := strings.Cut(rest, "/")
	data := map[string]any{
		"header": http.Header{"Content-Type": {"application/json"}, "Content-Length": {strconv.Itoa(len(published.Body))}, "User-Agent": {"Go-http-client/1.1"}, "Accept-Encoding": {"gzip"}},
		"body":   json.RawMessage(published.Body),
	}
	hook, there := graph.Event(namespace, name, event)
	if !there || hook.Webhook == nil {
		return nil, failure.New(failure.BadInput, "name a webhook event of an EventSource", "there is no webhook %s", published.Source)
	}
	if hook.Webhook.Metadata != nil {
		data["metadata"] = hook.Webhook.Metadata
	}
	return map[string]any{"specversion": "1.0", "id": "webhook", "source": name, "subject": event, "type": "webhook", "data": data}, nil
}

// call makes a webhook step's call.
func (p *play) call(step scenario.Webhook) (scenario.Message, error) {
	source, err := p.eventSource(step.EventSource)
	if err != nil {
		return scenario.Message{}, err
	}
	call, err := rig.ComposeWebhook(source.Typed, step)
	if err != nil {
		return scenario.Message{}, err
	}
	message := scenario.Message{Published: call.Published, Silent: call.Silent, Send: func(context.Context) error { return nil }}
	if !message.Silent && !json.Valid(call.Body) {
		// The EventSource answers it with an error, which the step does not want: at another tier the step fails.
		return message, failure.New(failure.Check, "give status: 400, or a body that is JSON", "EventSource %s takes no body that is not JSON", step.EventSource)
	}
	if method := cmp.Or(source.Typed.Spec.Webhook[step.Event].Method, http.MethodPost); !message.Silent && step.Method != "" && step.Method != method {
		return message, failure.New(failure.Check, "leave method out, or give status: 400", "EventSource %s takes %s, not %s", step.EventSource, method, step.Method)
	}
	return message, nil
}

// eventSource finds an EventSource by name or namespace/name.
func (p *play) eventSource(name string) (pipeline.EventSource, error) {
	var names []string
	for _, source := range p.manifests.graph.EventSources() {
		full := source.GetNamespace() + "/" + source.GetName()
		if full == name || strings.HasSuffix(full, "/"+name) {
			return source, nil
		}
		names = append(names, full)
	}
	return pipeline.EventSource{}, failure.New(failure.BadInput, "the manifests have "+strings.Join(names, ", "), "there is no EventSource %q", name)
}
