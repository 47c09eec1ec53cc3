package lint

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	aev1 "github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"

	"github.com/eventrig/eventrig/internal/pipeline"
)

// limited adds a policy that limits all notification queues.
func limited(source string) string {
	return source + `---
apiVersion: rabbitmq.com/v1beta1
kind: Policy
metadata: {name: notifications-ttl, namespace: openstack}
spec:
  name: notifications-ttl
  vhost: ironic
  pattern: notifications
  applyTo: queues
  definition: {message-ttl: 86400000}
  rabbitmqClusterReference: {name: rabbitmq}
`
}

// policy is a RabbitMQ policy that limits queues.
type policy struct {
	vhost   string
	pattern *regexp.Regexp
}

// policies are the limiting ones of the graph: as the messaging topology operator takes them, and in definitions that a broker
// loads when it starts, which are handed to it in a ConfigMap or Secret.
func policies(in *Input) []policy {
	var found []policy
	add := func(host, pattern, applyTo string, definition map[string]any) {
		limits := false
		for _, key := range []string{"message-ttl", "max-length", "max-length-bytes", "expires"} {
			_, has := definition[key]
			limits = limits || has
		}
		compiled, err := regexp.Compile(pattern)
		if err != nil || !limits || applyTo == "exchanges" {
			return
		}
		found = append(found, policy{cmp.Or(host, "/"), compiled})
	}
	for _, object := range in.Graph.Objects {
		switch {
		case slices.Contains([]string{"Policy", "OperatorPolicy"}, object.GetKind()) && object.GroupVersionKind().Group == "rabbitmq.com":
			spec, _ := object.Object["spec"].(map[string]any)
			host, _ := spec["vhost"].(string)
			pattern, _ := spec["pattern"].(string)
			applyTo, _ := spec["applyTo"].(string)
			definition, _ := spec["definition"].(map[string]any)
			add(host, pattern, applyTo, definition)
		case slices.Contains([]string{"ConfigMap", "Secret"}, object.GetKind()) && object.GroupVersionKind().Group == "":
			for _, text := range contents(object) {
				for _, one := range definedPolicies(text) {
					add(one.VHost, one.Pattern, one.ApplyTo, one.Definition)
				}
			}
		}
	}
	return found
}

// contents are the texts that a ConfigMap or Secret holds.
func contents(object pipeline.Object) []string {
	var texts []string
	for _, field := range []string{"data", "stringData"} {
		values, _ := object.Object[field].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(values)) {
			text, _ := values[name].(string)
			if field == "data" && object.GetKind() == "Secret" {
				decoded, err := base64.StdEncoding.DecodeString(text)
				if err != nil {
					continue
				}
				text = string(decoded)
			}
			texts = append(texts, text)
		}
	}
	return texts
}

// definedPolicy is a policy in RabbitMQ's definitions, as `rabbitmqctl export_definitions` writes them.
type definedPolicy struct {
	VHost      string         `json:"vhost"`
	Pattern    string         `json:"pattern"`
	ApplyTo    string         `json:"apply-to"`
	Definition map[string]any `json:"definition"`
}

// definedPolicies are the policies in a text that holds RabbitMQ's definitions; none in another text.
func definedPolicies(text string) []definedPolicy {
	if !strings.Contains(text, `"policies"`) {
		return nil
	}
	var definitions struct {
		Policies         []definedPolicy `json:"policies"`
		OperatorPolicies []definedPolicy `json:"operator_policies"`
	}
	if json.Unmarshal([]byte(text), &definitions) != nil {
		return nil
	}
	return append(definitions.Policies, definitions.OperatorPolicies...)
}

// limits tells of a queue of a virtual host whether a policy limits it, and whether there are policies for that host at all.
func limits(all []policy, host, queue string) (limited, known bool) {
	for _, p := range all {
		if p.vhost == host {
			known = true
			limited = limited || p.pattern.MatchString(queue)
		}
	}
	return limited, known
}

func checkDefaultQueue(in *Input, report Report) {
	all := policies(in)
	amqpEvents(in, func(event pipeline.Event, amqp *aev1.AMQPEventSource) {
		host, ok := vhost(amqp)
		if !ok || !isService(amqp) || strings.ContainsAny(amqp.RoutingKey, "*#") || queueName(amqp) == amqp.RoutingKey {
			return
		}
		if _, known := limits(all, host, amqp.RoutingKey); !known {
			report(event.Source.Object, event.Path+".routingKey", fmt.Sprintf("the queue %s that oslo.messaging declares in virtual host %s is drained by nothing in the graph", amqp.RoutingKey, host),
				"limit it by a policy (message-ttl, max-length), or consume it")
		}
	})
}

func checkQueueLimit(in *Input, report Report) {
	all := policies(in)
	amqpEvents(in, func(event pipeline.Event, amqp *aev1.AMQPEventSource) {
		host, ok := vhost(amqp)
		if !ok || !isService(amqp) {
			return
		}
		queue := queueName(amqp)
		own := queue != "" && !strings.Contains(amqp.QueueDeclare.Arguments, "x-message-ttl") && !strings.Contains(amqp.QueueDeclare.Arguments, "x-max-length")
		if limited, known := limits(all, host, queue); own && known && !limited {
			report(event.Source.Object, event.Path+".queueDeclare.name", fmt.Sprintf("no policy of virtual host %s limits queue %s: it grows while the EventSource is away", host, queue), "widen the pattern, or give the queue x-message-ttl")
		}
		if strings.ContainsAny(amqp.RoutingKey, "*#") || queue == amqp.RoutingKey {
			return
		}
		if limited, known := limits(all, host, amqp.RoutingKey); known && !limited {
			report(event.Source.Object, event.Path+".routingKey", fmt.Sprintf("no policy of virtual host %s limits queue %s, which oslo.messaging declares and nobody drains: it grows for ever", host, amqp.RoutingKey), "widen the pattern of the policy")
		}
	})
}
