package observe

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/eventrig/eventrig/internal/ledger"
)

// The same recorded message is sent by one scenario twice, and later by another: what became of it the first time is not
// the other one's.
func TestAMessageSentAgainIsToldFromItsFirstTime(t *testing.T) {
	w := newWorld(t)
	routes := []route{{queue: "keystone q", consumers: []consumer{{"openstack", "keystone", "notifications"}}}}
	first := w.keyFor("m", at(0), nil)
	w.track(first, at(0), routes)
	if again := w.keyFor("m", at(1), []string{first}); again != first {
		t.Errorf("the same scenario's second sending has the key %s", again)
	}
	w.arrives("e1", "m", "1", 5)
	w.says(sensorFiltered, 6, "", "e1")
	w.settled("", first)

	second := w.keyFor("m", at(10), nil)
	if second == first {
		t.Fatal("the other scenario's sending has the same key")
	}
	w.track(second, at(10), routes)
	w.settled("has not put it on the bus", second)
	w.arrives("e2", "m", "1", 12)
	w.settled("has not said what it did", second)
	w.says(sensorTriggerFailed, 13, "forbidden", "e2")
	w.settled("", second)
	for _, r := range w.of(ledger.Triggered) {
		if r.MessageID != second {
			t.Errorf("%+v is of the first sending", r)
		}
	}
	if decided := w.of(ledger.Decided); len(decided) != 2 || decided[0].MessageID != first || decided[1].MessageID != second {
		t.Errorf("%+v", decided)
	}
}

func TestASubmittedWorkflowIsFollowed(t *testing.T) {
	w := newWorld(t)
	name := "Workflow/argo-events/mine"
	w.adopted[name] = "argo-events/template"
	w.track(name, start, nil)
	w.settled("was submitted and has not been seen yet", name)
	set := func(name, phase string) {
		w.setObject(&unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": map[string]any{"name": name, "namespace": "argo-events"}, "status": map[string]any{"phase": phase},
		}}, false)
	}
	set("mine", "Running")
	set("another", "Running") // somebody else's
	w.settled("is Running", name)
	set("mine", "Succeeded")
	w.settled("", name)
	records := w.of(ledger.Workflow)
	if len(records) != 2 || records[1].MessageID != name || records[1].Details["template"] != "argo-events/template" || records[1].Sensor != "" {
		t.Errorf("%+v", records)
	}
}

func TestWhoseRequestItIs(t *testing.T) {
	w := newWorld(t)
	w.publish("m")
	w.arrives("e", "m", "1", 1)
	pod := func(name, workflow, address string, phase corev1.PodPhase) {
		p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "argo-events", Name: name, UID: types.UID(name), CreationTimestamp: metav1.NewTime(start)}, Status: corev1.PodStatus{PodIP: address, Phase: phase}}
		if workflow != "" {
			p.Labels = map[string]string{"workflows.argoproj.io/workflow": workflow}
		}
		w.setPod(p, false)
	}
	ask := func(address, want string, wantKnown bool) {
		t.Helper()
		w.sweep()
		keys, known := w.ownerAt(address, at(1000))
		if strings.Join(keys, ",") != want || known != wantKnown {
			t.Errorf("%s is %v, known %v; want %q, %v", address, keys, known, want, wantKnown)
		}
	}
	ask("10.0.0.1", "", false) // its pod is not seen yet
	pod("p", "w", "10.0.0.1", corev1.PodRunning)
	ask("10.0.0.1", "", false) // its Workflow neither
	w.workflow("w", "1", "Running", 5)
	ask("10.0.0.1", "", false) // nor whose it is
	w.says(sensorTriggered, 6, "", "e")
	ask("10.0.0.1", "m", true)
	pod("p", "w", "10.0.0.1", corev1.PodSucceeded)
	ask("10.0.0.1", "", false) // another pod may have the address now
	pod("curl", "", "10.0.0.2", corev1.PodRunning)
	ask("10.0.0.2", "", true)
}

func TestADeletedPodDoesNotCountAsReady(t *testing.T) {
	w := newWorld(t)
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "openstack", Name: "s-1", UID: "1", Labels: map[string]string{"sensor-name": "s"}},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Env: []corev1.EnvVar{{Name: "LOG_LEVEL", Value: "debug"}}}}}}
	c := w.setComponent(p, false)
	delete(w.sources, "openstack/keystone")
	w.line(c, line{kind: sensorSubscribed, trigger: "t", time: at(1)})
	missing, err := w.notReady()
	if err != nil || len(missing) != 0 {
		t.Fatalf("%v %v", missing, err)
	}
	w.leaving["1"] = true
	w.setComponent(p, false) // the watch still shows it as it was
	if missing, err = w.notReady(); err != nil || len(missing) != 1 {
		t.Errorf("%v %v", missing, err)
	}
}
