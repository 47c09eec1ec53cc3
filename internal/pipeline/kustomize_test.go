package pipeline_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/pipeline"
)

func TestWhatAKustomizationCannotHaveNamesFileAndLine(t *testing.T) {
	const pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: pod}\n"
	for name, test := range map[string]struct {
		files map[string]string
		want  string
		left  int
	}{
		"absent": {map[string]string{"kustomization.yaml": "resources:\n- pod.yaml\n- absent.yaml\n", "pod.yaml": pod}, "kustomization.yaml:3: the kustomization names absent.yaml, which is not there", 1},
		"broken": {map[string]string{"kustomization.yaml": "resources:\n- pod.yaml\n- broken.yaml\n", "pod.yaml": pod, "broken.yaml": "---\n" + strings.Replace(pod, "name: pod", "name: two", 1) + "---\na: [\n"}, "broken.yaml:", 2},
		"all broken": {map[string]string{"kustomization.yaml": "resources:\n- pod.yaml\n- broken.yaml\n", "pod.yaml": pod, "broken.yaml": "a: [\n"},
			"broken.yaml:", 1},
		"remote": {map[string]string{"kustomization.yaml": "resources:\n- pod.yaml\n- https://github.com/argoproj/argo-events//manifests/base?ref=v1.9.10\n", "pod.yaml": pod}, "kustomization.yaml:3: the kustomization needs https://github.com/argoproj/argo-events", 1},
		"remote base": {map[string]string{"kustomization.yaml": "resources:\n- pod.yaml\n- base\n", "pod.yaml": pod, "base/kustomization.yaml": "resources:\n- github.com/argoproj/argo-events//manifests/base\n"},
			"base/kustomization.yaml:2: the kustomization needs github.com", 1},
		"chart": {map[string]string{"kustomization.yaml": "resources: [pod.yaml]\nhelmCharts:\n- name: far\n  repo: https://charts.example.org\n", "pod.yaml": pod}, "kustomization.yaml:3: the chart far that kustomize would fetch is not in ", 1},
		"old chart": {map[string]string{"kustomization.yaml": "resources: [pod.yaml]\nhelmChartInflationGenerator:\n- chartName: far\n", "pod.yaml": pod},
			"kustomization.yaml:2: kustomize would run helm", 0},
		"chart template": {map[string]string{"kustomization.yaml": "helmCharts: [{name: near}]\n", "charts/near/Chart.yaml": "apiVersion: v2\nname: near\nversion: 0.1.0\n",
			"charts/near/templates/x.yaml": "a: 1\nb: {{ fail \"no\" }}\n"}, "charts/near/templates/x.yaml:2: Helm chart near: ", 0},
		"no list":       {map[string]string{"kustomization.yaml": "resources: {a: b}\n"}, "kustomization.yaml: ", 0},
		"not YAML":      {map[string]string{"kustomization.yaml": "resources: [\n"}, "kustomization.yaml:", 0},
		"patch nothing": {map[string]string{"kustomization.yaml": "resources: [pod.yaml]\npatches: [{path: p.yaml}]\n", "pod.yaml": pod, "p.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: none}\n"}, "no matches for Id", 0},
	} {
		dir := write(t, test.files)
		graph, problems := pipeline.Read(context.Background(), pipeline.Options{}, dir)
		if len(problems) == 0 || !strings.Contains(problems[0].Error(), test.want) || problems[0].Hint == "" {
			t.Errorf("%s: problems %v, want %s", name, problems, test.want)
		}
		if len(graph.Objects) != test.left {
			t.Errorf("%s: %d objects are left, want %d: %v", name, len(graph.Objects), test.left, problems)
		}
		if _, err := pipeline.Load(dir); failure.ExitStatus(err) != int(failure.BadInput) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: loading fails with %v", name, err)
		}
	}
}

func TestAKustomizationWithAChartBesideIt(t *testing.T) {
	dir := write(t, map[string]string{
		"argo/kustomization.yaml":    "namePrefix: x-\nhelmCharts:\n- name: token\n  releaseName: nautobot\n  namespace: events\n  valuesFile: values.yaml\n  valuesInline: {second: inline}\nhelmGlobals: {chartHome: ../charts}\n",
		"argo/values.yaml":           "first: file\nsecond: file\n",
		"charts/token/Chart.yaml":    "apiVersion: v2\nname: token\nversion: 0.1.0\n",
		"charts/token/values.yaml":   "first: chart\nsecond: chart\nthird: chart\n",
		"charts/token/crds/crd.yaml": "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: x}\n",
		"charts/token/templates/secret.yaml": `{{- if true }}
apiVersion: v1
kind: Secret
metadata:
  name: {{ .Release.Name }}
  labels: {namespace: "{{ .Release.Namespace }}"}
stringData:
  first: {{ .Values.first }}
  second: {{ .Values.second }}
  third: {{ .Values.third }}
{{- end }}
`,
	})
	graph, problems := pipeline.Read(context.Background(), pipeline.Options{}, dir+"/argo")
	if len(problems) != 0 || len(graph.Objects) != 1 || len(graph.Unlisted) != 0 {
		t.Fatalf("problems %v, objects %v, unlisted %v", problems, graph.Objects, graph.Unlisted)
	}
	secret := graph.Objects[0]
	if got := secret.Key() + " " + secret.GetLabels()["namespace"]; got != "Secret//x-nautobot events" {
		t.Errorf("object %s", got)
	}
	data, _ := secret.Object["stringData"].(map[string]any)
	if data["first"] != "file" || data["second"] != "inline" || data["third"] != "chart" {
		t.Errorf("values %v", data)
	}
	if secret.Origin() != dir+"/charts/token/templates/secret.yaml:2" || secret.LineOf("stringData.second") != 9 {
		t.Errorf("the Secret is from %s, its field in line %d", secret.Origin(), secret.LineOf("stringData.second"))
	}
}

func TestWhatAKustomizationDoesNotList(t *testing.T) {
	dir := write(t, map[string]string{
		"kustomization.yaml":           "resources: [a.yaml, sub/b.yaml]\npatches: [{path: patch.yaml}]\n",
		"a.yaml":                       "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n",
		"patch.yaml":                   "apiVersion: v1\nkind: Pod\nmetadata: {name: a, labels: {x: y}}\n",
		"sub/b.yaml":                   "apiVersion: v1\nkind: Pod\nmetadata: {name: b}\n",
		"sub/forgotten.yaml":           "apiVersion: v1\nkind: Pod\nmetadata: {name: forgotten}\n",
		"notes.yaml":                   "just: notes\n",
		"overlay/kustomization.yaml":   "resources: [c.yaml]\n",
		"overlay/c.yaml":               "apiVersion: v1\nkind: Pod\nmetadata: {name: of-another}\n",
		"overlay/d/kustomization.yaml": "resources: []\n",
	})
	graph, problems := pipeline.Read(context.Background(), pipeline.Options{}, dir)
	if len(problems) != 0 || len(graph.Objects) != 2 {
		t.Fatalf("problems %v, objects %v", problems, graph.Objects)
	}
	var names []string
	for _, object := range graph.Unlisted {
		names = append(names, object.Origin()+" "+object.GetName())
	}
	if want := []string{dir + "/sub/forgotten.yaml:1 forgotten"}; !slices.Equal(names, want) {
		t.Errorf("unlisted %v, want %v", names, want)
	}
}

func TestVariantsOfAChartInAKustomization(t *testing.T) {
	dir := write(t, map[string]string{
		"site/kustomization.yaml":        "helmCharts:\n- name: site\n  namespace: a\n  valuesInline: {enabled: {nova: false}}\nhelmGlobals: {chartHome: ../charts}\n",
		"charts/site/Chart.yaml":         "apiVersion: v2\nname: site\nversion: 0.1.0\n",
		"charts/site/values.yaml":        "enabled: {nova: true, ironic: true}\n",
		"charts/site/templates/all.yaml": "{{- range $name, $on := .Values.enabled }}{{ if $on }}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ $name }}}\n{{- end }}{{ end }}\n",
		"plain/kustomization.yaml":       "resources: [a.yaml]\n",
		"plain/a.yaml":                   "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plain, namespace: a}\n",
	})
	got := map[string]string{}
	for _, variant := range pipeline.Variants(context.Background(), pipeline.Options{}, dir+"/site", dir+"/plain") {
		if len(variant.Problems) != 0 {
			t.Errorf("%s: %v", variant.Name(), variant.Problems)
		}
		var names []string
		for _, object := range variant.Graph.Objects {
			names = append(names, object.GetName())
		}
		slices.Sort(names)
		got[variant.Name()] = strings.Join(names, " ")
	}
	want := map[string]string{
		"as given": "ironic plain", "site with enabled.nova=true": "ironic nova plain", "site with enabled.ironic=false": "plain",
		"site with enabled.ironic=false,enabled.nova=true": "nova plain",
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
