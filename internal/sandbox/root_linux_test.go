package sandbox_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/eventrig/eventrig/internal/sandbox"
)

// look is what the process does in its root file system: the first lines are what it can read, the last what it can write.
const look = `set -u
cat /etc/release /link /etc/hosts in
cat /proc/self/comm
for file in /etc/release /etc/new /deep/new /tmp/new /dev/null ./out; do
	if (echo written >"$file") 2>/dev/null; then echo "can write $file"; fi
done
`

// TestRootFileSystemWithFoldersOfTheSandbox shows that the process sees both, and that only what was bound changes.
func TestRootFileSystemWithFoldersOfTheSandbox(t *testing.T) {
	box, dir := start(t)
	root, shared := filepath.Join(dir, "root"), filepath.Join(dir, "a folder", "shared")
	for _, folder := range []string{filepath.Join(root, "etc"), filepath.Join(root, "deep"), shared} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for path, text := range map[string]string{
		filepath.Join(root, "etc", "release"): "the root's\n", filepath.Join(root, "etc", "hosts"): "not these\n", filepath.Join(shared, "in"): "the sandbox's\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("etc/release", filepath.Join(root, "link")); err != nil {
		t.Fatal(err)
	}
	process := sandbox.Process{
		Path: "sh", Args: []string{"-c", look}, Env: environment, Root: root, Dir: shared, Log: filepath.Join(dir, "log"),
		Binds: append(hostPrograms(t, root), shared, "/etc/hosts"),
	}
	before, mounts := snapshot(t, root), shell(t, box, "cat /proc/self/mountinfo")
	child, err := box.Run(bounded(t), process)
	if err != nil {
		t.Fatal(err)
	}
	wait(t, child)
	log, err := os.ReadFile(process.Log)
	if err != nil || child.Err() != nil {
		t.Fatalf("%v %v\n%s", err, child.Err(), log)
	}
	hosts := shell(t, box, "cat /etc/hosts")
	want := "the root's\nthe root's\n" + hosts + "\nthe sandbox's\ncat\ncan write /tmp/new\ncan write /dev/null\ncan write ./out\n"
	if string(log) != want {
		t.Errorf("the process found\n%s\nwant\n%s", log, want)
	}
	if out, err := os.ReadFile(filepath.Join(shared, "out")); err != nil || string(out) != "written\n" {
		t.Errorf("%q %v", out, err)
	}
	if after := snapshot(t, root); after != before {
		t.Errorf("the root file system changed from\n%s\nto\n%s", before, after)
	}
	if after := shell(t, box, "cat /proc/self/mountinfo"); after != mounts {
		t.Errorf("the sandbox's mounts changed from\n%s\nto\n%s", mounts, after)
	}
}

func TestRootFileSystemNamesWhatIsMissing(t *testing.T) {
	box, dir := start(t)
	root := filepath.Join(dir, "root")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	for want, process := range map[string]sandbox.Process{
		"/bin/none":      {Path: "/bin/none", Root: root, Binds: []string{dir}},
		"the-bind":       {Path: "/bin/true", Root: root, Binds: []string{filepath.Join(dir, "the-bind")}},
		"the-root":       {Path: "/bin/true", Root: filepath.Join(dir, "the-root"), Binds: []string{dir}},
		"working folder": {Path: "/bin/true", Root: root, Dir: "/none", Binds: []string{dir}},
	} {
		_, err := box.Run(bounded(t), process)
		if !errors.Is(err, syscall.ENOENT) || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v: want ENOENT and %q", err, want)
		}
	}
}

// hostPrograms gives a root file system the host's programs and libraries: the links of it, and the folders to bind.
func hostPrograms(t *testing.T, root string) []string {
	t.Helper()
	binds := []string{"/usr"}
	for _, path := range []string{"/bin", "/lib", "/lib64"} {
		info, err := os.Lstat(path)
		switch {
		case errors.Is(err, os.ErrNotExist):
		case err != nil:
			t.Fatal(err)
		case info.IsDir():
			binds = append(binds, path)
		default:
			target, err := os.Readlink(path)
			if err == nil {
				err = os.Symlink(target, root+path)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	return binds
}

// snapshot lists a tree with sizes and times.
func snapshot(t *testing.T, root string) string {
	t.Helper()
	var list strings.Builder
	err := filepath.Walk(root, func(path string, info os.FileInfo, err error) error {
		if err == nil {
			fmt.Fprintln(&list, path, info.Mode(), info.Size(), info.ModTime().UnixNano())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list.String()
}
