package explain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/simulators/oslo"
)

// explain runs the command; its error's exit status is returned, too.
func explain(t testing.TB, stdin string, arguments ...string) (stdout string, err error) {
	t.Helper()
	command := New()
	command.SilenceUsage, command.SilenceErrors = true, true
	var out, talk bytes.Buffer
	command.SetOut(&out)
	command.SetErr(&talk)
	command.SetIn(strings.NewReader(stdin))
	command.SetArgs(arguments)
	err = command.ExecuteContext(t.Context())
	return out.String(), err
}

// notification is one of the catalogue's, as its service sends it.
func notification(t testing.TB, name string, set ...string) string {
	t.Helper()
	catalogue, err := oslo.Default()
	if err != nil {
		t.Fatal(err)
	}
	template, err := catalogue.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	options := oslo.Options{Random: oslo.NewRandom(1), Now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Set: map[string]any{}}
	for i := 0; i+1 < len(set); i += 2 {
		options.Set[set[i]] = set[i+1]
	}
	built, _, err := template.Build(options)
	if err != nil {
		t.Fatal(err)
	}
	body, err := built.Body(oslo.MessagingV2)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func file(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func contains(t testing.TB, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in:\n%s", part, text)
		}
	}
}

func TestFiresAndTheRestInALineEach(t *testing.T) {
	out, err := explain(t, notification(t, "keystone/identity.project.created", "payload.target.id", "0f1e"), "--event", "-")
	if err != nil {
		t.Fatal(err)
	}
	contains(t, out, "standard input:1  identity.project.created", "from  openstack/openstack-keystone/notifications",
		"FIRES  openstack/keystone-event-project", "FIRES  openstack/keystone-oslo-event",
		"spec.arguments.parameters.1.value <- dataKey payload.target.id = 0f1e", "generateName: keystone-event-project-",
		"nova-oslo-event                      no-dependency    listens to openstack-nova/notifications", "2 of 14 Sensors fire")
}

func TestNearlyFiredIsShownInFull(t *testing.T) {
	out, err := explain(t, notification(t, "ironic/baremetal.port.create.end"), "--event", "-")
	if err != nil {
		t.Fatal(err)
	}
	contains(t, out, "FILTERED  openstack/ironic-port-delete", `✓ data[1] body.payload.ironic_object\.data.physical_network`,
		`ironic-node-update                   filtered         filter body.event_type is "baremetal.port.create.end", wanted one of`)
	out, err = explain(t, notification(t, "ironic/baremetal.port.create.end"), "--event", "-", "--sensor", "node-update$")
	if err != nil {
		t.Fatal(err)
	}
	contains(t, out, "FILTERED  openstack/ironic-node-update", "0 of 1 Sensor fire")
	if strings.Contains(out, "port-delete") {
		t.Errorf("--sensor shows another one:\n%s", out)
	}
	out, err = explain(t, notification(t, "ironic/baremetal.port.create.end"), "--event", "-", "--all")
	if err != nil {
		t.Fatal(err)
	}
	if screens := strings.Count(out, "\n  dependency  "); screens != 14 {
		t.Errorf("--all shows %d of 14 in full", screens)
	}
}

func TestJSONIsAFlatList(t *testing.T) {
	events := notification(t, "keystone/identity.project.created") + "\n" + notification(t, "nova/compute.instance.delete.end", "payload.metadata", "storage") + "\n{}\n"
	path := file(t, "events.jsonl", events)
	out, err := explain(t, "", "--event", path, "-o", "json")
	if err != nil {
		t.Fatal(err)
	}
	var list []map[string]json.RawMessage
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		t.Fatal(err)
	}
	if len(list) != 3*14 {
		t.Errorf("%d entries, want 42", len(list))
	}
	fires := map[string]int{}
	for _, one := range list {
		for _, field := range []string{"event", "eventType", "sensor", "dependency", "verdict", "step", "path", "want", "hint", "objects"} {
			if _, ok := one[field]; !ok {
				t.Fatalf("no %s in %s", field, one)
			}
		}
		var e entry
		encoded, err := json.Marshal(one)
		if err == nil {
			err = json.Unmarshal(encoded, &e)
		}
		if err != nil {
			t.Fatal(err)
		}
		if e.Verdict == "fires" {
			fires[e.Event]++
			if len(e.Objects) != 1 {
				t.Errorf("%s at %s has %d objects", e.Event, e.Sensor, len(e.Objects))
			}
		}
	}
	if want := map[string]int{path + ":1": 2}; fmt.Sprint(fires) != fmt.Sprint(want) {
		t.Errorf("fires: %v, want %v", fires, want)
	}
}

func TestExpect(t *testing.T) {
	path := file(t, "event.json", notification(t, "keystone/identity.project.created"))
	for expect, status := range map[string]int{
		"keystone-event-project=fires":           0,
		"openstack/keystone-event-project=fires": 0,
		"nova-oslo-event=silent":                 0,
		"keystone-event-project=silent":          1,
		"nova-oslo-event=fires":                  1,
		"keystone-event-projct=fires":            2,
		"keystone-event-project":                 2,
		"keystone-event-project=maybe":           2,
	} {
		out, err := explain(t, "", "--event", path, "--expect", expect)
		if got := failure.ExitStatus(err); got != status {
			t.Errorf("--expect %s: exit status %d (%v), want %d", expect, got, err, status)
		}
		if status == 1 {
			contains(t, out, "2 of 14 Sensors fire") // the explanation is there all the same
			contains(t, err.Error(), "not as expected: openstack/")
		}
		if strings.Contains(expect, "projct") {
			contains(t, failure.Hint(err), "openstack/keystone-event-project")
		}
	}
}

func TestDiffNamesWhatDecides(t *testing.T) {
	fires := file(t, "fires.json", notification(t, "keystone/identity.project.created"))
	silent := file(t, "silent.json", notification(t, "keystone/identity.project.created", "event_type", "identity.user.created", "payload.target.id", "x"))
	out, err := explain(t, "", "--event", fires, "--diff", silent)
	if err != nil {
		t.Fatal(err)
	}
	contains(t, out, "2 differences", `* event_type: "identity.project.created" | "identity.user.created"`, "  payload.target.id: ",
		"openstack/keystone-event-project is filtered with the other: event_type decides")
	var bare struct {
		Message string `json:"oslo.message"`
	}
	if err := json.Unmarshal([]byte(notification(t, "keystone/identity.project.created")), &bare); err != nil {
		t.Fatal(err)
	}
	out, err = explain(t, bare.Message, "--event", fires, "--diff", "-", "-o", "json")
	if err != nil {
		t.Fatal(err)
	}
	var list []entry
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		t.Fatal(err)
	}
	decided := 0
	for _, e := range list {
		if e.Differs != nil {
			decided++
			if e.Differs.Verdict != "transform-error" || len(e.Differs.Decides) != 1 || e.Differs.Decides[0].Path != "(envelope)" {
				t.Errorf("%s: %+v", e.Sensor, e.Differs)
			}
		}
	}
	if decided != 2 || len(list) != 28 {
		t.Errorf("%d entries, %d of them decided", len(list), decided)
	}
	same, err := explain(t, "", "--event", fires, "--diff", fires)
	if err != nil {
		t.Fatal(err)
	}
	contains(t, same, "0 differences", "every Sensor does the same with both")
}

func TestDiffFindsWhatDecidesTogether(t *testing.T) {
	a := file(t, "a.json", notification(t, "neutron/network_segment_range.create.end", "payload.network_segment_range.network_type", "vxlan"))
	b := file(t, "b.json", notification(t, "neutron/network_segment_range.create.end", "payload.network_segment_range.network_type", "vlan", "event_type", "network.create.end"))
	out, err := explain(t, "", "--event", b, "--diff", a)
	if err != nil {
		t.Fatal(err)
	}
	contains(t, out, "openstack/neutron-event-network-segment-range is fires with the other: event_type and payload.network_segment_range.network_type decide together")
}

func TestBadInput(t *testing.T) {
	event := file(t, "event.json", notification(t, "keystone/identity.project.created"))
	for name, test := range map[string]struct {
		arguments []string
		says      string
	}{
		"no event":        {nil, "no event"},
		"empty":           {[]string{"--event", file(t, "empty.json", "")}, "empty.json:1: it holds no message"},
		"binary":          {[]string{"--event", file(t, "bin", "\x00\x01\x02")}, "bin:1"},
		"truncated":       {[]string{"--event", file(t, "cut.json", "{\"a\": 1}\n{\"a\":\n")}, "cut.json:2"},
		"garbage":         {[]string{"--event", file(t, "more.json", "{\"a\": 1}\n\nfoo")}, "more.json:3"},
		"folder":          {[]string{"--event", t.TempDir()}, "is a folder"},
		"no file":         {[]string{"--event", "nowhere.json"}, "nowhere.json"},
		"no manifests":    {[]string{"--event", event, "--manifests", "nowhere"}, "nowhere"},
		"no Sensor":       {[]string{"--event", event, "--manifests", file(t, "m.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n")}, "no Sensor"},
		"broken manifest": {[]string{"--event", event, "--manifests", file(t, "m.yaml", "a: [\n")}, "m.yaml:"},
		"source":          {[]string{"--event", event, "--source", "x"}, "NAMESPACE/NAME/EVENT"},
		"sensor":          {[]string{"--event", event, "--sensor", "("}, "no regular expression"},
		"sensor, none":    {[]string{"--event", event, "--sensor", "xyz"}, "matches no Sensor"},
		"time":            {[]string{"--event", event, "--time", "noon"}, "RFC 3339"},
		"form":            {[]string{"--event", event, "--form", "xml"}, "unknown form"},
		"output":          {[]string{"--event", event, "-o", "xml"}, "unknown"},
		"diff of many":    {[]string{"--event", event, "--diff", file(t, "two.json", "{}\n{}")}, "holds 2 events"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := explain(t, "", test.arguments...)
			if failure.ExitStatus(err) != 2 || out != "" {
				t.Fatalf("%v, stdout %q", err, out)
			}
			contains(t, err.Error(), test.says)
			if failure.Hint(err) == "" {
				t.Errorf("no hint with %v", err)
			}
		})
	}
}

func TestUnknownSourceIsTriedEverywhere(t *testing.T) {
	out, err := explain(t, `{"hello": "world"}`, "--event", "-")
	if err != nil {
		t.Fatal(err)
	}
	contains(t, out, "not known: every EventSource is tried", "--source NAMESPACE/NAME/EVENT")
}

func TestAChartWithValues(t *testing.T) {
	chart := filepath.Join("..", "..", "pipeline", "testdata", "chart")
	event := file(t, "event.json", `{"body": {"event_type": "compute.instance.delete.end"}}`)
	arguments := []string{"--manifests", chart, "--namespace", "openstack", "--event", event, "--form", "eventsource",
		"--source", "openstack/openstack-nova/notifications"}
	out, err := explain(t, "", append(arguments, "--expect", "nova=fires")...)
	if err != nil {
		t.Errorf("the chart's Sensor does not fire: %v\n%s", err, out)
	}
	if _, err = explain(t, "", append(arguments, "--set", "enabled.nova=false")...); failure.ExitStatus(err) != 2 || !strings.Contains(err.Error(), "there is no Sensor in") {
		t.Errorf("the values leave the only Sensor out: %v", err)
	}
}
