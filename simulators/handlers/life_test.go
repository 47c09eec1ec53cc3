package handlers_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/eventrig/eventrig/simulators/handlers"
	"github.com/eventrig/eventrig/simulators/openstack"
)

// The records of the world baremetal.
const (
	rackedNode   = "6f708192-a3b4-45c6-97e8-f90a1b2c3d4e"
	rackedPort   = "8192a3b4-c5d6-47e8-b90a-1b2c3d4e5f60"
	enrolledNode = "708192a3-b4c5-46d7-a8f9-0a1b2c3d4e5f"
	rack         = "a3b4c5d6-e7f8-4901-8b2c-3d4e5f607182"
	leafPort     = "d6e7f809-1a2b-4c34-9e5f-60718293a4b5"
)

// cause makes a change of the cloud and lets the handlers take every notification of it that they know, in order. It
// returns the types of these and the exit codes other than 0.
func (b *bench) cause(t *testing.T, do openstack.Do) (handled []string, failed map[string]int) {
	t.Helper()
	before := len(b.openstack.Notifications())
	if _, err := b.openstack.Do(openstack.Notifying(t.Context()), do); err != nil {
		t.Fatalf("%+v: %v", do, err)
	}
	failed = map[string]int{}
	known := handlers.EventTypes("openstack-oslo-event")
	for _, sent := range b.openstack.Notifications()[before:] {
		if !slices.Contains(known, sent.EventType) {
			continue
		}
		handled = append(handled, sent.EventType)
		if code := b.handle(t, sent.EventType, sent.Payload); code != 0 {
			failed[sent.EventType] = code
			t.Logf("%s: %d\n%s", sent.EventType, code, b.stderr.String())
		}
	}
	return handled, failed
}

func (b *bench) theOne(t *testing.T, path string, where map[string]any) map[string]any {
	t.Helper()
	found := b.nautobot.Records(path, where)
	if len(found) != 1 {
		t.Fatalf("%d of %s %v", len(found), path, where)
	}
	return found[0]
}

func (b *bench) statusOf(t *testing.T, record map[string]any) any {
	t.Helper()
	return b.theOne(t, "extras/statuses", map[string]any{"id": record["status"]})["name"]
}

// A server's life in the world baremetal: what the cloud tells of its deployment and of its end goes through the handlers,
// and Nautobot has the device with its place, its port and its cable, in the state that Ironic says.
func TestLifeOfAServerOnBareMetal(t *testing.T) {
	b := newBench(t, "datacenter", "eng-storage", "baremetal")
	admin := b.openstack.Records("projects", map[string]any{"name": "admin"})[0]["id"].(string)
	b.expectCode(t, b.run(t, "sync-keystone", "identity.project.created", admin), 0)

	handled, failed := b.cause(t, openstack.Do{Operation: openstack.OpCreate, Path: "compute/servers", ID: instance, Set: map[string]any{
		"name": "web", "flavorRef": "1", "imageRef": "4d5e6f70-8192-43a4-b5c6-d7e8f90a1b2c", "metadata": map[string]any{"storage": "wanted"},
		"networks": []any{map[string]any{"uuid": "2b3c4d5e-6f70-4182-93a4-b5c6d7e8f90a"}}}})
	if len(failed) != 0 || !slices.Contains(handled, "baremetal.node.update.end") || !slices.Contains(handled, "baremetal.node.provision_set.end") {
		t.Fatalf("handled %v, failed %v", handled, failed)
	}
	device := b.theOne(t, "dcim/devices", map[string]any{"id": rackedNode})
	if device["name"] != "Dell-BM00001" || device["rack"] != rack || device["tenant"] != dashed(admin) || b.statusOf(t, device) != "Active" {
		t.Errorf("the device is %v (%v)", device, b.statusOf(t, device))
	}
	port := b.theOne(t, "dcim/interfaces", map[string]any{"id": rackedPort})
	if port["device"] != rackedNode || port["mac_address"] != "D4:04:E6:50:00:01" {
		t.Errorf("the port is %v", port)
	}
	cable := b.theOne(t, "dcim/cables", map[string]any{"termination_a_id": rackedPort})
	if cable["termination_b_id"] != leafPort {
		t.Errorf("the cable is %v", cable)
	}
	b.theOne(t, "dcim/interfaces", map[string]any{"device": rackedNode, "name": "iDRAC"})
	b.theOne(t, "ipam/ip-addresses", map[string]any{"host": "10.46.96.161"})
	if connectors := b.openstack.Records("baremetal/volume_connectors", map[string]any{"node_uuid": rackedNode}); len(connectors) != 1 ||
		!strings.HasSuffix(connectors[0]["connector_id"].(string), instance) {
		t.Errorf("connectors %v", connectors)
	}
	b.left(t, map[string]string{"project_tags": "[]", "storage": "wanted-but-not-project", "node_uuid": rackedNode, "instance_uuid": instance})

	handled, failed = b.cause(t, openstack.Do{Operation: openstack.OpDelete, Path: "compute/servers", ID: instance})
	if len(failed) != 0 || !slices.Contains(handled, "baremetal.node.provision_set.end") {
		t.Errorf("of the deletion: handled %v, failed %v", handled, failed)
	}
	device = b.theOne(t, "dcim/devices", map[string]any{"id": rackedNode})
	if b.statusOf(t, device) != "Available" || len(b.nautobot.Records("dcim/cables", nil)) != 1 {
		t.Errorf("after the deletion: %v, %v", b.statusOf(t, device), b.nautobot.Records("dcim/cables", nil))
	}

	// The port's cable goes with the port, the device with the node.
	handled, failed = b.cause(t, openstack.Do{Operation: openstack.OpDelete, Path: "baremetal/ports", ID: rackedPort})
	if len(failed) != 0 || !slices.Equal(handled, []string{"baremetal.port.delete.end"}) {
		t.Errorf("of the port: handled %v, failed %v", handled, failed)
	}
	if left := b.nautobot.Records("dcim/interfaces", map[string]any{"id": rackedPort}); len(left)+len(b.nautobot.Records("dcim/cables", nil)) != 0 {
		t.Errorf("of the port is left %v", left)
	}
	b.cause(t, openstack.Do{Operation: openstack.OpAction, Path: "baremetal/nodes", ID: rackedNode, Action: "manage"})
	handled, failed = b.cause(t, openstack.Do{Operation: openstack.OpDelete, Path: "baremetal/nodes", ID: rackedNode})
	if len(failed) != 0 || !slices.Contains(handled, "baremetal.node.delete.end") || len(b.nautobot.Records("dcim/devices", map[string]any{"id": rackedNode})) != 0 {
		t.Errorf("of the node: handled %v, failed %v", handled, failed)
	}
}

// A node that is only enrolled has no inventory: nothing says of what type its device is, so that it is not made before the
// inspection.
func TestEnrolledNodeBecomesADeviceOnInspection(t *testing.T) {
	b := newBench(t, "datacenter", "baremetal")
	handled, failed := b.cause(t, openstack.Do{Operation: openstack.OpUpdate, Path: "baremetal/nodes", ID: enrolledNode, Set: map[string]any{"extra/rack": "f20-1"}})
	if !slices.Equal(handled, []string{"baremetal.node.update.end"}) || failed["baremetal.node.update.end"] != 1 {
		t.Errorf("handled %v, failed %v", handled, failed)
	}
	b.cause(t, openstack.Do{Operation: openstack.OpAction, Path: "baremetal/nodes", ID: enrolledNode, Action: "manage"})
	handled, failed = b.cause(t, openstack.Do{Operation: openstack.OpAction, Path: "baremetal/nodes", ID: enrolledNode, Action: "inspect"})
	if len(failed) != 0 || !slices.Contains(handled, "baremetal.node.provision_set.end") {
		t.Errorf("of the inspection: handled %v, failed %v", handled, failed)
	}
	if device := b.theOne(t, "dcim/devices", map[string]any{"id": enrolledNode}); device["rack"] != rack {
		t.Errorf("the device is %v", device)
	}
}
