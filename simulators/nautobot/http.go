package nautobot

import (
	"errors"
	"fmt"
	"html"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"sync"

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
		s.notFoundPage(w, r)
		return
	}
	rest := strings.Trim(strings.TrimPrefix(r.URL.Path, "/api/"), "/")
	m, key, sub := s.route(rest)
	root := m == nil && s.isRoot(rest)
	below, other := subroute{}, false
	if m != nil && sub != "" {
		below, other = subroutes[m.path+"/"+sub]
	}
	if m == nil && !root || sub != "" && !other && (sub != "notes" || !m.notes) {
		s.notFoundPage(w, r)
		return
	}
	if !strings.HasSuffix(r.URL.Path, "/") && !strings.HasPrefix(rest, "swagger.") {
		// Django's APPEND_SLASH; the body of a POST is lost on the way, as with the real one.
		target := *r.URL
		target.Path += "/"
		http.Redirect(w, r, target.RequestURI(), http.StatusMovedPermanently)
		return
	}
	if err := checkVersion(r); err != nil {
		answer(w, 0, nil, err)
		return
	}
	s.mu.RLock()
	who, err := s.authenticate(r)
	s.mu.RUnlock()
	if err != nil {
		answer(w, 0, nil, err)
		return
	}
	switch {
	case root:
		s.serveRoot(w, r, rest)
	case other:
		below.serve(s, w, r, who, m, key)
	case sub == "notes":
		s.serveNotes(w, r, who, m, key)
	case key != "":
		s.serveDetail(w, r, who, m, key)
	default:
		s.serveList(w, r, who, m)
	}
}

// route splits app/endpoint[/key[/sub]].
func (s *Server) route(rest string) (m *model, key, sub string) {
	parts := 2
	if strings.HasPrefix(rest, "plugins/") {
		parts = 3
	}
	at := 0
	for range parts {
		next := strings.IndexByte(rest[at:], '/')
		if next < 0 {
			return s.schema.byPath[rest], "", ""
		}
		at += next + 1
	}
	m = s.schema.byPath[rest[:at-1]]
	key, sub, _ = strings.Cut(rest[at:], "/")
	return m, key, sub
}

// checkVersion refuses an API version that this Nautobot does not have (core/api/versioning.py).
func checkVersion(r *http.Request) error {
	version := ""
	if _, parameters, err := mime.ParseMediaType(r.Header.Get("Accept")); err == nil {
		version = parameters["version"]
	}
	if r.URL.RawQuery != "" && version == "" {
		version = r.URL.Query().Get("api_version")
	}
	if version != "" && version != "3.0" && version != apiVersion {
		return &refusal{status: http.StatusNotAcceptable, body: map[string]any{
			"detail": `Invalid version in "Accept" header. Supported versions are 3.0, 3.1`,
		}}
	}
	return nil
}

const (
	listMethods   = "GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS"
	detailMethods = "GET, PUT, PATCH, DELETE, HEAD, OPTIONS"
	readMethods   = "GET, HEAD, OPTIONS"
	notesMethods  = "GET, POST, HEAD, OPTIONS"
)

func (s *Server) serveList(w http.ResponseWriter, r *http.Request, who actor, m *model) {
	if m.fixed && r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodOptions {
		methodNotAllowed(w, r, readMethods)
		return
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		s.read(w, listMethods, func(b []byte) ([]byte, error) {
			query := r.URL.Query()
			records, err := s.store.selected(m, query)
			if err != nil {
				return b, err
			}
			v := viewOf(r)
			return s.store.appendPage(b, &v, r, query, m, records), nil
		})
	case http.MethodPost:
		s.change(w, r, who, http.StatusCreated, func(t *transaction, data any) ([]byte, error) { return s.post(viewOf(r), t, who, m, data) })
	case http.MethodPatch, http.MethodPut:
		s.change(w, r, who, http.StatusOK, func(t *transaction, data any) ([]byte, error) {
			return s.bulkUpdate(viewOf(r), t, who, m, data, r.Method == http.MethodPatch)
		})
	case http.MethodDelete:
		s.change(w, r, who, http.StatusNoContent, func(t *transaction, data any) ([]byte, error) { return nil, s.bulkDelete(t, m, data) })
	case http.MethodOptions:
		s.serveOptions(w, m, true)
	default:
		methodNotAllowed(w, r, listMethods)
	}
}

func (s *Server) serveDetail(w http.ResponseWriter, r *http.Request, who actor, m *model, key string) {
	if m.fixed && r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodOptions {
		methodNotAllowed(w, r, readMethods)
		return
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		s.read(w, detailMethods, func(b []byte) ([]byte, error) {
			found, err := s.lookup(r, m, key)
			if err != nil {
				return b, err
			}
			v := viewOf(r)
			return s.store.appendRecord(b, &v, m, found), nil
		})
	case http.MethodPatch, http.MethodPut:
		s.change(w, r, who, http.StatusOK, func(t *transaction, data any) ([]byte, error) {
			found, err := s.lookup(r, m, key)
			if err != nil {
				return nil, err
			}
			changed, err := s.update(t, m, found, data, r.Method == http.MethodPatch, who)
			if err != nil {
				return nil, err
			}
			v := viewOf(r)
			return s.store.appendRecord(nil, &v, m, changed), nil
		})
	case http.MethodDelete:
		s.change(w, r, who, http.StatusNoContent, func(t *transaction, _ any) ([]byte, error) {
			found, err := s.lookup(r, m, key)
			if err != nil {
				return nil, err
			}
			return nil, t.delete(m, found)
		})
	case http.MethodOptions:
		s.serveOptions(w, m, false)
	default:
		methodNotAllowed(w, r, detailMethods)
	}
}

// lookup finds a record by id or composite key; the query's filters apply to it as well.
func (s *Server) lookup(r *http.Request, m *model, key string) (*record, error) {
	var found *record
	if id, err := uuid.Parse(key); err == nil {
		found = s.store.find(m.path, id.String())
	} else if matches, _ := s.store.byNaturalKey(m, key, false); len(matches) == 1 {
		found = matches[0]
	}
	if r.URL.RawQuery != "" {
		conditions, err := s.store.filters(m, r.URL.Query())
		if err != nil {
			return nil, err
		}
		if found != nil && slices.ContainsFunc(conditions, func(c *condition) bool { return !c.test(found) }) {
			found = nil
		}
	}
	if found == nil {
		return nil, &refusal{status: http.StatusNotFound, body: map[string]any{"detail": "No " + m.class + " matches the given query."}}
	}
	return found, nil
}

func (s *Server) post(v view, t *transaction, who actor, m *model, data any) ([]byte, error) {
	items, many := data.([]any)
	if !many {
		created, err := s.create(t, m, data, who, false)
		if err != nil {
			return nil, err
		}
		return s.store.appendRecord(nil, &v, m, created), nil
	}
	b, issues, failed := []byte{'['}, []any{}, false
	for i, item := range items {
		created, err := s.create(t, m, item, who, false)
		var refused *refusal
		switch {
		case errors.As(err, &refused):
			issues, failed = append(issues, refused.body), true
		case err != nil:
			return nil, err
		default:
			issues = append(issues, map[string]any{})
			if i > 0 {
				b = append(b, ',')
			}
			b = s.store.appendRecord(b, &v, m, created)
		}
	}
	if failed {
		return nil, &refusal{status: http.StatusBadRequest, body: issues}
	}
	return append(b, ']'), nil
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
		} else if id, err := uuid.Parse(plain(given)); err != nil {
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
func (s *Server) bulkUpdate(v view, t *transaction, who actor, m *model, data any, partial bool) ([]byte, error) {
	ids, items, err := identified(data)
	if err != nil {
		return nil, err
	}
	byID := map[string]map[string]any{}
	var records []*record
	for i, id := range ids {
		if r := s.store.find(m.path, id); r != nil && byID[id] == nil {
			records = append(records, r)
		}
		byID[id] = items[i]
	}
	slices.SortFunc(records, byOrder) // the order of the queryset, not of the request
	b := []byte{'['}
	for i, old := range records {
		changed, err := s.update(t, m, t.current(m, old), byID[old.id], partial, who)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = s.store.appendRecord(b, &v, m, changed)
	}
	return append(b, ']'), nil
}

func (s *Server) bulkDelete(t *transaction, m *model, data any) error {
	ids, _, err := identified(data)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if found := s.store.find(m.path, id); found != nil {
			if err := t.delete(m, found); err != nil {
				return err
			}
		}
	}
	return nil
}

// serveNotes is the subroute of a record's notes.
func (s *Server) serveNotes(w http.ResponseWriter, r *http.Request, who actor, m *model, key string) {
	notes := s.schema.byPath["extras/notes"]
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		s.read(w, notesMethods, func(b []byte) ([]byte, error) {
			found, err := s.lookup(r, m, key)
			if err != nil {
				return b, err
			}
			var own []*record
			s.store.tables[notes.path].where(notes.field("assigned_object_id"), found.id).all(func(n *record) bool {
				if notes.text(n, "assigned_object_type") == m.kind {
					own = append(own, n)
				}
				return true
			})
			v := viewOf(r)
			return s.store.appendPage(b, &v, r, r.URL.Query(), notes, chosen(own)), nil
		})
	case http.MethodPost:
		s.change(w, r, who, http.StatusCreated, func(t *transaction, data any) ([]byte, error) {
			found, err := s.lookup(r, m, key)
			if err != nil {
				return nil, err
			}
			values, err := dictionary(data)
			if err != nil {
				return nil, err
			}
			values["assigned_object_type"], values["assigned_object_id"] = m.kind, found.id
			return s.post(viewOf(r), t, who, notes, values)
		})
	default:
		methodNotAllowed(w, r, notesMethods)
	}
}

// bodies are buffers that answers are rendered into.
var bodies = sync.Pool{New: func() any { b := make([]byte, 0, 16<<10); return &b }}

// read renders an answer under the read lock and sends it.
func (s *Server) read(w http.ResponseWriter, allow string, render func(b []byte) ([]byte, error)) {
	buffer := bodies.Get().(*[]byte)
	defer bodies.Put(buffer)
	s.mu.RLock()
	body, err := render((*buffer)[:0])
	s.mu.RUnlock()
	if cap(body) <= 1<<20 {
		*buffer = body[:0]
	}
	if err != nil {
		answer(w, 0, nil, err)
		return
	}
	send(w, http.StatusOK, allow, body)
}

// change runs one write: read the body, change under the lock, and keep all of it or nothing.
func (s *Server) change(w http.ResponseWriter, r *http.Request, who actor, status int, do func(t *transaction, data any) ([]byte, error)) {
	data, err := readBody(r)
	if err != nil {
		answer(w, 0, nil, err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &transaction{store: s.store}
	body, err := do(t, data)
	if err == nil {
		err = s.commit(t, who)
	}
	if err != nil {
		t.rollback()
		answer(w, 0, nil, err)
		return
	}
	for _, o := range t.operations {
		if !o.silent {
			journal.Record(r.Context(), s.store.journaled(o))
		}
	}
	allow := listMethods
	if !strings.HasPrefix(r.URL.Path, "/api/plugins/") && strings.Count(r.URL.Path, "/") > 4 {
		allow = detailMethods
	}
	send(w, status, allow, body)
}

// commit makes what a transaction changed last.
func (s *Server) commit(t *transaction, who actor) error {
	s.logChanges(t, who)
	return s.keep(t)
}

// keep writes a transaction to the state file, where there is one.
func (s *Server) keep(t *transaction) error {
	if s.state == nil {
		return nil
	}
	return s.state.write(s.store, t.operations)
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

// answer sends a value, or what an error says.
func answer(w http.ResponseWriter, status int, body any, err error) {
	var refused *refusal
	switch {
	case errors.As(err, &refused):
		status, body = refused.status, refused.body
	case err != nil:
		status, body = http.StatusInternalServerError, map[string]any{"error": err.Error(), "exception": "OperationalError", "nautobot_version": Version}
	}
	send(w, status, listMethods, appendJSON(nil, body))
}

func send(w http.ResponseWriter, status int, allow string, body []byte) {
	header := w.Header()
	header["Api-Version"] = []string{apiVersion}
	header["Vary"] = []string{"Accept, Cookie, origin"}
	if status == http.StatusNoContent {
		w.WriteHeader(status)
		return
	}
	header["Content-Type"] = []string{"application/json"}
	if header.Get("Allow") == "" {
		header["Allow"] = []string{allow}
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // held by the journal: cannot fail
}

func methodNotAllowed(w http.ResponseWriter, r *http.Request, allow string) {
	w.Header().Set("Allow", allow)
	answer(w, 0, nil, &refusal{status: http.StatusMethodNotAllowed, body: map[string]any{
		"detail": fmt.Sprintf("Method %q not allowed.", r.Method),
	}})
}

// notFoundPage is Django's answer to a path that no URL pattern matches.
func (s *Server) notFoundPage(w http.ResponseWriter, r *http.Request) {
	s.routes.Note(r)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(http.StatusNotFound)
	_, _ = fmt.Fprintf(w, "<!DOCTYPE html>\n<html><head><title>Page Not Found - Nautobot</title></head><body><h1>Page Not Found</h1>"+
		"<p>The requested page (<code>%s</code>) does not exist.</p></body></html>\n", html.EscapeString(r.URL.Path))
}
