package lint

import "slices"

// Rules are all rules, by family.
var Rules = slices.Concat(inputRules, wiringRules, contractRules,
	transformRules, pathRules, filterRules, exprRules, rightsRules, amqpRules, deliveryRules, handlerRules,
	suppressionRules)

// Find returns the rule with an id.
func Find(id string) (Rule, bool) {
	at := slices.IndexFunc(Rules, func(rule Rule) bool { return rule.ID == id })
	if at < 0 {
		return Rule{}, false
	}
	return Rules[at], true
}
