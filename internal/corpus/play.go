package corpus

import (
	"context"
	"fmt"

	"github.com/eventrig/eventrig/e2e/rig"
	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/received"
)

// play makes what a scenario sends, and what a resource EventSource hears of the objects that it applies and deletes.
// Expectations and faults are left out, and Sensors among these objects are not there: the manifests' are looked at.
func (c *Corpus) play(ctx context.Context, s scenario.Scenario) (Part, error) {
	part := Part{Scenario: s.Metadata.Name, First: true}
	values, err := scenario.Values(s, c.Seed, 0)
	if err != nil {
		return part, failure.New(failure.BadInput, "", "%w", err)
	}
	spec, err := scenario.Resolve(s, values)
	if err != nil {
		return part, failure.New(failure.BadInput, "", "%w", err)
	}
	stage := rig.NewStage(s.Metadata.Name, spec, c.Seed, moment)
	defer stage.Close()
	objects := &objects{}
	part.Events = append(part.Events, objects.applied(spec.Given.Objects, s.File, s.Line)...)
	tells := false
	for _, step := range spec.When {
		tells = tells || step.OpenStack != nil && step.OpenStack.Notify
	}
	for _, step := range spec.When {
		if err := ctx.Err(); err != nil {
			return part, err
		}
		place := fmt.Sprintf("%s:%d", s.File, step.Line)
		switch {
		case step.Apply != nil:
			part.Events = append(part.Events, objects.applied(step.Apply.Objects, s.File, step.Line)...)
			continue
		case step.Delete != nil:
			part.Events = append(part.Events, objects.deleted(step.Delete.Objects, s.File, step.Line)...)
			continue
		case step.Submit != nil:
			part.Submitted = append(part.Submitted, Submitted{step.Submit.Kind(), step.Submit.From(), place})
			continue
		case step.OpenStack != nil && !tells:
			continue // it changes what pods would read, and no event
		}
		messages, err := stage.Messages(ctx, step)
		if err != nil && step.OpenStack != nil {
			// It may build on what a pod did before, and here none runs.
			part.Notes = append(part.Notes, fmt.Sprintf("%s: left out, it cannot be done without a rig: %v", place, err))
			continue
		}
		if err != nil {
			return part, failure.New(failure.BadInput, failure.Hint(err), "%s: %w", place, err)
		}
		for _, sent := range messages {
			event, err := received.Event(sent)
			if err != nil {
				return part, failure.New(failure.BadInput, "", "%s: %w", place, err)
			}
			event.File, event.Line = s.File, step.Line
			part.Events = append(part.Events, event)
		}
	}
	for i := range part.Events {
		part.Events[i].Index = i + 1
	}
	return part, nil
}
