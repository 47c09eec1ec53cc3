package evaluate

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	aev1 "github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"

	"github.com/eventrig/eventrig/internal/nearest"
	"github.com/eventrig/eventrig/internal/pipeline"
)

// globMarks are what makes a dependency's name a pattern on NATS streaming.
const globMarks = "*?[{\\"

// sensor is a Sensor with what is the same for every event.
type sensor struct {
	pipeline.Sensor
	bus      string
	stan     bool // its bus is NATS streaming, as UnderStack's, or not in the manifests
	triggers []*trigger
	places   sync.Map // where its fields are written, by placeKey
}

// trigger is a trigger with its conditions.
type trigger struct {
	*aev1.Trigger
	index      int
	expression string   // over names of dependencies
	names      []string // of the dependencies that it listens to, in the order of the expression
	err        error    // why it listens to none
}

func busOf(s pipeline.Sensor) string { return cmp.Or(s.Typed.Spec.EventBusName, "default") }

func newSensor(graph *pipeline.Graph, one pipeline.Sensor) *sensor {
	s := &sensor{Sensor: one, bus: busOf(one), stan: true}
	for _, bus := range graph.EventBuses() {
		if bus.GetNamespace() == one.GetNamespace() && bus.GetName() == s.bus {
			s.stan = bus.Typed.Spec.NATS != nil
		}
	}
	for i := range one.Typed.Spec.Triggers {
		t := &trigger{Trigger: &one.Typed.Spec.Triggers[i], index: i}
		if t.Template == nil {
			t.Trigger = &aev1.Trigger{Template: &aev1.TriggerTemplate{}}
			t.err = fmt.Errorf("trigger %d has no template", i)
		} else {
			t.expression, t.names, t.err = dependenciesOf(one.Typed, t.Trigger)
		}
		s.triggers = append(s.triggers, t)
	}
	return s
}

// hears says whether a dependency gets events of a source: same namespace, same bus, same names. NATS streaming takes names
// as patterns (pkg/eventbus/stan/sensor), the others do not.
func (s *sensor) hears(d *aev1.EventDependency, source *Source) bool {
	if source.Namespace != s.GetNamespace() || source.Bus != s.bus && source.Defined {
		return false
	}
	if d.EventSourceName == source.Name && d.EventName == source.Event {
		return true
	}
	if !s.stan || !strings.ContainsAny(d.EventSourceName+d.EventName, globMarks) {
		return false
	}
	// Names hold no slash, so that * is the same as in the library that STAN's listener uses.
	ok, err := path.Match(d.EventSourceName+"__"+d.EventName, source.Name+"__"+source.Event)
	return err == nil && ok
}

// triggersOf are those that listen to a dependency.
func (s *sensor) triggersOf(dependency string) []*trigger {
	var found []*trigger
	for _, t := range s.triggers {
		if slices.Contains(t.names, dependency) {
			found = append(found, t)
		}
	}
	return found
}

// shadowed names the dependency that takes this one's events away: on NATS streaming the last of those with the same
// EventSource and event gets them all (newEventSourceMessageHolder keeps one dependency for each), for each trigger.
func (s *sensor) shadowed(index int, source *Source) string {
	if !s.stan {
		return ""
	}
	d := s.spec().Dependencies[index]
	shadow := ""
	for _, t := range s.triggersOf(d.Name) {
		last := ""
		for _, name := range t.names {
			if other := s.byName(name); other != nil && other.EventSourceName == d.EventSourceName && other.EventName == d.EventName {
				last = name
			}
		}
		if last == d.Name {
			return "" // this trigger gets them by this dependency
		}
		shadow = last
	}
	return shadow
}

func (s *sensor) byName(name string) *aev1.EventDependency {
	// The last one of a name counts, as in listenEvents.
	for i := len(s.spec().Dependencies) - 1; i >= 0; i-- {
		if s.spec().Dependencies[i].Name == name {
			return &s.spec().Dependencies[i]
		}
	}
	return nil
}

// unheard says why an event does not come to a dependency.
func (e *Evaluator) unheard(s *sensor, o *Outcome, found Found) {
	o.verdict(NoDependency, "dependency")
	d := o.Dependency
	wanted := d.EventSourceName + "/" + d.EventName
	o.Want = []string{wanted}
	o.At = o.field("eventSourceName")
	for _, source := range found.Sources {
		if !found.Tried {
			o.Got = quoted(source.Name + "/" + source.Event)
		}
	}
	defined := func(fits func(*Source) bool) *Source {
		for _, source := range e.sources {
			if source.Defined && fits(source) {
				return source
			}
		}
		return nil
	}
	same := func(source *Source) bool { return source.Name == d.EventSourceName && source.Event == d.EventName }
	if here := defined(func(source *Source) bool { return same(source) && source.Namespace == s.GetNamespace() }); here != nil {
		if here.Bus != s.bus {
			o.Hint = fmt.Sprintf("EventSource %s publishes to the EventBus %s, the Sensor listens to %s", here.Name, here.Bus, s.bus)
			o.Near = slices.Contains(found.Sources, here)
		}
		return
	}
	if elsewhere := defined(same); elsewhere != nil {
		o.Hint = fmt.Sprintf("EventSource %s is in namespace %s, the Sensor in %s: a Sensor hears the EventBus of its own namespace only", elsewhere.Name, elsewhere.Namespace, s.GetNamespace())
		o.Near = slices.Contains(found.Sources, elsewhere)
		return
	}
	var names []string
	for _, source := range e.sources {
		if source.Defined && source.Namespace == s.GetNamespace() {
			names = append(names, source.Name+"/"+source.Event)
		}
	}
	if near := nearest.Names(wanted, names, 1); len(near) > 0 {
		o.Hint = fmt.Sprintf("no EventSource in namespace %s defines %s; the nearest is %s", s.GetNamespace(), wanted, near[0])
		// A slip of the pen in the name of where this event does come from.
		if meant := nearest.Name(wanted, near); meant != "" && !found.Tried {
			for _, source := range found.Sources {
				o.Near = o.Near || source.Namespace == s.GetNamespace() && source.Name+"/"+source.Event == meant
			}
		}
	}
}
