package rig

import (
	"slices"
	"strings"
	"testing"

	"github.com/eventrig/eventrig/internal/apply"
	"github.com/eventrig/eventrig/internal/failure"
)

func chartOptions(t *testing.T, set string) Options {
	t.Helper()
	options, err := Options{Manifests: []string{"../suites/testdata/chart"}, Reading: Reading{
		Values: []string{"../suites/testdata/chart-values.yaml"}, Set: []string{set}, Namespaces: []string{"openstack"},
	}}.complete()
	if err != nil {
		t.Fatal(err)
	}
	return options
}

func TestAChartIsReadWithItsValues(t *testing.T) {
	read, err := loadManifests(chartOptions(t, "events={identity.project.created}"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, object := range read.objects {
		names = append(names, apply.Name(object.Unstructured))
	}
	if want := []string{"EventSource/openstack/openstack-keystone", "Sensor/openstack/keystone-event-project"}; !slices.Equal(names, want) {
		t.Errorf("objects %v, want %v", names, want)
	}
	if len(read.bus) == 0 {
		t.Error("no bus for the namespace that --namespace gives")
	}
	if want := []string{"the rig has no rabbitmq.com: User argo-keystone not applied"}; !slices.Equal(read.notes, want) {
		t.Errorf("notes %v, want %v", read.notes, want)
	}
	if !strings.HasSuffix(read.objects[1].Origin, "sensors.yaml:2") {
		t.Errorf("the Sensor is from %s", read.objects[1].Origin)
	}
}

func TestAChartThatCannotBeRenderedIsBadInput(t *testing.T) {
	_, err := loadManifests(chartOptions(t, "queue=other"))
	if failure.ExitStatus(err) != int(failure.BadInput) || !strings.Contains(err.Error(), "templates/sensors.yaml:19: Helm chart site: say which events with --set events") {
		t.Errorf("error %v", err)
	}
}
