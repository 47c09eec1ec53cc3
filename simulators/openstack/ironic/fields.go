package ironic

import (
	"context"
	"net/http"
	"slices"

	"github.com/eventrig/eventrig/simulators/openstack/core"
)

// kind is one resource of the API: a table of fields and what is special about it.
type kind struct {
	singular, plural string // plural is also the key of a list
	under            string // path before it, such as volume/
	title            string // as messages name it
	event            string // as event types name it
	since            int
	table            *core.Table
	fields           core.Fields
	summary          []string // what a list shows without detail
	named            bool     // it may be asked for by name
	filters          []string // query parameters beside the fields that are filters
	check            func(made, before core.Resource) error
	free             func(existing core.Resource) error // refuses a deletion
	forget           func(r *core.Request, existing core.Resource)
	stored           func(ctx context.Context, made core.Resource) // what a creation changes elsewhere
	normalise        func(made core.Resource) error
	extend           func(r *core.Request, shown map[string]any) // what an answer has beside the fields
}

func (k kind) path() string {
	if k.under == "" {
		return k.plural
	}
	return "volume_" + k.plural // in worlds
}

var object = map[string]any{}

// text, flag and dict are the types that most fields have; Ironic takes texts for booleans.
const (
	text = "string null"
	flag = "string boolean null"
	dict = "object null"
)

// common are the fields that every resource has.
func common(fields ...core.Field) core.Fields {
	return append(append(core.Fields{{Name: "uuid", Types: text, Fixed: true}}, fields...),
		core.Field{Name: "created_at"}, core.Field{Name: "updated_at"})
}

// nodeFields are a node's fields with the versions that brought them (ironic/api/controllers/v1/node.py, VERSIONED_FIELDS).
var nodeFields = common(
	core.Field{Name: "name", Types: text, Since: 5},
	core.Field{Name: "driver", Types: "string", Required: true, Filter: true},
	core.Field{Name: "driver_info", Types: dict, Default: object},
	core.Field{Name: "driver_internal_info", Default: object, Since: 3},
	core.Field{Name: "properties", Types: dict, Default: object},
	core.Field{Name: "extra", Types: dict, Default: object},
	core.Field{Name: "instance_info", Types: dict, Default: object},
	core.Field{Name: "instance_uuid", Types: text, Filter: true},
	core.Field{Name: "chassis_uuid", Types: text, Filter: true},
	core.Field{Name: "resource_class", Types: text, Max: 80, Since: 21, Filter: true},
	core.Field{Name: "owner", Types: text, Since: 50, Filter: true},
	core.Field{Name: "lessee", Types: text, Since: 65, Filter: true},
	core.Field{Name: "description", Types: text, Max: 4096, Since: 51},
	core.Field{Name: "conductor_group", Types: text, Default: "", Since: 46, Filter: true},
	core.Field{Name: "shard", Types: text, Since: 82},
	core.Field{Name: "parent_node", Types: text, Since: 83, Filter: true},
	core.Field{Name: "maintenance", Types: flag, Default: false, Filter: true},
	core.Field{Name: "maintenance_reason"},
	core.Field{Name: "fault", Since: 42, Filter: true},
	core.Field{Name: "automated_clean", Types: flag, Since: 47},
	core.Field{Name: "protected", Types: flag, Default: false, Since: 48},
	core.Field{Name: "protected_reason", Types: text, Since: 48},
	core.Field{Name: "retired", Types: flag, Default: false, Since: 61, Filter: true},
	core.Field{Name: "retired_reason", Types: text, Since: 61},
	core.Field{Name: "disable_power_off", Types: flag, Default: false, Since: 95},
	core.Field{Name: "network_data", Types: dict, Default: object, Since: 66},
	core.Field{Name: "bios_interface", Types: text, Since: 40},
	core.Field{Name: "boot_interface", Types: text, Since: 31},
	core.Field{Name: "console_interface", Types: text, Since: 31},
	core.Field{Name: "deploy_interface", Types: text, Since: 31},
	core.Field{Name: "firmware_interface", Types: text, Since: 86},
	core.Field{Name: "inspect_interface", Types: text, Since: 31},
	core.Field{Name: "management_interface", Types: text, Since: 31},
	core.Field{Name: "network_interface", Types: text, Since: 20},
	core.Field{Name: "power_interface", Types: text, Since: 31},
	core.Field{Name: "raid_interface", Types: text, Since: 31},
	core.Field{Name: "rescue_interface", Types: text, Since: 38},
	core.Field{Name: "storage_interface", Types: text, Since: 33},
	core.Field{Name: "vendor_interface", Types: text, Since: 31},
	core.Field{Name: "provision_state", Default: enroll, Filter: true},
	core.Field{Name: "target_provision_state"},
	core.Field{Name: "provision_updated_at"},
	core.Field{Name: "power_state"},
	core.Field{Name: "target_power_state"},
	core.Field{Name: "last_error"},
	core.Field{Name: "reservation"},
	core.Field{Name: "console_enabled", Types: flag, Default: false, Fixed: true},
	core.Field{Name: "clean_step", Default: object, Since: 7},
	core.Field{Name: "deploy_step", Default: object, Since: 44},
	core.Field{Name: "service_step", Default: object, Since: 87},
	core.Field{Name: "raid_config", Default: object, Since: 12},
	core.Field{Name: "target_raid_config", Default: object, Since: 12},
	core.Field{Name: "inspection_started_at", Since: 6},
	core.Field{Name: "inspection_finished_at", Since: 6},
	core.Field{Name: "boot_mode", Types: text, Fixed: true, Since: 75},
	core.Field{Name: "secure_boot", Types: flag, Fixed: true, Since: 75},
	core.Field{Name: "conductor", Default: Conductor, Since: 49, Filter: true},
	core.Field{Name: "allocation_uuid", Since: 52},
	core.Field{Name: "traits", Default: []any{}, Since: 37},
)

// kinds are the resources of the API.
func (i *Ironic) kinds() []kind {
	node := core.Field{Name: "node_uuid", Types: text, Required: true}
	extra := core.Field{Name: "extra", Types: dict, Default: object}
	name := core.Field{Name: "name", Types: text}
	steps := core.Field{Name: "steps", Types: "array", Required: true}
	unique := func(table *core.Table, field, message string) func(made, _ core.Resource) error {
		return func(made, _ core.Resource) error {
			if value := made[field]; value != nil && table.Find(func(r core.Resource) bool { return r["uuid"] != made["uuid"] && r[field] == value }) != nil {
				return conflict(message, value)
			}
			return nil
		}
	}
	return []kind{
		{singular: "node", plural: "nodes", title: "Node", event: "node", table: i.nodes, named: true, fields: nodeFields,
			summary: []string{"instance_uuid", "maintenance", "power_state", "provision_state", "uuid", "name"},
			filters: []string{"associated", "project", "description_contains", "sharded", "shard", "include_children"},
			check:   i.checkNode, free: i.freeNode, forget: i.forgetNode, normalise: i.normaliseNode, extend: i.extendNode},
		{singular: "port", plural: "ports", title: "Port", event: "port", table: i.ports, fields: common(
			core.Field{Name: "address", Types: "string", Required: true, Filter: true}, node, extra,
			core.Field{Name: "local_link_connection", Types: dict, Default: object, Since: 19},
			core.Field{Name: "pxe_enabled", Types: flag, Default: true, Since: 19},
			core.Field{Name: "portgroup_uuid", Types: text, Since: 24},
			core.Field{Name: "physical_network", Types: text, Max: 64, Since: 34},
			core.Field{Name: "is_smartnic", Types: flag, Default: false, Since: 53},
			core.Field{Name: "name", Types: text, Since: 88},
			core.Field{Name: "description", Types: text, Max: 255, Since: 97},
			core.Field{Name: "vendor", Types: text, Max: 32, Since: 100},
			core.Field{Name: "category", Types: text, Max: 80, Since: 101},
			core.Field{Name: "internal_info", Default: object, Since: 18},
		), summary: []string{"uuid", "address"}, filters: []string{"node", "portgroup", "shard"}, check: i.checkPort, normalise: i.normalisePort},
		{singular: "portgroup", plural: "portgroups", title: "Portgroup", event: "portgroup", since: 23, table: i.portgroups, named: true, fields: common(
			core.Field{Name: "address", Types: text, Filter: true}, node, extra, name,
			core.Field{Name: "mode", Types: text, Default: "active-backup", Since: 26},
			core.Field{Name: "properties", Types: dict, Default: object, Since: 26},
			core.Field{Name: "standalone_ports_supported", Types: flag, Default: true},
			core.Field{Name: "internal_info", Default: object},
		), summary: []string{"uuid", "address", "name"}, filters: []string{"node"}, check: i.checkPortgroup, normalise: i.normalisePort,
			free: func(existing core.Resource) error {
				if i.ports.Find(core.Where("portgroup_uuid", existing["uuid"])) != nil {
					return badRequest("Cannot complete the requested action because portgroup %s contains ports.", existing.Text("uuid"))
				}
				return nil
			}},
		{singular: "connector", plural: "connectors", under: "volume/", title: "Volume connector", event: "volumeconnector", since: 32, table: i.connectors, fields: common(
			node, core.Field{Name: "type", Types: "string", Required: true}, core.Field{Name: "connector_id", Types: "string", Required: true}, extra,
		), summary: []string{"uuid", "node_uuid", "type", "connector_id"}, filters: []string{"node"}, check: i.checkConnector},
		{singular: "target", plural: "targets", under: "volume/", title: "Volume target", event: "volumetarget", since: 32, table: i.targets, fields: common(
			node, core.Field{Name: "volume_type", Types: "string", Required: true}, core.Field{Name: "volume_id", Types: "string", Required: true},
			core.Field{Name: "boot_index", Types: "integer string", Required: true}, extra, core.Field{Name: "properties", Types: dict, Default: object},
		), summary: []string{"uuid", "node_uuid", "volume_type", "boot_index", "volume_id"}, filters: []string{"node"}, check: i.checkTarget},
		{singular: "allocation", plural: "allocations", title: "Allocation", event: "allocation", since: 52, table: i.allocations, named: true, fields: common(
			name, extra, core.Field{Name: "resource_class", Types: "string null", Max: 80, Filter: true}, core.Field{Name: "candidate_nodes", Types: "array null", Default: []any{}, Fixed: true},
			core.Field{Name: "traits", Types: "array null", Default: []any{}, Fixed: true}, core.Field{Name: "owner", Types: text, Filter: true, Since: 60, Fixed: true},
			core.Field{Name: "node_uuid", Filter: true}, core.Field{Name: "node", Types: text, Fixed: true, Since: 58},
			core.Field{Name: "state", Filter: true}, core.Field{Name: "last_error"},
		), summary: []string{"uuid", "name", "node_uuid", "resource_class", "state", "candidate_nodes", "traits", "extra", "owner", "last_error"},
			check: i.checkAllocation, stored: i.occupy, forget: i.forgetAllocation, extend: func(_ *core.Request, shown map[string]any) { delete(shown, "node") }},
		{singular: "chassis", plural: "chassis", title: "Chassis", event: "chassis", table: i.chassis, fields: common(
			core.Field{Name: "description", Types: text, Max: 255}, extra,
		), summary: []string{"uuid", "description"}, free: func(existing core.Resource) error {
			if i.nodes.Find(core.Where("chassis_uuid", existing["uuid"])) != nil {
				return badRequest("Cannot complete the requested action because chassis %s contains nodes.", existing.Text("uuid"))
			}
			return nil
		}},
		{singular: "deploy_template", plural: "deploy_templates", title: "Deploy template", event: "deploytemplate", since: 55, table: i.templates, named: true,
			fields: common(core.Field{Name: "name", Types: "string", Required: true}, steps, extra), summary: []string{"uuid", "name"},
			check: unique(i.templates, "name", "A deploy template with name %s already exists.")},
		{singular: "runbook", plural: "runbooks", title: "Runbook", event: "runbook", since: 92, table: i.runbooks, named: true,
			fields: common(core.Field{Name: "name", Types: "string", Required: true}, steps, extra, core.Field{Name: "disable_ramdisk", Types: flag, Default: false},
				core.Field{Name: "public", Types: flag, Default: false}, core.Field{Name: "owner", Types: text}),
			summary: []string{"uuid", "name"}, check: unique(i.runbooks, "name", "A runbook with name %s already exists.")},
	}
}

// kind finds a kind by its event's name.
func (i *Ironic) kind(event string) kind {
	kinds := i.kinds()
	return kinds[slices.IndexFunc(kinds, func(k kind) bool { return k.event == event })]
}

// notFound is the refusal of an identifier that names nothing.
func (k kind) notFound(ident string) *core.Error {
	return core.Errorf(http.StatusNotFound, "%s %s could not be found.", k.title, ident)
}
