package admin

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/eventrig/eventrig/simulators/internal/journal"
)

var journalParameters = []string{"since", "method", "path", "status", "unmatched", "fault", "limit", "follow"}

// listing is the journal as it is answered.
type listing struct {
	journal.Summary
	Missed       int             `json:"missed"`       // entries after since that went before they were asked for
	OpenRequests []journal.Entry `json:"openRequests"` // those without an answer yet
	Entries      []journal.Entry `json:"entries"`
}

// selection is which entries are asked for.
type selection struct {
	since     int
	limit     int // the newest so many; 0: all
	follow    bool
	unmatched bool
	method    string
	fault     string
	path      *regexp.Regexp
	status    string // three digits, or one and xx
}

var statusForm = regexp.MustCompile(`^[0-5](\d\d|xx)$`)

func selectionOf(r *http.Request) (s selection, err error) {
	query := r.URL.Query()
	number := func(name string, into *int) {
		if text := query.Get(name); text != "" && err == nil {
			if *into, err = strconv.Atoi(text); err != nil || *into < 0 {
				err = bad("", "%s is %q: want a number from 0", name, text)
			}
		}
	}
	truth := func(name string, into *bool) {
		if text := query.Get(name); text != "" && err == nil {
			if *into, err = strconv.ParseBool(text); err != nil {
				err = bad("", "%s is %q: want true or false", name, text)
			}
		}
	}
	number("since", &s.since)
	number("limit", &s.limit)
	truth("follow", &s.follow)
	truth("unmatched", &s.unmatched)
	if err != nil {
		return s, err
	}
	s.method, s.fault, s.status = strings.ToUpper(query.Get("method")), query.Get("fault"), strings.ToLower(query.Get("status"))
	if s.status != "" && s.status != "0" && !statusForm.MatchString(s.status) {
		return s, bad("", "status is %q: want one such as 404, a class such as 4xx, or 0 for dropped connections", s.status)
	}
	if path := query.Get("path"); path != "" {
		// As in a scenario: exact, or with * for any text.
		s.path = regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(path), `\*`, `.*`) + "$")
	}
	if s.follow && s.limit > 0 {
		return s, bad("use since", "limit does not go together with follow")
	}
	return s, nil
}

func (s *selection) takes(entry *journal.Entry) bool {
	status := strconv.Itoa(entry.Status)
	return (s.method == "" || entry.Method == s.method) &&
		(s.fault == "" || entry.Fault == s.fault) &&
		(!s.unmatched || entry.Closest != nil) &&
		(s.path == nil || s.path.MatchString(entry.Path)) &&
		(s.status == "" || s.status == status || (strings.HasSuffix(s.status, "xx") && len(status) == 3 && status[0] == s.status[0]))
}

func (h *handler) journal(w http.ResponseWriter, r *http.Request) error {
	selected, err := selectionOf(r)
	if err != nil {
		return err
	}
	if selected.follow {
		h.follow(w, r, selected)
		return nil
	}
	j := h.simulator.Journal()
	shown := listing{OpenRequests: []journal.Entry{}, Entries: []journal.Entry{}}
	shown.Summary = j.Summary()
	shown.OpenRequests = append(shown.OpenRequests, j.Open()...)
	entries, missed := j.Since(selected.since)
	shown.Missed = missed
	for i := range entries {
		if selected.takes(&entries[i]) {
			shown.Entries = append(shown.Entries, entries[i])
		}
	}
	if selected.limit > 0 && len(shown.Entries) > selected.limit {
		shown.Entries = shown.Entries[len(shown.Entries)-selected.limit:]
	}
	answer(w, http.StatusOK, shown)
	return nil
}

// follow writes one entry a line as they come, until the client goes or the server is shut down. A line {"missed": N} says
// that N entries went before the client took them.
func (h *handler) follow(w http.ResponseWriter, r *http.Request, selected selection) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer h.shutdowns.on(r, cancel)()
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.WriteHeader(http.StatusOK)
	encoder, controller := json.NewEncoder(w), http.NewResponseController(w)
	_ = controller.Flush() // so that the client knows that it follows; it may be gone already
	h.simulator.Journal().Follow(ctx, selected.since, func(entry journal.Entry, missed int) bool {
		if missed > 0 && encoder.Encode(map[string]int{"missed": missed}) != nil {
			return false
		}
		if !selected.takes(&entry) {
			return true
		}
		return encoder.Encode(entry) == nil && controller.Flush() == nil
	})
}

func (h *handler) clearJournal(w http.ResponseWriter, _ *http.Request) error {
	h.simulator.Journal().Reset()
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// shutdowns ends followers when their server is shut down, which would wait for them otherwise. A server takes hooks but
// never gives one back, so each gets a single one.
type shutdowns struct {
	mu      sync.Mutex
	servers map[*http.Server]map[int]func()
	last    int
}

// on has cancel called when the server of a request is shut down, until the function that it returns is called.
func (s *shutdowns) on(r *http.Request, cancel func()) (forget func()) {
	server, ok := r.Context().Value(http.ServerContextKey).(*http.Server)
	if !ok {
		return func() {}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.servers == nil {
		s.servers = map[*http.Server]map[int]func(){}
	}
	if s.servers[server] == nil {
		s.servers[server] = map[int]func(){}
		server.RegisterOnShutdown(func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			for _, cancel := range s.servers[server] {
				cancel()
			}
		})
	}
	s.last++
	id := s.last
	s.servers[server][id] = cancel
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.servers[server], id)
	}
}
