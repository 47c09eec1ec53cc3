package openstack_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gophercloud/gophercloud/v2"
	cloud "github.com/gophercloud/gophercloud/v2/openstack"

	"github.com/eventrig/eventrig/fixtures/worlds"
	"github.com/eventrig/eventrig/simulators/openstack"
)

func contains(text, part string) bool { return strings.Contains(text, part) }

// The catalog names every service as the client reached the listener.
func TestCatalogNamesTheClientsAddress(t *testing.T) {
	_, url := start(t, openstack.Config{})
	for _, kind := range []string{"identity", "baremetal"} {
		for _, face := range []gophercloud.Availability{gophercloud.AvailabilityPublic, gophercloud.AvailabilityInternal, gophercloud.AvailabilityAdmin} {
			found, err := provider(t, url).EndpointLocator(gophercloud.EndpointOpts{Type: kind, Region: openstack.Region, Availability: face})
			if err != nil || !strings.HasPrefix(found, url+"/"+kind) {
				t.Errorf("%s %s: %q, %v", face, kind, found, err)
			}
		}
	}
}

// A Keystone of its own port answers at the root; so does this one, and its catalog says so.
func TestKeystoneAtTheRoot(t *testing.T) {
	_, url := start(t, openstack.Config{})
	p, err := authenticate(t, gophercloud.AuthOptions{IdentityEndpoint: url + "/v3", Username: openstack.Username, Password: openstack.Password, DomainName: openstack.DomainName})
	if err != nil {
		t.Fatal(err)
	}
	identity, err := cloud.NewIdentityV3(p, gophercloud.EndpointOpts{Region: openstack.Region})
	if err != nil || identity.Endpoint != url+"/v3/" {
		t.Errorf("identity at %v, %v", identity, err)
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		method, path, body string
		status             int
		text               string
	}{
		{"GET", "/v3/projects", "", 401, "The request you have made requires authentication."},
		{"GET", "/identity/v3/projects", "", 401, "The request you have made requires authentication."},
		{"POST", "/v3/auth/tokens", "{", 400, "Expecting to find valid JSON in request body."},
		{"POST", "/v3/auth/tokens", "{}", 400, "'auth' is a required property"},
		{"POST", "/v3/auth/tokens", `{"auth": {"identity": {"methods": "password"}}}`, 400, "Invalid input for field 'auth.identity.methods'"},
		{"PUT", "/v3/auth/tokens", "{}", 405, "The method is not allowed for the requested URL."},
		{"GET", "/", "", 300, `"v3.14"`},
		{"GET", "/identity", "", 300, `/identity/v3/`},
		{"GET", "/v2.0", "", 404, "The requested URL was not found on the server."},
		{"GET", "/baremetal", "", 200, `"version":"1.101"`},
		{"GET", "/baremetal/v1/nodes", "", 401, "The request you have made requires authentication."},
		{"GET", "/baremetalx", "", 404, "The requested URL was not found on the server."},
	} {
		recorder := httptest.NewRecorder()
		s := openstack.New(openstack.Config{})
		s.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), c.method, c.path, strings.NewReader(c.body)))
		if recorder.Code != c.status || !contains(recorder.Body.String(), c.text) {
			t.Errorf("%s %s: %d %s; want %d and %q", c.method, c.path, recorder.Code, recorder.Body, c.status, c.text)
		}
	}
}

// An injected fault speaks the service's language.
func TestFaultsInTheServicesWords(t *testing.T) {
	s := openstack.New(openstack.Config{})
	if err := s.Faults().Add(openstack.Fault{Status: http.StatusServiceUnavailable}); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"/v3/projects": `{"error":{"code":503`, "/baremetal/v1/nodes": `"error_message":"{`} {
		recorder := httptest.NewRecorder()
		s.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
		if recorder.Code != 503 || !contains(recorder.Body.String(), want) {
			t.Errorf("%s: %d %s, want %s", path, recorder.Code, recorder.Body, want)
		}
	}
}

func TestWorldErrorsSayWhere(t *testing.T) {
	for text, want := range map[string]string{
		"openstack:\n  projects:\n    - {name: a,\n       nmae: b}\n":                                                             `w.yaml:4: openstack projects have no field "nmae"`,
		"openstack:\n  servers: []\n":                                                                                             `w.yaml:2: openstack has no "servers"`,
		"openstack:\n  projects:\n    - {name: a, domain_id: nowhere}\n":                                                          `w.yaml:3: openstack projects: Could not find domain: nowhere.`,
		"openstack:\n  domains: [{name: Default}]\n":                                                                              `Duplicate entry found with name Default`,
		"openstack:\n  projects:\n    - {name: a, id: 12}\n":                                                                      `id is a text: put it in quotation marks (it is 12)`,
		"openstack:\n  baremetal/nodes:\n    - {name: a}\n":                                                                       `w.yaml:3: openstack baremetal/nodes: Schema error for node: 'driver' is a required property`,
		"openstack:\n  baremetal/ports:\n    - {address: '52:54:00:00:00:01', node_uuid: 9c7fb8a5-3c3a-4f8c-9d4a-0e6f6c1d2b3a}\n": `Node 9c7fb8a5-3c3a-4f8c-9d4a-0e6f6c1d2b3a could not be found.`,
		"openstak: {}\n": `w.yaml:1: unknown section "openstak"`,
	} {
		world, err := worlds.Parse("w.yaml", []byte(text))
		s := openstack.New(openstack.Config{})
		before := len(s.Records("projects", nil))
		if err == nil {
			err = s.Load(world)
		}
		if err == nil || !contains(err.Error(), want) {
			t.Errorf("%q: %v; want %s", text, err, want)
		}
		if after := len(s.Records("projects", nil)); after != before {
			t.Errorf("%q: %d projects after a world that was refused, %d before", text, after, before)
		}
	}
}

// What a world brings was there before anyone listened; the same seed gives the same identifiers.
func TestWorldsAndSeeds(t *testing.T) {
	world, err := worlds.Parse("w.yaml", []byte(`
openstack:
  baremetal/nodes:
    - {uuid: 9c7fb8a5-3c3a-4f8c-9d4a-0e6f6c1d2b3a, name: n1, driver: redfish, provision_state: active, power_state: power on}
    - {name: n2, driver: idrac}
  baremetal/ports:
    - {address: '52:54:00:AA:BB:CC', node_uuid: 9c7fb8a5-3c3a-4f8c-9d4a-0e6f6c1d2b3a}
  baremetal/inventories:
    - {node_uuid: 9c7fb8a5-3c3a-4f8c-9d4a-0e6f6c1d2b3a, inventory: {cpu: {count: 64}}}
`))
	if err != nil {
		t.Fatal(err)
	}
	var drawn []any
	for range 2 {
		changes := 0
		s := openstack.New(openstack.Config{Seed: 7, OnChange: func(openstack.Change) { changes++ }})
		if err := s.Load(world); err != nil {
			t.Fatal(err)
		}
		if sent := s.Notifications(); len(sent) > 0 || changes > 0 {
			t.Errorf("a world was told: %v, %d changes", sent, changes)
		}
		if active := s.Records("baremetal/nodes", map[string]any{"provision_state": "active"}); len(active) != 1 || active[0]["name"] != "n1" {
			t.Errorf("active nodes: %v", active)
		}
		if ports := s.Records("baremetal/ports", nil); len(ports) != 1 || ports[0]["address"] != "52:54:00:aa:bb:cc" {
			t.Errorf("ports: %v", ports)
		}
		drawn = append(drawn, s.Records("baremetal/nodes", map[string]any{"name": "n2"})[0]["uuid"])
		s.Reset()
		if left := s.Records("baremetal/nodes", nil); len(left) > 0 {
			t.Errorf("nodes after a reset: %v", left)
		}
	}
	if drawn[0] != drawn[1] {
		t.Errorf("the same seed drew %v", drawn)
	}
}
