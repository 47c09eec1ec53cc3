package keystone

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/eventrig/eventrig/simulators/openstack/core"
)

const tokenLifetime = time.Hour

// token is what a token is for. At most one of project, domain and system is set.
type token struct {
	user, project, domain string
	system                bool
	credential            string // the application credential that it was made with
	methods               []any
	issued, expires       time.Time
	audit                 string
}

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
			Credential *struct {
				ID     string     `json:"id"`
				Name   string     `json:"name"`
				Secret string     `json:"secret"`
				User   *reference `json:"user"`
			} `json:"application_credential"`
		} `json:"identity"`
		Scope json.RawMessage `json:"scope"`
	} `json:"auth"`
}

// reference names a user, project or domain by id, or by name and domain.
type reference struct {
	ID       string     `json:"id"`
	Name     string     `json:"name"`
	Password string     `json:"password"`
	Domain   *reference `json:"domain"`
}

func (k *Keystone) tokenRoutes() []core.Route {
	list := func(plural string, keep func(core.Resource, string) bool, table *core.Table) func(*core.Request) (*core.Answer, error) {
		return func(r *core.Request) (*core.Answer, error) {
			shown := []any{}
			of := kind{plural: plural}
			for _, one := range table.All(func(one core.Resource) bool { return keep(one, r.Caller.UserID) }) {
				shown = append(shown, view(r, of, one))
			}
			return core.OK(map[string]any{plural: shown, "links": listLinks(r)})
		}
	}
	show := func(r *core.Request) (*core.Answer, error) {
		id, t, err := k.subject(r)
		if err != nil {
			return nil, err
		}
		return &core.Answer{Status: http.StatusOK, Header: map[string]string{"X-Subject-Token": id}, Body: k.describe(r, t)}, nil
	}
	return []core.Route{
		{Method: "POST", Path: "/v3/auth/tokens", Note: "methods password, token and application_credential", Do: func(r *core.Request) (*core.Answer, error) {
			id, t, err := k.issue(r)
			if err != nil {
				return nil, err
			}
			return &core.Answer{Status: http.StatusCreated, Header: map[string]string{"X-Subject-Token": id}, Body: k.describe(r, t)}, nil
		}},
		{Method: "GET", Path: "/v3/auth/tokens", Do: show},
		{Method: "DELETE", Path: "/v3/auth/tokens", Do: func(r *core.Request) (*core.Answer, error) {
			id, _, err := k.subject(r)
			if err != nil {
				return nil, err
			}
			k.mu.Lock()
			delete(k.tokens, id)
			k.mu.Unlock()
			return core.NoContent()
		}},
		{Method: "GET", Path: "/v3/auth/catalog", Do: func(r *core.Request) (*core.Answer, error) {
			return core.OK(map[string]any{"catalog": k.catalog(r, r.Caller.ProjectID), "links": listLinks(r)})
		}},
		{Method: "GET", Path: "/v3/auth/projects", Do: list("projects", func(one core.Resource, user string) bool {
			return len(k.effective(user, one.Text("id"), "", false)) > 0
		}, k.projects)},
		{Method: "GET", Path: "/v3/auth/domains", Do: list("domains", func(one core.Resource, user string) bool {
			return len(k.effective(user, "", one.Text("id"), false)) > 0
		}, k.domains)},
	}
}

// Authenticate returns who a token is for, nil for one that is unknown or has expired.
func (k *Keystone) Authenticate(text string) *core.Caller {
	k.mu.RLock()
	t, known := k.tokens[text]
	k.mu.RUnlock()
	if !known || !k.cloud.Now().Before(t.expires) {
		return nil
	}
	user, project := k.users.Get(t.user), k.projects.Get(t.project)
	domain := func(id string) string { return k.domains.Get(id).Text("name") }
	caller := &core.Caller{
		UserID: t.user, UserName: user.Text("name"), UserDomainID: user.Text("domain_id"), UserDomainName: domain(user.Text("domain_id")),
		ProjectID: t.project, ProjectName: project.Text("name"), ProjectDomainID: project.Text("domain_id"),
		ProjectDomainName: domain(project.Text("domain_id")), DomainID: t.domain,
	}
	for _, role := range k.effective(t.user, t.project, t.domain, t.system) {
		caller.Roles = append(caller.Roles, role.Text("name"))
	}
	return caller
}

func (k *Keystone) issue(r *core.Request) (string, token, error) {
	var request authRequest
	if err := json.Unmarshal(r.Raw(), &request); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			return "", token{}, badRequest("Invalid input for field '%s': %s is of the wrong type", wrong.Field, wrong.Value)
		}
		return "", token{}, badRequest("Expecting to find valid JSON in request body. %s", clientError)
	}
	switch {
	case request.Auth == nil:
		return "", token{}, badRequest("Invalid input for field 'root': 'auth' is a required property")
	case request.Auth.Identity == nil:
		return "", token{}, badRequest("Invalid input for field 'auth': 'identity' is a required property")
	case len(request.Auth.Identity.Methods) == 0:
		return "", token{}, badRequest("Invalid input for field 'identity': 'methods' is a required property")
	}
	t, err := k.identify(request)
	if err != nil {
		return "", token{}, err
	}
	if err := k.scope(&t, request.Auth.Scope); err != nil {
		return "", token{}, err
	}
	t.audit = fmt.Sprintf("%.22s", k.cloud.Hex())
	// Fernet tokens are opaque and long; this one is drawn, and as hard to take for anything else.
	id := "gAAAAA" + k.cloud.Hex() + k.cloud.Hex() + k.cloud.Hex()
	k.mu.Lock()
	k.tokens[id] = t
	k.mu.Unlock()
	return id, t, nil
}

// identify finds the user that the request proves to be.
func (k *Keystone) identify(request authRequest) (token, error) {
	identity := request.Auth.Identity
	now := k.cloud.Now()
	t := token{issued: now, expires: now.Add(tokenLifetime)}
	for _, method := range identity.Methods {
		t.methods = append(t.methods, method)
	}
	switch {
	case slices.Contains(identity.Methods, "password") && identity.Password != nil:
		user := k.findUser(identity.Password.User)
		k.mu.RLock()
		password, has := k.passwords[user.Text("id")]
		k.mu.RUnlock()
		if !has || password != identity.Password.User.Password || !user.Flag("enabled") {
			return t, unauthorized()
		}
		t.user = user.Text("id")
	case slices.Contains(identity.Methods, "token") && identity.Token != nil:
		k.mu.RLock()
		old, known := k.tokens[identity.Token.ID]
		k.mu.RUnlock()
		if !known || !now.Before(old.expires) {
			return t, unauthorized()
		}
		t.user, t.expires, t.credential = old.user, old.expires, old.credential
		t.project, t.domain, t.system = old.project, old.domain, old.system
		if len(request.Auth.Scope) > 0 {
			t.project, t.domain, t.system = "", "", false
		}
	case slices.Contains(identity.Methods, "application_credential") && identity.Credential != nil:
		given := identity.Credential
		found := k.credentials.Get(given.ID)
		if found == nil && given.User != nil {
			user := k.findUser(*given.User)
			found = k.credentials.Find(func(c core.Resource) bool { return c["name"] == given.Name && c["user_id"] == user["id"] })
		}
		k.mu.RLock()
		secret, has := k.secrets[found.Text("id")]
		k.mu.RUnlock()
		if !has || secret != given.Secret {
			return t, unauthorized()
		}
		if expires, err := time.Parse("2006-01-02T15:04:05.000000", found.Text("expires_at")); err == nil && !now.Before(expires) {
			return t, unauthorized()
		}
		t.user, t.project, t.credential = found.Text("user_id"), found.Text("project_id"), found.Text("id")
	default:
		return t, unauthorized()
	}
	return t, nil
}

func (k *Keystone) findUser(given reference) core.Resource {
	if given.ID != "" {
		return k.users.Get(given.ID)
	}
	return k.users.Find(func(user core.Resource) bool {
		return user["name"] == given.Name && k.isDomainNamed(given.Domain, user.Text("domain_id"))
	})
}

func (k *Keystone) isDomainNamed(given *reference, id string) bool {
	return given != nil && (given.ID == id || (given.ID == "" && given.Name == k.domains.Get(id).Text("name")))
}

// scope finds what a token is for; without a scope it is the user's own project.
func (k *Keystone) scope(t *token, raw json.RawMessage) error {
	if t.credential != "" {
		if len(raw) > 0 {
			return unauthorized() // an application credential has its project
		}
		return nil
	}
	if len(raw) == 0 || string(raw) == "null" {
		if project := k.users.Get(t.user).Text("default_project_id"); t.project == "" && !t.system && t.domain == "" && len(k.effective(t.user, project, "", false)) > 0 {
			t.project = project
		}
		return nil
	}
	if string(raw) == `"unscoped"` {
		return nil
	}
	var wanted struct {
		Project *reference `json:"project"`
		Domain  *reference `json:"domain"`
		System  *struct {
			All bool `json:"all"`
		} `json:"system"`
		Unscoped *struct{} `json:"unscoped"`
	}
	if err := json.Unmarshal(raw, &wanted); err != nil {
		return badRequest("Invalid input for field 'scope': %s is not of type 'object'", core.Str(string(raw)))
	}
	switch {
	case wanted.Unscoped != nil:
		return nil
	case wanted.Project != nil:
		found := k.projects.Find(func(p core.Resource) bool {
			return p["id"] == wanted.Project.ID || (wanted.Project.ID == "" && p["name"] == wanted.Project.Name &&
				k.isDomainNamed(wanted.Project.Domain, p.Text("domain_id")))
		})
		t.project = found.Text("id")
		if !found.Flag("enabled") || !k.domains.Get(found.Text("domain_id")).Flag("enabled") {
			return unauthorized()
		}
	case wanted.Domain != nil:
		found := k.domains.Find(func(d core.Resource) bool {
			return d["id"] == wanted.Domain.ID || (wanted.Domain.ID == "" && d["name"] == wanted.Domain.Name)
		})
		t.domain = found.Text("id")
		if !found.Flag("enabled") {
			return unauthorized()
		}
	case wanted.System != nil && wanted.System.All:
		t.system = true
	default:
		return badRequest("Invalid input for field 'scope': one of project, domain, system is required")
	}
	if len(k.effective(t.user, t.project, t.domain, t.system)) == 0 {
		return unauthorized() // no role there
	}
	return nil
}

// describe is the body that belongs to a token.
func (k *Keystone) describe(r *core.Request, t token) any {
	stamp := func(at time.Time) string { return at.Format("2006-01-02T15:04:05.000000Z") }
	domain := func(id string) any {
		return map[string]any{"id": id, "name": k.domains.Get(id).Text("name")}
	}
	user := k.users.Get(t.user)
	described := map[string]any{
		"methods": t.methods, "issued_at": stamp(t.issued), "expires_at": stamp(t.expires), "audit_ids": []any{t.audit},
		"user": map[string]any{
			"id": t.user, "name": user["name"], "password_expires_at": nil, "domain": domain(user.Text("domain_id")),
		},
	}
	switch project := k.projects.Get(t.project); {
	case project != nil:
		described["project"] = map[string]any{"id": t.project, "name": project["name"], "domain": domain(project.Text("domain_id"))}
		described["is_domain"] = false
	case t.domain != "":
		described["domain"] = domain(t.domain)
	case t.system:
		described["system"] = map[string]any{"all": true}
	default:
		return map[string]any{"token": described}
	}
	if t.credential != "" {
		described["application_credential"] = map[string]any{"id": t.credential, "name": k.credentials.Get(t.credential)["name"], "restricted": true}
	}
	roles := []any{}
	for _, role := range k.effective(t.user, t.project, t.domain, t.system) {
		roles = append(roles, map[string]any{"id": role["id"], "name": role["name"]})
	}
	described["roles"] = roles
	if !r.URL.Query().Has("nocatalog") {
		described["catalog"] = k.catalog(r, t.project)
	}
	return map[string]any{"token": described}
}

// subject is the token that a request is about.
func (k *Keystone) subject(r *core.Request) (string, token, error) {
	id := r.Header.Get("X-Subject-Token")
	k.mu.RLock()
	t, known := k.tokens[id]
	k.mu.RUnlock()
	if !known || !k.cloud.Now().Before(t.expires) {
		return "", token{}, core.Errorf(http.StatusNotFound, "Could not recognize Fernet token")
	}
	return id, t, nil
}
