package revision_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/revision"
)

// repository makes one with two commits: a.yaml holds one, then two; the first is tagged v1.
func repository(t testing.TB) string {
	t.Helper()
	folder := t.TempDir()
	made, err := git.PlainInit(folder, false)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := made.Worktree()
	if err != nil {
		t.Fatal(err)
	}
	commit := func(files map[string]string) {
		for name, content := range files {
			target := filepath.Join(folder, name)
			if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
				t.Fatal(err)
			}
			if to, isLink := strings.CutPrefix(content, "-> "); isLink {
				err = os.Symlink(to, target)
			} else {
				err = os.WriteFile(target, []byte(content), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tree.Add(name); err != nil {
				t.Fatal(err)
			}
		}
		hash, err := tree.Commit("c", &git.CommitOptions{Author: &object.Signature{Name: "n", Email: "e", When: time.Unix(0, 0)}})
		if err != nil {
			t.Fatal(err)
		}
		if _, there := files["deploy/base/b.yaml"]; there {
			if _, err := made.CreateTag("v1", hash, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	commit(map[string]string{"deploy/a.yaml": "one", "deploy/base/b.yaml": "b", "deploy/link.yaml": "-> a.yaml", "deploy/out.yaml": "-> ../../outside"})
	commit(map[string]string{"deploy/a.yaml": "two"})
	return folder
}

func TestTheFilesOfARevision(t *testing.T) {
	folder := repository(t)
	for name, want := range map[string]string{"v1": "one", "HEAD~1": "one", "HEAD": "two", "master": "two"} {
		tree, err := revision.Open(t.Context(), filepath.Join(folder, "deploy"), name)
		if err != nil {
			t.Fatal(err)
		}
		file, err := tree.Path("deploy/a.yaml")
		if err != nil {
			t.Fatal(err)
		}
		if content, err := os.ReadFile(file); err != nil || string(content) != want {
			t.Errorf("%s: %q, %v", name, content, err)
		}
		if tree.Name(file) != name+":deploy/a.yaml" || tree.Reword("open "+file+": x") != "open "+name+":deploy/a.yaml: x" || tree.Name("/elsewhere") != "/elsewhere" {
			t.Errorf("%s is called %s", file, tree.Name(file))
		}
		if content, err := os.ReadFile(filepath.Join(filepath.Dir(file), "link.yaml")); err != nil || string(content) != want {
			t.Errorf("the link: %q, %v", content, err)
		}
		if _, err := os.Lstat(filepath.Join(filepath.Dir(file), "out.yaml")); !os.IsNotExist(err) {
			t.Errorf("a link leads out of the tree: %v", err)
		}
		if err := tree.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(tree.Folder); !os.IsNotExist(err) {
			t.Errorf("%s is left behind", tree.Folder)
		}
	}
}

func TestPathsFromTheCurrentFolder(t *testing.T) {
	folder := repository(t)
	t.Chdir(filepath.Join(folder, "deploy", "base"))
	tree, err := revision.Open(t.Context(), ".", "v1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tree.Close() })
	for _, find := range []func() (string, error){
		func() (string, error) { return tree.Path("../a.yaml") },
		func() (string, error) { return tree.Path("deploy/a.yaml") },
		func() (string, error) { return tree.Beside("../a.yaml") },
		func() (string, error) { return tree.Beside(filepath.Join(folder, "deploy", "a.yaml")) },
	} {
		if file, err := find(); err != nil || tree.Name(file) != "v1:deploy/a.yaml" {
			t.Errorf("%s, %v", file, err)
		}
	}
}

func TestWhatIsNotThere(t *testing.T) {
	folder := repository(t)
	tree, err := revision.Open(t.Context(), folder, "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tree.Close() })
	for name, c := range map[string]struct {
		do   func() error
		want string
	}{
		"no repository": {func() error { _, err := revision.Open(t.Context(), t.TempDir(), "HEAD"); return err }, "open the git repository"},
		"no revision":   {func() error { _, err := revision.Open(t.Context(), folder, "nope"); return err }, `no revision "nope"`},
		"no path":       {func() error { _, err := tree.Path("deploy/c.yaml"); return err }, "no deploy/c.yaml at revision HEAD"},
		"outside":       {func() error { _, err := tree.Beside(t.TempDir()); return err }, "is not in the repository"},
		"up and away":   {func() error { _, err := tree.Path("a/../../../etc/passwd"); return err }, "no etc/passwd"},
	} {
		if err := c.do(); failure.ExitStatus(err) != int(failure.BadInput) || !strings.Contains(err.Error(), c.want) || failure.Hint(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
