package observe

import (
	"encoding/json"
	"regexp"
	"strings"
	"time"
)

// kind is what a log line of an EventSource or a Sensor tells.
type kind int

const (
	irrelevant kind = iota
	// EventSource pods
	sourceListening // an event of the source has its delivery channel, or watches the API server
	sourceStarted   // the server runs
	sourceEvent     // an event was made: data and eventID
	sourcePublished // it is on the bus: eventID
	sourceLost      // it could not be put on the bus: eventID
	sourceRefused   // a message was not made an event at all; no id
	sourceSkipped   // the EventSource's own filter said no; no id
	sourceRejoined  // it is connected to the bus again
	// Sensor pods
	sensorSubscribed     // a trigger is subscribed
	sensorFiltered       // eventID
	sensorFilterError    // eventID, cause
	sensorTransformError // no id, cause
	sensorWaiting        // other dependencies are missing; ids with STAN, none with JetStream
	sensorDuplicate      // the Sensor recognised the event as one it had before
	sensorTriggered      // ids
	sensorTriggerFailed  // ids, cause
	// both
	busLost // a connection to the bus broke: client
)

// line is a log line that tells something.
type line struct {
	kind     kind
	time     time.Time
	trigger  string
	event    string // eventName of an EventSource's line
	client   string // whose connection to the bus it is about
	eventIDs []string
	data     json.RawMessage // sourceEvent: what the Sensors get as data
	cause    string
	inferred bool // no line: a counter tells of what the line would have
}

// logLine has the fields of argo-events' JSON log that outcomes are read from.
type logLine struct {
	TS                string   `json:"ts"`
	Msg               string   `json:"msg"`
	Level             string   `json:"level"`
	Error             string   `json:"error"`
	TriggerName       string   `json:"triggerName"`
	EventName         string   `json:"eventName"`
	ClientID          string   `json:"clientID"`
	EventID           string   `json:"eventID"`
	TriggeredByEvents []string `json:"triggeredByEvents"`
	MeetEvents        []string `json:"meetEvents"`
}

// eventString matches what listener.go's eventToString writes. The id is the EventSource's own hexadecimal one, so it
// holds no quote; the data may hold anything, hence the anchors.
var eventString = regexp.MustCompile(`(?s)^Event \[ID '([^']*)', Source '.*\] (discarded due to filtering|passed but with filtering)( error: (.*))?$`)

// parseLine reads one line of argo-events v1.9 with LOG_LEVEL=debug. Lines that are no JSON (a panic's trace) and
// lines that decide nothing are irrelevant.
func parseLine(text []byte) line {
	var l logLine
	if len(text) == 0 || text[0] != '{' || json.Unmarshal(text, &l) != nil {
		return line{}
	}
	out := line{trigger: l.TriggerName, event: l.EventName, client: l.ClientID, cause: l.Error}
	out.time, _ = time.Parse(time.RFC3339Nano, l.TS)
	is := func(k kind, ids ...string) line {
		out.kind = k
		for _, id := range ids {
			if id != "" {
				out.eventIDs = append(out.eventIDs, id)
			}
		}
		return out
	}
	switch {
	case l.Level == "debug" && l.EventID != "" && strings.HasPrefix(l.Msg, "{"):
		out.data = json.RawMessage(l.Msg)
		return is(sourceEvent, l.EventID)
	case l.Msg == "Succeeded to publish an event":
		return is(sourcePublished, l.EventID)
	case l.Msg == "Failed to publish an event":
		return is(sourceLost, l.EventID)
	case l.Msg == "failed to process an AMQP message", l.Msg == "failed to process a Resource event", l.Msg == "Failed to filter event":
		return is(sourceRefused)
	case l.Msg == "Filter condition not met, skip dispatching":
		return is(sourceSkipped)
	case l.Msg == "listening to messages on channel...", l.Msg == "running informer...":
		return is(sourceListening)
	case l.Msg == "NATS connection lost":
		return is(busLost)
	case l.Msg == "reconnected to eventbus successfully":
		return is(sourceRejoined)
	case l.Msg == "Eventing server started.":
		return is(sourceStarted)
	case strings.HasPrefix(l.Msg, "Subscribed to subject "), strings.HasPrefix(l.Msg, "successfully subscribed to subject "):
		return is(sensorSubscribed)
	case strings.HasPrefix(l.Msg, "Event [ID '"):
		m := eventString.FindStringSubmatch(l.Msg)
		if m == nil || strings.HasPrefix(m[2], "passed") {
			return line{} // passed with an error: the trigger's own line decides
		}
		if m[3] == "" {
			out.cause = "discarded due to filtering"
			return is(sensorFiltered, m[1])
		}
		out.cause = m[4]
		return is(sensorFilterError, m[1])
	case strings.HasPrefix(l.Msg, "failed to apply event transformation"):
		return is(sensorTransformError)
	case l.Msg == "trigger conditions not met":
		return is(sensorWaiting, l.MeetEvents...)
	case strings.HasPrefix(l.Msg, "dependency expression false"):
		return is(sensorWaiting)
	case l.Msg == "Dropping this message because later ones also satisfy":
		out.cause = l.Msg
		return is(sensorDuplicate, l.EventID)
	case strings.HasPrefix(l.Msg, "Successfully processed trigger '"):
		return is(sensorTriggered, l.TriggeredByEvents...)
	case l.Msg == "Failed to execute a trigger" && len(l.TriggeredByEvents) > 0:
		// Without atLeastOnce the same failure is logged a second time, without the events.
		return is(sensorTriggerFailed, l.TriggeredByEvents...)
	}
	return line{}
}
