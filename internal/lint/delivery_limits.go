package lint

import (
	"fmt"
	"regexp"
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

// policies are the limiting ones of the graph, as the messaging topology operator takes them.
func policies(in *Input) []policy {
	var found []policy
	for _, object := range in.Graph.Objects {
		if object.GetKind() != "Policy" || object.GroupVersionKind().Group != "rabbitmq.com" {
			continue
		}
		spec, _ := object.Object["spec"].(map[string]any)
		text, _ := spec["pattern"].(string)
		name, _ := spec["vhost"].(string)
		definition, _ := spec["definition"].(map[string]any)
		limits := false
		for _, key := range []string{"message-ttl", "max-length", "max-length-bytes", "expires"} {
			_, has := definition[key]
			limits = limits || has
		}
		pattern, err := regexp.Compile(text)
		if applyTo, _ := spec["applyTo"].(string); err != nil || !limits || applyTo == "exchanges" {
			continue
		}
		if name == "" {
			name = "/"
		}
		found = append(found, policy{name, pattern})
	}
	return found
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
