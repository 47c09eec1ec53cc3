package nautobot

import (
	"fmt"
	"strings"
)

// What a new Nautobot holds (extras/management/__init__.py and the migrations of dcim, ipam and extras).

var freshStatuses = []struct{ name, color, description, models string }{
	{"Active", "4caf50", "Unit is active", "circuits.circuit dcim.controller dcim.device dcim.interface dcim.location dcim.module dcim.powerfeed dcim.rack dcim.deviceredundancygroup dcim.interfaceredundancygroup dcim.softwareimagefile dcim.softwareversion dcim.virtualdevicecontext extras.contactassociation ipam.ipaddress ipam.prefix ipam.vlan ipam.vrf virtualization.virtualmachine virtualization.vminterface undercloud_vni.ucvni"},
	{"Available", "4caf50", "Unit is available", "dcim.rack"},
	{"Connected", "4caf50", "Cable is connected", "dcim.cable"},
	{"Decommissioned", "9e9e9e", "Circuit has been decommissioned", "circuits.circuit"},
	{"Decommissioning", "ffc107", "Unit is being decommissioned", "dcim.cable dcim.controller dcim.device dcim.deviceredundancygroup dcim.interface dcim.interfaceredundancygroup dcim.location dcim.module virtualization.virtualmachine virtualization.vminterface"},
	{"Deprecated", "f44336", "Unit has been deprecated", "dcim.rack ipam.ipaddress ipam.prefix ipam.vlan ipam.vrf"},
	{"Deprovisioning", "ffc107", "Circuit is being deprovisioned", "circuits.circuit"},
	{"Down", "ffc107", "VRF is down", "ipam.vrf"},
	{"End-of-Life", "f44336", "Unit has reached end-of-life", "dcim.softwareimagefile dcim.softwareversion"},
	{"Extended Support", "00bcd4", "Software is in extended support", "dcim.softwareversion"},
	{"Failed", "f44336", "Unit has failed", "dcim.controller dcim.device dcim.interface dcim.module dcim.powerfeed virtualization.virtualmachine virtualization.vminterface"},
	{"Inventory", "9e9e9e", "Device is in inventory", "dcim.controller dcim.device dcim.module"},
	{"Maintenance", "9e9e9e", "Unit is under maintenance", "dcim.interface virtualization.vminterface"},
	{"Offline", "ffc107", "Unit is offline", "circuits.circuit dcim.controller dcim.device dcim.module dcim.powerfeed dcim.virtualdevicecontext virtualization.virtualmachine"},
	{"Planned", "00bcd4", "Unit has been planned", "circuits.circuit dcim.cable dcim.controller dcim.device dcim.deviceredundancygroup dcim.interface dcim.interfaceredundancygroup dcim.location dcim.module dcim.powerfeed dcim.rack dcim.virtualdevicecontext virtualization.virtualmachine virtualization.vminterface"},
	{"Primary", "2196f3", "Unit is primary", "extras.contactassociation"},
	{"Provisioning", "2196f3", "Circuit is being provisioned", "circuits.circuit"},
	{"Reserved", "00bcd4", "Unit is reserved", "dcim.rack ipam.ipaddress ipam.prefix ipam.vlan"},
	{"Retired", "f44336", "Location has been retired", "dcim.deviceredundancygroup dcim.interfaceredundancygroup dcim.location"},
	{"Secondary", "ffeb3b", "Unit is secondary", "extras.contactassociation"},
	{"Staged", "2196f3", "Unit has been staged", "dcim.controller dcim.device dcim.module virtualization.virtualmachine"},
	{"Staging", "2196f3", "Location is in the process of being staged", "dcim.deviceredundancygroup dcim.interfaceredundancygroup dcim.location"},
}

var freshRoles = []struct{ name, color, description, models string }{
	{"Administrative", "2196f3", "Unit plays an administrative role", "extras.contactassociation"},
	{"Billing", "4caf50", "Unit plays a billing role", "extras.contactassociation"},
	{"Support", "ffeb3b", "Unit plays a support role", "extras.contactassociation"},
	{"On Site", "000000", "Unit plays an on site role", "extras.contactassociation"},
	{"Loopback", "9e9e9e", "", "ipam.ipaddress"}, {"Secondary", "2196f3", "", "ipam.ipaddress"},
	{"Anycast", "ffc107", "", "ipam.ipaddress"}, {"VIP", "4caf50", "", "ipam.ipaddress"},
	{"VRRP", "4caf50", "", "ipam.ipaddress"}, {"HSRP", "4caf50", "", "ipam.ipaddress"},
	{"GLBP", "4caf50", "", "ipam.ipaddress"}, {"CARP", "4caf50", "", "ipam.ipaddress"},
}

// fill puts into an empty store what a new Nautobot holds.
func (s *Server) fill() error {
	t := &transaction{store: s.store}
	add := func(path string, values map[string]any) {
		if _, err := s.create(t, s.schema.byPath[path], values, actor{}, true); err != nil {
			panic(fmt.Sprintf("nautobot: %s of a new Nautobot: %v", path, err)) // the tables above are wrong
		}
	}
	kinds := func(words string) []any {
		var list []any
		for kind := range strings.FieldsSeq(words) {
			list = append(list, kind)
		}
		return list
	}
	for _, status := range freshStatuses {
		add("extras/statuses", map[string]any{"name": status.name, "color": status.color, "description": status.description, "content_types": kinds(status.models)})
	}
	for _, role := range freshRoles {
		add("extras/roles", map[string]any{"name": role.name, "color": role.color, "description": role.description, "content_types": kinds(role.models)})
	}
	add("ipam/namespaces", map[string]any{"name": globalNamespace, "description": "Default Global namespace. Created by Nautobot."})
	add("users/users", map[string]any{"username": "admin", "email": "admin@example.com", "is_staff": true, "is_superuser": true})
	add("users/tokens", map[string]any{"key": s.config.Token, "user": "admin"})
	return s.keep(t)
}

// giveToken gives the configured token to the user admin of a restored store, where it was another one before.
func (s *Server) giveToken() error {
	tokens, users := s.store.tables["users/tokens"], s.store.tables["users/users"]
	if tokens.where(tokens.model.field("key"), s.config.Token).len() > 0 {
		return nil
	}
	t := &transaction{store: s.store}
	if users.where(users.model.field("username"), "admin").len() == 0 {
		if _, err := s.create(t, users.model, map[string]any{"username": "admin", "is_staff": true, "is_superuser": true}, actor{}, true); err != nil {
			return err
		}
	}
	if _, err := s.create(t, tokens.model, map[string]any{"key": s.config.Token, "user": "admin"}, actor{}, true); err != nil {
		return err
	}
	return s.keep(t)
}
