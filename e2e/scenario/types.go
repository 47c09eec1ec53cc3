// Package scenario is what a test of a pipeline says and how it is run: the schema of a scenario file, a strict loader
// that names file, line and the nearest right field, variables, a runner, and the expectations.
//
// In go YAML files and a Rig; out comes one Result per scenario. The package does not know Kubernetes: what a rig sees
// of its cluster arrives as records of the ledger through the Observer, which e2e/observe implements.
package scenario

// APIVersion and Kind head every scenario document.
const (
	APIVersion = "eventrig.dev/v1alpha1"
	Kind       = "Scenario"
)

// Scenario is one document of a scenario file.
type Scenario struct {
	APIVersion string   `yaml:"apiVersion" json:"apiVersion" jsonschema:"enum=eventrig.dev/v1alpha1"`
	Kind       string   `yaml:"kind" json:"kind" jsonschema:"enum=Scenario"`
	Metadata   Metadata `yaml:"metadata" json:"metadata"`
	Spec       Spec     `yaml:"spec" json:"spec"`

	// File and Line say where the document begins; they are not part of the file.
	File string `yaml:"-" json:"file,omitempty" jsonschema:"-"`
	Line int    `yaml:"-" json:"line,omitempty" jsonschema:"-"`
}

// Metadata names and labels a scenario.
type Metadata struct {
	Name        string            `yaml:"name" json:"name" jsonschema:"description=unique name, lower case with dashes"`
	Description string            `yaml:"description,omitempty" json:"description,omitempty"`
	Labels      map[string]string `yaml:"labels,omitempty" json:"labels,omitempty"`
}

// Spec is the body of a scenario.
type Spec struct {
	Vars        map[string]string `yaml:"vars,omitempty" json:"vars,omitempty" jsonschema:"description=a literal or one of uuid hex name: drawn from --seed and unique per run"`
	Tiers       []string          `yaml:"tiers,omitempty" json:"tiers,omitempty" jsonschema:"description=tiers the scenario runs at; all when empty"`
	Timeout     string            `yaml:"timeout,omitempty" json:"timeout,omitempty" jsonschema:"description=a Go duration; 60s when empty"`
	KnownDefect string            `yaml:"known-defect,omitempty" json:"known-defect,omitempty" jsonschema:"description=the recorded defect that then describes; the scenario fails when it is gone"`
	Given       Given             `yaml:"given,omitempty" json:"given,omitempty"`
	When        []Step            `yaml:"when" json:"when"`
	Then        Then              `yaml:"then" json:"then"`
}

// Given is the state before the first step.
type Given struct {
	Worlds    []string         `yaml:"worlds,omitempty" json:"worlds,omitempty" jsonschema:"description=names of embedded worlds or paths of world files; what a new rig holds when empty"`
	Manifests []string         `yaml:"manifests,omitempty" json:"manifests,omitempty" jsonschema:"description=manifest files beside the scenario"`
	Objects   []map[string]any `yaml:"objects,omitempty" json:"objects,omitempty" jsonschema:"description=Kubernetes objects to apply; removed afterwards"`
	Faults    []Fault          `yaml:"faults,omitempty" json:"faults,omitempty" jsonschema:"description=faults in force from the start; taken back at the end"`
}

// Step is one action; exactly one of its fields is set.
type Step struct {
	Publish     *Publish         `yaml:"publish,omitempty" json:"publish,omitempty"`
	Replay      *Replay          `yaml:"replay,omitempty" json:"replay,omitempty"`
	OpenStack   *OpenStackChange `yaml:"openstack,omitempty" json:"openstack,omitempty"`
	Webhook     *Webhook         `yaml:"webhook,omitempty" json:"webhook,omitempty"`
	Apply       *Objects         `yaml:"apply,omitempty" json:"apply,omitempty"`
	Delete      *Objects         `yaml:"delete,omitempty" json:"delete,omitempty"`
	Submit      *Submit          `yaml:"submit,omitempty" json:"submit,omitempty"`
	Fault       *Fault           `yaml:"fault,omitempty" json:"fault,omitempty"`
	WaitSettled *WaitSettled     `yaml:"wait-settled,omitempty" json:"wait-settled,omitempty"`
	WaitReady   *WaitReady       `yaml:"wait-ready,omitempty" json:"wait-ready,omitempty"`

	// Line is where the step begins.
	Line int `yaml:"-" json:"line,omitempty" jsonschema:"-"`
}

// Publish sends a notification, either one of the catalogue (Event) or a body as it is (Raw with VHost, Exchange and
// RoutingKey).
type Publish struct {
	Event      string         `yaml:"event,omitempty" json:"event,omitempty" jsonschema:"description=SERVICE/EVENT_TYPE of the catalogue"`
	Set        map[string]any `yaml:"set,omitempty" json:"set,omitempty" jsonschema:"description=path in the notification -> value"`
	Fill       map[string]int `yaml:"fill,omitempty" json:"fill,omitempty" jsonschema:"description=path in the notification -> length in bytes of a text put there: for messages that are too large to write down"`
	Remove     []string       `yaml:"remove,omitempty" json:"remove,omitempty" jsonschema:"description=paths taken out of the notification"`
	Driver     string         `yaml:"driver,omitempty" json:"driver,omitempty" jsonschema:"enum=messagingv2,enum=messaging,description=oslo driver; messagingv2 when empty"`
	Count      int            `yaml:"count,omitempty" json:"count,omitempty" jsonschema:"description=how many; 1 when empty"`
	Raw        string         `yaml:"raw,omitempty" json:"raw,omitempty" jsonschema:"description=body sent byte for byte"`
	VHost      string         `yaml:"vhost,omitempty" json:"vhost,omitempty"`
	Exchange   string         `yaml:"exchange,omitempty" json:"exchange,omitempty"`
	RoutingKey string         `yaml:"routing-key,omitempty" json:"routing-key,omitempty"`
}

// OpenStackChange changes the OpenStack simulator's state, as the cloud's administrator would through its API. Resources are
// named as then.openstack names them: projects, baremetal/nodes, network/ports; project and domain do, too.
type OpenStackChange struct {
	Create string         `yaml:"create,omitempty" json:"create,omitempty" jsonschema:"description=kind of resource: projects or baremetal/nodes or network/ports or compute/servers or volume/types and so on (see the coverage of the simulated OpenStack)"`
	Update string         `yaml:"update,omitempty" json:"update,omitempty" jsonschema:"description=kind of resource whose fields in set are changed"`
	Delete string         `yaml:"delete,omitempty" json:"delete,omitempty" jsonschema:"description=kind of resource to delete"`
	Action string         `yaml:"action,omitempty" json:"action,omitempty" jsonschema:"description=kind of resource to act on as do says"`
	Do     string         `yaml:"do,omitempty" json:"do,omitempty" jsonschema:"description=of action: a node's verb (manage inspect provide clean active deleted rebuild adopt rescue) or power-on power-off reboot maintenance-set maintenance-unset vif-attach traits-set; a server's or volume's action in the API's name (os-stop rebuild)"`
	Call   string         `yaml:"call,omitempty" json:"call,omitempty" jsonschema:"description=any request instead: METHOD and path on the simulator with set as its body"`
	ID     string         `yaml:"id,omitempty" json:"id,omitempty" jsonschema:"description=the resource's identifier; a creation without one draws it"`
	Set    map[string]any `yaml:"set,omitempty" json:"set,omitempty" jsonschema:"description=fields of what is created or changed in the API's names; arguments of an action. An update of a bare metal resource takes paths such as extra/role"`
	Status int            `yaml:"status,omitempty" json:"status,omitempty" jsonschema:"description=HTTP status of the answer that is wanted; any success when empty"`
	// Project is what a server belongs to: Nova takes it from the token and from nothing else.
	Project string `yaml:"project,omitempty" json:"project,omitempty" jsonschema:"description=id of the project in which the administrator asks for it (of a server its owner); the administrator's own when empty"`
	Notify  bool   `yaml:"notify,omitempty" json:"notify,omitempty" jsonschema:"description=publish what the service itself would publish of the change; without it a publish step says what is published"`
}

// Objects are Kubernetes objects, written out or in a file beside the scenario. A delete needs apiVersion, kind and
// metadata only.
type Objects struct {
	File    string           `yaml:"file,omitempty" json:"file,omitempty"`
	Objects []map[string]any `yaml:"objects,omitempty" json:"objects,omitempty"`
}

// WaitSettled waits until the chain is settled for everything published so far.
type WaitSettled struct{}

// WaitReady waits until every EventSource consumes and every Sensor is subscribed. Steps that publish do so of themselves, but
// not after a fault: what is sent while the chain is disturbed goes out at once.
type WaitReady struct{}

// Then is what must hold once the chain is settled.
type Then struct {
	Sensors   []SensorExpectation   `yaml:"sensors,omitempty" json:"sensors,omitempty"`
	Workflows []WorkflowExpectation `yaml:"workflows,omitempty" json:"workflows,omitempty"`
	Nautobot  []RecordExpectation   `yaml:"nautobot,omitempty" json:"nautobot,omitempty"`
	OpenStack []RecordExpectation   `yaml:"openstack,omitempty" json:"openstack,omitempty"`
	ONTAP     []RecordExpectation   `yaml:"ontap,omitempty" json:"ontap,omitempty"`
	Requests  []RequestExpectation  `yaml:"requests,omitempty" json:"requests,omitempty"`
	Pods      []PodExpectation      `yaml:"pods,omitempty" json:"pods,omitempty"`
	Objects   []ObjectExpectation   `yaml:"objects,omitempty" json:"objects,omitempty"`
	Ledger    *LedgerExpectation    `yaml:"ledger,omitempty" json:"ledger,omitempty"`
}

// empty says whether nothing is expected.
func (t Then) empty() bool {
	return len(t.Sensors)+len(t.Workflows)+len(t.Nautobot)+len(t.OpenStack)+len(t.ONTAP)+len(t.Requests)+len(t.Pods)+len(t.Objects) == 0 && t.Ledger == nil
}

// SensorExpectation counts the executions of a Sensor's triggers for this scenario's events.
type SensorExpectation struct {
	Name    string `yaml:"name" json:"name" jsonschema:"description=name or namespace/name"`
	Trigger string `yaml:"trigger,omitempty" json:"trigger,omitempty" jsonschema:"description=one trigger of several"`
	Fires   *Count `yaml:"fires,omitempty" json:"fires,omitempty" jsonschema:"description=triggers that succeeded"`
	Fails   *Count `yaml:"fails,omitempty" json:"fails,omitempty" jsonschema:"description=triggers that failed and transforms that failed"`
	Reason  string `yaml:"reason,omitempty" json:"reason,omitempty" jsonschema:"description=regular expression that the failure's (or, with fires: 0, the refusal's) message matches"`
	Line    int    `yaml:"-" json:"line,omitempty" jsonschema:"-"`
}

// WorkflowExpectation describes the Workflows that this scenario's events caused.
type WorkflowExpectation struct {
	Sensor     string            `yaml:"sensor,omitempty" json:"sensor,omitempty" jsonschema:"description=the Sensor that made them: name or namespace/name"`
	Template   string            `yaml:"template,omitempty" json:"template,omitempty" jsonschema:"description=instead of sensor: the WorkflowTemplate or CronWorkflow of a submit step"`
	Namespace  string            `yaml:"namespace,omitempty" json:"namespace,omitempty"`
	Phase      string            `yaml:"phase,omitempty" json:"phase,omitempty" jsonschema:"enum=Succeeded,enum=Failed,enum=Error,enum=Pending,enum=Running"`
	Parameters map[string]string `yaml:"parameters,omitempty" json:"parameters,omitempty" jsonschema:"description=values that must be equal; others are free"`
	Message    string            `yaml:"message,omitempty" json:"message,omitempty" jsonschema:"description=regular expression for status.message"`
	Count      *Count            `yaml:"count,omitempty" json:"count,omitempty" jsonschema:"description=how many match; 1 when empty"`
	Line       int               `yaml:"-" json:"line,omitempty" jsonschema:"-"`
}

// RecordExpectation describes records in a simulator's store.
type RecordExpectation struct {
	Path   string         `yaml:"path" json:"path" jsonschema:"description=such as tenancy/tenants or projects"`
	Where  map[string]any `yaml:"where,omitempty" json:"where,omitempty"`
	Count  *Count         `yaml:"count,omitempty" json:"count,omitempty" jsonschema:"description=how many match where; >=1 when empty"`
	Fields map[string]any `yaml:"fields,omitempty" json:"fields,omitempty" jsonschema:"description=what each of them must hold; dots go into objects"`
	Line   int            `yaml:"-" json:"line,omitempty" jsonschema:"-"`
}

// RequestExpectation counts the requests that the pods of this scenario's Workflows made.
type RequestExpectation struct {
	To     string         `yaml:"to" json:"to" jsonschema:"enum=nautobot,enum=openstack,enum=ontap,enum=undersync"`
	Method string         `yaml:"method,omitempty" json:"method,omitempty"`
	Path   string         `yaml:"path,omitempty" json:"path,omitempty" jsonschema:"description=exact, or with * for any text"`
	Status int            `yaml:"status,omitempty" json:"status,omitempty"`
	Body   map[string]any `yaml:"body,omitempty" json:"body,omitempty" jsonschema:"description=fields of the JSON that was sent; dots go into objects and lists, others are free"`
	Count  *Count         `yaml:"count,omitempty" json:"count,omitempty" jsonschema:"description=1 when empty"`
	Line   int            `yaml:"-" json:"line,omitempty" jsonschema:"-"`
}

// PodExpectation describes the pods of this scenario's Workflows.
type PodExpectation struct {
	Sensor   string `yaml:"sensor,omitempty" json:"sensor,omitempty" jsonschema:"description=the Sensor behind their Workflow or Job: name or namespace/name"`
	Template string `yaml:"template,omitempty" json:"template,omitempty" jsonschema:"description=instead of sensor: the WorkflowTemplate or CronWorkflow of a submit step"`
	ExitCode *int   `yaml:"exitCode,omitempty" json:"exitCode,omitempty" jsonschema:"description=of the main container"`
	Count    *Count `yaml:"count,omitempty" json:"count,omitempty" jsonschema:"description=1 when empty"`
	Line     int    `yaml:"-" json:"line,omitempty" jsonschema:"-"`
}

// ObjectExpectation describes Kubernetes objects of any kind, those that this scenario's events caused or any.
type ObjectExpectation struct {
	APIVersion string            `yaml:"apiVersion" json:"apiVersion"`
	Kind       string            `yaml:"kind" json:"kind"`
	Namespace  string            `yaml:"namespace,omitempty" json:"namespace,omitempty" jsonschema:"description=all namespaces when empty"`
	Name       string            `yaml:"name,omitempty" json:"name,omitempty"`
	Labels     map[string]string `yaml:"labels,omitempty" json:"labels,omitempty" jsonschema:"description=labels that the objects have; others are free"`
	Sensor     string            `yaml:"sensor,omitempty" json:"sensor,omitempty" jsonschema:"description=only the Workflows or Jobs that this Sensor made of this scenario's events"`
	Count      *Count            `yaml:"count,omitempty" json:"count,omitempty" jsonschema:"description=how many there are; >=1 when empty"`
	Fields     map[string]any    `yaml:"fields,omitempty" json:"fields,omitempty" jsonschema:"description=what each of them must hold; dots go into objects and lists"`
	Line       int               `yaml:"-" json:"line,omitempty" jsonschema:"-"`
}

// LedgerExpectation bounds figures over the whole scenario.
type LedgerExpectation struct {
	Lost       *Count            `yaml:"lost,omitempty" json:"lost,omitempty" jsonschema:"description=events published and routed that never reached the bus"`
	Duplicates *Count            `yaml:"duplicates,omitempty" json:"duplicates,omitempty" jsonschema:"description=events that reached the bus more than once"`
	Order      []string          `yaml:"order,omitempty" json:"order,omitempty" jsonschema:"description=hops that the events must pass in the order in which they were published"`
	MaxLatency map[string]string `yaml:"maxLatency,omitempty" json:"maxLatency,omitempty" jsonschema:"description=hop -> the longest time (a Go duration) from an event's publication to its arrival there; workflow is a Workflow's creation and finished its end"`
	Line       int               `yaml:"-" json:"line,omitempty" jsonschema:"-"`
}
