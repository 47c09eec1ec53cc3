package rig

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/eventrig/eventrig/internal/apply"
	"github.com/eventrig/eventrig/internal/failure"
)

func consuming(namespace string, urls ...string) apply.Object {
	events := map[string]any{}
	for i, url := range urls {
		events[fmt.Sprintf("e%d", i)] = map[string]any{"url": url}
	}
	object := eventSource(events)
	object.SetNamespace(namespace)
	return object
}

func TestTheBrokerAnswersToTheNamesThatEventSourcesHaveForIt(t *testing.T) {
	own := apply.Object{Unstructured: &unstructured.Unstructured{Object: map[string]any{
		"kind": "Service", "metadata": map[string]any{"name": "their-own", "namespace": "openstack"},
	}}}
	for urls, want := range map[string]string{
		"amqp://rabbitmq.openstack.svc.cluster.local:5672/nova": "", // the rig has it anyway
		"amqp://rabbitmq":                 "",
		"amqp://their-own:5672/nova":      "",
		"amqps://their-own.openstack.svc": "",
		"amqp://broker:5673/nova":         "openstack/broker [5673] []",
		"amqp://broker.mq.svc/nova amqp://broker.mq.svc.cluster.local.:5673/x":          "mq/broker [5672 5673] []",
		"amqp://broker.argo-events/nova":                                                "argo-events/broker [5672] []",
		"amqp://rabbitmq-server-0.rabbitmq-nodes.openstack.svc.cluster.local:5672/nova": "openstack/rabbitmq-nodes [5672] [rabbitmq-server-0]",
		"amqp://a.nodes.mq.svc amqp://b.nodes.mq.svc":                                   "mq/nodes [5672] [a b]",
	} {
		// A map's order is none: whatever it is, the names are the same.
		names, err := brokerNames([]apply.Object{consuming("openstack", strings.Fields(urls)...), own})
		if err != nil {
			t.Errorf("%s: %v", urls, err)
			continue
		}
		var got []string
		for _, n := range names {
			got = append(got, fmt.Sprintf("%s/%s %v %v", n.namespace, n.name, sorted(n.ports), sorted(n.pods)))
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%s: %q, want %q", urls, got, want)
		}
	}
}

func TestAHostThatNoRigHasIsNamed(t *testing.T) {
	for url, want := range map[string]string{
		"amqp://rabbitmq.example.net/nova":              "host rabbitmq.example.net is no Service",
		"amqp://10.0.0.7/nova":                          "host 10.0.0.7 is no Service",
		"amqp://broker.elsewhere/nova":                  "host broker.elsewhere is no Service",
		"amqps://broker.openstack.svc/nova":             "asked for TLS",
		"amqp://server-0.nodes.openstack.svc:5673/nova": "port 5673",
		"http://rabbitmq/nova":                          "spec.amqp.e0.url",
	} {
		_, err := brokerNames([]apply.Object{consuming("openstack", url)})
		if failure.ExitStatus(err) != int(failure.BadInput) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "sources.yaml:3") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func sorted[T cmp.Ordered](all []T) []T {
	all = slices.Clone(all)
	slices.Sort(all)
	return all
}
