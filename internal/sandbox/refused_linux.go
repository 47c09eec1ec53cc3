package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/eventrig/eventrig/internal/failure"
)

// What to do where user namespaces are refused.
const (
	wayOut          = "run `scripts/setup.sh --userns`, which allows them, or run as root"
	containerWayOut = "start the container with --privileged (or with --security-opt seccomp=unconfined --security-opt apparmor=unconfined " +
		"--security-opt systempaths=unconfined), or use `--tier offline`"
)

// readSystem returns the trimmed text of a file, or "" when there is none.
func readSystem(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// startFailed says why a sandbox did not start. A refusal by the system is a failure.Environment that names the setting behind it, as
// far as read (readSystem, or a test's) tells.
func startFailed(err error, step string, unprivileged bool, read func(string) string) error {
	refused := false
	for _, errno := range []syscall.Errno{syscall.EPERM, syscall.EACCES, syscall.ENOSPC, syscall.EUSERS, syscall.EINVAL, syscall.ENOSYS} {
		refused = refused || errors.Is(err, errno)
	}
	if !refused {
		return fmt.Errorf("start sandbox: %s: %w", step, err)
	}
	if !unprivileged {
		return failure.New(failure.Environment, "look for a security module (AppArmor, SELinux, seccomp) that confines this process",
			"start sandbox: %s: the system refuses namespaces although this is root: %w", step, err)
	}
	reason, hint := refusal(err, read)
	var call *fs.PathError
	if errors.Is(err, syscall.ENOSPC) && errors.As(err, &call) && call.Op == "fork/exec" {
		// Clone's word for a limit that is reached. Neither a reader nor who asks for a full disk by errors.Is is to meet it.
		return failure.New(failure.Environment, hint, "start sandbox: %s: %s", step, reason)
	}
	return failure.New(failure.Environment, hint, "start sandbox: %s: %s: %w", step, reason, err)
}

// refusal names the setting that keeps this user from having a user namespace, and the way out.
func refusal(err error, read func(string) string) (reason, hint string) {
	const sysctl = "/proc/sys/"
	switch {
	case read(sysctl+"kernel/unprivileged_userns_clone") == "0":
		return "user namespaces are off for ordinary users (kernel.unprivileged_userns_clone=0)", wayOut
	case read(sysctl+"user/max_user_namespaces") == "0":
		return "user namespaces are off (user.max_user_namespaces=0)", wayOut
	case errors.Is(err, syscall.ENOSPC):
		return "the limit of user namespaces is reached (user.max_user_namespaces=" + read(sysctl+"user/max_user_namespaces") + ", or user.max_net_namespaces and the like)",
			"raise the limit with `sysctl -w user.max_user_namespaces=96000`, or run as root"
	case read(sysctl+"kernel/apparmor_restrict_unprivileged_userns") == "1":
		// The namespace is made, but AppArmor takes its capabilities away: the refusal shows at the first mount.
		return "AppArmor gives user namespaces of ordinary users no rights (kernel.apparmor_restrict_unprivileged_userns=1)", wayOut
	case strings.Contains(err.Error(), "mount /proc"):
		return "parts of /proc are covered, as in a container, and then the kernel allows no new one", containerWayOut
	case filtered(read):
		return "a seccomp filter, as containers have, refuses namespaces", containerWayOut
	default:
		return "the system refuses user namespaces", wayOut
	}
}

// filtered tells whether this process has a seccomp filter.
func filtered(read func(string) string) bool {
	for line := range strings.Lines(read("/proc/self/status")) {
		if mode, found := strings.CutPrefix(line, "Seccomp:"); found && strings.TrimSpace(mode) == "2" {
			return true
		}
	}
	return false
}
