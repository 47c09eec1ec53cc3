package serve_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/eventrig/eventrig/simulators/nautobot"
	"github.com/eventrig/eventrig/simulators/ontap"
	"github.com/eventrig/eventrig/simulators/openstack"
	"github.com/eventrig/eventrig/simulators/undersync"
)

// administration asks a simulator's admin endpoint.
func administration(t *testing.T, url string) func(method, path, body string) (int, string) {
	t.Helper()
	return func(method, path, body string) (int, string) {
		t.Helper()
		request, err := http.NewRequest(method, url+"/_eventrig/"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		data, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(data)
	}
}

var times = regexp.MustCompile(`[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z?`)

func timeless(text string) string { return times.ReplaceAllString(text, "TIME") }

// TestARefusedWorldChangesNothing puts worlds into each simulator that it refuses at their last record: records, journal
// and faults stay. One that it takes leaves what a new simulator with that world holds.
func TestARefusedWorldChangesNothing(t *testing.T) {
	// The clouds' agents tell when they began: both begin at one time, in whichever second the test runs.
	cloud := openstack.Config{Now: func() time.Time { return time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC) }}
	for name, test := range map[string]struct {
		handler, fresh http.Handler
		change, bad    string
	}{
		"nautobot":  {nautobot.New(nautobot.Config{}), nautobot.New(nautobot.Config{}), "nautobot:\n  tenancy/tenants: [{name: late}]\n", "nautobot:\n  tenancy/tenants: [{name: a}, {name: a}]\n"},
		"openstack": {openstack.New(cloud), openstack.New(cloud), "openstack:\n  projects: [{name: late, domain_id: default}]\n", "openstack:\n  projects: [{name: a, domain_id: default}, {name: b, domain_id: nowhere}]\n"},
		"ontap":     {ontap.New(ontap.Config{}), ontap.New(ontap.Config{}), "ontap:\n  svm/svms: [{name: late}]\n", "ontap:\n  svm/svms: [{name: a}, {nam: b}]\n"},
		"undersync": {undersync.New(undersync.Config{}), undersync.New(undersync.Config{}), "undersync:\n  vlan-groups: [{name: late}]\n", "undersync:\n  vlan-groups: [{name: a}, {name: a}]\n"},
	} {
		t.Run(name, func(t *testing.T) {
			server, fresh := httptest.NewServer(test.handler), httptest.NewServer(test.fresh)
			defer server.Close()
			defer fresh.Close()
			ask, askFresh := administration(t, server.URL), administration(t, fresh.URL)
			for _, step := range [][3]string{{"POST", "world", test.change}, {"POST", "faults", `{"id": "mine", "path": "/never", "status": 503}`}} {
				if status, body := ask(step[0], step[1], step[2]); status >= 300 {
					t.Fatalf("%s %s: %d %s", step[0], step[1], status, body)
				}
			}
			if response, err := http.Get(server.URL + "/somewhere"); err != nil {
				t.Fatal(err)
			} else {
				response.Body.Close()
			}
			all := func(ask func(method, path, body string) (int, string), paths ...string) string {
				text := ""
				for _, path := range paths {
					_, body := ask("GET", path, "")
					text += body + "\n"
				}
				return text
			}
			before := all(ask, "state", "faults", "journal")
			if !strings.Contains(before, "late") || !strings.Contains(before, "mine") || !strings.Contains(before, "/somewhere") {
				t.Fatalf("the simulator holds %s", before)
			}
			if status, body := ask("PUT", "world", test.bad); status != 400 || !strings.Contains(body, "request:2") {
				t.Errorf("the bad world: %d %s", status, body)
			}
			if after := all(ask, "state", "faults", "journal"); after != before {
				t.Errorf("the refused world changed the simulator from\n%s\nto\n%s", before, after)
			}
			for _, put := range []string{"one-domain", "eng-storage"} {
				if status, body := ask("PUT", "world?name="+put, ""); status != 204 {
					t.Errorf("%s: %d %s", put, status, body)
				}
			}
			if status, body := askFresh("POST", "world?name=eng-storage", ""); status != 204 {
				t.Fatalf("%d %s", status, body)
			}
			// Nautobot's records tell when they were made.
			if got, want := timeless(all(ask, "state", "faults")), timeless(all(askFresh, "state", "faults")); got != want {
				t.Errorf("a world that replaced others leaves\n%s\nwant\n%s", got, want)
			}
			if _, journal := ask("GET", "journal", ""); !strings.Contains(journal, `"entries":[]`) {
				t.Errorf("the journal still holds %s", journal)
			}
		})
	}
}

// TestAReplacedWorldLasts: the state file holds the world that was put, and not one that was refused.
func TestAReplacedWorldLasts(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state")
	begin := func() (*nautobot.Server, func(method, path, body string) (int, string), func()) {
		s, err := nautobot.Open(nautobot.Config{StateFile: file})
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(s)
		return s, administration(t, server.URL), func() {
			server.Close()
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	_, ask, end := begin()
	if status, body := ask("PUT", "world", "nautobot:\n  tenancy/tenants: [{name: kept}]\n"); status != 204 {
		t.Errorf("%d %s", status, body)
	}
	if status, _ := ask("PUT", "world", "nautobot:\n  tenancy/tenants: [{name: lost}, {name: lost}]\n"); status != 400 {
		t.Errorf("the bad world: %d", status)
	}
	end()
	s, _, end := begin()
	defer end()
	tenants := s.Records("tenancy/tenants", nil)
	if len(tenants) != 1 || tenants[0]["name"] != "kept" || !s.Restored() {
		t.Errorf("the state file holds %v", tenants)
	}
}
