package mutate

import (
	"strings"
	"testing"

	"github.com/eventrig/eventrig/internal/failure"
)

func TestReasons(t *testing.T) {
	graph := load(t)
	reasons, err := ParseReasons("reasons.yaml", []byte(`# why
- operator: rbac-verb
  object: Role/argo-events/*
  path: rules[0].verbs*
  reason: nothing asks for it
- {object: Sensor/openstack/projects, reason: a sketch}
`))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range makeAll(t, graph) {
		want := ""
		switch {
		case m.Operator.Name == "rbac-verb" && strings.HasPrefix(m.Path, "rules[0]"):
			want = "nothing asks for it"
		case m.Object.Key() == "Sensor/openstack/projects":
			want = "a sketch"
			reasons.killed(m)
		}
		if want == "a sketch" {
			continue
		}
		if got := reasons.of(m); got != want {
			t.Errorf("%s: %q, want %q", m.ID, got, want)
		}
	}
	if idle := reasons.idle(); len(idle) != 1 || !strings.HasPrefix(idle[0], "reasons.yaml:6: ") {
		t.Errorf("%v", idle)
	}
}

func TestReasonsThatSayNothing(t *testing.T) {
	for name, content := range map[string]string{
		"reasons.yaml:2":  "- {object: a, reason: b}\n- {object: a}\n",
		"names no object": "- {reason: b}\n",
		"not found":       "- {object: a, reason: b, sensor: c}\n",
		"not valid YAML":  "- {object: [}\n",
		"cannot":          "object: a\n",
	} {
		if _, err := ParseReasons("reasons.yaml", []byte(content)); failure.ExitStatus(err) != 2 || !strings.Contains(err.Error(), name) {
			t.Errorf("%q: %v", content, err)
		}
	}
	if empty, err := ParseReasons("reasons.yaml", []byte("# nothing yet\n[]\n")); err != nil || empty.of(makeAll(t, load(t))[0]) != "" {
		t.Errorf("%v", err)
	}
}
