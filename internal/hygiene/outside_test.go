package hygiene_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// outsideFolder holds a module as a user would have it outside the tree: tests of theirs that use the rig as a library, in plain
// Go and with Ginkgo. Their names end in .txt, so that they are no part of this module.
const outsideFolder = "testdata/outside"

// Its tests boot rigs when EVENTRIG_BIN is set; without it the module is only tidied, built and vetted.
func TestOutsideModuleImportsRig(t *testing.T) {
	if testing.Short() {
		t.Skip("resolves and links a module of its own")
	}
	outside := t.TempDir()
	if err := os.CopyFS(outside, os.DirFS(filepath.FromSlash(outsideFolder))); err != nil {
		t.Fatal(err)
	}
	// Nothing is published yet, so that the replace stands in for a version. The sums save asking for them.
	goMod := "module example.com/outside\n\ngo 1.26.0\n\nrequire " + module + " v0.0.0\n\nreplace " + module + " => " + root(t) + "\n"
	sums, err := os.ReadFile(filepath.Join(root(t), "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"go.mod": []byte(goMod), "go.sum": sums} {
		if err := os.WriteFile(filepath.Join(outside, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	err = filepath.WalkDir(outside, func(path string, _ fs.DirEntry, err error) error {
		if name, is := strings.CutSuffix(path, ".txt"); err == nil && is {
			return os.Rename(path, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	// Not below t.TempDir, which is too long for the sockets in a rig's folder.
	state, err := os.MkdirTemp("", "rig")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(state); err != nil {
			t.Error(err)
		}
	})
	environment := []string{"GOWORK=off", "GOFLAGS=", "XDG_STATE_HOME=" + state}
	run(t, outside, environment, "go", "mod", "tidy")
	// One rig after the other.
	out := run(t, outside, environment, "go", "test", "-count=1", "-v", "-p=1", "./...")
	for _, test := range []string{"TestProjectBecomesTenant", "TestPipelines"} {
		if os.Getenv("EVENTRIG_BIN") != "" && !strings.Contains(out, "--- PASS: "+test) {
			t.Errorf("the outside %s did not run:\n%s", test, out)
		}
	}
}

// What the guide to the Go API shows is what TestOutsideModuleImportsRig runs.
func TestGoAPIGuideShowsWhatRuns(t *testing.T) {
	guide, err := os.ReadFile(filepath.Join(root(t), "docs", "go-api.md"))
	if err != nil {
		t.Fatal(err)
	}
	var running strings.Builder
	for _, name := range []string{"plain/rig_test.go.txt", "ginkgo/rig_test.go.txt"} {
		text, err := os.ReadFile(filepath.Join(filepath.FromSlash(outsideFolder), filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		running.Write(text)
	}
	blocks := strings.Split(string(guide), "```go\n")[1:]
	if len(blocks) < 3 {
		t.Fatalf("the guide has %d blocks of Go", len(blocks))
	}
	for _, block := range blocks {
		code, _, closed := strings.Cut(block, "```")
		if !closed || !strings.Contains(running.String(), code) {
			t.Errorf("no test outside the tree holds this part of docs/go-api.md:\n%s", code)
		}
	}
}
