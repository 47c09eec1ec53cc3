package handlers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

const resyncLogger = "understack_workflows.resync"

// resyncRun is one run of a resync command.
type resyncRun struct {
	Surroundings
	cloud    *cloud
	nautobot nautobotClient
}

func (s Surroundings) resync(program, description string, arguments []string) (r resyncRun, code int, done bool) {
	values, code, done := s.arguments(parser{program: program, description: description, options: nautobotOptions}, arguments)
	if done {
		return r, code, true
	}
	r.Surroundings = s
	var err error
	if r.cloud, err = connect(s, s.Getenv("OS_CLOUD")); err == nil {
		r.nautobot, err = s.nautobot(values)
	}
	if err != nil {
		return r, s.crash(err), true
	}
	return r, 0, false
}

// done says how many things were brought in line; one that was not is exit code 1.
func (r resyncRun) done(what string, total, failed, skipped int) int {
	more := ""
	if skipped > 0 {
		more = fmt.Sprintf(" (%d skipped)", skipped)
	}
	r.logf(resyncLogger, "INFO", "Sync complete. %d/%d %ss synced successfully%s.", total-failed-skipped, total, what, more)
	if failed > 0 {
		r.logf(resyncLogger, "ERROR", "Failed to sync %d %ss", failed, what)
		return 1
	}
	return 0
}

// resyncKeystone is `resync-keystone-nautobot`: sync-keystone's update for each project. A tenant whose project is gone stays.
func resyncKeystone(ctx context.Context, s Surroundings, arguments []string) int {
	r, code, done := s.resync("resync-keystone-nautobot", "Resync Keystone projects to Nautobot tenants", arguments)
	if done {
		return code
	}
	var answer struct {
		Projects []keystoneObject `json:"projects"`
	}
	if err := r.cloud.call(ctx, http.MethodGet, identity, "projects", nil, &answer); err != nil {
		return s.crash(err)
	}
	failed, skipped := 0, 0
	for _, project := range answer.Projects {
		if project.IsDomain {
			skipped++
			continue
		}
		id, err := pythonUUID(project.ID)
		if err != nil {
			return s.crash(err)
		}
		one := &keystoneSync{Surroundings: s, cloud: r.cloud, nautobot: r.nautobot, project: id}
		code, err := one.updated(ctx)
		if err != nil {
			return s.crash(err)
		}
		if code != 0 {
			failed++
			s.logf(resyncLogger, "ERROR", "Failed to sync project %s", project.ID)
		}
	}
	return r.done("project", len(answer.Projects), failed, skipped)
}

// resyncIronic is `resync-ironic-nautobot`: what openstack-oslo-event does with the update of a node, for each.
func resyncIronic(ctx context.Context, s Surroundings, arguments []string) int {
	r, code, done := s.resync("resync-ironic-nautobot", "Resync Ironic nodes to Nautobot", arguments)
	if done {
		return code
	}
	var answer struct {
		Nodes []object `json:"nodes"`
	}
	if err := r.cloud.call(ctx, http.MethodGet, baremetal, "v1/nodes", nil, &answer); err != nil {
		return s.crash(err)
	}
	failed := 0
	e := &osloEvent{Surroundings: s, cloud: r.cloud, nautobot: r.nautobot}
	for _, node := range answer.Nodes {
		if e.syncNode(ctx, at(node, "uuid")) != 0 {
			failed++
			s.logf(resyncLogger, "ERROR", "Failed to sync node %s", at(node, "uuid"))
		}
	}
	return r.done("node", len(answer.Nodes), failed, 0)
}

// resyncNeutron is `resync-neutron-nautobot`: a namespace and a UCVNI for each network, a prefix for each subnet.
func resyncNeutron(ctx context.Context, s Surroundings, arguments []string) int {
	r, code, done := s.resync("resync-neutron-nautobot", "Resync Neutron to Nautobot", arguments)
	if done {
		return code
	}
	var networks struct {
		List []struct {
			ID       string `json:"id"`
			Name     string `json:"name"`
			Project  string `json:"project_id"`
			External bool   `json:"router:external"`
			Segment  any    `json:"provider:segmentation_id"`
		} `json:"networks"`
	}
	if err := r.cloud.call(ctx, http.MethodGet, network, "v2.0/networks", nil, &networks); err != nil {
		return s.crash(err)
	}
	external, failed := map[string]bool{}, 0
	for _, one := range networks.List {
		external[one.ID] = one.External
		err := r.namespace(ctx, one.ID)
		if err == nil {
			body := object{"id": one.ID, "name": one.Name, "status": object{"name": "Active"}, "tenant": one.Project,
				"ucvni_group": object{"name": s.Getenv("UCVNI_GROUP_NAME")}}
			if one.Segment != nil {
				body["ucvni_id"] = one.Segment
			}
			err = r.put(ctx, "plugins/undercloud-vni/ucvnis", one.ID, body)
		}
		failed += r.count(err, "network", one.ID)
	}
	var subnets struct {
		List []struct {
			ID      string `json:"id"`
			Project string `json:"project_id"`
			Network string `json:"network_id"`
			CIDR    string `json:"cidr"`
		} `json:"subnets"`
	}
	if err := r.cloud.call(ctx, http.MethodGet, network, "v2.0/subnets", nil, &subnets); err != nil {
		return s.crash(err)
	}
	missed := 0
	for _, one := range subnets.List {
		within := one.Network
		if external[one.Network] {
			within = "Global"
		}
		missed += r.count(r.put(ctx, "ipam/prefixes", one.ID, object{"id": one.ID, "prefix": one.CIDR, "status": "Active",
			"namespace": object{"name": within}, "tenant": object{"id": one.Project}}), "subnet", one.ID)
	}
	return r.done("network", len(networks.List), failed, 0) | r.done("subnet", len(subnets.List), missed, 0)
}

func (r resyncRun) count(err error, what, id string) int {
	if err == nil {
		return 0
	}
	r.logf(resyncLogger, "ERROR", "Failed to sync %s %s\nTraceback (most recent call last):\n%v", what, id, err)
	return 1
}

// namespace makes a network's namespace; one that is there is well.
func (r resyncRun) namespace(ctx context.Context, name string) error {
	_, err := r.nautobot.create(ctx, "ipam/namespaces", object{"name": name})
	if matches(err, "namespace with this name already exists") {
		return nil
	}
	return err
}

// put updates a record, or makes it where there is none.
func (r resyncRun) put(ctx context.Context, path, id string, body object) error {
	err := r.nautobot.do(ctx, http.MethodPatch, r.nautobot.endpoint(path+"/"+id), body, nil)
	var refused *requestError
	if errors.As(err, &refused) && refused.status == http.StatusNotFound {
		_, err = r.nautobot.create(ctx, path, body)
	}
	return err
}
