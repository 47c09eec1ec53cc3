// Package test holds `eventrig test`, the main job: make a rig, run scenarios, take it down, print the verdict.
package test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/eventrig/eventrig/e2e/offline"
	"github.com/eventrig/eventrig/e2e/rig"
	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/fixtures/scenarios"
	"github.com/eventrig/eventrig/internal/cli/lifecycle"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/report"
)

// flags are the command's flags.
type flags struct {
	rig       rig.Options
	join      string
	tier      string
	selection selection
	output    string
	junit     string
	json      string
	html      string
	github    bool
	artifacts string
	keep      string
	timeout   time.Duration
	seed      int64
	repeat    int
	parallel  int
	flakes    int
	list      bool
	dryRun    bool
	event     string
	write     string
	timeline  bool
	always    bool // artifacts of a run that passed, too

	print func(io.Writer) error // instead of the verdict, on stdout
}

// tiers are those that scenarios can run at so far.
var tiers = []string{rig.Tier, offline.Tier}

// New makes the command.
func New() *cobra.Command {
	var f flags
	command := &cobra.Command{
		Use:   "test [PATH...]",
		Short: "Make a rig, run scenarios, take the rig down, print the verdict",
		Long: `Make a rig, run scenarios, take the rig down, print the verdict.

With --tier offline there is no rig: what Sensors make of a scenario's events, and the parameters of the Workflows that
they would create, are evaluated by argo-events' own code, which takes milliseconds. What only a cluster can tell (how
Workflows end, records, requests, pods, the broker) is left out and named; it never counts as passed.

PATH is a scenario file or a folder of them; without one the built-in scenarios run.

Each scenario has a simulated Nautobot and OpenStack of its own, so that several can run side by side (--parallel)
and on a rig that is up (--rig), which is left as it was. Scenarios that apply objects, disturb a component, or send
what could be confused with another one's events, run one after the other.

SIGUSR1 tells what the running scenarios wait for.`,
		Example: `  eventrig test
  eventrig test --label-filter smoke --bus jetstream --parallel 4
  eventrig test scenarios/ --manifests deploy/ --junit-file report.xml --html-file report.html
  eventrig test --manifests charts/site-workflows --namespace charts/site-workflows=openstack --values site.yaml --manifests workflows/argo-events
  eventrig test --focus project-created --keep on-failure

  # while editing a Sensor: no cluster, no broker, milliseconds
  eventrig test scenarios/ --manifests deploy/ --tier offline

  # on a rig that is up
  eventrig up --rig mine && eventrig test --rig mine

  # is everything right, without a rig
  eventrig test scenarios/ --dry-run

  # what does this message do, and keep it as a scenario
  eventrig test --event message.json --write-scenario scenarios/bug-17.yaml`,
	}
	lifecycle.Flags(command, &f.rig)
	all := command.Flags()
	all.StringVar(&f.join, "rig", "", "name of a rig that is up, to run the scenarios on")
	all.StringVar(&f.tier, "tier", rig.Tier, "what the scenarios run on: "+strings.Join(tiers, ", "))
	all.StringVar(&f.selection.focus, "focus", "", "regular expression for names of scenarios to run")
	all.StringVar(&f.selection.labels, "label-filter", "", "label expression as Ginkgo has it, such as: smoke && !service:nova")
	all.BoolVar(&f.list, "list", false, "only list the selected scenarios")
	all.BoolVar(&f.dryRun, "dry-run", false, "only check scenarios, manifests and events, and print what would be done")
	all.StringVar(&f.event, "event", "", "file with one or more recorded messages: send them as they are and tell what fired, ran and changed")
	all.StringVar(&f.write, "write-scenario", "", "with --event: file to write a scenario of it to")
	all.BoolVar(&f.timeline, "timeline", false, "print what became of each notification, hop by hop, after its scenario")
	all.StringVar(&f.junit, "junit-file", "", "write a JUnit report")
	all.StringVar(&f.json, "json-file", "", "write the verdict as JSON, as -o json prints it")
	all.StringVar(&f.html, "html-file", "", "write one page with the verdicts and each notification's way")
	all.BoolVar(&f.github, "github-output", false, "print annotations for GitHub Actions on stderr")
	all.StringVar(&f.artifacts, "artifacts", "artifacts", "folder for what explains a run (its README.md says where to look first): of one that did not pass, of every one where this flag is given")
	all.StringVar(&f.keep, "keep", "never", "leave the rig up until interrupted: never, on-failure, always")
	all.DurationVar(&f.timeout, "timeout", 15*time.Minute, "give up after this time; building what is missing does not count")
	all.Int64Var(&f.seed, "seed", 0, "seed of everything drawn at random (default: drawn, and printed)")
	all.IntVar(&f.repeat, "repeat", 1, "run each scenario this many times")
	all.IntVar(&f.parallel, "parallel", 1, "run up to this many scenarios side by side")
	all.IntVar(&f.flakes, "flake-attempts", 1, "run a failed scenario again, up to this many attempts; every report tells of each")
	_ = command.RegisterFlagCompletionFunc("tier", cobra.FixedCompletions(tiers, cobra.ShellCompDirectiveNoFileComp))
	_ = command.RegisterFlagCompletionFunc("keep", cobra.FixedCompletions([]string{"never", "on-failure", "always"}, cobra.ShellCompDirectiveNoFileComp))
	check := lifecycle.Output(command, &f.output)
	command.RunE = func(command *cobra.Command, paths []string) error {
		if err := check(); err != nil {
			return err
		}
		if err := f.validate(command, paths); err != nil {
			return err
		}
		f.always = command.Flags().Changed("artifacts")
		if f.event != "" {
			return f.runEvent(command)
		}
		selected, err := load(paths, f.selection)
		if err != nil {
			return err
		}
		switch {
		case f.list:
			return list(command, selected, f.output)
		case f.dryRun:
			return f.rehearse(command, selected)
		default:
			return f.run(command, selected)
		}
	}
	return command
}

func (f *flags) validate(command *cobra.Command, paths []string) error {
	if !slices.Contains(tiers, f.tier) {
		hint := "this eventrig has: " + strings.Join(tiers, ", ")
		if slices.Contains([]string{"kind", "existing"}, f.tier) {
			return failure.New(failure.BadInput, hint, "tier %s is not there yet", f.tier)
		}
		return failure.New(failure.BadInput, hint, "--tier %q is unknown", f.tier)
	}
	switch f.keep {
	case "never", "on-failure", "always":
	default:
		return failure.New(failure.BadInput, "use never, on-failure or always", "--keep %q is unknown", f.keep)
	}
	for name, value := range map[string]int{"repeat": f.repeat, "parallel": f.parallel, "flake-attempts": f.flakes} {
		if value < 1 {
			return failure.New(failure.BadInput, "use a number from 1", "--%s %d runs nothing", name, value)
		}
	}
	if f.tier == offline.Tier {
		for _, name := range []string{"rig", "broker", "argo-events", "argo-workflows", "image", "ready-timeout", "keep"} {
			if command.Flags().Changed(name) {
				return failure.New(failure.BadInput, "leave out one of the two", "--%s is a matter of a rig, and --tier offline has none", name)
			}
		}
		if f.event != "" {
			return failure.New(failure.BadInput, "eventrig explain --event "+f.event+" says what the Sensors make of it", "--event sends a message to a rig, and --tier offline has none")
		}
	}
	if f.join != "" {
		// A rig that is up is as it is.
		for _, name := range []string{"bus", "broker", "argo-events", "argo-workflows", "manifests", "values", "set", "namespace", "kube-version", "fetch", "image", "ready-timeout", "keep", "tier"} {
			if flag := command.Flags().Lookup(name); flag != nil && flag.Changed {
				return failure.New(failure.BadInput, "give it to eventrig up, or leave --rig out", "--%s is a matter of the rig, and --rig %s is up already", name, f.join)
			}
		}
	}
	if f.write != "" && f.event == "" {
		return failure.New(failure.BadInput, "give the message with --event FILE", "--write-scenario makes a scenario of a message, and there is none")
	}
	if f.event != "" {
		if len(paths) > 0 {
			return failure.New(failure.BadInput, "leave out one of the two", "--event sends a message of its own; the scenarios in %s would not run", strings.Join(paths, ", "))
		}
		for _, name := range []string{"focus", "label-filter", "list", "dry-run", "repeat", "flake-attempts", "parallel"} {
			if command.Flags().Changed(name) {
				return failure.New(failure.BadInput, "leave out one of the two", "--%s chooses scenarios, and --event runs none", name)
			}
		}
	}
	if f.seed == 0 {
		f.seed = time.Now().UnixNano()
	}
	return nil
}

// load reads the scenarios and keeps the selected ones; a selection that matches nothing is bad input, because a run of
// nothing must not look passed.
func load(paths []string, selected selection) ([]scenario.Scenario, error) {
	var all []scenario.Scenario
	var err error
	if len(paths) == 0 {
		all, err = scenario.LoadFS(scenarios.FS)
	} else {
		all, err = scenario.Load(paths...)
	}
	if err != nil {
		return nil, err
	}
	chosen, err := selected.choose(all)
	if err != nil {
		return nil, err
	}
	if len(chosen) == 0 {
		return nil, failure.New(failure.BadInput, "see what there is with: eventrig test --list", "no scenario of %d is selected", len(all))
	}
	return chosen, nil
}

// report prints the verdict and writes the files asked for.
func (f *flags) report(command *cobra.Command, verdict report.Run) error {
	write := verdict.Text
	if f.output == "json" {
		write = verdict.JSON
	}
	if f.print != nil {
		write = f.print
	}
	if err := write(command.OutOrStdout()); err != nil {
		return fmt.Errorf("print the verdict: %w", err)
	}
	if f.json != "" {
		if err := toFile(f.json, verdict.JSON); err != nil {
			return err
		}
	}
	if f.junit != "" {
		if err := toFile(f.junit, verdict.JUnit); err != nil {
			return err
		}
	}
	if f.html != "" {
		if err := toFile(f.html, verdict.HTML); err != nil {
			return err
		}
	}
	if f.github {
		return verdict.GitHub(command.ErrOrStderr(), os.Getenv("GITHUB_WORKSPACE"))
	}
	return nil
}

func absolute(path string) string {
	if full, err := filepath.Abs(path); err == nil {
		return full
	}
	return path
}

// create makes a report file and the folder it lies in.
func create(path string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, failure.New(failure.BadInput, "name a file in a folder that can be written", "make folder of report: %w", err)
	}
	file, err := os.Create(path)
	if err != nil {
		return nil, failure.New(failure.BadInput, "name a file that can be written", "write report: %w", err)
	}
	return file, nil
}
