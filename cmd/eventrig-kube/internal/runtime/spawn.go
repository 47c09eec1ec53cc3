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

func (s *spawner) start(cmd *exec.Cmd) error {
	done := make(chan error, 1)
	s.work <- func() { done <- cmd.Start() }
	return <-done
}

func (s *spawner) close() { close(s.work) }

// launch starts the shim and waits until the command runs or cannot be started; stdio of cmd is set by the caller.
// The second result holds the shim's warnings.
func (r *Runtime) launch(cmd *exec.Cmd, input any) ([]string, error) {
	data, err := json.Marshal(input)
	if err != nil {
		return nil, fmt.Errorf("write the shim's spec: %w", err)
	}
	specRead, specWrite, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make a pipe to the shim: %w", err)
	}
	defer specWrite.Close()
	reportRead, reportWrite, err := os.Pipe()
	if err != nil {
		specRead.Close()
		return nil, fmt.Errorf("make a pipe from the shim: %w", err)
	}
	defer reportRead.Close()
	cmd.ExtraFiles = []*os.File{specRead, reportWrite, r.control}
	err = r.spawner.start(cmd)
	specRead.Close()
	reportWrite.Close()
	if err != nil {
		return nil, fmt.Errorf("start the shim: %w", err)
	}
	if _, err := io.Copy(specWrite, bytes.NewReader(data)); err != nil && !errors.Is(err, syscall.EPIPE) {
		return nil, fmt.Errorf("hand the spec to the shim: %w", err)
	}
	var warnings []string
	for reports := json.NewDecoder(reportRead); ; {
		var report spec.Report
		if err := reports.Decode(&report); err != nil {
			return warnings, nil // end of file: the command runs, or the shim was killed, which the exit status tells
		}
		if report.Error != "" {
			return warnings, &startError{report.Error}
		}
		warnings = append(warnings, report.Warning)
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
