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

// Names of one family are no misspellings of each other, and letters that have little in common none of anything.
func TestNameIsPlausible(t *testing.T) {
	for written, candidates := range map[string][]string{
		"openstack-ironic":         {"openstack-nova", "openstack-neutron", "openstack-keystone"},
		"keystone-event-project":   {"keystone-oslo-event"},
		"ironic-node-port":         {"ironic-node-update", "ironic-oslo-event"},
		"identity.project.created": {"identity.project.deleted", "identity.role.created"},
		"nova-dep":                 {"nova-msg"},
		"a":                        {"b"},
		"name":                     {"body", "same-as-ever"},
	} {
		if got := nearest.Name(written, candidates); got != "" {
			t.Errorf("%q is suggested for %q", got, written)
		}
	}
	for written, want := range map[string]string{
		"openstack-irnoic": "openstack-ironic", "device_id": "device_uuid", "oslomessage": "oslo.message", "Größe": "Gröse", "projct": "project",
	} {
		if got := nearest.Name(written, []string{want, "something-else"}); got != want {
			t.Errorf("%q is suggested for %q, want %q", got, written, want)
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
