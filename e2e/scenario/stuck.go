package scenario

import (
	"context"

	"github.com/eventrig/eventrig/internal/ledger"
)

// stuckDetail marks the record of a pod that cannot start: its image cannot be had. The chain behind it never settles, so
// no expectation is worth waiting for.
const stuckDetail = "stuck"

// stuckFailures are the pods that cannot start, one failure each.
func stuckFailures(v *view) []Failure {
	var out []Failure
	for _, name := range v.order {
		r := v.objects[name]
		if stuck, _ := r.Details[stuckDetail].(bool); r.Hop != ledger.Pod || !stuck {
			continue
		}
		expected := r.Object + " to start"
		if r.Sensor != "" {
			expected += ", which Sensor " + r.Sensor + " caused"
		}
		out = append(out, Failure{Hop: string(ledger.Pod), Expected: expected, Got: r.Verdict, Why: r.Cause,
			Next: "what stands behind an image is said with --image REF=HOW; the pod's events have the node's own words"})
	}
	return out
}

// waitSettled waits for the chain, or until it can no longer settle: then the expectations say why.
func (r *runner) waitSettled(ctx context.Context) error {
	observer := r.rig.Observer()
	limited, stop := context.WithCancel(ctx)
	defer stop()
	stuck := make(chan bool, 1)
	go func() {
		for {
			changed := observer.Changed()
			if keys := r.owned(); len(stuckFailures(newView(r.rig.Ledger().Of(keys...), keys))) > 0 {
				stuck <- true
				stop()
				return
			}
			select {
			case <-changed:
			case <-limited.Done():
				stuck <- false
				return
			}
		}
	}()
	err := settle(limited, observer, func() []string { r.adopt(); return r.keys }, r.waiting)
	stop()
	if <-stuck {
		return nil
	}
	return err
}
