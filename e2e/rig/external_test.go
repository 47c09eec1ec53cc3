package rig

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/eventrig/eventrig/internal/apply"
	"github.com/eventrig/eventrig/internal/failure"
)

func eventSource(events map[string]any) apply.Object {
	return apply.Object{Origin: "sources.yaml:3", Unstructured: &unstructured.Unstructured{Object: map[string]any{
		"kind": "EventSource", "spec": map[string]any{"amqp": events},
	}}}
}

func TestIntakesAreWhatTheEventSourcesDeclare(t *testing.T) {
	event := func(url, exchange, queue string) map[string]any {
		return map[string]any{"url": url, "exchangeName": exchange, "routingKey": "notifications.info", "queueDeclare": map[string]any{"name": queue}}
	}
	got, err := intakesOf([]apply.Object{
		eventSource(map[string]any{"a": event("amqp://rabbitmq/nova", "nova", "argo_notifications")}),
		eventSource(map[string]any{"b": event("amqp://rabbitmq/nova", "nova", "second"), "c": event("amqp://rabbitmq", "keystone", "third")}),
		{Unstructured: &unstructured.Unstructured{Object: map[string]any{"kind": "Sensor"}}},
	})
	if err != nil || len(got) != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	if root, nova := got[0], got[1]; root.vhost != "/" || nova.vhost != "nova" || strings.Join(nova.queues, " ") != "argo_notifications second" ||
		strings.Join(nova.exchanges, " ") != "nova" || strings.Join(nova.defaults, " ") != "notifications.info" {
		t.Errorf("%+v", got)
	}
}

func TestAnEventSourceWhoseURLIsSecretIsRefused(t *testing.T) {
	_, err := intakesOf([]apply.Object{eventSource(map[string]any{"a": map[string]any{"urlSecret": map[string]any{"name": "x"}}})})
	if failure.ExitStatus(err) != int(failure.BadInput) || !strings.Contains(err.Error(), "sources.yaml:3") {
		t.Error(err)
	}
}
