package handlers

import (
	"context"
	"fmt"
	"net/url"
	"strings"
)

// wantedInterface is an interface as a node's port says it should be.
type wantedInterface struct {
	id, name, mac, kind, description string
	device                           string
	switchName, switchPort           string
}

func (n *node) interfaces() []wantedInterface {
	names := map[string]string{} // by MAC address, as inspection found them
	listed, _ := n.inventory["inventory"].(object)
	found, _ := listed["interfaces"].([]any)
	for _, one := range found {
		if fields, ok := one.(object); ok {
			names[strings.ToLower(at(fields, "mac_address"))] = at(fields, "name")
		}
	}
	var all []wantedInterface
	for _, port := range n.ports {
		mac := at(port, "address")
		name := at(port, "extra", "bios_name")
		for _, candidate := range []string{names[strings.ToLower(mac)], at(port, "name"), at(port, "uuid")} {
			if name == "" {
				name = candidate
			}
		}
		all = append(all, wantedInterface{
			id: at(port, "uuid"), name: name, mac: strings.ToUpper(mac), kind: interfaceKind(name), description: describe(name), device: n.id,
			switchName: at(port, "local_link_connection", "switch_info"), switchPort: at(port, "local_link_connection", "port_id"),
		})
	}
	return all
}

func interfaceKind(name string) string {
	for _, part := range []string{"slot", "embedded", "integrated"} {
		if strings.Contains(strings.ToLower(name), part) {
			return "25gbase-x-sfp28"
		}
	}
	return "unknown"
}

// describe says in words what a Dell server calls its ports: NIC.Slot.1-2 is NIC in Slot 1 Port 2.
func describe(name string) string {
	if strings.Contains(strings.ToLower(name), "idrac") {
		return "Dedicated iDRAC interface"
	}
	dot := strings.LastIndex(name, ".")
	if dot < 0 {
		return ""
	}
	prefix := map[string]string{"nic.integrated": "Integrated NIC", "nic.embedded": "Embedded NIC", "nic.slot": "NIC in Slot"}[strings.ToLower(name[:dot])]
	parts := strings.Split(name[dot+1:], "-")
	switch {
	case prefix == "":
		return ""
	case len(parts) == 2:
		return fmt.Sprintf("%s %s Port %s", prefix, parts[0], parts[1])
	case len(parts) == 3:
		return fmt.Sprintf("%s %s Port %s Partition %s", prefix, parts[0], parts[1], parts[2])
	}
	return ""
}

func (e *osloEvent) syncInterfaces(ctx context.Context, n *node) error {
	valid := map[string]bool{}
	for _, wanted := range n.interfaces() {
		valid[wanted.id] = true
		found, err := e.nautobot.one(ctx, interfaces, "id", wanted.id)
		switch {
		case err != nil:
		case found == nil:
			found, err = e.createInterface(ctx, wanted)
		default:
			err = e.updateInterface(ctx, wanted, found)
		}
		if err == nil && found != nil {
			err = e.cableTo(ctx, wanted, found)
		}
		if err != nil {
			return err
		}
	}
	if mac := at(n.inventory, "inventory", "bmc_mac"); mac != "" {
		if err := e.syncIDRAC(ctx, n.id, strings.ToUpper(mac), at(n.inventory, "inventory", "bmc_address")); err != nil {
			return err
		}
	}
	existing, err := e.nautobot.filter(ctx, interfaces, url.Values{"device_id": {n.id}})
	if err != nil {
		return err
	}
	for _, one := range existing {
		if one["name"] == "iDRAC" || valid[text(one, "id")] {
			continue
		}
		if err := e.removeInterface(ctx, one); err != nil {
			e.log("WARNING", "Failed to delete stale interface %s: %v", text(one, "id"), err)
		}
	}
	return nil
}

func (e *osloEvent) createInterface(ctx context.Context, w wantedInterface) (object, error) {
	body := object{
		"id": w.id, "name": w.name, "type": w.kind, "status": "Active", "mac_address": w.mac, "device": w.device, "enabled": true, "mgmt_only": false,
	}
	if w.description != "" {
		body["description"] = w.description
	}
	made, err := e.nautobot.create(ctx, interfaces, body)
	if matches(err, "unique") {
		e.log("INFO", "Interface %s already exists, fetching", w.id)
		return e.nautobot.one(ctx, interfaces, "id", w.id)
	}
	return made, err
}

func (e *osloEvent) updateInterface(ctx context.Context, w wantedInterface, found object) error {
	if w.name != "" && found["name"] != w.name {
		// Another interface of that name on the device would make the update fail.
		other, err := e.nautobot.one(ctx, interfaces, "device_id", w.device, "name", w.name)
		if err != nil {
			return err
		}
		if other != nil && text(other, "id") != w.id {
			if err := e.removeInterface(ctx, other); err != nil {
				return err
			}
		}
	}
	wanted := object{"type": w.kind, "mgmt_only": false}
	for name, value := range map[string]string{"name": w.name, "mac_address": w.mac, "description": w.description} {
		if value != "" {
			wanted[name] = value
		}
	}
	return e.nautobot.save(ctx, interfaces, found, wanted)
}

func (e *osloEvent) removeInterface(ctx context.Context, found object) error {
	if found["cable"] != nil {
		if err := e.nautobot.remove(ctx, cables, text(found, "cable")); err != nil {
			e.log("WARNING", "Failed to delete cable for interface %s: %v", text(found, "id"), err)
		}
	}
	return e.nautobot.remove(ctx, interfaces, text(found, "id"))
}

// cableTo connects an interface to the switch port that its port names.
func (e *osloEvent) cableTo(ctx context.Context, w wantedInterface, found object) error {
	if w.switchName == "" || w.switchPort == "" || w.switchName == "None" || w.switchPort == "None" {
		return nil
	}
	other, err := e.nautobot.one(ctx, interfaces, "device", w.switchName, "name", w.switchPort)
	if err != nil {
		return err
	}
	if other == nil {
		e.log("WARNING", "Switch interface %s not found on device %s", w.switchPort, w.switchName)
		return nil
	}
	ends := object{"termination_a_type": "dcim.interface", "termination_a_id": w.id,
		"termination_b_type": "dcim.interface", "termination_b_id": text(other, "id"), "status": "Connected"}
	if found["cable"] != nil {
		return e.connectCable(ctx, found["cable"], ends)
	}
	if _, err := e.nautobot.create(ctx, cables, ends); err != nil {
		e.log("WARNING", "Failed to create cable for interface %s: %v", w.id, err)
	}
	return nil
}

// syncIDRAC makes the interface of a server's BMC, which has no port in Ironic, and gives it its address.
func (e *osloEvent) syncIDRAC(ctx context.Context, device, mac, address string) error {
	found, err := e.nautobot.one(ctx, interfaces, "device_id", device, "name", "iDRAC")
	if err != nil {
		return err
	}
	if found == nil {
		found, err = e.nautobot.create(ctx, interfaces, object{
			"device": device, "name": "iDRAC", "type": "1000base-t", "mac_address": mac, "description": "Dedicated iDRAC interface",
			"mgmt_only": true, "enabled": true, "status": "Active",
		})
	} else {
		err = e.nautobot.save(ctx, interfaces, found, object{"mac_address": mac})
	}
	if err != nil || address == "" {
		return err
	}
	return e.assign(ctx, text(found, "id"), address)
}

// assign gives an address to an interface; that it cannot is logged only.
func (e *osloEvent) assign(ctx context.Context, to, address string) error {
	const addresses, assignments = "ipam/ip-addresses", "ipam/ip-address-to-interface"
	found, err := e.nautobot.one(ctx, addresses, "address", address)
	if err != nil {
		return err
	}
	if found == nil {
		if found, err = e.nautobot.create(ctx, addresses, object{"address": address, "namespace": "Rackspace", "status": "Active"}); err != nil {
			e.log("WARNING", "Failed to create IP address %s: %v", address, err)
			return nil
		}
	}
	assigned, err := e.nautobot.one(ctx, assignments, "ip_address", text(found, "id"))
	if err != nil {
		return err
	}
	if assigned != nil {
		if text(assigned, "interface") != to {
			e.log("WARNING", "IP %s is already associated with interface %s, not %s", address, text(assigned, "interface"), to)
		}
		return nil
	}
	if _, err := e.nautobot.create(ctx, assignments, object{"ip_address": text(found, "id"), "interface": to, "is_primary": true}); err != nil {
		e.log("WARNING", "Failed to associate IP %s with interface: %v", address, err)
	}
	return nil
}
