package observe

import (
	"strings"
	"testing"
	"time"

	"github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eventrig/eventrig/internal/ledger"
)

// A Sensor's pod with two triggers, and an EventSource's, lose the bus and find it again.
func TestNobodyIsReadyWhoLostTheBus(t *testing.T) {
	s := newState(ledger.New(nil).Append)
	meta := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: "openstack", Name: name} }
	s.sensors["openstack/s"] = &v1alpha1.Sensor{ObjectMeta: meta("s"), Spec: v1alpha1.SensorSpec{Triggers: []v1alpha1.Trigger{
		{Template: &v1alpha1.TriggerTemplate{Name: "a"}}, {Template: &v1alpha1.TriggerTemplate{Name: "b"}}}}}
	s.sources["openstack/k"] = &v1alpha1.EventSource{ObjectMeta: meta("k"), Spec: v1alpha1.EventSourceSpec{AMQP: map[string]v1alpha1.AMQPEventSource{"n": {}}}}
	sensor := &component{namespace: "openstack", name: "s", pod: "s-1", debug: true, ready: map[string]time.Time{}}
	source := &component{namespace: "openstack", name: "k", pod: "k-1", source: true, debug: true, ready: map[string]time.Time{}}
	s.components["1"], s.components["2"] = sensor, source
	says := func(c *component, text string) {
		t.Helper()
		l := parseLine([]byte(`{"ts":"2026-11-23T11:00:00Z",` + text + `}`))
		if l.kind == irrelevant {
			t.Fatalf("nothing is read from %s", text)
		}
		s.line(c, l)
	}
	missing := func(want ...string) {
		t.Helper()
		got, err := s.notReady()
		if err != nil || len(got) != len(want) {
			t.Fatalf("%q %v, want %q", got, err, want)
		}
		for i := range want {
			if !strings.Contains(strings.Join(got, "\n"), want[i]) {
				t.Errorf("%q lacks %q", got, want[i])
			}
		}
	}
	subscribed := func(trigger, client string) {
		says(sensor, `"level":"info","triggerName":"`+trigger+`","clientID":"`+client+`","msg":"Subscribed to subject eventbus-openstack using durable name group-1"`)
	}
	const lost = `"level":"error","msg":"NATS connection lost","error":"EOF","clientID":"`
	subscribed("a", "client-1-7")
	subscribed("b", "client-2-8")
	says(source, `"level":"info","msg":"listening to messages on channel...","eventName":"n"`)
	missing()

	says(sensor, lost+`client-2-8"`)
	missing("Sensor openstack/s b: its pod s-1 has lost the bus")
	says(sensor, lost+`client-2-9"`) // the attempt to reconnect broke too, before it had a subscription
	missing("Sensor openstack/s b")
	subscribed("b", "client-2-10")
	missing()

	says(source, lost+`client-k-1"`)
	missing("EventSource openstack/k: its pod k-1 has lost the bus")
	says(source, `"level":"info","msg":"reconnected to eventbus successfully"`)
	missing()

	says(source, lost+`client-k-2"`)
	source.bus.restarted(time.Date(2026, 11, 23, 11, 0, 1, 0, time.UTC))
	missing() // it died of it, and connects anew when it starts
}
