package handlers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// nautobotStatus is UnderStack's map of provision states to Nautobot's statuses; a state of Ironic's that is not in it changes
// no status, another text is an error.
var nautobotStatus = map[string]string{
	"active": "Active", "enroll": "Planned", "available": "Available", "deploy failed": "Quarantine", "error": "Quarantine",
	"rescue": "Quarantine", "rescue failed": "Quarantine", "unrescueing": "Quarantine", "manageable": "Staged",
	"inspecting": "Provisioning", "deploying": "Provisioning", "cleaning": "Quarantine", "deleting": "Decom",
}

var passingStates = map[string]bool{
	"verifying": true, "inspect wait": true, "inspect failed": true, "clean wait": true, "wait call-back": true, "adopting": true,
	"rescuing": true, "rescue wait": true, "unrescuing": true, "unrescue failed": true, "servicing": true, "service wait": true, "service failed": true,
}

// node is what Ironic says of a node, and what Nautobot should have of it.
type node struct {
	id        string
	inventory object
	ports     []object

	name, serial, manufacturer, model, status, tenant string
	location, rack, face                              string
	position                                          any
}

// syncNode brings a device with its interfaces in line with what Ironic says now. Failures of the interfaces are logged only.
func (e *osloEvent) syncNode(ctx context.Context, id string) int {
	// ironicclient has a session of its own: it authenticates again.
	ironic := *e.cloud
	ironic.token, ironic.endpoints, ironic.versions = "", nil, nil
	n, err := e.fetchNode(ctx, &ironic, id)
	var device object
	if err == nil {
		device, err = e.findDevice(ctx, n)
	}
	if errors.Is(err, errNotReady) {
		e.log("INFO", "No location yet for node %s (awaiting inspection)", id)
		return exitFailure
	}
	if err == nil && device == nil {
		device, err = e.createDevice(ctx, n)
	}
	if err == nil {
		err = e.updateDevice(ctx, n, device)
	}
	if err != nil {
		return e.failed(err, "Failed to sync device %s to Nautobot", id)
	}
	if err := e.syncInterfaces(ctx, n); err != nil {
		e.log("ERROR", "Failed to sync interfaces for node %s to Nautobot\nTraceback (most recent call last):\n%v", id, err)
		e.log("WARNING", "Interface sync failed for node %s, device sync succeeded", id)
	}
	return 0
}

var errNotReady = errors.New("DeviceNotReadyError")

var parentheses = regexp.MustCompile(` \(.*\)`)

func (e *osloEvent) fetchNode(ctx context.Context, ironic *cloud, id string) (*node, error) {
	n := &node{id: id}
	if err := ironic.call(ctx, http.MethodGet, baremetal, "v1", nil, nil); err != nil { // which versions there are
		return nil, err
	}
	var seen object
	if err := ironic.call(ctx, http.MethodGet, baremetal, nodePath(id), nil, &seen); err != nil {
		return nil, err
	}
	err := ironic.call(ctx, http.MethodGet, baremetal, nodePath(id)+"/inventory", nil, &n.inventory)
	if err != nil && !is(err, http.StatusNotFound) {
		return nil, err
	}
	var listed struct {
		Ports []object `json:"ports"`
	}
	if err := ironic.call(ctx, http.MethodGet, baremetal, "v1/ports/detail?node="+url.QueryEscape(id), nil, &listed); err != nil {
		return nil, err
	}
	n.ports = listed.Ports
	state := at(seen, "provision_state")
	if n.status = nautobotStatus[state]; n.status == "" && !passingStates[state] {
		return nil, fmt.Errorf("ValueError: Unknown provision_state='%s'", state)
	}
	n.tenant = e.tenantOf(at(seen, "lessee"))
	if err := n.readInventory(); err != nil {
		return nil, err
	}
	e.locate(ctx, n)
	return n, nil
}

// vendor is a part of what inspection found of the machine.
func (n *node) vendor(name string) string { return at(n.inventory, "inventory", "system_vendor", name) }

func (n *node) readInventory() error {
	if maker := strings.ToUpper(n.vendor("manufacturer")); maker != "" {
		switch {
		case strings.Contains(maker, "DELL"):
			n.manufacturer = "Dell"
		case strings.Contains(maker, "HP"):
			n.manufacturer = "HP"
		default:
			return fmt.Errorf("ValueError: Server manufacturer %s not supported", n.vendor("manufacturer"))
		}
	}
	if product := n.vendor("product_name"); product != "System" {
		n.model = parentheses.ReplaceAllString(product, "")
	}
	// Redfish finds a SKU, which is the service tag, beside the serial number; the agent finds the service tag as serial number.
	tag := n.vendor("sku")
	if tag != "" {
		n.serial = n.vendor("serial_number")
	} else {
		tag = n.vendor("serial_number")
	}
	if n.manufacturer != "" && tag != "" {
		n.name = n.manufacturer + "-" + tag
	}
	return nil
}

// locate puts a node where the switches are that it is connected to; one switch with a rack is enough.
func (e *osloEvent) locate(ctx context.Context, n *node) {
	for _, port := range n.ports {
		name := at(port, "local_link_connection", "switch_info")
		if name == "" || name == "None" {
			continue
		}
		found, err := e.nautobot.one(ctx, devices, "name", name)
		if err != nil {
			e.log("ERROR", "Failed to determine location for node %s: %v", n.id, err)
			return
		}
		if location, rack := text(found, "location"), text(found, "rack"); location != "" && rack != "" && n.location == "" {
			n.location, n.rack = location, rack
		}
	}
	if n.location == "" {
		e.log("WARNING", "No switch locations found for node %s", n.id)
	}
}

// findDevice looks for a node's device by id, then by name: one of another id is from before the node was enrolled again. It
// is deleted, but its place kept.
func (e *osloEvent) findDevice(ctx context.Context, n *node) (object, error) {
	found, err := e.nautobot.one(ctx, devices, "id", n.id)
	if err != nil || found != nil {
		return found, err
	}
	if n.name != "" {
		if found, err = e.nautobot.one(ctx, devices, "name", n.name); err != nil {
			return nil, err
		}
	}
	if found != nil {
		if n.location == "" {
			n.location = text(found, "location")
		}
		if n.rack == "" {
			n.rack = text(found, "rack")
		}
		n.position, n.face = found["position"], text(found, "face")
		e.log("WARNING", "Device %s has mismatched UUID (Nautobot: %s, Ironic: %s), recreating", n.name, text(found, "id"), n.id)
		if err := e.nautobot.remove(ctx, devices, text(found, "id")); err != nil {
			return nil, err
		}
	}
	if n.location == "" {
		return nil, errNotReady
	}
	return nil, nil
}

func (e *osloEvent) createDevice(ctx context.Context, n *node) (object, error) {
	name := n.name
	if name == "" {
		name = n.id
	}
	orNull := func(text string) any {
		if text == "" {
			return nil
		}
		return text
	}
	return e.nautobot.create(ctx, devices, object{
		"id": n.id, "name": name, "status": "Planned", "role": object{"name": "server"}, "location": n.location,
		"device_type": object{"manufacturer": object{"name": orNull(n.manufacturer)}, "model": orNull(n.model)},
	})
}

func (e *osloEvent) updateDevice(ctx context.Context, n *node, device object) error {
	wanted := object{}
	if n.status != "" {
		status, err := e.nautobot.whole(ctx, "extras/statuses", device["status"])
		if err != nil {
			return err
		}
		if status["name"] != n.status {
			wanted["status"] = n.status
		}
	}
	for name, value := range map[string]string{"name": n.name, "serial": n.serial, "location": n.location, "rack": n.rack, "tenant": n.tenant} {
		if value != "" && text(device, name) != value {
			wanted[name] = value
		}
	}
	if n.position != nil {
		if device["position"] != n.position {
			wanted["position"] = n.position
		}
		if n.face == "" {
			n.face = "front"
		}
		if text(device, "face") != n.face {
			wanted["face"] = n.face
		}
	}
	return e.nautobot.save(ctx, devices, device, wanted)
}
