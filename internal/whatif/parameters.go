package whatif

import (
	"slices"

	"github.com/eventrig/eventrig/internal/evaluate"
	"github.com/eventrig/eventrig/internal/pipeline"
	"github.com/eventrig/eventrig/internal/whatif/fields"
)

// payload is what the payload of a trigger is called among the fields.
const payload = "(payload)"

// differences compares what a trigger makes and sends on two sides.
func differences(old, now Outcome) []fields.Difference {
	return append(fields.Objects(old.Object, now.Object), fields.Texts(payload, old.Payload, now.Payload)...)
}

// onlyParameters reports whether each difference lies where a parameter of one of the sides puts its value.
func onlyParameters(found []fields.Difference, pair [2]*act) bool {
	for _, one := range found {
		if len(one.OldSteps) > 0 && one.OldSteps[0] == payload {
			continue // a payload is made of parameters
		}
		if !put(pair[0].parameters, one.OldSteps) && !put(pair[1].parameters, one.NewSteps) {
			return false
		}
	}
	return true
}

// put reports whether one of the parameters puts its value at a place of the object.
func put(parameters []evaluate.Parameter, at []string) bool {
	return slices.ContainsFunc(parameters, func(p evaluate.Parameter) bool {
		dest := pipeline.DestSteps(p.Dest)
		if p.Template {
			// Those of the trigger itself reach the object through the trigger's source.
			if len(dest) < 4 || dest[1] != "source" || dest[2] != "resource" {
				return false
			}
			dest = dest[3:]
		}
		return !p.Skipped && len(dest) <= len(at) && slices.Equal(dest, at[:len(dest)])
	})
}
