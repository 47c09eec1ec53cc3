package observe

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/ledger"
)

// state is everything observed so far. It has no lock: Observer holds one around each call.
type state struct {
	index
	pipelines int // counts the changes of Sensors and EventSources: what is owed by them is computed once for each
	record    func(ledger.Record)
	sensors   map[string]*v1alpha1.Sensor
	sources   map[string]*v1alpha1.EventSource

	messages     map[string]*message
	events       map[string]*event // by CloudEvent id
	outcomes     map[subject]map[string]*outcome
	anonymous    map[subject][]line // outcomes logged without an event's id
	refusals     map[string][]refusal
	components   map[string]*component // pods of EventSources and Sensors, by uid
	objects      map[string]*object    // Workflows and Jobs, Kind/ns/name
	pods         map[string]*pod       // by uid
	requests     []Request
	taken        map[string]bool // requests by simulator and sequence
	openRequests []Request
	expected     map[string]int64     // generation of applied EventSources and Sensors, by "Kind namespace/name"
	sendings     map[string][]sending // of one body, by the key of its content
	adopted      map[string]string    // WorkflowTemplate of each submitted Workflow, by Kind/ns/name
	leaving      map[string]bool      // uids of pods that were deleted
	creations    map[string]creation  // of Workflows and Jobs by the audit log, by Kind/ns/name
	audited      bool                 // the audit log is being read: each creation gets its line
	waitsIn      string               // the queue before the EventSource that open waits for
	others       map[string]string    // addresses of pods that no Workflow and no Job owns, by uid
}

// sending is one time that a body was announced by a scenario.
type sending struct {
	key  string
	from time.Time
}

// message is one published notification, or several with the same key.
type message struct {
	key    string
	first  time.Time
	counts map[string]int // queue -> how many messages it got
	routes map[string]route
}

// event is one CloudEvent that an EventSource made.
type event struct {
	id       string
	key      string
	consumer consumer
	data     json.RawMessage
	time     time.Time
	onBus    bool
	lost     string // why it is not on the bus
	recorded bool
	makes    map[maker]made // what triggers make of it, computed once
	owes     []expected     // what Sensors owe for it, as of the change of pipelines that owesAt counts
	owesAt   int
}

// maker is a trigger of a Sensor at one generation.
type maker struct {
	who        subject
	generation int64
}

// refusal is a message that an EventSource made no event of; its log does not say which.
type refusal struct {
	time  time.Time
	cause string
	taken bool
}

// subject is one trigger of one Sensor.
type subject struct{ sensor, trigger string }

// outcome is what a trigger did with an event.
type outcome struct {
	verdict  string // fires, filtered, filter-error, transform-error, waiting, duplicate
	cause    string
	time     time.Time
	runs     []execution
	recorded int  // how many runs are in the ledger
	decided  bool // the decision is in the ledger
}

// execution is one run of a trigger.
type execution struct {
	time   time.Time
	failed bool
	cause  string
	object string // the Workflow or Job it made, once known

	inferred bool // told by the Sensor's counters; its line in the log was dropped, or is still to be read
}

// component is a pod of an EventSource or a Sensor.
type component struct {
	namespace, name string // of the EventSource or Sensor
	source          bool
	container       string
	pod             string
	uid             string
	created         time.Time
	run             string
	debug           bool
	spec            any // what the pod runs with; nil when it does not say
	gone            bool
	ready           map[string]time.Time // what listens, since when by its log
	bus             busState
	publishFailures int    // lines about an event that the next error line repeats
	address         string // of the pod
	account         string // its ServiceAccount
	hostNetwork     bool
	restarts        int32
	logged          map[string]tally // actions that the log told of, by trigger
	bursts          map[string]burst
	sampled         bool // the log had so many lines of one text that the logger may have dropped some
}

// object is a Workflow or Job that a trigger made.
type object struct {
	u         *unstructured.Unstructured
	name      string
	gone      bool
	key       string // the message it belongs to
	event     string
	ambiguous []string
	reason    string
	told      string // the state that the ledger has
	seen      time.Time
	template  string // of one that was submitted
}

// attributed says whether it is known whose it is, if only that it is one of several messages'.
func (o *object) attributed() bool { return o.key != "" || o.ambiguous != nil }

// pod is a pod of a Workflow or Job.
type pod struct {
	p    *corev1.Pod
	gone bool
	told string
}

// Request is a request that a simulator answered.
type Request struct {
	Journal  string // which of a simulator's journals it stands in: scenarios have their own
	Sequence int    // unique per journal; 0 where it is not numbered
	Time     time.Time
	To       string // nautobot, openstack, ...
	Source   string // address, with or without a port
	Method   string
	Path     string
	Query    string
	Body     string // as it was sent
	Status   int
	Changes  []Change
}

// Change is what a request changed in a simulator's store.
type Change struct {
	Path, ID      string
	Before, After map[string]any
}

func newState(record func(ledger.Record)) *state {
	return &state{
		index: newIndex(), pipelines: 1, record: record, sensors: map[string]*v1alpha1.Sensor{}, sources: map[string]*v1alpha1.EventSource{},
		messages: map[string]*message{}, events: map[string]*event{}, outcomes: map[subject]map[string]*outcome{}, anonymous: map[subject][]line{},
		refusals: map[string][]refusal{}, components: map[string]*component{}, objects: map[string]*object{}, pods: map[string]*pod{}, taken: map[string]bool{},
		expected: map[string]int64{}, sendings: map[string][]sending{}, adopted: map[string]string{}, leaving: map[string]bool{}, others: map[string]string{},
		creations: map[string]creation{},
	}
}

// keyFor returns the key of a message that is about to be sent: that of its content or, where a scenario had the same
// content before, one with a number. own are the keys of the scenario that sends it.
func (s *state) keyFor(content string, at time.Time, own []string) string {
	all := s.sendings[content]
	if n := len(all); n > 0 && slices.Contains(own, all[n-1].key) {
		return all[n-1].key
	}
	key := content
	if len(all) > 0 {
		key = fmt.Sprintf("%s#%d", content, len(all)+1)
	}
	s.sendings[content] = append(all, sending{key, at})
	return key
}

// keyAt returns the key of an event with this content that an EventSource made at that time: that of the last sending
// before.
func (s *state) keyAt(content string, at time.Time) string {
	all := s.sendings[content]
	for i := len(all) - 1; i > 0; i-- {
		if !at.Before(all[i].from) {
			return all[i].key
		}
	}
	return content
}

// track notes a published message and the queues that it reaches.
func (s *state) track(key string, at time.Time, routes []route) {
	m := s.messages[key]
	if m == nil {
		m = &message{key: key, first: at, counts: map[string]int{}, routes: map[string]route{}}
		s.messages[key] = m
	}
	for _, r := range routes {
		m.counts[r.queue]++
		m.routes[r.queue] = r
		var names []string
		for _, c := range r.consumers {
			names = append(names, c.String())
		}
		s.record(ledger.Record{Time: at, Hop: ledger.Routed, MessageID: key, Object: strings.Join(names, ", "), Details: map[string]any{"queue": r.queue}})
	}
}

// line takes a log line of a component.
func (s *state) line(c *component, l line) {
	if c.source {
		s.sourceLine(c, l)
		return
	}
	who := subject{c.namespace + "/" + c.name, l.trigger}
	switch l.kind {
	case sensorSubscribed:
		c.ready[l.trigger] = l.time
		c.bus.subscribed(l.client, l.trigger)
	case busLost:
		c.bus.broke(l.client, false, l.time)
	case sensorFiltered:
		s.outcome(who, l, "filtered")
	case sensorFilterError:
		s.outcome(who, l, "filter-error")
	case sensorDuplicate:
		s.outcome(who, l, "duplicate")
	case sensorWaiting:
		if len(l.eventIDs) == 0 {
			s.anonymous[who] = append(s.anonymous[who], l)
		} else {
			s.outcome(who, l, "waiting")
		}
	case sensorTransformError:
		s.anonymous[who] = append(s.anonymous[who], l)
	case sensorTriggered, sensorTriggerFailed:
		s.ran(c, l, s.outcome(who, l, "fires"))
	}
}

// ran notes that a trigger acted for events. A line that comes after the counters told of the same action is not another.
func (s *state) ran(c *component, l line, outcomes []*outcome) {
	late := false
	for _, o := range outcomes {
		run := execution{time: l.time, failed: l.kind == sensorTriggerFailed, cause: l.cause, inferred: l.inferred}
		known := slices.IndexFunc(o.runs, func(earlier execution) bool { return earlier.inferred && earlier.failed == run.failed })
		if known >= 0 && !run.inferred {
			run.object = o.runs[known].object
			o.runs[known] = run
			late = true
			continue
		}
		o.runs = append(o.runs, run)
	}
	if !late {
		c.count(l)
	}
}

func (s *state) outcome(who subject, l line, verdict string) []*outcome {
	if s.outcomes[who] == nil {
		s.outcomes[who] = map[string]*outcome{}
	}
	var out []*outcome
	for _, id := range l.eventIDs {
		s.newOutcomes[decision{who, id}], s.making[id] = true, true
		o := s.outcomes[who][id]
		switch {
		case o == nil:
			o = &outcome{}
			s.outcomes[who][id] = o
		case o.verdict == "fires" && verdict != "fires":
			// A trigger that ran is not undone by a redelivery that a filter or the cache of ids stops.
			out = append(out, o)
			continue
		}
		cause := l.cause
		if verdict == "fires" {
			cause = ""
		}
		if o.verdict != verdict {
			o.decided = false
		}
		o.verdict, o.cause, o.time = verdict, cause, l.time
		out = append(out, o)
	}
	return out
}

func (s *state) sourceLine(c *component, l line) {
	owner := c.namespace + "/" + c.name
	switch l.kind {
	case sourceListening:
		c.ready[l.event] = l.time
	case sourceStarted:
		c.ready[""] = l.time
	case busLost:
		c.bus.broke(l.client, true, l.time)
	case sourceRejoined:
		c.bus.rejoined()
	case sourceEvent:
		s.putEvent(&event{id: l.eventIDs[0], key: s.keyAt(keyOfData(l.data), l.time), data: l.data, time: l.time,
			consumer: consumer{c.namespace, c.name, l.event}})
	case sourcePublished, sourceLost:
		if len(l.eventIDs) == 0 {
			return
		}
		e := s.events[l.eventIDs[0]]
		if e == nil { // the debug line was missed: a follower that began late
			e = &event{id: l.eventIDs[0], time: l.time, consumer: consumer{c.namespace, c.name, l.event}}
			s.putEvent(e)
		}
		// The line with the data does not name the event, this one does.
		e.consumer.event, e.owesAt = l.event, 0
		if l.kind == sourcePublished {
			e.onBus = true
		} else {
			e.lost = l.cause
			c.publishFailures++
		}
	case sourceRefused:
		if c.publishFailures > 0 {
			c.publishFailures-- // the caller logs the failure of the event above once more
			return
		}
		name := owner + "/" + l.event
		s.refusals[name] = append(s.refusals[name], refusal{time: l.time, cause: l.cause})
	case sourceSkipped:
		name := owner + "/" + l.event
		s.refusals[name] = append(s.refusals[name], refusal{time: l.time, cause: "the EventSource's own filter was not met"})
	}
}

func (s *state) setObject(u *unstructured.Unstructured, gone bool) {
	name := fmt.Sprintf("%s/%s/%s", u.GetKind(), u.GetNamespace(), u.GetName())
	o := s.objects[name]
	if o == nil {
		o = &object{name: name, seen: time.Now()}
		s.objects[name] = o
	}
	o.u, o.gone = u, gone
	s.newObjects[name] = true
}

func (s *state) setPod(p *corev1.Pod, gone bool) {
	if ownerOfPod(p) == "" {
		s.setOther(p, gone)
		return
	}
	s.putPod(p, gone)
}

// setOther notes the address of a pod that no Workflow and no Job owns.
func (s *state) setOther(p *corev1.Pod, gone bool) {
	if gone || p.Status.PodIP == "" {
		delete(s.others, string(p.UID))
		return
	}
	s.others[string(p.UID)] = p.Status.PodIP
}

func (s *state) request(r Request) {
	if r.Sequence > 0 {
		id := fmt.Sprint(r.To, " ", r.Journal, " ", r.Sequence)
		if s.taken[id] {
			return
		}
		s.taken[id] = true
	}
	s.requests = append(s.requests, r)
}

// ownerOfPod returns the Workflow or Job of a pod.
func ownerOfPod(p *corev1.Pod) string {
	if name := p.Labels["workflows.argoproj.io/workflow"]; name != "" {
		return "Workflow/" + p.Namespace + "/" + name
	}
	if name := p.Labels["batch.kubernetes.io/job-name"]; name != "" {
		return "Job/" + p.Namespace + "/" + name
	}
	return ""
}

// setComponent notes a pod of an EventSource or Sensor and returns it.
func (s *state) setComponent(p *corev1.Pod, gone bool) *component {
	uid := string(p.UID)
	c := s.components[uid]
	if c == nil {
		c = &component{namespace: p.Namespace, name: p.Labels[v1alpha1.LabelSensorName], container: "main", pod: p.Name, uid: uid,
			created: p.CreationTimestamp.Time, ready: map[string]time.Time{}}
		if c.name == "" {
			c.name, c.source = p.Labels[v1alpha1.LabelEventSourceName], true
		}
		s.components[uid] = c
	}
	if len(p.Spec.Containers) > 0 {
		main := p.Spec.Containers[0]
		for _, candidate := range p.Spec.Containers {
			if candidate.Name == "main" {
				main = candidate
			}
		}
		c.container = main.Name
		c.spec = specOf(main)
		for _, env := range main.Env {
			if env.Name == "LOG_LEVEL" && env.Value == "debug" {
				c.debug = true
			}
		}
	}
	if p.Status.PodIP != "" { // a pod that has ended keeps what it had
		c.address = p.Status.PodIP
	}
	c.account, c.hostNetwork = account(p.Spec.ServiceAccountName), p.Spec.HostNetwork
	for _, status := range p.Status.ContainerStatuses {
		if status.Name == c.container {
			c.restarts = status.RestartCount
		}
	}
	c.gone = gone || p.DeletionTimestamp != nil || s.leaving[uid]
	s.setOther(p, gone)
	return c
}

// notReady names every EventSource and Sensor whose newest pod does not listen yet.
func (s *state) notReady() ([]string, error) {
	newest := func(namespace, name string, source bool) *component {
		var best *component
		for _, c := range s.components {
			if !c.gone && c.source == source && c.namespace == namespace && c.name == name && (best == nil || c.created.After(best.created)) {
				best = c
			}
		}
		return best
	}
	missing := s.unseen()
	check := func(what, namespace, name string, source bool, spec any, want []string) error {
		c := newest(namespace, name, source)
		if c == nil {
			missing = append(missing, what+" has no pod")
			return nil
		}
		if !c.debug {
			return failure.New(failure.Environment, "set LOG_LEVEL=debug in spec.template.container.env; a filter that says no is logged only there",
				"%s: pod %s/%s does not run with LOG_LEVEL=debug", what, c.namespace, c.pod)
		}
		if c.spec != nil && !sameSpec(c.spec, spec) {
			missing = append(missing, fmt.Sprintf("%s: its pod %s still runs an earlier spec", what, c.pod))
			return nil
		}
		for _, lost := range sortedNames(c.bus.off) {
			missing = append(missing, fmt.Sprintf("%s: its pod %s has lost the bus and is not back", strings.TrimSpace(what+" "+lost), c.pod))
		}
		for _, w := range want {
			if c.ready[w].IsZero() {
				missing = append(missing, strings.TrimSpace(fmt.Sprintf("%s %s: its pod %s has not said that it is connected", what, w, c.pod)))
			}
		}
		return nil
	}
	for _, name := range sortedNames(s.sources) {
		source := s.sources[name]
		want := append(sortedNames(source.Spec.AMQP), sortedNames(source.Spec.Resource)...)
		if len(want) == 0 {
			want = []string{""}
		}
		if err := check("EventSource "+name, source.Namespace, source.Name, true, source.Spec, want); err != nil {
			return nil, err
		}
	}
	for _, name := range sortedNames(s.sensors) {
		sensor := s.sensors[name]
		var want []string
		for _, t := range sensor.Spec.Triggers {
			if t.Template != nil {
				want = append(want, t.Template.Name)
			}
		}
		if err := check("Sensor "+name, sensor.Namespace, sensor.Name, false, sensor.Spec, want); err != nil {
			return nil, err
		}
	}
	return missing, nil
}

// actionTime is when the Sensor created the object, by its own clock.
func actionTime(u *unstructured.Unstructured) (time.Time, bool) {
	ms, err := strconv.ParseInt(u.GetLabels()[actionLabel], 10, 64)
	if err != nil {
		return time.Time{}, false
	}
	return time.UnixMilli(ms), true
}
