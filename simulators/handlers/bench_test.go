package handlers_test

import (
	"bytes"
	"cmp"
	"encoding/pem"
	"fmt"
	"net/http"
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
	"github.com/eventrig/eventrig/simulators/ontap"
	"github.com/eventrig/eventrig/simulators/openstack"
	"github.com/eventrig/eventrig/simulators/undersync"
)

// bench is all simulators with the world one-domain and those that are named, and a container's files.
type bench struct {
	nautobot  *nautobot.Server
	openstack *openstack.Server
	ontap     *ontap.Server
	undersync *undersync.Server
	root      string
	env       map[string]string
	stdout    bytes.Buffer
	stderr    bytes.Buffer
	seen      int // requests that were looked at already
	dial      map[string]string
}

func newBench(t *testing.T, more ...string) *bench {
	t.Helper()
	b := &bench{
		nautobot: nautobot.New(nautobot.Config{}), openstack: openstack.New(openstack.Config{}), ontap: ontap.New(ontap.Config{}),
		undersync: undersync.New(undersync.Config{}), root: t.TempDir(),
	}
	for _, name := range append([]string{"one-domain"}, more...) {
		world, err := worlds.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, simulator := range []interface{ Load(*worlds.World) error }{b.nautobot, b.openstack, b.ontap, b.undersync} {
			if err := simulator.Load(world); err != nil {
				t.Fatal(err)
			}
		}
	}
	nb, os, us, na := httptest.NewServer(b.nautobot), httptest.NewServer(b.openstack), httptest.NewServer(b.undersync), httptest.NewTLSServer(b.ontap)
	for _, server := range []*httptest.Server{nb, os, us, na} {
		t.Cleanup(server.Close)
	}
	b.env = map[string]string{"NAUTOBOT_URL": nb.URL, "UCVNI_GROUP_NAME": "default", "OS_CLOUD": "understack"}
	b.dial = map[string]string{"undersync-service.undersync.svc.cluster.local:8080": us.Listener.Addr().String()}
	b.write(t, "etc/nb-token/token", nautobot.DefaultToken+"\n")
	b.write(t, "etc/undersync/token", undersync.DefaultToken)
	b.write(t, "etc/openstack/clouds.yaml", openstack.CloudsYAML(os.URL+"/v3"))
	b.write(t, "etc/netapp/netapp_nvme.conf", fmt.Sprintf("[netapp_nvme]\nnetapp_server_hostname = %s\nnetapp_login = %s\nnetapp_password = %s\n",
		na.Listener.Addr(), ontap.DefaultUsername, ontap.DefaultPassword))
	b.write(t, "etc/netapp/ca.crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: na.Certificate().Raw})))
	b.write(t, "var/run/argo/.keep", "")
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

// redirect lets a command reach a service whose address it cannot be told.
type redirect map[string]string

func (r redirect) RoundTrip(request *http.Request) (*http.Response, error) {
	if to, ok := r[request.URL.Host]; ok {
		request = request.Clone(request.Context())
		request.URL.Host = to
	}
	return http.DefaultTransport.RoundTrip(request)
}

func (b *bench) run(t *testing.T, program string, arguments ...string) int {
	t.Helper()
	b.stdout.Reset()
	b.stderr.Reset()
	s := handlers.Surroundings{
		Getenv: func(name string) string { return b.env[name] },
		Root:   b.root, Stdin: strings.NewReader(""), Stdout: &b.stdout, Stderr: &b.stderr, Now: time.Now,
	}
	if program == "undersync-switch" {
		s.Transport = redirect(b.dial)
	}
	return handlers.Run(t.Context(), s, "/usr/bin/"+program, arguments)
}

// requests are what the simulators were asked since the last look, in their order.
func (b *bench) requests() []string {
	var entries []nautobot.Entry
	for _, journal := range []interface{ Entries() []nautobot.Entry }{b.openstack.Journal(), b.nautobot.Journal(), b.ontap.Journal(), b.undersync.Journal()} {
		entries = append(entries, journal.Entries()...)
	}
	slices.SortStableFunc(entries, func(x, y nautobot.Entry) int { return cmp.Compare(x.Time.UnixNano(), y.Time.UnixNano()) })
	var lines []string
	for _, e := range entries[b.seen:] {
		line := fmt.Sprintf("%s %s", e.Method, e.Path)
		if e.Query != "" {
			line += "?" + e.Query
		}
		if e.Method == "PATCH" {
			line += " " + e.RequestBody
		}
		lines = append(lines, fmt.Sprintf("%s %d", line, e.Status))
	}
	b.seen = len(entries)
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
		t.Log(b.stdout.String(), b.stderr.String())
	}
}

// asked are requests after those that every conversation with OpenStack begins with.
func asked(more ...string) []string { return append(slices.Clone(authentication), more...) }

func dashed(hex string) string {
	return hex[:8] + "-" + hex[8:12] + "-" + hex[12:16] + "-" + hex[16:20] + "-" + hex[20:]
}

// load puts more into the simulators.
func (b *bench) load(t *testing.T, content string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "world.yaml")
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	world, err := worlds.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, simulator := range []interface{ Load(*worlds.World) error }{b.nautobot, b.openstack, b.ontap, b.undersync} {
		if err := simulator.Load(world); err != nil {
			t.Fatal(err)
		}
	}
}

// fromEnvironment takes clouds.yaml away and has its content in the environment.
func (b *bench) fromEnvironment(t *testing.T) {
	t.Helper()
	path := filepath.Join(b.root, "etc/openstack/clouds.yaml")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	_, url, _ := strings.Cut(string(content), "auth_url: ")
	url, _, _ = strings.Cut(url, "\n")
	b.env = map[string]string{
		"OS_AUTH_URL": url, "OS_USERNAME": openstack.Username, "OS_PASSWORD": openstack.Password, "OS_PROJECT_NAME": openstack.ProjectName,
		"OS_USER_DOMAIN_NAME": openstack.DomainName, "OS_PROJECT_DOMAIN_NAME": openstack.DomainName, "OS_REGION_NAME": openstack.Region,
	}
}
