package test

import (
	"strings"
	"testing"

	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/failure"
)

func TestSelection(t *testing.T) {
	all := named("keystone-smoke", "nova-nightly", "bare")
	all[0].Metadata.Labels = map[string]string{"service": "keystone", "suite": "smoke"}
	all[1].Metadata.Labels = map[string]string{"service": "nova", "suite": "nightly"}
	for name, c := range map[string]struct {
		focus, labels, want string
	}{
		"everything":            {"", "", "keystone-smoke nova-nightly bare"},
		"a name":                {"^nova-", "", "nova-nightly"},
		"a value":               {"", "keystone", "keystone-smoke"},
		"a key and value":       {"", "service:nova", "nova-nightly"},
		"smoke is nightly":      {"", "nightly", "keystone-smoke nova-nightly"},
		"nightly is not smoke":  {"", "smoke", "keystone-smoke"},
		"an expression":         {"", "nightly && !service:nova", "keystone-smoke"},
		"either":                {"", "smoke || nova", "keystone-smoke nova-nightly"},
		"a regular expression":  {"", "/key.*/", "keystone-smoke"},
		"name and label":        {"nova", "keystone", ""},
		"whoever has no labels": {"", "!keystone && !nova", "bare"},
	} {
		t.Run(name, func(t *testing.T) {
			chosen, err := selection{c.focus, c.labels}.choose(all)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, s := range chosen {
				names = append(names, s.Metadata.Name)
			}
			if got := strings.Join(names, " "); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	for _, wrong := range []selection{{"(", ""}, {"", "smoke &&"}} {
		if _, err := wrong.choose([]scenario.Scenario{}); failure.ExitStatus(err) != int(failure.BadInput) {
			t.Errorf("%+v: %v", wrong, err)
		}
	}
}
