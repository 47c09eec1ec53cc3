package keystone

import (
	"cmp"
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
	Inherited                          bool // it holds on the projects below the target, not on the target
}

func (a assignment) row() core.Resource {
	text := func(value string) any {
		if value == "" {
			return nil
		}
		return value
	}
	id := strings.Join([]string{a.Role, a.User, a.Group, a.Project, a.Domain}, "/")
	if a.Inherited {
		id += "/inherited"
	}
	return core.Resource{"id": id, "role_id": a.Role, "user_id": text(a.User), "group_id": text(a.Group), "project_id": text(a.Project),
		"domain_id": text(a.Domain), "system": a.System, "inherited_to_projects": a.Inherited}
}

func assignmentOf(row core.Resource) assignment {
	return assignment{Role: row.Text("role_id"), User: row.Text("user_id"), Group: row.Text("group_id"), Project: row.Text("project_id"),
		Domain: row.Text("domain_id"), System: row.Flag("system"), Inherited: row.Flag("inherited_to_projects")}
}

// target is the project or domain of an assignment.
func (a assignment) target() string { return cmp.Or(a.Project, a.Domain) }

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

// above are the projects that a project lies in, the nearest first, and its domain. A domain lies in nothing.
func (k *Keystone) above(project string) []string {
	var found []string
	for next := k.projects.Get(project); next != nil && len(found) < 100; next = k.projects.Get(next.Text("parent_id")) {
		found = append(found, next.Text("parent_id"))
	}
	return found
}

// holds says whether an assignment gives its role on a project, a domain or the system.
func (k *Keystone) holds(a assignment, project, domain string, system bool) bool {
	if a.Inherited {
		return project != "" && slices.Contains(k.above(project), a.target())
	}
	return a.System == system && a.Project == project && a.Domain == domain
}

// groupsOf are the groups that a user is a member of.
func (k *Keystone) groupsOf(user string) map[string]bool {
	groups := map[string]bool{}
	for _, member := range k.members.All(core.Where("user_id", user)) {
		groups[member.Text("group_id")] = true
	}
	return groups
}

// implies is the role that a standard role implies at once, nil for none.
func (k *Keystone) implies(role string) core.Resource {
	found := k.roles.Get(role)
	at := slices.Index(implied[:], found.Text("name"))
	if at < 0 || at+1 == len(implied) || found["domain_id"] != nil {
		return nil
	}
	return k.roles.Find(func(r core.Resource) bool { return r["name"] == implied[at+1] && r["domain_id"] == nil })
}

// effective are the roles that a user has, also through groups, inherited and implied ones.
func (k *Keystone) effective(user, project, domain string, system bool) []core.Resource {
	if project == "" && domain == "" && !system {
		return nil
	}
	groups := k.groupsOf(user)
	held := map[string]bool{}
	for _, row := range k.assignments.All() {
		a := assignmentOf(row)
		if (a.User != user && !groups[a.Group]) || !k.holds(a, project, domain, system) {
			continue
		}
		for role := k.roles.Get(a.Role); role != nil; role = k.implies(role.Text("id")) {
			held[role.Text("id")] = true
		}
	}
	return k.roles.All(func(role core.Resource) bool { return held[role.Text("id")] })
}

// assignmentRoutes are the grants (keystone/api/projects.py, domains.py, system.py) and the inherited ones
// (keystone/api/os_inherit.py).
func (k *Keystone) assignmentRoutes() []core.Route {
	routes := []core.Route{{Method: "GET", Path: "/v3/role_assignments", Do: k.listAssignments}}
	for _, target := range []string{"projects", "domains", "system"} {
		for _, actor := range []string{"users", "groups"} {
			path := "/v3/" + target
			if target != "system" {
				path += "/{target}"
			}
			path += "/" + actor + "/{actor}/roles"
			grants := grant{k: k, target: target, actor: actor}
			routes = append(routes, core.Route{Method: "GET", Path: path, Do: grants.list})
			routes = append(routes, grants.routes(path+"/{role}")...)
			if target == "system" {
				continue
			}
			const to = "/inherited_to_projects"
			path = strings.Replace(path, "/v3/", "/v3/OS-INHERIT/", 1)
			grants.inherited = true
			routes = append(routes, grants.routes(path+"/{role}"+to)...)
			if target == "domains" {
				routes = append(routes, core.Route{Method: "GET", Path: path + to, Do: grants.list})
			}
		}
	}
	return routes
}

// grant answers for the roles of one kind of actor on one kind of target.
type grant struct {
	k             *Keystone
	target, actor string // plurals
	inherited     bool
}

func (g grant) of(r *core.Request) (assignment, error) {
	a := assignment{Role: r.PathValue("role"), System: g.target == "system", Inherited: g.inherited}
	if g.actor == "users" {
		a.User = r.PathValue("actor")
	} else {
		a.Group = r.PathValue("actor")
	}
	if g.target == "projects" {
		a.Project = r.PathValue("target")
	} else {
		a.Domain = r.PathValue("target")
	}
	return a, g.k.checkAssignment(a)
}

func (g grant) existing(r *core.Request) (assignment, error) {
	a, err := g.of(r)
	if err == nil && g.k.assignments.Get(a.row().Text("id")) == nil {
		err = core.Errorf(http.StatusNotFound, "Could not find role assignment with role: %s, user or group: %s, project, domain, or system: %s.",
			a.Role, a.User+a.Group, a.Project+a.Domain)
	}
	return a, err
}

func (g grant) list(r *core.Request) (*core.Answer, error) {
	wanted, err := g.of(r)
	if err != nil {
		return nil, err
	}
	shown := []any{}
	for _, row := range g.k.assignments.All() {
		if wanted.Role = row.Text("role_id"); wanted == assignmentOf(row) {
			shown = append(shown, view(r, kind{plural: "roles"}, g.k.roles.Get(wanted.Role)))
		}
	}
	return core.OK(map[string]any{"roles": shown, "links": listLinks(r)})
}

func (g grant) routes(path string) []core.Route {
	return []core.Route{
		{Method: "GET", Path: path, Do: func(r *core.Request) (*core.Answer, error) {
			if _, err := g.existing(r); err != nil {
				return nil, err
			}
			return core.NoContent()
		}},
		{Method: "PUT", Path: path, Do: func(r *core.Request) (*core.Answer, error) {
			a, err := g.of(r)
			g.k.notifyAssignment(r.Context(), r.Caller, "created", a, err)
			if err != nil {
				return nil, err
			}
			g.k.assign(r.Context(), a)
			return core.NoContent()
		}},
		{Method: "DELETE", Path: path, Do: func(r *core.Request) (*core.Answer, error) {
			a, err := g.existing(r)
			g.k.notifyAssignment(r.Context(), r.Caller, "deleted", a, err)
			if err != nil {
				return nil, err
			}
			g.k.assignments.Delete(r.Context(), a.row().Text("id"))
			return core.NoContent()
		}},
	}
}
