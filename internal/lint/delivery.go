package lint

import (
	"fmt"
	"slices"
	"strings"

	aev1 "github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"

	"github.com/eventrig/eventrig/internal/pipeline"
	"github.com/eventrig/eventrig/simulators/handlers"
)

// deliveryRules are about triggers, buses, and what workflows set off.
var deliveryRules = []Rule{
	{
		ID: "delivery/retry-inert", Severity: Warning, Title: "A retryStrategy that has no effect",
		Why: "Without `atLeastOnce: true` Argo Events runs a trigger in a goroutine of its own and takes it as done at once: its error is logged, and nothing is tried again " +
			"(`pkg/sensors/listener.go`, v1.9.10).",
		Bad:   ironicSource + ironicSensor + unwrap + logTrigger + "    retryStrategy: {steps: 3, duration: 3s}\n",
		Good:  ironicSource + ironicSensor + unwrap + logTrigger + "    atLeastOnce: true\n    retryStrategy: {steps: 3, duration: 3s}\n",
		Check: checkRetry,
	},
	{
		ID: "delivery/dlq-refused", Severity: Error, Title: "A dlqTrigger without atLeastOnce",
		Why:   "The Sensor controller refuses the Sensor as a whole: `to use dlqTrigger, trigger.atLeastOnce must be set to true`, also in the dlqTrigger itself (`pkg/reconciler/sensor/validate.go`, v1.9.10).",
		Bad:   ironicSource + ironicSensor + unwrap + logTrigger + "    dlqTrigger:\n      template: {name: lost, log: {}}\n",
		Good:  ironicSource + ironicSensor + unwrap + logTrigger + "    atLeastOnce: true\n    dlqTrigger:\n      atLeastOnce: true\n      template: {name: lost, log: {}}\n",
		Check: checkDLQ,
	},
	{
		ID: "delivery/replay-on-start", Severity: Warning, Title: "A resource EventSource that sends every existing object again at each start",
		Why: "Its informer reports all objects that are there as added. Without `filter.afterStart` each start of the pod makes an event of every one of them: one Job or Workflow each.",
		Bad: secretsSource + secretsRights, Good: secretsSource + afterStart + secretsRights,
		Check: checkReplay,
	},
	{
		ID: "delivery/deprecated-bus", Severity: Warning, Title: "An EventBus of NATS Streaming",
		Why: "NATS Streaming has been out of support since June 2023, and Argo Events calls `nats` deprecated ([#4165](https://github.com/argoproj/argo-events/issues/4165)). It keeps no position for a Sensor that is new: " +
			"what was sent before it first subscribed is never seen. `jetstream` is the successor.",
		Bad:   "apiVersion: argoproj.io/v1alpha1\nkind: EventBus\nmetadata: {name: default, namespace: openstack}\nspec:\n  nats:\n    native: {replicas: 3, auth: token}\n",
		Good:  "apiVersion: argoproj.io/v1alpha1\nkind: EventBus\nmetadata: {name: default, namespace: openstack}\nspec:\n  jetstream: {version: latest, replicas: 3}\n",
		Check: checkBus,
	},
	{
		ID: "delivery/loop", Severity: Warning, Title: "A trigger whose own effects raise the event that starts it",
		Why: "The event is let through again, and the next run raises the next one. The finding follows what the commands of the templates are known to make services send (`openstack baremetal node ...` and the like, and the " +
			"handlers of UnderStack's images), also through several Sensors, and objects that a resource EventSource watches. Whether the payload passes the other filters is not known: often they are what ends the loop, " +
			"and a node that fails in the same way each time is what keeps it going.",
		Bad:   loopExample + "^baremetal.node.power_set.end$]\n" + loopTrigger,
		Good:  loopExample + "^baremetal.node.maintenance_set.end$]\n" + loopTrigger,
		Check: checkLoop,
	},
	{
		ID: "delivery/several-sensors", Severity: Info, Title: "An event type that starts the triggers of several Sensors",
		Why:   "Each starts a Workflow of its own, at the same time, in no order. It may well be meant so; then each has to do without what the other does.",
		Bad:   ironicSource + ironicSensor + unwrap + onNode + logTrigger + strings.Replace(ironicSensor, "ironic-node", "ironic-audit", 1) + unwrap + onNode + logTrigger,
		Good:  ironicSource + ironicSensor + unwrap + onNode + logTrigger + strings.Replace(ironicSensor, "ironic-node", "ironic-audit", 1) + unwrap + strings.Replace(onNode, "update", "create", 1) + logTrigger,
		Check: checkSeveralSensors,
	},
	{
		ID: "delivery/same-record", Severity: Warning, Title: "Sensors whose workflows write the same record",
		Why: "One change of a node makes Ironic send several events, and each starts a Workflow of its own. When they write the same records at the same time, the one that read first may write last. " +
			"What the commands write is known for those of UnderStack's images. A mutex (`synchronization.mutexes` with the record's id in its name) keeps them apart.",
		Bad:   ironicSource + osloSensor("ironic-node", "^baremetal.node.update.end$", "") + osloSensor("ironic-port", "^baremetal.port.update.end$", "") + osloTemplate,
		Good:  ironicSource + osloSensor("ironic-node", "^baremetal.node.update.end$", mutex) + osloSensor("ironic-port", "^baremetal.port.update.end$", mutex) + osloTemplate,
		Check: checkSameRecord,
	},
	{
		ID: "delivery/no-order", Severity: Warning, Title: "Events of which a late one undoes what an earlier one did",
		Why: "Each event starts a Workflow of its own, and nothing runs them in the order of the events. UnderStack's handlers work from the payload, not from the present state: an update that comes late creates again what a " +
			"delete took away. A mutex keeps two Workflows from running at once; the order is kept only by a handler that looks at the present state.",
		Bad:   ironicSource + osloSensor("ironic-port", "^baremetal.port.update.end$, ^baremetal.port.delete.end$", "") + osloTemplate,
		Good:  ironicSource + osloSensor("ironic-port", "^baremetal.port.update.end$, ^baremetal.port.delete.end$", mutex) + osloTemplate,
		Check: checkOrder,
	},
}

func checkRetry(in *Input, report Report) {
	for _, sensor := range in.Graph.Sensors() {
		for i, trigger := range sensor.Typed.Spec.Triggers {
			if trigger.Template != nil && trigger.RetryStrategy != nil && !trigger.AtLeastOnce {
				report(sensor.Object, pipeline.Path("spec", "triggers", i, "retryStrategy"), fmt.Sprintf("the retryStrategy of trigger %s has no effect without atLeastOnce", trigger.Template.Name), "set atLeastOnce: true")
			}
		}
	}
}

func checkDLQ(in *Input, report Report) {
	for _, sensor := range in.Graph.Sensors() {
		for i, trigger := range sensor.Typed.Spec.Triggers {
			if trigger.Template != nil && trigger.DlqTrigger != nil && !(trigger.AtLeastOnce && trigger.DlqTrigger.AtLeastOnce) {
				report(sensor.Object, pipeline.Path("spec", "triggers", i, "dlqTrigger"), fmt.Sprintf("trigger %s has a dlqTrigger without atLeastOnce: true in both, so the controller refuses the Sensor", trigger.Template.Name),
					"set atLeastOnce: true in the trigger and in its dlqTrigger")
			}
		}
	}
}

func checkReplay(in *Input, report Report) {
	for _, event := range in.Graph.Events() {
		if r := event.Resource; r != nil && slices.Contains(r.EventTypes, aev1.ADD) && (r.Filter == nil || !r.Filter.AfterStart) {
			report(event.Source.Object, event.Path+".filter", fmt.Sprintf("event %s: each start of the EventSource reports all %s that are there as added", event.Name, r.Resource), "filter: {afterStart: true}, or make the trigger one that may run again")
		}
	}
}

func checkBus(in *Input, report Report) {
	for _, bus := range in.Graph.EventBuses() {
		if bus.Typed.Spec.NATS != nil {
			report(bus.Object, "spec.nats", "the EventBus runs on NATS Streaming, which has been out of support since June 2023", "spec: {jetstream: {...}}")
		}
	}
}

func checkSeveralSensors(in *Input, report Report) {
	all := sensorDependencies.Of(in)
	for i, d := range all {
		shared := map[string][]string{} // Sensor to event types
		var order []string
		for _, earlier := range all[:i] {
			if !d.found || !earlier.found || earlier.sensor.Unstructured == d.sensor.Unstructured || earlier.event.Source.Unstructured != d.event.Source.Unstructured || earlier.event.Name != d.event.Name {
				continue
			}
			if types := common(d.admittedTypes(), earlier.admittedTypes()); len(types) > 0 {
				name := sensorName(earlier.sensor)
				if shared[name] == nil {
					order = append(order, name)
				}
				shared[name] = append(shared[name], types...)
			}
		}
		for _, name := range order {
			report(d.sensor.Object, d.path, fmt.Sprintf("Sensor %s gets %s too: each runs on its own, at the same time", name, listed(shared[name], 3)), "")
		}
	}
}

func checkSameRecord(in *Input, report Report) {
	writers := map[handlers.Record][]effect{}
	var order []handlers.Record
	for _, e := range effects.Of(in) {
		if e.serialised() {
			continue
		}
		for _, record := range writtenBy(e) {
			if writers[record] == nil {
				order = append(order, record)
			}
			if !slices.ContainsFunc(writers[record], func(w effect) bool { return w.sensor.Unstructured == e.sensor.Unstructured }) {
				writers[record] = append(writers[record], e)
			}
		}
	}
	for _, record := range order {
		if len(writers[record]) < 2 {
			continue
		}
		var names []string
		for _, w := range writers[record] {
			names = append(names, sensorName(w.sensor))
		}
		report(writers[record][0].sensor.Object, writers[record][0].where(), fmt.Sprintf("the workflows of Sensors %s write %s, and nothing keeps them from doing so at once", strings.Join(names, ", "), record),
			"synchronization.mutexes with the record's id in the name")
	}
}

// writtenBy are all records that a trigger's workflow may write.
func writtenBy(e effect) []handlers.Record {
	var records []handlers.Record
	for _, eventType := range e.types {
		records = append(records, e.writes(eventType)...)
	}
	slices.Sort(records)
	return slices.Compact(records)
}

func checkOrder(in *Input, report Report) {
	for _, e := range effects.Of(in) {
		if e.serialised() {
			continue
		}
		var deletes, others []string
		records := map[handlers.Record]bool{}
		for _, eventType := range e.types {
			written := e.writes(eventType)
			if len(written) == 0 {
				continue
			}
			if strings.Contains(eventType, "delete") || strings.Contains(eventType, "remove") {
				deletes = append(deletes, eventType)
				for _, record := range written {
					records[record] = true
				}
			} else {
				others = append(others, eventType)
			}
		}
		others = slices.DeleteFunc(others, func(eventType string) bool {
			return !slices.ContainsFunc(e.writes(eventType), func(r handlers.Record) bool { return records[r] })
		})
		if len(deletes) > 0 && len(others) > 0 {
			report(e.sensor.Object, e.where(), fmt.Sprintf("trigger %s: a workflow for %s that runs late undoes that of %s; nothing keeps the order", e.name(), strings.Join(others, " or "), strings.Join(deletes, ", ")),
				"let the handler look at the present state, and keep its workflows apart with a mutex")
		}
	}
}
