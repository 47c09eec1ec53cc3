package runtime

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	goruntime "runtime"
	"syscall"

	"github.com/eventrig/eventrig/cmd/eventrig-kube/internal/runtime/spec"
)

// spawner starts processes on one operating system thread that lives until close. The death signal that ties a container
// to the node fires when the thread that started it ends, and Go ends threads as it likes.
type spawner struct {
	work chan func()
}

func newSpawner() *spawner {
	s := &spawner{work: make(chan func())}
	go func() {
		goruntime.LockOSThread() // never unlocked: the thread ends with this goroutine
		for f := range s.work {
			f()
		}
	}()
	return s
}

func (s *spawner) start(cmd *exec.Cmd, where namespaces) error {
	done := make(chan error, 1)
	s.work <- func() { done <- where.start(cmd) }
	return <-done
}

func (s *spawner) close() { close(s.work) }

// launched is what is known of a command that runs.
type launched struct {
	warnings []string
	// mounts is the mount namespace of one that does not have its own pid namespace, nil for others. Held open, because the number
	// by which /proc names it would be another container's as soon as its last process is gone.
	mounts *os.File
}

// launch starts the shim, connected to streams (nil for none), and waits until the command runs or cannot be started.
func (r *Runtime) launch(cmd *exec.Cmd, input any, streams *stdio, where namespaces) (launched, error) {
	var l launched
	data, err := json.Marshal(input)
	if err != nil {
		return l, fmt.Errorf("write the shim's spec: %w", err)
	}
	specRead, specWrite, err := os.Pipe()
	if err != nil {
		return l, fmt.Errorf("make a pipe to the shim: %w", err)
	}
	defer specWrite.Close()
	reportRead, reportWrite, err := os.Pipe()
	if err != nil {
		specRead.Close()
		return l, fmt.Errorf("make a pipe from the shim: %w", err)
	}
	defer reportRead.Close()
	cmd.ExtraFiles = []*os.File{specRead, reportWrite, r.control}
	if streams != nil {
		cmd.Stdin, cmd.Stdout, cmd.Stderr = streams.child[0], streams.child[1], streams.child[2]
		if streams.console != nil {
			cmd.ExtraFiles = append(cmd.ExtraFiles, streams.console.shims)
		}
	}
	err = r.spawner.start(cmd, where)
	specRead.Close()
	reportWrite.Close()
	if err != nil {
		return l, fmt.Errorf("start the shim: %w", err)
	}
	// It reads its spec next, so it is there to be asked.
	if where.fresh&(syscall.CLONE_NEWNS|syscall.CLONE_NEWPID) == syscall.CLONE_NEWNS {
		l.mounts, _ = os.Open(namespacePath(cmd.Process.Pid, "mnt")) // one that is gone already has left nothing
	}
	if _, err := io.Copy(specWrite, bytes.NewReader(data)); err != nil && !errors.Is(err, syscall.EPIPE) {
		return l, fmt.Errorf("hand the spec to the shim: %w", err)
	}
	for reports := json.NewDecoder(reportRead); ; {
		var report spec.Report
		if err := reports.Decode(&report); err != nil {
			return l, nil // end of file: the command runs, or the shim was killed, which the exit status tells
		}
		if report.Error != "" {
			return l, &startError{report.Error}
		}
		l.warnings = append(l.warnings, report.Warning)
	}
}

// startError says that the shim could not start the command.
type startError struct{ message string }

func (e *startError) Error() string { return e.message }

// exitCode is the exit status of an ended process, 128+n for signal n.
func exitCode(state *os.ProcessState) int32 {
	if state == nil {
		return 255
	}
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int32(status.Signal())
	}
	return int32(state.ExitCode())
}
