package openstack

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"
)

// authRequest is the body of POST /v3/auth/tokens as far as it is understood.
type authRequest struct {
	Auth *struct {
		Identity *struct {
			Methods  []string `json:"methods"`
			Password *struct {
				User reference `json:"user"`
			} `json:"password"`
			Token *struct {
				ID string `json:"id"`
			} `json:"token"`
		} `json:"identity"`
		Scope json.RawMessage `json:"scope"`
	} `json:"auth"`
}

// reference names a user or project by id, or by name and domain.
type reference struct {
	ID       string     `json:"id"`
	Name     string     `json:"name"`
	Password string     `json:"password"`
	Domain   *reference `json:"domain"`
}

const malformed = "Expecting to find valid JSON in request body. The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error."

func (s *Server) createToken(w http.ResponseWriter, r *http.Request) {
	id, body, err := s.issue(r)
	if err != nil {
		answerError(w, r, err)
		return
	}
	w.Header().Set("X-Subject-Token", id)
	answer(w, http.StatusCreated, body)
}

func (s *Server) issue(r *http.Request) (string, any, error) {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return "", nil, fmt.Errorf("read request: %w", err)
	}
	if !json.Valid(data) {
		return "", nil, badRequest(malformed)
	}
	var request authRequest
	if err := json.Unmarshal(data, &request); err != nil {
		return "", nil, badRequest("Invalid input for field '%s': wrong type", fieldOf(err))
	}
	switch {
	case request.Auth == nil:
		return "", nil, badRequest("Invalid input for field 'root': 'auth' is a required property")
	case request.Auth.Identity == nil:
		return "", nil, badRequest("Invalid input for field 'auth': 'identity' is a required property")
	case len(request.Auth.Identity.Methods) == 0:
		return "", nil, badRequest("Invalid input for field 'identity': 'methods' is a required property")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	identity := request.Auth.Identity
	now := s.config.Now().UTC()
	t := token{issued: now, expires: now.Add(tokenLifetime)}
	switch {
	case slices.Contains(identity.Methods, "password") && identity.Password != nil:
		user, ok := s.user(identity.Password.User)
		if !ok {
			return "", nil, &httpError{http.StatusUnauthorized, unauthenticated}
		}
		t.user = user
	case slices.Contains(identity.Methods, "token") && identity.Token != nil:
		old, known := s.identity.tokens[identity.Token.ID]
		if !known || !now.Before(old.expires) {
			return "", nil, &httpError{http.StatusUnauthorized, unauthenticated}
		}
		t.user, t.expires = old.user, old.expires
	default:
		return "", nil, &httpError{http.StatusUnauthorized, unauthenticated}
	}
	if t.project, err = s.scope(request.Auth.Scope, t.user); err != nil {
		return "", nil, err
	}
	// Fernet tokens are opaque and long; this one is drawn, and as hard to take for anything else.
	id := "gAAAAA" + s.newID() + s.newID() + s.newID()
	s.identity.tokens[id] = t
	return id, s.describe(r, t), nil
}

func fieldOf(err error) string {
	if wrong, ok := err.(*json.UnmarshalTypeError); ok {
		return wrong.Field
	}
	return "root"
}

// user checks name and password.
func (s *Server) user(given reference) (string, bool) {
	if given.Password != Password {
		return "", false
	}
	for id, user := range s.identity.users {
		if id == given.ID || (given.ID == "" && user["name"] == given.Name && s.isDomainNamed(given.Domain, user.text("domain_id"))) {
			return id, user.flag("enabled")
		}
	}
	return "", false
}

func (s *Server) isDomainNamed(given *reference, id string) bool {
	return given != nil && (given.ID == id || (given.ID == "" && given.Name == s.identity.projects[id].text("name")))
}

// scope finds the project that a token is for; without a scope it is the user's own.
func (s *Server) scope(raw json.RawMessage, user string) (string, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return s.identity.users[user].text("default_project_id"), nil
	}
	if string(raw) == `"unscoped"` {
		return "", nil
	}
	var wanted struct {
		Project *reference      `json:"project"`
		Domain  *reference      `json:"domain"`
		System  json.RawMessage `json:"system"`
	}
	if err := json.Unmarshal(raw, &wanted); err != nil {
		return "", badRequest("Invalid input for field 'scope': wrong type")
	}
	if wanted.Project == nil {
		if wanted.Domain == nil && wanted.System == nil {
			return "", badRequest("Invalid input for field 'scope': one of project, domain, system is required")
		}
		return "", nil
	}
	for id, project := range s.identity.projects {
		if !isProject(project) || !project.flag("enabled") {
			continue
		}
		if id == wanted.Project.ID || (wanted.Project.ID == "" && project["name"] == wanted.Project.Name &&
			s.isDomainNamed(wanted.Project.Domain, project.text("domain_id"))) {
			return id, nil
		}
	}
	return "", &httpError{http.StatusUnauthorized, unauthenticated}
}

// describe is the body that belongs to a token. The caller holds mu.
func (s *Server) describe(r *http.Request, t token) any {
	stamp := func(at time.Time) string { return at.Format("2006-01-02T15:04:05.000000Z") }
	domain := func(id string) any {
		return map[string]any{"id": id, "name": s.identity.projects[id].text("name")}
	}
	user := s.identity.users[t.user]
	described := map[string]any{
		"methods": []any{"password"}, "issued_at": stamp(t.issued), "expires_at": stamp(t.expires),
		"audit_ids": []any{fmt.Sprintf("%x", t.issued.UnixNano())},
		"user": map[string]any{
			"id": t.user, "name": user["name"], "password_expires_at": nil, "domain": domain(user.text("domain_id")),
		},
	}
	if project := s.identity.projects[t.project]; project != nil {
		described["project"] = map[string]any{
			"id": t.project, "name": project["name"], "domain": domain(project.text("domain_id")),
		}
		described["is_domain"] = false
		described["roles"] = []any{map[string]any{"id": "admin-role", "name": "admin"}}
		described["catalog"] = catalog(r)
	}
	return map[string]any{"token": described}
}

// subject is the token that a request is about.
func (s *Server) subject(r *http.Request) (string, token, error) {
	id := r.Header.Get("X-Subject-Token")
	t, known := s.identity.tokens[id]
	if !known || !s.config.Now().Before(t.expires) {
		return "", token{}, &httpError{http.StatusNotFound, "Failed to validate token"}
	}
	return id, t, nil
}

func (s *Server) showToken(w http.ResponseWriter, r *http.Request) {
	if err := s.authenticate(r); err != nil {
		answerError(w, r, err)
		return
	}
	s.mu.RLock()
	id, t, err := s.subject(r)
	var body any
	if err == nil {
		body = s.describe(r, t)
	}
	s.mu.RUnlock()
	if err != nil {
		answerError(w, r, err)
		return
	}
	w.Header().Set("X-Subject-Token", id)
	answer(w, http.StatusOK, body)
}

func (s *Server) revokeToken(r *http.Request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, _, err := s.subject(r)
	if err != nil {
		return nil, err
	}
	delete(s.identity.tokens, id)
	return nil, nil
}
