package mutate

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/pipeline"
	"github.com/eventrig/eventrig/manifests"
)

func load(t testing.TB) *pipeline.Graph {
	t.Helper()
	graph, err := pipeline.Load(filepath.Join("testdata", "pipeline.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return graph
}

func makeAll(t testing.TB, graph *pipeline.Graph) []*Mutant {
	t.Helper()
	all, err := Make(graph, Choice{})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// What operators make of a pipeline with something of each sort.
func TestOperators(t *testing.T) {
	made, used := map[string]string{}, map[string]bool{}
	for _, m := range makeAll(t, load(t)) {
		used[m.Operator.Name] = true
		made[m.ID] = m.Change
		if m.Line() == 0 {
			t.Errorf("%s has no line", m.ID)
		}
	}
	for _, name := range Names() {
		if !used[name] {
			t.Errorf("operator %s makes no mutant of the pipeline", name)
		}
	}
	const source, sensor, template = "EventSource/openstack/openstack-keystone spec.amqp.notifications.", "Sensor/openstack/projects spec.", "WorkflowTemplate/argo-events/sync spec."
	for id, want := range map[string]string{
		"source-route " + source + "url":                                                                     "amqp://rabbitmq:5672/keystone-mutated instead of amqp://rabbitmq:5672/keystone",
		"source-route " + source + "exchangeType":                                                            "direct instead of topic",
		"source-queue " + source + "consume.autoAck":                                                         "false instead of true",
		"source-resource EventSource/openstack/others spec.resource.secrets.eventTypes[0]":                   "without ADD",
		"event-source " + sensor + "dependencies[0].eventSourceName":                                         "openstack-keystone-mutated instead of openstack-keystone",
		"event-name " + sensor + "dependencies[1].eventName":                                                 "secrets instead of alerts",
		"filter-value-drop " + sensor + "dependencies[0].filters.data[0].value[0]":                           "without identity.project.created",
		"filter-widen " + sensor + "dependencies[0].filters.data[0].value[0]":                                "identity.project. instead of identity.project.created",
		"filter-widen " + sensor + "dependencies[0].filters.data[2].value[0]":                                ".* instead of .+",
		"filter-comparator " + sensor + "dependencies[0].filters.data[1].comparator":                         "> instead of >=",
		"filter-operator " + sensor + "dependencies[0].filters.dataLogicalOperator":                          "or instead of and",
		"trigger-conditions " + sensor + "triggers[0].template.conditions#2":                                 "message || alert instead of message && alert",
		"parameter-dest " + sensor + "triggers[0].template.k8s.parameters[1].dest":                           "spec.arguments.parameters.2.value instead of spec.arguments.parameters.1.value",
		"parameter-swap " + sensor + "triggers[0].template.k8s.parameters[0].src.dataKey":                    "body.payload.target.id instead of body.event_type",
		"template-name " + sensor + "triggers[0].template.k8s.source.resource.spec.workflowTemplateRef.name": "other instead of sync",
		"argument-default " + template + "arguments.parameters[2].value":                                     "true instead of false",
		"args-drop " + template + "templates[2].container.args[1]":                                           "without --project {{inputs.parameters.project}}",
		"args-drop " + template + "templates[2].container.args[3]":                                           "without --verbose",
		"args-value " + template + "templates[2].container.args[0]":                                          "run-mutated instead of run",
		"output " + template + "templates[2].outputs.parameters[0].valueFrom.default":                        "unknown-mutated instead of unknown",
		"schedule CronWorkflow/argo-events/nightly spec.schedule":                                            "59 23 31 12 * instead of 0 2 * * *",
		"rbac-verb Role/argo-events/submitter rules[1].verbs[0]":                                             "without the rule, which has only create",
		"rbac-binding RoleBinding/argo-events/submitter":                                                     "without the object",
		"rbac-account ServiceAccount/openstack/submitter":                                                    "without the object",
	} {
		if got, there := made[id]; got != want {
			t.Errorf("%s (made: %v): %q, want %q", id, there, got, want)
		}
	}
}

// Of a shell script each command by itself is left out, once.
func TestCommandsOfScripts(t *testing.T) {
	var got []string
	for _, m := range makeAll(t, load(t)) {
		if m.Operator.Name == "script-line" {
			got = append(got, m.Change)
		}
	}
	want := []string{
		"without the command user=$(openstack user show x -f value -c id)", `without the command openstack user set --enable "$user"`,
		"without the command a) openstack role add a ;;",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%q", got)
	}
}

func TestWhatMeansTheSameIsToldApart(t *testing.T) {
	got := map[string]string{}
	for _, m := range makeAll(t, load(t)) {
		if why := equivalent(m); why != "" {
			got[m.ID] = why
		}
	}
	const sensor = "Sensor/openstack/projects "
	want := map[string]string{
		"trigger-delivery " + sensor + "spec.triggers[0].retryStrategy":                  "without atLeastOnce a failed trigger is only logged, so that nothing is tried again and no other trigger is for it",
		"filter-operator " + sensor + "spec.dependencies[1].filters.dataLogicalOperator": "the operator joins no more than one filter",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
}

// check holds mutants to what every one of them has to be: another object than the one that is written, of the same kind and
// name, that can be decoded, with an identity of its own; and making it leaves alone what is written.
func check(t *testing.T, graph *pipeline.Graph) {
	t.Helper()
	written := make([]map[string]any, len(graph.Objects))
	for i, object := range graph.Objects {
		written[i] = object.DeepCopy().Object
	}
	undecoded := map[string]bool{}
	for _, problem := range graph.DecodeProblems() {
		undecoded[problem.Object] = true
	}
	ids := map[string]bool{}
	all := makeAll(t, graph)
	for _, m := range all {
		if ids[m.ID] {
			t.Errorf("two mutants are called %s", m.ID)
		}
		ids[m.ID] = true
		changed := m.Graph(graph)
		if m.Gone() {
			if len(changed.Objects) != len(graph.Objects)-1 {
				t.Errorf("%s: %d objects of %d are left", m.ID, len(changed.Objects), len(graph.Objects))
			}
			continue
		}
		content := m.Content()
		if reflect.DeepEqual(content, m.Object.Unstructured.Object) {
			t.Errorf("%s changes nothing: %s", m.ID, m.Change)
		}
		for _, object := range changed.Objects {
			if object.Key() == m.Object.Key() && !reflect.DeepEqual(object.Unstructured.Object, content) {
				t.Errorf("%s: the graph has another object", m.ID)
			}
		}
		if undecoded[m.Object.Key()] {
			continue
		}
		for _, problem := range (&pipeline.Graph{Objects: changedOnly(changed, m)}).DecodeProblems() {
			t.Errorf("%s (%s): %v", m.ID, m.Change, problem)
		}
	}
	for i, object := range graph.Objects {
		if !reflect.DeepEqual(object.Unstructured.Object, written[i]) {
			t.Errorf("making mutants changed %s", object.Key())
		}
	}
	again := makeAll(t, graph)
	for i := range all {
		if i >= len(again) || all[i].ID != again[i].ID || all[i].Change != again[i].Change {
			t.Fatalf("another mutant the second time: %s", all[i].ID)
		}
	}
}

func changedOnly(graph *pipeline.Graph, m *Mutant) []pipeline.Object {
	for _, object := range graph.Objects {
		if object.Key() == m.Object.Key() && object.GroupVersionKind() == m.Object.GroupVersionKind() {
			return []pipeline.Object{object}
		}
	}
	return nil
}

func TestEveryMutantIsAnotherValidObject(t *testing.T) {
	check(t, load(t))
	graph, err := pipeline.LoadFS(manifests.FS, "understack")
	if err != nil {
		t.Fatal(err)
	}
	check(t, graph)
	if n := len(makeAll(t, graph)); n < 500 {
		t.Errorf("only %d mutants of UnderStack's manifests", n)
	}
}

func TestChoice(t *testing.T) {
	graph := load(t)
	some, err := Make(graph, Choice{Operators: []string{"filter-value-drop"}, Focus: regexp.MustCompile(`Sensor/openstack/projects .*pipeline.yaml:\d+$`)})
	if err != nil || len(some) != 2 {
		t.Fatalf("%d mutants, %v", len(some), err)
	}
	if got := some[0].Content()["spec"].(map[string]any)["dependencies"].([]any)[0].(map[string]any)["filters"].(map[string]any)["data"].([]any)[0].(map[string]any)["value"]; !reflect.DeepEqual(got, []any{"identity.project.deleted"}) {
		t.Errorf("%v", got)
	}
	_, err = Make(graph, Choice{Operators: []string{"filter-drap"}})
	if failure.ExitStatus(err) != 2 || failure.Hint(err) != "did you mean filter-drop?" {
		t.Errorf("%v (%s)", err, failure.Hint(err))
	}
	drawn, made, err := Choose(graph, Options{Sample: 5, Seed: 3})
	again, _, _ := Choose(graph, Options{Sample: 5, Seed: 3})
	other, _, _ := Choose(graph, Options{Sample: 5, Seed: 4})
	if err != nil || len(drawn) != 5 || made != len(makeAll(t, graph)) || ids(drawn) != ids(again) || ids(drawn) == ids(other) {
		t.Errorf("%s of %d, then %s, with another seed %s (%v)", ids(drawn), made, ids(again), ids(other), err)
	}
}

func ids(mutants []*Mutant) string {
	var all []string
	for _, m := range mutants {
		all = append(all, m.ID)
	}
	return strings.Join(all, ", ")
}

// Whatever manifests hold, making mutants does not panic, and leaves them as they are.
func FuzzMake(f *testing.F) {
	content, err := os.ReadFile(filepath.Join("testdata", "pipeline.yaml"))
	if err != nil {
		f.Fatal(err)
	}
	for _, document := range strings.Split(string(content), "\n---\n") {
		f.Add([]byte(document))
	}
	f.Add([]byte("{apiVersion: argoproj.io/v1alpha1, kind: Sensor, metadata: {name: a}, spec: {dependencies: 1, triggers: [x, {template: {k8s: {source: {resource: []}}}}]}}"))
	f.Add([]byte("{apiVersion: argoproj.io/v1alpha1, kind: WorkflowTemplate, metadata: {name: a}, spec: {templates: [{steps: [[{inline: {container: {args: [1, -c, -c]}}}]]}, 3]}}"))
	f.Fuzz(func(t *testing.T, content []byte) {
		objects, err := pipeline.Parse("fuzz.yaml", content)
		if err != nil {
			return
		}
		graph := &pipeline.Graph{Objects: objects}
		var written []map[string]any
		for _, object := range objects {
			written = append(written, object.DeepCopy().Object)
		}
		all, err := Make(graph, Choice{})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range all {
			_ = m.Content()
			_ = m.Place()
			_ = equivalent(m)
		}
		for i, object := range objects {
			if !reflect.DeepEqual(object.Unstructured.Object, written[i]) {
				t.Errorf("making mutants changed %s", object.Key())
			}
		}
	})
}
