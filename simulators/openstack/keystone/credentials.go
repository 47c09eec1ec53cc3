package keystone

import (
	"net/http"

	"github.com/eventrig/eventrig/simulators/openstack/core"
)

var credentialFields = core.Fields{
	{Name: "name", Types: "string", Required: true, Max: 255},
	{Name: "description", Types: "string null"},
	{Name: "secret", Types: "string null"},
	{Name: "expires_at", Types: "string null"},
	{Name: "roles", Types: "array"},
	{Name: "unrestricted", Types: "boolean null", Default: false},
	{Name: "access_rules", Types: "array"},
}

// credentialRoutes are a user's application credentials (keystone/api/users.py).
func (k *Keystone) credentialRoutes() []core.Route {
	const path = "/v3/users/{id}/application_credentials"
	show := func(r *core.Request, credential core.Resource) map[string]any {
		shown := map[string]any(credential.Clone())
		delete(shown, "user_id")
		shown["links"] = map[string]any{"self": r.Base() + "/v3/users/" + r.PathValue("id") + "/application_credentials/" + credential.Text("id")}
		return shown
	}
	find := func(r *core.Request) (core.Resource, error) {
		found := k.credentials.Get(r.PathValue("credential"))
		if found == nil || found["user_id"] != r.PathValue("id") {
			return nil, notFound("Application Credential", r.PathValue("credential"))
		}
		return found, nil
	}
	return []core.Route{
		{Method: "GET", Path: path, Do: func(r *core.Request) (*core.Answer, error) {
			shown := []any{}
			for _, credential := range k.credentials.All(core.Where("user_id", r.PathValue("id"))) {
				if name := r.URL.Query().Get("name"); name == "" || credential["name"] == name {
					shown = append(shown, show(r, credential))
				}
			}
			return core.OK(map[string]any{"application_credentials": shown, "links": listLinks(r)})
		}},
		{Method: "POST", Path: path, Do: k.createCredential},
		{Method: "GET", Path: path + "/{credential}", Do: func(r *core.Request) (*core.Answer, error) {
			found, err := find(r)
			if err != nil {
				return nil, err
			}
			return core.OK(map[string]any{"application_credential": show(r, found)})
		}},
		{Method: "DELETE", Path: path + "/{credential}", Do: func(r *core.Request) (*core.Answer, error) {
			found, err := find(r)
			if err != nil {
				return nil, err
			}
			k.credentials.Delete(r.Context(), found.Text("id"))
			k.mu.Lock()
			delete(k.secrets, found.Text("id"))
			for text, t := range k.tokens {
				if t.credential == found.Text("id") {
					delete(k.tokens, text)
				}
			}
			k.mu.Unlock()
			k.notify(r.Context(), r.Caller, "application_credential", "deleted", found.Text("id"))
			return core.NoContent()
		}},
	}
}

func (k *Keystone) createCredential(r *core.Request) (*core.Answer, error) {
	given, err := decode(r, "application_credential")
	if err != nil {
		return nil, err
	}
	if wrong := credentialFields.CheckKnown(given, true); wrong != nil {
		return nil, invalid(wrong)
	}
	user := r.PathValue("id")
	if user != r.Caller.UserID {
		return nil, core.Errorf(http.StatusForbidden, "You are not authorized to perform the requested action: identity:create_application_credential.")
	}
	if r.Caller.ProjectID == "" {
		return nil, badRequest("Application credentials need a token that is for a project.")
	}
	if k.credentials.Find(func(c core.Resource) bool { return c["user_id"] == user && c["name"] == given["name"] }) != nil {
		return nil, core.Errorf(http.StatusConflict, "Conflict occurred attempting to store application_credential - Duplicate entry found with name %s for user %s.", given["name"], user)
	}
	made := core.Resource{"id": k.cloud.Hex(), "name": given["name"], "description": given["description"], "expires_at": given["expires_at"],
		"project_id": r.Caller.ProjectID, "unrestricted": given.Flag("unrestricted"), "system": nil, "user_id": user}
	roles := []any{}
	for _, role := range k.effective(user, r.Caller.ProjectID, "", false) {
		wanted := len(given.List("roles")) == 0
		for _, one := range given.List("roles") {
			object, _ := one.(map[string]any)
			wanted = wanted || object["id"] == role["id"] || object["name"] == role["name"]
		}
		if wanted {
			roles = append(roles, map[string]any{"id": role["id"], "name": role["name"], "domain_id": role["domain_id"]})
		}
	}
	made["roles"] = roles
	secret := given.Text("secret")
	if secret == "" {
		secret = k.cloud.Hex() + k.cloud.Hex()
	}
	k.mu.Lock()
	k.secrets[made.Text("id")] = secret
	k.mu.Unlock()
	k.credentials.Put(r.Context(), made)
	k.notify(r.Context(), r.Caller, "application_credential", "created", made.Text("id"))
	shown := map[string]any(made.Clone())
	delete(shown, "user_id")
	shown["secret"] = secret // shown this once
	shown["links"] = map[string]any{"self": r.Base() + "/v3/users/" + user + "/application_credentials/" + made.Text("id")}
	return core.Created(map[string]any{"application_credential": shown})
}
