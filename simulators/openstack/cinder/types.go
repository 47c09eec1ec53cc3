package cinder

import (
	"net/http"

	"github.com/eventrig/eventrig/simulators/openstack/core"
)

var typeFields = core.Fields{
	{Name: "id"}, {Name: "name", Types: "string", Required: true, Max: 255}, {Name: "description", Types: "string null", Max: 255},
	{Name: "is_public", Default: true}, {Name: "os-volume-type-access:is_public", Types: "boolean string"}, {Name: "extra_specs", Types: "object", Default: map[string]any{}},
	{Name: "qos_specs_id"},
}

func (c *Cinder) findType(r *core.Request) (core.Resource, error) {
	id := r.PathValue("type")
	if id == "default" {
		return c.types.Find(core.Where("name", defaultType)), nil
	}
	if found := c.types.Get(id); found != nil {
		return found, nil
	}
	return nil, notFound("Volume type %s could not be found.", id)
}

func viewType(of core.Resource) map[string]any {
	shown := map[string]any(of.Clone())
	shown["os-volume-type-access:is_public"] = of["is_public"]
	return shown
}

// tellType sends volume_type.OPERATION (cinder/api/contrib/types_manage.py).
func (c *Cinder) tellType(r *core.Request, operation string, of core.Resource) {
	c.cloud.Notify(r.Context(), core.Event{Name: "cinder/volume_type." + operation, Caller: r.Caller, Set: map[string]any{
		"payload.volume_types.id": of["id"], "payload.volume_types.name": of["name"], "payload.volume_types.description": of["description"],
		"payload.volume_types.is_public": of["is_public"], "payload.volume_types.extra_specs": of["extra_specs"],
	}})
}

// settle reads a type's fields from a body; the public flag has two names.
func settle(given core.Resource, made core.Resource) error {
	for name, value := range given {
		switch name {
		case "os-volume-type-access:is_public", "is_public":
			public, ok := core.Boolean(core.Str(value))
			if !ok {
				return core.Errorf(http.StatusBadRequest, "Invalid input for field/attribute %s. Value: %s. %s is not of type 'boolean'", name, core.Str(value), core.Repr(value))
			}
			made["is_public"] = public
		default:
			made[name] = value
		}
	}
	delete(made, "os-volume-type-access:is_public")
	return nil
}

func (c *Cinder) typeRoutes() []core.Route {
	const path = "/v3/{project}/types"
	body := func(r *core.Request, creating bool) (core.Resource, error) {
		given, err := r.Inner("volume_type")
		if err != nil {
			return nil, err
		}
		known := typeFields
		if public, has := given["is_public"]; has {
			given["os-volume-type-access:is_public"] = public
			delete(given, "is_public")
		}
		if wrong := known.Check(given, creating); wrong != nil {
			return nil, core.Invalid(wrong)
		}
		return given, nil
	}
	return []core.Route{
		{Method: "GET", Path: path, Do: func(r *core.Request) (*core.Answer, error) {
			public := r.URL.Query().Get("is_public")
			found := c.types.All(func(t core.Resource) bool {
				truth, given := core.Boolean(public)
				return !given || t.Flag("is_public") == truth
			})
			page, next, err := r.Limited(found, "id")
			if err != nil {
				return nil, err
			}
			shown := []any{}
			for _, one := range page {
				shown = append(shown, viewType(one))
			}
			answer := map[string]any{"volume_types": shown}
			if next != "" {
				answer["volume_type_links"] = []any{map[string]any{"rel": "next", "href": next}}
			}
			return core.OK(answer)
		}},
		{Method: "POST", Path: path, Do: func(r *core.Request) (*core.Answer, error) {
			given, err := body(r, true)
			if err != nil {
				return nil, err
			}
			if c.types.Find(core.Where("name", given["name"])) != nil {
				return nil, core.Errorf(http.StatusConflict, "Volume Type %s already exists.", given["name"])
			}
			made := typeFields.New()
			made["id"] = c.cloud.UUID()
			if err := settle(given, made); err != nil {
				return nil, err
			}
			c.types.Put(r.Context(), made)
			c.tellType(r, "create", made)
			return core.OK(map[string]any{"volume_type": viewType(made)})
		}},
		{Method: "GET", Path: path + "/{type}", Do: func(r *core.Request) (*core.Answer, error) {
			found, err := c.findType(r)
			if err != nil {
				return nil, err
			}
			return core.OK(map[string]any{"volume_type": viewType(found)})
		}},
		{Method: "PUT", Path: path + "/{type}", Do: func(r *core.Request) (*core.Answer, error) {
			given, err := body(r, false)
			if err != nil {
				return nil, err
			}
			found, err := c.findType(r)
			if err != nil {
				return nil, err
			}
			changed := found.Clone()
			if err := settle(given, changed); err != nil {
				return nil, err
			}
			if other := c.types.Find(core.Where("name", changed["name"])); other != nil && other["id"] != changed["id"] {
				return nil, core.Errorf(http.StatusConflict, "Volume Type %s already exists.", changed["name"])
			}
			c.types.Put(r.Context(), changed)
			c.tellType(r, "update", changed)
			return core.OK(map[string]any{"volume_type": viewType(changed)})
		}},
		{Method: "DELETE", Path: path + "/{type}", Do: func(r *core.Request) (*core.Answer, error) {
			found, err := c.findType(r)
			if err != nil {
				return nil, err
			}
			if c.volumes.Find(core.Where("volume_type", found["name"])) != nil {
				return nil, core.Errorf(http.StatusBadRequest, "Target volume type is still in use.")
			}
			if found["name"] == defaultType {
				return nil, core.Errorf(http.StatusBadRequest, "The volume type %s is a default volume type and cannot be deleted.", defaultType)
			}
			for _, row := range c.access.All(core.Where("volume_type_id", found["id"])) {
				c.access.Delete(r.Context(), row.Text("id"))
			}
			c.types.Delete(r.Context(), found.Text("id"))
			c.tellType(r, "delete", found)
			return core.Accepted(nil)
		}},
		{Method: "GET", Path: path + "/{type}/extra_specs", Do: func(r *core.Request) (*core.Answer, error) {
			found, err := c.findType(r)
			if err != nil {
				return nil, err
			}
			return core.OK(map[string]any{"extra_specs": found["extra_specs"]})
		}},
		{Method: "POST", Path: path + "/{type}/extra_specs", Do: func(r *core.Request) (*core.Answer, error) {
			found, err := c.findType(r)
			if err != nil {
				return nil, err
			}
			given, err := r.Inner("extra_specs")
			if err != nil {
				return nil, err
			}
			if err := c.setSpecs(r, found, "create", given); err != nil {
				return nil, err
			}
			return core.OK(map[string]any{"extra_specs": map[string]any(given)})
		}},
		{Method: "GET", Path: path + "/{type}/extra_specs/{key}", Do: func(r *core.Request) (*core.Answer, error) {
			found, err := c.findType(r)
			if err != nil {
				return nil, err
			}
			value, has := found.Object("extra_specs")[r.PathValue("key")]
			if !has {
				return nil, noSpec(found, r.PathValue("key"))
			}
			return core.OK(map[string]any{r.PathValue("key"): value})
		}},
		{Method: "PUT", Path: path + "/{type}/extra_specs/{key}", Do: func(r *core.Request) (*core.Answer, error) {
			found, err := c.findType(r)
			if err != nil {
				return nil, err
			}
			value, _ := r.JSON()
			given, ok := value.(map[string]any)
			if !ok || len(given) != 1 || given[r.PathValue("key")] == nil {
				return nil, core.Errorf(http.StatusBadRequest, "Request body and URI mismatch")
			}
			if err := c.setSpecs(r, found, "update", given); err != nil {
				return nil, err
			}
			return core.OK(given)
		}},
		{Method: "DELETE", Path: path + "/{type}/extra_specs/{key}", Do: func(r *core.Request) (*core.Answer, error) {
			found, err := c.findType(r)
			if err != nil {
				return nil, err
			}
			changed, key := found.Clone(), r.PathValue("key")
			if _, has := changed.Object("extra_specs")[key]; !has {
				return nil, noSpec(found, key)
			}
			delete(changed.Object("extra_specs"), key)
			c.types.Put(r.Context(), changed)
			c.tellSpecs(r, "delete", found, map[string]any{"id": key})
			return core.Accepted(nil)
		}},
	}
}

func noSpec(of core.Resource, key string) error {
	return notFound("Volume Type %s has no extra specs with key %s.", of["id"], key)
}

func (c *Cinder) setSpecs(r *core.Request, of core.Resource, operation string, given map[string]any) error {
	changed := of.Clone()
	for name, value := range given {
		if _, ok := value.(string); !ok {
			return core.Errorf(http.StatusBadRequest, "Invalid input for field/attribute %s. Value: %s. %s is not of type 'string'", name, core.Str(value), core.Repr(value))
		}
		changed.Object("extra_specs")[name] = value
	}
	c.types.Put(r.Context(), changed)
	c.tellSpecs(r, operation, of, map[string]any{"specs": given})
	return nil
}

// tellSpecs sends volume_type_extra_specs.OPERATION (cinder/api/contrib/types_extra_specs.py).
func (c *Cinder) tellSpecs(r *core.Request, operation string, of core.Resource, payload map[string]any) {
	payload["type_id"] = of["id"]
	c.cloud.Notify(r.Context(), core.Event{Name: "cinder/volume_type_extra_specs." + operation, Payload: payload, Caller: r.Caller})
}

// accessRoutes say which projects may use a private type.
func (c *Cinder) accessRoutes() []core.Route {
	const path = "/v3/{project}/types/{type}"
	return []core.Route{
		{Method: "GET", Path: path + "/os-volume-type-access", Do: func(r *core.Request) (*core.Answer, error) {
			found, err := c.findType(r)
			if err != nil {
				return nil, err
			}
			if found.Flag("is_public") {
				return nil, notFound("Access list not available for public volume types.")
			}
			shown := []any{}
			for _, row := range c.access.All(core.Where("volume_type_id", found["id"])) {
				shown = append(shown, map[string]any{"volume_type_id": found["id"], "project_id": row["project_id"]})
			}
			return core.OK(map[string]any{"volume_type_access": shown})
		}},
		{Method: "POST", Path: path + "/action", Note: "addProjectAccess, removeProjectAccess", Do: func(r *core.Request) (*core.Answer, error) {
			found, err := c.findType(r)
			if err != nil {
				return nil, err
			}
			value, _ := r.JSON()
			body, _ := value.(map[string]any)
			for name, operation := range map[string]string{"addProjectAccess": "add", "removeProjectAccess": "remove"} {
				given, has := body[name].(map[string]any)
				if !has {
					continue
				}
				project, ok := given["project"].(string)
				if !ok || project == "" {
					return nil, core.Errorf(http.StatusBadRequest, "Invalid input for field/attribute %s. Value: %s. 'project' is a required property", name, core.Repr(given))
				}
				if found.Flag("is_public") {
					return nil, core.Errorf(http.StatusConflict, "Type access modification is not applicable to public volume type.")
				}
				id := found.Text("id") + "/" + project
				existing := c.access.Get(id)
				switch {
				case operation == "add" && existing != nil:
					return nil, core.Errorf(http.StatusConflict, "Volume type access for %s / %s combination already exists.", found["id"], project)
				case operation == "remove" && existing == nil:
					return nil, notFound("Volume type access not found for %s / %s combination.", found["id"], project)
				case operation == "add":
					c.access.Put(r.Context(), core.Resource{"id": id, "volume_type_id": found["id"], "project_id": project})
				default:
					c.access.Delete(r.Context(), id)
				}
				c.cloud.Notify(r.Context(), core.Event{Name: "cinder/volume_type_project.access." + operation, Caller: r.Caller,
					Payload: map[string]any{"volume_type_id": found["id"], "project_id": project}})
				return core.Accepted(nil)
			}
			return nil, core.Errorf(http.StatusBadRequest, "There is no such action")
		}},
	}
}
