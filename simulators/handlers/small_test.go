package handlers_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/eventrig/eventrig/simulators/nautobot"
	"github.com/eventrig/eventrig/simulators/undersync"
)

func TestUndersyncSwitchAsksForOneRun(t *testing.T) {
	for _, c := range []struct {
		dry, force, group, action, path string
	}{
		{"false", "false", "f20-3-network", "sync", "f20-3-network"},
		{"False", "yes", "f20-3-network", "force", "f20-3-network"},
		{"1", "true", "a/b c", "dry-run", "a/b c"},
	} {
		b := newBench(t)
		b.expect(t, b.run(t, "undersync-switch", "--physical-network", c.group, "--dry-run", c.dry, "--force", c.force), 0,
			"POST /v1/vlan-group/"+c.path+"/"+c.action+" 200")
		if runs := b.undersync.Records("runs", map[string]any{"vlan_group": c.group, "action": c.action}); len(runs) != 1 {
			t.Errorf("runs %v", runs)
		}
	}
}

func TestUndersyncSwitchFails(t *testing.T) {
	b := newBench(t, "eng-storage")
	b.expect(t, b.run(t, "undersync-switch", "--physical-network", "gone"), 2, "POST /v1/vlan-group/gone/sync 404")
	if !strings.Contains(b.stderr.String(), "404 Client Error: Not Found for url: http://undersync-service.undersync.svc.cluster.local:8080/v1/vlan-group/gone/sync") {
		t.Error(b.stderr.String())
	}
	if err := b.undersync.Faults().Add(undersync.Fault{Path: "/v1/vlan-group/.*", Status: 503}); err != nil {
		t.Fatal(err)
	}
	b.expect(t, b.run(t, "undersync-switch", "--physical-network", "f20-3-network"), 2, "POST /v1/vlan-group/f20-3-network/sync 503")
	b.expect(t, b.run(t, "undersync-switch", "--dry-run", "maybe", "--physical-network", "x"), 2)
	b.expect(t, b.run(t, "undersync-switch", "--force", "true"), 2)
	if !strings.Contains(b.stderr.String(), "the following arguments are required: --physical-network") {
		t.Error(b.stderr.String())
	}
	b.write(t, "etc/undersync/token", "\n")
	b.expect(t, b.run(t, "undersync-switch", "--physical-network", "f20-3-network"), 1)
}

const rangeID = "8091a2b3-c4d5-4e6f-9071-8293a4b5c6d7"

func (b *bench) segment(t *testing.T, event, name, low, high string) int {
	t.Helper()
	return b.run(t, "sync-network-segment-range", "network_segment_range."+event+".end", name, "vxlan", rangeID, low, high)
}

func TestSegmentRangeFromCreationToDeletion(t *testing.T) {
	b := newBench(t, "datacenter")
	const groups = "/api/plugins/undercloud-vni/ucvni-groups/"
	id := b.nautobot.Records("plugins/undercloud-vni/ucvni-groups", nil)[0]["id"].(string)
	b.expect(t, b.segment(t, "create", "default", "2000", "2999"), 0,
		"GET "+groups+"default/ 200", "PATCH "+groups+id+`/ {"range":"1-1000,2000-2999"} 200`, "POST "+groups+id+"/notes/ 201")
	b.expect(t, b.segment(t, "update", "default", "2100", "2200"), 0,
		"GET "+groups+"default/ 200", "GET /api/extras/notes/"+rangeID+"/ 200",
		"PATCH "+groups+id+`/ {"range":"1-1000,2100-2200"} 200`, "PATCH /api/extras/notes/"+rangeID+`/ {"note":"2100-2200"} 200`)
	b.expect(t, b.segment(t, "delete", "default", "2100", "2200"), 0,
		"GET "+groups+"default/ 200", "GET /api/extras/notes/"+rangeID+"/ 200",
		"PATCH "+groups+id+`/ {"range":"1-1000"} 200`, "DELETE /api/extras/notes/ 204")
}

// What UnderStack's command makes of a note that is not there is an AttributeError.
func TestSegmentRangeWithoutItsNote(t *testing.T) {
	b := newBench(t, "datacenter")
	const groups = "/api/plugins/undercloud-vni/ucvni-groups/"
	for _, event := range []string{"update", "delete"} {
		b.expect(t, b.segment(t, event, "default", "2000", "2999"), 1, "GET "+groups+"default/ 200", "GET /api/extras/notes/"+rangeID+"/ 404")
		if !strings.Contains(b.stderr.String(), "AttributeError: 'NoneType' object has no attribute 'note'") {
			t.Error(b.stderr.String())
		}
	}
	b.expect(t, b.segment(t, "create", "gone", "2000", "2999"), 1, "GET "+groups+"gone/ 404")
	b.expect(t, b.segment(t, "create", "default", "many", "2999"), 2)
	b.expect(t, b.segment(t, "purge", "default", "2000", "2999"), 2)
	if err := b.nautobot.Faults().Add(nautobot.Fault{Path: "/api/plugins/.*", Status: 503}); err != nil {
		t.Fatal(err)
	}
	b.expect(t, b.segment(t, "create", "default", "2000", "2999"), 1, "GET "+groups+"default/ 503")
}

const converts = `import uuid
project_id_without_dashes = "%s"
print(str(uuid.UUID(project_id_without_dashes)))
`

// The stand-in for Python does with the programs of the manifests what Python does.
func TestPythonOfTheManifests(t *testing.T) {
	labels := `import json, os, sys
print(json.loads(os.environ['LABELS'] or '{}').get(sys.argv[1], ''))`
	for _, c := range []struct {
		arguments []string
		labels    string
		code      int
		out       string
	}{
		{[]string{"-c", strings.Replace(converts, "%s", eng, 1)}, "", 0, dashed(eng) + "\n"},
		{[]string{"-c", strings.Replace(converts, "%s", strings.ToUpper(dashed(eng)), 1)}, "", 0, dashed(eng) + "\n"},
		{[]string{"-c", strings.Replace(converts, "%s", "default", 1)}, "", 1, ""},
		{[]string{"-c", strings.Replace(converts, "%s", "", 1)}, "", 1, ""},
		{[]string{"-c", labels, "a/b"}, `{"a/b": "x"}`, 0, "x\n"},
		{[]string{"-c", labels, "a/b"}, "", 0, "\n"},
		{[]string{"-c", labels, "a/b"}, "{", 1, ""},
	} {
		b := newBench(t)
		b.env["LABELS"] = c.labels
		code := b.run(t, "python", c.arguments...)
		if code != c.code || b.stdout.String() != c.out {
			t.Errorf("%q: exit code %d, %q, want %d, %q\n%s", c.arguments, code, b.stdout.String(), c.code, c.out, b.stderr.String())
		}
		if c.code == 1 && !strings.Contains(b.stderr.String(), "Error: ") {
			t.Errorf("%q: stderr %s", c.arguments, b.stderr.String())
		}
		real, err := exec.LookPath("python3")
		if err != nil {
			continue // the rest compares with it
		}
		command := exec.Command(real, c.arguments...)
		command.Env = append(os.Environ(), "LABELS="+c.labels)
		out, err := command.Output()
		if (err != nil) != (c.code != 0) || string(out) != c.out || command.ProcessState.ExitCode() != c.code {
			t.Errorf("%q: Python itself says %v, %q", c.arguments, err, out)
		}
	}
	b := newBench(t)
	// What breaks out of the text is a program of its own, which only Python runs.
	if code := b.run(t, "python", "-c", strings.Replace(converts, "%s", "x\"\nraise SystemExit(42) #", 1)); code != 127 {
		t.Errorf("a program of its own: %d %s", code, b.stderr.String())
	}
	if code := b.run(t, "python", "-c", "print(1)"); code != 127 || !strings.Contains(b.stderr.String(), "/usr/bin/python3 is not there") {
		t.Errorf("another program: %d %s", code, b.stderr.String())
	}
}

func TestAnsibleRunnerSaysWhatWouldRun(t *testing.T) {
	b := newBench(t)
	run := []string{"run", "/runner", "--playbook", "storage.yml", "--inventory", "inventory/x.yaml", "--cmdline", "--extra-vars 'a=b' -vvv"}
	b.expect(t, b.run(t, "ansible-runner", run...), 1)
	b.env["NAUTOBOT_TOKEN"] = "t"
	b.expect(t, b.run(t, "ansible-runner", run...), 0)
	if !strings.Contains(b.stdout.String(), "ansible-playbook storage.yml -i inventory/x.yaml --extra-vars 'a=b' -vvv\n") {
		t.Error(b.stdout.String())
	}
	b.write(t, "runner/project/other.yml", "")
	b.expect(t, b.run(t, "ansible-runner", run...), 1)
	b.expect(t, b.run(t, "ansible-runner", "run", "/runner"), 1)
	b.expect(t, b.run(t, "ansible-runner"), 2)
}

// ansible-playbook says what it would run, and fails where its inventory cannot be read, as ansible-runner does.
func TestAnsiblePlaybookSaysWhatWouldRun(t *testing.T) {
	b := newBench(t)
	words := []string{"storage.yml", "--extra-vars", "a=b", "-i", "inventory/x.yaml", "-vvv"}
	b.expect(t, b.run(t, "ansible-playbook", words...), 1)
	b.env["NAUTOBOT_TOKEN"] = "token"
	b.expect(t, b.run(t, "ansible-playbook", words...), 0)
	if !strings.Contains(b.stdout.String(), "ansible-playbook storage.yml --extra-vars a=b -i inventory/x.yaml -vvv\n") {
		t.Errorf("stdout %q", b.stdout.String())
	}
	b.expect(t, b.run(t, "ansible-playbook", "-i", "x.yaml"), 2)
	b.expect(t, b.run(t, "ansible-playbook", "storage.yml", "-e"), 2)
}
