// Package admin is the administration side of a simulator, under /_eventrig/: load a world, reset, look at the state
// and the journal, set faults. In: requests from the simulator's own machine. Out: JSON. docs/simulators.md describes it
// for users.
//
//	GET                /_eventrig/             what there is, as JSON or, for a browser, as a page
//	GET, POST, PUT     /_eventrig/world        names of the worlds that there are; add one; begin anew with one
//	POST               /_eventrig/reset        empties store, journal and faults
//	GET                /_eventrig/state        the store
//	GET, DELETE        /_eventrig/journal      the journal, also as it grows
//	GET, POST, DELETE  /_eventrig/faults[/ID]  the fault rules
//	GET                /_eventrig/notifications  what a simulator with notifications has sent
package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/eventrig/eventrig/fixtures/worlds"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/nearest"
	"github.com/eventrig/eventrig/simulators/internal/faults"
	"github.com/eventrig/eventrig/simulators/internal/journal"
)

// Prefix is the path under which administration lies.
const Prefix = "/_eventrig/"

// Simulator is what can be administered.
type Simulator interface {
	Load(world *worlds.World) error
	Replace(world *worlds.World) error // Reset and Load in one; with an error everything is as before
	Reset()
	State() map[string][]map[string]any
	Journal() *journal.Journal
	Faults() *faults.Set
}

// Notifier is a simulator that tells its changes by notifications.
type Notifier interface {
	// Notified returns the notifications so far as they are shown.
	Notified() any
}

// Option changes Handler.
type Option func(*handler)

// Named says what is simulated, for the index.
func Named(name string) Option { return func(h *handler) { h.name = name } }

type handler struct {
	simulator Simulator
	name      string
	endpoints []endpoint
	shutdowns shutdowns
}

// endpoint is one path below Prefix with what its methods do.
type endpoint struct {
	path    string // without Prefix; a last segment {id} is a wildcard
	methods map[string]method
}

type method struct {
	does       string   // for the index
	parameters []string // names that its query may have; "*" for any
	serve      func(w http.ResponseWriter, r *http.Request) error
}

// Handler serves the administration of s and passes every other request to next.
func Handler(s Simulator, next http.Handler, options ...Option) http.Handler {
	h := &handler{simulator: s, name: "simulator"}
	for _, option := range options {
		option(h)
	}
	h.endpoints = []endpoint{
		{"", map[string]method{"GET": {"this list", nil, h.index}}},
		{"world", map[string]method{
			"GET":  {"names of the worlds that come with eventrig", nil, h.worldNames},
			"POST": {"add a world, wholly or not at all: YAML in the body, or ?name=NAME of one that comes with eventrig", []string{"name"}, h.addWorld},
			"PUT":  {"begin anew with a world, as a reset and a POST do; one that is refused changes nothing", []string{"name"}, h.replaceWorld},
		}},
		{"reset", map[string]method{"POST": {"put store, journal and faults back to those of a new simulator", nil, h.reset}}},
		{"state", map[string]method{"GET": {"the records by path; ?path=PATH for one path, any other parameter for a field's value", []string{"*"}, h.state}}},
		{"journal", map[string]method{
			"GET":    {"the requests; ?since=N&method=M&path=P&status=S&unmatched=true&fault=ID&limit=N, and follow=true for JSON Lines as they come", journalParameters, h.journal},
			"DELETE": {"forget the requests", nil, h.clearJournal},
		}},
		{"faults", map[string]method{
			"GET":    {"the fault rules with how often each hit", nil, h.faults},
			"POST":   {"add a rule or a list of rules", nil, h.addFaults},
			"DELETE": {"remove all rules", nil, h.clearFaults},
		}},
		{"faults/{id}", map[string]method{
			"GET":    {"one rule", nil, h.fault},
			"DELETE": {"remove one rule", nil, h.removeFault},
		}},
	}
	if notifier, ok := s.(Notifier); ok {
		h.endpoints = append(h.endpoints, endpoint{"notifications", map[string]method{
			"GET": {"the notifications in order, whether they were published or not", nil, func(w http.ResponseWriter, _ *http.Request) error {
				answer(w, http.StatusOK, notifier.Notified())
				return nil
			}},
		}})
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if rest, ours := strings.CutPrefix(r.URL.Path+"/", Prefix); ours {
			h.serve(w, r, strings.Trim(rest, "/"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (h *handler) serve(w http.ResponseWriter, r *http.Request, path string) {
	if !local(r) {
		answer(w, http.StatusForbidden, map[string]string{"error": "administration is open to the simulator's own machine only"})
		return
	}
	found := h.find(r, path)
	if found == nil {
		answerError(w, &refusal{http.StatusNotFound, fmt.Errorf("there is no %s%s", Prefix, path), "see: " + Prefix})
		return
	}
	name := r.Method
	if name == http.MethodHead {
		name = http.MethodGet
	}
	do, allowed := found.methods[name]
	if !allowed {
		methods := strings.Join(found.allowed(), ", ")
		w.Header().Set("Allow", methods)
		answerError(w, &refusal{http.StatusMethodNotAllowed, fmt.Errorf("%s%s does not take %s", Prefix, path, r.Method), "it takes " + methods})
		return
	}
	err := do.check(r)
	if err == nil {
		err = do.serve(w, r)
	}
	if err != nil {
		answerError(w, err)
	}
}

func (h *handler) find(r *http.Request, path string) *endpoint {
	for i, one := range h.endpoints {
		if one.path == path {
			return &h.endpoints[i]
		}
		collection, wildcard := strings.CutSuffix(one.path, "{id}")
		if id, below := strings.CutPrefix(path, collection); wildcard && below && id != "" && !strings.Contains(id, "/") {
			r.SetPathValue("id", id)
			return &h.endpoints[i]
		}
	}
	return nil
}

// allowed lists the methods in the order in which people read them.
func (e *endpoint) allowed() []string {
	var names []string
	for _, name := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete} {
		if _, ok := e.methods[name]; ok {
			names = append(names, name)
		}
	}
	return names
}

// check refuses a query that cannot be read, and parameters that there are not.
func (m method) check(r *http.Request) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return bad("", "read query: %w", err)
	}
	for name := range query {
		if slices.Contains(m.parameters, "*") || slices.Contains(m.parameters, name) {
			continue
		}
		if len(m.parameters) == 0 {
			return bad("it takes none", "unknown parameter %q", name)
		}
		return bad("nearest is "+nearest.Names(name, m.parameters, 1)[0], "unknown parameter %q", name)
	}
	return nil
}

func (h *handler) reset(w http.ResponseWriter, _ *http.Request) error {
	h.simulator.Reset()
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// local says whether a request comes from the simulator's own machine: from loopback, or from the very address that
// it was sent to. A pod under test has another address and must not reach the administration.
func local(r *http.Request) bool {
	source, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		// A transport without addresses, such as a Unix socket or a test recorder, does not leave the machine.
		return true
	}
	if source.Addr().Unmap().IsLoopback() {
		return true
	}
	address, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return false
	}
	target, err := netip.ParseAddrPort(address.String())
	return err == nil && target.Addr().Unmap() == source.Addr().Unmap()
}

// refusal is an error with the status that tells it.
type refusal struct {
	status int
	err    error
	hint   string
}

func (r *refusal) Error() string { return r.err.Error() }
func (r *refusal) Unwrap() error { return r.err }

// bad is what is wrong with a request.
func bad(hint, format string, arguments ...any) error {
	return &refusal{http.StatusBadRequest, fmt.Errorf(format, arguments...), hint}
}

// body reads a request's body up to a limit.
func body(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, &refusal{http.StatusRequestEntityTooLarge, fmt.Errorf("body is larger than %d bytes", limit), ""}
	case err != nil:
		return nil, bad("", "read body: %w", err)
	}
	return data, nil
}

func answer(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // only the client's going away can fail it
}

// answerError answers with what is wrong and what to do. An error that names no status is about what was sent.
func answerError(w http.ResponseWriter, err error) {
	status, hint := http.StatusBadRequest, failure.Hint(err)
	var refused *refusal
	if errors.As(err, &refused) {
		status = refused.status
		if hint == "" {
			hint = refused.hint
		}
	}
	body := map[string]string{"error": err.Error()}
	if hint != "" {
		body["hint"] = hint
	}
	answer(w, status, body)
}
