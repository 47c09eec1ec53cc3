package whatif_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/eventrig/eventrig/internal/cli/clitest"
	command "github.com/eventrig/eventrig/internal/cli/whatif"
	"github.com/eventrig/eventrig/internal/whatif"
)

func run(t testing.TB, arguments ...string) (stdout string, status int, err error) {
	t.Helper()
	return clitest.Run(t, command.New(), arguments...)
}

var small = []string{"--old", "testdata/old", "--new", "testdata/new", "--corpus", "testdata/events.jsonl"}

func TestText(t *testing.T) {
	for name, more := range map[string][]string{"text.golden": nil, "all.golden": {"--all", "--reasons", "--source", "openstack/keystone/notifications"}} {
		out, status, err := run(t, append(append([]string{}, small...), more...)...)
		if status != 0 {
			t.Fatal(err)
		}
		clitest.Golden(t, name, out)
	}
}

func TestJSON(t *testing.T) {
	out, status, err := run(t, append(append([]string{}, small...), "-o", "json")...)
	if status != 0 {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(strings.NewReader(out))
	decoder.DisallowUnknownFields()
	var report whatif.Report
	if err := decoder.Decode(&report); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range report.Changes {
		got = append(got, c.Event+" "+c.Sensor+" "+string(c.Change))
	}
	want := "testdata/events.jsonl:1 openstack/project object, testdata/events.jsonl:2 openstack/fresh fires, testdata/events.jsonl:2 openstack/user silent, testdata/events.jsonl:3 openstack/project object"
	if strings.Join(got, ", ") != want {
		t.Errorf("%v", got)
	}
	if len(report.Added) != 1 || len(report.Removed) != 1 || len(report.Unseen) != 1 || report.Unseen[0].Object != "Sensor/openstack/group" {
		t.Errorf("%+v %+v %+v", report.Added, report.Removed, report.Unseen)
	}
}

func TestTheSameTwice(t *testing.T) {
	arguments := []string{"--old", "testdata/old", "--new", "testdata/new", "--seed", "7", "-o", "json"}
	first, status, err := run(t, arguments...)
	if status != 0 {
		t.Fatal(err)
	}
	if second, _, err := run(t, arguments...); err != nil || first != second {
		t.Errorf("another result the second time (%v)", err)
	}
}

// repository has the old manifests in its only commit, tagged v1, and the new ones in its working tree, below deploy.
func repository(t testing.TB) string {
	t.Helper()
	folder := t.TempDir()
	made, err := git.PlainInit(folder, false)
	if err != nil {
		t.Fatal(err)
	}
	put := func(side string) {
		content, err := os.ReadFile(filepath.Join("testdata", side, "pipeline.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{"deploy/kustomization.yaml": "resources: [../base/pipeline.yaml]\n", "base/pipeline.yaml": string(content)} {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(folder, name)), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	put("old")
	// kustomize does not go above the folder that it builds for plain files, so the base is one of its own.
	for name, text := range map[string]string{"deploy/kustomization.yaml": "resources: [../base]\n", "base/kustomization.yaml": "resources: [pipeline.yaml]\n"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tree, err := made.Worktree()
	if err != nil {
		t.Fatal(err)
	}
	if err := tree.AddGlob("."); err != nil {
		t.Fatal(err)
	}
	hash, err := tree.Commit("c", &git.CommitOptions{Author: &object.Signature{Name: "n", Email: "e", When: time.Unix(0, 0)}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := made.CreateTag("v1", hash, nil); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile("testdata/new/pipeline.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "base", "pipeline.yaml"), content, 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}

func TestGitRevisions(t *testing.T) {
	events, err := filepath.Abs("testdata/events.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	folder := repository(t)
	t.Chdir(folder)
	for name, arguments := range map[string][]string{
		"a revision and the working tree":        {"--old", "v1", "--manifests", "deploy"},
		"a path of a revision":                   {"--old", "v1:deploy", "--new", "deploy"},
		"two revisions of which one is a folder": {"--old", "v1", "--new", folder + "/deploy", "--manifests", "deploy"},
	} {
		t.Run(name, func(t *testing.T) {
			out, status, err := run(t, append(arguments, "--corpus", events, "-o", "json")...)
			if status != 0 {
				t.Fatal(err)
			}
			var report whatif.Report
			if err := json.Unmarshal([]byte(out), &report); err != nil {
				t.Fatal(err)
			}
			if len(report.Changes) != 4 || report.Changes[0].Old.At != "v1:base/pipeline.yaml:29" || !strings.HasSuffix(report.Changes[0].New.At, "base/pipeline.yaml:29") ||
				strings.Contains(out, temporary) {
				t.Errorf("%s", out)
			}
		})
	}
	out, status, err := run(t, "--old", "v1", "--new", "HEAD", "--manifests", "deploy", "--corpus", events, "--fail-on-change")
	if status != 0 || !strings.Contains(out, "nothing changes") {
		t.Errorf("%v\n%s", err, out)
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("%v is left behind (%v)", left, err)
	}
}

func TestExitStatus(t *testing.T) {
	write := func(name, text string) string {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	broken := write("broken.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a\n")
	same := []string{"--old", "testdata/old", "--new", "testdata/old", "--corpus", "testdata/events.jsonl", "--fail-on-change"}
	for name, c := range map[string]struct {
		arguments []string
		status    int
		want      string
	}{
		"a change":         {append(append([]string{}, small...), "--fail-on-change"), 1, "3 of them have another outcome, 1 gone, 1 new"},
		"no change":        {same, 0, ""},
		"not asked for":    {small, 0, ""},
		"no old":           {[]string{"--new", "testdata/new"}, 2, "nothing to compare with"},
		"no new":           {[]string{"--old", "testdata/old"}, 2, "nothing to compare testdata/old with"},
		"no such folder":   {[]string{"--old", "testdata/none", "--new", "testdata/new"}, 2, "--old testdata/none"},
		"no repository":    {[]string{"--old", "main:deploy", "--new", "testdata/new"}, 2, "git repository"},
		"broken manifests": {[]string{"--old", broken, "--new", "testdata/new"}, 2, "broken.yaml:"},
		"no manifests":     {[]string{"--old", t.TempDir(), "--new", "testdata/new"}, 2, "there are no manifests in"},
		"no corpus":        {[]string{"--old", "testdata/old", "--new", "testdata/new", "--corpus", "testdata/none"}, 2, "testdata/none"},
		"broken corpus":    {[]string{"--old", "testdata/old", "--new", "testdata/new", "--corpus", broken}, 2, "broken.yaml:1"},
		"output":           {append(append([]string{}, small...), "-o", "html"), 2, `"html"`},
		"time":             {append(append([]string{}, small...), "--time", "noon"), 2, "--time"},
		"form":             {append(append([]string{}, small...), "--form", "xml"), 2, `"xml"`},
		"source":           {append(append([]string{}, small...), "--source", "a"), 2, "--source"},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "no repository" {
				// This folder is in one, or, unpacked from an archive, in none.
				whole, err := filepath.Abs("testdata/new")
				if err != nil {
					t.Fatal(err)
				}
				c.arguments[3] = whole
				t.Chdir(t.TempDir())
			}
			out, status, err := run(t, c.arguments...)
			if status != c.status || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("exit status %d, %v", status, err)
			}
			if (status == 2) != (out == "") {
				t.Errorf("exit status %d, and stdout %q", status, out)
			}
		})
	}
}
