package nautobot

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// pynautobot behaves on the wire as pynautobot 3.0.0 and requests below it do (core/query.py): a Token, "application/json;"
// on POST, PUT and DELETE with a body, an Accept header and plain JSON on PATCH, lists without a limit first and then
// page by page.
type pynautobot struct {
	t    *testing.T
	base string
}

func (p pynautobot) do(method, path string, body any) (int, string) {
	p.t.Helper()
	status, answer, _ := p.send(method, path, body, nil)
	return status, answer
}

// send sends one request with further headers, and returns the answer to the last of its redirects.
func (p pynautobot) send(method, path string, body any, header map[string]string) (int, string, http.Header) {
	p.t.Helper()
	var reader io.Reader
	if body != nil {
		words, ok := body.(string)
		if !ok {
			data, err := json.Marshal(body)
			if err != nil {
				p.t.Fatal(err)
			}
			words = string(data)
		}
		reader = strings.NewReader(words)
	}
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.base+path, reader)
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("User-Agent", "python-pynautobot/3.0.0")
	r.Header.Set("Accept", "*/*")
	r.Header.Set("Authorization", "Token "+DefaultToken)
	switch {
	case method == "PATCH":
		r.Header.Set("Accept", "application/json;")
		r.Header.Set("Content-Type", "application/json")
	case body != nil:
		r.Header.Set("Content-Type", "application/json;")
	default:
		r.Header.Set("Accept", "application/json;")
	}
	for name, value := range header {
		r.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	data, err := io.ReadAll(answer.Body)
	if err = errors.Join(err, answer.Body.Close()); err != nil {
		p.t.Fatal(err)
	}
	return answer.StatusCode, string(data), answer.Header
}

// recorded is a request that a call of pynautobot makes, with what the call needs of the answer.
type recorded struct {
	call         string // in Python
	method, path string
	body         string
	header       map[string]string
	status       int
	parts        []string
}

// What pynautobot 3.0.0 sends for each of its calls, by its source: core/api.py, app.py, endpoint.py, query.py,
// response.py, graphql.py and models/. Words in capitals are ids of earlier answers.
func TestPynautobotCalls(t *testing.T) {
	get := map[string]string{"Content-Type": "application/json;", "Accept": "*/*"}    // get_version, get_status, get_openapi
	version := map[string]string{"Accept": "application/json; version=3.1"}           // api_version="3.1"
	graphQL := map[string]string{"Content-Type": "application/json", "Accept": "*/*"} // requests' own
	const device = `{"name": "d1", "device_type": {"model": "PowerEdge R7615"}, "role": "server", "location": "DC1", "status": "Active"}`
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
	for i, c := range []recorded{
		{"nb.version", "GET", "/api/", "", get, 200, []string{`"dcim":"BASE/api/dcim/"`}},
		{"nb.status()", "GET", "/api/status/", "", get, 200, []string{`"nautobot-version":"3.1.8"`, `"python-version"`}},
		{"nb.openapi()", "GET", "/api/docs/?format=openapi", "", get, 200, []string{`"openapi":"3.`, `"/dcim/devices/"`}},
		{"nb.plugins.installed_plugins()", "GET", "/api/plugins/installed-plugins/", "", nil, 200, []string{`"package":"undercloud_vni"`}},
		{"nb.extras.get_custom_fields()", "GET", "/api/extras/custom-fields/", "", nil, 200, []string{`"count":0`}},
		{"nb.extras.get_custom_field_choices()", "GET", "/api/extras/custom-field-choices/", "", nil, 200, []string{`"results":[]`}},

		{"nb.dcim.devices.create(name='d1', ...)", "POST", "/api/dcim/devices/", device, nil, 201, []string{`"display":"d1"`}},
		{"nb.dcim.devices.create([...])", "POST", "/api/dcim/devices/", "[" + strings.ReplaceAll(device, "d1", "d2") + "," + strings.ReplaceAll(device, "d1", "d3") + "]", nil, 201, []string{`"display":"d2"`, `"display":"d3"`}},
		{"nb.dcim.devices.create(name='d1', ...)", "POST", "/api/dcim/devices/", `{"name": "d9"}`, nil, 400, []string{`"device_type":["This field is required."]`}},
		{"nb.dcim.devices.get(ID)", "GET", "/api/dcim/devices/DEVICE/", "", nil, 200, []string{`"name":"d1"`}},
		{"nb.dcim.devices.get(ID, api_version='3.1')", "GET", "/api/dcim/devices/DEVICE/", "", version, 200, []string{`"name":"d1"`}},
		{"nb.dcim.devices.get(OTHER)", "GET", "/api/dcim/devices/" + nodeID + "/", "", nil, 404, []string{`{"detail":`}},
		{"nb.tenancy.tenants.get('default:eng')", "GET", "/api/tenancy/tenants/default:eng/", "", nil, 200, []string{`"id":"` + engTenant + `"`}},
		{"nb.dcim.devices.get(name='d1')", "GET", "/api/dcim/devices/?name=d1", "", nil, 200, []string{`"count":1`, `"next":null`}},
		{"device.url: full_details()", "GET", "/api/dcim/devices/DEVICE/", "", nil, 200, []string{`"url":"BASE/api/dcim/devices/DEVICE/"`}},
		{"nb.dcim.devices.filter('d1')", "GET", "/api/dcim/devices/?q=d1", "", nil, 200, []string{`"count":1`}},
		{"nb.dcim.devices.filter(name=['d1', 'd2'])", "GET", "/api/dcim/devices/?name=d1&name=d2", "", nil, 200, []string{`"count":2`}},
		{"nb.dcim.devices.filter(name__ic='D', has_primary_ip=False)", "GET", "/api/dcim/devices/?name__ic=D&has_primary_ip=False", "", nil, 200, []string{`"name":"d3"`}},
		{"nb.dcim.devices.filter(colour='red')", "GET", "/api/dcim/devices/?colour=red", "", nil, 400, []string{`{"colour":["Unknown filter field"]}`}},
		{"nb.dcim.devices.filter(name='d1', depth=1)", "GET", "/api/dcim/devices/?name=d1&depth=1", "", nil, 200, []string{`"device_type":{"id":`, `"model":"PowerEdge R7615"`}},
		{"nb.dcim.devices.filter(name='d1', exclude_m2m=False)", "GET", "/api/dcim/devices/?name=d1&exclude_m2m=False", "", nil, 200, []string{`"software_image_files":[]`}},
		{"nb.dcim.devices.filter(name='d1', exclude_m2m=True)", "GET", "/api/dcim/devices/?name=d1&exclude_m2m=True", "", nil, 200, []string{`"name":"d1"`}},
		{"nb.dcim.devices.filter(name='d1', include='config_context')", "GET", "/api/dcim/devices/?name=d1&include=config_context", "", nil, 200, []string{`"config_context":{}`}},
		{"nb.dcim.devices.all(limit=2)", "GET", "/api/dcim/devices/?limit=2", "", nil, 200, []string{`"next":"BASE/api/dcim/devices/?limit=2&offset=2"`}},
		{"the same, by next", "GET", "/api/dcim/devices/?limit=2&offset=2", "", nil, 200, []string{`"previous":"BASE/api/dcim/devices/?limit=2"`}},
		{"nb.dcim.devices.all(limit=2, offset=1)", "GET", "/api/dcim/devices/?limit=2&offset=1", "", nil, 200, []string{`"results":[{`}},
		{"nb.dcim.devices.all(), threading=True", "GET", "/api/dcim/devices/?limit=0", "", nil, 200, []string{`"next":null`}},
		{"nb.dcim.devices.count()", "GET", "/api/dcim/devices/?limit=1", "", nil, 200, []string{`{"count":7,`}},
		{"nb.dcim.devices.count(name='d1')", "GET", "/api/dcim/devices/?name=d1&limit=1", "", nil, 200, []string{`{"count":1,`}},
		{"nb.dcim.devices.choices()", "OPTIONS", "/api/dcim/devices/", "", nil, 200, []string{`"actions":{"POST":{`, `"choices":[{"display":"Front","value":"front"}`}},

		{"nb.dcim.devices.update(id=ID, data={...})", "PATCH", "/api/dcim/devices/DEVICE/", `{"serial": "S1"}`, nil, 200, []string{`"serial":"S1"`}},
		{"device.save(): what differs", "PATCH", "/api/dcim/devices/DEVICE/", `{"face": "front", "tenant": "` + engTenant + `", "custom_fields": {}, "tags": []}`, nil, 400, []string{`Cannot select a rack face`}},
		{"device.update({...})", "PATCH", "/api/dcim/devices/DEVICE/", `{"tenant": "` + engTenant + `", "local_config_context_data": {"a": 1}}`, nil, 200, []string{`"tenant":{"id":"` + engTenant + `"`}},
		{"nb.dcim.devices.get(name='d2')", "GET", "/api/dcim/devices/?name=d2", "", nil, 200, []string{`"count":1`}},
		{"nb.dcim.devices.update([{...}, device])", "PATCH", "/api/dcim/devices/", `[{"id": "DEVICE", "serial": "S2"}, {"serial": "S3", "id": "SECOND"}]`, nil, 200, []string{`"serial":"S2"`, `"serial":"S3"`}},
		{"device.notes.create({'note': 'n'})", "POST", "/api/dcim/devices/DEVICE/notes/", `{"note": "n"}`, nil, 201, []string{`"note":"n"`}},
		{"device.notes.list()", "GET", "/api/dcim/devices/DEVICE/notes/", "", nil, 200, []string{`"count":1`}},

		{"nb.dcim.interfaces.create(...)", "POST", "/api/dcim/interfaces/", `{"device": "DEVICE", "name": "e0", "type": "25gbase-x-sfp28", "status": "Active"}`, nil, 201, nil},
		{"interface.trace()", "GET", "/api/dcim/interfaces/INTERFACE/trace/", "", nil, 200, []string{`[]`}},
		{"nb.dcim.cables.create(...)", "POST", "/api/dcim/cables/", `{"termination_a_type": "dcim.interface", "termination_a_id": "INTERFACE", "termination_b_type": "dcim.interface", "termination_b_id": "` + switchPort + `", "status": "Connected"}`, nil, 201, nil},
		{"interface.trace()", "GET", "/api/dcim/interfaces/INTERFACE/trace/", "", nil, 200, []string{`[[{"id":"INTERFACE"`, `"url":"BASE/api/dcim/interfaces/` + switchPort + `/"`}},

		{"prefix.available_ips.list()", "GET", "/api/ipam/prefixes/PREFIX/available-ips/", "", nil, 200, []string{`[{"ip_version":4,"address":"10.46.96.1/22"}`}},
		{"prefix.available_ips.create({'status': 'Active'})", "POST", "/api/ipam/prefixes/PREFIX/available-ips/", `{"status": "Active"}`, nil, 201, []string{`"address":"10.46.96.1/22"`}},
		{"prefix.available_ips.create([...])", "POST", "/api/ipam/prefixes/PREFIX/available-ips/", `[{"status": "Active"}, {"status": "Active"}]`, nil, 201, []string{`"address":"10.46.96.3/22"`}},
		{"prefix.available_prefixes.list()", "GET", "/api/ipam/prefixes/PREFIX/available-prefixes/", "", nil, 200, []string{`"prefix":"10.46.96.0/22"`}},
		{"prefix.available_prefixes.create({...})", "POST", "/api/ipam/prefixes/PREFIX/available-prefixes/", `{"prefix_length": 24, "status": "Active", "type": "network"}`, nil, 201, []string{`"prefix":"10.46.96.0/24"`}},
		{"AllocationError", "POST", "/api/ipam/prefixes/PREFIX/available-prefixes/", `{"prefix_length": 22, "status": "Active"}`, nil, 204, nil},

		{"nb.graphql.query(query)", "POST", "/api/graphql/", `{"query": "query { devices(name: \"d1\") { name tenant { name } } }", "variables": null}`, graphQL, 200, []string{`{"data":{"devices":[{"name":"d1","tenant":{"name":"default:eng"}}]}}`}},
		{"nb.graphql.query(query, variables)", "POST", "/api/graphql/", `{"query": "query ($n: [String]) { devices(name: $n) { serial } }", "variables": {"n": ["d2"]}}`, graphQL, 200, []string{`"serial":"S3"`}},
		{"GraphQLException", "POST", "/api/graphql/", `{"query": "query { pigeons { name } }", "variables": null}`, graphQL, 400, []string{`{"errors":[{"`}},
		{"nb.extras.graphql_queries.create(...)", "POST", "/api/extras/graphql-queries/", `{"name": "q", "query": "query ($n: [String]) { devices(name: $n) { serial } }"}`, nil, 201, nil},
		{"query.run(variables={'n': 'd2'})", "POST", "/api/extras/graphql-queries/q/run/", `{"variables": {"n": ["d2"]}}`, nil, 200, []string{`{"data":{"devices":[{"serial":"S3"}]}}`}},
		{"query.run()", "POST", "/api/extras/graphql-queries/q/run/", `{}`, nil, 200, []string{`"serial":"S2"`, `"serial":"S3"`}},

		{"tenant.delete(): RequestError", "DELETE", "/api/tenancy/tenants/" + engTenant + "/", "", nil, 409, []string{`dependent objects were found`}},
		{"device.delete()", "DELETE", "/api/dcim/devices/DEVICE/", "", nil, 204, nil},
		{"nb.dcim.devices.delete([ID, ...])", "DELETE", "/api/dcim/devices/", `[{"id": "SECOND"}, {"id": "` + nodeID + `"}]`, nil, 204, nil},
		{"nb.dcim.devices.count()", "GET", "/api/dcim/devices/?limit=1", "", nil, 200, []string{`{"count":5,`}},
	} {
		var body any
		if c.body != "" {
			body = fill(c.body)
		}
		if _, known := seen["PREFIX"]; !known && strings.Contains(c.path, "PREFIX") {
			seen["PREFIX"] = s.Records("ipam/prefixes", map[string]any{"prefix": "10.46.96.0/22"})[0]["id"].(string)
		}
		status, got, header := client.send(c.method, fill(c.path), body, c.header)
		if status != c.status {
			t.Fatalf("%d: %s: %s %s %s: %d %s; want %d", i, c.call, c.method, fill(c.path), c.body, status, got, c.status)
		}
		if header.Get("API-Version") != "3.1" {
			t.Errorf("%d: %s: API-Version %q", i, c.call, header.Get("API-Version"))
		}
		if status != 204 && !json.Valid([]byte(got)) {
			t.Errorf("%d: %s: no JSON, a ContentError: %s", i, c.call, got)
		}
		var record struct{ ID string }
		if name := map[string]string{"/api/dcim/devices/": "DEVICE", "/api/dcim/interfaces/": "INTERFACE"}[c.path]; name != "" && c.method == "POST" &&
			json.Unmarshal([]byte(got), &record) == nil && record.ID != "" {
			seen[name] = record.ID
		}
		var page struct{ Results []struct{ ID, Name string } }
		if json.Unmarshal([]byte(got), &page) == nil && len(page.Results) == 1 && page.Results[0].Name == "d2" {
			seen["SECOND"] = page.Results[0].ID
		}
		for _, part := range c.parts {
			if part = fill(part); !strings.Contains(got, part) {
				t.Errorf("%d: %s: %s %s: %s\nlacks %s", i, c.call, c.method, c.path, got, part)
			}
		}
	}
	for _, entry := range s.Journal().Entries() {
		if entry.Closest != nil {
			t.Errorf("%s %s is not served", entry.Method, entry.Path)
		}
	}
}
