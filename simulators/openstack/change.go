package openstack

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/nearest"
	"github.com/eventrig/eventrig/simulators/openstack/core"
)

// Operation is what a Do does.
type Operation string

// The operations.
const (
	OpCreate Operation = "create"
	OpUpdate Operation = "update"
	OpDelete Operation = "delete"
	OpAction Operation = "action" // what the API has beside: a node's verb, a server's action
	OpCall   Operation = "call"   // a request as it is
)

// Do is a change that the cloud's administrator makes through the services' own API. Path names a collection as Records
// does (baremetal/nodes); for OpCall it is METHOD and path of the request (PUT /baremetal/v1/nodes/n1/maintenance).
type Do struct {
	Operation Operation
	Path      string
	ID        string // of the resource; a creation without one draws it
	Action    string // of OpAction: provide, power-on, reboot
	// Set are the fields of a creation or a change, an action's arguments, or a request's body. A change of a bare metal
	// resource takes paths, too: extra/role; nil removes the field.
	Set map[string]any
	// Status is that of the answer that is wanted; 0 is any success.
	Status int
	// Project is the project that the administrator's token is for, by its id: a server belongs to it. Empty: the
	// administrator's own. Where the administrator has no role yet they are given that of an administrator, which nothing tells.
	Project string
}

// Do makes a change. As with everything that is done from Go, notifications tell it only with Notifying or Collecting. It
// returns the answer's body. A refusal is failure.BadInput in the service's own words.
func (s *Server) Do(ctx context.Context, do Do) (any, error) {
	if made, err := s.withoutAPI(ctx, do); made || err != nil {
		return nil, err
	}
	request, err := s.requestOf(do)
	if err != nil {
		return nil, err
	}
	token, project, err := s.administrator(ctx, do.Project)
	if err != nil {
		return nil, err
	}
	request.path = strings.ReplaceAll(request.path, "{project}", project)
	status, body, err := s.ask(core.Direct(ctx, request.id), request, token)
	if err != nil {
		return nil, err
	}
	if failed := status >= 300; (do.Status == 0 && failed) || (do.Status != 0 && status != do.Status) {
		wanted := "success"
		if do.Status != 0 {
			wanted = fmt.Sprint(do.Status)
		}
		return nil, failure.New(failure.BadInput, "", "%s %s: %d, not %s: %s", request.method, request.path, status, wanted, bytes.TrimSpace(body))
	}
	var answer any
	if len(bytes.TrimSpace(body)) > 0 {
		if answer, err = core.Decode(body); err != nil {
			return nil, fmt.Errorf("read the answer of %s %s: %w", request.method, request.path, err)
		}
	}
	return answer, nil
}

// api is how a service's API has a collection.
type api struct {
	path   string // on the listener; {project} is the administrator's
	wrap   string // key around the fields, "" for none
	update string // method of a change
	patch  bool   // a change is a JSON patch
}

// apis are the collections by their paths; those of network/ and baremetal/ are made from their names.
var apis = map[string]api{
	"projects": {"/identity/v3/projects", "project", "PATCH", false}, "domains": {"/identity/v3/domains", "domain", "PATCH", false},
	"users": {"/identity/v3/users", "user", "PATCH", false}, "groups": {"/identity/v3/groups", "group", "PATCH", false},
	"roles":              {"/identity/v3/roles", "role", "PATCH", false},
	"compute/servers":    {"/compute/v2.1/servers", "server", "PUT", false},
	"compute/flavors":    {"/compute/v2.1/flavors", "flavor", "", false},
	"compute/keypairs":   {"/compute/v2.1/os-keypairs", "keypair", "", false},
	"volume/types":       {"/volume/v3/{project}/types", "volume_type", "PUT", false},
	"volume/volumes":     {"/volume/v3/{project}/volumes", "volume", "PUT", false},
	"volume/snapshots":   {"/volume/v3/{project}/snapshots", "snapshot", "PUT", false},
	"image/images":       {"/image/v2/images", "", "PATCH", true},
	"volume/type_access": {},
}

func apiOf(path string) (api, bool) {
	service, name, _ := strings.Cut(path, "/")
	switch service {
	case "baremetal":
		if name == "inventories" {
			return api{}, false
		}
		return api{"/baremetal/v1/" + strings.NewReplacer("volume_", "volume/").Replace(name), "", "PATCH", true}, true
	case "network":
		shown := name
		if strings.HasPrefix(name, "security_group") {
			shown = strings.ReplaceAll(name, "_", "-")
		}
		return api{"/networking/v2.0/" + shown, strings.TrimSuffix(name, "s"), "PUT", false}, true
	}
	known, ok := apis[path]
	return known, ok
}

// withoutAPI makes a record of a collection that no API creates, as a world does: what inspection found of a node, or an agent
// of Neutron's, which reports by itself.
func (s *Server) withoutAPI(ctx context.Context, do Do) (made bool, err error) {
	if do.Operation == OpCall {
		return false, nil
	}
	collection, err := s.collection(do.Path)
	if err != nil {
		return false, err
	}
	if _, has := apiOf(do.Path); has && (do.Operation != OpCreate || do.Path != "network/agents") {
		return false, nil
	}
	if do.Operation != OpCreate {
		return false, failure.New(failure.BadInput, "change it by a call", "openstack %s can only be created", do.Path)
	}
	normal, err := core.Normalise(do.Set)
	if err != nil {
		return false, failure.New(failure.BadInput, "", "openstack %s: %w", do.Path, err)
	}
	fields, _ := normal.(map[string]any)
	if fields == nil {
		fields = map[string]any{}
	}
	if do.ID != "" {
		fields[collection.Table.Key()] = do.ID
	}
	err = s.cloud.Exclusively(func() error { return collection.Create(core.Direct(ctx, ""), fields) })
	if err != nil {
		err = failure.New(failure.BadInput, collection.Hint, "openstack %s: %w", do.Path, err)
	}
	return true, err
}

// apiRequest is a request of the API before it has a token.
type apiRequest struct {
	method, path string
	body         any
	id           string // that the service is to draw
}

func (s *Server) requestOf(do Do) (apiRequest, error) {
	bad := func(hint, format string, arguments ...any) error {
		return failure.New(failure.BadInput, hint, "openstack %s %s: %w", do.Operation, do.Path, fmt.Errorf(format, arguments...))
	}
	if do.Operation == OpCall {
		method, path, ok := strings.Cut(do.Path, " ")
		if !ok || !strings.HasPrefix(path, "/") {
			return apiRequest{}, bad("such as PUT /baremetal/v1/nodes/n1/maintenance", "want METHOD and path")
		}
		return apiRequest{method: strings.ToUpper(method), path: path, body: orNothing(do.Set), id: do.ID}, nil
	}
	if do.Path == "volume/type_access" {
		name := map[Operation]string{OpCreate: "addProjectAccess", OpDelete: "removeProjectAccess"}[do.Operation]
		kind, project := text(do.Set["volume_type_id"]), text(do.Set["project_id"])
		if name == "" || kind == "" || project == "" {
			return apiRequest{}, bad("set volume_type_id and project_id", "it is created and deleted, by type and project")
		}
		return apiRequest{method: "POST", path: "/volume/v3/{project}/types/" + url.PathEscape(kind) + "/action", body: map[string]any{name: map[string]any{"project": project}}}, nil
	}
	at, _ := apiOf(do.Path)
	one := at.path + "/" + url.PathEscape(do.ID)
	switch do.Operation {
	case OpCreate:
		fields, id := maps.Clone(do.Set), do.ID
		if fields == nil {
			fields = map[string]any{}
		}
		if id != "" && strings.HasPrefix(do.Path, "baremetal/") {
			fields["uuid"], id = id, "" // Ironic lets clients choose it
		}
		return apiRequest{method: "POST", path: at.path, body: wrapped(at.wrap, fields), id: id}, nil
	case OpDelete:
		return apiRequest{method: "DELETE", path: one}, nil
	case OpUpdate:
		if at.update == "" {
			return apiRequest{}, bad("delete it and create another", "it cannot be changed")
		}
		if at.patch {
			return apiRequest{method: at.update, path: one, body: patchOf(do.Set)}, nil
		}
		return apiRequest{method: at.update, path: one, body: wrapped(at.wrap, orNothing(do.Set))}, nil
	case OpAction:
		made, known := actionOf(do, one)
		if !known {
			return apiRequest{}, bad("a call does whatever the API has", "it has no action %q", do.Action)
		}
		return made, nil
	}
	return apiRequest{}, bad("want create, update, delete, action or call", "no such operation")
}

// actionOf is the request of an action, in the names that the openstack client has for it.
func actionOf(do Do, one string) (apiRequest, bool) {
	arguments := orNothing(do.Set)
	switch do.Path {
	case "baremetal/nodes":
		powers := map[string]string{"power-on": "power on", "power-off": "power off", "reboot": "rebooting", "soft-power-off": "soft power off", "soft-reboot": "soft rebooting"}
		switch {
		case powers[do.Action] != "":
			return apiRequest{method: "PUT", path: one + "/states/power", body: with(arguments, "target", powers[do.Action])}, true
		case do.Action == "maintenance-set":
			return apiRequest{method: "PUT", path: one + "/maintenance", body: arguments}, true
		case do.Action == "maintenance-unset":
			return apiRequest{method: "DELETE", path: one + "/maintenance"}, true
		case do.Action == "vif-attach":
			return apiRequest{method: "POST", path: one + "/vifs", body: arguments}, true
		case do.Action == "traits-set":
			return apiRequest{method: "PUT", path: one + "/traits", body: arguments}, true
		default: // a verb; Ironic says what it does not know
			return apiRequest{method: "PUT", path: one + "/states/provision", body: with(arguments, "target", do.Action)}, do.Action != ""
		}
	case "compute/servers", "volume/volumes":
		var body any
		if do.Set != nil {
			body = arguments
		}
		return apiRequest{method: "POST", path: one + "/action", body: map[string]any{do.Action: body}}, do.Action != ""
	case "network/routers":
		return apiRequest{method: "PUT", path: one + "/" + url.PathEscape(do.Action), body: arguments}, do.Action != ""
	}
	return apiRequest{}, false
}

func with(fields map[string]any, name string, value any) map[string]any {
	added := maps.Clone(fields)
	added[name] = value
	return added
}

func orNothing(fields map[string]any) map[string]any {
	if fields == nil {
		return map[string]any{}
	}
	return fields
}

func wrapped(key string, fields map[string]any) any {
	if key == "" {
		return fields
	}
	return map[string]any{key: fields}
}

// patchOf is a JSON patch that gives fields their values.
func patchOf(set map[string]any) []any {
	patch := []any{}
	for _, name := range slices.Sorted(maps.Keys(set)) {
		operation := map[string]any{"op": "add", "path": "/" + strings.TrimPrefix(name, "/"), "value": set[name]}
		if set[name] == nil {
			operation = map[string]any{"op": "remove", "path": operation["path"]}
		}
		patch = append(patch, operation)
	}
	return patch
}

func text(value any) string { words, _ := value.(string); return words }

// login is what Keystone says of a token.
type login struct {
	secret string
	Token  struct {
		Project, User struct{ ID string }
		Roles         []struct{ ID, Name string }
	}
}

// administrator logs the cloud's administrator in and returns the token and the project that it is for: in, by its id, or the
// administrator's own.
func (s *Server) administrator(ctx context.Context, in string) (token, project string, err error) {
	own, err := s.login(ctx, map[string]any{"name": ProjectName, "domain": map[string]any{"name": DomainName}})
	if err != nil || in == "" || in == own.Token.Project.ID {
		return own.secret, own.Token.Project.ID, err
	}
	for _, role := range own.Token.Roles {
		if role.Name != "admin" {
			continue
		}
		grant := apiRequest{method: "PUT", path: "/identity/v3/projects/" + url.PathEscape(in) + "/users/" + own.Token.User.ID + "/roles/" + role.ID}
		status, body, err := s.ask(core.Direct(core.Quietly(ctx), ""), grant, own.secret)
		if err != nil {
			return "", "", err
		}
		if status >= 300 {
			return "", "", failure.New(failure.BadInput, "project is the id of one that is there", "ask for it in project %s: %d %s", in, status, bytes.TrimSpace(body))
		}
	}
	there, err := s.login(ctx, map[string]any{"id": in})
	return there.secret, there.Token.Project.ID, err
}

func (s *Server) login(ctx context.Context, project map[string]any) (login, error) {
	asked := map[string]any{"auth": map[string]any{
		"identity": map[string]any{"methods": []any{"password"}, "password": map[string]any{"user": map[string]any{"name": Username, "password": Password, "domain": map[string]any{"name": DomainName}}}},
		"scope":    map[string]any{"project": project},
	}}
	var said login
	answer, err := s.send(core.Direct(core.Quietly(ctx), ""), apiRequest{method: "POST", path: "/identity/v3/auth/tokens", body: asked}, "")
	if err != nil {
		return said, err
	}
	if err := json.Unmarshal(answer.Body.Bytes(), &said); err != nil || answer.Code != http.StatusCreated {
		return said, failure.New(failure.BadInput, "a scenario's steps are the administrator's", "log %s in to the simulated cloud: %d %s", Username, answer.Code, bytes.TrimSpace(answer.Body.Bytes()))
	}
	said.secret = answer.Header().Get("X-Subject-Token")
	return said, nil
}

func (s *Server) ask(ctx context.Context, request apiRequest, token string) (status int, body []byte, err error) {
	answer, err := s.send(ctx, request, token)
	if err != nil {
		return 0, nil, err
	}
	return answer.Code, answer.Body.Bytes(), nil
}

// send passes a request to the services directly: neither the journal nor a fault sees it.
func (s *Server) send(ctx context.Context, request apiRequest, token string) (*recorder, error) {
	var body []byte
	if request.body != nil {
		var err error
		if body, err = json.Marshal(request.body); err != nil {
			return nil, failure.New(failure.BadInput, "", "%s %s: its body is no JSON: %w", request.method, request.path, err)
		}
	}
	r, err := http.NewRequestWithContext(ctx, request.method, "http://openstack"+request.path, bytes.NewReader(body))
	if err != nil {
		return nil, failure.New(failure.BadInput, "", "%s %s: %w", request.method, request.path, err)
	}
	r.Header.Set("Content-Type", "application/json")
	if strings.HasPrefix(request.path, "/image/") && request.method == "PATCH" {
		r.Header.Set("Content-Type", "application/openstack-images-v2.1-json-patch")
	}
	r.Header.Set("X-Auth-Token", token)
	service, _, _ := strings.Cut(strings.TrimPrefix(request.path, "/"), "/")
	r.Header.Set("OpenStack-API-Version", service+" latest") // the prefixes are the names that the header has
	answer := &recorder{header: http.Header{}, Code: http.StatusOK}
	s.plain.ServeHTTP(answer, r)
	return answer, nil
}

// recorder keeps an answer.
type recorder struct {
	header http.Header
	Code   int
	Body   bytes.Buffer
}

func (r *recorder) Header() http.Header                  { return r.header }
func (r *recorder) WriteHeader(status int)               { r.Code = status }
func (r *recorder) Write(data []byte) (n int, err error) { return r.Body.Write(data) }

// singulars are short names of a collection in scenarios.
var singulars = map[string]string{"project": "projects", "domain": "domains"}

// CollectionPath returns the path of a collection by its path or short name; unknown is failure.BadInput with the nearest.
func (s *Server) CollectionPath(name string) (string, error) {
	path := cmp.Or(singulars[name], name)
	if err := s.Check(path); err != nil {
		return "", failure.New(failure.BadInput, "nearest is "+nearest.Names(path, s.Paths(), 1)[0], "openstack has no %q", name)
	}
	return path, nil
}
