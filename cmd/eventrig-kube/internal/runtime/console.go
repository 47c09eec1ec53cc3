package runtime

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// console is how the other end of a terminal comes out of a container: the shim opens it in the container's own /dev/pts,
// where programs find it by its name, and sends it here.
type console struct {
	ours, shims *os.File
}

func newConsole() (*console, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("make the terminal's socket: %w", err)
	}
	return &console{ours: os.NewFile(uintptr(fds[0]), "console"), shims: os.NewFile(uintptr(fds[1]), "console")}, nil
}

// receive returns the terminal's other end. The shim has sent it before its command runs, or has ended.
func (c *console) receive() (*os.File, error) {
	_ = c.shims.Close() // so that a shim which has sent nothing is the end of the file
	control := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(int(c.ours.Fd()), make([]byte, 1), control, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("receive the terminal: %w", err)
	}
	messages, err := unix.ParseSocketControlMessage(control[:n])
	if err != nil || len(messages) == 0 {
		return nil, errors.Join(errors.New("receive the terminal: the shim has sent none"), err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return nil, errors.Join(errors.New("receive the terminal: the shim has sent something else"), err)
	}
	return os.NewFile(uintptr(fds[0]), "ptmx"), nil
}

func (c *console) close() {
	_ = c.shims.Close()
	_ = c.ours.Close()
}
