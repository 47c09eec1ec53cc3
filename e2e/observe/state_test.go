package observe

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/eventrig/eventrig/internal/ledger"
)

var start = time.Date(2026, 11, 23, 11, 0, 0, 0, time.UTC)

func at(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }

// world is a state with Keystone's EventSource and one Sensor on it.
type world struct {
	*state
	t       testing.TB
	records []ledger.Record
	source  *component
	sensor  *component
}

func newWorld(t testing.TB) *world {
	w := &world{t: t}
	w.state = newState(func(r ledger.Record) { w.records = append(w.records, r) })
	w.sources["openstack/keystone"] = &v1alpha1.EventSource{ObjectMeta: metav1.ObjectMeta{Namespace: "openstack", Name: "keystone"}}
	resource := v1alpha1.NewK8SResource(map[string]any{
		"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": map[string]any{"generateName": "s-", "namespace": "argo-events"},
		"spec": map[string]any{"arguments": map[string]any{"parameters": []any{map[string]any{"name": "id", "value": "x"}}}},
	})
	w.sensors["openstack/s"] = &v1alpha1.Sensor{
		ObjectMeta: metav1.ObjectMeta{Namespace: "openstack", Name: "s"},
		Spec: v1alpha1.SensorSpec{
			Dependencies: []v1alpha1.EventDependency{{Name: "d", EventSourceName: "keystone", EventName: "notifications",
				Transform: &v1alpha1.EventDependencyTransformer{JQ: `.body["oslo.message"] | fromjson`}}},
			Triggers: []v1alpha1.Trigger{{Template: &v1alpha1.TriggerTemplate{Name: "t", K8s: &v1alpha1.StandardK8STrigger{
				Operation: v1alpha1.Create, Source: &v1alpha1.ArtifactLocation{Resource: &resource},
				Parameters: []v1alpha1.TriggerParameter{{Src: &v1alpha1.TriggerParameterSource{DependencyName: "d", DataKey: "payload.id"}, Dest: "spec.arguments.parameters.0.value"}},
			}}}},
		},
	}
	w.source = &component{namespace: "openstack", name: "keystone", source: true, ready: map[string]time.Time{}}
	w.sensor = &component{namespace: "openstack", name: "s", ready: map[string]time.Time{}}
	return w
}

func (w *world) publish(keys ...string) {
	for _, key := range keys {
		w.track(key, start, []route{{queue: "keystone q", consumers: []consumer{{"openstack", "keystone", "notifications"}}}})
	}
}

func data(key, id string) json.RawMessage {
	inner, _ := json.Marshal(map[string]any{"message_id": key, "payload": map[string]any{"id": id}})
	out, _ := json.Marshal(map[string]any{"body": map[string]any{"oslo.message": string(inner)}})
	return out
}

// arrives plays the EventSource's log for one message.
func (w *world) arrives(event, key, id string, ms int) {
	w.line(w.source, line{kind: sourceEvent, eventIDs: []string{event}, data: data(key, id), time: at(ms)})
	w.line(w.source, line{kind: sourcePublished, eventIDs: []string{event}, event: "notifications", time: at(ms)})
}

func (w *world) says(k kind, ms int, cause string, events ...string) {
	w.line(w.sensor, line{kind: k, trigger: "t", time: at(ms), cause: cause, eventIDs: events})
}

func (w *world) workflow(name, id, phase string, ms int) {
	w.setObject(&unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow",
		"metadata": map[string]any{"name": name, "namespace": "argo-events", "labels": map[string]any{sensorLabel: "s", triggerLabel: "t", actionLabel: fmt.Sprint(at(ms).UnixMilli())}},
		"spec":     map[string]any{"arguments": map[string]any{"parameters": []any{map[string]any{"name": "id", "value": id}}}},
		"status":   map[string]any{"phase": phase},
	}}, false)
}

func (w *world) settled(want string, keys ...string) {
	w.t.Helper()
	w.sweep()
	got := w.open(keys)
	if (want == "") != (got == "") || !strings.Contains(got, want) {
		w.t.Errorf("open: %q, want %q", got, want)
	}
}

func (w *world) of(hop ledger.Hop) []ledger.Record {
	var out []ledger.Record
	for _, r := range w.records {
		if r.Hop == hop {
			out = append(out, r)
		}
	}
	return out
}

func TestAChainIsSettledOnlyWhenEveryHopHasSpoken(t *testing.T) {
	w := newWorld(t)
	w.settled("is not tracked", "m")
	w.publish("m")
	w.settled("has not put it on the bus", "m")
	w.line(w.source, line{kind: sourceEvent, eventIDs: []string{"e"}, data: data("m", "1"), time: at(1)})
	w.settled("has not put it on the bus", "m")
	w.line(w.source, line{kind: sourcePublished, eventIDs: []string{"e"}, event: "notifications", time: at(2)})
	w.settled("has not said what it did", "m")
	w.workflow("w", "1", "", 5)
	w.settled("has not said what it did", "m") // the object is there before the Sensor's line is
	w.says(sensorTriggered, 6, "", "e")
	w.settled("no workflow controller", "m")
	w.workflow("w", "1", "Running", 5)
	w.settled("is Running", "m")
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{UID: types.UID("p"), Name: "w-pod", Namespace: "argo-events", CreationTimestamp: metav1.NewTime(at(0)), Labels: map[string]string{"workflows.argoproj.io/workflow": "w"}},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, PodIP: "10.244.1.9"}}
	w.setPod(pod, false)
	w.workflow("w", "1", "Succeeded", 5)
	w.settled("pod argo-events/w-pod", "m")
	w.request(Request{Sequence: 1, To: "nautobot", Source: "10.244.1.9:4711", Method: "POST", Path: "/api/x/", Status: 201, Time: at(9), Changes: []Change{{Path: "x", ID: "1", After: map[string]any{"id": "1"}}}})
	w.request(Request{Sequence: 1, To: "nautobot", Source: "10.244.1.9:4711"})
	ended := pod.DeepCopy()
	ended.Status.Phase = corev1.PodSucceeded
	ended.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "main", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 0}}}}
	w.setPod(ended, false)
	w.openRequests = []Request{{To: "nautobot", Source: "10.244.1.9:4712", Method: "GET", Path: "/api/y/", Time: at(10)}}
	w.settled("waits for the answer to nautobot GET /api/y/", "m")
	w.openRequests = nil
	w.settled("", "m")
	for hop, n := range map[ledger.Hop]int{ledger.Routed: 1, ledger.Received: 1, ledger.OnBus: 1, ledger.Decided: 1, ledger.Triggered: 1, ledger.APICall: 1, ledger.RecordChange: 1} {
		if got := w.of(hop); len(got) != n || got[0].MessageID != "m" {
			t.Errorf("%s: %+v", hop, got)
		}
	}
	if pods := w.of(ledger.Pod); pods[len(pods)-1].Details["exitCode"] != 0 || pods[0].Sensor != "openstack/s" {
		t.Errorf("%+v", pods)
	}
	if n := len(w.records); func() int { w.sweep(); w.sweep(); return len(w.records) }() != n {
		t.Error("a record was written twice")
	}
}

func TestAPodWithoutAnImageIsStuckUntilItHasOne(t *testing.T) {
	w := newWorld(t)
	w.publish("m")
	w.arrives("e", "m", "1", 1)
	w.says(sensorTriggered, 2, "", "e")
	w.workflow("w", "1", "Running", 5)
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{UID: types.UID("p"), Name: "w-pod", Namespace: "argo-events", Labels: map[string]string{"workflows.argoproj.io/workflow": "w"}},
		Status: corev1.PodStatus{Phase: corev1.PodPending}}
	waiting := func(reason, message string) {
		pod = pod.DeepCopy()
		pod.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: "init", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}}}
		w.setPod(pod, false)
		w.sweep()
	}
	waiting("PodInitializing", "")
	waiting("ErrImagePull", "rpc error: code = NotFound desc = image x has no mapping: add --image x=rootfs:PATH")
	waiting("ImagePullBackOff", "Back-off pulling image x") // the kubelet alternates between the two: that is one record
	waiting("ErrImagePull", "again")
	waiting("PodInitializing", "")
	var got []string
	for _, r := range w.of(ledger.Pod) {
		got = append(got, fmt.Sprintf("%s %v %s", r.Verdict, r.Details["stuck"], r.Cause))
	}
	want := "Pending <nil> |ErrImagePull true container init: image x has no mapping: add --image x=rootfs:PATH|Pending <nil> "
	if strings.Join(got, "|") != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestAnAcknowledgedEventIsNoOutcome(t *testing.T) {
	w := newWorld(t)
	w.publish("m", "n")
	w.arrives("e1", "m", "1", 1)
	w.arrives("e2", "n", "2", 2)
	w.says(sensorFiltered, 3, "discarded due to filtering", "e1")
	w.settled("", "m")
	w.settled("event e2", "n") // the trigger runs in a goroutine after the acknowledgement
	w.says(sensorTriggerFailed, 4, "forbidden", "e2")
	w.settled("", "m", "n") // a failed trigger makes no object
	if r := w.of(ledger.Triggered); len(r) != 1 || r[0].Verdict != "failed" || r[0].Cause != "forbidden" || r[0].MessageID != "n" {
		t.Errorf("%+v", r)
	}
}

func TestTransformErrorsCarryNoIDAndAreGivenOnlyWhenNothingElseFits(t *testing.T) {
	w := newWorld(t)
	w.publish("m", "n")
	w.says(sensorTransformError, 3, "fromjson cannot be applied to: null")
	w.arrives("e1", "m", "1", 1)
	w.settled("has not said", "m") // n has not arrived: the error may be its own
	w.arrives("e2", "n", "2", 2)
	w.settled("has not said", "m") // two without outcome, one error
	w.says(sensorFiltered, 3, "x", "e1")
	w.settled("", "m", "n")
	for _, r := range w.of(ledger.Decided) {
		if r.MessageID == "n" && (r.Verdict != "transform-error" || !strings.Contains(r.Cause, "fromjson")) {
			t.Errorf("%+v", r)
		}
	}
}

func TestWorkflowsAreToldApartByParametersThenByTimeAndElseAreAmbiguous(t *testing.T) {
	w := newWorld(t)
	w.publish("m", "n")
	w.arrives("e1", "m", "1", 1)
	w.arrives("e2", "n", "2", 2)
	w.workflow("two", "2", "Succeeded", 5)
	w.workflow("one", "1", "Succeeded", 6)
	w.says(sensorTriggered, 7, "", "e1")
	w.says(sensorTriggered, 8, "", "e2")
	w.settled("", "m", "n")
	for _, r := range w.of(ledger.Workflow) {
		if (r.Object == "Workflow/argo-events/one") != (r.MessageID == "m") || r.Ambiguous {
			t.Errorf("%+v", r)
		}
	}

	w = newWorld(t) // the same parameters, one after the other
	w.publish("m", "n")
	w.arrives("e1", "m", "1", 1)
	w.workflow("first", "1", "Succeeded", 5)
	w.says(sensorTriggered, 7, "", "e1")
	w.arrives("e2", "n", "1", 20)
	w.workflow("second", "1", "Succeeded", 25)
	w.says(sensorTriggered, 27, "", "e2")
	w.settled("", "m", "n")
	for _, r := range w.of(ledger.Workflow) {
		if (r.Object == "Workflow/argo-events/first") != (r.MessageID == "m") || r.Ambiguous {
			t.Errorf("%+v", r)
		}
	}

	w = newWorld(t) // the same parameters at the same time
	w.publish("m", "n")
	w.arrives("e1", "m", "1", 1)
	w.arrives("e2", "n", "1", 1)
	w.workflow("a", "1", "Succeeded", 5)
	w.workflow("b", "1", "Succeeded", 5)
	w.says(sensorTriggered, 7, "", "e1")
	w.says(sensorTriggered, 7, "", "e2")
	w.settled("", "m", "n")
	for _, r := range w.of(ledger.Workflow) {
		if !r.Ambiguous || len(r.Candidates) != 2 || r.MessageID != "" {
			t.Errorf("%+v", r)
		}
	}
}

func TestALostMessageIsSettledWithItsCause(t *testing.T) {
	w := newWorld(t)
	w.publish("m", "n")
	w.line(w.source, line{kind: sourceEvent, eventIDs: []string{"e"}, data: data("m", "1"), time: at(1)})
	w.line(w.source, line{kind: sourceLost, eventIDs: []string{"e"}, event: "notifications", cause: "connection closed", time: at(2)})
	w.line(w.source, line{kind: sourceRefused, event: "notifications", cause: "failed to dispatch AMQP event", time: at(2)})
	w.settled("", "m")
	w.settled("has not put it on the bus", "n") // the second error line repeated the first
	w.line(w.source, line{kind: sourceRefused, event: "notifications", cause: "failed to marshal the message", time: at(3)})
	w.settled("", "m", "n")
	if bus := w.of(ledger.OnBus); len(bus) != 1 || bus[0].Verdict != "failed" {
		t.Errorf("%+v", bus)
	}
}

func TestAYoungSensorOwesNothingAndAnUnroutedMessageIsSettled(t *testing.T) {
	w := newWorld(t)
	w.sensors["openstack/s"].CreationTimestamp = metav1.NewTime(at(60000))
	w.publish("m")
	w.arrives("e", "m", "1", 1)
	w.track("u", start, nil)
	w.settled("", "m", "u")
}
