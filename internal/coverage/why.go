package coverage

import (
	"fmt"
)

// explain says why nothing reaches a point, unless something more certain is known.
func (p *point) explain() {
	if p.State == Reached {
		p.Why = ""
		return
	}
	if p.Why != "" {
		return
	}
	came, have := "1 event comes here", "1 event has"
	if n := p.states[p.State]; n != 1 {
		came, have = fmt.Sprintf("%d events come here", n), fmt.Sprintf("%d events have", n)
	}
	switch p.State {
	case Passed:
		p.Why = came + ", and it lets each of them through"
		if p.Kind == Parameter {
			p.Why = came + ", and each has a value of its own"
		}
	case Refused:
		switch p.Kind {
		case Source:
			p.Why = came + ", and the EventSource passes none of them on"
		case Dependency:
			p.Why = came + ", and it gets none of them"
		case Sensor:
			p.Why = came + ", and none fires it"
		default:
			p.Why = came + ", and none has it"
		}
	case Overrule:
		p.Why = have + " it, and another filter keeps each of them out"
		if p.Kind == Refusal {
			p.Why = "no event is kept out by this filter alone: whatever it refuses, another one refuses as well"
		}
	case Waiting:
		p.Why = came + ", and the conditions wait for others"
	case Default:
		p.Why = came + ", and each is without it"
	case Failed:
		p.Why = came + ", and it fails each time"
	default:
		p.Why = unreached[p.Kind]
	}
}

var unreached = map[Kind]string{
	Source: "no event comes by it", Sensor: "no event comes to it", Dependency: "no event comes to it", Transform: "no event comes to it",
	Value: "no event comes to the filter", Refusal: "no event comes to the filter", Trigger: "no event comes through the filters",
	Condition: "no event comes through the filters", Parameter: "the trigger never acts", Template: "no Workflow comes to it",
	Handler: "no event of the type starts it",
}
