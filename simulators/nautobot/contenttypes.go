package nautobot

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// contentTypesPath is an endpoint that no table holds: its records are the models themselves, with numbers for ids.
const contentTypesPath = "extras/content-types"

// contentTypeKey returns the id behind the path of the content types.
func contentTypeKey(rest string) (key string, ok bool) {
	if rest == contentTypesPath {
		return "", true
	}
	key, ok = strings.CutPrefix(rest, contentTypesPath+"/")
	return key, ok && !strings.Contains(key, "/")
}

// serveContentTypes is ContentTypeViewSet (extras/api/views.py), which only reads.
func (s *Server) serveContentTypes(w http.ResponseWriter, r *http.Request, key string) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		methodNotAllowed(w, r, readMethods)
		return
	}
	query, issues := r.URL.Query(), problems{}
	for name := range query {
		if !slices.Contains(notFilters, name) && !slices.Contains([]string{"id", "app_label", "model", "q"}, name) {
			issues.add(name, unknownFilter)
		}
	}
	for _, id := range query["id"] {
		if _, err := strconv.Atoi(id); err != nil {
			issues.add("id", "Enter a number.")
		}
	}
	if err := issues.refusal(); err != nil {
		answer(w, 0, nil, err)
		return
	}
	v := viewOf(r)
	var found [][]byte
	for i, m := range s.schema.models {
		id := strconv.Itoa(i + 1)
		app, name, _ := strings.Cut(m.kind, ".")
		fits := func(filter, value string) bool { return !query.Has(filter) || slices.Contains(query[filter], value) }
		if key != "" && key != id || !fits("id", id) || !fits("app_label", app) || !fits("model", name) || !strings.Contains(m.kind, strings.ToLower(query.Get("q"))) {
			continue
		}
		found = append(found, appendJSON(nil, map[string]any{
			"id": i + 1, "object_type": "contenttypes.contenttype", "display": s.schema.typeName(m.kind), "natural_slug": app + "_" + name + "_" + id,
			"url": v.base + "/api/" + contentTypesPath + "/" + id + "/", "app_label": app, "model": name,
		}))
	}
	if key == "" {
		send(w, http.StatusOK, readMethods, appendEnvelope(nil, &v, r, query, len(found), func(b []byte, i int) []byte { return append(b, found[i]...) }))
		return
	}
	if len(found) == 0 {
		answer(w, 0, nil, &refusal{status: http.StatusNotFound, body: map[string]any{"detail": "No ContentType matches the given query."}})
		return
	}
	send(w, http.StatusOK, readMethods, found[0])
}
