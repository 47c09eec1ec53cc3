package scenario

import (
	"fmt"
	"slices"
	"strings"

	"github.com/eventrig/eventrig/internal/ledger"
)

// view is the scenario's part of the ledger, arranged for questions.
type view struct {
	keys    []string
	records []ledger.Record
	places  map[string]string        // by key: the step that sent the message
	objects map[string]ledger.Record // last record per Workflow, Job or Pod
	order   []string                 // their names in order of appearance
}

func newView(records []ledger.Record, keys []string) *view {
	v := &view{keys: keys, records: records, objects: map[string]ledger.Record{}}
	for _, r := range records {
		if r.Hop != ledger.Workflow && r.Hop != ledger.Pod {
			continue
		}
		if _, ok := v.objects[r.Object]; !ok {
			v.order = append(v.order, r.Object)
		}
		v.objects[r.Object] = r
	}
	return v
}

// of returns the records of a hop for a Sensor; trigger may be empty.
func (v *view) of(hop ledger.Hop, sensor, trigger string) []ledger.Record {
	var out []ledger.Record
	for _, r := range v.records {
		if r.Hop == hop && sameSensor(r.Sensor, sensor) && (trigger == "" || r.Trigger == trigger) {
			out = append(out, r)
		}
	}
	return out
}

// last returns the present state of each Workflow, Job or Pod of a Sensor.
func (v *view) last(hop ledger.Hop, sensor string) []ledger.Record {
	var out []ledger.Record
	for _, name := range v.order {
		if r := v.objects[name]; r.Hop == hop && sameSensor(r.Sensor, sensor) {
			out = append(out, r)
		}
	}
	return out
}

// made returns the present state of each Workflow, Job or Pod of a Sensor, or of a WorkflowTemplate's submissions.
func (v *view) made(hop ledger.Hop, sensor, template string) []ledger.Record {
	if template == "" {
		return v.last(hop, sensor)
	}
	var out []ledger.Record
	for _, name := range v.order {
		if r := v.objects[name]; r.Hop == hop && r.Details["template"] == template {
			out = append(out, r)
		}
	}
	return out
}

// allMade says whether nothing more can come than the objects seen: a Sensor has decided about each event and every
// trigger's object is there. What was submitted is there at once, and another step may submit more only before the end.
func (v *view) allMade(sensor, template string, seen int) bool {
	if template != "" {
		return true
	}
	return v.decidedFor(sensor) && len(v.of(ledger.Triggered, sensor, "")) <= seen
}

// fires counts successful triggers, fails the failed ones and failed transforms; each with the records behind it.
func (v *view) fires(sensor, trigger string) (fires, fails, refusals []ledger.Record) {
	for _, r := range v.of(ledger.Triggered, sensor, trigger) {
		if r.Verdict == "succeeded" {
			fires = append(fires, r)
		} else {
			fails = append(fails, r)
		}
	}
	for _, r := range v.of(ledger.Decided, sensor, trigger) {
		switch r.Verdict {
		case "transform-error":
			fails = append(fails, r)
		case "filtered", "filter-error":
			refusals = append(refusals, r)
		}
	}
	return fires, fails, refusals
}

// decidedFor says whether the Sensor said something about every message.
func (v *view) decidedFor(sensor string) bool {
	decided := map[string]bool{}
	for _, r := range v.of(ledger.Decided, sensor, "") {
		decided[r.MessageID] = true
	}
	for _, key := range v.keys {
		if !decided[key] {
			return false
		}
	}
	fires := 0
	for _, r := range v.of(ledger.Decided, sensor, "") {
		if r.Verdict == "fires" {
			fires++
		}
	}
	return len(v.of(ledger.Triggered, sensor, "")) >= fires
}

// furthest returns the last hop that any of the messages reached.
func (v *view) furthest() string {
	best := ledger.Published
	for _, r := range v.records {
		if r.Hop.Order() > best.Order() {
			best = r.Hop
		}
	}
	return string(best)
}

// reached returns, for a Sensor that did nothing, how far the messages came on the way to it.
func (v *view) reached(sensor string) (hop, why, next string) {
	has := func(hop ledger.Hop) bool {
		return slices.ContainsFunc(v.records, func(r ledger.Record) bool { return r.Hop == hop })
	}
	for _, r := range v.records {
		if (r.Hop == ledger.Received || r.Hop == ledger.OnBus) && r.Verdict == "failed" {
			return string(r.Hop), r.Object + ": " + r.Cause, "the EventSource lost the message; its log has the lines around it"
		}
	}
	switch {
	case len(v.keys) == 0:
		return string(ledger.Published), "no step of the scenario raised an event", "an object that is applied or deleted raises one where a resource EventSource watches it: compare kind, namespace and labels"
	case !has(ledger.Routed):
		return string(ledger.Routed), "no EventSource has a queue that this exchange and routing key reach", "compare vhost, exchange and routing key with the EventSources (eventrig lint)"
	case !has(ledger.OnBus):
		return string(ledger.OnBus), "no EventSource has put the message on the bus", "see the log of the EventSource pod and the bus"
	case len(v.of(ledger.Decided, sensor, "")) == 0:
		return string(ledger.Decided), "the Sensor has said nothing about the message: no dependency names the EventSource and event it came by, or it was not subscribed", "compare its dependencies with " + strings.Join(v.sources(), ", ")
	}
	return string(ledger.Decided), "", ""
}

// sources names the EventSources and events by which the messages came onto the bus.
func (v *view) sources() []string {
	var out []string
	for _, r := range v.records {
		if r.Hop == ledger.OnBus && !slices.Contains(out, r.Object) {
			out = append(out, r.Object)
		}
	}
	return out
}

// told writes records with the step that each one's message was sent by, where there are several.
func (v *view) told(records []ledger.Record) string {
	placed := slices.Clone(records)
	for i := range placed {
		if at := placeOf(v.places, placed[i].MessageID); at != "" {
			placed[i].Verdict += ", of " + at
		}
	}
	return told(placed)
}

// placeOf says which of the scenario's messages a key is of; empty where no step or only one sent any.
func placeOf(places map[string]string, key string) string {
	first, several := "", false
	for _, place := range places {
		several = several || first != "" && first != place
		first = place
	}
	switch place, sent := places[key]; {
	case sent && several:
		return place
	case !sent && len(places) > 0 && key != "":
		return "a notification that a pod caused"
	}
	return ""
}

// told writes records as "object or trigger: verdict (cause)", at most a few of them.
func told(records []ledger.Record) string {
	const most = 4
	var parts []string
	for i, r := range records {
		if i == most {
			parts = append(parts, fmt.Sprintf("and %d more", len(records)-most))
			break
		}
		what := r.Object
		if what == "" {
			what = r.Trigger
		}
		text := what + ": " + r.Verdict
		if r.Cause != "" {
			text += " (" + shorten(r.Cause, 400) + ")"
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}

func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
