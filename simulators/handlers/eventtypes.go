package handlers

import (
	"maps"
	"slices"
)

// EventHandler is what a command does with one type of event.
type EventHandler struct {
	Name   string   // the function in UnderStack's python/understack-workflows, MODULE.FUNCTION
	Writes []Record // the records that it creates, changes or deletes
	Raises []string // the types of the events that its own calls make a service send
}

// Record is a kind of record in another system, as far as two handlers that write it can get in each other's way.
type Record string

// The records that handlers write.
const (
	NautobotTenant             Record = "the project's tenant in Nautobot"
	NautobotDevice             Record = "the node's device in Nautobot"
	NautobotInterface          Record = "the interfaces and cables of the node's ports in Nautobot"
	NautobotPortgroupInterface Record = "the interface of the portgroup in Nautobot"
	NautobotAddress            Record = "the address of the node's controller in Nautobot"
	NautobotRange              Record = "the range of the UCVNI group in Nautobot"
	OntapSVM                   Record = "the project's SVM in ONTAP"
	OntapVolume                Record = "the volume of the volume type in ONTAP"
	IronicVolumeConnector      Record = "the node's volume connector in Ironic"
)

var (
	deviceAndPorts = []Record{NautobotDevice, NautobotInterface, NautobotAddress}

	syncDevice   = EventHandler{Name: "nautobot_device_sync.handle_node_event", Writes: deviceAndPorts}
	deleteDevice = EventHandler{Name: "nautobot_device_sync.handle_node_delete_event", Writes: deviceAndPorts}
	provisioned  = EventHandler{Name: "ironic_node.handle_provision_end", Writes: []Record{IronicVolumeConnector},
		Raises: []string{"baremetal.volumeconnector.create.start", "baremetal.volumeconnector.create.end"}}
	syncPort        = EventHandler{Name: "ironic_port.handle_port_create_update", Writes: []Record{NautobotInterface}}
	deletePort      = EventHandler{Name: "ironic_port.handle_port_delete", Writes: []Record{NautobotInterface}}
	syncPortgroup   = EventHandler{Name: "ironic_portgroup.handle_portgroup_create_update", Writes: []Record{NautobotPortgroupInterface}}
	deletePortgroup = EventHandler{Name: "ironic_portgroup.handle_portgroup_delete", Writes: []Record{NautobotPortgroupInterface}}
)

// taken are the types of the events that commands take, and what runs for each, one after the other. It is the table
// _event_handlers of UnderStack's main/openstack_oslo_event.py, the choices of the argument `event` of main/sync_keystone.py
// and main/sync_ucvni_group_range.py, at rackerlabs/understack 2c8c08d3. A type that is not here ends openstack-oslo-event
// with exit code 6, and the other two with 2.
var taken = map[string]map[string][]EventHandler{
	"openstack-oslo-event": {
		"baremetal.port.create.end":      {syncPort},
		"baremetal.port.update.end":      {syncPort},
		"baremetal.port.delete.end":      {deletePort},
		"baremetal.portgroup.create.end": {syncPortgroup},
		"baremetal.portgroup.update.end": {syncPortgroup},
		"baremetal.portgroup.delete.end": {deletePortgroup},
		"baremetal.node.update.end":      {syncDevice},
		"baremetal.node.delete.end":      {deleteDevice},
		// The second one's exit code hides the first one's.
		"baremetal.node.provision_set.end":  {provisioned, syncDevice},
		"identity.project.created":          {{Name: "keystone_project.handle_project_created", Writes: []Record{OntapSVM}}},
		"identity.project.updated":          {{Name: "keystone_project.handle_project_updated", Writes: []Record{OntapSVM}}},
		"identity.project.deleted":          {{Name: "keystone_project.handle_project_deleted", Writes: []Record{OntapSVM, OntapVolume}}},
		"volume_type_project.access.add":    {{Name: "cinder_volume_type.handle_volume_type_access_added", Writes: []Record{OntapVolume}}},
		"volume_type_project.access.remove": {{Name: "cinder_volume_type.handle_volume_type_access_removed", Writes: []Record{OntapVolume}}},
	},
	"sync-keystone": {
		"identity.project.created": {{Name: "sync_keystone.handle_project_create", Writes: []Record{NautobotTenant}}},
		"identity.project.updated": {{Name: "sync_keystone.handle_project_update", Writes: []Record{NautobotTenant}}},
		"identity.project.deleted": {{Name: "sync_keystone.handle_project_delete", Writes: []Record{NautobotTenant, NautobotDevice}}},
	},
	"sync-network-segment-range": {
		"network_segment_range.create.end": {{Name: "sync_ucvni_group_range.handle_event", Writes: []Record{NautobotRange}}},
		"network_segment_range.update.end": {{Name: "sync_ucvni_group_range.handle_event", Writes: []Record{NautobotRange}}},
		"network_segment_range.delete.end": {{Name: "sync_ucvni_group_range.handle_event", Writes: []Record{NautobotRange}}},
	},
}

// EventCommands returns the commands of UnderStack's images that take an event or its type, sorted.
func EventCommands() []string { return slices.Sorted(maps.Keys(taken)) }

// EventTypes returns the types of the events that a command takes, sorted; none for a command that takes no events.
func EventTypes(command string) []string { return slices.Sorted(maps.Keys(taken[command])) }

// EventHandlers returns what a command runs for a type of event, in order; none for a type that it does not take.
func EventHandlers(command, eventType string) []EventHandler {
	return slices.Clone(taken[command][eventType])
}

// Gone reports whether a command was once in UnderStack's images and no longer is: rackerlabs/understack 2c8c08d3 has
// templates that still run it.
func Gone(command string) bool { return command == "sync-provision-state" }
