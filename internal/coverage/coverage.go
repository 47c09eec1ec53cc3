// Package coverage says which parts of event pipelines a corpus of events reaches, and which nothing reaches.
//
// In: a graph of manifests (internal/pipeline) and a corpus (internal/corpus). Out: a Report of points, each of which the
// corpus reaches or not: events of EventSources, Sensors, their dependencies, transforms, each value of each filter and the
// other side of each filter, conditions, triggers, parameters, WorkflowTemplates, and the event types that the commands in
// their pods take. What becomes of an event is internal/evaluate's word. No cluster is asked and no pod runs: a template
// counts as reached when a Workflow comes to it, whatever `when` says, and nothing is said of what a handler does.
package coverage

import "math"

// Kind is what a point is a point of.
type Kind string

// The kinds, in the order of an event's way.
const (
	Source     Kind = "source"     // an event of an EventSource: the EventSource passes one on
	Sensor     Kind = "sensor"     // a Sensor: one of its triggers acts
	Dependency Kind = "dependency" // a dependency: an event comes to it
	Transform  Kind = "transform"  // a dependency's transform: it gives a result
	Value      Kind = "value"      // a value of a filter: an event has it, and the filters let it through
	Refusal    Kind = "refusal"    // the other side of a filter: an event that this filter alone keeps out
	Trigger    Kind = "trigger"    // a trigger: it acts
	Condition  Kind = "condition"  // a dependency in a trigger's conditions: the trigger acts with it
	Parameter  Kind = "parameter"  // a trigger's parameter: it is taken from an event; of one with a default, that as well
	Template   Kind = "template"   // a WorkflowTemplate: a Workflow comes to it
	Handler    Kind = "handler"    // an event type that a command takes: a Workflow that runs the command is started by one
)

// Kinds returns all kinds in the order of an event's way.
func Kinds() []Kind {
	return []Kind{Source, Sensor, Dependency, Transform, Value, Refusal, Trigger, Condition, Parameter, Template, Handler}
}

// State is how close the corpus came to a point.
type State string

// The states, from the farthest to the nearest.
const (
	Never    State = "never"    // nothing comes as far as this
	Passed   State = "passed"   // of a refusal: events come here, and the filter lets all of them through
	Refused  State = "refused"  // events come here, and none has the value; of a source: it passes none of them on
	Overrule State = "overrule" // events have the value, or are refused, and another filter keeps them out anyway
	Waiting  State = "waiting"  // the conditions wait for other events
	Default  State = "default"  // a parameter that is always left to its default, or to what the object has
	Failed   State = "failed"   // it fails each time
	Reached  State = "reached"  // the corpus reaches it
)

var nearness = map[State]int{Never: 0, Passed: 1, Refused: 1, Overrule: 2, Waiting: 3, Default: 4, Failed: 5, Reached: 6}

// Point is one thing that a corpus reaches or not.
type Point struct {
	Kind   Kind   `json:"kind"`            // source, sensor, dependency, transform, value, refusal, trigger, condition, parameter, template or handler
	Object string `json:"object"`          // Kind/namespace/name of what it is written in
	Name   string `json:"name"`            // what it is: of a value, the filter and the value
	State  State  `json:"state"`           // reached; else how near the corpus came: failed, default, waiting, overrule, refused, passed, never
	Counts bool   `json:"counts"`          // whether percentages count it: no event and no scenario can reach one that does not
	Events int    `json:"events"`          // how many events reach it; of a template also Workflows that scenarios submit
	Near   int    `json:"near"`            // how many events come as far as it and do not reach it
	First  string `json:"first,omitempty"` // FILE:LINE of the first event that reaches it
	Why    string `json:"why,omitempty"`   // why nothing reaches it, in words
	File   string `json:"file"`            // where it is written
	Line   int    `json:"line"`            // in File, from 1; 0 where it is not known
}

// Share is how many of so many points the corpus reaches.
type Share struct {
	Reached int     `json:"reached"`
	Of      int     `json:"of"`
	Percent float64 `json:"percent"` // rounded down to a tenth, so that 100 means all; 100 where there is nothing to reach
}

// KindShare is the share of a kind.
type KindShare struct {
	Kind Kind `json:"kind"`
	Share
}

// ObjectShare is the share of a manifest's object.
type ObjectShare struct {
	Object string `json:"object"` // Kind/namespace/name
	File   string `json:"file"`
	Line   int    `json:"line"`
	Share
}

// Report is what a corpus reaches of manifests.
type Report struct {
	Events    int           `json:"events"`    // of the corpus
	Scenarios int           `json:"scenarios"` // of the corpus
	Unplaced  []string      `json:"unplaced"`  // FILE:LINE of events of which nothing tells the EventSource: they reach nothing
	Nowhere   int           `json:"nowhere"`   // how many events go where no EventSource of the manifests takes them
	Notes     []string      `json:"notes"`     // steps of scenarios that were left out
	Total     Share         `json:"total"`
	Kinds     []KindShare   `json:"kinds"`   // in the order of an event's way; those without a point are left out
	Objects   []ObjectShare `json:"objects"` // in the order of the manifests
	Points    []Point       `json:"points"`  // in the order of the manifests
}

// Under reports whether the share is below a percentage. It compares what is counted, not the rounded number.
func (s Share) Under(percent float64) bool { return float64(s.Reached)*100 < percent*float64(s.Of) }

func (s *Share) count(p *Point) {
	if !p.Counts {
		return
	}
	s.Of++
	if p.State == Reached {
		s.Reached++
	}
}

func (s *Share) finish() {
	s.Percent = 100
	if s.Of > 0 {
		s.Percent = math.Floor(float64(s.Reached)*1000/float64(s.Of)) / 10
	}
}

// sum fills in the shares.
func (r *Report) sum() {
	kinds := map[Kind]*Share{}
	objects := map[string]int{}
	for i := range r.Points {
		p := &r.Points[i]
		r.Total.count(p)
		if kinds[p.Kind] == nil {
			kinds[p.Kind] = &Share{}
		}
		kinds[p.Kind].count(p)
		at, known := objects[p.Object]
		if !known {
			at = len(r.Objects)
			objects[p.Object] = at
			r.Objects = append(r.Objects, ObjectShare{Object: p.Object, File: p.File, Line: p.Line})
		}
		r.Objects[at].count(p)
	}
	r.Total.finish()
	for _, kind := range Kinds() {
		if share := kinds[kind]; share != nil && share.Of > 0 {
			share.finish()
			r.Kinds = append(r.Kinds, KindShare{kind, *share})
		}
	}
	for i := range r.Objects {
		r.Objects[i].finish()
	}
}
