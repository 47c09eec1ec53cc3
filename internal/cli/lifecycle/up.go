package lifecycle

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/eventrig/eventrig/e2e/rig"
	"github.com/eventrig/eventrig/internal/cli/talk"
	"github.com/eventrig/eventrig/internal/failure"
)

// Up is `eventrig up`: it starts the rig in a process of its own and returns when the rig is ready.
func Up() *cobra.Command {
	var options rig.Options
	var output string
	var timeout time.Duration
	command := &cobra.Command{
		Use:   "up",
		Short: "Start a rig that stays, and return when it is ready",
		Example: `  eventrig up
  eventrig up --bus jetstream --rig second
  KUBECONFIG=$(eventrig up -o json | jq -r .kubeconfig) kubectl get pods -A`,
		Args: cobra.NoArgs,
	}
	command.Flags().StringVar(&options.Name, "rig", "", "name of the rig (default: a random one)")
	command.Flags().DurationVar(&timeout, "timeout", 10*time.Minute, "give up after this time; building what is missing does not count")
	Flags(command, &options)
	check := Output(command, &output)
	command.RunE = func(command *cobra.Command, _ []string) (err error) {
		if err := check(); err != nil {
			return err
		}
		if options.Artifacts, err = rig.FailedFolder(); err != nil {
			return err
		}
		status, err := startInBackground(command.Context(), task{Options: options, Timeout: timeout}, command.ErrOrStderr())
		if err != nil {
			return err
		}
		return printStatus(command.OutOrStdout(), output, status)
	}
	return command
}

// task is what `eventrig up` hands to the background process.
type task struct {
	Options rig.Options
	Timeout time.Duration
}

// message is one line from the background process to `eventrig up`: a phase, the status of the ready rig, or why
// there is none.
type message struct {
	Phase  *rig.Phase  `json:"phase,omitempty"`
	Done   bool        `json:"done,omitempty"`
	Line   string      `json:"line,omitempty"`
	Status *rig.Status `json:"status,omitempty"`
	Error  string      `json:"error,omitempty"`
	Hint   string      `json:"hint,omitempty"`
	Class  int         `json:"class,omitempty"`
}

// The file descriptors of the background process: it reports on the first, and on the second it meets the end of the
// `eventrig up` that it works for.
const (
	reportDescriptor = 3
	aliveDescriptor  = 4
)

// background is a running background process that has not said yet that its rig is ready.
type background struct {
	child   *exec.Cmd
	reports *os.File
	alive   *os.File // never written to; closed by the kernel when this process ends in any way
}

// launch runs this program's hidden `daemon` command in a session of its own.
func launch(work task) (*background, error) {
	program, err := executable()
	if err != nil {
		return nil, err
	}
	description, err := json.Marshal(work)
	if err != nil {
		return nil, fmt.Errorf("encode options: %w", err)
	}
	reports, theirReports, err := os.Pipe()
	if err != nil {
		return nil, failure.New(failure.Environment, "", "make pipe: %w", err)
	}
	defer theirReports.Close()
	theirAlive, alive, err := os.Pipe()
	if err != nil {
		reports.Close()
		return nil, failure.New(failure.Environment, "", "make pipe: %w", err)
	}
	defer theirAlive.Close()
	child := exec.Command(program, "daemon")
	// Not as an argument: the task may hold a password, and everybody may read a process's arguments.
	child.Stdin = bytes.NewReader(description)
	child.ExtraFiles = []*os.File{theirReports, theirAlive} // as reportDescriptor and aliveDescriptor
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := child.Start(); err != nil {
		reports.Close()
		alive.Close()
		return nil, failure.New(failure.Environment, "", "start the rig's process: %w", err)
	}
	return &background{child, reports, alive}, nil
}

// startInBackground follows the background process until its rig is ready. A rig that does not become ready, or is not
// wanted any more, is ended.
func startInBackground(ctx context.Context, work task, talkTo io.Writer) (rig.Status, error) {
	process, err := launch(work)
	if err != nil {
		return rig.Status{}, err
	}
	defer process.reports.Close()
	defer process.alive.Close()
	stop := context.AfterFunc(ctx, func() { _ = process.child.Process.Signal(syscall.SIGTERM) })
	defer stop()
	talker := talk.New(talkTo)
	lines := bufio.NewScanner(process.reports)
	lines.Buffer(nil, 1<<22)
	for lines.Scan() {
		var next message
		if err := json.Unmarshal(lines.Bytes(), &next); err != nil {
			return rig.Status{}, fmt.Errorf("read from the rig's process: %w", err)
		}
		switch {
		case next.Status != nil:
			_ = process.child.Process.Release() // it lives on
			return *next.Status, nil
		case next.Error != "":
			_ = process.child.Wait() // everything is taken down once it has ended
			return rig.Status{}, failure.New(failure.Class(next.Class), next.Hint, "%w", errors.New(next.Error))
		case next.Phase != nil:
			talker.Phase(*next.Phase, next.Done)
		case next.Line != "":
			talker.Linef("%s", next.Line)
		}
	}
	waitErr := process.child.Wait()
	if ctx.Err() != nil {
		return rig.Status{}, fmt.Errorf("start the rig: %w", ctx.Err())
	}
	return rig.Status{}, failure.New(failure.Environment, "remove what it left: eventrig down --all",
		"the rig's process ended before the rig was ready: %w", errors.Join(waitErr, lines.Err()))
}
