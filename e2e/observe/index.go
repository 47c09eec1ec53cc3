package observe

import (
	"slices"
	"strings"

	"github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
	corev1 "k8s.io/api/core/v1"
)

// index finds what is observed by what is asked for, and holds what a sweep has still to look at. So the cost of a sweep, and
// of asking about some messages, is that of what is new and of these messages, however much a long run has seen.
type index struct {
	eventsOf  map[string][]*event  // by the key of the message
	objectsOf map[string][]*object // by the key of the message; an ambiguous one by each key that it may be of
	podsOf    map[string][]*pod    // by Kind/namespace/name of the owner
	podsAt    map[string][]*pod    // by address

	newEvents   map[string]bool // that are not in the ledger, by id
	newOutcomes map[decision]bool
	newObjects  map[string]bool // that changed, or belong to nobody yet
	newPods     map[string]bool // that changed, or whose owner belongs to nobody yet

	making map[string]bool              // events of which a trigger may have made something that is not seen yet, by id
	kinds  map[*v1alpha1.Trigger]string // what triggers make, read once
}

// decision is what one trigger made of one event.
type decision struct {
	who   subject
	event string
}

func newIndex() index {
	return index{
		eventsOf: map[string][]*event{}, objectsOf: map[string][]*object{}, podsOf: map[string][]*pod{}, podsAt: map[string][]*pod{},
		newEvents: map[string]bool{}, newOutcomes: map[decision]bool{}, newObjects: map[string]bool{}, newPods: map[string]bool{},
		making: map[string]bool{}, kinds: map[*v1alpha1.Trigger]string{},
	}
}

// putEvent takes an event, in place of one with its id.
func (s *state) putEvent(e *event) {
	if old := s.events[e.id]; old != nil {
		s.eventsOf[old.key] = slices.DeleteFunc(s.eventsOf[old.key], func(other *event) bool { return other == old })
	}
	s.events[e.id] = e
	s.eventsOf[e.key] = append(s.eventsOf[e.key], e)
	s.newEvents[e.id], s.making[e.id] = true, true
}

// owedWithoutObject is what Sensors owe for the events of which not everything is seen that was made.
func (s *state) owedWithoutObject() []expected {
	var all []expected
	for _, id := range sortedNames(s.making) {
		e := s.events[id]
		switch {
		case e == nil:
			continue // the Sensor's log is read sooner than the EventSource's
		case e.lost != "":
			delete(s.making, id)
			continue
		case !e.onBus:
			continue
		}
		owed := s.owedFor(e)
		done := !slices.ContainsFunc(owed, func(x expected) bool {
			o := s.outcomes[x.who][id]
			return o == nil || o.verdict == "fires" && x.creates != "" && s.freeRun(o)
		})
		if done {
			delete(s.making, id)
			continue
		}
		all = append(all, owed...)
	}
	return all
}

// creates is the kind of object that a trigger makes, and "" where it makes none.
func (s *state) creates(t *v1alpha1.Trigger) string {
	kind, known := s.kinds[t]
	if !known {
		kind = creates(t)
		s.kinds[t] = kind
	}
	return kind
}

// eventsWith are the events of messages, in the order of their ids.
func (s *state) eventsWith(keys map[string]bool) []*event {
	var all []*event
	for key := range keys {
		all = append(all, s.eventsOf[key]...)
	}
	slices.SortFunc(all, func(a, b *event) int { return strings.Compare(a.id, b.id) })
	return all
}

// objectsWith are the names of the Workflows and Jobs of messages, and of those that may be of one.
func (s *state) objectsWith(keys map[string]bool) []string {
	found := map[string]bool{}
	for key := range keys {
		for _, o := range s.objectsOf[key] {
			found[o.name] = true
		}
	}
	return sortedNames(found)
}

// belongs notes whose an object is, once that is told.
func (s *state) belongs(o *object) {
	keys := o.ambiguous
	if o.key != "" {
		keys = []string{o.key}
	}
	for _, key := range keys {
		s.objectsOf[key] = append(s.objectsOf[key], o)
	}
}

// putPod takes a pod of a Workflow or Job as it is now.
func (s *state) putPod(p *corev1.Pod, gone bool) {
	uid := string(p.UID)
	known := s.pods[uid]
	if known == nil {
		known = &pod{}
		s.pods[uid] = known
		s.podsOf[ownerOfPod(p)] = append(s.podsOf[ownerOfPod(p)], known)
	}
	if address := p.Status.PodIP; address != "" && !slices.Contains(s.podsAt[address], known) {
		s.podsAt[address] = append(s.podsAt[address], known)
	}
	known.p, known.gone = p, gone
	s.newPods[uid] = true
}
