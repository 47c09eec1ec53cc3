package lint_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/eventrig/eventrig/internal/lint"
	"github.com/eventrig/eventrig/internal/pipeline"
)

// Each rule's page is its test: the bad example makes that rule find something and no other, the good one none.
func TestExamples(t *testing.T) {
	for _, rule := range lint.Rules {
		t.Run(rule.ID, func(t *testing.T) {
			for _, text := range []struct{ what, text string }{{"title", rule.Title}, {"why", rule.Why}, {"bad example", rule.Bad}, {"good example", rule.Good}} {
				if text.text == "" {
					t.Errorf("the rule has no %s", text.what)
				}
			}
			bad := lint.Run(t.Context(), example(t, rule.Bad), lint.Rules).Findings
			if !slices.ContainsFunc(bad, func(f lint.Finding) bool { return f.Rule == rule.ID }) {
				t.Error("the bad example makes it find nothing")
			}
			for _, finding := range bad {
				if finding.Rule != rule.ID && finding.Severity != lint.Info {
					t.Errorf("the bad example makes another rule find something: %+v", finding)
				}
				if filepath.Base(finding.File) == "around.yaml" {
					t.Errorf("the finding is not in the example's file: %+v", finding)
				}
			}
			for _, finding := range lint.Run(t.Context(), example(t, rule.Good), lint.Rules).Findings {
				if finding.Rule != rule.ID && finding.Severity == lint.Info {
					continue // what is worth knowing of a rule's example belongs to another page
				}
				t.Errorf("in the good example something is found: %+v", finding)
			}
		})
	}
}

// example reads an example together with those of the surroundings that it mentions and does not define itself. A line
// "# file: NAME" begins another file; without one all is in example.yaml.
func example(t *testing.T, text string) *lint.Input {
	t.Helper()
	folder, name := t.TempDir(), "example.yaml"
	files := map[string]string{}
	for line := range strings.Lines(text) {
		if next, ok := strings.CutPrefix(line, "# file: "); ok {
			name = strings.TrimSpace(next)
			continue
		}
		files[name] += line
	}
	for name, content := range files {
		path := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	graph, problems := pipeline.Read(t.Context(), pipeline.Options{}, folder)
	own := map[string]bool{}
	for _, object := range graph.Objects {
		own[object.Key()] = true
	}
	around, err := os.ReadFile(filepath.Join("testdata", "around.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	given, err := pipeline.Parse("around.yaml", around)
	if err != nil {
		t.Fatal(err)
	}
	whole := &pipeline.Graph{Objects: graph.Objects} // a new one: the other has decoded its objects already
	for _, object := range given {
		// Roles and their bindings belong to a ServiceAccount of the same name.
		mentioned := object.GetKind() == "EventBus" || strings.Contains(text, "serviceAccountName: "+object.GetName()+"\n")
		if mentioned && !own[object.Key()] {
			whole.Objects = append(whole.Objects, object)
		}
	}
	in := lint.NewInput(whole, problems)
	in.Folders = []lint.Folder{{FS: os.DirFS(folder), Name: folder}}
	return in
}
