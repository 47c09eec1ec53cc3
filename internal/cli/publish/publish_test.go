package publish

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eventrig/eventrig/internal/broker"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/simulators/oslo"
)

func execute(t *testing.T, locate Locate, stdin string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	cmd := New(locate)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	var out, talk bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&talk)
	cmd.SetIn(strings.NewReader(stdin))
	cmd.SetArgs(args)
	err = cmd.ExecuteContext(t.Context())
	return out.String(), talk.String(), err
}

func TestListNamesEverything(t *testing.T) {
	text, _, err := execute(t, nil, "", "--list")
	if err != nil {
		t.Fatal(err)
	}
	catalogue, err := oslo.Default()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range catalogue.Names() {
		if !strings.Contains(text, name+" ") {
			t.Errorf("%s is not listed", name)
		}
	}
	data, _, err := execute(t, nil, "", "--list", "-o", "json")
	var items []map[string]string
	if err != nil || json.Unmarshal([]byte(data), &items) != nil || len(items) != len(catalogue.Names()) {
		t.Errorf("%v, %s", err, data)
	}
}

func TestListFiltersAndGroups(t *testing.T) {
	for filter, want := range map[string]struct{ has, hasNot []string }{
		"keystone":           {[]string{"# keystone: ", "keystone/identity.project.created "}, []string{"ironic/", "nova/"}},
		"baremetal.node":     {[]string{"# ironic: ", "ironic/baremetal.node.create.start "}, []string{"baremetal.port.", "keystone/"}},
		"ironic/*.error":     {[]string{"ironic/baremetal.port.create.error "}, []string{".start ", ".end ", "nova/"}},
		"compute.instance.*": {[]string{"nova/compute.instance.delete.end "}, []string{"instance.create.end@", "nova/aggregate"}},
		"IDENTITY.USER":      {[]string{"keystone/identity.user.created "}, []string{"identity.project"}},
	} {
		stdout, _, err := execute(t, nil, "", "--list", filter)
		if err != nil {
			t.Errorf("%s: %v", filter, err)
			continue
		}
		for _, text := range want.has {
			if !strings.Contains(stdout, text) {
				t.Errorf("%s: %q is not listed", filter, text)
			}
		}
		for _, text := range want.hasNot {
			if strings.Contains(stdout, text) {
				t.Errorf("%s: %q is listed", filter, text)
			}
		}
	}
	stdout, _, err := execute(t, nil, "", "--list", "ironic/baremetal.port.create.end", "-o", "json")
	var items []item
	if err != nil || json.Unmarshal([]byte(stdout), &items) != nil || len(items) != 1 {
		t.Fatalf("%v, %s", err, stdout)
	}
	if it := items[0]; it.Service != "ironic" || it.Quality != "exact" || it.Topic != "ironic_versioned_notifications" || !strings.Contains(it.Source, "ironic/objects") {
		t.Errorf("%+v", it)
	}
	for _, service := range []string{"cinder", "glance", "ironic", "keystone", "neutron", "nova"} {
		if stdout, _, err := execute(t, nil, "", "--list"); err != nil || strings.Count(stdout, "# "+service+": ") != 1 {
			t.Errorf("%s is no group of its own: %v", service, err)
		}
	}
}

// TestOneSeedOneWorld is what a user relies on who publishes a story of several events by hand.
func TestOneSeedOneWorld(t *testing.T) {
	made := func(seed, event string) oslo.Notification {
		stdout, _, err := execute(t, nil, "", event, "--dry-run", "--seed", seed, "--time", "2026-01-02T03:04:05.000006Z")
		if err != nil {
			t.Fatal(err)
		}
		again, _, err := execute(t, nil, "", event, "--dry-run", "--seed", seed, "--time", "2026-01-02T03:04:05.000006Z")
		if err != nil || again != stdout {
			t.Errorf("%s: one seed and time, other bytes (%v):\n%s\n%s", event, err, stdout, again)
		}
		n, _, err := oslo.Parse([]byte(strings.TrimSpace(stdout)))
		if err != nil {
			t.Fatal(err)
		}
		if n.Timestamp != "2026-01-02 03:04:05.000006" {
			t.Errorf("%s: timestamp %s", event, n.Timestamp)
		}
		return n
	}
	at := func(n oslo.Notification, path string) any {
		for _, p := range n.Paths() {
			if p.Path == path {
				return p.Value
			}
		}
		return "nothing at " + path
	}
	node, port := made("7", "ironic/baremetal.node.create.end"), made("7", "ironic/baremetal.port.create.end")
	instance, vif := made("7", "nova/compute.instance.create.end"), made("7", "neutron/port.create.end")
	project := made("7", "keystone/identity.project.created")
	for name, pair := range map[string][2]any{
		"a port's node":          {at(port, "payload.ironic_object.data.node_uuid"), at(node, "payload.ironic_object.data.uuid")},
		"an instance's node":     {at(instance, "payload.node"), at(node, "payload.ironic_object.data.uuid")},
		"a neutron port's owner": {at(vif, "payload.port.device_id"), at(instance, "payload.instance_id")},
		"an instance's project":  {at(instance, "payload.tenant_id"), at(project, "payload.target.id")},
		"a project":              {at(project, "payload.resource_info"), at(project, "payload.target.id")},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: %v and %v", name, pair[0], pair[1])
		}
	}
	if node.MessageID == port.MessageID || node.UniqueID == port.UniqueID {
		t.Error("two messages have one identifier")
	}
	other := made("8", "ironic/baremetal.node.create.end")
	if at(other, "payload.ironic_object.data.uuid") == at(node, "payload.ironic_object.data.uuid") {
		t.Error("another seed gives the same node")
	}
}

func TestDryRun(t *testing.T) {
	args := []string{"keystone/identity.project.created", "--dry-run", "--set", "payload.target.id=1234", "--remove", "payload.initiator", "--seed", "0", "--count", "2"}
	first, talk, err := execute(t, nil, "", args...)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(talk, "vhost keystone, exchange keystone, key notifications.info") != 2 {
		t.Errorf("stderr %q", talk)
	}
	lines := strings.Split(strings.TrimSpace(first), "\n")
	if len(lines) != 2 || lines[0] == lines[1] {
		t.Fatalf("stdout %q", first)
	}
	for _, line := range lines {
		n, driver, err := oslo.Parse([]byte(line))
		if err != nil || driver != oslo.MessagingV2 {
			t.Fatal(driver, err)
		}
		target, _ := n.Payload["target"].(map[string]any)
		if target["id"] != "1234" || n.Payload["initiator"] != nil {
			t.Errorf("payload %v", n.Payload)
		}
	}
	second, _, err := execute(t, nil, "", args...)
	ids := regexp.MustCompile(`message_id\\": \\"[0-9a-f-]+`)
	if err != nil || strings.Join(ids.FindAllString(first, -1), "") != strings.Join(ids.FindAllString(second, -1), "") {
		t.Errorf("one seed, other identifiers (%v)", err)
	}

	data, _, err := execute(t, nil, "", "ironic/baremetal.port.create.end", "--dry-run", "-o", "json", "--driver", "messaging")
	var result struct {
		Published     bool
		Notifications []record
	}
	if err != nil || json.Unmarshal([]byte(data), &result) != nil || result.Published || len(result.Notifications) != 1 {
		t.Fatalf("%v, %s", err, data)
	}
	if n, driver, err := oslo.Parse(result.Notifications[0].Body); err != nil || driver != oslo.Messaging || n.EventType != "baremetal.port.create.end" {
		t.Errorf("%v %v %v", n, driver, err)
	}
}

func TestFile(t *testing.T) {
	const bare = `{"message_id":"kept","publisher_id":"p","event_type":"identity.project.updated","priority":"INFO","payload":{"target":{"id":"x"}},"timestamp":"t","_unique_id":"u"}`
	file := filepath.Join(t.TempDir(), "event.json")
	if err := os.WriteFile(file, []byte(bare), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"--file", file}, {"--file", "-"}, {"keystone", "--file", "-"}} {
		stdout, _, err := execute(t, nil, bare, append(args, "--dry-run", "--count", "2", "--set", "payload.target.id=y")...)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(stdout), "\n")
		if len(lines) != 2 || !strings.HasPrefix(lines[0], `{"message_id": "kept"`) || strings.Contains(lines[1], "kept") || !strings.Contains(lines[1], `"id": "y"`) {
			t.Errorf("%v: %s", args, stdout)
		}
	}
}

func TestBadUsage(t *testing.T) {
	for name, test := range map[string]struct {
		args  []string
		want  string
		class failure.Class
	}{
		"nothing":        {nil, "no SERVICE/EVENT_TYPE", failure.BadInput},
		"unknown event":  {[]string{"nova/compute.instance.delet.end"}, "nova/compute.instance.delete.end", failure.BadInput},
		"unknown output": {[]string{"--list", "-o", "xml"}, "xml", failure.BadInput},
		"no assignment":  {[]string{"nova/compute.instance.delete.end", "--set", "payload"}, "no = between", failure.BadInput},
		"bad path":       {[]string{"nova/compute.instance.delete.end", "--dry-run", "--set", "pay.x=1"}, `no field "pay"`, failure.BadInput},
		"no count":       {[]string{"nova/compute.instance.delete.end", "--count", "0"}, "--count", failure.BadInput},
		"no rate":        {[]string{"nova/compute.instance.delete.end", "--rate", "NaN"}, "--rate", failure.BadInput},
		"two targets":    {[]string{"nova/compute.instance.delete.end", "--amqp", "amqp://x", "--rig", "y"}, "both", failure.BadInput},
		"bad URL":        {[]string{"nova/compute.instance.delete.end", "--amqp", "http://x"}, "--amqp", failure.BadInput},
		"no rig":         {[]string{"nova/compute.instance.delete.end"}, "no rig", failure.BadInput},
		"unknown driver": {[]string{"nova/compute.instance.delete.end", "--driver", "x"}, "driver", failure.BadInput},
		"missing file":   {[]string{"--file", "/does/not/exist"}, "exist", failure.BadInput},
		"nobody listens": {[]string{"nova/compute.instance.delete.end", "--amqp", "amqp://u:secret@127.0.0.1:1"}, "refused", failure.Environment},
		"not JSON":       {[]string{"--file", "-"}, "a notification is JSON", failure.BadInput},
		"bad time":       {[]string{"nova/compute.instance.delete.end", "--dry-run", "--time", "now"}, "--time", failure.BadInput},
		"nothing fits":   {[]string{"--list", "baremetl"}, "no notification fits", failure.BadInput},
	} {
		t.Run(name, func(t *testing.T) {
			stdout, _, err := execute(t, nil, "not JSON", test.args...)
			if failure.ExitStatus(err) != int(test.class) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("exit status %d, %v", failure.ExitStatus(err), err)
			}
			if stdout != "" || err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("stdout %q, error %v", stdout, err)
			}
		})
	}
}

func TestCompletion(t *testing.T) {
	offered := func(args ...string) []string {
		t.Helper()
		stdout, _, err := execute(t, nil, "", append([]string{"__complete"}, args...)...)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(stdout), "\n")
		return lines[:len(lines)-1] // the last is cobra's directive
	}
	for typed, want := range map[string]string{"": "keystone/", "iron": "ironic/", "keystone/identity.pro": "keystone/identity.project.created\tA project was made", "nova/compute.instance.delete.end": "nova/compute.instance.delete.end\t"} {
		if lines := offered(typed); !slices.ContainsFunc(lines, func(line string) bool { return strings.HasPrefix(line, want) }) {
			t.Errorf("%q: %q", typed, lines)
		}
	}
	if lines := offered("x"); len(lines) != 0 {
		t.Errorf("there is no service with x: %q", lines)
	}
	catalogue, err := oslo.Default()
	if err != nil {
		t.Fatal(err)
	}
	all := 0
	for _, service := range catalogue.Services() {
		all += len(offered(service + "/"))
	}
	if names := catalogue.Names(); all != len(names) {
		t.Errorf("%d of %d names are offered", all, len(names))
	}
	// Every path that is offered can be set.
	const event = "ironic/baremetal.node.power_set.end"
	paths := offered(event, "--set", "payload.ironic_object.")
	if len(paths) < 50 {
		t.Errorf("%q", paths)
	}
	for _, line := range paths {
		path, _, _ := strings.Cut(line, "=")
		if stdout, _, err := execute(t, nil, "", event, "--dry-run", "--set", path+"=a-new-value"); err != nil || !strings.Contains(stdout, "a-new-value") {
			t.Errorf("%s: %v", path, err)
		}
		if _, _, err := execute(t, nil, "", event, "--dry-run", "--remove", path); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	if lines := offered("--driver", ""); !slices.Equal(lines, []string{"messagingv2", "messaging"}) {
		t.Errorf("%q", lines)
	}
	if lines := offered("--set", "payload."); len(lines) != 0 {
		t.Errorf("paths of no event: %q", lines)
	}
}

func TestPublishToABroker(t *testing.T) {
	if _, err := broker.FindHostServer(); err != nil {
		t.Skipf("%s needs a real RabbitMQ: %v", t.Name(), err)
	}
	rabbit, err := broker.Start(t.Context(), broker.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rabbit.Close() }()
	counter, err := rabbit.Count(t.Context(), "cinder", "openstack", "notifications.info")
	if err != nil {
		t.Fatal(err)
	}
	asked := ""
	locate := func(rig string) (func(string) string, error) { asked = rig; return rabbit.URL, nil }
	stdout, _, err := execute(t, locate, "", "cinder/volume_type_project.access.add", "--count", "3", "--rig", "mine")
	if err != nil || strings.Count(stdout, "\n") != 3 || asked != "mine" {
		t.Errorf("rig %q: %v, %s", asked, err, stdout)
	}
	begin := time.Now()
	stdout, _, err = execute(t, nil, "", "cinder/volume_type_project.access.add", "--count", "3", "--rate", "20", "-o", "json", "--amqp", strings.TrimSuffix(rabbit.URL(""), "/"))
	if err != nil || !strings.Contains(stdout, `"published": true`) {
		t.Errorf("%v, %s", err, stdout)
	}
	if took := time.Since(begin); took < 100*time.Millisecond {
		t.Errorf("3 messages at 20 each second took %v", took)
	}
	// Many at once, each printed once it is confirmed.
	const many = 5000
	counted, err := rabbit.Count(t.Context(), "keystone", "keystone", "notifications.info")
	if err != nil {
		t.Fatal(err)
	}
	stdout, talk, err := execute(t, locate, "", "keystone/identity.project.created", "--count", strconv.Itoa(many))
	ids := map[string]bool{}
	for line := range strings.Lines(stdout) {
		id, _, _ := strings.Cut(line, " ")
		ids[id] = true
	}
	if err != nil || len(ids) != many || !strings.Contains(talk, "5000 confirmed in ") {
		t.Errorf("%d printed: %v, %s", len(ids), err, talk)
	}
	if err := counted.Wait(t.Context(), many); err != nil {
		t.Error(err)
	}
	interruptAtABrokerThatTakesNothing(t, rabbit)
	// A virtual host in the URL replaces the service's own.
	if _, _, err = execute(t, nil, "", "cinder/volume_type_project.access.add", "--amqp", rabbit.URL("nova")); err != nil {
		t.Error(err)
	}
	if err := counter.Wait(t.Context(), 6); err != nil {
		t.Error(err)
	}
	if state, err := rabbit.Queue(t.Context(), "nova", "notifications.info"); err != nil || state.Messages != 1 {
		t.Errorf("%+v, %v", state, err)
	}
	if _, _, err = execute(t, nil, "", "cinder/volume_type_project.access.add", "--amqp", rabbit.URL("nowhere")); failure.ExitStatus(err) != 3 {
		t.Errorf("a virtual host that does not exist: %v", err)
	}
}

// interruptAtABrokerThatTakesNothing publishes through something that stops reading, as a RabbitMQ does whose memory or
// disk is full, and interrupts it.
func interruptAtABrokerThatTakesNothing(t *testing.T, rabbit *broker.Broker) {
	t.Helper()
	real, err := url.Parse(rabbit.URL("keystone"))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	full, behind := make(chan struct{}), real.Host
	go func() {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", behind)
		if err != nil {
			_ = client.Close()
			return
		}
		go func() { _, _ = io.Copy(client, server) }()
		_, _ = io.CopyN(server, client, 1<<20)
		close(full)
	}()
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	real.Host = listener.Addr().String()
	cmd := New(nil)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetOut(io.Discard)
	cmd.SetErr(io.Discard)
	cmd.SetArgs([]string{"keystone/identity.project.created", "--count", "1000000", "--amqp", real.String()})
	ended := make(chan error, 1)
	go func() { ended <- cmd.ExecuteContext(ctx) }()
	select {
	case <-full:
	case err := <-ended:
		t.Fatalf("it ended by itself: %v", err)
	}
	interrupt()
	select {
	case err := <-ended:
		if failure.ExitStatus(err) != int(failure.Interrupted) {
			t.Errorf("exit status %d: %v", failure.ExitStatus(err), err)
		}
	case <-time.After(20 * time.Second):
		t.Error("it cannot be interrupted")
	}
}

func TestABlockedBrokerIsTold(t *testing.T) {
	blocked := make(chan amqp.Blocking, 2)
	blocked <- amqp.Blocking{Active: true, Reason: "low on memory"}
	blocked <- amqp.Blocking{}
	close(blocked)
	var talk strings.Builder
	tellBlocked(blocked, func(format string, values ...any) { fmt.Fprintf(&talk, format, values...) })
	if want := "the broker takes no messages for now, waiting: low on memory\nthe broker takes messages again\n"; talk.String() != want {
		t.Errorf("%q, want %q", talk.String(), want)
	}
}
