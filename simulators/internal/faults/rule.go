package faults

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"regexp"
)

// Rule says which requests fail, and how. All conditions must hold; of several effects a delay comes first. It is what
// the administration endpoint and a scenario take.
type Rule struct {
	// names the rule, in letters, digits, dots, dashes and underscores; empty: it gets one, such as fault-1
	ID string `json:"id,omitempty" yaml:"id,omitempty"`

	// HTTP method; empty: any
	Method string `json:"method,omitempty" yaml:"method,omitempty"`
	// regular expression (RE2) that the whole decoded path matches; empty: any path
	Path string `json:"path,omitempty" yaml:"path,omitempty"`
	// names of query parameters, each with a regular expression that one of its decoded values matches whole; an empty one:
	// the parameter is there
	Query map[string]string `json:"query,omitempty" yaml:"query,omitempty"`
	// how many matching requests to let through first: the nth request alone is skip n-1 and times 1
	Skip int `json:"skip,omitempty" yaml:"skip,omitempty"`
	// hit only each nth of the matching requests after those skipped: 3 is the third, the sixth and so on; 0 or 1: all
	Every int `json:"every,omitempty" yaml:"every,omitempty"`
	// chance of a hit, above 0 and up to 1, drawn after skip and every; 0: always
	Probability float64 `json:"probability,omitempty" yaml:"probability,omitempty"`
	// of the probability: the same seed gives the same hits for the same sequence of requests
	Seed uint64 `json:"seed,omitempty" yaml:"seed,omitempty"`
	// how many hits there are before the rule is exhausted; 0: until it is removed
	Times int `json:"times,omitempty" yaml:"times,omitempty"`

	// HTTP status to answer with, 200 to 599, instead of serving the request
	Status int `json:"status,omitempty" yaml:"status,omitempty"`
	// body for status; empty: what the service itself writes for that status
	Body string `json:"body,omitempty" yaml:"body,omitempty"`
	// set on the answer for status, such as Retry-After; Content-Type is application/json with a body unless it is here
	Headers map[string]string `json:"headers,omitempty" yaml:"headers,omitempty"`
	// seconds to wait first; without another effect the request is then served
	Delay float64 `json:"delaySeconds,omitempty" yaml:"delaySeconds,omitempty"`
	// close the connection without an answer
	Drop bool `json:"drop,omitempty" yaml:"drop,omitempty"`
	// let the request take effect before status or drop hides its answer: the client sees a failure that was none
	After bool `json:"after,omitempty" yaml:"after,omitempty"`
	// how fast the answer's body is sent, the served one's or that of status; 0: at once; below 20 it comes byte by byte
	BytesPerSecond float64 `json:"bytesPerSecond,omitempty" yaml:"bytesPerSecond,omitempty"`
	// close the connection after this many bytes of the answer's body, although its Content-Length promises the whole;
	// 0: after the headers; absent: the body is whole
	TruncateAfter *int `json:"truncateAfterBytes,omitempty" yaml:"truncateAfterBytes,omitempty"`
}

// State is a rule with what it did.
type State struct {
	Rule
	Seen      int  `json:"seen"`      // requests that method, path and query matched, while it was not exhausted
	Hits      int  `json:"hits"`      // of these, those that it hit
	Exhausted bool `json:"exhausted"` // it had its times, and does nothing any more
}

// active is a rule in force.
type active struct {
	State
	path  *regexp.Regexp
	query map[string]*regexp.Regexp
	draw  func() float64 // from 0 up to 1
}

// delivers says whether the rule changes how a body is sent.
func (r *Rule) delivers() bool { return r.BytesPerSecond > 0 || r.TruncateAfter != nil }

// check says what is wrong with a rule.
func (r *Rule) check() error {
	number := func(name string, value float64) error {
		if value < 0 || math.IsNaN(value) || math.IsInf(value, 0) {
			return fmt.Errorf("fault has %s %v: want 0 or more", name, value)
		}
		return nil
	}
	err := errors.Join(
		number("skip", float64(r.Skip)), number("every", float64(r.Every)), number("times", float64(r.Times)),
		number("delaySeconds", r.Delay), number("bytesPerSecond", r.BytesPerSecond), number("probability", r.Probability),
	)
	switch {
	case err != nil:
		return err
	case r.ID != "" && !idForm.MatchString(r.ID):
		return fmt.Errorf("fault has id %q: want letters, digits, dots, dashes and underscores, up to 100", r.ID)
	case r.Probability > 1:
		return fmt.Errorf("fault has probability %v: want above 0 and up to 1", r.Probability)
	case r.Delay > maxDelay:
		return fmt.Errorf("fault has delaySeconds %v: want up to %d", r.Delay, maxDelay)
	case r.BytesPerSecond > 0 && r.BytesPerSecond < minRate:
		return fmt.Errorf("fault has bytesPerSecond %v: want 0 or %v and more", r.BytesPerSecond, minRate)
	case r.TruncateAfter != nil && *r.TruncateAfter < 0:
		return fmt.Errorf("fault has truncateAfterBytes %d: want 0 or more", *r.TruncateAfter)
	case r.Status != 0 && (r.Status < http.StatusOK || r.Status > 599):
		return fmt.Errorf("fault has status %d: want 200 to 599", r.Status)
	case r.Status == 0 && (r.Body != "" || len(r.Headers) > 0):
		return errors.New("fault has body or headers without status: they are those of the answer that status makes")
	case r.Drop && (r.Status != 0 || r.delivers()):
		return errors.New("fault has drop together with status, bytesPerSecond or truncateAfterBytes: a dropped request has no answer")
	case r.After && r.Status == 0 && !r.Drop:
		return errors.New("fault has after without status or drop: there is no failure to come after")
	case r.Status == 0 && !r.Drop && r.Delay == 0 && !r.delivers():
		return errors.New("fault does nothing: it needs status, drop, delaySeconds, bytesPerSecond or truncateAfterBytes")
	}
	return nil
}

// idForm is that of an id, which is a part of a URL.
var idForm = regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}$`)

const (
	maxDelay = 24 * 60 * 60 // seconds; beyond a day a fault is a mistake, and beyond centuries a Duration overflows
	minRate  = 0.001        // bytes a second, as above
)

// whole compiles an expression that matches the whole of a text; nil for an empty one.
func whole(name, expression string) (*regexp.Regexp, error) {
	if expression == "" {
		return nil, nil
	}
	compiled, err := regexp.Compile("^(?:" + expression + ")$")
	if err != nil {
		return nil, fmt.Errorf("compile %s %q of fault: %w", name, expression, err)
	}
	return compiled, nil
}

// matches says whether a request is one that the rule is about.
func (a *active) matches(r *http.Request) bool {
	if (a.Method != "" && a.Method != r.Method) || (a.path != nil && !a.path.MatchString(r.URL.Path)) {
		return false
	}
	if len(a.query) == 0 {
		return true
	}
	query := r.URL.Query()
	for name, expression := range a.query {
		fits := false
		for _, value := range query[name] {
			fits = fits || expression == nil || expression.MatchString(value)
		}
		if !fits {
			return false
		}
	}
	return true
}

// hit counts a matching request and says whether it is hit.
func (a *active) hit() bool {
	a.Seen++
	switch n := a.Seen - a.Skip; {
	case n <= 0, a.Every > 1 && n%a.Every != 0, a.Probability > 0 && a.draw() >= a.Probability:
		return false
	}
	a.Hits++
	a.Exhausted = a.Times > 0 && a.Hits == a.Times
	return true
}
