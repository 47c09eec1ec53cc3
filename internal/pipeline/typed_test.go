package pipeline_test

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/pipeline"
	"github.com/eventrig/eventrig/manifests"
)

const wiring = `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: openstack-nova, namespace: openstack}
spec:
  webhook:
    "alerts.v1": {port: "12345", endpoint: /alerts, method: POST}
  amqp:
    notifications:
      url: amqp://rabbitmq:5672/nova
      exchangeName: nova
      exchangeType: topic
      routingKey: notifications.info
      filter: {expression: "true"}
  resource:
    secrets: {version: v1, resource: secrets, filter: {afterStart: true}}
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata:
  name: nova
  namespace: openstack
  annotations:
    example.org/why: because
spec:
  dependencies:
  - name: dep
    eventSourceName: openstack-nova
    eventName: notifications
    filters:
      data:
      - path: body.a
        type: string
        value: [x]
      - path: body.b
        type: string
        value:
        - "y"
        - z
  triggers: []
`

func TestTypedObjectsKnowTheLinesOfTheirFields(t *testing.T) {
	dir := write(t, map[string]string{"m.yaml": wiring})
	graph, problems := pipeline.Read(context.Background(), pipeline.Options{}, dir)
	if len(problems) != 0 || len(graph.Sensors()) != 1 || len(graph.EventSources()) != 1 {
		t.Fatalf("problems %v, objects %v", problems, graph.Objects)
	}
	sensor := graph.Sensors()[0]
	if got := sensor.Typed.Spec.Dependencies[0].Filters.Data[1].Value; strings.Join(got, " ") != "y z" {
		t.Errorf("filter values %v", got)
	}
	for path, want := range map[string]int{
		"":         17,
		"metadata": 19,
		`metadata.annotations["example.org/why"]`:       23,
		"spec.dependencies":                             25,
		"spec.dependencies[0]":                          26,
		"spec.dependencies[0].filters.data[1]":          34,
		"spec.dependencies[0].filters.data[1].value[1]": 38,
		"spec.dependencies.0.filters.data.1.value.1":    38,
		"spec.dependencies[0].filters.data[1].nowhere":  34,
		"spec.dependencies[7].name":                     25,
		"spec.template.serviceAccountName":              24,
		"status":                                        17,
		`["`:                                            17,
		"[":                                             17,
	} {
		if got := sensor.LineOf(path); got != want {
			t.Errorf("LineOf(%s) = %d, want %d", path, got, want)
		}
	}
	if got := pipeline.Path("metadata", "annotations", "a.b/c", "list", 3, "x"); got != `metadata.annotations["a.b/c"].list[3].x` {
		t.Errorf("Path = %s", got)
	}
}

func TestEventsOfAnEventSource(t *testing.T) {
	dir := write(t, map[string]string{"m.yaml": wiring})
	graph, _ := pipeline.Read(context.Background(), pipeline.Options{}, dir)
	var got []string
	for _, event := range graph.Events() {
		got = append(got, event.Type+" "+event.Namespace+"/"+event.SourceName+"/"+event.Name)
	}
	if want := "amqp openstack/openstack-nova/notifications, resource openstack/openstack-nova/secrets, webhook openstack/openstack-nova/alerts.v1"; strings.Join(got, ", ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, ", "), want)
	}
	event, ok := graph.Event("openstack", "openstack-nova", "notifications")
	if !ok || event.AMQP == nil || event.AMQP.ExchangeName != "nova" || event.Filter == nil || event.Filter.Expression != "true" {
		t.Errorf("event %+v", event)
	}
	event, ok = graph.Event("openstack", "openstack-nova", "alerts.v1")
	if !ok || event.Webhook == nil || event.Webhook.Endpoint != "/alerts" || event.Source.LineOf(event.Path) != 6 {
		t.Errorf("event %+v in line %d", event, event.Source.LineOf(event.Path))
	}
	if event, ok = graph.Event("openstack", "openstack-nova", "secrets"); !ok || event.Resource == nil || event.Filter != nil {
		t.Errorf("event %+v", event)
	}
	if _, ok := graph.Event("elsewhere", "openstack-nova", "notifications"); ok {
		t.Error("an EventSource of another namespace was found")
	}
	if object, ok := graph.Find("Sensor", "openstack", "nova"); !ok || object.Line != 17 {
		t.Errorf("found %v", object)
	}
}

func TestWhatCannotBeReadIsAProblemAndTheRestIsRead(t *testing.T) {
	dir := write(t, map[string]string{
		"a.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n---\n{{ broken\n---\nkind: Pod\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: b}\n",
		"b.yaml": "\x00\x01",
		"c.yaml": wiring,
		"d.yaml": `apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: wrong, namespace: openstack}
spec:
  dependancies: []
  dependencies:
  - name: x
    filters:
      data:
      - path: [a]
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: bool}
spec:
  eventBusName: no
`,
		"e.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n",
	})
	graph, problems := pipeline.Read(context.Background(), pipeline.Options{}, dir, dir+"/a.yaml", dir+"/nowhere")
	var got []string
	for _, problem := range problems {
		got = append(got, string(problem.Kind)+" "+strings.TrimPrefix(problem.Error(), dir+"/"))
		if problem.Hint == "" {
			t.Errorf("%v has no hint", problem)
		}
	}
	for i, want := range []string{
		"unreadable a.yaml:5: not valid YAML",
		"unreadable a.yaml:7: the document has no apiVersion",
		"unreadable b.yaml:1: not valid YAML: control characters are not allowed",
		"unreadable nowhere: read manifests",
		"duplicate e.yaml:1: Pod//a is also defined in ",
		"unknown-field d.yaml:5: Sensor wrong: there is no field spec.dependancies",
		"undecodable d.yaml:10: Sensor wrong: spec.dependencies[0].filters.data[0].path: is a list, but the field takes a string",
		"undecodable d.yaml:16: Sensor bool: spec.eventBusName: is true or false, but the field takes a string",
	} {
		if i >= len(got) || !strings.HasPrefix(got[i], want) {
			t.Errorf("problem %d is not %q: %s", i, want, strings.Join(got, "\n"))
		}
	}
	if len(problems) == 8 && (problems[5].Hint != "did you mean dependencies?" || !strings.HasPrefix(problems[7].Hint, "quote it")) {
		t.Errorf("hints %q, %q", problems[5].Hint, problems[7].Hint)
	}
	if len(graph.Objects) != 6 || len(graph.Sensors()) != 1 {
		t.Errorf("objects %v", graph.Objects)
	}
}

// A chart and a kustomization that name no namespace are deployed to one each, which the manifests do not tell.
func TestUnitsWithoutNamespaceMayDefineTheSame(t *testing.T) {
	const bus = "apiVersion: argoproj.io/v1alpha1\nkind: EventBus\nmetadata: {name: default}\nspec: {jetstream: {version: latest}}\n"
	const role = "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: r}\n"
	dir := write(t, map[string]string{
		"chart/Chart.yaml":         "apiVersion: v2\nname: site\nversion: 0.1.0\n",
		"chart/templates/bus.yaml": bus + role,
		"kust/kustomization.yaml":  "resources: [bus.yaml]\n",
		"kust/bus.yaml":            bus + role,
		"plain/a.yaml":             bus,
		"plain/b.yaml":             bus,
	})
	kinds := func(options pipeline.Options, paths ...string) (got []pipeline.ProblemKind) {
		for i, path := range paths {
			paths[i] = filepath.Join(dir, path)
		}
		_, problems := pipeline.Read(t.Context(), options, paths...)
		for _, problem := range problems {
			got = append(got, problem.Kind)
		}
		slices.Sort(got)
		return got
	}
	for _, test := range []struct {
		options pipeline.Options
		paths   []string
		want    []pipeline.ProblemKind
	}{
		{pipeline.Options{}, []string{"chart", "kust"}, []pipeline.ProblemKind{pipeline.Duplicate, pipeline.Unplaced}}, // a ClusterRole has no namespace to tell it apart
		{pipeline.Options{Namespaces: []string{"a"}}, []string{"chart", "kust"}, []pipeline.ProblemKind{pipeline.Duplicate, pipeline.Duplicate}},
		{pipeline.Options{}, []string{"plain"}, []pipeline.ProblemKind{pipeline.Duplicate}},
		{pipeline.Options{}, []string{"plain/a.yaml", "plain/b.yaml"}, []pipeline.ProblemKind{pipeline.Duplicate}},
		{pipeline.Options{}, []string{"."}, []pipeline.ProblemKind{pipeline.Duplicate, pipeline.Duplicate, pipeline.Unplaced, pipeline.Unplaced}},
	} {
		if got := kinds(test.options, test.paths...); !slices.Equal(got, test.want) {
			t.Errorf("%v: %v, want %v", test.paths, got, test.want)
		}
	}
}

// Beside manifests there may be values and data, which are no mistake; half a manifest is one, and so is a file that is named.
func TestReadTellsDataFromManifests(t *testing.T) {
	dir := write(t, map[string]string{
		"values.yaml":    "image: {tag: a}\nimage2: 1\n",
		"dashboard.json": `[{"panels": []}]`,
		"text.yml":       "just text\n",
		"half.yaml":      "metadata: {name: a}\nspec: {}\n",
		"list.yaml":      "apiVersion: v1\nkind: List\nitems:\n- a: 1\n",
		"pod.yaml":       "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n",
	})
	kinds := func(paths ...string) []string {
		var got []string
		_, problems := pipeline.Read(t.Context(), pipeline.Options{}, paths...)
		for _, problem := range problems {
			got = append(got, filepath.Base(problem.File)+" "+string(problem.Kind))
			if problem.Hint == "" || problem.Line == 0 {
				t.Errorf("%+v has no hint or no line", problem)
			}
		}
		return got
	}
	want := []string{"dashboard.json no-manifest", "half.yaml unreadable", "list.yaml unreadable", "text.yml no-manifest", "values.yaml no-manifest"}
	if got := kinds(dir); !slices.Equal(got, want) {
		t.Errorf("in a folder: %v, want %v", got, want)
	}
	if got := kinds(filepath.Join(dir, "values.yaml")); !slices.Equal(got, []string{"values.yaml unreadable"}) {
		t.Errorf("by name: %v", got)
	}
	if _, err := pipeline.Load(dir); failure.ExitStatus(err) != int(failure.BadInput) {
		t.Errorf("what is to be applied is read as kubectl does, and this passes: %v", err)
	}
}

func TestAFileReachedByTwoArgumentsCountsOnce(t *testing.T) {
	dir := write(t, map[string]string{
		"base/kustomization.yaml":    "resources: [m.yaml]\n",
		"base/m.yaml":                wiring,
		"overlay/kustomization.yaml": "resources: [../base]\ncommonAnnotations: {changed: by-overlay}\n",
	})
	for _, arguments := range [][]string{{"base", "base"}, {"base/m.yaml", "base"}, {"base", "base/kustomization.yaml", "base/../base/m.yaml"}} {
		paths := make([]string, len(arguments))
		for i, argument := range arguments {
			paths[i] = dir + "/" + argument
		}
		graph, problems := pipeline.Read(context.Background(), pipeline.Options{}, paths...)
		if len(problems) != 0 || len(graph.Objects) != 2 {
			t.Errorf("%v: %v, %v", arguments, graph.Objects, problems)
		}
		if _, err := pipeline.Load(paths...); err != nil {
			t.Errorf("%v: %v", arguments, err)
		}
	}
	_, problems := pipeline.Read(context.Background(), pipeline.Options{}, dir)
	if len(problems) != 2 || problems[0].Kind != pipeline.Duplicate || !strings.Contains(problems[0].Message, "not the same") {
		t.Errorf("problems %v", problems)
	}
}

func TestLinesOfAKustomizedObject(t *testing.T) {
	dir := write(t, map[string]string{
		"kustomization.yaml": "resources: [m.yaml]\nnamePrefix: x-\npatches:\n- target: {kind: Sensor}\n  patch: |-\n    - {op: add, path: /spec/dependencies/0, value: {name: first, eventSourceName: a, eventName: b}}\n",
		"m.yaml":             wiring,
	})
	graph, problems := pipeline.Read(context.Background(), pipeline.Options{}, dir)
	if len(problems) != 0 || len(graph.Sensors()) != 1 {
		t.Fatalf("problems %v", problems)
	}
	sensor := graph.Sensors()[0]
	if got := sensor.LineOf("spec.dependencies[1].filters.data[1].value[1]"); sensor.Typed.Spec.Dependencies[1].Name != "dep" || got != 38 {
		t.Errorf("the moved dependency's value is in line %d", got)
	}
	if got := sensor.LineOf("spec.dependencies[0].name"); got != 25 {
		t.Errorf("the dependency that a patch put in is in line %d, want that of its list", got)
	}
}

func TestOurOwnManifestsAreTyped(t *testing.T) {
	graph, err := pipeline.LoadFS(manifests.FS, "understack", "eventbus/stan")
	if err != nil {
		t.Fatal(err)
	}
	if problems := graph.DecodeProblems(); len(problems) != 0 {
		t.Errorf("problems %v", problems)
	}
	if len(graph.Sensors()) == 0 || len(graph.WorkflowTemplates()) == 0 || len(graph.EventBuses()) != 2 || len(graph.Events()) == 0 {
		t.Errorf("objects %v", graph.Objects)
	}
}
