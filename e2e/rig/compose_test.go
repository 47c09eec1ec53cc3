package rig

import (
	"bytes"
	"testing"

	"github.com/eventrig/eventrig/e2e/scenario"
)

func TestATextOfALengthIsPutIntoANotification(t *testing.T) {
	step := scenario.Publish{Event: "ironic/baremetal.port.create.end", Set: map[string]any{`payload.ironic_object\.data.name`: "p"},
		Fill: map[string]int{`payload.ironic_object\.data.extra.note`: 5000}}
	made, err := Compose(scenario.Step{Publish: &step})
	if err != nil {
		t.Fatal(err)
	}
	if len(made) != 1 || bytes.Count(made[0].Body, bytes.Repeat([]byte("x"), 5000)) != 1 || len(step.Set) != 1 {
		t.Errorf("%d messages, the first of %d bytes; set is %v", len(made), len(made[0].Body), step.Set)
	}
}

// TestCloudsOfOneRigTellNothingTwice: a message_id that came before would be taken for the same message sent again.
func TestCloudsOfOneRigTellNothingTwice(t *testing.T) {
	seen := map[string]bool{}
	for range 2 {
		s, err := (&Rig{}).newSpace("s", nil)
		if err != nil {
			t.Fatal(err)
		}
		messages, err := s.ChangeOpenStack(t.Context(), scenario.OpenStackChange{Create: "project", Set: map[string]any{"name": "p", "domain_id": "default"}, Notify: true})
		if err != nil || len(messages) != 1 {
			t.Fatal(len(messages), err)
		}
		if seen[messages[0].MessageID] {
			t.Errorf("%s was told before", messages[0].MessageID)
		}
		seen[messages[0].MessageID] = true
	}
}
