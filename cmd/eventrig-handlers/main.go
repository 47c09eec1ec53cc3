// Command eventrig-handlers stands in for the commands in UnderStack's workflow images. It is whichever command its own
// name says (sync-keystone, as a link to it or bound under that name), else the one that its first argument names.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/eventrig/eventrig/simulators/handlers"
)

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return handlers.Run(ctx, handlers.Surroundings{
		Getenv: os.Getenv, Root: "/", Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Now: time.Now,
		Exec: func(path string, arguments []string) error { return syscall.Exec(path, arguments, os.Environ()) },
	}, os.Args[0], os.Args[1:])
}
