// Package simulators_test holds every simulator to what all of them promise: administration, faults and a journal over
// HTTP, and an answer in the service's own words to whatever a client sends.
package simulators_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/eventrig/eventrig/simulators/nautobot"
	"github.com/eventrig/eventrig/simulators/ontap"
	"github.com/eventrig/eventrig/simulators/openstack"
	"github.com/eventrig/eventrig/simulators/undersync"
)

// subject is a simulator with requests that it serves.
type subject struct {
	name    string
	make    func() http.Handler
	sign    func(t *testing.T, base string, r *http.Request) // gives a request the client's credentials
	ask     string                                           // METHOD path of a request that changes nothing; "" for none
	create  string                                           // METHOD path of a creation
	body    string                                           // of the creation; NAME is the record's name
	records string                                           // path of the records in the administration
	unique  bool                                             // a second record of the same name is refused
	unknown string                                           // path that no route has
	closest string                                           // the route that comes closest
	refusal string                                           // expression: a fault's 503 in the service's own words
}

var openstackToken = struct {
	sync.Mutex
	byBase map[string]string
}{byBase: map[string]string{}}

var subjects = []subject{
	{
		name: "nautobot", make: func() http.Handler { return nautobot.New(nautobot.Config{}) },
		sign: func(_ *testing.T, _ string, r *http.Request) {
			r.Header.Set("Authorization", "Token "+nautobot.DefaultToken)
		},
		ask: "GET /api/tenancy/tenants/", create: "POST /api/tenancy/tenants/", body: `{"name": "NAME"}`, records: "tenancy/tenants", unique: true,
		unknown: "/api/tenancy/tenents/", closest: "/api/tenancy/tenants/", refusal: `^\{"detail":"Service Unavailable"\}$`,
	},
	{
		name: "openstack", make: func() http.Handler { return openstack.New(openstack.Config{}) },
		sign: func(t *testing.T, base string, r *http.Request) {
			openstackToken.Lock()
			defer openstackToken.Unlock()
			if openstackToken.byBase[base] == "" {
				login := `{"auth": {"identity": {"methods": ["password"], "password": {"user": {"name": "admin", "domain": {"id": "default"}, "password": "password"}}}}}`
				answer, err := http.Post(base+"/v3/auth/tokens", "application/json", strings.NewReader(login))
				if err != nil {
					t.Fatal(err)
				}
				answer.Body.Close()
				openstackToken.byBase[base] = answer.Header.Get("X-Subject-Token")
			}
			r.Header.Set("X-Auth-Token", openstackToken.byBase[base])
		},
		ask: "GET /v3/projects", create: "POST /v3/projects", body: `{"project": {"name": "NAME"}}`, records: "projects", unique: true,
		unknown: "/v3/project", closest: "/v3/projects", refusal: `^\{"error":\{"code":503,.*"title":"Service Unavailable"\}\}$`,
	},
	{
		name: "ontap", make: func() http.Handler { return ontap.New(ontap.Config{}) },
		sign: func(_ *testing.T, _ string, r *http.Request) {
			r.SetBasicAuth(ontap.DefaultUsername, ontap.DefaultPassword)
		},
		ask: "GET /api/svm/svms", create: "POST /api/svm/svms?return_timeout=15", body: `{"name": "NAME"}`, records: "svm/svms", unique: true,
		unknown: "/api/svm/svm", closest: "/api/svm/svms", refusal: `"error":\s*\{[\s\S]*"message":\s*"Service Unavailable"`,
	},
	{
		name: "undersync", make: func() http.Handler { return undersync.New(undersync.Config{}) },
		sign: func(_ *testing.T, _ string, r *http.Request) {
			r.Header.Set("Authorization", "Bearer "+undersync.DefaultToken)
		},
		create: "POST /v1/vlan-group/NAME/sync", records: "runs",
		unknown: "/v1/vlan-groups/x/sync", closest: "/v1/vlan-group/", refusal: `^\{"error":"Service Unavailable"\}\s*$`,
	},
}

// client asks one simulator.
type client struct {
	*subject
	t    *testing.T
	base string
}

// forEach runs a test against each simulator, over TCP.
func forEach(t *testing.T, test func(t *testing.T, c *client)) {
	for i := range subjects {
		t.Run(subjects[i].name, func(t *testing.T) {
			server := httptest.NewServer(subjects[i].make())
			defer server.Close()
			test(t, &client{subject: &subjects[i], t: t, base: server.URL})
		})
	}
}

// answer is what a client saw.
type answer struct {
	status int
	body   string
	header http.Header
	err    error // the connection broke
}

// send sends METHOD path with the client's credentials.
func (c *client) send(what, body string) answer {
	c.t.Helper()
	method, path, _ := strings.Cut(what, " ")
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.base+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	c.sign(c.t, c.base, r)
	// A connection of its own: Go's client would repeat a request whose kept connection broke.
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		return answer{err: err}
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	return answer{status: response.StatusCode, body: string(data), header: response.Header, err: err}
}

// created makes a record of a name.
func (c *client) created(name string) answer {
	c.t.Helper()
	return c.send(strings.ReplaceAll(c.create, "NAME", name), strings.ReplaceAll(c.body, "NAME", name))
}

// asked sends the request that changes nothing or, where there is none, a creation.
func (c *client) asked() answer {
	c.t.Helper()
	if c.ask == "" {
		return c.created("asked")
	}
	return c.send(c.ask, "")
}

// admin asks the administration, which must answer with a status, and reads the answer into one.
func (c *client) admin(what, body string, status int, into any) {
	c.t.Helper()
	method, path, _ := strings.Cut(what, " ")
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.base+"/_eventrig/"+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != status {
		c.t.Fatalf("%s %s: %d %s (%v), want %d", what, body, response.StatusCode, data, err, status)
	}
	if into != nil {
		if err := json.Unmarshal(data, into); err != nil {
			c.t.Fatalf("%s: %v: %s", what, err, data)
		}
	}
}

// names are those of the records that creations make.
func (c *client) names() []string {
	c.t.Helper()
	var records []map[string]any
	c.admin("GET state?path="+c.records, "", 200, &records)
	var names []string
	for _, record := range records {
		name := record["name"]
		if name == nil {
			name = record["vlan_group"]
		}
		names = append(names, fmt.Sprint(name))
	}
	return names
}

// entry is a request in the journal.
type entry struct {
	Method, Path, Fault string
	Status              int
	DurationSeconds     float64
	ResponseBytes       int
	Changes             []map[string]any
	Closest             *struct{ Route, Why string }
}

func (c *client) journal(query string) []entry {
	c.t.Helper()
	var read struct{ Entries []entry }
	c.admin("GET journal?"+query, "", 200, &read)
	return read.Entries
}

func TestFaultsOverHTTP(t *testing.T) {
	forEach(t, func(t *testing.T, c *client) {
		if got := c.asked(); got.err != nil || got.status >= 300 {
			t.Fatalf("without a fault: %+v", got)
		}
		fault := func(rule string) { c.admin("POST faults", rule, 201, nil) }
		lift := func() { c.admin("DELETE faults", "", 204, nil) }
		statuses := func(times int) (all []int) {
			for range times {
				all = append(all, c.asked().status)
			}
			return all
		}
		good := c.asked().status
		method, path, _ := strings.Cut(strings.ReplaceAll(c.create, "NAME", "asked"), " ")
		if c.ask != "" {
			method, path, _ = strings.Cut(c.ask, " ")
		}
		path, _, _ = strings.Cut(path, "?")

		fault(`{"status": 503, "headers": {"Retry-After": "3"}}`)
		if got := c.asked(); got.status != 503 || !regexp.MustCompile(c.refusal).MatchString(got.body) || got.header.Get("Retry-After") != "3" {
			t.Errorf("a status: %+v, want the words %s", got, c.refusal)
		}
		lift()
		fault(`{"status": 418, "body": "{\"a\": 1}"}`)
		if got := c.asked(); got.status != 418 || got.body != `{"a": 1}` {
			t.Errorf("a status with a body: %+v", got)
		}
		lift()
		fault(fmt.Sprintf(`{"path": %q, "method": %q, "skip": 2, "times": 1, "status": 500}`, regexp.QuoteMeta(path), method))
		if got := statuses(5); !slices.Equal(got, []int{good, good, 500, good, good}) {
			t.Errorf("the third request: %v", got)
		}
		var rules []struct {
			Seen, Hits int
			Exhausted  bool
		}
		c.admin("GET faults", "", 200, &rules)
		if len(rules) != 1 || rules[0].Hits != 1 || !rules[0].Exhausted {
			t.Errorf("what the rule did: %+v", rules)
		}
		lift()
		fault(`{"path": "/elsewhere", "status": 500}`)
		fault(`{"method": "PROPFIND", "status": 500}`)
		if got := statuses(1); got[0] != good {
			t.Errorf("of another path and method: %v", got)
		}
		lift()
		fault(`{"every": 3, "status": 500}`)
		if got := statuses(6); !slices.Equal(got, []int{good, good, 500, good, good, 500}) {
			t.Errorf("every third: %v", got)
		}
		lift()
		var drawn [][]int
		for _, seed := range []int{7, 7, 8} {
			fault(fmt.Sprintf(`{"probability": 0.5, "seed": %d, "status": 500}`, seed))
			drawn = append(drawn, statuses(20))
			lift()
		}
		if hits := strings.Count(fmt.Sprint(drawn[0]), "500"); !slices.Equal(drawn[0], drawn[1]) || slices.Equal(drawn[0], drawn[2]) || hits < 4 || hits > 16 {
			t.Errorf("one in two, by seeds 7, 7 and 8: %v", drawn)
		}
		fault(`{"delaySeconds": 0.05, "times": 1, "id": "late"}`)
		if got := c.asked(); got.status != good {
			t.Errorf("a delay: %+v", got)
		}
		if entries := c.journal("fault=late"); len(entries) != 1 || entries[0].DurationSeconds < 0.05 {
			t.Errorf("a delay in the journal: %+v", entries)
		}
		lift()
		fault(`{"drop": true, "id": "dropped"}`)
		if got := c.asked(); got.err == nil {
			t.Errorf("a dropped connection: %+v", got)
		}
		if entries := c.journal("fault=dropped"); len(entries) != 1 || entries[0].Status != 0 {
			t.Errorf("a dropped connection in the journal: %+v", entries)
		}
		lift()
		whole := c.asked().body
		fault(fmt.Sprintf(`{"bytesPerSecond": %d, "id": "slow"}`, 10*len(whole)))
		if got := c.asked(); got.status != good || got.err != nil || len(got.body) == 0 {
			t.Errorf("a slow body: %+v", got)
		}
		lift()
		fault(`{"truncateAfterBytes": 5}`)
		if got := c.asked(); got.err == nil || len(got.body) > 5 {
			t.Errorf("a truncated body: %+v", got)
		}
		lift()
		fault(`{"status": 502, "after": true}`)
		if got := c.created("hidden"); got.status != 502 || !slices.Contains(c.names(), "hidden") {
			t.Errorf("a hidden success: %+v, records %v", got, c.names())
		}
		lift()
		fault(`{"status": 502}`)
		if got := c.created("refused"); got.status != 502 || slices.Contains(c.names(), "refused") {
			t.Errorf("a refusal: %+v, records %v", got, c.names())
		}
		c.admin("POST reset", "", 204, nil)
		if names := c.names(); slices.Contains(names, "hidden") || len(c.journal("")) != 0 {
			t.Errorf("after the reset: %v and %d entries", names, len(c.journal("")))
		}
		c.admin("GET faults", "", 200, &rules)
		if len(rules) != 0 {
			t.Errorf("after the reset: %+v", rules)
		}
	})
}

func TestJournalNamesTheClosestRoute(t *testing.T) {
	forEach(t, func(t *testing.T, c *client) {
		if got := c.created("known"); got.status >= 300 {
			t.Fatalf("a creation: %+v", got)
		}
		if got := c.send("GET "+c.unknown, ""); got.status < 400 || got.status >= 500 {
			t.Errorf("a path that there is not: %+v", got)
		}
		unmatched := c.journal("unmatched=true")
		if len(unmatched) != 1 || unmatched[0].Path != c.unknown || unmatched[0].Closest == nil ||
			!strings.Contains(unmatched[0].Closest.Route, c.closest) || unmatched[0].Closest.Why == "" {
			t.Errorf("the journal of what matched nothing: %+v, want near %s", unmatched, c.closest)
		}
		changes := 0
		for _, entry := range c.journal("method=POST") {
			changes += len(entry.Changes)
		}
		if changes == 0 {
			t.Error("the journal has no change of the creation")
		}
	})
}

// What no client should send is refused, and never with a 500.
func TestBadInput(t *testing.T) {
	forEach(t, func(t *testing.T, c *client) {
		method, path, _ := strings.Cut(strings.ReplaceAll(c.create, "NAME", "bad"), " ")
		path, _, _ = strings.Cut(path, "?")
		for _, body := range []string{
			"{", "null", "5", `"x"`, "[]", "[[]]", "[null]", `{"name": {}}`, `{"name": 5}`, `{"project": {"name": []}}`, "\x00\xff", `{"a":` + strings.Repeat("[", 20_000),
			strings.Repeat(`{"a":`, 5_000), `{"name": "` + strings.Repeat("x", 1<<20) + `"}`, `{"name": "\ud800"}`,
		} {
			for _, method := range []string{method, "PUT", "PATCH", "DELETE"} {
				if got := c.send(method+" "+path, body); got.err != nil || got.status >= 500 {
					t.Errorf("%s %s %.60q: %+v", method, path, body, got)
				}
			}
		}
		for _, bad := range []string{"//", "/%00", "/%2e%2e/", "/" + strings.Repeat("x", 100_000), "/%ff", "/a%2Fb", "/?a=%zz", "/?limit=-1&offset=x"} {
			for _, method := range []string{"GET", "DELETE", "FROBNICATE"} {
				if got := c.send(method+" "+strings.TrimSuffix(path, "/")+bad, ""); got.err != nil || got.status < 200 || got.status >= 500 {
					t.Errorf("%s %.80s: %+v", method, bad, got)
				}
			}
		}
		if got := c.send(method+" "+path, strings.Repeat(" ", 33<<20)); got.err == nil && got.status != http.StatusRequestEntityTooLarge {
			t.Errorf("33 MiB: %+v", got)
		}
		if got := c.created("good"); got.status >= 300 {
			t.Errorf("afterwards: %+v", got)
		}
	})
}

// Writers at once: each change is made once and journalled once, and a name that must be unique is.
func TestConcurrentWriters(t *testing.T) {
	const writers, each = 8, 10
	forEach(t, func(t *testing.T, c *client) {
		var group sync.WaitGroup
		var mu sync.Mutex
		made, shared := 0, 0
		for writer := range writers {
			group.Go(func() {
				for i := range each {
					own, same := c.created(fmt.Sprintf("w%d-%d", writer, i)), c.created("same")
					mu.Lock()
					if own.err == nil && own.status < 300 {
						made++
					}
					if same.err == nil && same.status < 300 {
						shared++
					}
					mu.Unlock()
				}
			})
		}
		group.Wait()
		want := writers * each
		if c.unique {
			want = 1
		}
		if made != writers*each || shared != want {
			t.Errorf("%d of %d were made, and %d of the same name, want %d", made, writers*each, shared, want)
		}
		named := map[string]int{}
		for _, name := range c.names() {
			named[name]++
		}
		changed := 0
		for _, entry := range c.journal("method=POST&limit=1000") {
			for _, change := range entry.Changes {
				if change["path"] == c.records && change["before"] == nil {
					changed++
				}
			}
		}
		if named["same"] != want || named["w7-9"] != 1 || changed != made+shared {
			t.Errorf("records %d of the same name, journal %d creations of %d", named["same"], changed, made+shared)
		}
	})
}
