package pipeline

import (
	"slices"
	"testing"
)

func TestDestSteps(t *testing.T) {
	for path, want := range map[string][]string{
		"":                               {""},
		"spec.arguments.parameters.0":    {"spec", "arguments", "parameters", "0"},
		`metadata.labels.app\.k8s\.io/x`: {"metadata", "labels", "app.k8s.io/x"},
		`a\\.b`:                          {`a\`, "b"},
		`a\`:                             {`a\`},
		"a..b.":                          {"a", "", "b", ""},
	} {
		if got := DestSteps(path); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", path, got, want)
		}
	}
}
