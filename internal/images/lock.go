package images

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// lockPoll is how often a lock that another process holds is tried again; flock cannot be waited for with a context.
const lockPoll = 100 * time.Millisecond

// lock takes the file lock, waiting for whoever holds it. The kernel gives it back when its holder dies.
func (b *Builder) lock(ctx context.Context, file, what string) (unlock func(), err error) {
	handle, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	ticker := time.NewTicker(lockPoll)
	defer ticker.Stop()
	for told := false; ; {
		err := unix.Flock(int(handle.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { _ = handle.Close() }, nil // closing gives the lock back
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			_ = handle.Close()
			return nil, fmt.Errorf("lock %s: %w", file, err)
		}
		if !told {
			b.logf("waiting for another eventrig that builds %s", what)
			told = true
		}
		select {
		case <-ctx.Done():
			_ = handle.Close()
			return nil, fmt.Errorf("wait for the build of %s by another process: %w", what, ctx.Err())
		case <-ticker.C:
		}
	}
}
