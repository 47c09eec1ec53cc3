package handlers_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/eventrig/eventrig/simulators/nautobot"
	"github.com/eventrig/eventrig/simulators/openstack"
)

const storageWorld = `ontap:
  svm/svms:
    - {name: os-1f0e8d7c6b5a49382716a5b4c3d2e1f0, aggregates: [{name: aggr01}]}
`

const fabrics = `nautobot:
  ipam/prefixes:
    - {prefix: 100.127.128.0/24, namespace: storage, status: Active}
`

func TestNetappInterfacesOfAProject(t *testing.T) {
	b := newBench(t, "datacenter")
	b.load(t, storageWorld)
	b.load(t, fabrics)
	code := b.run(t, "netapp-configure-interfaces", "--project-id", dashed(eng))
	got := b.requests()
	const lookup = "GET /api/svm/svms?name=os-" + eng + " 200"
	if code != 0 || got[0] != "POST /api/graphql/ 200" || got[1] != lookup || !strings.HasPrefix(got[2], "GET /api/cluster/nodes") {
		t.Fatalf("%d\n%s\n%s", code, strings.Join(got, "\n"), b.stderr.String())
	}
	for path, want := range map[string]string{"network/ip/interfaces": "POST /api/network/ip/interfaces 201", "network/ip/routes": "POST /api/network/ip/routes 201"} {
		if count := len(b.ontap.Records(path, nil)); !slices.Contains(got, want) || count == 0 {
			t.Errorf("%d of %s after\n%s", count, path, strings.Join(got, "\n"))
		}
	}
	if !strings.Contains(b.stdout.String(), `"virtual_machines"`) {
		t.Errorf("printed %s", b.stdout.String())
	}
}

func TestNetappInterfacesMeetErrors(t *testing.T) {
	b := newBench(t, "datacenter")
	b.expect(t, b.run(t, "netapp-configure-interfaces", "--project-id", "default"), 2)
	b.expect(t, b.run(t, "netapp-configure-interfaces"), 2)
	// No such machine in Nautobot: nothing to do.
	b.expect(t, b.run(t, "netapp-configure-interfaces", "--project-id", acme), 0, "POST /api/graphql/ 200")
	// The SVM is not there.
	b.expect(t, b.run(t, "netapp-configure-interfaces", "--project-id", eng), 1, "POST /api/graphql/ 200", "GET /api/svm/svms?name=os-"+eng+" 200")
	b.load(t, "nautobot:\n  virtualization/interfaces:\n    - {name: N2-lif-A, virtual_machine: {name: os-"+eng+"}, status: Active, mode: tagged}\n")
	b.expect(t, b.run(t, "netapp-configure-interfaces", "--project-id", eng), 3, "POST /api/graphql/ 200")
	if err := b.nautobot.Faults().Add(nautobot.Fault{Path: "/api/graphql/", Status: 503}); err != nil {
		t.Fatal(err)
	}
	b.expect(t, b.run(t, "netapp-configure-interfaces", "--project-id", eng), 2, "POST /api/graphql/ 503")
	b.write(t, "etc/netapp/netapp_nvme.conf", "[netapp_nvme]\nnetapp_login = x\n")
	b.expect(t, b.run(t, "netapp-configure-interfaces", "--project-id", eng), 1)
}

func TestResyncOfKeystone(t *testing.T) {
	b := newBench(t)
	if err := b.openstack.UpdateProject(eng, map[string]any{"description": "changed"}); err != nil {
		t.Fatal(err)
	}
	b.expectCode(t, b.run(t, "resync-keystone-nautobot"), 0)
	if len(b.nautobot.Records("tenancy/tenants", map[string]any{"id": dashed(eng), "description": "changed"})) != 1 ||
		len(b.nautobot.Records("tenancy/tenants", map[string]any{"name": "customers:globex"})) != 1 {
		t.Errorf("tenants %v\n%s", b.nautobot.Records("tenancy/tenants", nil), b.stderr.String())
	}
	if err := b.openstack.Faults().Add(openstack.Fault{Path: "/v3/projects", Status: 503}); err != nil {
		t.Fatal(err)
	}
	b.expectCode(t, b.run(t, "resync-keystone-nautobot"), 1)
}

func TestResyncOfNeutron(t *testing.T) {
	b := newBench(t, "datacenter")
	const network, subnet = "6e7f8091-a2b3-4c4d-9e5f-60718293a4b5", "7f8091a2-b3c4-4d5e-8f60-718293a4b5c6"
	b.load(t, "openstack:\n  network/networks:\n    - {id: "+network+", name: net1, project_id: "+eng+"}\n"+
		"  network/subnets:\n    - {id: "+subnet+", network_id: "+network+", project_id: "+eng+", cidr: 192.168.0.0/24, ip_version: 4}\n")
	code := b.run(t, "resync-neutron-nautobot")
	got := b.requests()
	for _, want := range []string{"POST /api/ipam/namespaces/ 201", "POST /api/plugins/undercloud-vni/ucvnis/ 201", "POST /api/ipam/prefixes/ 201"} {
		if code != 0 || !slices.Contains(got, want) {
			t.Errorf("%d, no %s in\n%s\n%s", code, want, strings.Join(got, "\n"), b.stderr.String())
		}
	}
	b.run(t, "resync-neutron-nautobot")
	if got := b.requests(); !slices.Contains(got, "POST /api/ipam/namespaces/ 400") {
		t.Errorf("again:\n%s", strings.Join(got, "\n"))
	}
}

func TestResyncOfIronic(t *testing.T) {
	b := newBench(t, "datacenter")
	b.load(t, racked)
	b.expectCode(t, b.run(t, "resync-ironic-nautobot"), 0)
	if len(b.nautobot.Records("dcim/devices", map[string]any{"id": node})) != 1 {
		t.Error(b.stderr.String())
	}
	b.load(t, "openstack:\n  baremetal/nodes:\n    - {uuid: "+portID+", name: n2, driver: redfish, provision_state: enroll}\n")
	b.expectCode(t, b.run(t, "resync-ironic-nautobot"), 1)
	if !strings.Contains(b.stderr.String(), "Sync complete. 1/2 nodes synced successfully.") {
		t.Error(b.stderr.String())
	}
}
