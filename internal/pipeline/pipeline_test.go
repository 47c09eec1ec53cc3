package pipeline_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/pipeline"
	"github.com/eventrig/eventrig/manifests"
)

func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const two = `# a comment
---
apiVersion: v1
kind: ConfigMap
metadata: {name: first, namespace: a}
---
---
apiVersion: v1
kind: Secret
metadata:
  name: second
`

func TestAFolderIsReadWithFileAndLine(t *testing.T) {
	dir := write(t, map[string]string{"two.yaml": two, "sub/three.json": `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"third"},"spec":{"priority":5}}`,
		"notes.md": "{", ".hidden.yaml": "{"})
	graph, err := pipeline.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, object := range graph.Objects {
		got = append(got, strings.TrimPrefix(object.Origin(), dir+"/")+" "+object.Key())
	}
	want := "sub/three.json:1 Pod//third, two.yaml:3 ConfigMap/a/first, two.yaml:8 Secret//second"
	if strings.Join(got, ", ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, ", "), want)
	}
	if number, _, err := nested(graph.Objects[0].Object, "spec", "priority"); err != nil || number != int64(5) {
		t.Errorf("priority is %T %v, %v", number, number, err)
	}
	if graph.Objects[0].DeepCopy() == nil || strings.Join(graph.Namespaces(), " ") != "a" {
		t.Errorf("namespaces %v", graph.Namespaces())
	}
}

func nested(object map[string]any, fields ...string) (any, bool, error) {
	var value any = object
	for _, field := range fields {
		value = value.(map[string]any)[field]
	}
	return value, value != nil, nil
}

func TestAListIsTakenApart(t *testing.T) {
	objects, err := pipeline.Parse("list.yaml", []byte("apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod, metadata: {name: a}}\n- apiVersion: v1\n  kind: Pod\n  metadata: {generateName: b-}\n"))
	if err != nil || len(objects) != 2 || objects[0].Line != 4 || objects[1].Line != 5 {
		t.Errorf("objects %v, error %v", objects, err)
	}
}

func TestBadManifestsNameFileAndLine(t *testing.T) {
	for name, test := range map[string]struct{ content, want string }{
		"tab":            {"apiVersion: v1\nkind: Pod\nmetadata:\n\tname: x\n", "m.yaml:4: not valid YAML"},
		"unclosed":       {"a: [1\nb: 2\n", "m.yaml:"},
		"scalar":         {"---\njust text\n", "m.yaml:2: the document is no object"},
		"no kind":        {"\napiVersion: v1\nmetadata: {name: x}\n", "m.yaml:2: the document has no kind"},
		"no apiVersion":  {"kind: Pod\nmetadata: {name: x}\n", "m.yaml:1: the document has no apiVersion"},
		"no name":        {"apiVersion: v1\nkind: Pod\n", "m.yaml:1: Pod has no metadata.name"},
		"twice":          {"apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec:\n  a: 1\n  a: 2\n", `m.yaml:6: field "a" is given twice, first in line 5`},
		"metadata text":  {"apiVersion: v1\nkind: Pod\nmetadata: x\n", "m.yaml:"},
		"second":         {two + "---\nkind: Pod\n", "m.yaml:13: the document has no apiVersion"},
		"same name":      {"apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: x}\n", "Pod//x is also defined in"},
		"kustomization":  {"", ""},
		"helm template":  {"apiVersion: v1\nkind: Pod\nmetadata:\n  {{- if .Values.x }}\n  name: x\n", "m.yaml:4"},
		"items no list":  {"apiVersion: v1\nkind: List\nitems: {}\n", "m.yaml:3: items is no list"},
		"alias to kinds": {"apiVersion: &v v1\nkind: *v\nmetadata: {name: x}\nspec: {a: 1}\n", ""},
	} {
		dir := write(t, map[string]string{"m.yaml": test.content})
		_, err := pipeline.Load(dir)
		if test.want == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if failure.ExitStatus(err) != int(failure.BadInput) || !strings.Contains(err.Error(), test.want) || failure.Hint(err) == "" {
			t.Errorf("%s: error %v, want %q, bad input and a hint", name, err, test.want)
		}
	}
	if _, err := pipeline.Load(filepath.Join(t.TempDir(), "nowhere")); failure.ExitStatus(err) != int(failure.BadInput) {
		t.Errorf("missing folder: %v", err)
	}
}

func TestAKustomizationKeepsWhereThingsCameFrom(t *testing.T) {
	dir := write(t, map[string]string{
		"base/kustomization.yaml":    "resources: [two.yaml]\n",
		"base/two.yaml":              two,
		"overlay/kustomization.yaml": "resources: [../base]\nnamePrefix: x-\nnamespace: other\nconfigMapGenerator:\n- name: made\n  literals: [a=b]\n",
	})
	graph, err := pipeline.Load(filepath.Join(dir, "overlay"))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, object := range graph.Objects {
		name, _, _ := strings.Cut(object.GetName(), "-m")
		got[object.GetKind()+" "+name] = strings.TrimPrefix(object.Origin(), dir+"/")
		if len(object.GetAnnotations()) != 0 {
			t.Errorf("%s has annotations %v", object.Key(), object.GetAnnotations())
		}
		if object.GetNamespace() != "other" {
			t.Errorf("%s is not in the overlay's namespace", object.Key())
		}
	}
	for key, want := range map[string]string{"ConfigMap x-first": "base/two.yaml:3", "Secret x-second": "base/two.yaml:8", "ConfigMap x": "overlay/kustomization.yaml"} {
		if got[key] != want {
			t.Errorf("%s came from %q, want %q (all: %v)", key, got[key], want, got)
		}
	}
}

func TestABrokenKustomizationNamesFileAndLine(t *testing.T) {
	dir := write(t, map[string]string{"kustomization.yaml": "resources: [broken.yaml]\n", "broken.yaml": "apiVersion: v1\nkind: Pod\nmetadata: [\n"})
	_, err := pipeline.Load(dir)
	if failure.ExitStatus(err) != int(failure.BadInput) || !strings.Contains(err.Error(), filepath.Join(dir, "broken.yaml")+":") {
		t.Errorf("error %v", err)
	}
	dir = write(t, map[string]string{"kustomization.yaml": "resources: [absent.yaml]\n"})
	_, err = pipeline.Load(dir)
	if failure.ExitStatus(err) != int(failure.BadInput) || !strings.Contains(err.Error(), "absent.yaml") {
		t.Errorf("error %v", err)
	}
}

func TestOurOwnManifestsLoad(t *testing.T) {
	count := func(graph *pipeline.Graph, kind string) int {
		return len(graph.Kind(schema.GroupKind{Group: "argoproj.io", Kind: kind}))
	}
	for _, bus := range []string{"stan", "jetstream", "jetstream-exotic"} {
		graph, err := pipeline.LoadFS(manifests.FS, "understack/subsets/keystone-project", "eventbus/"+bus)
		if err != nil {
			t.Fatal(err)
		}
		for kind, want := range map[string]string{
			"EventSource":      "understack/eventsources/openstack-keystone/eventsource.yaml:4 EventSource/openstack/openstack-keystone",
			"Sensor":           "understack/sensors/keystone-event-project/sensor.yaml:3 Sensor/openstack/keystone-event-project",
			"WorkflowTemplate": "understack/workflowtemplates/keystone-event-project/workflowtemplate.yaml:2 WorkflowTemplate/argo-events/keystone-event-project",
		} {
			found := graph.Kind(schema.GroupKind{Group: "argoproj.io", Kind: kind})
			if len(found) != 1 || found[0].Origin()+" "+found[0].Key() != want {
				t.Errorf("%s: %v, want %s", kind, found, want)
			}
		}
		buses := graph.Kind(schema.GroupKind{Group: "argoproj.io", Kind: "EventBus"})
		if len(buses) != 2 || buses[1].Line == buses[0].Line {
			t.Errorf("%s: buses %v", bus, buses)
		}
		if got := strings.Join(graph.Namespaces(), " "); got != "argo-events openstack" {
			t.Errorf("%s: namespaces %s", bus, got)
		}
	}
	all, err := pipeline.LoadFS(manifests.FS, "understack")
	if err != nil {
		t.Fatal(err)
	}
	for kind, want := range map[string]int{"EventSource": 8, "Sensor": 14, "WorkflowTemplate": 15, "CronWorkflow": 1} {
		if got := count(all, kind); got != want {
			t.Errorf("UnderStack's tree has %d of %s, want %d", got, kind, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{two, "a: &a [*a]\n", "? {a: b}\n: c\n", "<<: {a: 1}\n", "apiVersion: v1\nkind: List\nitems: [1]\n", "\xff\xfe", "kind: !!binary aa\napiVersion: 1\n", "apiVersion: v1\nkind: Pod\nmetadata: {name: [x]}\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		objects, err := pipeline.Parse("f.yaml", content)
		if err != nil {
			if failure.ExitStatus(err) != int(failure.BadInput) || !strings.HasPrefix(err.Error(), "f.yaml:") {
				t.Errorf("error %v is no bad input with file and line", err)
			}
			return
		}
		for _, object := range objects {
			if object.GetKind() == "" || object.Line < 1 || object.DeepCopy() == nil {
				t.Errorf("object %+v", object)
			}
		}
	})
}
