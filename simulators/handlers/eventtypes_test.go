package handlers_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/eventrig/eventrig/simulators/handlers"
	"github.com/eventrig/eventrig/simulators/oslo"
)

func TestHandledEventTypesAreOnesThatServicesSend(t *testing.T) {
	catalogue, err := oslo.Default()
	if err != nil {
		t.Fatal(err)
	}
	var sent []string
	for _, name := range catalogue.Names() {
		_, event, _ := strings.Cut(name, "/")
		event, _, _ = strings.Cut(event, "@")
		sent = append(sent, event)
	}
	if commands := handlers.EventCommands(); len(commands) < 3 {
		t.Fatalf("commands %v", commands)
	}
	for _, command := range handlers.EventCommands() {
		for _, eventType := range handlers.EventTypes(command) {
			if !slices.Contains(sent, eventType) {
				t.Errorf("%s takes %s, which the catalogue of notifications does not have", command, eventType)
			}
			for _, handler := range handlers.EventHandlers(command, eventType) {
				if handler.Name == "" || len(handler.Writes) == 0 {
					t.Errorf("%s of %s: %+v", eventType, command, handler)
				}
				for _, raised := range handler.Raises {
					if !slices.Contains(sent, raised) {
						t.Errorf("%s raises %s, which the catalogue does not have", handler.Name, raised)
					}
				}
			}
		}
	}
}

func TestHandlersRunInOrder(t *testing.T) {
	found := handlers.EventHandlers("openstack-oslo-event", "baremetal.node.provision_set.end")
	if len(found) != 2 || found[0].Name != "ironic_node.handle_provision_end" || found[1].Name != "nautobot_device_sync.handle_node_event" {
		t.Errorf("handlers %+v", found)
	}
	if found := handlers.EventHandlers("openstack-oslo-event", "network.create.end"); len(found) != 0 {
		t.Errorf("network.create.end has handlers: %+v", found)
	}
	if found := handlers.EventTypes("undersync-switch"); len(found) != 0 {
		t.Errorf("undersync-switch takes events: %v", found)
	}
}
