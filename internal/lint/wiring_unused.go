package lint

import (
	"fmt"
	"strings"
)

// unusedRules are about what nothing refers to.
var unusedRules = []Rule{
	{
		ID: "wiring/unused-event-source", Severity: Warning, Everywhere: true, Title: "An EventSource that no Sensor depends on",
		Why: "Its pod runs, takes messages out of the queue or answers webhooks, and publishes to a bus on which nobody listens: " +
			"acknowledged, and gone.",
		Bad: eventSourceExample + "---\n" + strings.Replace(calendarExample, "nightly-check", "hourly-check", 1) + `---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: check, namespace: openstack}
spec:
  dependencies:
  - {name: tick, eventSourceName: hourly-check, eventName: tick}
  triggers:
  - template: {name: note, log: {}}
`,
		Good: sensorExample("openstack-keystone", "notifications") + "---\n" + eventSourceExample,
		Check: func(in *Input, report Report) {
			used := usedEvents.Of(in)
			for _, source := range in.Graph.EventSources() {
				if len(in.Graph.Sensors()) > 0 && !used.sources[source.GetName()] {
					report(source.Object, "metadata.name", "no Sensor depends on it", "add the Sensor to what is checked, or take the EventSource away")
				}
			}
		},
	},
	{
		ID: "wiring/unused-event", Severity: Warning, Everywhere: true, Title: "An event of an EventSource that no Sensor depends on",
		Why: "What comes in as this event is published to a bus on which nobody listens for it: acknowledged, and gone.",
		Bad: sensorExample("openstack-keystone", "notifications") + "---\n" + eventSourceExample + `    errors:
      url: amqp://rabbitmq/keystone
      exchangeName: keystone
      exchangeType: topic
      routingKey: notifications.error
      queueDeclare: {name: argo_errors, durable: true}
      jsonBody: true
`,
		Good: sensorExample("openstack-keystone", "notifications") + "---\n" + eventSourceExample,
		Check: func(in *Input, report Report) {
			used := usedEvents.Of(in)
			for _, event := range in.Graph.Events() {
				if !used.sources[event.SourceName] || used.open[event.SourceName] || used.events[event.SourceName+"/"+event.Name] {
					continue
				}
				report(event.Source.Object, event.Path, fmt.Sprintf("no Sensor depends on event %q", event.Name),
					"add the Sensor to what is checked, or take the event away")
			}
		},
	},
	{
		ID: "wiring/unused-template", Severity: Info, Everywhere: true, Title: "A WorkflowTemplate that nothing here runs",
		Why:  "It may be started by hand (`argo submit --from`), or be left over.",
		Bad:  triggerExample("sync-project", "") + "---\n" + templateExample("sync-project", "argo-events") + "---\n" + templateExample("sync-all", "argo-events"),
		Good: triggerExample("sync-project", "") + "---\n" + templateExample("sync-project", "argo-events"),
		Check: func(in *Input, report Report) {
			used := map[*spec]bool{}
			for _, use := range templateUses.Of(in) {
				found, elsewhere := in.findTemplate(use.by.namespace, use.name, use.cluster)
				if found != nil {
					used[found] = true
				}
				for _, other := range elsewhere {
					used[other] = true // was meant
				}
			}
			for _, one := range specs.Of(in) {
				if len(used) > 0 && one.isTemplate() && !used[one] {
					report(one.at, "metadata.name", "nothing here runs it", "")
				}
			}
		},
	},
}

// events that Sensors depend on. Names count in whatever namespace: another rule says when that is the wrong one.
type eventUse struct {
	sources map[string]bool
	events  map[string]bool // source/event
	open    map[string]bool // sources of which a Sensor wants an event that is not there, or many: which ones are unused is not known
}

var usedEvents = NewFact(func(in *Input) eventUse {
	use := eventUse{map[string]bool{}, map[string]bool{}, map[string]bool{}}
	known := map[string]bool{}
	for _, event := range in.Graph.Events() {
		known[event.SourceName+"/"+event.Name] = true
	}
	for _, sensor := range in.Graph.Sensors() {
		for _, one := range sensor.Typed.Spec.Dependencies {
			name := one.EventSourceName + "/" + one.EventName
			use.sources[one.EventSourceName], use.events[name] = true, true
			if !known[name] {
				use.open[one.EventSourceName] = true
			}
		}
	}
	return use
})

const calendarExample = `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: nightly-check, namespace: openstack}
spec:
  calendar:
    tick: {schedule: "0 * * * *"}
`
