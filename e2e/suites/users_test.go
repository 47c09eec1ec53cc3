package suites_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/eventrig/eventrig/internal/failure"
)

// ordinaryID is a user without an entry in /etc/passwd and without subordinate ids: the least that a user can have.
const ordinaryID = 64137

// systemPath has no Go: everything comes from the cache.
const systemPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// TestOrdinaryUserWithoutSubordinateIDs boots a rig as such a user and runs one scenario on it, through the real program. A pod
// of it asks for a user that this rig has not.
func TestOrdinaryUserWithoutSubordinateIDs(t *testing.T) {
	bin := builtPrograms(t)
	if os.Geteuid() != 0 {
		t.Skip("only root can start a program as another user")
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	components := filepath.Join(cache, "eventrig", "components")
	if built, _ := filepath.Glob(filepath.Join(components, "argo-events-v*")); len(built) == 0 {
		t.Skipf("%s holds no components yet: TestSuites builds them", components)
	}
	home := shortFolder(t)
	linkTree(t, bin, filepath.Join(home, "bin"))
	linkTree(t, components, filepath.Join(home, ".cache", "eventrig", "components"))
	for _, own := range []string{home, filepath.Join(home, ".cache"), filepath.Join(home, ".cache", "eventrig")} {
		if err := errors.Join(os.Chmod(own, 0o755), os.Chown(own, ordinaryID, ordinaryID)); err != nil {
			t.Fatal(err)
		}
	}

	if err := copyProgram("testdata/other-user.yaml", filepath.Join(home, "other-user.yaml"), 0o644); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), filepath.Join(home, "bin", "eventrig"), "test", "other-user.yaml", "-o", "json")
	command.Dir, command.Env = home, []string{systemPath, "HOME=" + home}
	command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: ordinaryID, Gid: ordinaryID}}
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	t.Log("\n" + stderr.String())
	var verdict struct {
		Verdict string
		Notes   []string
	}
	if err := json.Unmarshal(stdout.Bytes(), &verdict); err != nil || verdict.Verdict != "passed" {
		t.Fatalf("%v: %s", err, stdout.String())
	}
	says := func(text string) bool {
		return slices.ContainsFunc(verdict.Notes, func(note string) bool { return strings.Contains(note, text) })
	}
	for _, want := range []string{"no subordinate ids: pods run as the mapped user (uid 64137)", "runs as uid 0 instead of 1234"} {
		if !says(want) {
			t.Errorf("no note says %q: %q", want, verdict.Notes)
		}
	}
	// The workflow-controller's image has a user of its own too, which is no affair of the manifests under test.
	if says("workflow-controller") {
		t.Errorf("a note is about Argo's own pods: %q", verdict.Notes)
	}
	if left, _ := filepath.Glob(filepath.Join(home, ".local/state/eventrig/rigs/*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestRefusedUserNamespacesAreSaidWithTheWaysOut runs the real program where the kernel refuses it a user namespace.
func TestRefusedUserNamespacesAreSaidWithTheWaysOut(t *testing.T) {
	bin := builtPrograms(t)
	// No user namespace may be made below this one, and the capabilities to do without one are gone.
	command := exec.CommandContext(t.Context(), "unshare", "--user", "--map-root-user", "sh", "-c",
		`echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --inh-caps=-all --bounding-set=-all "$@"`, "sh",
		filepath.Join(bin, "eventrig"), "test")
	home := shortFolder(t)
	command.Dir, command.Env = home, append(os.Environ(), "XDG_STATE_HOME="+filepath.Join(home, "state"))
	output, err := command.CombinedOutput()
	if bytes.Contains(output, []byte("unshare: ")) || bytes.Contains(output, []byte("setpriv: ")) {
		t.Skipf("the restriction cannot be set up here: %s", output)
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != int(failure.Environment) {
		t.Errorf("%v, want exit status %d: %s", err, failure.Environment, output)
	}
	for _, want := range []string{"hint: ", "max_user_namespaces=0", "scripts/setup.sh --userns", "root"} {
		if !bytes.Contains(output, []byte(want)) {
			t.Errorf("the output lacks %q: %s", want, output)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(home, "state/eventrig/rigs/*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// shortFolder is a folder with a short name, because the rig's has to fit into the addresses of Unix sockets. (The parent of
// t.TempDir is also its user's alone.)
func shortFolder(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "rig-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	return folder
}

// builtPrograms is the folder of eventrig's programs.
func builtPrograms(t *testing.T) string {
	bin := os.Getenv("EVENTRIG_BIN")
	if bin == "" {
		t.Skip("EVENTRIG_BIN is not set: run make test, or make build and EVENTRIG_BIN=$PWD/bin go test ./e2e/...")
	}
	if _, err := os.Stat(filepath.Join(bin, "eventrig")); err != nil {
		t.Skipf("the program itself is not among the built ones: %v", err)
	}
	return bin
}

// linkTree shows a folder of programs at a place that everyone can reach, without a copy where the file system allows it.
// Folders keep their times: the cache takes the newest build.
func linkTree(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		target := to + strings.TrimPrefix(path, from)
		if entry.IsDir() {
			if err := os.MkdirAll(target, 0o755); err != nil {
				return err
			}
			return nil
		}
		if os.Link(path, target) == nil {
			return nil
		}
		return copyProgram(path, target, info.Mode())
	})
	// After the files, which set the time of their folder.
	folders, _ := filepath.Glob(filepath.Join(from, "*"))
	for _, folder := range folders {
		if info, statErr := os.Stat(folder); statErr == nil && info.IsDir() {
			err = errors.Join(err, os.Chtimes(to+strings.TrimPrefix(folder, from), info.ModTime(), info.ModTime()))
		}
	}
	if err != nil {
		t.Fatalf("link %s to %s: %v", from, to, err)
	}
}

func copyProgram(from, to string, mode fs.FileMode) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, mode.Perm())
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
