package lint

import (
	aev1 "github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"

	"github.com/eventrig/eventrig/internal/pipeline"
)

// pathUse is a place in a Sensor that reads a path of a dependency's data.
type pathUse struct {
	path     string // as written
	at       string // the field that holds it, for LineOf
	what     string // in words
	filter   bool   // a filter reads it
	defaults bool   // there is a value to fall back to
}

// uses are all paths that a dependency's data is read by: filters and the parameters of triggers.
func (d *sensorDependency) uses() []pathUse {
	var uses []pathUse
	if filters := d.spec.Filters; filters != nil {
		for i, filter := range filters.Data {
			uses = append(uses, pathUse{path: filter.Path, at: d.at("filters", "data", i, "path"), what: "the filter's path", filter: true})
		}
		for i, filter := range filters.Exprs {
			for j, field := range filter.Fields {
				uses = append(uses, pathUse{path: field.Path, at: d.at("filters", "exprs", i, "fields", j, "path"), what: "the path of field " + field.Name, filter: true})
			}
		}
	}
	for i, trigger := range d.sensor.Typed.Spec.Triggers {
		for _, list := range parameterLists(&trigger, i) {
			for j, parameter := range list.parameters {
				if parameter.Src == nil || parameter.Src.DependencyName != d.spec.Name || parameter.Src.DataKey == "" {
					continue
				}
				uses = append(uses, pathUse{path: parameter.Src.DataKey, at: list.path + pipeline.Path(j, "src", "dataKey"), what: "the parameter's dataKey",
					defaults: parameter.Src.Value != nil || parameter.Src.DataTemplate != ""})
			}
		}
	}
	return uses
}

// at is the path of a field of the dependency.
func (d *sensorDependency) at(steps ...any) string { return d.path + "." + pipeline.Path(steps...) }

// parameters is a list of parameters of a trigger.
type parameters struct {
	path       string
	parameters []aev1.TriggerParameter
}

// parameterLists are all lists of parameters of a trigger: of the template, of its object, of payloads.
func parameterLists(trigger *aev1.Trigger, index int) []parameters {
	var lists []parameters
	add := func(list []aev1.TriggerParameter, steps ...any) {
		if len(list) > 0 {
			lists = append(lists, parameters{pipeline.Path(append([]any{"spec", "triggers", index}, steps...)...), list})
		}
	}
	add(trigger.Parameters, "parameters")
	if t := trigger.Template; t != nil {
		if t.K8s != nil {
			add(t.K8s.Parameters, "template", "k8s", "parameters")
		}
		if t.ArgoWorkflow != nil {
			add(t.ArgoWorkflow.Parameters, "template", "argoWorkflow", "parameters")
		}
		if t.HTTP != nil {
			add(t.HTTP.Parameters, "template", "http", "parameters")
			add(t.HTTP.Payload, "template", "http", "payload")
		}
		if t.AWSLambda != nil {
			add(t.AWSLambda.Parameters, "template", "awsLambda", "parameters")
			add(t.AWSLambda.Payload, "template", "awsLambda", "payload")
		}
		if t.Kafka != nil {
			add(t.Kafka.Parameters, "template", "kafka", "parameters")
			add(t.Kafka.Payload, "template", "kafka", "payload")
		}
		if t.NATS != nil {
			add(t.NATS.Parameters, "template", "nats", "parameters")
			add(t.NATS.Payload, "template", "nats", "payload")
		}
		if t.Slack != nil {
			add(t.Slack.Parameters, "template", "slack", "parameters")
		}
		if t.Email != nil {
			add(t.Email.Parameters, "template", "email", "parameters")
		}
		if t.CustomTrigger != nil {
			add(t.CustomTrigger.Parameters, "template", "custom", "parameters")
			add(t.CustomTrigger.Payload, "template", "custom", "payload")
		}
	}
	return lists
}
