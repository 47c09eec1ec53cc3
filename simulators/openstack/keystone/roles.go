package keystone

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/eventrig/eventrig/simulators/openstack/core"
)

// assignment is a role of a user or group on a project, a domain or the system.
type assignment struct {
	Role, User, Group, Project, Domain string
	System                             bool
}

func (a assignment) row() core.Resource {
	text := func(value string) any {
		if value == "" {
			return nil
		}
		return value
	}
	id := strings.Join([]string{a.Role, a.User, a.Group, a.Project, a.Domain}, "/")
	return core.Resource{"id": id, "role_id": a.Role, "user_id": text(a.User), "group_id": text(a.Group), "project_id": text(a.Project),
		"domain_id": text(a.Domain), "system": a.System}
}

func (k *Keystone) assign(ctx context.Context, a assignment) { k.assignments.Put(ctx, a.row()) }

func (k *Keystone) revoke(ctx context.Context, which func(core.Resource) bool) {
	for _, row := range k.assignments.All(which) {
		k.assignments.Delete(ctx, row.Text("id"))
	}
}

func (k *Keystone) checkAssignment(a assignment) error {
	for _, part := range []struct {
		kind, id string
		table    *core.Table
	}{{"role", a.Role, k.roles}, {"user", a.User, k.users}, {"group", a.Group, k.groups}, {"domain", a.Domain, k.domains}} {
		if part.id != "" && part.table.Get(part.id) == nil {
			return notFound(part.kind, part.id)
		}
	}
	if a.Project != "" && k.project(a.Project) == nil {
		return notFound("project", a.Project)
	}
	return nil
}

// effective are the roles that a user has, also through groups and implied ones.
func (k *Keystone) effective(user, project, domain string, system bool) []core.Resource {
	if project == "" && domain == "" && !system {
		return nil
	}
	groups := map[string]bool{}
	for _, member := range k.members.All(core.Where("user_id", user)) {
		groups[member.Text("group_id")] = true
	}
	held := map[string]bool{}
	for _, row := range k.assignments.All(func(a core.Resource) bool {
		return (a["user_id"] == user || groups[a.Text("group_id")]) && a.Flag("system") == system &&
			a.Text("project_id") == project && a.Text("domain_id") == domain
	}) {
		role := k.roles.Get(row.Text("role_id"))
		held[role.Text("id")] = true
		if at := slices.Index(implied[:], role.Text("name")); at >= 0 && role["domain_id"] == nil {
			for _, name := range implied[at:] {
				held[k.roles.Find(func(r core.Resource) bool { return r["name"] == name && r["domain_id"] == nil }).Text("id")] = true
			}
		}
	}
	return k.roles.All(func(role core.Resource) bool { return held[role.Text("id")] })
}

func (k *Keystone) assignmentRoutes() []core.Route {
	routes := []core.Route{{Method: "GET", Path: "/v3/role_assignments", Do: k.listAssignments}}
	for _, target := range []string{"projects", "domains", "system"} {
		for _, actor := range []string{"users", "groups"} {
			path := "/v3/" + target
			if target != "system" {
				path += "/{target}"
			}
			path += "/" + actor + "/{actor}/roles"
			of := func(r *core.Request) (assignment, error) {
				a := assignment{Role: r.PathValue("role"), System: target == "system"}
				if actor == "users" {
					a.User = r.PathValue("actor")
				} else {
					a.Group = r.PathValue("actor")
				}
				if target == "projects" {
					a.Project = r.PathValue("target")
				} else {
					a.Domain = r.PathValue("target")
				}
				return a, k.checkAssignment(a)
			}
			existing := func(r *core.Request) (assignment, error) {
				a, err := of(r)
				if err == nil && k.assignments.Get(a.row().Text("id")) == nil {
					err = core.Errorf(http.StatusNotFound, "Could not find role assignment with role: %s, user or group: %s, project, domain, or system: %s.",
						a.Role, a.User+a.Group, a.Project+a.Domain)
				}
				return a, err
			}
			routes = append(routes,
				core.Route{Method: "GET", Path: path, Do: func(r *core.Request) (*core.Answer, error) {
					a, err := of(r)
					if err != nil {
						return nil, err
					}
					shown := []any{}
					for _, row := range k.assignments.All(func(row core.Resource) bool {
						return row.Text("user_id") == a.User && row.Text("group_id") == a.Group && row.Text("project_id") == a.Project &&
							row.Text("domain_id") == a.Domain && row.Flag("system") == a.System
					}) {
						shown = append(shown, view(r, kind{plural: "roles"}, k.roles.Get(row.Text("role_id"))))
					}
					return core.OK(map[string]any{"roles": shown, "links": listLinks(r)})
				}},
				core.Route{Method: "GET", Path: path + "/{role}", Do: func(r *core.Request) (*core.Answer, error) {
					if _, err := existing(r); err != nil {
						return nil, err
					}
					return core.NoContent()
				}},
				core.Route{Method: "PUT", Path: path + "/{role}", Do: func(r *core.Request) (*core.Answer, error) {
					a, err := of(r)
					if err != nil {
						return nil, err
					}
					k.assign(r.Context(), a)
					k.notifyAssignment(r.Context(), r.Caller, "created", a)
					return core.NoContent()
				}},
				core.Route{Method: "DELETE", Path: path + "/{role}", Do: func(r *core.Request) (*core.Answer, error) {
					a, err := existing(r)
					if err != nil {
						return nil, err
					}
					k.assignments.Delete(r.Context(), a.row().Text("id"))
					k.notifyAssignment(r.Context(), r.Caller, "deleted", a)
					return core.NoContent()
				}},
			)
		}
	}
	return routes
}

// listAssignments is GET /v3/role_assignments (keystone/api/role_assignments.py).
func (k *Keystone) listAssignments(r *core.Request) (*core.Answer, error) {
	query := r.URL.Query()
	named := query.Has("include_names") && query.Get("include_names") != "0" && !strings.EqualFold(query.Get("include_names"), "false")
	filters := map[string]string{"user.id": "user_id", "group.id": "group_id", "role.id": "role_id", "scope.project.id": "project_id", "scope.domain.id": "domain_id"}
	describe := func(table *core.Table, id string) map[string]any {
		found := table.Get(id)
		if table == k.projects && found == nil {
			found = k.domains.Get(id)
		}
		shown := map[string]any{"id": id}
		if named {
			shown["name"] = found["name"]
			if domain, ok := found["domain_id"].(string); ok && table != k.domains {
				shown["domain"] = map[string]any{"id": domain, "name": k.domains.Get(domain)["name"]}
			}
		}
		return shown
	}
	shown := []any{}
	for _, row := range k.assignments.All(func(row core.Resource) bool {
		for name, field := range filters {
			if query.Has(name) && row.Text(field) != query.Get(name) {
				return false
			}
		}
		return !query.Has("scope.system") || row.Flag("system")
	}) {
		one := map[string]any{"role": describe(k.roles, row.Text("role_id")), "links": map[string]any{}}
		path := "/v3"
		switch {
		case row.Flag("system"):
			one["scope"] = map[string]any{"system": map[string]any{"all": true}}
			path += "/system"
		case row["project_id"] != nil:
			one["scope"] = map[string]any{"project": describe(k.projects, row.Text("project_id"))}
			path += "/projects/" + row.Text("project_id")
		default:
			one["scope"] = map[string]any{"domain": describe(k.domains, row.Text("domain_id"))}
			path += "/domains/" + row.Text("domain_id")
		}
		if row["user_id"] != nil {
			one["user"] = describe(k.users, row.Text("user_id"))
			path += "/users/" + row.Text("user_id")
		} else {
			one["group"] = describe(k.groups, row.Text("group_id"))
			path += "/groups/" + row.Text("group_id")
		}
		one["links"] = map[string]any{"assignment": r.Base() + path + "/roles/" + row.Text("role_id")}
		shown = append(shown, one)
	}
	return core.OK(map[string]any{"role_assignments": shown, "links": listLinks(r)})
}
