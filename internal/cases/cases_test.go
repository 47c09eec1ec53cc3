package cases_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/eventrig/eventrig/internal/cases"
	"github.com/eventrig/eventrig/internal/corpus"
	"github.com/eventrig/eventrig/internal/pipeline/pipelinetest"
)

const tree = `
apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: keystone, namespace: openstack}
spec:
  amqp:
    notifications: {url: "amqp://rabbitmq:5672/keystone", exchangeName: keystone, exchangeType: topic, routingKey: notifications.info, jsonBody: true}
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: s, namespace: openstack}
spec:
  dependencies:
  - name: dep
    eventSourceName: keystone
    eventName: notifications
    transform: {jq: '.body["oslo.message"] | fromjson'}
    filters: {data: [{path: event_type, type: string, value: [identity.project.created, identity.project.deleted]}, {path: payload.kind, type: string, value: [wanted]}]}
  triggers:
  - template:
      name: t
      k8s:
        operation: create
        parameters: [{src: {dependencyName: dep, dataKey: payload.target.id}, dest: metadata.name}, {src: {dependencyName: dep, dataKey: event_type}, dest: metadata.labels.type}]
        source: {resource: {apiVersion: v1, kind: ConfigMap, metadata: {name: x}}}
`

const scenarios = `
apiVersion: eventrig.dev/v1alpha1
kind: Scenario
metadata: {name: hits}
spec:
  when:
    - publish: {event: keystone/identity.project.created, set: {payload.kind: wanted}}
    - publish: {event: keystone/identity.project.created, set: {payload.kind: unwanted}}
  then: {sensors: [{name: s, fires: 2}]}
---
apiVersion: eventrig.dev/v1alpha1
kind: Scenario
metadata: {name: misses}
spec:
  when:
    - publish: {event: keystone/identity.project.created, driver: messaging, set: {payload.kind: wanted}}
    - publish: {event: keystone/identity.project.updated, set: {payload.kind: wanted}}
    - publish: {event: keystone/identity.project.updated, set: {payload.kind: other}}
    - publish: {event: keystone/identity.project.created, set: {payload.kind: other}}
    - publish: {event: keystone/identity.project.created, set: {payload.kind: null}}
    - publish: {event: keystone/identity.project.created, set: {payload.kind: ""}}
    - publish: {event: keystone/identity.project.created, set: {payload.kind: wanted}, remove: [payload.target]}
  then: {sensors: [{name: s, fires: 0}]}
`

func TestCasesFollowFromTheSensorAndAreFoundInScenarios(t *testing.T) {
	file := filepath.Join(t.TempDir(), "s.yaml")
	if err := os.WriteFile(file, []byte(strings.TrimPrefix(scenarios, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	events, err := corpus.New(nil, []string{file}, "", 1)
	if err != nil {
		t.Fatal(err)
	}
	sensors, err := cases.Of(t.Context(), pipelinetest.Graph(t, tree), events)
	if err != nil || len(sensors) != 1 {
		t.Fatal(sensors, err)
	}
	want := []string{
		"openstack/s: `event_type` is `identity.project.created`: [hits misses]",
		"openstack/s: `event_type` is `identity.project.deleted`: []",
		"openstack/s: `event_type` only contains a value: []",
		"openstack/s: `event_type` has another value: [misses]", // with the wanted kind; without, two things are another
		"openstack/s: `payload.kind` is `wanted`: [hits misses]",
		"openstack/s: `payload.kind` only contains a value: [hits]",
		"openstack/s: `payload.kind` has another value: [misses]",
		"openstack/s: `payload.kind` is missing: []",
		"openstack/s: `payload.kind` is null: [misses]",
		"openstack/s: `payload.kind` is empty: [misses]",
		"openstack/s: the transform fails: [misses]",
		"openstack/s: parameter from `payload.target.id` is missing: [misses]",
		"openstack/s: parameter from `payload.target.id` is null: []",
	}
	if got := strings.Split(sensors[0].String(), "\n"); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, c := range sensors[0].Cases {
		if fires := strings.Contains(c.Name, "is `") || strings.Contains(c.Name, "contains") || strings.HasPrefix(c.Name, "parameter") && strings.HasSuffix(c.Name, "null"); c.Fires != fires {
			t.Errorf("%s: fires is %v", c.Name, c.Fires)
		}
	}
}
