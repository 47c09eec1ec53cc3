package faults_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eventrig/eventrig/simulators/internal/faults"
	"github.com/eventrig/eventrig/simulators/internal/journal"
)

// service is a simulator as they all are built, which counts what it served.
func service(t *testing.T, options ...faults.Option) (*faults.Set, *journal.Journal, *httptest.Server, *atomic.Int32) {
	t.Helper()
	set, j, served := &faults.Set{}, journal.New(), &atomic.Int32{}
	next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		served.Add(1)
		fmt.Fprint(w, "served")
	})
	s := httptest.NewServer(journal.Handler(j, faults.Handler(set, next, options...)))
	t.Cleanup(s.Close)
	return set, j, s, served
}

// ask returns status and body, 0 for a connection without an answer.
func ask(t *testing.T, method, url string) (int, string, http.Header) {
	t.Helper()
	request, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	// A new connection each, because net/http repeats a GET on a used one that was closed.
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		return 0, "", nil
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return response.StatusCode, string(body) + "!", response.Header
	}
	return response.StatusCode, string(body), response.Header
}

func add(t *testing.T, set *faults.Set, rule faults.Rule) {
	t.Helper()
	if err := set.Add(rule); err != nil {
		t.Fatal(err)
	}
}

func TestWhichRequestsAreHit(t *testing.T) {
	for _, test := range []struct {
		name string
		rule faults.Rule
		want string // of ten requests, x is a hit
	}{
		{"all", faults.Rule{}, "xxxxxxxxxx"},
		{"the first three", faults.Rule{Times: 3}, "xxx......."},
		{"the fourth alone", faults.Rule{Skip: 3, Times: 1}, "...x......"},
		{"every third", faults.Rule{Every: 3}, "..x..x..x."},
		{"every second after the first four, twice", faults.Rule{Skip: 4, Every: 2, Times: 2}, ".....x.x.."},
		{"about half", faults.Rule{Probability: 0.5, Seed: 7}, ""},
		{"certainly", faults.Rule{Probability: 1}, "xxxxxxxxxx"},
		{"another method", faults.Rule{Method: "POST"}, ".........."},
		{"the path", faults.Rule{Path: "/api/.*"}, "xxxxxxxxxx"},
		{"not a part of the path", faults.Rule{Path: "/api/"}, ".........."},
		{"a query parameter", faults.Rule{Query: map[string]string{"n": "[0-4]"}}, "xxxxx....."},
		{"a query parameter of any value", faults.Rule{Query: map[string]string{"n": ""}}, "xxxxxxxxxx"},
		{"a query parameter that is not there", faults.Rule{Query: map[string]string{"m": ""}}, ".........."},
	} {
		set, _, s, served := service(t)
		test.rule.Status = 503
		add(t, set, test.rule)
		got := ""
		for i := range 10 {
			if status, _, _ := ask(t, "GET", fmt.Sprintf("%s/api/x/?n=%d", s.URL, i)); status == 503 {
				got += "x"
			} else {
				got += "."
			}
		}
		if test.name == "about half" {
			// Which ones is the generator's business; that they are the same each time is ours.
			if hits := strings.Count(got, "x"); hits < 2 || hits > 8 {
				t.Errorf("%s: %s", test.name, got)
			}
			again, _, _, _ := service(t)
			add(t, again, test.rule)
			handler, repeated := faults.Handler(again, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})), ""
			for range 10 {
				recorder := httptest.NewRecorder()
				handler.ServeHTTP(recorder, httptest.NewRequest("GET", "/api/x/", nil))
				repeated += map[int]string{503: "x", 200: "."}[recorder.Code]
			}
			if repeated != got {
				t.Errorf("the same seed gives %s and %s", got, repeated)
			}
			continue
		}
		state := set.States()[0]
		if got != test.want || state.Hits != strings.Count(got, "x") || int(served.Load()) != 10-state.Hits {
			t.Errorf("%s: %s, want %s; %d hits counted, %d served", test.name, got, test.want, state.Hits, served.Load())
		}
		if state.Exhausted != (test.rule.Times > 0) || state.Exhausted == (len(set.Rules()) == 1) {
			t.Errorf("%s: exhausted %t, in force %d", test.name, state.Exhausted, len(set.Rules()))
		}
	}
}

func TestWhatAHitDoes(t *testing.T) {
	zero, three := 0, 3
	for _, test := range []struct {
		name   string
		rule   faults.Rule
		status int
		body   string // with ! where it ended before its length
		served int
	}{
		{"the service's own words", faults.Rule{Status: 404}, 404, "own words for 404", 0},
		{"a body", faults.Rule{Status: 502, Body: "{}"}, 502, "{}", 0},
		{"dropped", faults.Rule{Drop: true}, 0, "", 0},
		{"dropped after", faults.Rule{Drop: true, After: true}, 0, "", 1},
		{"failed after", faults.Rule{Status: 500, After: true}, 500, "own words for 500", 1},
		{"delayed", faults.Rule{Delay: 0.02}, 200, "served", 1},
		{"slow", faults.Rule{BytesPerSecond: 300}, 200, "served", 1},
		{"truncated", faults.Rule{TruncateAfter: &three}, 200, "ser!", 1},
		{"headers only", faults.Rule{TruncateAfter: &zero}, 200, "!", 1},
		{"a truncated error", faults.Rule{Status: 500, TruncateAfter: &three}, 500, "own!", 0},
	} {
		set, j, s, served := service(t, faults.WithErrors(func(w http.ResponseWriter, _ *http.Request, status int) {
			w.WriteHeader(status)
			fmt.Fprintf(w, "own words for %d", status)
		}))
		add(t, set, test.rule)
		began := time.Now()
		status, body, _ := ask(t, "GET", s.URL)
		took := time.Since(began)
		if status != test.status || body != test.body || int(served.Load()) != test.served {
			t.Errorf("%s: %d %q, served %d", test.name, status, body, served.Load())
		}
		if wait := max(test.rule.Delay, boolean(test.rule.BytesPerSecond > 0)*0.02); took.Seconds() < wait {
			t.Errorf("%s: took %s", test.name, took)
		}
		entry := j.Entries()[0]
		if entry.Fault != "fault-1" || len(entry.Notes) != 1 || entry.Status != test.status {
			t.Errorf("%s: entry %+v", test.name, entry)
		}
	}
}

func boolean(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func TestHeadersOfAnError(t *testing.T) {
	set, _, s, _ := service(t)
	add(t, set, faults.Rule{Status: 429, Headers: map[string]string{"Retry-After": "7"}})
	status, body, header := ask(t, "GET", s.URL)
	if status != 429 || body != `{"error":"Too Many Requests"}`+"\n" || header.Get("Retry-After") != "7" || header.Get("Content-Type") != "application/json" {
		t.Errorf("%d %s %v", status, body, header)
	}
}

func TestTheFirstRuleThatHitsDecides(t *testing.T) {
	set, _, s, _ := service(t)
	add(t, set, faults.Rule{ID: "first", Status: 500, Times: 1})
	add(t, set, faults.Rule{ID: "second", Status: 503, Every: 2})
	var got []int
	for range 4 {
		status, _, _ := ask(t, "GET", s.URL)
		got = append(got, status)
	}
	if !reflect.DeepEqual(got, []int{500, 200, 503, 200}) {
		t.Errorf("statuses %v", got)
	}
	if err := set.Remove("first"); err != nil {
		t.Error(err)
	}
	if err := set.Remove("first"); !errors.Is(err, faults.ErrUnknown) {
		t.Errorf("removed twice: %v", err)
	}
	set.Clear()
	if states := set.States(); len(states) != 0 {
		t.Errorf("after Clear %+v", states)
	}
}

func TestRulesThatAreRefused(t *testing.T) {
	minus := -1
	for want, rule := range map[string]faults.Rule{
		"does nothing":              {Method: "GET"},
		"status 99":                 {Status: 99},
		"status 600":                {Status: 600},
		`path "("`:                  {Status: 500, Path: "("},
		`query a "("`:               {Status: 500, Query: map[string]string{"a": "("}},
		"skip -1":                   {Status: 500, Skip: -1},
		"every -1":                  {Status: 500, Every: -1},
		"times -1":                  {Status: 500, Times: -1},
		"delaySeconds -1":           {Delay: -1},
		"delaySeconds 1e+18":        {Delay: 1e18},
		"probability 2":             {Status: 500, Probability: 2},
		"bytesPerSecond 1e-09":      {BytesPerSecond: 1e-9},
		"truncateAfterBytes -1":     {TruncateAfter: &minus},
		"drop together":             {Drop: true, Status: 500},
		"after without":             {After: true, Delay: 1},
		"body or headers":           {Body: "x", Drop: true},
		`id "a/b"`:                  {ID: "a/b", Drop: true},
		`id "taken", which another`: {ID: "taken", Drop: true},
	} {
		set := &faults.Set{}
		add(t, set, faults.Rule{ID: "taken", Drop: true})
		if err := set.Add(rule); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", rule, err, want)
		}
	}
	set := &faults.Set{}
	if _, err := set.AddAll([]faults.Rule{{Drop: true}, {}}); err == nil || !strings.Contains(err.Error(), "fault 2 of 2") || len(set.States()) != 0 {
		t.Errorf("a list with a bad rule: %v, kept %+v", err, set.States())
	}
}

// The rule is a contract with scenarios, which are YAML: a field has one name in both.
func TestRuleHasTheSameNamesInYAML(t *testing.T) {
	for field := range reflect.TypeFor[faults.Rule]().Fields() {
		if field.Tag.Get("json") != field.Tag.Get("yaml") {
			t.Errorf("%s is %q in JSON and %q in YAML", field.Name, field.Tag.Get("json"), field.Tag.Get("yaml"))
		}
	}
}

func FuzzRule(f *testing.F) {
	f.Add([]byte(`{"path": "/a(.*)", "every": 2, "probability": 0.5, "status": 503, "query": {"a": "b"}}`))
	f.Add([]byte(`{"delaySeconds": 1e300, "bytesPerSecond": 1e300}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var rule faults.Rule
		if json.Unmarshal(data, &rule) != nil {
			return
		}
		set := &faults.Set{}
		if set.Add(rule) != nil {
			return
		}
		if rule.Delay > 0 || rule.Drop {
			return // it would wait, or end the request by a panic, as it should
		}
		handler := faults.Handler(set, http.NotFoundHandler())
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/a/b?a=b", nil))
	})
}

func BenchmarkHandlerWithTenRules(b *testing.B) {
	set := &faults.Set{}
	for i := range 10 {
		if err := set.Add(faults.Rule{Path: fmt.Sprintf("/api/x%d/.*", i), Status: 500}); err != nil {
			b.Fatal(err)
		}
	}
	handler := faults.Handler(set, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	r := httptest.NewRequest("GET", "/api/dcim/devices/", nil)
	b.ReportAllocs()
	for b.Loop() {
		handler.ServeHTTP(nil, r)
	}
}
