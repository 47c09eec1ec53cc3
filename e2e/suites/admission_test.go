package suites_test

import (
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"

	"github.com/eventrig/eventrig/e2e/rig"
)

// argoResources are the kinds that argo-events' webhook looks at.
var argoResources = map[string]schema.GroupVersionResource{
	"Sensor":      {Group: "argoproj.io", Version: "v1alpha1", Resource: "sensors"},
	"EventSource": {Group: "argoproj.io", Version: "v1alpha1", Resource: "eventsources"},
	"EventBus":    {Group: "argoproj.io", Version: "v1alpha1", Resource: "eventbus"},
}

// argoObject is an object of the namespace openstack, its spec in YAML.
func argoObject(kind, name, spec string) *unstructured.Unstructured {
	GinkgoHelper()
	var content map[string]any
	Expect(yaml.Unmarshal([]byte(spec), &content)).To(Succeed(), spec)
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "argoproj.io/v1alpha1", "kind": kind, "metadata": map[string]any{"name": name, "namespace": "openstack"}, "spec": content,
	}}
}

// Specs that the webhook takes; refusals are about what differs from them.
const (
	goodDependency = `dependencies: [{name: d, eventSourceName: openstack-keystone, eventName: notifications}]`
	goodTrigger    = `triggers: [{template: {name: t, log: {}}}]`
	goodSource     = `{amqp: {e: {url: "amqp://rabbitmq/keystone", exchangeName: keystone, exchangeType: topic, routingKey: notifications.info}}}`
	goodBus        = `{jetstream: {version: latest, replicas: 3}}`
)

// refusals are bad objects, with what the webhook says of them.
var refusals = []struct{ what, kind, spec, text string }{
	{"a Sensor without dependencies", "Sensor", goodTrigger, "no event dependencies found"},
	{"a Sensor with a dependency without a name", "Sensor", "dependencies: [{eventSourceName: a, eventName: b}]\n" + goodTrigger, "event dependency must define a name"},
	{"a Sensor with a dependency without an EventSource", "Sensor", "dependencies: [{name: d, eventName: b}]\n" + goodTrigger, "event dependency must define the EventSourceName"},
	{"a Sensor with a dependency without an event", "Sensor", "dependencies: [{name: d, eventSourceName: a}]\n" + goodTrigger, "event dependency must define the EventName"},
	{"a Sensor with two dependencies on one event", "Sensor", "dependencies: [{name: d, eventSourceName: a, eventName: b}, {name: e, eventSourceName: a, eventName: b}]\n" + goodTrigger, "event 'b' from EventSource 'a' is referenced for more than one dependency in this Sensor object"},
	{"a Sensor without triggers", "Sensor", goodDependency, "no triggers found"},
	{"a Sensor with a trigger without a name", "Sensor", goodDependency + "\ntriggers: [{template: {log: {}}}]", "trigger must define a name"},
	{"a Sensor with two triggers of one name", "Sensor", goodDependency + "\ntriggers: [{template: {name: t, log: {}}}, {template: {name: t, log: {}}}]", "duplicate trigger name: t"},
	{"a Sensor whose trigger does nothing", "Sensor", goodDependency + "\ntriggers: [{template: {name: t, k8s: {operation: create}}}]", "k8s trigger does not contain an absolute action"},
	{"a Sensor whose trigger knows another operation", "Sensor", goodDependency + "\ntriggers: [{template: {name: t, k8s: {operation: make, source: {resource: {apiVersion: v1, kind: ConfigMap}}}}}]", "unknown operation type make"},
	{"a Sensor whose parameter has no source", "Sensor", goodDependency + "\ntriggers: [{template: {name: t, k8s: {operation: create, source: {resource: {apiVersion: v1, kind: ConfigMap}}, parameters: [{dest: data.a}]}}}]", "parameter source can't be empty"},
	{"a Sensor whose parameter has no destination", "Sensor", goodDependency + "\ntriggers: [{template: {name: t, k8s: {operation: create, source: {resource: {apiVersion: v1, kind: ConfigMap}}, parameters: [{src: {dependencyName: d, dataKey: a}, dest: ''}]}}}]", "parameter destination can't be empty"},
	{"a Sensor whose filter has no path", "Sensor", "dependencies: [{name: d, eventSourceName: a, eventName: b, filters: {data: [{path: '', type: string, value: [x]}]}}]\n" + goodTrigger, "one of data filters is not valid (type, path and value must be not empty)"},
	{"a Sensor with a dead letter trigger and no atLeastOnce", "Sensor", goodDependency + "\ntriggers: [{template: {name: t, log: {}}, dlqTrigger: {template: {name: u, log: {}}}}]", "to use dlqTrigger, trigger.atLeastOnce must be set to true"},
	{"a Sensor on a bus that is not there", "Sensor", "eventBusName: other\n" + goodDependency + "\n" + goodTrigger, "failed to get EventBus eventBusName=other"},

	{"an EventSource without an address", "EventSource", `{amqp: {e: {exchangeName: keystone, exchangeType: topic, routingKey: notifications.info}}}`, "either url or urlSecret must be specified"},
	{"an EventSource with two addresses", "EventSource", `{amqp: {e: {url: "amqp://a", urlSecret: {name: a, key: b}, exchangeName: keystone, exchangeType: topic, routingKey: notifications.info}}}`, "only one of url or urlSecret can be specified"},
	{"an EventSource without a routing key", "EventSource", `{amqp: {e: {url: "amqp://a", exchangeName: keystone, exchangeType: topic, routingKey: ""}}}`, "routing key must be specified"},
	{"an EventSource without an exchange's type", "EventSource", `{amqp: {e: {url: "amqp://a", exchangeName: keystone, exchangeType: "", routingKey: a}}}`, "exchange type must be specified"},
	{"an EventSource with an event of two kinds", "EventSource", `{webhook: {e: {port: "1", endpoint: /a, method: POST}}, sns: {e: {topicArn: a, region: r, webhook: {port: "2", endpoint: /b}}}}`, `more than one "e" found in the spec`},
	{"an EventSource whose webhook has no endpoint", "EventSource", `{webhook: {e: {port: "1", endpoint: "", method: POST}}}`, "endpoint can't be empty"},
	{"an EventSource whose webhook has no port", "EventSource", `{webhook: {e: {port: "", endpoint: /a, method: POST}}}`, "port can't be empty"},
	{"an EventSource whose webhook's port is no number", "EventSource", `{webhook: {e: {port: http, endpoint: /a, method: POST}}}`, "failed to parse server port http"},
	{"an EventSource that watches no resource", "EventSource", `{resource: {e: {group: "", version: v1, resource: "", eventTypes: [ADD]}}}`, "resource must be specified"},
	{"an EventSource that watches for nothing", "EventSource", `{resource: {e: {group: "", version: v1, resource: secrets}}}`, "event types must be specified"},
	{"an EventSource of kinds that cannot go together", "EventSource", `{webhook: {e: {port: "1", endpoint: /a, method: POST}}, amqp: {f: {url: "amqp://a", exchangeName: k, exchangeType: topic, routingKey: a}}}`, "rolling update and recreate update strategy can not be put together"},

	{"an EventBus of no kind", "EventBus", `{}`, `either "nats", "jetstream", "jetstreamExotic", or "kafka" needs to be specified`},
	{"an EventBus of NATS that is neither", "EventBus", `{nats: {}}`, `either "native" or "exotic" must be defined`},
	{"an EventBus of NATS that is both", "EventBus", `{nats: {native: {}, exotic: {url: a, clusterID: b}}}`, "can not be defined together"},
	{"an EventBus of somebody's NATS without its cluster", "EventBus", `{nats: {exotic: {url: a}}}`, `"spec.nats.exotic.clusterID" is missing`},
	{"an EventBus of JetStream without a version", "EventBus", `{jetstream: {version: ""}}`, "a version for jetstream needs to be specified"},
	{"an EventBus of two JetStreams", "EventBus", `{jetstream: {version: latest, replicas: 2}}`, "requires 1 replica or >= 3 replicas"},
	{"an EventBus of somebody's JetStream without its address", "EventBus", `{jetstreamExotic: {url: ""}}`, `"spec.jetstreamExotic.url" is missing`},
}

// admissionSpecs hold argo-events' webhook, as the rig runs it, to what it refuses and what it lets in.
func admissionSpecs() {
	var client dynamic.Interface
	BeforeAll(func() { client = dynamicOf(tree) })
	of := func(object *unstructured.Unstructured) dynamic.ResourceInterface {
		return client.Resource(argoResources[object.GetKind()]).Namespace(object.GetNamespace())
	}
	good := map[string]string{"Sensor": goodDependency + "\n" + goodTrigger, "EventSource": goodSource, "EventBus": goodBus}
	// Nothing is stored, so that no pod comes of what is only to be looked at.
	dry := []string{metav1.DryRunAll}

	for _, one := range refusals {
		It("refuses "+one.what, func(ctx SpecContext) {
			object := argoObject(one.kind, "refused", one.spec)
			_, err := of(object).Create(ctx, object, metav1.CreateOptions{})
			Expect(err).To(MatchError(And(ContainSubstring("admission webhook"), ContainSubstring(one.text))))
			_, err = of(object).Get(ctx, "refused", metav1.GetOptions{})
			Expect(err).To(MatchError(ContainSubstring("not found")))
		}, NodeTimeout(time.Minute))
	}

	It("refuses what became bad, and keeps what was there", func(ctx SpecContext) {
		for kind, was := range map[string]string{"Sensor": "keystone-event-project", "EventSource": "openstack-keystone", "EventBus": "default"} {
			object := argoObject(kind, was, good[kind])
			before, err := of(object).Get(ctx, was, metav1.GetOptions{})
			Expect(err).NotTo(HaveOccurred())
			for _, one := range refusals {
				if one.kind != kind {
					continue
				}
				changed := before.DeepCopy()
				changed.Object["spec"] = argoObject(kind, was, one.spec).Object["spec"]
				_, err := of(object).Update(ctx, changed, metav1.UpdateOptions{})
				Expect(err).To(MatchError(And(ContainSubstring("admission webhook"), ContainSubstring(one.text))), "%s, as an update", one.what)
			}
			after, err := of(object).Get(ctx, was, metav1.GetOptions{})
			Expect(err).NotTo(HaveOccurred())
			Expect(after.Object["spec"]).To(Equal(before.Object["spec"]))
		}
	}, NodeTimeout(time.Minute))

	It("refuses another kind of EventBus in place of one that is there", func(ctx SpecContext) {
		bus := argoObject("EventBus", "default", goodBus)
		before, err := of(bus).Get(ctx, "default", metav1.GetOptions{})
		Expect(err).NotTo(HaveOccurred())
		for spec, text := range map[string]string{
			goodBus:                              "Can not change event bus implementation",
			`{jetstreamExotic: {url: nats://a}}`: "Can not change event bus implementation",
			`{nats: {exotic: {url: a, clusterID: b}}}`:    "Can not change NATS event bus implementation from native to exotic",
			`{nats: {native: {replicas: 3, auth: none}}}`: `"spec.nats.native.auth" is immutable`,
		} {
			changed := before.DeepCopy()
			changed.Object["spec"] = argoObject("EventBus", "default", spec).Object["spec"]
			_, err := of(bus).Update(ctx, changed, metav1.UpdateOptions{DryRun: dry})
			Expect(err).To(MatchError(ContainSubstring(text)), spec)
		}
	}, NodeTimeout(time.Minute))

	It("lets in what is right", func(ctx SpecContext) {
		for kind, spec := range good {
			object := argoObject(kind, "let-in", spec)
			_, err := of(object).Create(ctx, object, metav1.CreateOptions{DryRun: dry})
			Expect(err).NotTo(HaveOccurred(), kind)
		}
	}, NodeTimeout(time.Minute))

	It("lets in all of UnderStack's", func(ctx SpecContext) {
		graph, _, err := rig.Manifests(understack)
		Expect(err).NotTo(HaveOccurred())
		seen := map[string]int{}
		for _, object := range graph.Objects {
			if _, is := argoResources[object.GetKind()]; !is {
				continue
			}
			seen[object.GetKind()]++
			copied := object.DeepCopy()
			copied.SetName(strings.ToLower(object.GetName() + "-copy"))
			_, err := of(copied).Create(ctx, copied, metav1.CreateOptions{DryRun: dry})
			Expect(err).NotTo(HaveOccurred(), "%s %s", object.GetKind(), object.GetName())
		}
		Expect(seen).To(Equal(map[string]int{"Sensor": 14, "EventSource": 8, "EventBus": 2}))
	}, NodeTimeout(2*time.Minute))
}
