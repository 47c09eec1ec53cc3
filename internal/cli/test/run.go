package test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/eventrig/eventrig/e2e/offline"
	"github.com/eventrig/eventrig/e2e/rig"
	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/bundle"
	"github.com/eventrig/eventrig/internal/cli/talk"
	"github.com/eventrig/eventrig/internal/control"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/report"
)

// run makes or joins the rig, runs the scenarios, takes down what it made and reports.
func (f *flags) run(command *cobra.Command, selected []scenario.Scenario) error {
	talker := talk.New(command.ErrOrStderr())
	talker.Linef("seed %d, %d scenarios", f.seed, len(selected)*f.repeat)
	var unfinished error
	err := f.on(command, talker, func(ctx context.Context, on target) (report.Run, error) {
		results, left := f.scenarios(ctx, talker, on, selected)
		versions, notes, err := on.About(context.WithoutCancel(ctx))
		if err != nil && len(results) == 0 {
			return report.Run{}, err
		}
		verdict := report.New(versions, results, left)
		verdict.Notes = append(verdict.Notes, notes...)
		if len(left) > 0 {
			// What did not run has not passed.
			verdict.Verdict = scenario.Errored
			unfinished = fmt.Errorf("%d of %d scenarios did not run: %w", len(left), len(left)+len(results), context.Cause(ctx))
		}
		return verdict, nil
	})
	if unfinished != nil && failure.ExitStatus(err) <= int(failure.Check) {
		return unfinished
	}
	return err
}

// on makes or joins the rig, lets work find the verdict, reports it, and takes down what it made, also after an interrupt.
// Work's context ends when the time that the user gives has run out, which begins when all is built.
func (f *flags) on(command *cobra.Command, talker *talk.Talker, work func(context.Context, target) (report.Run, error)) (err error) {
	start, err := f.target(command.Context(), talker)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(command.Context(), f.timeout)
	defer cancel()
	on, err := start(ctx)
	if err != nil {
		return err
	}
	closed := false
	defer func() {
		if !closed {
			err = errors.Join(err, on.Close())
		}
	}()
	verdict, err := work(ctx, on)
	if err != nil {
		return err
	}
	if f.always || !passed(verdict) {
		if err := f.save(command, on, verdict); err != nil {
			talker.Linef("artifacts could not be saved: %v", err)
		} else {
			talker.Linef("what explains it, and how to run it again: %s", filepath.Join(absolute(f.artifacts), bundle.Index))
		}
	}
	if err := f.report(command, verdict); err != nil {
		return err
	}
	kept := f.keep == "always" || f.keep == "on-failure" && !passed(verdict)
	finished := command.Context().Err() == nil
	if kept {
		if err := stay(command.Context(), talker, on); err != nil {
			return err
		}
	}
	failed := on.Err()
	closed = true
	if err := on.Close(); err != nil {
		return fmt.Errorf("take the rig down: %w", err)
	}
	if failed != nil {
		return failure.New(failure.Environment, "logs: "+absolute(f.artifacts), "the rig failed during the run: %w", failed)
	}
	if kept && finished {
		return failure.Decided(outcome(verdict)) // what ended the rig came after
	}
	return outcome(verdict)
}

// stay keeps the rig up until an interrupt, or until eventrig down ends this process. Meanwhile other runs may join it.
func stay(ctx context.Context, talker *talk.Talker, on target) error {
	if own, is := on.(ownRig); is {
		served, err := control.Serve(own.Rig)
		if err != nil {
			return fmt.Errorf("let other runs join the rig: %w", err)
		}
		defer func() {
			// Scenarios of other runs are taken back before the rig goes.
			if err := served.Close(); err != nil {
				talker.Linef("a scenario of another run was not taken back: %v", err)
			}
		}()
	}
	status := on.Status()
	talker.Linef("the rig stays up until interrupted (eventrig down --rig %s): KUBECONFIG=%s", status.Name, status.Kubeconfig)
	select {
	case <-ctx.Done():
	case <-on.Failed():
	}
	return nil
}

// target prepares a rig, or finds the one that --rig names; what it returns boots or joins it.
func (f *flags) target(ctx context.Context, talker *talk.Talker) (func(context.Context) (target, error), error) {
	if f.tier == offline.Tier {
		return func(context.Context) (target, error) { return withoutRig(f.rig) }, nil
	}
	if f.join != "" {
		return func(context.Context) (target, error) { return join(f.join) }, nil
	}
	f.rig.Progress, f.rig.Log = talker.Phase, talker.Linef
	f.rig.Artifacts = f.artifacts
	prepared, err := rig.Prepare(ctx, f.rig)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (target, error) {
		r, err := prepared.Start(ctx)
		if err != nil {
			return nil, err
		}
		return ownRig{r}, nil
	}, nil
}

// planned is one scenario in one repetition.
type planned struct {
	scenario scenario.Scenario
	repeat   int
}

// scenarios runs everything that was selected, as many side by side as the user allows, and returns the results in the
// order of the selection. What there was no time for is left.
func (f *flags) scenarios(ctx context.Context, talker *talk.Talker, on target, selected []scenario.Scenario) (results []scenario.Result, left []report.Skip) {
	// A rig that has lost a part answers no question any more.
	running, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		select {
		case <-on.Failed():
			stop()
		case <-running.Done():
		}
	}()
	waits := newWaits(talker)
	defer waits.close()
	var plan []planned
	for repeat := range f.repeat {
		for _, one := range selected {
			plan = append(plan, planned{one, repeat})
		}
	}
	var mu sync.Mutex
	byPlace := map[int]scenario.Result{}
	var group errgroup.Group
	group.SetLimit(f.parallel)
	for place, next := range plan {
		group.Go(func() error {
			if running.Err() != nil {
				mu.Lock()
				defer mu.Unlock()
				left = append(left, report.Skip{Name: next.scenario.Metadata.Name, Reason: "not run: " + reason(ctx, on)})
				return nil
			}
			result := f.attempts(running, talker, waits, on, next)
			mu.Lock()
			defer mu.Unlock()
			byPlace[place] = result
			return nil
		})
	}
	_ = group.Wait() // a scenario's error is in its result
	for place := range plan {
		if result, ran := byPlace[place]; ran {
			results = append(results, result)
		}
	}
	slices.SortFunc(left, func(a, b report.Skip) int { return slices.Compare([]string{a.Name}, []string{b.Name}) })
	return results, left
}

// reason says why scenarios were left.
func reason(ctx context.Context, on target) string {
	switch {
	case on.Err() != nil:
		return "the rig failed"
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return "time ran out (--timeout)"
	default:
		return "interrupted"
	}
}

// attempts runs a scenario until it passes, or as often as --flake-attempts allows; the attempts before the last stay in
// the result.
func (f *flags) attempts(ctx context.Context, talker *talk.Talker, waits *waits, on target, next planned) scenario.Result {
	name := next.scenario.Metadata.Name
	if f.repeat > 1 {
		name = fmt.Sprintf("%s #%d", name, next.repeat+1)
	}
	var earlier []scenario.Attempt
	for attempt := 1; ; attempt++ {
		end := talker.Step(name)
		result := on.Run(ctx, next.scenario, scenario.Options{
			Seed: f.seed, Attempt: next.repeat*f.flakes + attempt - 1,
			Waiting: func(open string) { waits.set(name, open) },
		})
		waits.set(name, "")
		result.Earlier = earlier
		outcome := string(result.Verdict)
		if result.Flaky() {
			outcome += fmt.Sprintf(", flaky: attempt %d", attempt)
		}
		end(outcome)
		if f.timeline {
			talker.Linef("what became of it, in seconds since the first record:\n%s", report.Timeline(result))
		}
		// An error says nothing about the system under test, and a known defect that is gone is gone.
		if result.Verdict != scenario.Failed || next.scenario.Spec.KnownDefect != "" || attempt >= f.flakes || ctx.Err() != nil {
			return result
		}
		talker.Linef("%s failed at attempt %d of %d: %s; got %s", name, attempt, f.flakes, result.Failures[0].Expected, result.Failures[0].Got)
		earlier = append(earlier, scenario.Attempt{Verdict: result.Verdict, Seconds: result.Seconds, Failures: result.Failures})
	}
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
