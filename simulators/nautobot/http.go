package nautobot

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"mime"
	"net/http"
	"runtime"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/eventrig/eventrig/simulators/internal/journal"
)

// apiVersion is REST_FRAMEWORK_VERSION: major and minor of the release.
const apiVersion = "3.1"

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/health/" || r.URL.Path == "/health":
		serveHealth(w, r)
		return
	case !strings.HasPrefix(r.URL.Path, "/api/"):
		notFoundPage(w, r)
		return
	case !strings.HasSuffix(r.URL.Path, "/"):
		// Django's APPEND_SLASH; the body of a POST is lost on the way, as with the real one.
		target := *r.URL
		target.Path += "/"
		http.Redirect(w, r, target.RequestURI(), http.StatusMovedPermanently)
		return
	}
	rest := strings.Trim(strings.TrimPrefix(r.URL.Path, "/api/"), "/")
	m, key, sub := route(rest)
	if m == nil && rest != "" && rest != "status" {
		journal.Note(r.Context(), "no such endpoint: nearest is /api/"+nearestOf(rest, Paths())+"/")
		notFoundPage(w, r)
		return
	}
	if (sub != "" && (sub != "notes" || !m.notes)) || strings.Contains(sub, "/") {
		journal.Note(r.Context(), "no such subroute of "+m.path+": nearest is notes/")
		notFoundPage(w, r)
		return
	}
	if err := s.authenticate(r); err != nil {
		answer(w, 0, nil, err)
		return
	}
	switch {
	case rest == "":
		s.serveRoot(w, r)
	case rest == "status":
		serveStatus(w, r)
	case sub == "notes":
		s.serveNotes(w, r, m, key)
	case key != "":
		s.serveDetail(w, r, m, key)
	default:
		s.serveList(w, r, m)
	}
}

// route splits app/endpoint[/key[/sub]].
func route(rest string) (m *model, key, sub string) {
	for path, candidate := range byPath {
		if rest == path {
			return candidate, "", ""
		}
		if after, ok := strings.CutPrefix(rest, path+"/"); ok {
			key, sub, _ = strings.Cut(after, "/")
			return candidate, key, sub
		}
	}
	return nil, "", ""
}

// authenticate answers as DRF does when SessionAuthentication comes first: it knows no challenge, so what would be a
// 401 is a 403.
func (s *Server) authenticate(r *http.Request) error {
	forbidden := func(detail string) error {
		return &refusal{status: http.StatusForbidden, body: map[string]any{"detail": detail}}
	}
	words := strings.Fields(r.Header.Get("Authorization"))
	switch {
	case len(words) == 0 || !strings.EqualFold(words[0], "token"):
		return forbidden("Authentication credentials were not provided.")
	case len(words) == 1:
		return forbidden("Invalid token header. No credentials provided.")
	case len(words) > 2:
		return forbidden("Invalid token header. Token string should not contain spaces.")
	case words[1] != s.config.Token:
		return forbidden("Invalid token")
	}
	return nil
}

func (s *Server) serveList(w http.ResponseWriter, r *http.Request, m *model) {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		s.mu.RLock()
		defer s.mu.RUnlock()
		body, err := s.list(viewOf(r), r, m)
		answer(w, http.StatusOK, body, err)
	case http.MethodPost:
		s.change(w, r, http.StatusCreated, func(t *transaction, data any) (any, error) { return s.post(viewOf(r), t, m, data) })
	case http.MethodPatch, http.MethodPut:
		s.change(w, r, http.StatusOK, func(t *transaction, data any) (any, error) {
			return s.bulkUpdate(viewOf(r), t, m, data, r.Method == http.MethodPatch)
		})
	case http.MethodDelete:
		s.change(w, r, http.StatusNoContent, func(t *transaction, data any) (any, error) { return nil, s.bulkDelete(t, m, data) })
	default:
		methodNotAllowed(w, r, "GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS")
	}
}

func (s *Server) serveDetail(w http.ResponseWriter, r *http.Request, m *model, key string) {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		s.mu.RLock()
		defer s.mu.RUnlock()
		found, err := s.lookup(r, m, key)
		if err != nil {
			answer(w, 0, nil, err)
			return
		}
		answer(w, http.StatusOK, s.show(viewOf(r), m, found), nil)
	case http.MethodPatch, http.MethodPut:
		s.change(w, r, http.StatusOK, func(t *transaction, data any) (any, error) {
			found, err := s.lookup(r, m, key)
			if err != nil {
				return nil, err
			}
			changed, err := s.update(t, m, found, data, r.Method == http.MethodPatch)
			if err != nil {
				return nil, err
			}
			return s.show(viewOf(r), m, changed), nil
		})
	case http.MethodDelete:
		s.change(w, r, http.StatusNoContent, func(t *transaction, _ any) (any, error) {
			found, err := s.lookup(r, m, key)
			if err != nil {
				return nil, err
			}
			return nil, t.delete(m, found)
		})
	default:
		methodNotAllowed(w, r, "GET, PUT, PATCH, DELETE, HEAD, OPTIONS")
	}
}

// lookup finds a record by id or composite key; the query's filters apply to it as well.
func (s *Server) lookup(r *http.Request, m *model, key string) (record, error) {
	predicates, err := s.filters(m, r.URL.Query())
	if err != nil {
		return nil, err
	}
	var found record
	if id, err := uuid.Parse(key); err == nil {
		found = s.store.tables[m.path][id.String()]
	} else if matches := s.byNaturalKey(m, key); len(matches) == 1 {
		found = matches[0]
	}
	if found == nil || slices.ContainsFunc(predicates, func(p predicate) bool { return !p(found) }) {
		return nil, &refusal{status: http.StatusNotFound, body: map[string]any{"detail": "No " + m.class + " matches the given query."}}
	}
	return found, nil
}

func (s *Server) list(v view, r *http.Request, m *model) (any, error) {
	query := r.URL.Query()
	predicates, err := s.filters(m, query)
	if err != nil {
		return nil, err
	}
	records := slices.DeleteFunc(s.store.all(m), func(candidate record) bool {
		return slices.ContainsFunc(predicates, func(p predicate) bool { return !p(candidate) })
	})
	if sort := query.Get("sort"); sort != "" {
		name := strings.TrimPrefix(sort, "-")
		if m.field(name) != nil || name == "created" || name == "last_updated" || name == "id" {
			slices.SortStableFunc(records, func(a, b record) int {
				if sort[0] == '-' {
					a, b = b, a
				}
				return compareValues(a[name], b[name])
			})
		}
	}
	return s.page(v, r, m, records), nil
}

func (s *Server) post(v view, t *transaction, m *model, data any) (any, error) {
	items, many := data.([]any)
	if !many {
		created, err := s.create(t, m, data)
		if err != nil {
			return nil, err
		}
		return s.show(v, m, created), nil
	}
	shown, issues, failed := []any{}, []any{}, false
	for _, item := range items {
		created, err := s.create(t, m, item)
		var refused *refusal
		switch {
		case errors.As(err, &refused):
			issues, failed = append(issues, refused.body), true
		case err != nil:
			return nil, err
		default:
			issues, shown = append(issues, map[string]any{}), append(shown, s.show(v, m, created))
		}
	}
	if failed {
		return nil, &refusal{status: http.StatusBadRequest, body: issues}
	}
	return shown, nil
}

// identified reads the ids of a bulk operation.
func identified(data any) (ids []string, items []map[string]any, err error) {
	list, ok := data.([]any)
	if !ok {
		return nil, nil, &refusal{status: 400, body: problems{
			nonField: {fmt.Sprintf(`Expected a list of items but got type "%s".`, pythonType(data))},
		}}
	}
	issues, failed := []any{}, false
	for _, item := range list {
		values, ok := item.(map[string]any)
		problem := problems{}
		if !ok {
			problem.add(nonField, fmt.Sprintf("Invalid data. Expected a dictionary, but got %s.", pythonType(item)))
		} else if given, ok := values["id"]; !ok {
			problem.add("id", "This field is required.")
		} else if id, err := uuid.Parse(fmt.Sprint(given)); err != nil {
			problem.add("id", "Must be a valid UUID.")
		} else {
			ids, items = append(ids, id.String()), append(items, values)
		}
		failed = failed || len(problem) > 0
		issues = append(issues, problem)
	}
	if failed {
		return nil, nil, &refusal{status: 400, body: issues}
	}
	return ids, items, nil
}

// bulkUpdate changes all or nothing; ids that do not exist are passed over in silence.
func (s *Server) bulkUpdate(v view, t *transaction, m *model, data any, partial bool) (any, error) {
	ids, items, err := identified(data)
	if err != nil {
		return nil, err
	}
	shown := []any{}
	for _, old := range s.store.all(m) { // in the order of the queryset, not of the request
		at := slices.Index(ids, old.id())
		if at < 0 {
			continue
		}
		changed, err := s.update(t, m, old, items[at], partial)
		if err != nil {
			return nil, err
		}
		shown = append(shown, s.show(v, m, changed))
	}
	return shown, nil
}

func (s *Server) bulkDelete(t *transaction, m *model, data any) error {
	ids, _, err := identified(data)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if found, exists := s.store.tables[m.path][id]; exists {
			if err := t.delete(m, found); err != nil {
				return err
			}
		}
	}
	return nil
}

// serveNotes is the subroute of a record's notes.
func (s *Server) serveNotes(w http.ResponseWriter, r *http.Request, m *model, key string) {
	notes := byPath["extras/notes"]
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		s.mu.RLock()
		defer s.mu.RUnlock()
		found, err := s.lookup(r, m, key)
		if err != nil {
			answer(w, 0, nil, err)
			return
		}
		own := slices.DeleteFunc(s.store.all(notes), func(n record) bool {
			return n["assigned_object_type"] != m.kind || n["assigned_object_id"] != found.id()
		})
		answer(w, http.StatusOK, s.page(viewOf(r), r, notes, own), nil)
	case http.MethodPost:
		s.change(w, r, http.StatusCreated, func(t *transaction, data any) (any, error) {
			found, err := s.lookup(r, m, key)
			if err != nil {
				return nil, err
			}
			values, err := dictionary(data)
			if err != nil {
				return nil, err
			}
			values["assigned_object_type"], values["assigned_object_id"] = m.kind, found.id()
			return s.post(viewOf(r), t, notes, values)
		})
	default:
		methodNotAllowed(w, r, "GET, POST, HEAD, OPTIONS")
	}
}

// change runs one write: read the body, change under the lock, and keep all of it or nothing.
func (s *Server) change(w http.ResponseWriter, r *http.Request, status int, do func(t *transaction, data any) (any, error)) {
	data, err := readBody(r)
	if err != nil {
		answer(w, 0, nil, err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &transaction{store: s.store}
	body, err := do(t, data)
	if err != nil {
		t.rollback()
	}
	for _, change := range t.changes {
		journal.Record(r.Context(), change)
	}
	answer(w, status, body, err)
}

func readBody(r *http.Request) (any, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, fmt.Errorf("read request: %w", err)
	}
	if len(body) == 0 {
		return map[string]any{}, nil
	}
	// pynautobot sends "application/json;" with nothing after the semicolon.
	given := r.Header.Get("Content-Type")
	kind, _, err := mime.ParseMediaType(strings.TrimSuffix(strings.TrimSpace(given), ";"))
	if err != nil || (kind != "application/json" && !strings.HasSuffix(kind, "+json")) {
		return nil, &refusal{status: http.StatusUnsupportedMediaType, body: map[string]any{
			"detail": fmt.Sprintf("Unsupported media type %q in request.", given),
		}}
	}
	return decode(body)
}

func answer(w http.ResponseWriter, status int, body any, err error) {
	var refused *refusal
	switch {
	case errors.As(err, &refused):
		status, body = refused.status, refused.body
	case err != nil:
		status, body = http.StatusInternalServerError, map[string]any{"error": err.Error()}
	}
	w.Header().Set("API-Version", apiVersion)
	w.Header().Set("Vary", "Accept, Cookie, origin")
	if status == http.StatusNoContent {
		w.WriteHeader(status)
		return
	}
	data, err := json.Marshal(body)
	if err != nil {
		// Values come from JSON or from our own tables: nothing in them can fail to encode.
		panic(fmt.Sprintf("nautobot: encode answer: %v", err))
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Allow", "GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS")
	w.WriteHeader(status)
	_, _ = w.Write(data) // held by the journal: cannot fail
}

func methodNotAllowed(w http.ResponseWriter, r *http.Request, allow string) {
	w.Header().Set("Allow", allow)
	answer(w, 0, nil, &refusal{status: http.StatusMethodNotAllowed, body: map[string]any{
		"detail": fmt.Sprintf("Method %q not allowed.", r.Method),
	}})
}

func (s *Server) serveRoot(w http.ResponseWriter, r *http.Request) {
	v := viewOf(r)
	root := map[string]any{"status": v.base + "/api/status/"}
	for _, m := range models {
		app, _, _ := strings.Cut(m.path, "/")
		root[app] = v.base + "/api/" + app + "/"
	}
	answer(w, http.StatusOK, root, nil)
}

func serveStatus(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		methodNotAllowed(w, r, "GET, HEAD, OPTIONS")
		return
	}
	answer(w, http.StatusOK, map[string]any{
		"django-version": "5.2.7", "installed-apps": map[string]any{}, "nautobot-version": Version,
		"nautobot-apps": map[string]any{}, "plugins": map[string]any{}, "python-version": "3.12.12",
		"celery-workers-running": 1, "simulator": "eventrig " + runtime.Version(),
	}, nil)
}

func serveHealth(w http.ResponseWriter, r *http.Request) {
	if strings.Contains(r.Header.Get("Accept"), "application/json") || r.URL.Query().Get("format") == "json" {
		answer(w, http.StatusOK, map[string]any{
			"Cache backend: default": "working", "DatabaseBackend": "working", "RedisBackend": "working",
		}, nil)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = io.WriteString(w, "<!DOCTYPE html>\n<html><head><title>System status</title></head><body><h1>System status</h1></body></html>\n")
}

// notFoundPage is Django's answer to a path that no URL pattern matches.
func notFoundPage(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(http.StatusNotFound)
	_, _ = fmt.Fprintf(w, "<!DOCTYPE html>\n<html><head><title>Page Not Found - Nautobot</title></head><body><h1>Page Not Found</h1>"+
		"<p>The requested page (<code>%s</code>) does not exist.</p></body></html>\n", html.EscapeString(r.URL.Path))
}
