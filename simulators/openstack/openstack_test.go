package openstack_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gophercloud/gophercloud/v2"
	cloud "github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/domains"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/projects"

	"github.com/eventrig/eventrig/fixtures/worlds"
	"github.com/eventrig/eventrig/simulators/openstack"
)

func start(t *testing.T, config openstack.Config) (*openstack.Server, string) {
	t.Helper()
	s := openstack.New(config)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, server.URL
}

func client(t *testing.T, url, password string) (*gophercloud.ServiceClient, error) {
	t.Helper()
	provider, err := cloud.AuthenticatedClient(t.Context(), gophercloud.AuthOptions{
		IdentityEndpoint: url + "/v3", Username: openstack.Username, Password: password, DomainName: openstack.DomainName,
		Scope: &gophercloud.AuthScope{ProjectName: openstack.ProjectName, DomainName: openstack.DomainName},
	})
	if err != nil {
		return nil, err
	}
	return cloud.NewIdentityV3(provider, gophercloud.EndpointOpts{Region: openstack.Region})
}

// The client that the field uses must work unchanged.
func TestGophercloud(t *testing.T) {
	var changes []openstack.Change
	s, url := start(t, openstack.Config{OnChange: func(c openstack.Change) { changes = append(changes, c) }})
	world, err := worlds.Open("one-domain")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Load(world); err != nil {
		t.Fatal(err)
	}
	identity, err := client(t, url, openstack.Password)
	if err != nil {
		t.Fatal(err)
	}
	pages, err := projects.List(identity, projects.ListOpts{DomainID: "default"}).AllPages(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all, err := projects.ExtractProjects(pages)
	if err != nil || len(all) != 3 {
		t.Fatalf("projects of default: %v, %v; want admin, eng, ops", all, err)
	}
	made, err := projects.Create(t.Context(), identity, projects.CreateOpts{Name: "lab", DomainID: "default"}).Extract()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := projects.Create(t.Context(), identity, projects.CreateOpts{Name: "lab", DomainID: "default"}).Extract(); !gophercloud.ResponseCodeIs(err, http.StatusConflict) {
		t.Errorf("second project of the same name: %v, want 409", err)
	}
	description := "Laboratory"
	if _, err := projects.Update(t.Context(), identity, made.ID, projects.UpdateOpts{Description: &description}).Extract(); err != nil {
		t.Error(err)
	}
	if err := projects.Delete(t.Context(), identity, made.ID).ExtractErr(); err != nil {
		t.Error(err)
	}
	_, err = projects.Get(t.Context(), identity, made.ID).Extract()
	if !gophercloud.ResponseCodeIs(err, http.StatusNotFound) || !strings.Contains(err.Error(), "Could not find project: "+made.ID+".") {
		t.Errorf("deleted project: %v", err)
	}
	if domain, err := domains.Get(t.Context(), identity, "default").Extract(); err != nil || domain.Name != "Default" {
		t.Errorf("domain default: %v, %v", domain, err)
	}
	var operations []string
	for _, c := range changes {
		operations = append(operations, c.Resource+" "+c.Operation)
	}
	if got := strings.Join(operations, ", "); got != "project created, project updated, project deleted" {
		t.Errorf("changes: %s", got)
	}
}

func TestWrongPassword(t *testing.T) {
	_, url := start(t, openstack.Config{})
	_, err := client(t, url, "wrong")
	if !gophercloud.ResponseCodeIs(err, http.StatusUnauthorized) || !strings.Contains(err.Error(), "The request you have made requires authentication.") {
		t.Errorf("got %v, want 401", err)
	}
}

func TestErrors(t *testing.T) {
	_, url := start(t, openstack.Config{})
	for _, c := range []struct {
		method, path, body string
		status             int
		text               string
	}{
		{"GET", "/v3/projects", "", 401, "The request you have made requires authentication."},
		{"POST", "/v3/auth/tokens", "{", 400, "Expecting to find valid JSON in request body."},
		{"POST", "/v3/auth/tokens", "{}", 400, "'auth' is a required property"},
		{"GET", "/", "", 300, `"v3.14"`},
		{"GET", "/v2.0", "", 404, "The requested URL was not found on the server."},
	} {
		request, err := http.NewRequestWithContext(t.Context(), c.method, url+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		recorder := httptest.NewRecorder()
		s := openstack.New(openstack.Config{})
		s.ServeHTTP(recorder, request)
		if recorder.Code != c.status || !strings.Contains(recorder.Body.String(), c.text) {
			t.Errorf("%s %s: %d %s; want %d and %q", c.method, c.path, recorder.Code, recorder.Body, c.status, c.text)
		}
	}
}

func TestWorldErrorsSayWhere(t *testing.T) {
	for text, want := range map[string]string{
		"openstack:\n  projects:\n    - {name: a,\n       nmae: b}\n":    `w.yaml:4: openstack projects have no field "nmae"`,
		"openstack:\n  servers: []\n":                                    `w.yaml:2: openstack has no "servers"`,
		"openstack:\n  projects:\n    - {name: a, domain_id: nowhere}\n": `w.yaml:3: openstack projects: Could not find domain: nowhere.`,
		"openstack:\n  domains: [{name: Default}]\n":                     `Duplicate entry found with name Default`,
		"openstak: {}\n": `w.yaml:1: unknown section "openstak"`,
	} {
		world, err := worlds.Parse("w.yaml", []byte(text))
		if err == nil {
			err = openstack.New(openstack.Config{}).Load(world)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want %s", text, err, want)
		}
	}
}
