// Package test holds `eventrig test`, the main job: make a rig, run scenarios, take it down, print the verdict.
package test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/eventrig/eventrig/e2e/rig"
	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/fixtures/scenarios"
	"github.com/eventrig/eventrig/internal/cli/lifecycle"
	"github.com/eventrig/eventrig/internal/cli/talk"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/report"
)

// flags are the command's flags.
type flags struct {
	rig       rig.Options
	selection selection
	output    string
	junit     string
	json      string
	artifacts string
	keep      string
	timeout   time.Duration
	seed      int64
	repeat    int
	list      bool
	timeline  bool
	save      bool // artifacts of a run that passed, too
}

// New makes the command.
func New() *cobra.Command {
	var f flags
	command := &cobra.Command{
		Use:   "test [PATH...]",
		Short: "Make a rig, run scenarios, take the rig down, print the verdict",
		Long: `Make a rig, run scenarios, take the rig down, print the verdict.

PATH is a scenario file or a folder of them; without one the built-in scenarios run.`,
		Example: `  eventrig test
  eventrig test --label-filter smoke --bus jetstream
  eventrig test scenarios/ --manifests deploy/ --junit-file report.xml
  eventrig test --focus project-created --keep on-failure`,
	}
	lifecycle.Flags(command, &f.rig)
	all := command.Flags()
	all.StringVar(&f.selection.focus, "focus", "", "regular expression for names of scenarios to run")
	all.StringVar(&f.selection.labels, "label-filter", "", "label expression as Ginkgo has it, such as: smoke && !service:nova")
	all.BoolVar(&f.list, "list", false, "only list the selected scenarios")
	all.BoolVar(&f.timeline, "timeline", false, "print what became of each notification, hop by hop, after its scenario")
	all.StringVar(&f.junit, "junit-file", "", "write a JUnit report")
	all.StringVar(&f.json, "json-file", "", "write the verdict as JSON, as -o json prints it")
	all.StringVar(&f.artifacts, "artifacts", "artifacts", "folder for ledger and logs: of a run that did not pass, of every run where this flag is given")
	all.StringVar(&f.keep, "keep", "never", "leave the rig up until interrupted: never, on-failure, always")
	all.DurationVar(&f.timeout, "timeout", 15*time.Minute, "give up after this time")
	all.Int64Var(&f.seed, "seed", 0, "seed of everything drawn at random (default: drawn, and printed)")
	all.IntVar(&f.repeat, "repeat", 1, "run each scenario this many times")
	check := lifecycle.Output(command, &f.output)
	command.RunE = func(command *cobra.Command, paths []string) error {
		if err := check(); err != nil {
			return err
		}
		if err := f.validate(); err != nil {
			return err
		}
		f.save = command.Flags().Changed("artifacts")
		selected, err := load(paths, f.selection)
		if err != nil {
			return err
		}
		if f.list {
			return list(command, selected, f.output)
		}
		return f.run(command, selected)
	}
	return command
}

func (f *flags) validate() error {
	switch f.keep {
	case "never", "on-failure", "always":
	default:
		return failure.New(failure.BadInput, "use never, on-failure or always", "--keep %q is unknown", f.keep)
	}
	if f.repeat < 1 {
		return failure.New(failure.BadInput, "use a number from 1", "--repeat %d runs nothing", f.repeat)
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

// run makes the rig, runs the scenarios, takes the rig down and reports.
func (f *flags) run(command *cobra.Command, selected []scenario.Scenario) (err error) {
	ctx, cancel := context.WithTimeout(command.Context(), f.timeout)
	defer cancel()
	talker := talk.New(command.ErrOrStderr())
	f.rig.Progress, f.rig.Log = talker.Phase, talker.Linef
	f.rig.Artifacts = f.artifacts
	talker.Linef("seed %d, %d scenarios", f.seed, len(selected)*f.repeat)
	r, err := rig.Start(ctx, f.rig)
	if err != nil {
		return err
	}
	closed := false
	defer func() {
		if !closed {
			err = errors.Join(err, r.Close())
		}
	}()
	// A rig that has lost a part answers no question any more.
	running, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		select {
		case <-r.Failed():
			stop()
		case <-running.Done():
		}
	}()
	var results []scenario.Result
	for attempt := range f.repeat {
		for _, one := range selected {
			end := talker.Step(one.Metadata.Name)
			result := scenario.Run(running, r, one, scenario.Options{Seed: f.seed, Attempt: attempt})
			results = append(results, result)
			end(string(result.Verdict))
			if f.timeline {
				talker.Linef("what became of it, in seconds since the first record:\n%s", report.Timeline(result))
			}
		}
	}
	verdict := report.New(r.Versions(), results, nil)
	verdict.Notes = r.Notes(ctx)
	if f.save || !passed(verdict) {
		if err := r.SaveArtifacts(f.artifacts); err != nil {
			talker.Linef("artifacts could not be saved: %v", err)
		} else {
			talker.Linef("ledger and logs: %s", absolute(f.artifacts))
		}
	}
	if err := f.report(command, verdict); err != nil {
		return err
	}
	if f.keep == "always" || f.keep == "on-failure" && !passed(verdict) {
		talker.Linef("the rig stays up until interrupted: KUBECONFIG=%s", r.Status().Kubeconfig)
		select {
		case <-command.Context().Done():
		case <-r.Failed():
		}
	}
	failed := r.Err()
	closed = true
	if err := r.Close(); err != nil {
		return fmt.Errorf("take the rig down: %w", err)
	}
	if failed != nil {
		return failure.New(failure.Environment, "logs: "+absolute(f.artifacts), "the rig failed during the run: %w", failed)
	}
	return outcome(verdict)
}

// report prints the verdict and writes the files asked for.
func (f *flags) report(command *cobra.Command, verdict report.Run) error {
	write := verdict.Text
	if f.output == "json" {
		write = verdict.JSON
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
		return toFile(f.junit, verdict.JUnit)
	}
	return nil
}

func passed(verdict report.Run) bool { return verdict.Verdict == scenario.Passed }

// outcome is the error that decides the exit status of a run.
func outcome(verdict report.Run) error {
	switch verdict.Verdict {
	case scenario.Passed:
		return nil
	case scenario.Skipped:
		return failure.New(failure.BadInput, "choose scenarios that can run at this tier", "every selected scenario was skipped")
	}
	var failed int
	for _, result := range verdict.Scenarios {
		if result.Err != nil {
			return fmt.Errorf("scenario %s: %w", result.Name, result.Err)
		}
		if result.Verdict == scenario.Failed {
			failed++
		}
	}
	return failure.New(failure.Check, "", "%d of %d scenarios failed", failed, len(verdict.Scenarios))
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
