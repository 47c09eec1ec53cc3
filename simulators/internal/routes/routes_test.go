package routes_test

import (
	"testing"

	"github.com/eventrig/eventrig/simulators/internal/routes"
)

func TestClosest(t *testing.T) {
	table := routes.New("GET, POST /v3/projects", "GET /v3/projects/{id}", "PATCH /v3/projects/{id}", "/health/", "GET /files/{path...}", "POST /v1/vlan-group/{name}/sync")
	for _, test := range []struct{ method, path, route, why string }{
		{"GET", "/v3/project", "GET, POST /v3/projects", `segment 2 is "project", the route has "projects"`},
		{"DELETE", "/v3/projects", "GET, POST /v3/projects", "the method is DELETE, the route takes GET, POST"},
		{"PUT", "/v3/projects/1", "GET, PATCH /v3/projects/{id}", "the method is PUT, the route takes GET, PATCH"},
		{"GET", "/v3/projects/", "GET, POST /v3/projects", "the path has a slash at its end, the route has none"},
		{"GET", "/health", "/health/", "the path has no slash at its end, the route has one"},
		{"GET", "/v3/projects/1/tags", "GET, PATCH /v3/projects/{id}", "the route ends before /tags"},
		{"POST", "/v1/vlan-group/f20", "POST /v1/vlan-group/{name}/sync", "the path ends before /sync"},
		{"GET", "/v1/vlan-groups/f20/sync", "POST /v1/vlan-group/{name}/sync", `segment 2 is "vlan-groups", the route has "vlan-group"; the method is GET, the route takes POST`},
		{"POST", "/files/a/b", "GET /files/{path...}", "the method is POST, the route takes GET"},
		{"GET", "/v3/projects/1", "GET, PATCH /v3/projects/{id}", "it matches: the simulator refused what stands for a wildcard"},
	} {
		got, ok := table.Closest(test.method, test.path)
		if !ok || got.Route != test.route || got.Why != test.why {
			t.Errorf("%s %s: %+v, want %s: %s", test.method, test.path, got, test.route, test.why)
		}
	}
	if got, ok := routes.New().Closest("GET", "/"); ok {
		t.Errorf("an empty table gives %+v", got)
	}
}

func FuzzClosest(f *testing.F) {
	f.Add("GET", "/v3/projects//x/")
	f.Add("", "")
	table := routes.New("GET /v3/projects/{id}", "/a/{rest...}", "/")
	f.Fuzz(func(t *testing.T, method, path string) {
		if got, ok := table.Closest(method, path); !ok || got.Route == "" || got.Why == "" {
			t.Errorf("%q %q gives %+v, %t", method, path, got, ok)
		}
	})
}
