package nautobot

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestGraphQL(t *testing.T) {
	s := stocked(t)
	for name, c := range map[string]struct {
		query, variables string
		status           int
		want             string
	}{
		"what netapp-configure-interfaces asks": {
			`query ($device_names: [String]) { virtual_machines(name: $device_names) { interfaces { name ip_addresses { address } tagged_vlans { vid } } } }`,
			`{"device_names":["os-1f0e8d7c6b5a49382716a5b4c3d2e1f0"]}`, 200,
			`{"data":{"virtual_machines":[{"interfaces":[{"ip_addresses":[{"address":"100.127.0.21/29"}],"name":"N1-lif-A","tagged_vlans":[{"vid":2002}]},{"ip_addresses":[{"address":"100.127.0.22/29"}],"name":"N1-lif-B","tagged_vlans":[{"vid":2003}]}]}]}}`,
		},
		"a value for a list, an alias and lookups": {
			`{ mine: devices(name__ic: "gsw04") { name tenant { name } interfaces(mgmt_only: true) { name type } } }`, ``, 200,
			`{"data":{"mine":[{"interfaces":[{"name":"iDRAC","type":"A_1000BASE_T"}],"name":"Dell-F3GSW04","tenant":{"name":"default:eng"}}]}}`,
		},
		"backwards, a page, fragments and a directive": {
			`query ($deep: Boolean = false) { tenants(name: "default:eng") { ...t } } fragment t on TenantType { name devices(limit: 1, offset: 1) { name location @include(if: $deep) { name } } }`, ``, 200,
			`{"data":{"tenants":[{"devices":[{"name":"Dell-F3GSW05"}],"name":"default:eng"}]}}`,
		},
		"one by id": {`{ device(id: "` + device1 + `") { name role { name color } __typename } }`, ``, 200,
			`{"data":{"device":{"__typename":"DeviceType","name":"Dell-F3GSW04","role":{"color":"00ff00","name":"server"}}}}`},
		"numbers and null": {`{ vlans(vid__gte: 2003) { vid vlan_group { name } } }`, ``, 200, `{"data":{"vlans":[{"vid":2003,"vlan_group":null}]}}`},
		"nothing matches":  {`{ devices(name: ["nobody"]) { name } }`, ``, 200, `{"data":{"devices":[]}}`},
		"a missing one":    {`{ device(id: "` + projectID + `") { name } }`, ``, 200, `"errors":[{"message":"Device matching query does not exist."`},
		"a wrong choice":   {`{ devices(role: "pope") { name } }`, ``, 200, `Select a valid choice. pope is not one of the available choices.`},
		"unknown field":    {`{ devices { colour } }`, ``, 400, `Cannot query field \"colour\" on type \"DeviceType\".`},
		"unknown filter":   {`{ devices(colour: "red") { name } }`, ``, 400, `Unknown argument \"colour\"`},
		"no syntax":        {`{ devices { `, ``, 400, `"errors":[{"message":"Syntax Error`},
		"no query":         {``, ``, 400, `{"errors":[{"message":"Must provide query string."}]}`},
		"a mutation":       {`mutation { x }`, ``, 400, `"errors"`},
		"introspection":    {`{ __schema { queryType { name } } __type(name: "TenantType") { kind } }`, ``, 200, `{"data":{"__schema":{"queryType":{"name":"Query"}},"__type":{"kind":"OBJECT"}}}`},
	} {
		body := fmt.Sprintf(`{"query":%s}`, appendString(nil, c.query))
		if c.variables != "" {
			body = fmt.Sprintf(`{"query":%s,"variables":%s}`, appendString(nil, c.query), c.variables)
		}
		w := ask(s, "POST", "/api/graphql/", body)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s:\n got %d %s\nwant %d %s", name, w.Code, w.Body, c.status, c.want)
		}
	}
	if w := ask(s, "GET", "/api/graphql/", ""); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", w.Code)
	}
	if w := ask(s, "POST", "/api/graphql/", `{"query":`); w.Code != 400 || !strings.Contains(w.Body.String(), "JSON parse error") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("POST", "/api/graphql/", strings.NewReader(`{}`)))
	if w.Code != http.StatusForbidden {
		t.Errorf("without a token: %d", w.Code)
	}
}

// Each list and each relation can be asked for: the schema fits the models.
func TestGraphQLServesEachModel(t *testing.T) {
	s := opened(t, Config{OpenAPIFile: "testdata/plugin-openapi.yaml"})
	for _, m := range s.schema.models {
		var fields []string
		for _, f := range m.fields {
			switch {
			case f.hidden || f.kind == counted:
			case f.kind == related || f.toMany() || f.far == "cable":
				fields = append(fields, f.name+" { id }")
			default:
				fields = append(fields, f.name)
			}
		}
		w := ask(s, "POST", "/api/graphql/", string(appendJSON(nil, map[string]string{"query": "{ " + m.plural + "(limit: 2) { id display " + strings.Join(fields, " ") + " } }"})))
		if w.Code != 200 || strings.Contains(w.Body.String(), `"errors"`) {
			t.Errorf("%s: %d %.400s", m.path, w.Code, w.Body)
		}
	}
}

func FuzzGraphQL(f *testing.F) {
	for _, seed := range []string{`{ devices { name } }`, `{devices(limit:-1,offset:99999999){id}}`, `query($a:[String]){tenants(name:$a){id}}`, `{a:devices{interfaces{device{interfaces{name}}}}}`, "{", `{devices(name__re:"["){id}}`} {
		f.Add(seed, `{"a":[1,null,{"b":[]}]}`)
	}
	s := loaded(f)
	f.Fuzz(func(t *testing.T, query, variables string) {
		body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
		if err != nil {
			return
		}
		w := ask(s, "POST", "/api/graphql/", string(body))
		if w.Code >= 500 || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%q %q: %d %s", query, variables, w.Code, w.Body)
		}
	})
}

// BenchmarkGraphQLSchema is what the first query costs once.
func BenchmarkGraphQLSchema(b *testing.B) {
	b.ReportAllocs()
	for range b.N {
		if _, err := New(Config{}).graphql(); err != nil {
			b.Fatal(err)
		}
	}
}
