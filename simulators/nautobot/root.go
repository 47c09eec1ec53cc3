package nautobot

import (
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
)

// appPath is the first part of a model's path: dcim, or plugins/undercloud-vni.
func (m *model) appPath() string { return m.path[:strings.LastIndexByte(m.path, '/')] }

const installedPlugins = "plugins/installed-plugins"

// isRoot says whether a path lists what is below it: the API's root, status, or an app.
func (s *Server) isRoot(rest string) bool {
	switch rest {
	case "", "status", "plugins", installedPlugins, "graphql", "docs", "swagger", "swagger.json", "swagger.yaml":
		return true
	}
	if _, ok := contentTypeKey(rest); ok {
		return true
	}
	return slices.ContainsFunc(s.schema.models, func(m *model) bool { return m.appPath() == rest })
}

func (s *Server) serveRoot(w http.ResponseWriter, r *http.Request, rest string) {
	if key, ok := contentTypeKey(rest); ok {
		s.serveContentTypes(w, r, key)
		return
	}
	if rest == "graphql" {
		s.serveGraphQL(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		methodNotAllowed(w, r, readMethods)
		return
	}
	switch {
	case rest == "status":
		serveStatus(w)
		return
	case strings.HasPrefix(rest, "swagger"):
		s.serveSwagger(w, r, rest)
		return
	case rest == "docs":
		if r.URL.Query().Get("format") != "openapi" {
			s.notFoundPage(w, r) // the page for people
			return
		}
		// pynautobot's openapi() asks here, as drf-yasg had it (core/api/views.py).
		http.Redirect(w, r, "/api/swagger.json", http.StatusMovedPermanently)
		return
	case rest == installedPlugins:
		answer(w, http.StatusOK, s.plugins(), nil)
		return
	}
	v := viewOf(r)
	root := map[string]any{}
	for _, m := range s.schema.models {
		app := m.appPath()
		switch first, _, _ := strings.Cut(app, "/"); {
		case rest == "":
			root[first] = v.base + "/api/" + first + "/"
		case rest == app:
			root[m.path[len(app)+1:]] = v.base + "/api/" + m.path + "/"
		case rest == "plugins" && first == rest:
			root[app[len("plugins/"):]] = v.base + "/api/" + app + "/"
		}
	}
	if rest == "" {
		root["status"], root["graphql"] = v.base+"/api/status/", v.base+"/api/graphql/"
	}
	if rest == "extras" {
		root["content-types"] = v.base + "/api/" + contentTypesPath + "/"
	}
	answer(w, http.StatusOK, root, nil)
}

// plugins are the apps that are installed beside Nautobot's own, as InstalledPluginsAPIView tells them.
func (s *Server) plugins() []any {
	installed := []any{}
	for _, m := range s.schema.models {
		name, is := strings.CutPrefix(m.appPath(), "plugins/")
		if is && !slices.ContainsFunc(installed, func(one any) bool { return one.(map[string]any)["base_url"] == name }) {
			installed = append(installed, map[string]any{
				"name": capital(strings.ReplaceAll(name, "-", " ")), "package": strings.ReplaceAll(name, "-", "_"), "author": "", "author_email": "",
				"description": "", "version": "0.0.0", "base_url": name, "headline": "", "actions": map[string]any{},
			})
		}
	}
	return installed
}

func serveStatus(w http.ResponseWriter) {
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

// optionTypes are the types that DRF's metadata gives to fields (rest_framework/metadata.py SimpleMetadata).
var optionTypes = map[kind]string{
	text: "string", integer: "integer", decimal: "decimal", float: "float", boolean: "boolean", date: "date", datetime: "datetime",
	choiceOf: "choice", choiceList: "list", related: "field", relatedList: "field", through: "field", contentType: "string",
	contentTypes: "field", generic: "string", identifier: "string", object: "field", address: "string", mac: "string",
	counted: "integer", computed: "field",
}

// serveOptions is the metadata of an endpoint: its fields with type, whether they are required, and their choices
// (core/api/metadata.py).
func (s *Server) serveOptions(w http.ResponseWriter, m *model, list bool) {
	fields := map[string]any{}
	for _, f := range m.fields {
		described := map[string]any{
			"type": optionTypes[f.kind], "required": f.required, "read_only": f.readOnly, "label": capital(f.labelOf()),
		}
		if f.max > 0 {
			described["max_length"] = f.max
		}
		if f.low != 0 || f.high != 0 {
			described["min_value"], described["max_value"] = f.low, f.high
		}
		if f.choices != nil {
			choices := make([]any, len(f.choices))
			for i, c := range f.choices {
				choices[i] = map[string]any{"value": c.value, "display": c.label}
			}
			described["choices"] = choices
		}
		fields[f.name] = described
	}
	name, actions := capital(m.verbose)+" List", "POST"
	if !list {
		name, actions = capital(m.verbose), "PUT"
	}
	described := map[string]any{
		"name": name, "description": "", "renders": []string{"application/json", "text/html"}, "parses": []string{"application/json"},
	}
	if !m.fixed {
		described["actions"] = map[string]any{actions: fields}
	}
	allow := detailMethods
	switch {
	case m.fixed:
		allow = readMethods
	case list:
		allow = listMethods
	}
	w.Header().Set("Allow", allow)
	answer(w, http.StatusOK, described, nil)
}
