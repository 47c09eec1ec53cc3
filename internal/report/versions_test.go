package report

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestTextTellsVersionsInOneLineAndWarnsOfAnotherMajor(t *testing.T) {
	versions := map[string]string{
		"argo-events": "v1.9.10", "argo-workflows": "v3.7.15", "kubernetes": "v1.34.3", "nats-streaming": "v0.25.6", "rabbitmq": "3.10.8", "a-new-one": "1",
	}
	line := "rabbitmq 3.10.8, kubernetes 1.34.3, argo-events 1.9.10, argo-workflows 3.7.15, nats-streaming 0.25.6, a-new-one 1\n"
	warning := "RabbitMQ 3.10.8 was found, UnderStack runs 4: scripts/setup.sh --rabbitmq 4"
	var out strings.Builder
	if err := New(versions, nil, nil).Text(&out); err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(out.String(), "\n"+line+"warning: "+warning+"\nno scenario ran\n") {
		t.Errorf("got\n%s", out.String())
	}
	out.Reset()
	if err := New(versions, nil, nil).JSON(&out); err != nil {
		t.Fatal(err)
	}
	var document struct{ Warnings []string }
	if err := json.Unmarshal([]byte(out.String()), &document); err != nil || len(document.Warnings) != 1 || document.Warnings[0] != warning {
		t.Errorf("%v %q", err, document.Warnings)
	}
}

func TestNoWarningWithoutNeed(t *testing.T) {
	for name, versions := range map[string]map[string]string{
		"UnderStack's majors": {"rabbitmq": "4.0.5", "argo-events": "v1.8.0", "argo-workflows": "v3.6.1"},
		"nothing known":       {"rabbitmq": ""},
		"no versions":         nil,
	} {
		if warnings := New(versions, nil, nil).Warnings; len(warnings) != 0 {
			t.Errorf("%s: %q", name, warnings)
		}
	}
	// 40 is not 4.
	if warnings := New(map[string]string{"rabbitmq": "40.1"}, nil, nil).Warnings; len(warnings) != 1 {
		t.Errorf("40.1: %q", warnings)
	}
}
