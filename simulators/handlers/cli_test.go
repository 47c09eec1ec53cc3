package handlers_test

import (
	"strings"
	"testing"
)

// openstack runs a command and gives what it printed.
func (b *bench) openstackCLI(t *testing.T, words string, code int, want ...string) string {
	t.Helper()
	b.expect(t, b.run(t, "openstack", strings.Fields(words)...), code, want...)
	return strings.TrimSpace(b.stdout.String())
}

const world = `openstack:
  domains:
    - {id: aaaaaaaa000040008000000000000001, name: service}
    - {id: aaaaaaaa000040008000000000000002, name: infra}
  projects:
    - {id: aaaaaaaa000040008000000000000003, name: baremetal, domain_id: aaaaaaaa000040008000000000000002}
  baremetal/nodes:
    - {uuid: bbbbbbbb-0000-4000-8000-000000000001, name: n1, driver: redfish, provision_state: enroll, extra: {rack: f20}}
`

// The requests and what is printed were recorded from python-openstackclient 6.0 with python-ironicclient 5.0.
func TestOpenstackOfBareMetal(t *testing.T) {
	b := newBench(t)
	b.load(t, world)
	const node = "/baremetal/v1/nodes/"
	if got := b.openstackCLI(t, "baremetal node show -f value -c uuid n1", 0, asked("GET "+node+"n1 200")...); got != "bbbbbbbb-0000-4000-8000-000000000001" {
		t.Errorf("uuid %q", got)
	}
	if got := b.openstackCLI(t, "baremetal node show n1 -f value -c provision_state -c driver -c extra", 0, asked("GET "+node+"n1 200")...); got != "redfish\n{'rack': 'f20'}\nenroll" {
		t.Errorf("columns %q", got)
	}
	if got := b.openstackCLI(t, "baremetal node show n1 -f json -c name", 0, asked("GET "+node+"n1 200")...); !strings.Contains(got, `"name": "n1"`) || strings.Contains(got, "uuid") {
		t.Errorf("JSON %q", got)
	}
	b.openstackCLI(t, "baremetal node show gone", 1, asked("GET "+node+"gone 404")...)
	if b.stderr.String() != "Node gone could not be found. (HTTP 404)\n" {
		t.Errorf("stderr %q", b.stderr.String())
	}
	if got := b.openstackCLI(t, "baremetal node show n1", 0, asked("GET "+node+"n1 200")...); !strings.Contains(got, "\n| provision_state ") || !strings.Contains(got, "| Field ") {
		t.Errorf("table\n%s", got)
	}
	for _, verb := range []string{"manage", "inspect", "provide"} {
		code := b.run(t, "openstack", "baremetal", "node", verb, "--wait", "0", "n1")
		got := b.requests()
		if code != 0 || len(got) < 4 || got[2] != "PUT "+node+"n1/states/provision 202" || !strings.HasPrefix(b.stdout.String(), "Waiting for provision state ") {
			t.Errorf("%s: %d %v\n%s%s", verb, code, got, b.stdout.String(), b.stderr.String())
		}
	}
	b.openstackCLI(t, "baremetal node provide --wait 0 n1", 1, asked("PUT "+node+"n1/states/provision 400")...)
	if !strings.HasPrefix(b.stderr.String(), `The requested action "provide" can not be performed on node "bbbbbbbb-0000-4000-8000-000000000001" while it is in state "available". (HTTP 400)`) {
		t.Errorf("stderr %q", b.stderr.String())
	}
	b.openstackCLI(t, "baremetal node set --inspect-interface agent n1", 0,
		asked("PATCH "+node+`n1 [{"op":"add","path":"/inspect_interface","value":"agent"}] 200`)...)
	if got := b.openstackCLI(t, "baremetal node trait list -c traits -f value n1", 0, asked("GET "+node+"n1/traits 200")...); got != "" {
		t.Errorf("traits %q", got)
	}
	b.openstackCLI(t, "baremetal node available --wait 0 n1", 2)
	b.openstackCLI(t, "baremetal node show -f value -c nothing n1", 1, asked("GET "+node+"n1 200")...)
}

func TestOpenstackOfNetworkAgents(t *testing.T) {
	b := newBench(t)
	agent := b.openstack.Records("network/agents", nil)[0]["id"].(string)
	b.openstackCLI(t, "network agent delete "+agent, 0, asked("DELETE /networking/v2.0/agents/"+agent+" 204")...)
	b.openstackCLI(t, "network agent delete "+agent, 1, asked("DELETE /networking/v2.0/agents/"+agent+" 404")...)
	if !strings.HasSuffix(b.stderr.String(), "could not be found.\n1 of 1 network agents failed to delete.\n") {
		t.Errorf("stderr %q", b.stderr.String())
	}
}

func TestOpenstackOfKeystoneUsers(t *testing.T) {
	b := newBench(t)
	b.load(t, world)
	const domain = "aaaaaaaa000040008000000000000001"
	lookup := func(more ...string) []string {
		return asked(append([]string{"GET /v3/domains/service 404", "GET /v3/domains?name=service 200"}, more...)...)
	}
	create := "project create --or-show --domain service automation -f value -c id"
	project := b.openstackCLI(t, create, 0, lookup("POST /v3/projects 201")...)
	again := b.openstackCLI(t, create, 0, lookup("POST /v3/projects 409", "GET /v3/projects/automation 404",
		"GET /v3/projects?domain_id="+domain+"&name=automation 200")...)
	if project == "" || project != again {
		t.Errorf("project %q, shown %q", project, again)
	}
	create = "user create --or-show --domain service --project " + project + " --description d u1 -f value -c id"
	user := b.openstackCLI(t, create, 0, asked("GET /v3/projects/"+project+" 200", "GET /v3/domains/service 404", "GET /v3/domains?name=service 200", "POST /v3/users 201")...)
	again = b.openstackCLI(t, create, 0, asked("GET /v3/projects/"+project+" 200", "GET /v3/domains/service 404", "GET /v3/domains?name=service 200", "POST /v3/users 409",
		"GET /v3/users/u1 404", "GET /v3/users?domain_id="+domain+"&name=u1 200")...)
	if user == "" || user != again {
		t.Errorf("user %q, shown %q", user, again)
	}
	b.openstackCLI(t, "user set --password secret "+user, 0, asked("GET /v3/users/"+user+" 200", "PATCH /v3/users/"+user+` {"user":{"options":{},"password":"secret"}} 200`)...)
	b.run(t, "openstack", "role", "add", "--user", user, "--project-domain", "infra", "--project", "baremetal", "reader")
	got := b.requests()
	if last := got[len(got)-1]; !strings.HasPrefix(last, "PUT /v3/projects/aaaaaaaa000040008000000000000003/users/"+user+"/roles/") || !strings.HasSuffix(last, " 204") {
		t.Errorf("role: %v %s", got, b.stderr.String())
	}
	b.run(t, "openstack", "role", "add", "--user", user, "--domain", "default", "--inherited", "reader")
	got = b.requests()
	if last := got[len(got)-1]; !strings.HasPrefix(last, "PUT /v3/OS-INHERIT/domains/default/users/"+user+"/roles/") || !strings.HasSuffix(last, "/inherited_to_projects 204") {
		t.Errorf("inherited role: %v %s", got, b.stderr.String())
	}
	if held := b.openstack.Records("role_assignments", map[string]any{"user_id": user, "inherited_to_projects": true}); len(held) != 1 {
		t.Errorf("inherited roles %v", held)
	}
	gone := []string{"GET /v3/users/u1 404", "GET /v3/users?domain_id=" + domain + "&name=u1 200"}
	b.openstackCLI(t, "user delete --domain service u1", 0, lookup(append(gone, "DELETE /v3/users/"+user+" 204")...)...)
	b.openstackCLI(t, "user delete --domain service u1", 1, lookup(gone...)...)
	if b.stderr.String() != "Failed to delete user with name or ID 'u1': No user with a name or ID of 'u1' exists.\n1 of 1 users failed to delete.\n" {
		t.Errorf("stderr %q", b.stderr.String())
	}
}

// A Job has no clouds.yaml, but the administrator's account in its environment.
func TestOpenstackFromTheEnvironment(t *testing.T) {
	b := newBench(t)
	b.load(t, world)
	b.fromEnvironment(t)
	b.openstackCLI(t, "baremetal node show -f value -c name n1", 0, asked("GET /baremetal/v1/nodes/n1 200")...)
	delete(b.env, "OS_AUTH_URL")
	b.openstackCLI(t, "baremetal node show n1", 1)
}
