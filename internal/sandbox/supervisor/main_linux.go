package supervisor

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/eventrig/eventrig/internal/sandbox/protocol"
)

// Main serves the control socket until it ends and returns the exit status.
func Main() int {
	log.SetFlags(log.LstdFlags | log.Lmicroseconds)
	log.SetPrefix("eventrig-sandbox: ")
	if len(os.Args) > 1 && os.Args[1] == protocol.EnterRoot {
		return enterRoot(os.Args[2:])
	}
	if os.Getpid() != 1 {
		return byHand()
	}
	closeInherited()
	if os.Getenv(protocol.AwaitMaps) != "" {
		return becomeRoot()
	}
	conn, err := control()
	if err != nil {
		log.Print(err)
		return 1
	}
	if err := newServer(conn).serve(); err != nil && !errors.Is(err, io.EOF) {
		log.Printf("control socket: %v", err)
		return 1
	}
	return 0
}

func byHand() int {
	fmt.Fprintln(os.Stderr, "eventrig-sandbox: is started by eventrig as the first process of a pid namespace; there is nothing to run by hand")
	return 2
}

// becomeRoot waits until the client has written the user namespace's maps (it sends the first request after that) and executes
// this program again: only an execve as the mapped uid 0 gives a process the capabilities of its user namespace. The uid alone does
// not tell whether that is still to be done: the maps may be written at any moment after the first execve.
func becomeRoot() int {
	buffer := make([]byte, 1)
	for {
		n, _, err := unix.Recvfrom(protocol.ControlFD, buffer, unix.MSG_PEEK)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || n == 0 {
			return 1
		}
		break
	}
	err := syscall.Exec("/proc/self/exe", os.Args, nil)
	log.Printf("execute again as root of the user namespace: %v", err)
	return 1
}

func control() (*net.UnixConn, error) {
	file := os.NewFile(protocol.ControlFD, "control")
	defer file.Close()
	conn, err := net.FileConn(file)
	if err != nil {
		return nil, fmt.Errorf("open control socket: %w", err)
	}
	socket, ok := conn.(*net.UnixConn)
	if !ok {
		return nil, fmt.Errorf("open control socket: it is a %T", conn)
	}
	return socket, nil
}

// closeInherited closes what the client itself had inherited without close-on-exec (a shell's pipe, a jobserver): a sandbox that kept
// those open would keep their other ends waiting. The Go runtime's own descriptors are all close-on-exec.
func closeInherited() {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return
	}
	for _, entry := range entries {
		fd, err := strconv.Atoi(entry.Name())
		if err != nil || fd <= protocol.ControlFD {
			continue
		}
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			_ = unix.Close(fd)
		}
	}
}
