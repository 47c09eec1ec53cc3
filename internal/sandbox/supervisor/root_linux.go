package supervisor

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/eventrig/eventrig/internal/sandbox/protocol"
)

// A process with a root file system and folders of the sandbox in it starts as a copy of this program in a mount namespace of its own:
// it puts the tree together there, says on a pipe what failed, and becomes the process. The sandbox's own mounts never change, and the
// tree goes when the process does.

// kernelFolders are the sandbox's in every such tree.
var kernelFolders = []string{"/proc", "/sys", "/dev"}

// rootReportFD is where the copy finds its pipe. The pipe closes without a word when the process is executed.
const rootReportFD = 3

// startInRoot starts the copy and returns its pid, and the read end of its pipe.
func startInRoot(run protocol.Run, attributes *syscall.ProcAttr) (int, *os.File, error) {
	reader, writer, err := os.Pipe()
	if err != nil {
		return 0, nil, fmt.Errorf("make pipe: %w", err)
	}
	defer writer.Close()
	arguments := []string{"eventrig-sandbox", protocol.EnterRoot, run.Root, strings.Join(run.Binds, "\x01"), attributes.Dir, run.Path}
	system := *attributes.Sys
	system.Chroot, system.Cloneflags = "", syscall.CLONE_NEWNS
	pid, err := syscall.ForkExec("/proc/self/exe", append(arguments, run.Args...), &syscall.ProcAttr{
		Dir: "/", Env: attributes.Env, Files: append(slices.Clone(attributes.Files), writer.Fd()), Sys: &system,
	})
	if err != nil {
		_ = reader.Close()
		return 0, nil, err
	}
	return pid, reader, nil
}

// awaitRoot returns what the copy said before it ended, or nil when it has become the process.
func awaitRoot(reader *os.File) error {
	defer reader.Close()
	var reply protocol.Reply
	if err := json.NewDecoder(reader).Decode(&reply); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read pipe: %w", err)
	}
	return reply.Err()
}

// enterRoot is the copy: it gets root, binds, working folder, program and its arguments.
func enterRoot(arguments []string) int {
	var status unix.Stat_t
	if err := unix.Fstat(rootReportFD, &status); err != nil || status.Mode&unix.S_IFMT != unix.S_IFIFO || len(arguments) < 4 {
		return byHand()
	}
	unix.CloseOnExec(rootReportFD)
	report := os.NewFile(rootReportFD, "report")
	root, dir, path := arguments[0], arguments[2], arguments[3]
	command := arguments[3:]
	var binds []string
	if arguments[1] != "" {
		binds = strings.Split(arguments[1], "\x01")
	}
	err := assembleRoot(root, binds)
	if err == nil {
		if err = os.Chdir(dir); err != nil {
			err = fmt.Errorf("working folder: %w", err)
		}
	}
	if err == nil {
		path, err = findProgram(protocol.Run{Path: path, Env: os.Environ()})
	}
	if err == nil {
		err = fmt.Errorf("execute %s in %s: %w", path, root, syscall.Exec(path, command, os.Environ()))
	}
	var reply protocol.Reply
	reply.Fail(err)
	if err := json.NewEncoder(report).Encode(reply); err != nil {
		log.Printf("report: %v", err)
	}
	return 1
}

// assembleRoot makes a tree of the root file system's parts, read-only, and of the sandbox's kernel folders and binds, as they are, the
// root of this mount namespace. A folder that has one of those below it is made anew, because the root file system itself is not to
// be written. /tmp is the tree's own.
func assembleRoot(root string, binds []string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	lower, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open root %s: %w", root, err)
	}
	defer unix.Close(lower)
	outside := slices.Concat(kernelFolders, binds)
	trees := map[string]int{} // held before the new root covers anything
	for _, path := range outside {
		if !filepath.IsAbs(path) {
			return fmt.Errorf("bind %s: the path is not absolute", path)
		}
		tree, err := unix.OpenTree(unix.AT_FDCWD, path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
		if err != nil {
			return fmt.Errorf("hold %s: %w", path, err)
		}
		defer unix.Close(tree)
		trees[filepath.Clean(path)] = tree
	}
	if err := mountTmpfs(root, "0755"); err != nil {
		return err
	}
	a := assembly{lower: fmt.Sprintf("/proc/self/fd/%d", lower), upper: root, trees: trees}
	if err := a.folder("/"); err != nil {
		return err
	}
	if err := os.Chdir(root); err != nil {
		return fmt.Errorf("enter root: %w", err)
	}
	if err := unix.MountSetattr(unix.AT_FDCWD, ".", 0, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}); err != nil {
		return fmt.Errorf("make root read-only: %w", err)
	}
	// The old root ends up above the new one, in the same place, and is let go from there.
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("pivot root to %s: %w", root, err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("let go of old root: %w", err)
	}
	return nil
}

// assembly is a tree that is being put together.
type assembly struct {
	lower, upper string         // the root file system, and what is made of it
	trees        map[string]int // what comes from outside, by path in the tree
}

// folder fills a folder of the tree that exists.
func (a assembly) folder(dir string) error {
	entries, err := os.ReadDir(a.lower + dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
		return fmt.Errorf("read root file system: %w", err)
	}
	done := map[string]bool{}
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		done[path] = true
		if err := a.entry(path, entry.Type()); err != nil {
			return err
		}
	}
	for _, path := range append(a.below(dir), missingTmp(dir)...) {
		if !done[path] {
			done[path] = true
			if err := a.entry(path, os.ModeDir); err != nil {
				return err
			}
		}
	}
	return nil
}

// entry makes one entry of the tree.
func (a assembly) entry(path string, kind os.FileMode) error {
	tree, isOutside := a.trees[path]
	switch {
	case isOutside:
		return a.attach(tree, path)
	case path == "/tmp":
		return errors.Join(a.makeFolder(path, 0o755), mountTmpfs(a.upper+path, "1777"), a.folder(path))
	case len(a.below(path)) > 0:
		if kind&os.ModeSymlink != 0 {
			return fmt.Errorf("bind %s: %s is a link in the root file system", a.below(path)[0], path)
		}
		return errors.Join(a.makeFolder(path, 0o755), a.folder(path))
	case kind&os.ModeSymlink != 0:
		target, err := os.Readlink(a.lower + path)
		if err == nil {
			err = os.Symlink(target, a.upper+path)
		}
		if err != nil {
			return fmt.Errorf("make link: %w", err)
		}
		return nil
	case kind.IsDir() || kind.IsRegular():
		part, err := unix.OpenTree(unix.AT_FDCWD, a.lower+path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
		if err != nil {
			return fmt.Errorf("hold %s of the root file system: %w", path, err)
		}
		defer unix.Close(part)
		readOnly := &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID}
		if err := unix.MountSetattr(part, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, readOnly); err != nil {
			return fmt.Errorf("make %s of the root file system read-only: %w", path, err)
		}
		return a.attach(part, path)
	default:
		return nil // sockets, pipes and devices are nothing that a package brings along
	}
}

func mountTmpfs(path, mode string) error {
	if err := unix.Mount("tmpfs", path, "tmpfs", unix.MS_NODEV|unix.MS_NOSUID, "size=80%,mode="+mode); err != nil {
		return fmt.Errorf("mount tmpfs on %s: %w", path, err)
	}
	return nil
}

// attach mounts a tree that is held at a path, which it makes a folder or a file as the tree is.
func (a assembly) attach(tree int, path string) error {
	var status unix.Stat_t
	if err := unix.Fstat(tree, &status); err != nil {
		return fmt.Errorf("look at %s: %w", path, err)
	}
	if status.Mode&unix.S_IFMT == unix.S_IFDIR {
		if err := a.makeFolder(path, 0o755); err != nil {
			return err
		}
	} else if err := os.WriteFile(a.upper+path, nil, 0o644); err != nil {
		return fmt.Errorf("make mount point: %w", err)
	}
	if err := unix.MoveMount(tree, "", unix.AT_FDCWD, a.upper+path, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return fmt.Errorf("mount %s: %w", path, err)
	}
	return nil
}

func (a assembly) makeFolder(path string, mode uint32) error {
	// Not os.Mkdir: the umask is the caller's.
	err := unix.Mkdir(a.upper+path, mode)
	if err == nil {
		err = unix.Chmod(a.upper+path, mode)
	}
	if err != nil {
		return fmt.Errorf("make folder %s: %w", path, err)
	}
	return nil
}

// below returns the entries of a folder that lead to something from outside.
func (a assembly) below(dir string) []string {
	prefix := strings.TrimSuffix(dir, "/") + "/"
	var found []string
	for path := range a.trees {
		if rest, ok := strings.CutPrefix(path, prefix); ok {
			name, _, _ := strings.Cut(rest, "/")
			found = append(found, prefix+name)
		}
	}
	return found
}

func missingTmp(dir string) []string {
	if dir == "/" {
		return []string{"/tmp"}
	}
	return nil
}
