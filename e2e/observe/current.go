package observe

import (
	"encoding/base64"
	"encoding/json"
	"reflect"

	"github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
	corev1 "k8s.io/api/core/v1"
)

// Expect says that an EventSource or Sensor was applied at a generation, so that Ready does not answer from a watch that
// has not seen it yet.
func (o *Observer) Expect(kind, namespace, name string, generation int64) {
	if kind != "Sensor" && kind != "EventSource" {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.state.expected[kind+" "+namespace+"/"+name] = generation
}

// Forget says that an object was deleted, so that nobody waits for it any more.
func (o *Observer) Forget(kind, namespace, name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.state.expected, kind+" "+namespace+"/"+name)
}

// unseen names the applied EventSources and Sensors that the watches have not shown yet.
func (s *state) unseen() []string {
	var missing []string
	for key, generation := range s.expected {
		seen := int64(-1)
		for name, source := range s.sources {
			if key == "EventSource "+name {
				seen = source.Generation
			}
		}
		for name, sensor := range s.sensors {
			if key == "Sensor "+name {
				seen = sensor.Generation
			}
		}
		if seen < generation {
			missing = append(missing, key+" was applied and is not seen yet")
		}
	}
	return missing
}

// specOf is the spec that a pod of argo-events runs with: its controller hands it over in the environment
// (pkg/reconciler/{sensor,eventsource}/resource.go). Nil where there is none.
func specOf(container corev1.Container) any {
	for _, variable := range container.Env {
		if variable.Name != v1alpha1.EnvVarSensorObject && variable.Name != v1alpha1.EnvVarEventSourceObject {
			continue
		}
		data, err := base64.StdEncoding.DecodeString(variable.Value)
		if err != nil {
			return nil
		}
		var object struct {
			Spec any `json:"spec"`
		}
		if err := json.Unmarshal(data, &object); err != nil {
			return nil
		}
		return object.Spec
	}
	return nil
}

// sameSpec compares a spec with the one that a pod runs with, as JSON.
func sameSpec(running, wanted any) bool {
	data, err := json.Marshal(wanted)
	if err != nil {
		return false
	}
	var decoded any
	if err := json.Unmarshal(data, &decoded); err != nil {
		return false
	}
	return reflect.DeepEqual(running, decoded)
}
