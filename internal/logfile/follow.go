package logfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"github.com/fsnotify/fsnotify"

	"github.com/eventrig/eventrig/internal/failure"
)

// follower reads a file that grows.
type follower struct {
	ctx     context.Context
	cancel  context.CancelFunc
	path    string
	file    *os.File // nil until the file is there
	watcher *fsnotify.Watcher
}

// Follow reads a file from its begin, waiting at its end for more, until ctx ends or it is closed: io.EOF then. The file
// may not be there yet; its folder must.
func Follow(ctx context.Context, path string) (io.ReadCloser, error) {
	watcher, err := fsnotify.NewWatcher()
	if err == nil {
		err = watcher.Add(filepath.Dir(path))
	}
	if err != nil {
		if watcher != nil {
			_ = watcher.Close() // the first error matters more
		}
		if errors.Is(err, syscall.EMFILE) {
			// Nearly always the kernel's limit for a user's watches of files, which Linux counts over all processes.
			return nil, failure.New(failure.Environment, "end another rig, or raise the limit with `sysctl -w fs.inotify.max_user_instances=1024`", "follow %s: %w", path, err)
		}
		return nil, fmt.Errorf("follow %s: %w", path, err)
	}
	f := &follower{path: path, watcher: watcher}
	f.ctx, f.cancel = context.WithCancel(ctx)
	return f, nil
}

// Read implements io.Reader.
func (f *follower) Read(p []byte) (int, error) {
	for f.ctx.Err() == nil {
		if f.file == nil {
			file, err := os.Open(f.path)
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				return 0, fmt.Errorf("follow %s: %w", f.path, err)
			}
			if err == nil {
				f.file = file
			}
		}
		if f.file != nil {
			if n, err := f.file.Read(p); n > 0 || err != nil && !errors.Is(err, io.EOF) {
				return n, err
			}
		}
		if err := f.change(); err != nil {
			return 0, err
		}
	}
	return 0, io.EOF
}

// change waits until something happens to the file. What happened since it was read waits in the watcher.
func (f *follower) change() error {
	for {
		select {
		case <-f.ctx.Done():
			return nil
		case event, open := <-f.watcher.Events:
			if !open || event.Name == f.path {
				return nil
			}
		case err, open := <-f.watcher.Errors:
			if open && err != nil && !errors.Is(err, fsnotify.ErrEventOverflow) {
				return fmt.Errorf("follow %s: %w", f.path, err)
			}
			return nil
		}
	}
}

// Close implements io.Closer. A Read that waits ends.
func (f *follower) Close() error {
	f.cancel()
	err := f.watcher.Close()
	if f.file != nil {
		err = errors.Join(err, f.file.Close())
	}
	if err != nil {
		return fmt.Errorf("close %s: %w", f.path, err)
	}
	return nil
}
