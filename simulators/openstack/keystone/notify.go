package keystone

import (
	"context"
	"strings"

	"github.com/eventrig/eventrig/simulators/openstack/core"
)

// notify tells a change as Keystone does in its default format, CADF (keystone/notifications.py).
func (k *Keystone) notify(ctx context.Context, caller *core.Caller, resource, operation, id string) {
	set := initiator(caller)
	set["payload.target.id"], set["payload.resource_info"] = id, id
	k.cloud.Notify(ctx, core.Event{Name: "keystone/identity." + resource + "." + operation, Set: set, Caller: caller})
}

// initiator is who a CADF event names.
func initiator(caller *core.Caller) map[string]any {
	if caller == nil {
		return map[string]any{}
	}
	set := map[string]any{
		"payload.initiator.id": caller.UserID, "payload.initiator.user_id": caller.UserID, "payload.initiator.username": caller.UserName,
	}
	if caller.ProjectID != "" {
		set["payload.initiator.project_id"] = caller.ProjectID
	}
	return set
}

// notifyAssignment is CadfRoleAssignmentNotificationWrapper of keystone/notifications.py, which tells of a failure too.
// Of roles on the system Keystone tells nothing.
func (k *Keystone) notifyAssignment(ctx context.Context, caller *core.Caller, operation string, a assignment, refused error) {
	if a.System {
		return
	}
	set := initiator(caller)
	set["payload.role"], set["payload.inherited_to_projects"] = a.Role, a.Inherited
	if refused != nil {
		set["payload.outcome"] = "failure"
	}
	var variant []string
	if a.Group != "" {
		variant = append(variant, "group")
	}
	if a.Domain != "" {
		variant = append(variant, "domain")
	}
	name := "keystone/identity.role_assignment." + operation
	if len(variant) > 0 {
		name += "@" + strings.Join(variant, "-")
	}
	for field, value := range map[string]string{"user": a.User, "group": a.Group, "project": a.Project, "domain": a.Domain} {
		if value != "" {
			set["payload."+field] = value
		}
	}
	k.cloud.Notify(ctx, core.Event{Name: name, Set: set, Caller: caller})
}
