package offline

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/eventrig/eventrig/e2e/explanation"
	"github.com/eventrig/eventrig/e2e/rig"
	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/evaluate"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/ledger"
	"github.com/eventrig/eventrig/internal/message"
	"github.com/eventrig/eventrig/internal/received"
)

// play is one run of one scenario: a rig of which only the Sensors are real.
type play struct {
	scenario  scenario.Scenario
	manifests *manifests
	sequence  *evaluate.Sequence // of the events, until the manifests change
	ledger    *ledger.Ledger

	waiting  []sending         // sent and not evaluated yet
	results  map[string][]sent // by key
	unknown  map[string]string // Sensors whose outcome cannot be told, and why
	lost     string            // why nothing can be told any more
	made     map[string]bool   // objects with a name of their own that triggers made
	objects  int               // how many objects triggers made
	causes   map[string]bool   // Sensors (namespace/name) and WorkflowTemplates whose Workflows the scenario starts
	unclosed chan struct{}     // never closed: nothing changes by itself
}

// sending is a message on its way.
type sending struct {
	key   string
	event message.Event
	from  string // namespace/name/event of the EventSource of a webhook call; empty for a message of RabbitMQ
}

// sent is a message with what the Sensors make of it.
type sent struct {
	result evaluate.Result
	from   string
}

var (
	_ scenario.Rig       = (*play)(nil)
	_ scenario.Observer  = (*play)(nil)
	_ scenario.Explainer = (*play)(nil)
	_ scenario.Partial   = (*play)(nil)
)

func newPlay(m *manifests, s scenario.Scenario) *play {
	return &play{
		scenario: s, manifests: m, sequence: m.evaluator.Sequence(), ledger: ledger.New(nil), results: map[string][]sent{},
		unknown: map[string]string{}, made: map[string]bool{}, causes: map[string]bool{}, unclosed: make(chan struct{}),
	}
}

// Tier implements scenario.Rig.
func (p *play) Tier() string { return Tier }

// Turn implements scenario.Rig: it shares nothing with others.
func (p *play) Turn(context.Context, scenario.Claim) (func(), error) { return func() {}, nil }

// Ledger implements scenario.Rig. Its records are what evaluation says, and no observations.
func (p *play) Ledger() *ledger.Ledger { return p.ledger }

// Observer implements scenario.Rig.
func (p *play) Observer() scenario.Observer { return p }

// Stores implements scenario.Rig: the steps of a scenario change simulators that no pod ever asks.
func (p *play) Stores(_ context.Context, worlds []string) (scenario.Stores, error) {
	return rig.NewStores(worlds, p.message)
}

// Messages implements scenario.Rig.
func (p *play) Messages(_ context.Context, step scenario.Step) ([]scenario.Message, error) {
	if step.Webhook != nil {
		call, err := p.call(*step.Webhook)
		return []scenario.Message{call}, err
	}
	published, err := rig.Compose(step)
	if err != nil {
		return nil, err
	}
	messages := make([]scenario.Message, 0, len(published))
	for _, one := range published {
		messages = append(messages, p.message(one))
	}
	return messages, nil
}

// message is a message to RabbitMQ.
func (p *play) message(published scenario.Published) scenario.Message {
	return scenario.Message{Published: published, Send: func(context.Context) error { return nil }}
}

// Track implements scenario.Observer. What is announced is evaluated when it is asked for. A body that a scenario sends again
// keeps its key: the counts are of both.
func (p *play) Track(published []scenario.Published, _ ...string) ([]string, error) {
	var keys []string
	for _, one := range published {
		key := scenario.Key(one)
		event, err := received.Event(one)
		if err != nil {
			return nil, err
		}
		event.File, event.Line, event.Index = key, 1, 1 // the key names it
		keys = append(keys, key)
		p.waiting = append(p.waiting, sending{key, event, one.Source})
	}
	return keys, nil
}

// Adopt implements scenario.Observer.
func (p *play) Adopt(object, _ string) string { return object }

// Sensors implements scenario.Observer.
func (p *play) Sensors(context.Context) ([]string, error) {
	var names []string
	for _, s := range p.manifests.graph.Sensors() {
		names = append(names, s.GetNamespace()+"/"+s.GetName())
	}
	slices.Sort(names)
	return names, nil
}

// Ready implements scenario.Observer.
func (p *play) Ready(context.Context) error { return nil }

// Settled implements scenario.Observer.
func (p *play) Settled(context.Context, []string) (settled bool, open string, err error) {
	p.evaluate()
	return true, "", nil
}

// Changed implements scenario.Observer.
func (p *play) Changed() <-chan struct{} { return p.unclosed }

// Objects implements scenario.Rig. Expectations about objects are not decided here, so that nobody asks.
func (p *play) Objects(context.Context, scenario.ObjectExpectation) ([]map[string]any, error) {
	return nil, failure.New(failure.Environment, "run the scenario at another tier", "the tier offline has no API server")
}

// Submission implements scenario.Rig: nothing is started.
func (p *play) Submission(_ context.Context, s scenario.Submit) (object string, start func(context.Context) error, err error) {
	namespace, name, _ := strings.Cut(s.From(), "/")
	if _, there := p.manifests.graph.Find(s.Kind(), namespace, name); !there {
		return "", nil, failure.New(failure.BadInput, "name a "+s.Kind()+" that is there: namespace/name", "there is no %s %s", s.Kind(), s.From())
	}
	template := p.manifests.graph.TemplateBehind(s.Kind(), s.From())
	if template == "" {
		p.lost = "what the Workflow of CronWorkflow " + s.CronWorkflow + " causes shows only where it runs"
	}
	p.causes[templatePrefix+template] = true
	p.objects++
	return fmt.Sprintf("Workflow/%s/%s-#%d", namespace, name, p.objects), func(context.Context) error { return nil }, nil
}

// templatePrefix tells templates from Sensors among the causes.
const templatePrefix = "WorkflowTemplate "

// Fault implements scenario.Rig. What gets through a disturbed chain is what such a scenario is about, and what nobody knows
// here. That a service at the pipelines' end is gone, no Sensor sees.
func (p *play) Fault(_ context.Context, f scenario.Fault) (undo func(context.Context) error, err error) {
	switch {
	case f.Broker != "":
		p.lost = "what gets through while the broker is disturbed (" + f.Broker + ") shows only where one runs"
	case f.DeletePods != nil:
		p.lost = "what gets through while " + f.DeletePods.Kind + " " + f.DeletePods.Name + " starts anew shows only where it runs"
	case f.Scale != nil:
		p.lost = "what gets through while " + f.Scale.Kind + " " + f.Scale.Name + " is scaled shows only where it runs"
	}
	return func(context.Context) error { return nil }, nil
}

// Explain implements scenario.Explainer.
func (p *play) Explain(_ context.Context, sensor string, keys []string) ([]scenario.Explanation, error) {
	var all []scenario.Explanation
	for _, key := range keys {
		for _, one := range p.results[key] {
			all = append(all, explanation.Of(one.result, key, sensor)...)
		}
	}
	return all, nil
}

// record notes what evaluation says of a message.
func (p *play) record(r ledger.Record) {
	r.Time = time.Now()
	p.ledger.Append(r)
}
