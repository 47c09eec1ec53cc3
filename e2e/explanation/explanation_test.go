package explanation_test

import (
	"strings"
	"testing"

	"github.com/eventrig/eventrig/e2e/explanation"
	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/evaluate"
	"github.com/eventrig/eventrig/internal/message"
	"github.com/eventrig/eventrig/internal/pipeline"
)

const manifests = `
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: s, namespace: openstack}
spec:
  dependencies:
  - name: dep
    eventSourceName: keystone
    eventName: notifications
    transform: {jq: '.body["oslo.message"] | fromjson'}
    filters:
      data:
      - {path: event_type, type: string, value: [project]}
  triggers:
  - template:
      name: t
      k8s:
        operation: create
        source:
          resource:
            apiVersion: argoproj.io/v1alpha1
            kind: Workflow
            metadata: {generateName: sync-, namespace: argo-events}
            spec:
              entrypoint: main
              arguments: {parameters: [{name: type}, {name: id}]}
        parameters:
        - {src: {dependencyName: dep, dataKey: payload.id, value: none}, dest: spec.arguments.parameters.1.value}
`

func explain(t *testing.T, body string) scenario.Explanation {
	t.Helper()
	objects, err := pipeline.Parse("m.yaml", []byte(manifests))
	if err != nil {
		t.Fatal(err)
	}
	evaluator, err := evaluate.New(&pipeline.Graph{Objects: objects}, evaluate.Options{Source: "openstack/keystone/notifications"})
	if err != nil {
		t.Fatal(err)
	}
	events, err := message.Parse("e.json", []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	all := explanation.Of(evaluator.Event(events[0]), "m1", "openstack/s")
	if len(all) != 1 {
		t.Fatalf("%+v", all)
	}
	if other := explanation.Of(evaluator.Event(events[0]), "m1", "openstack/other"); len(other) != 0 {
		t.Errorf("another Sensor has %+v", other)
	}
	return all[0]
}

func has(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in %q", part, text)
		}
	}
}

func TestASilentSensorSaysWhichStepSaidNo(t *testing.T) {
	e := explain(t, `{"oslo.message": "{\"event_type\": \"identity.user.created\", \"publisher_id\": \"p\"}"}`)
	if e.Verdict != "filtered" || e.Step != "filter" || e.Path != "event_type" || string(e.Got) != `"identity.user.created"` || len(e.Want) != 1 || e.Event != "m1" || e.EventType != "identity.user.created" {
		t.Errorf("%+v", e)
	}
	has(t, e.String(), "identity.user.created: filtered: filter event_type is ", "wanted project", "(m.yaml:")
}

func TestAMalformedEventSaysArgosHiddenError(t *testing.T) {
	e := explain(t, `{"event_type": "identity.project.created", "publisher_id": "p"}`)
	if e.Verdict != "transform-error" {
		t.Errorf("%+v", e)
	}
	has(t, e.Text, "fromjson cannot be applied to: null", "not in oslo's envelope")
}

func TestAFiringSensorSaysWhatLetTheEventThroughAndWhereParametersComeFrom(t *testing.T) {
	e := explain(t, `{"oslo.message": "{\"event_type\": \"identity.project.created\", \"publisher_id\": \"p\", \"payload\": {}}"}`)
	if e.Verdict != "fires" {
		t.Fatalf("%+v", e)
	}
	has(t, e.Text, `matches only the part "project"`, "it makes Workflow argo-events/sync-")
	has(t, e.Parameters["id"], "dataKey payload.id = none", "payload has no id")
	if _, known := e.Parameters["type"]; known {
		t.Errorf("parameters %v", e.Parameters)
	}
}
