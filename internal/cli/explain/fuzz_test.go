package explain

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/message"
)

// FuzzExplain reads anything as events: a result or bad input, and nothing else.
func FuzzExplain(f *testing.F) {
	event := notification(f, "keystone/identity.project.created")
	for _, seed := range []string{event, event + "\n" + event, "[" + event + ",", "{}", "[]", "", "\x00", "\x1f\x8b", `{"event_type": 5, "payload": null}`, `{"body": {}, "exchange": "keystone", "routingKey": "notifications.info"}`,
		`{"body": {"alerts": []}, "header": {}}`, `{"type": "ADD", "version": "v1", "resource": "secrets", "body": {"metadata": null}}`, `{"oslo.message": "{\"publisher_id\": \"identity.x\", \"event_type\": \"identity.project.created\"}"}`} {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed), false)
	}
	graph, err := new(flags).graph(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte, asJSON bool) {
		var given flags
		command := given.command()
		var out bytes.Buffer
		command.SetOut(&out)
		command.SetErr(io.Discard)
		command.SetIn(bytes.NewReader(data))
		arguments := []string{"--event", "-"}
		if asJSON {
			arguments = append(arguments, "-o", "json")
		}
		if err := command.ParseFlags(arguments); err != nil {
			t.Fatal(err)
		}
		command.SetContext(t.Context())
		err := given.explain(command, graph)
		switch status := failure.ExitStatus(err); {
		case err != nil && (status != 2 || out.Len() > 0 || !strings.Contains(err.Error(), "standard input:")):
			t.Errorf("exit status %d, %d bytes, %v", status, out.Len(), err)
		case err == nil && out.Len() == 0:
			t.Error("nothing is said")
		case err == nil && asJSON && !json.Valid(out.Bytes()):
			t.Errorf("not JSON: %s", out.Bytes())
		}
	})
}

// FuzzDiff holds two events against each other: with all that differs taken over, one is the other.
func FuzzDiff(f *testing.F) {
	a, b := notification(f, "keystone/identity.project.created"), notification(f, "nova/compute.instance.delete.end")
	f.Add(a, b)
	f.Add(a, strings.Replace(a, "oslo.message", "oslomessage", 1))
	f.Add(`{"a": {"b": 1, "c.d": [1, {"x": null}]}}`, `{"a": {"b": null, "c.d": [1]}, "e\\f": {}}`)
	f.Add(`{"a": 1}`, `{"a": {"b": 1}}`)
	f.Add(`{"": {"": 1}}`, `{"": {}}`)
	f.Add(`{"event_type": "x", "payload": {"n": 1e400}}`, `{"event_type": "x", "payload": {"n": 10000000000000000000000}}`)
	f.Fuzz(func(t *testing.T, one, two string) {
		read := func(text string) (message.Event, bool) {
			events, err := message.Parse("e", []byte(text))
			if err != nil || len(events) != 1 {
				return message.Event{}, false
			}
			return events[0], true
		}
		event, ok := read(one)
		other, ok2 := read(two)
		if !ok || !ok2 {
			return
		}
		changes := changesBetween(event, other)
		changed, err := with(event, other, changes)
		if err != nil {
			t.Fatalf("%v", err)
		}
		if same := changesBetween(event, event); len(same) > 0 {
			t.Errorf("an event differs from itself: %+v", same)
		}
		var left []string
		for _, change := range changesBetween(changed, other) {
			if change.keys != nil {
				left = append(left, change.Path)
			}
		}
		if len(left) > 0 {
			t.Errorf("%v are different still, of %d changes", left, len(changes))
		}
	})
}
