package observe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// The counters of a Sensor's pod (argo-events, pkg/metrics/metrics.go). Each is raised right after the log line that tells
// of the same.
const (
	triggeredMetric = "argo_events_action_triggered_total"
	failedMetric    = "argo_events_action_failed_total"
)

// MetricsPort is where EventSources and Sensors serve their metrics.
const MetricsPort = 7777

const (
	// sampledFrom is the number of lines with one text within a second above which argo-events' logger drops some.
	sampledFrom = 100
	// metricsAgain is how long a pod is given to write, and this process to read, the line that a counter is ahead of.
	metricsAgain = 200 * time.Millisecond
	// metricsTimeout bounds one question to a pod.
	metricsTimeout = 5 * time.Second
)

// tally counts the actions of one trigger.
type tally struct{ triggered, failed int }

// burst holds the times of a trigger's newest lines, as many as the logger lets through within a second: its seconds begin with
// a line, not with the clock's.
type burst []time.Time

// count notes that a line of a Sensor told of an action.
func (c *component) count(l line) {
	if c.logged == nil {
		c.logged, c.bursts = map[string]tally{}, map[string]burst{}
	}
	t := c.logged[l.trigger]
	if l.kind == sensorTriggered {
		t.triggered++
	} else {
		t.failed++
	}
	c.logged[l.trigger] = t
	b := append(c.bursts[l.trigger], l.time)
	b = b[max(0, len(b)-sampledFrom):]
	c.bursts[l.trigger] = b
	c.sampled = c.sampled || len(b) == sampledFrom && l.time.Sub(b[0]) < time.Second
}

// asked is a Sensor's pod whose counters are to be compared with its log.
type asked struct {
	c       *component
	sensor  string
	address string
}

// toAsk lists the Sensors that owe something for the messages. One without exactly one pod, or whose pod restarted, is
// left out: its counters are not all there.
func (s *state) toAsk(keys map[string]bool) []asked {
	var out []asked
	seen := map[string]bool{}
	for _, x := range s.owed(keys) {
		if seen[x.who.sensor] {
			continue
		}
		seen[x.who.sensor] = true
		var pods []*component
		for _, c := range s.components {
			if !c.source && !c.gone && c.namespace+"/"+c.name == x.who.sensor {
				pods = append(pods, c)
			}
		}
		if len(pods) == 1 && pods[0].restarts == 0 && pods[0].address != "" {
			out = append(out, asked{pods[0], x.who.sensor, pods[0].address})
		}
	}
	return out
}

// compare holds the counters of a Sensor's pod against its log. Where the log dropped lines and each event that nothing is
// known of must be behind one of them, these events get their outcome. What remains unclear is returned.
func (s *state) compare(a asked, counted map[string]tally, now time.Time) string {
	for _, trigger := range sortedNames(counted) {
		got, logged := counted[trigger], a.c.logged[trigger]
		missing, failed := got.triggered-logged.triggered, got.failed-logged.failed
		if missing <= 0 && failed <= 0 {
			continue
		}
		who := subject{a.sensor, trigger}
		undecided := s.undecided(who)
		if a.c.sampled && missing >= 0 && failed >= 0 && missing+failed == len(undecided) && (missing == 0 || failed == 0) {
			l := line{kind: sensorTriggered, trigger: trigger, time: now, inferred: true}
			if failed > 0 {
				l.kind, l.cause = sensorTriggerFailed, "its line in the Sensor's log was dropped by the logger; its metrics count it as failed"
			}
			for _, e := range undecided {
				l.eventIDs = []string{e.id}
				s.line(a.c, l)
			}
			continue
		}
		text := fmt.Sprintf("Sensor %s, trigger %s: its metrics count %d actions and %d failures, its log told of %d and %d", a.sensor, trigger, got.triggered, got.failed, logged.triggered, logged.failed)
		if a.c.sampled {
			text += "; above a hundred lines of one text a second its logger drops some, and which is not known"
		}
		return text
	}
	return ""
}

// undecided are the events that a trigger owes an outcome for, of all messages.
func (s *state) undecided(who subject) []*event {
	var out []*event
	for _, x := range s.owed(nil) {
		if x.who == who && s.outcomes[who][x.event.id] == nil {
			out = append(out, x.event)
		}
	}
	return out
}

// crossCheck compares metrics and log of the Sensors that owe something for the messages, and returns what is unclear. It
// is asked when the log alone says that all is settled, or when a log may have dropped lines.
func (o *Observer) crossCheck(ctx context.Context, keys []string) string {
	if o.cfg.Metrics == nil {
		return ""
	}
	wanted := map[string]bool{}
	for _, key := range keys {
		wanted[key] = true
	}
	o.mu.Lock()
	pods := o.state.toAsk(wanted)
	o.mu.Unlock()
	for _, a := range pods {
		counted, err := o.metricsOf(ctx, a)
		if err != nil {
			o.cfg.Log("metrics of Sensor %s: %v", a.sensor, err)
			continue // it may end at this moment; its log is what counts
		}
		o.mu.Lock()
		unclear := o.state.compare(a, counted, time.Now())
		o.mu.Unlock()
		if unclear != "" {
			time.AfterFunc(metricsAgain, o.touch)
			return unclear
		}
	}
	return ""
}

// sampled says whether a Sensor's log may have dropped lines about the messages.
func (s *state) sampled(keys map[string]bool) bool {
	for _, a := range s.toAsk(keys) {
		if a.c.sampled {
			return true
		}
	}
	return false
}

// metricsOf reads the counters of a Sensor's pod by trigger.
func (o *Observer) metricsOf(ctx context.Context, a asked) (map[string]tally, error) {
	bounded, cancel := context.WithTimeout(ctx, metricsTimeout)
	defer cancel()
	body, err := o.cfg.Metrics(bounded, a.address)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	decoder := expfmt.NewDecoder(body, expfmt.NewFormat(expfmt.TypeTextPlain))
	counted := map[string]tally{}
	for {
		var family dto.MetricFamily
		err := decoder.Decode(&family)
		if errors.Is(err, io.EOF) {
			return counted, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read the metrics: %w", err)
		}
		if name := family.GetName(); name != triggeredMetric && name != failedMetric {
			continue
		}
		for _, metric := range family.GetMetric() {
			trigger := ""
			for _, label := range metric.GetLabel() {
				if label.GetName() == "trigger_name" {
					trigger = label.GetValue()
				}
			}
			t := counted[trigger]
			if family.GetName() == triggeredMetric {
				t.triggered = int(metric.GetCounter().GetValue())
			} else {
				t.failed = int(metric.GetCounter().GetValue())
			}
			counted[trigger] = t
		}
	}
}
