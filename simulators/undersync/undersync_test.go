package undersync_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/eventrig/eventrig/fixtures/worlds"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/simulators/undersync"
)

// ask sends a request as Python's requests does: the path is quoted already.
func ask(t testing.TB, s *undersync.Server, method, path, token string) (int, map[string]any) {
	t.Helper()
	server := httptest.NewServer(s)
	defer server.Close()
	request, err := http.NewRequest(method, server.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("Authorization", token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer map[string]any
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Errorf("%s %s: the client reads JSON, got %q", method, path, body)
	}
	return response.StatusCode, answer
}

const bearer = "Bearer " + undersync.DefaultToken

func TestRuns(t *testing.T) {
	s := undersync.New(undersync.Config{Seed: 3})
	for action, want := range map[string][2]bool{"sync": {false, false}, "dry-run": {true, false}, "force": {false, true}} {
		status, answer := ask(t, s, "POST", "/v1/vlan-group/f20-3%2Fnet%20work/"+action, bearer)
		if status != 200 || answer["vlan_group"] != "f20-3/net work" || answer["dry_run"] != want[0] || answer["force"] != want[1] {
			t.Errorf("%s: %d %v", action, status, answer)
		}
	}
	runs := s.Records("runs", map[string]any{"action": "force"})
	if len(runs) != 1 || runs[0]["vlan_group"] != "f20-3/net work" || len(s.State()["runs"]) != 3 {
		t.Errorf("runs: %v", s.State()["runs"])
	}
	if entry := s.Journal().Entries()[0]; len(entry.Changes) != 1 || !strings.HasPrefix(entry.Path, "/v1/vlan-group/f20-3/net work/") {
		t.Errorf("entry %+v", entry)
	}
}

func TestRefusals(t *testing.T) {
	s := undersync.New(undersync.Config{Token: "secret"})
	world, err := worlds.Parse("w.yaml", []byte("undersync:\n  vlan-groups: [{name: f20-3-network, devices: [f20-3-1f, f20-3-2f]}]\n"))
	if err == nil {
		err = s.Load(world)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		method, path, token string
		status              int
		closest             string
	}{
		{"POST", "/v1/vlan-group/f20-3-network/sync", "Bearer secret", 200, ""},
		{"POST", "/v1/vlan-group/f20-3-network/sync", "", 401, ""},
		{"POST", "/v1/vlan-group/f20-3-network/sync", "Bearer wrong", 401, ""},
		{"POST", "/v1/vlan-group/f20-3-network/sync", "Token secret", 401, ""},
		{"POST", "/v1/vlan-group/f20-4-network/sync", "Bearer secret", 404, ""},
		{"GET", "/v1/vlan-group/f20-3-network/sync", "Bearer secret", 405, "the method is GET, the route takes POST"},
		{"POST", "/v1/vlan-group/f20-3-network/sync/", "Bearer secret", 404, "the path has a slash at its end, the route has none"},
		{"POST", "/v1/vlan-group/f20-3/network/sync", "Bearer secret", 404, `the route ends before /sync`},
		{"POST", "/v1/vlan-group//sync", "Bearer secret", 404, "the path ends before"},
		{"POST", "/v1/vlan_group/f20-3-network/dryrun", "Bearer secret", 404, `segment 2 is "vlan_group", the route has "vlan-group"`},
		{"POST", "/", "Bearer secret", 404, "the path ends before /v1/"},
	} {
		if status, answer := ask(t, s, test.method, test.path, test.token); status != test.status {
			t.Errorf("%s %s: %d %v, want %d", test.method, test.path, status, answer, test.status)
		}
		entries := s.Journal().Entries()
		got := ""
		if closest := entries[len(entries)-1].Closest; closest != nil {
			got = closest.Why
		}
		if !strings.Contains(got, test.closest) || (test.closest == "") != (got == "") {
			t.Errorf("%s %s: closest %q, want %q", test.method, test.path, got, test.closest)
		}
	}
	if err := s.Faults().Add(undersync.Fault{Status: 503, Times: 1}); err != nil {
		t.Fatal(err)
	}
	if status, answer := ask(t, s, "POST", "/v1/vlan-group/f20-3-network/sync", "Bearer secret"); status != 503 || answer["error"] != "Service Unavailable" {
		t.Errorf("fault: %d %v", status, answer)
	}
}

func TestBadWorlds(t *testing.T) {
	for text, want := range map[string]string{
		"undersync:\n  vlan-group: []":                             `w.yaml:2: undersync has no "vlan-group"`,
		"undersync:\n  vlan-groups:\n    - {nam: x}":               `w.yaml:3: undersync vlan-groups have no field "nam"`,
		"undersync:\n  vlan-groups:\n    - {devices: []}":          "w.yaml:3: undersync vlan-groups: name is a text",
		"undersync:\n  vlan-groups:\n    - {name: x, devices: y}":  "w.yaml:3: undersync vlan-groups: devices is a list",
		"undersync:\n  vlan-groups:\n    - name: x\n    - name: x": `w.yaml:4: undersync has a VLAN group "x" already`,
	} {
		s := undersync.New(undersync.Config{})
		world, err := worlds.Parse("w.yaml", []byte(text))
		if err == nil {
			err = s.Load(world)
		}
		if err == nil || !strings.Contains(err.Error(), want) || failure.ExitStatus(err) != int(failure.BadInput) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
		if len(s.Records("vlan-groups", nil)) != 0 {
			t.Errorf("%q left groups", text)
		}
	}
	if _, err := worlds.Parse("w.yaml", []byte("undersink: {}")); err == nil || !strings.Contains(failure.Hint(err), "undersync") {
		t.Errorf("unknown section: %v, hint %q", err, failure.Hint(err))
	}
}

func FuzzRequest(f *testing.F) {
	f.Add("POST", "/v1/vlan-group/%2F/sync", bearer, []byte("{"))
	f.Add("PUT", "//v1/../vlan-group/a/force?x=%zz", "Bearer", []byte{})
	s := undersync.New(undersync.Config{})
	f.Fuzz(func(t *testing.T, method, path, token string, body []byte) {
		r, err := http.NewRequest(method, "http://x"+path, strings.NewReader(string(body)))
		if err != nil || strings.HasPrefix(r.URL.Path, "/_eventrig") {
			return
		}
		r.Header.Set("Authorization", token)
		recorder := httptest.NewRecorder()
		s.ServeHTTP(recorder, r)
		if recorder.Code >= 500 || !json.Valid(recorder.Body.Bytes()) {
			t.Errorf("%s %q: %d %s", method, path, recorder.Code, recorder.Body)
		}
	})
}
