package nautobot

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// stocked holds one-domain, a data centre and what the rules of other models need.
func stocked(t testing.TB) *Server {
	t.Helper()
	s := loaded(t, "datacenter")
	for _, c := range [][2]string{
		{"ipam/vlan-groups", `{"name":"small","range":"1-10,20"}`},
		{"ipam/vlans", `{"vid":5,"name":"five","status":"Active","vlan_group":"small"}`},
		{"dcim/location-types", `{"name":"Room","parent":"Site","content_types":["dcim.device","dcim.rack"]}`},
		{"dcim/locations", `{"name":"R1","location_type":"Room","parent":"DC1","status":"Active"}`},
		{"dcim/racks", `{"name":"rack1","location":{"name":"R1"},"status":"Active","u_height":10}`},
		{"dcim/interfaces", `{"device":{"name":"a1-1-1.iad3"},"name":"lag1","type":"lag","status":"Active"}`},
		{"extras/custom-fields", `{"label":"Power (W)","type":"integer","validation_minimum":1,"validation_maximum":9,"content_types":["tenancy.tenant"]}`},
		{"extras/custom-fields", `{"label":"tier","type":"select","content_types":["tenancy.tenant"]}`},
		{"extras/custom-field-choices", `{"custom_field":{"key":"tier"},"value":"gold"}`},
		{"extras/custom-fields", `{"label":"since","type":"date","content_types":["tenancy.tenant"]}`},
		{"extras/tags", `{"name":"blue","content_types":["tenancy.tenant"]}`},
		{"virtualization/cluster-types", `{"name":"kvm"}`},
		{"virtualization/clusters", `{"name":"c1","cluster_type":"kvm"}`},
		{"virtualization/virtual-machines", `{"name":"vm1","cluster":"c1","status":"Active"}`},
	} {
		if w := ask(s, "POST", "/api/"+c[0]+"/", c[1]); w.Code != 201 {
			t.Fatalf("%v: %d %s", c, w.Code, w.Body)
		}
	}
	return s
}

// What models check beyond their fields, in their words.
func TestRules(t *testing.T) {
	const missing = "00000000-0000-4000-8000-000000000000"
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"POST", "tenancy/tenants", `{"name":"a","custom_fields":{"power_w":0}}`, 400, `{"__all__":["Invalid value for custom field 'power_w': Value must be at least 1."]}`},
		{"POST", "tenancy/tenants", `{"name":"a","custom_fields":{"power_w":"many"}}`, 400, `{"__all__":["Invalid value for custom field 'power_w': Value must be an integer."]}`},
		{"POST", "tenancy/tenants", `{"name":"a","custom_fields":{"tier":"tin"}}`, 400, `{"__all__":["Invalid value for custom field 'tier': Invalid choice (tin). Available choices are: gold"]}`},
		{"POST", "tenancy/tenants", `{"name":"a","custom_fields":{"since":"yesterday"}}`, 400, `{"__all__":["Invalid value for custom field 'since': Date values must be in the format YYYY-MM-DD."]}`},
		{"POST", "tenancy/tenants", `{"name":"a","custom_fields":[]}`, 400, `{"custom_fields":["Invalid data. Expected a dictionary, but got list."]}`},
		{"POST", "tenancy/tenants", `{"name":"a","custom_fields":{"tier":"gold","power_w":5}}`, 201, `"custom_fields":{"power_w":5,"since":null,"tier":"gold"}`},
		{"POST", "tenancy/tenants", `{"name":"a","tags":["blue"]}`, 201, `"tags":[{"id":`},
		{"POST", "tenancy/tenants", `{"name":"a","tags":["red"]}`, 400, `{"tags":["Related object not found using the provided attributes: {'name': 'red'}"]}`},
		{"POST", "tenancy/tenants", `{"name":"a","tags":"blue"}`, 400, `{"tags":["Expected a list of items but got type \"str\"."]}`},
		{"POST", "dcim/manufacturers", `{"name":"a","tags":["blue"]}`, 201, `"natural_slug":"a_`},
		{"PATCH", "tenancy/tenant-groups/understack", `{"parent":"understack"}`, 400, `{"__all__":["A node cannot be made a descendant of itself."]}`},
		{"POST", "dcim/locations", `{"name":"x","location_type":"Room","status":"Active"}`, 400, `{"parent":["A Location of type Room must have a parent Location."]}`},
		{"POST", "dcim/locations", `{"name":"x","location_type":"Site","parent":"DC1","status":"Active"}`, 400, `{"parent":["A Location of type Site must not have a parent Location."]}`},
		{"POST", "dcim/locations", `{"name":"DC1","location_type":"Site","status":"Active"}`, 400, `{"name":["A root-level location with this name already exists."]}`},
		{"POST", "dcim/racks", `{"name":"r","location":"DC1","status":"Active"}`, 400, `{"location":["Racks may not associate to locations of type \"Site\"."]}`},
		{"PATCH", "dcim/devices/" + device1, `{"face":"front","position":1}`, 400, `{"face":["Cannot select a rack face without assigning a rack."],"position":["Cannot select a rack position without assigning a rack."]}`},
		{"PATCH", "dcim/devices/" + device1, `{"rack":{"name":"rack1"},"location":{"name":"R1"},"position":10,"face":"front"}`, 400, `{"position":["U10 is already occupied or does not have sufficient space to accommodate a(n) PowerEdge R7615 (2U)"]}`},
		{"PATCH", "dcim/devices/" + device1, `{"rack":{"name":"rack1"},"location":{"name":"R1"},"position":9,"face":"front"}`, 200, `"position":9`},
		{"PATCH", "dcim/devices/" + device1, `{"name":"Dell-F3GSW05"}`, 400, `{"__all__":["A device named 'Dell-F3GSW05' already exists in this location: DC1 and tenant: default:eng. Device names must be unique per (Location, Tenant) when DEVICE_UNIQUENESS='location_tenant_name'."]}`},
		{"PATCH", "dcim/devices/" + device1, `{"asset_tag":""}`, 200, `"asset_tag":null`},
		{"PATCH", "dcim/devices/" + device1, `{"primary_ip4":"` + missing + `"}`, 400, `Related object not found`},
		{"PATCH", "dcim/devices/" + device1, `{"status":"Connected"}`, 400, `{"status":["Related object not found using the provided attributes: {'pk': UUID('`},
		{"POST", "dcim/interfaces", `{"name":"e","type":"lag","status":"Active"}`, 400, `{"__all__":["Either device or module must be set"]}`},
		{"POST", "dcim/interfaces", `{"device":"` + device1 + `","name":"e","type":"1000base-t","status":"Active","mac_address":"nonsense"}`, 400, `{"mac_address":["Invalid MAC address format: nonsense"]}`},
		{"POST", "dcim/interfaces", `{"device":"` + device1 + `","name":"e","type":"1000base-t","status":"Active","mac_address":"0011.2233.aabb"}`, 201, `"mac_address":"00:11:22:33:AA:BB"`},
		{"POST", "dcim/interfaces", `{"device":"` + device1 + `","name":"e","type":"1000base-t","status":"Active","mtu":65537}`, 400, `{"mtu":["Ensure this value is less than or equal to 65536."]}`},
		{"POST", "dcim/interfaces", `{"device":"` + device1 + `","name":"e","type":"1000base-t","status":"Active","mtu":"x"}`, 400, `{"mtu":["A valid integer is required."]}`},
		{"POST", "dcim/interfaces", `{"device":"` + device1 + `","name":"e","type":"1000base-t","status":"Active","enabled":"maybe"}`, 400, `{"enabled":["Must be a valid boolean."]}`},
		{"POST", "dcim/interfaces", `{"device":"` + device1 + `","name":"e","type":{"value":"lag"},"status":"Active"}`, 400, `do not use a dictionary or list.`},
		{"POST", "dcim/interfaces", `{"device":"` + device1 + `","name":"e","type":"1000base-t","status":"Active","lag":{"name":"lag1"}}`, 400, `{"lag":["The selected LAG interface (lag1) belongs to a different device (a1-1-1.iad3)."]}`},
		{"POST", "dcim/interfaces", `{"device":"` + device1 + `","name":"e","type":"virtual","status":"Active","tagged_vlans":[{"name":"five"}]}`, 400, `{"tagged_vlans":["Mode must be set to tagged when specifying tagged_vlans"]}`},
		{"PATCH", "dcim/interfaces/" + switchPort, `{"name":"lag1"}`, 400, `{"__all__":["Interface with this Device and Name already exists."]}`},
		{"POST", "dcim/cables", `{"termination_a_type":"dcim.interface","termination_a_id":"` + switchPort + `","termination_b_type":"dcim.interface","termination_b_id":"` + switchPort + `","status":"Connected"}`, 400, `{"__all__":["Cannot connect DCIM | interface to itself"]}`},
		{"POST", "dcim/cables", `{"termination_a_type":"dcim.interface","termination_a_id":"` + switchPort + `","termination_b_type":"dcim.interface","termination_b_id":"` + missing + `","status":"Connected"}`, 400, `{"termination_b":["Invalid ID for type DCIM | interface"]}`},
		{"POST", "dcim/cables", `{"termination_a_type":"dcim.pigeon","termination_a_id":"x","status":"Connected"}`, 400, `{"termination_a_id":["Must be a valid UUID."],"termination_a_type":["Invalid content type: dcim.pigeon"],"termination_b_id":["This field is required."],"termination_b_type":["This field is required."]}`},
		{"POST", "ipam/prefixes", `{"prefix":"10.46.96.0/22","namespace":"Rackspace","status":"Active"}`, 400, `{"__all__":["Prefix with this Namespace, Network and Prefix length already exists."]}`},
		{"POST", "ipam/prefixes", `{"prefix":"10.46.96.0/22","status":"Active"}`, 201, `"display":"10.46.96.0/22: Global"`},
		{"POST", "ipam/prefixes", `{"prefix":"10.46.300.0/22","status":"Active"}`, 400, `{"prefix":["Invalid IP address format: 10.46.300.0/22"]}`},
		{"POST", "ipam/vlans", `{"vid":15,"name":"n","status":"Active","vlan_group":"small"}`, 400, `{"vid":["VLAN ID is not contained in VLAN Group range (1-10,20)"]}`},
		{"POST", "ipam/vlans", `{"vid":5,"name":"n","status":"Active","vlan_group":"small"}`, 400, `{"non_field_errors":["The fields vlan_group, vid must make a unique set."]}`},
		{"POST", "ipam/vlans", `{"vid":4095,"name":"n","status":"Active"}`, 400, `{"vid":["Ensure this value is less than or equal to 4094."]}`},
		{"PATCH", "ipam/vlan-groups/small", `{"range":"1-3"}`, 400, `{"range":["VLAN group range may not be re-sized due to existing VLANs (IDs: 5)."]}`},
		{"POST", "ipam/services", `{"name":"ssh","protocol":"tcp","ports":[22]}`, 400, `{"__all__":["A service must be associated with either a device or a virtual machine."]}`},
		{"POST", "ipam/services", `{"name":"ssh","protocol":"tcp","ports":[0],"device":"` + device1 + `"}`, 400, `{"ports":["Ensure this value is greater than or equal to 1."]}`},
		{"POST", "ipam/ip-address-to-interface", `{"ip_address":"` + missing + `"}`, 400, `Related object not found`},
		{"POST", "extras/notes", `{"assigned_object_type":"dcim.device","assigned_object_id":"` + missing + `","note":"n"}`, 400, `{"non_field_errors":["Invalid parent object: DCIM | device ID ` + missing + `"]}`},
		{"POST", "dcim/devices", `{"name":"d","device_type":{"model":"PowerEdge R7615","manufacturer":{"name":"HP"}},"role":"server","location":{"name":"DC1"},"status":"Active"}`, 400,
			`{"device_type":["Related object not found using the provided attributes: {'manufacturer__name': 'HP', 'model': 'PowerEdge R7615'}"]}`},
		{"POST", "dcim/devices", `{"name":"d","device_type":{"colour":"red"},"role":"server","location":{"name":"DC1"},"status":"Active"}`, 400, `{"device_type":["Cannot resolve keyword 'colour' into field."]}`},
		{"POST", "dcim/devices", `{"name":"d","device_type":7,"role":"server","location":"DC1","status":"Active"}`, 400, `Received an unrecognized value: 7`},
		{"PUT", "tenancy/tenants/" + engTenant, `{"description":"x"}`, 400, `{"name":["This field is required."]}`},
		{"POST", "extras/object-changes", `{}`, 405, `{"detail":"Method \"POST\" not allowed."}`},
		{"DELETE", "extras/statuses/Active", ``, 409, ` dependent objects were found: `},
		{"POST", "virtualization/virtual-machines", `{"name":"vm1","cluster":{"name":"c1"},"tenant":null,"status":"Active","vcpus":-1}`, 400, `{"vcpus":["Ensure this value is greater than or equal to 0."]}`},
	} {
		s := stocked(t)
		w := ask(s, c.method, "/api/"+c.path+"/", c.body)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s %s %s:\n got %d %s\nwant %d %s", c.method, c.path, c.body, w.Code, w.Body, c.status, c.want)
		}
	}
}

// ids returns a field of each record of a list.
func listOf(t *testing.T, s *Server, path, field string) string {
	t.Helper()
	w := ask(s, "GET", path, "")
	var page struct{ Results []map[string]any }
	if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || w.Code != 200 {
		return fmt.Sprintf("%d %s", w.Code, w.Body)
	}
	var values []string
	for _, r := range page.Results {
		values = append(values, fmt.Sprint(r[field]))
	}
	return strings.Join(values, " ")
}

func TestFilters(t *testing.T) {
	s := stocked(t)
	for i, name := range []string{"eth10", "eth2", "ETH1", "swp1s0"} {
		body := fmt.Sprintf(`{"device":"%s","name":"%s","type":"1000base-t","status":"Planned","mtu":%d,"mac_address":"02:00:00:00:00:0%d"}`, device2, name, 1500*(i+1), i)
		if w := ask(s, "POST", "/api/dcim/interfaces/", body); w.Code != 201 {
			t.Fatal(w.Body)
		}
	}
	for query, want := range map[string]string{
		"dcim/interfaces/?device=Dell-F3GSW05":                               "ETH1 eth2 eth10 swp1s0",
		"dcim/interfaces/?device=Dell-F3GSW05&sort=-mtu":                     "swp1s0 ETH1 eth2 eth10",
		"dcim/interfaces/?device=Dell-F3GSW05&sort=nonsense":                 "ETH1 eth2 eth10 swp1s0",
		"dcim/interfaces/?device=Dell-F3GSW05&name__ic=eth1":                 "ETH1 eth10",
		"dcim/interfaces/?device=Dell-F3GSW05&name__nic=eth1":                "eth2 swp1s0",
		"dcim/interfaces/?device=Dell-F3GSW05&name__ie=eth1":                 "ETH1",
		"dcim/interfaces/?device=Dell-F3GSW05&name__nie=eth1":                "eth2 eth10 swp1s0",
		"dcim/interfaces/?device=Dell-F3GSW05&name__isw=e":                   "ETH1 eth2 eth10",
		"dcim/interfaces/?device=Dell-F3GSW05&name__iew=0":                   "eth10 swp1s0",
		"dcim/interfaces/?device=Dell-F3GSW05&name__re=%5Eeth":               "eth2 eth10",
		"dcim/interfaces/?device=Dell-F3GSW05&name__nre=%5Eeth":              "ETH1 swp1s0",
		"dcim/interfaces/?device=Dell-F3GSW05&name__ire=%5Eeth1":             "ETH1 eth10",
		"dcim/interfaces/?device=Dell-F3GSW05&name__n=eth2":                  "ETH1 eth10 swp1s0",
		"dcim/interfaces/?device=Dell-F3GSW05&mtu__gt=1500&mtu__lte=4500":    "ETH1 eth2",
		"dcim/interfaces/?device=Dell-F3GSW05&mtu__lt=3000":                  "eth10",
		"dcim/interfaces/?device=Dell-F3GSW05&mtu=3000&mtu=6000":             "eth2 swp1s0",
		"dcim/interfaces/?device=Dell-F3GSW05&mtu__isnull=true":              "",
		"dcim/interfaces/?mac_address=02-00-00-00-00-01":                     "eth2",
		"dcim/interfaces/?device=Dell-F3GSW05&device=Dell-F3GSW04&enabled=1": "iDRAC ETH1 eth2 eth10 swp1s0",
		"dcim/interfaces/?status=Planned&q=SWP":                              "swp1s0",
		"dcim/interfaces/?type=lag":                                          "lag1",
		"dcim/interfaces/?type=pigeon":                                       `400 {"type":["Select a valid choice. pigeon is not one of the available choices."]}`,
		"dcim/interfaces/?name__re=%5B":                                      `400 {"name__re":["Enter a valid regular expression."]}`,
		"dcim/interfaces/?mtu=x":                                             `400 {"mtu":["Enter a whole number."]}`,
		"dcim/interfaces/?name__sw=x":                                        `400 {"name__sw":["Unknown filter field"]}`,
		"dcim/devices/?tenant=null":                                          "a1-1-1.iad3 a1-1-2.iad3",
		"dcim/devices/?tenant__isnull=false":                                 "Dell-F3GSW04 Dell-F3GSW05",
		"dcim/devices/?tenant__n=default:eng":                                "a1-1-1.iad3 a1-1-2.iad3",
		"dcim/devices/?manufacturer=Dell&role=leaf":                          "a1-1-1.iad3 a1-1-2.iad3",
		"dcim/devices/?has_interfaces=true&role=server":                      "Dell-F3GSW04 Dell-F3GSW05",
		"dcim/devices/?has_tenant=false":                                     "a1-1-1.iad3 a1-1-2.iad3",
		"dcim/devices/?mac_address=02:00:00:00:00:03":                        "Dell-F3GSW05",
		"dcim/devices/?id=" + device1 + "&id=" + device2:                     "Dell-F3GSW04 Dell-F3GSW05",
		"dcim/devices/?location=DC1&name__isw=dell":                          "Dell-F3GSW04 Dell-F3GSW05",
		"dcim/locations/?parent=DC1":                                         "R1",
		"dcim/racks/?location=DC1":                                           "rack1", // a tree's filter includes what is below
		"extras/statuses/?content_types=dcim.cable":                          "Connected Decommissioning Planned",
		"ipam/prefixes/?prefix=10.46.96.0/22":                                "<nil>",
		"ipam/vlans/?available_on_device=" + device1:                         "five storage-a storage-b",
		"ipam/vlans/?created__gt=2001-01-01":                                 "five storage-a storage-b",
		"extras/tags/?name=blue&name=red":                                    "blue",
	} {
		if got := listOf(t, s, "/api/"+query, "name"); got != want {
			t.Errorf("%s:\n got %q\nwant %q", query, got, want)
		}
	}
	if got := listOf(t, s, "/api/ipam/prefixes/?within_include=10.0.0.0/8", "prefix"); got != "10.46.96.0/22" {
		t.Errorf("within_include: %s", got)
	}
}

// Nautobot 3 leaves many-to-many fields out unless they are asked for, tags and content types excepted.
func TestManyToManyFieldsOnRequest(t *testing.T) {
	s := stocked(t)
	for query, want := range map[string][2]bool{"": {false, true}, "?exclude_m2m=false": {true, true}, "?exclude_m2m=true": {false, false}} {
		body := ask(s, "GET", "/api/dcim/interfaces/"+switchPort+"/"+query, "").Body.String()
		if has := [2]bool{strings.Contains(body, `"tagged_vlans"`), strings.Contains(body, `"tags"`)}; has != want {
			t.Errorf("%q: tagged_vlans, tags are shown: %v; want %v", query, has, want)
		}
	}
}

func TestPrefixesFormATree(t *testing.T) {
	s := stocked(t)
	made := map[string]string{}
	for _, c := range [][2]string{
		{"ipam/prefixes", "10.0.0.0/8"}, {"ipam/ip-addresses", "10.1.2.3/24"}, {"ipam/prefixes", "10.1.2.0/24"}, {"ipam/prefixes", "10.1.0.0/16"},
	} {
		field := map[string]string{"ipam/prefixes": "prefix", "ipam/ip-addresses": "address"}[c[0]]
		w := ask(s, "POST", "/api/"+c[0]+"/", fmt.Sprintf(`{"%s":"%s","namespace":"Global","status":"Active"}`, field, c[1]))
		var record struct{ ID string }
		if err := json.Unmarshal(w.Body.Bytes(), &record); err != nil || w.Code != 201 {
			t.Fatalf("%v: %d %s", c, w.Code, w.Body)
		}
		made[c[1]] = record.ID
	}
	parents := func() string {
		var shown []string
		for _, name := range []string{"10.1.2.3/24", "10.1.2.0/24", "10.1.0.0/16"} {
			path := "ipam/prefixes"
			if name == "10.1.2.3/24" {
				path = "ipam/ip-addresses"
			}
			for _, r := range s.Records(path, map[string]any{"id": made[name]}) {
				for prefix, id := range made {
					if r["parent"] == id {
						shown = append(shown, name+" in "+prefix)
					}
				}
			}
		}
		return strings.Join(shown, ", ")
	}
	if got, want := parents(), "10.1.2.3/24 in 10.1.2.0/24, 10.1.2.0/24 in 10.1.0.0/16, 10.1.0.0/16 in 10.0.0.0/8"; got != want {
		t.Errorf("%s; want %s", got, want)
	}
	if w := ask(s, "DELETE", "/api/ipam/prefixes/"+made["10.1.2.0/24"]+"/", ""); w.Code != 204 {
		t.Fatal(w.Body)
	}
	if got, want := parents(), "10.1.2.3/24 in 10.1.0.0/16, 10.1.0.0/16 in 10.0.0.0/8"; got != want {
		t.Errorf("%s; want %s", got, want)
	}
	w := ask(s, "PATCH", "/api/ipam/ip-addresses/"+made["10.1.2.3/24"]+"/", `{"address":"10.1.2.4/24"}`)
	if w.Code != 400 || w.Body.String() != `{"address":["Host address cannot be changed once created"]}` {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// A new device has the components that its type has templates for.
func TestComponentTemplates(t *testing.T) {
	s := stocked(t)
	for _, c := range [][2]string{
		{"interface-templates", `{"device_type":{"model":"S5248F-ON"},"name":"Ethernet1/1","type":"25gbase-x-sfp28"}`},
		{"rear-port-templates", `{"device_type":{"model":"S5248F-ON"},"name":"rear","type":"lc","positions":2}`},
		{"front-port-templates", `{"device_type":{"model":"S5248F-ON"},"name":"front","type":"lc","rear_port_template":{"name":"rear"},"rear_port_position":2}`},
	} {
		if w := ask(s, "POST", "/api/dcim/"+c[0]+"/", c[1]); w.Code != 201 {
			t.Fatal(w.Body)
		}
	}
	w := ask(s, "POST", "/api/dcim/devices/", `{"id":"`+nodeID+`","name":"new","device_type":{"model":"S5248F-ON"},"role":"leaf","location":{"name":"DC1"},"status":"Active"}`)
	if w.Code != 201 {
		t.Fatal(w.Body)
	}
	for path, want := range map[string]string{"interfaces": "Ethernet1/1", "rear-ports": "rear", "front-ports": "front"} {
		if got := listOf(t, s, "/api/dcim/"+path+"/?device=new", "name"); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	front, rear := s.Records("dcim/front-ports", nil), s.Records("dcim/rear-ports", nil)
	if front[0]["rear_port"] != rear[0]["id"] {
		t.Errorf("front port %v does not lead to rear port %v", front, rear)
	}
}

// A renamed device takes its interfaces along in lists that are ordered by device.
func TestListsFollowARename(t *testing.T) {
	s := stocked(t)
	ask(s, "POST", "/api/dcim/interfaces/", `{"device":"`+device2+`","name":"first","type":"lag","status":"Active"}`)
	if w := ask(s, "PATCH", "/api/dcim/devices/"+device2+"/", `{"name":"AAA"}`); w.Code != 200 {
		t.Fatal(w.Body)
	}
	if got := listOf(t, s, "/api/dcim/interfaces/", "name"); !strings.HasPrefix(got, "first ") {
		t.Errorf("interfaces in the order %s", got)
	}
}

func TestObjectChangesAndTokens(t *testing.T) {
	s := stocked(t)
	if w := ask(s, "POST", "/api/users/users/", `{"username":"robot"}`); w.Code != 201 {
		t.Fatal(w.Body)
	}
	w := ask(s, "POST", "/api/users/tokens/", `{"user":"robot","write_enabled":false}`)
	var token struct{ Key string }
	if err := json.Unmarshal(w.Body.Bytes(), &token); err != nil || len(token.Key) != 40 {
		t.Fatal(w.Body)
	}
	as := func(method, path, body string) (int, string) {
		w := askAs(s, token.Key, method, path, body)
		return w.Code, w.Body.String()
	}
	if code, body := as("PATCH", "/api/tenancy/tenants/"+engTenant+"/", `{"description":"x"}`); code != 403 || body != `{"detail":"You do not have permission to perform this action."}` {
		t.Errorf("a token that may not write: %d %s", code, body)
	}
	ask(s, "PATCH", "/api/users/tokens/"+s.Records("users/tokens", map[string]any{"key": token.Key})[0]["id"].(string)+"/", `{"write_enabled":true}`)
	if code, body := as("PATCH", "/api/tenancy/tenants/"+engTenant+"/", `{"description":"x"}`); code != 200 {
		t.Fatal(code, body)
	}
	body := ask(s, "GET", "/api/extras/object-changes/?changed_object_id="+engTenant+"&limit=1", "").Body.String()
	for _, part := range []string{`"user_name":"robot"`, `"action":{"value":"update","label":"Updated"}`, `"changed_object_type":"tenancy.tenant"`, `"object_repr":"default:eng"`, `"object_data":{"id":"` + engTenant + `"`, `"description":"x"`, `"change_context":{"value":"web","label":"Web"}`} {
		if !strings.Contains(body, part) {
			t.Errorf("%s\nlacks %s", body, part)
		}
	}
	entries := s.Journal().Entries()
	if last := entries[len(entries)-2]; last.Who != "robot" || len(last.Changes) != 1 || last.Changes[0].Before["description"] != "Engineering" || last.Changes[0].After["description"] != "x" {
		t.Errorf("the journal has %+v", last)
	}
	ask(s, "PATCH", "/api/users/users/robot/", `{"is_active":false}`)
	if code, body := as("GET", "/api/status/", ""); code != 403 || body != `{"detail":"User inactive"}` {
		t.Errorf("%d %s", code, body)
	}
}

func TestRootsOptionsAndVersions(t *testing.T) {
	s := New(Config{})
	for _, c := range []struct {
		method, path, accept string
		status               int
		want                 string
	}{
		{"GET", "/api/", "", 200, `"dcim":"http://nautobot/api/dcim/"`},
		{"GET", "/api/dcim/", "", 200, `"devices":"http://nautobot/api/dcim/devices/"`},
		{"GET", "/api/plugins/", "", 200, `"undercloud-vni":"http://nautobot/api/plugins/undercloud-vni/"`},
		{"GET", "/api/plugins/undercloud-vni/", "", 200, `"ucvnis":`},
		{"GET", "/api/status/", "application/json; version=3.0", 200, `"nautobot-version":"3.1.8"`},
		{"GET", "/api/status/", "application/json; version=1.9", 406, `{"detail":"Invalid version in \"Accept\" header. Supported versions are 3.0, 3.1"}`},
		{"GET", "/api/status/?api_version=9.9", "", 406, `Invalid version`},
		{"GET", "/api/extras/", "", 200, `"content-types":"http://nautobot/api/extras/content-types/"`},
		{"GET", "/api/extras/content-types/?app_label=dcim&model=interface", "", 200, `{"count":1,"next":null,"previous":null,"results":[{"app_label":"dcim","display":"DCIM | interface","id":`},
		{"GET", "/api/extras/content-types/?limit=2&offset=2", "", 200, `"previous":"http://nautobot/api/extras/content-types/?limit=2"`},
		{"GET", "/api/extras/content-types/1/", "", 200, `"id":1,`},
		{"GET", "/api/extras/content-types/x/", "", 404, `{"detail":"No ContentType matches the given query."}`},
		{"GET", "/api/extras/content-types/?colour=red", "", 400, `Unknown filter field`},
		{"POST", "/api/extras/content-types/", "", 405, `not allowed`},
		{"OPTIONS", "/api/dcim/interfaces/", "", 200, `{"display":"SFP28 (25GE)","value":"25gbase-x-sfp28"}`},
		{"OPTIONS", "/api/extras/object-changes/", "", 200, `"parses":["application/json"]`},
		{"HEAD", "/api/dcim/interfaces/", "", 200, ``},
		{"GET", "/api/dcim/devices", "", 301, ``},
		{"GET", "/api/dcim/pigeons/", "", 404, `Page Not Found`},
		{"GET", "/api/dcim/devices/x/y/z/", "", 404, `Page Not Found`},
		{"GET", "/api/docs/", "", 404, `Page Not Found`},
		{"GET", "/health/", "", 200, `System status`},
		{"GET", "/health/?format=json", "", 200, `"DatabaseBackend":"working"`},
	} {
		w := askWith(s, c.method, c.path, "", http.Header{"Authorization": {"Token " + DefaultToken}, "Accept": {c.accept}})
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s %s: %d %.300s; want %d %s", c.method, c.path, w.Code, w.Body, c.status, c.want)
		}
	}
}

func TestAvailableAddressesAndPrefixes(t *testing.T) {
	s := stocked(t)
	w := ask(s, "POST", "/api/ipam/prefixes/", `{"id":"`+subnetID+`","prefix":"10.5.0.0/29","status":"Active"}`)
	if w.Code != 201 {
		t.Fatal(w.Body)
	}
	base := "/api/ipam/prefixes/" + subnetID + "/available-"
	for i, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "ips/?limit=2", ``, 200, `[{"ip_version":4,"address":"10.5.0.1/29"},{"ip_version":4,"address":"10.5.0.2/29"}]`},
		{"POST", "ips/", `{"status":"Active"}`, 201, `"address":"10.5.0.1/29"`},
		{"POST", "ips/", `[{"status":"Active"},{"status":"Active"}]`, 201, `"host":"10.5.0.3"`},
		{"POST", "ips/", `[{"status":"Active"},{}]`, 400, `[{},{"status":["This field is required."]}]`},
		{"GET", "ips/", ``, 200, `[{"ip_version":4,"address":"10.5.0.4/29"},{"ip_version":4,"address":"10.5.0.5/29"},{"ip_version":4,"address":"10.5.0.6/29"}]`},
		{"POST", "ips/", `[{"status":"Active"},{"status":"Active"},{"status":"Active"},{"status":"Active"}]`, 204, ``},
		{"GET", "prefixes/", ``, 200, `[{"ip_version":4,"prefix":"10.5.0.0/29"}]`},
		{"POST", "prefixes/", `{"prefix_length":31,"status":"Active"}`, 201, `"prefix":"10.5.0.0/31"`},
		{"GET", "prefixes/", ``, 200, `[{"ip_version":4,"prefix":"10.5.0.2/31"},{"ip_version":4,"prefix":"10.5.0.4/30"}]`},
		{"POST", "prefixes/", `[{"prefix_length":30,"status":"Active"},{"prefix_length":31,"status":"Active"}]`, 201, `"prefix":"10.5.0.4/30"`},
		{"POST", "prefixes/", `{"prefix_length":30,"status":"Active"}`, 204, ``},
		{"POST", "prefixes/", `{"status":"Active"}`, 400, `{"prefix_length":["This field is required."]}`},
		{"DELETE", "prefixes/", ``, 405, `not allowed`},
	} {
		w := ask(s, c.method, base+c.path, c.body)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%d: %s %s %s: %d %s; want %d %s", i, c.method, c.path, c.body, w.Code, w.Body, c.status, c.want)
		}
	}
}
