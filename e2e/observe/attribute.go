package observe

import (
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/eventrig/eventrig/internal/ledger"
)

// sweepObjects tells Workflows and Jobs apart by what each event's trigger would have made, and by time.
func (s *state) sweepObjects() {
	var owed []expected // the same for each object
	for _, name := range sortedNames(s.newObjects) {
		o := s.objects[name]
		if o == nil {
			continue // it was submitted, and the watch has not shown it yet
		}
		if !o.attributed() {
			bySensor := o.u.GetLabels()[sensorLabel] != ""
			if owed == nil && bySensor {
				owed = s.owedWithoutObject()
			}
			if s.attribute(o, owed); o.attributed() {
				s.belongs(o)
			} else if bySensor {
				continue // what tells whose it is may come yet
			}
		}
		delete(s.newObjects, name)
		if !o.attributed() {
			continue
		}
		phase, message, finished := phaseOf(o.u)
		if o.gone && !finished {
			phase, finished = "Deleted", true
		}
		if told := phase + "\x00" + message; told != o.told {
			o.told = told
			r := ledger.Record{Hop: ledger.Workflow, MessageID: o.key, EventID: o.event, Object: o.name, Sensor: s.sensorOf(o), Trigger: o.u.GetLabels()[triggerLabel], Verdict: phase, Cause: message,
				Ambiguous: o.ambiguous != nil, Candidates: o.ambiguous, Details: map[string]any{"parameters": parametersOf(o.u), "finished": finished, "created": o.created()}}
			if made, known := s.creations[o.name]; known {
				r.Details["createdBy"] = made.user
			}
			if o.template != "" {
				r.Details["template"] = o.template
			}
			if o.ambiguous != nil {
				r.Cause = o.reason
			}
			s.record(r)
		}
	}
}

// sensorOf returns namespace/name; the label has the name only.
func (s *state) sensorOf(o *object) string {
	label := o.u.GetLabels()[sensorLabel]
	if label == "" {
		return ""
	}
	if maker := s.maker(o); maker != "" {
		return maker
	}
	if o.event != "" {
		if e := s.events[o.event]; e != nil {
			return e.consumer.namespace + "/" + label
		}
	}
	for _, name := range sortedNames(s.sensors) {
		if strings.HasSuffix(name, "/"+label) {
			return name
		}
	}
	return "?/" + label
}

func (s *state) attribute(o *object, owed []expected) {
	label, trigger := o.u.GetLabels()[sensorLabel], o.u.GetLabels()[triggerLabel]
	if label == "" {
		if template, submitted := s.adopted[o.name]; submitted {
			o.key, o.template = o.name, template
		}
		return
	}
	is := identity(o.u)
	var candidates []expected
	for _, x := range owed {
		if x.sensor.Name != label || x.who.trigger != trigger || x.event.key == "" {
			continue
		}
		if out := s.outcomes[x.who][x.event.id]; out != nil && (out.verdict != "fires" || !s.freeRun(out)) {
			continue
		}
		if made := x.wouldMake(); made.kind != o.u.GetKind() || made.identity != is || !s.madeBy(o, x.who.sensor) {
			continue
		}
		candidates = append(candidates, x)
	}
	for _, x := range candidates {
		if s.outcomes[x.who][x.event.id] == nil {
			return // its Sensor has not told yet; the line comes
		}
	}
	made, known := s.creations[o.name]
	if !known && s.audited && len(keysOf(candidates))+sensorsOf(candidates) > 2 {
		return // the audit log tells who made it, and when; the line comes
	}
	if len(keysOf(candidates)) > 1 {
		at, ok := actionTime(o.u)
		if known { // by the same clock, and finer than the label's milliseconds
			at, ok = made.received, true
		}
		if ok {
			var within []expected
			for _, x := range candidates {
				if s.ranAt(x, at) {
					within = append(within, x)
				}
			}
			if len(within) > 0 {
				candidates = within
			}
		}
	}
	switch keys := keysOf(candidates); {
	case len(keys) == 0:
		return
	case len(keys) > 1:
		o.ambiguous = keys
		o.reason = "the parameters and the time of creation fit several messages"
	default:
		x := candidates[0]
		o.key, o.event = keys[0], x.event.id
		out := s.outcomes[x.who][x.event.id]
		for i := range out.runs {
			if !out.runs[i].failed && out.runs[i].object == "" {
				out.runs[i].object = o.name
				break
			}
		}
	}
}

// made is what a trigger makes of an event, as far as objects are told apart by it; the zero value where it fails.
type made struct{ kind, identity string }

// wouldMake computes it once: it is asked about each object again and again.
func (x expected) wouldMake() made {
	of := maker{x.who, x.sensor.Generation}
	if known, ok := x.event.makes[of]; ok {
		return known
	}
	var m made
	if would, err := wouldCreate(x.dependency, x.trigger, x.event); err == nil {
		m = made{would.GetKind(), identity(would)}
	}
	if x.event.makes == nil {
		x.event.makes = map[maker]made{}
	}
	x.event.makes[of] = m
	return m
}

// freeRun says whether a successful run of the trigger has no object yet.
func (s *state) freeRun(o *outcome) bool {
	for _, r := range o.runs {
		if !r.failed && r.object == "" {
			return true
		}
	}
	return false
}

// ranAt says whether a run of the trigger for this event can have created something at that time: after the event
// was made and before the run was reported. The label counts in milliseconds.
func (s *state) ranAt(x expected, at time.Time) bool {
	for _, r := range s.outcomes[x.who][x.event.id].runs {
		if !r.failed && r.object == "" && !at.Before(x.event.time.Truncate(time.Millisecond)) && !at.After(r.time) {
			return true
		}
	}
	return false
}

// created is when the object was made, by the Sensor's clock or, where no Sensor made it, when it was first seen: the
// API server counts in whole seconds.
func (o *object) created() time.Time {
	if at, ok := actionTime(o.u); ok {
		return at
	}
	return o.seen
}

// ownerAt is Owner's answer.
func (s *state) ownerAt(address string, at time.Time) (keys []string, known bool) {
	p := s.podAt(address, at)
	if p == nil {
		for _, other := range s.others {
			if other == address {
				return nil, true
			}
		}
		return nil, false // the pod runs already, and its address is not seen yet
	}
	if p.gone || p.p.Status.Phase == corev1.PodSucceeded || p.p.Status.Phase == corev1.PodFailed {
		return nil, false // it had the address before
	}
	owner := s.objects[ownerOfPod(p.p)]
	switch {
	case owner == nil:
		return nil, false
	case owner.key != "":
		return []string{owner.key}, true
	case owner.ambiguous != nil:
		return owner.ambiguous, true
	default:
		return nil, owner.u.GetLabels()[sensorLabel] == ""
	}
}

// sensorsOf counts the Sensors among candidates.
func sensorsOf(list []expected) int {
	seen := map[string]bool{}
	for _, x := range list {
		seen[x.who.sensor] = true
	}
	return len(seen)
}

func keysOf(list []expected) []string {
	seen := map[string]bool{}
	for _, x := range list {
		seen[x.event.key] = true
	}
	return sortedNames(seen)
}
