package images

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/logfile"
)

// target is one binary of a component.
type target struct {
	Name    string // file name
	Package string // what `go build` is told
}

// recipe says how a component is made from its module. All of it goes into the key of the cache.
type recipe struct {
	Name    string
	Module  string
	Version string
	Targets []target
	Stamp   string            // package whose version variables are set, as upstream's Makefile does; empty for none
	Copies  map[string]string // files that are restored as copies of others of the module: destination to source
	Files   map[string]string // files that are added, with their content
}

// ArgoEvents returns the folder that holds argo-events.
func (b *Builder) ArgoEvents(ctx context.Context, version string) (dir string, err error) {
	return b.component(ctx, recipe{
		Name: "argo-events", Module: ModuleArgoEvents, Version: version, Stamp: ModuleArgoEvents,
		Targets: []target{{"argo-events", "./cmd"}},
	})
}

// signalFix restores the file without which argoexec does not compile: upstream it is a symbolic link, and module
// zips hold none.
var signalFix = map[string]string{
	"workflow/executor/osspecific/signal_linux.go": "workflow/executor/osspecific/signal_darwin.go",
}

// ArgoWorkflows returns the folder that holds workflow-controller and argoexec.
func (b *Builder) ArgoWorkflows(ctx context.Context, version string) (dir string, err error) {
	return b.component(ctx, recipe{
		Name: "argo-workflows", Module: ModuleArgoWorkflows, Version: version, Stamp: ModuleArgoWorkflows, Copies: signalFix,
		Targets: []target{{"workflow-controller", "./cmd/workflow-controller"}, {"argoexec", "./cmd/argoexec"}},
	})
}

// ArgoCLI returns the folder that holds argo, which a Sensor's argoWorkflow trigger executes. Nothing else needs it and
// it is large, so it is a component of its own.
func (b *Builder) ArgoCLI(ctx context.Context, version string) (dir string, err error) {
	return b.component(ctx, recipe{
		Name: "argo-cli", Module: ModuleArgoWorkflows, Version: version, Stamp: ModuleArgoWorkflows, Copies: signalFix,
		Files:   map[string]string{"ui/dist/app/index.html": "<!doctype html><title>built without the user interface</title>\n"},
		Targets: []target{{"argo", "./cmd/argo"}},
	})
}

// NATS returns the folder that holds nats-server.
func (b *Builder) NATS(ctx context.Context, version string) (dir string, err error) {
	return b.component(ctx, recipe{
		Name: "nats-server", Module: moduleNATS, Version: version, Targets: []target{{"nats-server", "."}},
	})
}

// NATSStreaming returns the folder that holds nats-streaming-server.
func (b *Builder) NATSStreaming(ctx context.Context, version string) (dir string, err error) {
	return b.component(ctx, recipe{
		Name: "nats-streaming-server", Module: moduleNATSStreaming, Version: version, Targets: []target{{"nats-streaming-server", "."}},
	})
}

// component returns the folder of the recipe's binaries, building them if the cache has none.
func (b *Builder) component(ctx context.Context, r recipe) (string, error) {
	tool, err := findGo()
	if err != nil {
		return b.withoutGo(r, err)
	}
	toolVersion, err := goVersion(ctx, tool)
	if err != nil {
		return "", err
	}
	return b.once(ctx, r.Name+"-"+r.Version+"-"+r.key(toolVersion), r.Name+" "+r.Version, func(source, output string) error {
		found, err := download(ctx, r.Module, r.Version)
		if err != nil {
			return err
		}
		if err := r.prepare(found.Dir, source); err != nil {
			return fmt.Errorf("prepare the source of %s: %w", r.Name, err)
		}
		for _, t := range r.Targets {
			if err := b.goBuild(ctx, tool, source, filepath.Join(output, t.Name), t.Package, r.ldflags(found.commit())); err != nil {
				return err
			}
		}
		return nil
	})
}

// withoutGo takes the newest build of the recipe's version that the cache has: a machine may be given a cache only.
func (b *Builder) withoutGo(r recipe, missing error) (string, error) {
	cache, err := b.dir()
	if err != nil {
		return "", err
	}
	found, err := filepath.Glob(filepath.Join(cache, "components", r.Name+"-"+r.Version+"-*"))
	if err != nil || len(found) == 0 {
		return "", missing
	}
	newest, at := "", time.Time{}
	for _, dir := range found {
		if info, err := os.Stat(dir); err == nil && info.IsDir() && info.ModTime().After(at) {
			newest, at = dir, info.ModTime()
		}
	}
	if newest == "" {
		return "", missing
	}
	return newest, nil
}

// once returns the folder below components/ with the given name, made by build at most once also among processes.
func (b *Builder) once(ctx context.Context, name, what string, build func(source, output string) error) (string, error) {
	cache, err := b.dir()
	if err != nil {
		return "", err
	}
	place := filepath.Join(cache, "components", name)
	if _, err := os.Stat(place); err == nil {
		return place, nil
	}
	locks := filepath.Join(cache, "locks")
	for _, dir := range []string{filepath.Dir(place), locks, filepath.Join(cache, "work")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return "", failure.New(failure.Environment, "set XDG_CACHE_HOME to a folder that you can write to", "make the cache folder: %w", err)
		}
	}
	unlock, err := b.lock(ctx, filepath.Join(locks, name), what)
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(place); err == nil {
		return place, nil // somebody else built it while we waited
	}
	// The work folder has the same name each time, because Go's build cache knows a package by its folder.
	work := filepath.Join(cache, "work", name)
	if err := os.RemoveAll(work); err != nil {
		return "", fmt.Errorf("clear the work folder of an earlier build: %w", err)
	}
	defer func() { _ = os.RemoveAll(work) }()
	output := filepath.Join(work, "output")
	if err := os.MkdirAll(output, 0o755); err != nil {
		return "", fmt.Errorf("make the work folder: %w", err)
	}
	b.logf("building %s (minutes the first time on this machine)", what)
	start := time.Now()
	if err := build(filepath.Join(work, "source"), output); err != nil {
		return "", fmt.Errorf("build %s: %w", what, err)
	}
	if err := os.Rename(output, place); err != nil {
		return "", fmt.Errorf("put %s in place: %w", what, err)
	}
	b.logf("built %s in %.0f s", what, time.Since(start).Seconds())
	return place, nil
}

// key is short, but long enough that two recipes do not meet.
func (r recipe) key(toolVersion string) string {
	description, err := json.Marshal(r) // maps are written in the order of their keys
	if err != nil {
		panic(fmt.Sprintf("a recipe holds only strings: %v", err))
	}
	sum := sha256.Sum256(append(description, toolVersion+"\n"+buildFlags...))
	return hex.EncodeToString(sum[:6])
}

// ldflags sets upstream's version variables the way its Makefile does for a release.
func (r recipe) ldflags(commit string) string {
	flags := []string{"-s", "-w"}
	if r.Stamp != "" {
		flags = append(flags, "-X", r.Stamp+".version="+r.Version)
		if commit != "" {
			flags = append(flags, "-X", r.Stamp+".gitCommit="+commit, "-X", r.Stamp+".gitTag="+r.Version, "-X", r.Stamp+".gitTreeState=clean")
		}
	}
	return strings.Join(flags, " ")
}

// prepare copies the module to where it can be changed, and makes the recipe's changes.
func (r recipe) prepare(from, to string) error {
	if err := copyTree(from, to); err != nil {
		return err
	}
	for destination, source := range r.Copies {
		content, err := os.ReadFile(filepath.Join(from, source))
		if errors.Is(err, fs.ErrNotExist) {
			continue // a version that has no such pair needs no repair; if it does, the compiler says so
		}
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, destination), content, 0o644); err != nil {
			return err
		}
	}
	for name, content := range r.Files {
		file := filepath.Join(to, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// copyTree copies folders and files, writable; a module zip holds nothing else.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		destination := filepath.Join(to, relative)
		if entry.IsDir() {
			return os.MkdirAll(destination, 0o755)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(destination, content, 0o644)
	})
}

// buildFlags are the flags of every build besides -ldflags; VCS stamping is off because a source tree may be no clone.
const buildFlags = "-buildvcs=false"

// goBuild builds one static binary.
func (b *Builder) goBuild(ctx context.Context, tool, dir, output, target, ldflags string) error {
	command := exec.CommandContext(ctx, tool, "build", buildFlags, "-ldflags", ldflags, "-o", output, target)
	command.Dir = dir
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=")
	var said bytes.Buffer
	command.Stdout, command.Stderr = &said, &said
	b.logf("  go build %s", filepath.Base(output))
	if err := command.Run(); err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("go build %s: %w", target, ctx.Err())
		}
		return failure.New(failure.Environment, "repeat it by hand with `go build` in a copy of the module to see all of the output",
			"go build %s: %w\n%s", target, err, logfile.Last(said.String(), 20))
	}
	return nil
}
