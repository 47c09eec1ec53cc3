// Command eventrig tests event-driven OpenStack automation end to end; see README.md.
package main

import (
	"os"

	"github.com/eventrig/eventrig/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr)) }
