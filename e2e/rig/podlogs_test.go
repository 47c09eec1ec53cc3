package rig

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAContainersLogIsReadable(t *testing.T) {
	for name, c := range map[string]struct{ from, want string }{
		"lines":             {"2026-01-01T00:00:00Z stdout F one two\n2026-01-01T00:00:01Z stderr F three\n", "2026-01-01T00:00:00Z one two\n2026-01-01T00:00:01Z three\n"},
		"a line in parts":   {"2026-01-01T00:00:00Z stdout P one \n2026-01-01T00:00:00Z stdout P two \n2026-01-01T00:00:00Z stdout F three\n", "2026-01-01T00:00:00Z one two three\n"},
		"an empty line":     {"2026-01-01T00:00:00Z stdout F \n", "2026-01-01T00:00:00Z \n"},
		"cut off":           {"2026-01-01T00:00:00Z stdout F on", "2026-01-01T00:00:00Z on"},
		"something else":    {"no such format\n", "no such format\n"},
		"nothing":           {"", ""},
		"a line with a tag": {"2026-01-01T00:00:00Z stdout F a P b\n", "2026-01-01T00:00:00Z a P b\n"},
	} {
		var out strings.Builder
		if err := plainLog(&out, strings.NewReader(c.from)); err != nil || out.String() != c.want {
			t.Errorf("%s: %q, %v", name, out.String(), err)
		}
	}
}

func TestLogsOfGonePodsStay(t *testing.T) {
	rig, folder := t.TempDir(), t.TempDir()
	write := func(pod, text string) string {
		path := filepath.Join(rig, podLogs, pod, "main", "0.log")
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("2026-01-01T00:00:00Z stdout F "+text+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	gone := write("argo-events_db-0_11111111-0000", "first")
	linkLogs(rig, "argo-events_db-0_11111111-0000")
	linkLogs(rig, "argo-events_db-0_11111111-0000") // as often as its status changes
	file, err := os.OpenFile(gone, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString("2026-01-01T00:00:01Z stdout F its last words\n"); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Dir(filepath.Dir(gone))); err != nil {
		t.Fatal(err)
	}
	write("argo-events_db-0_22222222-0000", "second") // not linked yet
	if err := savePodLogs(rig, folder); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"argo-events/db-0/main.0.log":          "2026-01-01T00:00:00Z first\n2026-01-01T00:00:01Z its last words\n",
		"argo-events/db-0.22222222/main.0.log": "2026-01-01T00:00:00Z second\n",
	} {
		if got, err := os.ReadFile(filepath.Join(folder, path)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
}
