package keystone

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/eventrig/eventrig/simulators/openstack/core"
)

// kind is one resource of the API: a table of fields and what is special about it.
type kind struct {
	singular, plural string
	table            *core.Table
	fields           core.Fields
	defaults         func(made core.Resource) // what a creation fills in
	check            func(made core.Resource) error
	protect          func(existing core.Resource) error // refuses a deletion
	forget           func(ctx context.Context, id string)
}

func (k *Keystone) kinds() []kind {
	project := core.Fields{
		{Name: "name", Types: "string", Required: true, Max: 64, Filter: true},
		{Name: "description", Types: "string null", Default: ""},
		{Name: "enabled", Types: "boolean", Default: true, Filter: true},
		{Name: "is_domain", Types: "boolean", Default: false, Fixed: true},
		{Name: "domain_id", Types: "string null", Fixed: true, Filter: true},
		{Name: "parent_id", Types: "string null", Fixed: true, Filter: true},
		{Name: "tags", Types: "array", Default: []any{}},
		{Name: "options", Types: "object", Default: map[string]any{}},
	}
	return []kind{
		{singular: "project", plural: "projects", table: k.projects, fields: project, defaults: func(made core.Resource) {
			if made["domain_id"] == nil {
				made["domain_id"] = DefaultDomain
			}
			if made["parent_id"] == nil {
				made["parent_id"] = made["domain_id"]
			}
		}, check: k.checkProject, protect: func(existing core.Resource) error {
			if child := k.projects.Find(core.Where("parent_id", existing["id"])); child != nil {
				return core.Errorf(http.StatusForbidden, "Cannot delete project %s since it is not a leaf in the project hierarchy. Use the cascade option if you want to delete a whole subtree.", existing.Text("id"))
			}
			return nil
		}, forget: k.forgetTarget},
		{singular: "domain", plural: "domains", table: k.domains, fields: project, defaults: func(made core.Resource) {
			made["is_domain"], made["domain_id"], made["parent_id"] = true, nil, nil
		}, check: k.uniqueName(k.domains, "domain"), protect: func(existing core.Resource) error {
			if existing.Flag("enabled") {
				return core.Errorf(http.StatusForbidden, "Cannot delete a domain that is enabled, please disable it first.")
			}
			return nil
		}, forget: k.forgetTarget},
		{singular: "user", plural: "users", table: k.users, fields: core.Fields{
			{Name: "name", Types: "string", Required: true, Max: 255, Filter: true},
			{Name: "domain_id", Types: "string", Filter: true},
			{Name: "enabled", Types: "boolean", Default: true, Filter: true},
			{Name: "default_project_id", Types: "string null"},
			{Name: "description", Types: "string null"},
			{Name: "email", Types: "string null"},
			{Name: "password", Types: "string null"},
			{Name: "options", Types: "object", Default: map[string]any{}},
			{Name: "password_expires_at"},
		}, defaults: inDefaultDomain, check: k.uniqueName(k.users, "user"), forget: k.forgetUser},
		{singular: "group", plural: "groups", table: k.groups, fields: core.Fields{
			{Name: "name", Types: "string", Required: true, Max: 64, Filter: true},
			{Name: "domain_id", Types: "string", Filter: true},
			{Name: "description", Types: "string null", Default: ""},
		}, defaults: inDefaultDomain, check: k.uniqueName(k.groups, "group"), forget: k.forgetGroup},
		{singular: "role", plural: "roles", table: k.roles, fields: core.Fields{
			{Name: "name", Types: "string", Required: true, Max: 255, Filter: true},
			{Name: "domain_id", Types: "string null", Filter: true},
			{Name: "description", Types: "string null"},
			{Name: "options", Types: "object", Default: map[string]any{}},
		}, check: k.uniqueName(k.roles, "role"), forget: func(ctx context.Context, id string) {
			k.revoke(ctx, func(a core.Resource) bool { return a["role_id"] == id })
		}},
	}
}

func inDefaultDomain(made core.Resource) {
	if made["domain_id"] == nil {
		made["domain_id"] = DefaultDomain
	}
}

// identifiers that a caller from Go or a world may choose; the API never accepts one.
var identifier = regexp.MustCompile(`^([0-9a-f]{32}|default)$`)

// create makes a resource. The caller changes the cloud exclusively.
func (k *Keystone) create(ctx context.Context, caller *core.Caller, of kind, given core.Resource) (core.Resource, error) {
	if wrong := of.fields.CheckKnown(given, true); wrong != nil {
		return nil, invalid(wrong)
	}
	if name, ok := given["name"].(string); ok && name == "" {
		return nil, badRequest("Invalid input for field 'name': '' should be non-empty")
	}
	made := of.fields.New()
	for name, value := range given {
		made[name] = value
	}
	if id, has := made["id"]; !has {
		made["id"] = k.cloud.Hex()
	} else if text, ok := id.(string); !ok || !identifier.MatchString(text) {
		return nil, badRequest("Invalid input for field 'id': '%s' does not match '%s'", core.Str(id), identifier)
	}
	id := made.Text("id")
	if of.table.Get(id) != nil {
		return nil, core.Errorf(http.StatusConflict, "Conflict occurred attempting to store %s - Duplicate ID, %s.", of.singular, id)
	}
	if of.defaults != nil {
		of.defaults(made)
	}
	if err := of.check(made); err != nil {
		return nil, err
	}
	k.keepPassword(of, made)
	of.table.Put(ctx, made)
	k.notify(ctx, caller, of.singular, "created", id)
	return made, nil
}

// keepPassword moves a user's password out of what the API shows.
func (k *Keystone) keepPassword(of kind, made core.Resource) {
	if of.singular != "user" {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if password, ok := made["password"].(string); ok {
		k.passwords[made.Text("id")] = password
	}
	delete(made, "password")
}

// update changes a resource. The caller changes the cloud exclusively.
func (k *Keystone) update(ctx context.Context, caller *core.Caller, of kind, existing core.Resource, given core.Resource) (core.Resource, error) {
	if wrong := of.fields.CheckKnown(given, false); wrong != nil {
		return nil, invalid(wrong)
	}
	if name, ok := given["name"].(string); ok && name == "" {
		return nil, badRequest("Invalid input for field 'name': '' should be non-empty")
	}
	changed := existing.Clone()
	for name, value := range given {
		if name == "id" {
			if value != existing["id"] {
				return nil, badRequest("Cannot change %s ID", of.singular)
			}
			continue
		}
		if field, known := of.fields.Find(name); known && field.Fixed && !core.Same(value, existing[name]) {
			return nil, badRequest("Invalid input for field '%s': it cannot be changed after creation", name)
		}
		changed[name] = value
	}
	if err := of.check(changed); err != nil {
		return nil, err
	}
	k.keepPassword(of, changed)
	of.table.Put(ctx, changed)
	if of.singular == "domain" {
		// keystone/resource/core.py, update_project: a domain is a project first.
		k.notify(ctx, caller, "project", "updated", existing.Text("id"))
	}
	k.notify(ctx, caller, of.singular, "updated", existing.Text("id"))
	return changed, nil
}

// remove deletes a resource with what hangs on it. The caller changes the cloud exclusively.
func (k *Keystone) remove(ctx context.Context, caller *core.Caller, of kind, id string) {
	of.forget(ctx, id)
	of.table.Delete(ctx, id)
	k.notify(ctx, caller, of.singular, "deleted", id)
}

func (k *Keystone) checkProject(made core.Resource) error {
	if made.Flag("is_domain") {
		return badRequest("only admin is allowed to create a project that acts as a domain; use domains")
	}
	if domain := made.Text("domain_id"); k.domains.Get(domain) == nil {
		return notFound("domain", domain)
	}
	if parent := made.Text("parent_id"); k.project(parent) == nil {
		return notFound("project", parent)
	}
	for _, tag := range made.List("tags") {
		if err := checkTag(tag); err != nil {
			return err
		}
	}
	return k.uniqueName(k.projects, "project")(made)
}

// project finds a project, or the domain that acts as one.
func (k *Keystone) project(id string) core.Resource {
	if found := k.projects.Get(id); found != nil {
		return found
	}
	return k.domains.Get(id)
}

// uniqueName refuses a name that another one of the domain has.
func (k *Keystone) uniqueName(table *core.Table, singular string) func(core.Resource) error {
	return func(made core.Resource) error {
		if domain, ok := made["domain_id"].(string); ok && k.domains.Get(domain) == nil {
			return notFound("domain", domain)
		}
		other := table.Find(func(r core.Resource) bool {
			return r["id"] != made["id"] && r["name"] == made["name"] && r["domain_id"] == made["domain_id"]
		})
		if other == nil {
			return nil
		}
		where := "."
		if singular != "domain" && made["domain_id"] != nil {
			where = fmt.Sprintf(" at domain ID %s.", made["domain_id"])
		}
		return core.Errorf(http.StatusConflict, "Conflict occurred attempting to store %s - Duplicate entry found with name %s%s", singular, made["name"], where)
	}
}

func (k *Keystone) forgetTarget(ctx context.Context, id string) {
	k.revoke(ctx, func(a core.Resource) bool { return a["project_id"] == id || a["domain_id"] == id })
}

func (k *Keystone) forgetUser(ctx context.Context, id string) {
	k.revoke(ctx, func(a core.Resource) bool { return a["user_id"] == id })
	k.dropMembers(ctx, "user_id", id)
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.passwords, id)
	for text, t := range k.tokens {
		if t.user == id {
			delete(k.tokens, text)
		}
	}
}

func (k *Keystone) forgetGroup(ctx context.Context, id string) {
	k.revoke(ctx, func(a core.Resource) bool { return a["group_id"] == id })
	k.dropMembers(ctx, "group_id", id)
}

// view is what the API shows of a resource.
func view(r *core.Request, of kind, found core.Resource) map[string]any {
	shown := make(map[string]any, len(found)+1)
	for name, value := range found {
		if of.plural == "domains" && (name == "is_domain" || name == "domain_id" || name == "parent_id") {
			continue
		}
		shown[name] = value
	}
	shown["links"] = map[string]any{"self": r.Base() + "/v3/" + of.plural + "/" + found.Text("id")}
	return shown
}

// passes applies the list filters that Keystone knows; it ignores all others.
func passes(of kind, r *core.Request) func(core.Resource) bool {
	query := r.URL.Query()
	return func(candidate core.Resource) bool {
		for _, field := range of.fields {
			if !field.Filter {
				continue
			}
			text := strings.ToLower(candidate.Text(field.Name))
			for comparator, holds := range map[string]func(string, string) bool{
				"contains": strings.Contains, "startswith": strings.HasPrefix, "endswith": strings.HasSuffix,
			} {
				for prefix, lower := range map[string]bool{"i": true, "": false} {
					name := field.Name + "__" + prefix + comparator
					wanted, have := query.Get(name), candidate.Text(field.Name)
					if lower {
						wanted, have = strings.ToLower(wanted), text
					}
					if query.Has(name) && !holds(have, wanted) {
						return false
					}
				}
			}
			if !query.Has(field.Name) {
				continue
			}
			if have, isBool := candidate[field.Name].(bool); isBool {
				if have != boolean(query.Get(field.Name)) {
					return false
				}
			} else if candidate.Text(field.Name) != query.Get(field.Name) {
				return false
			}
		}
		return tagged(candidate, query)
	}
}

// boolean reads a query's truth as Keystone does: everything but 0 and false is true, and absence is false.
func boolean(value string) bool {
	return value != "" && value != "0" && !strings.EqualFold(value, "false")
}

func (k *Keystone) routes(of kind) []core.Route {
	path := "/v3/" + of.plural
	find := func(r *core.Request) (core.Resource, error) {
		id := r.PathValue("id")
		found := of.table.Get(id)
		if found == nil && of.singular == "project" {
			found = k.domains.Get(id)
		}
		if found == nil {
			return nil, notFound(of.singular, id)
		}
		return found, nil
	}
	// A domain that is asked for as a project is changed as the domain that it is.
	as := func(found core.Resource) kind {
		if of.singular == "project" && found.Flag("is_domain") {
			return k.kinds()[1]
		}
		return of
	}
	return []core.Route{
		{Method: "GET", Path: path, Do: func(r *core.Request) (*core.Answer, error) {
			table := of.table
			if of.singular == "project" && boolean(r.URL.Query().Get("is_domain")) {
				table = k.domains
			}
			found := table.All(passes(of, r))
			core.Sort(found, "name", false)
			shown := []any{}
			for _, one := range limited(found, r) {
				shown = append(shown, view(r, of, one))
			}
			return core.OK(map[string]any{of.plural: shown, "links": listLinks(r)})
		}},
		{Method: "POST", Path: path, Do: func(r *core.Request) (*core.Answer, error) {
			given, err := decode(r, of.singular)
			if err != nil {
				return nil, err
			}
			delete(given, "id")
			if of.singular == "project" && given["domain_id"] == nil && r.Caller.ProjectDomainID != "" {
				given["domain_id"] = r.Caller.ProjectDomainID
			}
			target := of
			if of.singular == "project" && given["is_domain"] == true {
				target = k.kinds()[1]
			}
			made, err := k.create(r.Context(), r.Caller, target, given)
			if err != nil {
				return nil, err
			}
			return core.Created(map[string]any{of.singular: view(r, of, made)})
		}},
		{Method: "GET", Path: path + "/{id}", Do: func(r *core.Request) (*core.Answer, error) {
			found, err := find(r)
			if err != nil {
				return nil, err
			}
			return core.OK(map[string]any{of.singular: view(r, of, found)})
		}},
		{Method: "PATCH", Path: path + "/{id}", Do: func(r *core.Request) (*core.Answer, error) {
			given, err := decode(r, of.singular)
			if err != nil {
				return nil, err
			}
			found, err := find(r)
			if err != nil {
				return nil, err
			}
			changed, err := k.update(r.Context(), r.Caller, as(found), found, given)
			if err != nil {
				return nil, err
			}
			return core.OK(map[string]any{of.singular: view(r, of, changed)})
		}},
		{Method: "DELETE", Path: path + "/{id}", Do: func(r *core.Request) (*core.Answer, error) {
			found, err := find(r)
			if err != nil {
				return nil, err
			}
			target := as(found)
			if target.protect != nil {
				if err := target.protect(found); err != nil {
					return nil, err
				}
			}
			k.remove(r.Context(), r.Caller, target, found.Text("id"))
			return core.NoContent()
		}},
	}
}

// limited applies limit and marker, which Keystone takes as a hint (keystone/common/driver_hints.py).
func limited(found []core.Resource, r *core.Request) []core.Resource {
	query := r.URL.Query()
	if at := slices.IndexFunc(found, func(one core.Resource) bool { return one["id"] == query.Get("marker") }); at >= 0 {
		found = found[at+1:]
	}
	var limit int
	if _, err := fmt.Sscan(query.Get("limit"), &limit); err == nil && limit > 0 && limit < len(found) {
		found = found[:limit]
	}
	return found
}

func listLinks(r *core.Request) map[string]any {
	self := r.Base() + r.URL.Path
	if r.URL.RawQuery != "" {
		self += "?" + r.URL.RawQuery
	}
	return map[string]any{"self": self, "previous": nil, "next": nil}
}
