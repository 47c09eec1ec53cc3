package scenario

// Replay sends recorded messages as they are, byte for byte. A message that says nothing about its route goes where the
// catalogue sends notifications of its service and type.
type Replay struct {
	File       string `yaml:"file" json:"file" jsonschema:"description=beside the scenario: one message as it lay in the queue, JSON Lines of such messages, or what RabbitMQ's management API returns for a queue's messages"`
	VHost      string `yaml:"vhost,omitempty" json:"vhost,omitempty"`
	Exchange   string `yaml:"exchange,omitempty" json:"exchange,omitempty"`
	RoutingKey string `yaml:"routing-key,omitempty" json:"routing-key,omitempty"`

	// Messages is what the file holds; the loader reads it.
	Messages []Recorded `yaml:"-" json:"messages,omitempty" jsonschema:"-"`
}

// Webhook calls a webhook EventSource from inside the rig, as Alertmanager or Nautobot would.
type Webhook struct {
	EventSource string            `yaml:"eventSource" json:"eventSource" jsonschema:"description=name or namespace/name"`
	Event       string            `yaml:"event" json:"event" jsonschema:"description=which of its events"`
	Body        any               `yaml:"body,omitempty" json:"body,omitempty" jsonschema:"description=sent as JSON; a text is sent as it is"`
	Method      string            `yaml:"method,omitempty" json:"method,omitempty" jsonschema:"description=the EventSource's own when empty"`
	Headers     map[string]string `yaml:"headers,omitempty" json:"headers,omitempty"`
	Status      int               `yaml:"status,omitempty" json:"status,omitempty" jsonschema:"description=of the answer that is wanted; 200 when empty. Any other is that of a call that makes no event"`
}

// Submit starts a Workflow from a WorkflowTemplate or, once and now, from a CronWorkflow, as `argo submit --from` does.
type Submit struct {
	Template     string            `yaml:"template,omitempty" json:"template,omitempty" jsonschema:"description=WorkflowTemplate: namespace/name"`
	CronWorkflow string            `yaml:"cronWorkflow,omitempty" json:"cronWorkflow,omitempty" jsonschema:"description=instead of template: CronWorkflow: namespace/name. It runs whether it is due or suspended"`
	Parameters   map[string]string `yaml:"parameters,omitempty" json:"parameters,omitempty"`
	As           string            `yaml:"as,omitempty" json:"as,omitempty" jsonschema:"description=user to submit as, such as system:serviceaccount:argo-events:operate-workflow-sa; the rig's administrator when empty"`
}

// From is what the Workflow is made from, by which expectations know it: namespace/name.
func (s Submit) From() string { return cmpText(s.Template, s.CronWorkflow) }

// Kind is that of the object which From names: WorkflowTemplate or CronWorkflow.
func (s Submit) Kind() string {
	if s.CronWorkflow != "" {
		return "CronWorkflow"
	}
	return "WorkflowTemplate"
}

// Fault makes a part of the rig misbehave, until the scenario ends or a step clears it. Exactly one of its fields is set.
type Fault struct {
	Nautobot   map[string]any `yaml:"nautobot,omitempty" json:"nautobot,omitempty" jsonschema:"description=a rule of the simulator's /_eventrig/faults: method path skip times status body delaySeconds drop after"`
	OpenStack  map[string]any `yaml:"openstack,omitempty" json:"openstack,omitempty" jsonschema:"description=as for nautobot"`
	ONTAP      map[string]any `yaml:"ontap,omitempty" json:"ontap,omitempty" jsonschema:"description=as for nautobot"`
	Undersync  map[string]any `yaml:"undersync,omitempty" json:"undersync,omitempty" jsonschema:"description=as for nautobot"`
	Broker     string         `yaml:"broker,omitempty" json:"broker,omitempty" jsonschema:"enum=restart,enum=stop,enum=start,enum=close-connections,description=stop and restart end the server as a crash would: connections break and the queues stay; close-connections ends every connection as an operator does with rabbitmqctl close_all_connections: the server runs on"`
	DeletePods *Component     `yaml:"delete-pods,omitempty" json:"delete-pods,omitempty" jsonschema:"description=deletes the pods of a component; its controller makes new ones"`
	Scale      *Scale         `yaml:"scale,omitempty" json:"scale,omitempty" jsonschema:"description=changes the number of a component's pods"`
	Refuse     string         `yaml:"refuse,omitempty" json:"refuse,omitempty" jsonschema:"enum=nautobot,enum=openstack,enum=ontap,enum=undersync,description=nothing listens any more where the simulator did: connections to it are refused"`
	Clear      bool           `yaml:"clear,omitempty" json:"clear,omitempty" jsonschema:"description=takes back every fault so far"`
}

// componentKinds are what has pods that a fault is about.
var componentKinds = []string{"EventSource", "Sensor", "EventBus", "Deployment"}

// Component is an EventSource, a Sensor or an EventBus, or a Deployment such as that of a controller, by which its pods are
// found.
type Component struct {
	Kind string `yaml:"kind" json:"kind" jsonschema:"enum=EventSource,enum=Sensor,enum=EventBus,enum=Deployment"`
	Name string `yaml:"name" json:"name" jsonschema:"description=namespace/name"`
}

// Scale is a component and how many pods it is to have.
type Scale struct {
	Kind     string `yaml:"kind" json:"kind" jsonschema:"enum=EventSource,enum=Sensor,enum=EventBus,enum=Deployment"`
	Name     string `yaml:"name" json:"name" jsonschema:"description=namespace/name"`
	Replicas int    `yaml:"replicas" json:"replicas" jsonschema:"minimum=0"`
}

// Rules are the fault rules by simulator; nil where the fault has none for it.
func (f Fault) Rules() map[string]map[string]any {
	return map[string]map[string]any{"nautobot": f.Nautobot, "openstack": f.OpenStack, "ontap": f.ONTAP, "undersync": f.Undersync}
}

// alone says why a fault leaves no room for other scenarios, "" where it concerns the scenario's own simulators only.
func (f Fault) alone() string {
	switch {
	case f.Broker != "":
		return "it disturbs the broker"
	case f.DeletePods != nil:
		return "it deletes pods of " + f.DeletePods.Kind + " " + f.DeletePods.Name
	case f.Scale != nil:
		return "it scales " + f.Scale.Kind + " " + f.Scale.Name
	case f.Refuse != "":
		return "it takes " + f.Refuse + " away from everybody"
	}
	return ""
}
