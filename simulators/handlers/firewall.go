package handlers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// enrollFirewall is `enroll-fw`: enroll-netdev, with what is known of the firewall's management, its mate and its make. Of a
// firewall in service only that is changed, and only where its ports are as asked for (understack_workflows/main/enroll_fw.py).
func enrollFirewall(ctx context.Context, s Surroundings, arguments []string) int {
	optional := func(name, help string) option {
		return option{name: name, metavar: strings.ToUpper(strings.ReplaceAll(strings.TrimPrefix(name, "--"), "-", "_")), help: help}
	}
	required := func(name, help string) option {
		o := optional(name, help)
		o.required = true
		return o
	}
	values, code, done := s.arguments(parser{program: "enroll_fw.py", description: "Enroll a firewall (netdev node + firewall metadata)", options: []option{
		required("--name", "Ironic node name"), required("--physical-network", "Port physical_network"), required("--ports", "JSON array of ports"),
		required("--resource-class", "Ironic resource class"), optional("--external-cmdb-id", "CMDB ID"), optional("--management-ip", "Management IP"),
		required("--management-switch", "Management switch name"), required("--management-switch-port", "Management switch port"),
		optional("--mate-serial", "HA mate serial number"), optional("--serial", "Device's own serial number"),
		optional("--vendor", "Device vendor"), optional("--model", "Device model"),
	}}, arguments)
	if done {
		return code
	}
	if _, given := values["--vendor"]; !given {
		values["--vendor"] = "Palo Alto"
	}
	if err := s.enrollFirewall(ctx, values); err != nil {
		return s.crash(err)
	}
	return 0
}

func (s Surroundings) enrollFirewall(ctx context.Context, values map[string]string) error {
	ports, err := parsePorts(values["--ports"])
	if err != nil {
		return err
	}
	class := strings.TrimSpace(values["--resource-class"])
	if class == "" || strings.EqualFold(class, genericClass) {
		//lint:ignore ST1005 UnderStack's words
		return fmt.Errorf("ValueError: enroll-fw requires an explicit, purpose-made --resource-class; got %s. The generic default is not allowed.", pythonRepr(values["--resource-class"]))
	}
	var missing []string
	for _, name := range []string{"--management-switch", "--management-switch-port"} {
		if values[name] = strings.TrimSpace(values[name]); values[name] == "" {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		//lint:ignore ST1005 UnderStack's words
		return fmt.Errorf("ValueError: enroll-fw requires %s: the management switch and port cannot be blank.", strings.Join(missing, " and "))
	}
	given := func(pairs ...[2]string) (settings []setting) {
		for _, pair := range pairs {
			if value := values[pair[1]]; value != "" {
				settings = append(settings, setting{pair[0], value})
			}
		}
		return settings
	}
	n := netdev{Surroundings: s, name: values["--name"], physicalNetwork: values["--physical-network"], class: class,
		driverInfo: given([2]string{"management_ip", "--management-ip"}, [2]string{"management_switch", "--management-switch"}, [2]string{"management_switch_port", "--management-switch-port"}),
		extra:      append(given([2]string{"serial", "--serial"}, [2]string{"mate_serial", "--mate-serial"}), cmdb(values["--external-cmdb-id"])...),
		properties: given([2]string{"vendor", "--vendor"}, [2]string{"model", "--model"}),
	}
	if n.ironic, err = s.ironicClient(ctx); err != nil {
		return err
	}
	node, err := n.ironic.node(ctx, n.name)
	switch {
	case is(err, http.StatusNotFound):
	case err != nil:
		return err
	case at(node, "provision_state") == "active":
		return n.describeInService(ctx, node, ports)
	}
	return n.enroll(ctx, ports)
}

// describeInService changes what is known of a firewall that carries traffic, and refuses anything else.
func (n *netdev) describeInService(ctx context.Context, node object, entries []any) error {
	id := at(node, "uuid")
	if driver := at(node, "driver"); driver != "netdev" {
		return fmt.Errorf("RuntimeError: Node %s (%s) is active with driver '%s'; refusing to modify a non-netdev node", n.name, id, driver)
	}
	if class := at(node, "resource_class"); class != n.class {
		return fmt.Errorf("RuntimeError: [node:%s] Node is active with resource_class '%s'; refusing to change it to '%s' on an in-service firewall", id, class, n.class)
	}
	var err error
	if n.ports, err = netdevPorts(entries); err != nil {
		return err
	}
	plans, err := n.plan(ctx, id)
	if err != nil {
		return err
	}
	if len(plans) > 0 {
		plan, kind := plans[0], "create"
		if plan.existing != "" {
			kind = "update"
		}
		return errors.New("RuntimeError: [node:" + id + "] Node is active; refusing to change ports/physical_network on an in-service firewall (port " +
			n.name + ":" + plan.port.label + " would be " + kind + "d). Reconcile the base configuration through a maintenance window, not a metadata update.")
	}
	return n.describe(ctx, node, false)
}
