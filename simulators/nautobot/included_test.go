package nautobot

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// step is a request with what its answer must be and hold. KEY in a later request is the id of the record that the
// request under that name made.
type step struct {
	name, method, path, body string
	status                   int
	want                     string
}

// run does steps one after the other, and returns the ids by the steps' names.
func run(t *testing.T, s *Server, steps []step) map[string]string {
	t.Helper()
	ids := map[string]string{}
	for i, c := range steps {
		fill := func(words string) string {
			for name, id := range ids {
				words = strings.ReplaceAll(words, name, id)
			}
			return words
		}
		w := ask(s, c.method, "/api/"+fill(c.path), fill(c.body))
		if w.Code != c.status || !strings.Contains(w.Body.String(), fill(c.want)) {
			t.Fatalf("%d: %s %s %s:\n got %d %s\nwant %d %s", i, c.method, c.path, c.body, w.Code, w.Body, c.status, fill(c.want))
		}
		var made struct{ ID string }
		if c.name != "" {
			if err := json.Unmarshal(w.Body.Bytes(), &made); err != nil || made.ID == "" {
				t.Fatalf("%d: no record was made: %s", i, w.Body)
			}
			ids[c.name] = made.ID
		}
	}
	return ids
}

func TestAvailableVLANs(t *testing.T) {
	const path = "ipam/vlan-groups/small/available-vlans/"
	s := stocked(t) // the group small: 1-10,20, and 5 is taken
	run(t, s, []step{
		{"", "GET", path, "", 200, `{"count":10,"next":null,"previous":null,"results":[1,2,3,4,6,7,8,9,10,20]}`},
		{"", "GET", path + "?limit=2", "", 200, `{"count":2,"next":null,"previous":null,"results":[1,2]}`},
		{"", "GET", path + "?limit=0", "", 200, `"results":[]`},
		{"", "GET", path + "?limit=many", "", 200, `"count":10`},
		{"", "POST", path, `{"name":"a","status":"Active"}`, 201, `"vid":1,"name":"a"`},
		{"", "POST", path, `[{"name":"b","status":"Active","vid":4},{"name":"c","status":"Active"}]`, 201, `{"count":2,"next":null,"previous":null,"results":[{"id":`},
		{"", "GET", path, "", 200, `"results":[3,6,7,8,9,10,20]`},
		{"", "POST", path, `{"name":"d","status":"Active","vid":5}`, 204, ``},
		{"", "POST", path, `{"name":"d","status":"Active","vid":"6"}`, 204, ``},
		{"", "POST", path, `[{"name":"d","status":"Active","vid":6},{"name":"e","status":"Active","vid":6}]`, 204, ``},
		{"", "POST", path, `{"name":"d","status":"Active","vlan_group":"` + engTenant + `"}`, 204, ``},
		{"", "POST", path, `{"status":"Active"}`, 400, `{"name":["This field is required."]}`},
		{"", "POST", path, `[7]`, 400, `Expected a dictionary, but got int.`},
		{"", "POST", path, `[{},{},{},{},{},{},{},{}]`, 204, ``},
		{"", "DELETE", path, ``, 405, `not allowed`},
		{"", "GET", "ipam/vlan-groups/none/available-vlans/", ``, 404, `{"detail":"No VLANGroup matches the given query."}`},
		{"", "GET", path, "", 200, `"results":[3,6,7,8,9,10,20]`}, // refusals took nothing
	})
}

// A cable path through a patch panel: interface, front port, rear port of two panels, interface.
func TestTraceThroughPanels(t *testing.T) {
	s := stocked(t)
	panel := func(name string) []step {
		return []step{
			{"PANEL" + name, "POST", "dcim/devices/", `{"name":"panel` + name + `","device_type":{"model":"S5248F-ON"},"role":"leaf","location":"DC1","status":"Active"}`, 201, ``},
			{"REAR" + name, "POST", "dcim/rear-ports/", `{"device":"PANEL` + name + `","name":"r","type":"lc"}`, 201, ``},
			{"FRONT" + name, "POST", "dcim/front-ports/", `{"device":"PANEL` + name + `","name":"f","type":"lc","rear_port":"REAR` + name + `","rear_port_position":1}`, 201, ``},
		}
	}
	cable := func(name, aType, a, bType, b string) step {
		return step{name, "POST", "dcim/cables/", fmt.Sprintf(`{"termination_a_type":"dcim.%s","termination_a_id":"%s","termination_b_type":"dcim.%s","termination_b_id":"%s","status":"Connected","label":"%s"}`, aType, a, bType, b, name), 201, ``}
	}
	steps := append(panel("1"), panel("2")...)
	steps = append(steps,
		step{"NEAR", "POST", "dcim/interfaces/", `{"device":"` + device1 + `","name":"e9","type":"25gbase-x-sfp28","status":"Active"}`, 201, ``},
		step{"", "GET", "dcim/interfaces/NEAR/trace/", ``, 200, `[]`},
		cable("CABLE1", "interface", "NEAR", "frontport", "FRONT1"),
		step{"", "GET", "dcim/interfaces/NEAR/trace/", ``, 200, `"name":"f"`},
		cable("CABLE2", "rearport", "REAR1", "rearport", "REAR2"),
		cable("CABLE3", "frontport", "FRONT2", "interface", switchPort),
		step{"", "POST", "dcim/interfaces/NEAR/trace/", `{}`, 405, `not allowed`},
		step{"", "GET", "dcim/interfaces/" + engTenant + "/trace/", ``, 404, `{"detail":"No Interface matches the given query."}`},
	)
	ids := run(t, s, steps)
	var hops [][]map[string]any
	if err := json.Unmarshal(ask(s, "GET", "/api/dcim/interfaces/"+ids["NEAR"]+"/trace/", "").Body.Bytes(), &hops); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, hop := range hops {
		if len(hop) != 3 {
			t.Fatalf("a hop of %d parts", len(hop))
		}
		if _, has := hop[1]["url"]; has || hop[1]["status"] == nil || hop[1]["termination_a_type"] == nil {
			t.Errorf("a cable as %v", hop[1])
		}
		for _, part := range hop {
			for name, id := range ids {
				if part["id"] == id {
					got = append(got, name)
				}
			}
			if part["id"] == switchPort {
				got = append(got, "FAR")
			}
		}
	}
	if want := "NEAR CABLE1 FRONT1 REAR1 CABLE2 REAR2 FRONT2 CABLE3 FAR"; strings.Join(got, " ") != want {
		t.Errorf("the path is %v, want %s", got, want)
	}
}

func TestElevationOfARack(t *testing.T) {
	s := stocked(t) // rack1 has ten units
	id := s.Records("dcim/racks", map[string]any{"name": "rack1"})[0]["id"].(string)
	path := "dcim/racks/" + id + "/elevation/"
	free := func(unit int) string {
		return fmt.Sprintf(`{"id":%d,"name":"U%d","face":{"value":"front","label":"Front"},"device":null,"occupied":false}`, unit, unit)
	}
	mounted := `{"id":5,"name":"U5","face":{"value":"front","label":"Front"},"device":{"id":"` + device1 + `"`
	run(t, s, []step{
		{"", "GET", path, ``, 200, `{"count":10,"next":null,"previous":null,"results":[` + free(10) + "," + free(9)},
		{"", "PATCH", "dcim/devices/" + device1 + "/", `{"rack":{"name":"rack1"},"location":{"name":"R1"},"position":4,"face":"front"}`, 200, ``},
		{"", "GET", path, ``, 200, free(6) + "," + mounted},
		{"", "GET", path + "?limit=1&offset=6", ``, 200, `"next":"http://nautobot/api/` + path + `?limit=1&offset=7"`},
		{"", "GET", path + "?face=rear&limit=1&offset=5", ``, 200, `"name":"U5","face":{"value":"rear","label":"Rear"},"device":{"id":"` + device1 + `"`}, // of full depth
		{"", "GET", path + "?expand_devices=false", ``, 200, `{"count":9,`},
		{"", "GET", path + "?q=U1", ``, 200, `{"count":2,`},
		{"", "GET", path + "?exclude=" + device1, ``, 200, free(6) + "," + free(5) + "," + free(4)},
		{"", "GET", path + "?face=top", ``, 400, `{"face":["\"top\" is not a valid choice."]}`},
		{"", "PATCH", "dcim/racks/" + id + "/", `{"desc_units":true}`, 200, ``},
		{"", "GET", path, ``, 200, `"results":[` + free(1)},
		{"", "POST", path, `{}`, 405, `not allowed`},
	})
}

func TestRelationships(t *testing.T) {
	s := stocked(t)
	run(t, s, []step{
		{"OWNS", "POST", "extras/relationships/", `{"label":"Owns","type":"one-to-many","source_type":"tenancy.tenant","destination_type":"dcim.rack"}`, 201, `"key":"owns"`},
		{"PAIR", "POST", "extras/relationships/", `{"label":"Pair of","key":"pair","type":"symmetric-one-to-one","source_type":"dcim.rack","destination_type":"dcim.rack"}`, 201, ``},
		{"", "GET", "tenancy/tenants/" + engTenant + "/?include=relationships", ``, 200,
			`"relationships":{"owns":{"destination":{"label":"racks","object_type":"dcim.rack","objects":[]},"id":"OWNS","label":"Owns","type":"one-to-many","url":"http://nautobot/api/extras/relationships/OWNS/"}}`},
		{"RACK", "POST", "dcim/racks/", `{"name":"rack2","location":{"name":"R1"},"status":"Active","relationships":{"owns":{"source":{"objects":["` + engTenant + `"]}}}}`, 201, ``},
		{"OTHER", "POST", "dcim/racks/", `{"name":"rack3","location":{"name":"R1"},"status":"Active","relationships":{"owns":{"source":{"objects":[{"name":"default:eng"}]}},"pair":{"peer":{"objects":["RACK"]}}}}`, 201, ``},
		{"", "GET", "tenancy/tenants/" + engTenant + "/?include=relationships", ``, 200, `"objects":[{"id":"RACK"},{"id":"OTHER"}]`},
		{"", "GET", "dcim/racks/RACK/?include=relationships", ``, 200, `"owns":{"id":"OWNS","label":"Owns","source":{"label":"tenant","object_type":"tenancy.tenant","objects":[{"id":"` + engTenant + `"}]}`},
		{"", "GET", "dcim/racks/RACK/?include=relationships", ``, 200, `"peer":{"label":"rack","object_type":"dcim.rack","objects":[{"id":"OTHER"}]}`},
		{"", "GET", "dcim/racks/OTHER/?include=relationships&depth=1", ``, 200, `"objects":[{"id":"RACK","object_type":"dcim.rack","display":"rack2"`},
		{"", "GET", "dcim/racks/?include=relationships&name=rack2", ``, 200, `"relationships":{"owns"`},
		{"", "GET", "dcim/racks/RACK/", ``, 200, `"custom_fields":{}}`},
		{"", "GET", "extras/relationship-associations/?relationship=owns", ``, 200, `"count":2`},
		{"", "PATCH", "dcim/racks/RACK/", `{"relationships":{"owned":{}}}`, 400, `{"relationships":["\"owned\" is not a relationship on dcim.Rack"]}`},
		{"", "PATCH", "dcim/racks/RACK/", `{"relationships":{"owns":{"destination":{"objects":[]}}}}`, 400, `{"relationships":["\"destination\" is not a valid side for \"Owns\" on dcim.Rack"]}`},
		{"", "PATCH", "dcim/racks/RACK/", `{"relationships":{"owns":{"source":{}}}}`, 400, `\"objects\" must be specified under [\"owns\"][\"source\"] when present`},
		{"", "PATCH", "dcim/racks/RACK/", `{"relationships":{"owns":{"source":{"objects":7}}}}`, 400, `\"objects\" must be a list, not a single value`},
		{"", "PATCH", "dcim/racks/RACK/", `{"relationships":{"owns":{"source":{"objects":["a","b"]}}}}`, 400, `For \"Owns\", \"source\" objects must include at most a single object`},
		{"", "PATCH", "dcim/racks/RACK/", `{"relationships":{"owns":{"source":{"objects":["nobody"]}}}}`, 400, `Related object not found`},
		{"", "PATCH", "dcim/racks/RACK/", `{"relationships":[]}`, 400, `{"relationships":["Invalid data. Expected a dictionary, but got list."]}`},
		{"", "POST", "extras/relationship-associations/", `{"relationship":"OWNS","source_type":"tenancy.tenant","source_id":"` + engTenant + `","destination_type":"dcim.rack","destination_id":"RACK"}`, 400, `must make a unique set`},
		{"", "POST", "extras/relationship-associations/", `{"relationship":"OWNS","source_type":"dcim.rack","source_id":"RACK","destination_type":"dcim.rack","destination_id":"RACK"}`, 400, `{"source_type":["source_type has a different value than defined in Owns"]}`},
		{"", "POST", "extras/relationship-associations/", `{"relationship":"PAIR","source_type":"dcim.rack","source_id":"RACK","destination_type":"dcim.rack","destination_id":"OTHER"}`, 400, `A Pair of association already exists between rack2 and rack3`},
		{"SECOND", "POST", "tenancy/tenants/", `{"name":"second"}`, 201, ``},
		{"", "POST", "extras/relationship-associations/", `{"relationship":"OWNS","source_type":"tenancy.tenant","source_id":"SECOND","destination_type":"dcim.rack","destination_id":"RACK"}`, 400, `Unable to create more than one Owns association to rack2 (destination)`},
		{"", "PATCH", "tenancy/tenants/" + engTenant + "/", `{"relationships":{"owns":{"destination":{"objects":["OTHER"]}}}}`, 200, ``},
		{"", "GET", "dcim/racks/RACK/?include=relationships", ``, 200, `"source":{"label":"tenant","object_type":"tenancy.tenant","objects":[]}`},
		{"", "DELETE", "dcim/racks/OTHER/", ``, 204, ``},
		{"", "GET", "extras/relationship-associations/", ``, 200, `"count":0`},
	})
}

func TestConfigContextsAreMerged(t *testing.T) {
	s := stocked(t)
	context := func(name string, weight int, data, of string) step {
		return step{"", "POST", "extras/config-contexts/", fmt.Sprintf(`{"name":"%s","weight":%d,"data":%s%s}`, name, weight, data, of), 201, ``}
	}
	run(t, s, []step{
		context("all", 100, `{"ntp":["a"],"snmp":{"community":"x","port":161}}`, ``),
		context("later", 200, `{"snmp":{"port":162},"a":1}`, ``),
		context("servers", 300, `{"ntp":["server"]}`, `,"roles":["server"]`),
		context("leaves", 300, `{"ntp":["leaf"]}`, `,"roles":["leaf"]`),
		context("site", 400, `{"site":"DC1"}`, `,"locations":[{"name":"DC1"}]`),
		context("room", 400, `{"room":"R1"}`, `,"locations":[{"name":"R1"}]`),
		context("tenant", 500, `{"tenant":"eng"}`, `,"tenants":["default:eng"],"device_types":[{"model":"PowerEdge R7615"}]`),
		context("off", 600, `{"off":true}`, `,"is_active":false`),
		{"TAG", "POST", "extras/tags/", `{"name":"special","content_types":["dcim.device","extras.configcontext"]}`, 201, ``},
		context("tag", 700, `{"tag":"special"}`, `,"tags":["special"]`),
		{"", "POST", "extras/config-contexts/", `{"name":"bad","data":[1]}`, 400, `{"data":["JSON data must be in object form. Example: {\"foo\": 123}"]}`},
		{"", "PATCH", "dcim/devices/" + device1 + "/", `{"local_config_context_data":{"a":2,"snmp":{"community":"local"}}}`, 200, ``},
		{"", "PATCH", "dcim/devices/" + device2 + "/", `{"location":{"name":"R1"},"tags":["special"],"tenant":null}`, 200, ``},
		{"", "GET", "dcim/devices/" + device1 + "/", ``, 200, `"display"`},
	})
	for path, want := range map[string]string{
		"dcim/devices/" + device1: `{"ntp":["server"],"snmp":{"community":"local","port":162},"a":2,"site":"DC1","tenant":"eng"}`,
		"dcim/devices/" + device2: `{"ntp":["server"],"snmp":{"community":"x","port":162},"a":1,"site":"DC1","room":"R1","tag":"special"}`,
		"virtualization/virtual-machines/" + s.Records("virtualization/virtual-machines", map[string]any{"name": "vm1"})[0]["id"].(string): `{"ntp":["a"],"snmp":{"community":"x","port":162},"a":1}`,
	} {
		var got struct {
			Context any `json:"config_context"`
		}
		var wanted any
		if err := json.Unmarshal(ask(s, "GET", "/api/"+path+"/?include=config_context", "").Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(want), &wanted); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got.Context, wanted) {
			t.Errorf("%s: %v, want %v", path, got.Context, wanted)
		}
	}
}

func TestComputedFields(t *testing.T) {
	s := stocked(t)
	for i, c := range []struct{ template, want string }{
		{"plain", "plain"},
		{"{{ obj.name }} in {{obj.location.name}}", "Dell-F3GSW04 in DC1"},
		{"{{ obj.device_type.manufacturer.name | upper }}", "DELL"},
		{"{{ obj.location.name | lower | length }}", "3"},
		{"{{ obj.status }}/{{ obj }}/{{ obj.id }}", "Active/Dell-F3GSW04/" + device1},
		{"{{ obj.rack }},{{ obj.rack.name }},{{ obj.rack.name | default('no rack') }},{{ obj.nonsense }}", "None,,no rack,"},
		{"{{ obj.cf.owner }}-{{ obj.cf.none }}", "me-"},
		{"{% if obj.name %}x{% endif %}", "fallback"},
		{"{{ obj.name | frobnicate }}", "fallback"},
		{"{{ obj.name", "fallback"},
		{"{{ other.name }}", "fallback"},
		{"{{ obj.name.upper() }}", "fallback"},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			body, err := json.Marshal(map[string]any{"label": fmt.Sprintf("field %d", i), "content_type": "dcim.device", "template": c.template, "fallback_value": "fallback"})
			if err != nil {
				t.Fatal(err)
			}
			run(t, s, []step{
				{"", "PATCH", "dcim/devices/" + device1 + "/", `{"custom_fields":{"owner":"me"}}`, 200, ``},
				{"", "POST", "extras/computed-fields/", string(body), 201, fmt.Sprintf(`"key":"field_%d"`, i)},
			})
			var got struct {
				Fields map[string]string `json:"computed_fields"`
			}
			answer := ask(s, "GET", "/api/dcim/devices/"+device1+"/?include=computed_fields", "")
			if err := json.Unmarshal(answer.Body.Bytes(), &got); err != nil || got.Fields[fmt.Sprintf("field_%d", i)] != c.want {
				t.Errorf("%s gives %q, want %q (%v)", c.template, got.Fields[fmt.Sprintf("field_%d", i)], c.want, err)
			}
		})
	}
}

func FuzzTemplate(f *testing.F) {
	for _, template := range []string{"{{ obj.name }}", "{{obj|upper}}{{", "{% x %}", "{{ obj.rack.name | default('a') }}", "}}{{"} {
		f.Add(template)
	}
	s := loaded(f)
	f.Fuzz(func(t *testing.T, template string) {
		s.mu.RLock()
		defer s.mu.RUnlock()
		m := s.schema.byPath["dcim/devices"]
		if text, ok := s.store.render(m, s.store.find(m.path, device1), template); !ok && text != "" {
			t.Errorf("%q failed and gave %q", template, text)
		}
	})
}
