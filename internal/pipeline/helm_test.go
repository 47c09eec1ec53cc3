package pipeline_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/pipeline"
)

const chart = "testdata/chart"

func origins(graph *pipeline.Graph) []string {
	var all []string
	for _, object := range graph.Objects {
		all = append(all, object.Origin()+" "+object.Key())
	}
	return all
}

// copyOf makes a copy of the chart that a test may change.
func copyOf(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := write(t, nil)
	if err := os.CopyFS(dir, os.DirFS(chart)); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestAChartIsRenderedAndKnowsItsTemplatesLines(t *testing.T) {
	graph, problems := pipeline.Read(context.Background(), pipeline.Options{Namespaces: []string{"automation=openstack"}}, chart)
	if len(problems) != 0 {
		t.Fatal(problems)
	}
	want := []string{
		"testdata/chart/templates/eventsources.yaml:6 EventSource/openstack/openstack-keystone",
		"testdata/chart/templates/eventsources.yaml:6 EventSource/openstack/openstack-nova",
		"testdata/chart/templates/sensor-nova.yaml:2 Sensor/openstack/nova",
	}
	if got := origins(graph); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	event, ok := graph.Event("openstack", "openstack-nova", "notifications")
	if !ok || event.AMQP.URL != "amqp://rabbitmq.openstack.svc.cluster.local:5672/nova" {
		t.Fatalf("event %+v", event)
	}
	for path, want := range map[string]int{event.Path: 12, event.Path + ".url": 13, event.Path + ".exchangeName": 14, event.Path + ".routingKey": 16} {
		if got := event.Source.LineOf(path); got != want {
			t.Errorf("LineOf(%s) = %d, want %d", path, got, want)
		}
	}
	sensor := graph.Sensors()[0]
	resource := "spec.triggers[0].template.k8s.source.resource"
	for path, want := range map[string]int{
		"metadata.name": 5, "spec.dependencies[0].filters.data[0].value[0]": 24, resource + ".metadata.namespace": 36,
		resource + ".spec.arguments.parameters[0].value": 42, resource + ".spec.templates[0].container.args": 47, resource + ".spec.templates[0].container.image": 46,
	} {
		if got := sensor.LineOf(path); got != want {
			t.Errorf("LineOf(%s) = %d, want %d", path, got, want)
		}
	}
	if got := sensor.GetNamespace() + " " + event.SourceName; got != "openstack openstack-nova" {
		t.Errorf("%s", got)
	}
}

func TestValuesSetAndNamespaces(t *testing.T) {
	dir := write(t, map[string]string{
		"site.yaml":  "enabled: {keystone: false}\nlabels: {app: nova}\n",
		"more.yaml":  "extra:\n  serviceAccountName: submit\n",
		"plain.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plain}\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: cluster}\n",
	})
	options := pipeline.Options{Values: []string{dir + "/site.yaml", chart + "=" + dir + "/more.yaml"}, Set: []string{"tools.enabled=true"},
		Namespaces: []string{"everywhere", chart + "=openstack"}}
	graph, problems := pipeline.Read(context.Background(), options, chart, dir+"/plain.yaml")
	if len(problems) != 0 {
		t.Fatal(problems)
	}
	want := []string{
		"testdata/chart/charts/tools/templates/tool.yaml:1 ConfigMap/openstack/automation-tool",
		"testdata/chart/templates/eventsources.yaml:6 EventSource/openstack/openstack-nova",
		"testdata/chart/templates/sensor-nova.yaml:2 Sensor/openstack/nova",
		dir + "/plain.yaml:1 ConfigMap/everywhere/plain", dir + "/plain.yaml:5 ClusterRole//cluster",
	}
	if got := origins(graph); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	sensor := graph.Sensors()[0]
	if sensor.GetLabels()["app"] != "nova" || sensor.Typed.Spec.Template.ServiceAccountName != "submit" {
		t.Errorf("sensor %v", sensor.Object)
	}
	for path, want := range map[string]int{"metadata.labels": 7, "metadata.labels.app": 8, "spec.template.serviceAccountName": 13, "spec.dependencies": 15} {
		if got := sensor.LineOf(path); got != want {
			t.Errorf("LineOf(%s) = %d, want %d", path, got, want)
		}
	}
}

func TestWhatHelmRefusesNamesFileAndLine(t *testing.T) {
	values := write(t, map[string]string{"wrong.yaml": "labels:\n  app: x\nenabled:\n  nova: maybe\n", "broken.yaml": "a: [\n", "empty.yaml": "labels: {other: x}\n"})
	for name, test := range map[string]struct {
		files   map[string]string
		options pipeline.Options
		want    string // in the message, after the file's folder
		hint    string
		left    int // objects of the rest
	}{
		"schema": {nil, pipeline.Options{Values: []string{values + "/wrong.yaml"}}, values + "/wrong.yaml:4: Helm chart automation: values don't meet", "values.schema.json", 0},
		"values": {nil, pipeline.Options{Values: []string{values + "/broken.yaml"}}, values + "/broken.yaml:", "", 0},
		"set":    {nil, pipeline.Options{Set: []string{"enabled"}}, `--set enabled: key "enabled" has no value`, "helm --set", 0},
		"none":   {nil, pipeline.Options{Values: []string{"other=" + values + "/empty.yaml"}}, `no chart "other" was read`, "automation", 3},
		"required": {nil, pipeline.Options{Values: []string{values + "/empty.yaml"}},
			"/templates/sensor-nova.yaml:8: Helm chart automation: a name for the labels is needed", "--set", 2},
		"parse": {map[string]string{"templates/x.yaml": "a: 1\nb: {{ if }}\n"}, pipeline.Options{}, "/templates/x.yaml:2: Helm chart automation: missing value for if", "", 3},
		"call":  {map[string]string{"templates/x.yaml": "a: 1\n\nb: {{ .Values.nothing.there }}\n"}, pipeline.Options{}, "/templates/x.yaml:3: Helm chart automation: ", "", 3},
		"yaml": {map[string]string{"templates/x.yaml": "{{- if true }}\napiVersion: v1\nkind: Pod\nmetadata: {{ toYaml .Values.rabbitmq | nindent 0 }}\n  - a\n{{- end }}\n"},
			pipeline.Options{}, "/templates/x.yaml:", "helm template", 3},
		"dependency": {map[string]string{"Chart.yaml": "apiVersion: v2\nname: automation\nversion: 0.1.0\ndependencies: [{name: far, version: 1.0.0, repository: https://charts.example.org}]\n"},
			pipeline.Options{}, "/Chart.yaml:1: Helm chart automation: the chart far (https://charts.example.org)", "helm dependency build", 0},
		"Chart.yaml": {map[string]string{"Chart.yaml": "name: [\n"}, pipeline.Options{}, "/Chart.yaml:", "helm lint", 0},
		"no name":    {map[string]string{"Chart.yaml": "apiVersion: v2\nversion: 0.1.0\n"}, pipeline.Options{}, "/Chart.yaml:", "", 0},
		"kubernetes": {map[string]string{"Chart.yaml": "apiVersion: v2\nname: automation\nversion: 0.1.0\nkubeVersion: \"<1.20\"\n"}, pipeline.Options{}, "the chart is for Kubernetes <1.20, not for v1.34.0", "--kube-version", 0},
		"recursion":  {map[string]string{"templates/x.yaml": "{{ define \"x\" }}{{ include \"x\" . }}{{ end }}\na: {{ include \"x\" . }}\n"}, pipeline.Options{}, "/templates/x.yaml:", "", 3},
	} {
		dir := copyOf(t, test.files)
		graph, problems := pipeline.Read(context.Background(), test.options, dir)
		if len(problems) == 0 || !strings.Contains(problems[0].Error(), test.want) || !strings.Contains(problems[0].Hint, test.hint) || problems[0].Hint == "" {
			t.Errorf("%s: problems %v, want %q; hint %v", name, problems, test.want, problems)
			continue
		}
		if len(graph.Objects) != test.left {
			t.Errorf("%s: %d objects are left, want %d: %v", name, len(graph.Objects), test.left, problems)
		}
		if _, err := pipeline.LoadWith(context.Background(), test.options, dir); failure.ExitStatus(err) != int(failure.BadInput) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: loading fails with %v", name, err)
		}
	}
}

func TestVariantsOfAChart(t *testing.T) {
	variants := pipeline.Variants(context.Background(), pipeline.Options{}, chart)
	var got []string
	for _, variant := range variants {
		if len(variant.Problems) != 0 {
			t.Errorf("%s: %v", variant.Name(), variant.Problems)
		}
		got = append(got, variant.Name())
	}
	if len(variants) != 8 || got[0] != "as given" || !slices.Contains(got, "automation with enabled.keystone=false,enabled.nova=false,tools.enabled=true") {
		t.Errorf("variants %s", strings.Join(got, "\n"))
	}
	for _, variant := range variants {
		if slices.Equal(variant.Set, []string{"enabled.nova=false"}) && len(variant.Graph.Objects) != 1 {
			t.Errorf("%s: %v", variant.Name(), origins(variant.Graph))
		}
	}
}

func TestManySwitchesAreTriedInPairs(t *testing.T) {
	const n = 12
	var values, template strings.Builder
	values.WriteString("enabled:\n")
	for i := range n {
		name := string(rune('a' + i))
		values.WriteString("  " + name + ": true\n")
		template.WriteString("{{- if .Values.enabled." + name + " }}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + "}\n{{- end }}\n")
	}
	dir := write(t, map[string]string{"Chart.yaml": "apiVersion: v2\nname: many\nversion: 0.1.0\n", "values.yaml": values.String(), "templates/all.yaml": template.String()})
	variants := pipeline.Variants(context.Background(), pipeline.Options{}, dir)
	if len(variants) > 40 {
		t.Errorf("%d variants", len(variants))
	}
	for i := range n {
		for j := range i {
			seen := map[[2]bool]bool{}
			for _, variant := range variants {
				_, a := variant.Graph.Find("ConfigMap", "", string(rune('a'+i)))
				_, b := variant.Graph.Find("ConfigMap", "", string(rune('a'+j)))
				seen[[2]bool{a, b}] = true
			}
			if len(seen) != 4 {
				t.Errorf("switches %d and %d were together in %v only", i, j, seen)
			}
		}
	}
}
