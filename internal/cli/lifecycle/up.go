package lifecycle

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/eventrig/eventrig/e2e/rig"
	"github.com/eventrig/eventrig/internal/cli/talk"
	"github.com/eventrig/eventrig/internal/failure"
)

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
	command.Flags().DurationVar(&timeout, "timeout", 10*time.Minute, "give up after this time")
	Flags(command, &options)
	check := Output(command, &output)
	command.RunE = func(command *cobra.Command, _ []string) error {
		if err := check(); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(command.Context(), timeout)
		defer cancel()
		status, err := startInBackground(ctx, options, command.ErrOrStderr())
		if err != nil {
			return err
		}
		return printStatus(command.OutOrStdout(), output, status)
	}
	return command
}

// startInBackground runs this program's hidden `daemon` command in a session of its own and follows it until the rig
// is ready. A rig that does not become ready, or is not wanted any more, is ended.
func startInBackground(ctx context.Context, options rig.Options, talkTo io.Writer) (rig.Status, error) {
	program, err := executable()
	if err != nil {
		return rig.Status{}, err
	}
	description, err := json.Marshal(options)
	if err != nil {
		return rig.Status{}, fmt.Errorf("encode options: %w", err)
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		return rig.Status{}, fmt.Errorf("make pipe: %w", err)
	}
	defer reader.Close()
	child := exec.Command(program, "daemon", string(description))
	child.ExtraFiles = []*os.File{writer}
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := child.Start(); err != nil {
		writer.Close()
		return rig.Status{}, failure.New(failure.Environment, "", "start the rig's process: %w", err)
	}
	writer.Close()
	stop := context.AfterFunc(ctx, func() { _ = child.Process.Signal(syscall.SIGTERM) })
	defer stop()
	talker := talk.New(talkTo)
	lines := bufio.NewScanner(reader)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var next message
		if err := json.Unmarshal(lines.Bytes(), &next); err != nil {
			return rig.Status{}, fmt.Errorf("read from the rig's process: %w", err)
		}
		switch {
		case next.Status != nil:
			_ = child.Process.Release() // it lives on
			return *next.Status, nil
		case next.Error != "":
			_ = child.Wait()
			if ctx.Err() != nil {
				return rig.Status{}, fmt.Errorf("start the rig: %w (%s)", ctx.Err(), next.Error)
			}
			return rig.Status{}, failure.New(failure.Class(next.Class), next.Hint, "%w", errors.New(next.Error))
		case next.Phase != nil:
			talker.Phase(*next.Phase, next.Done)
		case next.Line != "":
			talker.Linef("%s", next.Line)
		}
	}
	waitErr := child.Wait()
	if ctx.Err() != nil {
		return rig.Status{}, fmt.Errorf("start the rig: %w", ctx.Err())
	}
	return rig.Status{}, failure.New(failure.Environment, "look at the rig's folder: eventrig status", "the rig's process ended before the rig was ready: %w", errors.Join(waitErr, lines.Err()))
}

// Daemon is the hidden command that holds a rig: it talks to `eventrig up` over file descriptor 3 until the rig is
// ready, then waits for SIGTERM (`eventrig down`).
func Daemon() *cobra.Command {
	command := &cobra.Command{Use: "daemon OPTIONS", Hidden: true, Args: cobra.ExactArgs(1)}
	command.RunE = func(command *cobra.Command, arguments []string) error {
		var options rig.Options
		if err := json.Unmarshal([]byte(arguments[0]), &options); err != nil {
			return failure.New(failure.BadInput, "this command is started by eventrig up", "read options: %w", err)
		}
		pipe := os.NewFile(3, "up")
		if pipe == nil {
			return failure.New(failure.BadInput, "this command is started by eventrig up", "file descriptor 3 is not open")
		}
		// `eventrig up` is gone once the rig is ready; a write after that must not end this process.
		signal.Ignore(syscall.SIGPIPE, syscall.SIGHUP)
		encoder := json.NewEncoder(pipe)
		send := make(chan message, 256)
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			for next := range send {
				_ = encoder.Encode(next) // nobody is left to tell
			}
			pipe.Close()
		}()
		options.Progress = func(phase rig.Phase, done bool) { send <- message{Phase: &phase, Done: done} }
		options.Log = func(format string, arguments ...any) { send <- message{Line: fmt.Sprintf(format, arguments...)} }
		r, err := rig.Start(command.Context(), options)
		if err != nil {
			send <- message{Error: err.Error(), Hint: failure.Hint(err), Class: failure.ExitStatus(err)}
			close(send)
			<-sent
			return err
		}
		status := r.Status()
		send <- message{Status: &status}
		close(send)
		<-sent
		select {
		case <-command.Context().Done():
		case <-r.Failed():
		}
		return r.Close()
	}
	return command
}
