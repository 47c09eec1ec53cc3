package handlers_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/eventrig/eventrig/simulators/nautobot"
	"github.com/eventrig/eventrig/simulators/ontap"
	"github.com/eventrig/eventrig/simulators/openstack"
)

// handle gives a notification without its envelope to openstack-oslo-event.
func (b *bench) handle(t *testing.T, kind string, payload map[string]any) int {
	t.Helper()
	data, err := json.Marshal(map[string]any{"event_type": kind, "payload": payload})
	if err != nil {
		t.Fatal(err)
	}
	b.write(t, "tmp/event.json", string(data))
	return b.run(t, "openstack-oslo-event", "--file", "/tmp/event.json")
}

func ironic(fields map[string]any) map[string]any {
	return map[string]any{"ironic_object.name": "X", "ironic_object.data": fields}
}

// outputs are what was left for the Workflow.
func (b *bench) outputs(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(b.root, "var/run/argo/output.*"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found[strings.TrimPrefix(filepath.Base(file), "output.")] = string(content)
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	return found
}

func (b *bench) left(t *testing.T, want map[string]string) {
	t.Helper()
	got := b.outputs(t)
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("outputs %v, want %v", got, want)
	}
}

func TestOsloEventExitCodes(t *testing.T) {
	b := newBench(t)
	for content, want := range map[string]int{
		"{": 5, "": 5, "[]": 5, `{"payload": {}}`: 5, `{"event_type": ""}`: 5, `{"event_type": 5}`: 5, `{"event_type": "x"} {}`: 5,
		`{"event_type": "network.create.end", "payload": {}}`:                                    6,
		`{"event_type": "baremetal.port.create.start"}`:                                          6,
		`{"event_type": "baremetal.port.create.end"}`:                                            8,
		`{"event_type": "baremetal.port.create.end", "payload": {"ironic_object.data": {}}}`:     8,
		`{"event_type": "baremetal.port.delete.end", "payload": null}`:                           8,
		`{"event_type": "baremetal.node.update.end", "payload": {}}`:                             1,
		`{"event_type": "identity.project.created", "payload": {"resource_info": "basic"}}`:      8,
		`{"event_type": "volume_type_project.access.add", "payload": {"project_id": "x"}}`:       8,
		`{"event_type": "baremetal.portgroup.update.end", "payload": {"ironic_object.data": 5}}`: 8,
	} {
		b.write(t, "tmp/event.json", content)
		b.expect(t, b.run(t, "openstack-oslo-event", "--file", "/tmp/event.json"), want)
	}
	b.expect(t, b.run(t, "openstack-oslo-event", "--file", "/tmp/absent.json"), 5)
	b.expect(t, b.run(t, "openstack-oslo-event"), 5)
	b.expect(t, b.run(t, "openstack-oslo-event", "--nautobot_url", "none"), 2)
	b.write(t, "tmp/event.json", `{"event_type": "baremetal.node.delete.end", "payload": {"ironic_object.data": {"uuid": "x"}}}`)
	b.write(t, "etc/openstack/clouds.yaml", "clouds: {}\n")
	b.expect(t, b.run(t, "openstack-oslo-event", "--file", "/tmp/event.json"), 7)
}

const (
	server     = "5e6f7a8b-9c0d-4e1f-8a2b-3c4d5e6f7a8b"
	portID     = "8c9d0e1f-2a3b-4c4d-9e5f-6a7b8c9d0e1f"
	switchPort = "1b2c3d4e-5f6a-4b7c-9d8e-0f1a2b3c4d5e"
)

func port(more map[string]any) map[string]any {
	fields := map[string]any{"uuid": portID, "name": "n1-p1", "address": "d4:04:e6:4f:8d:b4", "node_uuid": server, "physical_network": "f20-3-network"}
	for name, value := range more {
		fields[name] = value
	}
	return ironic(fields)
}

func TestPortBecomesAnInterfaceWithItsCable(t *testing.T) {
	b := newBench(t, "datacenter")
	get := "GET /api/dcim/interfaces/?id=" + portID + " 200"
	linked := port(map[string]any{"local_link_connection": map[string]any{"switch_info": "a1-1-1.iad3", "port_id": "Ethernet1/1"}})
	b.expect(t, b.handle(t, "baremetal.port.create.end", port(nil)), 0, get, "POST /api/dcim/interfaces/ 201",
		"PATCH /api/dcim/interfaces/"+portID+`/ {"mac_address":"d4:04:e6:4f:8d:b4","status":"Active"} 200`)
	patch := "PATCH /api/dcim/interfaces/" + portID + `/ {"mac_address":"d4:04:e6:4f:8d:b4","status":"Active"} 200`
	find := "GET /api/dcim/interfaces/?device=a1-1-1.iad3&name=Ethernet1%2F1 200"
	b.expect(t, b.handle(t, "baremetal.port.update.end", linked), 0, get, patch, find, "POST /api/dcim/cables/ 201")
	cable := b.nautobot.Records("dcim/cables", nil)[0]["id"].(string)
	b.expect(t, b.handle(t, "baremetal.port.update.end", linked), 0, get, patch, find, "GET /api/dcim/cables/"+cable+"/ 200")
	linked = port(map[string]any{"local_link_connection": map[string]any{"switch_info": "a1-1-1.iad3", "port_id": "Ethernet9/9"}})
	b.expect(t, b.handle(t, "baremetal.port.update.end", linked), 1, get, patch, "GET /api/dcim/interfaces/?device=a1-1-1.iad3&name=Ethernet9%2F9 200")
	b.expect(t, b.handle(t, "baremetal.port.delete.end", port(nil)), 0, get,
		"GET /api/dcim/cables/?termination_a_id="+portID+"&termination_a_type=dcim.interface 200",
		"DELETE /api/dcim/cables/"+cable+"/ 204", "DELETE /api/dcim/interfaces/"+portID+"/ 204")
	b.expect(t, b.handle(t, "baremetal.port.delete.end", port(nil)), 0, get)
	// An update that comes after the deletion brings the interface back: the handler goes by the event.
	b.expect(t, b.handle(t, "baremetal.port.update.end", port(nil)), 0, get, "POST /api/dcim/interfaces/ 201", patch)
}

func TestPortMeetsErrors(t *testing.T) {
	b := newBench(t, "datacenter")
	get := "GET /api/dcim/interfaces/?id=" + portID + " 200"
	// The name is taken on that device: tolerated, but the interface is not found by its id.
	taken := port(map[string]any{"name": "iDRAC"})
	b.expect(t, b.handle(t, "baremetal.port.create.end", taken), 1, get, "POST /api/dcim/interfaces/ 400", get)
	// A device that is not there is another 400.
	b.expect(t, b.handle(t, "baremetal.port.create.end", port(map[string]any{"node_uuid": portID})), 1, get, "POST /api/dcim/interfaces/ 400")
	for method, status := range map[string]int{"POST": 500, "GET": 503} {
		if err := b.nautobot.Faults().Add(nautobot.Fault{Method: method, Path: "/api/dcim/interfaces/.*", Status: status, Times: 1}); err != nil {
			t.Fatal(err)
		}
		want, code := []string{get, "POST /api/dcim/interfaces/ 500"}, 1
		if method == "GET" {
			want, code = []string{"GET /api/dcim/interfaces/?id=" + portID + " 503"}, 8
		}
		b.expect(t, b.handle(t, "baremetal.port.create.end", port(nil)), code, want...)
	}
}

func TestPortgroupBecomesALAG(t *testing.T) {
	b := newBench(t)
	group := ironic(map[string]any{"uuid": portID, "name": "server-1_bond0", "node_uuid": server, "address": "52:54:00:aa:bb:cc", "mode": "802.3ad"})
	get := "GET /api/dcim/interfaces/?id=" + portID + " 200"
	b.expect(t, b.handle(t, "baremetal.portgroup.create.end", group), 0, get, "POST /api/dcim/interfaces/ 201",
		"PATCH /api/dcim/interfaces/"+portID+`/ {"mac_address":"52:54:00:aa:bb:cc","status":"Active"} 200`)
	found := b.nautobot.Records("dcim/interfaces", map[string]any{"id": portID, "name": "bond0", "description": "Bond mode: 802.3ad"})
	if len(found) != 1 {
		t.Errorf("interfaces %v", b.nautobot.Records("dcim/interfaces", nil))
	}
	b.expect(t, b.handle(t, "baremetal.portgroup.delete.end", group), 0, get, "DELETE /api/dcim/interfaces/"+portID+"/ 204")
	b.expect(t, b.handle(t, "baremetal.portgroup.delete.end", group), 0, get)
}

const racked = `nautobot:
  dcim/location-types:
    - {name: Hall, content_types: [dcim.device, dcim.rack]}
  dcim/locations:
    - {name: H1, location_type: Hall, status: Active}
  dcim/racks:
    - {id: 4d5e6f70-8192-4a3b-9c4d-5e6f70819203, name: f20-3, location: H1, status: Active}
  dcim/devices:
    - {id: 9a8b7c6d-5e4f-4a3b-8c2d-1e0f9a8b7c6d, name: leaf1, device_type: {model: S5248F-ON}, role: leaf, location: H1, rack: f20-3, status: Active}
  dcim/interfaces:
    - {device: leaf1, name: Ethernet1/1, type: 25gbase-x-sfp28, status: Active}
openstack:
  baremetal/nodes:
    - {uuid: 7b8c9d0e-1f2a-4b3c-8d4e-5f6a7b8c9d0e, name: Dell-ABC1234, driver: redfish, provision_state: active, lessee: 1f0e8d7c6b5a49382716a5b4c3d2e1f0}
  baremetal/ports:
    - uuid: 8c9d0e1f-2a3b-4c4d-9e5f-6a7b8c9d0e1f
      node_uuid: 7b8c9d0e-1f2a-4b3c-8d4e-5f6a7b8c9d0e
      address: d4:04:e6:4f:8d:b4
      extra: {bios_name: NIC.Slot.1-1}
      local_link_connection: {switch_id: "00:00:00:00:00:01", switch_info: leaf1, port_id: Ethernet1/1}
  baremetal/inventories:
    - node_uuid: 7b8c9d0e-1f2a-4b3c-8d4e-5f6a7b8c9d0e
      inventory:
        system_vendor: {manufacturer: Dell Inc., product_name: "PowerEdge R7615 (SKU=0AF7)", serial_number: MX1, sku: ABC1234}
        interfaces: [{name: eno1, mac_address: "d4:04:e6:4f:8d:b4"}]
        bmc_mac: a8:3c:a5:35:43:86
        bmc_address: 10.46.96.156
`

const node = "7b8c9d0e-1f2a-4b3c-8d4e-5f6a7b8c9d0e"

// TestNewNodeIsTwentyThreeRequests is the sequence that was measured of the real handler for a new node with one port.
func TestNewNodeIsTwentyThreeRequests(t *testing.T) {
	b := newBench(t, "datacenter")
	b.load(t, racked)
	event := ironic(map[string]any{"uuid": node})
	code := b.handle(t, "baremetal.node.update.end", event)
	got := b.requests()
	status := b.nautobot.Records("extras/statuses", map[string]any{"name": "Planned"})[0]["id"].(string)
	idrac, address := "", ""
	for _, one := range b.nautobot.Records("dcim/interfaces", map[string]any{"name": "iDRAC", "mac_address": "A8:3C:A5:35:43:86"}) {
		idrac = one["id"].(string)
	}
	for _, one := range b.nautobot.Records("ipam/ip-addresses", map[string]any{"host": "10.46.96.156"}) {
		address = one["id"].(string)
	}
	want := asked("GET /baremetal/v1 200", "GET /baremetal/v1/nodes/"+node+" 200", "GET /baremetal/v1/nodes/"+node+"/inventory 200",
		"GET /baremetal/v1/ports/detail?node="+node+" 200",
		"GET /api/dcim/devices/?name=leaf1 200", "GET /api/dcim/devices/?id="+node+" 200", "GET /api/dcim/devices/?name=Dell-ABC1234 200", "POST /api/dcim/devices/ 201",
		"GET /api/extras/statuses/"+status+"/ 200",
		"PATCH /api/dcim/devices/"+node+`/ {"rack":"4d5e6f70-8192-4a3b-9c4d-5e6f70819203","serial":"MX1","status":"Active","tenant":"`+dashed(eng)+`"} 200`,
		"GET /api/dcim/interfaces/?id="+portID+" 200", "POST /api/dcim/interfaces/ 201",
		"GET /api/dcim/interfaces/?device=leaf1&name=Ethernet1%2F1 200", "POST /api/dcim/cables/ 201",
		"GET /api/dcim/interfaces/?device_id="+node+"&name=iDRAC 200", "POST /api/dcim/interfaces/ 201",
		"GET /api/ipam/ip-addresses/?address=10.46.96.156 200", "POST /api/ipam/ip-addresses/ 201",
		"GET /api/ipam/ip-address-to-interface/?ip_address="+address+" 200", "POST /api/ipam/ip-address-to-interface/ 201",
		"GET /api/dcim/interfaces/?device_id="+node+" 200")
	if code != 0 || !slices.Equal(got, want) || len(got) != 23 || idrac == "" {
		t.Fatalf("%d, %d requests:\n%s\nwant:\n%s\n%s", code, len(got), strings.Join(got, "\n"), strings.Join(want, "\n"), b.stderr.String())
	}
	// Once more: nothing has changed but the status, which is looked at by its name.
	code = b.handle(t, "baremetal.node.update.end", event)
	for _, line := range b.requests() {
		if strings.HasPrefix(line, "POST /api") || strings.HasPrefix(line, "PATCH") || strings.HasPrefix(line, "DELETE") || code != 0 {
			t.Errorf("again: %d, %s", code, line)
		}
	}
	// Enrolled again with another id: the old device goes, the new one takes its place.
	b.expect(t, b.handle(t, "baremetal.node.delete.end", event), 0, "GET /api/dcim/devices/?id="+node+" 200", "DELETE /api/dcim/devices/"+node+"/ 204")
	b.expect(t, b.handle(t, "baremetal.node.delete.end", event), 0, "GET /api/dcim/devices/?id="+node+" 200")
}

func TestNodeThatCannotBeSynced(t *testing.T) {
	b := newBench(t)
	b.load(t, "openstack:\n  baremetal/nodes:\n    - {uuid: "+node+", name: n1, driver: redfish, provision_state: enroll}\n")
	// No inventory, no port: nobody knows where it is.
	b.expect(t, b.handle(t, "baremetal.node.update.end", ironic(map[string]any{"uuid": node})), 1, asked("GET /baremetal/v1 200", "GET /baremetal/v1/nodes/"+node+" 200",
		"GET /baremetal/v1/nodes/"+node+"/inventory 404", "GET /baremetal/v1/ports/detail?node="+node+" 200", "GET /api/dcim/devices/?id="+node+" 200")...)
	if !strings.Contains(b.stderr.String(), "No location yet for node "+node) {
		t.Error(b.stderr.String())
	}
	b.expect(t, b.handle(t, "baremetal.node.update.end", ironic(map[string]any{"uuid": portID})), 1, asked("GET /baremetal/v1 200", "GET /baremetal/v1/nodes/"+portID+" 404")...)
	// A device that something depends on is not deleted.
	if err := b.nautobot.Faults().Add(nautobot.Fault{Method: "DELETE", Path: "/api/dcim/devices/.*", Status: 409}); err != nil {
		t.Fatal(err)
	}
	b.expect(t, b.handle(t, "baremetal.node.delete.end", ironic(map[string]any{"uuid": server})), 1, "GET /api/dcim/devices/?id="+server+" 200", "DELETE /api/dcim/devices/"+server+"/ 409")
}

const instance = "0d1e2f3a-4b5c-4d6e-8f70-8192a3b4c5d6"

func TestProvisionSetSaysWhetherStorageIsWanted(t *testing.T) {
	for storage, want := range map[string]string{"wanted": "wanted-but-not-project", "unwanted": "not-set", "": "not-set"} {
		b := newBench(t)
		b.load(t, "openstack:\n  baremetal/nodes:\n    - {uuid: "+node+", name: n1, driver: redfish, provision_state: active}\n"+
			"  compute/servers:\n    - {id: "+instance+", name: s1, metadata: {storage: \""+storage+"\"}}\n")
		event := ironic(map[string]any{"uuid": node, "event": "done", "owner": nil, "lessee": eng, "instance_uuid": instance})
		code := b.handle(t, "baremetal.node.provision_set.end", event)
		got := b.requests()
		want9 := asked("GET /v3/projects/"+eng+" 200", "GET /compute/v2.1 200", "GET /compute/v2.1/servers/"+instance+" 200",
			"GET /networking/v2.0/ports?device_id="+instance+" 200", "GET /networking/v2.0/networks 200", "GET /networking/v2.0/subnets 200",
			"POST /baremetal/v1/volume/connectors 201")
		// Then the device is synced, which fails here as the node has no place; its result counts.
		if code != 1 || len(got) < 9 || !slices.Equal(got[:9], want9) {
			t.Errorf("%d\n%s\n%s", code, strings.Join(got, "\n"), b.stderr.String())
		}
		b.left(t, map[string]string{"project_tags": "[]", "storage": want, "node_uuid": node, "instance_uuid": instance})
		if storage == "wanted" {
			if err := b.openstack.UpdateProject(eng, map[string]any{"tags": []any{"UNDERSTACK_SVM"}}); err != nil {
				t.Fatal(err)
			}
			b.handle(t, "baremetal.node.provision_set.end", event) // 409 now, which is tolerated
			if got := b.requests(); !slices.Contains(got, "POST /baremetal/v1/volume/connectors 409") {
				t.Errorf("again:\n%s", strings.Join(got, "\n"))
			}
			b.left(t, map[string]string{"project_tags": `["UNDERSTACK_SVM"]`, "storage": "wanted", "node_uuid": node, "instance_uuid": instance})
		}
	}
}

func TestProvisionSetWithoutInstance(t *testing.T) {
	b := newBench(t, "datacenter")
	b.load(t, racked)
	// What the first handler says is masked by the second one's success.
	b.expectCode(t, b.handle(t, "baremetal.node.provision_set.end", ironic(map[string]any{"uuid": node, "lessee": nil})), 0)
	b.left(t, map[string]string{})
	b.expectCode(t, b.handle(t, "baremetal.node.provision_set.end", ironic(map[string]any{
		"uuid": node, "event": "done", "owner": nil, "lessee": eng, "instance_uuid": instance})), 0)
	b.left(t, map[string]string{"project_tags": "[]", "storage": "not-found"})
	b.expectCode(t, b.handle(t, "baremetal.node.provision_set.end", ironic(map[string]any{"uuid": node, "lessee": "no uuid", "instance_uuid": instance, "event": "done", "owner": nil})), 8)
}

// expectCode holds a run to its exit code, whatever it asked, and returns that.
func (b *bench) expectCode(t *testing.T, code, want int) []string {
	t.Helper()
	if code != want {
		t.Errorf("exit code %d, want %d\n%s", code, want, b.stderr.String())
	}
	return b.requests()
}

func project(id string) map[string]any { return map[string]any{"target": map[string]any{"id": id}} }

func TestProjectsStorageFromCreationToDeletion(t *testing.T) {
	b := newBench(t)
	b.expect(t, b.handle(t, "identity.project.created", project(eng)), 0, asked("GET /v3/projects/"+eng+" 200")...)
	b.left(t, map[string]string{"project_tags": "[]", "svm_enabled": "False", "svm_state": "nonexistent"})
	if err := b.openstack.UpdateProject(eng, map[string]any{"tags": []any{"UNDERSTACK_SVM", "x"}}); err != nil {
		t.Fatal(err)
	}
	tags := `["UNDERSTACK_SVM","x"]`
	code := b.handle(t, "identity.project.created", project(eng))
	got := b.requests()
	for i, want := range []string{"GET /v3 200", "POST /v3/auth/tokens 201", "GET /v3/projects/" + eng + " 200", "GET /api/storage/aggregates?", "GET /api/svm/svms?name=os-" + eng + " 200",
		"POST /api/svm/svms 202", "GET /api/cluster/jobs/", "GET /api/svm/svms/", "GET /api/storage/volumes?name=os_" + eng + "_root 200", "PATCH /api/storage/volumes/"} {
		if code != 0 || i >= len(got) || !strings.HasPrefix(got[i], want) {
			t.Fatalf("%d, request %d is no %s:\n%s\n%s", code, i, want, strings.Join(got, "\n"), b.stderr.String())
		}
	}
	b.left(t, map[string]string{"project_tags": tags, "svm_enabled": "True", "svm_created": "True", "svm_name": "os-" + eng, "svm_state": "created"})
	if len(b.ontap.Records("svm/svms", map[string]any{"name": "os-" + eng})) != 1 {
		t.Error("there is no SVM")
	}
	b.expectCode(t, b.handle(t, "identity.project.updated", project(eng)), 0)
	b.left(t, map[string]string{"project_tags": tags, "svm_enabled": "True", "svm_created": "False", "svm_name": "not_returned", "svm_state": "present"})
	if err := b.openstack.UpdateProject(eng, map[string]any{"tags": []any{}}); err != nil {
		t.Fatal(err)
	}
	b.expectCode(t, b.handle(t, "identity.project.updated", project(eng)), 0)
	b.left(t, map[string]string{"project_tags": "[]", "svm_enabled": "False", "svm_name": "not_returned", "svm_state": "removed"})
	b.expect(t, b.handle(t, "identity.project.deleted", project(eng)), 0, "GET /api/svm/svms?name=os-"+eng+" 200")
	b.left(t, map[string]string{"svm_state": "nonexistent"})
}

func TestProjectsStorageMeetsErrors(t *testing.T) {
	b := newBench(t, "eng-storage")
	// Volumes that are in use go too.
	b.expectCode(t, b.handle(t, "identity.project.deleted", project(eng)), 0)
	b.left(t, map[string]string{"svm_state": "removed"})
	if left := b.ontap.Records("storage/volumes", nil); len(left) != 0 {
		t.Errorf("volumes %v", left)
	}
	if err := b.openstack.UpdateProject(eng, map[string]any{"tags": []any{"UNDERSTACK_SVM"}}); err != nil {
		t.Fatal(err)
	}
	if err := b.ontap.Faults().Add(ontap.Fault{Method: "POST", Path: "/api/svm/svms", Status: 503}); err != nil {
		t.Fatal(err)
	}
	b.expectCode(t, b.handle(t, "identity.project.created", project(eng)), 8)
	b.left(t, map[string]string{"project_tags": `["UNDERSTACK_SVM"]`, "svm_enabled": "True", "svm_name": "not_returned", "svm_state": "unknown"})
	const gone = "00000000000040008000000000000001"
	b.expect(t, b.handle(t, "identity.project.created", project(gone)), 8, asked("GET /v3/projects/"+gone+" 404")...)
	if err := b.openstack.Faults().Add(openstack.Fault{Method: "GET", Path: "/v3/projects/.*", Status: 503}); err != nil {
		t.Fatal(err)
	}
	b.expect(t, b.handle(t, "identity.project.updated", project(eng)), 8, asked("GET /v3/projects/"+eng+" 503")...)
	// argoexec's folder is not made by the handler.
	b.openstack.Faults().Clear()
	if err := os.RemoveAll(filepath.Join(b.root, "var/run/argo")); err != nil {
		t.Fatal(err)
	}
	b.expectCode(t, b.handle(t, "identity.project.created", project(eng)), 8)
}

func TestVolumeTypeAccess(t *testing.T) {
	b := newBench(t, "eng-storage")
	const kind = "aaaaaaaa-0000-4000-8000-00000000000a"
	b.load(t, "openstack:\n  volume/types:\n    - {id: "+kind+", name: gold, is_public: false, extra_specs: {\"netapp:flexvol_size\": 20GB}}\n")
	payload := map[string]any{"project_id": eng, "volume_type_id": kind}
	code := b.handle(t, "volume_type_project.access.add", payload)
	got := b.requests()
	for i, want := range []string{"GET /v3 200", "POST /v3/auth/tokens 201", "GET /volume/v3/", "GET /api/svm/svms?name=os-" + eng, "GET /api/storage/aggregates?", "POST /api/storage/volumes 202"} {
		if code != 0 || i >= len(got) || !strings.HasPrefix(got[i], want) {
			t.Fatalf("%d, request %d is no %s:\n%s\n%s", code, i, want, strings.Join(got, "\n"), b.stderr.String())
		}
	}
	const volume = "vol_aaaaaaaa00004000800000000000000a"
	b.left(t, map[string]string{"volume_created": "True", "volume_name": volume})
	if found := b.ontap.Records("storage/volumes", map[string]any{"name": volume}); len(found) != 1 || fmt.Sprint(found[0]["size"]) != fmt.Sprint(20<<30) {
		t.Errorf("volumes %v", found)
	}
	b.expectCode(t, b.handle(t, "volume_type_project.access.remove", payload), 0)
	b.left(t, map[string]string{"volume_deleted": "True"})
	b.expectCode(t, b.handle(t, "volume_type_project.access.remove", payload), 1)
	b.left(t, map[string]string{"volume_deleted": "False"})
	payload["project_id"] = acme
	b.expectCode(t, b.handle(t, "volume_type_project.access.add", payload), 1)
	b.left(t, map[string]string{"volume_created": "False"})
	payload["volume_type_id"] = "gone"
	b.expectCode(t, b.handle(t, "volume_type_project.access.add", payload), 8)
}
