package handlers

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

func cliCommands() []cliCommand {
	domain := option{name: "--domain", metavar: "<domain>"}
	project := option{name: "--project", metavar: "<project>"}
	description := option{name: "--description", metavar: "<description>"}
	wait := []string{"--wait"}
	commands := []cliCommand{
		{words: "baremetal node show", names: []string{"node"}, run: nodeShow},
		{words: "baremetal node set", names: []string{"node"}, run: nodeSet, options: []option{
			{name: "--inspect-interface", metavar: "<inspect-interface>"}, {name: "--resource-class", metavar: "<resource-class>"},
		}},
		{words: "baremetal node trait list", names: []string{"node"}, run: traitList},
		{words: "baremetal runbook show", names: []string{"runbook"}, run: runbookShow},
		{words: "baremetal node clean", flags: wait, names: []string{"node"}, run: nodeClean, options: []option{{name: "--runbook", metavar: "<runbook>", required: true}}},
		{words: "network agent delete", names: []string{"agent"}, run: agentDelete},
		{words: "project create", flags: []string{"--or-show"}, names: []string{"name"}, run: projectCreate, options: []option{domain}},
		{words: "user create", flags: []string{"--or-show"}, names: []string{"name"}, run: userCreate, options: []option{domain, project, description}},
		{words: "user set", names: []string{"user"}, run: userSet, options: []option{project, description, {name: "--password", metavar: "<password>"}}},
		{words: "user delete", names: []string{"user"}, run: userDelete, options: []option{domain}},
		{words: "role add", flags: []string{"--inherited"}, names: []string{"role"}, run: roleAdd, options: []option{
			{name: "--user", metavar: "<user>", required: true}, project, domain, {name: "--project-domain", metavar: "<project-domain>"},
		}},
	}
	for verb, state := range map[string]string{"manage": "manageable", "provide": "available", "inspect": "manageable", "abort": "", "adopt": "active"} {
		commands = append(commands, cliCommand{words: "baremetal node " + verb, flags: wait, names: []string{"node"}, run: func(ctx context.Context, c *cli) error {
			return c.provision(ctx, c.values["node"], object{"target": verb}, state)
		}})
	}
	return commands
}

func (c *cli) json(value any) error {
	encoder := json.NewEncoder(c.Stdout)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		return fmt.Errorf("print the answer: %w", err)
	}
	return nil
}

func nodeShow(ctx context.Context, c *cli) error {
	node, err := c.cloud.node(ctx, c.values["node"])
	if err != nil {
		return err
	}
	for _, hidden := range []string{"links", "ports", "portgroups", "states", "volume"} {
		delete(node, hidden)
	}
	return c.show(node)
}

func nodeSet(ctx context.Context, c *cli) error {
	var patch []object
	for _, field := range []string{"inspect-interface", "resource-class"} {
		if value, ok := c.values["--"+field]; ok {
			patch = append(patch, object{"op": "add", "path": "/" + strings.ReplaceAll(field, "-", "_"), "value": value})
		}
	}
	if len(patch) == 0 {
		fmt.Fprintln(c.Stderr, "Please specify what to set.")
		return nil
	}
	return c.cloud.call(ctx, http.MethodPatch, baremetal, nodePath(c.values["node"]), patch, nil)
}

// provision asks for a state and, with --wait, sees the node come to it; there is no timeout, as with --wait 0.
func (c *cli) provision(ctx context.Context, ident string, body object, state string) error {
	if err := c.cloud.call(ctx, http.MethodPut, baremetal, nodePath(ident)+"/states/provision", body, nil); err != nil {
		return err
	}
	if !c.flags["--wait"] || state == "" {
		return nil
	}
	fmt.Fprintf(c.Stdout, "Waiting for provision state %s on node %s\n", state, ident)
	return c.cloud.awaitProvision(ctx, ident, state)
}

func nodeClean(ctx context.Context, c *cli) error {
	return c.provision(ctx, c.values["node"], object{"target": "clean", "runbook": c.values["--runbook"]}, "manageable")
}

func traitList(ctx context.Context, c *cli) error {
	var answer struct {
		Traits []any `json:"traits"`
	}
	if err := c.cloud.call(ctx, http.MethodGet, baremetal, nodePath(c.values["node"])+"/traits", nil, &answer); err != nil {
		return err
	}
	return c.list("Traits", answer.Traits)
}

func runbookShow(ctx context.Context, c *cli) error {
	var runbook object
	if err := c.cloud.call(ctx, http.MethodGet, baremetal, "v1/runbooks/"+url.PathEscape(c.values["runbook"]), nil, &runbook); err != nil {
		return err
	}
	delete(runbook, "links")
	return c.show(runbook)
}

func agentDelete(ctx context.Context, c *cli) error {
	id := c.values["agent"]
	err := c.cloud.call(ctx, http.MethodDelete, network, "v2.0/agents/"+url.PathEscape(id), nil, nil)
	if err != nil {
		return &cliError{fmt.Sprintf("Failed to delete network agent with ID '%s': %v\n1 of 1 network agents failed to delete.", id,
			strings.TrimPrefix(err.Error(), "openstack.exceptions."))}
	}
	return nil
}

// find looks a thing of Keystone's up as keystoneclient does: by id, then by name.
func (c *cli) find(ctx context.Context, kind, nameOrID, domain string) (object, error) {
	found := map[string]object{}
	err := c.cloud.call(ctx, http.MethodGet, identity, kind+"s/"+url.PathEscape(nameOrID), nil, &found)
	if err == nil {
		return found[kind], nil
	}
	if !is(err, http.StatusNotFound) {
		return nil, err
	}
	query := url.Values{"name": {nameOrID}}
	if domain != "" {
		query.Set("domain_id", domain)
	}
	listed := map[string]json.RawMessage{}
	if err := c.cloud.call(ctx, http.MethodGet, identity, kind+"s?"+query.Encode(), nil, &listed); err != nil {
		return nil, err
	}
	var records []object
	if err := json.Unmarshal(listed[kind+"s"], &records); err != nil {
		return nil, fmt.Errorf("read %ss: %w", kind, err)
	}
	switch len(records) {
	case 1:
		return records[0], nil
	case 0:
		return nil, &cliError{fmt.Sprintf("No %s with a name or ID of '%s' exists.", kind, nameOrID)}
	}
	return nil, &cliError{fmt.Sprintf("More than one %s exists with the name '%s'.", kind, nameOrID)}
}

// idOf is the id of what an option names; empty for an option that is not given.
func (c *cli) idOf(ctx context.Context, kind, option, domain string) (string, error) {
	if c.values[option] == "" {
		return "", nil
	}
	found, err := c.find(ctx, kind, c.values[option], domain)
	if err != nil {
		return "", err
	}
	return fmt.Sprint(found["id"]), nil
}

// make creates a thing, or shows the one that is there.
func (c *cli) make(ctx context.Context, kind, domain string, fields object) error {
	if domain != "" {
		fields["domain_id"] = domain
	}
	fields["enabled"], fields["options"] = true, object{}
	made := map[string]object{}
	err := c.cloud.call(ctx, http.MethodPost, identity, kind+"s", object{kind: fields}, &made)
	if err != nil && c.flags["--or-show"] && is(err, http.StatusConflict) {
		made[kind], err = c.find(ctx, kind, fmt.Sprint(fields["name"]), domain)
	}
	if err != nil {
		return err
	}
	delete(made[kind], "links")
	return c.show(made[kind])
}

func projectCreate(ctx context.Context, c *cli) error {
	domain, err := c.idOf(ctx, "domain", "--domain", "")
	if err != nil {
		return err
	}
	return c.make(ctx, "project", domain, object{"name": c.values["name"], "tags": []any{}})
}

func userCreate(ctx context.Context, c *cli) error {
	project, err := c.idOf(ctx, "project", "--project", "")
	if err != nil {
		return err
	}
	domain, err := c.idOf(ctx, "domain", "--domain", "")
	if err != nil {
		return err
	}
	fmt.Fprintln(c.Stderr, "No password was supplied, authentication will fail when a user does not have a password.")
	fields := object{"name": c.values["name"]}
	if project != "" {
		fields["default_project_id"] = project
	}
	if text, ok := c.values["--description"]; ok {
		fields["description"] = text
	}
	return c.make(ctx, "user", domain, fields)
}

func userSet(ctx context.Context, c *cli) error {
	user, err := c.find(ctx, "user", c.values["user"], "")
	if err != nil {
		return err
	}
	fields := object{"options": object{}}
	if text, ok := c.values["--description"]; ok {
		fields["description"] = text
	}
	if text, ok := c.values["--password"]; ok {
		fields["password"] = text
	}
	project, err := c.idOf(ctx, "project", "--project", "")
	if err != nil {
		return err
	}
	if project != "" {
		fields["default_project_id"] = project
	}
	return c.cloud.call(ctx, http.MethodPatch, identity, "users/"+fmt.Sprint(user["id"]), object{"user": fields}, nil)
}

func userDelete(ctx context.Context, c *cli) error {
	domain, err := c.idOf(ctx, "domain", "--domain", "")
	if err != nil {
		return err
	}
	user, err := c.find(ctx, "user", c.values["user"], domain)
	if err == nil {
		err = c.cloud.call(ctx, http.MethodDelete, identity, "users/"+fmt.Sprint(user["id"]), nil, nil)
	}
	if err != nil {
		return &cliError{fmt.Sprintf("Failed to delete user with name or ID '%s': %s\n1 of 1 users failed to delete.", c.values["user"], cliText(err))}
	}
	return nil
}

func roleAdd(ctx context.Context, c *cli) error {
	role, err := c.find(ctx, "role", c.values["role"], "")
	if err != nil {
		return err
	}
	user, err := c.idOf(ctx, "user", "--user", "")
	if err != nil {
		return err
	}
	kind, scope := "domains", ""
	if c.values["--project"] != "" {
		within, err := c.idOf(ctx, "domain", "--project-domain", "")
		if err != nil {
			return err
		}
		kind = "projects"
		if scope, err = c.idOf(ctx, "project", "--project", within); err != nil {
			return err
		}
	} else if scope, err = c.idOf(ctx, "domain", "--domain", ""); err != nil {
		return err
	}
	if scope == "" {
		return &cliError{"Role not added, incorrect set of arguments provided. See openstack --help for more details"}
	}
	path := fmt.Sprintf("%s/%s/users/%s/roles/%s", kind, scope, user, role["id"])
	if c.flags["--inherited"] {
		path = "OS-INHERIT/" + path + "/inherited_to_projects"
	}
	return c.cloud.call(ctx, http.MethodPut, identity, path, nil, nil)
}
