package main

import (
	"fmt"

	"github.com/moby/sys/capability"
	"golang.org/x/sys/unix"
)

// limitCapabilities leaves to what this thread becomes the capabilities of a mask, of those that it has. They leave the
// bounding set, of which execve makes those of root and which bounds what a file can give to others. It comes before the
// change of user, which takes the right to do so.
func limitCapabilities(mask uint64) error {
	last, err := capability.LastCap()
	if err != nil {
		return fmt.Errorf("ask for the kernel's capabilities: %w", err)
	}
	for c := capability.Cap(0); c <= last; c++ {
		if mask&(1<<c) != 0 {
			continue
		}
		if err := capability.DropBound(c); err != nil {
			return fmt.Errorf("drop the capability %s: %w", c, err)
		}
	}
	if err := capability.ResetAmbient(); err != nil {
		return fmt.Errorf("drop the ambient capabilities: %w", err)
	}
	// What is inheritable would come to root whatever the bounding set is.
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	if err := unix.Capget(&header, &sets[0]); err != nil {
		return fmt.Errorf("read the capabilities: %w", err)
	}
	sets[0].Inheritable, sets[1].Inheritable = 0, 0
	if err := unix.Capset(&header, &sets[0]); err != nil {
		return fmt.Errorf("drop the inheritable capabilities: %w", err)
	}
	return nil
}

// notAsRoot has execve give this process no capabilities although it is root: it stands in for a user that does not exist
// here, and that would have none.
func notAsRoot() error {
	const noRoot = 1 // SECBIT_NOROOT, linux/securebits.h
	if err := unix.Prctl(unix.PR_SET_SECUREBITS, noRoot, 0, 0, 0); err != nil {
		return fmt.Errorf("give up root's capabilities: %w", err)
	}
	return nil
}
