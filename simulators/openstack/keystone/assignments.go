package keystone

import (
	"net/url"
	"slices"
	"strings"

	"github.com/eventrig/eventrig/simulators/openstack/core"
)

// held is an assignment in the list of them: one that was made or, with ?effective, one that follows from it.
type held struct {
	assignment
	member string // the group that gives its user the role
	from   string // path of the project or domain that the project inherits the role from
	prior  string // the role that implies this one
}

// listAssignments is GET /v3/role_assignments (keystone/api/role_assignments.py).
func (k *Keystone) listAssignments(r *core.Request) (*core.Answer, error) {
	query := r.URL.Query()
	if err := checkAssignmentQuery(query); err != nil {
		return nil, err
	}
	project := query.Get("scope.project.id")
	within := func(id string) bool {
		return id == project || (isTrue(query, "include_subtree") && slices.Contains(k.above(id), project))
	}
	if project != "" && k.project(project) == nil && (isTrue(query, "include_subtree") || isTrue(query, "effective")) {
		return nil, notFound("project", project)
	}
	shown := []any{}
	for _, row := range k.assignments.All() {
		made := assignmentOf(row)
		if query.Has(inheritedTo) && made.Inherited != (query.Get(inheritedTo) == "projects") {
			continue
		}
		all := []held{{assignment: made}}
		if isTrue(query, "effective") {
			all = k.follow(made)
		}
		for _, h := range all {
			switch {
			case !matches(query, "user.id", h.User), !matches(query, "group.id", h.Group), !matches(query, "role.id", h.Role),
				!matches(query, "scope.domain.id", h.Domain), project != "" && !within(h.Project), query.Get("scope.system") == "all" && !h.System:
			default:
				shown = append(shown, k.showAssignment(r, h, isTrue(query, "include_names")))
			}
		}
	}
	return core.OK(map[string]any{"role_assignments": shown, "links": listLinks(r)})
}

const inheritedTo = "scope.OS-INHERIT:inherited_to"

// isTrue reads a flag of the query: its name alone switches it on.
func isTrue(query url.Values, name string) bool {
	return query.Has(name) && query.Get(name) != "0" && !strings.EqualFold(query.Get(name), "false")
}

func matches(query url.Values, name, have string) bool {
	return query.Get(name) == "" || query.Get(name) == have
}

// checkAssignmentQuery refuses filters that exclude each other.
func checkAssignmentQuery(query url.Values) error {
	has := func(name string) bool { return query.Get(name) != "" }
	switch {
	case isTrue(query, "include_subtree") && !has("scope.project.id"):
		return badRequest("scope.project.id must be specified if include_subtree is also specified")
	case has("scope.domain.id") && has("scope.project.id"):
		return badRequest("Specify a domain or project, not both")
	case has("scope.domain.id") && has("scope.system"):
		return badRequest("Specify system or domain, not both")
	case has("scope.project.id") && has("scope.system"):
		return badRequest("Specify system or project, not both")
	case has("user.id") && has("group.id"):
		return badRequest("Specify a user or group, not both")
	case isTrue(query, "effective") && has("group.id"):
		return badRequest("Combining effective and group filter will always result in an empty list.")
	case isTrue(query, "effective") && query.Get(inheritedTo) == "projects" && has("scope.domain.id"):
		return badRequest("Combining effective, domain and inherited filters will always result in an empty list.")
	}
	return nil
}

// follow is what an assignment comes to: for each member of its group, for each project that inherits it, and for each
// role that its role implies. Keystone leaves out the system's.
func (k *Keystone) follow(made assignment) []held {
	if made.System {
		return nil
	}
	all := []held{{assignment: made}}
	if made.Inherited {
		from := "/domains/" + made.Domain
		if made.Project != "" {
			from = "/projects/" + made.Project
		}
		all = nil
		for _, project := range k.projects.All() {
			if id := project.Text("id"); slices.Contains(k.above(id), made.target()) {
				one := held{assignment: made, from: from}
				one.Project, one.Domain, one.Inherited = id, "", false
				all = append(all, one)
			}
		}
	}
	if made.Group != "" {
		members := k.members.All(core.Where("group_id", made.Group))
		users := make([]held, 0, len(all)*len(members))
		for _, one := range all {
			for _, member := range members {
				one.User, one.Group, one.member = member.Text("user_id"), "", made.Group
				users = append(users, one)
			}
		}
		all = users
	}
	for i := 0; i < len(all); i++ {
		if next := k.implies(all[i].Role); next != nil {
			one := all[i]
			one.prior, one.Role = one.Role, next.Text("id")
			all = append(all, one)
		}
	}
	return slices.DeleteFunc(all, func(h held) bool { return k.roles.Get(h.Role)["domain_id"] != nil })
}

// showAssignment is an assignment as the list has it, with the links to what it comes from.
func (k *Keystone) showAssignment(r *core.Request, h held, named bool) map[string]any {
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
	base := r.Base() + "/v3"
	shown, links := map[string]any{"role": describe(k.roles, h.Role)}, map[string]any{}
	var scope map[string]any
	path := ""
	switch {
	case h.System:
		scope, path = map[string]any{"system": map[string]any{"all": true}}, "/system"
	case h.Project != "":
		scope, path = map[string]any{"project": describe(k.projects, h.Project)}, "/projects/"+h.Project
	default:
		scope, path = map[string]any{"domain": describe(k.domains, h.Domain)}, "/domains/"+h.Domain
	}
	if h.from != "" {
		path = h.from
	}
	switch {
	case h.member != "":
		shown["user"] = describe(k.users, h.User)
		links["membership"] = base + "/groups/" + h.member + "/users/" + h.User
		path += "/groups/" + h.member
	case h.User != "":
		shown["user"] = describe(k.users, h.User)
		path += "/users/" + h.User
	default:
		shown["group"] = describe(k.groups, h.Group)
		path += "/groups/" + h.Group
	}
	if h.prior == "" {
		path += "/roles/" + h.Role
	} else {
		path += "/roles/" + h.prior
		// Keystone names the two roles the wrong way round here.
		links["prior_role"] = base + "/prior_role/" + h.Role + "/implies/" + h.prior
	}
	if h.Inherited || h.from != "" {
		scope["OS-INHERIT:inherited_to"] = "projects"
		path = "/OS-INHERIT" + path + "/inherited_to_projects"
	}
	links["assignment"] = base + path
	shown["scope"], shown["links"] = scope, links
	return shown
}
