package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/eventrig/eventrig/cmd/eventrig-kube/internal/runtime/spec"
)

// mounter mounts the image's files and the volumes after pivot_root, so that links in target paths lead to places inside
// the container.
type mounter struct {
	scratch  string   // on the old root: upper layers of overlays
	overlays int      // how many there are
	volumes  []string // resolved targets so far
}

func (m *mounter) bind(s source, b spec.Bind) error {
	target := filepath.Clean("/" + b.Target)
	if target == "/" {
		return fmt.Errorf("mount a volume at /: the root of a container cannot be replaced")
	}
	err := makePoint(target, s.dir)
	if errors.Is(err, unix.EROFS) || errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) {
		// The mount point would lie in a read-only tree of the host (/usr/bin): put a writable layer on its folder.
		if err = m.openUp(filepath.Dir(target)); err == nil {
			err = makePoint(target, s.dir)
		}
	}
	if err != nil {
		return fmt.Errorf("make the mount point %s: %w", b.Target, err)
	}
	if err := unix.Mount("/proc/self/fd/"+strconv.Itoa(s.fd), target, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("mount %s at %s: %w", b.Source, b.Target, err)
	}
	if b.ReadOnly {
		if err := makeReadonly(target, b.Recursive); err != nil {
			return fmt.Errorf("make %s read-only: %w", b.Target, err)
		}
	}
	if !b.Image {
		if resolved, err := filepath.EvalSymlinks(target); err == nil {
			target = resolved
		}
		m.volumes = append(m.volumes, target)
	}
	return nil
}

// openUp mounts an overlay on the deepest existing part of dir. Volumes are never opened up: an overlay would hide
// the kubelet's later updates of them.
func (m *mounter) openUp(dir string) error {
	for {
		resolved, err := filepath.EvalSymlinks(dir)
		if err == nil {
			dir = resolved
			break
		}
		if dir == "/" || !errors.Is(err, os.ErrNotExist) {
			return err
		}
		dir = filepath.Dir(dir)
	}
	for _, volume := range m.volumes {
		if dir == volume || strings.HasPrefix(dir, volume+"/") {
			return fmt.Errorf("%s lies in the read-only volume %s: %w", dir, volume, unix.EROFS)
		}
	}
	m.overlays++
	return overlay(dir, fmt.Sprintf("%s/overlay%d", m.scratch, m.overlays), dir)
}

// overlay mounts a writable view of lower at target, with its changes in the new folder layer.
func overlay(lower, layer, target string) error {
	upper, work := layer+"/upper", layer+"/work"
	for _, dir := range []string{upper, work} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("make an overlay's layer: %w", err)
		}
	}
	if info, err := os.Stat(lower); err == nil {
		// The merged folder shows the mode of the upper one.
		_ = unix.Chmod(upper, uint32(info.Mode().Perm()))
	}
	options := "lowerdir=" + escapeOption(lower) + ",upperdir=" + escapeOption(upper) + ",workdir=" + escapeOption(work)
	// In a user namespace trusted.* attributes are out of reach, on old kernels userxattr is unknown.
	err := unix.Mount("overlay", target, "overlay", 0, options+",userxattr")
	if err != nil {
		if plainErr := unix.Mount("overlay", target, "overlay", 0, options); plainErr == nil {
			return nil
		}
		return fmt.Errorf("mount an overlay on %s: %w", target, err)
	}
	return nil
}

func escapeOption(path string) string {
	return strings.NewReplacer(`\`, `\\`, `:`, `\:`, `,`, `\,`).Replace(path)
}

// makePoint makes the file or folder that something is to be mounted on.
func makePoint(path string, dir bool) error {
	if info, err := os.Stat(path); err == nil {
		if info.IsDir() != dir {
			if dir {
				return fmt.Errorf("a folder cannot be mounted on the file %s: %w", path, unix.ENOTDIR)
			}
			return fmt.Errorf("a file cannot be mounted on the folder %s: %w", path, unix.EISDIR)
		}
		return nil
	}
	if dir {
		return os.MkdirAll(path, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDONLY, 0o644)
	if err != nil {
		return err
	}
	return file.Close()
}

// makeReadonly makes a mount read-only, with those below it if recursive.
func makeReadonly(path string, recursive bool) error {
	flags := uint(0)
	if recursive {
		flags = unix.AT_RECURSIVE
	}
	err := unix.MountSetattr(unix.AT_FDCWD, path, flags, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY})
	if err == nil {
		return nil
	}
	// Before Linux 5.12, and under seccomp filters that do not know the call. Flags that a user namespace has locked have to be repeated.
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return err
	}
	keep := uintptr(st.Flags) & (unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC | unix.MS_NOATIME | unix.MS_NODIRATIME | unix.MS_RELATIME)
	return unix.Mount("", path, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY|keep, "")
}

// copyTree copies folders, files and links; devices and sockets are left out.
func copyTree(from, to string) error {
	err := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := to + strings.TrimPrefix(path, from)
		info, err := entry.Info()
		if err != nil {
			return err
		}
		switch {
		case entry.IsDir():
			if err := os.MkdirAll(target, 0o755); err != nil {
				return err
			}
			return os.Chmod(target, info.Mode())
		case info.Mode()&os.ModeSymlink != 0:
			link, err := os.Readlink(path)
			if err != nil {
				return err
			}
			return os.Symlink(link, target)
		case info.Mode().IsRegular():
			return copyFile(path, target, info.Mode())
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("copy %s of the image: %w", from, err)
	}
	return nil
}

func copyFile(from, to string, mode fs.FileMode) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, mode.Perm())
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}
