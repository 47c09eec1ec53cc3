package mutate

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/eventrig/eventrig/e2e/rig"
	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/corpus"
	"github.com/eventrig/eventrig/internal/evaluate"
	"github.com/eventrig/eventrig/internal/message"
	"github.com/eventrig/eventrig/internal/pipeline"
	"github.com/eventrig/eventrig/simulators/oslo"
)

// prober evaluates many events with and without a mutant: everything that the simulated services can send, the near misses of
// the filters, and what the scenarios send.
type prober struct {
	graph  *pipeline.Graph
	events []message.Event
	words  []string            // what each event is
	before map[string][]string // what becomes of each event as the manifests are written, by the object that mutants change
}

func newProber(ctx context.Context, graph *pipeline.Graph, scenarios []scenario.Scenario, seed int64) (*prober, error) {
	p := &prober{graph: graph, before: map[string][]string{}}
	steps, err := probes(graph)
	if err != nil {
		return nil, err
	}
	all := scenario.Scenario{Metadata: scenario.Metadata{Name: "probes"}, Spec: scenario.Spec{When: steps}}
	events := &corpus.Corpus{Scenarios: append([]scenario.Scenario{all}, scenarios...), Seed: seed}
	for part, err := range events.Parts(ctx, nil) {
		if err != nil {
			return nil, err
		}
		for i, event := range part.Events {
			words := "what the scenario " + part.Scenario + " sends: " + event.EventType
			if part.Scenario == all.Metadata.Name && i < len(steps) {
				words = inWords(steps[i].Publish)
			}
			p.events, p.words = append(p.events, event), append(p.words, words)
		}
	}
	return p, nil
}

// inWords says what a publish step sends.
func inWords(step *scenario.Publish) string {
	text := step.Event
	for _, path := range sortedKeys(step.Set) {
		text += fmt.Sprintf(" with %s: %s", path, short(step.Set[path]))
	}
	for _, path := range step.Remove {
		text += " without " + path
	}
	return text
}

// probes are a notification of each sort that the services send, and of those that a Sensor listens to, near misses of its
// other filters.
func probes(graph *pipeline.Graph) ([]scenario.Step, error) {
	catalogue, err := oslo.Default()
	if err != nil {
		return nil, fmt.Errorf("read the catalogue of notifications: %w", err)
	}
	var steps []scenario.Step
	add := func(publish scenario.Publish) {
		step := scenario.Step{Publish: &publish}
		if _, err := rig.Compose(step); err == nil { // not every notification has every path
			steps = append(steps, step)
		}
	}
	for _, name := range catalogue.Names() {
		add(scenario.Publish{Event: name})
	}
	seen := map[string]bool{}
	for _, sensor := range graph.Sensors() {
		for _, d := range sensor.Typed.Spec.Dependencies {
			if d.Filters == nil {
				continue
			}
			var names []string
			for _, filter := range d.Filters.Data {
				if message.IsEventType(filter.Path) {
					names = append(names, matching(catalogue.Names(), filter.Value)...)
				}
			}
			for _, filter := range d.Filters.Data {
				if message.IsEventType(filter.Path) {
					continue
				}
				path := strings.TrimPrefix(filter.Path, "body.")
				for _, name := range names {
					key := name + " " + path + " " + strings.Join(filter.Value, " ")
					if seen[key] {
						continue
					}
					seen[key] = true
					add(scenario.Publish{Event: name, Remove: []string{path}})
					values := []any{nil, "", "x", int64(0)}
					for _, value := range filter.Value {
						values = append(values, value, "x"+value, value+"x", strings.ToUpper(value))
					}
					for _, value := range values {
						add(scenario.Publish{Event: name, Set: map[string]any{path: value}})
					}
				}
			}
		}
	}
	return steps, nil
}

// matching are the names of notifications (SERVICE/EVENT_TYPE) whose type one of the values matches.
func matching(names, values []string) []string {
	var found []string
	for _, value := range values {
		pattern, err := regexp.Compile(value)
		if err != nil {
			continue
		}
		for _, name := range names {
			if _, eventType, _ := strings.Cut(name, "/"); pattern.MatchString(eventType) && !slices.Contains(found, name) {
				found = append(found, name)
			}
		}
	}
	return found
}

// apart is an event of which something else becomes with a mutant, in words; "" where there is none among the probes.
func (p *prober) apart(m *Mutant) (string, error) {
	key := m.Object.Key()
	if p.before[key] == nil {
		before, err := p.outcomes(p.narrowed(m, p.graph))
		if err != nil {
			return "", err
		}
		p.before[key] = before
	}
	after, err := p.outcomes(p.narrowed(m, m.Graph(p.graph)))
	if err != nil {
		return "", err
	}
	for i := range p.events {
		if p.before[key][i] != after[i] {
			return p.words[i], nil
		}
	}
	return "", nil
}

// outcomes are what becomes of each event.
func (p *prober) outcomes(graph *pipeline.Graph) ([]string, error) {
	evaluator, err := evaluate.New(graph, evaluate.Options{})
	if err != nil {
		return nil, err
	}
	texts := make([]string, len(p.events))
	for i, result := range evaluator.Run(p.events) {
		texts[i] = outcomeOf(&result)
	}
	return texts, nil
}

// narrowed is a graph with no other Sensors than the one that is changed, or than those that listen to the EventSource that is.
func (p *prober) narrowed(m *Mutant, graph *pipeline.Graph) *pipeline.Graph {
	small := &pipeline.Graph{}
	for _, object := range graph.Objects {
		switch object.GetKind() {
		case "EventSource", "EventBus":
		case "Sensor":
			if m.Object.GetKind() == "Sensor" && object.Key() != m.Object.Key() {
				continue
			}
		default:
			continue
		}
		small.Objects = append(small.Objects, object)
	}
	return small
}

// outcomeOf is what becomes of an event, as one text: what fires, what fails, and what is made.
func outcomeOf(result *evaluate.Result) string {
	var text bytes.Buffer
	for i := range result.Outcomes {
		o := &result.Outcomes[i]
		if o.Source == nil || result.Found.Tried {
			continue
		}
		failed := o.Step == "transform" || o.FilterError != ""
		fmt.Fprintf(&text, "%s %d %v %v\n", o.Name(), o.Index, o.Passed(), failed && !o.Passed())
		for j := range o.Triggers {
			t := &o.Triggers[j]
			fmt.Fprintf(&text, "%s %v %v %s %s %s\n", t.Name, t.Met, t.Error != "", t.Operation, t.Object, t.Payload)
		}
	}
	return text.String()
}
