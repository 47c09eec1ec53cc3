package handlers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"
)

const osloEventLogger = "understack_workflows.main.openstack_oslo_event"

// The exit codes of openstack-oslo-event.
const (
	exitFailure   = 1 // a handler said that it failed
	exitParse     = 5
	exitNoHandler = 6
	exitClient    = 7
	exitHandler   = 8 // a handler raised an exception
)

// outputs is where argoexec finds what a handler leaves for the Workflow's next steps.
const outputs = "/var/run/argo"

// osloEvent is one run of openstack-oslo-event.
type osloEvent struct {
	Surroundings
	cloud    *cloud
	nautobot nautobotClient
	fields   object // of the notification
}

// eventHandler handles one notification; an error is what an exception is in Python.
type eventHandler struct {
	name string
	run  func(ctx context.Context, e *osloEvent) (int, error)
}

var eventHandlers = map[string][]eventHandler{
	"baremetal.port.create.end":         {{"ironic_port.handle_port_create_update", portChanged}},
	"baremetal.port.update.end":         {{"ironic_port.handle_port_create_update", portChanged}},
	"baremetal.port.delete.end":         {{"ironic_port.handle_port_delete", portDeleted}},
	"baremetal.portgroup.create.end":    {{"ironic_portgroup.handle_portgroup_create_update", portgroupChanged}},
	"baremetal.portgroup.update.end":    {{"ironic_portgroup.handle_portgroup_create_update", portgroupChanged}},
	"baremetal.portgroup.delete.end":    {{"ironic_portgroup.handle_portgroup_delete", portgroupDeleted}},
	"baremetal.node.update.end":         {{"nautobot_device_sync.handle_node_event", nodeChanged}},
	"baremetal.node.delete.end":         {{"nautobot_device_sync.handle_node_delete_event", nodeDeleted}},
	"baremetal.node.provision_set.end":  {{"ironic_node.handle_provision_end", nodeProvisioned}, {"nautobot_device_sync.handle_node_event", nodeChanged}},
	"identity.project.created":          {{"keystone_project.handle_project_created", projectCreated}},
	"identity.project.updated":          {{"keystone_project.handle_project_updated", projectUpdated}},
	"identity.project.deleted":          {{"keystone_project.handle_project_deleted", projectDeleted}},
	"volume_type_project.access.add":    {{"cinder_volume_type.handle_volume_type_access_added", volumeTypeAdded}},
	"volume_type_project.access.remove": {{"cinder_volume_type.handle_volume_type_access_removed", volumeTypeRemoved}},
}

// HandledEvents are the types of notification that openstack-oslo-event has a handler for.
func HandledEvents() []string {
	var types []string
	for name := range eventHandlers {
		types = append(types, name)
	}
	sort.Strings(types)
	return types
}

// openstackOsloEvent is `openstack-oslo-event [--file FILE]`: a notification without its envelope goes to each of its type's
// handlers. The last one's result counts, whatever those before said.
func openstackOsloEvent(ctx context.Context, s Surroundings, arguments []string) int {
	values, code, done := s.arguments(parser{
		program: "openstack-oslo-event", description: "OpenStack Event Receiver",
		options: append([]option{
			{name: "--os-cloud", metavar: "OS_CLOUD", help: "Cloud to load. default: None"},
			{name: "--file", metavar: "FILE", help: "Read event from a file instead of stdin"},
		}, nautobotOptions...),
	}, arguments)
	if done {
		return code
	}
	e := &osloEvent{Surroundings: s}
	if err := e.read(values["--file"]); err != nil {
		e.log("ERROR", "Event parsing failed\n%v", err)
		return exitParse
	}
	kind, _ := e.fields["event_type"].(string)
	if kind == "" {
		e.log("ERROR", "Event validation failed: Event must contain 'event_type' field")
		return exitParse
	}
	e.log("INFO", "Received event: %s", kind)
	chosen := eventHandlers[kind]
	if chosen == nil {
		e.log("ERROR", "No event handler for event type: %s", kind)
		return exitNoHandler
	}
	var err error
	if e.cloud, err = connect(s, values["--os-cloud"]); err == nil {
		e.nautobot, err = s.nautobot(values)
	}
	if err != nil {
		e.log("ERROR", "Client initialization failed\n%v", err)
		return exitClient
	}
	last := 0
	for i, handler := range chosen {
		e.log("INFO", "[%s] Running handler %d/%d: understack_workflows.oslo_event.%s", kind, i+1, len(chosen), handler.name)
		result, err := handler.run(ctx, e)
		if err != nil {
			e.log("ERROR", "[%s] Handler understack_workflows.oslo_event.%s failed\nTraceback (most recent call last):\n%v", kind, handler.name, err)
			return exitHandler
		}
		last = result
		e.log("INFO", "[%s] Handler understack_workflows.oslo_event.%s finished with return code: %d", kind, handler.name, result)
	}
	e.log("INFO", "Finished handling event: %s", kind)
	return last
}

func (e *osloEvent) log(level, format string, arguments ...any) {
	e.logf(osloEventLogger, level, format, arguments...)
}

// failed logs an exception that a handler caught, and is the handler's result.
func (e *osloEvent) failed(err error, format string, arguments ...any) int {
	e.log("ERROR", format+"\nTraceback (most recent call last):\n%v", append(arguments, err)...)
	return exitFailure
}

func (e *osloEvent) read(file string) error {
	var data []byte
	var err error
	switch {
	case file != "":
		data, err = os.ReadFile(e.path(file))
	case e.Stdin != nil:
		data, err = io.ReadAll(e.Stdin)
	}
	if err != nil {
		return fmt.Errorf("EventParseError: read the event: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if err := decoder.Decode(&e.fields); err != nil {
		return fmt.Errorf("EventParseError: Invalid JSON format: %w", err)
	}
	if decoder.More() {
		return errors.New("EventParseError: Invalid JSON format: Extra data")
	}
	return nil
}

// save writes an output. The folder is argoexec's: it is not made.
func (e *osloEvent) save(name, value string) error {
	if err := os.WriteFile(e.path(outputs+"/output."+name), []byte(value), 0o644); err != nil {
		return fmt.Errorf("FileNotFoundError: %w", err)
	}
	return nil
}

// at is a field below others, "" for one that is not there or is no text.
func at(fields object, path ...string) string {
	for i, name := range path {
		if i == len(path)-1 {
			text, _ := fields[name].(string)
			return text
		}
		fields, _ = fields[name].(object)
	}
	return ""
}

// ironicObject is what a versioned notification is about.
func (e *osloEvent) ironicObject() (object, error) {
	payload, ok := e.fields["payload"].(object)
	if !ok {
		return nil, raised("Invalid event. No 'payload'")
	}
	data, ok := payload["ironic_object.data"].(object)
	if !ok {
		return nil, raised("Invalid event. No 'ironic_object.data' in payload")
	}
	return data, nil
}

// raised is a plain Python exception.
func raised(text string) error { return fmt.Errorf("%s: %s", "Exception", text) }

// required are fields that the real handlers read by index: one that is missing is a KeyError.
func required(data object, names ...string) error {
	for _, name := range names {
		if _, ok := data[name]; !ok {
			return fmt.Errorf("KeyError: '%s'", name)
		}
	}
	return nil
}

// matches says whether Nautobot refused something with a text; handlers look for parts of it.
func matches(err error, text string) bool {
	return err != nil && strings.Contains(strings.ToLower(err.Error()), text)
}
