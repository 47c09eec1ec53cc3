package images

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/eventrig/eventrig/internal/failure"
)

// The modules that components and install manifests come from.
const (
	ModuleArgoEvents    = "github.com/argoproj/argo-events"
	ModuleArgoWorkflows = "github.com/argoproj/argo-workflows/v3"
	moduleNATS          = "github.com/nats-io/nats-server/v2"
	moduleNATSStreaming = "github.com/nats-io/nats-streaming-server"
)

// module is what `go mod download -json` says of a module.
type module struct {
	Dir    string
	Error  string
	Origin *struct{ Hash string }
}

// commit is the commit that the version was made from, or "" where the proxy does not say.
func (m module) commit() string {
	if m.Origin == nil {
		return ""
	}
	return m.Origin.Hash
}

// Module returns the read-only folder that holds the module's files, downloaded unless Go's module cache has them.
func (b *Builder) Module(ctx context.Context, path, version string) (dir string, err error) {
	found, err := download(ctx, path, version)
	return found.Dir, err
}

func download(ctx context.Context, path, version string) (module, error) {
	goTool, err := findGo()
	if err != nil {
		return module{}, err
	}
	command := exec.CommandContext(ctx, goTool, "mod", "download", "-json", path+"@"+version)
	command.Dir = os.TempDir() // outside any module: neither its replaces nor its go.sum apply
	command.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	runErr := command.Run()
	if ctx.Err() != nil {
		return module{}, fmt.Errorf("download %s %s: %w", path, version, ctx.Err())
	}
	var found module
	if err := json.Unmarshal(stdout.Bytes(), &found); err != nil || found.Error != "" || found.Dir == "" {
		why := found.Error
		if why == "" {
			why = strings.TrimSpace(stderr.String())
		}
		if why == "" && runErr != nil {
			why = runErr.Error()
		}
		return module{}, failure.New(failure.Environment, "check the version, and that `go env GOPROXY` is reachable from here",
			"download %s %s: %s", path, version, why)
	}
	return found, nil
}

// findGo finds the Go command that components are built with.
func findGo() (string, error) {
	tool, err := exec.LookPath("go")
	if err != nil {
		return "", failure.New(failure.Environment,
			"install Go (https://go.dev/dl), or point EVENTRIG_BIN and XDG_CACHE_HOME at components that were built elsewhere",
			"a component must be built and there is no go command: %w", err)
	}
	return tool, nil
}

// goVersion is the version that `go build` uses, part of every key.
func goVersion(ctx context.Context, tool string) (string, error) {
	output, err := exec.CommandContext(ctx, tool, "env", "GOVERSION").Output()
	if err != nil {
		return "", failure.New(failure.Environment, "check the Go installation with `go env`", "ask Go for its version: %w", err)
	}
	return strings.TrimSpace(string(output)), nil
}
