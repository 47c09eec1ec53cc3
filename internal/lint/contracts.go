package lint

import "slices"

// contractRules are about what one object hands to another.
var contractRules = slices.Concat(destRules, argumentRules, callRules, readRules, whenRules, submitFromRules)
