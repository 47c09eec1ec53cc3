package rig

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/eventrig/eventrig/internal/failure"
)

// FailedFolder is where the logs of rigs that failed in the background are kept, one folder for each: beside the folder
// of the rigs.
func FailedFolder() (string, error) {
	rigs, err := StateFolder()
	if err != nil {
		return "", err
	}
	return filepath.Join(filepath.Dir(rigs), "failed"), nil
}

// Discard removes the logs of failed rigs and returns the folders that it removed.
func Discard() ([]string, error) {
	parent, err := FailedFolder()
	if err != nil {
		return nil, err
	}
	folders, err := subfolders(parent)
	if err != nil {
		return nil, fmt.Errorf("list failed rigs: %w", err)
	}
	for _, folder := range folders {
		if err := os.RemoveAll(folder); err != nil {
			return nil, fmt.Errorf("remove what a failed rig left: %w", err)
		}
	}
	return folders, nil
}

// explain makes of an error during the boot what the user reads: what failed before who noticed it, the class that
// decides the exit status, and a hint that names only what will still exist once the rig is taken down.
func (r *Rig) explain(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return failure.New(failure.Interrupted, "", "interrupted while the rig was starting")
	}
	class, hint := failure.Class(failure.ExitStatus(err)), failure.Hint(err)
	if class != failure.BadInput {
		class = failure.Environment // nothing has been checked yet
	}
	// A component that ended is the cause of whatever else was met first.
	if ended := r.Err(); ended != nil && !errors.Is(err, r.failure) {
		err = fmt.Errorf("%w\nnoticed first: %w", ended, err)
	}
	if free, known := freeBytes(r.folder); fullDisk(err) || known && free < leastFree {
		class, hint = failure.Environment, "free some space on the file system of "+filepath.Dir(r.folder)+", or set XDG_STATE_HOME to a folder on another one"
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		class, err = failure.Timeout, fmt.Errorf("time ran out while the rig was starting: %w", err)
		hint = "give it more with --timeout"
	}
	saved, note := r.saveFailed()
	return failure.New(class, hintAfter(hint, r.folder, saved, note), "%w", moved{err, r.folder, saved})
}

// fullDisk tells whether an error, or the log in its text, is about a file system without space.
func fullDisk(err error) bool {
	text := err.Error()
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) ||
		strings.Contains(text, syscall.ENOSPC.Error()) || strings.Contains(text, "enospc")
}

// A rig writes some megabytes of logs. Less than neededFree when it starts is refused at once, because its programs would
// go on without their logs, and the rig would wait in vain for what it reads there; less than leastFree is a full disk.
const (
	neededFree = 32 << 20
	leastFree  = 1 << 20
)

// freeBytes is the space left for this user on the file system of a folder.
func freeBytes(folder string) (uint64, bool) {
	var stat unix.Statfs_t
	if err := unix.Statfs(folder, &stat); err != nil {
		return 0, false
	}
	return uint64(stat.Bavail) * uint64(stat.Bsize), true
}

// requireSpace refuses a file system on which a rig would soon have no space.
func requireSpace(folder string) error {
	free, known := freeBytes(folder)
	if !known || free >= neededFree {
		return nil
	}
	return failure.New(failure.Environment, "free some space, or set XDG_STATE_HOME to a folder on another file system",
		"the disk is full: %d KiB are left for %s, a rig needs %d MiB", free>>10, folder, neededFree>>20)
}

// saveFailed keeps the logs of a rig that is about to be taken down. It returns where they are, or why they are not kept.
func (r *Rig) saveFailed() (folder, note string) {
	if r.options.Artifacts == "" {
		return "", ""
	}
	folder = filepath.Join(r.options.Artifacts, r.options.Name)
	if full, err := filepath.Abs(folder); err == nil {
		folder = full
	}
	// What an earlier rig of that name left would be taken for this one's.
	err := os.RemoveAll(folder)
	if err == nil {
		err = r.SaveArtifacts(r.options.Artifacts)
	}
	if err != nil {
		_ = os.RemoveAll(folder) // half a log on a full disk helps nobody
		return "", "its logs could not be kept: " + err.Error()
	}
	return folder, ""
}

// hintAfter turns a hint that was written while the rig's folder existed into one for afterwards.
func hintAfter(hint, folder, saved, note string) string {
	var parts []string
	switch {
	case hint == "":
	case !strings.Contains(hint, folder):
		parts = append(parts, hint)
	case saved != "":
		return strings.ReplaceAll(hint, folder, saved)
	}
	if saved != "" {
		parts = append(parts, "logs: "+saved)
	}
	if note != "" {
		parts = append(parts, note)
	}
	if len(parts) == 0 {
		parts = append(parts, "set Options.Artifacts to keep the logs of a rig that fails")
	}
	return strings.Join(parts, "; ")
}

// moved is an error whose text names files of a rig's folder, which has gone, by the place where they are kept.
type moved struct {
	err      error
	from, to string
}

func (m moved) Error() string {
	if m.to == "" {
		return m.err.Error()
	}
	return strings.ReplaceAll(m.err.Error(), m.from, m.to)
}

func (m moved) Unwrap() error { return m.err }

// reasonFile is the file beside the kept logs that says why the rig ended.
const reasonFile = "error.txt"

// Keep saves the logs of a rig that failed after it was ready, with the reason, for who asks for it later.
func (r *Rig) Keep(reason error) error {
	saved, note := r.saveFailed()
	if saved == "" {
		return failure.New(failure.Environment, note, "keep the logs of rig %s", r.options.Name)
	}
	text := moved{reason, r.folder, saved}.Error()
	if err := os.WriteFile(filepath.Join(saved, reasonFile), []byte(text+"\n"), 0o644); err != nil {
		return fmt.Errorf("keep why rig %s failed: %w", r.options.Name, err)
	}
	return nil
}

// whyGone says what is known of a rig that is not up any more, "" when nothing is.
func whyGone(name string) string {
	parent, err := FailedFolder()
	if err != nil || !validName.MatchString(name) {
		return ""
	}
	folder := filepath.Join(parent, name)
	if _, err := os.Stat(folder); err != nil {
		return ""
	}
	reason, err := os.ReadFile(filepath.Join(folder, reasonFile))
	if err != nil {
		return "; one of that name failed, its logs: " + folder
	}
	first, _, _ := strings.Cut(string(reason), "\n")
	return "; one of that name failed: " + first + " (logs: " + folder + ")"
}
