package ironic

import (
	"cmp"
	"context"

	"github.com/eventrig/eventrig/simulators/openstack/core"
)

// step is one thing that the conductor does to a node; it works on a copy and stores it itself.
type step func(ctx context.Context, node core.Resource)

// walk does steps one after another. With a transition time each but the first waits that long, off the request, and a
// later request for the node ends what is left of the walk; without one all is done when walk returns. The caller changes
// the cloud exclusively.
func (i *Ironic) walk(ctx context.Context, id string, steps []step) {
	i.walks[id]++
	mine := i.walks[id]
	var next func(ctx context.Context, rest []step)
	next = func(ctx context.Context, rest []step) {
		for len(rest) > 0 {
			node := i.nodes.Get(id)
			if node == nil || i.walks[id] != mine {
				return
			}
			rest[0](ctx, node.Clone())
			rest = rest[1:]
			if transition := i.cloud.Transition(); transition > 0 && len(rest) > 0 {
				detached := core.Detached(ctx)
				i.cloud.Later(transition, func() { next(detached, rest) })
				return
			}
		}
	}
	next(ctx, steps)
}

// move is a step: an event of the state machine. A target other than the state's own is given where an operation has one;
// change, where not nil, is saved together with the new state.
func (i *Ironic) move(event, target string, change func(node core.Resource)) step {
	return func(ctx context.Context, node core.Resource) {
		before, targetBefore := node.Text("provision_state"), node.Text("target_provision_state")
		after, ok := machine[before][event]
		if !ok {
			return // a request in between took the node elsewhere
		}
		node["provision_state"], node["target_provision_state"] = after, nil
		if !stable[after] {
			node["target_provision_state"] = cmp.Or(target, targets[after])
		}
		node["reservation"] = nil
		if unstable[after] && !waiting[after] {
			node["reservation"] = Conductor
		}
		if event != "fail" && !unstable[before] && unstable[after] {
			node["last_error"] = nil // work begins
		}
		now := i.stamp()
		node["provision_updated_at"], node["updated_at"] = now, now
		if change != nil {
			change(node)
		}
		i.nodes.Put(ctx, node)
		i.provisioned(ctx, node, event, before, targetBefore)
	}
}

// power is a step: node_power_action of ironic/conductor/utils.py.
func (i *Ironic) power(target string) step {
	return func(ctx context.Context, node core.Resource) {
		i.powered(ctx, node, "start", target)
		if fails(node, "power") {
			node["target_power_state"] = nil
			node["last_error"] = "Failed to change power state to '" + target + "': " + toldToFail
			i.nodes.Put(ctx, node)
			i.powered(ctx, node, "error", target)
			return
		}
		node["power_state"], node["target_power_state"], node["updated_at"] = powerOn, nil, i.stamp()
		if target == powerOff || target == softPowerOff {
			node["power_state"] = powerOff
		}
		i.nodes.Put(ctx, node)
		i.powered(ctx, node, "end", target)
	}
}

// both does two steps as one: what happens within one state.
func both(steps ...func(ctx context.Context, id string)) step {
	return func(ctx context.Context, node core.Resource) {
		for _, do := range steps {
			do(ctx, node.Text("uuid"))
		}
	}
}

// within makes a step one part of both.
func (i *Ironic) within(do step) func(ctx context.Context, id string) {
	return func(ctx context.Context, id string) {
		if node := i.nodes.Get(id); node != nil {
			do(ctx, node.Clone())
		}
	}
}

// fails says whether a node was told to fail at an operation.
func fails(node core.Resource, operation string) bool {
	told, _ := node.Object("extra")[FailKey].(string)
	return told == operation
}

// toldToFail says why an operation failed.
const toldToFail = "the node was told to fail by its extra's " + FailKey
