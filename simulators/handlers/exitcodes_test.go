package handlers_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/fixtures/scenarios"
	"github.com/eventrig/eventrig/simulators/handlers"
	"github.com/eventrig/eventrig/simulators/nautobot"
	"github.com/eventrig/eventrig/simulators/ontap"
	"github.com/eventrig/eventrig/simulators/openstack"
	"github.com/eventrig/eventrig/simulators/undersync"
)

// failNautobot puts a fault of Nautobot in force.
func (b *bench) failNautobot(t *testing.T, fault nautobot.Fault) {
	t.Helper()
	if err := b.nautobot.Faults().Add(fault); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) failOpenStack(t *testing.T, fault openstack.Fault) {
	t.Helper()
	if err := b.openstack.Faults().Add(fault); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) failONTAP(t *testing.T, fault ontap.Fault) {
	t.Helper()
	if err := b.ontap.Faults().Add(fault); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) remove(t *testing.T, name string) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(b.root, name)); err != nil {
		t.Fatal(err)
	}
}

// endings show each cause of an exit code, by command: how the command ends, and what it says then.
var endings = map[string]map[string]func(t *testing.T, b *bench) (code int, says string){
	"openstack-oslo-event": {
		"the last of the event's handlers says so, whatever one before it said": func(t *testing.T, b *bench) (int, string) {
			b.load(t, racked)
			// The first of two handlers finds no server; the second syncs the device.
			event := ironic(map[string]any{"uuid": node, "event": "done", "owner": nil, "lessee": eng, "instance_uuid": portID})
			return b.handle(t, "baremetal.node.provision_set.end", event), "ironic_node.handle_provision_end finished with return code: 1"
		},
		"Nautobot does not take what a handler creates or changes": func(t *testing.T, b *bench) (int, string) {
			b.failNautobot(t, nautobot.Fault{Method: "POST", Path: "/api/dcim/interfaces/", Status: 500})
			code := b.handle(t, "baremetal.port.create.end", port(nil))
			if got := b.requests(); count(got, "POST /api/dcim/interfaces/ 500") != 1 {
				t.Errorf("it is asked again: %v", got)
			}
			return code, "Failed to create interface"
		},
		"Nautobot has not what a handler is to refer to": func(t *testing.T, b *bench) (int, string) {
			linked := port(map[string]any{"local_link_connection": map[string]any{"switch_info": "a1-1-1.iad3", "port_id": "Ethernet9/9"}})
			return b.handle(t, "baremetal.port.create.end", linked), "cannot create cable"
		},
		"Nautobot does not delete the node's device": func(t *testing.T, b *bench) (int, string) {
			b.failNautobot(t, nautobot.Fault{Method: "DELETE", Path: "/api/dcim/devices/.*", Status: 409})
			return b.handle(t, "baremetal.node.delete.end", ironic(map[string]any{"uuid": server})), "409"
		},
		"the node cannot be read from Ironic, or nobody knows yet where it is": func(t *testing.T, b *bench) (int, string) {
			b.expectCode(t, b.handle(t, "baremetal.node.update.end", ironic(map[string]any{"uuid": node})), 1)
			b.load(t, "openstack:\n  baremetal/nodes:\n    - {uuid: "+node+", name: n1, driver: redfish, provision_state: enroll}\n")
			return b.handle(t, "baremetal.node.update.end", ironic(map[string]any{"uuid": node})), "No location yet"
		},
		"the project's SVM cannot be deleted": func(t *testing.T, b *bench) (int, string) {
			b.load(t, storageWorld)
			b.failONTAP(t, ontap.Fault{Method: "DELETE", Status: 503})
			code := b.handle(t, "identity.project.deleted", project(eng))
			b.left(t, map[string]string{"svm_state": "unknown"})
			return code, "Failed to delete the SVM"
		},
		"the project has no SVM, or no volume of the type": func(t *testing.T, b *bench) (int, string) {
			const kind = "aaaaaaaa-0000-4000-8000-00000000000a"
			b.load(t, "openstack:\n  volume/types:\n    - {id: "+kind+", name: t1}\n")
			code := b.handle(t, "volume_type_project.access.add", map[string]any{"project_id": eng, "volume_type_id": kind})
			b.left(t, map[string]string{"volume_created": "False"})
			b.expectCode(t, b.handle(t, "volume_type_project.access.remove", map[string]any{"project_id": eng, "volume_type_id": kind}), code)
			b.left(t, map[string]string{"volume_deleted": "False"})
			return code, ""
		},
		"what it is given is no JSON object, or has no event_type": func(t *testing.T, b *bench) (int, string) {
			b.write(t, "tmp/event.json", "{")
			b.expectCode(t, b.run(t, "openstack-oslo-event", "--file", "/tmp/event.json"), 5)
			return b.handle(t, "", nil), "Event validation failed"
		},
		"no handler is for the type": func(t *testing.T, b *bench) (int, string) {
			return b.handle(t, "network.create.end", map[string]any{}), "No event handler for event type: network.create.end"
		},
		"the event lacks what its handler reads": func(t *testing.T, b *bench) (int, string) {
			return b.handle(t, "baremetal.port.create.end", map[string]any{}), "ironic_object.data"
		},
		"Nautobot cannot be asked, or refuses the question": func(t *testing.T, b *bench) (int, string) {
			b.failNautobot(t, nautobot.Fault{Method: "GET", Drop: true, Times: 1})
			b.expectCode(t, b.handle(t, "baremetal.portgroup.delete.end", port(nil)), 8)
			b.failNautobot(t, nautobot.Fault{Method: "GET", Status: 503})
			return b.handle(t, "baremetal.portgroup.delete.end", port(nil)), "503"
		},
		"Keystone does not let it in, or has not the project": func(t *testing.T, b *bench) (int, string) {
			b.expectCode(t, b.handle(t, "identity.project.updated", project(portID)), 8)
			b.failOpenStack(t, openstack.Fault{Method: "POST", Path: "/v3/auth/tokens", Status: 401})
			return b.handle(t, "identity.project.updated", project(eng)), "401"
		},
		"ONTAP does not make the project's SVM": func(t *testing.T, b *bench) (int, string) {
			if err := b.openstack.UpdateProject(eng, map[string]any{"tags": []any{"UNDERSTACK_SVM"}}); err != nil {
				t.Fatal(err)
			}
			b.failONTAP(t, ontap.Fault{Method: "POST", Path: "/api/svm/svms", Status: 500})
			code := b.handle(t, "identity.project.created", project(eng))
			b.left(t, map[string]string{"project_tags": `["UNDERSTACK_SVM"]`, "svm_enabled": "True", "svm_name": "not_returned", "svm_state": "unknown"})
			return code, "NetAppRestError"
		},
		"Ironic does not take the volume connector; one that is there is well": func(t *testing.T, b *bench) (int, string) {
			return b.withoutConnector(t), "500"
		},
		"wrong arguments": func(t *testing.T, b *bench) (int, string) {
			return b.run(t, "openstack-oslo-event", "--nautobot_url", "none"), "Invalid URL"
		},
		"clouds.yaml has no such cloud, or a token or address of Nautobot cannot be had": func(t *testing.T, b *bench) (int, string) {
			b.remove(t, "etc/nb-token")
			return b.handle(t, "baremetal.node.delete.end", ironic(map[string]any{"uuid": node})), "Client initialization failed"
		},
		"the folder of the outputs is not there": func(t *testing.T, b *bench) (int, string) {
			b.remove(t, "var/run/argo")
			return b.handle(t, "identity.project.created", project(eng)), "FileNotFoundError"
		},
	},
	"sync-keystone": {
		"the tenant is as it should be, or there is none to delete": func(t *testing.T, b *bench) (int, string) {
			b.expectCode(t, b.run(t, "sync-keystone", "identity.project.updated", eng), 0)
			return b.run(t, "sync-keystone", "identity.project.deleted", portID), "nothing to delete"
		},
		"Nautobot does not take the tenant": func(t *testing.T, b *bench) (int, string) {
			b.expectCode(t, b.run(t, "sync-keystone", "identity.project.created", eng), 1)
			b.failNautobot(t, nautobot.Fault{Method: "POST", Status: 503})
			return b.run(t, "sync-keystone", "identity.project.created", acme), "Unable to create project"
		},
		"Nautobot cannot be reached": func(t *testing.T, b *bench) (int, string) {
			b.env["NAUTOBOT_URL"] = "http://127.0.0.1:1"
			return b.run(t, "sync-keystone", "identity.project.updated", eng), "connection refused"
		},
		"Keystone does not let it in, or has not the project": func(t *testing.T, b *bench) (int, string) {
			b.expectCode(t, b.run(t, "sync-keystone", "identity.project.updated", portID), 1)
			b.failOpenStack(t, openstack.Fault{Method: "POST", Path: "/v3/auth/tokens", Status: 401})
			return b.run(t, "sync-keystone", "identity.project.updated", eng), "401"
		},
		"the project's id is no UUID, or the event is none of the three": func(t *testing.T, b *bench) (int, string) {
			b.expectCode(t, b.run(t, "sync-keystone", "identity.project.disabled", eng), 2)
			return b.run(t, "sync-keystone", "identity.project.updated", "default"), "invalid UUID value"
		},
	},
	"sync-network-segment-range": {
		"the range is in its UCVNI group, or no more": func(t *testing.T, b *bench) (int, string) {
			return b.segment(t, "create", "default", "2000", "2999"), ""
		},
		"no UCVNI group has the range's name": func(t *testing.T, b *bench) (int, string) {
			return b.segment(t, "create", "gone", "2000", "2999"), "No UCVNI group found"
		},
		"there is nothing to change": func(t *testing.T, b *bench) (int, string) {
			b.expectCode(t, b.segment(t, "create", "default", "2000", "2999"), 0)
			b.requests()
			code := b.segment(t, "update", "default", "2000", "2999")
			if slices.ContainsFunc(b.requests(), func(line string) bool { return !strings.HasPrefix(line, "GET ") }) {
				t.Error("an update that changes nothing writes")
			}
			return code, ""
		},
		"the range's note is not there": func(t *testing.T, b *bench) (int, string) {
			return b.segment(t, "delete", "default", "2000", "2999"), "AttributeError"
		},
		"Nautobot cannot be asked": func(t *testing.T, b *bench) (int, string) {
			b.failNautobot(t, nautobot.Fault{Status: 503})
			return b.segment(t, "create", "default", "2000", "2999"), "503"
		},
		"wrong arguments, such as a bound that is no number": func(t *testing.T, b *bench) (int, string) {
			return b.segment(t, "create", "default", "many", "2999"), "invalid int value"
		},
	},
	"undersync-switch": {
		"Undersync took the run": func(t *testing.T, b *bench) (int, string) {
			return b.run(t, "undersync-switch", "--physical-network", "n"), "Undersync returned"
		},
		"Undersync cannot be reached, or says 400 or more": func(t *testing.T, b *bench) (int, string) {
			if err := b.undersync.Faults().Add(undersync.Fault{Status: 503}); err != nil {
				t.Fatal(err)
			}
			return b.run(t, "undersync-switch", "--physical-network", "n"), "503 Server Error"
		},
		"the token is empty, or its file is not there": func(t *testing.T, b *bench) (int, string) {
			b.write(t, "etc/undersync/token", "\n")
			b.expectCode(t, b.run(t, "undersync-switch", "--physical-network", "n"), 1)
			b.remove(t, "etc/undersync")
			return b.run(t, "undersync-switch", "--physical-network", "n"), "FileNotFoundError"
		},
		"what Undersync says is no JSON": func(t *testing.T, b *bench) (int, string) {
			if err := b.undersync.Faults().Add(undersync.Fault{Status: 200, Body: "<html>"}); err != nil {
				t.Fatal(err)
			}
			return b.run(t, "undersync-switch", "--physical-network", "n"), "JSONDecodeError"
		},
		"wrong arguments": func(t *testing.T, b *bench) (int, string) {
			return b.run(t, "undersync-switch", "--physical-network", "n", "--force", "maybe"), "boolean expected"
		},
	},
	"netapp-configure-interfaces": {
		"the interfaces are made, or Nautobot has no such virtual machine": func(t *testing.T, b *bench) (int, string) {
			b.load(t, storageWorld)
			b.load(t, fabrics)
			b.expectCode(t, b.run(t, "netapp-configure-interfaces", "--project-id", eng), 0)
			return b.run(t, "netapp-configure-interfaces", "--project-id", acme), "No virtual machines found"
		},
		"ONTAP does not make what it is asked for": func(t *testing.T, b *bench) (int, string) {
			b.load(t, storageWorld)
			b.failONTAP(t, ontap.Fault{Method: "POST", Path: "/api/network/ip/interfaces", Status: 409})
			code := b.run(t, "netapp-configure-interfaces", "--project-id", eng)
			if got := b.requests(); count(got, "POST /api/network/ethernet/ports") != 1 || count(got, "POST /api/network/ip/routes") != 0 {
				t.Errorf("want a port that is left behind and no route:\n%s", strings.Join(got, "\n"))
			}
			return code, "409"
		},
		"Nautobot's GraphQL does not answer, or with errors": func(t *testing.T, b *bench) (int, string) {
			b.failNautobot(t, nautobot.Fault{Path: "/api/graphql/", Status: 200, Body: `{"errors": [{"message": "no such field"}]}`, Times: 1})
			b.expectCode(t, b.run(t, "netapp-configure-interfaces", "--project-id", eng), 2)
			b.failNautobot(t, nautobot.Fault{Path: "/api/graphql/", Status: 503})
			return b.run(t, "netapp-configure-interfaces", "--project-id", eng), "GraphQL query failed"
		},
		"an interface in Nautobot has not one address and one VLAN": func(t *testing.T, b *bench) (int, string) {
			b.load(t, "nautobot:\n  virtualization/interfaces:\n    - {name: N2-lif-A, virtual_machine: {name: os-"+eng+"}, status: Active, mode: tagged}\n")
			return b.run(t, "netapp-configure-interfaces", "--project-id", eng), "has no IP addresses"
		},
		"the SVM is not there": func(t *testing.T, b *bench) (int, string) {
			return b.run(t, "netapp-configure-interfaces", "--project-id", eng), "SVM Not Found"
		},
		"its configuration cannot be read": func(t *testing.T, b *bench) (int, string) {
			b.remove(t, "etc/netapp")
			return b.run(t, "netapp-configure-interfaces", "--project-id", eng), "netapp_nvme.conf"
		},
		"wrong arguments, such as a project id that is no UUID": func(t *testing.T, b *bench) (int, string) {
			return b.run(t, "netapp-configure-interfaces", "--project-id", "default"), "Invalid UUID format"
		},
	},
	"openstack": {
		"the service took it": func(t *testing.T, b *bench) (int, string) {
			b.load(t, racked)
			return b.run(t, "openstack", "baremetal", "node", "show", node, "-f", "value", "-c", "name"), "Dell-ABC1234"
		},
		"the service refused it, or could not be asked": func(t *testing.T, b *bench) (int, string) {
			b.failOpenStack(t, openstack.Fault{Method: "POST", Path: "/v3/auth/tokens", Status: 401})
			return b.run(t, "openstack", "baremetal", "node", "show", "n1"), "401"
		},
		"the node came to another state than was waited for": func(t *testing.T, b *bench) (int, string) {
			b.load(t, "openstack:\n  baremetal/nodes:\n    - {uuid: "+node+", name: n1, driver: redfish, provision_state: manageable, extra: {eventrig_fail: clean}}\n")
			return b.run(t, "openstack", "baremetal", "node", "provide", "--wait", "0", "n1"), "failed to reach state available"
		},
		"wrong arguments, or no such command": func(t *testing.T, b *bench) (int, string) {
			return b.run(t, "openstack", "baremetal", "node", "available", "n1"), "is not an openstack command"
		},
	},
	"ansible-runner": {
		"the playbook is there; it is not run": func(t *testing.T, b *bench) (int, string) {
			b.env["NAUTOBOT_TOKEN"] = "t"
			b.write(t, "runner/project/storage.yml", "")
			return b.run(t, "ansible-runner", "run", "/runner", "--playbook", "storage.yml"), "PLAY RECAP"
		},
		"the playbook is not there, or NAUTOBOT_TOKEN is not set": func(t *testing.T, b *bench) (int, string) {
			b.env["NAUTOBOT_TOKEN"] = "t"
			b.write(t, "runner/project/other.yml", "")
			return b.run(t, "ansible-runner", "run", "/runner", "--playbook", "storage.yml"), "could not be found"
		},
		"wrong arguments": func(t *testing.T, b *bench) (int, string) { return b.run(t, "ansible-runner"), "usage" },
	},
	"ansible-playbook": {
		"the playbook is there; it is not run": func(t *testing.T, b *bench) (int, string) {
			b.env["NAUTOBOT_TOKEN"] = "t"
			return b.run(t, "ansible-playbook", "storage.yml"), ""
		},
		"the playbook is not there, or NAUTOBOT_TOKEN is not set": func(t *testing.T, b *bench) (int, string) {
			return b.run(t, "ansible-playbook", "storage.yml"), "NAUTOBOT_TOKEN is not set"
		},
		"wrong arguments": func(t *testing.T, b *bench) (int, string) { return b.run(t, "ansible-playbook"), "required: playbook" },
	},
	"enroll-netdev": {
		"the node is enrolled and available": func(t *testing.T, b *bench) (int, string) { return b.netdev(t, "router-1", onePort), "" },
		"its ports are no list of such, or Ironic refuses something": func(t *testing.T, b *bench) (int, string) {
			b.expectCode(t, b.netdev(t, "router-1", "{"), 1)
			b.failOpenStack(t, openstack.Fault{Method: "POST", Path: "/baremetal/v1/nodes", Status: 500})
			return b.netdev(t, "router-1", onePort), "500"
		},
		"wrong arguments": func(t *testing.T, b *bench) (int, string) { return b.run(t, "enroll-netdev"), "required: --name" },
	},
	"enroll-fw": {
		"the node is enrolled and available": func(t *testing.T, b *bench) (int, string) { return b.firewall(t, onePort, "firewall"), "" },
		"its ports are no list of such, its resource class is the generic one, or Ironic refuses something": func(t *testing.T, b *bench) (int, string) {
			return b.firewall(t, onePort, "generic"), "ValueError: enroll-fw requires an explicit"
		},
		"wrong arguments": func(t *testing.T, b *bench) (int, string) { return b.run(t, "enroll-fw"), "required: --name" },
	},
	"python": {
		"the program ran to its end": func(t *testing.T, b *bench) (int, string) {
			return b.run(t, "python", "-c", strings.Replace(converts, "%s", eng, 1)), dashed(eng)
		},
		"an exception, such as a project id that is no UUID": func(t *testing.T, b *bench) (int, string) {
			return b.run(t, "python", "-c", strings.Replace(converts, "%s", "default", 1)), "ValueError"
		},
	},
	"resync-keystone-nautobot": {
		"all projects are as they should be": func(t *testing.T, b *bench) (int, string) {
			return b.run(t, "resync-keystone-nautobot"), "Sync complete"
		},
		"one of them could not be brought in line, or Keystone not be asked": func(t *testing.T, b *bench) (int, string) {
			b.failNautobot(t, nautobot.Fault{Method: "POST", Path: "/api/tenancy/tenants/", Status: 500})
			return b.run(t, "resync-keystone-nautobot"), "Failed to sync project"
		},
	},
	"resync-neutron-nautobot": {
		"all networks and subnets are as they should be": func(t *testing.T, b *bench) (int, string) {
			return b.run(t, "resync-neutron-nautobot"), "Sync complete"
		},
		"one of them could not be brought in line, or Neutron not be asked": func(t *testing.T, b *bench) (int, string) {
			b.failOpenStack(t, openstack.Fault{Path: ".*/v2.0/networks", Status: 503})
			return b.run(t, "resync-neutron-nautobot"), "503"
		},
	},
	"resync-ironic-nautobot": {
		"all nodes are as they should be": func(t *testing.T, b *bench) (int, string) {
			b.load(t, racked)
			return b.run(t, "resync-ironic-nautobot"), "1/1 nodes"
		},
		"one of them could not be brought in line, or Ironic not be asked": func(t *testing.T, b *bench) (int, string) {
			b.load(t, "openstack:\n  baremetal/nodes:\n    - {uuid: "+node+", name: n1, driver: redfish, provision_state: enroll}\n")
			return b.run(t, "resync-ironic-nautobot"), "Failed to sync node"
		},
	},
}

// Every row of the table of exit codes is shown here, and by the scenarios that it names: they want that code of a pod's.
func TestEveryExitCodeIsShown(t *testing.T) {
	all, err := scenario.LoadFS(scenarios.UnderStack)
	if err != nil {
		t.Fatal(err)
	}
	wanted := map[string][]int{} // exit codes of a scenario's pods
	for _, s := range all {
		for _, e := range s.Spec.Then.Pods {
			if e.ExitCode != nil {
				wanted[s.Metadata.Name] = append(wanted[s.Metadata.Name], *e.ExitCode)
			}
		}
	}
	rows := map[string]bool{}
	for _, row := range handlers.ExitCodes {
		rows[row.Command], rows[row.Command+" "+row.Cause] = true, true
		for _, name := range row.Scenarios {
			if !slices.Contains(wanted[name], row.Code) {
				t.Errorf("%s %d: scenario %q wants the exit codes %v", row.Command, row.Code, name, wanted[name])
			}
		}
		show := endings[row.Command][row.Cause]
		if show == nil {
			t.Errorf("%s %d, %s: nothing shows it", row.Command, row.Code, row.Cause)
			continue
		}
		t.Run(row.Command+" "+row.Cause, func(t *testing.T) {
			b := newBench(t, "datacenter")
			code, says := show(t, b)
			if said := b.stderr.String() + b.stdout.String(); code != row.Code || !strings.Contains(said, says) {
				t.Errorf("exit code %d, want %d and %q in\n%s", code, row.Code, says, said)
			}
		})
	}
	for _, name := range handlers.Names() {
		if !rows[name] && name != "python3" {
			t.Errorf("%s has no row", name)
		}
	}
	for command, shown := range endings {
		for cause := range shown {
			if !rows[command+" "+cause] {
				t.Errorf("%s: no row has the cause %q", command, cause)
			}
		}
	}
}
