package admin_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/eventrig/eventrig/fixtures/worlds"
	"github.com/eventrig/eventrig/simulators/internal/admin"
	"github.com/eventrig/eventrig/simulators/internal/faults"
	"github.com/eventrig/eventrig/simulators/internal/journal"
)

// fake is a simulator that holds what a world says about Nautobot.
type fake struct {
	journal *journal.Journal
	faults  *faults.Set
	state   map[string][]map[string]any
}

func (f *fake) Journal() *journal.Journal          { return f.journal }
func (f *fake) Faults() *faults.Set                { return f.faults }
func (f *fake) State() map[string][]map[string]any { return f.state }

func (f *fake) Reset() {
	f.state = map[string][]map[string]any{"a/things": {}}
	f.journal.Reset()
	f.faults.Clear()
}

func (f *fake) Load(world *worlds.World) error {
	for _, collection := range world.Nautobot {
		if collection.Path != "a/things" {
			return fmt.Errorf("%s:%d: no %q", collection.File, collection.Line, collection.Path)
		}
		for _, r := range collection.Records {
			f.state[collection.Path] = append(f.state[collection.Path], r.Fields)
		}
	}
	return nil
}

func (f *fake) Replace(world *worlds.World) error {
	fresh := &fake{journal: journal.New(), faults: &faults.Set{}}
	fresh.Reset()
	if err := fresh.Load(world); err != nil {
		return err
	}
	f.Reset()
	f.state = fresh.state
	return nil
}

func start(t *testing.T) (*fake, *httptest.Server) {
	t.Helper()
	f := &fake{journal: journal.New(), faults: &faults.Set{}}
	f.Reset()
	next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "served") })
	s := httptest.NewServer(admin.Handler(f, journal.Handler(f.journal, faults.Handler(f.faults, next)), admin.Named("fake")))
	t.Cleanup(s.Close)
	return f, s
}

func ask(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	request, err := http.NewRequest(method, url, strings.NewReader(body))
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

// A session as a person has it: each request with the status and a part of the answer.
func TestEndpoints(t *testing.T) {
	_, s := start(t)
	for _, step := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "", "", 200, `"path":"/_eventrig/faults/{id}"`},
		{"GET", "world", "", 200, `"one-domain"`},
		{"POST", "world", "nautobot:\n  a/things:\n    - {name: x, size: 2}\n    - {name: y}\n", 204, ""},
		{"GET", "state", "", 200, `{"a/things":[{"name":"x","size":2},{"name":"y"}]}`},
		{"GET", "state?path=a/things&size=2", "", 200, `[{"name":"x","size":2}]`},
		{"GET", "state?path=a/thing", "", 404, `nearest is a/things`},
		{"GET", "state?size=2", "", 400, `add ?path=PATH`},
		{"POST", "world", "nautobot:\n  b/things: []\n", 400, `request:2: no \"b/things\"`},
		{"POST", "world", "nautobots: {}\n", 400, `request:1: unknown section`},
		{"POST", "world", "", 400, `the request has no world`},
		{"POST", "world?name=nowhere", "", 400, `no world is named`},
		{"POST", "world?name=/etc/passwd", "", 400, `no world is named`},
		{"POST", "world?name=one-domain", "a: b", 400, `a name and a body`},
		{"POST", "world?nam=one-domain", "", 400, `nearest is name`},
		{"PUT", "world", "nautobot:\n  a/things:\n    - {name: z}\n", 204, ""},
		{"GET", "state", "", 200, `{"a/things":[{"name":"z"}]}`},
		{"PUT", "world", "nautobot:\n  a/things: [{name: w}]\n  b/things: []\n", 400, `request:3: no \"b/things\"`},
		{"GET", "state", "", 200, `{"a/things":[{"name":"z"}]}`},
		{"POST", "faults", `{"id": "slow", "path": "/x", "delaySeconds": 0.001, "times": 2}`, 201, `"id":"slow"`},
		{"POST", "faults", `[{"drop": true, "path": "/never"}, {"status": 503, "path": "/y"}]`, 201, `"id":"fault-2"`},
		{"POST", "faults", `{"statuss": 503}`, 400, `nearest is status`},
		{"POST", "faults", `{"status": "503"}`, 400, `read fault`},
		{"POST", "faults", `{"status": 503} {"status": 504}`, 400, `there is more`},
		{"POST", "faults", `null`, 400, `does nothing`},
		{"GET", "faults/slow", "", 200, `"hits":0,"exhausted":false`},
		{"GET", "/x", "", 200, "served"},
		{"GET", "/y?a=b", "", 503, "Service Unavailable"},
		{"GET", "faults/slow", "", 200, `"seen":1,"hits":1`},
		{"GET", "journal?status=5xx", "", 200, `"path":"/y"`},
		{"GET", "journal?path=/x*&method=get", "", 200, `"fault":"slow"`},
		{"GET", "journal?since=1&limit=1", "", 200, `"sequence":2`},
		{"GET", "journal?unmatched=true", "", 200, `"entries":[]`},
		{"GET", "journal?since=x", "", 400, `since is \"x\"`},
		{"GET", "journal?status=6xx", "", 400, `status is \"6xx\"`},
		{"GET", "journal?pth=/x", "", 400, `nearest is path`},
		{"GET", "journal?follow=true&limit=2", "", 400, `limit does not go together`},
		{"DELETE", "journal", "", 204, ""},
		{"GET", "journal", "", 200, `"kept":0,"first":0,"last":2`},
		{"DELETE", "faults/slo", "", 404, `nearest is slow`},
		{"DELETE", "faults/slow", "", 204, ""},
		{"DELETE", "faults", "", 204, ""},
		{"GET", "faults", "", 200, `[]`},
		{"POST", "reset", "", 204, ""},
		{"GET", "state", "", 200, `{"a/things":[]}`},
		{"GET", "stats", "", 404, `there is no /_eventrig/stats`},
		{"GET", "faults/a/b", "", 404, `there is no`},
		{"GET", "reset", "", 405, `it takes POST`},
		{"PATCH", "faults", "", 405, `it takes GET, POST, DELETE`},
	} {
		url := s.URL + admin.Prefix + step.path
		if strings.HasPrefix(step.path, "/") {
			url = s.URL + step.path
		}
		status, body := ask(t, step.method, url, step.body)
		if status != step.status || !strings.Contains(body, step.want) {
			t.Errorf("%s %s %s: %d %s, want %d with %s", step.method, step.path, step.body, status, body, step.status, step.want)
		}
	}
}

func TestIndexIsAPageForABrowser(t *testing.T) {
	_, s := start(t)
	request, err := http.NewRequest(http.MethodGet, s.URL+"/_eventrig", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || !strings.Contains(string(body), `<a href="/_eventrig/journal">`) || !strings.Contains(string(body), "Simulated fake") {
		t.Errorf("%s, %v", body, err)
	}
}

func TestOthersThanTheOwnMachineAreRefused(t *testing.T) {
	f := &fake{journal: journal.New(), faults: &faults.Set{}}
	f.Reset()
	handler := admin.Handler(f, http.NotFoundHandler())
	for source, want := range map[string]int{"10.244.1.9:4711": 403, "10.244.0.1:4711": 200, "127.0.0.1:4711": 200, "[::1]:4711": 200} {
		r := httptest.NewRequest(http.MethodGet, "/_eventrig/state", nil)
		r.RemoteAddr = source
		r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, net.Addr(&net.TCPAddr{IP: net.IPv4(10, 244, 0, 1), Port: 8080})))
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, r)
		if recorder.Code != want {
			t.Errorf("from %s: %d, want %d", source, recorder.Code, want)
		}
	}
}

// A follower sees what is there and what comes, and a server that is shut down does not wait for it.
func TestFollow(t *testing.T) {
	f, s := start(t)
	ask(t, "GET", s.URL+"/before", "")
	response, err := http.Get(s.URL + "/_eventrig/journal?follow=true&path=/*e*")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	next := func() (entry journal.Entry) {
		if !lines.Scan() {
			t.Fatalf("no line: %v", lines.Err())
		}
		if err := json.Unmarshal(lines.Bytes(), &entry); err != nil {
			t.Fatal(err)
		}
		return entry
	}
	if e := next(); e.Path != "/before" {
		t.Errorf("first line is of %s", e.Path)
	}
	ask(t, "GET", s.URL+"/no", "")
	ask(t, "GET", s.URL+"/later", "")
	if e := next(); e.Path != "/later" || e.Sequence != 3 {
		t.Errorf("second line is of %s", e.Path)
	}
	if err := s.Config.Shutdown(t.Context()); err != nil {
		t.Errorf("shut down: %v", err)
	}
	if lines.Scan() || (lines.Err() != nil && !errors.Is(lines.Err(), io.ErrUnexpectedEOF)) {
		t.Errorf("after the shutdown: %q %v", lines.Text(), lines.Err())
	}
	if n := len(f.journal.Entries()); n != 3 {
		t.Errorf("%d entries: administration must not be journalled", n)
	}
}

func FuzzAdministration(f *testing.F) {
	f.Add("POST", "faults", []byte(`[{"status": 503}]`))
	f.Add("POST", "world", []byte("nautobot:\n  a/things: [{name: &a x, b: *a}]\n"))
	f.Add("GET", "journal?since=1&path=*%2F", []byte{})
	f.Add("DELETE", "faults/%2e%2e", []byte{})
	simulator := &fake{journal: journal.New(), faults: &faults.Set{}}
	simulator.Reset()
	handler := admin.Handler(simulator, http.NotFoundHandler())
	f.Fuzz(func(t *testing.T, method, path string, body []byte) {
		if strings.Contains(path, "follow") {
			return // it would wait for entries
		}
		r, err := http.NewRequest(method, "http://x/_eventrig/"+path, strings.NewReader(string(body)))
		if err != nil {
			return
		}
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, r)
		if recorder.Code >= 500 {
			t.Errorf("%s %s: %d %s", method, path, recorder.Code, recorder.Body)
		}
		simulator.Reset()
	})
}
