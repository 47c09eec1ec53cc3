// Command eventrig-sandbox is the first process of a sandbox; internal/sandbox starts it and talks to it on file descriptor 3.
package main

import (
	"os"

	"github.com/eventrig/eventrig/internal/sandbox/supervisor"
)

func main() { os.Exit(supervisor.Main()) }
