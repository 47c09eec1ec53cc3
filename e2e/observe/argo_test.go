package observe

import (
	"testing"

	"github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"

	"github.com/eventrig/eventrig/internal/ledger"
)

// withArgo gives the Sensor's trigger argo to run instead of a k8s trigger.
func (w *world) withArgo(operation v1alpha1.ArgoWorkflowOperation) {
	template := w.sensors["openstack/s"].Spec.Triggers[0].Template
	template.ArgoWorkflow = &v1alpha1.ArgoWorkflowTrigger{Operation: operation, Source: template.K8s.Source, Parameters: template.K8s.Parameters}
	template.K8s = nil
}

func TestAWorkflowThatArgoSubmitsIsItsEvents(t *testing.T) {
	w := newWorld(t)
	w.withArgo(v1alpha1.Submit)
	w.publish("m", "n")
	w.arrives("e1", "m", "1", 1)
	w.arrives("e2", "n", "2", 2)
	w.says(sensorTriggered, 6, "", "e1")
	w.settled("has not been seen yet", "m") // the line may come before the object
	w.workflow("w1", "1", "Succeeded", 5)
	w.settled("", "m")
	w.workflow("w2", "2", "Running", 7)
	w.says(sensorTriggered, 8, "", "e2")
	w.settled("is Running", "n")
	for _, r := range w.of(ledger.Workflow) {
		if want := map[string]string{"Workflow/argo-events/w1": "m", "Workflow/argo-events/w2": "n"}[r.Object]; r.MessageID != want || r.Ambiguous {
			t.Errorf("%+v", r)
		}
	}
}

// What else argo does makes no object that the trigger describes: nothing is waited for, and nothing breaks.
func TestAnotherOperationOfArgoOwesNoObject(t *testing.T) {
	w := newWorld(t)
	w.withArgo(v1alpha1.SubmitFrom)
	w.publish("m")
	w.arrives("e", "m", "1", 1)
	w.workflow("w", "1", "Running", 3)
	w.says(sensorTriggerFailed, 4, "exit status 1", "e")
	w.settled("", "m")
}
