package corpus

import (
	"context"
	"io"
	"iter"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/eventrig/eventrig/internal/evaluate"
)

// Evaluated is a part with what Sensors do with its events.
type Evaluated struct {
	Part
	Results [][]evaluate.Result // by evaluator, then by event
}

// batch is how many scenarios are evaluated at once at most.
const batch = 64

// Evaluate lets each evaluator work on the whole corpus, on all cores, and returns the parts in the order of the corpus.
// Within a part the evaluators take turns in their order. The sequence ends after the first error.
func (c *Corpus) Evaluate(ctx context.Context, stdin io.Reader, evaluators ...*evaluate.Evaluator) iter.Seq2[Evaluated, error] {
	return func(yield func(Evaluated, error) bool) {
		sequences := make([]*evaluate.Sequence, len(evaluators))
		var waiting []Part // sequences of one part each, which need not wait for one another
		flush := func() bool {
			done := make([]Evaluated, len(waiting))
			var workers errgroup.Group
			workers.SetLimit(runtime.GOMAXPROCS(0))
			for i, part := range waiting {
				workers.Go(func() error {
					done[i] = Evaluated{Part: part, Results: make([][]evaluate.Result, len(evaluators))}
					for e, evaluator := range evaluators {
						done[i].Results[e] = evaluator.Run(part.Events)
					}
					return ctx.Err()
				})
			}
			err := workers.Wait()
			waiting = waiting[:0]
			for _, one := range done {
				if !yield(one, err) || err != nil {
					return false
				}
			}
			return true
		}
		for part, err := range c.Parts(ctx, stdin) {
			if err != nil {
				if flush() {
					yield(Evaluated{}, err)
				}
				return
			}
			if part.Scenario != "" {
				if waiting = append(waiting, part); len(waiting) == batch && !flush() {
					return
				}
				continue
			}
			one := Evaluated{Part: part}
			for e, evaluator := range evaluators {
				if part.First {
					sequences[e] = evaluator.Sequence()
				}
				one.Results = append(one.Results, sequences[e].Run(part.Events))
			}
			if !yield(one, nil) {
				return
			}
		}
		flush()
	}
}
