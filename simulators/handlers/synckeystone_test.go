package handlers_test

import (
	"slices"
	"strings"
	"testing"
)

const (
	eng  = "1f0e8d7c6b5a49382716a5b4c3d2e1f0"
	acme = "3c4d5e6f7a8b4c9dae0f1a2b3c4d5e6f"
)

var authentication = []string{"GET /v3 200", "POST /v3/auth/tokens 201"}

func TestCreatedInDefaultDomain(t *testing.T) {
	b := newBench(t)
	id, err := b.openstack.CreateProject("default", "lab")
	if err != nil {
		t.Fatal(err)
	}
	b.expect(t, b.run(t, "sync-keystone", "identity.project.created", id), 0, append(slices.Clone(authentication),
		"GET /v3/projects/"+id+" 200", "POST /api/tenancy/tenants/ 201")...)
	found := b.nautobot.Records("tenancy/tenants", map[string]any{"id": dashed(id), "name": "default:lab"})
	if len(found) != 1 {
		t.Errorf("tenants: %v", b.nautobot.Records("tenancy/tenants", nil))
	}
}

func TestCreatedInAnotherDomainAsksForItsName(t *testing.T) {
	b := newBench(t)
	id, err := b.openstack.CreateProject("customers", "lab")
	if err != nil {
		t.Fatal(err)
	}
	b.expect(t, b.run(t, "sync-keystone", "identity.project.created", id), 0, append(slices.Clone(authentication),
		"GET /v3/projects/"+id+" 200", "GET /v3/domains/8b0e3f6a5d1c4b7e9f2a6c4d8e1b3a57 200", "POST /api/tenancy/tenants/ 201")...)
}

func TestCreatedTwice(t *testing.T) {
	b := newBench(t)
	b.expect(t, b.run(t, "sync-keystone", "identity.project.created", eng), 1, append(slices.Clone(authentication),
		"GET /v3/projects/"+eng+" 200", "POST /api/tenancy/tenants/ 400")...)
	if !strings.Contains(b.stderr.String(), "this Id already exists") {
		t.Errorf("stderr lacks the text that handlers look for:\n%s", b.stderr.String())
	}
}

func TestUpdatedSendsWhatChangedOnly(t *testing.T) {
	b := newBench(t)
	if err := b.openstack.UpdateProject(eng, map[string]any{"description": "Engineers"}); err != nil {
		t.Fatal(err)
	}
	b.expect(t, b.run(t, "sync-keystone", "identity.project.updated", eng), 0, append(slices.Clone(authentication),
		"GET /v3/projects/"+eng+" 200", "GET /api/tenancy/tenants/?id="+dashed(eng)+" 200",
		"PATCH /api/tenancy/tenants/"+dashed(eng)+`/ {"description":"Engineers"} 200`)...)
}

func TestUpdatedWithoutDifference(t *testing.T) {
	b := newBench(t)
	b.expect(t, b.run(t, "sync-keystone", "identity.project.updated", dashed(eng)), 0, append(slices.Clone(authentication),
		"GET /v3/projects/"+eng+" 200", "GET /api/tenancy/tenants/?id="+dashed(eng)+" 200")...)
}

func TestUpdatedDomainStops(t *testing.T) {
	b := newBench(t)
	const customers = "8b0e3f6a5d1c4b7e9f2a6c4d8e1b3a57"
	b.expect(t, b.run(t, "sync-keystone", "identity.project.updated", customers), 0, append(slices.Clone(authentication),
		"GET /v3/projects/"+customers+" 200")...)
}

func TestUpdatedProjectGone(t *testing.T) {
	b := newBench(t)
	if err := b.openstack.DeleteProject(acme); err != nil {
		t.Fatal(err)
	}
	b.expect(t, b.run(t, "sync-keystone", "identity.project.updated", acme), 1, append(slices.Clone(authentication), "GET /v3/projects/"+acme+" 404")...)
	if !strings.Contains(b.stderr.String(), "Could not find project: "+acme) {
		t.Errorf("stderr:\n%s", b.stderr.String())
	}
}

// Two devices make two bulk requests, of one and then two entries; the tenant goes last.
func TestDeletedUnmapsDevicesInALoop(t *testing.T) {
	b := newBench(t)
	first, second := `{"id":"5e6f7a8b-9c0d-4e1f-8a2b-3c4d5e6f7a8b","tenant":null}`, `{"id":"6f7a8b9c-0d1e-4f2a-9b3c-4d5e6f7a8b9c","tenant":null}`
	b.expect(t, b.run(t, "sync-keystone", "identity.project.deleted", eng), 0,
		"GET /api/tenancy/tenants/?id="+dashed(eng)+" 200", "GET /api/dcim/devices/?tenant="+dashed(eng)+" 200",
		"PATCH /api/dcim/devices/ ["+first+"] 200", "PATCH /api/dcim/devices/ ["+first+","+second+"] 200",
		"DELETE /api/tenancy/tenants/"+dashed(eng)+"/ 204")
	if left := b.nautobot.Records("dcim/devices", map[string]any{"tenant": nil}); len(left) != 2 {
		t.Errorf("%d devices without tenant, want 2", len(left))
	}
}

func TestDeletedUnknownTenant(t *testing.T) {
	b := newBench(t)
	const gone = "00000000000040008000000000000001"
	b.expect(t, b.run(t, "sync-keystone", "identity.project.deleted", gone), 0, "GET /api/tenancy/tenants/?id="+dashed(gone)+" 200")
}

// Keystone's domain "default" is no UUID: argparse ends the run before any request.
func TestDefaultDomainIsNoUUID(t *testing.T) {
	b := newBench(t)
	b.expect(t, b.run(t, "sync-keystone", "identity.project.updated", "default"), 2)
	if !strings.Contains(b.stderr.String(), "sync-keystone: error: argument object: invalid UUID value: 'default'") {
		t.Errorf("stderr:\n%s", b.stderr.String())
	}
}

func TestWrongToken(t *testing.T) {
	b := newBench(t)
	b.write(t, "etc/nb-token/token", "wrong")
	b.expect(t, b.run(t, "sync-keystone", "identity.project.deleted", eng), 1, "GET /api/tenancy/tenants/?id="+dashed(eng)+" 403")
}
