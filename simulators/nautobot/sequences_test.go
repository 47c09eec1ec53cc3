package nautobot

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
)

// call is one request of a handler with what it must get: a status and parts of the body.
type call struct {
	method, path string
	body         string
	status       int
	parts        []string
}

const (
	switchID    = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"
	switchPort  = "1b2c3d4e-5f6a-4b7c-9d8e-0f1a2b3c4d5e"
	nodeID      = "7b8c9d0e-1f2a-4b3c-8d4e-5f6a7b8c9d0e"
	nodePort    = "8c9d0e1f-2a3b-4c4d-9e5f-6a7b8c9d0e1f"
	lagPort     = "9d0e1f2a-3b4c-4d5e-8f6a-7b8c9d0e1f2a"
	projectID   = "5d6e7f80-91a2-4b3c-8d4e-5f60718293a4"
	networkID   = "6e7f8091-a2b3-4c4d-9e5f-60718293a4b5"
	subnetID    = "7f8091a2-b3c4-4d5e-8f60-718293a4b5c6"
	rangeNoteID = "8091a2b3-c4d5-4e6f-9071-8293a4b5c6d7"
)

// The requests that UnderStack's handlers send, in their order (measured with the real handlers), and what they rely on
// in the answers.
func TestHandlerSequences(t *testing.T) {
	interfaceBody := `{"id":"` + nodePort + `","name":"Ethernet1","type":"25gbase-x-sfp28","status":"Active","mac_address":"d4:04:e6:4f:8d:b4","device":"` + nodeID + `"}`
	node := call{"POST", "/api/dcim/devices/", `{"id":"` + nodeID + `","name":"Dell-ABC1234","device_type":{"manufacturer":{"name":"Dell"},"model":"PowerEdge R7615"},"role":{"name":"server"},"location":{"name":"DC1"},"status":"Planned","serial":"ABC1234"}`, 201,
		[]string{`"id":"` + nodeID + `"`, `"object_type":"dcim.device"`, `"url":"BASE/api/dcim/devices/` + nodeID + `/"`}}
	port := call{"POST", "/api/dcim/interfaces/", interfaceBody, 201, []string{`"mac_address":"D4:04:E6:4F:8D:B4"`, `"type":{"value":"25gbase-x-sfp28","label":"SFP28 (25GE)"}`}}
	cable := call{"POST", "/api/dcim/cables/", `{"termination_a_type":"dcim.interface","termination_a_id":"` + nodePort + `","termination_b_type":"dcim.interface","termination_b_id":"` + switchPort + `","status":"Connected"}`, 201,
		[]string{`"termination_a":{"id":"` + nodePort + `","object_type":"dcim.interface"`, `"label":""`}}
	for name, calls := range map[string][]call{
		"sync-keystone created, and again": {
			{"POST", "/api/tenancy/tenants/", `{"id":"` + projectID + `","name":"default:new","description":"d"}`, 201, []string{`"id":"` + projectID + `"`}},
			{"POST", "/api/tenancy/tenants/", `{"id":"` + projectID + `","name":"default:other","description":"d"}`, 400, []string{"Tenant with this Id already exists."}},
		},
		"sync-keystone updated": {
			{"GET", "/api/tenancy/tenants/?id=" + projectID, "", 200, []string{`{"count":0,"next":null,"previous":null,"results":[]}`}},
			{"POST", "/api/tenancy/tenants/", `{"id":"` + projectID + `","name":"default:new","description":""}`, 201, nil},
			{"GET", "/api/tenancy/tenants/?id=" + projectID, "", 200, []string{`"count":1`, `"name":"default:new"`}},
			{"PATCH", "/api/tenancy/tenants/" + projectID + "/", `{"description":"changed"}`, 200, []string{`"description":"changed"`, `"name":"default:new"`}},
		},
		"sync-keystone deleted": {
			{"GET", "/api/tenancy/tenants/?id=" + engTenant, "", 200, []string{`"count":1`}},
			{"DELETE", "/api/tenancy/tenants/" + engTenant + "/", "", 409, []string{"2 dependent objects were found: "}},
			{"GET", "/api/dcim/devices/?tenant=" + engTenant, "", 200, []string{`"count":2`}},
			{"PATCH", "/api/dcim/devices/", `[{"id":"` + device1 + `","tenant":null}]`, 200, []string{`[{"id":"` + device1 + `"`, `"tenant":null`}},
			{"PATCH", "/api/dcim/devices/", `[{"id":"` + device1 + `","tenant":null},{"id":"` + device2 + `","tenant":null}]`, 200, []string{device2}},
			{"DELETE", "/api/tenancy/tenants/" + engTenant + "/", "", 204, nil},
		},
		"node.update.end of a new node with one port": {
			{"GET", "/api/dcim/devices/?name=a1-1-1.iad3", "", 200, []string{`"count":1`, `"location":{"id":`}},
			{"GET", "/api/dcim/devices/?id=" + nodeID, "", 200, []string{`"count":0`}},
			{"GET", "/api/dcim/devices/?name=Dell-ABC1234", "", 200, []string{`"count":0`}},
			node,
			{"GET", "/api/extras/statuses/STATUS/", "", 200, []string{`"name":"Planned"`}},
			{"PATCH", "/api/dcim/devices/" + nodeID + "/", `{"status":"Active","tenant":"` + engTenant + `"}`, 200, []string{`"tenant":{"id":"` + engTenant + `","object_type":"tenancy.tenant","url":"BASE/api/tenancy/tenants/` + engTenant + `/"}`}},
			{"GET", "/api/dcim/interfaces/?id=" + nodePort, "", 200, []string{`"count":0`}},
			port,
			{"GET", "/api/dcim/interfaces/?device=a1-1-1.iad3&name=Ethernet1%2F1", "", 200, []string{`"count":1`, `"cable":null`}},
			cable,
			{"GET", "/api/dcim/interfaces/" + switchPort + "/", "", 200, []string{`"cable":{"id":`, `"cable_peer":{"id":"` + nodePort + `"`, `"cable_peer_type":"dcim.interface"`, `"connected_endpoint":{"id":"` + nodePort + `"`, `"connected_endpoint_reachable":true`}},
			{"GET", "/api/dcim/interfaces/?device_id=" + nodeID + "&name=iDRAC", "", 200, []string{`"count":0`}},
			{"POST", "/api/dcim/interfaces/", `{"name":"iDRAC","type":"1000base-t","status":"Active","mgmt_only":true,"device":"` + nodeID + `","id":"` + lagPort + `"}`, 201, []string{`"mgmt_only":true`}},
			{"GET", "/api/ipam/ip-addresses/?address=10.46.96.156", "", 200, []string{`"count":0`}},
			{"POST", "/api/ipam/ip-addresses/", `{"address":"10.46.96.156/26","namespace":"Rackspace","status":"Active"}`, 201, []string{`"host":"10.46.96.156"`, `"mask_length":26`, `"ip_version":{"value":4,"label":"IPv4"}`, `"object_type":"ipam.prefix"`}},
			{"GET", "/api/ipam/ip-addresses/?address=10.46.96.156", "", 200, []string{`"count":1`}},
			{"GET", "/api/ipam/ip-address-to-interface/?ip_address=ADDRESS", "", 200, []string{`"count":0`}},
			{"POST", "/api/ipam/ip-address-to-interface/", `{"ip_address":"ADDRESS","interface":"` + lagPort + `","is_primary":true}`, 201, []string{`"is_primary":true`}},
			{"PATCH", "/api/dcim/devices/" + nodeID + "/", `{"primary_ip4":"ADDRESS"}`, 200, []string{`"primary_ip4":{"id":"ADDRESS"`}},
			{"GET", "/api/dcim/interfaces/?device_id=" + nodeID, "", 200, []string{`"count":2`}},
			{"GET", "/api/dcim/interfaces/" + lagPort + "/?exclude_m2m=false", "", 200, []string{`"ip_addresses":[{"id":"ADDRESS"`, `"ip_address_count":1`}},
			{"DELETE", "/api/dcim/cables/CABLE/", "", 204, nil},
			{"DELETE", "/api/dcim/interfaces/" + nodePort + "/", "", 204, nil},
		},
		"node.delete.end": {
			node, port, cable,
			{"GET", "/api/dcim/devices/?id=" + nodeID, "", 200, []string{`"count":1`}},
			{"DELETE", "/api/dcim/devices/" + nodeID + "/", "", 204, nil},
			{"GET", "/api/dcim/interfaces/?id=" + nodePort, "", 200, []string{`"count":0`}},
			{"GET", "/api/dcim/cables/", "", 200, []string{`"count":0`}},
		},
		"port create, again, and delete": {
			node,
			{"GET", "/api/dcim/interfaces/?id=" + nodePort, "", 200, []string{`"count":0`}},
			port,
			{"POST", "/api/dcim/interfaces/", strings.Replace(interfaceBody, nodePort, lagPort, 1), 400, []string{`{"non_field_errors":["The fields device, name must make a unique set."]}`}},
			{"PATCH", "/api/dcim/interfaces/" + nodePort + "/", `{"status":"Active"}`, 200, nil},
			cable,
			{"POST", "/api/dcim/cables/", strings.Replace(cable.body, nodePort, switchPort, 1), 400, []string{"unique set"}},
			{"GET", "/api/dcim/cables/?termination_a_type=dcim.interface&termination_a_id=" + nodePort, "", 200, []string{`"count":1`}},
			{"DELETE", "/api/dcim/cables/CABLE/", "", 204, nil},
			{"DELETE", "/api/dcim/interfaces/" + nodePort + "/", "", 204, nil},
		},
		"portgroup create, update and delete": {
			node,
			{"GET", "/api/dcim/interfaces/?id=" + lagPort, "", 200, []string{`"count":0`}},
			{"POST", "/api/dcim/interfaces/", `{"id":"` + lagPort + `","name":"bond0","type":"lag","status":"Active","device":"` + nodeID + `","mac_address":"52:54:00:aa:bb:cc","description":"Bond mode: 802.3ad"}`, 201, []string{`"label":"Link Aggregation Group (LAG)"`}},
			{"PATCH", "/api/dcim/interfaces/" + lagPort + "/", `{"description":"Bond mode: active-backup"}`, 200, nil},
			{"DELETE", "/api/dcim/interfaces/" + lagPort + "/", "", 204, nil},
		},
		"segment range create, update and delete": {
			{"GET", "/api/plugins/undercloud-vni/ucvni-groups/default/", "", 200, []string{`"name":"default"`, `"range":"1-1000"`}},
			{"PATCH", "/api/plugins/undercloud-vni/ucvni-groups/default/", `{"range":"1-1000,2000-2999"}`, 200, []string{`"range":"1-1000,2000-2999"`}},
			{"POST", "/api/plugins/undercloud-vni/ucvni-groups/default/notes/", `{"id":"` + rangeNoteID + `","note":"range 2000-2999"}`, 201, []string{`"id":"` + rangeNoteID + `"`, `"user_name":"admin"`}},
			{"GET", "/api/extras/notes/" + rangeNoteID + "/", "", 200, []string{`"note":"range 2000-2999"`}},
			{"PATCH", "/api/extras/notes/" + rangeNoteID + "/", `{"note":"range 2000-2500"}`, 200, nil},
			{"GET", "/api/plugins/undercloud-vni/ucvni-groups/default/notes/", "", 200, []string{`"count":1`}},
			{"DELETE", "/api/extras/notes/", `[{"id":"` + rangeNoteID + `"}]`, 204, nil},
			{"GET", "/api/extras/notes/" + rangeNoteID + "/", "", 404, []string{`{"detail":"No Note matches the given query."}`}},
		},
		"resync neutron": {
			{"POST", "/api/ipam/namespaces/", `{"name":"` + networkID + `"}`, 201, nil},
			{"POST", "/api/ipam/namespaces/", `{"name":"` + networkID + `"}`, 400, []string{"namespace with this name already exists"}},
			{"PATCH", "/api/plugins/undercloud-vni/ucvnis/" + networkID + "/", `{"name":"net"}`, 404, []string{`"detail"`}},
			{"POST", "/api/plugins/undercloud-vni/ucvnis/", `{"id":"` + networkID + `","name":"net","status":{"name":"Active"},"tenant":"` + engTenant + `","ucvni_group":{"name":"default"},"ucvni_id":200}`, 201, nil},
			{"POST", "/api/plugins/undercloud-vni/ucvnis/", `{"id":"` + networkID + `","name":"net","status":{"name":"Active"},"ucvni_group":{"name":"default"},"ucvni_id":201}`, 400, []string{"this Id already exists"}},
			{"POST", "/api/plugins/undercloud-vni/ucvnis/", `{"name":"net2","status":{"name":"Active"},"ucvni_group":{"name":"default"},"ucvni_id":200}`, 400, []string{"UCVNI with this Ucvni group and UCVNI_ID already exists"}},
			{"PATCH", "/api/ipam/prefixes/" + subnetID + "/", `{"prefix":"192.168.0.0/24"}`, 404, nil},
			{"POST", "/api/ipam/prefixes/", `{"id":"` + subnetID + `","prefix":"192.168.0.0/24","status":"Active","namespace":{"name":"` + networkID + `"},"tenant":{"id":"` + strings.ReplaceAll(engTenant, "-", "") + `"}}`, 201, []string{`"network":"192.168.0.0"`, `"broadcast":"192.168.0.255"`}},
			{"PATCH", "/api/ipam/prefixes/" + subnetID + "/", `{"description":"changed"}`, 200, nil},
			{"DELETE", "/api/ipam/prefixes/" + subnetID + "/", "", 204, nil},
		},
		"what is not there": {
			{"GET", "/api/dcim/devices/" + nodeID + "/", "", 404, []string{`{"detail":"No Device matches the given query."}`}},
			{"GET", "/api/dcim/devices/?colour=red", "", 400, []string{`{"colour":["Unknown filter field"]}`}},
			{"POST", "/api/dcim/interfaces/", interfaceBody, 400, []string{`{"device":["Related object not found using the provided attributes: {'pk': UUID('` + nodeID + `')}"]}`}},
			{"POST", "/api/ipam/ip-addresses/", `{"address":"10.99.0.1/24","namespace":"Rackspace","status":"Active"}`, 400, []string{"No suitable parent Prefix exists in this Namespace"}},
			{"POST", "/api/ipam/ip-addresses/", `{"address":"10.46.96.2/24","status":"Active"}`, 400, []string{"One of parent or namespace must be provided"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := loaded(t, "datacenter")
			server := httptest.NewServer(s)
			defer server.Close()
			client := pynautobot{t: t, base: server.URL}
			seen := map[string]string{"BASE": server.URL}
			fill := func(words string) string {
				for name, value := range seen {
					words = strings.ReplaceAll(words, name, value)
				}
				return words
			}
			for i, c := range calls {
				var body any
				if c.body != "" {
					body = fill(c.body)
				}
				status, got := client.do(c.method, fill(c.path), body)
				if status != c.status {
					t.Fatalf("%d: %s %s %s: %d %s; want %d", i, c.method, fill(c.path), c.body, status, got, c.status)
				}
				remember(seen, c.path, got)
				for _, part := range c.parts {
					if part = fill(part); !strings.Contains(got, part) {
						t.Errorf("%d: %s %s: %s\nlacks %s", i, c.method, fill(c.path), got, part)
					}
				}
			}
		})
	}
}

// remember keeps the ids that later requests of a handler use.
func remember(seen map[string]string, path, body string) {
	var record struct {
		ID     string
		Status struct{ ID string }
	}
	if json.Unmarshal([]byte(body), &record) != nil || record.ID == "" {
		return
	}
	switch path {
	case "/api/ipam/ip-addresses/":
		seen["ADDRESS"] = record.ID
	case "/api/dcim/cables/":
		seen["CABLE"] = record.ID
	case "/api/dcim/devices/":
		seen["STATUS"] = record.Status.ID
	}
}

// pynautobot reads a long list by asking for as much as the first page had, until there is no next.
func TestPynautobotPagesThroughLists(t *testing.T) {
	s := New(Config{})
	server := httptest.NewServer(s)
	defer server.Close()
	client := pynautobot{t: t, base: server.URL}
	var items []map[string]any
	for i := range 230 {
		items = append(items, map[string]any{"name": fmt.Sprintf("tenant-%03d", i)})
	}
	if status, body := client.do("POST", "/api/tenancy/tenants/", items); status != 201 {
		t.Fatal(status, body)
	}
	names := map[string]bool{}
	next := "/api/tenancy/tenants/"
	for pages := 0; next != ""; pages++ {
		status, body := client.do("GET", next, nil)
		var page struct {
			Count   int
			Next    string
			Results []struct{ Name string }
		}
		if err := json.Unmarshal([]byte(body), &page); err != nil || status != 200 || pages > 10 {
			t.Fatal(pages, status, err, body)
		}
		for _, r := range page.Results {
			names[r.Name] = true
		}
		next = strings.TrimPrefix(page.Next, server.URL)
		if pages == 0 {
			next = fmt.Sprintf("/api/tenancy/tenants/?limit=%d&offset=%d", page.Count, len(page.Results))
		}
	}
	if len(names) != 230 {
		t.Errorf("%d tenants read, want 230", len(names))
	}
}
