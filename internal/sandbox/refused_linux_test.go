package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/eventrig/eventrig/internal/failure"
)

func TestARefusalNamesTheSettingAndTheWayOut(t *testing.T) {
	for name, test := range map[string]struct {
		err    error
		files  map[string]string
		reason string
		hint   string
	}{
		"Debian's switch": {syscall.EPERM, map[string]string{"/proc/sys/kernel/unprivileged_userns_clone": "0"}, "kernel.unprivileged_userns_clone=0", "scripts/setup.sh --userns"},
		"none allowed":    {syscall.ENOSPC, map[string]string{"/proc/sys/user/max_user_namespaces": "0"}, "user.max_user_namespaces=0", "scripts/setup.sh --userns"},
		"too many":        {syscall.ENOSPC, map[string]string{"/proc/sys/user/max_user_namespaces": "10"}, "limit", "sysctl"},
		"Ubuntu's AppArmor": {fmt.Errorf("make mounts private: %w", syscall.EACCES), map[string]string{"/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1"},
			"AppArmor", "scripts/setup.sh --userns"},
		"map refused":       {fmt.Errorf("write uid_map: %w", syscall.EPERM), nil, "refuses user namespaces", "run as root"},
		"seccomp":           {syscall.EPERM, map[string]string{"/proc/self/status": "Name:\tx\nSeccomp:\t2\n"}, "seccomp", "seccomp=unconfined"},
		"container's /proc": {fmt.Errorf("mount /proc: %w", syscall.EPERM), nil, "/proc", "systempaths=unconfined"},
	} {
		err := startFailed(test.err, "set it up", true, func(path string) string { return test.files[path] })
		if failure.ExitStatus(err) != int(failure.Environment) || !errors.Is(err, errors.Unwrap(test.err)) && !errors.Is(err, test.err) {
			t.Errorf("%s: %v has exit status %d", name, err, failure.ExitStatus(err))
		}
		if !strings.Contains(err.Error(), test.reason) || !strings.Contains(failure.Hint(err), test.hint) {
			t.Errorf("%s: %v\nhint: %s\nwant %q and %q", name, err, failure.Hint(err), test.reason, test.hint)
		}
	}
}

func TestOtherFailuresAreNotBlamedOnTheSystem(t *testing.T) {
	err := startFailed(syscall.ENOMEM, "start its first process", true, func(string) string { return "" })
	if failure.ExitStatus(err) == int(failure.Environment) || !errors.Is(err, syscall.ENOMEM) {
		t.Errorf("%v has exit status %d", err, failure.ExitStatus(err))
	}
}

func TestSubordinateRangesOfTheUser(t *testing.T) {
	table := "root:1:9\nada:100000:65536\n\n# ada:5:5:5\n1000:400000:10\nada:bad:1\nada:7:0\nadam:200000:65536\n"
	got := parseSubordinate([]byte(table), []string{"1000", "ada"})
	if want := []idRange{{100000, 65536}, {400000, 10}}; !slices.Equal(got, want) {
		t.Errorf("ranges %v, want %v", got, want)
	}
}

func TestAReachedLimitIsNoFullDisk(t *testing.T) {
	clone := &fs.PathError{Op: "fork/exec", Path: "/bin/eventrig-sandbox", Err: syscall.ENOSPC}
	err := startFailed(clone, "start its first process", true, func(string) string { return "0" })
	if errors.Is(err, syscall.ENOSPC) || strings.Contains(err.Error(), "no space") || !strings.Contains(failure.Hint(err), "scripts/setup.sh --userns") {
		t.Errorf("%v (hint: %s)", err, failure.Hint(err))
	}
}
