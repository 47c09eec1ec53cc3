package faults

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/eventrig/eventrig/simulators/internal/journal"
)

// ErrorWriter writes the answer that the simulated service gives for a status, in its own words: what a rule without a
// body answers.
type ErrorWriter func(w http.ResponseWriter, r *http.Request, status int)

// Option changes Handler.
type Option func(*handler)

// WithErrors has write answer where a rule gives a status and no body. Without it the body is {"error": "REASON"}.
func WithErrors(write ErrorWriter) Option { return func(h *handler) { h.write = write } }

type handler struct {
	rules *Set
	next  http.Handler
	write ErrorWriter
}

// Handler applies the rules to every request before next sees it. It belongs inside journal.Handler, which sends slow and
// truncated bodies.
func Handler(s *Set, next http.Handler, options ...Option) http.Handler {
	h := &handler{rules: s, next: next, write: writeError}
	for _, option := range options {
		option(h)
	}
	return h
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rule, ok := h.rules.match(r)
	if !ok {
		h.next.ServeHTTP(w, r)
		return
	}
	journal.Fault(r.Context(), rule.ID)
	journal.Note(r.Context(), rule.ID+": "+rule.effects())
	if rule.Delay > 0 && !wait(r, rule.Delay) {
		panic(http.ErrAbortHandler) // the client is gone
	}
	if rule.BytesPerSecond > 0 {
		journal.Slow(r.Context(), rule.BytesPerSecond)
	}
	if rule.TruncateAfter != nil {
		journal.Truncate(r.Context(), *rule.TruncateAfter)
	}
	if rule.Status == 0 && !rule.Drop {
		h.next.ServeHTTP(w, r)
		return
	}
	if rule.After {
		h.next.ServeHTTP(&discard{header: http.Header{}}, r)
	}
	if rule.Drop {
		panic(http.ErrAbortHandler)
	}
	for name, value := range rule.Headers {
		w.Header().Set(name, value)
	}
	if rule.Body == "" {
		h.write(w, r, rule.Status)
		return
	}
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json")
	}
	w.WriteHeader(rule.Status)
	_, _ = w.Write([]byte(rule.Body)) // held by the journal: cannot fail
}

// wait waits, and says whether the client did.
func wait(r *http.Request, seconds float64) bool {
	timer := time.NewTimer(time.Duration(seconds * float64(time.Second)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

// effects says in words what a rule does to a request.
func (r *Rule) effects() string {
	var words []string
	add := func(is bool, format string, arguments ...any) {
		if is {
			words = append(words, fmt.Sprintf(format, arguments...))
		}
	}
	add(r.Delay > 0, "waited %g s", r.Delay)
	add(r.After, "let it take effect")
	add(r.Drop, "closed the connection")
	add(r.Status != 0, "answered %d", r.Status)
	add(r.BytesPerSecond > 0, "sent the body at %g bytes a second", r.BytesPerSecond)
	if r.TruncateAfter != nil {
		add(true, "cut the body after %d bytes", *r.TruncateAfter)
	}
	return strings.Join(words, ", ")
}

// writeError is the answer of a service that does not say how it writes its own.
func writeError(w http.ResponseWriter, _ *http.Request, status int) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": http.StatusText(status)}) // held by the journal: cannot fail
}

type discard struct{ header http.Header }

func (d *discard) Header() http.Header            { return d.header }
func (d *discard) WriteHeader(int)                {}
func (d *discard) Write(data []byte) (int, error) { return len(data), nil }
