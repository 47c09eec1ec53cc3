// Package routes says which of a simulator's routes came closest to a request that matched none, and what kept it from
// matching. In: the routes as net/http's patterns, and a request. Out: a journal.Closest.
package routes

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/eventrig/eventrig/internal/nearest"
	"github.com/eventrig/eventrig/simulators/internal/journal"
)

// Table is a list of routes.
type Table struct{ routes []route }

type route struct {
	methods  []string // none: any
	pattern  string   // the path as it was given
	segments []string // a wildcard is {name}; the last may be {name...}
	slash    bool     // it ends in a slash, and so does a path that matches
}

// New makes a table of patterns such as "GET /v3/projects/{id}". Methods of one path may be given together:
// "GET, POST /v3/projects". A pattern without a method takes any.
func New(patterns ...string) *Table {
	t := &Table{}
	for _, pattern := range patterns {
		t.Add(pattern)
	}
	return t
}

// Add adds a pattern.
func (t *Table) Add(pattern string) {
	methods, path := "", pattern
	if i := strings.IndexByte(pattern, '/'); i > 0 {
		methods, path = pattern[:i], pattern[i:]
	}
	path = strings.TrimSuffix(path, "{$}")
	one := route{pattern: path, slash: strings.HasSuffix(path, "/"), segments: split(path)}
	for method := range strings.SplitSeq(methods, ",") {
		if method = strings.TrimSpace(method); method != "" {
			one.methods = append(one.methods, method)
		}
	}
	for i := range t.routes {
		if t.routes[i].pattern == path && len(t.routes[i].methods) > 0 && len(one.methods) > 0 {
			t.routes[i].methods = append(t.routes[i].methods, one.methods...)
			return
		}
	}
	t.routes = append(t.routes, one)
}

func split(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}

// Note writes into the journal's entry of r which route came closest.
func (t *Table) Note(r *http.Request) {
	if closest, ok := t.Closest(r.Method, r.URL.Path); ok {
		journal.NoRoute(r.Context(), closest)
	}
}

// Closest returns the route that needs the least change to match; ok is false when the table is empty.
func (t *Table) Closest(method, path string) (closest journal.Closest, ok bool) {
	segments, slash := split(path), strings.HasSuffix(path, "/")
	best := -1
	for _, candidate := range t.routes {
		distance, why := candidate.compare(segments, slash)
		if len(candidate.methods) > 0 && !slices.Contains(candidate.methods, method) {
			distance++
			why = append(why, fmt.Sprintf("the method is %s, the route takes %s", method, strings.Join(candidate.methods, ", ")))
		}
		if best < 0 || distance < best {
			best = distance
			closest = journal.Closest{Route: candidate.String(), Why: strings.Join(why, "; ")}
		}
	}
	if best == 0 {
		closest.Why = "it matches: the simulator refused what stands for a wildcard"
	}
	return closest, best >= 0
}

// String is the route as New takes it.
func (r *route) String() string {
	return strings.TrimSpace(strings.Join(r.methods, ", ") + " " + r.pattern)
}

// compare says how far a path is from the route, and in what. A segment that looks like a typing mistake counts 2, another
// one 5, a missing or surplus one 3, a slash at the end 1.
func (r *route) compare(segments []string, slash bool) (distance int, why []string) {
	for i, want := range r.segments {
		if strings.HasSuffix(want, "...}") {
			return distance, why
		}
		if i >= len(segments) {
			distance += 3 * (len(r.segments) - i)
			return distance, append(why, fmt.Sprintf("the path ends before /%s", strings.Join(r.segments[i:], "/")))
		}
		if segments[i] == want || strings.HasPrefix(want, "{") {
			continue
		}
		why = append(why, fmt.Sprintf("segment %d is %q, the route has %q", i+1, segments[i], want))
		distance += 5
		if nearest.Name(segments[i], []string{want}) != "" {
			distance -= 3
		}
	}
	if surplus := segments[min(len(r.segments), len(segments)):]; len(surplus) > 0 {
		distance += 3 * len(surplus)
		why = append(why, fmt.Sprintf("the route ends before /%s", strings.Join(surplus, "/")))
	} else if slash != r.slash && len(segments) > 0 {
		distance++
		if r.slash {
			why = append(why, "the path has no slash at its end, the route has one")
		} else {
			why = append(why, "the path has a slash at its end, the route has none")
		}
	}
	return distance, why
}
