package mutate

// Operators are all sorts of changes, in the order in which a pipeline goes: what an EventSource takes, what a Sensor lets
// through, what it makes, what the Workflow does, and who may do it.
var Operators = []Operator{
	{Name: "source-route", Does: "an AMQP EventSource's exchange, routing key, exchange type or virtual host is another one", Offline: true, probe: true, make: sourceRoute},
	{Name: "source-queue", Does: "what an AMQP EventSource declares and how it consumes is another way", make: sourceQueue},
	{Name: "source-webhook", Does: "a webhook's endpoint or method is another one", Offline: true, make: sourceWebhook},
	{Name: "source-resource", Does: "a resource EventSource watches another thing, other changes, or with other labels", make: sourceResource},
	{Name: "source-drop", Does: "an event of an EventSource is gone", Offline: true, probe: true, make: sourceDrop},

	{Name: "event-source", Does: "a dependency's eventSourceName is another one", Offline: true, probe: true, make: eventSource},
	{Name: "event-name", Does: "a dependency's eventName is another one", Offline: true, probe: true, make: eventName},
	{Name: "transform", Does: "a transform is gone, fails, or reads or writes another field", Offline: true, probe: true, make: transform},
	{Name: "filter-drop", Does: "a filter is gone", Offline: true, probe: true, make: filterDrop},
	{Name: "filter-value", Does: "a value of a filter is another one", Offline: true, probe: true, make: filterValue},
	{Name: "filter-value-drop", Does: "one of several values of a filter is gone", Offline: true, probe: true, make: filterValueDrop},
	{Name: "filter-widen", Does: "a value of a filter matches more: its last part is gone", Offline: true, probe: true, make: filterWiden},
	{Name: "filter-comparator", Does: "a filter's comparator is another one, or its opposite", Offline: true, probe: true, make: filterComparator},
	{Name: "filter-path", Does: "a filter looks at another path", Offline: true, probe: true, make: filterPath},
	{Name: "filter-operator", Does: "how filters are joined is the other way: and, or", Offline: true, probe: true, make: filterOperator},

	{Name: "trigger-drop", Does: "a trigger is gone", Offline: true, probe: true, make: triggerDrop},
	{Name: "trigger-conditions", Does: "a trigger's conditions are joined the other way, or gone", Offline: true, probe: true, make: triggerConditions},
	{Name: "trigger-delivery", Does: "a trigger's retries, its at-least-once or its rate limit are gone", make: triggerDelivery},
	{Name: "trigger-operation", Does: "a trigger does something else with its object", make: triggerOperation},
	{Name: "parameter-drop", Does: "a trigger's parameter is gone", Offline: true, probe: true, make: parameterDrop},
	{Name: "parameter-source", Does: "a trigger's parameter is taken from another path", Offline: true, probe: true, make: parameterSource},
	{Name: "parameter-swap", Does: "a trigger's parameter has the source of the next one", Offline: true, probe: true, make: parameterSwap},
	{Name: "parameter-dest", Does: "a trigger's parameter is put elsewhere", Offline: true, probe: true, make: parameterDest},
	{Name: "parameter-default", Does: "a trigger's parameter has another default, or none", Offline: true, probe: true, make: parameterDefault},
	{Name: "created-namespace", Does: "what a trigger creates goes into another namespace", Offline: true, probe: true, make: createdNamespace},

	{Name: "template-name", Does: "another WorkflowTemplate, or another template of it, is named", make: templateName},
	{Name: "entrypoint", Does: "a Workflow begins with another template, or its exit handler is gone", make: entrypoint},
	{Name: "argument-default", Does: "an argument of a Workflow or an input of a template has another default, or none", make: argumentDefault},
	{Name: "argument-value", Does: "an argument that a step hands on is another one, or gone", make: argumentValue},
	{Name: "when", Does: "a step's condition is negated, or gone", make: when},
	{Name: "step-drop", Does: "a step or task is gone", make: stepDrop},
	{Name: "step-order", Does: "two steps change places, or a task waits for nothing", make: stepOrder},
	{Name: "continue-on", Does: "a step's failure counts the other way", make: continueOn},
	{Name: "retries", Does: "the retries of a Workflow, a template or a Job are gone", make: retries},
	{Name: "concurrency", Does: "a lock, a deadline or a bound on how many run is gone", make: concurrency},
	{Name: "output", Does: "an output is read from elsewhere, or has another default", make: output},
	{Name: "artifact", Does: "an artifact lies elsewhere, or holds something else", make: artifact},

	{Name: "command", Does: "a container runs another command", make: command},
	{Name: "args-drop", Does: "an argument of a container's command is gone", make: argsDrop},
	{Name: "args-value", Does: "an argument of a container's command is another one: a flag, a subcommand, a value", make: argsValue},
	{Name: "script-line", Does: "a command of a shell script is left out", make: scriptLine},
	{Name: "script-word", Does: "a literal of a program is another one", make: scriptWord},
	{Name: "env", Does: "an environment variable is gone, or has another value", make: env},
	{Name: "env-from", Does: "a Secret or ConfigMap is no more in the environment", make: envFrom},
	{Name: "mount", Does: "a volume is mounted elsewhere, or not at all", make: mount},
	{Name: "secret-name", Does: "another Secret, ConfigMap, or key of one, is named", make: secretName},
	{Name: "schedule", Does: "a CronWorkflow starts at another time, or beside itself", make: schedule},

	{Name: "service-account", Does: "pods run as another ServiceAccount", make: serviceAccount},
	{Name: "rbac-verb", Does: "a verb of a role is gone", Offline: true, make: rbacVerb},
	{Name: "rbac-resource", Does: "a resource of a role is gone", Offline: true, make: rbacResource},
	{Name: "rbac-binding", Does: "a binding, or one of its subjects, is gone", Offline: true, make: rbacBinding},
	{Name: "rbac-account", Does: "a ServiceAccount is gone", make: rbacAccount},
}

// Names are the operators' names.
func Names() []string {
	names := make([]string, len(Operators))
	for i := range Operators {
		names[i] = Operators[i].Name
	}
	return names
}
