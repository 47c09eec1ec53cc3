package oslo

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestVersionedObjectsHaveTheFieldsOfTheirVersion holds every versioned object of every notification, nested ones too,
// against the fields that the services' own classes declare: ironic/objects/*.py of ironic 39.0.0 and
// nova/notifications/objects/*.py of nova 34.0.0.
func TestVersionedObjectsHaveTheFieldsOfTheirVersion(t *testing.T) {
	data, err := os.ReadFile("testdata/versioned-objects.json")
	if err != nil {
		t.Fatal(err)
	}
	type declared struct {
		Version string
		Fields  []string
	}
	var known map[string]map[string]declared
	if err := json.Unmarshal(data, &known); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, name := range catalogue(t).Names() {
		n, _ := build(t, name, Options{})
		service, _, _ := strings.Cut(name, "/")
		var walk func(path string, value any)
		walk = func(path string, value any) {
			switch v := value.(type) {
			case []any:
				for _, child := range v {
					walk(path, child)
				}
			case map[string]any:
				prefix := service + "_object"
				if class, ok := v[prefix+".name"].(string); ok {
					seen[service+"/"+class] = true
					want, ok := known[service][class]
					fields, isObject := v[prefix+".data"].(map[string]any)
					switch {
					case !isObject || v[prefix+".namespace"] != service || len(v) != 4:
						t.Errorf("%s: %s: %s is no versioned object: %v", name, path, class, v)
					case !ok && class != "ImageMetaPropsPayload": // which has only the properties that an image sets
						t.Errorf("%s: %s: %s is not known", name, path, class)
					case ok && v[prefix+".version"] != want.Version:
						t.Errorf("%s: %s: %s has version %v, want %s", name, path, class, v[prefix+".version"], want.Version)
					case ok:
						if got := slices.Sorted(maps.Keys(fields)); !slices.Equal(got, want.Fields) {
							t.Errorf("%s: %s: %s has fields\n%v, want\n%v", name, path, class, got, want.Fields)
						}
					}
				}
				for key, child := range v {
					walk(path+"/"+key, child)
				}
			}
		}
		walk("payload", any(n.Payload))
	}
	for service, classes := range known {
		if !slices.Contains(catalogue(t).Services(), service) {
			t.Errorf("no notifications of %s", service)
		}
		for class := range classes {
			if !seen[service+"/"+class] {
				t.Errorf("no notification has a %s of %s", class, service)
			}
		}
	}
}

// outline writes the keys of an object, sorted, with those of objects in it in braces and those of an array's first
// element in brackets.
func outline(value any) string {
	switch v := value.(type) {
	case map[string]any:
		var keys []string
		for _, key := range slices.Sorted(maps.Keys(v)) {
			inner := outline(v[key])
			if _, ok := v[key].(map[string]any); ok {
				inner = "{" + inner + "}"
			}
			keys = append(keys, key+inner)
		}
		return strings.Join(keys, " ")
	case []any:
		if len(v) > 0 {
			if inner := outline(v[0]); inner != "" {
				return "[" + inner + "]"
			}
		}
	}
	return ""
}

// TestPayloadsHaveTheRealKeys states the shapes that consumers rely on, service by service, as messages captured from an
// UnderStack and the services' code have them.
func TestPayloadsHaveTheRealKeys(t *testing.T) {
	const (
		initiator = "initiator{host{address agent} id project_id request_id typeURI user_id username}"
		cadf      = "eventTime eventType id " + initiator
		network   = "network{admin_state_up availability_zone_hints availability_zones created_at description id ipv4_address_scope ipv6_address_scope is_default l2_adjacency mtu name port_security_enabled project_id provider:network_type provider:physical_network provider:segmentation_id revision_number router:external shared status subnets tags tenant_id updated_at}"
		port      = "ironic_object.data{address available_for_dynamic_portgroup category created_at description extra{} is_smartnic local_link_connection{port_id switch_id switch_info} name node_uuid physical_network portgroup_uuid pxe_enabled updated_at uuid vendor} ironic_object.name ironic_object.namespace ironic_object.version"
		instance  = "access_ip_v4 access_ip_v6 architecture availability_zone cell_name created_at deleted_at disk_gb display_name ephemeral_gb"
		legacy    = "host hostname image_meta{base_image_ref container_format disk_format min_disk min_ram} image_ref_url instance_flavor_id instance_id instance_type instance_type_id kernel_id launched_at memory_mb"
		rest      = "metadata{} node os_type progress ramdisk_id reservation_id root_gb state state_description tenant_id terminated_at user_id vcpus"
		volume    = "availability_zone created_at display_name host launched_at metadata replication_driver_data replication_extended_status replication_status size snapshot_id status tenant_id user_id volume_attachment volume_id volume_type"
	)
	for name, want := range map[string]string{
		"keystone/identity.project.created":           "action " + cadf + " observer{id typeURI} outcome resource_info target{id typeURI} typeURI",
		"keystone/identity.project.created@basic":     "request_id resource_info",
		"keystone/identity.group.updated@basic-added": "actor_id actor_operation actor_type request_id resource_info",
		"keystone/identity.role_assignment.created":   "action eventTime eventType id inherited_to_projects " + initiator + " observer{id typeURI} outcome project role target{id typeURI} typeURI user",
		"keystone/identity.authenticate@failure":      "action " + cadf + " observer{id typeURI} outcome target{id typeURI} typeURI",
		"ironic/baremetal.port.create.end":            port,
		"ironic/baremetal.port.delete.start":          port,
		"neutron/network.create.start":                "network{admin_state_up name}",
		"neutron/network.create.end":                  network,
		"neutron/network.update.start":                "id network{name}",
		"neutron/network.update.end":                  network,
		"neutron/network.delete.start":                "network_id",
		"neutron/network.delete.end":                  network + " network_id",
		"neutron/router.interface.create":             "router_interface{id network_id port_id project_id subnet_id subnet_ids}",
		"neutron/tag.create.end":                      "obj_resource obj_resource_id tags",
		"neutron/l3_agent.router.add":                 "agent{id router_id}",
		"nova/compute.instance.delete.end":            instance + " " + legacy + " " + rest,
		"nova/compute.instance.create.end":            instance + " fixed_ips[address floating_ips label meta{} type version vif_mac] " + legacy + " message " + rest,
		"nova/compute.instance.update":                strings.Replace(instance, "architecture ", "architecture audit_period_beginning audit_period_ending ", 1) + " " + legacy + " " + strings.NewReplacer("metadata{} node", "metadata{} new_task_state node old_state old_task_state").Replace(rest),
		"nova/keypair.create.end":                     "key_name tenant_id user_id",
		"nova/aggregate.addhost.end":                  "aggregate_id host_name name",
		"cinder/volume.create.end":                    volume,
		"cinder/volume_type_project.access.add":       "project_id volume_type_id",
		"cinder/qos_specs.associate":                  "created_at id type_id",
		"glance/image.create":                         "checksum container_format created_at deleted deleted_at disk_format id is_public min_disk min_ram name owner properties{hw_architecture} protected size status tags updated_at virtual_size visibility",
		"glance/image.member.create":                  "created_at deleted deleted_at image_id member_id status updated_at",
	} {
		if n, _ := build(t, name, Options{}); outline(n.Payload) != want {
			t.Errorf("%s has\n%s\nwant\n%s", name, outline(n.Payload), want)
		}
	}
}

// TestEveryEventTypeSaysWhatItIs holds what --list and the coverage say of each entry to what users need of it.
func TestEveryEventTypeSaysWhatItIs(t *testing.T) {
	said := map[string]string{}
	for _, name := range catalogue(t).Names() {
		template, err := catalogue(t).Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		if template.Quality != Exact && template.Quality != BestEffort || template.Source == "" {
			t.Errorf("%s: quality %q from %q", name, template.Quality, template.Source)
		}
		if !strings.HasSuffix(template.Description, ".") || strings.ContainsAny(template.Description, "<|") {
			t.Errorf("%s: %q is no sentence", name, template.Description)
		}
		in := template.Service + ": " + template.Description
		if other, ok := said[in]; ok {
			t.Errorf("%s and %s are both said to be: %s", name, other, template.Description)
		}
		said[in] = name
		n, route := build(t, name, Options{})
		if priority := strings.ToLower(n.Priority); !strings.HasSuffix(route.RoutingKey, "."+priority) {
			t.Errorf("%s: priority %s goes to %s", name, n.Priority, route.RoutingKey)
		}
		if last := name[strings.LastIndexByte(name, '.')+1:]; last == "error" && n.Priority != "ERROR" {
			t.Errorf("%s has priority %s", name, n.Priority)
		}
	}
}
