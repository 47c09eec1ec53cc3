package handlers

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// netdevPort is a port of a network device as an operator writes it. The label is what it is known by; the rest may change.
type netdevPort struct{ label, mac, switchName, intf, switchID, biosName string }

// portPlan is what must be done for a port: it is made, or the existing one patched.
type portPlan struct {
	port     netdevPort
	existing string // its uuid; empty for one that is to be made
	patch    []object
}

// parsePorts reads the argument --ports.
func parsePorts(raw string) ([]any, error) {
	var value any
	if err := json.Unmarshal([]byte(raw), &value); err != nil {
		return nil, fmt.Errorf("ValueError: --ports must be valid JSON: %w", err)
	}
	list, ok := value.([]any)
	if !ok {
		return nil, errors.New("ValueError: --ports must be a JSON array of port objects")
	}
	return list, nil
}

var (
	requiredPortFields = []string{"label", "mac", "switch", "intf"}
	optionalPortFields = []string{"switch_id", "bios_name"}
)

// truthy is Python's bool() of a value as it came from JSON.
func truthy(value any) bool {
	switch value := value.(type) {
	case nil:
		return false
	case bool:
		return value
	case string:
		return value != ""
	case float64:
		return value != 0
	case []any:
		return len(value) > 0
	case map[string]any:
		return len(value) > 0
	}
	return true
}

// netdevPorts checks what is asked for: labels and MAC addresses are there once each.
func netdevPorts(entries []any) ([]netdevPort, error) {
	refused := func(format string, arguments ...any) error {
		return fmt.Errorf("ValueError: "+format, arguments...)
	}
	if len(entries) == 0 {
		return nil, refused("At least one port must be provided")
	}
	var ports []netdevPort
	labels, macs := map[string]bool{}, map[string]bool{}
	for i, value := range entries {
		entry, ok := value.(map[string]any)
		if !ok {
			return nil, refused("Port %d must be a JSON object", i+1)
		}
		var missing, wrong []string
		for _, field := range requiredPortFields {
			if !truthy(entry[field]) {
				missing = append(missing, field)
			} else if _, text := entry[field].(string); !text {
				wrong = append(wrong, field)
			}
		}
		if len(missing) > 0 {
			return nil, refused("Port %d is missing required field(s): %s", i+1, strings.Join(missing, ", "))
		}
		if len(wrong) > 0 {
			return nil, refused("Port %d field(s) must be strings: %s", i+1, strings.Join(wrong, ", "))
		}
		for _, field := range optionalPortFields {
			if _, text := entry[field].(string); entry[field] != nil && !text {
				return nil, refused("Port %d %s must be a string, got %s", i+1, field, pythonRepr(entry[field]))
			}
		}
		unknown := slices.DeleteFunc(slices.Sorted(maps.Keys(entry)), func(name string) bool {
			return slices.Contains(requiredPortFields, name) || slices.Contains(optionalPortFields, name)
		})
		if len(unknown) > 0 {
			return nil, refused("Port %d has unknown field(s): %s", i+1, strings.Join(unknown, ", "))
		}
		port := netdevPort{label: at(entry, "label"), mac: at(entry, "mac"), switchName: at(entry, "switch"), intf: at(entry, "intf"),
			switchID: at(entry, "switch_id"), biosName: at(entry, "bios_name")}
		if port.biosName == "" {
			port.biosName = port.label
		}
		if labels[port.label] {
			return nil, refused("Duplicate label %s in ports list", port.label)
		}
		if macs[strings.ToLower(port.mac)] {
			return nil, refused("Duplicate MAC %s in ports list", port.mac)
		}
		labels[port.label], macs[strings.ToLower(port.mac)] = true, true
		ports = append(ports, port)
	}
	return ports, nil
}

// made is the port as it is created.
func (p netdevPort) made(node, name, physicalNetwork string) object {
	id := p.switchID
	if id == "" {
		id = placeholderSwitchID
	}
	return object{"address": p.mac, "category": "network", "extra": object{"bios_name": p.biosName}, "name": name + ":" + p.label, "node_uuid": node,
		"physical_network": physicalNetwork, "local_link_connection": object{"switch_id": id, "switch_info": p.switchName, "port_id": p.intf}}
}

// plan compares the port with the node's; nil where it is as it should be. A MAC address that another port of the node has
// would be a change of labels, which is not done by itself.
func (p netdevPort) plan(node, name, physicalNetwork string, there []object) (*portPlan, error) {
	full := name + ":" + p.label
	var existing, owner object
	for _, one := range there {
		if at(one, "name") == full {
			existing = one
		}
		if strings.EqualFold(at(one, "address"), p.mac) {
			owner = one
		}
	}
	taken := func(doing string) error {
		//lint:ignore ST1005 UnderStack's words
		return fmt.Errorf("RuntimeError: [node:%s] Cannot %s MAC %s: that MAC is already used by port %s name=%s. Delete or rename that existing port manually if this is an intentional label change.",
			node, doing, p.mac, at(owner, "uuid"), at(owner, "name"))
	}
	if existing == nil {
		if owner != nil {
			return nil, taken("create port " + full + " with")
		}
		return &portPlan{port: p}, nil
	}
	var changes []object
	add := func(path string, value any) {
		changes = append(changes, object{"op": "add", "path": path, "value": value})
	}
	if !strings.EqualFold(at(existing, "address"), p.mac) {
		if owner != nil && at(owner, "uuid") != at(existing, "uuid") {
			return nil, taken("update port " + full + " to")
		}
		add("/address", p.mac)
	}
	if at(existing, "physical_network") != physicalNetwork {
		add("/physical_network", physicalNetwork)
	}
	if at(existing, "category") != "network" {
		add("/category", "network")
	}
	if at(existing, "extra", "bios_name") != p.biosName {
		add("/extra/bios_name", p.biosName)
	}
	// A real identifier of the switch that is there stays, unless another is asked for.
	id := p.switchID
	if id == "" {
		if id = at(existing, "local_link_connection", "switch_id"); id == "" {
			id = placeholderSwitchID
		}
	}
	wanted := map[string]string{"switch_id": id, "switch_info": p.switchName, "port_id": p.intf}
	for key, value := range wanted {
		if at(existing, "local_link_connection", key) != value {
			add("/local_link_connection", wanted)
			break
		}
	}
	if len(changes) == 0 {
		return nil, nil
	}
	return &portPlan{port: p, existing: at(existing, "uuid"), patch: changes}, nil
}
