package rig

import (
	"net"
	"slices"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eventrig/eventrig/internal/apply"
	"github.com/eventrig/eventrig/internal/cluster/embedded"
	"github.com/eventrig/eventrig/internal/failure"
)

// brokerNames are the Services by which the AMQP EventSources of the manifests under test find RabbitMQ, beside the one that
// UnderStack's manifests name: a site may call it otherwise, and RabbitMQ's cluster operator has it as the pods of a headless
// Service, rabbitmq-server-0.rabbitmq-nodes. Behind each of them stands the rig's broker. Services that the manifests bring
// along stay theirs. A host that can be no Service is an error: its EventSource would never be connected, and say so nowhere.
func brokerNames(objects []apply.Object) ([]outsideService, error) {
	known := slices.Clone(namespaces)
	for _, object := range objects {
		known = append(known, object.GetNamespace())
	}
	events, err := amqpEvents(objects)
	if err != nil {
		return nil, err
	}
	var all []outsideService
	for _, event := range events {
		text := event.text("url")
		if text == "" {
			continue // in a Secret that only the cluster has
		}
		uri, err := amqp.ParseURI(text)
		if err != nil {
			return nil, failure.New(failure.BadInput, "write amqp://HOST:PORT/VHOST", "read %s.url: %w", event, err)
		}
		wrong := func(format string, values ...any) error {
			return failure.New(failure.BadInput, "patch it for the rig, for example to amqp://rabbitmq.openstack.svc.cluster.local:5672/VHOST, the rig's own RabbitMQ",
				"%s.url: "+format, append([]any{event}, values...)...)
		}
		service, pod, inside := serviceOf(uri.Host, event.source.GetNamespace(), known)
		if !inside {
			return nil, wrong("host %s is no Service of a cluster; a rig reaches nothing outside, and the EventSource would never be connected", uri.Host)
		}
		if slices.ContainsFunc(outsideServices, service.isSame) || slices.ContainsFunc(objects, func(o apply.Object) bool {
			return o.GetKind() == "Service" && o.GetNamespace() == service.namespace && o.GetName() == service.name
		}) {
			continue
		}
		if uri.Scheme == "amqps" {
			return nil, wrong("host %s is asked for TLS, which the rig's RabbitMQ does not offer", uri.Host)
		}
		i := slices.IndexFunc(all, service.isSame)
		if i < 0 {
			i, all = len(all), append(all, service)
		}
		all[i].add(pod, uri.Port)
		if len(all[i].pods) > 0 && !slices.Equal(all[i].ports, []int{amqpPort}) {
			return nil, wrong("port %d of host %s: pods of %s are asked directly, and what stands for them listens on %d only", uri.Port, uri.Host, service.name, amqpPort)
		}
	}
	slices.SortFunc(all, func(a, b outsideService) int { return strings.Compare(a.namespace+"/"+a.name, b.namespace+"/"+b.name) })
	return all, nil
}

// serviceOf takes a host apart as a pod of the namespace resolves it: SERVICE, SERVICE.NAMESPACE, and the same with .svc or
// the cluster's domain behind, where a pod of a headless Service may stand in front.
func serviceOf(host, namespace string, known []string) (service outsideService, pod string, inside bool) {
	service.target = amqpPort
	host = strings.TrimSuffix(strings.TrimSuffix(host, "."), "."+embedded.DNSDomain)
	host, svc := strings.CutSuffix(host, ".svc")
	labels := strings.Split(host, ".")
	switch {
	case net.ParseIP(host) != nil:
		return service, "", false
	case len(labels) == 1 && !svc:
		service.name, service.namespace = labels[0], namespace
	case len(labels) == 2 && (svc || slices.Contains(known, labels[1])):
		service.name, service.namespace = labels[0], labels[1]
	case len(labels) == 3 && (svc || slices.Contains(known, labels[2])):
		pod, service.name, service.namespace = labels[0], labels[1], labels[2]
	default:
		return service, "", false
	}
	return service, pod, true
}
