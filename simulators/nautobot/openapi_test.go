package nautobot

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/eventrig/eventrig/internal/failure"
)

func TestOpenAPIAddsModels(t *testing.T) {
	s := opened(t, Config{OpenAPIFile: "testdata/plugin-openapi.yaml"})
	var created struct{ ID string }
	for i, c := range []struct {
		method, path, body string
		status             int
		parts              []string
	}{
		{"POST", "autonomous-systems/", `{}`, 400, []string{`"asn":["This field is required."]`, `"status":["This field is required."]`}},
		{"POST", "autonomous-systems/", `{"asn":0,"status":"Active"}`, 400, []string{`{"asn":["Ensure this value is greater than or equal to 1."]}`}},
		{"POST", "autonomous-systems/", `{"asn":65000,"status":{"name":"Nonsense"}}`, 400, []string{`{"status":["Related object not found using the provided attributes: {'name': 'Nonsense'}"]}`}},
		{"POST", "autonomous-systems/", `{"asn":65000,"status":"Available","weight":"1.5","description":"` + strings.Repeat("x", 201) + `"}`, 400, []string{`Ensure this field has no more than 200 characters.`}},
		{"POST", "statuses", ``, 0, nil},
		{"POST", "autonomous-systems/", `{"asn":65000,"status":"STATUS","weight":"1.5"}`, 201, []string{`"asn":65000`, `"weight":"1.500"`, `"object_type":"bgp.autonomoussystem"`, `"object_type":"extras.status"`, `"tags":[]`}},
		{"GET", "autonomous-systems/?asn=65000", ``, 200, []string{`"count":1`}},
		{"GET", "autonomous-systems/?asn__gt=65000", ``, 200, []string{`"count":0`}},
		{"GET", "autonomous-systems/?colour=red", ``, 400, []string{`Unknown filter field`}},
		{"POST", "peers/", `{"name":"a","address_family":"ipx"}`, 400, []string{`{"address_family":["ipx is not a valid choice."]}`}},
		{"POST", "peers/", `{"name":"a","address_family":"ipv6","mode":"active","peer_autonomous_system":"AS","session":{"timers":[1]},"peer_count":9}`, 201,
			[]string{`"address_family":{"value":"ipv6","label":"IPv6 unicast"}`, `"mode":"active"`, `"session":{"timers":[1]}`, `"object_type":"bgp.autonomoussystem"`, `"display":"a"`}},
		{"DELETE", "autonomous-systems/AS/", ``, 409, []string{`1 dependent objects were found: a (`}},
		{"GET", "autonomous-systems/AS/notes/", ``, 200, []string{`"count":0`}},
		{"OPTIONS", "peers/", ``, 200, []string{`"choices":[{"display":"IPv4 unicast","value":"ipv4"}`}},
	} {
		if c.status == 0 {
			if w := ask(s, "POST", "/api/extras/statuses/", `{"name":"Up","content_types":["bgp.autonomoussystem"]}`); w.Code != 201 {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			continue
		}
		w := ask(s, c.method, "/api/plugins/bgp/"+strings.ReplaceAll(c.path, "AS/", created.ID+"/"), strings.NewReplacer(`"AS"`, `"`+created.ID+`"`, "STATUS", "Up").Replace(c.body))
		if w.Code != c.status {
			t.Fatalf("%d: %s %s %s: %d %s; want %d", i, c.method, c.path, c.body, w.Code, w.Body, c.status)
		}
		if created.ID == "" && w.Code == 201 {
			if err := json.Unmarshal(w.Body.Bytes(), &created); err != nil {
				t.Fatal(err)
			}
		}
		for _, part := range c.parts {
			if !strings.Contains(w.Body.String(), part) {
				t.Errorf("%d: %s %s: %s\nlacks %s", i, c.method, c.path, w.Body, part)
			}
		}
	}
	if builtin().byPath["plugins/bgp/peers"] != nil {
		t.Error("the models of a document are in every server")
	}
	if m := s.schema.byPath["dcim/devices"]; m.class != "Device" {
		t.Errorf("a model of the document took the place of ours: %s", m.class)
	}
}

func TestOpenAPIErrors(t *testing.T) {
	folder := t.TempDir()
	for name, text := range map[string]string{"none": "", "no-openapi": "a: 1\n", "broken": "openapi: [", "dangling": "openapi: 3.0.3\ninfo: {title: a, version: b}\npaths: {/a/b/: {get: {responses: {'200': {$ref: '#/components/responses/no'}}}}}\n"} {
		file := filepath.Join(folder, name)
		if name != "none" {
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		_, err := Open(Config{OpenAPIFile: file})
		if err == nil || !strings.Contains(err.Error(), file) || failure.Hint(err) == "" {
			t.Errorf("%s: %v (hint %q)", name, err, failure.Hint(err))
		}
	}
}

// The document that the simulator serves is a valid one, and read as --openapi it gives the same models.
func TestOwnDocumentGivesTheModels(t *testing.T) {
	s := New(Config{})
	w := ask(s, "GET", "/api/swagger.yaml", "")
	if w.Code != 200 || w.Header().Get("Content-Type") != "application/vnd.oai.openapi" {
		t.Fatalf("%d %s", w.Code, w.Header())
	}
	document, err := openapi3.NewLoader().LoadFromData(w.Body.Bytes())
	if err == nil {
		err = document.Validate(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	if asJSON := ask(s, "GET", "/api/swagger.json", ""); !json.Valid(asJSON.Body.Bytes()) {
		t.Errorf("swagger.json is no JSON: %.200s", asJSON.Body)
	}
	file := filepath.Join(t.TempDir(), "nautobot.yaml")
	if err := os.WriteFile(file, w.Body.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := &schema{byPath: map[string]*model{}, byKind: map[string]*model{}}
	read, err := empty.extend(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range s.schema.models {
		other := read.byPath[m.path]
		if other == nil {
			t.Errorf("%s is missing", m.path)
			continue
		}
		if other.tags != m.tags || other.notes != m.notes || other.custom != m.custom || other.stamped != m.stamped || other.fixed != m.fixed {
			t.Errorf("%s: %+v", m.path, other)
		}
		for _, f := range m.fields {
			if f.hidden {
				continue
			}
			again := other.field(f.name)
			if again == nil {
				t.Errorf("%s.%s is missing", m.path, f.name)
				continue
			}
			same := again.kind == f.kind && again.to == f.to && again.required == f.required && again.max == f.max && again.places == f.places && len(again.choices) == len(f.choices)
			switch f.kind {
			case through: // as a document says it, a plain list of references
				same = again.kind == relatedList && again.to == s.store.throughModel(f).path
			case counted:
				same = again.kind == integer && again.readOnly
			case contentTypes, choiceList, computed:
				same = again.kind == object
			case generic:
				same = again.kind == identifier
			case address, mac, contentType:
				same = again.kind == text
			}
			if !same {
				t.Errorf("%s.%s: read as %+v, is %+v", m.path, f.name, again, f)
			}
		}
	}
}
