package lint

import (
	"fmt"
	"slices"
	"strings"

	aev1 "github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"

	"github.com/eventrig/eventrig/internal/pipeline"
	"github.com/eventrig/eventrig/simulators/handlers"
)

const (
	// secretsSource watches Secrets; its filter comes next.
	secretsSource = `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: secrets, namespace: openstack}
spec:
  template:
    serviceAccountName: secrets
  resource:
    created:
      version: v1
      resource: secrets
      namespace: openstack
      eventTypes: [ADD]
`

	// secretsRights are those of its account.
	secretsRights = `---
apiVersion: v1
kind: ServiceAccount
metadata: {name: secrets, namespace: openstack}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: secrets, namespace: openstack}
rules:
- apiGroups: [""]
  resources: [secrets]
  verbs: [list, watch]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: secrets, namespace: openstack}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: secrets}
subjects:
- {kind: ServiceAccount, name: secrets, namespace: openstack}
`

	afterStart = "      filter: {afterStart: true}\n"
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

const (
	loopExample = ironicSource + ironicSensor + unwrap + "    filters:\n      data:\n      - path: event_type\n        type: string\n        value: ["
	loopTrigger = `  template:
    serviceAccountName: sensor
  triggers:
  - template:
      name: reclean
      k8s:
        operation: create
        source:
          resource:
            apiVersion: argoproj.io/v1alpha1
            kind: Workflow
            metadata: {generateName: reclean-, namespace: argo-events}
            spec:
              serviceAccountName: workflow
              entrypoint: provide
              templates:
              - name: provide
                container:
                  image: ghcr.io/rackerlabs/understack/openstack-client:latest
                  command: [openstack]
                  args: [baremetal, node, provide, node-1]
`

	mutex = "              synchronization:\n                mutexes: [{name: nautobot}]\n"

	osloTemplate = `---
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: openstack-oslo-event, namespace: argo-events}
spec:
  entrypoint: main
  serviceAccountName: workflow
  arguments:
    parameters:
    - {name: event-json}
  templates:
  - name: main
    inputs:
      artifacts:
      - {name: event, path: /tmp/event.json, raw: {data: "{{workflow.parameters.event-json}}"}}
    container:
      image: ghcr.io/rackerlabs/understack/ironic-nautobot-client:latest
      command: [openstack-oslo-event]
      args: [--file, /tmp/event.json]
`
)

// osloSensor is one that hands some events of Ironic to openstack-oslo-event.
func osloSensor(name, types, synchronization string) string {
	return strings.Replace(ironicSensor, "ironic-node", name, 1) + unwrap + "    filters:\n      data:\n      - path: event_type\n        type: string\n        value: [" + types + `]
  template:
    serviceAccountName: sensor
  triggers:
  - template:
      name: sync
      k8s:
        operation: create
        parameters:
        - src: {dependencyName: node, dataTemplate: "{{ .Input | toJson }}"}
          dest: spec.arguments.parameters.0.value
        source:
          resource:
            apiVersion: argoproj.io/v1alpha1
            kind: Workflow
            metadata: {generateName: ` + name + `-, namespace: argo-events}
            spec:
              workflowTemplateRef: {name: openstack-oslo-event}
              arguments:
                parameters:
                - {name: event-json, value: set by the trigger}
` + synchronization
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

func checkLoop(in *Input, report Report) {
	all := effects.Of(in)
	for i := range all {
		if path := loop(all, i); path != "" {
			report(all[i].sensor.Object, all[i].path, fmt.Sprintf("trigger %s may start itself again: %s", all[i].name(), path), "filter on what the trigger changes, so that its own effect does not pass")
		}
	}
	for _, t := range triggerObjects.Of(in) {
		if t.object == nil {
			continue
		}
		for _, d := range sensorDependencies.Of(in) {
			if d.sensor.Unstructured == t.sensor.Unstructured && d.found && d.event.Resource != nil && d.spec.Filters == nil && d.program == nil && d.lua() == "" &&
				conditionNames(t.trigger.Template.Conditions, d.spec.Name) && watches(d.event.Resource, t) {
				report(t.sensor.Object, t.path, fmt.Sprintf("trigger %s starts itself again: event %s reports what it does with %s", t.name(), d.event.Name, d.event.Resource.Resource), "a label filter in the EventSource that the object does not meet")
			}
		}
	}
}

// loop follows what a trigger raises until it comes back to it; "" if it does not, otherwise the way in words.
func loop(all []effect, start int) string {
	type visit struct {
		at  int
		way string
	}
	seen := map[int]bool{}
	queue := []visit{{at: start}}
	for len(queue) > 0 {
		here := queue[0]
		queue = queue[1:]
		for _, raised := range all[here.at].raises {
			for next := range all {
				started := common(raised.types, all[next].types)
				if len(started) == 0 {
					continue
				}
				way := fmt.Sprintf("%s%s makes the service send %s", here.way, raised.by, strings.Join(started, ", "))
				if next == start {
					return way
				}
				if !seen[next] {
					seen[next] = true
					queue = append(queue, visit{next, way + ", which starts " + sensorName(all[next].sensor) + ", where "})
				}
			}
		}
	}
	return ""
}

// watches reports whether an EventSource reports what a trigger does.
func watches(source *aev1.ResourceEventSource, t triggered) bool {
	gvr, _ := meta.UnsafeGuessKindToResource(t.object.GroupVersionKind())
	if gvr.Group != source.Group || gvr.Resource != source.Resource || source.Namespace != "" && source.Namespace != t.namespace() {
		return false
	}
	does := aev1.ADD
	if k8s := t.trigger.Template.K8s; k8s != nil {
		switch k8sOperation(k8s) {
		case aev1.Update, aev1.Patch:
			does = aev1.UPDATE
		case aev1.Delete:
			does = aev1.DELETE
		}
	} else if op := t.trigger.Template.ArgoWorkflow.Operation; op != "" && op != aev1.Submit {
		return false
	}
	if !slices.Contains(source.EventTypes, does) {
		return false
	}
	if source.Filter == nil {
		return true
	}
	if len(source.Filter.Fields) > 0 || !strings.HasPrefix(t.object.GetName()+t.object.GetGenerateName(), source.Filter.Prefix) {
		return false
	}
	has := labels.Set{"events.argoproj.io/sensor": t.sensor.GetName(), "events.argoproj.io/trigger": t.name(), "events.argoproj.io/action-timestamp": "0"}
	for key, value := range t.object.GetLabels() {
		has[key] = value
	}
	for _, selector := range source.Filter.Labels {
		operator := selection.Equals
		if selector.Operation != "" {
			operator = selection.Operator(selector.Operation)
		}
		values := []string{selector.Value}
		switch {
		case operator == selection.In || operator == selection.NotIn:
			values = strings.Split(selector.Value, ",")
		case selector.Value == "":
			values = nil
		}
		requirement, err := labels.NewRequirement(selector.Key, operator, values)
		if err != nil || !requirement.Matches(has) {
			return false
		}
	}
	return true
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
		report(writers[record][0].sensor.Object, writers[record][0].path, fmt.Sprintf("the workflows of Sensors %s write %s, and nothing keeps them from doing so at once", strings.Join(names, ", "), record),
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
			report(e.sensor.Object, e.path, fmt.Sprintf("trigger %s: a workflow for %s that runs late undoes that of %s; nothing keeps the order", e.name(), strings.Join(others, " or "), strings.Join(deletes, ", ")),
				"let the handler look at the present state, and keep its workflows apart with a mutex")
		}
	}
}
