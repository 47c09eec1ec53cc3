package offline

import (
	"encoding/json"
	"fmt"
	"slices"

	aev1 "github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/eventrig/eventrig/internal/evaluate"
	"github.com/eventrig/eventrig/internal/ledger"
	"github.com/eventrig/eventrig/internal/message"
)

// evaluate works what was sent since the last time into records.
func (p *play) evaluate() {
	if len(p.waiting) == 0 {
		return
	}
	var events []message.Event
	for _, one := range p.waiting {
		events = append(events, one.event)
	}
	for i, result := range p.sequence.Run(events) {
		one := p.waiting[i]
		p.results[one.key] = append(p.results[one.key], sent{result, one.from})
		p.arrive(one, result)
	}
	p.waiting = nil
}

// arrive records where a message goes, and what each Sensor there makes of it.
func (p *play) arrive(one sending, result evaluate.Result) {
	for _, source := range result.Found.Sources {
		if source.Defined && !result.Found.Tried && (one.from == "" || one.from == source.String()) {
			name := "EventSource/" + source.Namespace + "/" + source.Name
			p.record(ledger.Record{Hop: ledger.Routed, MessageID: one.key, Object: source.String()})
			p.record(ledger.Record{Hop: ledger.OnBus, MessageID: one.key, Object: name, Details: map[string]any{"event": source.Event}})
		}
	}
	for i := range result.Outcomes {
		o := &result.Outcomes[i]
		switch {
		case o.Source == nil || one.from != "" && one.from != o.Source.String():
			continue
		case result.Found.Tried || !o.Source.Defined:
			p.unknown[o.Name()] = fmt.Sprintf("the manifests do not define EventSource %s/%s", o.Source.Namespace, o.Source.Name)
		case o.Verdict == evaluate.Undecided:
			p.unknown[o.Name()] = "it cannot be evaluated: " + o.Reason()
		case o.Doubt != "":
			p.unknown[o.Name()] = "eventrig is in doubt: " + o.Doubt
		default:
			p.decide(one.key, o)
		}
	}
}

// decide records what the triggers that listen to a dependency do with an event, in the words of a Sensor's log.
func (p *play) decide(key string, o *evaluate.Outcome) {
	decided := func(trigger, verdict, step, cause string) {
		p.record(ledger.Record{Hop: ledger.Decided, MessageID: key, Sensor: o.Name(), Trigger: trigger, Verdict: verdict, Step: step, Cause: cause})
	}
	all := func(verdict, step, cause string) {
		for _, trigger := range o.Listeners {
			decided(trigger, verdict, step, cause)
		}
	}
	switch {
	case o.Step == "eventsource":
		p.record(ledger.Record{Hop: ledger.Received, MessageID: key, Object: "EventSource/" + o.Source.String(), Verdict: "failed", Cause: text(o.Got)})
		return
	case o.Step == "transform" && o.Transform.Error == "", o.Step == "filter" && o.Operator == "":
		p.unknown[o.Name()] = "it does not come to an end: " + o.Reason()
	case o.Step == "transform":
		all("transform-error", o.Step, o.Transform.Error)
		return
	case o.Step == "filter" && o.FilterError != "":
		all("filter-error", o.Step, o.FilterError)
		return
	case o.Step == "filter":
		all("filtered", o.Step, "discarded due to filtering")
		return
	}
	for i := range o.Triggers {
		t := &o.Triggers[i]
		if !t.Met {
			decided(t.Name, "waiting", "conditions", "")
			continue
		}
		decided(t.Name, "fires", "", "")
		p.act(key, o, t)
	}
}

// text is a JSON text without its quotes.
func text(raw json.RawMessage) string {
	var plain string
	if json.Unmarshal(raw, &plain) != nil {
		return string(raw)
	}
	return plain
}

// act records what a trigger's action comes to, or that it cannot be told.
func (p *play) act(key string, o *evaluate.Outcome, t *evaluate.Trigger) {
	written := triggerOf(o, t.Name)
	triggered := func(verdict, cause string) {
		step := ""
		if verdict == "failed" {
			step = "trigger"
		}
		p.record(ledger.Record{Hop: ledger.Triggered, MessageID: key, Sensor: o.Name(), Trigger: t.Name, Verdict: verdict, Step: step, Cause: cause})
	}
	failed := func(cause string) {
		if written.AtLeastOnce && written.RetryStrategy != nil {
			p.unknown[o.Name()] = "how often a trigger that fails is tried again shows only where it runs"
			return
		}
		triggered("failed", cause)
	}
	var object unstructured.Unstructured
	switch {
	case written == nil:
		p.unknown[o.Name()] = "trigger " + t.Name + " is not in the Sensor"
		return
	case t.Error != "":
		failed(t.Error)
		return
	case t.Type == "log":
		triggered("succeeded", "")
		return
	case !t.Creates():
		p.unknown[o.Name()] = fmt.Sprintf("what comes of a trigger that does %s shows only where it runs", describe(t))
		return
	case written.Policy != nil:
		p.unknown[o.Name()] = "a trigger's policy asks what becomes of the object"
		return
	}
	if json.Unmarshal(t.Object, &object.Object) != nil || object.Object == nil {
		p.unknown[o.Name()] = "the object of trigger " + t.Name + " is not in the manifests"
		return
	}
	if name := object.GetName(); name != "" {
		full := fmt.Sprintf("%s %s/%s", object.GroupVersionKind(), object.GetNamespace(), name)
		if p.made[full] {
			p.unknown[o.Name()] = "whether the first " + object.GetKind() + " " + name + " is still there when the second is made shows only where it runs"
			return
		}
		p.made[full] = true
	}
	refusal, known := p.refusal(o, t, &object)
	switch {
	case !known:
		p.unknown[o.Name()] = "what its ServiceAccount may do is not in the manifests"
	case refusal != "":
		failed(refusal)
	default:
		triggered("succeeded", "")
		p.create(key, o, t, &object)
	}
}

func describe(t *evaluate.Trigger) string {
	if t.Operation == "" {
		return t.Type
	}
	return t.Type + " " + t.Operation
}

// create records the Workflow or Job that a trigger makes.
func (p *play) create(key string, o *evaluate.Outcome, t *evaluate.Trigger, object *unstructured.Unstructured) {
	kind := object.GetKind()
	if kind != "Workflow" && kind != "Job" {
		return
	}
	p.causes[o.Name()] = true
	p.objects++
	// The server draws the names; these are told apart, and cannot be taken for one of its own.
	name := fmt.Sprintf("%s%s#%d", object.GetName(), object.GetGenerateName(), p.objects)
	p.record(ledger.Record{Hop: ledger.Workflow, MessageID: key, Object: kind + "/" + object.GetNamespace() + "/" + name, Sensor: o.Name(), Trigger: t.Name,
		Verdict: "would be created", Details: map[string]any{"parameters": parametersOf(object)}})
}

// parametersOf are a Workflow's arguments.
func parametersOf(object *unstructured.Unstructured) map[string]string {
	found := map[string]string{}
	list, _, err := unstructured.NestedSlice(object.Object, "spec", "arguments", "parameters")
	if err != nil {
		return found
	}
	for _, item := range list {
		fields, _ := item.(map[string]any)
		value := fields["value"]
		if value == nil {
			value = fields["default"]
		}
		if name, _ := fields["name"].(string); name != "" && value != nil {
			found[name] = fmt.Sprint(value)
		}
	}
	return found
}

// triggerOf is a trigger as the Sensor has it.
func triggerOf(o *evaluate.Outcome, name string) *aev1.Trigger {
	all := o.Sensor.Typed.Spec.Triggers
	at := slices.IndexFunc(all, func(t aev1.Trigger) bool { return t.Template != nil && t.Template.Name == name })
	if at < 0 {
		return nil
	}
	return &all[at]
}
