package ironic

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/eventrig/eventrig/simulators/openstack/core"
)

// What Ironic refuses beside wrong types: in the conductor (ironic/conductor/manager.py), in the database layer
// (ironic/db/sqlalchemy/api.py) and in the controllers.

// normalMAC writes a MAC address as Ironic keeps it: lower case, with colons.
func normalMAC(written string) (string, bool) {
	mac, err := net.ParseMAC(written)
	if err != nil || len(mac) != 6 || strings.Count(written, ":") != 5 {
		return "", false
	}
	return mac.String(), true
}

func (i *Ironic) normalisePort(made core.Resource) error {
	if written, given := made["address"].(string); given {
		mac, ok := normalMAC(written)
		if !ok {
			return badRequest("Expected valid MAC address for address: %s", written)
		}
		made["address"] = mac
	}
	link := made.Object("local_link_connection")
	for name := range link {
		if !slices.Contains([]string{"port_id", "switch_id", "switch_info", "hostname", "network_type"}, name) {
			return badRequest("Schema error for local_link_connection: %s is not valid under any of the given schemas  Failed validating 'anyOf' in schema", core.Repr(link))
		}
	}
	if written, given := link["switch_id"].(string); given {
		mac, ok := normalMAC(written)
		if ok {
			link["switch_id"] = mac
		} else if !datapathID.MatchString(written) {
			return badRequest("Expected a MAC address or OpenFlow datapath ID but received %s.", written)
		}
	}
	return nil
}

var datapathID = regexp.MustCompile(`^0x[0-9a-fA-F]{16}$`)

// reserved are names that would hide a path (api_utils.get_controller_reserved_names).
var reserved = []string{"detail", "maintenance", "management", "ports", "portgroups", "states", "traits", "validate", "vendor_passthru", "vifs", "volume", "bios", "history", "inventory", "firmware", "allocation"}

func (i *Ironic) normaliseNode(made core.Resource) error {
	if name, given := made["name"].(string); given && (!logicalName.MatchString(name) || isUUID(name) || slices.Contains(reserved, name)) {
		if i.nodes.Get(made.Text("uuid")) != nil {
			return badRequest("Node %s: Cannot change name to invalid name '%s'", made.Text("uuid"), name)
		}
		return badRequest("Cannot create node with invalid name '%s'", name)
	}
	defaults, known := hardware[made.Text("driver")]
	if !known {
		return badRequest("No valid host was found. Reason: No conductor service registered which supports driver %s for conductor group '%s'.",
			made.Text("driver"), made.Text("conductor_group"))
	}
	for name, usual := range defaults {
		if made[name+"_interface"] == nil {
			made[name+"_interface"] = usual
		}
	}
	if made["conductor_group"] == nil {
		made["conductor_group"] = ""
	}
	if chassis, given := made["chassis_uuid"].(string); given && i.chassis.Get(chassis) == nil {
		return badRequest("Chassis %s could not be found.", chassis)
	}
	return nil
}

func (i *Ironic) checkNode(made, before core.Resource) error {
	id := made.Text("uuid")
	if name := made["name"]; name != nil && i.nodes.Find(func(n core.Resource) bool { return n["uuid"] != id && n["name"] == name }) != nil {
		return conflict("A node with name %s already exists.", name)
	}
	instance := made["instance_uuid"]
	if before != nil {
		if err := i.checkNodeUpdate(made, before); err != nil {
			return err
		}
	}
	if instance != nil && i.nodes.Find(func(n core.Resource) bool { return n["uuid"] != id && n["instance_uuid"] == instance }) != nil {
		return conflict("Instance %s is already associated with a node, it cannot be associated with this other node %s", instance, id)
	}
	return nil
}

// checkNodeUpdate is update_node of ironic/conductor/manager.py.
func (i *Ironic) checkNodeUpdate(made, before core.Resource) error {
	id, state := made.Text("uuid"), before.Text("provision_state")
	changed := func(name string) bool { return !core.Same(made[name], before[name]) }
	if changed("maintenance") && !made.Flag("maintenance") {
		made["maintenance_reason"], made["fault"] = nil, nil
	}
	if changed("protected") {
		if !made.Flag("protected") {
			made["protected_reason"] = nil
		} else if state != active && state != rescued {
			return conflict("Node %s can only be protected in states 'active' or 'rescue', the current state is '%s'", id, state)
		}
	}
	if made["protected_reason"] != nil && !made.Flag("protected") {
		return badRequest("The protected_reason field can only be set when protected is True")
	}
	if changed("retired") {
		if !made.Flag("retired") {
			made["retired_reason"] = nil
		} else if state == available {
			return conflict("Node %s can not have 'retired' set in provision state 'available', the current state is '%s'", id, state)
		}
	}
	if made["retired_reason"] != nil && !made.Flag("retired") {
		return badRequest("The retired_reason field can only be set when retired is True")
	}
	allowed := strings.Join(interfaceStates, ", ")
	for _, field := range nodeFields {
		if strings.HasSuffix(field.Name, "_interface") && changed(field.Name) && !slices.Contains(interfaceStates, state) && !before.Flag("maintenance") {
			return conflict("Node %s can not have %s updated unless it is in one of allowed (%s) states or in maintenance mode.", id, field.Name, allowed)
		}
	}
	if before["instance_uuid"] != nil && made["instance_uuid"] != nil && changed("instance_uuid") {
		return conflict("Node %s is associated with instance %s.", id, before["instance_uuid"])
	}
	if before["resource_class"] != nil && changed("resource_class") && !slices.Contains(interfaceStates, state) {
		return conflict("Node %s can not have resource_class updated unless it is in one of allowed (%s) states.", id, allowed)
	}
	return nil
}

// mayUpdateNode is what the controller looks at before a patch (NodesController.patch).
func (i *Ironic) mayUpdateNode(r *core.Request, node core.Resource, patch []operation) error {
	state := node.Text("provision_state")
	switch {
	case node.Flag("maintenance") && len(patch) == 1 && patch[0].op == "remove" && patch[0].pointer() == "/instance_uuid":
	case node["target_provision_state"] != nil && !updatable[state]:
		return conflict("Node %s can not be updated while a state transition is in progress.", r.PathValue("ident"))
	case state == inspecting && r.Minor >= sinceInspectWait:
		return conflict("Cannot update node \"%s\" while it is in state \"%s\".", node.Text("uuid"), state)
	}
	return nil
}

// freeNode is destroy_node of ironic/conductor/manager.py.
func (i *Ironic) freeNode(node core.Resource) error {
	id, state := node.Text("uuid"), node.Text("provision_state")
	if !node.Flag("maintenance") && node["instance_uuid"] != nil {
		return conflict("Node %s is associated with instance %s.", id, node["instance_uuid"])
	}
	if node.Flag("protected") {
		return core.Errorf(http.StatusForbidden, "Node %s is protected and cannot be undeployed, rebuilt or deleted", id)
	}
	if !node.Flag("maintenance") && !slices.Contains(deletable, state) {
		quoted := make([]string, len(deletable))
		for at, name := range deletable {
			quoted[at] = core.Repr(name)
		}
		return conflict("Can not delete node \"%s\" while it is in provision state \"%s\". Valid provision states to perform deletion are: \"(%s)\", or set the node into maintenance mode",
			id, state, strings.Join(quoted, ", "))
	}
	return nil
}

// forgetNode deletes what hangs on a node; the database does so, and tells nobody.
func (i *Ironic) forgetNode(r *core.Request, node core.Resource) {
	i.walks[node.Text("uuid")]++
	for _, table := range []*core.Table{i.ports, i.portgroups, i.connectors, i.targets} {
		for _, part := range table.All(core.Where("node_uuid", node["uuid"])) {
			table.Delete(r.Context(), part.Text("uuid"))
		}
	}
	i.inventories.Delete(r.Context(), node.Text("uuid"))
	i.details.Delete(r.Context(), node.Text("uuid"))
	if allocation := i.allocations.Get(node.Text("allocation_uuid")); allocation != nil {
		i.allocations.Delete(r.Context(), allocation.Text("uuid"))
	}
}

// ofNode refuses a part of a node that does not exist; the status is 400, because the node is not what the path names.
func (i *Ironic) ofNode(made core.Resource) (core.Resource, error) {
	id := made.Text("node_uuid")
	node := i.nodes.Get(id)
	if node == nil {
		return nil, badRequest("Node %s could not be found.", id)
	}
	return node, nil
}

func (i *Ironic) checkPort(made, before core.Resource) error {
	node, err := i.ofNode(made)
	if err != nil {
		return err
	}
	others := func(field string) core.Resource {
		if made[field] == nil {
			return nil
		}
		return i.ports.Find(func(p core.Resource) bool { return p["uuid"] != made["uuid"] && p[field] == made[field] })
	}
	if others("address") != nil {
		return conflict("A port with MAC address %s already exists.", made["address"])
	}
	if others("name") != nil {
		return conflict("A port with name %s already exists.", made["name"])
	}
	if group, given := made["portgroup_uuid"].(string); given {
		found := i.portgroups.Get(group)
		if found == nil {
			return badRequest("Portgroup %s could not be found.", group)
		}
		if found["node_uuid"] != made["node_uuid"] {
			return badRequest("Port can not be associated with portgroup %s from a different node.", group)
		}
	}
	if before == nil {
		return nil
	}
	for _, field := range []string{"local_link_connection", "portgroup_uuid", "pxe_enabled", "physical_network"} {
		states := []string{enroll, inspecting, inspectWait, manageable}
		if state := node.Text("provision_state"); !core.Same(made[field], before[field]) && !node.Flag("maintenance") && !slices.Contains(states, state) {
			return conflict("Port %s can not have any connectivity attributes (pxe_enabled, portgroup_id, physical_network, local_link_connection) updated unless node %s is in a %s state or in maintenance mode. The current state is %s.",
				made.Text("uuid"), node.Text("uuid"), strings.Join(states, ", "), state)
		}
	}
	return nil
}

func (i *Ironic) checkPortgroup(made, _ core.Resource) error {
	if _, err := i.ofNode(made); err != nil {
		return err
	}
	for field, message := range map[string]string{
		"address": "A portgroup with MAC address %s already exists.", "name": "A portgroup with name %s already exists.",
	} {
		if made[field] != nil && i.portgroups.Find(func(g core.Resource) bool { return g["uuid"] != made["uuid"] && g[field] == made[field] }) != nil {
			return conflict(message, made[field])
		}
	}
	return nil
}

func (i *Ironic) checkConnector(made, _ core.Resource) error {
	if _, err := i.ofNode(made); err != nil {
		return err
	}
	if i.connectors.Find(func(c core.Resource) bool {
		return c["uuid"] != made["uuid"] && c["type"] == made["type"] && c["connector_id"] == made["connector_id"]
	}) != nil {
		return conflict("A volume connector with type %s and connector ID %s already exists.", made["type"], made["connector_id"])
	}
	return nil
}

func (i *Ironic) checkTarget(made, _ core.Resource) error {
	if _, err := i.ofNode(made); err != nil {
		return err
	}
	if i.targets.Find(func(t core.Resource) bool {
		return t["uuid"] != made["uuid"] && t["node_uuid"] == made["node_uuid"] && core.Str(t["boot_index"]) == core.Str(made["boot_index"])
	}) != nil {
		return conflict("A volume target with boot index '%s' for the same node already exists.", core.Str(made["boot_index"]))
	}
	return nil
}

// checkAllocation finds the node of a new allocation (ironic/conductor/allocations.py), at once.
func (i *Ironic) checkAllocation(made, before core.Resource) error {
	if name := made["name"]; name != nil && i.allocations.Find(func(a core.Resource) bool { return a["uuid"] != made["uuid"] && a["name"] == name }) != nil {
		return conflict("An allocation with name %s already exists.", name)
	}
	if before != nil || made["state"] == active {
		return nil
	}
	if made["resource_class"] == nil && made["node"] == nil {
		return badRequest("Schema error for allocation: 'resource_class' is a required property  Failed validating 'required' in schema")
	}
	var names []string
	for _, candidate := range made.List("candidate_nodes") {
		node, err := i.kind("node").find(core.Str(candidate))
		if err != nil {
			return badRequest("Node %s could not be found.", core.Str(candidate))
		}
		names = append(names, node.Text("uuid"))
	}
	backfilled, _ := made["node"].(string)
	chosen := i.nodes.Find(func(n core.Resource) bool {
		if backfilled != "" {
			return n["uuid"] == backfilled || n["name"] == backfilled
		}
		for _, trait := range made.List("traits") {
			if !slices.Contains(n.List("traits"), trait) {
				return false
			}
		}
		return n["resource_class"] == made["resource_class"] && n["provision_state"] == available && n["instance_uuid"] == nil &&
			!n.Flag("maintenance") && n["allocation_uuid"] == nil && (len(names) == 0 || slices.Contains(names, n.Text("uuid")))
	})
	if chosen == nil {
		made["state"] = errored
		made["last_error"] = fmt.Sprintf("Failed to process allocation %s: no available nodes match the resource class %s.", made.Text("uuid"), cmp.Or(made.Text("resource_class"), "None"))
		return nil
	}
	made["state"], made["node_uuid"] = active, chosen["uuid"]
	if made["resource_class"] == nil {
		made["resource_class"] = chosen["resource_class"]
	}
	return nil
}

// occupy gives an allocation's node to it.
func (i *Ironic) occupy(ctx context.Context, allocation core.Resource) {
	if node := i.nodes.Get(allocation.Text("node_uuid")); node != nil {
		changed := node.Clone()
		changed["allocation_uuid"], changed["instance_uuid"] = allocation["uuid"], allocation["uuid"]
		i.nodes.Put(ctx, changed)
	}
}

func (i *Ironic) forgetAllocation(r *core.Request, allocation core.Resource) {
	if node := i.nodes.Get(allocation.Text("node_uuid")); node != nil {
		changed := node.Clone()
		changed["allocation_uuid"], changed["instance_uuid"] = nil, nil
		i.nodes.Put(r.Context(), changed)
	}
}
