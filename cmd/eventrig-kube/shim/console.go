package main

import (
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/eventrig/eventrig/cmd/eventrig-kube/internal/runtime/spec"
)

// takeTerminal makes a terminal in the container's own /dev/pts, where its programs find it by name, connects this process's
// stdin, stdout and stderr with it, sends the other end to the runtime and returns the terminal's name.
func takeTerminal() (string, error) {
	// Nonblocking, so that a read of the runtime ends when it closes the file.
	master, err := unix.Open("/dev/pts/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return "", fmt.Errorf("open a terminal: %w", err)
	}
	defer unix.Close(master)
	if err := unix.IoctlSetPointerInt(master, unix.TIOCSPTLCK, 0); err != nil {
		return "", fmt.Errorf("unlock the terminal: %w", err)
	}
	number, err := unix.IoctlGetInt(master, unix.TIOCGPTN)
	if err != nil {
		return "", fmt.Errorf("find the terminal's other end: %w", err)
	}
	name := "/dev/pts/" + strconv.Itoa(number)
	slave, err := unix.Open(name, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", fmt.Errorf("open the terminal's other end: %w", err)
	}
	defer unix.Close(slave)
	for fd := 0; fd <= 2; fd++ {
		if err := unix.Dup3(slave, fd, 0); err != nil {
			return "", fmt.Errorf("connect the terminal: %w", err)
		}
	}
	if err := unix.Sendmsg(spec.ConsoleFD, []byte{0}, unix.UnixRights(master), nil, 0); err != nil {
		return "", fmt.Errorf("hand the terminal to the runtime: %w", err)
	}
	unix.Close(spec.ConsoleFD)
	return name, nil
}

// ownTerminal makes a terminal the controlling one of this session, and shows it as /dev/console, where some programs look
// for it.
func ownTerminal(warn func(string)) error {
	name, err := takeTerminal()
	if err != nil {
		return err
	}
	if err := unix.IoctlSetInt(0, unix.TIOCSCTTY, 0); err != nil {
		return fmt.Errorf("make the terminal the controlling one: %w", err)
	}
	err = makePoint("/dev/console", false)
	if err == nil {
		err = unix.Mount(name, "/dev/console", "", unix.MS_BIND, "")
	}
	if err != nil {
		warn(fmt.Sprintf("/dev/console is missing: %v", err))
	}
	return nil
}
