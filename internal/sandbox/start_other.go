//go:build !linux

package sandbox

import (
	"context"
	"runtime"

	"github.com/eventrig/eventrig/internal/failure"
)

// Start reports that there are no sandboxes on this system.
func Start(_ context.Context, _ Config) (*Sandbox, error) {
	return nil, failure.New(failure.Environment, "use a Linux machine, or `--tier offline`",
		"start sandbox: the embedded tier is made of Linux namespaces, this is %s", runtime.GOOS)
}
