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

// Launcher runs a process that outlives the call: on the host, or inside a rig's sandbox. env is the whole environment,
// dir the working directory, log the file that stdout and stderr are appended to. stop ends the process and everything it
// started and may be called more than once; done is closed when the process has ended.
type Launcher interface {
	Launch(ctx context.Context, name, path string, args, env []string, dir, log string) (stop func() error, done <-chan struct{}, err error)
}

// RootLauncher is a Launcher that can also run a process of an unpacked root file system. It makes the server's folder
// (Config.Dir) visible under the same path in there.
type RootLauncher interface {
	Launcher
	LaunchRoot(ctx context.Context, root, name, path string, args, env []string, dir, log string) (stop func() error, done <-chan struct{}, err error)
}

// ExecLauncher runs processes on the host, each in a process group of its own.
type ExecLauncher struct{}

// Launch implements Launcher.
func (ExecLauncher) Launch(ctx context.Context, name, path string, args, env []string, dir, log string) (func() error, <-chan struct{}, error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, fmt.Errorf("launch %s: %w", name, err)
	}
	output, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, nil, fmt.Errorf("open the log of %s: %w", name, err)
	}
	cmd := exec.Command(path, args...) // not CommandContext: ctx bounds the start, stop ends the process
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = env, dir, output, output
	ownGroup(cmd)

	started := make(chan error, 1)
	done := make(chan struct{})
	go func() {
		// The kernel's parent-death signal belongs to the thread that forked: keep that thread until the process has ended.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		_ = output.Close()
		started <- err
		if err == nil {
			_ = cmd.Wait()
			close(done)
		}
	}()
	if err := <-started; err != nil {
		return nil, nil, fmt.Errorf("launch %s: %w", name, err)
	}
	stop := func() error {
		killGroup(cmd.Process.Pid)
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			return fmt.Errorf("stop %s: process %d does not end", name, cmd.Process.Pid)
		}
		return awaitGone(dir)
	}
	return stop, done, nil
}

var errStillRunning = errors.New("a process that the server started does not end")
