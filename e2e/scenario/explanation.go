package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Explanation is what evaluation says of an event at a dependency of a Sensor, in the words of `eventrig explain`. It
// explains what was observed and is never taken for it.
type Explanation struct {
	Event      string            `json:"event"`               // message_id, or what the ledger has instead
	EventType  string            `json:"eventType,omitempty"` // of the notification
	Events     int               `json:"events"`              // how many of the scenario's events it holds for; Event is the first
	Sensor     string            `json:"sensor"`              // NAMESPACE/NAME
	Dependency string            `json:"dependency"`
	Verdict    string            `json:"verdict"`              // fires, filtered, no-dependency, transform-error, parameter-error, undecided
	Step       string            `json:"step"`                 // what said no; empty when it fires
	Path       string            `json:"path"`                 // the path, or the program, that the step looked with
	Want       []string          `json:"want"`                 // values of which one is wanted
	Got        json.RawMessage   `json:"got,omitempty"`        // the value seen, or the error; missing where the path leads nowhere
	Hint       string            `json:"hint"`                 // what to do about it
	At         string            `json:"at,omitempty"`         // FILE:LINE in the manifests of what said no
	Parameters map[string]string `json:"parameters,omitempty"` // where the Workflow's parameters come from, by name
	Sent       string            `json:"sent,omitempty"`       // the step that sent the event, where the scenario's steps sent several
	Text       string            `json:"text"`                 // the whole in a sentence

	Near bool `json:"-"` // it fires, or little is missing
}

// Explainer is a Rig that can evaluate what its Sensors make of events.
type Explainer interface {
	// Explain evaluates the messages with these keys, as they came onto the bus and in that order, at a Sensor
	// (namespace/name): one explanation for each message and dependency. What never came onto the bus has none.
	Explain(ctx context.Context, sensor string, keys []string) ([]Explanation, error)
}

// subject is what a failure is about, as far as evaluation can explain it.
type subject struct {
	sensor     string
	fired      bool     // it fired though it should not have: what let the event through is asked for
	parameters []string // of the Workflow, that are not as expected: where they come from is asked for
}

// mostExplanations bounds what one failure shows, and mostExplained how many events are evaluated for it.
const (
	mostExplanations = 3
	mostExplained    = 500
)

// explain adds to failures about Sensors what evaluation says of the scenario's events there.
func (r *runner) explain(ctx context.Context, failures []Failure) {
	explainer, can := r.rig.(Explainer)
	if !can {
		return
	}
	for i := range failures {
		f := &failures[i]
		if f.about.sensor == "" {
			continue
		}
		sensor := r.fullName(ctx, f.about.sensor)
		all, err := explainer.Explain(ctx, sensor, r.keys[:min(len(r.keys), mostExplained)])
		if err != nil {
			r.log("Sensor %s could not be explained: %v", sensor, err)
			continue
		}
		for i := range all {
			all[i].Sent = placeOf(r.places, all[i].Event)
		}
		f.Explanation = f.about.choose(all)
	}
}

// explainAll evaluates the scenario's events at every Sensor.
func (r *runner) explainAll(ctx context.Context) []Explanation {
	explainer, can := r.rig.(Explainer)
	sensors, err := r.rig.Observer().Sensors(ctx)
	if !can || err != nil {
		return nil
	}
	var all []Explanation
	for _, sensor := range sensors {
		some, err := explainer.Explain(ctx, sensor, r.keys[:min(len(r.keys), mostExplained)])
		if err != nil {
			r.log("Sensor %s could not be explained: %v", sensor, err)
		}
		all = append(all, some...)
	}
	return all
}

// fullName is a Sensor's namespace/name.
func (r *runner) fullName(ctx context.Context, written string) string {
	known, err := r.rig.Observer().Sensors(ctx)
	if err != nil {
		return written
	}
	for _, full := range known {
		if sameSensor(full, written) {
			return full
		}
	}
	return written
}

// choose keeps the few explanations that answer the failure's question; those that say the same count as one.
func (s subject) choose(all []Explanation) []Explanation {
	wanted := func(e Explanation) bool { return (e.Verdict == "fires") == (s.fired || len(s.parameters) > 0) }
	if !slices.ContainsFunc(all, wanted) {
		// Evaluation does not see what was observed: that is worth knowing, too.
		wanted = func(Explanation) bool { return true }
	}
	var chosen []Explanation
	for _, e := range all {
		if !wanted(e) {
			continue
		}
		e.Events = 1
		if e.Parameters = s.only(e.Parameters); len(e.Parameters) > 0 {
			var parts []string
			for _, name := range sortedKeys(e.Parameters) {
				parts = append(parts, name+" <- "+e.Parameters[name])
			}
			e.Text = strings.Join(parts, "; ")
		}
		same := slices.IndexFunc(chosen, func(other Explanation) bool {
			return other.Text == e.Text && other.EventType == e.EventType && other.Sent == e.Sent
		})
		if same >= 0 {
			chosen[same].Events++
			continue
		}
		chosen = append(chosen, e)
	}
	slices.SortStableFunc(chosen, func(a, b Explanation) int { return a.rank() - b.rank() })
	return chosen[:min(len(chosen), mostExplanations)]
}

// only keeps the parameters that the failure is about.
func (s subject) only(parameters map[string]string) map[string]string {
	kept := map[string]string{}
	for _, name := range s.parameters {
		if from, known := parameters[name]; known {
			kept[name] = from
		}
	}
	if len(kept) == 0 {
		return nil
	}
	return kept
}

// rank puts what nearly fired first, and what came from elsewhere last.
func (e Explanation) rank() int {
	switch {
	case e.Near:
		return 0
	case e.Verdict != "no-dependency":
		return 1
	}
	return 2
}

// String is the explanation in a line: the event, the verdict, why, and where that is written.
func (e Explanation) String() string {
	event := e.EventType
	if event == "" {
		event = "event " + e.Event
	}
	if e.Events > 1 {
		event = fmt.Sprintf("%s (%d events)", event, e.Events)
	}
	if e.Sent != "" {
		event += " of " + e.Sent
	}
	text := fmt.Sprintf("%s: %s: %s", event, e.Verdict, e.Text)
	if e.At != "" {
		text += " (" + e.At + ")"
	}
	return text
}
