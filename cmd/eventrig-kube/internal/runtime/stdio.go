package runtime

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// drainTime is how long output may trickle in after a process has ended: its pipes are at their end by then, unless it
// gave them to somebody else.
const drainTime = 5 * time.Second

// stdio is what is connected to a container: pipes or a terminal on one side, the log file and attached clients on the other.
type stdio struct {
	child      [3]*os.File // the process's ends, closed once it runs
	console    *console    // where the terminal's other end comes from, or nil
	wantsInput bool        // the terminal is to be written to
	log        *logFile
	tty        *os.File // the terminal's other end once the process runs, or nil

	pumps sync.WaitGroup
	ours  []*os.File // ends to read from

	mu        sync.Mutex
	stdin     io.WriteCloser // nil when there is none, or no more
	stdinOnce bool
	clients   map[*client]struct{}
	done      chan struct{} // closed when all output is read
}

// client is an attached stream.
type client struct {
	stdout, stderr io.Writer
}

func openStdio(logPath string, stdin, stdinOnce, tty bool) (*stdio, error) {
	log, err := openLog(logPath)
	if err != nil {
		return nil, err
	}
	s := &stdio{log: log, stdinOnce: stdinOnce, clients: map[*client]struct{}{}, done: make(chan struct{})}
	if tty {
		// The terminal is one of the container's own, so the shim makes it; until then there is nothing to read and write.
		s.wantsInput = stdin
		err = s.openConsole()
	} else {
		err = s.openPipes(stdin)
	}
	if err != nil {
		s.childStarted()
		return nil, errors.Join(err, log.Close())
	}
	return s, nil
}

func (s *stdio) openConsole() error {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("open the shim's stdin: %w", err)
	}
	s.child = [3]*os.File{null, null, null}
	s.console, err = newConsole()
	return err
}

// childRuns is childStarted for a process that was started: it takes over the terminal.
func (s *stdio) childRuns() error {
	if s.console == nil {
		s.childStarted()
		return nil
	}
	master, err := s.console.receive()
	if err == nil {
		s.mu.Lock()
		s.tty, s.ours = master, []*os.File{master}
		if s.wantsInput {
			s.stdin = keepOpen{master}
		}
		s.mu.Unlock()
	}
	s.childStarted()
	return err
}

func (s *stdio) openPipes(stdin bool) error {
	var err error
	if stdin {
		var write *os.File
		if s.child[0], write, err = os.Pipe(); err != nil {
			return fmt.Errorf("make the container's stdin: %w", err)
		}
		s.stdin = write
	} else if s.child[0], err = os.Open(os.DevNull); err != nil {
		return fmt.Errorf("open the container's stdin: %w", err)
	}
	for i := 1; i <= 2; i++ {
		var read *os.File
		if read, s.child[i], err = os.Pipe(); err != nil {
			return fmt.Errorf("make the container's output: %w", err)
		}
		s.ours = append(s.ours, read)
	}
	return nil
}

// childStarted closes the process's ends and begins to read its output.
func (s *stdio) childStarted() {
	for i, file := range s.child {
		if file != nil && (i == 0 || file != s.child[0]) {
			file.Close()
		}
	}
	if s.console != nil {
		s.console.close()
	}
	for i, file := range s.ours {
		s.pumps.Add(1)
		go s.pump(file, i == 1)
	}
	go func() {
		s.pumps.Wait()
		close(s.done)
	}()
}

func (s *stdio) pump(from *os.File, isStderr bool) {
	defer s.pumps.Done()
	name := "stdout"
	if isStderr {
		name = "stderr"
	}
	lines := lineWriter{log: s.log, stream: name}
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			lines.write(buffer[:n])
			s.broadcast(buffer[:n], isStderr)
		}
		if err != nil { // end of file, or EIO of a terminal that nobody has open any more
			lines.flush()
			return
		}
	}
}

func (s *stdio) broadcast(data []byte, isStderr bool) {
	s.mu.Lock()
	clients := make([]*client, 0, len(s.clients))
	for c := range s.clients {
		clients = append(clients, c)
	}
	s.mu.Unlock()
	for _, c := range clients {
		to := c.stdout
		if isStderr {
			to = c.stderr
		}
		if to == nil {
			continue
		}
		if _, err := to.Write(data); err != nil {
			s.detach(c)
		}
	}
}

func (s *stdio) attach(c *client) {
	s.mu.Lock()
	s.clients[c] = struct{}{}
	s.mu.Unlock()
}

func (s *stdio) detach(c *client) {
	s.mu.Lock()
	delete(s.clients, c)
	s.mu.Unlock()
}

// feed copies a client's input to the process; with stdin_once its end is the end of the process's input.
func (s *stdio) feed(in io.Reader) {
	s.mu.Lock()
	to := s.stdin
	s.mu.Unlock()
	if to == nil {
		return
	}
	_, _ = io.Copy(to, in) // either end may go at any time
	if s.stdinOnce {
		s.closeStdin()
	}
}

func (s *stdio) closeStdin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stdin != nil {
		_ = s.stdin.Close()
		s.stdin = nil
	}
}

// finish ends everything after the process has ended: the rest of its output is read first.
func (s *stdio) finish() {
	s.closeStdin()
	rest := time.NewTimer(drainTime)
	defer rest.Stop()
	select {
	case <-s.done:
	case <-rest.C:
	}
	for _, file := range s.ours {
		_ = file.Close()
	}
	<-s.done
	_ = s.log.Close()
}

// keepOpen is a terminal as stdin: closing the input sends end-of-file and leaves the terminal to the output.
type keepOpen struct{ *os.File }

func (k keepOpen) Close() error {
	_, err := k.File.Write([]byte{4})
	return err
}

// resize tells a terminal its size.
func resize(terminal *os.File, width, height uint16) {
	raw, err := terminal.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Col: width, Row: height})
	})
}
