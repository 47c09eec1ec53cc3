package nautobot

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/eventrig/eventrig/fixtures/worlds"
)

const (
	engTenant = "1f0e8d7c-6b5a-4938-2716-a5b4c3d2e1f0"
	device1   = "5e6f7a8b-9c0d-4e1f-8a2b-3c4d5e6f7a8b"
	device2   = "6f7a8b9c-0d1e-4f2a-9b3c-4d5e6f7a8b9c"
)

// loaded is a server with one-domain and other worlds on top.
func loaded(t testing.TB, more ...string) *Server {
	t.Helper()
	s := New(Config{})
	for _, name := range append([]string{"one-domain"}, more...) {
		load(t, s, name)
	}
	return s
}

func load(t testing.TB, s *Server, name string) {
	t.Helper()
	world, err := worlds.Open(name)
	if err == nil {
		err = s.Load(world)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func ask(s *Server, method, path, body string) *httptest.ResponseRecorder {
	return askAs(s, DefaultToken, method, path, body)
}

func askAs(s *Server, token, method, path, body string) *httptest.ResponseRecorder {
	return askWith(s, method, path, body, http.Header{"Authorization": {"Token " + token}, "Content-Type": {"application/json;"}})
}

func askWith(s *Server, method, path, body string, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://nautobot"+path, strings.NewReader(body))
	r.Header = header
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func TestRefusals(t *testing.T) {
	long := strings.Repeat("x", 256)
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"POST", "/api/tenancy/tenants/", `{}`, 400, `{"name":["This field is required."]}`},
		{"POST", "/api/tenancy/tenants/", `{"name":null}`, 400, `{"name":["This field may not be null."]}`},
		{"POST", "/api/tenancy/tenants/", `{"name":" "}`, 400, `{"name":["This field may not be blank."]}`},
		{"POST", "/api/tenancy/tenants/", `{"name":[]}`, 400, `{"name":["Not a valid string."]}`},
		{"POST", "/api/tenancy/tenants/", `{"name":"` + long + `"}`, 400, `{"name":["Ensure this field has no more than 255 characters."]}`},
		{"POST", "/api/tenancy/tenants/", `{"name":"default:eng"}`, 400, `{"name":["tenant with this name already exists."]}`},
		{"POST", "/api/tenancy/tenants/", `{"id":"` + engTenant + `","name":"n"}`, 400, `{"id":["Tenant with this Id already exists."]}`},
		{"POST", "/api/tenancy/tenants/", `{"id":"x","name":"n"}`, 400, `{"id":["Must be a valid UUID."]}`},
		{"POST", "/api/tenancy/tenants/", `"x"`, 400, `{"non_field_errors":["Invalid data. Expected a dictionary, but got str."]}`},
		{"POST", "/api/tenancy/tenants/", `{"name":`, 400, `{"detail":"JSON parse error - Expecting value: line 1 column 9 (char 8)"}`},
		{"POST", "/api/tenancy/tenants/", "{\n'a'}", 400, `{"detail":"JSON parse error - Expecting property name enclosed in double quotes: line 2 column 1 (char 2)"}`},
		{"POST", "/api/tenancy/tenants/", `[{"name":"a"},{}]`, 400, `[{},{"name":["This field is required."]}]`},
		{"POST", "/api/dcim/interfaces/", `{"device":"` + device1 + `","name":"iDRAC","type":"1000base-t","status":"Active"}`, 400,
			`{"non_field_errors":["The fields device, name must make a unique set."]}`},
		{"POST", "/api/dcim/interfaces/", `{"device":"` + device1 + `","name":"e","type":"carrier-pigeon","status":"Active"}`, 400,
			`{"type":["carrier-pigeon is not a valid choice."]}`},
		{"PATCH", "/api/dcim/devices/" + device1 + "/", `{"tenant":"00000000-0000-4000-8000-000000000000"}`, 400,
			`{"tenant":["Related object not found using the provided attributes: {'pk': UUID('00000000-0000-4000-8000-000000000000')}"]}`},
		{"GET", "/api/tenancy/tenants/?colour=red", "", 400, `{"colour":["Unknown filter field"]}`},
		{"GET", "/api/tenancy/tenants/?id=x", "", 400, `{"id":["Enter a valid UUID."]}`},
		{"GET", "/api/dcim/devices/?tenant=nobody", "", 400, `{"tenant":["Select a valid choice. nobody is not one of the available choices."]}`},
		{"GET", "/api/tenancy/tenants/00000000-0000-4000-8000-000000000000/", "", 404, `{"detail":"No Tenant matches the given query."}`},
		{"PATCH", "/api/dcim/devices/", `{}`, 400, `{"non_field_errors":["Expected a list of items but got type \"dict\"."]}`},
		{"PATCH", "/api/dcim/devices/", `[{}]`, 400, `[{"id":["This field is required."]}]`},
		{"TRACE", "/api/dcim/devices/", ``, 405, `{"detail":"Method \"TRACE\" not allowed."}`},
		{"DELETE", "/api/tenancy/tenants/" + engTenant + "/", "", 409, `{"detail":"Unable to delete object. 2 dependent objects were found: Dell-F3GSW04 (` +
			device1 + `), Dell-F3GSW05 (` + device2 + `)"}`},
	} {
		s := loaded(t)
		w := ask(s, c.method, c.path, c.body)
		if w.Code != c.status || w.Body.String() != c.want {
			t.Errorf("%s %s %.60s:\n got %d %s\nwant %d %s", c.method, c.path, c.body, w.Code, w.Body, c.status, c.want)
		}
		if w.Header().Get("API-Version") != "3.1" {
			t.Errorf("%s %s: API-Version %q", c.method, c.path, w.Header().Get("API-Version"))
		}
		entries := s.Journal().Entries()
		if len(entries) != 1 || len(entries[0].Changes) != 0 {
			t.Errorf("%s %s: a refused request is one entry without changes: %+v", c.method, c.path, entries)
		}
	}
}

func TestAuthentication(t *testing.T) {
	s := New(Config{})
	for header, want := range map[string]string{
		"":            "Authentication credentials were not provided.",
		"Bearer x":    "Authentication credentials were not provided.",
		"Token":       "Invalid token header. No credentials provided.",
		"Token a b":   "Invalid token header. Token string should not contain spaces.",
		"Token wrong": "Invalid token",
	} {
		r := httptest.NewRequest("GET", "/api/status/", nil)
		r.Header.Set("Authorization", header)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%q: %d %s; want 403 %s", header, w.Code, w.Body, want)
		}
	}
}

func TestDepthZeroShowsRelatedAsReference(t *testing.T) {
	var device map[string]any
	if err := json.Unmarshal(ask(loaded(t), "GET", "/api/dcim/devices/"+device1+"/", "").Body.Bytes(), &device); err != nil {
		t.Fatal(err)
	}
	tenant, _ := json.Marshal(device["tenant"])
	want := `{"id":"` + engTenant + `","object_type":"tenancy.tenant","url":"http://nautobot/api/tenancy/tenants/` + engTenant + `/"}`
	if string(tenant) != want {
		t.Errorf("tenant is %s, want %s", tenant, want)
	}
	if err := json.Unmarshal(ask(loaded(t), "GET", "/api/dcim/devices/"+device1+"/?depth=1", "").Body.Bytes(), &device); err != nil {
		t.Fatal(err)
	}
	if deep, _ := device["tenant"].(map[string]any); deep["name"] != "default:eng" {
		t.Errorf("tenant at depth 1 is %v", deep)
	}
}

func TestBulkUpdateIsAtomicAndPassesOverUnknownIDs(t *testing.T) {
	s := loaded(t)
	unknown := "00000000-0000-4000-8000-000000000000"
	w := ask(s, "PATCH", "/api/dcim/devices/", `[{"id":"`+device1+`","tenant":null},{"id":"`+unknown+`","tenant":null}]`)
	var shown []any
	if err := json.Unmarshal(w.Body.Bytes(), &shown); err != nil || w.Code != 200 || len(shown) != 1 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	w = ask(s, "PATCH", "/api/dcim/devices/", `[{"id":"`+device1+`","name":"changed"},{"id":"`+device2+`","status":"Nonsense"}]`)
	if w.Code != 400 || len(s.Records("dcim/devices", map[string]any{"name": "changed"})) != 0 {
		t.Errorf("a refused bulk update changed something: %d %s", w.Code, w.Body)
	}
	if w = ask(s, "DELETE", "/api/dcim/devices/", `[{"id":"`+unknown+`"},{"id":"`+device1+`"}]`); w.Code != 204 {
		t.Errorf("bulk delete: %d %s", w.Code, w.Body)
	}
	if left := s.Records("dcim/interfaces", nil); len(left) != 0 {
		t.Errorf("interfaces of a deleted device are left: %v", left)
	}
}

func TestPaging(t *testing.T) {
	s := New(Config{})
	var items []string
	for i := range 120 {
		items = append(items, fmt.Sprintf(`{"name":"t%03d"}`, i))
	}
	if w := ask(s, "POST", "/api/tenancy/tenants/", "["+strings.Join(items, ",")+"]"); w.Code != 201 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	for query, want := range map[string]string{
		"":                      "120 50 http://nautobot/api/tenancy/tenants/?limit=50&offset=50 <nil>",
		"?limit=100&offset=100": "120 20 <nil> http://nautobot/api/tenancy/tenants/?limit=100",
		"?limit=0":              "120 120 <nil> <nil>",
		"?name__isw=T00":        "10 10 <nil> <nil>",
		"?name=t001&name=t002":  "2 2 <nil> <nil>",
	} {
		var page struct {
			Count          int
			Next, Previous any
			Results        []any
		}
		if err := json.Unmarshal(ask(s, "GET", "/api/tenancy/tenants/"+query, "").Body.Bytes(), &page); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%d %d %v %v", page.Count, len(page.Results), page.Next, page.Previous); got != want {
			t.Errorf("%q: %s, want %s", query, got, want)
		}
	}
}

func TestConcurrentWriters(t *testing.T) {
	s := loaded(t)
	entries, stop := s.Journal().Subscribe()
	defer stop()
	var writers sync.WaitGroup
	const n = 50
	for i := range n {
		writers.Go(func() {
			ask(s, "POST", "/api/tenancy/tenants/", fmt.Sprintf(`{"name":"same%d"}`, i%10))
			ask(s, "GET", "/api/tenancy/tenants/", "")
		})
	}
	writers.Wait()
	created := 0
	for last := 0; last < 2*n; {
		e := <-entries
		if e.Sequence != last+1 {
			t.Fatalf("entry %d follows %d", e.Sequence, last)
		}
		last = e.Sequence
		created += len(e.Changes)
	}
	if created != 10 {
		t.Errorf("%d tenants created, want 10: names are unique", created)
	}
}

func TestFaultHidesAnAnswerAfterTheEffect(t *testing.T) {
	s := New(Config{})
	if err := s.Faults().Add(Fault{Method: "POST", Status: 502, Body: `{}`, Times: 1, After: true}); err != nil {
		t.Fatal(err)
	}
	if w := ask(s, "POST", "/api/tenancy/tenants/", `{"name":"a"}`); w.Code != 502 {
		t.Errorf("status %d", w.Code)
	}
	if w := ask(s, "POST", "/api/tenancy/tenants/", `{"name":"a"}`); w.Code != 400 {
		t.Errorf("the first request took no effect: %d", w.Code)
	}
}

func TestWorldErrorsSayWhere(t *testing.T) {
	for text, want := range map[string]string{
		"nautobot:\n  tenancy/tenant: []\n":                                                 `w.yaml:2: nautobot has no "tenancy/tenant"`,
		"nautobot:\n  tenancy/tenants:\n    - name: a\n      descripton: b\n":               `w.yaml:4: tenancy/tenants has no field "descripton"`,
		"nautobot:\n  tenancy/tenants:\n    - {name: a}\n    - {name: a}\n":                 `w.yaml:4: tenancy/tenants: name: tenant with this name already exists.`,
		"nautobot:\n  dcim/locations:\n    - {name: a, location_type: b, status: Active}\n": `w.yaml:3: dcim/locations: location_type: Related object not found`,
	} {
		s := New(Config{})
		world, err := worlds.Parse("w.yaml", []byte(text))
		if err == nil {
			err = s.Load(world)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want %s", text, err, want)
		}
		if left := s.Records("tenancy/tenants", nil); len(left) != 0 {
			t.Errorf("%q: a refused world left %v", text, left)
		}
	}
}

// Whatever a body is, the answer is JSON and no 5xx, and what it did is taken back or whole.
func FuzzBody(f *testing.F) {
	for _, seed := range []string{
		`{"name":"a"}`, `[{"id":1}]`, `{"tenant":{"name":{}}}`, `{"device":["x"]}`, `nul`, `{"a":1,}`, "\"\x01\"", `{"status":";;%"}`,
		`{"prefix":"::/0","status":"Active"}`, `{"address":"1.2.3.4/33","namespace":"Global"}`, `{"custom_fields":{"a":[]},"tags":[{}]}`,
		`{"termination_a_type":"dcim.interface","termination_a_id":"` + device1 + `"}`, `{"range":"1-,2","ports":[1e999]}`, `[[]]`, `{"id":null}`, `{"mac_address":7,"mtu":1e400}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		s := loaded(t)
		for _, path := range []string{"dcim/interfaces", "dcim/devices", "dcim/cables", "ipam/prefixes", "ipam/ip-addresses", "ipam/vlan-groups", "ipam/services", "extras/notes", "extras/custom-fields", "dcim/devices/" + device1, "users/tokens"} {
			for _, method := range []string{"POST", "PATCH", "PUT", "DELETE"} {
				w := ask(s, method, "/api/"+path+"/", body)
				if w.Code >= 500 || (w.Code != 204 && !json.Valid(w.Body.Bytes())) {
					t.Errorf("%s %s %q: %d %s", method, path, body, w.Code, w.Body)
				}
				if path == "users/tokens" && method == "DELETE" && w.Code == 204 {
					return // it may have deleted its own token
				}
			}
		}
	})
}

func FuzzFilter(f *testing.F) {
	for _, seed := range []string{
		"name=a", "tenant=null", "name__re=[", "u_height__gt=1", "id__n=x", "limit=-1&offset=9999999999999999999", "sort=-", "depth=11",
		"prefix=::/0", "within=1.2.3.4/99", "address=1.2.3.4/x", "created__lte=now", "cf_a=b", "has_interfaces=", "mac_address__ic=:", "q=%00", "exclude_m2m=maybe&include=relationships", "sort=a,-b,,",
	} {
		f.Add(seed)
	}
	s := loaded(f)
	f.Fuzz(func(t *testing.T, query string) {
		for _, path := range Paths() {
			values, err := url.ParseQuery(query)
			if err != nil {
				return
			}
			w := ask(s, "GET", "/api/"+path+"/?"+values.Encode(), "")
			if w.Code >= 500 || !json.Valid(bytes.TrimSpace(w.Body.Bytes())) {
				t.Errorf("%s?%s: %d %s", path, query, w.Code, w.Body)
			}
		}
	})
}

// Whatever a path is, the answer is no 5xx.
func FuzzPath(f *testing.F) {
	for _, seed := range []string{"dcim/devices/Dell-F3GSW04;default:eng/", "dcim/devices/%00/notes/", "plugins/undercloud-vni/ucvni-groups/a;b;c/", "/", "../health", "extras/statuses/Active/notes/"} {
		f.Add(seed)
	}
	s := loaded(f)
	f.Fuzz(func(t *testing.T, path string) {
		for _, method := range []string{"GET", "PATCH", "DELETE", "OPTIONS"} {
			r := httptest.NewRequest(method, "http://nautobot/", strings.NewReader("{}"))
			r.URL.Path = "/api/" + path
			r.Header.Set("Authorization", "Token "+DefaultToken)
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			if w.Code >= 500 {
				t.Errorf("%s %q: %d %s", method, path, w.Code, w.Body)
			}
		}
	})
}

// Writers of related records and readers at the same time: no answer is a 5xx, and what is left is consistent.
func TestConcurrentWritersOfRelatedRecords(t *testing.T) {
	s := loaded(t)
	var workers sync.WaitGroup
	for i := range 8 {
		workers.Go(func() {
			for j := range 20 {
				body := fmt.Sprintf(`{"device":"%s","name":"e%d","type":"lag","status":"Active"}`, []string{device1, device2}[j%2], j%7)
				for _, c := range [][3]string{
					{"POST", "/api/dcim/interfaces/", body}, {"PATCH", "/api/dcim/devices/" + device2 + "/", fmt.Sprintf(`{"name":"n%d"}`, i)},
					{"GET", "/api/dcim/interfaces/?device=" + device2 + "&sort=-name&depth=2", ""}, {"GET", "/api/extras/object-changes/?limit=3", ""},
				} {
					if w := ask(s, c[0], c[1], c[2]); w.Code >= 500 {
						t.Errorf("%v: %d %s", c, w.Code, w.Body)
					}
				}
			}
		})
	}
	workers.Wait()
	if w := ask(s, "DELETE", "/api/dcim/devices/"+device2+"/", ""); w.Code != 204 {
		t.Fatal(w.Body)
	}
	for _, r := range s.Records("dcim/interfaces", nil) {
		if r["device"] != device1 {
			t.Errorf("an interface of a deleted device is left: %v", r)
		}
	}
}

// A world gives a status that Nautobot has to a further kind of record.
func TestWorldExtendsAStatus(t *testing.T) {
	s := New(Config{})
	for range 2 { // once more changes nothing
		world, err := worlds.Parse("w.yaml", []byte("nautobot:\n  extras/statuses:\n    - {name: Available, content_types: [dcim.device]}\n    - {name: Decom, content_types: [dcim.device]}\n"))
		if err == nil {
			err = s.Load(world)
		}
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]string{"Available": `"content_types":["dcim.device","dcim.rack"]`, "Decom": `"content_types":["dcim.device"]`} {
			if body := ask(s, "GET", "/api/extras/statuses/"+name+"/", "").Body.String(); !strings.Contains(body, want) {
				t.Errorf("%s\nlacks %s", body, want)
			}
		}
	}
}
