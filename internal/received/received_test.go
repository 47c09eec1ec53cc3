package received_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/message"
	"github.com/eventrig/eventrig/internal/received"
)

func TestMessage(t *testing.T) {
	// A body that looks like a recording is a body all the same.
	body := `{"payload": "e30=", "payload_encoding": "base64", "routing_key": "x"}`
	event, err := received.Event(scenario.Published{VHost: "nova", Exchange: "nova", RoutingKey: "notifications.info", Body: []byte(body)})
	if err != nil {
		t.Fatal(err)
	}
	if string(event.Data) != body || event.Form != message.Body || event.Passed != nil {
		t.Errorf("the body became %q, as %s", event.Data, event.Form)
	}
	if event.VHost != "nova" || event.Exchange != "nova" || event.RoutingKey != "notifications.info" || event.Source != "" {
		t.Errorf("its route: %+v", event)
	}
}

func TestWebhookCall(t *testing.T) {
	event, err := received.Event(scenario.Published{Source: "argo-events/hooks/alerts", Body: []byte(`{"a": 1}`), Header: http.Header{"X-Token": {"t"}}})
	if err != nil {
		t.Fatal(err)
	}
	var header http.Header
	if err := json.Unmarshal(event.Headers, &header); err != nil || header.Get("X-Token") != "t" {
		t.Errorf("header %s: %v", event.Headers, err)
	}
	if event.Source != "argo-events/hooks/alerts" || event.SourceType != "webhook" || string(event.Data) != `{"a": 1}` {
		t.Errorf("the call became %+v", event)
	}
}
