package rig

import (
	"strings"
	"testing"

	"github.com/eventrig/eventrig/internal/pipeline"
)

// The argo command line is built only for Sensors that execute it: it takes long.
func TestArgoIsBuiltForSensorsThatSubmit(t *testing.T) {
	const sensor = `apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: s, namespace: a}
spec:
  dependencies: [{name: d, eventSourceName: e, eventName: tick}]
  triggers:
  - template: {name: first, log: {}}
  - template:
      name: second
      TRIGGER:
        operation: OPERATION
        source: {resource: {apiVersion: argoproj.io/v1alpha1, kind: Workflow, metadata: {generateName: w-}}}
`
	for kind, want := range map[string]bool{"argoWorkflow": true, "k8s": false} {
		operation := map[bool]string{true: "submit", false: "create"}[want]
		objects, err := pipeline.Parse("sensor.yaml", []byte(strings.NewReplacer("TRIGGER", kind, "OPERATION", operation).Replace(sensor)))
		if err != nil {
			t.Fatal(err)
		}
		if got := submits(&pipeline.Graph{Objects: objects}); got != want {
			t.Errorf("a Sensor with a trigger %s needs argo: %t, want %t", kind, got, want)
		}
	}
}
