package nova

import (
	"context"
	"strings"

	"github.com/eventrig/eventrig/simulators/openstack/core"
)

// tell sends compute.instance.OPERATION with what nova/notifications/base.py, info_from_instance, has of a server.
func (n *Nova) tell(ctx context.Context, caller *core.Caller, operation string, server core.Resource, state, task string) {
	flavor := n.flavors.Get(server.Text("flavor_id"))
	text := func(value any) any {
		if value == nil {
			return ""
		}
		return value
	}
	set := map[string]any{}
	for name, value := range map[string]any{
		"tenant_id": server["project_id"], "user_id": server["user_id"], "instance_id": server["id"], "display_name": server["name"],
		"hostname": server["name"], "instance_type": flavor["name"], "instance_flavor_id": server["flavor_id"], "memory_mb": flavor["ram"], "vcpus": flavor["vcpus"],
		"root_gb": flavor["disk"], "disk_gb": flavor["disk"], "host": server["host"], "node": server["node"], "availability_zone": server["availability_zone"],
		"metadata": server["metadata"], "state": state, "state_description": task, "launched_at": text(server["launched_at"]),
		"created_at": strings.NewReplacer("T", " ", "Z", "+00:00").Replace(server.Text("created")),
	} {
		set["payload."+name] = value
	}
	n.cloud.Notify(ctx, core.Event{Name: "nova/compute.instance." + operation, Set: set, Caller: caller})
}
