package cli_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Whatever lies in the folder, it is a finding with its file and line, or bad input, and never a panic; what is fine beside
// it is still checked.
func TestLintBadInput(t *testing.T) {
	const (
		fine  = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: fine, namespace: a}\n"
		twice = fine + "---\n" + fine
	)
	chart := map[string]string{"chart/Chart.yaml": "apiVersion: v2\nname: site\nversion: 0.1.0\n"}
	with := func(more map[string]string) map[string]string {
		all := map[string]string{}
		for name, content := range chart {
			all[name] = content
		}
		for name, content := range more {
			all[name] = content
		}
		return all
	}
	bomb := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for i := range 12 {
		bomb += string(rune('b'+i)) + ": &" + string(rune('b'+i)) + " [" + strings.Repeat("*"+string(rune('a'+i))+",", 9) + "]\n"
	}
	sensor := func(transform string) string {
		return "apiVersion: argoproj.io/v1alpha1\nkind: Sensor\nmetadata: {name: s, namespace: a}\nspec:\n  dependencies:\n  - name: d\n    eventSourceName: e\n    eventName: tick\n" +
			"    transform:\n      jq: " + transform + "\n  triggers: [{template: {name: t, log: {}}}]\n---\napiVersion: argoproj.io/v1alpha1\nkind: EventSource\nmetadata: {name: e, namespace: a}\n" +
			"spec: {amqp: {tick: {url: 'amqp://r/ironic', exchangeName: ironic, exchangeType: topic, routingKey: ironic_versioned_notifications.info, jsonBody: true}}}\n"
	}
	for name, test := range map[string]struct {
		files map[string]string
		want  string // "file:line rule", as the text prints it; "" for no finding worse than info
	}{
		"empty":          {map[string]string{"a.yaml": ""}, ""},
		"comments":       {map[string]string{"a.yaml": "# nothing\n---\n---\n# more\n"}, ""},
		"binary":         {map[string]string{"a.yaml": "\x00\x01\xfe\xff\x7fELF"}, "a.yaml:1  error  input/unreadable"},
		"no UTF-8":       {map[string]string{"a.yaml": "a: 1\nb: \xff\xfe\n"}, "a.yaml:"},
		"truncated":      {map[string]string{"a.yaml": fine[:len(fine)-3]}, "a.yaml:"},
		"truncated JSON": {map[string]string{"a.json": `{"apiVersion": "v1",` + "\n" + `"kind": "Con`}, "a.json:"},
		"one of several": {map[string]string{"a.yaml": "a: [\n---\n" + fine + "---\n" + fine}, "a.yaml:7  error  wiring/duplicate-object"},
		"no object":      {map[string]string{"a.yaml": "just text\n"}, "a.yaml:1  info  input/no-manifest"},
		"no kind":        {map[string]string{"a.yaml": "apiVersion: v1\nmetadata: {name: x}\n"}, "a.yaml:1  error  input/unreadable"},
		"kind no text":   {map[string]string{"a.yaml": "apiVersion: v1\nkind: [x]\nmetadata: {name: x}\n"}, "a.yaml:1  error  input/unreadable"},
		"field twice":    {map[string]string{"a.yaml": "apiVersion: v1\nkind: ConfigMap\nkind: Secret\nmetadata: {name: x}\n"}, "a.yaml:3  error  input/unreadable"},
		"name twice":     {map[string]string{"a.yaml": twice}, "a.yaml:5  error  wiring/duplicate-object"},
		"unknown kind":   {map[string]string{"a.yaml": "apiVersion: example.org/v9\nkind: Nonsense\nmetadata: {name: x}\nspec: 5\n"}, ""},
		"anchors":        {map[string]string{"a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: &m {name: x, namespace: a}\n---\napiVersion: v1\nkind: Secret\nmetadata: {<<: {name: other}, namespace: a}\n"}, ""},
		"name no text":   {map[string]string{"a.yaml": "apiVersion: v1\nkind: Secret\nmetadata:\n  name: y\n"}, "a.yaml:4  error  input/unreadable"},
		"alias of none":  {map[string]string{"a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: *m\n"}, "a.yaml:"},
		"alias bomb":     {map[string]string{"a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata:\n" + strings.ReplaceAll(strings.TrimSpace("\n"+bomb), "\n", "\n  ") + "\n"}, "a.yaml:"},
		"alias of self":  {map[string]string{"a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: &d\n  a: *d\n"}, "a.yaml:"},
		"deep":           {map[string]string{"a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: " + strings.Repeat("[", 20000) + "\n"}, "a.yaml:"},
		"wrong type":     {map[string]string{"a.yaml": "apiVersion: argoproj.io/v1alpha1\nkind: Sensor\nmetadata: {name: s, namespace: a}\nspec:\n  triggers: 5\n"}, "a.yaml:5  error  input/undecodable"},
		"no spec":        {map[string]string{"a.yaml": "apiVersion: argoproj.io/v1alpha1\nkind: Sensor\nmetadata: {name: s, namespace: a}\n"}, ""},
		"spec null":      {map[string]string{"a.yaml": "apiVersion: argoproj.io/v1alpha1\nkind: WorkflowTemplate\nmetadata: {name: s, namespace: a}\nspec:\n"}, ""},
		"template":       {with(map[string]string{"chart/templates/a.yaml": "a: 1\nb: {{ .Values.x.y }}\n"}), "chart/templates/a.yaml:2  error  input/unreadable"},
		"rendered":       {with(map[string]string{"chart/templates/a.yaml": "a: 1\n{{ \"b: [\" }}\n"}), "chart/templates/a.yaml:2  error  input/unreadable"},
		"endless":        {with(map[string]string{"chart/templates/a.yaml": "{{ define \"x\" }}{{ include \"x\" . }}{{ end }}\na: {{ include \"x\" . }}\n"}), "chart/templates/a.yaml:1  error  input/unreadable"},
		"Chart.yaml":     {map[string]string{"chart/Chart.yaml": "name: [\n"}, "chart/Chart.yaml:"},
		"packed":         {map[string]string{"chart.tgz": "no archive"}, ""},
		"kustomization":  {map[string]string{"k/kustomization.yaml": "resources:\n- none.yaml\n"}, "k/kustomization.yaml:2  error  input/unreadable"},
		"kustomize":      {map[string]string{"k/kustomization.yaml": "resources: [a.yaml]\npatches:\n- target: {kind: ConfigMap}\n  patch: 'x'\n", "k/a.yaml": fine}, "k/kustomization.yaml"},
		"its own base":   {map[string]string{"k/kustomization.yaml": "resources: [.]\n"}, "k/kustomization.yaml"},
		"jq bomb":        {map[string]string{"a.yaml": sensor("'[range(1e12)] | {a: .}'")}, "a.yaml:10  warning  expressions/jq-endless"},
		"jq recursion":   {map[string]string{"a.yaml": sensor("'def f: [f]; f'")}, "a.yaml:10"},
		"jq no program":  {map[string]string{"a.yaml": sensor("'.a | ('")}, "a.yaml:10  error  expressions/jq-compile"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			for file, content := range test.files {
				path := filepath.Join(folder, filepath.FromSlash(file))
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.WriteFile(filepath.Join(folder, "twice.yaml"), []byte(strings.ReplaceAll(twice, "fine", "beside")), 0o644); err != nil {
				t.Fatal(err)
			}
			t.Chdir(folder)
			status, stdout, stderr := lint(t, ".", "--skip", "expressions/jq-first-output")
			if status != 1 || !strings.Contains(stdout, "twice.yaml:5  error  wiring/duplicate-object") {
				t.Errorf("exit status %d, and what lies beside it is not checked:\n%s%s", status, stdout, stderr)
			}
			if !strings.Contains(stdout, test.want) {
				t.Errorf("the findings have no %q:\n%s", test.want, stdout)
			}
			if test.want == "" && !strings.Contains(stdout, "1 error, 0 warnings") {
				t.Errorf("more is found than what lies beside it:\n%s", stdout)
			}
		})
	}
}

func TestLintHugeFiles(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "huge.yaml")
	if err := os.WriteFile(file, []byte("apiVersion: v1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, 65<<20); err != nil { // a hole: it takes no room
		t.Fatal(err)
	}
	status, stdout, _ := lint(t, folder)
	if status != 1 || !strings.Contains(stdout, "huge.yaml:1  error  input/unreadable") || !strings.Contains(stdout, "too large") {
		t.Errorf("exit status %d:\n%s", status, stdout)
	}
	// Large, but no more than an API server takes.
	large := append([]byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: large, namespace: a}\ndata:\n  a: "), bytes.Repeat([]byte("x"), 1<<20)...)
	if err := os.WriteFile(file, large, 0o644); err != nil {
		t.Fatal(err)
	}
	if status, stdout, _ := lint(t, folder); status != 0 {
		t.Errorf("exit status %d:\n%s", status, stdout)
	}
}

func TestLintOfNothing(t *testing.T) {
	folder := t.TempDir()
	for _, arguments := range [][]string{{}, {folder}, {filepath.Join(folder, "none.yaml")}, {filepath.Join(folder, "none")}} {
		if status, stdout, stderr := lint(t, arguments...); status != 2 || stdout != "" || !strings.Contains(stderr, "hint: ") {
			t.Errorf("lint %v: exit status %d, %q, %q", arguments, status, stdout, stderr)
		}
	}
	if err := os.Symlink(folder, filepath.Join(folder, "loop")); err != nil {
		t.Fatal(err)
	}
	if status, _, _ := lint(t, folder); status != 2 {
		t.Errorf("a folder in itself: exit status %d", status)
	}
}
