package evaluate

import (
	"slices"

	aev1 "github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
)

// Passed reports whether the event came to the dependency and its filters let it through.
func (o *Outcome) Passed() bool { return o.passed }

// Decides reports whether a filter, by its place in Checks, decides on its own: were it the other way round, the filters
// together would be, too.
func (o *Outcome) Decides(check int) bool {
	turned := slices.Clone(o.Checks)
	turned[check].Pass = !turned[check].Pass
	turned[check].Error = ""
	return joined(turned, o.Dependency.Filters, o.Dependency.FiltersLogicalOperator) != o.passed
}

// Matches says of each value of a data filter, by the filter's place in Checks, whether the event would pass if the value
// stood there alone. It is argo-events' own word. Filters of other kinds have no values: nil.
func (o *Outcome) Matches(check int) []bool {
	c := &o.Checks[check]
	if c.Kind != "data" || o.event == nil {
		return nil
	}
	filter := o.Dependency.Filters.Data[c.Index]
	event := convert(o.event)
	matches := make([]bool, len(filter.Value))
	for i, value := range filter.Value {
		filter.Value = []string{value}
		var alone Check
		alone.ask(event, &aev1.EventDependencyFilter{Data: []aev1.DataFilter{filter}}, nil)
		matches[i] = alone.Pass
	}
	return matches
}
