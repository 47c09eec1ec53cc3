package openstack_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gophercloud/gophercloud/v2"
	cloud "github.com/gophercloud/gophercloud/v2/openstack"

	"github.com/eventrig/eventrig/simulators/openstack"
)

// start serves a simulated cloud; the address is that of the listener, without a path.
func start(t testing.TB, config openstack.Config) (*openstack.Server, string) {
	t.Helper()
	s := openstack.New(config)
	server := httptest.NewServer(s)
	t.Cleanup(func() {
		server.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, server.URL
}

// provider authenticates as the administrator.
func provider(t testing.TB, url string) *gophercloud.ProviderClient {
	t.Helper()
	p, err := authenticate(t, gophercloud.AuthOptions{
		IdentityEndpoint: url + "/identity/v3", Username: openstack.Username, Password: openstack.Password, DomainName: openstack.DomainName,
		Scope: &gophercloud.AuthScope{ProjectName: openstack.ProjectName, DomainName: openstack.DomainName},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func authenticate(t testing.TB, options gophercloud.AuthOptions) (*gophercloud.ProviderClient, error) {
	t.Helper()
	return cloud.AuthenticatedClient(t.Context(), options)
}

// client makes a service's client with make, one of gophercloud's constructors.
func client(t testing.TB, p *gophercloud.ProviderClient, make func(*gophercloud.ProviderClient, gophercloud.EndpointOpts) (*gophercloud.ServiceClient, error)) *gophercloud.ServiceClient {
	t.Helper()
	c, err := make(p, gophercloud.EndpointOpts{Region: openstack.Region})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// events are the event types that a cloud has sent, in order.
func events(s *openstack.Server) []string {
	types := []string{}
	for _, sent := range s.Notifications() {
		types = append(types, sent.EventType)
	}
	return types
}

// is says whether an error has an HTTP status and, where given, a text.
func is(t testing.TB, err error, status int, text string) {
	t.Helper()
	// Ironic's fault is JSON in JSON: its quotation marks are escaped, and escaped again.
	if !gophercloud.ResponseCodeIs(err, status) || !contains(strings.ReplaceAll(err.Error(), `\`, ""), text) {
		t.Errorf("got %v; want %d %s with %q", err, status, http.StatusText(status), text)
	}
}

// do sends a request and returns the whole answer.
func do(t testing.TB, request *http.Request) (int, string, http.Header) {
	t.Helper()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body), response.Header
}

// request makes a request with a token.
func request(t testing.TB, p *gophercloud.ProviderClient, method, url, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Auth-Token", p.Token())
	return r
}
