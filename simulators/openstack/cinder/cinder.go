// Package cinder simulates OpenStack's Block Storage API v3 with its microversions: volume types with extra specs and
// project access, volumes and snapshots. In: requests, worlds. Out: answers in Cinder's words and its notifications. There
// is no storage: a volume is available once it is made.
package cinder

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/eventrig/eventrig/simulators/openstack/core"
)

// Cinder is the simulated service.
type Cinder struct {
	cloud     *core.Cloud
	types     *core.Table
	access    *core.Table // one row per project of a private type
	volumes   *core.Table
	snapshots *core.Table
}

// New makes the service.
func New(cloud *core.Cloud) *Cinder {
	return &Cinder{cloud: cloud, types: cloud.Table("volume/types", "volume type", "id"), access: cloud.Table("volume/type_access", "volume type access", "id"),
		volumes: cloud.Table("volume/volumes", "volume", "id"), snapshots: cloud.Table("volume/snapshots", "snapshot", "id")}
}

// defaultType is the type that every Cinder has.
const defaultType = "__DEFAULT__"

// Fill implements the cloud's start.
func (c *Cinder) Fill() {
	made := typeFields.New()
	made["id"], made["name"], made["description"] = c.cloud.UUID(), defaultType, "Default Volume Type"
	c.types.Put(core.Quietly(context.Background()), made)
}

var versions = core.Microversions{Service: "volume", Major: 3, Min: 0, Max: 71, Default: 0,
	Skip: core.At("")}

// Service is the API.
func (c *Cinder) Service() *core.Service {
	s := &core.Service{
		Name: "cinderv3", Type: "volumev3", Aliases: []string{"block-storage"}, Prefix: "/volume", Endpoint: "/v3/%(project_id)s",
		RequestIDHeaders: []string{"X-Openstack-Request-Id", "X-Compute-Request-Id"},
		Before:           versions.Negotiate,
		Open:             core.At("", "v3"),
		RenderError:      core.Faults, NoRoute: "The resource could not be found.", Missing: missing,
	}
	s.Routes = append(s.Routes, discovery...)
	s.Routes = append(s.Routes, c.typeRoutes()...)
	s.Routes = append(s.Routes, c.accessRoutes()...)
	s.Routes = append(s.Routes, c.routes(c.volumeKind())...)
	s.Routes = append(s.Routes, c.routes(c.snapshotKind())...)
	for path, body := range map[string]map[string]any{
		"limits":                    {"limits": map[string]any{"rate": []any{}, "absolute": map[string]any{"maxTotalVolumes": -1, "maxTotalVolumeGigabytes": -1}}},
		"os-services":               {"services": []any{map[string]any{"binary": "cinder-volume", "host": volumeHost, "zone": "nova", "status": "enabled", "state": "up", "updated_at": nil}}},
		"os-availability-zone":      {"availabilityZoneInfo": []any{map[string]any{"zoneName": "nova", "zoneState": map[string]any{"available": true}}}},
		"backups/detail":            {"backups": []any{}},
		"qos-specs":                 {"qos_specs": []any{}},
		"extensions":                {"extensions": []any{}},
		"scheduler-stats/get_pools": {"pools": []any{map[string]any{"name": volumeHost + "@netapp#pool"}}},
	} {
		s.Routes = append(s.Routes, core.Route{Method: "GET", Path: "/v3/{project}/" + path, Note: "always the same", Do: func(*core.Request) (*core.Answer, error) { return core.OK(body) }})
	}
	slices.SortFunc(s.Routes, func(a, b core.Route) int { return strings.Compare(a.Path+" "+a.Method, b.Path+" "+b.Method) })
	return s
}

const volumeHost = "rig-cinder-volume-0"

// missing is what Cinder's API has beyond this (api-ref of openstack/cinder).
var missing = []core.Endpoint{
	{Method: "*", Path: "/v3/{project}/backups", Note: "the list is served, and empty"}, {Method: "*", Path: "/v3/{project}/qos-specs", Note: "the list is served, and empty"},
	{Method: "*", Path: "/v3/{project}/types/{type}/encryption"}, {Method: "*", Path: "/v3/{project}/groups, group_types, group_snapshots"},
	{Method: "*", Path: "/v3/{project}/attachments, volume-transfers, messages, os-quota-sets, clusters, workers"},
	{Method: "POST", Path: "/v3/{project}/volumes/{volume}/action", Note: "os-extend, os-reset_status only"},
	{Method: "*", Path: "policy", Note: "any valid token may do everything, whatever its roles and project"},
}

var discovery = []core.Route{
	{Method: "GET", Path: "/{$}", Do: func(r *core.Request) (*core.Answer, error) {
		return &core.Answer{Status: http.StatusMultipleChoices, Body: map[string]any{"versions": []any{versionOf(r)}}}, nil
	}},
	{Method: "GET", Path: "/v3", Do: func(r *core.Request) (*core.Answer, error) {
		return core.OK(map[string]any{"versions": []any{versionOf(r)}})
	}},
}

func versionOf(r *core.Request) map[string]any {
	return map[string]any{"id": "v3.0", "status": "CURRENT", "version": "3.71", "min_version": "3.0", "updated": "2023-08-31T00:00:00Z",
		"links":       []any{map[string]any{"rel": "self", "href": r.Base() + "/v3/"}},
		"media-types": []any{map[string]any{"base": "application/json", "type": "application/vnd.openstack.volume+json;version=3"}}}
}

func notFound(format string, arguments ...any) error {
	return core.Errorf(http.StatusNotFound, format, arguments...)
}

// Collections are the tables as worlds and assertions know them.
func (c *Cinder) Collections() []core.Collection {
	plain := func(path string, table *core.Table, fields core.Fields) core.Collection {
		return core.Collection{Path: path, Table: table, Fields: fields.Names(nil), Hint: "fields are those of the API",
			Create: func(ctx context.Context, given core.Resource) error {
				made := fields.New()
				for name, value := range given {
					made[name] = value
				}
				if made.Text("id") == "" {
					made["id"] = c.cloud.UUID()
				}
				if table.Get(made.Text("id")) != nil {
					return core.Errorf(http.StatusConflict, "%s already exists.", made["id"])
				}
				table.Put(ctx, made)
				return nil
			}}
	}
	return []core.Collection{
		plain("volume/types", c.types, typeFields), plain("volume/volumes", c.volumes, volumeFields), plain("volume/snapshots", c.snapshots, snapshotFields),
		{Path: "volume/type_access", Table: c.access, Fields: []string{"volume_type_id", "project_id"}, Hint: "volume_type_id is a type above it",
			Create: func(ctx context.Context, given core.Resource) error {
				if c.types.Get(given.Text("volume_type_id")) == nil {
					return notFound("Volume type %s could not be found.", given.Text("volume_type_id"))
				}
				given["id"] = given.Text("volume_type_id") + "/" + given.Text("project_id")
				c.access.Put(ctx, given)
				return nil
			}},
	}
}
