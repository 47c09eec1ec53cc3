package openstack_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/eventrig/eventrig/simulators/openstack"
)

// handle answers a request without a network, with the administrator's token.
func handle(t testing.TB, s *openstack.Server, token, method, path, body string) *httptest.ResponseRecorder {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://cloud"+path, strings.NewReader(body))
	if err != nil {
		t.Skip("not a request: ", err)
	}
	r.Header.Set("X-Auth-Token", token)
	r.Header.Set("X-OpenStack-Ironic-API-Version", "1.95")
	r.Header.Set("OpenStack-API-Version", "compute latest, volume latest")
	recorder := httptest.NewRecorder()
	s.ServeHTTP(recorder, r)
	return recorder
}

const login = `{"auth": {"identity": {"methods": ["password"], "password": {"user": {"name": "admin", "domain": {"id": "default"}, "password": "password"}}}}}`

func token(t testing.TB, s *openstack.Server) string {
	t.Helper()
	answer := handle(t, s, "", "POST", "/v3/auth/tokens", login)
	if answer.Code != http.StatusCreated {
		t.Fatalf("log in: %d %s", answer.Code, answer.Body)
	}
	return answer.Header().Get("X-Subject-Token")
}

// bodies are what no client should send.
var bodies = []string{
	"", "{", "null", "5", `"x"`, "[]", "[null]", "{}", `{"x": null}`, `{"project": null}`, `{"project": []}`, `{"network": {"name": null}}`, `{"server": {"name": {}}}`,
	`{"auth": 5}`, `{"auth": {"identity": {"methods": ["token"], "token": {"id": 5}}}}`, `{"auth": {"identity": {"methods": ["password"], "password": null}}}`,
	`[{"op": "add", "path": "/extra/` + strings.Repeat("a/", 500) + `a", "value": 1}]`, `[{"op": "remove", "path": "/"}]`, `{"target": {}}`, `{"target": "active", "configdrive": 5}`,
	`{"traits": [5]}`, `{"driver": "redfish", "extra": ` + strings.Repeat(`{"a":`, 200) + "1" + strings.Repeat("}", 200) + "}", strings.Repeat("[", 20_000),
	`{"subnet": {"network_id": "x", "ip_version": 4, "cidr": "::/0"}}`, `{"port": {"network_id": "x", "fixed_ips": [5]}}`, `{"volume": {"size": -1}}`, `{"volume": {"size": "1e9"}}`,
	`{"volume_type": {"name": 5}}`, `{"extra_specs": {"a": 5}}`, `{"reboot": null}`, `{"addProjectAccess": {"project": 5}}`, `{"name": "x", "address": 5, "node_uuid": []}`,
	`{"user": {"name": "x", "password": 5}}`, "\x00\xff", `{"name": "` + strings.Repeat("x", 100_000) + `"}`,
}

// Whatever is sent to whichever route: a refusal in the service's own words, JSON, and never a 500.
func TestBadInputEverywhere(t *testing.T) {
	s := openstack.New(openstack.Config{})
	token := token(t, s)
	node := handle(t, s, token, "POST", "/baremetal/v1/nodes", `{"driver": "redfish", "name": "n1"}`)
	if node.Code != http.StatusCreated {
		t.Fatalf("%d %s", node.Code, node.Body)
	}
	asked := 0
	for _, route := range openstack.Served() {
		path := route.Path
		for path != "" && strings.Contains(path, "{") {
			before, rest, _ := strings.Cut(path, "{")
			name, after, _ := strings.Cut(rest, "}")
			value := "n1"
			if name == "project" {
				value = "p"
			}
			path = before + value + after
		}
		if strings.HasSuffix(path, "/auth/tokens") && route.Method == "DELETE" {
			continue
		}
		for _, body := range bodies {
			answer := handle(t, s, token, route.Method, path, body)
			asked++
			if answer.Code >= 500 && answer.Code != http.StatusServiceUnavailable {
				t.Errorf("%s %s %.80q: %d %s", route.Method, path, body, answer.Code, answer.Body)
			}
			if answer.Body.Len() > 0 && !json.Valid(answer.Body.Bytes()) {
				t.Errorf("%s %s %.80q: no JSON: %.200s", route.Method, path, body, answer.Body)
			}
		}
		for _, query := range []string{"?limit=-1", "?limit=99999999999999999999", "?marker=%00", "?sort_key=%ff", "?a=%zz", "?fields=,,", "?name=" + strings.Repeat("x", 10_000)} {
			if answer := handle(t, s, token, route.Method, path+query, "{}"); answer.Code >= 500 {
				t.Errorf("%s %s%s: %d %s", route.Method, path, query, answer.Code, answer.Body)
			}
		}
	}
	if asked < 5000 {
		t.Errorf("only %d requests: are the routes all there?", asked)
	}
	for _, path := range []string{"/baremetal//v1", "/baremetal/v1/nodes/../nodes", "/compute/v2.1/servers/%2e%2e", "/networking/v2.0/networks/%00", "/volume/v3/p/types/a%2Fb", "/identity/v3/projects/" + strings.Repeat("x", 5000)} {
		if answer := handle(t, s, token, "GET", path, ""); answer.Code < 400 || answer.Code >= 500 {
			t.Errorf("%s: %d %s", path, answer.Code, answer.Body)
		}
	}
}

// Many writers at once: what is made once is made once, and every change is told once, in the order in which it happened.
func TestConcurrentWriters(t *testing.T) {
	s := openstack.New(openstack.Config{})
	token := token(t, s)
	var group sync.WaitGroup
	var mu sync.Mutex
	statuses := map[string]map[int]int{}
	count := func(what string, status int) {
		mu.Lock()
		defer mu.Unlock()
		if statuses[what] == nil {
			statuses[what] = map[int]int{}
		}
		statuses[what][status]++
	}
	const writers = 16
	for w := range writers {
		group.Go(func() {
			count("project", handle(t, s, token, "POST", "/v3/projects", `{"project": {"name": "one"}}`).Code)
			count("node", handle(t, s, token, "POST", "/baremetal/v1/nodes", `{"driver": "redfish", "name": "one"}`).Code)
			count("own", handle(t, s, token, "POST", "/baremetal/v1/nodes", fmt.Sprintf(`{"driver": "redfish", "name": "n%d"}`, w)).Code)
			count("manage", handle(t, s, token, "PUT", fmt.Sprintf("/baremetal/v1/nodes/n%d/states/provision", w), `{"target": "manage"}`).Code)
			count("patch", handle(t, s, token, "PATCH", "/baremetal/v1/nodes/one", fmt.Sprintf(`[{"op": "add", "path": "/extra/w%d", "value": %d}]`, w, w)).Code)
			count("network", handle(t, s, token, "POST", "/networking/v2.0/networks", `{"network": {}}`).Code)
			count("list", handle(t, s, token, "GET", "/baremetal/v1/nodes/detail", "").Code)
			s.State()
			s.Notifications()
		})
	}
	group.Wait()
	for what, want := range map[string]string{
		"project": "map[201:1 409:15]", "node": "map[201:1 409:15]", "own": "map[201:16]", "manage": "map[202:16]", "patch": "map[200:16]", "network": "map[201:16]", "list": "map[200:16]",
	} {
		if got := fmt.Sprint(statuses[what]); got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	if extra := s.Records("baremetal/nodes", map[string]any{"name": "one"})[0]["extra"].(map[string]any); len(extra) != writers {
		t.Errorf("%d of %d patches are left: %v", len(extra), writers, extra)
	}
	segments := map[string]bool{}
	for _, network := range s.Records("network/networks", nil) {
		segments[fmt.Sprint(network["provider:segmentation_id"])] = true
	}
	if len(segments) != writers {
		t.Errorf("%d segments for %d networks", len(segments), writers)
	}
}

func FuzzRequests(f *testing.F) {
	for _, body := range bodies[:20] {
		f.Add("PATCH", "/baremetal/v1/nodes/n1", body)
	}
	f.Add("GET", "/baremetal/v1/nodes?limit=1&sort_key=name&fields=uuid&marker=x", "")
	f.Add("GET", "/networking/v2.0/ports?fixed_ips=ip_address=1&limit=2&page_reverse=1", "")
	f.Add("POST", "/networking/v2.0/subnets", `{"subnet": {"network_id": "x", "ip_version": 6, "cidr": "fd00::/64"}}`)
	f.Add("PUT", "/baremetal/v1/nodes/n1/states/provision", `{"target": "manage"}`)
	f.Add("POST", "/v3/auth/tokens", login)
	f.Add("PATCH", "/baremetal/v1/nodes/n1", `[{"op":"add","path":"/extra/a/-","value":[{}]},{"op":"remove","path":"/extra/a/0"}]`)
	s := openstack.New(openstack.Config{})
	f.Fuzz(func(t *testing.T, method, path, body string) {
		if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "/_eventrig") {
			return
		}
		s.Reset()
		token := token(t, s)
		handle(t, s, token, "POST", "/baremetal/v1/nodes", `{"driver": "redfish", "name": "n1", "extra": {"a": []}}`)
		if answer := handle(t, s, token, method, path, body); answer.Code >= 500 && answer.Code != http.StatusServiceUnavailable {
			t.Errorf("%s %s %q: %d %s", method, path, body, answer.Code, answer.Body)
		}
	})
}
