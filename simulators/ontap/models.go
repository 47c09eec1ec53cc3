package ontap

import (
	"slices"
	"strings"
)

// form is what a field's value looks like.
type form int

const (
	text form = iota
	number
	truth
	size // bytes; a client may write "10GB"
	texts
	mask       // a netmask; a client may write 255.255.255.0, ONTAP answers with the length of the prefix
	reference  // {uuid, name} of a record of another collection
	references // a list of such
)

// field is one field of a collection; dots go into objects.
type field struct {
	name     string
	form     form
	to       string // the collection that a reference leads to
	readOnly bool   // a client cannot set it; a world can
}

// collection is one endpoint.
type collection struct {
	path    string
	methods []string // on the collection and its records, beside GET
	async   bool     // changes answer with a job
	single  bool     // there is one record, and the path is its own
	noName  bool     // records have no name: a list shows the uuid only
	fields  []field
	// others are objects and fields that ONTAP has and the simulator does not: a client may ask for them and gets none.
	others []string
}

func fieldsOf(form form, names ...string) []field {
	var fields []field
	for _, name := range names {
		fields = append(fields, field{name: name, form: form})
	}
	return fields
}

func readOnly(fields []field) []field {
	for i := range fields {
		fields[i].readOnly = true
	}
	return fields
}

func to(path string, names ...string) []field {
	fields := fieldsOf(reference, names...)
	for i := range fields {
		fields[i].to = path
	}
	return fields
}

func listOf(path string, names ...string) []field {
	fields := to(path, names...)
	for i := range fields {
		fields[i].form = references
	}
	return fields
}

var changing = []string{"POST", "PATCH", "DELETE"}

// collections are all that is simulated. The fields are those of ONTAP 9.15 that the handlers and their nearest
// neighbours use, not all that ONTAP has.
var collections = []*collection{
	{
		path: "cluster", single: true,
		others: []string{
			"certificate", "configuration_backup", "contact", "dns_domains", "license", "location", "management_interfaces", "metric", "name_servers", "nodes", "ntp_servers", "san_optimized", "statistics", "timezone",
		},
		fields: slices.Concat(
			readOnly(fieldsOf(text, "uuid", "name", "version.full")),
			readOnly(fieldsOf(number, "version.generation", "version.major", "version.minor"))),
	},
	{
		path: "cluster/nodes",
		others: []string{
			"cluster_interfaces", "controller", "date", "external_cache", "ha", "hw_assist", "is_spares_low", "location", "management_interfaces", "membership", "metric", "nvram", "owner", "service_processor", "snaplock", "statistics", "storage_configuration", "system_id", "system_machine_type", "vendor_serial_number",
		},
		fields: slices.Concat(
			readOnly(fieldsOf(text, "uuid", "name", "model", "serial_number", "state", "version.full")),
			readOnly(fieldsOf(number, "uptime"))),
	},
	{
		path: "cluster/jobs", noName: true,
		fields: slices.Concat(
			readOnly(fieldsOf(text, "uuid", "description", "state", "message", "start_time", "end_time", "error.code", "error.message", "error.target")),
			readOnly(fieldsOf(number, "code"))),
	},
	{
		path: "storage/aggregates",
		others: []string{
			"block_storage.hybrid_cache", "block_storage.mirror", "block_storage.plexes", "block_storage.primary", "cloud_storage", "create_time", "data_encryption", "dr_home_node", "inactive_data_reporting", "inode_attributes", "is_spare_low", "metric", "snaplock_type", "snapshot", "space.block_storage", "space.cloud_storage", "space.efficiency", "space.snapshot", "statistics", "volume-count", "volume_count",
		},
		fields: slices.Concat(
			readOnly(fieldsOf(text, "uuid", "name", "state", "block_storage.primary.disk_type", "block_storage.storage_type")),
			readOnly(to("cluster/nodes", "node", "home_node")),
			readOnly(fieldsOf(size, "space.block_storage.size", "space.block_storage.available", "space.block_storage.used", "space.footprint"))),
	},
	{
		path: "network/ipspaces", fields: readOnly(fieldsOf(text, "uuid", "name")),
	},
	{
		path: "network/ethernet/broadcast-domains",
		others: []string{
			"ports",
		},
		fields: slices.Concat(
			readOnly(fieldsOf(text, "uuid", "name")), readOnly(fieldsOf(number, "mtu")), readOnly(to("network/ipspaces", "ipspace"))),
	},
	{
		path: "network/ethernet/ports", methods: changing,
		others: []string{
			"discovered_devices", "flowcontrol_admin", "interface_count", "lag", "metric", "pfc_queues_admin", "rdma_protocols", "reachability", "reachable_broadcast_domains", "statistics",
		},
		fields: slices.Concat(
			readOnly(fieldsOf(text, "uuid", "name", "state", "mac_address")),
			fieldsOf(text, "type"), fieldsOf(truth, "enabled"), fieldsOf(number, "mtu"), readOnly(fieldsOf(number, "speed")),
			to("cluster/nodes", "node"), to("network/ethernet/broadcast-domains", "broadcast_domain"),
			fieldsOf(number, "vlan.tag"), to("network/ethernet/ports", "vlan.base_port")),
	},
	{
		path: "svm/svms", methods: changing, async: true,
		others: []string{
			"certificate", "dns", "fc_interfaces", "ip_interfaces", "is_space_reporting_logical", "ldap", "nis", "nsswitch",
			"number_of_volumes_in_recovery_queue", "qos_policy", "qos_policy_group_template", "routes", "s3", "snapmirror", "storage",
		},
		fields: slices.Concat(
			readOnly(fieldsOf(text, "uuid")),
			fieldsOf(text, "name", "state", "subtype", "language", "comment", "root_volume.name", "root_volume.security_style", "snapshot_policy.name", "max_volumes"),
			fieldsOf(texts, "allowed_protocols"),
			fieldsOf(truth, "nvme.enabled", "nvme.allowed", "iscsi.enabled", "iscsi.allowed", "nfs.enabled", "nfs.allowed", "cifs.enabled", "cifs.allowed", "fcp.enabled", "fcp.allowed", "ndmp.allowed"),
			to("network/ipspaces", "ipspace"), listOf("storage/aggregates", "aggregates")),
	},
	{
		path: "storage/volumes", methods: changing, async: true,
		others: []string{
			"access_time_enabled", "activity_tracking", "aggressive_readahead_mode", "analytics", "anti_ransomware", "asynchronous_directory_delete", "autosize", "clone", "cloud_retrieval_policy", "cloud_write_enabled", "consistency_group", "constituents", "efficiency", "encryption", "error_state", "files", "flash_pool", "flexcache_endpoint_type", "flexgroup", "granular_data", "is_object_store", "max_dir_size", "metric", "movement", "msid", "nas", "nodes", "qos", "queue_for_encryption", "quota", "rebalancing", "scheduled_snapshot_naming_scheme", "snaplock", "snapmirror", "snapshot_count", "snapshot_directory_access_enabled", "snapshot_locking_enabled", "snapshot_policy", "space", "statistics", "status", "tiering", "use_mirrored_aggregates", "validate_only",
		},
		fields: slices.Concat(
			readOnly(fieldsOf(text, "uuid", "create_time")),
			fieldsOf(text, "name", "state", "style", "type", "language", "comment", "guarantee.type", "nas.path", "nas.security_style", "snapshot_policy.name"),
			fieldsOf(size, "size"), readOnly(fieldsOf(truth, "is_svm_root")),
			readOnly(fieldsOf(size, "space.size", "space.available", "space.used")),
			to("svm/svms", "svm"), listOf("storage/aggregates", "aggregates")),
	},
	{
		path: "storage/namespaces", methods: changing,
		others: []string{
			"auto_delete", "clone", "consistency_group", "convert", "location.node", "location.qtree", "metric", "space", "statistics", "status", "subsystem_map",
		},
		fields: slices.Concat(
			readOnly(fieldsOf(text, "uuid", "create_time", "status.state", "location.namespace")),
			fieldsOf(text, "name", "os_type", "comment"), fieldsOf(truth, "enabled"), readOnly(fieldsOf(truth, "status.mapped")),
			fieldsOf(size, "space.size"), fieldsOf(number, "space.block_size"),
			to("svm/svms", "svm"), to("storage/volumes", "location.volume")),
	},
	{
		path: "network/ip/interfaces", methods: changing,
		others: []string{
			"ddns_enabled", "dns_zone", "fail_if_subnet_conflicts", "metric", "probe_port", "rdma_protocols", "services", "statistics", "subnet", "vip",
		},
		fields: slices.Concat(
			readOnly(fieldsOf(text, "uuid", "state", "ip.family")),
			fieldsOf(text, "name", "scope", "ip.address", "service_policy.name", "location.failover"), fieldsOf(mask, "ip.netmask"),
			fieldsOf(truth, "enabled", "location.auto_revert"), readOnly(fieldsOf(truth, "location.is_home")),
			to("svm/svms", "svm"), to("network/ipspaces", "ipspace"), to("cluster/nodes", "location.home_node", "location.node"),
			to("network/ethernet/ports", "location.home_port", "location.port"),
			to("network/ethernet/broadcast-domains", "location.broadcast_domain")),
	},
	{
		path: "network/ip/routes", methods: []string{"POST", "DELETE"}, noName: true,
		others: []string{
			"interfaces",
		},
		fields: slices.Concat(
			readOnly(fieldsOf(text, "uuid", "destination.family")),
			fieldsOf(text, "gateway", "scope", "destination.address"), fieldsOf(mask, "destination.netmask"), fieldsOf(number, "metric"),
			to("svm/svms", "svm"), to("network/ipspaces", "ipspace")),
	},
}

var byPath = func() map[string]*collection {
	index := map[string]*collection{}
	for _, c := range collections {
		index[c.path] = c
	}
	return index
}()

func splitName(name string) []string { return strings.Split(name, ".") }

// field returns the field of that name, nil without one.
func (c *collection) field(name string) *field {
	i := slices.IndexFunc(c.fields, func(f field) bool { return f.name == name })
	if i < 0 {
		return nil
	}
	return &c.fields[i]
}

// hasElsewhere says whether a name is one that ONTAP has and the simulator does not.
func (c *collection) hasElsewhere(name string) bool {
	return slices.ContainsFunc(c.others, func(other string) bool { return name == other || strings.HasPrefix(name, other+".") })
}

// object says whether there are fields below a name.
func (c *collection) object(name string) bool {
	return slices.ContainsFunc(c.fields, func(f field) bool { return strings.HasPrefix(f.name, name+".") })
}

// knows says whether a name is a field, an object of fields, or the uuid or name of a reference.
func (c *collection) knows(name string) bool {
	if c.field(name) != nil || c.object(name) {
		return true
	}
	for _, end := range []string{".uuid", ".name"} {
		if before, ok := strings.CutSuffix(name, end); ok {
			if f := c.field(before); f != nil && (f.form == reference || f.form == references) {
				return true
			}
		}
	}
	return false
}

// names are what a query may ask for.
func (c *collection) names() []string {
	var names []string
	for _, f := range c.fields {
		names = append(names, f.name)
		if f.form == reference || f.form == references {
			names = append(names, f.name+".uuid", f.name+".name")
		}
	}
	return names
}

// identity are the fields that every answer has.
func (c *collection) identity() []string {
	if c.noName {
		return []string{"uuid"}
	}
	return []string{"uuid", "name"}
}
