package mutate

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/eventrig/eventrig/e2e/offline"
	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/figures"
	"github.com/eventrig/eventrig/internal/pipeline"
)

// Options say what to try, and where.
type Options struct {
	Choice  Choice
	Sample  int   // try so many mutants, drawn at random; 0 is all
	Seed    int64 // of the sample, and of what scenarios draw at random
	Reasons *Reasons
	// Rigs starts rigs, for what the offline tier cannot tell: lanes, and what takes them down again. Nil: such mutants stay
	// open. It is called once, and only where there is something to be tried.
	Rigs func(ctx context.Context) (lanes []Stage, down func() error, err error)
	// Begun is told how many mutants are tried next, and at which tier; Told of each that is decided there. Both may be nil.
	Begun func(tier string, mutants int)
	Told  func(*Outcome)
}

// Choose makes the mutants and draws the sample. What is wrong with the choice is bad input.
func Choose(graph *pipeline.Graph, options Options) (chosen []*Mutant, made int, err error) {
	all, err := Make(graph, options.Choice)
	if err != nil {
		return nil, 0, err
	}
	if options.Sample <= 0 || options.Sample >= len(all) {
		return all, len(all), nil
	}
	places := rand.New(rand.NewPCG(uint64(options.Seed), 0)).Perm(len(all))[:options.Sample]
	slices.Sort(places)
	for _, place := range places {
		chosen = append(chosen, all[place])
	}
	return chosen, len(all), nil
}

// Run tries mutants of a graph against scenarios, the cheapest way first: what means the same, what the offline tier tells,
// what evaluating events tells, and the rest on rigs. An error is the environment's or the caller's; the report then has what
// was decided until then.
func Run(ctx context.Context, graph *pipeline.Graph, scenarios []scenario.Scenario, options Options) (*Report, error) {
	began := time.Now()
	mutants, made, err := Choose(graph, options)
	if err != nil {
		return nil, err
	}
	reach, err := ReachOf(ctx, graph, scenarios, options.Seed)
	if err != nil {
		return nil, err
	}
	r := &run{graph: graph, options: options, engine: &Engine{Scenarios: scenarios, Reach: reach, Told: options.Told}, apart: map[*Outcome]string{},
		report: &Report{Tier: offline.Tier, Seed: options.Seed, Made: made, Operators: []Tally{}, Objects: []Tally{}, Scenarios: []Witness{}, Mutants: []Mutation{}, Excluded: []Exclusion{}, Notes: []string{}}}
	for _, m := range mutants {
		outcome := &Outcome{Mutant: m, Verdict: Left}
		if why := equivalent(m); why != "" {
			outcome.Verdict, outcome.Why = Equivalent, why
		}
		r.outcomes = append(r.outcomes, outcome)
	}
	err = r.stages(ctx)
	for _, outcome := range r.outcomes {
		switch outcome.Verdict {
		case Survived:
			if outcome.Reason = options.Reasons.of(outcome.Mutant); outcome.Reason != "" {
				outcome.Verdict = Reasoned
			}
		case Killed, Refused, Linted:
			options.Reasons.killed(outcome.Mutant)
		}
	}
	r.report.Notes = append(r.report.Notes, options.Reasons.idle()...)
	r.report.Seconds = time.Since(began).Seconds()
	r.engine.report(r.report, r.outcomes, r.apart)
	return r.report, err
}

// run is a Report in the making.
type run struct {
	graph    *pipeline.Graph
	options  Options
	engine   *Engine
	outcomes []*Outcome
	apart    map[*Outcome]string
	report   *Report
}

// where are the outcomes of which something holds.
func (r *run) where(holds func(*Outcome) bool) []*Outcome {
	var found []*Outcome
	for _, outcome := range r.outcomes {
		if holds(outcome) {
			found = append(found, outcome)
		}
	}
	return found
}

func (r *run) begun(tier string, mutants int) {
	if r.options.Begun != nil {
		r.options.Begun(tier, mutants)
	}
}

func (r *run) stages(ctx context.Context) error {
	open := r.where(func(o *Outcome) bool { return o.Verdict == Left })
	reached := func(o *Outcome) bool { return len(r.engine.Reach[o.Mutant.Object.Key()]) > 0 }
	offlineLanes := Offline(r.graph, r.options.Seed)
	first := r.where(func(o *Outcome) bool { return o.Verdict == Left && (o.Mutant.Operator.Offline || !reached(o)) })
	r.begun(offline.Tier, len(first))
	if err := r.engine.Baseline(ctx, offlineLanes); err != nil {
		return fmt.Errorf("run the scenarios without a mutant: %w", err)
	}
	if err := r.engine.Try(ctx, offlineLanes, first); err != nil {
		return err
	}
	if err := r.engine.chances(ctx, offlineLanes, first); err != nil {
		return err
	}
	if err := r.probe(ctx); err != nil {
		return err
	}
	rest := r.where(func(o *Outcome) bool {
		return slices.Contains(open, o) && reached(o) && slices.Contains([]Verdict{Left, Survived, Open}, o.Verdict)
	})
	if r.options.Rigs != nil && len(rest) > 0 {
		r.report.Tier = "embedded"
		if err := r.onRigs(ctx, rest); err != nil {
			return err
		}
	} else {
		for _, o := range rest {
			if o.Verdict == Left {
				o.Verdict, o.Why = Open, "only a rig can tell"
			}
		}
	}
	return r.lint(ctx)
}

// onRigs tries what is left on rigs.
func (r *run) onRigs(ctx context.Context, rest []*Outcome) (err error) {
	r.begun("embedded", len(rest))
	lanes, down, err := r.options.Rigs(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if downErr := down(); err == nil && downErr != nil {
			err = fmt.Errorf("take the rigs down: %w", downErr)
		}
	}()
	if err := r.engine.Try(ctx, lanes, rest); err != nil {
		return err
	}
	return r.engine.chances(ctx, lanes, rest)
}

// probe looks among many events for one that tells a survivor from what is written. Where there is none, nothing could.
func (r *run) probe(ctx context.Context) error {
	survivors := r.where(func(o *Outcome) bool { return (o.Verdict == Survived || o.Verdict == Open) && o.Mutant.Operator.probe })
	if len(survivors) == 0 {
		return nil
	}
	p, err := newProber(ctx, r.graph, r.engine.Scenarios, r.options.Seed)
	if err != nil {
		return fmt.Errorf("make events that tell mutants apart: %w", err)
	}
	for _, o := range survivors {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		apart, err := p.apart(o.Mutant)
		if err != nil {
			return err
		}
		if r.apart[o] = apart; apart == "" {
			o.Verdict, o.Why = Equivalent, fmt.Sprintf("of %s, among them every notification that the simulated services know and near misses of the filters, nothing else becomes", figures.Of(len(p.events), "event"))
		}
	}
	return nil
}

// lint says of survivors whether eventrig lint finds them.
func (r *run) lint(ctx context.Context) error {
	survivors := r.where(func(o *Outcome) bool { return o.Verdict == Survived })
	if len(survivors) == 0 {
		return nil
	}
	l := newLinter(ctx, r.graph)
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, o := range survivors {
		group.Go(func() error {
			if found := l.of(ctx, o.Mutant); found != "" && ctx.Err() == nil {
				o.Verdict, o.Why = Linted, found
			}
			return ctx.Err()
		})
	}
	return group.Wait()
}
