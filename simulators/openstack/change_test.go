package openstack_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	cloud "github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servers"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/networks"

	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/simulators/openstack"
)

const (
	node1    = "7ca98881-bca5-4c82-9369-66eb36292a95"
	port1    = "438711ba-1bcd-4f15-8b34-53ae2f0c7a68"
	network1 = "b4a2b6d4-9b0b-4bd2-a2b0-7a1b7b8ff6c9"
	server1  = "5f8b8d3c-0c9e-4a52-8b67-2d8f1d2a7c11"
	image1   = "0f7e9a1c-7d53-4a9e-9f5b-8d1c2b3a4e5f"
)

// change makes a change and collects what is told of it.
func change(t testing.TB, s *openstack.Server, do openstack.Do) []string {
	t.Helper()
	var told []openstack.Message
	if _, err := s.Do(openstack.Collecting(t.Context(), &told), do); err != nil {
		t.Fatalf("%+v: %v", do, err)
	}
	types := []string{}
	for _, m := range told {
		types = append(types, m.EventType)
	}
	return types
}

// enrolled puts a node with a port, ready to be deployed, a network and an image into a cloud.
func enrolled(t testing.TB, s *openstack.Server) {
	t.Helper()
	for _, do := range []openstack.Do{
		{Operation: openstack.OpCreate, Path: "baremetal/nodes", ID: node1, Set: map[string]any{"name": "n1", "driver": "idrac", "resource_class": "baremetal.small", "properties": map[string]any{"memory_mb": 1024}}},
		{Operation: openstack.OpCreate, Path: "baremetal/ports", ID: port1, Set: map[string]any{"node_uuid": node1, "address": "52:54:00:aa:bb:01",
			"local_link_connection": map[string]any{"switch_id": "00:00:00:00:00:01", "port_id": "Ethernet1/1", "switch_info": "leaf-1"}}},
		{Operation: openstack.OpCreate, Path: "network/networks", ID: network1, Set: map[string]any{"name": "tenant"}},
		{Operation: openstack.OpCreate, Path: "network/subnets", Set: map[string]any{"network_id": network1, "cidr": "10.0.0.0/24", "ip_version": 4}},
		{Operation: openstack.OpCreate, Path: "image/images", ID: image1, Set: map[string]any{"name": "ubuntu", "disk_format": "qcow2", "container_format": "bare"}},
		{Operation: openstack.OpAction, Path: "baremetal/nodes", ID: node1, Action: "manage"},
		{Operation: openstack.OpAction, Path: "baremetal/nodes", ID: node1, Action: "inspect"},
		{Operation: openstack.OpAction, Path: "baremetal/nodes", ID: node1, Action: "provide"},
	} {
		if _, err := s.Do(t.Context(), do); err != nil {
			t.Fatalf("%+v: %v", do, err)
		}
	}
	if sent := s.Notifications(); len(sent) != 0 {
		t.Fatalf("changes that nobody was to hear of told %v", sent)
	}
}

func one(t testing.TB, s *openstack.Server, path, key, id string) map[string]any {
	t.Helper()
	found := s.Records(path, map[string]any{key: id})
	if len(found) != 1 {
		t.Fatalf("%d of %s with %s %s", len(found), path, key, id)
	}
	return found[0]
}

// TestAServersLifeOnBareMetal: Nova makes a server, Ironic deploys a node for it and binds its port, and a deletion cleans
// the node. The notifications of each service come in its own order.
func TestAServersLifeOnBareMetal(t *testing.T) {
	s, _ := start(t, openstack.Config{})
	enrolled(t, s)
	told := change(t, s, openstack.Do{Operation: openstack.OpCreate, Path: "compute/servers", ID: server1, Set: map[string]any{
		"name": "web", "flavorRef": "1", "imageRef": image1, "networks": []any{map[string]any{"uuid": network1}}}})
	of := func(told []string, prefixes ...string) []string {
		return slices.DeleteFunc(slices.Clone(told), func(event string) bool {
			return !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(event, p) })
		})
	}
	same(t, "nova", of(told, "compute."), []string{"compute.instance.create.start", "compute.instance.update", "compute.instance.create.end"})
	same(t, "neutron", of(told, "port."), []string{"port.create.start", "port.create.end",
		"port.update.start", "port.update.end", // the hardware address of the node's port
		"port.update.start", "port.update.end"}) // the node itself
	same(t, "ironic", of(told, "baremetal.node.update", "baremetal.node.provision"), []string{
		"baremetal.node.update.start", "baremetal.node.update.end", "baremetal.node.update.start", "baremetal.node.update.end",
		"baremetal.node.provision_set.start", "baremetal.node.provision_set.success", "baremetal.node.provision_set.success", "baremetal.node.provision_set.end"})
	if first, last := told[0], told[len(told)-1]; first != "compute.instance.create.start" || last != "compute.instance.create.end" {
		t.Errorf("it begins with %s and ends with %s", first, last)
	}
	server, node := one(t, s, "compute/servers", "id", server1), one(t, s, "baremetal/nodes", "uuid", node1)
	if server["status"] != "ACTIVE" || server["node"] != node1 || server["task_state"] != nil {
		t.Errorf("the server is %v", server)
	}
	if node["provision_state"] != "active" || node["instance_uuid"] != server1 || node["lessee"] != server["project_id"] || node["power_state"] != "power on" {
		t.Errorf("the node is %v", node)
	}
	port := s.Records("network/ports", map[string]any{"device_id": server1})[0]
	profile, _ := port["binding:profile"].(map[string]any)
	links, _ := profile["local_link_information"].([]any)
	if port["mac_address"] != "52:54:00:aa:bb:01" || port["binding:host_id"] != node1 || port["binding:vnic_type"] != "baremetal" || port["status"] != "ACTIVE" || len(links) != 1 {
		t.Errorf("the port is %v", port)
	}
	// A second server finds no node.
	change(t, s, openstack.Do{Operation: openstack.OpCreate, Path: "compute/servers", Set: map[string]any{"name": "late", "flavorRef": "1", "imageRef": image1, "networks": "none"}})
	if late := s.Records("compute/servers", map[string]any{"name": "late"}); len(late) != 1 || late[0]["status"] != "ERROR" {
		t.Errorf("the server without a node is %v", late)
	}

	told = change(t, s, openstack.Do{Operation: openstack.OpDelete, Path: "compute/servers", ID: server1})
	same(t, "nova", of(told, "compute."), []string{"compute.instance.delete.start", "compute.instance.shutdown.start", "compute.instance.shutdown.end", "compute.instance.delete.end"})
	same(t, "neutron", of(told, "port."), []string{"port.update.start", "port.update.end", "port.delete.start", "port.delete.end"})
	same(t, "ironic", of(told, "baremetal.node.provision"), []string{
		"baremetal.node.provision_set.start",   // active -> deleting
		"baremetal.node.provision_set.success", // -> cleaning
		"baremetal.node.provision_set.success", // -> clean wait
		"baremetal.node.provision_set.success", // -> cleaning
		"baremetal.node.provision_set.end",     // -> available
	})
	if node := one(t, s, "baremetal/nodes", "uuid", node1); node["provision_state"] != "available" || node["instance_uuid"] != nil || node["lessee"] != nil || len(node["instance_info"].(map[string]any)) != 0 {
		t.Errorf("the node is %v", node)
	}
	if left := append(s.Records("network/ports", nil), s.Records("compute/servers", map[string]any{"id": server1})...); len(left) != 0 {
		t.Errorf("left behind are %v", left)
	}
}

// TestAServerBelongsToTheProjectItIsAskedForIn: Nova takes the project from the token and from nothing else.
func TestAServerBelongsToTheProjectItIsAskedForIn(t *testing.T) {
	s, _ := start(t, openstack.Config{})
	enrolled(t, s)
	const project = "0123456789abcdef0123456789abcdef"
	change(t, s, openstack.Do{Operation: openstack.OpCreate, Path: "projects", ID: project, Set: map[string]any{"name": "p", "domain_id": "default"}})
	for _, id := range []string{server1, "6a1f0d2e-7b3c-4d5e-8f90-a1b2c3d4e5f6"} { // the second time the role is there
		told := change(t, s, openstack.Do{Operation: openstack.OpCreate, Path: "compute/servers", ID: id, Project: project, Set: map[string]any{
			"name": "web", "flavorRef": "1", "imageRef": image1, "networks": []any{map[string]any{"uuid": network1}}}})
		if server := one(t, s, "compute/servers", "id", id); server["project_id"] != project {
			t.Errorf("the server is %v", server)
		}
		if slices.ContainsFunc(told, func(event string) bool { return strings.HasPrefix(event, "identity.") }) {
			t.Errorf("the administrator's role was told: %v", told)
		}
	}
	if node := one(t, s, "baremetal/nodes", "uuid", node1); node["lessee"] != project {
		t.Errorf("the node is %v", node)
	}
	_, err := s.Do(t.Context(), openstack.Do{Operation: openstack.OpCreate, Path: "compute/servers", Project: "nobody", Set: map[string]any{"name": "web", "flavorRef": "1"}})
	if failure.ExitStatus(err) != 2 || !strings.Contains(err.Error(), "ask for it in project nobody: 404") {
		t.Errorf("%v", err)
	}
}

// TestAgentsReportByThemselves: Neutron's API makes none, and deletes them.
func TestAgentsReportByThemselves(t *testing.T) {
	s, _ := start(t, openstack.Config{})
	const agent = "9d1e6a52-7d7b-4f5e-8d0b-3f0a1c2d4e5f"
	if told := change(t, s, openstack.Do{Operation: openstack.OpCreate, Path: "network/agents", ID: agent, Set: map[string]any{"host": "n1", "alive": false}}); len(told) != 0 {
		t.Errorf("told were %v", told)
	}
	if found := one(t, s, "network/agents", "id", agent); found["host"] != "n1" || found["alive"] != false {
		t.Errorf("the agent is %v", found)
	}
	change(t, s, openstack.Do{Operation: openstack.OpDelete, Path: "network/agents", ID: agent})
	if left := s.Records("network/agents", map[string]any{"id": agent}); len(left) != 0 {
		t.Errorf("left behind is %v", left)
	}
}

// TestADeploymentThatFails leaves the server in ERROR and the node where Ironic left it.
func TestADeploymentThatFails(t *testing.T) {
	s, _ := start(t, openstack.Config{})
	enrolled(t, s)
	change(t, s, openstack.Do{Operation: openstack.OpUpdate, Path: "baremetal/nodes", ID: node1, Set: map[string]any{"extra/eventrig_fail": "deploy"}})
	told := change(t, s, openstack.Do{Operation: openstack.OpCreate, Path: "compute/servers", ID: server1, Set: map[string]any{
		"name": "web", "flavorRef": "1", "imageRef": image1, "networks": []any{map[string]any{"uuid": network1}}}})
	if !slices.Contains(told, "compute.instance.create.error") || !slices.Contains(told, "baremetal.node.provision_set.error") {
		t.Errorf("told were %v", told)
	}
	server, node := one(t, s, "compute/servers", "id", server1), one(t, s, "baremetal/nodes", "uuid", node1)
	if fault, _ := server["fault"].(map[string]any); server["status"] != "ERROR" || !strings.Contains(fault["message"].(string), "Failed to provision instance") || node["provision_state"] != "deploy failed" {
		t.Errorf("the server is %v, the node %v", server, node)
	}
}

// TestADeploymentTakesItsTime: with a transition time the server is built meanwhile, and a client sees it become active.
func TestADeploymentTakesItsTime(t *testing.T) {
	s, url := start(t, openstack.Config{Transition: 20 * time.Millisecond})
	for _, do := range []openstack.Do{
		{Operation: openstack.OpCreate, Path: "baremetal/nodes", ID: node1, Set: map[string]any{"name": "n1", "driver": "fake-hardware"}},
		{Operation: openstack.OpCreate, Path: "baremetal/ports", ID: port1, Set: map[string]any{"node_uuid": node1, "address": "52:54:00:aa:bb:01"}},
	} {
		change(t, s, do)
	}
	reach := func(state string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		for one(t, s, "baremetal/nodes", "uuid", node1)["provision_state"] != state {
			select {
			case <-time.After(5 * time.Millisecond):
			case <-ctx.Done():
				t.Fatalf("the node is %v, not %s", one(t, s, "baremetal/nodes", "uuid", node1)["provision_state"], state)
			}
		}
	}
	change(t, s, openstack.Do{Operation: openstack.OpAction, Path: "baremetal/nodes", ID: node1, Action: "manage"})
	reach("manageable")
	change(t, s, openstack.Do{Operation: openstack.OpAction, Path: "baremetal/nodes", ID: node1, Action: "provide"})
	reach("available")
	p := provider(t, url)
	c := client(t, p, cloud.NewComputeV2)
	made, err := servers.Create(t.Context(), c, servers.CreateOpts{Name: "slow", FlavorRef: "1", ImageRef: image1}, nil).Extract()
	if err != nil {
		t.Fatal(err)
	}
	if early, err := servers.Get(t.Context(), c, made.ID).Extract(); err != nil || early.Status != "BUILD" {
		t.Errorf("at first it is %+v, %v", early, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := servers.WaitForStatus(ctx, c, made.ID, "ACTIVE"); err != nil {
		t.Fatal(err)
	}
	if err := servers.Delete(t.Context(), c, made.ID).ExtractErr(); err != nil {
		t.Fatal(err)
	}
	reach("available")
	_, err = servers.Get(t.Context(), c, made.ID).Extract()
	is(t, err, http.StatusNotFound, "")
}

// TestEveryKindOfResourceCanBeChanged creates one of each collection that the API creates, with the identifier wanted, and
// does what else there is.
func TestEveryKindOfResourceCanBeChanged(t *testing.T) {
	s, url := start(t, openstack.Config{})
	enrolled(t, s)
	const id = "9d1e6a52-7d7b-4f5e-8d0b-3f0a1c2d4e5f"
	const hex = "0123456789abcdef0123456789abcdef"
	steps := []map[string]any{{"interface": "deploy", "step": "s", "args": map[string]any{}, "priority": 1}}
	for _, c := range []struct {
		path, id    string
		set, update map[string]any
		notified    string
	}{
		{"projects", hex, map[string]any{"name": "p", "domain_id": "default"}, map[string]any{"description": "d"}, "identity.project.created"},
		{"users", hex, map[string]any{"name": "u"}, map[string]any{"description": "d"}, "identity.user.created"},
		{"groups", hex, map[string]any{"name": "g"}, map[string]any{"description": "d"}, "identity.group.created"},
		{"roles", hex, map[string]any{"name": "r"}, map[string]any{"description": "d"}, "identity.role.created"},
		{"baremetal/portgroups", id, map[string]any{"node_uuid": node1, "name": "bond0"}, map[string]any{"extra/a": "b"}, "baremetal.portgroup.create.end"},
		{"baremetal/volume_connectors", id, map[string]any{"node_uuid": node1, "type": "iqn", "connector_id": "iqn.x"}, nil, "baremetal.volumeconnector.create.end"},
		{"baremetal/volume_targets", id, map[string]any{"node_uuid": node1, "volume_type": "iscsi", "volume_id": "v", "boot_index": 0}, nil, "baremetal.volumetarget.create.end"},
		{"baremetal/chassis", id, map[string]any{"description": "c"}, map[string]any{"description": "d"}, "baremetal.chassis.create.end"},
		{"baremetal/deploy_templates", id, map[string]any{"name": "CUSTOM_T", "steps": steps}, map[string]any{"extra/a": "b"}, "baremetal.deploytemplate.create.end"},
		{"baremetal/runbooks", id, map[string]any{"name": "CUSTOM_R", "steps": steps}, map[string]any{"extra/a": "b"}, "baremetal.runbook.create.end"},
		{"network/networks", id, map[string]any{"name": "n"}, map[string]any{"name": "m"}, "network.create.end"},
		{"network/ports", id, map[string]any{"network_id": network1}, map[string]any{"name": "m"}, "port.create.end"},
		{"network/network_segment_ranges", id, map[string]any{"name": "r", "network_type": "vlan", "physical_network": "elsewhere", "minimum": 3001, "maximum": 3009}, map[string]any{"maximum": 3010}, "network_segment_range.create.end"},
		{"network/routers", id, map[string]any{"name": "r"}, map[string]any{"name": "m"}, "router.create.end"},
		{"network/security_groups", id, map[string]any{"name": "s"}, map[string]any{"name": "m"}, "security_group.create.end"},
		{"network/subnetpools", id, map[string]any{"name": "s", "prefixes": []any{"10.1.0.0/16"}}, map[string]any{"name": "m"}, "subnetpool.create.end"},
		{"compute/flavors", id, map[string]any{"name": "f", "ram": 1, "vcpus": 1, "disk": 1, "id": id}, nil, "flavor.create"},
		{"compute/keypairs", "k", map[string]any{"name": "k", "public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== k"}, nil, "keypair.create.end"},
		{"volume/types", id, map[string]any{"name": "t", "os-volume-type-access:is_public": false}, map[string]any{"description": "d"}, "volume_type.create"},
		{"volume/volumes", id, map[string]any{"name": "v", "size": 1}, map[string]any{"name": "w"}, "volume.create.end"},
	} {
		t.Run(strings.ReplaceAll(c.path, "/", " "), func(t *testing.T) {
			told := change(t, s, openstack.Do{Operation: openstack.OpCreate, Path: c.path, ID: c.id, Set: c.set})
			if c.path != "compute/flavors" && c.path != "compute/keypairs" && !slices.Contains(told, c.notified) {
				t.Errorf("told were %v, without %s", told, c.notified)
			}
			if c.update != nil {
				change(t, s, openstack.Do{Operation: openstack.OpUpdate, Path: c.path, ID: c.id, Set: c.update})
			}
			if c.path == "volume/types" {
				access := map[string]any{"volume_type_id": c.id, "project_id": hex}
				if told := change(t, s, openstack.Do{Operation: openstack.OpCreate, Path: "volume/type_access", Set: access}); !slices.Equal(told, []string{"volume_type_project.access.add"}) {
					t.Errorf("access was told as %v", told)
				}
				if told := change(t, s, openstack.Do{Operation: openstack.OpDelete, Path: "volume/type_access", Set: access}); !slices.Equal(told, []string{"volume_type_project.access.remove"}) {
					t.Errorf("access was told as %v", told)
				}
			}
			change(t, s, openstack.Do{Operation: openstack.OpDelete, Path: c.path, ID: c.id})
		})
	}
	change(t, s, openstack.Do{Operation: openstack.OpCreate, Path: "baremetal/inventories", ID: node1, Set: map[string]any{"inventory": map[string]any{"cpu": map[string]any{"count": 2}}}})
	if told := change(t, s, openstack.Do{Operation: openstack.OpAction, Path: "baremetal/nodes", ID: node1, Action: "power-on"}); !slices.Equal(told, []string{"baremetal.node.power_set.start", "baremetal.node.power_set.end"}) {
		t.Errorf("told were %v", told)
	}
	if told := change(t, s, openstack.Do{Operation: openstack.OpAction, Path: "baremetal/nodes", ID: node1, Action: "maintenance-set", Set: map[string]any{"reason": "r"}}); !slices.Contains(told, "baremetal.node.maintenance_set.end") {
		t.Errorf("told were %v", told)
	}
	change(t, s, openstack.Do{Operation: openstack.OpCall, Path: "PUT /baremetal/v1/nodes/" + node1 + "/traits", Set: map[string]any{"traits": []any{"CUSTOM_A"}}})

	for name, c := range map[string]struct {
		do   openstack.Do
		want string
	}{
		"an unknown kind":        {openstack.Do{Operation: openstack.OpCreate, Path: "baremetal/node"}, `no "baremetal/node"`},
		"the service refuses":    {openstack.Do{Operation: openstack.OpAction, Path: "baremetal/nodes", ID: node1, Action: "rescue"}, "can not be performed"},
		"another status":         {openstack.Do{Operation: openstack.OpDelete, Path: "network/networks", ID: network1, Status: 404}, "204, not 404"},
		"no such action":         {openstack.Do{Operation: openstack.OpAction, Path: "network/ports", ID: port1, Action: "jump"}, `no action "jump"`},
		"no request":             {openstack.Do{Operation: openstack.OpCall, Path: "/baremetal"}, "want METHOD and path"},
		"nothing changes a type": {openstack.Do{Operation: openstack.OpUpdate, Path: "volume/type_access"}, "created and deleted"},
	} {
		if _, err := s.Do(t.Context(), c.do); failure.ExitStatus(err) != 2 || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.Do(t.Context(), openstack.Do{Operation: openstack.OpDelete, Path: "baremetal/ports", ID: hex, Status: 404}); err != nil {
		t.Errorf("a refusal that is wanted: %v", err)
	}
	if entries := s.Journal().Entries(); len(entries) != 0 {
		t.Errorf("the journal has %d requests that no client made", len(entries))
	}
	// Clients go on as before: their requests are told, and draw their own identifiers.
	made, err := networks.Create(t.Context(), client(t, provider(t, url), cloud.NewNetworkV2), networks.CreateOpts{Name: "c"}).Extract()
	if err != nil || made.ID == id || !slices.Contains(events(s), "network.create.end") {
		t.Errorf("%+v, %v", made, err)
	}
}
