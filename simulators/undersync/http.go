package undersync

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/eventrig/eventrig/internal/nearest"
	"github.com/eventrig/eventrig/simulators/internal/journal"
	"github.com/eventrig/eventrig/simulators/internal/routes"
	"github.com/eventrig/eventrig/simulators/internal/values"
)

// maxRuns bounds the runs that are kept, the newest ones; the journal has its own bounds.
const maxRuns = 10_000

// actions are what can be asked for a VLAN group.
var actions = []string{"sync", "dry-run", "force"}

// Endpoint is one route with what it does.
type Endpoint struct{ Route, Does string }

// Endpoints are what is served, for the coverage table and for the route that came closest.
var Endpoints = []Endpoint{
	{"POST /v1/vlan-group/{name}/sync", "a run for the group"},
	{"POST /v1/vlan-group/{name}/dry-run", "a run that changes nothing"},
	{"POST /v1/vlan-group/{name}/force", "a run that overwrites what was changed by hand"},
}

var table = func() *routes.Table {
	t := routes.New()
	for _, endpoint := range Endpoints {
		t.Add(endpoint.Route)
	}
	return t
}()

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	name, action, ok := parse(r)
	if !ok {
		table.Note(r)
		refuse(w, http.StatusNotFound, "there is no %s", r.URL.Path)
		return
	}
	if r.Method != http.MethodPost {
		table.Note(r)
		w.Header().Set("Allow", http.MethodPost)
		refuse(w, http.StatusMethodNotAllowed, "method %s is not allowed", r.Method)
		return
	}
	if !s.authorized(r) {
		w.Header().Set("WWW-Authenticate", "Bearer")
		refuse(w, http.StatusUnauthorized, "a bearer token is required, and a valid one")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	group := find(s.groups, name)
	if group == nil && len(s.groups) > 0 {
		var names []string
		for _, known := range s.groups {
			names = append(names, fmt.Sprint(known["name"]))
		}
		journal.Note(r.Context(), "the world has no such VLAN group: nearest is "+nearest.Names(name, names, 1)[0])
		refuse(w, http.StatusNotFound, "there is no VLAN group %q", name)
		return
	}
	run := map[string]any{"id": values.UUID(s.random), "vlan_group": name, "action": action, "time": s.config.Now().UTC().Format("2006-01-02T15:04:05.000000Z")}
	s.runs = append(s.runs[max(0, len(s.runs)+1-maxRuns):], run)
	journal.Record(r.Context(), journal.Change{Path: runsPath, ID: fmt.Sprint(run["id"]), After: run})
	devices := []any{}
	if group != nil {
		devices = group["devices"].([]any) // Load made it one
	}
	answer(w, http.StatusOK, map[string]any{
		"id": run["id"], "vlan_group": name, "action": action, "dry_run": action == "dry-run", "force": action == "force",
		"devices": devices, "status": "completed",
	})
}

// parse reads a path's group and action. Clients quote the group's name, which may hold a slash.
func parse(r *http.Request) (name, action string, ok bool) {
	segments := strings.Split(r.URL.EscapedPath(), "/")
	if len(segments) != 5 || segments[1] != "v1" || segments[2] != "vlan-group" || segments[3] == "" {
		return "", "", false
	}
	name, err := url.PathUnescape(segments[3])
	return name, segments[4], err == nil && slices.Contains(actions, segments[4])
}

// authorized takes a bearer token or, as neutron's mechanism driver can be set to send it, a Keystone token, of which only
// its presence can be checked.
func (s *Server) authorized(r *http.Request) bool {
	kind, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(kind, "bearer") {
		return strings.TrimSpace(token) == s.config.Token
	}
	return kind == "" && r.Header.Get("X-Auth-Token") != ""
}

func refuse(w http.ResponseWriter, status int, format string, arguments ...any) {
	answer(w, status, map[string]any{"error": fmt.Sprintf(format, arguments...)})
}

func answer(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // held by the journal, and of plain values: cannot fail
}
