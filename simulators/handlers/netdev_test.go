package handlers_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/eventrig/eventrig/simulators/openstack"
)

// The password of this address and key is in the documentation of UnderStack's function.
func TestPasswordOfABMC(t *testing.T) {
	ours := `import os, sys
from understack_workflows.bmc_password_standard import standard_password
print(standard_password("%s", os.getenv("BMC_MASTER")))`
	theirs := `
from understack_workflows.bmc_password_standard import standard_password
bmc_ip = '%s'
print(standard_password(str(bmc_ip), str(os.getenv('BMC_MASTER'))))`
	for _, program := range []string{ours, theirs} {
		b := newBench(t)
		run := func(address string) int { return b.run(t, "python3", "-c", fmt.Sprintf(program, address)) }
		b.expect(t, run("10.3.2.30"), 1)
		b.env["BMC_MASTER"] = "ultra-secret string"
		b.expect(t, run("10.3.2.30"), 0)
		if b.stdout.String() != "DdushPf7IUTs6oya3ADS0OM3\n" {
			t.Errorf("password %q", b.stdout.String())
		}
		b.expect(t, run("Dell-1"), 1)
		if !strings.Contains(b.stderr.String(), "ValueError: Need an IPv4 address, not 'Dell-1'") {
			t.Error(b.stderr.String())
		}
	}
}

// negotiated are the requests that each new client of Ironic begins with.
func negotiated(more ...string) []string {
	return append(asked("GET /baremetal/v1 200"), more...)
}

const (
	twoPorts = `[{"label": "p1", "mac": "D4:04:E6:60:00:01", "switch": "s1", "intf": "e1"}, {"label": "p2", "mac": "d4:04:e6:60:00:02", "switch": "s2", "intf": "e2", "switch_id": "aa:bb:cc:00:00:02", "bios_name": "eth2"}]`
	onePort  = `[{"label": "p1", "mac": "d4:04:e6:60:00:01", "switch": "s1", "intf": "e1"}]`
)

func (b *bench) netdev(t *testing.T, name, ports string, more ...string) int {
	t.Helper()
	return b.run(t, "enroll-netdev", append([]string{"--name", name, "--physical-network", "f20-1-network", "--ports", ports}, more...)...)
}

func TestEnrolledNetworkDevice(t *testing.T) {
	b := newBench(t)
	code := b.netdev(t, "router-1", twoPorts, "--external-cmdb-id", "0", "--resource-class", "")
	nodes := b.openstack.Records("baremetal/nodes", map[string]any{"name": "router-1"})
	if code != 0 || len(nodes) != 1 || nodes[0]["provision_state"] != "available" || nodes[0]["resource_class"] != "generic" || fmt.Sprint(nodes[0]["extra"]) != "map[external_cmdb_id:0]" {
		t.Fatalf("exit code %d, nodes %v\n%s", code, nodes, b.stderr.String())
	}
	id := nodes[0]["uuid"].(string)
	transition := func(state string) []string {
		return negotiated("PUT /baremetal/v1/nodes/"+id+"/states/provision 202", "GET /baremetal/v1/nodes/"+id+" 200")
	}
	want := negotiated("GET /baremetal/v1/nodes/router-1 404", "POST /baremetal/v1/nodes 201", "GET /baremetal/v1/ports/detail?node="+id+" 200",
		"POST /baremetal/v1/ports 201", "POST /baremetal/v1/ports 201")
	want = append(append(want, transition("manageable")...), transition("available")...)
	b.expect(t, code, 0, want...)
	if ports := b.openstack.Records("baremetal/ports", map[string]any{"name": "router-1:p2"}); len(ports) != 1 || ports[0]["category"] != "network" ||
		fmt.Sprint(ports[0]["extra"], ports[0]["local_link_connection"]) != "map[bios_name:eth2] map[port_id:e2 switch_id:aa:bb:cc:00:00:02 switch_info:s2]" {
		t.Errorf("port %v", ports)
	}

	// Again, with nothing to change: it is only looked at. The real identifier of a switch stays.
	again := strings.Replace(twoPorts, `, "switch_id": "aa:bb:cc:00:00:02"`, "", 1)
	b.expect(t, b.netdev(t, "router-1", again, "--external-cmdb-id", "0"), 0,
		negotiated("GET /baremetal/v1/nodes/router-1 200", "GET /baremetal/v1/ports/detail?node="+id+" 200")...)

	// One port less and one changed: the other stays, and the node is not available meanwhile.
	port := b.openstack.Records("baremetal/ports", map[string]any{"name": "router-1:p1"})[0]["uuid"].(string)
	code = b.netdev(t, "router-1", strings.Replace(onePort, `"e1"`, `"e9"`, 1), "--external-cmdb-id", "0")
	want = append(negotiated("GET /baremetal/v1/nodes/router-1 200", "GET /baremetal/v1/ports/detail?node="+id+" 200"), transition("manageable")...)
	want = append(want, "PATCH /baremetal/v1/ports/"+port+` [{"op":"add","path":"/local_link_connection","value":{"port_id":"e9","switch_id":"00:00:00:00:00:00","switch_info":"s1"}}] 200`)
	b.expect(t, code, 0, append(want, transition("available")...)...)
	if !strings.Contains(b.stderr.String(), "name=router-1:p2") || len(b.openstack.Records("baremetal/ports", nil)) != 2 {
		t.Errorf("the port that is not asked for: %s", b.stderr.String())
	}

	// Only its class: the node stays available.
	b.expect(t, b.netdev(t, "router-1", strings.Replace(again, `"e1"`, `"e9"`, 1), "--external-cmdb-id", "0", "--resource-class", "net.x"), 0, negotiated(
		"GET /baremetal/v1/nodes/router-1 200", "GET /baremetal/v1/ports/detail?node="+id+" 200",
		"PATCH /baremetal/v1/nodes/"+id+` [{"op":"add","path":"/resource_class","value":"net.x"}] 200`)...)
}

func TestNetworkDevicesThatAreNotEnrolled(t *testing.T) {
	b := newBench(t, "datacenter", "rack")
	for ports, text := range map[string]string{
		`{}`:   "ValueError: --ports must be a JSON array of port objects",
		`[`:    "ValueError: --ports must be valid JSON: ",
		`[]`:   "ValueError: At least one port must be provided",
		`[1]`:  "ValueError: Port 1 must be a JSON object",
		`[{}]`: "ValueError: Port 1 is missing required field(s): label, mac, switch, intf",
		`[{"label": "a", "mac": 1, "switch": "s", "intf": "e"}]`:                                                           "ValueError: Port 1 field(s) must be strings: mac",
		`[{"label": "a", "mac": "m", "switch": "s", "intf": "e", "switch_id": 1}]`:                                         "ValueError: Port 1 switch_id must be a string, got 1",
		`[{"label": "a", "mac": "m", "switch": "s", "intf": "e", "vlan": "1"}]`:                                            "ValueError: Port 1 has unknown field(s): vlan",
		`[{"label": "a", "mac": "m", "switch": "s", "intf": "e"}, {"label": "a", "mac": "n", "switch": "s", "intf": "e"}]`: "ValueError: Duplicate label a in ports list",
		`[{"label": "a", "mac": "m", "switch": "s", "intf": "e"}, {"label": "b", "mac": "M", "switch": "s", "intf": "e"}]`: "ValueError: Duplicate MAC M in ports list",
	} {
		b.expect(t, b.netdev(t, "router-1", ports), 1)
		if !strings.Contains(b.stderr.String(), text) {
			t.Errorf("%s: %s", ports, b.stderr.String())
		}
	}
	b.expect(t, b.netdev(t, "Dell-ABC1234", onePort), 1, negotiated("GET /baremetal/v1/nodes/Dell-ABC1234 200")...)
	if !strings.Contains(b.stderr.String(), "already exists with driver 'redfish'; refusing to enroll it as a netdev") {
		t.Error(b.stderr.String())
	}
	b.expect(t, b.run(t, "enroll-netdev", "--name", "x"), 2)
	b.load(t, `openstack:
  baremetal/nodes:
    - {uuid: bbbbbbbb-0000-4000-8000-000000000001, name: busy, driver: netdev, provision_state: deploying}
    - {uuid: bbbbbbbb-0000-4000-8000-000000000002, name: there, driver: netdev, provision_state: manageable}
  baremetal/ports:
    - {uuid: cccccccc-0000-4000-8000-000000000001, node_uuid: bbbbbbbb-0000-4000-8000-000000000002, name: "there:other", address: "d4:04:e6:60:00:01"}
`)
	b.expect(t, b.netdev(t, "busy", onePort), 1, negotiated("GET /baremetal/v1/nodes/busy 200")...)
	if !strings.Contains(b.stderr.String(), "Cannot enroll node in provision_state 'deploying'; expected one of ['available', 'enroll', 'manageable']") {
		t.Error(b.stderr.String())
	}
	b.expect(t, b.netdev(t, "there", onePort), 1, negotiated("GET /baremetal/v1/nodes/there 200", "GET /baremetal/v1/ports/detail?node=bbbbbbbb-0000-4000-8000-000000000002 200")...)
	if !strings.Contains(b.stderr.String(), "that MAC is already used by port cccccccc-0000-4000-8000-000000000001 name=there:other") {
		t.Error(b.stderr.String())
	}
	// A node that fails on its way is told of.
	b.load(t, `openstack:
  baremetal/nodes: [{uuid: bbbbbbbb-0000-4000-8000-000000000003, name: broken, driver: netdev, provision_state: enroll, extra: {eventrig_fail: verify}}]
`)
	if code := b.netdev(t, "broken", strings.Replace(onePort, "60:00:01", "60:00:09", 1)); code != 1 || !strings.Contains(b.stderr.String(), "failed to reach state manageable. It's in unexpected stable state enroll") {
		t.Errorf("%d %s", code, b.stderr.String())
	}
}

func (b *bench) firewall(t *testing.T, ports, class string, more ...string) int {
	t.Helper()
	return b.run(t, "enroll-fw", append([]string{"--name", "fw-1", "--physical-network", "f20-1-network", "--ports", ports, "--resource-class", class,
		"--management-switch", "mgmt", "--management-switch-port", "g9"}, more...)...)
}

func TestEnrolledFirewall(t *testing.T) {
	b := newBench(t)
	b.expect(t, b.firewall(t, onePort, " Generic "), 1)
	b.expect(t, b.firewall(t, onePort, "fw", "--management-switch", " "), 1)
	if !strings.Contains(b.stderr.String(), "enroll-fw requires --management-switch: ") {
		t.Error(b.stderr.String())
	}
	if code := b.firewall(t, onePort, "fw", "--serial", "007", "--mate-serial", "", "--external-cmdb-id", "x-1"); code != 0 {
		t.Fatalf("%d %s", code, b.stderr.String())
	}
	node := b.openstack.Records("baremetal/nodes", nil)[0]
	if got := fmt.Sprint(node["driver_info"], node["extra"], node["properties"], node["provision_state"]); got != "map[management_switch:mgmt management_switch_port:g9] map[external_cmdb_id:x-1 serial:007] map[vendor:Palo Alto]available" {
		t.Errorf("node %s", got)
	}
	b.requests()

	// In service only what is known of it changes.
	id := node["uuid"].(string)
	if _, err := b.openstack.Do(t.Context(), openstack.Do{Operation: openstack.OpUpdate, Path: "baremetal/nodes", ID: id, Set: map[string]any{"instance_info/image_source": "http://x"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.openstack.Do(t.Context(), openstack.Do{Operation: openstack.OpAction, Path: "baremetal/nodes", ID: id, Action: "active"}); err != nil {
		t.Fatal(err)
	}
	b.requests()
	looked := []string{"GET /baremetal/v1/nodes/fw-1 200", "GET /baremetal/v1/ports/detail?node=" + id + " 200"}
	b.expect(t, b.firewall(t, onePort, "fw", "--serial", "007", "--model", "PA-1410"), 0,
		append(negotiated(looked...), "PATCH /baremetal/v1/nodes/"+id+` [{"op":"add","path":"/properties/model","value":"PA-1410"}] 200`)...)
	b.expect(t, b.firewall(t, twoPorts, "fw"), 1, negotiated(looked...)...)
	if !strings.Contains(b.stderr.String(), "(port fw-1:p2 would be created)") {
		t.Error(b.stderr.String())
	}
	b.expect(t, b.firewall(t, onePort, "other"), 1, negotiated(looked[:1]...)...)
}
