// Package glance simulates OpenStack's Image API v2 as far as clients need it beside servers: images' records, without
// their data. In: requests, worlds. Out: answers in Glance's form and its image notifications.
package glance

import (
	"context"
	"net/http"
	"strconv"

	"github.com/eventrig/eventrig/simulators/openstack/core"
)

// Glance is the simulated service.
type Glance struct {
	cloud  *core.Cloud
	images *core.Table
}

// New makes the service.
func New(cloud *core.Cloud) *Glance {
	return &Glance{cloud: cloud, images: cloud.Table("image/images", "image", "id")}
}

// Fill implements the cloud's start: Glance starts without images.
func (g *Glance) Fill() {}

var fields = core.Fields{
	{Name: "id", Types: "string"}, {Name: "name", Types: "string null", Max: 255}, {Name: "status", Default: "queued"}, {Name: "visibility", Types: "string", Default: "shared", Enum: []string{"community", "public", "private", "shared"}},
	{Name: "protected", Types: "boolean", Default: false}, {Name: "os_hidden", Types: "boolean", Default: false}, {Name: "owner", Types: "string null"},
	{Name: "disk_format", Types: "string null", Enum: []string{"ami", "ari", "aki", "vhd", "vhdx", "vmdk", "raw", "qcow2", "vdi", "iso", "ploop"}},
	{Name: "container_format", Types: "string null", Enum: []string{"ami", "ari", "aki", "bare", "ovf", "ova", "docker", "compressed"}},
	{Name: "min_disk", Types: "integer", Default: core.Integer(0)}, {Name: "min_ram", Types: "integer", Default: core.Integer(0)}, {Name: "tags", Types: "array", Default: []any{}},
	{Name: "size"}, {Name: "virtual_size"}, {Name: "checksum"}, {Name: "os_hash_algo"}, {Name: "os_hash_value"}, {Name: "created_at"}, {Name: "updated_at"},
}

// Service is the API.
func (g *Glance) Service() *core.Service {
	return &core.Service{
		Name: "glance", Type: "image", Prefix: "/image", RequestIDHeaders: []string{"X-Openstack-Request-Id"},
		Open:    core.At(""),
		NoRoute: "The resource could not be found.",
		Missing: []core.Endpoint{
			{Method: "PUT, GET", Path: "/v2/images/{image}/file", Note: "a PUT makes the image active; its data are not kept"},
			{Method: "*", Path: "/v2/images/{image}/members, locations, import, stage"}, {Method: "*", Path: "/v2/tasks"}, {Method: "*", Path: "/v2/metadefs"},
			{Method: "*", Path: "/v2/info, /v2/cache"},
		},
		Routes: g.routes(),
	}
}

// Collections are the tables as worlds and assertions know them.
func (g *Glance) Collections() []core.Collection {
	return []core.Collection{{Path: "image/images", Table: g.images, Fields: fields.Names(nil), Hint: "fields are those of the API",
		Create: func(ctx context.Context, given core.Resource) error {
			_, err := g.make(ctx, given, "active")
			return err
		}}}
}

func (g *Glance) make(ctx context.Context, given core.Resource, status string) (core.Resource, error) {
	made := fields.New()
	made["status"] = status
	for name, value := range given {
		made[name] = value
	}
	if made.Text("id") == "" {
		made["id"] = g.cloud.UUID()
	}
	if g.images.Get(made.Text("id")) != nil {
		return nil, core.Errorf(http.StatusConflict, "Image ID %s already exists!", made["id"])
	}
	now := g.cloud.Now().Format("2006-01-02T15:04:05Z")
	made["created_at"], made["updated_at"] = now, now
	g.images.Put(ctx, made)
	return made, nil
}

func view(image core.Resource) map[string]any {
	shown := map[string]any(image.Clone())
	path := "/v2/images/" + image.Text("id")
	shown["self"], shown["file"], shown["schema"] = path, path+"/file", "/v2/schemas/image"
	return shown
}

// tell sends image.OPERATION (glance/notifier.py).
func (g *Glance) tell(r *core.Request, operation string, image core.Resource) {
	set := map[string]any{}
	for _, name := range []string{"id", "name", "status", "visibility", "protected", "owner", "disk_format", "container_format", "min_disk", "min_ram", "size", "checksum", "created_at", "updated_at", "tags"} {
		set["payload."+name] = image[name]
	}
	g.cloud.Notify(r.Context(), core.Event{Name: "glance/image." + operation, Set: set, Caller: r.Caller})
}

func (g *Glance) routes() []core.Route {
	find := func(r *core.Request) (core.Resource, error) {
		if found := g.images.Get(r.PathValue("id")); found != nil {
			return found, nil
		}
		return nil, core.Errorf(http.StatusNotFound, "No image found with ID %s", r.PathValue("id"))
	}
	return []core.Route{
		{Method: "GET", Path: "/{$}", Do: func(r *core.Request) (*core.Answer, error) {
			versions := []any{}
			for _, minor := range []string{"16", "15", "9", "7"} {
				status := "SUPPORTED"
				if minor == "16" {
					status = "CURRENT"
				}
				versions = append(versions, map[string]any{"id": "v2." + minor, "status": status, "links": []any{map[string]any{"rel": "self", "href": r.Base() + "/v2/"}}})
			}
			return &core.Answer{Status: http.StatusMultipleChoices, Body: map[string]any{"versions": versions}}, nil
		}},
		{Method: "GET", Path: "/v2/images", Do: func(r *core.Request) (*core.Answer, error) {
			query := r.URL.Query()
			found := g.images.All(func(image core.Resource) bool {
				for _, name := range []string{"name", "status", "visibility", "owner", "disk_format", "container_format"} {
					if query.Has(name) && image.Text(name) != query.Get(name) {
						return false
					}
				}
				return true
			})
			limit := 25
			if given := query.Get("limit"); given != "" {
				parsed, err := strconv.Atoi(given)
				if err != nil || parsed < 0 {
					return nil, core.Errorf(http.StatusBadRequest, "limit param must be an integer")
				}
				limit = min(parsed, 1000)
			}
			page, more, ok := core.Page(found, "id", query.Get("marker"), limit)
			if !ok {
				return nil, core.Errorf(http.StatusBadRequest, "Marker %s is not a valid image", query.Get("marker"))
			}
			shown := []any{}
			for _, image := range page {
				shown = append(shown, view(image))
			}
			body := map[string]any{"images": shown, "first": "/v2/images", "schema": "/v2/schemas/images"}
			if more {
				query.Set("marker", page[len(page)-1].Text("id"))
				body["next"] = "/v2/images?" + query.Encode()
			}
			return core.OK(body)
		}},
		{Method: "POST", Path: "/v2/images", Do: func(r *core.Request) (*core.Answer, error) {
			value, _ := r.JSON()
			given, ok := value.(map[string]any)
			if !ok {
				return nil, core.Errorf(http.StatusBadRequest, "Malformed request body: expected a JSON object.")
			}
			if wrong := fields.CheckKnown(given, true); wrong != nil {
				return nil, core.Errorf(http.StatusBadRequest, "Provided object does not match schema 'image': %s", wrong.Message)
			}
			if given["owner"] == nil {
				given["owner"] = r.Caller.ProjectID
			}
			made, err := g.make(r.Context(), given, "queued")
			if err != nil {
				return nil, err
			}
			g.tell(r, "create", made)
			return &core.Answer{Status: http.StatusCreated, Body: view(made), Header: map[string]string{"Location": r.Base() + "/v2/images/" + made.Text("id")}}, nil
		}},
		{Method: "GET", Path: "/v2/images/{id}", Do: func(r *core.Request) (*core.Answer, error) {
			found, err := find(r)
			if err != nil {
				return nil, err
			}
			return core.OK(view(found))
		}},
		{Method: "PUT", Path: "/v2/images/{id}/file", Note: "the data are counted, not kept", Do: func(r *core.Request) (*core.Answer, error) {
			found, err := find(r)
			if err != nil {
				return nil, err
			}
			if found["status"] != "queued" {
				return nil, core.Errorf(http.StatusConflict, "Image status transition from %s to saving is not allowed", found["status"])
			}
			changed := found.Clone()
			changed["status"], changed["size"] = "active", core.Integer(len(r.Raw()))
			g.images.Put(r.Context(), changed)
			g.tell(r, "upload", changed)
			g.tell(r, "activate", changed)
			return core.NoContent()
		}},
		{Method: "DELETE", Path: "/v2/images/{id}", Do: func(r *core.Request) (*core.Answer, error) {
			found, err := find(r)
			if err != nil {
				return nil, err
			}
			if found.Flag("protected") {
				return nil, core.Errorf(http.StatusForbidden, "Image %s is protected and cannot be deleted.", found["id"])
			}
			g.images.Delete(r.Context(), found.Text("id"))
			g.tell(r, "delete", found)
			return core.NoContent()
		}},
		{Method: "GET", Path: "/v2/schemas/image", Note: "names and types of the base properties only", Do: func(*core.Request) (*core.Answer, error) {
			properties := map[string]any{}
			for _, field := range fields {
				properties[field.Name] = map[string]any{"description": field.Name}
			}
			return core.OK(map[string]any{"name": "image", "properties": properties, "additionalProperties": map[string]any{"type": "string"}})
		}},
	}
}
