package offline

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/eventrig/eventrig/e2e/rig"
	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/pipeline"
)

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
