package observe

import (
	"fmt"
	"slices"
	"testing"
)

// The lines are what argo-events v1.9.10 writes with LOG_LEVEL=debug; see pkg/sensors/listener.go, pkg/eventbus and
// pkg/eventsources/eventing.go.
func TestParseLine(t *testing.T) {
	const prefix = `"ts":"2026-11-23T11:00:00.123456789Z","logger":"argo-events.sensor","caller":"sensors/listener.go:1","sensorName":"s","triggerName":"t"`
	for name, c := range map[string]struct {
		text  string
		kind  kind
		ids   []string
		cause string
	}{
		"event":             {`{"level":"debug","ts":"2026-11-23T11:00:00Z","logger":"argo-events.eventsource","caller":"eventsources/eventing.go:592","msg":"{\"contentType\":\"application/json\",\"body\":{\"oslo.message\":\"{\\\"message_id\\\":\\\"m\\\"}\"}}","eventSourceName":"openstack-keystone","eventID":"ab"}`, sourceEvent, []string{"ab"}, ""},
		"published":         {`{"level":"info","msg":"Succeeded to publish an event","eventName":"notifications","eventSourceType":"amqp","eventID":"ab"}`, sourcePublished, []string{"ab"}, ""},
		"lost":              {`{"level":"error","msg":"Failed to publish an event","error":"stan: connection closed","eventName":"notifications","eventID":"ab"}`, sourceLost, []string{"ab"}, "stan: connection closed"},
		"no JSON body":      {`{"level":"error","msg":"failed to process an AMQP message","eventName":"n","error":"failed to marshal the message, message-id: , json: error"}`, sourceRefused, nil, "failed to marshal the message, message-id: , json: error"},
		"listening":         {`{"level":"info","msg":"listening to messages on channel...","eventName":"notifications"}`, sourceListening, nil, ""},
		"subscribed":        {`{"level":"info",` + prefix + `,"msg":"Subscribed to subject eventbus-openstack using durable name group-1"}`, sensorSubscribed, nil, ""},
		"subscribed js":     {`{"level":"debug",` + prefix + `,"msg":"successfully subscribed to subject default.a.b with durable name group-1"}`, sensorSubscribed, nil, ""},
		"filtered":          {`{"level":"debug",` + prefix + `,"msg":"Event [ID 'ab', Source 'k', Time '2026-11-23T11:00:00Z', Data '{\"a\":\"] discarded due to filtering error: x\"}'] discarded due to filtering"}`, sensorFiltered, []string{"ab"}, "discarded due to filtering"},
		"filter error":      {`{"level":"warn",` + prefix + `,"msg":"Event [ID 'ab', Source 'k', Time 'T', Data '{}'] discarded due to filtering error: path 'x' does not exist"}`, sensorFilterError, []string{"ab"}, "path 'x' does not exist"},
		"passed with error": {`{"level":"warn",` + prefix + `,"msg":"Event [ID 'ab', Source 'k', Time 'T', Data '{}'] passed but with filtering error: path 'x' does not exist"}`, irrelevant, nil, ""},
		"transform error":   {`{"level":"error",` + prefix + `,"msg":"failed to apply event transformation","error":"fromjson cannot be applied to: null"}`, sensorTransformError, nil, "fromjson cannot be applied to: null"},
		"transform js":      {`{"level":"error",` + prefix + `,"msg":"failed to apply event transformation, ","error":"x"}`, sensorTransformError, nil, "x"},
		"success":           {`{"level":"info",` + prefix + `,"triggerType":"Kubernetes","msg":"Successfully processed trigger 't'","triggeredBy":["d"],"triggeredByEvents":["ab","cd"]}`, sensorTriggered, []string{"ab", "cd"}, ""},
		"failure":           {`{"level":"error",` + prefix + `,"msg":"Failed to execute a trigger","error":"failed to execute trigger, workflows.argoproj.io is forbidden","triggeredBy":["d"],"triggeredByEvents":["ab"]}`, sensorTriggerFailed, []string{"ab"}, "failed to execute trigger, workflows.argoproj.io is forbidden"},
		"failure again":     {`{"level":"error",` + prefix + `,"msg":"Failed to execute a trigger","error":"x"}`, irrelevant, nil, ""},
		"waiting":           {`{"level":"info",` + prefix + `,"msg":"trigger conditions not met","meetDependencies":["d"],"meetEvents":["ab"]}`, sensorWaiting, []string{"ab"}, ""},
		"not interested":    {`{"level":"debug",` + prefix + `,"msg":"not interested in dependency d"}`, irrelevant, nil, ""},
		"trace":             {`goroutine 1 [running]:`, irrelevant, nil, ""},
		"cut":               {`{"level":"info","msg":"Succ`, irrelevant, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			l := parseLine([]byte(c.text))
			if l.kind != c.kind || (c.kind != irrelevant && (!slices.Equal(l.eventIDs, c.ids) || l.cause != c.cause)) {
				t.Errorf("%+v", l)
			}
		})
	}
}

func TestRoutesFollowTopicPatterns(t *testing.T) {
	for _, c := range []struct {
		kind, pattern, key string
		want               bool
	}{
		{"topic", "notifications.info", "notifications.info", true},
		{"topic", "notifications.info", "notifications.error", false},
		{"topic", "notifications.*", "notifications.info", true},
		{"topic", "notifications.*", "notifications.info.x", false},
		{"topic", "#", "a.b.c", true},
		{"topic", "a.#.c", "a.c", true},
		{"topic", "a.#.c", "a.b.d", false},
		{"direct", "a", "a", true},
		{"direct", "*", "a", false},
		{"fanout", "", "a", true},
	} {
		if got := bound(c.kind, c.pattern, c.key); got != c.want {
			t.Errorf("%v: %v", c, got)
		}
	}
	for text, want := range map[string]string{"amqp://h:5672/keystone": "keystone", "amqp://h": "/", "amqp://h/": "/", "amqp://u:p@h/%2F": "/"} {
		if got, err := VHostOfURL(text); err != nil || got != want {
			t.Errorf("%s: %q %v", text, got, err)
		}
	}
}

func FuzzParseLine(f *testing.F) {
	f.Add(`{"level":"debug","msg":"Event [ID 'ab', Source 'k', Time 'T', Data '{}'] discarded due to filtering"}`)
	f.Fuzz(func(t *testing.T, text string) {
		if l := parseLine([]byte(text)); l.kind == sensorFiltered && len(l.eventIDs) > 1 {
			t.Error(fmt.Sprint(l))
		}
	})
}
