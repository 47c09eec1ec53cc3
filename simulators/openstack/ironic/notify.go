package ironic

import (
	"context"
	"slices"
	"strings"

	"github.com/eventrig/eventrig/simulators/openstack/core"
)

// notify sends baremetal.KIND.OPERATION.STATUS for a resource, as the API does
// (ironic/api/controllers/v1/notification_utils.py).
func (i *Ironic) notify(ctx context.Context, caller *core.Caller, k kind, operation, status string, resource core.Resource) {
	fields := told(resource)
	if k.event == "volumetarget" && len(resource.Object("properties")) > 0 {
		fields["properties"] = map[string]any{"redacted_contents": withheld}
	}
	i.cloud.Notify(ctx, core.Event{Name: "ironic/baremetal." + k.event + "." + operation + "." + status, Object: fields, Caller: caller})
}

// withheld stands for what the API shows only to those who may see it, and the bus to nobody
// (redact_sensitive_fields of ironic/objects/volume_target.py).
const withheld = "** Value redacted: not published on the notification bus. **"

// told is a resource as a versioned object has it: times as UTC with a Z, secrets masked (mask_secrets of
// ironic/objects/notification.py). The catalogue picks the fields of the object's version.
func told(resource core.Resource) map[string]any {
	fields := make(map[string]any, len(resource))
	for name, value := range resource {
		switch at, isText := value.(string); {
		case isText && strings.HasSuffix(name, "_at"):
			value = strings.TrimSuffix(at, "+00:00") + "Z"
		case name == "driver_info" || name == "instance_info" || name == "driver_internal_info":
			object := masked(resource.Object(name), "******")
			if _, is := object["image_url"]; is && name == "instance_info" {
				object["image_url"] = "******"
			}
			value = object
		}
		fields[name] = value
	}
	return fields
}

// masked hides the secrets of an object, as oslo.utils' strutils.mask_dict_password finds them by their names.
func masked(object map[string]any, with string) map[string]any {
	shown := make(map[string]any, len(object))
	for name, value := range object {
		inner, nested := value.(map[string]any)
		switch {
		case nested:
			value = masked(inner, with)
		case slices.ContainsFunc(secrets, func(secret string) bool { return strings.Contains(strings.ToLower(name), secret) }):
			value = with
		}
		shown[name] = value
	}
	return shown
}

// secrets are parts of the names of what is masked. Of oslo.utils' list those are left out that contain another one.
var secrets = []string{
	"adminpass", "admin_pass", "password", "new_pass", "secret", "sys_pswd", "token", "configdrive", "encrypted_key", "private_key",
	"fernetkey", "sslkey", "passphrase", "rabbitcookie", "keystonecredential",
}

// provisioned sends baremetal.node.provision_set.STATUS; what the transition is decides the status
// (ironic/conductor/task_manager.py, _notify_provision_state_change).
func (i *Ironic) provisioned(ctx context.Context, node core.Resource, event, before, targetBefore string) {
	after := node.Text("provision_state")
	status := "success"
	switch {
	case event == "fail" || event == "error":
		status = "error"
	case !unstable[before] && unstable[after]:
		status = "start"
	case unstable[before] && !unstable[after]:
		status = "end"
	}
	fields := told(node)
	fields["event"], fields["previous_provision_state"], fields["previous_target_provision_state"] = event, before, orNull(targetBefore)
	i.cloud.Notify(ctx, core.Event{Name: "ironic/baremetal.node.provision_set." + status, Object: fields, Host: Conductor})
}

// powered sends baremetal.node.power_set.STATUS.
func (i *Ironic) powered(ctx context.Context, node core.Resource, status, target string) {
	fields := told(node)
	fields["to_power"] = target
	i.cloud.Notify(ctx, core.Event{Name: "ironic/baremetal.node.power_set." + status, Object: fields, Host: Conductor})
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}
