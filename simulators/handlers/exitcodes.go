package handlers

// ExitCode is one way in which a command ends.
type ExitCode struct {
	Command string
	Code    int
	Cause   string
	// Scenarios show it on a rig (fixtures/scenarios/understack); a test of this package's shows each.
	Scenarios []string
}

// ExitCodes are how the commands of UnderStack's workflow images end, one row for each code and kind of cause, as
// python/understack-workflows of rackerlabs/understack 2c8c08d3 has them. An exception that nobody catches is Python's 1.
var ExitCodes = []ExitCode{
	{"openstack-oslo-event", 0, "the last of the event's handlers says so, whatever one before it said", []string{"ironic-port-created", "ironic-node-updated"}},
	{"openstack-oslo-event", 1, "Nautobot does not take what a handler creates or changes", []string{"ironic-port-meets-a-broken-nautobot"}},
	{"openstack-oslo-event", 1, "Nautobot has not what a handler is to refer to", []string{"ironic-port-names-an-unknown-switch-port"}},
	{"openstack-oslo-event", 1, "Nautobot does not delete the node's device", nil},
	{"openstack-oslo-event", 1, "the node cannot be read from Ironic, or nobody knows yet where it is", []string{"ironic-node-updated-but-gone"}},
	{"openstack-oslo-event", 1, "the project's SVM cannot be deleted", nil},
	{"openstack-oslo-event", 1, "the project has no SVM, or no volume of the type", nil},
	{"openstack-oslo-event", 2, "wrong arguments", nil},
	{"openstack-oslo-event", 5, "what it is given is no JSON object, or has no event_type", nil},
	{"openstack-oslo-event", 6, "no handler is for the type", nil},
	{"openstack-oslo-event", 7, "clouds.yaml has no such cloud, or a token or address of Nautobot cannot be had", nil},
	{"openstack-oslo-event", 8, "the event lacks what its handler reads", []string{"ironic-port-without-its-object"}},
	{"openstack-oslo-event", 8, "Nautobot cannot be asked, or refuses the question", []string{"ironic-port-names-an-unknown-switch"}},
	{"openstack-oslo-event", 8, "Keystone does not let it in, or has not the project", nil},
	{"openstack-oslo-event", 8, "ONTAP does not make the project's SVM", nil},
	{"openstack-oslo-event", 8, "Ironic does not take the volume connector; one that is there is well", nil},
	{"openstack-oslo-event", 8, "the folder of the outputs is not there", nil},

	{"sync-keystone", 0, "the tenant is as it should be, or there is none to delete", nil},
	{"sync-keystone", 1, "Nautobot does not take the tenant", nil},
	{"sync-keystone", 1, "Nautobot cannot be reached", nil},
	{"sync-keystone", 1, "Keystone does not let it in, or has not the project", nil},
	{"sync-keystone", 2, "the project's id is no UUID, or the event is none of the three", []string{"keystone-default-domain-updated"}},

	{"sync-network-segment-range", 0, "the range is in its UCVNI group, or no more", nil},
	{"sync-network-segment-range", 1, "no UCVNI group has the range's name", nil},
	{"sync-network-segment-range", 1, "there is nothing to change", nil},
	{"sync-network-segment-range", 1, "the range's note is not there", nil},
	{"sync-network-segment-range", 1, "Nautobot cannot be asked", nil},
	{"sync-network-segment-range", 2, "wrong arguments, such as a bound that is no number", nil},

	{"undersync-switch", 0, "Undersync took the run", []string{"ironic-port-deleted"}},
	{"undersync-switch", 1, "the token is empty, or its file is not there", nil},
	{"undersync-switch", 1, "what Undersync says is no JSON", nil},
	{"undersync-switch", 2, "Undersync cannot be reached, or says 400 or more", nil},
	{"undersync-switch", 2, "wrong arguments", nil},

	{"netapp-configure-interfaces", 0, "the interfaces are made, or Nautobot has no such virtual machine", []string{"keystone-project-with-storage"}},
	{"netapp-configure-interfaces", 1, "ONTAP does not make what it is asked for", nil},
	{"netapp-configure-interfaces", 1, "the SVM is not there", nil},
	{"netapp-configure-interfaces", 1, "its configuration cannot be read", nil},
	{"netapp-configure-interfaces", 2, "Nautobot's GraphQL does not answer, or with errors", nil},
	{"netapp-configure-interfaces", 2, "wrong arguments, such as a project id that is no UUID", nil},
	{"netapp-configure-interfaces", 3, "an interface in Nautobot has not one address and one VLAN", nil},

	{"openstack", 0, "the service took it", []string{"ironic-node-recleaned"}},
	{"openstack", 1, "the service refused it, or could not be asked", nil},
	{"openstack", 1, "the node came to another state than was waited for", nil},
	{"openstack", 2, "wrong arguments, or no such command", nil},

	{"ansible-runner", 0, "the playbook is there; it is not run", []string{"nova-server-deleted-storage-wanted"}},
	{"ansible-runner", 1, "the playbook is not there, or NAUTOBOT_TOKEN is not set", nil},
	{"ansible-runner", 2, "wrong arguments", nil},
	{"ansible-playbook", 0, "the playbook is there; it is not run", nil},
	{"ansible-playbook", 1, "the playbook is not there, or NAUTOBOT_TOKEN is not set", nil},
	{"ansible-playbook", 2, "wrong arguments", nil},

	{"enroll-netdev", 0, "the node is enrolled and available", nil},
	{"enroll-netdev", 1, "its ports are no list of such, or Ironic refuses something", nil},
	{"enroll-netdev", 2, "wrong arguments", nil},
	{"enroll-fw", 0, "the node is enrolled and available", nil},
	{"enroll-fw", 1, "its ports are no list of such, its resource class is the generic one, or Ironic refuses something", nil},
	{"enroll-fw", 2, "wrong arguments", nil},

	{"python", 0, "the program ran to its end", []string{"keystone-project-fires-twice"}},
	{"python", 1, "an exception, such as a project id that is no UUID", []string{"keystone-default-domain-updated"}},

	{"resync-keystone-nautobot", 0, "all projects are as they should be", nil},
	{"resync-keystone-nautobot", 1, "one of them could not be brought in line, or Keystone not be asked", nil},
	{"resync-neutron-nautobot", 0, "all networks and subnets are as they should be", nil},
	{"resync-neutron-nautobot", 1, "one of them could not be brought in line, or Neutron not be asked", nil},
	{"resync-ironic-nautobot", 0, "all nodes are as they should be", nil},
	{"resync-ironic-nautobot", 1, "one of them could not be brought in line, or Ironic not be asked", nil},
}
