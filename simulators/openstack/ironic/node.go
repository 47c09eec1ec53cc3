package ironic

import (
	"context"
	"net/http"
	"slices"
	"strconv"

	"github.com/eventrig/eventrig/simulators/openstack/core"
)

// extendNode adds what a node's answer has beside its fields.
func (i *Ironic) extendNode(r *core.Request, shown map[string]any) {
	id, _ := shown["uuid"].(string)
	for name, since := range map[string]int{"ports": 0, "portgroups": 24, "volume": 32, "states": 14} {
		if r.Minor >= since {
			shown[name] = links(r, "nodes/"+id+"/"+name)
		}
	}
}

// hide masks the secrets of a node, and names states as older versions did.
func hide(shown map[string]any, r *core.Request) {
	for _, name := range []string{"driver_info", "instance_info", "driver_internal_info"} {
		if object, ok := shown[name].(map[string]any); ok {
			object = masked(object, "******")
			for _, whole := range []string{"image_url", "configdrive"} {
				if _, is := object[whole]; is && name == "instance_info" {
					object[whole] = "******"
				}
			}
			shown[name] = object
		}
	}
	if shown["provision_state"] == available && r.Minor < 2 {
		shown["provision_state"] = nil
	}
	if shown["provision_state"] == inspectWait && r.Minor < sinceInspectWait {
		shown["provision_state"] = inspecting
	}
}

// maintenanceRoutes switch a node's maintenance mode (NodeMaintenanceController).
func (i *Ironic) maintenanceRoutes() []core.Route {
	set := func(on bool) func(*core.Request) (*core.Answer, error) {
		return func(r *core.Request) (*core.Answer, error) {
			nodes := i.kind("node")
			node, err := nodes.find(r.PathValue("ident"))
			if err != nil {
				return nil, err
			}
			var reason any
			if len(r.Raw()) > 0 && on {
				given, err := body(r)
				if err != nil {
					return nil, err
				}
				if reason = given["reason"]; reason != nil {
					if _, ok := reason.(string); !ok {
						return nil, badRequest("Expected string for reason: %s", core.Str(reason))
					}
				}
			}
			changed := node.Clone()
			changed["maintenance"], changed["maintenance_reason"] = on, reason
			if !on {
				changed["fault"] = nil
			}
			if _, err := i.change(r.Context(), r.Caller, nodes, node, changed, "maintenance_set"); err != nil {
				return nil, err
			}
			return core.Accepted(nil)
		}
	}
	return []core.Route{
		{Method: "PUT", Path: "/v1/nodes/{ident}/maintenance", Do: set(true)},
		{Method: "DELETE", Path: "/v1/nodes/{ident}/maintenance", Do: set(false)},
	}
}

// bootDevices are what the management interfaces of redfish and ipmi support.
var bootDevices = []string{"pxe", "disk", "cdrom", "bios", "safe"}

// managementRoutes are the boot device, validation and the injection of an NMI.
func (i *Ironic) managementRoutes() []core.Route {
	nodes := i.kind("node")
	device := func(id string) core.Resource {
		if found := i.details.Get(id); found != nil {
			return found
		}
		return core.Resource{"node_uuid": id, "boot_device": "disk", "persistent": true}
	}
	return []core.Route{
		{Method: "GET", Path: "/v1/nodes/{ident}/management/boot_device", Do: func(r *core.Request) (*core.Answer, error) {
			node, err := nodes.find(r.PathValue("ident"))
			if err != nil {
				return nil, err
			}
			set := device(node.Text("uuid"))
			return core.OK(map[string]any{"boot_device": set["boot_device"], "persistent": set["persistent"]})
		}},
		{Method: "GET", Path: "/v1/nodes/{ident}/management/boot_device/supported", Do: func(r *core.Request) (*core.Answer, error) {
			if _, err := nodes.find(r.PathValue("ident")); err != nil {
				return nil, err
			}
			return core.OK(map[string]any{"supported_boot_devices": bootDevices})
		}},
		{Method: "PUT", Path: "/v1/nodes/{ident}/management/boot_device", Do: func(r *core.Request) (*core.Answer, error) {
			node, err := nodes.find(r.PathValue("ident"))
			if err != nil {
				return nil, err
			}
			given := core.Resource{"boot_device": r.URL.Query().Get("boot_device"), "persistent": r.URL.Query().Get("persistent")}
			if len(r.Raw()) > 0 {
				if given, err = body(r); err != nil {
					return nil, err
				}
			}
			if !slices.Contains(bootDevices, given.Text("boot_device")) {
				return nil, badRequest("Invalid boot device %s specified.", core.Str(given["boot_device"]))
			}
			persistent, _ := core.Boolean(core.Str(given["persistent"]))
			i.details.Put(r.Context(), core.Resource{"node_uuid": node["uuid"], "boot_device": given["boot_device"], "persistent": persistent})
			return core.NoContent()
		}},
		{Method: "PUT", Path: "/v1/nodes/{ident}/management/inject_nmi", Do: func(r *core.Request) (*core.Answer, error) {
			if _, err := nodes.find(r.PathValue("ident")); err != nil {
				return nil, err
			}
			return core.NoContent()
		}},
		{Method: "GET", Path: "/v1/nodes/{ident}/validate", Do: func(r *core.Request) (*core.Answer, error) {
			node, err := nodes.find(r.PathValue("ident"))
			if err != nil {
				return nil, err
			}
			shown := map[string]any{}
			for kind, implementation := range hardware[node.Text("driver")] {
				if chosen := node.Text(kind + "_interface"); chosen != "" {
					implementation = chosen
				}
				switch reason := deployTrouble(node); {
				case (kind == "deploy" || kind == "boot") && reason != "":
					shown[kind] = map[string]any{"result": false, "reason": reason}
				case len(implementation) > 3 && implementation[:3] == "no-":
					shown[kind] = map[string]any{"result": false, "reason": "Driver " + node.Text("driver") + " does not support " + kind + " (disabled or not implemented)."}
				default:
					shown[kind] = map[string]any{"result": true}
				}
			}
			return core.OK(shown)
		}},
	}
}

// inventoryRoutes show what an inspection found.
func (i *Ironic) inventoryRoutes() []core.Route {
	return []core.Route{{Method: "GET", Path: "/v1/nodes/{ident}/inventory", Do: func(r *core.Request) (*core.Answer, error) {
		if err := needs(r, sinceInventory); err != nil {
			return nil, err
		}
		node, err := i.kind("node").find(r.PathValue("ident"))
		if err != nil {
			return nil, err
		}
		found := i.inventories.Get(node.Text("uuid"))
		if found == nil {
			return nil, core.Errorf(http.StatusNotFound, "Node inventory record for node %s could not be found.", node.Text("uuid"))
		}
		return core.OK(map[string]any{"inventory": found["inventory"], "plugin_data": found["plugin_data"]})
	}}}
}

// inspected is a step: the ramdisk reports. A node that has an inventory already, from a world, keeps it; another gets one
// that says what the node's properties (vendor, model, serial_number beside the usual ones) and ports say.
func (i *Ironic) inspected(ctx context.Context, node core.Resource) {
	properties := node.Object("properties")
	for name, usual := range map[string]string{"cpus": "32", "memory_mb": "131072", "local_gb": "480", "cpu_arch": "x86_64"} {
		if properties[name] == nil {
			properties[name] = usual
		}
	}
	node["boot_mode"], node["secure_boot"] = "uefi", false
	i.nodes.Put(ctx, node)
	if i.inventories.Get(node.Text("uuid")) != nil {
		return
	}
	interfaces := []any{}
	for _, port := range i.ports.All(core.Where("node_uuid", node["uuid"])) {
		name := port.Text("name")
		if name == "" {
			name = "eno" + string(rune('1'+len(interfaces)%9))
		}
		interfaces = append(interfaces, map[string]any{"name": name, "mac_address": port["address"], "ipv4_address": nil, "ipv6_address": nil,
			"has_carrier": true, "lldp": nil, "vendor": nil, "product": nil, "client_id": nil, "biosdevname": nil, "speed_mbps": core.Integer(25000)})
	}
	vendor := properties["vendor"]
	if vendor == nil {
		vendor = "Dell Inc."
	}
	i.inventories.Put(ctx, core.Resource{"node_uuid": node["uuid"], "plugin_data": map[string]any{}, "inventory": map[string]any{
		"cpu":    map[string]any{"architecture": properties["cpu_arch"], "count": whole(properties["cpus"]), "frequency": nil, "flags": []any{}, "model_name": nil},
		"memory": map[string]any{"physical_mb": whole(properties["memory_mb"]), "total": nil}, "interfaces": interfaces, "disks": []any{},
		"boot": map[string]any{"current_boot_mode": "uefi", "pxe_interface": nil}, "bmc_address": nil, "bmc_v6address": nil, "hostname": nil,
		"system_vendor": map[string]any{"manufacturer": vendor, "product_name": properties["model"], "serial_number": properties["serial_number"], "firmware": map[string]any{}},
	}})
}

// whole is a property, which is a text or a number, as the number that an inventory has.
func whole(property any) any {
	if number, err := strconv.Atoi(core.Str(property)); err == nil {
		return core.Integer(number)
	}
	return nil
}
