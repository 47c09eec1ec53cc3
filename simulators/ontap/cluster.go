package ontap

// newCluster is what a cluster has before anybody makes anything. UnderStack's handlers find a node by the number at the
// end of its name and a port by slot and side (e4a, e4b), and expect the broadcast domains Fabric-A and Fabric-B
// (understack_workflows/netapp/value_objects.py).
var newCluster = []struct {
	path    string
	records []map[string]any
}{
	{"cluster", []map[string]any{{
		"name":    "eventrig-netapp",
		"version": map[string]any{"full": "NetApp Release 9.15.1: Wed Jun 12 11:05:21 UTC 2024", "generation": 9, "major": 15, "minor": 1},
	}}},
	{"cluster/nodes", []map[string]any{newNode("eventrig-netapp-01", "721802000001"), newNode("eventrig-netapp-02", "721802000002")}},
	{"network/ipspaces", []map[string]any{{"name": "Default"}, {"name": "Cluster"}}},
	{"network/ethernet/broadcast-domains", []map[string]any{newDomain("Default"), newDomain("Fabric-A"), newDomain("Fabric-B")}},
	{"network/ethernet/ports", []map[string]any{
		newPort("eventrig-netapp-01", "e0M", "Default", "d0:39:ea:00:01:00"), newPort("eventrig-netapp-01", "e4a", "Fabric-A", "d0:39:ea:00:01:4a"),
		newPort("eventrig-netapp-01", "e4b", "Fabric-B", "d0:39:ea:00:01:4b"),
		newPort("eventrig-netapp-02", "e0M", "Default", "d0:39:ea:00:02:00"), newPort("eventrig-netapp-02", "e4a", "Fabric-A", "d0:39:ea:00:02:4a"),
		newPort("eventrig-netapp-02", "e4b", "Fabric-B", "d0:39:ea:00:02:4b"),
	}},
	{"storage/aggregates", []map[string]any{newAggregate("aggr01", "eventrig-netapp-01"), newAggregate("aggr02", "eventrig-netapp-02")}},
}

func newNode(name, serial string) map[string]any {
	return map[string]any{
		"name": name, "model": "AFF-A250", "serial_number": serial, "state": "up", "uptime": 86400,
		"version": map[string]any{"full": "NetApp Release 9.15.1: Wed Jun 12 11:05:21 UTC 2024"},
	}
}

func newDomain(name string) map[string]any {
	return map[string]any{"name": name, "mtu": 9000, "ipspace": named("Default")}
}

func newPort(node, name, domain, mac string) map[string]any {
	return map[string]any{
		"name": name, "type": "physical", "node": named(node), "broadcast_domain": named(domain), "mac_address": mac,
		"enabled": true, "state": "up", "mtu": 9000, "speed": 25000,
	}
}

func newAggregate(name, node string) map[string]any {
	const terabyte = 1 << 40
	return map[string]any{
		"name": name, "state": "online", "node": named(node), "home_node": named(node),
		"block_storage": map[string]any{"storage_type": "ssd", "primary": map[string]any{"disk_type": "ssd_nvm"}},
		"space":         map[string]any{"footprint": 0, "block_storage": map[string]any{"size": 20 * terabyte, "available": 20 * terabyte, "used": 0}},
	}
}

func named(name string) map[string]any { return map[string]any{"name": name} }
