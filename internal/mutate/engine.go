package mutate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/figures"
)

// Verdict is what became of a mutant.
type Verdict string

// The verdicts.
const (
	Killed     Verdict = "killed"     // a scenario fails with it, and passes without
	Refused    Verdict = "refused"    // the API server, or argo-events' webhook, does not take it
	Equivalent Verdict = "equivalent" // it means the same as what is written
	Linted     Verdict = "lint"       // no scenario fails, but eventrig lint has a new error
	Reasoned   Verdict = "reasoned"   // no scenario fails, and a file says why that is right
	Survived   Verdict = "survived"   // no scenario fails
	Open       Verdict = "open"       // the tier cannot tell: it needs a rig
	Left       Verdict = "left"       // not tried: time ran out, or the run was interrupted
)

// Verdicts are all verdicts, in the order of a report.
func Verdicts() []Verdict {
	return []Verdict{Killed, Refused, Equivalent, Linted, Reasoned, Survived, Open, Left}
}

// Outcome is a mutant with what became of it.
type Outcome struct {
	Mutant   *Mutant
	Verdict  Verdict
	Tier     string // that decided
	Scenario string // that killed it
	Why      string // how it showed, or why it did not
	Reason   string // of the file, where it is reasoned
	Tried    int    // how many scenarios ran with it in force
	Seconds  float64

	blind bool // no scenario that ran could be decided where it was tried
}

// Stage puts mutants in force at one tier, one at a time.
type Stage interface {
	Tier() string
	// Force puts a mutant in force and returns once it is; with nil the manifests are as they are written. An error that is a
	// Refusal says that it cannot be.
	Force(ctx context.Context, m *Mutant) (Trial, error)
}

// Trial is a mutant in force.
type Trial interface {
	Run(ctx context.Context, s scenario.Scenario) scenario.Result
	// End makes all as it is written.
	End(ctx context.Context) error
}

// Refusal is what an API server says to a mutant that it does not take.
type Refusal struct{ Err error }

func (r *Refusal) Error() string { return r.Err.Error() }

// Unwrap returns the API server's own words.
func (r *Refusal) Unwrap() error { return r.Err }

// Unready is a mutant with which the rig's own components do not come up.
type Unready struct{ Err error }

func (u *Unready) Error() string { return u.Err.Error() }

// Unwrap returns what is not ready.
func (u *Unready) Unwrap() error { return u.Err }

// Engine tries mutants.
type Engine struct {
	Scenarios []scenario.Scenario
	Reach     Reach
	Told      func(*Outcome) // of each mutant that is decided; may be nil

	mu    sync.Mutex
	tiers map[string]*standing // by tier
}

// standing is what is known of the scenarios at a tier.
type standing struct {
	passes  map[int]bool // with the manifests as they are written; absent: not known
	why     map[int]string
	seconds map[int]float64 // of the last run
	kills   map[int]int
	tried   map[int]int // with a mutant in force, and decided
}

func (e *Engine) standing(tier string) *standing {
	if e.tiers == nil {
		e.tiers = map[string]*standing{}
	}
	if e.tiers[tier] == nil {
		e.tiers[tier] = &standing{passes: map[int]bool{}, why: map[int]string{}, seconds: map[int]float64{}, kills: map[int]int{}, tried: map[int]int{}}
	}
	return e.tiers[tier]
}

// Try tries mutants at lanes of one tier, each lane one at a time. What is decided is written into the outcomes; one that no
// scenario kills has the verdict Survived, or Open where none of them could be decided. The error is the environment's; what
// was decided until then stays, the rest is Left.
func (e *Engine) Try(ctx context.Context, lanes []Stage, outcomes []*Outcome) error {
	for _, outcome := range outcomes {
		outcome.Verdict = Left
	}
	return inLanes(ctx, lanes, outcomes, func(ctx context.Context, lane Stage, outcome *Outcome) error {
		began := time.Now()
		if err := e.one(ctx, lane, outcome); err != nil {
			outcome.Verdict = Left
			return err
		}
		outcome.Tier, outcome.Seconds = lane.Tier(), outcome.Seconds+time.Since(began).Seconds()
		if e.Told != nil {
			e.mu.Lock()
			e.Told(outcome)
			e.mu.Unlock()
		}
		return nil
	})
}

// one tries one mutant. A scenario that fails also without it counts for nothing, and the others are tried.
func (e *Engine) one(ctx context.Context, lane Stage, outcome *Outcome) error {
	for {
		by, result, err := e.attempt(ctx, lane, outcome)
		if err != nil || by < 0 {
			return err
		}
		passes, err := e.passes(ctx, lane, by, result.Verdict == scenario.Errored)
		if err != nil {
			return err
		}
		if !passes {
			continue
		}
		e.mu.Lock()
		e.standing(lane.Tier()).kills[by]++
		e.mu.Unlock()
		outcome.Verdict, outcome.Scenario, outcome.Why = Killed, e.Scenarios[by].Metadata.Name, said(result)
		return nil
	}
}

// attempt runs scenarios with a mutant in force until one fails; by is -1 where that is decided without one.
func (e *Engine) attempt(ctx context.Context, lane Stage, outcome *Outcome) (by int, _ scenario.Result, err error) {
	by, outcome.Tried, outcome.blind = -1, 0, true
	order := e.order(lane.Tier(), outcome.Mutant)
	if len(order) == 0 {
		outcome.Verdict, outcome.Why, outcome.blind = Survived, "no scenario comes to it", false
		if len(e.Reach[outcome.Mutant.Object.Key()]) > 0 {
			outcome.Verdict, outcome.Why = Open, "none of the scenarios that come to it can be decided, and passes without it, at the tier "+lane.Tier()
		}
		return by, scenario.Result{}, nil
	}
	trial, err := lane.Force(ctx, outcome.Mutant)
	var refusal *Refusal
	var unready *Unready
	switch {
	case errors.As(err, &refusal):
		outcome.Verdict, outcome.Why = Refused, refusal.Error()
		return by, scenario.Result{}, nil
	case errors.As(err, &unready):
		outcome.Verdict, outcome.Why = Killed, "the rig does not become ready with it: "+unready.Error()
		return by, scenario.Result{}, nil
	case err != nil:
		return by, scenario.Result{}, fmt.Errorf("put %s in force: %w", outcome.Mutant.ID, err)
	}
	defer func() {
		if endErr := trial.End(context.WithoutCancel(ctx)); endErr != nil && err == nil {
			err = fmt.Errorf("take %s back: %w", outcome.Mutant.ID, endErr)
		}
	}()
	for _, place := range order {
		result := trial.Run(ctx, e.Scenarios[place])
		if ctx.Err() != nil {
			return -1, result, ctx.Err()
		}
		e.count(lane.Tier(), place, result)
		outcome.Tried++
		switch result.Verdict {
		case scenario.Failed, scenario.Errored:
			return place, result, nil
		case scenario.Skipped:
		default:
			outcome.blind = outcome.blind && blind(result)
		}
	}
	outcome.Verdict, outcome.Why = Survived, fmt.Sprintf("%s passed with it", figures.Of(outcome.Tried, "scenario"))
	if outcome.blind {
		outcome.Verdict, outcome.Why = Open, "the tier "+lane.Tier()+" cannot tell what the Sensors do"
	}
	return -1, scenario.Result{}, nil
}

// count notes that a scenario ran.
func (e *Engine) count(tier string, place int, result scenario.Result) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.standing(tier)
	s.seconds[place] = result.Seconds
	if result.Verdict != scenario.Skipped {
		s.tried[place]++
	}
}

// order says which scenarios to run for a mutant, in which order: quick ones first, and before their turn those that have not
// killed anything yet, so that it shows whether they can.
func (e *Engine) order(tier string, m *Mutant) []int {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.standing(tier)
	var order []int
	for _, place := range e.Reach[m.Object.Key()] {
		one := e.Scenarios[place]
		fits := len(one.Spec.Tiers) == 0 || slices.Contains(one.Spec.Tiers, tier)
		if passes, known := s.passes[place]; fits && (passes || !known) {
			order = append(order, place)
		}
	}
	cost := func(place int) float64 {
		seconds, known := s.seconds[place]
		if !known {
			seconds = 5
		}
		if s.kills[place] == 0 {
			return seconds / 2
		}
		return seconds
	}
	costs := map[int]float64{}
	for _, place := range order {
		costs[place] = cost(place)
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(costs[a], costs[b]) })
	return order
}

// passes says whether a scenario passes with the manifests as they are written. That is asked once for each, and again where
// it could not be run to its end.
func (e *Engine) passes(ctx context.Context, lane Stage, place int, again bool) (bool, error) {
	e.mu.Lock()
	passes, known := e.standing(lane.Tier()).passes[place]
	e.mu.Unlock()
	if known && !again {
		return passes, nil
	}
	trial, err := lane.Force(ctx, nil)
	if err != nil {
		return false, fmt.Errorf("put the manifests in force as they are written: %w", err)
	}
	result := trial.Run(ctx, e.Scenarios[place])
	if err := errors.Join(ctx.Err(), trial.End(context.WithoutCancel(ctx))); err != nil {
		return false, err
	}
	passes = result.OK()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.standing(lane.Tier()).passes[place] = passes
	if !passes && result.Verdict != scenario.Skipped {
		e.standing(lane.Tier()).why[place] = said(result)
	}
	return passes, nil
}

// Baseline runs every scenario with the manifests as they are written. Those that do not pass are left out from then on.
func (e *Engine) Baseline(ctx context.Context, lanes []Stage) error {
	places := make([]int, len(e.Scenarios))
	for place := range places {
		places[place] = place
	}
	return inLanes(ctx, lanes, places, func(ctx context.Context, lane Stage, place int) error {
		_, err := e.passes(ctx, lane, place, false)
		return err
	})
}

// blind reports whether a scenario passed without that anything was decided about Sensors.
func blind(result scenario.Result) bool {
	return slices.ContainsFunc(result.Skipped, func(s scenario.Skip) bool { return strings.HasPrefix(s.Name, "then.sensors") })
}

// said is the first thing that a result has against the manifests.
func said(result scenario.Result) string {
	if len(result.Failures) == 0 {
		return string(result.Verdict)
	}
	first := result.Failures[0]
	if len(result.Failures) > 1 && first.Why != "" && first.Hop == "then" {
		first = result.Failures[1] // of a known defect: the first one only says that it is gone
	}
	return fmt.Sprintf("%s: expected %s, got %s", first.Hop, first.Expected, first.Got)
}
