package handlers

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/eventrig/eventrig/simulators/oslo"
)

// nowhere is a network on which nothing answers.
type nowhere struct{}

func (nowhere) RoundTrip(*http.Request) (*http.Response, error) { return nil, errors.New("no network") }

// What the table says that a command takes is what its stand-in takes, of all types that services send.
func TestEventTypesAreThoseThatTheCommandsTake(t *testing.T) {
	catalogue, err := oslo.Default()
	if err != nil {
		t.Fatal(err)
	}
	types := []string{"nobody.sends.this"}
	for _, name := range catalogue.Names() {
		_, eventType, _ := strings.Cut(name, "/")
		eventType, _, _ = strings.Cut(eventType, "@")
		types = append(types, eventType)
	}
	for _, command := range EventCommands() {
		types = append(types, EventTypes(command)...)
	}
	slices.Sort(types)
	types = slices.Compact(types)
	root := t.TempDir()
	file := filepath.Join(root, "event.json")
	// The exit code with which each command says that it does not take a type, and how it is told the type.
	refuses := map[string]int{"openstack-oslo-event": exitNoHandler, "sync-keystone": 2, "sync-network-segment-range": 2}
	arguments := map[string]func(string) []string{
		"openstack-oslo-event": func(string) []string { return []string{"--file", "/event.json"} },
		"sync-keystone":        func(eventType string) []string { return []string{eventType, "1f0e8d7c6b5a49382716a5b4c3d2e1f0"} },
		"sync-network-segment-range": func(eventType string) []string {
			return []string{eventType, "name", "vxlan", "1f0e8d7c-6b5a-4938-2716-a5b4c3d2e1f0", "1", "2"}
		},
	}
	surroundings := Surroundings{Getenv: func(string) string { return "" }, Root: root, Stdout: io.Discard, Stderr: io.Discard, Now: time.Now, Transport: nowhere{}}
	for _, command := range EventCommands() {
		if arguments[command] == nil {
			t.Errorf("no test knows how %s is told the type of an event", command)
			continue
		}
		for _, eventType := range types {
			if err := os.WriteFile(file, []byte(`{"event_type": "`+eventType+`", "payload": {}}`), 0o644); err != nil {
				t.Fatal(err)
			}
			code := Run(context.Background(), surroundings, command, arguments[command](eventType))
			if takes := code != refuses[command]; takes != slices.Contains(EventTypes(command), eventType) {
				t.Errorf("%s ends with %d for %s; the table says that it takes it: %t", command, code, eventType, !takes)
			}
		}
	}
}

// The table has the handlers of openstack-oslo-event by the names and in the order in which they run.
func TestEventHandlersAreThoseThatRun(t *testing.T) {
	if got, want := EventTypes("openstack-oslo-event"), HandledEvents(); !slices.Equal(got, want) {
		t.Fatalf("the table has %v, the command %v", got, want)
	}
	for eventType, running := range eventHandlers {
		var names []string
		for _, one := range EventHandlers("openstack-oslo-event", eventType) {
			names = append(names, one.Name)
		}
		var want []string
		for _, one := range running {
			want = append(want, one.name)
		}
		if !slices.Equal(names, want) {
			t.Errorf("%s: the table has %v, the command runs %v", eventType, names, want)
		}
	}
}
