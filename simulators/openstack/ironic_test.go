package openstack_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	cloud "github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/baremetal/v1/allocations"
	"github.com/gophercloud/gophercloud/v2/openstack/baremetal/v1/nodes"
	"github.com/gophercloud/gophercloud/v2/openstack/baremetal/v1/ports"

	"github.com/eventrig/eventrig/simulators/openstack"
)

// bareMetal is a client of Ironic at a version of its API.
func bareMetal(t testing.TB, url, version string) *gophercloud.ServiceClient {
	t.Helper()
	c := client(t, provider(t, url), cloud.NewBareMetalV1)
	c.Microversion = version
	return c
}

func createNode(t testing.TB, c *gophercloud.ServiceClient, name string) *nodes.Node {
	t.Helper()
	made, err := nodes.Create(t.Context(), c, nodes.CreateOpts{Name: name, Driver: "redfish", ResourceClass: "baremetal.small",
		DriverInfo: map[string]any{"redfish_address": "https://10.0.0.1", "redfish_password": "secret"}}).Extract()
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func provide(t testing.TB, c *gophercloud.ServiceClient, id string, verbs ...nodes.TargetProvisionState) {
	t.Helper()
	for _, verb := range verbs {
		if err := nodes.ChangeProvisionState(t.Context(), c, id, nodes.ProvisionStateOpts{Target: verb}).ExtractErr(); err != nil {
			t.Fatal(err)
		}
	}
}

// A server's life: enrolled, inspected, cleaned, deployed, torn down, deleted.
func TestNodeLife(t *testing.T) {
	s, url := start(t, openstack.Config{})
	c := bareMetal(t, url, "1.95")
	made := createNode(t, c, "n1")
	if made.ProvisionState != "enroll" || made.BootInterface != "http-ipxe" || made.DriverInfo["redfish_password"] != "******" {
		t.Errorf("a new node: %+v", made)
	}
	port, err := ports.Create(t.Context(), c, ports.CreateOpts{NodeUUID: made.UUID, Address: "52:54:00:AA:BB:01",
		LocalLinkConnection: map[string]any{"switch_id": "C4:4D:84:48:61:80", "port_id": "Ethernet1/7", "switch_info": "f20-1-1"}, PhysicalNetwork: "f20-1-network"}).Extract()
	if err != nil || port.Address != "52:54:00:aa:bb:01" || port.LocalLinkConnection["switch_id"] != "c4:4d:84:48:61:80" {
		t.Fatalf("%+v, %v", port, err)
	}
	state := func() string {
		found, err := nodes.Get(t.Context(), c, "n1").Extract()
		if err != nil {
			t.Fatal(err)
		}
		return found.ProvisionState + ", " + found.PowerState
	}
	for _, step := range []struct {
		verb nodes.TargetProvisionState
		want string
	}{
		{nodes.TargetManage, "manageable, power off"}, {nodes.TargetInspect, "manageable, power off"}, {nodes.TargetProvide, "available, power off"},
	} {
		provide(t, c, "n1", step.verb)
		if got := state(); got != step.want {
			t.Errorf("after %s: %s, want %s", step.verb, got, step.want)
		}
	}
	inventory, err := nodes.GetInventory(t.Context(), c, "n1").Extract()
	if err != nil || len(inventory.Inventory.Interfaces) != 1 || inventory.Inventory.Interfaces[0].MACAddress != port.Address {
		t.Errorf("inventory: %+v, %v", inventory, err)
	}
	is(t, nodes.ChangeProvisionState(t.Context(), c, "n1", nodes.ProvisionStateOpts{Target: nodes.TargetActive}).ExtractErr(), http.StatusBadRequest,
		"Missing are: ['instance_info.image_source']")
	instance := "0f1d4b33-3c39-4f05-9a21-6f9ef26e8f0b"
	if _, err := nodes.Update(t.Context(), c, "n1", nodes.UpdateOpts{
		nodes.UpdateOperation{Op: nodes.ReplaceOp, Path: "/instance_uuid", Value: instance},
		nodes.UpdateOperation{Op: nodes.AddOp, Path: "/instance_info/image_source", Value: "http://images/a.qcow2"},
		nodes.UpdateOperation{Op: nodes.ReplaceOp, Path: "/lessee", Value: "148f2f86b96440a1ba0934f837b2c77b"},
	}).Extract(); err != nil {
		t.Fatal(err)
	}
	provide(t, c, "n1", nodes.TargetActive)
	if got := state(); got != "active, power on" {
		t.Errorf("after the deployment: %s", got)
	}
	is(t, nodes.Delete(t.Context(), c, "n1").ExtractErr(), http.StatusConflict, "is associated with instance "+instance)
	provide(t, c, "n1", nodes.TargetDeleted)
	found, err := nodes.Get(t.Context(), c, made.UUID).Extract()
	if err != nil || found.ProvisionState != "available" || found.InstanceUUID != "" || len(found.InstanceInfo) > 0 {
		t.Errorf("after the tear down: %+v, %v", found, err)
	}
	if err := nodes.Delete(t.Context(), c, "n1").ExtractErr(); err != nil {
		t.Error(err)
	}
	if left := s.Records("baremetal/ports", nil); len(left) > 0 {
		t.Errorf("a deleted node left %v", left)
	}
	_, err = nodes.Get(t.Context(), c, "n1").Extract()
	is(t, err, http.StatusNotFound, "Node n1 could not be found.")
}

// What the state machine does not allow, in Ironic's words.
func TestIllegalTransitions(t *testing.T) {
	_, url := start(t, openstack.Config{})
	c := bareMetal(t, url, "1.95")
	id := createNode(t, c, "n1").UUID
	for _, verb := range []nodes.TargetProvisionState{nodes.TargetActive, nodes.TargetProvide, nodes.TargetInspect, nodes.TargetDeleted, nodes.TargetRescue, "nonsense"} {
		err := nodes.ChangeProvisionState(t.Context(), c, "n1", nodes.ProvisionStateOpts{Target: verb, RescuePassword: rescuePassword(verb)}).ExtractErr()
		is(t, err, http.StatusBadRequest, fmt.Sprintf(`The requested action "%s" can not be performed on node "%s" while it is in state "enroll".`, verb, id))
	}
	provide(t, c, id, nodes.TargetManage)
	is(t, nodes.ChangeProvisionState(t.Context(), c, id, nodes.ProvisionStateOpts{Target: nodes.TargetClean}).ExtractErr(), http.StatusBadRequest, `"clean_steps" is required`)
	if err := nodes.SetMaintenance(t.Context(), c, id, nodes.MaintenanceOpts{Reason: "broken fan"}).ExtractErr(); err != nil {
		t.Fatal(err)
	}
	is(t, nodes.ChangeProvisionState(t.Context(), c, id, nodes.ProvisionStateOpts{Target: nodes.TargetProvide}).ExtractErr(), http.StatusBadRequest, "it's in maintenance mode")
	if err := nodes.UnsetMaintenance(t.Context(), c, id).ExtractErr(); err != nil {
		t.Fatal(err)
	}
	provide(t, c, id, nodes.TargetProvide)
	_, err := nodes.Update(t.Context(), c, id, nodes.UpdateOpts{nodes.UpdateOperation{Op: nodes.ReplaceOp, Path: "/retired", Value: true}}).Extract()
	is(t, err, http.StatusConflict, "can not have 'retired' set in provision state 'available'")
	is(t, nodes.ChangePowerState(t.Context(), c, id, nodes.PowerStateOpts{Target: "warp"}).ExtractErr(), http.StatusBadRequest, "can not be performed")
}

func rescuePassword(verb nodes.TargetProvisionState) string {
	if verb == nodes.TargetRescue {
		return "x"
	}
	return ""
}

// A node that is told to fail ends where broken hardware would leave it.
func TestFailures(t *testing.T) {
	_, url := start(t, openstack.Config{})
	c := bareMetal(t, url, "1.95")
	for _, test := range []struct {
		operation string
		verbs     []nodes.TargetProvisionState
		want      string
	}{
		{"verify", []nodes.TargetProvisionState{nodes.TargetManage}, "enroll"},
		{"inspect", []nodes.TargetProvisionState{nodes.TargetManage, nodes.TargetInspect}, "inspect failed"},
		{"clean", []nodes.TargetProvisionState{nodes.TargetManage, nodes.TargetProvide}, "clean failed"},
		{"deploy", []nodes.TargetProvisionState{nodes.TargetManage, nodes.TargetProvide, nodes.TargetActive}, "deploy failed"},
		{"adopt", []nodes.TargetProvisionState{nodes.TargetManage, nodes.TargetAdopt}, "adopt failed"},
	} {
		made, err := nodes.Create(t.Context(), c, nodes.CreateOpts{Driver: "fake-hardware", Extra: map[string]any{"eventrig_fail": test.operation}}).Extract()
		if err != nil {
			t.Fatal(err)
		}
		provide(t, c, made.UUID, test.verbs...)
		found, err := nodes.Get(t.Context(), c, made.UUID).Extract()
		if err != nil || found.ProvisionState != test.want || !contains(found.LastError, "eventrig_fail") {
			t.Errorf("%s: %s, last error %q, %v; want %s", test.operation, found.ProvisionState, found.LastError, err, test.want)
		}
		if test.operation == "clean" && (!found.Maintenance || found.Fault != "clean failure") {
			t.Errorf("after a failed cleaning: maintenance %v, fault %q", found.Maintenance, found.Fault)
		}
	}
}

// With a transition time the states are there to be seen, and the node cannot be used in between.
func TestTransitionsTakeTime(t *testing.T) {
	s, url := start(t, openstack.Config{Transition: 30 * time.Millisecond})
	c := bareMetal(t, url, "1.95")
	made := createNode(t, c, "n1")
	provide(t, c, "n1", nodes.TargetManage)
	_, err := nodes.Update(t.Context(), c, "n1", nodes.UpdateOpts{nodes.UpdateOperation{Op: nodes.ReplaceOp, Path: "/name", Value: "n2"}}).Extract()
	if err != nil {
		t.Errorf("update while verifying, which is allowed: %v", err)
	}
	is(t, nodes.ChangeProvisionState(t.Context(), c, made.UUID, nodes.ProvisionStateOpts{Target: nodes.TargetProvide}).ExtractErr(), http.StatusConflict,
		"is locked by host rig-conductor-0")
	waitFor(t, c, made.UUID, nodes.Manageable)
	provide(t, c, made.UUID, nodes.TargetProvide)
	var seen []string
	deadline, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for len(seen) == 0 || seen[len(seen)-1] != "available" {
		found, err := nodes.Get(deadline, c, made.UUID).Extract()
		if err != nil {
			t.Fatal(err)
		}
		if now := found.ProvisionState; len(seen) == 0 || seen[len(seen)-1] != now {
			seen = append(seen, now)
		}
		if found.ProvisionState == "cleaning" {
			_, err := nodes.Update(t.Context(), c, made.UUID, nodes.UpdateOpts{nodes.UpdateOperation{Op: nodes.ReplaceOp, Path: "/extra/a", Value: "b"}}).Extract()
			if err == nil {
				t.Error("a node in transition was updated")
			}
		}
	}
	if !slices.Contains(seen, "cleaning") || !slices.Contains(seen, "clean wait") {
		t.Errorf("states seen: %v", seen)
	}
	// A deletion of the cloud's content ends what was going on.
	provide(t, c, made.UUID, nodes.TargetManage)
	provide(t, c, made.UUID, nodes.TargetProvide)
	s.Reset()
	if left := s.Records("baremetal/nodes", nil); len(left) > 0 {
		t.Errorf("%v", left)
	}
}

func waitFor(t testing.TB, c *gophercloud.ServiceClient, id string, state nodes.ProvisionState) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		found, err := nodes.Get(ctx, c, id).Extract()
		if err != nil {
			t.Fatal(err)
		}
		if found.ProvisionState == string(state) {
			return
		}
	}
}

func TestListsOfNodes(t *testing.T) {
	_, url := start(t, openstack.Config{})
	c := bareMetal(t, url, "1.95")
	for i := range 7 {
		id := createNode(t, c, fmt.Sprintf("n%d", 6-i)).UUID
		if i%2 == 0 {
			provide(t, c, id, nodes.TargetManage)
		}
	}
	// gophercloud v2.15 does not follow Ironic's next; this does as ironicclient does.
	list := func(query string) (names string) {
		t.Helper()
		pages := 0
		for address := c.ServiceURL("nodes") + "?" + query; address != ""; pages++ {
			var page struct {
				Nodes []nodes.Node `json:"nodes"`
				Next  string       `json:"next"`
			}
			if _, err := c.Get(t.Context(), address, &page, nil); err != nil {
				t.Fatal(err)
			}
			for _, node := range page.Nodes {
				names += node.Name + " "
			}
			address = page.Next
		}
		return names + fmt.Sprint(pages, " pages")
	}
	for query, want := range map[string]string{
		"":                                   "n6 n5 n4 n3 n2 n1 n0 1 pages",
		"limit=3":                            "n6 n5 n4 n3 n2 n1 n0 3 pages",
		"limit=7":                            "n6 n5 n4 n3 n2 n1 n0 1 pages",
		"sort_key=name&sort_dir=asc&limit=4": "n0 n1 n2 n3 n4 n5 n6 2 pages",
		"sort_dir=desc&limit=6":              "n0 n1 n2 n3 n4 n5 n6 2 pages",
		"provision_state=manageable&limit=2": "n6 n4 n2 n0 2 pages",
		"driver=idrac":                       "1 pages",
		"maintenance=True":                   "1 pages",
		"maintenance=false&associated=0&limit=99": "n6 n5 n4 n3 n2 n1 n0 1 pages",
		"resource_class=baremetal.small":          "n6 n5 n4 n3 n2 n1 n0 1 pages",
	} {
		if got := list(query); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	for query, want := range map[string]string{
		"provision_state=nonsense": `Provision state "nonsense" is not valid`, "limit=-1": "Limit must be positive", "limit=x": "Expected an integer for limit: x",
		"fields=nothing": `Field(s) "nothing" are not valid`, "fields=name&detail=true": "Can't fetch a subset of fields", "marker=x": "Expected UUID for marker: x",
		"maintenance=perhaps": "Unrecognized value 'perhaps'", "colour=red": "Unexpected arguments: colour", "sort_key=extra": `The sort_key value "extra" is invalid for sorting`,
		"sort_dir=up": "Invalid sort direction: up",
	} {
		_, err := c.Get(t.Context(), c.ServiceURL("nodes")+"?"+query, nil, nil)
		is(t, err, http.StatusBadRequest, want)
	}
	var chosen struct{ Nodes []map[string]any }
	if _, err := c.Get(t.Context(), c.ServiceURL("nodes")+"?fields=uuid,extra&limit=1", &chosen, nil); err != nil || len(chosen.Nodes) != 1 || len(chosen.Nodes[0]) != 3 {
		t.Errorf("uuid, extra and links: %v, %v", chosen, err)
	}
}

// What depends on the version of the API that the client speaks.
func TestVersions(t *testing.T) {
	_, url := start(t, openstack.Config{})
	c := bareMetal(t, url, "1.95")
	createNode(t, c, "n1")
	token := c.Token()
	for _, test := range []struct {
		version, method, path string
		status                int
		text                  string
	}{
		{"1.95", "GET", "/v1/nodes/n1", 200, `"disable_power_off":false`},
		{"latest", "GET", "/v1/nodes/n1", 200, `"disable_power_off":false`},
		{"1.5", "GET", "/v1/nodes/n1", 200, `"name":"n1"`},
		{"", "GET", "/v1/nodes", 200, `"nodes":[`},
		{"1.30", "GET", "/v1/portgroups", 200, `"portgroups":[]`},
		{"1.22", "GET", "/v1/portgroups", 404, "Not Found"},
		{"1.7", "GET", "/v1/nodes?fields=uuid", 406, "Request not acceptable."},
		{"1.49", "GET", "/v1/nodes?owner=x", 406, "Request not acceptable."},
		{"1.102", "GET", "/v1/nodes", 406, "Version 1.102 was requested but the minor version is not supported by this service. The supported version range is: [1.1, 1.101]."},
		{"2.0", "GET", "/v1/nodes", 406, "Mutually exclusive versions requested."},
		{"one", "GET", "/v1/nodes", 406, "Invalid value for X-OpenStack-Ironic-API-Version header"},
	} {
		request, err := http.NewRequestWithContext(t.Context(), test.method, url+"/baremetal"+test.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Auth-Token", token)
		if test.version != "" {
			request.Header.Set("X-OpenStack-Ironic-API-Version", test.version)
		}
		status, body, header := do(t, request)
		if status != test.status || !contains(body, test.text) || header.Get("X-OpenStack-Ironic-API-Maximum-Version") != "1.101" {
			t.Errorf("%s %s at %q: %d %s; want %d %s", test.method, test.path, test.version, status, body, test.status, test.text)
		}
		if contains(body, "parent_node") && test.version == "1.5" {
			t.Errorf("a field of 1.83 at 1.5: %s", body)
		}
	}
}

func TestPatches(t *testing.T) {
	_, url := start(t, openstack.Config{})
	c := bareMetal(t, url, "1.95")
	id := createNode(t, c, "n1").UUID
	createNode(t, c, "n2")
	for _, test := range []struct {
		patch  string
		status int
		text   string
	}{
		{`[{"op": "add", "path": "/extra/a", "value": {"b": [1, 2]}}]`, 200, `"a":{"b":[1,2]}`},
		{`[{"op": "add", "path": "/extra/a/b/1", "value": 7}, {"op": "remove", "path": "/extra/a/b/0"}]`, 200, `"a":{"b":[7,2]}`},
		{`[{"op": "add", "path": "/extra/a/b/-", "value": "x"}]`, 200, `"a":{"b":[7,2,"x"]}`},
		{`[{"op": "remove", "path": "/extra/a"}]`, 200, `"extra":{}`},
		{`[{"op": "replace", "path": "/maintenance", "value": "true"}]`, 200, `"maintenance":true`},
		{`[{"op": "remove", "path": "/extra/a"}]`, 400, `Reason: can't remove a non-existent object 'a'`},
		{`[{"op": "replace", "path": "/extra/a", "value": 1}]`, 400, `Couldn't apply patch '{'op': 'replace', 'path': '/extra/a', 'value': 1}'. Reason: can't replace a non-existent object 'a'`},
		{`[{"op": "add", "path": "/extra/a/b/c", "value": 1}]`, 400, `member 'a' not found in {}`},
		{`[{"op": "add", "path": "/foo", "value": 1}]`, 400, "Cannot patch /foo. Only the following can be updated: automated_clean, "},
		{`[{"op": "replace", "path": "/provision_state", "value": "active"}]`, 400, "Cannot patch /provision_state."},
		{`[{"op": "replace", "path": "/uuid", "value": "x"}]`, 400, "Cannot patch /uuid."},
		{`[{"op": "replace", "path": "/traits", "value": []}]`, 400, "Cannot update node traits via node patch."},
		{`[{"op": "replace", "path": "/name", "value": "n2"}]`, 409, "A node with name n2 already exists."},
		{`[{"op": "replace", "path": "/name", "value": "a b"}]`, 400, "Cannot change name to invalid name 'a b'"},
		{`[{"op": "replace", "path": "/driver", "value": 5}]`, 400, "Schema error for patch: 5 is not of type 'string'"},
		{`[{"op": "replace", "path": "/driver", "value": "nothing"}]`, 400, "No conductor service registered which supports driver nothing"},
		{`[{"op": "move", "path": "/name", "from": "/driver"}]`, 400, "Additional properties are not allowed ('from' was unexpected)"},
		{`[{"op": "move", "path": "/name"}]`, 400, "'move' is not one of ['add', 'replace', 'remove']"},
		{`[{"op": "add", "path": "name"}]`, 400, "'name' does not match"},
		{`[{"op": "add", "path": "/name"}]`, 400, "does not contain a 'value' member"},
		{`[5]`, 400, "5 is not of type 'object'"},
		{`{"op": "add"}`, 400, "is not of type 'array'"},
		{`[`, 400, "Request body is not valid JSON"},
		{`[]`, 200, `"name":"n1"`},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, url+"/baremetal/v1/nodes/"+id, strings.NewReader(test.patch))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Auth-Token", c.Token())
		request.Header.Set("X-OpenStack-Ironic-API-Version", "1.95")
		status, body, _ := do(t, request)
		var fault struct {
			Message string `json:"error_message"`
		}
		if err := json.Unmarshal([]byte(body), &fault); err != nil {
			t.Fatalf("%s: %v in %s", test.patch, err, body)
		}
		var words struct {
			Fault string `json:"faultstring"`
		}
		if status >= 400 {
			if err := json.Unmarshal([]byte(fault.Message), &words); err != nil {
				t.Fatalf("%s: %v in %s", test.patch, err, body)
			}
			body = words.Fault
		}
		if status != test.status || !contains(body, test.text) {
			t.Errorf("%s: %d %s; want %d %s", test.patch, status, body, test.status, test.text)
		}
	}
}

func TestPortsAndAllocations(t *testing.T) {
	s, url := start(t, openstack.Config{})
	c := bareMetal(t, url, "1.95")
	node := createNode(t, c, "n1")
	made, err := ports.Create(t.Context(), c, ports.CreateOpts{NodeUUID: node.UUID, Address: "52:54:00:00:00:01"}).Extract()
	if err != nil {
		t.Fatal(err)
	}
	_, err = ports.Create(t.Context(), c, ports.CreateOpts{NodeUUID: node.UUID, Address: "52:54:00:00:00:01"}).Extract()
	is(t, err, http.StatusConflict, "A port with MAC address 52:54:00:00:00:01 already exists.")
	_, err = ports.Create(t.Context(), c, ports.CreateOpts{NodeUUID: node.UUID, Address: "no"}).Extract()
	is(t, err, http.StatusBadRequest, "Expected valid MAC address for address: no")
	_, err = ports.Create(t.Context(), c, ports.CreateOpts{NodeUUID: made.UUID, Address: "52:54:00:00:00:02"}).Extract()
	is(t, err, http.StatusBadRequest, "Node "+made.UUID+" could not be found.")
	pages, err := ports.ListDetail(c, ports.ListOpts{NodeUUID: node.UUID}).AllPages(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if found, err := ports.ExtractPorts(pages); err != nil || len(found) != 1 || found[0].NodeUUID != node.UUID || !found[0].PXEEnabled {
		t.Errorf("%+v, %v", found, err)
	}
	if err := nodes.AttachVirtualInterface(t.Context(), c, node.UUID, nodes.VirtualInterfaceOpts{ID: "1974dcfa-836f-41b2-b541-686c100900e5"}).ExtractErr(); err != nil {
		t.Error(err)
	}
	is(t, nodes.AttachVirtualInterface(t.Context(), c, node.UUID, nodes.VirtualInterfaceOpts{ID: "2974dcfa-836f-41b2-b541-686c100900e5"}).ExtractErr(),
		http.StatusBadRequest, "not enough free physical ports")
	if attached, err := nodes.ListVirtualInterfaces(t.Context(), c, node.UUID).Extract(); err != nil || len(attached) != 1 {
		t.Errorf("virtual interfaces: %v, %v", attached, err)
	}
	provide(t, c, node.UUID, nodes.TargetManage, nodes.TargetProvide)
	allocation, err := allocations.Create(t.Context(), c, allocations.CreateOpts{Name: "a1", ResourceClass: "baremetal.small"}).Extract()
	if err != nil || allocation.NodeUUID != node.UUID || allocation.State != "active" {
		t.Errorf("%+v, %v", allocation, err)
	}
	other, err := allocations.Create(t.Context(), c, allocations.CreateOpts{Name: "a2", ResourceClass: "baremetal.small"}).Extract()
	if err != nil || other.State != "error" || !contains(other.LastError, "no available nodes match the resource class baremetal.small") {
		t.Errorf("%+v, %v", other, err)
	}
	if holder := s.Records("baremetal/nodes", nil)[0]["instance_uuid"]; holder != allocation.UUID {
		t.Errorf("the node's instance is %v", holder)
	}
	if err := allocations.Delete(t.Context(), c, allocation.UUID).ExtractErr(); err != nil {
		t.Error(err)
	}
	if holder := s.Records("baremetal/nodes", nil)[0]["instance_uuid"]; holder != nil {
		t.Errorf("the node's instance is still %v", holder)
	}
}
