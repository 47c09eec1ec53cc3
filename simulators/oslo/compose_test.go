package oslo

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/eventrig/eventrig/internal/failure"
)

func TestComposeKeepsAllButThePayload(t *testing.T) {
	type network struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	}
	const name = "neutron/network.create.end"
	made, route := build(t, name, Options{})
	n, got, err := catalogue(t).Compose(name, map[string]any{"network": network{"n1", "<uuid:network>"}},
		Options{Set: map[string]any{"_context_user_id": "me"}})
	if err != nil {
		t.Fatal(err)
	}
	if got != route || n.PublisherID[:20] != made.PublisherID[:20] || n.Priority != made.Priority || n.EventType != made.EventType {
		t.Errorf("%+v to %v, want it as %+v to %v", n, got, made, route)
	}
	if n.Context["user_id"] != "me" || !slices.Equal(slices.Sorted(maps.Keys(n.Context)), slices.Sorted(maps.Keys(made.Context))) {
		t.Errorf("context %v", n.Context)
	}
	payload, err := json.Marshal(n.Payload)
	if want := `{"network":{"id":"n1","name":"\u003cuuid:network\u003e"}}`; err != nil || string(payload) != want {
		t.Errorf("payload %s (%v), want %s: a mark in a caller's value is text", payload, err, want)
	}
}

func TestComposeObjectKeepsTheFieldsOfTheVersion(t *testing.T) {
	const name = "ironic/baremetal.port.create.end"
	made, _ := build(t, name, Options{})
	n, _, err := catalogue(t).ComposeObject(name, map[string]any{"uuid": "p1", "address": "02:00:00:00:00:01", "links": []string{"not in the object"}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	data := objectData(n.Payload)
	if data["uuid"] != "p1" || data["address"] != "02:00:00:00:00:01" {
		t.Errorf("%v", data)
	}
	if want := slices.Sorted(maps.Keys(objectData(made.Payload))); !slices.Equal(slices.Sorted(maps.Keys(data)), want) {
		t.Errorf("fields %v, want %v", slices.Sorted(maps.Keys(data)), want)
	}
	if n.Payload["ironic_object.name"] != "PortCRUDPayload" {
		t.Errorf("%v", n.Payload)
	}
}

func TestComposeRefuses(t *testing.T) {
	c := catalogue(t)
	for name, test := range map[string]struct {
		run  func() error
		want string
	}{
		"an unknown event type": {func() error {
			_, _, err := c.Compose("neutron/network.create.ended", map[string]any{}, Options{})
			return err
		}, "nearest: neutron/network.create.end"},
		"no payload": {func() error {
			_, _, err := c.Compose("neutron/network.create.end", nil, Options{})
			return err
		}, "no payload"},
		"a payload that is not JSON": {func() error {
			_, _, err := c.Compose("neutron/network.create.end", map[string]any{"x": func() {}}, Options{})
			return err
		}, "is not JSON"},
		"no versioned object": {func() error {
			_, _, err := c.ComposeObject("neutron/network.create.end", map[string]any{}, Options{})
			return err
		}, "no versioned object"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := test.run(); failure.ExitStatus(err) != 2 || !strings.Contains(err.Error(), test.want) {
				t.Errorf("exit status %d, %v", failure.ExitStatus(err), err)
			}
		})
	}
}
