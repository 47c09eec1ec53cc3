package journal_test

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
	"sync"
	"testing"
	"time"

	"github.com/eventrig/eventrig/simulators/internal/journal"
)

// server serves next through a journal.
func server(t testing.TB, next http.HandlerFunc) (*journal.Journal, *httptest.Server) {
	t.Helper()
	j := journal.New()
	s := httptest.NewServer(journal.Handler(j, next))
	t.Cleanup(s.Close)
	return j, s
}

func get(t testing.TB, url string) string {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Error(err) // not Fatal: it is called from other goroutines, too
		return ""
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Error(err)
	}
	return string(body)
}

func TestEntrySaysWhatWasAskedAndChanged(t *testing.T) {
	background := make(chan context.Context, 1)
	j, s := server(t, func(w http.ResponseWriter, r *http.Request) {
		journal.Record(r.Context(), journal.Change{Path: "things", ID: "1", After: map[string]any{"name": "a"}})
		journal.Note(r.Context(), "a remark")
		background <- r.Context()
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, journal.RequestID(r.Context()))
	})
	request, err := http.NewRequest(http.MethodPost, s.URL+"/things/?depth=1", strings.NewReader(`{"name": "a"}`))
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth("admin", "secret")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	id, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	// What is recorded after the answer belongs to no request.
	journal.Note(<-background, "too late")
	entries := j.Entries()
	if len(entries) != 1 {
		t.Fatalf("%d entries", len(entries))
	}
	e := entries[0]
	if e.Sequence != 1 || e.Method != "POST" || e.Path != "/things/" || e.Query != "depth=1" || e.Who != "admin" || e.Status != 201 ||
		e.RequestBody != `{"name": "a"}` || e.RequestBytes != 13 || e.ResponseBody != string(id) || e.ResponseBytes != len(id) ||
		e.RequestID != string(id) || len(e.Changes) != 1 || len(e.Notes) != 1 || e.Duration <= 0 || e.Source == "" {
		t.Errorf("entry is %+v", e)
	}
	data, err := json.Marshal(e)
	if err != nil || !strings.Contains(string(data), `"durationSeconds":0.`) || strings.Contains(string(data), "secret") {
		t.Errorf("as JSON %s, %v", data, err)
	}
	var back journal.Entry
	if err := json.Unmarshal(data, &back); err != nil || back.RequestID != e.RequestID || (back.Duration-e.Duration).Abs() > time.Microsecond {
		t.Errorf("read back %+v, %v", back, err)
	}
}

func TestWhoNeverHoldsASecret(t *testing.T) {
	for _, test := range []struct{ header, value, want string }{
		{"Authorization", "Token 0123456789abcdef0123456789abcdef01234567", "token 012345…"},
		{"Authorization", "Bearer short", "bearer s…"},
		{"Authorization", "Basic !", "basic, malformed"},
		{"X-Auth-Token", "gAAAAABtoken-of-keystone-and-so-on", "token gAAAAA…"},
		{"X-Other", "x", ""},
	} {
		j := journal.New()
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set(test.header, test.value)
		journal.Handler(j, http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), r)
		if got := j.Entries()[0].Who; got != test.want {
			t.Errorf("%s: %s gives %q, want %q", test.header, test.value, got, test.want)
		}
	}
}

func TestLimitsDropTheOldestAndCount(t *testing.T) {
	j, s := server(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, strings.Repeat("x", 100)) })
	j.Limit(journal.Limits{Entries: 3, Body: 10})
	for range 8 {
		get(t, s.URL)
	}
	if got, want := j.Summary(), (journal.Summary{Kept: 3, First: 6, Last: 8, Dropped: 5}); got != want {
		t.Errorf("summary %+v, want %+v", got, want)
	}
	entries, missed := j.Since(2)
	if len(entries) != 3 || missed != 3 || entries[0].Sequence != 6 || len(entries[0].ResponseBody) != 10 || entries[0].ResponseBytes != 100 {
		t.Errorf("since 2: %+v, missed %d", entries, missed)
	}
	if entries, missed = j.Since(7); len(entries) != 1 || missed != 0 {
		t.Errorf("since 7: %d entries, missed %d", len(entries), missed)
	}
	if entries, missed = j.Since(99); len(entries) != 0 || missed != 0 {
		t.Errorf("since 99: %d entries, missed %d", len(entries), missed)
	}
	j.Limit(journal.Limits{Bytes: 25}) // two bodies of 10 bytes
	if got := j.Summary(); got.Kept != 2 || got.Dropped != 6 {
		t.Errorf("after the limit of bytes %+v", got)
	}
	j.Reset()
	get(t, s.URL)
	if got, want := j.Summary(), (journal.Summary{Kept: 1, First: 9, Last: 9}); got != want {
		t.Errorf("after a reset %+v, want %+v", got, want)
	}
}

// A reader that does not read holds nobody up, and gets everything when it does.
func TestSubscriberLosesNothing(t *testing.T) {
	j, s := server(t, func(http.ResponseWriter, *http.Request) {})
	j.Limit(journal.Limits{Entries: 2})
	entries, stop := j.Subscribe()
	for range 20 {
		get(t, s.URL)
	}
	for i := range 20 {
		if e := <-entries; e.Sequence != i+1 {
			t.Fatalf("entry %d has sequence %d", i+1, e.Sequence)
		}
	}
	stop()
	if _, open := <-entries; open {
		t.Error("the channel is open after stop")
	}
}

func TestFollowSaysWhatItMissed(t *testing.T) {
	j, s := server(t, func(http.ResponseWriter, *http.Request) {})
	j.Limit(journal.Limits{Entries: 2})
	for range 5 {
		get(t, s.URL)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var seen []string
	j.Follow(ctx, 1, func(entry journal.Entry, missed int) bool {
		seen = append(seen, fmt.Sprintf("%d missed %d", entry.Sequence, missed))
		if entry.Sequence == 5 {
			go get(t, s.URL) // comes while Follow waits
		}
		return entry.Sequence < 6
	})
	if got, want := strings.Join(seen, ", "), "4 missed 2, 5 missed 0, 6 missed 0"; got != want {
		t.Errorf("followed %s, want %s", got, want)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		j.Follow(ctx, 6, func(journal.Entry, int) bool { return true })
	}()
	cancel()
	<-ended
}

func TestOpenRequestsAreSeenUntilAnswered(t *testing.T) {
	arrived, go_ := make(chan struct{}), make(chan struct{})
	j, s := server(t, func(http.ResponseWriter, *http.Request) { close(arrived); <-go_ })
	done := make(chan struct{})
	go func() { defer close(done); get(t, s.URL+"/slow") }()
	<-arrived
	if open := j.Open(); len(open) != 1 || open[0].Path != "/slow" || len(j.Entries()) != 0 {
		t.Errorf("open: %+v", open)
	}
	close(go_)
	<-done
	if open := j.Open(); len(open) != 0 || len(j.Entries()) != 1 {
		t.Errorf("open after the answer: %+v", open)
	}
}

func TestBadBodies(t *testing.T) {
	j, s := server(t, func(http.ResponseWriter, *http.Request) { t.Error("it was served") })
	response, err := http.Post(s.URL, "application/json", io.LimitReader(zeros{}, 33<<20))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a huge body gives %s", response.Status)
	}
	// A client that promises more than it sends.
	connection, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	fmt.Fprint(connection, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
	if err := connection.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil || answer.StatusCode != http.StatusBadRequest {
		t.Errorf("an incomplete body gives %+v, %v", answer, err)
	}
	if entries := j.Entries(); len(entries) != 2 || entries[1].RequestBody != "abc" || len(entries[1].Notes) != 1 {
		t.Errorf("entries: %+v", entries)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestSlowAndTruncatedBodies(t *testing.T) {
	whole := strings.Repeat("0123456789", 10)
	j, s := server(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/slow":
			journal.Slow(r.Context(), 1000)
		case "/truncated":
			journal.Truncate(r.Context(), 7)
		case "/long-enough":
			journal.Truncate(r.Context(), 100)
		case "/crawling":
			journal.Slow(r.Context(), 0.01)
		}
		fmt.Fprint(w, whole)
	})
	began := time.Now()
	if got := get(t, s.URL+"/slow"); got != whole || time.Since(began) < 90*time.Millisecond {
		t.Errorf("slow body %q after %s, want the whole after 0.1 s", got, time.Since(began))
	}
	if got := get(t, s.URL+"/long-enough"); got != whole {
		t.Errorf("body %q is cut although it is not longer", got)
	}
	response, err := http.Get(s.URL + "/truncated")
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(response.Body)
	response.Body.Close()
	if string(got) != whole[:7] || !errors.Is(err, io.ErrUnexpectedEOF) || response.ContentLength != 100 {
		t.Errorf("truncated body %q of %d, error %v", got, response.ContentLength, err)
	}
	// A client that gives up on a slow body ends it.
	ctx, cancel := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/crawling", nil)
	if err != nil {
		t.Fatal(err)
	}
	if response, err = http.DefaultClient.Do(request); err != nil {
		t.Fatal(err)
	}
	cancel()
	response.Body.Close()
	s.Close() // waits for requests
	if e := j.Entries()[2]; e.ResponseBody != whole || e.Status != 200 {
		t.Errorf("entry of the truncated body: %+v", e)
	}
}

func TestConcurrentRequestsKeepTheirEntriesApart(t *testing.T) {
	j, s := server(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		journal.Note(r.Context(), string(body))
		_, _ = w.Write(body)
	})
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			for k := range 50 {
				text := fmt.Sprintf("%d-%d", i, k)
				response, err := http.Post(s.URL, "text/plain", strings.NewReader(text))
				if err != nil {
					t.Error(err)
					return
				}
				body, err := io.ReadAll(response.Body)
				response.Body.Close()
				if err != nil || string(body) != text {
					t.Errorf("sent %q, got %q, %v", text, body, err)
				}
			}
		})
	}
	wait.Wait()
	entries := j.Entries()
	for i, e := range entries {
		if e.Sequence != i+1 || e.RequestBody != e.ResponseBody || e.Notes[0] != e.RequestBody {
			t.Fatalf("entry %d is %+v", i, e)
		}
	}
	if len(entries) != 400 {
		t.Errorf("%d entries", len(entries))
	}
}

// What the journal costs a request, without a network: a simulator is to answer 3,000 a second.
func BenchmarkHandler(b *testing.B) {
	answer := []byte(strings.Repeat(`{"id": "x"}`, 200))
	for _, test := range []struct {
		name       string
		subscribed bool
	}{{"alone", false}, {"subscribed", true}} {
		b.Run(test.name, func(b *testing.B) {
			j := journal.New()
			if test.subscribed {
				entries, stop := j.Subscribe()
				defer stop()
				go func() {
					for range entries {
					}
				}()
			}
			handler := journal.Handler(j, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(answer) }))
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					r := httptest.NewRequest(http.MethodPatch, "/api/dcim/devices/", strings.NewReader(`{"name": "a"}`))
					handler.ServeHTTP(discard{http.Header{}}, r)
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
		})
	}
}

type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) WriteHeader(int)             {}
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
