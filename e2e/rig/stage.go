package rig

import (
	"context"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/simulators/openstack"
	"github.com/eventrig/eventrig/simulators/oslo"
)

// Stage makes what the steps of one scenario send, without a rig: for tools that look at events and not at what becomes of
// them. Its simulated OpenStack is changed by openstack steps only, because no pod runs.
type Stage struct {
	random *rand.Rand
	now    time.Time
	worlds []string
	space  *space // made when a step first needs it
}

// NewStage makes a stage for a scenario whose variables are resolved. The same seed, name, time and steps give the same
// messages.
func NewStage(name string, spec scenario.Spec, seed int64, now time.Time) *Stage {
	digest := fnv.New64a()
	_, _ = digest.Write([]byte(name)) // a hash takes everything
	worlds := spec.Given.Worlds
	if len(worlds) == 0 {
		worlds = []string{defaultWorld}
	}
	return &Stage{random: rand.New(rand.NewPCG(uint64(seed), digest.Sum64())), now: now, worlds: worlds}
}

// Messages makes what a step sends; steps must come in their order. A webhook call that is meant to be refused, and steps
// that send nothing, make none. What is wrong with a step is bad input.
func (s *Stage) Messages(ctx context.Context, step scenario.Step) ([]scenario.Published, error) {
	seed := s.random.Uint64()
	switch {
	case step.Publish != nil, step.Replay != nil:
		return compose(step, oslo.Options{Random: oslo.NewRandom(seed), Now: s.now})
	case step.Webhook != nil:
		if status := step.Webhook.Status; status != 0 && status != http.StatusOK {
			return nil, nil
		}
		call, err := webhookCall(step.Webhook.EventSource, *step.Webhook)
		return []scenario.Published{call}, err
	case step.OpenStack != nil:
		return s.change(ctx, seed, *step.OpenStack)
	}
	return nil, nil
}

// change makes a change in the stage's own OpenStack and returns what the service tells it by.
func (s *Stage) change(ctx context.Context, seed uint64, change scenario.OpenStackChange) ([]scenario.Published, error) {
	if s.space == nil {
		s.space = emptySpace()
		s.space.openstack = openstack.New(openstack.Config{Seed: seed, Now: func() time.Time { return s.now }})
		if err := s.space.load(s.worlds); err != nil {
			return nil, err
		}
	}
	var told []openstack.Message
	if change.Notify {
		ctx = openstack.Collecting(ctx, &told)
	}
	if err := s.space.change(ctx, change); err != nil {
		return nil, failure.New(failure.BadInput, failure.Hint(err), "change the simulated OpenStack: %w", err)
	}
	var messages []scenario.Published
	for _, one := range told {
		messages = append(messages, published(one))
	}
	return messages, nil
}

// Close gives the stage's simulators up.
func (s *Stage) Close() {
	if s.space != nil {
		s.space.openstack.Close()
	}
}
