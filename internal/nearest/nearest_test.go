package nearest_test

import (
	"slices"
	"testing"

	"github.com/eventrig/eventrig/internal/nearest"
)

func TestName(t *testing.T) {
	candidates := []string{"parameters", "phase", "sensor", "routing-key"}
	for written, want := range map[string]string{
		"paramters": "parameters", "pahse": "phase", "Sensor": "sensor", "routingKey": "routing-key", "workflows": "",
	} {
		if got := nearest.Name(written, candidates); got != want {
			t.Errorf("Name(%q) = %q, want %q", written, got, want)
		}
	}
}

func TestNames(t *testing.T) {
	got := nearest.Names("tenant", []string{"dcim/devices", "tenants", "tenant-groups"}, 2)
	if !slices.Equal(got, []string{"tenants", "tenant-groups"}) {
		t.Errorf("Names: %v", got)
	}
	if got := nearest.Names("x", []string{"a"}, 3); len(got) != 1 {
		t.Errorf("Names of one: %v", got)
	}
}
