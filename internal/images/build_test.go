package images_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/images"
)

// TestNATSStreamingIsBuiltOnceAndRuns builds a real component, twice at the same time; it is the smallest one.
func TestNATSStreamingIsBuiltOnceAndRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("builds NATS streaming, which takes a minute on a cold cache")
	}
	cache := t.TempDir()
	var mutex sync.Mutex
	var said []string
	builder := func() *images.Builder {
		return &images.Builder{Cache: cache, Log: func(format string, _ ...any) {
			mutex.Lock()
			defer mutex.Unlock()
			said = append(said, format)
		}}
	}
	var group sync.WaitGroup
	dirs := make([]string, 2)
	for i := range dirs {
		group.Go(func() {
			dir, err := builder().NATSStreaming(t.Context(), images.DefaultNATSStreaming)
			if err != nil {
				t.Error(err)
			}
			dirs[i] = dir
		})
	}
	group.Wait()
	if t.Failed() {
		return
	}
	if dirs[0] != dirs[1] {
		t.Errorf("two builds lie at %s and %s", dirs[0], dirs[1])
	}
	if builds := strings.Count(strings.Join(said, "\n"), "building "); builds != 1 {
		t.Errorf("it was built %d times: %q", builds, said)
	}
	output, err := exec.CommandContext(t.Context(), filepath.Join(dirs[0], "nats-streaming-server"), "--version").CombinedOutput()
	if err != nil || !strings.Contains(string(output), "0.25.6") {
		t.Errorf("version: %s, %v", output, err)
	}
	if left, err := os.ReadDir(filepath.Join(cache, "work")); err != nil || len(left) != 0 {
		t.Errorf("the build leaves %v, %v", left, err)
	}
}

func TestWithoutGoTheFailureNamesTheWayOut(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := (&images.Builder{Cache: t.TempDir()}).NATS(t.Context(), images.DefaultNATS)
	if failure.ExitStatus(err) != int(failure.Environment) || !strings.Contains(failure.Hint(err), "install Go") {
		t.Errorf("error %v, hint %q", err, failure.Hint(err))
	}
}

func TestWithoutGoAnEarlierBuildIsTaken(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	cache := t.TempDir()
	dir := filepath.Join(cache, "components", "nats-server-"+images.DefaultNATS+"-0123456789ab")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if got, err := (&images.Builder{Cache: cache}).NATS(t.Context(), images.DefaultNATS); err != nil || got != dir {
		t.Errorf("got %s, %v; want %s", got, err, dir)
	}
}

func TestACancelledBuildSaysSo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := (&images.Builder{Cache: t.TempDir()}).NATS(ctx, images.DefaultNATS)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestFindLooksInEventrigBin(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("EVENTRIG_BIN", dir)
	if _, err := images.Find(images.Kube); failure.ExitStatus(err) != int(failure.Environment) || !strings.Contains(err.Error(), dir) {
		t.Errorf("error %v should name %s", err, dir)
	}
	file := filepath.Join(dir, images.Kube)
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if got, err := images.Find(images.Kube); err != nil || got != file {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestManifestsNeedNoGoOnceTheyAreCached(t *testing.T) {
	builder := &images.Builder{Cache: t.TempDir()}
	first, err := builder.ModuleManifests(t.Context(), images.ModuleArgoEvents, images.DefaultArgoEvents)
	if err != nil {
		t.Skipf("the module cannot be had here: %v", err)
	}
	t.Setenv("PATH", "/nowhere")
	again, err := builder.ModuleManifests(t.Context(), images.ModuleArgoEvents, images.DefaultArgoEvents)
	if err != nil || again != first {
		t.Fatalf("%q, %v; the first time %q", again, err, first)
	}
	if _, err := os.Stat(filepath.Join(again, "manifests", "cluster-install", "kustomization.yaml")); err != nil {
		t.Error(err)
	}
}
