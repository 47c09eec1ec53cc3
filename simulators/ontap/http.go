package ontap

import (
	"bytes"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/eventrig/eventrig/simulators/internal/journal"
	"github.com/eventrig/eventrig/simulators/internal/routes"
	"github.com/eventrig/eventrig/simulators/internal/values"
)

const (
	maxRecords = 10_000 // of one answer, and the default of max_records
	maxTimeout = 120    // seconds, of return_timeout
	maxJobs    = 1_000  // the newest that are kept
)

var table = func() *routes.Table {
	t := routes.New()
	for _, c := range collections {
		listed, one := []string{"GET"}, []string{"GET"}
		for _, method := range c.methods {
			if method == http.MethodPost {
				listed = append(listed, method)
			} else {
				one = append(one, method)
			}
		}
		t.Add(strings.Join(listed, ", ") + " /api/" + c.path)
		if !c.single {
			t.Add(strings.Join(one, ", ") + " /api/" + c.path + "/{uuid}")
		}
	}
	return t
}()

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if !s.authorized(r) {
		w.Header().Set("WWW-Authenticate", `Basic realm="private"`)
		answerError(w, r, refuse(401, codeUnauthorized, "", "User is not authorized."))
		return
	}
	c, id := find(r.URL.Path)
	if c == nil {
		table.Note(r)
		answerError(w, r, refuse(404, codeNoAPI, "", "API not found"))
		return
	}
	allowed := []string{http.MethodGet, http.MethodHead, http.MethodOptions}
	for _, method := range c.methods {
		if (method == http.MethodPost) == (id == "") {
			allowed = append(allowed, method)
		}
	}
	switch {
	case r.Method == http.MethodOptions:
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		answer(w, r, http.StatusOK, map[string]any{})
		return
	case !slices.Contains(allowed, r.Method):
		table.Note(r)
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		answerError(w, r, refuse(405, codeGeneral, "", "Method %s is not allowed for %s.", r.Method, r.URL.Path))
		return
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		answerError(w, r, refuse(400, codeGeneral, "", "The query cannot be read."))
		return
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		err = s.get(w, r, c, id, query)
	} else {
		err = s.change(w, r, c, id, query)
	}
	if err != nil {
		answerError(w, r, err)
	}
}

// find splits a path below /api/ into a collection and the id of a record, which may be empty.
func find(path string) (c *collection, id string) {
	rest, ok := strings.CutPrefix(path, "/api/")
	if !ok {
		return nil, ""
	}
	rest = strings.TrimSuffix(rest, "/")
	if c := byPath[rest]; c != nil {
		return c, ""
	}
	i := strings.LastIndexByte(rest, '/')
	if i < 0 || rest[i+1:] == "" {
		return nil, ""
	}
	if c = byPath[rest[:i]]; c == nil || c.single {
		return nil, ""
	}
	return c, rest[i+1:]
}

func (s *Server) authorized(r *http.Request) bool {
	username, password, ok := r.BasicAuth()
	return ok && subtle.ConstantTimeCompare([]byte(username), []byte(s.config.Username)) == 1 &&
		subtle.ConstantTimeCompare([]byte(password), []byte(s.config.Password)) == 1
}

func (s *Server) get(w http.ResponseWriter, r *http.Request, c *collection, id string, query url.Values) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	filters, err := filtersOf(c, query)
	if err != nil {
		return err
	}
	if query.Has("query") && strings.ContainsAny(query.Get("query"), "=&") {
		journal.Note(r.Context(), "the parameter query is a text to search for, not conditions: a condition is a parameter of its own")
	}
	if id == "" && !c.single {
		return s.list(w, r, c, query, filters)
	}
	selected, err := selectionOf(c, query, filters, false)
	if err != nil {
		return err
	}
	found := s.store.get(c.path, id)
	if c.single {
		found = s.store.all(c.path)[0]
	}
	if found == nil {
		return missing("uuid")
	}
	shown := selected.project(s.complete(c, found))
	if hal(r) {
		shown = link(c, shown)
	}
	answer(w, r, http.StatusOK, shown)
	return nil
}

func (s *Server) list(w http.ResponseWriter, r *http.Request, c *collection, query url.Values, filters []filter) error {
	selected, err := selectionOf(c, query, filters, true)
	if err != nil {
		return err
	}
	limit, err := bounded(query, "max_records", maxRecords, 1, maxRecords)
	if err != nil {
		return err
	}
	start, err := bounded(query, "start.index", 0, 0, 1<<31-1)
	if err != nil {
		return err
	}
	matched := []map[string]any{}
	for _, candidate := range s.store.all(c.path) {
		shown := s.complete(c, candidate)
		if found(query, shown, c) && !slices.ContainsFunc(filters, func(f filter) bool { return !f.matches(shown) }) {
			matched = append(matched, shown)
		}
	}
	if err := arrange(c, matched, query.Get("order_by")); err != nil {
		return err
	}
	page := matched[min(start, len(matched)):]
	links := self(r.URL.RequestURI())
	if len(page) > limit {
		page = page[:limit]
		next := *r.URL
		query.Set("start.index", strconv.Itoa(start+limit))
		next.RawQuery = query.Encode()
		links["next"] = map[string]any{"href": next.RequestURI()}
	}
	records := []any{}
	for _, shown := range page {
		one := selected.project(shown)
		if hal(r) {
			one = link(c, one)
		}
		records = append(records, one)
	}
	body := map[string]any{"records": records, "num_records": len(records)}
	if query.Get("return_records") == "false" {
		delete(body, "records")
	}
	if !hal(r) {
		delete(links, "self")
	}
	if len(links) > 0 {
		body["_links"] = links
	}
	answer(w, r, http.StatusOK, body)
	return nil
}

// bounded reads a whole number of a query.
func bounded(query url.Values, name string, standard, from, upTo int) (int, error) {
	given := query.Get(name)
	if given == "" {
		return standard, nil
	}
	n, err := strconv.Atoi(given)
	if err != nil || n < from || n > upTo {
		return 0, invalid(name, given, fmt.Sprintf("integer from %d to %d", from, upTo))
	}
	return n, nil
}

// change serves POST, PATCH and DELETE: all of it or nothing.
func (s *Server) change(w http.ResponseWriter, r *http.Request, c *collection, id string, query url.Values) error {
	for name := range query {
		if !slices.Contains(parameters, name) {
			return unexpected(name)
		}
	}
	timeout, err := bounded(query, "return_timeout", 0, 0, maxTimeout)
	if err != nil {
		return err
	}
	given, err := body(r)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.store.clone()
	var changes []journal.Change
	o := &operation{ctx: r.Context(), query: query, changes: &changes}
	old := s.store.get(c.path, id)
	if id != "" && old == nil {
		return missing("uuid")
	}
	var made record
	switch r.Method {
	case http.MethodPost:
		made, err = s.create(o, c, given)
	case http.MethodPatch:
		err = s.update(o, c, old, given)
	default:
		err = s.delete(o, c, old)
	}
	inJob := c.async && timeout == 0 && r.Method == http.MethodDelete // ONTAP looks at what hangs on a record in the job
	if err != nil {
		s.store = before
		if !inJob {
			return err
		}
		changes = nil
	}
	for _, change := range changes {
		journal.Record(r.Context(), change)
	}
	if made != nil {
		w.Header().Set("Location", "/api/"+c.path+"/"+made.id())
	}
	s.acknowledge(w, r, c, made, timeout, err)
	return nil
}

// acknowledge answers a change. A job that is done within return_timeout is answered as one that was no job; ours all are
// done at once, but without a return_timeout a client still has to ask for the job, as with ONTAP.
func (s *Server) acknowledge(w http.ResponseWriter, r *http.Request, c *collection, made record, timeout int, failed error) {
	status := http.StatusOK
	if made != nil {
		status = http.StatusCreated
	}
	body := map[string]any{}
	if made != nil && r.URL.Query().Get("return_records") == "true" {
		shown := s.complete(c, made)
		if hal(r) {
			shown = link(c, shown)
		}
		body["num_records"], body["records"] = 1, []any{shown}
	}
	if c.async {
		job := map[string]any{"uuid": s.job(r, failed)}
		if hal(r) {
			job["_links"] = self("/api/cluster/jobs/" + job["uuid"].(string))
		}
		body["job"] = job
		if timeout == 0 {
			status = http.StatusAccepted
		}
	}
	answer(w, r, status, body)
}

// job notes a job that has run, and returns its id.
func (s *Server) job(r *http.Request, failed error) string {
	now := s.timestamp()
	job := record{
		"uuid": values.UUID(s.random), "description": r.Method + " " + r.URL.Path, "state": "success", "message": "success",
		"code": int64(0), "start_time": now, "end_time": now,
	}
	var refused *refusal
	if errors.As(failed, &refused) {
		job["state"], job["message"] = "failure", refused.message
		if code, err := strconv.ParseInt(refused.code, 10, 64); err == nil {
			job["code"] = code
		}
		job["error"] = map[string]any{"code": refused.code, "message": refused.message}
	}
	const path = "cluster/jobs"
	s.store.put(path, job)
	if jobs := s.store.tables[path]; len(jobs) > maxJobs {
		s.store.tables[path] = slices.Clone(jobs[len(jobs)-maxJobs:])
	}
	return job.id()
}

// body reads a request's object; an empty body is an empty object.
func body(r *http.Request) (map[string]any, error) {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, fmt.Errorf("read request: %w", err)
	}
	object := map[string]any{}
	if len(bytes.TrimSpace(data)) == 0 {
		return object, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if err := decoder.Decode(&object); err != nil || object == nil {
		return nil, refuse(400, codeGeneral, "", "The body is not a JSON object.")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, refuse(400, codeGeneral, "", "There is more after the body's JSON object.")
	}
	return expand(object), nil
}

// hal says whether the client takes links: it does unless it asks for plain JSON.
func hal(r *http.Request) bool {
	accept := r.Header.Get("Accept")
	return strings.Contains(accept, "application/hal+json") || !strings.Contains(accept, "application/json")
}

func answer(w http.ResponseWriter, r *http.Request, status int, value any) {
	kind := "application/json"
	if hal(r) {
		kind = "application/hal+json"
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // held by the journal, and of plain values: cannot fail
}

func answerError(w http.ResponseWriter, r *http.Request, err error) {
	status, shown := http.StatusInternalServerError, map[string]any{"message": err.Error(), "code": codeGeneral}
	var refused *refusal
	if errors.As(err, &refused) {
		status = refused.status
		shown = map[string]any{"message": refused.message, "code": refused.code}
		if refused.target != "" {
			shown["target"] = refused.target
		}
	}
	answer(w, r, status, map[string]any{"error": shown})
}
