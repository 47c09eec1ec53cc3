package cinder

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/eventrig/eventrig/simulators/openstack/core"
)

var volumeFields = core.Fields{
	{Name: "id"}, {Name: "name", Types: "string null", Max: 255}, {Name: "description", Types: "string null", Max: 255}, {Name: "size", Types: "integer string null"},
	{Name: "volume_type", Types: "string null"}, {Name: "availability_zone", Types: "string null", Default: "nova"}, {Name: "metadata", Types: "object null", Default: map[string]any{}},
	{Name: "snapshot_id", Types: "string null"}, {Name: "source_volid", Types: "string null"}, {Name: "imageRef", Types: "string null"}, {Name: "multiattach", Types: "boolean string null", Default: false},
	{Name: "status", Default: "available"}, {Name: "bootable", Default: "false"}, {Name: "encrypted", Default: false}, {Name: "attachments", Default: []any{}},
	{Name: "project_id"}, {Name: "user_id"}, {Name: "created_at"}, {Name: "updated_at"}, {Name: "replication_status"}, {Name: "consistencygroup_id"}, {Name: "migration_status"},
}

var snapshotFields = core.Fields{
	{Name: "id"}, {Name: "name", Types: "string null", Max: 255}, {Name: "description", Types: "string null", Max: 255}, {Name: "volume_id", Types: "string", Required: true},
	{Name: "force", Types: "boolean string null"}, {Name: "metadata", Types: "object null", Default: map[string]any{}}, {Name: "status", Default: "available"}, {Name: "size"},
	{Name: "project_id"}, {Name: "user_id"}, {Name: "created_at"}, {Name: "updated_at"},
}

// kind is what volumes and snapshots differ in.
type kind struct {
	singular, title string
	table           *core.Table
	fields          core.Fields
	complete        func(r *core.Request, made core.Resource) error
	free            func(existing core.Resource) error
	usage           func(existing core.Resource, status string) map[string]any // what a notification's payload is set to
}

func (c *Cinder) volumeKind() kind {
	return kind{singular: "volume", title: "Volume", table: c.volumes, fields: volumeFields, complete: func(_ *core.Request, made core.Resource) error {
		if snapshot := c.snapshots.Get(made.Text("snapshot_id")); made["size"] == nil && snapshot != nil {
			made["size"] = snapshot["size"]
		}
		size, err := strconv.Atoi(core.Str(made["size"]))
		if err != nil || size < 1 {
			return core.Errorf(http.StatusBadRequest, "Invalid input received: Volume size '%s' must be an integer and greater than 0", core.Str(made["size"]))
		}
		made["size"] = core.Integer(size)
		if made["volume_type"] == nil {
			made["volume_type"] = defaultType
		}
		of := c.types.Find(func(t core.Resource) bool { return t["id"] == made["volume_type"] || t["name"] == made["volume_type"] })
		if of == nil {
			return notFound("Volume type with name %s could not be found.", made["volume_type"])
		}
		made["volume_type"] = of["name"]
		return nil
	}, free: func(existing core.Resource) error {
		if c.snapshots.Find(core.Where("volume_id", existing["id"])) != nil {
			return core.Errorf(http.StatusBadRequest, "Invalid volume: Volume still has 1 dependent snapshots.")
		}
		if existing["status"] == "in-use" {
			return core.Errorf(http.StatusBadRequest, "Invalid volume: Volume status must be available or error or error_restoring or error_extending or error_managing and must not be migrating, attached, belong to a group, have snapshots, awaiting a transfer, or be disassociated from snapshots after volume transfer.")
		}
		return nil
	}, usage: func(v core.Resource, status string) map[string]any {
		var id any
		if of := c.types.Find(core.Where("name", v["volume_type"])); of != nil {
			id = of["id"]
		}
		return map[string]any{"tenant_id": v["project_id"], "user_id": v["user_id"], "volume_id": v["id"], "volume_type": id, "display_name": v["name"],
			"size": v["size"], "status": status, "snapshot_id": v["snapshot_id"], "availability_zone": v["availability_zone"], "created_at": v["created_at"]}
	}}
}

func (c *Cinder) snapshotKind() kind {
	return kind{singular: "snapshot", title: "Snapshot", table: c.snapshots, fields: snapshotFields, complete: func(_ *core.Request, made core.Resource) error {
		volume := c.volumes.Get(made.Text("volume_id"))
		if volume == nil {
			return notFound("Volume %s could not be found.", made["volume_id"])
		}
		made["size"] = volume["size"]
		delete(made, "force")
		return nil
	}, free: func(core.Resource) error { return nil }, usage: func(s core.Resource, status string) map[string]any {
		return map[string]any{"tenant_id": s["project_id"], "user_id": s["user_id"], "volume_id": s["volume_id"], "volume_size": s["size"], "snapshot_id": s["id"],
			"display_name": s["name"], "status": status, "created_at": s["created_at"]}
	}}
}

func (c *Cinder) tell(r *core.Request, k kind, operation, status string, of core.Resource) {
	set := map[string]any{}
	for name, value := range k.usage(of, status) {
		set["payload."+name] = value
	}
	c.cloud.Notify(r.Context(), core.Event{Name: "cinder/" + k.singular + "." + operation, Set: set, Caller: r.Caller})
}

func (k kind) view(r *core.Request, of core.Resource) map[string]any {
	shown := map[string]any(of.Clone())
	delete(shown, "imageRef")
	if k.singular == "volume" {
		shown["os-vol-tenant-attr:tenant_id"], shown["os-vol-host-attr:host"] = of["project_id"], volumeHost+"@netapp#pool"
		delete(shown, "project_id")
	} else {
		shown["os-extended-snapshot-attributes:project_id"], shown["os-extended-snapshot-attributes:progress"] = of["project_id"], "100%"
		delete(shown, "project_id")
	}
	path := r.PathValue("project") + "/" + k.singular + "s/" + of.Text("id")
	shown["links"] = []any{map[string]any{"rel": "self", "href": r.Base() + "/v3/" + path}, map[string]any{"rel": "bookmark", "href": r.Base() + "/" + path}}
	return shown
}

func (c *Cinder) routes(k kind) []core.Route {
	path := "/v3/{project}/" + k.singular + "s"
	find := func(r *core.Request) (core.Resource, error) {
		if found := k.table.Get(r.PathValue("id")); found != nil {
			return found, nil
		}
		return nil, notFound("%s %s could not be found.", k.title, r.PathValue("id"))
	}
	list := func(detail bool) func(*core.Request) (*core.Answer, error) {
		return func(r *core.Request) (*core.Answer, error) {
			query := r.URL.Query()
			everybody, _ := core.Boolean(query.Get("all_tenants"))
			found := k.table.All(func(one core.Resource) bool {
				for _, name := range []string{"name", "status", "volume_id", "volume_type", "availability_zone"} {
					if query.Has(name) && one.Text(name) != query.Get(name) {
						return false
					}
				}
				return everybody || one.Text("project_id") == r.Caller.ProjectID
			})
			if key, direction, _ := strings.Cut(query.Get("sort"), ":"); key != "" {
				core.Sort(found, key, direction == "desc")
			}
			page, next, err := r.Limited(found, "id")
			if err != nil {
				return nil, err
			}
			shown := []any{}
			for _, one := range page {
				full := k.view(r, one)
				if !detail {
					full = map[string]any{"id": full["id"], "name": full["name"], "links": full["links"]}
				}
				shown = append(shown, full)
			}
			body := map[string]any{k.singular + "s": shown}
			if next != "" {
				body[k.singular+"s_links"] = []any{map[string]any{"rel": "next", "href": next}}
			}
			return core.OK(body)
		}
	}
	routes := []core.Route{
		{Method: "GET", Path: path, Do: list(false)},
		{Method: "GET", Path: path + "/detail", Do: list(true)},
		{Method: "POST", Path: path, Do: func(r *core.Request) (*core.Answer, error) {
			given, err := r.Inner(k.singular)
			if err != nil {
				return nil, err
			}
			if wrong := k.fields.CheckKnown(given, true); wrong != nil {
				return nil, core.Invalid(wrong)
			}
			made := k.fields.New()
			for name, value := range given {
				if field, known := k.fields.Find(name); known && field.Types != "" && value != nil {
					made[name] = value
				}
			}
			made["id"], made["project_id"], made["user_id"] = c.cloud.UUID(), r.Caller.ProjectID, r.Caller.UserID
			made["created_at"] = c.cloud.Now().Format("2006-01-02T15:04:05.000000")
			if err := k.complete(r, made); err != nil {
				return nil, err
			}
			c.tell(r, k, "create.start", "creating", made)
			k.table.Put(r.Context(), made)
			c.tell(r, k, "create.end", "available", made)
			shown := k.view(r, made)
			shown["status"] = "creating" // as the answer to a request that has only begun
			return core.Accepted(map[string]any{k.singular: shown})
		}},
		{Method: "GET", Path: path + "/{id}", Do: func(r *core.Request) (*core.Answer, error) {
			found, err := find(r)
			if err != nil {
				return nil, err
			}
			return core.OK(map[string]any{k.singular: k.view(r, found)})
		}},
		{Method: "PUT", Path: path + "/{id}", Do: func(r *core.Request) (*core.Answer, error) {
			found, err := find(r)
			if err != nil {
				return nil, err
			}
			given, err := r.Inner(k.singular)
			if err != nil {
				return nil, err
			}
			if wrong := k.fields.CheckKnown(given, false); wrong != nil {
				return nil, core.Invalid(wrong)
			}
			changed := found.Clone()
			for _, name := range []string{"name", "description", "metadata"} {
				if value, has := given[name]; has {
					changed[name] = value
				}
			}
			c.tell(r, k, "update.start", changed.Text("status"), changed)
			k.table.Put(r.Context(), changed)
			c.tell(r, k, "update.end", changed.Text("status"), changed)
			return core.OK(map[string]any{k.singular: k.view(r, changed)})
		}},
		{Method: "DELETE", Path: path + "/{id}", Do: func(r *core.Request) (*core.Answer, error) {
			found, err := find(r)
			if err != nil {
				return nil, err
			}
			if err := k.free(found); err != nil {
				return nil, err
			}
			c.tell(r, k, "delete.start", "deleting", found)
			k.table.Delete(r.Context(), found.Text("id"))
			c.tell(r, k, "delete.end", "deleted", found)
			return core.Accepted(nil)
		}},
	}
	return append(routes, core.Route{Method: "POST", Path: path + "/{id}/action", Note: "os-extend, os-reset_status", Do: func(r *core.Request) (*core.Answer, error) {
		found, err := find(r)
		if err != nil {
			return nil, err
		}
		value, _ := r.JSON()
		body, _ := value.(map[string]any)
		changed := found.Clone()
		if extend, has := body["os-extend"].(map[string]any); has && k.singular == "volume" {
			size, err := strconv.Atoi(core.Str(extend["new_size"]))
			if err != nil || size <= found.Integer("size") {
				return nil, core.Errorf(http.StatusBadRequest, "Invalid input received: New size for extend must be greater than current size. (current: %d, extended: %s).", found.Integer("size"), core.Str(extend["new_size"]))
			}
			c.tell(r, k, "resize.start", "extending", found)
			changed["size"] = core.Integer(size)
			k.table.Put(r.Context(), changed)
			c.tell(r, k, "resize.end", "available", changed)
			return core.Accepted(nil)
		}
		if reset, has := body["os-reset_status"].(map[string]any); has {
			status, ok := reset["status"].(string)
			if !ok {
				return nil, core.Errorf(http.StatusBadRequest, "Invalid input for field/attribute os-reset_status. Value: %s. 'status' is a required property", core.Repr(reset))
			}
			c.tell(r, k, "reset_status.start", found.Text("status"), found)
			changed["status"] = status
			k.table.Put(r.Context(), changed)
			c.tell(r, k, "reset_status.end", status, changed)
			return core.Accepted(nil)
		}
		return nil, core.Errorf(http.StatusBadRequest, "There is no such action")
	}})
}
