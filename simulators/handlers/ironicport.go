package handlers

import (
	"context"
	"fmt"
	"strings"
)

const (
	interfaces = "dcim/interfaces"
	cables     = "dcim/cables"
	devices    = "dcim/devices"
)

// upsertInterface brings an interface to what it should be. A creation that another workflow was faster with is followed by
// the update, as any other; the update sends a status always, because Nautobot answers it as a record and not as a name.
func (e *osloEvent) upsertInterface(ctx context.Context, what, id string, wanted object) (object, int, error) {
	found, err := e.nautobot.one(ctx, interfaces, "id", id)
	if err != nil {
		return nil, 0, err
	}
	if found == nil {
		body := object{"id": id}
		for name, value := range wanted {
			body[name] = value
		}
		found, err = e.nautobot.create(ctx, interfaces, body)
		switch {
		case matches(err, "unique set"):
			e.log("INFO", "%s %s already exists, fetching", what, id)
			if found, err = e.nautobot.one(ctx, interfaces, "id", id); err != nil {
				return nil, 0, err
			}
			if found == nil {
				e.log("ERROR", "%s %s not found", what, id)
				return nil, exitFailure, nil
			}
		case err != nil:
			return nil, e.failed(err, "Failed to create %s %s", strings.ToLower(what), id), nil
		}
	}
	if err := e.nautobot.save(ctx, interfaces, found, wanted); err != nil {
		return nil, e.failed(err, "Failed to update %s %s", strings.ToLower(what), id), nil
	}
	return found, 0, nil
}

// portChanged makes an interface of a port, and a cable where the port says what it is connected to. It goes by the event,
// not by what Ironic says now.
func portChanged(ctx context.Context, e *osloEvent) (int, error) {
	port, err := e.ironicObject()
	if err == nil {
		err = required(port, "uuid", "address", "node_uuid")
	}
	if err != nil {
		return 0, err
	}
	id, name := at(port, "uuid"), at(port, "name")
	if name == "" {
		name = id
	}
	made, code, err := e.upsertInterface(ctx, "Interface", id, object{
		"name": name, "type": "25gbase-x-sfp28", "status": "Active", "mac_address": port["address"], "device": port["node_uuid"],
	})
	if err != nil || code != 0 {
		return code, err
	}
	device, remote := at(port, "local_link_connection", "switch_info"), at(port, "local_link_connection", "port_id")
	if device == "" || remote == "" {
		return 0, nil
	}
	other, err := e.nautobot.one(ctx, interfaces, "device", device, "name", remote)
	if err != nil {
		return 0, err
	}
	if other == nil {
		e.log("ERROR", "Switch interface %s not found on device %s, cannot create cable", remote, device)
		return exitFailure, nil
	}
	ends := object{"termination_a_type": "dcim.interface", "termination_a_id": id,
		"termination_b_type": "dcim.interface", "termination_b_id": text(other, "id"), "status": "Connected"}
	if made["cable"] == nil {
		if _, err := e.nautobot.create(ctx, cables, ends); err != nil {
			return e.failed(err, "Failed to create cable connecting interface %s to %s:%s", id, device, remote), nil
		}
		return 0, nil
	}
	return 0, e.connectCable(ctx, made["cable"], ends)
}

// connectCable moves a cable to two ends, unless it connects them already.
func (e *osloEvent) connectCable(ctx context.Context, of any, ends object) error {
	cable, err := e.nautobot.whole(ctx, cables, of)
	if err != nil {
		return err
	}
	a, b := text(cable, "termination_a_id"), text(cable, "termination_b_id")
	if (a == ends["termination_a_id"] && b == ends["termination_b_id"]) || (b == ends["termination_a_id"] && a == ends["termination_b_id"]) {
		return nil
	}
	return e.nautobot.save(ctx, cables, cable, ends)
}

// portDeleted deletes the cable that begins at the interface (not one that ends there), then the interface.
func portDeleted(ctx context.Context, e *osloEvent) (int, error) {
	port, err := e.ironicObject()
	if err == nil {
		err = required(port, "uuid", "address", "node_uuid")
	}
	if err != nil {
		return 0, err
	}
	id := at(port, "uuid")
	found, err := e.nautobot.one(ctx, interfaces, "id", id)
	if err != nil || found == nil {
		return 0, err
	}
	cable, err := e.nautobot.one(ctx, cables, "termination_a_type", "dcim.interface", "termination_a_id", text(found, "id"))
	if err != nil {
		return 0, err
	}
	if cable != nil {
		if err := e.nautobot.remove(ctx, cables, text(cable, "id")); err != nil {
			return 0, err
		}
	}
	return 0, e.nautobot.remove(ctx, interfaces, id)
}

// portgroupChanged makes a LAG interface of a port group; what stands before the name's first underscore is the node's name.
func portgroupChanged(ctx context.Context, e *osloEvent) (int, error) {
	group, err := e.ironicObject()
	if err == nil {
		err = required(group, "uuid", "node_uuid")
	}
	if err != nil {
		return 0, err
	}
	id, name := at(group, "uuid"), at(group, "name")
	if _, rest, ok := strings.Cut(name, "_"); ok {
		name = rest
	}
	if name == "" && at(group, "name") == "" {
		name = id
	}
	wanted := object{"name": name, "device": group["node_uuid"], "type": "lag", "status": "Active"}
	if address := at(group, "address"); address != "" {
		wanted["mac_address"] = address
	}
	if mode := at(group, "mode"); mode != "" {
		wanted["description"] = fmt.Sprintf("Bond mode: %s", mode)
	}
	_, code, err := e.upsertInterface(ctx, "LAG interface", id, wanted)
	return code, err
}

func portgroupDeleted(ctx context.Context, e *osloEvent) (int, error) {
	group, err := e.ironicObject()
	if err == nil {
		err = required(group, "uuid", "node_uuid")
	}
	if err != nil {
		return 0, err
	}
	id := at(group, "uuid")
	found, err := e.nautobot.one(ctx, interfaces, "id", id)
	if err != nil || found == nil {
		return 0, err
	}
	if err := e.nautobot.remove(ctx, interfaces, id); err != nil {
		return e.failed(err, "Failed to delete LAG interface %s from Nautobot", id), nil
	}
	return 0, nil
}
