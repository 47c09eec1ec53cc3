package ironic

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/eventrig/eventrig/simulators/openstack/core"
)

// Network is what Ironic needs of Neutron for a node's tenant networks.
type Network interface {
	// ChangePort changes a port through the API, which tells it by port.update notifications.
	ChangePort(ctx context.Context, caller *core.Caller, id string, fields core.Resource) error
}

// Instance is a server as Nova's driver for Ironic knows it.
type Instance struct {
	ID, Name, ProjectID, ImageID string
	Host                         string        // of the nova-compute
	Flavor                       core.Resource // ram, vcpus, disk
	Ports                        []string      // in Neutron
}

// Suits says whether a node could take an instance of a flavor: Nova asks Placement, which knows a node by its resource
// class (CUSTOM_BAREMETAL_SMALL for baremetal.small) and offers it while it is available and nobody has it.
func Suits(node, flavor core.Resource) bool {
	if node["provision_state"] != available || node["instance_uuid"] != nil || node.Flag("maintenance") {
		return false
	}
	class := "CUSTOM_" + strings.Map(func(r rune) rune {
		if (r < 'A' || r > 'Z') && (r < '0' || r > '9') {
			return '_'
		}
		return r
	}, strings.ToUpper(node.Text("resource_class")))
	for name, count := range flavor.Object("extra_specs") {
		wanted, is := strings.CutPrefix(name, "resources:")
		if is && strings.HasPrefix(wanted, "CUSTOM_") && core.Str(count) != "0" && wanted != class && node["resource_class"] != nil {
			return false
		}
	}
	return true
}

// Spawn deploys an instance on a node as Nova's driver does (nova/virt/ironic/driver.py, spawn): it takes the node, attaches
// the ports to its own, says what is to be deployed and asks for the state active. done is called once the node is active,
// with "" , or is not going to be, with the reason. The caller changes the cloud exclusively.
func (i *Ironic) Spawn(ctx context.Context, caller *core.Caller, id string, instance Instance, done func(ctx context.Context, trouble string)) {
	nodes := i.kind("node")
	patch := func(change func(node core.Resource)) error {
		before := i.nodes.Get(id)
		changed := before.Clone()
		change(changed)
		_, err := i.change(ctx, caller, nodes, before, changed, "update")
		return err
	}
	err := patch(func(node core.Resource) { node["instance_uuid"] = instance.ID })
	for _, port := range instance.Ports {
		if err == nil {
			err = i.attach(ctx, caller, i.nodes.Get(id), port, nil)
		}
	}
	if err == nil {
		err = patch(func(node core.Resource) {
			info := node.Object("instance_info")
			if info == nil {
				info = map[string]any{}
			}
			// nova/virt/ironic/patcher.py, create_deploy_patch; the project is what Ironic takes the lessee from.
			maps.Copy(info, map[string]any{"display_name": instance.Name, "vcpus": instance.Flavor["vcpus"], "memory_mb": instance.Flavor["ram"],
				"local_gb": instance.Flavor["disk"], "root_gb": core.Str(instance.Flavor["disk"]), "swap_mb": "0", "nova_host_id": instance.Host, "project_id": instance.ProjectID})
			if instance.ImageID != "" {
				info["image_source"] = instance.ImageID
			}
			node["instance_info"] = info
		})
	}
	node := i.nodes.Get(id)
	if err == nil {
		err = i.mayConduct(node, "deploy")
	}
	if err != nil {
		done(ctx, err.Error())
		return
	}
	steps, err := i.steps(node, core.Resource{"event": "deploy"})
	if err != nil {
		done(ctx, err.Error())
		return
	}
	i.walk(ctx, id, append(steps, func(ctx context.Context, node core.Resource) {
		trouble := ""
		if node["provision_state"] != active {
			trouble = "Failed to provision instance " + instance.ID + ": " + core.Str(node["last_error"])
		}
		done(ctx, trouble)
	}))
}

// Unprovision takes an instance off its node as Nova's driver does (destroy and _unprovision): done is called when the
// node is being cleaned, which goes on afterwards. Of a node that another has, or that cannot be torn down, it is called
// at once. The caller changes the cloud exclusively.
func (i *Ironic) Unprovision(ctx context.Context, id, instance string, done func(ctx context.Context)) {
	node := i.nodes.Get(id)
	if node == nil || node["instance_uuid"] != instance || machine[node.Text("provision_state")]["delete"] == "" {
		done(ctx)
		return
	}
	steps, err := i.steps(node, core.Resource{"event": "delete"})
	if err != nil {
		done(ctx)
		return
	}
	// Deleting, torn down, cleaning: from there on Nova does not wait (or, where that failed, from the error on).
	at := min(3, len(steps))
	i.walk(ctx, id, slices.Insert(steps, at, func(ctx context.Context, _ core.Resource) { done(ctx) }))
}

// Power is Nova's power action on an instance's node.
func (i *Ironic) Power(ctx context.Context, id, target string) {
	if i.nodes.Get(id) != nil {
		i.changePower(ctx, id, target)
	}
}

// lease makes the project of an instance the node's lessee ([conductor]automatic_lessee with its source, the instance).
func (i *Ironic) lease(node core.Resource) {
	if project, given := node.Object("instance_info")["project_id"]; given && node["lessee"] == nil {
		node["lessee"] = project
		internal := node.Object("driver_internal_info")
		if internal == nil {
			internal = map[string]any{}
			node["driver_internal_info"] = internal
		}
		internal["automatic_lessee"] = true
	}
}

// carriers are a node's port groups and ports: what can carry a virtual interface.
func (i *Ironic) carriers(node core.Resource) []core.Resource {
	owned := core.Where("node_uuid", node["uuid"])
	return append(i.portgroups.All(owned), i.ports.All(owned)...)
}

// carrierTable is where a carrier is kept, with what Ironic calls it.
func (i *Ironic) carrierTable(carrier core.Resource) (*core.Table, string) {
	if i.ports.Get(carrier.Text("uuid")) != nil {
		return i.ports, "port"
	}
	return i.portgroups, "portgroup"
}

// attach gives a virtual interface to one of a node's ports (ironic/drivers/modules/network/common.py, vif_attach): the
// first that is free and, where given names one, that. The interface gets the port's hardware address.
func (i *Ironic) attach(ctx context.Context, caller *core.Caller, node core.Resource, vif string, given core.Resource) error {
	var chosen core.Resource
	for _, carrier := range i.carriers(node) {
		switch had := carrier.Object("internal_info")[vifKey]; {
		case had == vif:
			_, kind := i.carrierTable(carrier)
			return conflict("Unable to attach VIF because VIF %s is already attached to Ironic %s %s", vif, kind, carrier.Text("uuid"))
		case given["port_uuid"] != nil && carrier["uuid"] != given["port_uuid"],
			given["portgroup_uuid"] != nil && carrier["uuid"] != given["portgroup_uuid"],
			carrier["portgroup_uuid"] != nil: // the group carries for its members
		case had == nil && chosen == nil:
			chosen = carrier
		}
	}
	if chosen == nil {
		return badRequest("Unable to attach VIF %s, not enough free physical ports.", vif)
	}
	changed := chosen.Clone()
	internal := changed.Object("internal_info")
	if internal == nil {
		internal = map[string]any{}
		changed["internal_info"] = internal
	}
	internal[vifKey] = vif
	table, _ := i.carrierTable(chosen)
	table.Put(ctx, changed)
	if address := chosen["address"]; address != nil {
		// A VIF that Neutron does not know is Ironic's matter alone.
		_ = i.network.ChangePort(ctx, caller, vif, core.Resource{"mac_address": address})
	}
	return nil
}

// bindPorts is a step: the tenant networks reach the node (plug_port_to_tenant_network of
// ironic/drivers/modules/network/common.py).
func (i *Ironic) bindPorts(ctx context.Context, node core.Resource) {
	for _, carrier := range i.carriers(node) {
		vif, carries := carrier.Object("internal_info")[vifKey].(string)
		if !carries {
			continue
		}
		links := []any{}
		for _, port := range i.ports.All(core.Where("node_uuid", node["uuid"])) {
			if link := port.Object("local_link_connection"); len(link) > 0 && (port["uuid"] == carrier["uuid"] || port["portgroup_uuid"] == carrier["uuid"]) {
				links = append(links, link)
			}
		}
		_ = i.network.ChangePort(ctx, nil, vif, core.Resource{"binding:host_id": node["uuid"], "binding:vnic_type": "baremetal",
			"binding:profile": map[string]any{"local_link_information": links}})
	}
}

// unbindPorts takes the tenant networks off a node (unbind_neutron_port of ironic/common/neutron.py).
func (i *Ironic) unbindPorts(ctx context.Context, node core.Resource) {
	for _, carrier := range i.carriers(node) {
		vif, carries := carrier.Object("internal_info")[vifKey].(string)
		if !carries {
			continue
		}
		_ = i.network.ChangePort(ctx, nil, vif, core.Resource{"binding:host_id": "", "binding:profile": map[string]any{}})
		changed := carrier.Clone()
		delete(changed.Object("internal_info"), vifKey)
		table, _ := i.carrierTable(carrier)
		table.Put(ctx, changed)
	}
}
