package explain

import (
	"encoding/json"
	"fmt"

	"github.com/eventrig/eventrig/internal/evaluate"
)

// entry is what one dependency of a Sensor does with one event.
type entry struct {
	Event      string             `json:"event"`     // FILE:LINE
	EventType  string             `json:"eventType"` // of the notification; empty where it is none
	MessageID  string             `json:"messageID,omitempty"`
	Sensor     string             `json:"sensor"` // NAMESPACE/NAME
	Dependency string             `json:"dependency"`
	Verdict    evaluate.Verdict   `json:"verdict"`             // fires, filtered, no-dependency, transform-error, parameter-error; undecided where a script was not run
	Step       string             `json:"step"`                // what said no: eventsource, dependency, transform, filter, conditions, parameters, object; empty when it fires
	Path       string             `json:"path"`                // the path, or the program, that the step looked with
	Want       []string           `json:"want"`                // values of which one is wanted
	Got        json.RawMessage    `json:"got,omitempty"`       // the value seen, or the error; missing where the path leads nowhere
	Hint       string             `json:"hint"`                // what to do about it
	Objects    []json.RawMessage  `json:"objects"`             // what its triggers would create, of Kubernetes
	Source     string             `json:"source,omitempty"`    // NAMESPACE/NAME/EVENT that the event came by
	SourceHow  string             `json:"sourceHow"`           // how that is known
	At         string             `json:"at,omitempty"`        // FILE:LINE in the manifests of what said no
	Near       bool               `json:"near"`                // it fires, or little is missing
	Transform  *transform         `json:"transform,omitempty"` // what the transform made of the event
	Operator   string             `json:"operator,omitempty"`  // how kinds of filters are joined: and, or
	Filters    []evaluate.Check   `json:"filters,omitempty"`   // the filters, one by one
	Triggers   []evaluate.Trigger `json:"triggers,omitempty"`  // the triggers, with their parameters one by one
	Differs    *differs           `json:"differs,omitempty"`   // with --diff, where the other event has another verdict
	Doubt      string             `json:"doubt,omitempty"`     // the reasons do not fit the verdict: a defect of eventrig
}

// transform is the outcome of a transform.
type transform struct {
	JQ     string          `json:"jq,omitempty"`
	Script string          `json:"script,omitempty"`
	Result json.RawMessage `json:"result,omitempty"` // the event's data after it
	Error  string          `json:"error,omitempty"`  // what argo-events says
	Cause  string          `json:"cause,omitempty"`  // the error behind it, which argo-events does not tell
	Notes  []string        `json:"notes,omitempty"`
}

func entryOf(result *evaluate.Result, o *evaluate.Outcome) entry {
	e := entry{
		Event: result.Event.Place(), EventType: result.Event.EventType, MessageID: result.Event.MessageID,
		Sensor: o.Name(), Dependency: o.Dependency.Name, Verdict: o.Verdict, Step: o.Step, Path: o.Path, Want: o.Want, Got: o.Got, Hint: o.Hint,
		Objects: []json.RawMessage{}, SourceHow: result.Found.How, At: o.At, Near: o.Near, Operator: o.Operator, Filters: o.Checks, Triggers: o.Triggers, Doubt: o.Doubt,
	}
	if e.Want == nil {
		e.Want = []string{}
	}
	if o.Source != nil {
		e.Source = o.Source.String()
	}
	if t := o.Transform; t != nil {
		e.Transform = &transform{t.JQ, t.Script, t.Result, t.Error, t.Cause, t.Notes}
	}
	for _, t := range o.Triggers {
		if t.Met && t.Error == "" && t.Object != nil && t.Creates() {
			e.Objects = append(e.Objects, t.Object)
		}
	}
	return e
}

// jsonEvent adds to the flat list: an entry for each Sensor and dependency.
func (p *printer) jsonEvent(result *evaluate.Result, compared *compared) error {
	for i := range result.Outcomes {
		o := &result.Outcomes[i]
		if !p.shown(o) {
			continue
		}
		one := entryOf(result, o)
		one.Differs = compared.decided(o)
		if p.entries++; p.entries == 1 {
			p.kept.WriteString("[\n  ")
		} else {
			p.kept.WriteString(",\n  ")
		}
		encoder := json.NewEncoder(&p.kept)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("  ", "  ")
		if err := encoder.Encode(one); err != nil {
			return fmt.Errorf("print: %w", err)
		}
		p.kept.Truncate(p.kept.Len() - 1) // the line's end, which a comma may precede
	}
	return nil
}

// endList ends the JSON.
func (p *printer) endList() {
	if p.entries == 0 {
		p.kept.WriteString("[]\n")
		return
	}
	p.kept.WriteString("\n]\n")
}
