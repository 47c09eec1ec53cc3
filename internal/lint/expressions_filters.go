package lint

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig/v3"
	aev1 "github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"

	"github.com/eventrig/eventrig/internal/nearest"
	"github.com/eventrig/eventrig/internal/pipeline"
)

const (
	onNode = "    filters:\n      data:\n      - path: event_type\n        type: string\n        value: [^baremetal.node.update.end$]\n"
)

// filterRules are about what filters let through.
var filterRules = []Rule{
	{
		ID: "expressions/filter-never", Severity: Error, Title: "A filter that nothing can pass",
		Why: "An unknown type, no values, a first value that is no number, boolean or regular expression, a template that does not parse, strings " +
			"compared by size, or a context that the event's own source cannot have: Argo Events discards every event, with an error that only " +
			"the Sensor's log has, or without one.",
		Bad:   ironicSource + ironicSensor + unwrap + "    filters:\n      data:\n      - path: priority\n        type: string\n        comparator: \">=\"\n        value: [ERROR]\n" + logTrigger,
		Good:  ironicSource + ironicSensor + unwrap + "    filters:\n      data:\n      - path: priority\n        type: string\n        value: [^ERROR$]\n" + logTrigger,
		Check: checkNever,
	},
	{
		ID: "expressions/filter-contradiction", Severity: Error, Title: "Filters that cannot pass together",
		Why: "Filters of a dependency must all pass unless `dataLogicalOperator: or` is given. Two on one path that want different values discard every event. " +
			"Several values of one filter are alternatives: write them as one list.",
		Bad: ironicSource + ironicSensor + unwrap + "    filters:\n      data:\n      - path: event_type\n        type: string\n        value: [^baremetal.node.update.end$]\n" +
			"      - path: event_type\n        type: string\n        value: [^baremetal.node.delete.end$]\n" + logTrigger,
		Good: ironicSource + ironicSensor + unwrap + "    filters:\n      data:\n      - path: event_type\n        type: string\n" +
			"        value: [^baremetal.node.update.end$, ^baremetal.node.delete.end$]\n" + logTrigger,
		Check: checkContradiction,
	},
	{
		ID: "expressions/filter-dead-value", Severity: Warning, Title: "A value of a filter that no known event has",
		Why: "No event type that the service is known to send on that exchange matches the value, or it is no number, boolean or regular expression, so that " +
			"an event which no earlier value matched is discarded with an error. The other values still pass.",
		Bad: ironicSource + ironicSensor + unwrap + "    filters:\n      data:\n      - path: event_type\n        type: string\n" +
			"        value: [^baremetal.node.update.end$, ^baremetal.node.remove.end$]\n" + logTrigger,
		Good:  ironicSource + ironicSensor + unwrap + onNode + logTrigger,
		Check: checkDeadValue,
	},
	{
		ID: "expressions/filter-comparator", Severity: Warning, Title: "A comparator that does not do what it says",
		Why: "Several values are alternatives, also for `!=`: \"not a or not b\" passes whatever has not both. And filters of type bool ignore the comparator: `!= true` passes true " +
			"(`pkg/sensors/dependencies/filter.go`, v1.9.10).",
		Bad:   ironicSource + ironicSensor + unwrap + "    filters:\n      data:\n      - path: priority\n        type: string\n        comparator: \"!=\"\n        value: [^INFO$, ^DEBUG$]\n" + logTrigger,
		Good:  ironicSource + ironicSensor + unwrap + "    filters:\n      data:\n      - path: priority\n        type: string\n        comparator: \"!=\"\n        value: [^(INFO|DEBUG)$]\n" + logTrigger,
		Check: checkComparator,
	},
	{
		ID: "expressions/filter-matches-more", Severity: Warning, Title: "A filter that also matches other known values",
		Why: "String filters are regular expressions that match anywhere in the value: `wanted` also passes `unwanted`, and a dot stands for any character. " +
			"The finding names what else the value matches: other event types of the service, or values that the manifests themselves use.",
		Bad: neutron.Replace(ironicSource + ironicSensor + unwrap + "    filters:\n      data:\n      - path: event_type\n        type: string\n" +
			"        value: [policy.create.end]\n" + logTrigger),
		Good: neutron.Replace(ironicSource + ironicSensor + unwrap + "    filters:\n      data:\n      - path: event_type\n        type: string\n" +
			"        value: [^policy\\.create\\.end$]\n" + logTrigger),
		Check: checkMatchesMore,
	},
	{
		ID: "expressions/filter-unanchored", Severity: Info, Title: "A filter value that matches anywhere in the event's value",
		Why: "String filters are regular expressions, and match whatever contains the value. Today no known value is concerned " +
			"(otherwise it is [expressions/filter-matches-more](#expressionsfilter-matches-more)). `^` and `$` around it, and a backslash before each dot, keep it so.",
		Bad: ironicSource + ironicSensor + unwrap + "    filters:\n      data:\n      - path: event_type\n        type: string\n" +
			"        value: [baremetal.node.update.end]\n" + logTrigger,
		Good: ironicSource + ironicSensor + unwrap + "    filters:\n      data:\n      - path: event_type\n        type: string\n" +
			"        value: [^baremetal\\.node\\.update\\.end$]\n" + logTrigger,
		Check: checkUnanchored,
	},
	{
		ID: "expressions/template-parse", Severity: Error, Title: "A template of a parameter that does not parse",
		Why: "Argo Events then falls back to the key or the value of the parameter, and without either the trigger fails and the event is lost. It says so in the log only. " +
			"Templates are Go's, with the functions of sprig.",
		Bad: ironicSource + ironicSensor + unwrap + "  triggers:\n  - template:\n      name: log\n      log: {}\n    parameters:\n    - src:\n        dependencyName: node\n" +
			"        dataTemplate: \"{{ .Input.event_type | toUpper }}\"\n      dest: name\n",
		Good: ironicSource + ironicSensor + unwrap + "  triggers:\n  - template:\n      name: log\n      log: {}\n    parameters:\n    - src:\n        dependencyName: node\n" +
			"        dataTemplate: \"{{ .Input.event_type | upper }}\"\n      dest: name\n",
		Check: checkTemplates,
	},
}

// dataFilter is a data filter of a dependency, with its place.
type dataFilter struct {
	*sensorDependency
	aev1.DataFilter
	index int
}

func (f dataFilter) field(steps ...any) string {
	return f.at(append([]any{"filters", "data", f.index}, steps...)...)
}

// dataFilters calls visit for each data filter.
func dataFilters(in *Input, visit func(dataFilter)) {
	for _, d := range sensorDependencies.Of(in) {
		if d.spec.Filters == nil {
			continue
		}
		for i, filter := range d.spec.Filters.Data {
			visit(dataFilter{d, filter, i})
		}
	}
}

// byType reports whether the filter looks at the event type.
func (f dataFilter) byType() bool {
	for _, result := range f.outcomes {
		if result.after != nil {
			value, ok := lookup(result.after, parsePath(f.Path).steps)
			return ok && value == any(result.eventType)
		}
	}
	return false
}

// unparsable tells what is wrong with a value of the filter, "" if nothing is.
func (f dataFilter) unparsable(value string) string {
	var err error
	switch f.Type {
	case aev1.JSONTypeNumber:
		if _, err = strconv.ParseFloat(value, 64); err != nil {
			return fmt.Sprintf("%q is no number", value)
		}
	case aev1.JSONTypeBool:
		if _, err = strconv.ParseBool(value); err != nil {
			return fmt.Sprintf("%q is neither true nor false", value)
		}
	case aev1.JSONTypeString:
		if _, err = regexp.Compile(value); err != nil {
			return fmt.Sprintf("%q is no regular expression: %v", value, err)
		}
	}
	return ""
}

func checkNever(in *Input, report Report) {
	dataFilters(in, func(f dataFilter) {
		what := fmt.Sprintf("dependency %s: nothing can pass the filter on %q: ", f.spec.Name, f.Path)
		switch {
		case f.Type != aev1.JSONTypeBool && f.Type != aev1.JSONTypeNumber && f.Type != aev1.JSONTypeString:
			report(f.sensor.Object, f.field("type"), fmt.Sprintf("%sthe type %q is none that Argo Events knows", what, f.Type), "string, number or bool")
		case len(f.Value) == 0:
			report(f.sensor.Object, f.field("value"), what+"it has no values", "give at least one; the regular expression .* passes any string")
		case f.unparsable(f.Value[0]) != "":
			report(f.sensor.Object, f.field("value", 0), what+f.unparsable(f.Value[0]), "the values have to fit the type")
		case f.Type == aev1.JSONTypeString && f.Comparator != aev1.EmptyComparator && f.Comparator != aev1.EqualTo && f.Comparator != aev1.NotEqualTo:
			report(f.sensor.Object, f.field("comparator"), fmt.Sprintf("%scomparator %q is for numbers, strings know = and !=", what, f.Comparator), "compare as number, or use a script")
		}
		if f.Template != "" {
			if _, err := template.New("param").Funcs(sprig.FuncMap()).Parse(f.Template); err != nil {
				report(f.sensor.Object, f.field("template"), what+"its template does not parse: "+err.Error(), "templates are Go's, with the functions of sprig")
			}
		}
	})
	for _, d := range sensorDependencies.Of(in) {
		if d.spec.Filters == nil || d.spec.Filters.Context == nil {
			continue
		}
		context, event := d.spec.Filters.Context, ""
		if d.found {
			event = d.event.Type
		}
		for _, field := range []struct{ name, wants, has string }{
			{"type", context.Type, event}, {"subject", context.Subject, d.spec.EventName}, {"source", context.Source, d.spec.EventSourceName},
			{"datacontenttype", context.DataContentType, "application/json"},
		} {
			if field.wants != "" && field.has != "" && field.wants != field.has {
				report(d.sensor.Object, d.at("filters", "context", field.name), fmt.Sprintf("dependency %s: nothing can pass the context filter: it wants %s %q, its events have %q",
					d.spec.Name, field.name, field.wants, field.has), "the context is set by the EventSource, not by the event")
			}
		}
	}
}

func checkDeadValue(in *Input, report Report) {
	dataFilters(in, func(f dataFilter) {
		for i, value := range f.Value {
			if wrong := f.unparsable(value); wrong != "" {
				if i > 0 {
					report(f.sensor.Object, f.field("value", i), fmt.Sprintf("dependency %s: the filter on %q discards with an error what no value before matched: %s", f.spec.Name, f.Path, wrong),
						"take it out, or write what was meant")
				}
				continue
			}
			if f.Type != aev1.JSONTypeString || f.Template != "" || f.Comparator == aev1.NotEqualTo || !f.byType() {
				continue
			}
			types := eventTypes(outcomeSamples(f.outcomes))
			if len(matching(value, types)) == 0 {
				report(f.sensor.Object, f.field("value", i), fmt.Sprintf("dependency %s: no event type that %s is known to send there matches %q", f.spec.Name, f.event.AMQP.ExchangeName, value),
					"the nearest: "+strings.Join(nearest.Names(strings.Trim(value, "^$"), types, 2), ", "))
			}
		}
	})
}

func outcomeSamples(outcomes []outcome) []sample {
	all := make([]sample, len(outcomes))
	for i, result := range outcomes {
		all[i] = result.sample
	}
	return all
}

func checkComparator(in *Input, report Report) {
	dataFilters(in, func(f dataFilter) {
		switch {
		case f.Comparator == aev1.NotEqualTo && len(f.Value) > 1 && f.Type != aev1.JSONTypeBool:
			report(f.sensor.Object, f.field("comparator"), fmt.Sprintf("dependency %s: the filter on %q passes what differs from one of its %d values, so nearly everything", f.spec.Name, f.Path, len(f.Value)),
				"one filter for each value, or one regular expression: ^(a|b)$")
		case f.Type == aev1.JSONTypeBool && f.Comparator != aev1.EmptyComparator && f.Comparator != aev1.EqualTo:
			report(f.sensor.Object, f.field("comparator"), fmt.Sprintf("dependency %s: the filter on %q is of type bool, for which Argo Events ignores comparator %q", f.spec.Name, f.Path, f.Comparator),
				"ask for the other value")
		}
	})
}

func checkContradiction(in *Input, report Report) {
	dataFilters(in, func(f dataFilter) {
		if f.spec.Filters.DataLogicalOperator == aev1.OrLogicalOperator || f.Template != "" {
			return
		}
		for i, other := range f.spec.Filters.Data[:f.index] {
			earlier := dataFilter{f.sensorDependency, other, i}
			if other.Path == f.Path && other.Type == f.Type && other.Template == "" && f.excludes(earlier) {
				report(f.sensor.Object, f.field(), fmt.Sprintf("dependency %s: no value of %q passes both this filter and the one before it (%s, %s)", f.spec.Name, f.Path,
					strings.Join(other.Value, " or "), strings.Join(f.Value, " or ")), "values of one list are alternatives; so are filters with dataLogicalOperator: or")
			}
		}
	})
}

// excludes reports whether no value can pass both filters.
func (f dataFilter) excludes(other dataFilter) bool {
	for _, filter := range []dataFilter{f, other} {
		if len(filter.Value) == 0 || slices.ContainsFunc(filter.Value, func(v string) bool { return filter.unparsable(v) != "" }) {
			return false // another rule's
		}
	}
	switch f.Type {
	case aev1.JSONTypeBool:
		return !slices.ContainsFunc(f.Value, func(a string) bool {
			return slices.ContainsFunc(other.Value, func(b string) bool {
				x, _ := strconv.ParseBool(a)
				y, _ := strconv.ParseBool(b)
				return x == y
			})
		})
	case aev1.JSONTypeNumber:
		return !slices.ContainsFunc(f.Value, func(a string) bool {
			return slices.ContainsFunc(other.Value, func(b string) bool { return numbersMeet(f.Comparator, a, other.Comparator, b) })
		})
	case aev1.JSONTypeString:
		if !equals(f.Comparator) || !equals(other.Comparator) {
			return false
		}
		return !slices.ContainsFunc(f.Value, func(a string) bool {
			return slices.ContainsFunc(other.Value, func(b string) bool { return f.stringsMeet(a, b) })
		})
	}
	return false
}

func checkMatchesMore(in *Input, report Report) {
	dataFilters(in, func(f dataFilter) {
		for i, value := range f.Value {
			if more := f.matchesMore(in, value); len(more) > 0 {
				report(f.sensor.Object, f.field("value", i), fmt.Sprintf("dependency %s: the filter value %q also matches %s", f.spec.Name, value, listed(more, 4)),
					"write ^"+regexp.QuoteMeta(meaning(value).text)+"$ if only that is meant")
			}
		}
	})
}

// matchesMore are known values that a value matches besides the one that it spells.
func (f dataFilter) matchesMore(in *Input, value string) []string {
	m := meaning(value)
	if f.Type != aev1.JSONTypeString || !m.literal || m.text == "" || !equals(f.Comparator) {
		return nil
	}
	known := literals.Of(in)
	if f.byType() {
		known = eventTypes(outcomeSamples(f.outcomes))
	}
	if f.byType() && !slices.Contains(known, m.text) {
		return nil // it is a part of an event type, and means all that have it
	}
	var more []string
	for _, text := range matching(value, known) {
		if text != m.text && !slices.ContainsFunc(f.Value, func(v string) bool { return meaning(v).text == text }) {
			more = append(more, text)
		}
	}
	return more
}

func checkUnanchored(in *Input, report Report) {
	dataFilters(in, func(f dataFilter) {
		var loose []string
		for _, value := range f.Value {
			m := meaning(value)
			if f.Type == aev1.JSONTypeString && m.literal && !m.whole() && f.unparsable(value) == "" && len(f.matchesMore(in, value)) == 0 {
				loose = append(loose, strconv.Quote(value))
			}
		}
		if len(loose) > 0 {
			report(f.sensor.Object, f.field("value"), fmt.Sprintf("dependency %s: the filter on %q passes any text that contains %s", f.spec.Name, f.Path, listed(loose, 3)),
				"write ^...$, and \\. for a dot")
		}
	})
}

func checkTemplates(in *Input, report Report) {
	for _, sensor := range in.Graph.Sensors() {
		for i, trigger := range sensor.Typed.Spec.Triggers {
			for _, list := range parameterLists(&trigger, i) {
				for j, parameter := range list.parameters {
					if parameter.Src == nil {
						continue
					}
					for _, t := range []struct{ field, text string }{{"dataTemplate", parameter.Src.DataTemplate}, {"contextTemplate", parameter.Src.ContextTemplate}} {
						if t.text == "" {
							continue
						}
						if _, err := template.New("param").Funcs(sprig.FuncMap()).Parse(t.text); err != nil {
							report(sensor.Object, list.path+pipeline.Path(j, "src", t.field), fmt.Sprintf("the %s of a parameter does not parse: %v", t.field, err),
								"Argo Events would fall back to the key or value of the parameter, and fail without one")
						}
					}
				}
			}
		}
	}
}
