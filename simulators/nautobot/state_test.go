package nautobot

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/eventrig/eventrig/internal/failure"
)

// servingState is set for a child of this test that serves with a state file until it is killed.
const servingState = "EVENTRIG_TEST_NAUTOBOT_STATE"

func TestMain(m *testing.M) {
	if file := os.Getenv(servingState); file != "" {
		s, err := Open(Config{StateFile: file})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		server := httptest.NewServer(s)
		fmt.Println(server.URL)
		select {} // until it is killed
	}
	os.Exit(m.Run())
}

func opened(t *testing.T, config Config) *Server {
	t.Helper()
	s, err := Open(config)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// all renders every record as its API does, to compare two servers.
func all(t *testing.T, s *Server) map[string]string {
	t.Helper()
	shown := map[string]string{}
	for _, path := range s.schema.paths() {
		w := ask(s, "GET", "/api/"+path+"/?limit=0&exclude_m2m=false&depth=1", "")
		if w.Code != 200 {
			t.Fatalf("%s: %d %s", path, w.Code, w.Body)
		}
		shown[path] = w.Body.String()
	}
	return shown
}

func TestStateOutlivesTheServer(t *testing.T) {
	file := filepath.Join(t.TempDir(), "nautobot.db")
	s := opened(t, Config{StateFile: file, Seed: 7})
	if s.Restored() {
		t.Error("a new file is said to hold records")
	}
	load(t, s, "one-domain")
	load(t, s, "datacenter")
	for _, c := range [][3]string{
		{"POST", "/api/extras/custom-fields/", `{"label":"Rack unit","type":"integer","content_types":["dcim.device"]}`},
		{"PATCH", "/api/dcim/devices/" + device1 + "/", `{"custom_fields":{"rack_unit":5},"comments":"kept","local_config_context_data":{"a":[1,2.5,{"b":null}]}}`},
		{"POST", "/api/ipam/ip-addresses/", `{"address":"10.46.96.9/24","namespace":"Rackspace","status":"Active"}`},
		{"POST", "/api/dcim/locations/", `{"name":"DC1","location_type":"Site","status":"Active"}`},
		{"DELETE", "/api/dcim/devices/" + device2 + "/", ``},
	} {
		if w := ask(s, c[0], c[1], c[2]); w.Code >= 500 {
			t.Fatalf("%v: %d %s", c, w.Code, w.Body)
		}
	}
	before := all(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again := opened(t, Config{StateFile: file, Seed: 7})
	if !again.Restored() {
		t.Error("a file with records is said to hold none")
	}
	delete(before, "extras/object-changes") // shows what its record's relations are now, a restored one what they were
	for path, want := range before {
		if got := all(t, again)[path]; got != want {
			t.Errorf("%s:\n got %.400s\nwant %.400s", path, got, want)
		}
	}
	// The same seed draws other ids after a restart, or a new record would meet an old one.
	for i := range 50 {
		if w := ask(again, "POST", "/api/tenancy/tenants/", fmt.Sprintf(`{"name":"after-%d"}`, i)); w.Code != 201 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	again.Reset()
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	third := opened(t, Config{StateFile: file})
	defer third.Close()
	if n := len(third.Records("tenancy/tenants", nil)); n != 0 {
		t.Errorf("%d tenants are left of a reset store", n)
	}
}

// A write that was answered is there after kill -9.
func TestStateIsSafeFromKill(t *testing.T) {
	file := filepath.Join(t.TempDir(), "nautobot.db")
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), servingState+"="+file)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err == nil {
		err = child.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	client := pynautobot{t: t, base: strings.TrimSpace(url)}
	var ids []string
	for i := range 20 {
		status, body := client.do("POST", "/api/tenancy/tenants/", map[string]any{"name": fmt.Sprintf("t%d", i)})
		var made struct{ ID string }
		if err := json.Unmarshal([]byte(body), &made); err != nil || status != 201 {
			t.Fatal(status, body)
		}
		ids = append(ids, made.ID)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // killed: that is its error
	s := opened(t, Config{StateFile: file})
	defer s.Close()
	for _, id := range ids {
		if w := ask(s, "GET", "/api/tenancy/tenants/"+id+"/", ""); w.Code != 200 {
			t.Errorf("%s: %d %s", id, w.Code, w.Body)
		}
	}
}

func TestStateFileErrors(t *testing.T) {
	folder := t.TempDir()
	garbage := filepath.Join(folder, "garbage")
	if err := os.WriteFile(garbage, []byte(strings.Repeat("no database ", 4096)), 0o600); err != nil {
		t.Fatal(err)
	}
	inUse := filepath.Join(folder, "in-use")
	first := opened(t, Config{StateFile: inUse})
	defer first.Close()
	for file, want := range map[string]string{
		garbage: "open state " + garbage, inUse: "another process has it open", filepath.Join(folder, "no", "such", "folder"): "open state", folder: "open state",
	} {
		_, err := Open(Config{StateFile: file})
		if err == nil || !strings.Contains(err.Error(), want) || failure.Hint(err) == "" {
			t.Errorf("%s: %v (hint %q); want %s", file, err, failure.Hint(err), want)
		}
	}
}

// BenchmarkStateFile is what a write costs that must be on the disk before its answer.
func BenchmarkStateFile(b *testing.B) {
	s, err := Open(Config{StateFile: filepath.Join(b.TempDir(), "nautobot.db")})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	server := httptest.NewServer(s)
	defer server.Close()
	drive(b, server, func(i int) (string, string, string, int) {
		return "POST", "/api/tenancy/tenants/", fmt.Sprintf(`{"name":"t%d-%d"}`, b.N, i), 201
	})
}
