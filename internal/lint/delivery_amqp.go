package lint

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	aev1 "github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"

	"github.com/eventrig/eventrig/internal/pipeline"
)

// amqpRules are about queues and exchanges.
var amqpRules = []Rule{
	{
		ID: "delivery/at-most-once", Severity: Info, Title: "An AMQP event that is acknowledged when it is handed out",
		Why: "With `autoAck: true` the broker forgets a message as soon as the EventSource has it: what is on its way when the pod ends, or the event bus is away, is gone, durable queue or not. " +
			"In Argo Events v1.9.10 there is no better setting (see [delivery/never-acknowledged](#deliverynever-acknowledged)), so a pipeline needs another way to catch up; the annotation is the place to say which.",
		Bad: ironicSource,
		Good: strings.Replace(ironicSource, "metadata: {name: openstack-ironic, namespace: openstack}", "metadata:\n  name: openstack-ironic\n  namespace: openstack\n  annotations:\n    "+
			IgnoreAnnotation+": \"delivery/at-most-once: resync-nautobot compares both sides each night\"", 1),
		Check: checkAtMostOnce,
	},
	{
		ID: "delivery/never-acknowledged", Severity: Error, Title: "An AMQP event that is never acknowledged",
		Why: "Argo Events v1.9.10 does not acknowledge messages at all ([#4178](https://github.com/argoproj/argo-events/issues/4178)): with `autoAck: false`, or `consume` without `autoAck`, which is the same, they pile up as " +
			"unacknowledged and are all delivered again after each reconnect, and RabbitMQ closes the channel after its consumer timeout (30 minutes).",
		Bad:   strings.Replace(ironicSource, "{name: argo_notifications, durable: true}", "{name: argo_notifications, durable: true}\n      consume: {consumerTag: argo-events}", 1),
		Good:  strings.Replace(ironicSource, "{name: argo_notifications, durable: true}", "{name: argo_notifications, durable: true}\n      consume: {consumerTag: argo-events, autoAck: true}", 1),
		Check: checkNeverAcknowledged,
	},
	{
		ID: "delivery/shared-queue", Severity: Error, Title: "Two AMQP events that consume one queue",
		Why: "Each message goes to one of them only: measured, six and four messages split five and five, each side with some of the other's. And both bindings feed that queue, so Sensors see events under the wrong EventSource. " +
			"One queue name in several virtual hosts is fine: they are different queues.",
		Bad:   ironicSource + "---\n" + strings.Replace(neutron.Replace(ironicSource), "svc:5672/neutron", "svc:5672/ironic", 1),
		Good:  ironicSource + "---\n" + neutron.Replace(ironicSource),
		Check: checkSharedQueue,
	},
	{
		ID: "delivery/exchange-mismatch", Severity: Warning, Title: "An exchange declared otherwise than OpenStack's services do",
		Why: "oslo.messaging declares a topic exchange that is neither auto-deleted nor internal, and durable with `amqp_durable_queues`, which UnderStack sets for all services. Whoever declares it otherwise second gets " +
			"406 PRECONDITION_FAILED: the EventSource does not start, or the service falls back to another declaration. `exchangeDeclare` without `durable` says not durable.",
		Bad:   strings.Replace(ironicSource, "{durable: true}", "{durable: false}", 1),
		Good:  ironicSource,
		Check: checkExchange,
	},
	{
		ID: "delivery/queue-refused", Severity: Error, Title: "A quorum queue that RabbitMQ refuses",
		Why:   "Quorum queues are durable, shared and stay. RabbitMQ refuses to declare one that is exclusive, auto-deleted or not durable, and the EventSource does not start.",
		Bad:   strings.Replace(ironicSource, "durable: true}\n      jsonBody", "durable: true, autoDelete: true, arguments: \"x-queue-type: quorum\"}\n      jsonBody", 1),
		Good:  strings.Replace(ironicSource, "durable: true}\n      jsonBody", "durable: true, arguments: \"x-queue-type: quorum\"}\n      jsonBody", 1),
		Check: checkQueueRefused,
	},
	{
		ID: "delivery/transient-queue", Severity: Warning, Title: "An AMQP queue that does not outlive its consumer or its broker",
		Why: "Without `queueDeclare` Argo Events declares an exclusive queue with a name of the broker's: it ends with the connection, and what is sent until the next one is lost. So it is with exclusive and auto-deleted queues; " +
			"one that is not durable ends with the broker. `queueDeclare` without `durable` says not durable.",
		Bad:   strings.Replace(ironicSource, "      queueDeclare: {name: argo_notifications, durable: true}\n", "", 1),
		Good:  ironicSource,
		Check: checkTransientQueue,
	},
	{
		ID: "delivery/no-wait", Severity: Warning, Title: "A declaration that does not wait for the broker's answer",
		Why: "With `noWait: true` a declaration that conflicts with what is there is not an error of its own: the broker closes the channel, and what is done next on it fails, with a message about something else.",
		Bad: strings.Replace(ironicSource, "durable: true}\n      jsonBody", "durable: true, noWait: true}\n      jsonBody", 1), Good: ironicSource,
		Check: checkNoWait,
	},
	{
		ID: "delivery/default-queue", Severity: Info, Title: "A queue of oslo.messaging that nobody drains",
		Why: "Before it first sends, a service declares a queue named after the routing key (`notifications.info`) and binds it, so that nothing is lost before there is a consumer. An EventSource with a queue of its own leaves that " +
			"one alone, and it grows for ever unless a policy limits it. No policies for the virtual host are in the graph, so that this cannot be told.",
		Bad: ironicSource, Good: limited(ironicSource),
		Check: checkDefaultQueue,
	},
	{
		ID: "delivery/queue-limit", Severity: Warning, Title: "A queue that the policies of its virtual host do not limit",
		Why: "The graph has policies with a time to live or a length for the virtual host, and none of them fits this queue: the default queue that oslo.messaging declares and nobody drains, or the EventSource's own while it is away. " +
			"The pattern of a policy is a regular expression.",
		Bad: strings.Replace(limited(ironicSource), "pattern: notifications", "pattern: ^notifications", 1), Good: limited(ironicSource),
		Check: checkQueueLimit,
	},
	{
		ID: "delivery/errors-not-bound", Severity: Info, Title: "A binding that leaves out what a service reports as an error",
		Why: "OpenStack's services send failures with priority ERROR, to the routing key `<topic>.error`. With only `.info` bound no Sensor ever hears of them.",
		Bad: ironicSource, Good: strings.Replace(ironicSource, "ironic_versioned_notifications.info", "\"ironic_versioned_notifications.*\"", 1),
		Check: checkErrorsNotBound,
	},
	{
		ID: "delivery/no-backoff", Severity: Info, Title: "An AMQP event without connectionBackoff",
		Why: "Argo Events then tries ten times, about a second apart, and the pod ends; Kubernetes restarts it, with a longer pause each time, up to five minutes. A broker that is away for longer than ten seconds costs more than its own time.",
		Bad: ironicSource, Good: strings.Replace(ironicSource, "      jsonBody", "      connectionBackoff: {duration: 5s, factor: \"2\", steps: 12}\n      jsonBody", 1),
		Check: checkBackoff,
	},
}

// queueName is the queue that an AMQP event consumes, "" for one that the broker names.
func queueName(amqp *aev1.AMQPEventSource) string {
	if amqp.QueueDeclare == nil {
		return ""
	}
	return amqp.QueueDeclare.Name
}

// vhost is the virtual host of an AMQP URL: its path without the slash, "/" without one.
func vhost(amqp *aev1.AMQPEventSource) (string, bool) {
	parsed, err := url.Parse(amqp.URL)
	if err != nil || amqp.URL == "" {
		return "", false
	}
	if name := strings.TrimPrefix(parsed.Path, "/"); name != "" {
		return name, true
	}
	return "/", true
}

// brokerKey tells one virtual host from another, as far as the manifest names it.
func brokerKey(event pipeline.Event) (string, bool) {
	amqp := event.AMQP
	if amqp.URLSecret != nil {
		return "secret " + event.Namespace + "/" + amqp.URLSecret.Name + "/" + amqp.URLSecret.Key, true
	}
	name, ok := vhost(amqp)
	if !ok {
		return "", false
	}
	parsed, err := url.Parse(amqp.URL)
	if err != nil {
		return "", false
	}
	return strings.ToLower(parsed.Host) + " " + name, true
}

func amqpEvents(in *Input, visit func(pipeline.Event, *aev1.AMQPEventSource)) {
	for _, event := range in.Graph.Events() {
		if event.AMQP != nil {
			visit(event, event.AMQP)
		}
	}
}

// services are the exchanges that the catalogue's services send to.
func isService(amqp *aev1.AMQPEventSource) bool { return len(routed(amqp.ExchangeName, "#")) > 0 }

func checkAtMostOnce(in *Input, report Report) {
	amqpEvents(in, func(event pipeline.Event, amqp *aev1.AMQPEventSource) {
		if amqp.Consume == nil || amqp.Consume.AutoAck {
			report(event.Source.Object, event.Path+".consume.autoAck", fmt.Sprintf("event %s: messages are acknowledged when they are handed out, so each is delivered at most once", event.Name),
				"have another way to catch up with what is lost, such as a CronWorkflow that compares both sides")
		}
	})
}

func checkNeverAcknowledged(in *Input, report Report) {
	amqpEvents(in, func(event pipeline.Event, amqp *aev1.AMQPEventSource) {
		if amqp.Consume != nil && !amqp.Consume.AutoAck {
			report(event.Source.Object, event.Path+".consume.autoAck", fmt.Sprintf("event %s: without autoAck: true Argo Events v1.9.10 never acknowledges a message, and all come again after each reconnect", event.Name),
				"set autoAck: true, or run a version with the fix of argo-events#4178")
		}
	})
}

func checkSharedQueue(in *Input, report Report) {
	type place struct{ broker, queue string }
	first := map[place]pipeline.Event{}
	amqpEvents(in, func(event pipeline.Event, amqp *aev1.AMQPEventSource) {
		broker, ok := brokerKey(event)
		if queue := queueName(amqp); ok && queue != "" {
			at := place{broker, queue}
			earlier, there := first[at]
			if !there {
				first[at] = event
				return
			}
			report(event.Source.Object, event.Path+".queueDeclare.name", fmt.Sprintf("event %s consumes queue %s, as event %s of EventSource %s does: each message goes to one of them only", event.Name, queue, earlier.Name, earlier.SourceName),
				"give each a queue of its own, or a virtual host")
		}
	})
}

func checkExchange(in *Input, report Report) {
	amqpEvents(in, func(event pipeline.Event, amqp *aev1.AMQPEventSource) {
		if !isService(amqp) {
			return
		}
		var wrong []string
		path := event.Path + ".exchangeDeclare"
		if declared := amqp.ExchangeDeclare; declared != nil {
			for what, is := range map[string]bool{"not durable": !declared.Durable, "auto-deleted": declared.AutoDelete, "internal": declared.Internal} {
				if is {
					wrong = append(wrong, what)
				}
			}
			slices.Sort(wrong)
		}
		if amqp.ExchangeType != "topic" {
			wrong, path = append(wrong, "of type "+amqp.ExchangeType), event.Path+".exchangeType"
		}
		if len(wrong) > 0 {
			report(event.Source.Object, path, fmt.Sprintf("event %s declares exchange %s as %s; the service declares it as a durable topic exchange", event.Name, amqp.ExchangeName, strings.Join(wrong, ", ")),
				"exchangeType: topic, exchangeDeclare: {durable: true}")
		}
	})
}

var quorum = regexp.MustCompile(`(?m)x-queue-type["']?\s*[:=]\s*["']?quorum`)

func checkQueueRefused(in *Input, report Report) {
	amqpEvents(in, func(event pipeline.Event, amqp *aev1.AMQPEventSource) {
		declared := amqp.QueueDeclare
		if declared == nil || !quorum.MatchString(declared.Arguments) || declared.Durable && !declared.Exclusive && !declared.AutoDelete {
			return
		}
		report(event.Source.Object, event.Path+".queueDeclare", fmt.Sprintf("event %s: RabbitMQ refuses a quorum queue that is %s", event.Name, strings.Join(transience(declared), ", ")), "durable: true, and neither exclusive nor autoDelete")
	})
}

// transience says in which ways a queue does not last.
func transience(declared *aev1.AMQPQueueDeclareConfig) []string {
	var ways []string
	if declared.Exclusive {
		ways = append(ways, "exclusive")
	}
	if declared.AutoDelete {
		ways = append(ways, "auto-deleted")
	}
	if !declared.Durable {
		ways = append(ways, "not durable")
	}
	return ways
}

func checkTransientQueue(in *Input, report Report) {
	amqpEvents(in, func(event pipeline.Event, amqp *aev1.AMQPEventSource) {
		switch declared := amqp.QueueDeclare; {
		case declared == nil:
			report(event.Source.Object, event.Path, fmt.Sprintf("event %s has no queueDeclare: its queue ends with each connection, and what is sent until the next one is lost", event.Name), "queueDeclare: {name: ..., durable: true}")
		case quorum.MatchString(declared.Arguments): // refused, or lasting
		case len(transience(declared)) > 0:
			report(event.Source.Object, event.Path+".queueDeclare", fmt.Sprintf("event %s: its queue is %s; what is sent while it is gone is lost", event.Name, strings.Join(transience(declared), ", ")), "durable: true, and neither exclusive nor autoDelete")
		case declared.Name == "":
			report(event.Source.Object, event.Path+".queueDeclare", fmt.Sprintf("event %s: its queue has no name, so each start declares a new one and leaves the old one behind", event.Name), "give it a name")
		}
	})
}

func checkNoWait(in *Input, report Report) {
	amqpEvents(in, func(event pipeline.Event, amqp *aev1.AMQPEventSource) {
		for _, part := range []struct {
			name string
			is   bool
		}{
			{"exchangeDeclare", amqp.ExchangeDeclare != nil && amqp.ExchangeDeclare.NoWait}, {"queueDeclare", amqp.QueueDeclare != nil && amqp.QueueDeclare.NoWait},
			{"queueBind", amqp.QueueBind != nil && amqp.QueueBind.NoWait}, {"consume", amqp.Consume != nil && amqp.Consume.NoWait},
		} {
			if part.is {
				report(event.Source.Object, event.Path+"."+part.name+".noWait", fmt.Sprintf("event %s: %s does not wait for the broker's answer, so a conflict shows only as a closed channel", event.Name, part.name), "noWait: false")
			}
		}
	})
}

func checkErrorsNotBound(in *Input, report Report) {
	amqpEvents(in, func(event pipeline.Event, amqp *aev1.AMQPEventSource) {
		topic, isInfo := strings.CutSuffix(amqp.RoutingKey, ".info")
		if !isInfo || strings.ContainsAny(topic, "*#") {
			return
		}
		types := eventTypes(routed(amqp.ExchangeName, topic+".error"))
		if len(types) == 0 {
			return
		}
		bound := false
		amqpEvents(in, func(_ pipeline.Event, other *aev1.AMQPEventSource) {
			bound = bound || other.ExchangeName == amqp.ExchangeName && topicMatches(other.RoutingKey, topic+".error")
		})
		if !bound {
			report(event.Source.Object, event.Path+".routingKey", fmt.Sprintf("event %s: %d event types that %s reports as errors never arrive: %s", event.Name, len(types), amqp.ExchangeName, listed(types, 3)),
				"bind "+topic+".error too, or "+topic+".*")
		}
	})
}

func checkBackoff(in *Input, report Report) {
	amqpEvents(in, func(event pipeline.Event, amqp *aev1.AMQPEventSource) {
		if amqp.ConnectionBackoff == nil {
			report(event.Source.Object, event.Path, fmt.Sprintf("event %s has no connectionBackoff: after ten tries in about ten seconds its pod ends", event.Name), "connectionBackoff: {duration: 5s, factor: \"2\", steps: 12}")
		}
	})
}
