package nova

import (
	"net/http"
	"slices"
	"strings"

	"github.com/eventrig/eventrig/simulators/openstack/core"
)

// actions are what POST action does: the notification, the states in which it may be done, and what it changes.
var actions = map[string]struct {
	event string // "" tells nothing
	from  []string
	vm    string // vm_state afterwards; "" leaves it
	shows string // status
	power int
}{
	"os-start": {"power_on", []string{"stopped"}, "active", "ACTIVE", 1}, "os-stop": {"power_off", []string{"active", "error"}, "stopped", "SHUTOFF", 4},
	"reboot": {"reboot", []string{"active", "stopped", "paused", "suspended", "error"}, "active", "ACTIVE", 1}, "rebuild": {"rebuild", []string{"active", "stopped", "error"}, "active", "ACTIVE", 1},
	"pause": {"pause", []string{"active"}, "paused", "PAUSED", 3}, "unpause": {"unpause", []string{"paused"}, "active", "ACTIVE", 1},
	"suspend": {"suspend", []string{"active"}, "suspended", "SUSPENDED", 4}, "resume": {"resume", []string{"suspended"}, "active", "ACTIVE", 1},
	"lock": {}, "unlock": {}, "os-resetState": {},
}

func (n *Nova) act(r *core.Request) (*core.Answer, error) {
	found, err := n.find(r)
	if err != nil {
		return nil, err
	}
	value, ok := r.JSON()
	body, isObject := value.(map[string]any)
	if !ok || !isObject || len(body) != 1 {
		return nil, core.Errorf(http.StatusBadRequest, "Malformed request body")
	}
	for name, argument := range body {
		action, known := actions[name]
		if !known {
			return nil, core.Errorf(http.StatusBadRequest, "There is no such action: %s", name)
		}
		if len(action.from) > 0 && !slices.Contains(action.from, found.Text("vm_state")) {
			return nil, core.Errorf(http.StatusConflict, "Cannot '%s' instance %s while it is in vm_state %s", strings.TrimPrefix(name, "os-"), found["id"], found["vm_state"])
		}
		changed := found.Clone()
		switch name {
		case "lock", "unlock":
			changed["locked"] = name == "lock"
		case "os-resetState":
			object, _ := argument.(map[string]any)
			state, _ := object["state"].(string)
			if state != "active" && state != "error" {
				return nil, core.Errorf(http.StatusBadRequest, "Invalid input for field/attribute state. Value: %s. %s is not one of ['active', 'error']", core.Str(object["state"]), core.Repr(object["state"]))
			}
			changed["vm_state"], changed["status"] = state, strings.ToUpper(state)
		case "rebuild":
			object, _ := argument.(map[string]any)
			if image, ok := object["imageRef"].(string); ok {
				changed["image_id"] = image
			}
		}
		if action.event != "" {
			n.tell(r.Context(), r.Caller, action.event+".start", found, found.Text("vm_state"), action.event)
		}
		if power := map[string]string{"os-start": "power on", "os-stop": "power off", "reboot": "rebooting"}[name]; power != "" {
			n.metal.Power(r.Context(), found.Text("node"), power)
		}
		if action.vm != "" {
			changed["vm_state"], changed["status"], changed["power_state"] = action.vm, action.shows, core.Integer(action.power)
		}
		n.save(r.Context(), r.Caller, changed)
		if action.event != "" {
			n.tell(r.Context(), r.Caller, action.event+".end", changed, changed.Text("vm_state"), "")
		}
		if name == "rebuild" {
			return core.Accepted(map[string]any{"server": n.view(r, changed)})
		}
	}
	return core.Accepted(nil)
}
