package mutate

import (
	"context"

	"golang.org/x/sync/errgroup"
)

// inLanes hands items out in their order to lanes, each of which does one at a time, until all are done, one fails or ctx ends.
func inLanes[T any](ctx context.Context, lanes []Stage, items []T, do func(context.Context, Stage, T) error) error {
	queue := make(chan T)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(queue)
		for _, item := range items {
			select {
			case queue <- item:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for _, lane := range lanes {
		group.Go(func() error {
			for item := range queue {
				if err := do(ctx, lane, item); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}
