package whatif

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/eventrig/eventrig/internal/evaluate"
	"github.com/eventrig/eventrig/internal/pipeline"
	"github.com/eventrig/eventrig/internal/whatif/fields"
)

// side is what one Sensor does with an event.
type side struct {
	acts   []act
	reason string // why it does nothing, or nothing more
	at     string // where that is written
	absent bool   // there is no such Sensor
}

// act is a trigger whose conditions are met.
type act struct {
	trigger    string
	outcome    Outcome
	parameters []evaluate.Parameter
}

// sidesOf sorts what becomes of an event by Sensor (namespace/name).
func sidesOf(result *evaluate.Result) (map[string]*side, error) {
	all := map[string]*side{}
	for i := range result.Outcomes {
		o := &result.Outcomes[i]
		if o.Doubt != "" {
			return nil, doubtful(result, o)
		}
		one := all[o.Name()]
		if one == nil {
			one = &side{}
			all[o.Name()] = one
		}
		for j := range o.Triggers {
			if t := &o.Triggers[j]; t.Met {
				one.acts = append(one.acts, actOf(o, t))
			}
		}
		// Of several dependencies the nearest says why.
		if o.Verdict != evaluate.Fires && (one.reason == "" || o.Near) {
			one.reason, one.at = o.Reason(), o.At
		}
	}
	return all, nil
}

func actOf(o *evaluate.Outcome, t *evaluate.Trigger) act {
	a := act{trigger: t.Name, parameters: t.Parameters, outcome: Outcome{Verdict: "fires", Object: t.Object, Payload: t.Payload, Problems: t.Problems}}
	if a.trigger == "" {
		a.trigger = fmt.Sprintf("triggers[%d]", t.Place())
	}
	a.outcome.At = o.Sensor.File
	if line := o.Sensor.LineOf(pipeline.Path("spec", "triggers", t.Place())); line > 0 {
		a.outcome.At = fmt.Sprintf("%s:%d", o.Sensor.File, line)
	}
	if t.Error != "" {
		a.outcome.Verdict, a.outcome.Reason, a.outcome.Object, a.outcome.Payload, a.outcome.Problems = "fails", t.Error, nil, "", nil
		if o.At != "" && o.Verdict != evaluate.Fires {
			a.outcome.At = o.At
		}
	}
	return a
}

// silent is the outcome of a trigger that does not act.
func (s *side) silent() Outcome { return Outcome{Verdict: "silent", Reason: s.reason, At: s.at} }

// pairs puts the acts of two sides together: those of one trigger's name, in their order, then those that are left over in
// their order, because a trigger may have a new name. One of a pair may be missing.
func pairs(old, now []act) [][2]*act {
	var all [][2]*act
	taken := make([]bool, len(now))
	var left []*act
	for i := range old {
		at := slices.IndexFunc(now, func(a act) bool { return a.trigger == old[i].trigger })
		for at >= 0 && taken[at] {
			next := slices.IndexFunc(now[at+1:], func(a act) bool { return a.trigger == old[i].trigger })
			if next < 0 {
				at = -1
			} else {
				at += 1 + next
			}
		}
		if at < 0 {
			left = append(left, &old[i])
			continue
		}
		taken[at] = true
		all = append(all, [2]*act{&old[i], &now[at]})
	}
	for i := range now {
		if taken[i] {
			continue
		}
		if len(left) > 0 {
			all = append(all, [2]*act{left[0], &now[i]})
			left = left[1:]
			continue
		}
		all = append(all, [2]*act{nil, &now[i]})
	}
	for _, one := range left {
		all = append(all, [2]*act{one, nil})
	}
	return all
}

// sensor compares what a Sensor does on the old and the new side, and on both again in a second round.
func (c *comparison) sensor(sides []*side) []Change {
	old, now := sides[0], sides[1]
	var again [][]act
	for _, one := range sides[2:] {
		again = append(again, one.acts)
	}
	if len(again) == 2 && (!sameVerdicts(old.acts, again[0]) || !sameVerdicts(now.acts, again[1])) {
		return nil // it depends on chance or on the clock whether it acts at all
	}
	var changes []Change
	for _, pair := range pairs(old.acts, now.acts) {
		change := Change{Old: old.silent(), New: now.silent()}
		if pair[0] != nil {
			change.Old, change.Trigger = pair[0].outcome, pair[0].trigger
		}
		if pair[1] != nil {
			change.New, change.Trigger = pair[1].outcome, pair[1].trigger
		}
		switch {
		case change.Old.Verdict != change.New.Verdict:
			change.Change = Kind(change.New.Verdict)
		case change.New.Verdict == "fails":
			if change.Old.Reason != change.New.Reason && c.options.Reasons {
				change.Change = Reason
			}
		default:
			c.objects(&change, pair, old.acts, now.acts, again)
		}
		if change.Change != "" {
			changes = append(changes, change)
		}
	}
	if len(old.acts)+len(now.acts) == 0 && c.options.Reasons && !old.absent && !now.absent && old.reason != now.reason {
		changes = append(changes, Change{Change: Reason, Old: old.silent(), New: now.silent()})
	}
	return changes
}

func sameVerdicts(a, b []act) bool {
	return slices.EqualFunc(a, b, func(x, y act) bool { return x.trigger == y.trigger && x.outcome.Verdict == y.outcome.Verdict })
}

// objects compares what a trigger makes on either side.
func (c *comparison) objects(change *Change, pair [2]*act, old, now []act, again [][]act) {
	if !bytes.Equal(change.Old.Object, change.New.Object) || change.Old.Payload != change.New.Payload {
		change.Diff = differences(change.Old, change.New)
		if len(again) == 2 {
			change.Diff = fields.Without(change.Diff, chance(pair[0], old, again[0]), chance(pair[1], now, again[1]))
		}
	}
	switch {
	case len(change.Diff) > 0 && onlyParameters(change.Diff, pair):
		change.Change = Parameters
	case len(change.Diff) > 0:
		change.Change = Object
	case !slices.Equal(change.Old.Problems, change.New.Problems):
		change.Change = Problems
	}
}

// chance is what differs between two evaluations of one act on one side.
func chance(one *act, first, second []act) []fields.Difference {
	for i := range first {
		if &first[i] == one {
			return differences(first[i].outcome, second[i].outcome)
		}
	}
	return nil
}
