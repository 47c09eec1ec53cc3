// Package faults makes a simulator misbehave on purpose: an error status, a delay, or a dropped connection, for the
// requests that a rule matches and as often as it says. In: rules and requests. Out: a fault instead of an answer.
package faults

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/eventrig/eventrig/simulators/internal/journal"
)

// Rule says which requests fail, and how.
type Rule struct {
	Method string  `json:"method,omitempty"` // empty: any
	Path   string  `json:"path,omitempty"`   // regular expression over the whole path; empty: any
	Skip   int     `json:"skip,omitempty"`   // let this many matching requests through first
	Times  int     `json:"times,omitempty"`  // 0: until removed
	Status int     `json:"status,omitempty"` // answer with this status and Body
	Body   string  `json:"body,omitempty"`
	Delay  float64 `json:"delaySeconds,omitempty"` // wait first; without Status and Drop the request is then served
	Drop   bool    `json:"drop,omitempty"`         // close the connection without an answer
	// After lets the request take effect before Status or Drop hides its answer: the client sees a failure that was none.
	After bool `json:"after,omitempty"`
}

type active struct {
	Rule
	path *regexp.Regexp
	seen int
}

// Set is the rules in force; the first that matches decides. It is safe for concurrent use.
type Set struct {
	mu    sync.Mutex
	rules []*active
}

// Add puts a rule in force.
func (s *Set) Add(rule Rule) error {
	pattern, err := regexp.Compile("^(?:" + rule.Path + ")$")
	if err != nil {
		return fmt.Errorf("compile path %q of fault: %w", rule.Path, err)
	}
	if rule.Path == "" {
		pattern = nil
	}
	if rule.Status != 0 && (rule.Status < 200 || rule.Status > 599) {
		return fmt.Errorf("fault has status %d: want 200 to 599", rule.Status)
	}
	if rule.Delay < 0 || rule.Skip < 0 || rule.Times < 0 {
		return fmt.Errorf("fault has a negative delay, skip or times")
	}
	if rule.Status == 0 && !rule.Drop && rule.Delay == 0 {
		return fmt.Errorf("fault does nothing: it needs status, drop or delaySeconds")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = append(s.rules, &active{Rule: rule, path: pattern})
	return nil
}

// Rules returns the rules in force.
func (s *Set) Rules() []Rule {
	s.mu.Lock()
	defer s.mu.Unlock()
	rules := make([]Rule, 0, len(s.rules))
	for _, rule := range s.rules {
		rules = append(rules, rule.Rule)
	}
	return rules
}

// Clear removes all rules.
func (s *Set) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = nil
}

func (s *Set) match(r *http.Request) (Rule, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, rule := range s.rules {
		if (rule.Method != "" && rule.Method != r.Method) || (rule.path != nil && !rule.path.MatchString(r.URL.Path)) {
			continue
		}
		rule.seen++
		if rule.seen <= rule.Skip {
			continue
		}
		if rule.Times > 0 && rule.seen == rule.Skip+rule.Times {
			s.rules = slices.Delete(s.rules, i, i+1)
		}
		return rule.Rule, true
	}
	return Rule{}, false
}

// Handler applies the rules to every request before next sees it.
func Handler(s *Set, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rule, ok := s.match(r)
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		journal.Note(r.Context(), fmt.Sprintf("fault: %+v", rule))
		if rule.Delay > 0 {
			timer := time.NewTimer(time.Duration(rule.Delay * float64(time.Second)))
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-r.Context().Done():
				return
			}
		}
		if rule.Status == 0 && !rule.Drop {
			next.ServeHTTP(w, r)
			return
		}
		if rule.After {
			next.ServeHTTP(&discard{header: http.Header{}}, r)
		}
		if rule.Drop {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(rule.Status)
		_, _ = w.Write([]byte(rule.Body)) // kept in memory by the journal: cannot fail
	})
}

type discard struct{ header http.Header }

func (d *discard) Header() http.Header            { return d.header }
func (d *discard) WriteHeader(int)                {}
func (d *discard) Write(data []byte) (int, error) { return len(data), nil }
