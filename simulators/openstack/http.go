package openstack

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/eventrig/eventrig/simulators/internal/journal"
)

const (
	unauthenticated = "The request you have made requires authentication."
	tokenLifetime   = time.Hour
	// The version that Keystone 2025.1 and later report.
	identityVersion = "v3.14"
)

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.versions)
	for _, path := range []string{"GET /v3", "GET /v3/{$}"} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			answer(w, http.StatusOK, map[string]any{"version": versionOf(r)})
		})
	}
	mux.HandleFunc("POST /v3/auth/tokens", s.createToken)
	handle := func(pattern string, status int, do func(r *http.Request) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := s.authenticate(r); err != nil {
				answerError(w, r, err)
				return
			}
			body, err := do(r)
			if err != nil {
				answerError(w, r, err)
				return
			}
			answer(w, status, body)
		})
	}
	mux.HandleFunc("GET /v3/auth/tokens", s.showToken)
	handle("DELETE /v3/auth/tokens", http.StatusNoContent, s.revokeToken)
	handle("GET /v3/auth/catalog", http.StatusOK, func(r *http.Request) (any, error) {
		return map[string]any{"catalog": catalog(r), "links": links(r, "/v3/auth/catalog")}, nil
	})
	s.routeResources(handle)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		journal.Note(r.Context(), "no such route: Keystone's here are /v3, /v3/auth/tokens, /v3/projects, /v3/domains, /v3/users")
		answerError(w, r, &httpError{http.StatusNotFound, "The requested URL was not found on the server. If you entered the URL manually please check your spelling and try again."})
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("x-openstack-request-id", "req-"+journal.RequestID(r.Context()))
		w.Header().Set("Vary", "X-Auth-Token")
		mux.ServeHTTP(w, r)
	})
}

// base is scheme://host of the request: the endpoints of a catalog must be reachable by whoever asked for it.
func base(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

func versionOf(r *http.Request) map[string]any {
	return map[string]any{
		"id": identityVersion, "status": "stable", "updated": "2020-04-07T00:00:00Z",
		"links":       []any{map[string]any{"rel": "self", "href": base(r) + "/v3/"}},
		"media-types": []any{map[string]any{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}},
	}
}

func (s *Server) versions(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Location", base(r)+"/v3/")
	answer(w, http.StatusMultipleChoices, map[string]any{"versions": map[string]any{"values": []any{versionOf(r)}}})
}

func links(r *http.Request, path string) map[string]any {
	return map[string]any{"self": base(r) + path}
}

func catalog(r *http.Request) []any {
	var endpoints []any
	for _, face := range []string{"public", "internal", "admin"} {
		endpoints = append(endpoints, map[string]any{
			"id": "identity-" + face, "interface": face, "region": Region, "region_id": Region, "url": base(r) + "/v3",
		})
	}
	return []any{map[string]any{"id": "identity", "type": "identity", "name": "keystone", "endpoints": endpoints}}
}

// decode reads a JSON object with one wrapper key. Keystone's own words for a body that is no JSON.
func decode(r *http.Request, wrapper string) (map[string]any, error) {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, fmt.Errorf("read request: %w", err)
	}
	var body map[string]any
	if err := json.Unmarshal(data, &body); err != nil || body == nil {
		return nil, badRequest("Expecting to find valid JSON in request body. The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error.")
	}
	inner, ok := body[wrapper].(map[string]any)
	if !ok {
		return nil, badRequest("Expecting to find %s in request body. The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error.", wrapper)
	}
	return inner, nil
}

func (s *Server) authenticate(r *http.Request) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	t, known := s.identity.tokens[r.Header.Get("X-Auth-Token")]
	if !known || !s.config.Now().Before(t.expires) {
		return &httpError{http.StatusUnauthorized, unauthenticated}
	}
	return nil
}

func answer(w http.ResponseWriter, status int, body any) {
	if status == http.StatusNoContent {
		w.WriteHeader(status)
		return
	}
	data, err := json.Marshal(body)
	if err != nil {
		// Bodies are made of what JSON gave or of our own literals.
		panic(fmt.Sprintf("openstack: encode answer: %v", err))
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(data) // held by the journal: cannot fail
}

func answerError(w http.ResponseWriter, r *http.Request, err error) {
	status := http.StatusInternalServerError
	var known *httpError
	if errors.As(err, &known) {
		status = known.status
	}
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", fmt.Sprintf("Keystone uri=%q", base(r)+"/v3"))
	}
	answer(w, status, map[string]any{"error": map[string]any{
		"code": status, "message": err.Error(), "title": http.StatusText(status),
	}})
}

// routeResources are projects, domains and users.
func (s *Server) routeResources(handle func(string, int, func(*http.Request) (any, error))) {
	list := func(path string, keep func(resource) bool, filters []string) {
		handle("GET /v3/"+path, http.StatusOK, func(r *http.Request) (any, error) {
			s.mu.RLock()
			defer s.mu.RUnlock()
			shown := []any{}
			for _, found := range sorted(s.table(path), func(candidate resource) bool {
				if path == "projects" && boolean(r.URL.Query().Get("is_domain")) {
					return isDomain(candidate) && passes(candidate, r, filters)
				}
				return keep(candidate) && passes(candidate, r, filters)
			}) {
				shown = append(shown, show(r, path, found))
			}
			return map[string]any{path: shown, "links": map[string]any{"self": base(r) + r.URL.RequestURI(), "previous": nil, "next": nil}}, nil
		})
	}
	everything := func(resource) bool { return true }
	list("projects", isProject, []string{"name", "domain_id", "parent_id", "enabled"})
	list("domains", isDomain, []string{"name", "enabled"})
	list("users", everything, []string{"name", "domain_id", "enabled"})
	for path, keep := range map[string]func(resource) bool{"projects": everything, "domains": isDomain, "users": everything} {
		kind := strings.TrimSuffix(path, "s")
		handle("GET /v3/"+path+"/{id}", http.StatusOK, func(r *http.Request) (any, error) {
			s.mu.RLock()
			defer s.mu.RUnlock()
			found := s.table(path)[r.PathValue("id")]
			if found == nil || !keep(found) {
				return nil, notFound(kind, r.PathValue("id"))
			}
			return map[string]any{kind: show(r, path, found)}, nil
		})
	}
	for _, path := range []string{"projects", "domains"} {
		s.routeChanges(handle, path)
	}
}

func (s *Server) routeChanges(handle func(string, int, func(*http.Request) (any, error)), path string) {
	kind := strings.TrimSuffix(path, "s")
	find := func(r *http.Request) (resource, error) {
		s.mu.RLock()
		defer s.mu.RUnlock()
		found := s.identity.projects[r.PathValue("id")]
		if found == nil || (path == "domains" && !isDomain(found)) {
			return nil, notFound(kind, r.PathValue("id"))
		}
		return found, nil
	}
	handle("POST /v3/"+path, http.StatusCreated, func(r *http.Request) (any, error) {
		fields, err := decode(r, kind)
		if err != nil {
			return nil, err
		}
		delete(fields, "id")
		if path == "domains" {
			fields["is_domain"] = true
		}
		s.changing.Lock()
		defer s.changing.Unlock()
		made, err := s.createProject(r.Context(), fields)
		if err != nil {
			return nil, err
		}
		return map[string]any{kind: show(r, path, made)}, nil
	})
	handle("PATCH /v3/"+path+"/{id}", http.StatusOK, func(r *http.Request) (any, error) {
		fields, err := decode(r, kind)
		if err != nil {
			return nil, err
		}
		s.changing.Lock()
		defer s.changing.Unlock()
		found, err := find(r)
		if err != nil {
			return nil, err
		}
		changed, err := s.updateProject(r.Context(), found, fields)
		if err != nil {
			return nil, err
		}
		return map[string]any{kind: show(r, path, changed)}, nil
	})
	handle("DELETE /v3/"+path+"/{id}", http.StatusNoContent, func(r *http.Request) (any, error) {
		s.changing.Lock()
		defer s.changing.Unlock()
		found, err := find(r)
		if err != nil {
			return nil, err
		}
		if isDomain(found) && found.flag("enabled") {
			return nil, &httpError{http.StatusForbidden, "Cannot delete a domain that is enabled, please disable it first."}
		}
		s.commit(r.Context(), tableOf(found), found.text("id"), nil)
		return nil, nil
	})
}

func (s *Server) table(path string) map[string]resource {
	if path == "users" {
		return s.identity.users
	}
	return s.identity.projects
}

func show(r *http.Request, path string, found resource) resource {
	shown := found.clone()
	if path == "domains" {
		shown = domainView(found)
	}
	shown["links"] = links(r, "/v3/"+path+"/"+found.text("id"))
	return shown
}

// passes applies the list filters that Keystone knows; it ignores all others.
func passes(candidate resource, r *http.Request, filters []string) bool {
	query := r.URL.Query()
	for _, name := range filters {
		if !query.Has(name) {
			continue
		}
		switch have := candidate[name].(type) {
		case bool:
			if have != boolean(query.Get(name)) {
				return false
			}
		default:
			if candidate.text(name) != query.Get(name) {
				return false
			}
		}
	}
	return true
}

// boolean reads a query's truth as Keystone does: everything but 0 and false is true, and absence is false.
func boolean(value string) bool {
	return value != "" && value != "0" && !strings.EqualFold(value, "false")
}
