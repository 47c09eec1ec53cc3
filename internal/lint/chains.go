package lint

import (
	"context"
	"slices"

	"github.com/eventrig/eventrig/internal/pipeline"
)

// Chain is what a workflow leads to beyond itself: events that its commands make OpenStack's services send, as far as the
// commands of UnderStack's images and of the openstack command line are known.
type Chain struct {
	Sensor   string   // namespace/name of the Sensor that creates the Workflow; empty for a template that is submitted
	Template string   // namespace/name of that template
	Starts   []string // event types that the Sensor's filters let through; sorted
	Raises   []string // event types that services send; sorted
}

// Chains returns the chain of each trigger that creates a Workflow and of each WorkflowTemplate that can be submitted. It ends
// early, without error, when ctx ends.
func Chains(ctx context.Context, graph *pipeline.Graph) []Chain {
	in := NewInput(graph, nil)
	in.ctx = ctx
	var all []Chain
	for _, e := range effects.Of(in) {
		one := Chain{Sensor: sensorName(e.sensor), Starts: e.types}
		for _, raised := range e.raises {
			one.Raises = append(one.Raises, raised.types...)
		}
		all = append(all, one.sorted())
	}
	for _, r := range runs.Of(in) {
		if r.trigger != nil || r.at.GetKind() != "WorkflowTemplate" {
			continue
		}
		one := Chain{Template: r.namespace + "/" + r.at.GetName()}
		for _, s := range r.steps(in) {
			for _, words := range s.words() {
				types, _ := openstackRaises(words)
				one.Raises = append(one.Raises, types...)
			}
		}
		all = append(all, one.sorted())
	}
	return all
}

func (c Chain) sorted() Chain {
	slices.Sort(c.Raises)
	c.Raises = slices.Compact(c.Raises)
	return c
}
