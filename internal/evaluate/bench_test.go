package evaluate_test

import (
	"encoding/json"
	"testing"
	"time"

	aev1 "github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
	"github.com/argoproj/argo-events/pkg/sensors/dependencies"
	"github.com/argoproj/argo-events/pkg/sensors/triggers"
	cloudevents "github.com/cloudevents/sdk-go/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eventrig/eventrig/internal/evaluate"
	"github.com/eventrig/eventrig/internal/message"
	"github.com/eventrig/eventrig/internal/pipeline"
	"github.com/eventrig/eventrig/manifests"
	"github.com/eventrig/eventrig/simulators/oslo"
)

// benchEvents are notifications of all services; with UnderStack's Sensors they make a bit more than 200 cells.
var benchEvents = []string{
	"keystone/identity.project.created", "keystone/identity.user.created", "keystone/identity.project.deleted", "nova/compute.instance.delete.end", "nova/compute.instance.create.end",
	"neutron/network_segment_range.create.end", "neutron/network.create.end", "cinder/volume_type_project.access.add", "cinder/volume.create.end", "ironic/baremetal.port.delete.end",
	"ironic/baremetal.port.create.end", "ironic/baremetal.node.update.end", "ironic/baremetal.node.provision_set.end", "ironic/baremetal.node.power_set.end", "ironic/baremetal.portgroup.update.end",
}

func benchmarked(b *testing.B) (*pipeline.Graph, []message.Event) {
	b.Helper()
	graph, err := pipeline.LoadFS(manifests.FS, "understack")
	if err != nil {
		b.Fatal(err)
	}
	catalogue, err := oslo.Default()
	if err != nil {
		b.Fatal(err)
	}
	var events []message.Event
	for _, name := range benchEvents {
		template, err := catalogue.Lookup(name)
		if err != nil {
			b.Fatal(err)
		}
		notification, route, err := template.Build(oslo.Options{Random: oslo.NewRandom(1)})
		if err != nil {
			b.Fatal(err)
		}
		body, err := notification.Body(oslo.MessagingV2)
		if err != nil {
			b.Fatal(err)
		}
		recorded, err := json.Marshal(map[string]any{"payload": string(body), "payload_encoding": "string", "vhost": route.VHost, "exchange": route.Exchange, "routing_key": route.RoutingKey})
		if err != nil {
			b.Fatal(err)
		}
		parsed, err := message.Parse(name, recorded)
		if err != nil {
			b.Fatal(err)
		}
		events = append(events, parsed...)
	}
	return graph, events
}

// bare does with an event what the Sensors do, with argo-events' functions and nothing else. It returns how many triggers act.
func bare(b *testing.B, graph *pipeline.Graph, event message.Event) int {
	acted := 0
	for _, sensor := range graph.Sensors() {
		for i := range sensor.Typed.Spec.Dependencies {
			d := &sensor.Typed.Spec.Dependencies[i]
			source, ok := graph.Event(sensor.GetNamespace(), d.EventSourceName, d.EventName)
			if !ok || source.AMQP == nil || source.AMQP.ExchangeName != event.Exchange || source.AMQP.RoutingKey != event.RoutingKey {
				continue
			}
			data, err := json.Marshal(map[string]any{"exchange": event.Exchange, "routingKey": event.RoutingKey, "body": json.RawMessage(event.Data)})
			if err != nil {
				b.Fatal(err)
			}
			made := cloudevents.NewEvent()
			made.SetID("1")
			made.SetSource(d.EventSourceName)
			made.SetSubject(d.EventName)
			made.SetType("amqp")
			made.SetTime(time.Unix(0, 0))
			if err := made.SetData(cloudevents.ApplicationJSON, data); err != nil {
				b.Fatal(err)
			}
			transformed := &made
			if d.Transform != nil {
				if transformed, err = dependencies.ApplyTransform(&made, d.Transform); err != nil {
					continue
				}
			}
			argo := &aev1.Event{Context: &aev1.EventContext{ID: "1", Source: d.EventSourceName, Subject: d.EventName, Type: "amqp", Time: metav1.Time{Time: transformed.Time()},
				DataContentType: transformed.DataContentType(), SpecVersion: transformed.SpecVersion()}, Data: transformed.Data()}
			if d.Filters != nil {
				if pass, err := dependencies.Filter(argo, d.Filters, d.FiltersLogicalOperator); err != nil || !pass {
					continue
				}
			}
			for t := range sensor.Typed.Spec.Triggers {
				trigger := sensor.Typed.Spec.Triggers[t]
				events := map[string]*aev1.Event{d.Name: argo}
				if triggers.ApplyTemplateParameters(events, &trigger) != nil {
					continue
				}
				object, err := triggers.FetchKubernetesResource(trigger.Template.K8s.Source)
				if err != nil || triggers.ApplyResourceParameters(events, trigger.Template.K8s.Parameters, object) != nil {
					continue
				}
				acted++
			}
		}
	}
	return acted
}

// BenchmarkEvaluation compares explaining with the bare loop, both in one run: the metric evaluate/bare is how many times as
// long it takes on one core, on-all-cores as it is used.
func BenchmarkEvaluation(b *testing.B) {
	graph, events := benchmarked(b)
	evaluator, err := evaluate.New(graph, evaluate.Options{})
	if err != nil {
		b.Fatal(err)
	}
	cells := len(events) * len(graph.Sensors())
	var plain, single, spread time.Duration
	for b.Loop() {
		start := time.Now()
		acted := 0
		for _, event := range events {
			acted += bare(b, graph, event)
		}
		plain += time.Since(start)
		start = time.Now()
		for _, event := range events {
			result := evaluator.Event(event)
			for i := range result.Outcomes {
				for _, t := range result.Outcomes[i].Triggers {
					if t.Met && t.Error == "" {
						acted--
					}
				}
			}
		}
		single += time.Since(start)
		start = time.Now()
		evaluator.Run(events)
		spread += time.Since(start)
		if acted != 0 {
			b.Fatalf("the bare loop makes %d more objects", acted)
		}
	}
	b.ReportMetric(float64(single)/float64(plain), "evaluate/bare")
	b.ReportMetric(float64(spread)/float64(plain), "on-all-cores/bare")
	b.ReportMetric(float64(single.Microseconds())/float64(b.N*cells), "µs/cell")
	b.ReportMetric(float64(plain.Microseconds())/float64(b.N*cells), "bare-µs/cell")
}
