package nova

import (
	"context"

	"github.com/eventrig/eventrig/simulators/openstack/core"
	"github.com/eventrig/eventrig/simulators/openstack/ironic"
)

// host is the node that a server gets, nil in a cloud without nodes; none is free where there are some and all are taken.
func (n *Nova) host(flavor core.Resource) (node core.Resource, none bool) {
	if len(n.nodes.All()) == 0 {
		return nil, false
	}
	node = n.nodes.Find(func(node core.Resource) bool { return ironic.Suits(node, flavor) })
	return node, node == nil
}

// build makes a server (nova/compute/manager.py, _do_build_and_run_instance): its ports, and its node where the cloud has
// nodes. The caller changes the cloud exclusively.
func (n *Nova) build(ctx context.Context, caller *core.Caller, made, flavor core.Resource, networks []any) error {
	id := made.Text("id")
	node, none := n.host(flavor)
	if none {
		// nova/conductor/manager.py, schedule_and_build_instances: the request is accepted, and the server goes to ERROR.
		made["host"], made["launched_at"] = nil, nil
		n.failed(ctx, caller, made, "No valid host was found. ")
		return nil
	}
	host := computeHost
	if node != nil {
		// Ironic binds the ports when the node is deployed (network_binding_host_id of nova/virt/ironic/driver.py).
		made["node"], host = node["uuid"], ""
	}
	n.tell(ctx, caller, "create.start", made, "building", "")
	ports := []string{}
	for _, one := range networks {
		network, _ := one.(map[string]any)
		port, given := network["port"].(string)
		var err error
		if given {
			err = n.network.Bind(ctx, caller, port, id, "compute:nova", host)
		} else {
			ask := core.Resource{"network_id": network["uuid"], "device_id": id, "device_owner": "compute:nova", "binding:host_id": host, "project_id": made["project_id"]}
			if fixed, has := network["fixed_ip"]; has {
				ask["fixed_ips"] = []any{map[string]any{"ip_address": fixed}}
			}
			var created core.Resource
			created, err = n.network.CreatePort(ctx, caller, ask)
			port = created.Text("id")
		}
		if err != nil {
			n.tell(ctx, caller, "create.error", made, "building", "")
			return asBadRequest(err)
		}
		ports = append(ports, port)
	}
	if node == nil {
		n.built(ctx, caller, made)
		return nil
	}
	made["status"], made["vm_state"], made["task_state"], made["power_state"], made["launched_at"] = "BUILD", "building", "spawning", core.Integer(0), nil
	n.servers.Put(ctx, made)
	n.metal.Spawn(ctx, caller, node.Text("uuid"), ironic.Instance{ID: id, Name: made.Text("name"), ProjectID: made.Text("project_id"), ImageID: made.Text("image_id"),
		Host: computeHost, Flavor: flavor, Ports: ports}, func(ctx context.Context, trouble string) {
		current := n.servers.Get(id)
		if current == nil {
			return // deleted meanwhile
		}
		done := current.Clone()
		done["task_state"] = nil
		if trouble != "" {
			n.tell(ctx, caller, "create.error", done, "building", "spawning")
			n.failed(ctx, caller, done, trouble)
			return
		}
		done["status"], done["vm_state"], done["power_state"] = "ACTIVE", "active", core.Integer(1)
		n.stamp(done)
		n.built(ctx, caller, done)
	})
	return nil
}

// built stores a server that runs and says so.
func (n *Nova) built(ctx context.Context, caller *core.Caller, made core.Resource) {
	n.servers.Put(ctx, made)
	n.tell(ctx, caller, "update", made, "active", "")
	n.tell(ctx, caller, "create.end", made, "active", "")
}

// failed stores a server that could not be built, with its fault.
func (n *Nova) failed(ctx context.Context, caller *core.Caller, made core.Resource, why string) {
	made["status"], made["vm_state"], made["power_state"] = "ERROR", "error", core.Integer(0)
	made["fault"] = map[string]any{"code": core.Integer(500), "message": why, "created": n.cloud.Now().Format("2006-01-02T15:04:05Z")}
	n.servers.Put(ctx, made)
	n.tell(ctx, caller, "update", made, "error", "")
}

// terminate deletes a server (nova/compute/manager.py, _delete_instance and _shutdown_instance): its node is torn down and
// cleaned, what Nova made of its ports goes, and the others are free again.
func (n *Nova) terminate(ctx context.Context, caller *core.Caller, server core.Resource) {
	id := server.Text("id")
	n.tell(ctx, caller, "delete.start", server, "active", "deleting")
	n.tell(ctx, caller, "shutdown.start", server, "active", "deleting")
	marked := server.Clone()
	marked["task_state"] = "deleting"
	n.servers.Put(ctx, marked)
	n.metal.Unprovision(ctx, server.Text("node"), id, func(ctx context.Context) {
		if n.servers.Get(id) == nil {
			return
		}
		for _, port := range n.network.PortsOf(id) {
			n.network.DeletePort(ctx, caller, port.Text("id"))
		}
		n.tell(ctx, caller, "shutdown.end", server, "active", "deleting")
		n.servers.Delete(ctx, id)
		n.tell(ctx, caller, "delete.end", server, "deleted", "")
	})
}
