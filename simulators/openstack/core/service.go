package core

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/eventrig/eventrig/simulators/internal/journal"
	"github.com/eventrig/eventrig/simulators/internal/routes"
)

// Service is one of the cloud's services: its place in the catalog, its routes, and its own words.
type Service struct {
	Name     string // such as ironic
	Type     string // of the catalog, such as baremetal
	Aliases  []string
	Prefix   string // path of the service on the listener, such as /baremetal
	Endpoint string // what the catalog adds to the prefix; %(project_id)s is the token's project
	// Alias is a second prefix under which the same is served; the service knows by Request.Prefix which one was taken.
	Alias  *string
	Routes []Route
	// Missing says which calls of the real API are not served.
	Missing []Endpoint
	// RequestIDHeaders carry the request's id in the answer.
	RequestIDHeaders []string
	// Before looks at every request, for example negotiates the version; its headers go into every answer.
	Before func(*Request, http.Header) error
	// RouteFirst: a path that the service lacks is 404 also without a token, as Keystone itself answers; the other
	// services have the middleware that checks tokens before everything else.
	RouteFirst bool
	// Open says which requests need no token.
	Open func(*Request) bool
	// RenderError writes an error in the service's words; nil: {"error": {code, title, message}} as Keystone has it.
	RenderError func(r *Request, e *Error) any
	// Malformed is the message for a body that is no JSON object.
	Malformed string
	// NoRoute is the message for a path that the service does not have.
	NoRoute string

	authenticate func(token string) *Caller
	mux          *http.ServeMux
	table        *routes.Table
	cloud        *Cloud
}

// Endpoint is a call of an API.
type Endpoint struct{ Method, Path, Note string }

// Route is a call that a service serves.
type Route struct {
	Method, Path string // as net/http has patterns, without the prefix
	Do           func(*Request) (*Answer, error)
	Note         string // what of it is missing, or where the behaviour comes from
}

// Answer is what a route gives back.
type Answer struct {
	Status int
	Body   any
	Header map[string]string
}

// OK is an answer with status 200.
func OK(body any) (*Answer, error) { return &Answer{Status: http.StatusOK, Body: body}, nil }

// Created is an answer with status 201.
func Created(body any) (*Answer, error) { return &Answer{Status: http.StatusCreated, Body: body}, nil }

// Accepted is an answer with status 202; its body may be nil.
func Accepted(body any) (*Answer, error) {
	return &Answer{Status: http.StatusAccepted, Body: body}, nil
}

// NoContent is an answer with status 204.
func NoContent() (*Answer, error) { return &Answer{Status: http.StatusNoContent}, nil }

// Error is a refusal. Kind is the service's name for it where its body tells one, such as NetworkNotFound.
type Error struct {
	Status  int
	Message string
	Kind    string
	Header  map[string]string
}

func (e *Error) Error() string { return e.Message }

// Errorf makes a refusal.
func Errorf(status int, format string, arguments ...any) *Error {
	return &Error{Status: status, Message: fmt.Sprintf(format, arguments...)}
}

// Request is a request on its way to a route.
type Request struct {
	*http.Request
	Cloud  *Cloud
	Caller *Caller // nil where the route is open
	Prefix string  // under which the service was reached
	Minor  int     // of the API version that was negotiated
	body   []byte
}

// At says which requests are for one of these paths below the service's prefix, whatever slashes are around them; "" is
// the service's root.
func At(paths ...string) func(*Request) bool {
	return func(r *Request) bool { return slices.Contains(paths, strings.Trim(r.URL.Path[len(r.Prefix):], "/")) }
}

// Base is scheme://host with the service's prefix, as the client reached it.
func (r *Request) Base() string { return Host(r.Request) + r.Prefix }

// Host is scheme://host of a request: what an answer names must be reachable by whoever asked.
func Host(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// Raw returns the body.
func (r *Request) Raw() []byte { return r.body }

// JSON returns the body's value; ok is false where it is no JSON.
func (r *Request) JSON() (value any, ok bool) {
	value, err := Decode(r.body)
	return value, err == nil
}

// Handler serves the service under its prefix. authenticate knows a token's caller.
func (s *Service) Handler(c *Cloud, authenticate func(token string) *Caller) http.Handler {
	s.cloud, s.authenticate = c, authenticate
	s.mux, s.table = http.NewServeMux(), routes.New()
	served := map[string]Route{}
	for _, route := range s.Routes {
		pattern := route.Method + " " + route.Path
		s.mux.HandleFunc(pattern, func(http.ResponseWriter, *http.Request) {})
		served[pattern] = route
		s.table.Add(pattern)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, original *http.Request) {
		ctx := original.Context()
		if !isDirect(ctx) {
			ctx = Notifying(ctx)
		}
		r := &Request{Request: original.WithContext(ctx), Cloud: c, Prefix: s.prefixOf(original.URL.Path)}
		header := http.Header{}
		for _, name := range s.RequestIDHeaders {
			header.Set(name, "req-"+journal.RequestID(original.Context()))
		}
		answer, err := s.serve(r, header, served)
		if err != nil {
			answer = s.refuse(r, err)
		}
		for name, values := range header {
			w.Header()[name] = values
		}
		write(w, answer)
	})
}

func (s *Service) prefixOf(path string) string {
	if s.Alias != nil && !under(path, s.Prefix) {
		return *s.Alias
	}
	return s.Prefix
}

// Takes says whether a path belongs to the service.
func (s *Service) Takes(path string) bool { return under(path, s.Prefix) }

func under(path, prefix string) bool { return path == prefix || strings.HasPrefix(path, prefix+"/") }

func (s *Service) serve(r *Request, header http.Header, served map[string]Route) (*Answer, error) {
	var err error
	if r.body, err = io.ReadAll(r.Body); err != nil {
		return nil, Errorf(http.StatusBadRequest, "The request's body could not be read: %v", err)
	}
	if s.Before != nil {
		if err := s.Before(r, header); err != nil {
			return nil, err
		}
	}
	inner := r.Request.Clone(r.Context())
	inner.URL.Path, inner.URL.RawPath = strings.TrimPrefix(r.URL.Path, r.Prefix), strings.TrimPrefix(r.URL.RawPath, r.Prefix)
	if trimmed := strings.TrimRight(inner.URL.Path, "/"); trimmed != inner.URL.Path {
		inner.URL.Path, inner.URL.RawPath = trimmed, strings.TrimRight(inner.URL.RawPath, "/")
	}
	if inner.URL.Path == "" {
		inner.URL.Path, inner.URL.RawPath = "/", ""
	}
	var route Route
	known := path.Clean(inner.URL.Path) == inner.URL.Path // ServeMux redirects others; the services do not know them
	if known {
		s.mux.ServeHTTP(discard{}, inner) // finds the route and the path's values; what it answers is of no use
		route, known = served[inner.Pattern]
	}
	if !known && s.RouteFirst {
		return nil, s.noRoute(r, inner)
	}
	if s.Open == nil || !s.Open(r) {
		if r.Caller = s.authenticate(r.Header.Get("X-Auth-Token")); r.Caller == nil {
			return nil, &Error{Status: http.StatusUnauthorized, Message: Unauthenticated}
		}
		journal.Who(r.Context(), r.Caller.UserName)
	}
	if !known {
		return nil, s.noRoute(r, inner)
	}
	r.Request = inner
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return route.Do(r)
	}
	s.cloud.changing.Lock()
	defer s.cloud.changing.Unlock()
	defer s.cloud.grantID(r.Context())()
	return route.Do(r)
}

// Unauthenticated is what Keystone, and its middleware in the other services, says to a request without a valid token.
const Unauthenticated = "The request you have made requires authentication."

// noRoute answers a path that the service lacks; the journal tells the closest one.
func (s *Service) noRoute(r *Request, inner *http.Request) error {
	var methods []string
	for _, route := range s.Routes {
		asked := inner.Clone(inner.Context())
		asked.Method = route.Method
		if _, pattern := s.mux.Handler(asked); pattern == route.Method+" "+route.Path && path.Clean(inner.URL.Path) == inner.URL.Path {
			methods = append(methods, route.Method)
		}
	}
	s.table.Note(inner)
	if len(methods) > 0 {
		slices.Sort(methods)
		return &Error{Status: http.StatusMethodNotAllowed, Message: "The method is not allowed for the requested URL.",
			Header: map[string]string{"Allow": strings.Join(slices.Compact(methods), ", ")}}
	}
	return Errorf(http.StatusNotFound, "%s", cmp.Or(s.NoRoute, "The resource could not be found."))
}

func (s *Service) refuse(r *Request, err error) *Answer {
	var known *Error
	if !errors.As(err, &known) {
		// What no route expects is a mistake of the simulator; the client's request may be right.
		known = Errorf(http.StatusInternalServerError, "%v", err)
		journal.Note(r.Context(), "the simulator failed: "+err.Error())
	}
	answer := &Answer{Status: known.Status, Header: known.Header}
	if known.Status == http.StatusUnauthorized {
		answer.Header = map[string]string{"WWW-Authenticate": fmt.Sprintf("Keystone uri=%q", Host(r.Request)+"/identity")}
	}
	if s.RenderError != nil && known.Status != http.StatusUnauthorized {
		answer.Body = s.RenderError(r, known)
	} else {
		answer.Body = map[string]any{"error": map[string]any{
			"code": known.Status, "message": known.Message, "title": http.StatusText(known.Status),
		}}
	}
	return answer
}

// Refuse writes an error of that status as the service words it, for a fault that is injected.
func (s *Service) Refuse(w http.ResponseWriter, r *http.Request, status int) {
	write(w, s.refuse(&Request{Request: r, Prefix: s.prefixOf(r.URL.Path)}, Errorf(status, "%s", http.StatusText(status))))
}

func write(w http.ResponseWriter, answer *Answer) {
	for name, value := range answer.Header {
		w.Header().Set(name, value)
	}
	if answer.Status == http.StatusNoContent || answer.Body == nil {
		w.WriteHeader(answer.Status)
		return
	}
	data, err := json.Marshal(answer.Body)
	if err != nil {
		// Bodies are made of what JSON gave or of our own literals.
		panic(fmt.Sprintf("openstack: encode answer: %v", err))
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(answer.Status)
	_, _ = w.Write(data) // held by the journal: cannot fail
}

type discard struct{}

func (discard) Header() http.Header            { return http.Header{} }
func (discard) Write(data []byte) (int, error) { return len(data), nil }
func (discard) WriteHeader(int)                {}
