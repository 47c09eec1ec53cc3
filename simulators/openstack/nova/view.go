package nova

import (
	"cmp"
	"net/netip"

	"github.com/eventrig/eventrig/simulators/openstack/core"
)

// view is a server as the API shows it.
func (n *Nova) view(r *core.Request, server core.Resource) map[string]any {
	id := server.Text("id")
	shown := map[string]any{
		"id": id, "name": server["name"], "status": server["status"], "tenant_id": server["project_id"], "user_id": server["user_id"],
		"metadata": server["metadata"], "hostId": "", "created": server["created"], "updated": server["updated"], "accessIPv4": "", "accessIPv6": "",
		"addresses": n.addresses(server), "config_drive": server["config_drive"], "key_name": server["key_name"], "progress": 0, "image": "",
		"OS-DCF:diskConfig": "MANUAL", "OS-EXT-AZ:availability_zone": server["availability_zone"], "OS-EXT-STS:power_state": server["power_state"],
		"OS-EXT-STS:task_state": server["task_state"], "OS-EXT-STS:vm_state": server["vm_state"], "OS-SRV-USG:launched_at": server["launched_at"],
		"OS-SRV-USG:terminated_at": nil, "OS-EXT-SRV-ATTR:host": server["host"], "OS-EXT-SRV-ATTR:hypervisor_hostname": server["node"],
		"OS-EXT-SRV-ATTR:instance_name": "instance-" + id[:min(8, len(id))], "os-extended-volumes:volumes_attached": []any{}, "security_groups": []any{map[string]any{"name": "default"}},
		"links": links(r, "servers/"+id),
	}
	if image := server.Text("image_id"); image != "" {
		shown["image"] = map[string]any{"id": image, "links": []any{map[string]any{"rel": "bookmark", "href": r.Base() + "/images/" + image}}}
	}
	if server["fault"] != nil {
		shown["fault"] = server["fault"]
	}
	flavor := n.flavors.Get(server.Text("flavor_id"))
	shown["flavor"] = map[string]any{"id": server["flavor_id"], "links": []any{map[string]any{"rel": "bookmark", "href": r.Base() + "/flavors/" + server.Text("flavor_id")}}}
	if r.Minor >= 47 {
		shown["flavor"] = map[string]any{"original_name": cmp.Or(flavor.Text("name"), server.Text("flavor_id")), "ram": flavor["ram"], "vcpus": flavor["vcpus"], "disk": flavor["disk"],
			"ephemeral": flavor["OS-FLV-EXT-DATA:ephemeral"], "swap": 0, "extra_specs": flavor["extra_specs"]}
	}
	for since, add := range map[int]map[string]any{
		3:  {"OS-EXT-SRV-ATTR:hostname": server["name"], "OS-EXT-SRV-ATTR:kernel_id": "", "OS-EXT-SRV-ATTR:ramdisk_id": "", "OS-EXT-SRV-ATTR:launch_index": 0, "OS-EXT-SRV-ATTR:reservation_id": "", "OS-EXT-SRV-ATTR:root_device_name": nil, "OS-EXT-SRV-ATTR:user_data": nil},
		9:  {"locked": server["locked"]},
		19: {"description": server["description"]},
		26: {"tags": []any{}},
	} {
		if r.Minor >= since {
			for name, value := range add {
				shown[name] = value
			}
		}
	}
	return shown
}

// addresses are an object, also where there are none: null crashes openstacksdk.
func (n *Nova) addresses(server core.Resource) map[string]any {
	ports := n.network.PortsOf(server.Text("id"))
	if len(ports) == 0 {
		if given := server.Object("addresses"); given != nil {
			return given
		}
	}
	shown := map[string]any{}
	for _, port := range ports {
		name := n.network.NetworkName(port.Text("network_id"))
		list, _ := shown[name].([]any)
		for _, fixed := range port.List("fixed_ips") {
			object, _ := fixed.(map[string]any)
			version := 4
			if at, err := netip.ParseAddr(core.Str(object["ip_address"])); err == nil && at.Is6() {
				version = 6
			}
			list = append(list, map[string]any{"addr": object["ip_address"], "version": version, "OS-EXT-IPS:type": "fixed", "OS-EXT-IPS-MAC:mac_addr": port["mac_address"]})
		}
		if list == nil {
			list = []any{}
		}
		shown[name] = list
	}
	return shown
}

func links(r *core.Request, path string) []any {
	return []any{map[string]any{"rel": "self", "href": r.Base() + "/v2.1/" + path}, map[string]any{"rel": "bookmark", "href": r.Base() + "/" + path}}
}
