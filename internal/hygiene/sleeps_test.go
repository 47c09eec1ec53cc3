package hygiene_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// sleeping are the ways to wait for a fixed time: Go's and Python's, the shell's command, and a channel of time.After that
// is read outside of a select, which is a sleep by another name.
var sleeping = regexp.MustCompile(`\btime\.Sleep\b|^\s*<-time\.(After|Tick)\(|\btime\.sleep\(|timer:sleep|\bsleep +[0-9.$]|"sleep", "`)

// allowedSleeps are the files that may, with the reason. A process that has to be there needs something to do, and a shell
// has no other way to look again; no test and no component waits for a fixed time.
var allowedSleeps = map[string]string{
	"cmd/eventrig-kube/internal/runtime/*_test.go": "processes of containers under test, which stay until they are ended",
	"internal/sandbox/*_test.go":                   "processes of sandboxes under test, which stay until they are ended",
	"internal/images/catalogue.go":                 "stands in for a sidecar, which stays until it is ended",
	"internal/cli/publish/alarm_test.go":           "a loop inside RabbitMQ that looks for the test's sign",
	"e2e/suites/pods_*_test.go":                    "programs of pods under test: they stay, or look again",
	"e2e/suites/workloads_test.go":                 "a pod of a StatefulSet, which stays until it is replaced",
	"internal/hygiene/sleeps_test.go":              "what is looked for",
}

func TestNothingSleeps(t *testing.T) {
	used := map[string]bool{}
	err := filepath.WalkDir(root(t), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root(t), path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if base := entry.Name(); name != "." && (strings.HasPrefix(base, ".") || base == "bin" || base == "artifacts") {
				return fs.SkipDir
			}
			return nil
		}
		switch filepath.Ext(name) {
		case ".go", ".sh", ".py", ".yaml", ".yml", ".txt", "":
		default:
			return nil
		}
		if !entry.Type().IsRegular() {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		line := 0
		for content := range strings.Lines(string(text)) {
			line++
			if !sleeping.MatchString(content) {
				continue
			}
			reason := ""
			for pattern := range allowedSleeps {
				if fits, err := filepath.Match(pattern, filepath.ToSlash(name)); err != nil {
					t.Fatal(err)
				} else if fits {
					reason, used[pattern] = allowedSleeps[pattern], true
				}
			}
			if reason == "" {
				t.Errorf("%s:%d sleeps: wait for what it waits for (internal/await, Eventually, a channel): %s", name, line, strings.TrimSpace(content))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for pattern, reason := range allowedSleeps {
		if !used[pattern] {
			t.Errorf("nothing in %s sleeps any more (%s): take it off the list", pattern, reason)
		}
	}
}
