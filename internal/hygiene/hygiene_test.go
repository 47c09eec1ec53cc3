// Package hygiene holds the module to what its users rely on: what links what, which modules it requires, and that a
// module of theirs can import it.
package hygiene_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/eventrig/eventrig"

// small are the packages whose tests and binaries must not link Kubernetes.
var small = []string{
	"./internal/failure", "./internal/ledger", "./internal/broker", "./internal/sandbox/...", "./internal/report",
	"./internal/images", "./internal/message", "./e2e/scenario", "./simulators/...", "./fixtures/...",
	"./cmd/eventrig-handlers", "./cmd/eventrig-sandbox",
}

// hdfsEvents and hdfsWorkflows are packages that bring an hdfs client each; both register one protobuf file, and a
// binary that holds both panics when it starts.
var (
	hdfsEvents = []string{
		"github.com/argoproj/argo-events/pkg/eventsources",
		"github.com/argoproj/argo-events/pkg/reconciler/eventsource",
		"github.com/argoproj/argo-events/pkg/webhook/validator",
	}
	hdfsWorkflows = []string{"github.com/argoproj/argo-workflows/v3/workflow/validate"}
)

func root(t *testing.T) string {
	t.Helper()
	folder, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

// run runs a command and returns its stdout; failing ends the test with what it said.
func run(t *testing.T, folder string, environment []string, name string, arguments ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), name, arguments...)
	command.Dir = folder
	command.Env = append(os.Environ(), environment...)
	var stderr strings.Builder
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", command, err, out, stderr.String())
	}
	return string(out)
}

func TestSmallPackagesDoNotLinkKubernetes(t *testing.T) {
	// With the tests of the packages, because those are what a contributor waits for.
	for _, pattern := range small {
		out := run(t, root(t), nil, "go", "list", "-deps", "-test", "-f", "{{.ImportPath}}", pattern)
		for dependency := range strings.Lines(out) {
			if strings.HasPrefix(dependency, "k8s.io/") {
				t.Errorf("%s links %s", pattern, strings.TrimSpace(dependency))
				break
			}
		}
	}
}

func TestHDFSClientsDoNotMeet(t *testing.T) {
	// Every binary that this module can make: its commands and its tests.
	out := run(t, root(t), nil, "go", "list", "-test", "-f",
		`{{if or (eq .Name "main") .ForTest}}{{.ImportPath}}{{"\t"}}{{join .Deps " "}}{{end}}`, "./...")
	binaries := 0
	for line := range strings.Lines(out) {
		name, joined, _ := strings.Cut(strings.TrimSpace(line), "\t")
		dependencies := strings.Fields(joined)
		binaries++
		if a, b := one(dependencies, hdfsEvents), one(dependencies, hdfsWorkflows); a != "" && b != "" {
			t.Errorf("%s links %s and %s: both register hdfs's protobuf file, it would panic at start", name, a, b)
		}
	}
	if binaries < 10 {
		t.Errorf("only %d binaries were looked at", binaries)
	}
}

// one returns a dependency that is one of the packages or lies below one.
func one(dependencies, packages []string) string {
	for _, dependency := range dependencies {
		if slices.ContainsFunc(packages, func(p string) bool { return dependency == p || strings.HasPrefix(dependency, p+"/") }) {
			return dependency
		}
	}
	return ""
}

func TestModuleCanBeRequired(t *testing.T) {
	var goMod struct {
		Require []struct{ Path string }
		Replace []struct{ Old struct{ Path string } }
	}
	if err := json.Unmarshal([]byte(run(t, root(t), nil, "go", "mod", "edit", "-json")), &goMod); err != nil {
		t.Fatal(err)
	}
	for _, replaced := range goMod.Replace {
		t.Errorf("go.mod replaces %s: that does not hold in a user's module", replaced.Old.Path)
	}
	for _, required := range goMod.Require {
		if required.Path == "k8s.io/kubernetes" {
			t.Error("go.mod requires k8s.io/kubernetes, which needs replaces: it belongs to cmd/eventrig-kube")
		}
	}
}

var markdownLink = regexp.MustCompile(`\]\(([^)\s]+)\)`)

func TestMarkdownLinksLead(t *testing.T) {
	var documents []string
	err := filepath.WalkDir(root(t), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "bin" || entry.Name() == "artifacts") {
			return fs.SkipDir
		}
		if strings.HasSuffix(path, ".md") {
			documents = append(documents, path)
		}
		return err
	})
	if err != nil || len(documents) == 0 {
		t.Fatalf("look for documents: %v, %v", documents, err)
	}
	for _, document := range documents {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range markdownLink.FindAllStringSubmatch(string(text), -1) {
			target, _, _ := strings.Cut(found[1], "#")
			if target == "" || strings.Contains(target, "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(document), target)); err != nil {
				t.Errorf("%s links to %s: %v", document, found[1], err)
			}
		}
	}
}

func TestBuildsOnMacOS(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles all dependencies for darwin")
	}
	run(t, root(t), []string{"GOOS=darwin", "CGO_ENABLED=0"}, "go", "build", "-o", os.DevNull, "./cmd/eventrig")
}
