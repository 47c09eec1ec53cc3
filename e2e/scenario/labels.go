package scenario

import "slices"

// Labels are what a label expression, such as Ginkgo's, sees of a scenario: a label k: v counts as v and as k:v, and smoke
// is a subset of nightly.
func (s Scenario) Labels() []string {
	var all []string
	for key, value := range s.Metadata.Labels {
		all = append(all, value, key+":"+value)
		if key == "suite" && value == "smoke" {
			all = append(all, "nightly", "suite:nightly")
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
