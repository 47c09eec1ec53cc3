package sandbox_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/sandbox"
)

// hostState is what a sandbox in dir could leave behind: mounts of its folders, its addresses and interfaces. Other mounts and
// interfaces of the machine come and go with other programs.
func hostState(t *testing.T, dir string) string {
	t.Helper()
	var state strings.Builder
	for _, file := range []string{"/proc/self/mountinfo", "/proc/net/fib_trie", "/proc/net/dev"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			for _, mark := range []string{dir, "/etc/hosts", "10.96.0.", "10.244.0.1", "eventrig0"} {
				if strings.Contains(line, mark) {
					state.WriteString(line)
					break
				}
			}
		}
	}
	return state.String()
}

// using returns the host's pids whose command line or environment mentions marker, without the asker's own.
func using(marker string) []int {
	var pids []int
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		command, _ := os.ReadFile(filepath.Join("/proc", entry.Name(), "cmdline"))
		environment, _ := os.ReadFile(filepath.Join("/proc", entry.Name(), "environ"))
		if strings.Contains(string(command)+string(environment), marker) {
			pids = append(pids, pid)
		}
	}
	return pids
}

func TestCloseLeavesNothing(t *testing.T) {
	box, dir := start(t)
	before := hostState(t, "no folder of this machine")
	marker := "MARKER=" + dir
	script := "setsid sleep 3600 & trap '' TERM INT; mount -t tmpfs none " + dir + "/run; ip link add eventrig0 type veth peer name eventrig1; sleep 3600"
	child, err := box.Run(bounded(t), sandbox.Process{Name: "stubborn", Path: "sh", Args: []string{"-c", script}, Env: append([]string{marker}, environment...)})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, func() string { return unless(len(using(marker)) >= 3, "the processes do not start") })
	eventually(t, func() string { // or the rest would show nothing
		return unless(strings.Contains(shell(t, box, "ip link; cat /proc/1/mountinfo"), "eventrig0"), "the process makes no interface")
	})
	if during := hostState(t, dir); during != before {
		t.Errorf("the host shows the sandbox's mounts or addresses:\n%s\nbefore:\n%s", during, before)
	}
	if err := box.Close(); err != nil {
		t.Fatal(err)
	}
	if pids := using(marker); len(pids) > 0 {
		t.Errorf("processes %v are left after Close", pids)
	}
	if after := hostState(t, dir); after != before {
		t.Errorf("left behind:\n%s\nbefore:\n%s", after, before)
	}
	wait(t, child)
	if !errors.Is(child.Err(), sandbox.ErrClosed) {
		t.Errorf("the child ended with %v", child.Err())
	}
	<-box.Done()
	if _, err := box.Run(bounded(t), sandbox.Process{Path: "/bin/true"}); !errors.Is(err, sandbox.ErrClosed) {
		t.Errorf("run after Close: %v", err)
	}
	if _, err := box.Dial(bounded(t), "tcp", "10.244.0.1:1"); !errors.Is(err, sandbox.ErrClosed) {
		t.Errorf("dial after Close: %v", err)
	}
	if err := box.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

func TestKilledStarterLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	before := hostState(t, dir)
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	starter := exec.Command(program, supervisor, dir)
	starter.Env = append(os.Environ(), roleVariable+"=starter")
	starter.Stderr = os.Stderr
	output, err := starter.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := starter.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil || line != "started\n" {
		t.Fatalf("starter says %q, %v", line, err)
	}
	var inside []int
	eventually(t, func() string { // the supervisor, the shell and its two programs
		inside = descendants(starter.Process.Pid)
		return unless(len(inside) >= 4, fmt.Sprintf("starter has descendants %v only", inside))
	})
	if err := starter.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = starter.Wait()
	eventually(t, func() string {
		for _, pid := range inside {
			if alive(pid) {
				return "process " + strconv.Itoa(pid) + " outlives the killed starter"
			}
		}
		return ""
	})
	if after := hostState(t, dir); after != before {
		t.Errorf("left behind:\n%s\nbefore:\n%s", after, before)
	}
}

// descendants returns the pids below pid, on the host.
func descendants(pid int) []int {
	var all []int
	tasks, _ := filepath.Glob(filepath.Join("/proc", strconv.Itoa(pid), "task", "*", "children"))
	for _, task := range tasks {
		text, _ := os.ReadFile(task)
		for _, word := range strings.Fields(string(text)) {
			if child, err := strconv.Atoi(word); err == nil {
				all = append(append(all, child), descendants(child)...)
			}
		}
	}
	return all
}

// alive tells whether pid exists and is more than a zombie that waits for whoever adopted it.
func alive(pid int) bool {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	return err == nil && !strings.Contains(string(text), ") Z ")
}

func TestKilledSupervisorIsReported(t *testing.T) {
	box, dir := start(t)
	child, err := box.Run(bounded(t), sandbox.Process{Name: "sleeper", Path: "sleep", Args: []string{"3600"}, Env: environment})
	if err != nil {
		t.Fatal(err)
	}
	for _, pid := range descendants(os.Getpid()) {
		if name, _ := os.Readlink(filepath.Join("/proc", strconv.Itoa(pid), "exe")); name == supervisor {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
	}
	wait(t, child)
	<-box.Done()
	if err := child.Err(); !errors.Is(err, sandbox.ErrClosed) || !strings.Contains(err.Error(), "unexpectedly") || !strings.Contains(err.Error(), dir) {
		t.Errorf("the child ended with %v; want the unexpected end, and where the log is", err)
	}
}

func TestStartStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := sandbox.Start(ctx, sandbox.Config{Supervisor: supervisor}); !errors.Is(err, context.Canceled) {
		t.Errorf("start with a cancelled context: %v", err)
	}
}

// asUser runs this package's tests again as the user nobody, started by the given command line prefix.
func asUser(t *testing.T, wantIDs string, prefix ...string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can become another user; this user's own rights are what the other tests show")
	}
	if unprivilegedTests() {
		t.Skip("already the other user's run")
	}
	dir, err := os.MkdirTemp("", "eventrig-sandbox-user-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := errors.Join(os.Chown(dir, nobody, nobody), os.Chmod(dir, 0o755)); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(filepath.Dir(supervisor), "tests") // go test's own copy lies where only root may look
	own, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, own, 0o755); err != nil {
		t.Fatal(err)
	}
	line := append(prefix, "setpriv", "--reuid", strconv.Itoa(nobody), "--regid", strconv.Itoa(nobody), "--clear-groups", program, "-test.v", "-test.timeout=2m")
	command := exec.CommandContext(bounded(t), line[0], line[1:]...)
	command.Dir = dir
	command.Env = append(os.Environ(), "HOME="+dir, "TMPDIR="+dir, supervisorVariable+"="+supervisor, wantIDsVariable+"="+wantIDs)
	output, err := command.CombinedOutput()
	t.Logf("%s", output)
	if err != nil {
		t.Errorf("as an ordinary user: %v", err)
	}
}

const (
	nobody             = 65534
	supervisorVariable = "EVENTRIG_SANDBOX_TEST_SUPERVISOR"
	wantIDsVariable    = "EVENTRIG_SANDBOX_TEST_IDS"
)

func unprivilegedTests() bool { return os.Getenv(wantIDsVariable) != "" }

func TestAsAnOrdinaryUser(t *testing.T) { asUser(t, "1") }

func TestAsAnOrdinaryUserWithSubordinateIDs(t *testing.T) {
	if _, err := exec.LookPath("newuidmap"); err != nil {
		t.Skip("newuidmap is not installed: ", err)
	}
	table := filepath.Join(t.TempDir(), "subid")
	if err := os.WriteFile(table, []byte("nobody:200000:65536\n65534:300000:1000\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	// The tables are the machine's: cover them in a mount namespace of the run.
	asUser(t, strconv.Itoa(1+65536+1000), "unshare", "--mount", "sh", "-c",
		`mount --bind "$0" /etc/subuid && mount --bind "$0" /etc/subgid && exec "$@"`, table)
}

func TestRefusedNamespacesAreAnEnvironmentFailure(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to take the rights away from a user namespace of its own")
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command("unshare", "--user", "--map-root-user", "sh", "-c",
		`echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --inh-caps=-all --bounding-set=-all "$@"`, "sh", program, supervisor, t.TempDir())
	command.Env = append(os.Environ(), roleVariable+"=starter")
	output, err := command.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != int(failure.Environment) ||
		!strings.Contains(string(output), "max_user_namespaces=0") || !strings.Contains(string(output), "scripts/setup.sh --userns") {
		t.Errorf("%v: %s", err, output)
	}
}

func TestUserNamespaceHoldsTheIDsThatTheUserHas(t *testing.T) {
	box, dir := start(t)
	if !box.Unprivileged() {
		if os.Geteuid() != 0 || box.MappedIDs() < 1<<16 {
			t.Errorf("privileged as uid %d with %d ids", os.Geteuid(), box.MappedIDs())
		}
		return
	}
	if want := os.Getenv(wantIDsVariable); want != "" && strconv.Itoa(box.MappedIDs()) != want {
		t.Errorf("%d ids, want %s", box.MappedIDs(), want)
	}
	file := filepath.Join(dir, "owned")
	chown := "touch " + file + "; chown 1000:1000 " + file + " 2>/dev/null && stat -c %u " + file + " || echo refused"
	want := "1000"
	if box.MappedIDs() == 1 {
		want = "refused"
	}
	if got := shell(t, box, chown); got != want {
		t.Errorf("chown to uid 1000: %s, want %s", got, want)
	}
}
