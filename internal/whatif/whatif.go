// Package whatif says what a change of manifests changes for a corpus of events.
//
// In: two graphs of manifests (internal/pipeline) and a corpus (internal/corpus). Out: a Report of every event of which the
// outcome is another one with the new manifests, and of nothing else: a trigger that acts now, or no longer, or fails; other
// parameters, another object, other problems with the object. What becomes of an event is internal/evaluate's word on
// either side, at one moment: what a program draws at random or takes from the clock is no change.
package whatif

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/eventrig/eventrig/internal/corpus"
	"github.com/eventrig/eventrig/internal/evaluate"
	"github.com/eventrig/eventrig/internal/pipeline"
	"github.com/eventrig/eventrig/internal/whatif/fields"
)

// Kind is what changes.
type Kind string

// The kinds, the gravest first.
const (
	Silent     Kind = "silent"     // a trigger that acted, or failed, does neither
	Fails      Kind = "fails"      // a trigger that acted, or was silent, fails
	Fires      Kind = "fires"      // a trigger that did not act acts
	Parameters Kind = "parameters" // it acts as before, with other values where parameters put them
	Object     Kind = "object"     // it acts as before, on another object or with another payload
	Problems   Kind = "problems"   // it makes the same object, and Kubernetes or Argo Workflows will say something else of it
	Reason     Kind = "reason"     // it is silent, or fails, as before, for another reason; only where these are asked for
)

// Kinds returns all kinds, the gravest first.
func Kinds() []Kind { return []Kind{Silent, Fails, Fires, Parameters, Object, Problems, Reason} }

// Outcome is what a trigger does on one side.
type Outcome struct {
	Verdict  string             `json:"verdict"`            // fires, fails or silent
	Reason   string             `json:"reason,omitempty"`   // why it does not fire
	At       string             `json:"at,omitempty"`       // FILE:LINE in the manifests: of the trigger that acts, else of what said no
	Object   json.RawMessage    `json:"object,omitempty"`   // what it makes or sends; names that a server generates are not in it
	Payload  string             `json:"payload,omitempty"`  // what it sends, of triggers that are no Kubernetes object
	Problems []evaluate.Problem `json:"problems,omitempty"` // what Kubernetes or Argo Workflows will say of the object
}

// Change is one event's other outcome at one trigger.
type Change struct {
	Event     string              `json:"event"`               // FILE:LINE
	Scenario  string              `json:"scenario,omitempty"`  // the scenario that sends it
	EventType string              `json:"eventType,omitempty"` // of the notification
	MessageID string              `json:"messageID,omitempty"` // of the notification
	Sensor    string              `json:"sensor"`              // NAMESPACE/NAME
	Trigger   string              `json:"trigger,omitempty"`   // empty where the Sensor as a whole is silent on both sides
	Change    Kind                `json:"change"`              // silent, fails, fires, parameters, object, problems or reason
	Old       Outcome             `json:"old"`                 // with the old manifests
	New       Outcome             `json:"new"`                 // with the new manifests
	Diff      []fields.Difference `json:"diff,omitempty"`      // of the object and the payload, field by field
}

// Named is an object of the manifests.
type Named struct {
	Object string `json:"object"` // Kind/namespace/name
	At     string `json:"at"`     // FILE:LINE; of one that is changed, in the new manifests
}

// Report is what a change of manifests changes.
type Report struct {
	Events    int      `json:"events"`    // of the corpus
	Scenarios int      `json:"scenarios"` // of the corpus
	Changed   int      `json:"changed"`   // how many events have another outcome; another reason alone is none
	Added     []Named  `json:"added"`     // Sensors and EventSources that only the new manifests have
	Removed   []Named  `json:"removed"`   // those that only the old ones have
	Unseen    []Named  `json:"unseen"`    // those that are written differently, and no event of the corpus shows a difference
	Changes   []Change `json:"changes"`   // in the order of the corpus, then of the Sensors' names
	Unplaced  int      `json:"unplaced"`  // how many events nothing tells the EventSource of: every one is tried
	Notes     []string `json:"notes"`     // what was left out, and why
}

// Any reports whether anything changes: the outcome of an event, or what Sensors and EventSources there are. Another reason
// alone is no other outcome.
func (r *Report) Any() bool { return r.Changed+len(r.Added)+len(r.Removed) > 0 }

// Options say what to compare, and how to evaluate.
type Options struct {
	Reasons  bool             // also say where only the reason is another one
	Evaluate evaluate.Options // on both sides; without a time it is the present on both
}

// Compare holds a corpus against old and new manifests. Errors are the corpus's own: bad input, with file and line.
func Compare(ctx context.Context, before, after *pipeline.Graph, events *corpus.Corpus, stdin io.Reader, options Options) (*Report, error) {
	if options.Evaluate.Time.IsZero() {
		options.Evaluate.Time = time.Now()
	}
	c := &comparison{options: options, report: &Report{Scenarios: len(events.Scenarios), Added: []Named{}, Removed: []Named{}, Unseen: []Named{}, Changes: []Change{}, Notes: []string{}},
		before: before, after: after, moved: map[string]bool{}}
	var evaluators []*evaluate.Evaluator
	for range c.rounds() {
		for _, graph := range []*pipeline.Graph{before, after} {
			evaluator, err := evaluate.New(graph, options.Evaluate)
			if err != nil {
				return nil, err
			}
			evaluators = append(evaluators, evaluator)
		}
	}
	for part, err := range events.Evaluate(ctx, stdin, evaluators...) {
		if err != nil {
			return nil, err
		}
		c.report.Notes = append(c.report.Notes, part.Notes...)
		for i := range part.Events {
			results := make([]*evaluate.Result, len(evaluators))
			for e := range evaluators {
				results[e] = &part.Results[e][i]
			}
			if err := c.event(part.Scenario, results); err != nil {
				return nil, err
			}
		}
	}
	c.definitions()
	return c.report, nil
}

// comparison is a Report in the making.
type comparison struct {
	options       Options
	report        *Report
	before, after *pipeline.Graph
	moved         map[string]bool // Sensors (namespace/name) with a change
}

// rounds is how often each side evaluates every event: a second time where a program may draw at random or look at the
// clock, so that what differs from itself is not taken for a change.
func (c *comparison) rounds() int {
	if unsteady(c.before) || unsteady(c.after) {
		return 2
	}
	return 1
}

// event compares what the two sides do with an event: results are old, new and, in a second round, old and new again.
func (c *comparison) event(scenario string, results []*evaluate.Result) error {
	event := results[0].Event
	if event.SourceType == "resource" && len(results[0].Found.Sources)+len(results[1].Found.Sources) == 0 {
		return nil // an object of a scenario that nobody watches
	}
	c.report.Events++
	if results[0].Found.Tried || results[1].Found.Tried {
		c.report.Unplaced++
	}
	sides := make([]map[string]*side, len(results))
	var names []string
	for i, result := range results {
		var err error
		if sides[i], err = sidesOf(result); err != nil {
			return err
		}
		for name := range sides[i] {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	changed := false
	for _, name := range slices.Compact(names) {
		var of []*side
		for _, one := range sides {
			if one[name] == nil {
				one[name] = &side{reason: "there is no such Sensor", absent: true}
			}
			of = append(of, one[name])
		}
		changes := c.sensor(of)
		for _, change := range changes {
			change.Event, change.Scenario, change.EventType, change.MessageID, change.Sensor = event.Place(), scenario, event.EventType, event.MessageID, name
			c.report.Changes = append(c.report.Changes, change)
			changed = changed || change.Change != Reason
			c.moved[name] = true
		}
	}
	if changed {
		c.report.Changed++
	}
	return nil
}

// definitions compares which Sensors and EventSources there are, and how they are written.
func (c *comparison) definitions() {
	old, now := definitionsOf(c.before), definitionsOf(c.after)
	for _, object := range now.order {
		before, there := old.objects[object]
		after := now.objects[object]
		switch named := (Named{object, after.Origin()}); {
		case !there:
			c.report.Added = append(c.report.Added, named)
		case !sameSpec(before, after) && !c.moved[after.GetNamespace()+"/"+after.GetName()]:
			c.report.Unseen = append(c.report.Unseen, named)
		}
	}
	for _, object := range old.order {
		if _, there := now.objects[object]; !there {
			c.report.Removed = append(c.report.Removed, Named{object, old.objects[object].Origin()})
		}
	}
}

type definitions struct {
	order   []string
	objects map[string]pipeline.Object
}

func definitionsOf(graph *pipeline.Graph) definitions {
	all := definitions{objects: map[string]pipeline.Object{}}
	add := func(object pipeline.Object) {
		if _, there := all.objects[object.Key()]; !there {
			all.order = append(all.order, object.Key())
			all.objects[object.Key()] = object
		}
	}
	for _, one := range graph.EventSources() {
		add(one.Object)
	}
	for _, one := range graph.Sensors() {
		add(one.Object)
	}
	slices.Sort(all.order)
	return all
}

// sameSpec compares what objects ask for, not their labels and annotations.
func sameSpec(a, b pipeline.Object) bool {
	x, errX := json.Marshal(a.Object["spec"])
	y, errY := json.Marshal(b.Object["spec"])
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// doubtful is the error for a verdict that the reasons do not fit.
func doubtful(result *evaluate.Result, o *evaluate.Outcome) error {
	return fmt.Errorf("evaluate %s at %s: the reasons do not fit the verdict, which is a defect of eventrig: %s", result.Event.Place(), o.Name(), o.Doubt)
}
