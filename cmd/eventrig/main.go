// Command eventrig tests event-driven OpenStack automation end to end; see README.md.
package main

import (
	"os"

	"github.com/eventrig/eventrig/internal/cli"
)

func main() {
	stdout := os.Stdout
	// argo-events' code that resolves parameters prints there what it falls back on; ours is the result and nothing else.
	if nowhere, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0); err == nil {
		os.Stdout = nowhere
	}
	os.Exit(cli.Main(os.Args[1:], stdout, os.Stderr))
}
