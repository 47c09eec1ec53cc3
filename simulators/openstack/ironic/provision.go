package ironic

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/eventrig/eventrig/simulators/openstack/core"
)

// provisionFields are the body of PUT states/provision (NodeStatesController.provision).
var provisionFields = core.Fields{
	{Name: "target", Types: "string", Required: true},
	{Name: "configdrive", Types: "string object null"},
	{Name: "clean_steps", Types: "array null"},
	{Name: "deploy_steps", Types: "array null"},
	{Name: "service_steps", Types: "array null"},
	{Name: "rescue_password", Types: "string null"},
	{Name: "disable_ramdisk", Types: flag},
	{Name: "runbook", Types: text},
}

func (i *Ironic) provision(r *core.Request) (*core.Answer, error) {
	node, given, err := i.nodeAndBody(r)
	if err != nil {
		return nil, err
	}
	if target, has := given["target"]; !has {
		return nil, badRequest("Missing mandatory parameter: target")
	} else if _, ok := target.(string); !ok {
		return nil, badRequest("Expected string for target: %s", core.Str(target))
	}
	if wrong := provisionFields.Check(given, true); wrong != nil {
		if wrong.Keyword == "additionalProperties" {
			return nil, badRequest("Unexpected arguments: %s", strings.TrimSuffix(strings.TrimPrefix(wrong.Message, "Additional properties are not allowed ("), " unexpected)"))
		}
		return nil, badRequest("Expected types for %s: %s", wrong.Field, wrong.Message)
	}
	if err := i.mayProvision(r, node, given); err != nil {
		return nil, err
	}
	steps, err := i.steps(node, given)
	if err != nil {
		return nil, err
	}
	i.walk(r.Context(), node.Text("uuid"), steps)
	return &core.Answer{Status: http.StatusAccepted, Header: map[string]string{"Location": r.Base() + "/v1/nodes/" + r.PathValue("ident") + "/states"}}, nil
}

// mayProvision is what the controller refuses.
func (i *Ironic) mayProvision(r *core.Request, node, given core.Resource) error {
	id, state, target := node.Text("uuid"), node.Text("provision_state"), given.Text("target")
	if r.Minor < verbSince[target] {
		return notAcceptable()
	}
	event, known := verbs[target]
	if target == "rebuild" {
		event, known = target, true
	}
	if (event == "deploy" || event == "rebuild") && node.Flag("maintenance") {
		return badRequest("The provisioning operation can't be performed on node %s because it's in maintenance mode.", id)
	}
	if _, possible := machine[state][event]; !known || !possible {
		if node["reservation"] != nil {
			return conflict("Node %s is locked by host %s, please retry after the current operation is completed.", id, node["reservation"])
		}
		return badRequest("The requested action \"%s\" can not be performed on node \"%s\" while it is in state \"%s\".", target, id, state)
	}
	given["event"] = event
	for name, only := range map[string]string{"clean_steps": "clean", "rescue_password": "rescue", "service_steps": "service"} {
		if given[name] != nil && event != only {
			return badRequest("\"%s\" is only valid when setting target provision state to %s", name, only)
		}
	}
	if given["deploy_steps"] != nil {
		if r.Minor < sinceDeploySteps {
			return notAcceptable()
		}
		if event != "deploy" && event != "rebuild" {
			return badRequest("\"deploy_steps\" is only valid when setting target provision state to active or rebuild")
		}
	}
	switch event {
	case "clean":
		if len(given.List("clean_steps")) == 0 && given["runbook"] == nil {
			return badRequest("\"clean_steps\" is required when setting target provision state to clean")
		}
		if err := checkSteps("clean", given.List("clean_steps"), false); err != nil {
			return err
		}
	case "deploy", "rebuild":
		if err := checkSteps("deploy", given.List("deploy_steps"), true); err != nil {
			return err
		}
	case "rescue":
		if strings.TrimSpace(given.Text("rescue_password")) == "" {
			return badRequest("A non-empty \"rescue_password\" is required when setting target provision state to rescue")
		}
		if strings.HasPrefix(node.Text("rescue_interface"), "no-") {
			return badRequest("Driver %s does not support rescue (disabled or not implemented).", node.Text("driver"))
		}
	case "abort":
		if state == inspectWait && r.Minor < 41 {
			return notAcceptable()
		}
	}
	if given["runbook"] != nil {
		if _, err := i.kind("runbook").find(given.Text("runbook")); err != nil {
			return err
		}
	}
	return i.mayConduct(node, event)
}

// checkSteps is the schema of clean and deploy steps.
func checkSteps(kind string, steps []any, ordered bool) error {
	interfaces := []string{"power", "management", "deploy", "firmware", "bios", "raid"}
	fields := core.Fields{
		{Name: "interface", Types: "string", Required: true, Enum: interfaces}, {Name: "step", Types: "string", Required: true},
		{Name: "args", Types: "object", Required: ordered}, {Name: "priority", Types: "integer string", Required: ordered},
	}
	for _, one := range steps {
		step, ok := one.(map[string]any)
		if !ok {
			return badRequest("Invalid %s_steps: %s is not of type 'object'", kind, core.Repr(one))
		}
		if wrong := fields.Check(step, true); wrong != nil {
			return badRequest("Invalid %s_steps: %s", kind, wrong.Message)
		}
	}
	return nil
}

// mayConduct is what the conductor refuses (ironic/conductor/manager.py and deployments.py).
func (i *Ironic) mayConduct(node core.Resource, event string) error {
	id := node.Text("uuid")
	maintenance := map[string]string{"clean": "cleaning", "provide": "providing", "rescue": "rescuing", "unrescue": "unrescuing", "adopt": "adopting", "service": "service"}
	if operation := maintenance[event]; operation != "" && node.Flag("maintenance") {
		return badRequest("The %s operation can't be performed on node %s because it's in maintenance mode.", operation, id)
	}
	if (event == "rebuild" || event == "delete") && node.Flag("protected") {
		return core.Errorf(http.StatusForbidden, "Node %s is protected and cannot be undeployed, rebuilt or deleted", id)
	}
	if event == "provide" && node.Flag("retired") {
		return badRequest("The providing operation can't be performed on node %s because it is retired.", id)
	}
	if reason := deployTrouble(node); (event == "deploy" || event == "rebuild") && reason != "" {
		return badRequest("Failed to validate deploy or power info for node %s. Error: %s", id, reason)
	}
	return nil
}

// deployTrouble is why a node cannot be deployed, "" when it can.
func deployTrouble(node core.Resource) string {
	if node.Text("deploy_interface") == "fake" || node.Object("instance_info")["image_source"] != nil {
		return ""
	}
	return "Node " + node.Text("uuid") + " failed to validate deploy image info. Some parameters were missing. Missing are: ['instance_info.image_source']"
}

// steps are what the conductor and the node's ramdisk do for a verb.
func (i *Ironic) steps(node, given core.Resource) ([]step, error) {
	event := given.Text("event")
	fail := func(operation string, change func(core.Resource)) step {
		return i.move("fail", "", func(node core.Resource) {
			node["last_error"] = strings.ToUpper(operation[:1]) + operation[1:] + " failed: " + toldToFail
			if change != nil {
				change(node)
			}
		})
	}
	switch event {
	case "manage":
		if node.Text("provision_state") != enroll {
			return []step{i.move("manage", "", nil)}, nil
		}
		if fails(node, "verify") {
			return []step{i.move("manage", "", nil), fail("verify", nil)}, nil
		}
		return []step{i.move("manage", "", nil), i.move("done", "", func(node core.Resource) {
			if node["power_state"] == nil {
				node["power_state"] = powerOff
			}
		})}, nil
	case "inspect":
		steps := []step{i.move("inspect", "", func(node core.Resource) {
			node["inspection_started_at"], node["inspection_finished_at"] = i.stamp(), nil
		}), both(i.within(i.power(reboot)), i.within(i.move("wait", "", nil)))}
		if fails(node, "inspect") {
			return append(steps, fail("inspect", nil)), nil
		}
		return append(steps, both(i.within(i.inspected), i.within(i.power(powerOff)), i.within(i.move("done", "", func(node core.Resource) {
			node["inspection_finished_at"] = i.stamp()
		})))), nil
	case "provide":
		return i.clean("provide", available, "done", node), nil
	case "clean":
		return i.clean("clean", manageable, "manage", node), nil
	case "deploy", "rebuild":
		return i.deploy(node, event, fail), nil
	case "delete":
		start := i.move("delete", available, nil)
		if fails(node, "delete") {
			return []step{start, fail("delete", nil)}, nil
		}
		return append([]step{start}, append([]step{both(i.within(i.power(powerOff)), i.within(i.tornDown))}, i.clean("clean", available, "done", node)...)...), nil
	case "adopt":
		if fails(node, "adopt") {
			return []step{i.move("adopt", "", nil), fail("adopt", nil)}, nil
		}
		return []step{i.move("adopt", "", nil), i.move("done", "", nil)}, nil
	case "rescue", "service":
		steps := []step{i.move(event, "", func(node core.Resource) {
			if event == "rescue" {
				node.Object("instance_info")["rescue_password"] = given["rescue_password"]
			}
		}), both(i.within(i.power(reboot)), i.within(i.move("wait", "", nil)))}
		if fails(node, event) {
			return append(steps, fail(event, nil)), nil
		}
		return append(steps, i.move("resume", "", nil), i.move("done", "", nil)), nil
	case "unrescue":
		if fails(node, "unrescue") {
			return []step{i.move("unrescue", "", nil), fail("unrescue", nil)}, nil
		}
		return []step{i.move("unrescue", "", func(node core.Resource) {
			delete(node.Object("instance_info"), "rescue_password")
		}), both(i.within(i.power(reboot)), i.within(i.move("done", "", nil)))}, nil
	default: // abort, unhold
		aborted, _, _ := strings.Cut(node.Text("provision_state"), " ")
		return []step{i.move(event, "", func(node core.Resource) {
			if event == "abort" {
				node["last_error"] = "By request, the " + aborted + " operation was aborted"
			}
		})}, nil
	}
}

// clean is a cleaning, automated or manual; finish is the event that ends it (ironic/conductor/cleaning.py).
func (i *Ironic) clean(event, target, finish string, node core.Resource) []step {
	start := i.move(event, target, nil)
	if automated, set := node["automated_clean"].(bool); set && !automated && target == available {
		return []step{start, i.move(finish, target, nil)}
	}
	steps := []step{start, both(i.within(i.power(reboot)), i.within(i.move("wait", target, nil)))}
	if fails(node, "clean") {
		return append(steps, i.move("fail", target, func(node core.Resource) {
			node["last_error"] = "Clean failed: " + toldToFail
			node["maintenance"], node["maintenance_reason"], node["fault"] = true, node["last_error"], faultCleaning
		}))
	}
	return append(steps, i.move("resume", target, nil), both(i.within(i.power(powerOff)), i.within(i.move(finish, target, nil))))
}

func (i *Ironic) deploy(node core.Resource, event string, fail func(string, func(core.Resource)) step) []step {
	steps := []step{i.move(event, "", i.lease), both(i.within(i.power(reboot)), i.within(i.move("wait", "", nil)))}
	if fails(node, "deploy") {
		return append(steps, fail("deploy", nil))
	}
	return append(steps, i.move("resume", "", nil), both(i.within(i.power(powerOff)), i.within(i.bindPorts), i.within(i.power(powerOn)), i.within(i.move("done", "", nil))))
}

// tornDown empties a node of its instance (do_node_tear_down of ironic/conductor/manager.py).
func (i *Ironic) tornDown(ctx context.Context, node core.Resource) {
	if allocation := i.allocations.Get(node.Text("allocation_uuid")); allocation != nil {
		i.allocations.Delete(ctx, allocation.Text("uuid"))
	}
	node["instance_info"], node["instance_uuid"], node["allocation_uuid"] = map[string]any{}, nil, nil
	internal := node.Object("driver_internal_info")
	if internal["automatic_lessee"] == true {
		node["lessee"] = nil
	}
	for _, name := range []string{"instance", "clean_steps", "deploy_steps", "root_uuid_or_disk_id", "automatic_lessee", "is_whole_disk_image", "deploy_boot_mode"} {
		delete(internal, name)
	}
	i.nodes.Put(ctx, node)
	i.unbindPorts(ctx, node)
}

// stateRoutes are nodes/{ident}/states and what is below.
func (i *Ironic) stateRoutes() []core.Route {
	nodes := i.kind("node")
	return []core.Route{
		{Method: "GET", Path: "/v1/nodes/{ident}/states", Do: func(r *core.Request) (*core.Answer, error) {
			node, err := nodes.find(r.PathValue("ident"))
			if err != nil {
				return nil, err
			}
			shown := map[string]any{}
			for _, name := range []string{"console_enabled", "last_error", "power_state", "provision_state", "provision_updated_at", "target_power_state",
				"target_provision_state", "raid_config", "target_raid_config", "boot_mode", "secure_boot"} {
				if field, _ := nodes.fields.Find(name); field.Since <= r.Minor {
					shown[name] = node[name]
				}
			}
			hide(shown, r)
			return core.OK(shown)
		}},
		{Method: "PUT", Path: "/v1/nodes/{ident}/states/provision", Note: "states and events of ironic/common/states.py; agent steps take one wait and resume",
			Do: i.provision},
		{Method: "PUT", Path: "/v1/nodes/{ident}/states/power", Do: func(r *core.Request) (*core.Answer, error) {
			node, given, err := i.nodeAndBody(r)
			if err != nil {
				return nil, err
			}
			target, ok := given["target"].(string)
			switch _, has := given["target"]; {
			case !has:
				return nil, badRequest("Missing mandatory parameter: target")
			case !ok:
				return nil, badRequest("Expected string for target: %s", core.Str(given["target"]))
			case (target == softReboot || target == softPowerOff || given["timeout"] != nil) && r.Minor < sinceSoftPower:
				return nil, notAcceptable()
			case given["timeout"] != nil && core.Resource(given).Integer("timeout") < 1:
				return nil, badRequest("timeout has to be positive integer")
			case !slices.Contains([]string{powerOn, powerOff, reboot, softReboot, softPowerOff}, target):
				return nil, badRequest("The requested action \"%s\" can not be performed on node \"%s\" while it is in state \"%s\".", target, r.PathValue("ident"), core.Str(node["power_state"]))
			case node["provision_state"] == cleaning || node["provision_state"] == cleanWait:
				return nil, badRequest("The requested action \"%s\" can not be performed on node \"%s\" while it is in state \"%s\".", target, r.PathValue("ident"), node["provision_state"])
			case node["reservation"] != nil:
				return nil, conflict("Node %s is locked by host %s, please retry after the current operation is completed.", node.Text("uuid"), node["reservation"])
			}
			changed := node.Clone()
			changed["last_error"], changed["target_power_state"] = nil, powerOn
			if target == powerOff || target == softPowerOff {
				changed["target_power_state"] = powerOff
			}
			i.nodes.Put(r.Context(), changed)
			i.changePower(r.Context(), node.Text("uuid"), target)
			return &core.Answer{Status: http.StatusAccepted, Header: map[string]string{"Location": r.Base() + "/v1/nodes/" + r.PathValue("ident") + "/states"}}, nil
		}},
		{Method: "PUT", Path: "/v1/nodes/{ident}/states/console", Note: "sets the flag; there is no console", Do: func(r *core.Request) (*core.Answer, error) {
			node, given, err := i.nodeAndBody(r)
			if err != nil {
				return nil, err
			}
			enabled, ok := core.Boolean(core.Str(given["enabled"]))
			if !ok {
				return nil, badRequest("Invalid enabled: Unrecognized value %s, acceptable values are: '0', '1', 'f', 'false', 'n', 'no', 'off', 'on', 't', 'true', 'y', 'yes'", core.Repr(given["enabled"]))
			}
			if strings.HasPrefix(node.Text("console_interface"), "no-") {
				return nil, badRequest("Driver %s does not support console (disabled or not implemented).", node.Text("driver"))
			}
			event := func(status string, node core.Resource) {
				i.cloud.Notify(r.Context(), core.Event{Name: "ironic/baremetal.node.console_set." + status, Object: told(node), Host: Conductor})
			}
			event("start", node)
			changed := node.Clone()
			changed["console_enabled"] = enabled
			i.nodes.Put(r.Context(), changed)
			event("end", changed)
			return core.Accepted(nil)
		}},
		{Method: "GET", Path: "/v1/nodes/{ident}/states/console", Do: func(r *core.Request) (*core.Answer, error) {
			node, err := nodes.find(r.PathValue("ident"))
			if err != nil {
				return nil, err
			}
			return core.OK(map[string]any{"console_enabled": node.Flag("console_enabled"), "console_info": nil})
		}},
		{Method: "PUT", Path: "/v1/nodes/{ident}/states/boot_mode", Do: i.firmwareState("boot_mode")},
		{Method: "PUT", Path: "/v1/nodes/{ident}/states/secure_boot", Do: i.firmwareState("secure_boot")},
	}
}

// changePower does a power action beside whatever else happens to the node.
func (i *Ironic) changePower(ctx context.Context, id, target string) {
	if after := i.cloud.Transition(); after > 0 {
		detached := core.Detached(ctx)
		i.cloud.Later(after, func() { i.within(i.power(target))(detached, id) })
		return
	}
	i.within(i.power(target))(ctx, id)
}

// firmwareState changes the boot mode or secure boot.
func (i *Ironic) firmwareState(field string) func(*core.Request) (*core.Answer, error) {
	return func(r *core.Request) (*core.Answer, error) {
		if err := needs(r, sinceBootMode); err != nil {
			return nil, err
		}
		node, given, err := i.nodeAndBody(r)
		if err != nil {
			return nil, err
		}
		value := given["target"]
		if field == "boot_mode" {
			if value != "bios" && value != "uefi" {
				return nil, badRequest("Invalid boot mode %s requested for node. Allowed boot modes are: bios, uefi", core.Str(value))
			}
		} else {
			wanted, ok := core.Boolean(core.Str(value))
			if !ok {
				return nil, badRequest("Invalid secure_boot %s requested for node. Allowed secure_boot states are: True, False) ", core.Str(value))
			}
			value = wanted
		}
		if state := node.Text("provision_state"); unstable[state] {
			return nil, conflict("Node is in %s state. Since node is transitioning, the boot mode will not be set as this may interfere with ongoing changes and result in erroneous modification. Try again later.", state)
		}
		changed := node.Clone()
		changed[field], changed["last_error"] = value, nil
		i.nodes.Put(r.Context(), changed)
		return core.Accepted(nil)
	}
}
