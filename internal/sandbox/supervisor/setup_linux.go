package supervisor

import (
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/eventrig/eventrig/internal/sandbox/protocol"
)

// serviceCIDR holds the cluster's virtual service addresses.
const serviceCIDR = "10.96.0.0/16"

// setup makes the namespaces that the supervisor was started in into a sandbox.
func setup(c protocol.Init) error {
	// First of all: where the host's mounts are shared (systemd's default), everything below would show up on the host.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	if err := mountSysfs(); err != nil {
		log.Printf("/sys stays the host's: %v", err)
	}
	if c.Hostname != "" {
		if err := unix.Sethostname([]byte(c.Hostname)); err != nil {
			return fmt.Errorf("set host name %q: %w", c.Hostname, err)
		}
		if err := mountHosts(c); err != nil {
			log.Printf("/etc/hosts stays the host's: %v", err)
		}
	}
	for _, dir := range c.Tmpfs {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("make tmpfs mount point: %w", err)
		}
		if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NODEV, "size=80%,mode=0755"); err != nil {
			return fmt.Errorf("mount tmpfs on %s: %w", dir, err)
		}
	}
	return setupNetwork(c.Addresses)
}

// mountSysfs shows the new network namespace's interfaces in /sys, keeping the host's cgroup mounts where they were. A mount of
// sysfs is refused in a user namespace where parts of the host's /sys are covered, as in a container.
func mountSysfs() error {
	cgroups, err := unix.OpenTree(unix.AT_FDCWD, "/sys/fs/cgroup", unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
	if err != nil {
		return fmt.Errorf("hold /sys/fs/cgroup: %w", err)
	}
	defer func() { _ = unix.Close(cgroups) }()
	if err := unix.Mount("sysfs", "/sys", "sysfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount sysfs: %w", err)
	}
	if err := unix.MoveMount(cgroups, "", unix.AT_FDCWD, "/sys/fs/cgroup", unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		_ = unix.Unmount("/sys", unix.MNT_DETACH)
		return fmt.Errorf("keep /sys/fs/cgroup: %w", err)
	}
	return nil
}

// mountHosts makes the sandbox's host name resolvable inside: a program that looks up its own name (Erlang does) would wait for a DNS
// server that cannot be reached from here.
func mountHosts(c protocol.Init) error {
	if c.Dir == "" {
		return errors.New("the sandbox has no folder to keep its own in")
	}
	address := "127.0.0.1"
	if len(c.Addresses) > 0 {
		address, _, _ = strings.Cut(c.Addresses[0], "/")
	}
	file := filepath.Join(c.Dir, "hosts")
	text := fmt.Sprintf("127.0.0.1 localhost\n::1 localhost\n%s %s\n", address, c.Hostname)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return fmt.Errorf("write hosts file: %w", err)
	}
	if err := unix.Mount(file, "/etc/hosts", "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind %s: %w", file, err)
	}
	return nil
}

func setupNetwork(addresses []string) error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("find lo: %w", err)
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		return fmt.Errorf("set lo up: %w", err)
	}
	_, services, err := net.ParseCIDR(serviceCIDR)
	if err != nil {
		return fmt.Errorf("parse service network: %w", err)
	}
	var source net.IP // of what is sent to a service from the sandbox itself
	for _, text := range addresses {
		address, err := netlink.ParseAddr(text)
		if err != nil {
			return fmt.Errorf("parse address %q: %w", text, err)
		}
		if err := netlink.AddrAdd(lo, address); err != nil {
			return fmt.Errorf("add address %s to lo: %w", text, err)
		}
		if source == nil && address.IP.To4() != nil && !services.Contains(address.IP) {
			source = address.IP
		}
	}
	if source != nil {
		// A service address is rewritten by netfilter's output hook, which runs after the routing decision: an `unreachable` route would
		// refuse it before. As a local network the rewriting takes place, and an address without a service refuses
		// connections at once, as a cluster's does.
		route := &netlink.Route{LinkIndex: lo.Attrs().Index, Dst: services, Src: source,
			Type: unix.RTN_LOCAL, Scope: netlink.SCOPE_HOST, Table: unix.RT_TABLE_LOCAL}
		if err := netlink.RouteAdd(route); err != nil {
			return fmt.Errorf("add route to %s: %w", serviceCIDR, err)
		}
	}
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644); err != nil {
		return fmt.Errorf("forward packets: %w", err)
	}
	return nil
}
