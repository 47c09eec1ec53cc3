package mutate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/eventrig/eventrig/e2e/rig"
	"github.com/eventrig/eventrig/internal/cli/paint"
	"github.com/eventrig/eventrig/internal/cli/talk"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/figures"
	"github.com/eventrig/eventrig/internal/mutate"
)

func (f *flags) run(command *cobra.Command, paths []string) error {
	choice, err := f.choice()
	if err != nil {
		return err
	}
	if f.listOperators {
		return f.print(command, listed(mutate.Operators), func(out *bytes.Buffer) { operators(out) })
	}
	in, err := f.read(paths)
	if err != nil {
		return err
	}
	defer in.close()
	talker := talk.New(command.ErrOrStderr())
	for _, note := range in.notes {
		talker.Linef("%s", note)
	}
	options := mutate.Options{Choice: choice, Sample: f.sample, Seed: f.seed, Reasons: in.reasons}
	chosen, _, err := mutate.Choose(in.graph, options)
	if err != nil {
		return err
	}
	if len(chosen) == 0 {
		return failure.New(failure.BadInput, "see: eventrig mutate --list, without --focus and --operators", "there is nothing to change")
	}
	if f.list {
		return f.print(command, listedMutants(chosen), func(out *bytes.Buffer) { list(out, chosen) })
	}
	ctx, cancel := context.WithTimeout(command.Context(), f.timeout)
	defer cancel()
	f.tell(talker, &options)
	if f.tier == rig.Tier {
		options.Rigs = func(ctx context.Context) ([]mutate.Stage, func() error, error) { return f.lanes(ctx, talker, in) }
	}
	report, err := mutate.Run(ctx, in.graph, in.scenarios, options)
	if report == nil {
		return err
	}
	colour := paint.For(command.OutOrStdout())
	if printErr := f.print(command, report, func(out *bytes.Buffer) { text{out, colour, f.all}.report(report) }); printErr != nil {
		return printErr
	}
	if err != nil {
		return err
	}
	if n := report.Total.Survived; n > 0 {
		return failure.New(failure.Check, "add what a scenario expects, or an entry to the file of reasons", "%s that no scenario notices", figures.Of(n, "mutant"))
	}
	return nil
}

// tell prints how far the run has come.
func (f *flags) tell(talker *talk.Talker, options *mutate.Options) {
	var done, of int
	options.Begun = func(tier string, n int) {
		done, of = 0, n
		talker.Linef("tier %s: %s", tier, figures.Of(n, "mutant"))
	}
	options.Told = func(o *mutate.Outcome) {
		done++
		switch {
		case o.Tier == rig.Tier:
			talker.Linef("%4d of %d  %-8s %5.1fs  %s: %s%s", done, of, o.Verdict, o.Seconds, o.Mutant.ID, o.Mutant.Change, by(o.Scenario))
		case done%100 == 0:
			talker.Linef("%4d of %d", done, of)
		}
	}
}

func by(scenario string) string {
	if scenario == "" {
		return ""
	}
	return ", by " + scenario
}

// lanes starts rigs.
func (f *flags) lanes(ctx context.Context, talker *talk.Talker, in *input) ([]mutate.Stage, func() error, error) {
	rigs := make([]*rig.Rig, f.rigs)
	down := func() error {
		var all []error
		for _, one := range rigs {
			if one != nil {
				all = append(all, one.Close())
			}
		}
		return errors.Join(all...)
	}
	prepared := make([]*rig.Prepared, f.rigs)
	for i := range prepared {
		options := in.rig
		options.Log = talker.Linef
		if i == 0 {
			options.Progress = talker.Phase // those of several would be mixed up
		}
		var err error
		if prepared[i], err = rig.Prepare(ctx, options); err != nil {
			return nil, down, err
		}
	}
	group, groupContext := errgroup.WithContext(ctx)
	for i := range prepared {
		group.Go(func() (err error) {
			rigs[i], err = prepared[i].Start(groupContext)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, down, errors.Join(err, down())
	}
	var lanes []mutate.Stage
	for _, one := range rigs {
		lanes = append(lanes, mutate.OnRig(one, in.graph, f.seed, f.mutantReady))
	}
	return lanes, down, nil
}

// print writes what a program reads, or what people do.
func (f *flags) print(command *cobra.Command, value any, people func(*bytes.Buffer)) error {
	var page bytes.Buffer
	if f.output == "json" {
		encoder := json.NewEncoder(&page)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(value); err != nil {
			return fmt.Errorf("encode the result: %w", err)
		}
	} else {
		people(&page)
	}
	if _, err := command.OutOrStdout().Write(page.Bytes()); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	return nil
}
