package nautobot

// models is the part of Nautobot 3.1's data model that is simulated. A further model is a further entry.
var models = []*model{
	{
		path: "tenancy/tenant-groups", kind: "tenancy.tenantgroup", class: "TenantGroup", verbose: "tenant group",
		natural: []string{"name"}, order: "name", search: []string{"name", "description"}, notes: true,
		fields: []field{
			name255(true), {name: "parent", kind: related, to: "tenancy/tenant-groups", null: true, onDelete: cascade}, description(),
		},
		counts: map[string]string{"tenant_count": "tenancy/tenants.tenant_group"},
	},
	{
		path: "tenancy/tenants", kind: "tenancy.tenant", class: "Tenant", verbose: "tenant",
		natural: []string{"name"}, order: "name", search: []string{"name", "description", "comments"}, notes: true,
		fields: []field{
			name255(true), {name: "tenant_group", kind: related, to: "tenancy/tenant-groups", null: true, onDelete: setNull},
			description(), comments(), tags(),
		},
		counts: map[string]string{
			"circuit_count": "", "cluster_count": "", "ip_address_count": "", "prefix_count": "", "rack_count": "",
			"virtual_machine_count": "", "vlan_count": "", "vrf_count": "", "device_count": "dcim/devices.tenant",
		},
	},
	{
		path: "dcim/manufacturers", kind: "dcim.manufacturer", class: "Manufacturer", verbose: "manufacturer",
		natural: []string{"name"}, order: "name", search: []string{"name"}, notes: true,
		fields: []field{name255(true), description()},
		counts: map[string]string{"device_type_count": "dcim/device-types.manufacturer", "inventory_item_count": "", "platform_count": ""},
	},
	{
		path: "dcim/device-types", kind: "dcim.devicetype", class: "DeviceType", verbose: "device type",
		natural: []string{"model"}, order: "model", search: []string{"model", "part_number", "comments"}, notes: true,
		unique: [][]string{{"manufacturer", "model"}},
		fields: []field{
			{name: "manufacturer", kind: related, to: "dcim/manufacturers", required: true},
			{name: "model", kind: text, required: true, max: 255},
			{name: "part_number", kind: text, blank: true, def: "", max: 255},
			{name: "u_height", kind: integer, def: int64(1), max: 32767},
			{name: "is_full_depth", kind: boolean, def: true},
			{name: "subdevice_role", kind: choiceOf, blank: true, def: "", choices: []choice{{"parent", "Parent"}, {"child", "Child"}}},
			comments(), tags(),
		},
		counts: map[string]string{"device_count": "dcim/devices.device_type"},
	},
	{
		path: "dcim/location-types", kind: "dcim.locationtype", class: "LocationType", verbose: "location type",
		natural: []string{"name"}, order: "name", search: []string{"name", "description"}, notes: true,
		fields: []field{
			name255(true), {name: "parent", kind: related, to: "dcim/location-types", null: true}, description(),
			{name: "nestable", kind: boolean, def: false}, {name: "content_types", kind: contentTypes, def: []any{}},
		},
	},
	{
		path: "dcim/locations", kind: "dcim.location", class: "Location", verbose: "location",
		natural: []string{"name"}, order: "name", search: []string{"name", "description", "facility"}, notes: true,
		unique: [][]string{{"parent", "name"}},
		fields: []field{
			name255(false), {name: "location_type", kind: related, to: "dcim/location-types", required: true},
			{name: "parent", kind: related, to: "dcim/locations", null: true}, status(), tenant(), description(),
			{name: "facility", kind: text, blank: true, def: "", max: 255}, comments(), tags(),
		},
		counts: map[string]string{
			"circuit_count": "", "device_count": "dcim/devices.location", "prefix_count": "", "rack_count": "",
			"virtual_machine_count": "", "vlan_count": "",
		},
	},
	{
		path: "dcim/devices", kind: "dcim.device", class: "Device", verbose: "device",
		natural: []string{"name"}, order: "name", search: []string{"name", "serial", "asset_tag", "comments"}, notes: true,
		unique: [][]string{{"location", "tenant", "name"}},
		fields: []field{
			{name: "name", kind: text, null: true, blank: true, max: 255},
			{name: "device_type", kind: related, to: "dcim/device-types", required: true}, role(true), status(), tenant(),
			{name: "location", kind: related, to: "dcim/locations", required: true},
			{name: "serial", kind: text, blank: true, def: "", max: 255},
			{name: "asset_tag", kind: text, null: true, blank: true, unique: true, max: 100},
			{name: "face", kind: choiceOf, blank: true, def: "", choices: []choice{{"front", "Front"}, {"rear", "Rear"}}},
			{name: "position", kind: integer, null: true, max: 32767},
			{name: "local_config_context_data", kind: object, null: true},
			comments(), tags(),
		},
		extra: map[string]any{
			"platform": nil, "rack": nil, "primary_ip": nil, "primary_ip4": nil, "primary_ip6": nil, "cluster": nil,
			"virtual_chassis": nil, "vc_position": nil, "vc_priority": nil, "parent_bay": nil, "secrets_group": nil,
			"device_redundancy_group": nil, "software_version": nil,
		},
	},
	{
		path: "dcim/interfaces", kind: "dcim.interface", class: "Interface", verbose: "interface",
		natural: []string{"name", "device"}, order: "name", search: []string{"name", "label", "description"}, notes: true,
		unique: [][]string{{"device", "name"}},
		alias:  map[string]string{"device_id": "device"},
		fields: []field{
			{name: "device", kind: related, to: "dcim/devices", required: true, onDelete: cascade},
			{name: "name", kind: text, required: true, max: 64},
			{name: "label", kind: text, blank: true, def: "", max: 255},
			{name: "type", kind: choiceOf, required: true, choices: interfaceTypes}, status(), role(false),
			{name: "enabled", kind: boolean, def: true}, {name: "mgmt_only", kind: boolean, def: false},
			{name: "mac_address", kind: text, null: true, blank: true, max: 18},
			{name: "mtu", kind: integer, null: true, max: 65536},
			{name: "mode", kind: choiceOf, blank: true, def: "", choices: []choice{{"access", "Access"}, {"tagged", "Tagged"}, {"tagged-all", "Tagged (All)"}}},
			{name: "parent_interface", kind: related, to: "dcim/interfaces", null: true},
			{name: "bridge", kind: related, to: "dcim/interfaces", null: true, onDelete: setNull},
			{name: "lag", kind: related, to: "dcim/interfaces", null: true, onDelete: setNull},
			description(), tags(),
		},
		extra: map[string]any{
			"cable": nil, "cable_peer": nil, "cable_peer_type": nil, "connected_endpoint": nil,
			"connected_endpoint_type": nil, "connected_endpoint_reachable": nil, "untagged_vlan": nil, "tagged_vlans": []any{},
			"vrf": nil, "ip_addresses": []any{}, "ip_address_count": 0, "module": nil,
		},
	},
	{
		path: "extras/roles", kind: "extras.role", class: "Role", verbose: "role",
		natural: []string{"name"}, order: "name", search: []string{"name"}, notes: true,
		fields: []field{
			name255(true), {name: "color", kind: text, def: "9e9e9e", max: 6}, description(),
			{name: "weight", kind: integer, null: true, max: 32767}, {name: "content_types", kind: contentTypes, required: true},
		},
	},
	{
		path: "extras/statuses", kind: "extras.status", class: "Status", verbose: "status",
		natural: []string{"name"}, order: "name", search: []string{"name"}, notes: true,
		fields: []field{
			name255(true), {name: "color", kind: text, def: "9e9e9e", max: 6}, description(),
			{name: "content_types", kind: contentTypes, required: true},
		},
	},
	{
		path: "extras/tags", kind: "extras.tag", class: "Tag", verbose: "tag",
		natural: []string{"name"}, order: "name", search: []string{"name"}, notes: true,
		fields: []field{
			name255(true), {name: "color", kind: text, def: "9e9e9e", max: 6}, description(),
			{name: "content_types", kind: contentTypes, required: true},
		},
	},
	{
		path: "extras/notes", kind: "extras.note", class: "Note", verbose: "note",
		natural: []string{"note"}, order: "created", search: []string{"note"},
		fields: []field{
			{name: "assigned_object_type", kind: text, required: true, max: 255},
			{name: "assigned_object_id", kind: text, required: true, max: 36},
			{name: "note", kind: text, required: true},
			{name: "user_name", kind: text, def: "admin", readOnly: true},
		},
	},
}

// interfaceTypes are the interface types that data-centre hardware reports; Nautobot has some more.
var interfaceTypes = []choice{
	{"virtual", "Virtual"}, {"bridge", "Bridge"}, {"lag", "Link Aggregation Group (LAG)"}, {"tunnel", "Tunnel"},
	{"100base-tx", "100BASE-TX (10/100ME)"}, {"1000base-t", "1000BASE-T (1GE)"}, {"2.5gbase-t", "2.5GBASE-T (2.5GE)"},
	{"5gbase-t", "5GBASE-T (5GE)"}, {"10gbase-t", "10GBASE-T (10GE)"}, {"1000base-x-gbic", "GBIC (1GE)"},
	{"1000base-x-sfp", "SFP (1GE)"}, {"10gbase-x-sfpp", "SFP+ (10GE)"}, {"10gbase-x-xfp", "XFP (10GE)"},
	{"25gbase-x-sfp28", "SFP28 (25GE)"}, {"40gbase-x-qsfpp", "QSFP+ (40GE)"}, {"50gbase-x-sfp28", "QSFP28 (50GE)"},
	{"100gbase-x-cfp", "CFP (100GE)"}, {"100gbase-x-qsfp28", "QSFP28 (100GE)"}, {"200gbase-x-qsfp56", "QSFP56 (200GE)"},
	{"400gbase-x-qsfpdd", "QSFP-DD (400GE)"}, {"400gbase-x-osfp", "OSFP (400GE)"}, {"infiniband-edr", "EDR (25 Gbps)"},
	{"infiniband-hdr", "HDR (50 Gbps)"}, {"other", "Other"},
}

// statuses are those that a new Nautobot has.
var statuses = []struct {
	name, color string
	types       []any
}{
	{"Active", "4caf50", []any{"dcim.device", "dcim.interface", "dcim.location"}},
	{"Planned", "00bcd4", []any{"dcim.device", "dcim.interface", "dcim.location"}},
	{"Staged", "2196f3", []any{"dcim.device", "dcim.location"}},
	{"Staging", "2196f3", []any{"dcim.location"}},
	{"Offline", "ffc107", []any{"dcim.device"}},
	{"Failed", "f44336", []any{"dcim.device", "dcim.interface"}},
	{"Inventory", "9e9e9e", []any{"dcim.device"}},
	{"Decommissioning", "ffc107", []any{"dcim.device", "dcim.interface", "dcim.location"}},
	{"Decommissioned", "9e9e9e", []any{"dcim.interface"}},
	{"Maintenance", "9e9e9e", []any{"dcim.interface"}},
	{"Retired", "f44336", []any{"dcim.location"}},
}

func name255(unique bool) field {
	return field{name: "name", kind: text, required: true, unique: unique, max: 255}
}

func description() field {
	return field{name: "description", kind: text, blank: true, def: "", max: 255}
}

func comments() field { return field{name: "comments", kind: text, blank: true, def: ""} }

func tags() field {
	return field{name: "tags", kind: relatedList, to: "extras/tags", def: []any{}, onDelete: cascade}
}

func status() field {
	return field{name: "status", kind: related, to: "extras/statuses", required: true}
}

func tenant() field { return field{name: "tenant", kind: related, to: "tenancy/tenants", null: true} }

func role(required bool) field {
	return field{name: "role", kind: related, to: "extras/roles", required: required, null: !required}
}
