package keystone

import (
	"context"
	"net/http"

	"github.com/eventrig/eventrig/simulators/openstack/core"
)

func (k *Keystone) dropMembers(ctx context.Context, field, id string) {
	for _, member := range k.members.All(core.Where(field, id)) {
		k.members.Delete(ctx, member.Text("id"))
	}
}

// memberRoutes are groups' users, users' groups and projects, and a user's own password.
func (k *Keystone) memberRoutes() []core.Route {
	list := func(plural string, owner *core.Table, singular, own, other string, table *core.Table) func(*core.Request) (*core.Answer, error) {
		return func(r *core.Request) (*core.Answer, error) {
			id := r.PathValue("id")
			if owner.Get(id) == nil {
				return nil, notFound(singular, id)
			}
			shown := []any{}
			for _, member := range k.members.All(core.Where(own, id)) {
				shown = append(shown, view(r, kind{plural: plural}, table.Get(member.Text(other))))
			}
			return core.OK(map[string]any{plural: shown, "links": listLinks(r)})
		}
	}
	member := func(do func(r *core.Request, group, user, id string) error) func(*core.Request) (*core.Answer, error) {
		return func(r *core.Request) (*core.Answer, error) {
			group, user := r.PathValue("id"), r.PathValue("user")
			if k.groups.Get(group) == nil {
				return nil, notFound("group", group)
			}
			if k.users.Get(user) == nil {
				return nil, notFound("user", user)
			}
			if err := do(r, group, user, group+"/"+user); err != nil {
				return nil, err
			}
			return core.NoContent()
		}
	}
	is := func(_ *core.Request, group, user, id string) error {
		if k.members.Get(id) == nil {
			return core.Errorf(http.StatusNotFound, "User '%s' not found in group '%s'.", user, group)
		}
		return nil
	}
	return []core.Route{
		{Method: "GET", Path: "/v3/groups/{id}/users", Do: list("users", k.groups, "group", "group_id", "user_id", k.users)},
		{Method: "GET", Path: "/v3/users/{id}/groups", Do: list("groups", k.users, "user", "user_id", "group_id", k.groups)},
		{Method: "GET", Path: "/v3/users/{id}/projects", Do: func(r *core.Request) (*core.Answer, error) {
			shown := []any{}
			for _, project := range k.projects.All(func(p core.Resource) bool {
				return len(k.effective(r.PathValue("id"), p.Text("id"), "", false)) > 0
			}) {
				shown = append(shown, view(r, kind{plural: "projects"}, project))
			}
			return core.OK(map[string]any{"projects": shown, "links": listLinks(r)})
		}},
		{Method: "GET", Path: "/v3/groups/{id}/users/{user}", Do: member(is)},
		{Method: "PUT", Path: "/v3/groups/{id}/users/{user}", Do: member(func(r *core.Request, group, user, id string) error {
			k.members.Put(r.Context(), core.Resource{"id": id, "group_id": group, "user_id": user})
			k.notify(r.Context(), r.Caller, "group", "updated", group) // Audit.added_to of keystone/notifications.py
			return nil
		})},
		{Method: "DELETE", Path: "/v3/groups/{id}/users/{user}", Do: member(func(r *core.Request, group, user, id string) error {
			if err := is(r, group, user, id); err != nil {
				return err
			}
			k.members.Delete(r.Context(), id)
			k.notify(r.Context(), r.Caller, "group", "updated", group) // Audit.removed_from
			return nil
		})},
		{Method: "POST", Path: "/v3/users/{id}/password", Do: func(r *core.Request) (*core.Answer, error) {
			given, err := decode(r, "user")
			if err != nil {
				return nil, err
			}
			id := r.PathValue("id")
			k.mu.Lock()
			defer k.mu.Unlock()
			if had, has := k.passwords[id]; !has || had != given.Text("original_password") {
				return nil, unauthorized()
			}
			password, ok := given["password"].(string)
			if !ok {
				return nil, badRequest("Invalid input for field 'password': %s is not of type 'string'", core.Repr(given["password"]))
			}
			k.passwords[id] = password
			k.notify(r.Context(), r.Caller, "user", "updated", id)
			return core.NoContent()
		}},
	}
}
