package lifecycle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/eventrig/eventrig/e2e/rig"
	"github.com/eventrig/eventrig/internal/control"
	"github.com/eventrig/eventrig/internal/failure"
)

// Daemon is the hidden command that holds a rig: it reports to `eventrig up` until the rig is ready, then waits for
// SIGTERM (`eventrig down`).
func Daemon() *cobra.Command {
	command := &cobra.Command{Use: "daemon", Hidden: true, Args: cobra.NoArgs}
	command.RunE = func(command *cobra.Command, _ []string) error {
		var work task
		if err := json.NewDecoder(command.InOrStdin()).Decode(&work); err != nil {
			return failure.New(failure.BadInput, "this command is started by eventrig up", "read the task: %w", err)
		}
		reports, alive := os.NewFile(reportDescriptor, "reports"), os.NewFile(aliveDescriptor, "eventrig up")
		if _, err := reports.Stat(); err != nil {
			return failure.New(failure.BadInput, "this command is started by eventrig up", "nobody to report to: %w", err)
		}
		// The rig's programs are not to hold them open.
		syscall.CloseOnExec(reportDescriptor)
		syscall.CloseOnExec(aliveDescriptor)
		// `eventrig up` is gone once the rig is ready; a write after that must not end this process, nor its terminal's end.
		signal.Ignore(syscall.SIGPIPE, syscall.SIGHUP)
		return hold(command.Context(), work, reports, alive)
	}
	return command
}

// hold starts the rig and stays until it is to end.
func hold(ctx context.Context, work task, reports io.WriteCloser, alive io.Reader) error {
	wanted, cancel := context.WithCancel(ctx)
	defer cancel()
	var ready atomic.Bool
	go func() {
		_, _ = io.Copy(io.Discard, alive) // ends with `eventrig up`
		if !ready.Load() {
			cancel() // it was killed: nobody wants the rig
		}
	}()
	reporter := newReporter(reports)
	options := work.Options
	options.Progress = func(phase rig.Phase, done bool) { reporter.send(message{Phase: &phase, Done: done}) }
	options.Log = func(format string, arguments ...any) { reporter.send(message{Line: fmt.Sprintf(format, arguments...)}) }
	r, err := start(wanted, options, work.Timeout)
	if err != nil {
		reporter.send(message{Error: err.Error(), Hint: failure.Hint(err), Class: failure.ExitStatus(err)})
		_ = reporter.close() // who is not told any more has gone
		return err
	}
	served, err := control.Serve(r)
	if err != nil {
		err = errors.Join(err, r.Close())
		reporter.send(message{Error: err.Error(), Hint: failure.Hint(err), Class: failure.ExitStatus(err)})
		_ = reporter.close() // who is not told any more has gone
		return err
	}
	// Scenarios that another process runs here are taken back before the rig goes.
	end := func() error { return errors.Join(served.Close(), r.Close()) }
	status := r.Status()
	ready.Store(true)
	reporter.send(message{Status: &status})
	if err := reporter.close(); err != nil {
		return end() // `eventrig up` was killed before it could tell anyone
	}
	select {
	case <-ctx.Done():
	case <-r.Failed():
		_ = r.Keep(r.Err()) // the rig ends in any case
	}
	return end()
}

// start makes the rig; the time limit does not count what has to be built first.
func start(ctx context.Context, options rig.Options, timeout time.Duration) (*rig.Rig, error) {
	prepared, err := rig.Prepare(ctx, options)
	if err != nil {
		return nil, err
	}
	booting, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return prepared.Start(booting)
}

// reporter writes messages in their order without keeping the boot waiting. What comes after close is dropped: nobody
// listens any more.
type reporter struct {
	mu     sync.Mutex
	closed bool
	queue  chan message
	done   chan struct{}
	err    error // of the first write that failed; valid after done
}

func newReporter(out io.WriteCloser) *reporter {
	r := &reporter{queue: make(chan message, 256), done: make(chan struct{})}
	go func() {
		defer close(r.done)
		encoder := json.NewEncoder(out)
		for next := range r.queue {
			if err := encoder.Encode(next); err != nil && r.err == nil {
				r.err = err
			}
		}
		out.Close()
	}()
	return r
}

func (r *reporter) send(next message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.queue <- next
	}
}

// close waits until everything is written and returns what could not be.
func (r *reporter) close() error {
	r.mu.Lock()
	if !r.closed {
		r.closed = true
		close(r.queue)
	}
	r.mu.Unlock()
	<-r.done
	return r.err
}
