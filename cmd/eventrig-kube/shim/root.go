package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/eventrig/eventrig/cmd/eventrig-kube/internal/runtime/spec"
)

// oldRoot is where the node's tree hangs while the volumes are mounted.
const oldRoot = "/.eventrig-node"

// hostTrees make up the read-only part of a container without a root file system of its own.
var hostTrees = []string{"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix"}

// hostConfig are the entries of the host's /etc that programs of the host's /usr need: certificates, the loader's cache,
// the targets of Debian's alternatives.
var hostConfig = []string{"ssl", "ca-certificates", "pki", "crypto-policies", "alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d",
	"localtime", "protocols", "services", "mime.types", "python3", "perl", "gai.conf", "magic", "mailcap", "openstack"}

var devices = []string{"null", "zero", "full", "random", "urandom", "tty"}

// source is a bind source, opened before pivot_root: afterwards its path means something else.
type source struct {
	fd  int
	dir bool
}

func openSource(path string) (source, error) {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return source{}, fmt.Errorf("open %s to mount it: %w", path, err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return source{}, fmt.Errorf("stat %s: %w", path, err)
	}
	return source{fd: fd, dir: st.Mode&unix.S_IFMT == unix.S_IFDIR}, nil
}

// buildRoot makes the container's tree and moves this process into it.
func buildRoot(c *spec.Container, warn func(string)) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make the mounts private: %w", err)
	}
	sources := make([]source, len(c.Binds))
	for i, b := range c.Binds {
		s, err := openSource(b.Source)
		if err != nil {
			return err
		}
		sources[i] = s
	}
	if err := unix.Mount("tmpfs", c.Scratch, "tmpfs", 0, "mode=0755"); err != nil {
		return fmt.Errorf("mount the container's scratch folder: %w", err)
	}
	root := c.Scratch + "/root"
	if err := os.Mkdir(root, 0o755); err != nil {
		return fmt.Errorf("make the root folder: %w", err)
	}
	if c.Rootfs == "" {
		if err := hostSkeleton(root); err != nil {
			return err
		}
	} else if err := imageRoot(c.Rootfs, c.Scratch, root, warn); err != nil {
		return err
	}
	if err := kernelMounts(root, c.WritableSys, warn); err != nil {
		return err
	}
	if err := os.MkdirAll(root+oldRoot, 0o700); err != nil {
		return fmt.Errorf("make room for the old root: %w", err)
	}
	if err := unix.PivotRoot(root, root+oldRoot); err != nil {
		return fmt.Errorf("pivot_root: %w", err)
	}
	if err := unix.Chdir("/"); err != nil {
		return fmt.Errorf("enter the new root: %w", err)
	}
	m := mounter{scratch: oldRoot + c.Scratch}
	for i, b := range c.Binds {
		if err := m.bind(sources[i], b); err != nil {
			return err
		}
		unix.Close(sources[i].fd)
	}
	if err := unix.Unmount(oldRoot, unix.MNT_DETACH); err != nil {
		return fmt.Errorf("let go of the node's tree: %w", err)
	}
	_ = os.Remove(oldRoot) // an empty folder at worst
	return nil
}

// hostSkeleton is a tmpfs with the host's programs read-only and everything else private and writable.
func hostSkeleton(root string) error {
	if err := unix.Mount("tmpfs", root, "tmpfs", 0, "mode=0755"); err != nil {
		return fmt.Errorf("mount the root skeleton: %w", err)
	}
	for _, tree := range hostTrees {
		if err := mirror(tree, root+tree); err != nil {
			return err
		}
	}
	if err := skeletonFolders(root); err != nil {
		return err
	}
	for _, name := range hostConfig {
		if err := mirror("/etc/"+name, root+"/etc/"+name); err != nil {
			return err
		}
	}
	files := map[string]string{
		"passwd":        "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/:/usr/sbin/nologin\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n",
		"group":         "root:x:0:\ndaemon:x:1:\ntty:x:5:\nnogroup:x:65534:\n",
		"nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
		"hosts":         "127.0.0.1 localhost\n::1 localhost\n",
	}
	for name, content := range files {
		if err := os.WriteFile(root+"/etc/"+name, []byte(content), 0o644); err != nil {
			return fmt.Errorf("write the container's /etc/%s: %w", name, err)
		}
	}
	return nil
}

func skeletonFolders(root string) error {
	for path, mode := range map[string]uint32{"/etc": 0o755, "/tmp": 0o1777, "/var": 0o755, "/run": 0o755, "/root": 0o700, "/home": 0o755,
		"/proc": 0o755, "/dev": 0o755, "/sys": 0o755, "/var/tmp": 0o1777, "/var/lib": 0o755, "/var/log": 0o755, "/var/cache": 0o755, "/opt": 0o755, "/srv": 0o755, "/mnt": 0o755} {
		if err := os.MkdirAll(root+path, 0o755); err != nil {
			return fmt.Errorf("make the container's %s: %w", path, err)
		}
		if err := unix.Chmod(root+path, mode); err != nil {
			return fmt.Errorf("set the mode of the container's %s: %w", path, err)
		}
	}
	if err := os.Symlink("/run", root+"/var/run"); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("link the container's /var/run: %w", err)
	}
	return nil
}

// mirror shows a path of the host read-only: a symlink stays a symlink, what the host lacks is left out.
func mirror(from, to string) error {
	info, err := os.Lstat(from)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at the host's %s: %w", from, err)
	}
	if info.Mode()&os.ModeSymlink != 0 {
		target, err := os.Readlink(from)
		if err != nil {
			return fmt.Errorf("read the host's link %s: %w", from, err)
		}
		if err := os.Symlink(target, to); err != nil && !errors.Is(err, os.ErrExist) {
			return fmt.Errorf("link the container's %s: %w", from, err)
		}
		return nil
	}
	if !info.IsDir() && !info.Mode().IsRegular() {
		return nil
	}
	if err := makePoint(to, info.IsDir()); err != nil {
		return fmt.Errorf("make the container's %s: %w", from, err)
	}
	if err := unix.Mount(from, to, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("mount the host's %s: %w", from, err)
	}
	if err := makeReadonly(to, true); err != nil {
		return fmt.Errorf("make the container's %s read-only: %w", from, err)
	}
	return nil
}

// imageRoot mounts an unpacked image: an overlay, or where overlays are refused its folders one by one, read-only but for
// copies of the small ones that containers write to.
func imageRoot(rootfs, scratch, root string, warn func(string)) error {
	overlayErr := overlay(rootfs, scratch+"/rootfs", root)
	if overlayErr == nil {
		return skeletonFoldersMissing(root)
	}
	warn(fmt.Sprintf("the image's root file system is read-only except for /etc, /root, /home, /run, /tmp and /var: overlay is refused here: %v", overlayErr))
	if err := unix.Mount("tmpfs", root, "tmpfs", 0, "mode=0755"); err != nil {
		return fmt.Errorf("mount the root skeleton: %w", err)
	}
	entries, err := os.ReadDir(rootfs)
	if err != nil {
		return fmt.Errorf("list the image's root file system: %w", err)
	}
	for _, entry := range entries {
		from, to := filepath.Join(rootfs, entry.Name()), filepath.Join(root, entry.Name())
		switch entry.Name() {
		case "proc", "sys", "dev", "tmp", "run":
		case "etc", "root", "home", "var":
			if err := copyTree(from, to); err != nil {
				return err
			}
		default:
			if err := mirror(from, to); err != nil {
				return err
			}
		}
	}
	return skeletonFoldersMissing(root)
}

// skeletonFoldersMissing adds the mount points and folders that every container has and leaves those of the image as they are.
func skeletonFoldersMissing(root string) error {
	for _, f := range []struct {
		path string
		mode uint32
	}{{"/proc", 0o755}, {"/sys", 0o755}, {"/dev", 0o755}, {"/etc", 0o755}, {"/run", 0o755}, {"/tmp", 0o1777}, {"/var", 0o755}, {"/var/tmp", 0o1777}} {
		if _, err := os.Lstat(root + f.path); err == nil {
			continue
		}
		if err := os.Mkdir(root+f.path, 0o755); err != nil {
			return fmt.Errorf("make the container's %s: %w", f.path, err)
		}
		if err := unix.Chmod(root+f.path, f.mode); err != nil {
			return fmt.Errorf("set the mode of the container's %s: %w", f.path, err)
		}
	}
	return nil
}

// kernelMounts are /proc, /sys and /dev.
func kernelMounts(root string, writableSys bool, warn func(string)) error {
	if err := unix.Mount("proc", root+"/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		// A masked /proc around us (a container without privileges) forbids a fresh one.
		if bindErr := unix.Mount("/proc", root+"/proc", "", unix.MS_BIND|unix.MS_REC, ""); bindErr != nil {
			return fmt.Errorf("mount /proc: %w", err)
		}
		warn(fmt.Sprintf("/proc is the node's: a fresh one is refused here: %v", err))
	}
	if err := unix.Mount("/sys", root+"/sys", "", unix.MS_BIND|unix.MS_REC, ""); err == nil && !writableSys {
		if err := makeReadonly(root+"/sys", true); err != nil {
			warn(fmt.Sprintf("/sys is writable: %v", err))
		}
	}
	dev := root + "/dev"
	if err := unix.Mount("tmpfs", dev, "tmpfs", unix.MS_NOSUID, "mode=0755"); err != nil {
		return fmt.Errorf("mount /dev: %w", err)
	}
	for _, name := range devices {
		if err := makePoint(dev+"/"+name, false); err != nil {
			return fmt.Errorf("make /dev/%s: %w", name, err)
		}
		if err := unix.Mount("/dev/"+name, dev+"/"+name, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("mount /dev/%s: %w", name, err)
		}
	}
	for name, target := range map[string]string{"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2", "ptmx": "pts/ptmx"} {
		if err := os.Symlink(target, dev+"/"+name); err != nil {
			return fmt.Errorf("link /dev/%s: %w", name, err)
		}
	}
	for _, m := range []struct{ name, kind, options string }{
		{"pts", "devpts", "newinstance,ptmxmode=0666,mode=0620"}, {"shm", "tmpfs", "mode=1777,size=65536k"}, {"mqueue", "mqueue", ""}} {
		if err := os.Mkdir(dev+"/"+m.name, 0o755); err != nil {
			return fmt.Errorf("make /dev/%s: %w", m.name, err)
		}
		if err := unix.Mount(m.kind, dev+"/"+m.name, m.kind, unix.MS_NOSUID|unix.MS_NOEXEC, m.options); err != nil && m.name != "mqueue" {
			return fmt.Errorf("mount /dev/%s: %w", m.name, err)
		}
	}
	return nil
}
