package nautobot

import (
	"fmt"
	"slices"
	"strings"
)

func checkDevice(w *writer) {
	w.checkLocationType("Devices")
	w.checkRackPosition()
	checkPrimaryAddresses(w)
	checkPlatform(w)
	if w.value("virtual_chassis") != nil && w.value("vc_position") == nil {
		w.issues.add("vc_position", "A device assigned to a virtual chassis must have its position defined.")
	}
	w.checkDeviceName()
}

func (w *writer) checkRackPosition() {
	racks, rack := w.other("rack")
	position, positioned := w.value("position").(int64)
	if rack == nil {
		if w.text("face") != "" {
			w.issues.add("face", "Cannot select a rack face without assigning a rack.")
		}
		if positioned {
			w.issues.add("position", "Cannot select a rack position without assigning a rack.")
		}
		return
	}
	if locations, location := w.other("location"); location != nil && racks.text(rack, "location") != location.id {
		w.issues.add("rack", fmt.Sprintf("Rack %s does not belong to location %s.", racks.text(rack, "name"), locations.text(location, "name")))
	}
	if !positioned {
		return
	}
	if w.text("face") == "" {
		w.issues.add("face", "Must specify rack face when defining rack position.")
	}
	types, deviceType := w.other("device_type")
	if deviceType == nil {
		return
	}
	height, _ := types.get(deviceType, "u_height").(int64)
	if height == 0 {
		w.issues.add("position", fmt.Sprintf("A U0 device type (%s) cannot be assigned to a rack position.", types.text(deviceType, "model")))
		return
	}
	top, _ := racks.get(rack, "u_height").(int64)
	full, _ := types.get(deviceType, "is_full_depth").(bool)
	free := position+height-1 <= top
	w.s.store.tables[w.m.path].where(w.m.field("rack"), rack.id).all(func(other *record) bool {
		at, mounted := w.m.get(other, "position").(int64)
		if !mounted || other.id == w.r.id {
			return true
		}
		_, otherType := w.s.store.follow(w.m, other, "device_type")
		if otherType == nil {
			return true
		}
		otherHeight, _ := types.get(otherType, "u_height").(int64)
		otherFull, _ := types.get(otherType, "is_full_depth").(bool)
		sameFace := full || otherFull || w.m.text(other, "face") == w.text("face")
		if sameFace && position < at+otherHeight && at < position+height {
			free = false
		}
		return free
	})
	if !free {
		w.issues.add("position", fmt.Sprintf("U%d is already occupied or does not have sufficient space to accommodate a(n) %s (%dU)",
			position, types.text(deviceType, "model"), height))
	}
}

func checkPlatform(w *writer) {
	platforms, platform := w.other("platform")
	types, deviceType := w.other("device_type")
	if platform == nil || deviceType == nil {
		return
	}
	makers, maker := w.s.store.follow(platforms, platform, "manufacturer")
	_, own := w.s.store.follow(types, deviceType, "manufacturer")
	if maker != nil && own != nil && maker.id != own.id {
		w.issues.add("platform", fmt.Sprintf("The assigned platform is limited to %s device types, but this device's type belongs to %s.",
			makers.text(maker, "name"), makers.text(own, "name")))
	}
}

// checkPrimaryAddresses is for devices and virtual machines: a primary address is one of an own interface.
func checkPrimaryAddresses(w *writer) {
	owner, interfaceField := "device", "interface"
	if w.m.class == "VirtualMachine" {
		owner, interfaceField = "virtual machine", "vm_interface"
	}
	for name, version := range map[string]string{"primary_ip4": "4", "primary_ip6": "6"} {
		addresses, ip := w.other(name)
		if ip == nil || !w.sent(name) {
			continue
		}
		if addresses.text(ip, "ip_version") != version {
			w.issues.add(name, fmt.Sprintf("%s is not an IPv%s address.", addresses.text(ip, "address"), version))
			continue
		}
		if !w.s.store.assigned(ip.id, interfaceField, w.r.id) && !w.s.store.assigned(addresses.text(ip, "nat_inside"), interfaceField, w.r.id) {
			w.issues.add(name, fmt.Sprintf("The specified IP address (%s) is not assigned to this %s.", addresses.text(ip, "address"), owner))
		}
	}
}

// assigned says whether an address is assigned to an interface of a device or virtual machine.
func (s *store) assigned(address, interfaceField, owner string) bool {
	if address == "" {
		return false
	}
	table := s.tables["ipam/ip-address-to-interface"]
	found := false
	table.where(table.model.field("ip_address"), address).all(func(assignment *record) bool {
		m, port := s.follow(table.model, assignment, interfaceField)
		found = port != nil && (m.text(port, "device") == owner || m.text(port, "virtual_machine") == owner)
		return !found
	})
	return found
}

// checkDeviceName is DeviceUniquenessValidator with DEVICE_UNIQUENESS as it is by default (dcim/custom_validators.py).
func (w *writer) checkDeviceName() {
	name := w.text("name")
	if name == "" {
		return
	}
	tenant, location := w.text("tenant"), w.text("location")
	w.s.store.tables[w.m.path].where(w.m.field("name"), name).all(func(other *record) bool {
		if other.id == w.r.id || w.m.text(other, "tenant") != tenant {
			return true
		}
		if tenant == "" {
			w.issues.add(allField, fmt.Sprintf("A device named '%s' with no tenant already exists. "+
				"Device names must be unique when tenant is None and DEVICE_UNIQUENESS='location_tenant_name'.", name))
			return false
		}
		if w.m.text(other, "location") == location {
			locations, at := w.other("location")
			tenants, of := w.other("tenant")
			w.issues.add(allField, fmt.Sprintf("A device named '%s' already exists in this location: %s and tenant: %s. "+
				"Device names must be unique per (Location, Tenant) when DEVICE_UNIQUENESS='location_tenant_name'.",
				name, w.s.store.str(locations, at), w.s.store.str(tenants, of)))
			return false
		}
		return true
	})
}

// componentTemplates are a device type's templates with what they become, in an order in which each finds what it
// refers to.
var componentTemplates = [][2]string{
	{"dcim/console-port-templates", "dcim/console-ports"}, {"dcim/console-server-port-templates", "dcim/console-server-ports"},
	{"dcim/power-port-templates", "dcim/power-ports"}, {"dcim/power-outlet-templates", "dcim/power-outlets"},
	{"dcim/interface-templates", "dcim/interfaces"}, {"dcim/rear-port-templates", "dcim/rear-ports"},
	{"dcim/front-port-templates", "dcim/front-ports"}, {"dcim/device-bay-templates", "dcim/device-bays"},
	{"dcim/module-bay-templates", "dcim/module-bays"},
}

// instantiateComponents gives a new device the components that its type has templates for (Device.create_components).
func instantiateComponents(w *writer) {
	if w.old != nil {
		return
	}
	for _, pair := range componentTemplates {
		templates, components := w.s.store.tables[pair[0]], w.s.schema.byPath[pair[1]]
		for _, template := range templates.where(templates.model.field("device_type"), w.text("device_type")).records() {
			r := &record{id: w.s.newID(), values: make([]any, len(components.stored))}
			if components.stamped {
				r.created, r.updated = w.r.created, w.r.updated
			}
			for _, f := range components.stored {
				r.values[f.at] = f.def
				if from := templates.model.field(f.name); from != nil && from.at >= 0 && from.kind == f.kind && f.kind != related {
					r.values[f.at] = template.values[from.at]
				}
			}
			owner := "device"
			if components.field(owner) == nil {
				owner = "parent_device"
			}
			components.set(r, owner, w.r.id)
			for _, name := range []string{"rear_port", "power_port"} {
				w.carryOver(templates.model, template, components, r, name)
			}
			if components.field("status") != nil {
				status := w.s.store.tables["extras/statuses"]
				if active := status.where(status.model.field("name"), "Active"); active.len() > 0 {
					components.set(r, "status", active.at(0).id)
				}
			}
			w.t.put(components, r)
		}
	}
}

// carryOver points a new component to the component of the template that its own template points to.
func (w *writer) carryOver(templates *model, template *record, components *model, r *record, name string) {
	f := components.field(name)
	other, to := w.s.store.follow(templates, template, name+"_template")
	if f == nil || to == nil {
		return
	}
	table := w.s.store.tables[f.to]
	table.where(table.model.field("device"), w.r.id).all(func(candidate *record) bool {
		if table.model.text(candidate, "name") == other.text(to, "name") {
			r.values[f.at] = candidate.id
			return false
		}
		return true
	})
}

func checkComponent(w *writer) {
	device, module := w.value("device"), w.value("module")
	switch {
	case device != nil && module != nil:
		w.issues.add(nonField, "Only one of device or module must be set")
	case device == nil && module == nil:
		w.issues.add(allField, "Either device or module must be set")
	}
}

func checkModuleBay(w *writer) {
	device, module := w.value("parent_device"), w.value("parent_module")
	switch {
	case device != nil && module != nil:
		w.issues.add(nonField, "Only one of parent_device or parent_module must be set")
	case device == nil && module == nil:
		w.issues.add(allField, "Either parent_device or parent_module must be set")
	}
}

func checkFrontPort(w *writer) {
	checkComponent(w)
	m, rear := w.other("rear_port")
	if rear == nil {
		return
	}
	if m.text(rear, "device") != w.text("device") {
		w.issues.add("rear_port", fmt.Sprintf("Rear port (%s) must belong to the same device", m.text(rear, "name")))
	}
	position, _ := w.value("rear_port_position").(int64)
	if positions, _ := m.get(rear, "positions").(int64); position > positions {
		w.issues.add("rear_port_position", fmt.Sprintf("Invalid rear port position (%d): Rear port %s has only %d positions",
			position, m.text(rear, "name"), positions))
	}
}

func checkDeviceBay(w *writer) {
	devices, device := w.other("device")
	if device == nil {
		return
	}
	types, deviceType := w.s.store.follow(devices, device, "device_type")
	if deviceType != nil && types.text(deviceType, "subdevice_role") != "parent" {
		w.issues.add(allField, fmt.Sprintf("This type of device (%s) does not support device bays.", types.text(deviceType, "model")))
	}
	if w.text("installed_device") == device.id {
		w.issues.add(allField, "Cannot install a device into itself.")
	}
}

// wireless and virtual interfaces take no cable (dcim/constants.py NONCONNECTABLE_IFACE_TYPES).
func connectable(interfaceType string) bool {
	return !slices.Contains([]string{"virtual", "bridge", "lag", "tunnel", "other-wireless"}, interfaceType) && !strings.HasPrefix(interfaceType, "ieee802.")
}

func checkInterface(w *writer) {
	checkComponent(w)
	checkMode(w)
	own := w.text("type")
	if m, parent := w.other("parent_interface"); parent != nil {
		switch {
		case parent.id == w.r.id:
			w.issues.add("parent_interface", "An interface cannot be its own parent.")
		case own != "virtual":
			w.issues.add("parent_interface", "Only virtual interfaces may be assigned to a parent interface.")
		case m.text(parent, "type") == "virtual":
			w.issues.add("parent_interface", "Virtual interfaces may not be parents of other interfaces.")
		default:
			w.checkSameDevice("parent_interface", "parent interface", m, parent)
		}
	}
	if m, lag := w.other("lag"); lag != nil {
		switch {
		case lag.id == w.r.id:
			w.issues.add("lag", "A LAG interface cannot be its own parent.")
		case own == "virtual":
			w.issues.add("lag", "Virtual interfaces cannot have a parent LAG interface.")
		default:
			w.checkSameDevice("lag", "LAG interface", m, lag)
		}
	}
	if m, bridge := w.other("bridge"); bridge != nil {
		switch {
		case bridge.id == w.r.id:
			w.issues.add("bridge", "An interface cannot be bridged to itself.")
		case m.text(bridge, "type") != "bridge":
			w.issues.add("bridge", fmt.Sprintf("The selected interface (%s) is not a bridge interface.", m.text(bridge, "name")))
		default:
			w.checkSameDevice("bridge", "bridge interface", m, bridge)
		}
	}
	if w.s.store.cableOf(w.r.id) != nil && !connectable(own) {
		w.issues.add("type", "Virtual and wireless interfaces cannot be connected to another interface or circuit. Disconnect the interface or choose a suitable type.")
	}
}

// checkSameDevice refuses another interface of a foreign device, unless both are in one virtual chassis.
func (w *writer) checkSameDevice(field, what string, m *model, other *record) {
	if m.text(other, "device") == w.text("device") {
		return
	}
	devices, own := w.other("device")
	_, foreign := w.s.store.follow(m, other, "device")
	if own == nil || foreign == nil {
		return
	}
	chassis := devices.text(own, "virtual_chassis")
	if chassis != "" && chassis == devices.text(foreign, "virtual_chassis") {
		return
	}
	if chassis == "" {
		w.issues.add(field, fmt.Sprintf("The selected %s (%s) belongs to a different device (%s).",
			what, m.text(other, "name"), w.s.store.str(devices, foreign)))
		return
	}
	w.issues.add(field, fmt.Sprintf("The selected %s (%s) belongs to %s, which is not part of virtual chassis %s.",
		what, m.text(other, "name"), w.s.store.str(devices, foreign), w.s.store.word(devices, own, "virtual_chassis")))
}

// checkMode holds VLANs of an interface to its 802.1Q mode (InterfaceCommonSerializer, dcim/api/serializers.py).
func checkMode(w *writer) {
	mode := w.text("mode")
	tagged, _ := w.value("tagged_vlans").([]string)
	if mode != "tagged" && len(tagged) > 0 {
		if w.sent("tagged_vlans") {
			w.issues.add("tagged_vlans", "Mode must be set to tagged when specifying tagged_vlans")
		} else {
			w.issues.add("tagged_vlans", fmt.Sprintf("Clear tagged_vlans to set mode to %s", mode))
		}
	}
	if mode == "" && w.value("untagged_vlan") != nil {
		w.issues.add("mode", "Mode must be set when specifying untagged_vlan")
	}
}
