package sandbox

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// allIDs is what the first user namespace's map holds.
const allIDs = 1<<32 - 1

// idRange is a span of subordinate ids.
type idRange struct{ start, count int }

// canMakeNamespaces tells whether namespaces can be made without a user namespace: root's CAP_SYS_ADMIN and CAP_NET_ADMIN. (Root in
// a container lacks both.)
func canMakeNamespaces() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if os.Geteuid() != 0 || unix.Capget(&header, &data[0]) != nil {
		return false
	}
	const needed = 1<<unix.CAP_SYS_ADMIN | 1<<unix.CAP_NET_ADMIN
	return data[0].Effective&needed == needed
}

// writeMaps maps the caller to root inside, and the caller's subordinate ids behind it where there are any and newuidmap can be had;
// else the caller alone, which needs no privilege. It returns the number of ids inside.
func writeMaps(ctx context.Context, pid int) (int, error) {
	uids := writeSubordinate(ctx, "newuidmap", "/etc/subuid", pid, os.Geteuid())
	if uids == 0 {
		if err := writeOne(pid, "uid_map", os.Geteuid()); err != nil {
			return 0, err
		}
		uids = 1
	}
	gids := writeSubordinate(ctx, "newgidmap", "/etc/subgid", pid, os.Getegid())
	if gids == 0 {
		// The kernel allows an unprivileged group map only where setgroups cannot drop a group that denies access.
		if err := os.WriteFile(fmt.Sprintf("/proc/%d/setgroups", pid), []byte("deny"), 0); err != nil {
			return 0, fmt.Errorf("deny setgroups: %w", err)
		}
		if err := writeOne(pid, "gid_map", os.Getegid()); err != nil {
			return 0, err
		}
		gids = 1
	}
	return min(uids, gids), nil
}

func writeOne(pid int, name string, id int) error {
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/%s", pid, name), fmt.Appendf(nil, "0 %d 1\n", id), 0); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// writeSubordinate has the set-uid helper write a map and returns its size, or 0 when it could not: then the map is still empty.
func writeSubordinate(ctx context.Context, helper, table string, pid, id int) int {
	text, err := os.ReadFile(table)
	if err != nil {
		return 0
	}
	ranges := parseSubordinate(text, userNames())
	if len(ranges) == 0 {
		return 0
	}
	path, err := exec.LookPath(helper)
	if err != nil {
		path = filepath.Join("/usr/bin", helper)
	}
	args := []string{strconv.Itoa(pid), "0", strconv.Itoa(id), "1"}
	next := 1
	for _, r := range ranges {
		args = append(args, strconv.Itoa(next), strconv.Itoa(r.start), strconv.Itoa(r.count))
		next += r.count
	}
	if exec.CommandContext(ctx, path, args...).Run() != nil {
		return 0
	}
	return next
}

// userNames are the names that the caller's subordinate ids may stand under; both tables are keyed by user.
func userNames() []string {
	names := []string{strconv.Itoa(os.Geteuid())}
	if account, err := user.LookupId(names[0]); err == nil {
		names = append(names, account.Username)
	}
	return names
}

// parseSubordinate returns the ranges of a subuid(5) file that belong to one of names.
func parseSubordinate(text []byte, names []string) []idRange {
	var ranges []idRange
	for line := range bytes.Lines(text) {
		fields := strings.Split(strings.TrimSpace(string(line)), ":")
		if len(fields) != 3 {
			continue
		}
		start, startErr := strconv.Atoi(fields[1])
		count, countErr := strconv.Atoi(fields[2])
		if startErr != nil || countErr != nil || count <= 0 {
			continue
		}
		for _, name := range names {
			if fields[0] == name {
				ranges = append(ranges, idRange{start, count})
				break
			}
		}
	}
	return ranges
}

// countMapped sums the sizes in a uid_map file.
func countMapped(file string) int {
	text, err := os.ReadFile(file)
	if err != nil {
		return 1
	}
	total := 0
	for line := range bytes.Lines(text) {
		fields := strings.Fields(string(line))
		if len(fields) != 3 {
			continue
		}
		if count, err := strconv.Atoi(fields[2]); err == nil {
			total += count
		}
	}
	return total
}
