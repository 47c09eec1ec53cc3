package docs_test

import (
	"testing"

	"github.com/eventrig/eventrig/internal/docs"
)

// What the Sensors say is looked up in the scenarios: a filter or a Sensor that is added needs scenarios.
func TestEveryCaseOfEverySensorHasAScenario(t *testing.T) {
	holes, err := docs.PipelineHoles(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, hole := range holes {
		t.Error(hole)
	}
}
