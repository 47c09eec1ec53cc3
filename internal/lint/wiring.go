package lint

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/eventrig/eventrig/internal/nearest"
	"github.com/eventrig/eventrig/internal/pipeline"
)

// wiringRules are about what refers to what, and whether it is there.
var wiringRules = slices.Concat(eventRules, templateRules, referenceRules, unusedRules, []Rule{
	{
		ID: "wiring/duplicate-object", Severity: Error, Title: "Two objects of one kind, namespace and name",
		Why: "`kubectl apply` takes both, and which one is there in the end depends on the order; kustomize and Argo CD stop. " +
			"The rules look at the first one that was read.",
		Bad: `apiVersion: v1
kind: ConfigMap
metadata: {name: notes, namespace: openstack}
data: {vlan: "100"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: notes, namespace: openstack}
data: {vlan: "200"}
`,
		Good: `apiVersion: v1
kind: ConfigMap
metadata: {name: notes, namespace: openstack}
data: {vlan: "100"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: notes, namespace: argo-events}
data: {vlan: "200"}
`,
		Check: problems(pipeline.Duplicate),
	},
	{
		ID: "wiring/unplaced-object", Severity: Warning, Title: "Two objects of one kind and name, and no word of their namespaces",
		Why: "A chart and a kustomization, or two of them, define it, and neither names a namespace: they do no harm to each other if each is " +
			"deployed to a namespace of its own, and overwrite each other in one. `--namespace PATH=NAMESPACE` says where each goes. The rules " +
			"look at the first one that was read.",
		Bad: `# file: openstack/kustomization.yaml
resources: [notes.yaml]
# file: openstack/notes.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: notes}
# file: argo-events/kustomization.yaml
resources: [notes.yaml]
# file: argo-events/notes.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: notes}
`,
		Good: `# file: openstack/kustomization.yaml
namespace: openstack
resources: [notes.yaml]
# file: openstack/notes.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: notes}
# file: argo-events/kustomization.yaml
namespace: argo-events
resources: [notes.yaml]
# file: argo-events/notes.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: notes}
`,
		Check: problems(pipeline.Unplaced),
	},
})

// eventRules are about the way from an EventSource to a Sensor.
var eventRules = []Rule{
	{
		ID: "wiring/unknown-event-source", Severity: Error, Title: "A dependency names an EventSource that is not there",
		Why: "The Sensor subscribes to a subject of the EventBus that nobody publishes to. It runs, reports no error, and never fires.",
		Bad: sensorExample("openstack-keystone", "notifications"),
		Good: sensorExample("openstack-keystone", "notifications") + "---\n" +
			eventSourceExample,
		Check: func(in *Input, report Report) {
			eachDependency(in, func(d dependency) {
				if len(d.sources) > 0 {
					return
				}
				hint := "define it, or take the dependency away"
				if near := nearest.Name(d.source, sourceNames(in)); near != "" {
					hint = fmt.Sprintf("did you mean %q?", near)
				}
				report(d.sensor.Object, d.path+".eventSourceName", fmt.Sprintf("dependency %q: there is no EventSource %q", d.name, d.source), hint)
			})
		},
	},
	{
		ID: "wiring/event-source-namespace", Severity: Error, Title: "A Sensor and its EventSource are in different namespaces",
		Why: "Both find their EventBus by name in their own namespace, and a dependency has no namespace: a Sensor sees only events of " +
			"EventSources beside it. It never fires.",
		Bad: strings.Replace(sensorExample("openstack-keystone", "notifications"), "namespace: openstack}\nspec", "namespace: argo-events}\nspec", 1) +
			"---\n" + eventSourceExample,
		Good: sensorExample("openstack-keystone", "notifications") + "---\n" + eventSourceExample,
		Check: func(in *Input, report Report) {
			eachDependency(in, func(d dependency) {
				if len(d.sources) == 0 || len(d.here()) > 0 {
					return
				}
				other := d.sources[0]
				report(d.sensor.Object, d.path+".eventSourceName",
					fmt.Sprintf("dependency %q: EventSource %q is in namespace %s (%s), the Sensor is in %s", d.name, d.source, other.GetNamespace(),
						other.Origin(), d.sensor.GetNamespace()), "put both into one namespace")
			})
		},
	},
	{
		ID: "wiring/unknown-event", Severity: Error, Title: "A dependency names an event that its EventSource does not have",
		Why:  "The EventSource is there, but publishes no event of that name: the Sensor never fires, and nothing says so.",
		Bad:  sensorExample("openstack-keystone", "notification") + "---\n" + eventSourceExample,
		Good: sensorExample("openstack-keystone", "notifications") + "---\n" + eventSourceExample,
		Check: func(in *Input, report Report) {
			eachDependency(in, func(d dependency) {
				here := d.here()
				if len(here) == 0 || strings.ContainsAny(d.event, "*>") {
					return
				}
				var names []string
				for _, event := range in.Graph.Events() {
					if slices.ContainsFunc(here, func(s pipeline.EventSource) bool { return s.Unstructured == event.Source.Unstructured }) {
						names = append(names, event.Name)
					}
				}
				if slices.Contains(names, d.event) || slices.ContainsFunc(here, func(s pipeline.EventSource) bool { return s.Typed.Spec.Generic != nil && d.event == "" }) {
					return
				}
				hint := "its events are: " + strings.Join(names, ", ")
				if near := nearest.Name(d.event, names); near != "" {
					hint = fmt.Sprintf("did you mean %q?", near)
				}
				report(d.sensor.Object, d.path+".eventName", fmt.Sprintf("dependency %q: EventSource %q has no event %q", d.name, d.source, d.event), hint)
			})
		},
	},
	{
		ID: "wiring/no-event-bus", Severity: Error, Title: "A Sensor or EventSource in a namespace without its EventBus",
		Why: "Its controller waits for an EventBus of that name (`default` where `eventBusName` is not given) in the same namespace, and " +
			"makes no pod until there is one. Where a chart's own switch turns its EventBus off (`--all-enabled`), another is taken to be there.",
		Bad:  strings.ReplaceAll(sensorExample("openstack-keystone", "notifications")+"---\n"+eventSourceExample, "namespace: openstack", "namespace: monitoring"),
		Good: sensorExample("openstack-keystone", "notifications") + "---\n" + eventSourceExample,
		Check: func(in *Input, report Report) {
			buses := in.Graph.EventBuses()
			if len(buses) == 0 {
				return // the EventBus is not in these manifests at all
			}
			check := func(object pipeline.Object, name string) {
				if name == "" {
					name = "default"
				}
				var elsewhere []string
				for _, bus := range buses {
					if bus.GetName() != name {
						continue
					}
					if sameNamespace(bus.GetNamespace(), object.GetNamespace()) {
						return
					}
					elsewhere = append(elsewhere, bus.GetNamespace())
				}
				if in.switchedOff("EventBus", object.GetNamespace(), name) {
					return
				}
				message, hint := fmt.Sprintf("there is no EventBus %q in namespace %s", name, object.GetNamespace()), "define one there"
				if len(elsewhere) > 0 {
					message += "; it is in " + strings.Join(slices.Compact(slices.Sorted(slices.Values(elsewhere))), ", ")
				}
				report(object, "spec.eventBusName", message, hint)
			}
			for _, sensor := range in.Graph.Sensors() {
				check(sensor.Object, sensor.Typed.Spec.EventBusName)
			}
			for _, source := range in.Graph.EventSources() {
				check(source.Object, source.Typed.Spec.EventBusName)
			}
		},
	},
	{
		ID: "wiring/different-event-bus", Severity: Error, Title: "A Sensor and its EventSource use different EventBuses",
		Why: "What the EventSource publishes to one bus, the Sensor waits for on another. It never fires.",
		Bad: strings.Replace(sensorExample("openstack-keystone", "notifications"), "spec:\n", "spec:\n  eventBusName: fast\n", 1) + "---\n" + eventSourceExample + `---
apiVersion: argoproj.io/v1alpha1
kind: EventBus
metadata: {name: fast, namespace: openstack}
spec: {jetstream: {version: latest}}
`,
		Good: sensorExample("openstack-keystone", "notifications") + "---\n" + eventSourceExample,
		Check: func(in *Input, report Report) {
			eachDependency(in, func(d dependency) {
				for _, source := range d.here() {
					theirs, ours := orDefault(source.Typed.Spec.EventBusName), orDefault(d.sensor.Typed.Spec.EventBusName)
					if theirs != ours {
						report(d.sensor.Object, "spec.eventBusName", fmt.Sprintf("dependency %q: EventSource %q publishes to EventBus %q, the Sensor listens on %q",
							d.name, d.source, theirs, ours), "give both the same eventBusName")
					}
				}
			})
		},
	},
	{
		ID: "wiring/unknown-dependency", Severity: Error, Title: "A trigger names a dependency that its Sensor does not have",
		Why: "A parameter whose `dependencyName` is not there makes the trigger fail for every event (\"no event for dependency\"); one in " +
			"`conditions` makes a condition that never holds.",
		Bad: strings.Replace(sensorExample("openstack-keystone", "notifications"), "dependencyName: message", "dependencyName: massage", 1) +
			"---\n" + eventSourceExample,
		Good:  sensorExample("openstack-keystone", "notifications") + "---\n" + eventSourceExample,
		Check: unknownDependencies,
	},
}

func orDefault(bus string) string {
	if bus == "" {
		return "default"
	}
	return bus
}

// dependency is one dependency of a Sensor.
type dependency struct {
	sensor              pipeline.Sensor
	path                string
	name, source, event string
	sources             []pipeline.EventSource // of that name, in any namespace
}

// here are those of the EventSources that the Sensor can hear.
func (d dependency) here() []pipeline.EventSource {
	var here []pipeline.EventSource
	for _, source := range d.sources {
		if sameNamespace(source.GetNamespace(), d.sensor.GetNamespace()) {
			here = append(here, source)
		}
	}
	return here
}

func eachDependency(in *Input, visit func(dependency)) {
	for _, sensor := range in.Graph.Sensors() {
		for i, one := range sensor.Typed.Spec.Dependencies {
			d := dependency{sensor: sensor, path: pipeline.Path("spec", "dependencies", i), name: one.Name, source: one.EventSourceName, event: one.EventName}
			for _, source := range in.Graph.EventSources() {
				if source.GetName() == d.source {
					d.sources = append(d.sources, source)
				}
			}
			if len(d.sources) == 0 && undecoded(in, "EventSource", d.source) {
				continue // it is there, and another rule says what is wrong with it
			}
			visit(d)
		}
	}
}

// undecoded says that there is an object of a kind and name that has no typed form.
func undecoded(in *Input, kind, name string) bool {
	return slices.ContainsFunc(in.Graph.Objects, func(o pipeline.Object) bool { return o.GetKind() == kind && o.GetName() == name })
}

func sourceNames(in *Input) []string {
	var names []string
	for _, source := range in.Graph.EventSources() {
		names = append(names, source.GetName())
	}
	return names
}

// A condition is made of dependency names, &&, || and parentheses.
var conditionName = regexp.MustCompile(`[^\s&|()!]+`)

func unknownDependencies(in *Input, report Report) {
	for _, one := range triggers.Of(in) {
		var names []string
		for _, dependency := range one.sensor.Typed.Spec.Dependencies {
			names = append(names, dependency.Name)
		}
		check := func(name string, path []any) {
			if name == "" || slices.Contains(names, name) {
				return
			}
			hint := "the Sensor's dependencies are: " + strings.Join(names, ", ")
			if near := nearest.Name(name, names); near != "" {
				hint = fmt.Sprintf("did you mean %q?", near)
			}
			report(one.sensor.Object, pipeline.Path(path...), fmt.Sprintf("trigger %q: the Sensor has no dependency %q", one.Template.Name, name), hint)
		}
		for i, parameter := range one.parameters {
			if parameter.Src != nil && !one.moving {
				check(parameter.Src.DependencyName, append(slices.Clone(one.parameterAt), i, "src", "dependencyName"))
			}
		}
		for i, parameter := range one.Parameters {
			if parameter.Src != nil {
				check(parameter.Src.DependencyName, one.at("parameters", i, "src", "dependencyName"))
			}
		}
		for _, name := range conditionName.FindAllString(one.Template.Conditions, -1) {
			check(name, one.at("template", "conditions"))
		}
	}
}

// sensorExample is a Sensor with one dependency, for the rules' pages.
func sensorExample(source, event string) string {
	return `apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: project, namespace: openstack}
spec:
  dependencies:
  - name: message
    eventSourceName: ` + source + `
    eventName: ` + event + `
    transform:
      jq: .body["oslo.message"] | fromjson
  triggers:
  - template:
      name: note
      log: {}
    parameters:
    - src: {dependencyName: message, dataKey: event_type}
      dest: name
`
}

// eventSourceExample is an EventSource, for the rules' pages. It ends inside spec.amqp, so that more can follow.
const eventSourceExample = `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: openstack-keystone, namespace: openstack}
spec:
  amqp:
    notifications:
      url: amqp://rabbitmq/keystone
      exchangeName: keystone
      exchangeType: topic
      routingKey: notifications.info
      queueDeclare: {name: argo_notifications, durable: true}
      jsonBody: true
`
