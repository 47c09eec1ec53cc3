package coverage

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	aev1 "github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"

	"github.com/eventrig/eventrig/internal/evaluate"
	"github.com/eventrig/eventrig/internal/lint"
	"github.com/eventrig/eventrig/internal/pipeline"
	"github.com/eventrig/eventrig/simulators/handlers"
)

// point is a Point that is being counted.
type point struct {
	Point
	reached, came int           // the last event that reached it, or came as far, so that each counts once
	last          State         // what that event came to
	states        map[State]int // how many events came to which state short of reached
}

// plan is everything that can be reached in a graph.
type plan struct {
	graph     *pipeline.Graph
	points    []*point
	sources   map[string]*point // by NAMESPACE/NAME/EVENT
	sensors   map[string]*sensorPlan
	templates map[string]*point            // by Object.Key
	handlers  map[string]map[string]*point // by command, then event type
}

type sensorPlan struct {
	fires        *point
	dependencies []dependencyPlan
	triggers     []triggerPlan
}

type dependencyPlan struct {
	comes, transform *point
	filters          map[filterKey]filterPlan
}

// filterKey is what evaluate.Check tells a filter by.
type filterKey struct {
	kind  string
	index int
}

type filterPlan struct {
	values  []*point
	single  bool // one point stands for whatever passes
	refusal *point
}

type triggerPlan struct {
	acts       *point
	conditions map[string]*point // by dependency
	parameters []parameterPlan
}

type parameterPlan struct {
	taken    *point
	fallback *point // nil where it has no default beside what is taken from an event
}

// newPlan lists what can be reached. With submits the corpus may also start templates without an event.
func newPlan(graph *pipeline.Graph, submits bool) *plan {
	p := &plan{graph: graph, sources: map[string]*point{}, sensors: map[string]*sensorPlan{}, templates: map[string]*point{},
		handlers: map[string]map[string]*point{}}
	for _, event := range graph.Events() {
		name := event.Namespace + "/" + event.SourceName + "/" + event.Name
		if p.sources[name] == nil {
			p.sources[name] = p.add(Source, event.Source.Object, event.Path, "%s (%s)", event.Name, event.Type)
		}
	}
	for _, sensor := range graph.Sensors() {
		if p.sensors[sensor.Key()] == nil {
			p.sensors[sensor.Key()] = p.sensor(sensor)
		}
	}
	can := lint.StartableBy(graph)
	for _, template := range graph.WorkflowTemplates() {
		one := p.add(Template, template.Object, "", "%s", template.GetName())
		one.Counts = can.Templates[template.Key()] || submits
		if !can.Templates[template.Key()] {
			one.Why = "no Sensor starts it"
			if cron := startedByCron(graph, template); cron != "" {
				one.Why += " (CronWorkflow " + cron + " does)"
			}
			if submits {
				one.Why += ", and no scenario submits it"
			}
		}
		p.templates[template.Key()] = one
	}
	for _, command := range can.Commands {
		p.handlers[command.Name] = map[string]*point{}
		for _, eventType := range handlers.EventTypes(command.Name) {
			one := p.add(Handler, command.At, command.Path, "%s takes %s", command.Name, eventType)
			if command.Known && !slices.Contains(command.Types, eventType) {
				one.Why = "no Sensor lets it through to the command"
			}
			p.handlers[command.Name][eventType] = one
		}
	}
	return p
}

func (p *plan) add(kind Kind, at pipeline.Object, path, format string, values ...any) *point {
	one := &point{Point: Point{Kind: kind, Object: at.Key(), Name: fmt.Sprintf(format, values...), State: Never, Counts: true, File: at.File, Line: at.LineOf(path)},
		reached: -1, came: -1, states: map[State]int{}}
	p.points = append(p.points, one)
	return one
}

func (p *plan) sensor(sensor pipeline.Sensor) *sensorPlan {
	s := &sensorPlan{fires: p.add(Sensor, sensor.Object, "", "%s", sensor.GetName())}
	for i := range sensor.Typed.Spec.Dependencies {
		s.dependencies = append(s.dependencies, p.dependency(sensor, i))
	}
	for i := range sensor.Typed.Spec.Triggers {
		s.triggers = append(s.triggers, p.trigger(sensor, i))
	}
	return s
}

func (p *plan) dependency(sensor pipeline.Sensor, index int) dependencyPlan {
	d := &sensor.Typed.Spec.Dependencies[index]
	at := func(steps ...any) string {
		return pipeline.Path(append([]any{"spec", "dependencies", index}, steps...)...)
	}
	plan := dependencyPlan{filters: map[filterKey]filterPlan{},
		comes: p.add(Dependency, sensor.Object, at(), "%s (%s/%s)", d.Name, d.EventSourceName, d.EventName)}
	if t := d.Transform; t != nil && t.JQ != "" {
		plan.transform = p.add(Transform, sensor.Object, at("transform", "jq"), "%s (jq)", d.Name)
	} else if t != nil && t.Script != "" {
		plan.transform = p.add(Transform, sensor.Object, at("transform", "script"), "%s (Lua)", d.Name)
	}
	filters := d.Filters
	if filters == nil {
		return plan
	}
	single := func(kind string, index int, name, passes string, path ...any) {
		plan.filters[filterKey{kind, index}] = filterPlan{single: true,
			values:  []*point{p.add(Value, sensor.Object, at(path...), "%s: %s", name, passes)},
			refusal: p.add(Refusal, sensor.Object, at(path...), "%s: anything else", name)}
	}
	for i, f := range filters.Exprs {
		single("exprs", i, fmt.Sprintf("exprs[%d]", i), f.Expr, "filters", "exprs", i, "expr")
	}
	for i, f := range filters.Data {
		name := fmt.Sprintf("data[%d] %s", i, f.Path)
		if f.Comparator == aev1.NotEqualTo && f.Type != aev1.JSONTypeBool {
			single("data", i, name, "not "+strings.Join(f.Value, " or not "), "filters", "data", i)
			continue
		}
		one := filterPlan{}
		comparator := string(f.Comparator)
		if comparator == "" || comparator == "=" || f.Type == aev1.JSONTypeBool {
			comparator = ""
		}
		for j, value := range f.Value {
			one.values = append(one.values, p.add(Value, sensor.Object, at("filters", "data", i, "value", j), "%s: %s%s", name, comparator, value))
		}
		one.refusal = p.add(Refusal, sensor.Object, at("filters", "data", i), "%s: anything else", name)
		plan.filters[filterKey{"data", i}] = one
	}
	if c := filters.Context; c != nil {
		var wanted []string
		for _, field := range [][2]string{{"type", c.Type}, {"subject", c.Subject}, {"source", c.Source}, {"datacontenttype", c.DataContentType}} {
			if field[1] != "" {
				wanted = append(wanted, field[0]+" "+field[1])
			}
		}
		single("context", 0, "context", strings.Join(wanted, ", "), "filters", "context")
	}
	if t := filters.Time; t != nil {
		single("time", 0, "time", fmt.Sprintf("from %s, before %s (%s)", t.Start, t.Stop, cmp.Or(t.Timezone, "UTC")), "filters", "time")
	}
	if filters.Script != "" {
		single("script", 0, "script", "true", "filters", "script")
	}
	return plan
}

func (p *plan) trigger(sensor pipeline.Sensor, index int) triggerPlan {
	t := &sensor.Typed.Spec.Triggers[index]
	at := func(steps ...any) string { return pipeline.Path(append([]any{"spec", "triggers", index}, steps...)...) }
	name, conditions := fmt.Sprintf("triggers[%d]", index), ""
	if t.Template != nil {
		name, conditions = cmp.Or(t.Template.Name, name), t.Template.Conditions
	}
	plan := triggerPlan{acts: p.add(Trigger, sensor.Object, at("template", "name"), "%s", name), conditions: map[string]*point{}}
	names, err := evaluate.Listens(sensor.Typed, t)
	if err != nil {
		plan.acts.Why = err.Error()
	}
	if conditions != "" || len(names) > 1 {
		for _, dependency := range names {
			plan.conditions[dependency] = p.add(Condition, sensor.Object, at("template", "conditions"), "%s with %s", name, dependency)
		}
	}
	for _, written := range evaluate.ParametersOf(t) {
		dest := written.Dest
		if written.Payload {
			dest = strings.TrimSuffix("payload."+dest, ".")
		}
		one := parameterPlan{taken: p.add(Parameter, sensor.Object, at(append(slices.Clone(written.Path), "dest")...), "%s from %s", dest, fromWhere(written.Src))}
		if src := written.Src; src != nil && src.Value != nil && fromEvent(src) {
			one.fallback = p.add(Parameter, sensor.Object, at(append(slices.Clone(written.Path), "src", "value")...), "%s by its default %q", dest, *src.Value)
		}
		plan.parameters = append(plan.parameters, one)
	}
	return plan
}

// startedByCron names a CronWorkflow that starts a template.
func startedByCron(graph *pipeline.Graph, template pipeline.WorkflowTemplate) string {
	for _, cron := range graph.CronWorkflows() {
		ref := cron.Typed.Spec.WorkflowSpec.WorkflowTemplateRef
		if ref != nil && ref.Name == template.GetName() && ref.ClusterScope == template.Cluster && (template.Cluster || cron.GetNamespace() == template.GetNamespace()) {
			return cron.GetName()
		}
	}
	return ""
}

// fromEvent reports whether a parameter looks for something in the event.
func fromEvent(src *aev1.TriggerParameterSource) bool {
	return src.DataKey != "" || src.DataTemplate != "" || src.ContextKey != "" || src.ContextTemplate != ""
}

func fromWhere(src *aev1.TriggerParameterSource) string {
	switch {
	case src == nil:
		return "nowhere"
	case src.DataTemplate != "":
		return "a template"
	case src.DataKey != "":
		return src.DataKey
	case src.ContextTemplate != "":
		return "a template of the context"
	case src.ContextKey != "":
		return "context " + src.ContextKey
	case src.Value != nil:
		return fmt.Sprintf("the value %q", *src.Value)
	}
	return "the whole event"
}
