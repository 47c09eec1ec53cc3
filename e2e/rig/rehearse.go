package rig

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/nearest"
	"github.com/eventrig/eventrig/simulators/nautobot"
)

// Rehearsal checks scenarios against the manifests that a rig would run, without a rig.
type Rehearsal struct {
	names map[string][]string // namespace/name of the manifests' objects, by kind
	hooks map[string][]string // events of the webhook EventSources, by namespace/name
}

// Rehearse reads the manifests that options name, as Start would.
func Rehearse(options Options) (*Rehearsal, error) {
	options, err := options.complete()
	if err != nil {
		return nil, err
	}
	read, err := loadManifests(options)
	if err != nil {
		return nil, err
	}
	h := &Rehearsal{names: map[string][]string{}, hooks: map[string][]string{}}
	for _, object := range slices.Concat(read.objects, read.bus) {
		h.add(object.Object)
	}
	return h, nil
}

func (h *Rehearsal) add(content map[string]any) {
	object := unstructured.Unstructured{Object: content}
	kind, name := object.GetKind(), object.GetNamespace()+"/"+object.GetName()
	h.names[kind] = append(h.names[kind], name)
	if hooks, _, err := unstructured.NestedMap(content, "spec", "webhook"); err == nil && kind == "EventSource" {
		h.hooks[name] = slices.Sorted(maps.Keys(hooks))
	}
}

// with returns what is there once a scenario's own objects are.
func (h *Rehearsal) with(spec scenario.Spec) *Rehearsal {
	mine := &Rehearsal{names: map[string][]string{}, hooks: maps.Clone(h.hooks)}
	for kind, names := range h.names {
		mine.names[kind] = slices.Clone(names)
	}
	for _, object := range spec.Given.Objects {
		mine.add(object)
	}
	for _, step := range spec.When {
		if step.Apply != nil {
			for _, object := range step.Apply.Objects {
				mine.add(object)
			}
		}
	}
	return mine
}

// Check makes everything that a scenario would send, and looks for everything that it names. The mistakes are bad input;
// all of them are returned.
func (h *Rehearsal) Check(s scenario.Scenario, spec scenario.Spec) error {
	h = h.with(spec)
	var mistakes []error
	note := func(line int, err error) {
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("%s:%d: %w", s.File, max(line, s.Line), err))
		}
	}
	note(s.Line, tryWorlds(spec.Given.Worlds))
	for _, f := range spec.Given.Faults {
		note(s.Line, h.fault(f))
	}
	for _, step := range spec.When {
		switch {
		case step.Publish != nil, step.Replay != nil:
			_, err := Compose(step)
			note(step.Line, err)
		case step.Webhook != nil:
			note(step.Line, h.webhook(*step.Webhook))
		case step.Submit != nil:
			note(step.Line, h.known(step.Submit.Kind(), step.Submit.From()))
		case step.Fault != nil:
			note(step.Line, h.fault(*step.Fault))
		}
	}
	then := spec.Then
	for _, e := range then.Sensors {
		note(e.Line, h.known("Sensor", e.Name))
	}
	for _, e := range then.Workflows {
		note(e.Line, h.behind(e.Sensor, e.Template))
	}
	for _, e := range then.Pods {
		note(e.Line, h.behind(e.Sensor, e.Template))
	}
	for _, e := range then.Objects {
		note(e.Line, h.behind(e.Sensor, ""))
	}
	empty := nautobot.New(nautobot.Config{})
	for _, e := range then.Nautobot {
		note(e.Line, empty.Check(e.Path, slices.Sorted(maps.Keys(e.Where))...))
	}
	if len(mistakes) > 0 {
		return failure.New(failure.BadInput, failure.Hint(errors.Join(mistakes...)), "%w", errors.Join(mistakes...))
	}
	return nil
}

// tryWorlds loads worlds as a scenario would: each on top of those before it, which it may refer to.
func tryWorlds(names []string) error {
	return emptySpace().load(names)
}

// known says whether an object is there; name may lack the namespace.
func (h *Rehearsal) known(kind, name string) error {
	for _, known := range h.names[kind] {
		if known == name || (!strings.Contains(name, "/") && strings.HasSuffix(known, "/"+name)) {
			return nil
		}
	}
	var short []string
	for _, known := range h.names[kind] {
		short = append(short, known[strings.LastIndex(known, "/")+1:])
	}
	text := fmt.Sprintf("there is no %s %q", kind, name)
	if best := nearest.Name(name[strings.LastIndex(name, "/")+1:], short); best != "" {
		text += fmt.Sprintf("; did you mean %q?", best)
	}
	slices.Sort(short)
	return fmt.Errorf("%s; the manifests have %s", text, orNone(short))
}

func (h *Rehearsal) behind(sensor, template string) error {
	switch {
	case sensor != "":
		return h.known("Sensor", sensor)
	case template != "" && h.known("CronWorkflow", template) != nil:
		return h.known("WorkflowTemplate", template)
	}
	return nil
}

func (h *Rehearsal) webhook(w scenario.Webhook) error {
	if err := h.known("EventSource", w.EventSource); err != nil {
		return err
	}
	for name, events := range h.hooks {
		if (name == w.EventSource || strings.HasSuffix(name, "/"+w.EventSource)) && slices.Contains(events, w.Event) {
			return nil
		}
	}
	return fmt.Errorf("EventSource %s has no webhook event %q", w.EventSource, w.Event)
}

func (h *Rehearsal) fault(f scenario.Fault) error {
	for _, rule := range f.Rules() {
		if rule == nil {
			continue
		}
		decoded, err := faultRule(rule)
		if err == nil {
			err = nautobot.New(nautobot.Config{}).Faults().Add(decoded)
		}
		if err != nil {
			return err
		}
	}
	switch {
	case f.DeletePods != nil:
		return h.component(f.DeletePods.Kind, f.DeletePods.Name)
	case f.Scale != nil:
		return h.component(f.Scale.Kind, f.Scale.Name)
	}
	return nil
}

// component says whether what a fault is about is there. Argo's own Deployments are in no manifests under test.
func (h *Rehearsal) component(kind, name string) error {
	if kind == "Deployment" && slices.Contains(argoDeployments, name) {
		return nil
	}
	return h.known(kind, name)
}

// argoDeployments are those of Argo's install manifests, as a rig applies them.
var argoDeployments = []string{"argo-events/controller-manager", "argo-events/events-webhook", "argo/workflow-controller"}
