package broker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"time"
)

// Command is a program to launch.
type Command struct {
	Name string // what errors call it
	Path string
	Args []string // after the program's name
	Env  []string // the whole environment
	Dir  string   // working directory
	Log  string   // file that stdout and stderr are appended to
}

// Process is a program that was launched.
type Process interface {
	// Stop ends the process and everything it started; it may be called more than once.
	Stop() error
	// Done is closed when the process has ended.
	Done() <-chan struct{}
	// Err is nil while the process runs and when it ended with status 0; otherwise it tells how it ended, and has an
	// ExitCode where it ended by itself.
	Err() error
}

// Launcher runs a program that outlives the call, on the host or inside a rig's sandbox. ctx bounds the start.
type Launcher interface {
	Launch(ctx context.Context, command Command) (Process, error)
}

// RootLauncher is a Launcher that can also run a program of an unpacked root file system. It makes the server's folder
// (Config.Dir) visible under the same path in there; folder names it.
type RootLauncher interface {
	Launcher
	LaunchRoot(ctx context.Context, root, folder string, command Command) (Process, error)
}

// ExecLauncher runs processes on the host, each in a process group of its own.
type ExecLauncher struct{}

// Launch implements Launcher.
func (ExecLauncher) Launch(ctx context.Context, command Command) (Process, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("launch %s: %w", command.Name, err)
	}
	output, err := os.OpenFile(command.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the log of %s: %w", command.Name, err)
	}
	cmd := exec.Command(command.Path, command.Args...) // not CommandContext: ctx bounds the start, Stop ends the process
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = command.Env, command.Dir, output, output
	ownGroup(cmd)

	process := &execProcess{command: command, done: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		// The kernel's parent-death signal belongs to the thread that forked: keep that thread until the process has ended.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		_ = output.Close()
		if err == nil {
			process.pid = cmd.Process.Pid
		}
		started <- err
		if err == nil {
			process.err = cmd.Wait()
			close(process.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("launch %s: %w", command.Name, err)
	}
	return process, nil
}

// execProcess is a process of the host.
type execProcess struct {
	command Command
	pid     int
	done    chan struct{}
	err     error // valid after done
}

// Done implements Process.
func (p *execProcess) Done() <-chan struct{} { return p.done }

// Err implements Process.
func (p *execProcess) Err() error {
	select {
	case <-p.done:
		return p.err
	default:
		return nil
	}
}

// Stop implements Process.
func (p *execProcess) Stop() error {
	select {
	case <-p.done: // its number may be another process's by now
	default:
		killGroup(p.pid)
	}
	select {
	case <-p.done:
	case <-time.After(10 * time.Second):
		return fmt.Errorf("stop %s: process %d does not end", p.command.Name, p.pid)
	}
	return awaitGone(p.command.Dir)
}

var errStillRunning = errors.New("a process that the server started does not end")
