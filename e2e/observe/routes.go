package observe

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
)

// route is one queue that gets a message, and the EventSource events that consume it. Several consumers of one queue
// compete: each message reaches one of them.
type route struct {
	queue     string
	consumers []consumer
}

// consumer is one event of an EventSource.
type consumer struct {
	namespace, name, event string
}

func (c consumer) String() string {
	return fmt.Sprintf("EventSource/%s/%s/%s", c.namespace, c.name, c.event)
}

// routesOf returns the queues that a message with these coordinates reaches, as the EventSources declare them.
// vhostOf finds the vhost of an event whose URL is in a Secret.
func routesOf(sources []*v1alpha1.EventSource, vhost, exchange, routingKey string, vhostOf func(*v1alpha1.EventSource, *v1alpha1.AMQPEventSource) (string, error)) ([]route, error) {
	byQueue := map[string]*route{}
	for _, source := range sources {
		for _, name := range sortedNames(source.Spec.AMQP) {
			amqp := source.Spec.AMQP[name]
			if amqp.ExchangeName != exchange || !bound(amqp.ExchangeType, amqp.RoutingKey, routingKey) {
				continue
			}
			its, err := vhostOf(source, &amqp)
			if err != nil {
				return nil, fmt.Errorf("vhost of EventSource %s/%s, event %s: %w", source.Namespace, source.Name, name, err)
			}
			if its != vhost {
				continue
			}
			c := consumer{source.Namespace, source.Name, name}
			queue := c.String()
			if amqp.QueueDeclare != nil && amqp.QueueDeclare.Name != "" {
				queue = vhost + queueSeparator + amqp.QueueDeclare.Name
			}
			if byQueue[queue] == nil {
				byQueue[queue] = &route{queue: queue}
			}
			byQueue[queue].consumers = append(byQueue[queue].consumers, c)
		}
	}
	var out []route
	for _, queue := range sortedNames(byQueue) {
		out = append(out, *byQueue[queue])
	}
	return out, nil
}

// VHostOfURL returns the vhost of an AMQP URL as amqp091-go reads it: no path means "/".
func VHostOfURL(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil {
		return "", fmt.Errorf("parse the AMQP URL: %w", err)
	}
	if u.Path == "" || u.Path == "/" {
		return "/", nil
	}
	return strings.TrimPrefix(u.Path, "/"), nil
}

// bound says whether an exchange of the kind passes the routing key on to a queue bound with pattern.
func bound(kind, pattern, key string) bool {
	switch kind {
	case "fanout":
		return true
	case "topic":
		return topicMatches(strings.Split(pattern, "."), strings.Split(key, "."))
	default:
		return pattern == key
	}
}

// topicMatches implements AMQP's topic patterns: * is one word, # any number of them.
func topicMatches(pattern, key []string) bool {
	if len(pattern) == 0 {
		return len(key) == 0
	}
	switch pattern[0] {
	case "#":
		for skip := 0; skip <= len(key); skip++ {
			if topicMatches(pattern[1:], key[skip:]) {
				return true
			}
		}
		return false
	case "*":
		return len(key) > 0 && topicMatches(pattern[1:], key[1:])
	default:
		return len(key) > 0 && pattern[0] == key[0] && topicMatches(pattern[1:], key[1:])
	}
}

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
