package scenario

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/eventrig/eventrig/internal/ledger"
)

func (r *runner) apply(ctx context.Context, objects []map[string]any) error {
	if len(objects) == 0 {
		return nil
	}
	return r.change(ctx, "apply objects", "remove what the scenario applied", objects, r.rig.Apply)
}

// change applies or deletes objects. The events that resource EventSources make of it are the scenario's, as if it had
// published them.
func (r *runner) change(ctx context.Context, what, back string, objects []map[string]any, do func(context.Context, []map[string]any) ([]Published, Restore, error)) error {
	heard, err := r.rig.Heard(objects)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if heard {
		if err := r.awaitReady(ctx); err != nil {
			return err
		}
	}
	r.ready = false
	at := time.Now()
	raised, restore, err := do(ctx, objects)
	// A failure halfway leaves objects that have to go too.
	if restore != nil {
		r.later(back, func(ctx context.Context) error { return r.putBack(ctx, restore) })
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if len(raised) == 0 {
		return nil
	}
	keys, err := r.rig.Observer().Track(raised, r.keys...)
	if err != nil {
		return fmt.Errorf("%s: follow what becomes of it: %w", what, err)
	}
	r.own(keys...)
	for i, key := range keys {
		if !slices.Contains(keys[:i], key) { // several events of EventSources may hear of one object
			r.rig.Ledger().Append(ledger.Record{Time: at, Hop: ledger.Published, MessageID: key, Verdict: "applied", Object: raised[i].Source,
				Details: map[string]any{"event_type": raised[i].EventType}})
			r.log("%s", raised[i].EventType)
		}
	}
	return nil
}

// putBack makes a change of objects undone. What Sensors start because of that has the scenario's simulators, and is waited
// for: it is not to meet the next scenario. How it ends is no matter of this one.
func (r *runner) putBack(ctx context.Context, restore Restore) error {
	raised, err := restore(ctx)
	if len(raised) == 0 {
		return err
	}
	keys, trackErr := r.rig.Observer().Track(raised, r.keys...)
	if trackErr != nil {
		return errors.Join(err, fmt.Errorf("follow what becomes of it: %w", trackErr))
	}
	r.stores.Own(slices.Concat(r.keys, keys))
	bounded, cancel := context.WithTimeout(ctx, putBackTimeout)
	defer cancel()
	if settleErr := Settle(bounded, r.rig.Observer(), keys); settleErr != nil {
		r.log("warning: what the clean-up started is left to itself: %v", settleErr)
	}
	return err
}

// putBackTimeout is shorter than cleanUpTimeout: other things may have to be put back after.
const putBackTimeout = cleanUpTimeout / 3
