// Package handlers holds stand-ins for the commands in UnderStack's workflow images: the same flags, requests in the same
// order, outputs and exit codes, defects included, but small static Go instead of a Python image. In: a command's
// arguments and surroundings. Out: its exit code.
package handlers

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Surroundings are what a command has around it in its container.
type Surroundings struct {
	Getenv func(string) string
	Root   string // where /etc lies; "/" in a container
	Stdout io.Writer
	Stderr io.Writer
	Now    func() time.Time
}

// path is a file of the container.
func (s Surroundings) path(name string) string { return filepath.Join(s.Root, name) }

// logf writes a line as UnderStack's setup_logger has it.
func (s Surroundings) logf(logger, level, format string, arguments ...any) {
	fmt.Fprintf(s.Stderr, "%s - %s - %s - %s\n", s.Now().Format("2006-01-02 15:04:05 -0700"), logger, level, fmt.Sprintf(format, arguments...))
}

// command is one command of an image.
type command func(ctx context.Context, s Surroundings, arguments []string) int

var commands = map[string]command{"sync-keystone": syncKeystone}

// Names returns the commands that there are.
func Names() []string {
	names := make([]string, 0, len(commands))
	for name := range commands {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Run runs the command that the program's own name or else the first argument names.
func Run(ctx context.Context, s Surroundings, program string, arguments []string) int {
	if run, ok := commands[filepath.Base(program)]; ok {
		return run(ctx, s, arguments)
	}
	if len(arguments) > 0 {
		if run, ok := commands[arguments[0]]; ok {
			return run(ctx, s, arguments[1:])
		}
	}
	fmt.Fprintf(s.Stderr, "usage: %s COMMAND [ARGUMENT...]\ncommands: %s\n", filepath.Base(program), strings.Join(Names(), ", "))
	return 2
}

// crash is what an uncaught Python exception leaves: a traceback and exit code 1.
func (s Surroundings) crash(err error) int {
	fmt.Fprintf(s.Stderr, "Traceback (most recent call last):\n%v\n", err)
	return 1
}
