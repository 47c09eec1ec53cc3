package evaluate

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	aev1 "github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
	"github.com/argoproj/argo-events/pkg/sensors/triggers"
)

// kindOf is the type of a trigger, in the order in which pkg/sensors/trigger.go looks for one, and what it does.
func kindOf(t *aev1.TriggerTemplate) (kind, operation string) {
	switch {
	case t == nil:
	case t.K8s != nil:
		operation = string(t.K8s.Operation)
		if operation == "" {
			operation = string(aev1.Create)
		}
		return "k8s", operation
	case t.ArgoWorkflow != nil:
		operation = string(t.ArgoWorkflow.Operation)
		if operation == "" {
			operation = string(aev1.Submit)
		}
		return "argoWorkflow", operation
	default:
		if name, _ := otherTemplate(t); name != "" {
			return name, ""
		}
	}
	return "none", ""
}

// otherTypes are the triggers that make no Kubernetes object, in Argo's order.
var otherTypes = []string{"HTTP", "AWSLambda", "AzureEventHubs", "AzureServiceBus", "Kafka", "Pulsar", "NATS", "Slack", "OpenWhisk", "CustomTrigger", "Log", "Email"}

// otherTemplate finds the one that a template has, by its name in YAML.
func otherTemplate(t *aev1.TriggerTemplate) (string, reflect.Value) {
	value := reflect.ValueOf(t).Elem()
	for _, name := range otherTypes {
		field := value.FieldByName(name)
		if !field.IsValid() || field.IsNil() {
			continue
		}
		tag, _ := value.Type().FieldByName(name)
		yaml, _, _ := strings.Cut(tag.Tag.Get("json"), ",")
		return yaml, field
	}
	return "", reflect.Value{}
}

// listOf reads a list of parameters out of such a template.
func listOf(template reflect.Value, name string) []aev1.TriggerParameter {
	inner := template.Elem().FieldByName(name)
	if !inner.IsValid() {
		return nil
	}
	parameters, _ := inner.Interface().([]aev1.TriggerParameter)
	return parameters
}

// send resolves the parameters and the payload of a trigger that sends something, as far as that goes without sending it.
func (e *Evaluator) send(t *aev1.TriggerTemplate, events map[string]*aev1.Event, shown *Trigger) {
	name, field := otherTemplate(t)
	if name == "" {
		shown.fail(ParameterError, "object", "the trigger has no type that Argo Events knows", "give it k8s, argoWorkflow, http, log or another one", "template")
		return
	}
	parameters, payload := listOf(field, "Parameters"), listOf(field, "Payload")
	for i := range parameters {
		shown.add(e.resolve(parameters[i], events), "template", name, "parameters", i)
	}
	for i := range payload {
		p := e.resolve(payload[i], events)
		p.Dest = strings.TrimSuffix("payload."+p.Dest, ".")
		shown.add(p, "template", name, "payload", i)
	}
	encoded, err := json.Marshal(field.Interface())
	if err == nil && parameters != nil {
		err = e.limited(parameters, func() error {
			encoded, err = triggers.ApplyParams(encoded, parameters, events)
			return err
		})
	}
	if err == nil {
		// Every implementation reads the result into its own type again.
		changed := reflect.New(field.Type().Elem())
		if err = json.Unmarshal(encoded, changed.Interface()); err != nil {
			err = fmt.Errorf("the trigger cannot be read any more: %w", err)
		}
	}
	if err != nil {
		shown.failed(err, "template", name)
		return
	}
	shown.Object = trimmed(encoded)
	if payload == nil {
		return
	}
	var sent []byte
	err = e.limited(payload, func() error {
		var err error
		sent, err = triggers.ConstructPayload(events, payload)
		return err
	})
	if err != nil {
		shown.failed(err, "template", name, "payload")
		return
	}
	shown.Payload = string(sent)
}

// trimmed leaves out what is shown as parameters.
func trimmed(encoded []byte) json.RawMessage {
	var fields map[string]json.RawMessage
	if json.Unmarshal(encoded, &fields) != nil {
		return encoded
	}
	delete(fields, "parameters")
	delete(fields, "payload")
	short, err := json.Marshal(fields)
	if err != nil {
		return encoded
	}
	return short
}
