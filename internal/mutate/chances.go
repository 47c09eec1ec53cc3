package mutate

import (
	"context"
	"errors"
	"slices"

	"github.com/eventrig/eventrig/e2e/scenario"
)

// mostChances is how many mutants a scenario may try before it counts as never able to fail at tiers where that takes long.
const mostChances = 5

// chances gives each scenario that passed with every mutant so far, or met none, those that others killed: a mutant is tried
// until the first scenario fails, so that the others behind it had no turn.
func (e *Engine) chances(ctx context.Context, lanes []Stage, outcomes []*Outcome) error {
	tier := lanes[0].Tier()
	most := mostChances
	if tier == "offline" {
		most = len(outcomes)
	}
	var places []int
	for place := range e.Scenarios {
		if e.idle(tier, place) {
			places = append(places, place)
		}
	}
	return inLanes(ctx, lanes, places, func(ctx context.Context, lane Stage, place int) error {
		tried := 0
		for _, outcome := range outcomes {
			if outcome.Verdict != Killed || outcome.Tier != tier || outcome.Scenario == "" || !slices.Contains(e.Reach[outcome.Mutant.Object.Key()], place) {
				continue
			}
			if tried++; tried > most {
				break
			}
			if killed, err := e.chance(ctx, lane, outcome.Mutant, place); killed || err != nil {
				return err
			}
		}
		return nil
	})
}

// idle reports whether a scenario can pass at a tier, and has killed nothing at any.
func (e *Engine) idle(tier string, place int) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range e.tiers {
		if s.kills[place] > 0 {
			return false
		}
	}
	s := e.standing(tier)
	passes, known := s.passes[place]
	return passes || !known
}

// chance runs one scenario with one mutant.
func (e *Engine) chance(ctx context.Context, lane Stage, m *Mutant, place int) (killed bool, err error) {
	trial, err := lane.Force(ctx, m)
	if err != nil {
		var refusal *Refusal
		var unready *Unready
		if errors.As(err, &refusal) || errors.As(err, &unready) {
			return false, nil
		}
		return false, err
	}
	result := trial.Run(ctx, e.Scenarios[place])
	if err := errors.Join(ctx.Err(), trial.End(context.WithoutCancel(ctx))); err != nil {
		return false, err
	}
	e.count(lane.Tier(), place, result)
	if result.Verdict != scenario.Failed && result.Verdict != scenario.Errored {
		return false, nil
	}
	passes, err := e.passes(ctx, lane, place, result.Verdict == scenario.Errored)
	if err != nil || !passes {
		return false, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.standing(lane.Tier()).kills[place]++
	return true, nil
}
