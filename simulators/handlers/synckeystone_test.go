package handlers_test

import (
	"bytes"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/eventrig/eventrig/fixtures/worlds"
	"github.com/eventrig/eventrig/simulators/handlers"
	"github.com/eventrig/eventrig/simulators/nautobot"
	"github.com/eventrig/eventrig/simulators/openstack"
)

const (
	eng  = "1f0e8d7c6b5a49382716a5b4c3d2e1f0"
	acme = "3c4d5e6f7a8b4c9dae0f1a2b3c4d5e6f"
)

// bench is both simulators with the world one-domain, and a container's files.
type bench struct {
	nautobot  *nautobot.Server
	openstack *openstack.Server
	root      string
	url       string
	stderr    bytes.Buffer
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{nautobot: nautobot.New(nautobot.Config{}), openstack: openstack.New(openstack.Config{}), root: t.TempDir()}
	world, err := worlds.Open("one-domain")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.nautobot.Load(world); err != nil {
		t.Fatal(err)
	}
	if err := b.openstack.Load(world); err != nil {
		t.Fatal(err)
	}
	nb, os := httptest.NewServer(b.nautobot), httptest.NewServer(b.openstack)
	t.Cleanup(nb.Close)
	t.Cleanup(os.Close)
	b.url = nb.URL
	b.write(t, "etc/nb-token/token", nautobot.DefaultToken+"\n")
	b.write(t, "etc/openstack/clouds.yaml", openstack.CloudsYAML(os.URL+"/v3"))
	return b
}

func (b *bench) write(t *testing.T, name, content string) {
	t.Helper()
	path := filepath.Join(b.root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) run(t *testing.T, arguments ...string) int {
	t.Helper()
	return handlers.Run(t.Context(), handlers.Surroundings{
		Getenv: func(name string) string { return map[string]string{"NAUTOBOT_URL": b.url}[name] },
		Root:   b.root, Stdout: &b.stderr, Stderr: &b.stderr, Now: time.Now,
	}, "/usr/bin/sync-keystone", arguments)
}

// requests are what both simulators were asked, Keystone's first: no handler goes back to it after Nautobot.
func (b *bench) requests() []string {
	var lines []string
	for _, entries := range [][]nautobot.Entry{b.openstack.Journal().Entries(), b.nautobot.Journal().Entries()} {
		for _, e := range entries {
			line := fmt.Sprintf("%s %s", e.Method, e.Path)
			if e.Query != "" {
				line += "?" + e.Query
			}
			if e.Method == "PATCH" {
				line += " " + e.RequestBody
			}
			lines = append(lines, fmt.Sprintf("%s %d", line, e.Status))
		}
	}
	return lines
}

func (b *bench) expect(t *testing.T, code, wantCode int, want ...string) {
	t.Helper()
	if code != wantCode {
		t.Errorf("exit code %d, want %d", code, wantCode)
	}
	if got := b.requests(); !slices.Equal(got, want) {
		t.Errorf("requests:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if t.Failed() {
		t.Log(b.stderr.String())
	}
}

func dashed(hex string) string {
	return hex[:8] + "-" + hex[8:12] + "-" + hex[12:16] + "-" + hex[16:20] + "-" + hex[20:]
}

var authentication = []string{"GET /v3 200", "POST /v3/auth/tokens 201"}

func TestCreatedInDefaultDomain(t *testing.T) {
	b := newBench(t)
	id, err := b.openstack.CreateProject("default", "lab")
	if err != nil {
		t.Fatal(err)
	}
	b.expect(t, b.run(t, "identity.project.created", id), 0, append(slices.Clone(authentication),
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
	b.expect(t, b.run(t, "identity.project.created", id), 0, append(slices.Clone(authentication),
		"GET /v3/projects/"+id+" 200", "GET /v3/domains/8b0e3f6a5d1c4b7e9f2a6c4d8e1b3a57 200", "POST /api/tenancy/tenants/ 201")...)
}

func TestCreatedTwice(t *testing.T) {
	b := newBench(t)
	b.expect(t, b.run(t, "identity.project.created", eng), 1, append(slices.Clone(authentication),
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
	b.expect(t, b.run(t, "identity.project.updated", eng), 0, append(slices.Clone(authentication),
		"GET /v3/projects/"+eng+" 200", "GET /api/tenancy/tenants/?id="+dashed(eng)+" 200",
		"PATCH /api/tenancy/tenants/"+dashed(eng)+`/ {"description":"Engineers"} 200`)...)
}

func TestUpdatedWithoutDifference(t *testing.T) {
	b := newBench(t)
	b.expect(t, b.run(t, "identity.project.updated", dashed(eng)), 0, append(slices.Clone(authentication),
		"GET /v3/projects/"+eng+" 200", "GET /api/tenancy/tenants/?id="+dashed(eng)+" 200")...)
}

func TestUpdatedDomainStops(t *testing.T) {
	b := newBench(t)
	const customers = "8b0e3f6a5d1c4b7e9f2a6c4d8e1b3a57"
	b.expect(t, b.run(t, "identity.project.updated", customers), 0, append(slices.Clone(authentication),
		"GET /v3/projects/"+customers+" 200")...)
}

func TestUpdatedProjectGone(t *testing.T) {
	b := newBench(t)
	if err := b.openstack.DeleteProject(acme); err != nil {
		t.Fatal(err)
	}
	b.expect(t, b.run(t, "identity.project.updated", acme), 1, append(slices.Clone(authentication), "GET /v3/projects/"+acme+" 404")...)
	if !strings.Contains(b.stderr.String(), "Could not find project: "+acme) {
		t.Errorf("stderr:\n%s", b.stderr.String())
	}
}

// Two devices make two bulk requests, of one and then two entries; the tenant goes last.
func TestDeletedUnmapsDevicesInALoop(t *testing.T) {
	b := newBench(t)
	first, second := `{"id":"5e6f7a8b-9c0d-4e1f-8a2b-3c4d5e6f7a8b","tenant":null}`, `{"id":"6f7a8b9c-0d1e-4f2a-9b3c-4d5e6f7a8b9c","tenant":null}`
	b.expect(t, b.run(t, "identity.project.deleted", eng), 0,
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
	b.expect(t, b.run(t, "identity.project.deleted", gone), 0, "GET /api/tenancy/tenants/?id="+dashed(gone)+" 200")
}

// Keystone's domain "default" is no UUID: argparse ends the run before any request.
func TestDefaultDomainIsNoUUID(t *testing.T) {
	b := newBench(t)
	b.expect(t, b.run(t, "identity.project.updated", "default"), 2)
	if !strings.Contains(b.stderr.String(), "sync-keystone: error: argument object: invalid UUID value: 'default'") {
		t.Errorf("stderr:\n%s", b.stderr.String())
	}
}

func TestWrongToken(t *testing.T) {
	b := newBench(t)
	b.write(t, "etc/nb-token/token", "wrong")
	b.expect(t, b.run(t, "identity.project.deleted", eng), 1, "GET /api/tenancy/tenants/?id="+dashed(eng)+" 403")
}
