package observe

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"

	"github.com/eventrig/eventrig/internal/ledger"
)

// busy is an observer of newWorld's Sensor, whose metrics are what a test says.
func busy(t *testing.T, metrics *string) (*Observer, *world) {
	w := newWorld(t)
	o := newObserver(Config{Ledger: ledger.New(nil), Metrics: func(_ context.Context, address string) (io.ReadCloser, error) {
		if address != "10.0.0.9" {
			return nil, fmt.Errorf("nobody at %s", address)
		}
		return io.NopCloser(strings.NewReader(*metrics)), nil
	}})
	t.Cleanup(o.Close)
	o.state = w.state
	w.sensor.address = "10.0.0.9"
	w.components["1"] = w.sensor
	return o, w
}

// exposed is what a Sensor's pod serves; other metrics stand around it.
func exposed(triggered, failed int) string {
	return fmt.Sprintf(`# HELP argo_events_action_duration_milliseconds Summary of durations
# TYPE argo_events_action_duration_milliseconds summary
argo_events_action_duration_milliseconds_count{namespace="openstack",sensor_name="s",trigger_name="t"} 9
# TYPE argo_events_action_triggered_total counter
argo_events_action_triggered_total{namespace="openstack",sensor_name="s",trigger_name="t"} %d
# TYPE argo_events_action_failed_total counter
argo_events_action_failed_total{namespace="openstack",sensor_name="s",trigger_name="t"} %d
# TYPE go_goroutines gauge
go_goroutines 12
`, triggered, failed)
}

func TestTheLogIsHeldAgainstTheMetrics(t *testing.T) {
	metrics := exposed(0, 1)
	o, w := busy(t, &metrics)
	w.publish("m")
	w.arrives("e", "m", "1", 1)
	w.says(sensorTriggerFailed, 2, "is forbidden", "e")
	ask := func(want string) {
		t.Helper()
		settled, open, err := o.Settled(t.Context(), []string{"m"})
		if err != nil || settled != (want == "") || !strings.Contains(open, want) {
			t.Errorf("settled %v, open %q, %v; want %q", settled, open, err, want)
		}
	}
	ask("")
	metrics = exposed(1, 1) // something happened that the log did not tell, or not yet
	ask("metrics count 1 actions and 1 failures, its log told of 0 and 1")
	metrics = exposed(0, 0) // the counter is raised after the line
	ask("")
	metrics = "}{"
	ask("") // a pod that serves nonsense, or nothing, is told by its log alone
	w.sensor.restarts, metrics = 1, exposed(5, 5)
	ask("")
}

// A hundred and fifty triggers within a second: the logger wrote the first hundred.
func TestWhatTheLoggerDroppedIsToldFromTheMetrics(t *testing.T) {
	metrics := exposed(150, 0)
	o, w := busy(t, &metrics)
	var keys []string
	for i := range 150 {
		key := fmt.Sprintf("m%d", i)
		keys = append(keys, key)
		w.publish(key)
		w.arrives("e"+key, key, key, 1)
		w.workflow("w"+key, key, "Succeeded", 5)
		if i < 100 {
			w.says(sensorTriggered, 10, "", "e"+key)
		}
	}
	metrics = exposed(149, 0)
	if settled, open, err := o.Settled(t.Context(), keys); settled || err != nil || !strings.Contains(open, "drops some, and which is not known") {
		t.Errorf("%v %q %v: one of the fifty is still on its way", settled, open, err)
	}
	metrics = exposed(150, 0)
	if settled, open, err := o.Settled(t.Context(), keys); !settled || err != nil {
		t.Errorf("%v %q %v", settled, open, err)
	}
	if fired := w.of(ledger.Triggered); len(fired) != 150 {
		t.Errorf("%d triggers are in the ledger", len(fired))
	}
	if made := w.of(ledger.Workflow); len(made) != 150 || made[149].Ambiguous {
		t.Errorf("%d Workflows are in the ledger", len(made))
	}
	// Told once: the counters agree from now on.
	metrics = exposed(151, 0)
	if settled, open, _ := o.Settled(t.Context(), keys); settled || !strings.Contains(open, "its log told of 150 and 0") {
		t.Errorf("a trigger that nothing explains: %v %q", settled, open)
	}
}

// On busy cores the log is read later than the counters.
func TestALineThatIsReadAfterTheMetricsIsNoOtherTrigger(t *testing.T) {
	metrics := exposed(120, 0)
	o, w := busy(t, &metrics)
	var keys []string
	for i := range 120 {
		key := fmt.Sprintf("m%d", i)
		keys = append(keys, key)
		w.publish(key)
		w.arrives("e"+key, key, key, 1)
		w.workflow("w"+key, key, "Succeeded", 5)
		if i < 110 {
			w.says(sensorTriggered, 10, "", "e"+key)
		}
	}
	settles := func(triggers int) {
		t.Helper()
		if settled, open, err := o.Settled(t.Context(), keys); !settled || err != nil {
			t.Errorf("%v %q %v", settled, open, err)
		}
		if fired := w.of(ledger.Triggered); len(fired) != triggers {
			t.Errorf("%d triggers are in the ledger, want %d", len(fired), triggers)
		}
	}
	settles(120)
	w.says(sensorTriggered, 10, "", "em115")
	settles(120)
	metrics = exposed(121, 0) // the trigger really acts again
	w.says(sensorTriggered, 11, "", "em115")
	w.workflow("again", "m115", "Succeeded", 12)
	settles(121)
}

func TestFailuresThatTheLoggerDroppedAreFailures(t *testing.T) {
	metrics := exposed(0, 120)
	o, w := busy(t, &metrics)
	var keys []string
	for i := range 120 {
		key := fmt.Sprintf("m%d", i)
		keys = append(keys, key)
		w.publish(key)
		w.arrives("e"+key, key, key, 1)
		if i < 100 {
			w.says(sensorTriggerFailed, 10, "is forbidden", "e"+key)
		}
	}
	if settled, open, err := o.Settled(t.Context(), keys); !settled || err != nil {
		t.Errorf("%v %q %v", settled, open, err)
	}
	failed := w.of(ledger.Triggered)
	if len(failed) != 120 || failed[119].Verdict != "failed" {
		t.Errorf("%d", len(failed))
	}
}

func TestAnEventThatASensorSpeaksOfWasOnTheBus(t *testing.T) {
	w := newWorld(t)
	w.sources["openstack/keystone"].Spec.AMQP = map[string]v1alpha1.AMQPEventSource{"notifications": {}}
	w.publish("m")
	w.line(w.source, line{kind: sourceEvent, eventIDs: []string{"e"}, data: data("m", "1"), time: at(1)})
	w.settled("has not put it on the bus", "m") // the line that says so was dropped
	w.says(sensorFiltered, 3, "", "e")
	w.settled("", "m")
	if bus := w.of(ledger.OnBus); len(bus) != 1 || bus[0].Verdict == "failed" {
		t.Errorf("%+v", bus)
	}
}
