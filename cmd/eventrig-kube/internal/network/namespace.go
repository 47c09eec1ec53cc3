package network

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

const ownNamespace = "/proc/thread-self/ns/net"

// makeNamespace makes a network namespace and pins it at path, where it outlives every process in it.
//
// The thread that makes it goes back to its own namespace afterwards. Throwing the thread away instead would end
// each process that it started with a parent-death signal.
func makeNamespace(path string) (err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDONLY, 0o444)
	if err != nil {
		return fmt.Errorf("make the network namespace's file: %w", err)
	}
	if err := file.Close(); err != nil {
		return fmt.Errorf("make the network namespace's file: %w", err)
	}

	runtime.LockOSThread()
	own, err := os.Open(ownNamespace)
	if err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("open this thread's network namespace: %w", err)
	}
	defer own.Close()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("make a network namespace: %w", err)
	}
	mountErr := unix.Mount(ownNamespace, path, "", unix.MS_BIND, "")
	if err := unix.Setns(int(own.Fd()), unix.CLONE_NEWNET); err != nil {
		// The thread stays locked and ends with its goroutine: nothing else may run on it in the wrong namespace.
		return fmt.Errorf("go back to the node's network namespace: %w", err)
	}
	runtime.UnlockOSThread()
	if mountErr != nil {
		return fmt.Errorf("pin the network namespace: %w", mountErr)
	}
	return nil
}

func removeNamespace(path string) error {
	if err := unix.Unmount(path, unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("unpin the network namespace: %w", err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the network namespace's file: %w", err)
	}
	return nil
}

// handleAt returns a netlink handle whose socket is in the namespace.
func handleAt(namespace int) (*netlink.Handle, error) {
	h, err := netlink.NewHandleAt(netns.NsHandle(namespace), unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open netlink in the pod's namespace: %w", err)
	}
	return h, nil
}
