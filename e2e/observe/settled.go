package observe

import (
	"fmt"
	"strings"

	"github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
	corev1 "k8s.io/api/core/v1"
)

// routing names the first message that has not arrived at each EventSource that it was routed to, and the queue between.
func (s *state) routing(keys map[string]bool) (open, in string) {
	names := sortedNames(keys)
	if keys == nil {
		names = sortedNames(s.messages)
	}
	for _, key := range names {
		m := s.messages[key]
		if m == nil {
			continue
		}
		for _, queue := range sortedNames(m.counts) {
			if s.arrived(m, queue) < m.counts[queue] {
				return fmt.Sprintf("message %s was routed to %s, which has not put it on the bus", key, m.routes[queue].consumers[0]), queue
			}
		}
	}
	return "", ""
}

// open says what keeps the chain from being settled for the messages, and "" when nothing does.
func (s *state) open(keys []string) string {
	s.waitsIn = ""
	wanted := map[string]bool{}
	for _, key := range keys {
		wanted[key] = true
		if s.messages[key] == nil {
			return "message " + key + " is not tracked"
		}
		if _, submitted := s.adopted[key]; submitted && s.objects[key] == nil {
			return key + " was submitted and has not been seen yet"
		}
	}
	if text, queue := s.routing(wanted); text != "" {
		s.waitsIn = queue
		return text
	}
	for _, x := range s.owed(wanted) {
		o := s.outcomes[x.who][x.event.id]
		if o == nil {
			return fmt.Sprintf("Sensor %s, trigger %s has not said what it did with event %s (message %s)", x.who.sensor, x.who.trigger, x.event.id, x.event.key)
		}
		if failed, steps := retrying(x.trigger, o); failed < steps {
			return fmt.Sprintf("Sensor %s, trigger %s failed %d of %d times for message %s and tries again", x.who.sensor, x.who.trigger, failed, steps, x.event.key)
		}
		if x.creates == "Workflow" || x.creates == "Job" {
			for _, r := range o.runs {
				if !r.failed && r.object == "" && !s.ambiguousFor(x) {
					return fmt.Sprintf("Sensor %s, trigger %s created a %s for message %s that has not been seen yet", x.who.sensor, x.who.trigger, x.creates, x.event.key)
				}
			}
		}
	}
	for _, name := range s.objectsWith(wanted) {
		o := s.objects[name]
		if phase, message, finished := phaseOf(o.u); !finished && !o.gone {
			if phase == "" {
				return name + " has no phase: no workflow controller has taken it"
			}
			return strings.TrimSpace(name + " is " + phase + " " + message)
		}
		for _, p := range s.podsOf[name] {
			if p.gone {
				continue
			}
			if phase := p.p.Status.Phase; phase != corev1.PodSucceeded && phase != corev1.PodFailed {
				return fmt.Sprintf("pod %s/%s of %s is %s", p.p.Namespace, p.p.Name, name, phase)
			}
		}
	}
	for _, r := range s.openRequests {
		if p := s.podAt(r.Source, r.Time); p != nil {
			if owner := s.objects[ownerOfPod(p.p)]; owner != nil && (wanted[owner.key] || anyWanted(wanted, owner.ambiguous)) {
				return fmt.Sprintf("pod %s/%s waits for the answer to %s %s %s", p.p.Namespace, p.p.Name, r.To, r.Method, r.Path)
			}
		}
	}
	return ""
}

// retrying returns how often a trigger with atLeastOnce failed so far and how often it may; without it, or after a
// success, there is nothing to wait for.
func retrying(trigger *v1alpha1.Trigger, o *outcome) (failed, steps int) {
	if !trigger.AtLeastOnce || trigger.RetryStrategy == nil || o.verdict != "fires" {
		return 0, 0
	}
	for _, r := range o.runs {
		if !r.failed {
			return 0, 0
		}
		failed++
	}
	return failed, int(trigger.RetryStrategy.Steps)
}

// ambiguousFor says whether an object that cannot be told apart may be the one of this trigger's run.
func (s *state) ambiguousFor(x expected) bool {
	for _, o := range s.objectsOf[x.event.key] {
		if o.u.GetLabels()[sensorLabel] == x.sensor.Name && s.madeBy(o, x.who.sensor) && anyWanted(map[string]bool{x.event.key: true}, o.ambiguous) {
			return true
		}
	}
	return false
}

func anyWanted(wanted map[string]bool, keys []string) bool {
	for _, key := range keys {
		if wanted[key] {
			return true
		}
	}
	return false
}
