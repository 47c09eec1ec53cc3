package oslo

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/eventrig/eventrig/internal/failure"
)

// sameAsBuilt holds two notifications of a series against those that Build makes from the same seed.
func sameAsBuilt(t *testing.T, name string, driver Driver, options Options) {
	t.Helper()
	template, err := catalogue(t).Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	options.Now = time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	options.Random = NewRandom(7)
	series, err := template.Series(options, driver)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	rendered := []Rendered{series.Next(), series.Next()}
	options.Random = NewRandom(7)
	for i, got := range rendered {
		n, route, err := template.Build(options)
		if err != nil {
			t.Fatal(err)
		}
		body, err := n.Body(driver)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Body, body) || got.Route != route || got.MessageID != n.MessageID || got.EventType != n.EventType {
			t.Errorf("%s, number %d:\n%+v %s\nbuilt is\n%v %s %s", name, i, got.Route, got.Body, route, n.MessageID, body)
		}
	}
}

// TestSeriesIsWhatBuildMakes holds every notification of the catalogue.
func TestSeriesIsWhatBuildMakes(t *testing.T) {
	for _, name := range catalogue(t).Names() {
		sameAsBuilt(t, name, MessagingV2, Options{})
	}
	const project = "keystone/identity.project.created"
	sameAsBuilt(t, project, Messaging, Options{})
	for name, options := range map[string]Options{
		"an identifier replaced":   {Set: map[string]any{"payload.target.id": "abc"}},
		"text to be escaped":       {Set: map[string]any{"payload.name": "Zoë \"\\\n <uuid:x>"}},
		"below an object":          {Set: map[string]any{"payload.x.y": Literal("[1, {\"a\": null}]")}},
		"the message's identifier": {Set: map[string]any{"message_id": "mine"}},
		"a level":                  {Set: map[string]any{"priority": "ERROR"}},
		"another type":             {Set: map[string]any{"event_type": "identity.project.updated"}},
		"no identifiers":           {Remove: []string{"message_id", "_unique_id", "payload.target"}},
		"no level":                 {Remove: []string{"priority"}},
	} {
		t.Run(name, func(t *testing.T) {
			sameAsBuilt(t, project, MessagingV2, options)
			sameAsBuilt(t, project, Messaging, options)
		})
	}
}

// TestSeriesOfACapturedMessage: each copy has identifiers of its own, and nothing else changes.
func TestSeriesOfACapturedMessage(t *testing.T) {
	n, route := build(t, "nova/instance.create.end", Options{})
	series, err := n.Series(route, Options{Random: NewRandom(3)}, MessagingV2)
	if err != nil {
		t.Fatal(err)
	}
	random := NewRandom(3)
	for range 2 {
		got, want := series.Next(), n.Fresh(Options{Random: random})
		body, err := want.Body(MessagingV2)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Body, body) || got.MessageID != want.MessageID || got.Route != route {
			t.Errorf("%s\nwant\n%s", got.Body, body)
		}
	}
}

func TestSeriesTellsTheTimeOfEachMessage(t *testing.T) {
	template, err := catalogue(t).Lookup("keystone/identity.project.created")
	if err != nil {
		t.Fatal(err)
	}
	series, err := template.Series(Options{}, Messaging)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now().UTC()
	for range 2 {
		n, _, err := Parse(series.Next().Body)
		if err != nil {
			t.Fatal(err)
		}
		at, err := time.Parse(timeLayouts["oslo"], n.Timestamp)
		if err != nil || at.Before(began.Truncate(time.Microsecond)) || time.Since(at) < 0 {
			t.Errorf("the message says %q (%v), was made after %v", n.Timestamp, err, began)
		}
		began = at
	}
}

func TestSeriesRefusesWhatBuildRefuses(t *testing.T) {
	template, err := catalogue(t).Lookup("keystone/identity.project.created")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := template.Series(Options{Set: map[string]any{"paylod.x": 1}}, MessagingV2); failure.ExitStatus(err) != 2 || !strings.Contains(err.Error(), "nearest: payload") {
		t.Errorf("a bad edit: %v", err)
	}
	if _, err := template.Series(Options{}, "carrier pigeon"); failure.ExitStatus(err) != 2 {
		t.Errorf("an unknown driver: %v", err)
	}
}
