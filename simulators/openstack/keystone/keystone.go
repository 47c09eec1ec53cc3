// Package keystone simulates OpenStack's Identity API v3: discovery, tokens with a catalog, projects, domains, users,
// groups, roles, role assignments and application credentials. In: requests, worlds, calls from Go. Out: answers in
// Keystone's words, callers for the other services, and CADF notifications.
package keystone

import (
	"context"
	"net/http"
	"sync"

	"github.com/eventrig/eventrig/simulators/openstack/core"
)

// The credentials that every simulated cloud knows.
const (
	Username    = "admin"
	Password    = "password"
	ProjectName = "admin"
	DomainName  = "Default"
	Region      = "RegionOne"
)

// DefaultDomain is the id of the domain that every Keystone starts with; it is not hexadecimal.
const DefaultDomain = "default"

// version is what Keystone 2025.1 and later report.
const version = "v3.14"

// Keystone is the simulated service.
type Keystone struct {
	cloud    *core.Cloud
	catalog  func(r *core.Request, project string) []any
	projects *core.Table
	// A domain is a project with is_domain, as in Keystone itself; it lies in a table of its own, because the API shows
	// it in a collection of its own.
	domains     *core.Table
	users       *core.Table
	groups      *core.Table
	roles       *core.Table
	credentials *core.Table // application credentials
	assignments *core.Table // one row per role of an actor on a target
	members     *core.Table // one row per user of a group

	mu        sync.RWMutex
	tokens    map[string]token
	passwords map[string]string // of users, by id
	secrets   map[string]string // of application credentials, by id
}

// New makes the service. catalog makes the catalog of a token for a project ("" for none).
func New(cloud *core.Cloud, catalog func(r *core.Request, project string) []any) *Keystone {
	k := &Keystone{
		cloud: cloud, catalog: catalog,
		projects: cloud.Table("projects", "project", "id"), domains: cloud.Table("domains", "domain", "id"),
		users: cloud.Table("users", "user", "id"), groups: cloud.Table("groups", "group", "id"),
		roles: cloud.Table("roles", "role", "id"), credentials: cloud.Table("application_credentials", "application_credential", "id"),
		assignments: cloud.Table("role_assignments", "role_assignment", "id"), members: cloud.Table("group_members", "group_member", "id"),
	}
	return k
}

// Fill puts in what every cloud starts with, as keystone-manage bootstrap does: the domain Default, the project and the
// user admin, and the roles.
func (k *Keystone) Fill() {
	ctx := core.Quietly(context.Background())
	k.mu.Lock()
	k.tokens, k.passwords, k.secrets = map[string]token{}, map[string]string{}, map[string]string{}
	k.mu.Unlock()
	k.domains.Put(ctx, core.Resource{
		"id": DefaultDomain, "name": DomainName, "description": "The default domain", "enabled": true, "is_domain": true,
		"domain_id": nil, "parent_id": nil, "tags": []any{}, "options": map[string]any{},
	})
	project := k.cloud.Hex()
	k.projects.Put(ctx, core.Resource{
		"id": project, "name": ProjectName, "description": "Bootstrap project for initializing the cloud.", "enabled": true,
		"is_domain": false, "domain_id": DefaultDomain, "parent_id": DefaultDomain, "tags": []any{}, "options": map[string]any{},
	})
	user := k.cloud.Hex()
	k.users.Put(ctx, core.Resource{
		"id": user, "name": Username, "domain_id": DefaultDomain, "enabled": true, "default_project_id": project,
		"password_expires_at": nil, "options": map[string]any{},
	})
	k.passwords[user] = Password
	for _, name := range implied[:] {
		role := k.cloud.Hex()
		k.roles.Put(ctx, core.Resource{"id": role, "name": name, "domain_id": nil, "description": nil, "options": map[string]any{}})
		if name == "admin" {
			k.assign(ctx, assignment{Role: role, User: user, Project: project})
			k.assign(ctx, assignment{Role: role, User: user, System: true})
		}
	}
}

// implied are Keystone's standard roles: each implies those after it (keystone-manage bootstrap).
var implied = [...]string{"admin", "manager", "member", "reader"}

// Service is the API.
func (k *Keystone) Service() *core.Service {
	alias := ""
	s := &core.Service{
		Name: "keystone", Type: "identity", Prefix: "/identity", Alias: &alias, Endpoint: "/v3",
		RequestIDHeaders: []string{"X-Openstack-Request-Id"}, RouteFirst: true,
		NoRoute: "The requested URL was not found on the server. If you entered the URL manually please check your spelling and try again.",
		Before: func(_ *core.Request, header http.Header) error {
			header.Set("Vary", "X-Auth-Token")
			return nil
		},
		Open: func(r *core.Request) bool {
			switch path := r.URL.Path[len(r.Prefix):]; path {
			case "", "/", "/v3", "/v3/":
				return true
			case "/v3/auth/tokens", "/v3/auth/tokens/":
				return r.Method == http.MethodPost
			}
			return false
		},
		Missing: missing,
	}
	s.Routes = append(s.Routes, k.discovery()...)
	s.Routes = append(s.Routes, k.tokenRoutes()...)
	for _, kind := range k.kinds() {
		s.Routes = append(s.Routes, k.routes(kind)...)
	}
	s.Routes = append(s.Routes, k.tagRoutes()...)
	s.Routes = append(s.Routes, k.memberRoutes()...)
	s.Routes = append(s.Routes, k.assignmentRoutes()...)
	s.Routes = append(s.Routes, k.credentialRoutes()...)
	s.Routes = append(s.Routes, k.catalogRoutes()...)
	return s
}

// missing is what Keystone's API has beyond this (api-ref/source/v3 of openstack/keystone).
var missing = []core.Endpoint{
	{Method: "*", Path: "/v3/credentials"}, {Method: "*", Path: "/v3/policies"}, {Method: "*", Path: "/v3/limits"},
	{Method: "*", Path: "/v3/registered_limits"}, {Method: "*", Path: "/v3/OS-TRUST/trusts"}, {Method: "*", Path: "/v3/OS-FEDERATION"},
	{Method: "*", Path: "/v3/OS-OAUTH1"}, {Method: "*", Path: "/v3/OS-EP-FILTER"},
	{Method: "*", Path: "/v3/users/{user}/access_rules"}, {Method: "*", Path: "/v3/domains/{domain}/config"},
	{Method: "*", Path: "/v3/roles/{role}/implies", Note: "admin implies manager, member and reader, as bootstrap sets it up"},
	{Method: "POST, PATCH, DELETE", Path: "/v3/services, /v3/endpoints, /v3/regions", Note: "the catalog is that of the simulated services"},
	{Method: "*", Path: "policy", Note: "any valid token may do everything, whatever its roles"},
}

func (k *Keystone) discovery() []core.Route {
	show := func(r *core.Request) (*core.Answer, error) {
		return core.OK(map[string]any{"version": versionOf(r)})
	}
	return []core.Route{
		{Method: "GET", Path: "/{$}", Do: func(r *core.Request) (*core.Answer, error) {
			return &core.Answer{Status: http.StatusMultipleChoices, Header: map[string]string{"Location": r.Base() + "/v3/"},
				Body: map[string]any{"versions": map[string]any{"values": []any{versionOf(r)}}}}, nil
		}},
		{Method: "GET", Path: "/v3", Do: show},
	}
}

func versionOf(r *core.Request) map[string]any {
	return map[string]any{
		"id": version, "status": "stable", "updated": "2020-04-07T00:00:00Z",
		"links":       []any{map[string]any{"rel": "self", "href": r.Base() + "/v3/"}},
		"media-types": []any{map[string]any{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}},
	}
}

// Collections are the tables as worlds and assertions know them.
func (k *Keystone) Collections() []core.Collection {
	var collections []core.Collection
	for _, kind := range k.kinds() {
		collections = append(collections, core.Collection{
			Path: kind.plural, Table: kind.table, Fields: kind.fields.Names(nil),
			Hint: "ids are 32 hexadecimal digits, and a project's domain_id is a domain above it",
			Create: func(ctx context.Context, fields core.Resource) error {
				_, err := k.create(ctx, nil, kind, fields)
				return err
			},
		})
	}
	return append(collections, core.Collection{Path: "role_assignments", Table: k.assignments, Fields: []string{"role_id", "user_id", "group_id", "project_id", "domain_id", "inherited_to_projects"},
		Hint: "each refers to what is above it, by id",
		Create: func(ctx context.Context, fields core.Resource) error {
			given := assignment{Role: fields.Text("role_id"), User: fields.Text("user_id"), Group: fields.Text("group_id"),
				Project: fields.Text("project_id"), Domain: fields.Text("domain_id"), Inherited: fields.Flag("inherited_to_projects")}
			if err := k.checkAssignment(given); err != nil {
				return err
			}
			k.assign(ctx, given)
			return nil
		}})
}
