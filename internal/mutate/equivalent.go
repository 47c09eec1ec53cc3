package mutate

import (
	"reflect"
)

// equivalent says why a mutant means the same as what is written, whatever happens; "" where it does not, or that is not
// known. The rules are those of argo-events v1.9.10 (pkg/sensors/dependencies/filter.go, pkg/sensors/listener.go).
func equivalent(m *Mutant) string {
	if m.gone {
		return ""
	}
	before, after := m.Object.DeepCopy().Object, m.Content()
	for _, rule := range plainer {
		if m.Object.GetKind() != rule.kind {
			continue
		}
		rule.write(before)
		rule.write(after)
		if reflect.DeepEqual(before, after) {
			return rule.why
		}
	}
	if reflect.DeepEqual(before, after) {
		return "it is written another way"
	}
	return ""
}

// plainer are ways of writing an object more plainly, without another meaning; what one of them makes the same was the same.
var plainer = []struct {
	kind, why string
	write     func(content map[string]any)
}{
	{"Sensor", "the operator joins no more than one filter", func(content map[string]any) {
		eachDependency(content, func(d map[string]any) {
			filters, _ := d["filters"].(map[string]any)
			kinds := 0
			for _, kind := range []string{"exprs", "data", "context", "time", "script"} {
				if filters[kind] != nil {
					kinds++
				}
			}
			if kinds < 2 {
				delete(d, "filtersLogicalOperator")
			}
			for _, joined := range [][2]string{{"data", "dataLogicalOperator"}, {"exprs", "exprLogicalOperator"}} {
				if list, _ := filters[joined[0]].([]any); len(list) < 2 {
					delete(filters, joined[1])
				}
			}
		})
	}},
	{"Sensor", "and is the default", func(content map[string]any) {
		eachDependency(content, func(d map[string]any) {
			without(d, "filtersLogicalOperator", "and")
			if filters, _ := d["filters"].(map[string]any); filters != nil {
				without(filters, "dataLogicalOperator", "and")
				without(filters, "exprLogicalOperator", "and")
			}
		})
	}},
	{"Sensor", "without atLeastOnce a failed trigger is only logged, so that nothing is tried again and no other trigger is for it", func(content map[string]any) {
		spec, _ := content["spec"].(map[string]any)
		triggers, _ := spec["triggers"].([]any)
		for _, one := range triggers {
			if trigger, _ := one.(map[string]any); trigger != nil && trigger["atLeastOnce"] != true {
				delete(trigger, "retryStrategy")
				delete(trigger, "dlqTrigger")
			}
		}
	}},
}

func eachDependency(content map[string]any, do func(map[string]any)) {
	spec, _ := content["spec"].(map[string]any)
	dependencies, _ := spec["dependencies"].([]any)
	for _, one := range dependencies {
		if d, _ := one.(map[string]any); d != nil {
			do(d)
		}
	}
}

func without(fields map[string]any, name string, value any) {
	if fields[name] == value {
		delete(fields, name)
	}
}
