package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/eventrig/eventrig/cmd/eventrig-kube/internal/runtime/spec"
)

// identity is a user as numbers.
type identity struct {
	uid, gid int
	groups   []int
	home     string
}

// resolveUser looks a user up in the container's own /etc/passwd and /etc/group.
func resolveUser(u spec.User) (identity, error) {
	name, group, _ := strings.Cut(u.Name, ":")
	if u.UID != nil {
		name = strconv.FormatInt(*u.UID, 10)
	}
	if name == "" {
		name = "0"
	}
	id := identity{home: "/"}
	login := ""
	found := eachLine("/etc/passwd", 7, func(f []string) bool {
		if f[0] != name && f[2] != name {
			return false
		}
		uid, err1 := strconv.Atoi(f[2])
		gid, err2 := strconv.Atoi(f[3])
		if err1 != nil || err2 != nil {
			return false
		}
		login, id.uid, id.gid = f[0], uid, gid
		if f[5] != "" {
			id.home = f[5]
		}
		return true
	})
	if !found {
		uid, err := strconv.Atoi(name)
		if err != nil {
			return identity{}, fmt.Errorf("find the user %q: no such entry in the container's /etc/passwd", name)
		}
		id.uid = uid
		if uid == 0 {
			id.home = "/root"
		}
	}
	switch {
	case u.GID != nil:
		id.gid = int(*u.GID)
	case group != "" && u.UID == nil:
		gid, err := resolveGroup(group)
		if err != nil {
			return identity{}, err
		}
		id.gid = gid
	}
	for _, g := range u.Groups {
		id.groups = append(id.groups, int(g))
	}
	if login != "" && !u.Strict {
		eachLine("/etc/group", 4, func(f []string) bool {
			for _, member := range strings.Split(f[3], ",") {
				if gid, err := strconv.Atoi(f[2]); err == nil && member == login {
					id.groups = append(id.groups, gid)
				}
			}
			return false
		})
	}
	return id, nil
}

func resolveGroup(name string) (int, error) {
	if gid, err := strconv.Atoi(name); err == nil {
		return gid, nil
	}
	gid := -1
	eachLine("/etc/group", 3, func(f []string) bool {
		if n, err := strconv.Atoi(f[2]); err == nil && f[0] == name {
			gid = n
		}
		return gid >= 0
	})
	if gid < 0 {
		return 0, fmt.Errorf("find the group %q: no such entry in the container's /etc/group", name)
	}
	return gid, nil
}

// eachLine calls f with the fields of each line that has enough of them, until f says that it has what it wants.
func eachLine(path string, fields int, f func([]string) bool) bool {
	file, err := os.Open(path)
	if err != nil {
		return false // an image without the file has no names, only numbers
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if parts := strings.Split(lines.Text(), ":"); len(parts) >= fields && f(parts) {
			return true
		}
	}
	return false
}

const waysToMoreIDs = "run eventrig as root, or give the user a range in /etc/subuid and /etc/subgid"

// assume changes this process to the identity. In a user namespace with a single uid every other one is refused: with
// lenient the process then stays who it is and warn hears of it.
func (id identity) assume(lenient bool, warn func(string)) error {
	if err := unix.Setgroups(append([]int{id.gid}, id.groups...)); err != nil {
		if !lenient && !(errors.Is(err, unix.EPERM) && len(id.groups) == 0) {
			return fmt.Errorf("set the supplementary groups %v: %w", id.groups, err)
		}
		if len(id.groups) > 0 {
			warn(fmt.Sprintf("supplementary groups %v are ignored: they do not exist in this user namespace (%s)", id.groups, waysToMoreIDs))
		}
	}
	if err := unix.Setresgid(id.gid, id.gid, id.gid); err != nil {
		if !lenient {
			return fmt.Errorf("change to group %d: %w", id.gid, err)
		}
		warn(fmt.Sprintf("group %d is ignored: it does not exist in this user namespace (%s)", id.gid, waysToMoreIDs))
	}
	if err := unix.Setresuid(id.uid, id.uid, id.uid); err != nil {
		if !lenient {
			return fmt.Errorf("change to user %d: %w", id.uid, err)
		}
		warn(fmt.Sprintf("runs as uid %d instead of %d, which does not exist in this user namespace (%s)", os.Getuid(), id.uid, waysToMoreIDs))
		return notAsRoot()
	}
	return nil
}
