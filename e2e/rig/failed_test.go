package rig

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/eventrig/eventrig/internal/failure"
)

// started is a rig that got as far as its folder and one log.
func started(t *testing.T, artifacts string) *Rig {
	t.Helper()
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	options, err := Options{Name: "one", Artifacts: artifacts}.complete()
	if err != nil {
		t.Fatal(err)
	}
	folder, err := makeFolder(options.Name)
	if err != nil {
		t.Fatal(err)
	}
	return &Rig{options: options, folder: folder, failed: make(chan struct{}), closeBegun: make(chan struct{})}
}

func TestErrorNamesWhatIsKept(t *testing.T) {
	artifacts := t.TempDir()
	r := started(t, artifacts)
	failed := failure.New(failure.Environment, "look at the folder "+r.folder+"/logs", "end of %s/logs/etcd.log", r.folder)
	err := r.explain(t.Context(), failed)
	if strings.Contains(err.Error()+failure.Hint(err), r.folder) {
		t.Errorf("the error names the rig's folder, which is about to go: %v; %s", err, failure.Hint(err))
	}
	if want := artifacts + "/one/logs"; !strings.Contains(failure.Hint(err), want) || !strings.Contains(err.Error(), want) {
		t.Errorf("the error does not name %s: %v; %s", want, err, failure.Hint(err))
	}
	if !errors.Is(err, failed) {
		t.Error("the cause is lost")
	}
}

func TestErrorWithoutArtifactsNamesNoFolder(t *testing.T) {
	r := started(t, "")
	err := r.explain(t.Context(), failure.New(failure.Environment, "look at the folder "+r.folder+"/logs", "etcd ended"))
	if hint := failure.Hint(err); strings.Contains(hint, r.folder) {
		t.Errorf("the hint sends the user to %q", hint)
	}
}

func TestComponentThatEndedIsSaidOnceAndFirst(t *testing.T) {
	ended := errors.New("etcd ended (exit status 1); end of its log")
	for name, noticed := range map[string]error{
		"by another step": errors.New("apply Secret: connection refused"),
		"by a wait":       fmt.Errorf("wait for the node: %w", ended),
	} {
		t.Run(name, func(t *testing.T) {
			r := started(t, "")
			r.failing.Do(func() { r.failure = ended; close(r.failed) })
			err := r.explain(t.Context(), noticed)
			if strings.Count(err.Error(), ended.Error()) != 1 {
				t.Errorf("not said exactly once: %v", err)
			}
			first, _, _ := strings.Cut(err.Error(), "\n")
			if !strings.Contains(first, ended.Error()) {
				t.Errorf("the first line is %q", first)
			}
			if status := failure.ExitStatus(err); status != 3 {
				t.Errorf("exit status %d, want 3", status)
			}
		})
	}
}

func TestFullDiskIsSaid(t *testing.T) {
	for _, cause := range []error{fmt.Errorf("write: %w", syscall.ENOSPC), errors.New("RabbitMQ exited:\n{error,enospc}")} {
		r := started(t, "")
		err := r.explain(t.Context(), cause)
		if failure.ExitStatus(err) != 3 || !strings.Contains(failure.Hint(err), "free some space") {
			t.Errorf("%v: exit status %d, hint %q", cause, failure.ExitStatus(err), failure.Hint(err))
		}
	}
}
