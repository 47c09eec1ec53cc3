package handlers

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const netdevLogger = "understack_workflows.netdev_reconciler"

const (
	genericClass        = "generic"           // the resource class of a device that names none
	placeholderSwitchID = "00:00:00:00:00:00" // a port's switch_id that nobody knows yet
)

// enrollableStates are the provision states from which a device can become available; any other means that it is in use.
var enrollableStates = []string{"available", "enroll", "manageable"}

// netdev is one enrolment of a network device (understack_workflows/netdev_reconciler.py): its node and ports are made, or
// brought in line with what is asked for, and the node made available.
type netdev struct {
	Surroundings
	ironic *cloud

	name, physicalNetwork, class  string
	ports                         []netdevPort
	driverInfo, extra, properties []setting
}

// setting is a key of a node's object, with a text or a whole number.
type setting struct {
	key   string
	value any
}

// enrollNetdev is `enroll-netdev --name N --physical-network N --ports JSON [--external-cmdb-id ID] [--resource-class C]`.
func enrollNetdev(ctx context.Context, s Surroundings, arguments []string) int {
	values, code, done := s.arguments(parser{program: "enroll_netdev.py", description: "Run the netdev enroll workflow", options: []option{
		{name: "--name", metavar: "NAME", help: "Ironic node name", required: true},
		{name: "--physical-network", metavar: "PHYSICAL_NETWORK", help: "Port physical_network", required: true},
		{name: "--ports", metavar: "PORTS", help: "JSON array of ports", required: true},
		{name: "--external-cmdb-id", metavar: "EXTERNAL_CMDB_ID", help: "CMDB ID"},
		{name: "--resource-class", metavar: "RESOURCE_CLASS", help: "Ironic resource class"},
	}}, arguments)
	if done {
		return code
	}
	ports, err := parsePorts(values["--ports"])
	if err != nil {
		return s.crash(err)
	}
	n := netdev{Surroundings: s, name: values["--name"], physicalNetwork: values["--physical-network"], class: values["--resource-class"],
		extra: cmdb(values["--external-cmdb-id"])}
	if err := n.enroll(ctx, ports); err != nil {
		return s.crash(err)
	}
	return 0
}

// cmdb is what a node's extra says of an external inventory: an id that is a number is one.
func cmdb(id string) []setting {
	if id == "" {
		return nil
	}
	if number, err := strconv.Atoi(id); err == nil {
		return []setting{{"external_cmdb_id", number}}
	}
	return []setting{{"external_cmdb_id", id}}
}

func (n *netdev) info(format string, arguments ...any) {
	n.logf(netdevLogger, "INFO", format, arguments...)
}

// enroll plans before it changes anything: ports that contradict one another leave everything as it was.
func (n *netdev) enroll(ctx context.Context, entries []any) error {
	var err error
	if n.class == "" {
		n.class = genericClass
	}
	if n.ports, err = netdevPorts(entries); err != nil {
		return err
	}
	n.info("Starting enroll-netdev workflow name=%s physical_network=%s resource_class=%s port_count=%d", n.name, n.physicalNetwork, n.class, len(n.ports))
	if n.ironic, err = n.ironicClient(ctx); err != nil {
		return err
	}
	node, created, err := n.findOrCreate(ctx)
	if err != nil {
		return err
	}
	id, state := at(node, "uuid"), at(node, "provision_state")
	plans, err := n.plan(ctx, id)
	if err != nil {
		return err
	}
	if len(plans) > 0 && state == "available" { // not to be taken while its ports are changed
		if err := n.transition(ctx, id, object{"target": "manage"}, "manageable"); err != nil {
			return err
		}
		state = "manageable"
	}
	if !created {
		if err := n.describe(ctx, node, true); err != nil {
			return err
		}
	}
	if len(plans) == 0 && state == "available" {
		n.info("[node:%s] Node already available, no port changes", id)
		return nil
	}
	for _, p := range plans {
		if err := n.apply(ctx, id, p); err != nil {
			return err
		}
	}
	if state == "enroll" {
		if err := n.transition(ctx, id, object{"target": "manage"}, "manageable"); err != nil {
			return err
		}
	}
	if state != "available" {
		if err := n.transition(ctx, id, object{"target": "provide"}, "available"); err != nil {
			return err
		}
	}
	n.info("Completed enroll-netdev workflow name=%s node_uuid=%s", n.name, id)
	return nil
}

// findOrCreate takes a node only that is a network device and not in use.
func (n *netdev) findOrCreate(ctx context.Context) (node object, created bool, err error) {
	node, err = n.ironic.node(ctx, n.name)
	switch {
	case is(err, http.StatusNotFound):
		made := object{"automated_clean": false, "driver": "netdev", "name": n.name, "resource_class": n.class}
		for field, settings := range map[string][]setting{"driver_info": n.driverInfo, "extra": n.extra, "properties": n.properties} {
			if len(settings) > 0 {
				made[field] = objectOf(settings)
			}
		}
		err = n.ironic.call(ctx, http.MethodPost, baremetal, "v1/nodes", made, &node)
		return node, true, err
	case err != nil:
		return nil, false, err
	}
	id, state := at(node, "uuid"), at(node, "provision_state")
	if driver := at(node, "driver"); driver != "netdev" {
		return nil, false, fmt.Errorf("RuntimeError: Node %s (%s) already exists with driver '%s'; refusing to enroll it as a netdev", n.name, id, driver)
	}
	if !slices.Contains(enrollableStates, state) {
		return nil, false, fmt.Errorf("RuntimeError: [node:%s] Cannot enroll node in provision_state '%s'; expected one of ['%s']", id, state, strings.Join(enrollableStates, "', '"))
	}
	n.info("[node:%s] Reusing existing netdev node name=%s provision_state=%s", id, n.name, state)
	return node, false, nil
}

func objectOf(settings []setting) object {
	made := object{}
	for _, s := range settings {
		made[s.key] = s.value
	}
	return made
}

// describe patches what of a node differs from what is asked for; its resource class only where classToo.
func (n *netdev) describe(ctx context.Context, node object, classToo bool) error {
	var updates [][2]string
	if classToo && at(node, "resource_class") != n.class {
		updates = append(updates, [2]string{"resource_class", n.class})
	}
	for _, part := range []struct {
		field    string
		settings []setting
	}{{"driver_info", n.driverInfo}, {"extra", n.extra}, {"properties", n.properties}} {
		has, _ := node[part.field].(object)
		for _, s := range part.settings {
			if text := fmt.Sprint(s.value); pythonText(has[s.key]) != text {
				updates = append(updates, [2]string{part.field + "/" + s.key, text})
			}
		}
	}
	if len(updates) == 0 {
		return nil
	}
	return n.ironic.call(ctx, http.MethodPatch, baremetal, nodePath(at(node, "uuid")), patch(updates), nil)
}

// plan says of each port that is asked for what must be done to the node's.
func (n *netdev) plan(ctx context.Context, id string) ([]portPlan, error) {
	var listed struct {
		Ports []object `json:"ports"`
	}
	if err := n.ironic.call(ctx, http.MethodGet, baremetal, "v1/ports/detail?node="+url.QueryEscape(id), nil, &listed); err != nil {
		return nil, err
	}
	var plans []portPlan
	for _, port := range n.ports {
		plan, err := port.plan(id, n.name, n.physicalNetwork, listed.Ports)
		if err != nil {
			return nil, err
		}
		if plan != nil {
			plans = append(plans, *plan)
		}
	}
	for _, there := range listed.Ports {
		if !slices.ContainsFunc(n.ports, func(p netdevPort) bool { return n.name+":"+p.label == at(there, "name") }) {
			n.logf(netdevLogger, "WARNING", "[node:%s] Existing port uuid=%s name=%s mac=%s is not in the request by label; leaving it in place", id, at(there, "uuid"), at(there, "name"), at(there, "address"))
		}
	}
	return plans, nil
}

func (n *netdev) apply(ctx context.Context, id string, p portPlan) error {
	if p.existing != "" {
		return n.ironic.call(ctx, http.MethodPatch, baremetal, "v1/ports/"+p.existing, p.patch, nil)
	}
	return n.ironic.call(ctx, http.MethodPost, baremetal, "v1/ports", p.port.made(id, n.name, n.physicalNetwork), nil)
}
