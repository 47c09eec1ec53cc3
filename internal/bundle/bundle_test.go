package bundle

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/ledger"
	"github.com/eventrig/eventrig/internal/report"
)

// made is a bundle of a run with a scenario that passed and one that failed at a pod, beside the artifacts of a rig.
func made(t *testing.T) Bundle {
	t.Helper()
	folder := t.TempDir()
	for _, name := range []string{
		"rig-1/ledger.jsonl", "rig-1/events.txt", "rig-1/journals/bad.jsonl", "rig-1/journals/good.jsonl", "rig-1/objects/argo-events/workflows.argoproj.io.yaml",
		"rig-1/pods/argo-events/w-1/main.0.log", "rig-1/pods/argo-events/w-1/wait.0.log", "rig-1/pods/argo-events/other/main.0.log",
		"rig-1/pods/openstack/s-sensor-abc-5d/main.0.log", "rig-1/pods/openstack/e-eventsource-xyz-7c/main.0.log",
	} {
		path := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	bad := scenario.Result{
		Name: "bad", Verdict: scenario.Failed, File: "s.yaml", Line: 3,
		Failures: []scenario.Failure{{Hop: "pod", Expected: "1 pod of Sensor s with exit code 0", Got: "exit code 1", Why: "it says so", Next: "read its log", File: "s.yaml", Line: 9}},
		Timeline: []ledger.Record{
			{Time: time.Unix(1, 0), Hop: ledger.Published, MessageID: "m", Object: "v/e/k"},
			{Time: time.Unix(2, 0), Hop: ledger.Routed, MessageID: "m", Object: "EventSource/openstack/e/n"},
			{Time: time.Unix(3, 0), Hop: ledger.Decided, MessageID: "m", Sensor: "openstack/s", Verdict: "fires"},
			{Time: time.Unix(3, 0), Hop: ledger.Decided, MessageID: "m", Sensor: "openstack/t", Verdict: "filtered"},
			{Time: time.Unix(4, 0), Hop: ledger.Pod, MessageID: "m", Sensor: "openstack/s", Object: "Pod/argo-events/w-1", Verdict: "Failed"},
		},
	}
	run := report.New(map[string]string{"argo-events": "v1.9.10"}, []scenario.Result{{Name: "good", Verdict: scenario.Passed}, bad}, nil)
	run.Notes = append(run.Notes, "a note")
	return Bundle{Folder: folder, Rig: "rig-1", Run: run, Command: Command{Folder: folder, Program: "/bin/echo", Arguments: []string{"test", "--focus", "^(bad)$", "it's a $HOME", ""}}}
}

func read(t *testing.T, b Bundle, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(b.Folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTheIndexSaysWhereToLookFirst(t *testing.T) {
	b := made(t)
	if err := b.Write(); err != nil {
		t.Fatal(err)
	}
	index := read(t, b, Index)
	before := -1
	for _, want := range []string{
		"# failed: 1 passed, 1 failed\n", "sh reproduce.sh", "## bad\n", "exit code 1", "it says so", "read its log",
		"(rig-1/pods/argo-events/w-1/main.0.log): the log of a pod of the Workflow",
		"(rig-1/pods/openstack/s-sensor-abc-5d/main.0.log): what the Sensor decided",
		"(rig-1/pods/openstack/e-eventsource-xyz-7c/main.0.log): what the EventSource took in",
		"(rig-1/journals/bad.jsonl): ", "(rig-1/objects/argo-events/workflows.argoproj.io.yaml): ", "published", "## What is here\n", "| [verdict.json](verdict.json) |",
		"| [rig-1/pods](rig-1/pods) |", "## Notes\n\n- a note\n",
	} {
		at := strings.Index(index, want)
		if at <= before {
			t.Errorf("%q is at %d, after what is at %d:\n%s", want, at, before, index)
		}
		before = max(before, at)
	}
	for _, never := range []string{"## good", "good.jsonl", "pods/argo-events/other", "wait.0.log", "audit.jsonl", "offline"} {
		if strings.Contains(index, never) {
			t.Errorf("it points to %s, which is not there or says nothing of what failed:\n%s", never, index)
		}
	}
	var verdict report.Run
	if err := json.Unmarshal([]byte(read(t, b, Verdict)), &verdict); err != nil || verdict.Verdict != scenario.Failed {
		t.Errorf("%v: %+v", err, verdict)
	}
	if page := read(t, b, Page); !strings.Contains(page, "exit code 1") {
		t.Errorf("the page does not tell of the failure:\n%s", page)
	}
}

func TestTheScriptGivesTheCommandAsItWas(t *testing.T) {
	b := made(t)
	if err := b.Write(); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "sh", filepath.Join(b.Folder, Reproduce)).CombinedOutput()
	if want := "test --focus ^(bad)$ it's a $HOME \n"; err != nil || string(out) != want {
		t.Errorf("%v: %q, want %q", err, out, want)
	}
	if script := read(t, b, Reproduce); !strings.Contains(script, "#   argo-events v1.9.10\n") {
		t.Errorf("it does not name the versions:\n%s", script)
	}
}

func TestWithoutARigThereIsABundleToo(t *testing.T) {
	b := made(t)
	b.Folder, b.Rig = t.TempDir(), ""
	if err := b.Write(); err != nil {
		t.Fatal(err)
	}
	if index := read(t, b, Index); strings.Contains(index, "rig-1") || !strings.Contains(index, "exit code 1") {
		t.Errorf("%s", index)
	}
}
