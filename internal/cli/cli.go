// Package cli is eventrig's command line: it puts the commands together and turns an error into words and an exit
// status. The result of a command goes to stdout, the talk to stderr.
package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/eventrig/eventrig/e2e/rig"
	"github.com/eventrig/eventrig/internal/cli/bench"
	"github.com/eventrig/eventrig/internal/cli/coverage"
	"github.com/eventrig/eventrig/internal/cli/explain"
	"github.com/eventrig/eventrig/internal/cli/lifecycle"
	"github.com/eventrig/eventrig/internal/cli/lint"
	"github.com/eventrig/eventrig/internal/cli/mutate"
	"github.com/eventrig/eventrig/internal/cli/publish"
	"github.com/eventrig/eventrig/internal/cli/serve"
	"github.com/eventrig/eventrig/internal/cli/test"
	"github.com/eventrig/eventrig/internal/cli/whatif"
	"github.com/eventrig/eventrig/internal/failure"
)

// Main runs the command line and returns the exit status.
func Main(arguments []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The first signal takes everything down in order; a second one ends this process at once.
	context.AfterFunc(ctx, stop)
	command := New()
	command.SetArgs(arguments)
	command.SetOut(stdout)
	command.SetErr(stderr)
	err := command.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if ctx.Err() != nil && failure.ExitStatus(err) == int(failure.Check) && !failure.IsDecided(err) {
		err = failure.New(failure.Interrupted, "", "%w", err)
	}
	fmt.Fprintln(stderr, "eventrig:", err)
	if hint := failure.Hint(err); hint != "" {
		fmt.Fprintln(stderr, "hint:", hint)
	}
	return failure.ExitStatus(err)
}

// New makes the root command.
func New() *cobra.Command {
	root := &cobra.Command{
		Use:   "eventrig",
		Short: "End-to-end tests for event-driven OpenStack automation",
		Long: `eventrig boots RabbitMQ, Argo Events and Argo Workflows, publishes OpenStack notifications, and asserts
which Sensors fire, which Workflows run and what changes in a simulated Nautobot.

Exit status: 0 passed; 1 a check failed; 2 bad usage or input; 3 the environment could not be set up;
4 time ran out; 130 interrupted.`,
		Example: `  # run the built-in scenarios
  eventrig test

  # keep a rig and send it a notification
  eventrig up
  eventrig publish keystone/identity.project.created`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetFlagErrorFunc(func(command *cobra.Command, err error) error {
		return failure.New(failure.BadInput, "see: "+command.CommandPath()+" --help", "%w", err)
	})
	root.AddCommand(test.New(), lifecycle.Up(), lifecycle.Status(), lifecycle.Down(), lifecycle.RabbitMQCtl(), lifecycle.Daemon(),
		publish.New(locate), explain.New(), coverage.New(), whatif.New(), mutate.New(), serve.New(), lint.New(), bench.New())
	for _, command := range root.Commands() {
		classifyUsage(command)
	}
	root.Args = func(_ *cobra.Command, arguments []string) error {
		if len(arguments) == 0 {
			return nil
		}
		hint := "see: eventrig --help"
		if near := root.SuggestionsFor(arguments[0]); len(near) > 0 {
			hint = "did you mean: " + strings.Join(near, ", ")
		}
		return failure.New(failure.BadInput, hint, "unknown command %q", arguments[0])
	}
	root.RunE = func(command *cobra.Command, _ []string) error { return command.Help() }
	return root
}

// classifyUsage makes wrong arguments of a command and its children bad input.
func classifyUsage(command *cobra.Command) {
	if check := command.Args; check != nil {
		command.Args = func(command *cobra.Command, arguments []string) error {
			if err := check(command, arguments); err != nil {
				return failure.New(failure.BadInput, "see: "+command.CommandPath()+" --help", "%w", err)
			}
			return nil
		}
	}
	for _, child := range command.Commands() {
		classifyUsage(child)
	}
}

// locate finds the RabbitMQ of a rig for the publish command.
func locate(name string) (func(vhost string) string, error) {
	status, err := rig.Find(name)
	if err != nil {
		return nil, err
	}
	return func(vhost string) string { return strings.TrimSuffix(status.AMQP.URL, "/") + "/" + vhost }, nil
}
