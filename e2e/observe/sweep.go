package observe

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/ledger"
)

// keyOfData returns the message's key from the data of an AMQP event, whose body is JSON or base64, of a webhook event, or of
// one about an object of the API server.
func keyOfData(data json.RawMessage) string {
	if key := keyOfChange(data); key != "" {
		return key
	}
	var fields struct {
		Body json.RawMessage `json:"body"`
	}
	if json.Unmarshal(data, &fields) != nil || len(fields.Body) == 0 {
		return scenario.BodyKey(data)
	}
	if bytes.HasPrefix(fields.Body, []byte(`"`)) {
		var text string
		if json.Unmarshal(fields.Body, &text) == nil {
			if raw, err := base64.StdEncoding.DecodeString(text); err == nil {
				return scenario.BodyKey(raw)
			}
		}
	}
	return scenario.BodyKey(fields.Body)
}

// sweep works everything observed into records. It may be called at any time and writes each record once.
func (s *state) sweep() {
	s.sweepEvents()
	s.sweepAnonymous()
	s.sweepOutcomes()
	s.sweepObjects()
	s.sweepPods()
	s.sweepRequests()
}

// seenBySensors marks events that a Sensor speaks of as on the bus: of the EventSource's own lines, which all have one
// text, its logger drops some above a hundred a second. Those lines also name the event; without them it is known where
// the EventSource has only one.
func (s *state) seenBySensors() {
	for id := range s.newEvents {
		e := s.events[id]
		if e.onBus || e.lost != "" {
			continue
		}
		for _, byEvent := range s.outcomes {
			if byEvent[id] == nil {
				continue
			}
			if source := s.sources[e.consumer.namespace+"/"+e.consumer.name]; e.consumer.event == "" && source != nil {
				names := slices.Concat(sortedNames(source.Spec.AMQP), sortedNames(source.Spec.Webhook), sortedNames(source.Spec.Resource))
				if len(names) != 1 {
					break
				}
				e.consumer.event, e.owesAt = names[0], 0
			}
			e.onBus = true
			break
		}
	}
}

func (s *state) sweepEvents() {
	s.seenBySensors()
	for _, id := range sortedNames(s.newEvents) {
		e := s.events[id]
		if !e.recorded && (e.key == "" || (!e.onBus && e.lost == "")) {
			continue
		}
		delete(s.newEvents, id)
		if e.recorded {
			continue
		}
		e.recorded = true
		source := fmt.Sprintf("EventSource/%s/%s", e.consumer.namespace, e.consumer.name)
		s.record(ledger.Record{Time: e.time, Hop: ledger.Received, MessageID: e.key, EventID: id, Object: source})
		r := ledger.Record{Time: e.time, Hop: ledger.OnBus, MessageID: e.key, EventID: id, Object: source, Details: map[string]any{"event": e.consumer.event}}
		if e.lost != "" {
			r.Verdict, r.Cause = "failed", e.lost
		}
		s.record(r)
	}
	// A refusal names no message: it is one's own when as many are missing as were refused.
	for _, name := range sortedNames(s.refusals) {
		free := 0
		for _, r := range s.refusals[name] {
			if !r.taken {
				free++
			}
		}
		if free == 0 {
			continue
		}
		missing := s.missingAt(name)
		if len(missing) == 0 || free < len(missing) {
			continue
		}
		i := 0
		for _, key := range missing {
			for s.refusals[name][i].taken {
				i++
			}
			r := &s.refusals[name][i]
			r.taken = true
			id := fmt.Sprintf("refused-%s-%d", name, i)
			at := strings.SplitN(name, "/", 3)
			s.putEvent(&event{id: id, key: key, consumer: consumer{at[0], at[1], at[2]}, time: r.time, lost: r.cause, recorded: true})
			s.record(ledger.Record{Time: r.time, Hop: ledger.Received, MessageID: key, Object: "EventSource/" + name, Verdict: "failed", Cause: r.cause})
		}
	}
}

// missingAt lists the messages that were routed to an EventSource's event and did not appear; name is ns/name/event.
func (s *state) missingAt(name string) []string {
	var out []string
	for _, key := range sortedNames(s.messages) {
		m := s.messages[key]
		for _, queue := range sortedNames(m.counts) {
			for _, c := range m.routes[queue].consumers {
				if c.namespace+"/"+c.name+"/"+c.event == name {
					for range m.counts[queue] - s.arrived(m, queue) {
						out = append(out, key)
					}
				}
			}
		}
	}
	return out
}

// arrived counts the events, lost ones included, that a queue's consumers made of a message.
func (s *state) arrived(m *message, queue string) int {
	n := 0
	for _, e := range s.eventsOf[m.key] {
		if !e.onBus && e.lost == "" {
			continue
		}
		for _, c := range m.routes[queue].consumers {
			if e.consumer == c {
				n++
			}
		}
	}
	return n
}

// expected is one outcome that a trigger owes.
type expected struct {
	who        subject
	event      *event
	sensor     *v1alpha1.Sensor
	trigger    *v1alpha1.Trigger
	creates    string // the kind of object that the trigger makes, "" where it makes none
	dependency *v1alpha1.EventDependency
}

// owed lists the outcomes that the Sensors owe for the events on the bus, of the given messages or of all.
func (s *state) owed(keys map[string]bool) []expected {
	var events []*event
	if keys != nil {
		events = s.eventsWith(keys)
	} else {
		for _, id := range sortedNames(s.events) {
			events = append(events, s.events[id])
		}
	}
	var out []expected
	for _, e := range events {
		if e.onBus {
			out = append(out, s.owedFor(e)...)
		}
	}
	return out
}

// owedFor lists the outcomes that the Sensors owe for an event.
func (s *state) owedFor(e *event) []expected {
	if e.owesAt == s.pipelines {
		return e.owes
	}
	e.owes, e.owesAt = nil, s.pipelines
	source := s.sources[e.consumer.namespace+"/"+e.consumer.name]
	for _, name := range sortedNames(s.sensors) {
		sensor := s.sensors[name]
		if sensor.Namespace != e.consumer.namespace || (source != nil && busOf(source.Spec.EventBusName) != busOf(sensor.Spec.EventBusName)) {
			continue
		}
		// A Sensor that is younger than the event was not there to see it: it begins with new messages.
		if sensor.CreationTimestamp.After(e.time) {
			continue
		}
		for i := range sensor.Spec.Triggers {
			t := &sensor.Spec.Triggers[i]
			if t.Template == nil {
				continue
			}
			if d, ok := dependencyOf(sensor, t, e.consumer.name, e.consumer.event); ok {
				e.owes = append(e.owes, expected{who: subject{name, t.Template.Name}, event: e, sensor: sensor, trigger: t, creates: s.creates(t), dependency: d})
			}
		}
	}
	return e.owes
}

// sweepAnonymous gives outcomes without an id to the events that have none. A subscription is worked off one by one,
// so when every message has arrived and as many outcomes came as events are without one, these are theirs. Before that
// nothing is given away.
func (s *state) sweepAnonymous() {
	pending := false
	for _, lines := range s.anonymous {
		pending = pending || len(lines) > 0
	}
	if !pending {
		return
	}
	if text, _ := s.routing(nil); text != "" {
		return
	}
	undecided := map[subject][]*event{}
	for _, x := range s.owed(nil) {
		if s.outcomes[x.who][x.event.id] == nil {
			undecided[x.who] = append(undecided[x.who], x.event)
		}
	}
	for who, events := range undecided {
		lines := s.anonymous[who]
		if len(lines) < len(events) {
			continue
		}
		same := true
		for _, l := range lines {
			same = same && l.kind == lines[0].kind
		}
		if !same {
			continue
		}
		verdict := "transform-error"
		if lines[0].kind == sensorWaiting {
			verdict = "waiting"
		}
		var causes []string
		for _, l := range lines {
			if len(causes) == 0 || causes[len(causes)-1] != l.cause {
				causes = append(causes, l.cause)
			}
		}
		for i, e := range events {
			l := lines[i]
			l.eventIDs, l.cause = []string{e.id}, strings.Join(causes, " | ")
			s.outcome(who, l, verdict)
		}
		delete(s.anonymous, who)
	}
}

func (s *state) sweepOutcomes() {
	fresh := slices.SortedFunc(maps.Keys(s.newOutcomes), func(a, b decision) int {
		return cmp.Or(cmp.Compare(a.who.sensor, b.who.sensor), cmp.Compare(a.who.trigger, b.who.trigger), cmp.Compare(a.event, b.event))
	})
	for _, new := range fresh {
		who, id := new.who, new.event
		o, e := s.outcomes[who][id], s.events[id]
		if e == nil || e.key == "" {
			continue // the EventSource's log is read by another follower and comes later
		}
		delete(s.newOutcomes, new)
		if !o.decided {
			o.decided = true
			step := map[string]string{"transform-error": "transform", "filtered": "filter", "filter-error": "filter", "waiting": "conditions", "duplicate": "dedup"}[o.verdict]
			s.record(ledger.Record{Time: o.time, Hop: ledger.Decided, MessageID: e.key, EventID: id, Sensor: who.sensor, Trigger: who.trigger, Verdict: o.verdict, Step: step, Cause: o.cause})
		}
		for ; o.recorded < len(o.runs); o.recorded++ {
			run := o.runs[o.recorded]
			r := ledger.Record{Time: run.time, Hop: ledger.Triggered, MessageID: e.key, EventID: id, Sensor: who.sensor, Trigger: who.trigger, Verdict: "succeeded"}
			if run.failed {
				r.Verdict, r.Cause, r.Step = "failed", run.cause, "trigger"
			}
			s.record(r)
		}
	}
}

// phaseOf returns the phase of a Workflow, or what a Job's conditions amount to.
func phaseOf(u *unstructured.Unstructured) (phase, message string, finished bool) {
	if u.GetKind() != "Job" {
		phase, _, _ = unstructured.NestedString(u.Object, "status", "phase")
		message, _, _ = unstructured.NestedString(u.Object, "status", "message")
		return phase, message, phase == "Succeeded" || phase == "Failed" || phase == "Error"
	}
	conditions, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
	for _, c := range conditions {
		m, ok := c.(map[string]any)
		if !ok || m["status"] != "True" {
			continue
		}
		message, _ := m["message"].(string)
		switch m["type"] {
		case "Complete":
			return "Succeeded", "", true
		case "Failed":
			return "Failed", message, true
		}
	}
	return "Running", "", false
}

func (s *state) sweepPods() {
	for _, uid := range sortedNames(s.newPods) {
		p := s.pods[uid]
		owner := s.objects[ownerOfPod(p.p)]
		if owner == nil || !owner.attributed() {
			continue
		}
		delete(s.newPods, uid)
		code, ended := exitCode(p.p)
		stuck, why := withoutImage(p.p)
		told := fmt.Sprint(p.p.Status.Phase, code, ended, p.p.Status.PodIP, stuck != "")
		if told == p.told {
			continue
		}
		p.told = told
		verdict, cause := string(p.p.Status.Phase), p.p.Status.Message
		details := map[string]any{"workflow": owner.name, "ip": p.p.Status.PodIP}
		if owner.template != "" {
			details["template"] = owner.template
		}
		if ended {
			details["exitCode"] = int(code)
		}
		if stuck != "" {
			verdict, cause = stuck, why
			details["stuck"] = true
		}
		s.record(ledger.Record{Hop: ledger.Pod, MessageID: owner.key, EventID: owner.event, Object: "Pod/" + p.p.Namespace + "/" + p.p.Name, Sensor: s.sensorOf(owner), Verdict: verdict,
			Cause: cause, Ambiguous: owner.ambiguous != nil, Candidates: owner.ambiguous, Details: details})
	}
}

// withoutImage returns why a container of a pod cannot start: its image cannot be had. A registry that does not answer
// (RegistryUnavailable) may yet do so; the kubelet's back-off after it may not wait for that.
func withoutImage(p *corev1.Pod) (reason, message string) {
	for _, status := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses) {
		if w := status.State.Waiting; w != nil && slices.Contains([]string{"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"}, w.Reason) {
			return w.Reason, fmt.Sprintf("container %s: %s", status.Name, grpcPrefix.ReplaceAllString(w.Message, ""))
		}
	}
	return "", ""
}

// grpcPrefix is how the kubelet quotes its runtime.
var grpcPrefix = regexp.MustCompile(`rpc error: code = \w+ desc = `)

// exitCode returns the exit code of a pod's main container: the one called so, or the first.
func exitCode(p *corev1.Pod) (code int32, ended bool) {
	for _, status := range p.Status.ContainerStatuses {
		if status.Name == "main" || len(p.Status.ContainerStatuses) == 1 {
			if status.State.Terminated != nil {
				return status.State.Terminated.ExitCode, true
			}
		}
	}
	return 0, false
}

func (s *state) sweepRequests() {
	waiting := s.requests[:0:0]
	defer func() { s.requests = waiting }()
	for _, r := range s.requests {
		p := s.podAt(r.Source, r.Time)
		if p == nil {
			waiting = append(waiting, r)
			continue
		}
		owner := s.objects[ownerOfPod(p.p)]
		if owner == nil || !owner.attributed() {
			waiting = append(waiting, r)
			continue
		}
		base := ledger.Record{Time: r.Time, MessageID: owner.key, EventID: owner.event, Sensor: s.sensorOf(owner), Ambiguous: owner.ambiguous != nil, Candidates: owner.ambiguous}
		call := base
		call.Hop, call.Verdict = ledger.APICall, fmt.Sprint(r.Status)
		call.Object = r.To + " " + r.Method + " " + r.Path
		call.Details = map[string]any{"to": r.To, "method": r.Method, "path": r.Path, "query": r.Query, "status": r.Status, "pod": p.p.Namespace + "/" + p.p.Name}
		if r.Body != "" {
			call.Details["body"] = r.Body
		}
		s.record(call)
		for _, c := range r.Changes {
			change := base
			change.Hop, change.Object = ledger.RecordChange, r.To+" "+c.Path+" "+c.ID
			switch {
			case c.Before == nil:
				change.Verdict = "created"
			case c.After == nil:
				change.Verdict = "deleted"
			default:
				change.Verdict = "updated"
			}
			change.Details = map[string]any{"before": c.Before, "after": c.After}
			s.record(change)
		}
	}
}

// podAt returns the pod that had the address at that time. Addresses are used again, so among several the youngest that
// was there already is taken: the others had ended before it could get the address.
func (s *state) podAt(source string, at time.Time) *pod {
	if host, _, err := net.SplitHostPort(source); err == nil {
		source = host
	}
	var best *pod
	for _, p := range s.podsAt[source] {
		if p.p.Status.PodIP != source || p.p.Spec.HostNetwork {
			continue
		}
		created := p.p.CreationTimestamp.Time
		if created.After(at) || (best != nil && !created.After(best.p.CreationTimestamp.Time)) {
			continue
		}
		best = p
	}
	return best
}
