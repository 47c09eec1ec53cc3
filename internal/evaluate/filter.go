package evaluate

import (
	"encoding/json"
	"fmt"
	"strings"

	aev1 "github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
	"github.com/argoproj/argo-events/pkg/sensors/dependencies"
	cloudevents "github.com/cloudevents/sdk-go/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Check is one filter, on its own.
type Check struct {
	Kind       string          `json:"kind"`  // exprs, data, context, time or script
	Index      int             `json:"index"` // among those of its kind
	Path       string          `json:"path,omitempty"`
	Type       string          `json:"type,omitempty"`       // that data are compared as: string, number or bool
	Comparator string          `json:"comparator,omitempty"` // =, !=, >=, >, <, <=
	Template   string          `json:"template,omitempty"`   // that the value went through
	Want       []string        `json:"want,omitempty"`       // values, of which one is enough
	Got        json.RawMessage `json:"got,omitempty"`        // the value; missing where the path leads nowhere
	Compared   string          `json:"compared,omitempty"`   // the value as it is compared, where that differs
	Pass       bool            `json:"pass"`
	Error      string          `json:"error,omitempty"` // what argo-events says: for an error it discards the event with a warning
	Notes      []string        `json:"notes,omitempty"` // what the comparison really means
	Hint       string          `json:"hint,omitempty"`
}

// convert is convertEvent of pkg/sensors/listener.go.
func convert(event *cloudevents.Event) *aev1.Event {
	return &aev1.Event{
		Context: &aev1.EventContext{
			DataContentType: event.Context.GetDataContentType(), Source: event.Context.GetSource(), SpecVersion: event.Context.GetSpecVersion(),
			Type: event.Context.GetType(), Time: metav1.Time{Time: event.Context.GetTime()}, ID: event.Context.GetID(), Subject: event.Context.GetSubject(),
		},
		Data: event.Data(),
	}
}

// filter asks argo-events whether the event passes, and finds the reasons filter by filter.
func (e *Evaluator) filter(o *Outcome) {
	filters := o.Dependency.Filters
	if filters == nil {
		o.passed = true
		return
	}
	if why := unsafeScript(filters.Script); why != "" {
		o.verdict(Undecided, "filter")
		o.Got, o.Hint = quoted(why), "eventrig does not run scripts that may change this machine"
		o.At, o.Near = o.field("filters", "script"), true
		return
	}
	event := convert(o.event)
	operator := o.Dependency.FiltersLogicalOperator
	// A filter that does not come to an end goes on writing these, and nobody reads them.
	var passed bool
	var err error
	decide := func() { passed, err = dependencies.Filter(event, filters, operator) }
	ended := true
	if why := e.givenUp(filters); why != "" {
		o.verdict(Undecided, "filter")
		o.Got, o.Hint = quoted(why), "Argo Events sets no limit: the trigger would stand still"
		o.At, o.Near = o.field("filters"), true
		return
	}
	if mayRunOn(filters) {
		ended = within(e.options.Limit, decide)
	} else {
		decide()
	}
	if !ended {
		e.ranOut(filters)
		o.verdict(Filtered, "filter")
		o.Got = quoted(fmt.Sprintf("the filter still runs after %s", e.options.Limit))
		o.Hint = "Argo Events sets no limit: the trigger would stand still"
		o.At, o.Near = o.field("filters"), true
		return
	}
	o.passed = passed
	if err != nil {
		o.FilterError = err.Error()
	}
	o.Operator = "and"
	if operator == aev1.OrLogicalOperator {
		o.Operator = "or"
	}
	o.Checks = checks(event, filters, answerFor(o.Dependency, passed, err))
	if own := joined(o.Checks, filters, operator); own != o.passed {
		o.Doubt = fmt.Sprintf("argo-events says %v, the filters one by one %v (%v)", o.passed, own, err)
	}
	if o.passed {
		return
	}
	o.verdict(Filtered, "filter")
	o.At = o.field("filters")
	passing := 0
	first := true
	for _, c := range o.Checks {
		if c.Pass {
			passing++
			continue
		}
		if !first {
			continue
		}
		first = false
		o.Path, o.Want, o.Got, o.Hint = c.Path, c.Want, c.Got, c.Hint
		if o.Hint == "" {
			o.Hint = c.Error
		}
		o.At = o.field("filters", c.Kind, c.Index)
		if c.Kind == "context" || c.Kind == "time" || c.Kind == "script" {
			o.At = o.field("filters", c.Kind)
		}
		o.Near = o.Near || c.near()
	}
	o.Near = o.Near || passing > 0
}

// mayRunOn says whether a filter holds a program that could go on for ever.
func mayRunOn(filters *aev1.EventDependencyFilter) bool {
	if filters.Script != "" {
		return true
	}
	for _, f := range filters.Data {
		if f.Template != "" {
			return true
		}
	}
	return false
}

// answer is argo-events' word on all filters together, where it is its word on each of them, too; else nil.
type answer struct {
	pass bool
	err  error
}

func answerFor(d *aev1.EventDependency, pass bool, err error) *answer {
	f := d.Filters
	count := len(f.Exprs) + len(f.Data)
	for _, there := range []bool{f.Context != nil, f.Time != nil, f.Script != ""} {
		if there {
			count++
		}
	}
	const or = aev1.OrLogicalOperator
	all := pass && d.FiltersLogicalOperator != or && f.DataLogicalOperator != or && f.ExprLogicalOperator != or
	if count == 1 || all {
		return &answer{pass, err}
	}
	return nil
}

// checks looks at each filter on its own, in argo-events' order.
func checks(event *aev1.Event, filters *aev1.EventDependencyFilter, known *answer) []Check {
	var all []Check
	for i, f := range filters.Exprs {
		c := exprCheck(event, f, filters.ExprLogicalOperator, known)
		c.Kind, c.Index = "exprs", i
		all = append(all, c)
	}
	for i, f := range filters.Data {
		c := dataCheck(event, f, filters.DataLogicalOperator, known)
		c.Kind, c.Index = "data", i
		all = append(all, c)
	}
	if filters.Context != nil {
		all = append(all, contextCheck(event, filters.Context, known))
	}
	if filters.Time != nil {
		all = append(all, timeCheck(event, filters.Time, known))
	}
	if filters.Script != "" {
		c := Check{Kind: "script", Want: []string{"true"}}
		c.ask(event, &aev1.EventDependencyFilter{Script: filters.Script}, known)
		c.Got = json.RawMessage(fmt.Sprint(c.Pass))
		if !c.Pass && c.Error == "" {
			c.Hint = "the script must return true itself; any other value counts as false"
		}
		all = append(all, c)
	}
	return all
}

// ask lets argo-events decide a filter on its own, unless its word is known.
func (c *Check) ask(event *aev1.Event, alone *aev1.EventDependencyFilter, known *answer) {
	if known != nil {
		c.Pass = known.pass
		if known.err != nil {
			c.Error = known.err.Error()
		}
		return
	}
	pass, err := dependencies.Filter(event, alone, aev1.AndLogicalOperator)
	c.Pass = pass
	if err != nil {
		c.Error = err.Error()
	}
}

// joined puts single filters together as Filter and filterEvent do.
func joined(checks []Check, filters *aev1.EventDependencyFilter, operator aev1.LogicalOperator) bool {
	anyError := false
	kind := func(name string, or bool) bool {
		some, every, failed, firstFailed := false, true, false, false
		for _, c := range checks {
			if c.Kind != name {
				continue
			}
			some = some || c.Pass
			failed = failed || c.Error != ""
			if every && !c.Pass {
				every, firstFailed = false, c.Error != ""
			}
		}
		if or {
			anyError = anyError || !some && failed
			return some
		}
		anyError = anyError || firstFailed
		return every
	}
	exprs := kind("exprs", filters.ExprLogicalOperator == aev1.OrLogicalOperator)
	if filters.Exprs == nil {
		exprs = true
	}
	data := kind("data", filters.DataLogicalOperator == aev1.OrLogicalOperator && len(filters.Data) > 0)
	context, clock, script := kind("context", false), kind("time", false), kind("script", false)
	if operator != aev1.OrLogicalOperator {
		return exprs && data && context && clock && script
	}
	// An error of one kind says no, whatever the others say.
	return !anyError && (filters.Exprs != nil && exprs || filters.Data != nil && data || filters.Context != nil && context ||
		filters.Time != nil && clock || filters.Script != "" && script)
}

// near says whether the value seen is almost one that is wanted.
func (c *Check) near() bool {
	return strings.HasPrefix(c.Hint, "did you mean") || strings.Contains(c.Hint, "differs only in")
}
