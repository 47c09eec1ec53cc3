package handlers_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/eventrig/eventrig/simulators/openstack"
)

// count is how many requests begin with a text.
func count(lines []string, begin string) int {
	n := 0
	for _, line := range lines {
		if strings.HasPrefix(line, begin) {
			n++
		}
	}
	return n
}

// ironicclient and openstacksdk ask Ironic six times that says 409 or 503, and nobody else.
func TestIronicIsAskedAgain(t *testing.T) {
	for _, c := range []struct {
		fault    openstack.Fault
		code     int
		requests int // of the node
	}{
		{openstack.Fault{Status: 503}, 1, 6},
		{openstack.Fault{Status: 409, Times: 2}, 0, 3},
		{openstack.Fault{Status: 500}, 1, 1},
	} {
		b := newBench(t, "datacenter")
		b.load(t, racked)
		c.fault.Path = "/baremetal/v1/nodes/[^/]*"
		b.failOpenStack(t, c.fault)
		got := b.expectCode(t, b.handle(t, "baremetal.node.update.end", ironic(map[string]any{"uuid": node})), c.code)
		if count(got, "GET /baremetal/v1/nodes/"+node+" ") != c.requests || (c.code != 0 && count(got, "POST /api/") != 0) {
			t.Errorf("%+v:\n%s", c.fault, strings.Join(got, "\n"))
		}
		b.failOpenStack(t, c.fault)
		got = b.expectCode(t, b.run(t, "openstack", "baremetal", "node", "show", node), c.code)
		if got := count(got, "GET /baremetal/v1/nodes/"+node+" "); got != c.requests {
			t.Errorf("%+v: openstack asks %d times", c.fault, got)
		}
	}
	b := newBench(t)
	b.failOpenStack(t, openstack.Fault{Path: "/v3/projects/.*", Status: 503})
	asked := b.expectCode(t, b.run(t, "sync-keystone", "identity.project.created", eng), 1)
	if got := count(asked, "GET /v3/projects/"); got != 1 {
		t.Errorf("Keystone is asked %d times", got)
	}
}

// withoutConnector has a node deployed of which Ironic does not take the volume connector: the handler leaves its outputs, and
// the device's turn does not come.
func (b *bench) withoutConnector(t *testing.T) int {
	t.Helper()
	b.load(t, racked)
	b.load(t, "openstack:\n  compute/servers:\n    - {id: "+instance+", name: s1, metadata: {storage: wanted}}\n")
	b.failOpenStack(t, openstack.Fault{Method: "POST", Path: "/baremetal/v1/volume/connectors", Status: 500})
	event := ironic(map[string]any{"uuid": node, "event": "done", "owner": nil, "lessee": eng, "instance_uuid": instance})
	code := b.handle(t, "baremetal.node.provision_set.end", event)
	if got := b.requests(); count(got, "GET /api/")+count(got, "POST /api/") != 0 {
		t.Errorf("the device is synced all the same:\n%s", strings.Join(got, "\n"))
	}
	b.left(t, map[string]string{"project_tags": "[]", "storage": "wanted-but-not-project", "node_uuid": node, "instance_uuid": instance})
	return code
}

// A token that a service does not take is replaced once, and Keystone that does not tell of its versions is asked all the same.
func TestAuthenticationIsTriedAgainOnce(t *testing.T) {
	b := newBench(t)
	b.failOpenStack(t, openstack.Fault{Path: "/v3/projects/.*", Status: 401, Times: 1})
	b.expect(t, b.run(t, "sync-keystone", "identity.project.updated", acme), 0, "GET /v3 200", "POST /v3/auth/tokens 201", "GET /v3/projects/"+acme+" 401",
		"POST /v3/auth/tokens 201", "GET /v3/projects/"+acme+" 200", "GET /v3/domains/8b0e3f6a5d1c4b7e9f2a6c4d8e1b3a57 200", "GET /api/tenancy/tenants/?id="+dashed(acme)+" 200")
	b.failOpenStack(t, openstack.Fault{Path: "/v3/projects/.*", Status: 401})
	b.expect(t, b.run(t, "sync-keystone", "identity.project.updated", acme), 1, "GET /v3 200", "POST /v3/auth/tokens 201", "GET /v3/projects/"+acme+" 401",
		"POST /v3/auth/tokens 201", "GET /v3/projects/"+acme+" 401")
	b = newBench(t)
	b.failOpenStack(t, openstack.Fault{Path: "/v3", Status: 503})
	got := b.expectCode(t, b.run(t, "sync-keystone", "identity.project.updated", eng), 0)
	if len(got) < 2 || !slices.Equal(got[:2], []string{"GET /v3 503", "POST /v3/auth/tokens 201"}) {
		t.Errorf("%v", got)
	}
}
