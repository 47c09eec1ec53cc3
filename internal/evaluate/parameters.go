package evaluate

import (
	aev1 "github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
)

// WrittenParameter is a trigger's parameter as the manifest has it.
type WrittenParameter struct {
	aev1.TriggerParameter
	Path    []any // below the trigger: "template", "k8s", "parameters", 0
	Payload bool  // of what the trigger sends
}

// ParametersOf lists a trigger's parameters in the order in which Trigger.Parameters has what became of them: those of
// the trigger itself, those of what it creates or calls, and those of what it sends.
func ParametersOf(t *aev1.Trigger) []WrittenParameter {
	var all []WrittenParameter
	add := func(parameters []aev1.TriggerParameter, payload bool, path ...any) {
		for i, p := range parameters {
			all = append(all, WrittenParameter{p, append(append([]any{}, path...), i), payload})
		}
	}
	add(t.Parameters, false, "parameters")
	switch template := t.Template; {
	case template == nil:
	case template.K8s != nil:
		add(template.K8s.Parameters, false, "template", "k8s", "parameters")
	case template.ArgoWorkflow != nil:
		add(template.ArgoWorkflow.Parameters, false, "template", "argoWorkflow", "parameters")
	default:
		if name, field := otherTemplate(template); name != "" {
			add(listOf(field, "Parameters"), false, "template", name, "parameters")
			add(listOf(field, "Payload"), true, "template", name, "payload")
		}
	}
	return all
}

// Place is the trigger's place in the Sensor's spec.triggers.
func (t *Trigger) Place() int { return t.index }

// Listens returns the names of the dependencies that a trigger of the Sensor listens to, in the order of its conditions;
// without conditions all of them. The error says why it listens to none.
func Listens(sensor *aev1.Sensor, trigger *aev1.Trigger) ([]string, error) {
	if trigger.Template == nil {
		return nil, nil
	}
	_, names, err := dependenciesOf(sensor, trigger)
	return names, err
}
