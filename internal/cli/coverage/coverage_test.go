package coverage_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	command "github.com/eventrig/eventrig/internal/cli/coverage"
	"github.com/eventrig/eventrig/internal/coverage"
	"github.com/eventrig/eventrig/internal/failure"
)

var update = flag.Bool("update", false, "write the golden files anew")

// run runs the command and returns what it prints and its exit status.
func run(t testing.TB, arguments ...string) (stdout string, status int, err error) {
	t.Helper()
	c := command.New()
	c.SilenceUsage, c.SilenceErrors = true, true
	var out, talk bytes.Buffer
	c.SetOut(&out)
	c.SetErr(&talk)
	c.SetIn(strings.NewReader(""))
	c.SetArgs(arguments)
	err = c.ExecuteContext(t.Context())
	return out.String(), failure.ExitStatus(err), err
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not what is printed (go test -update writes it anew):\n%s", file, got)
	}
}

var small = []string{"--manifests", "testdata/pipeline", "--corpus", "testdata/events.jsonl"}

func TestText(t *testing.T) {
	out, status, err := run(t, small...)
	if status != 0 {
		t.Fatal(err)
	}
	golden(t, "text.golden", out)
	out, status, err = run(t, append(small, "--all")...)
	if status != 0 {
		t.Fatal(err)
	}
	golden(t, "all.golden", out)
}

func TestJSON(t *testing.T) {
	out, status, err := run(t, append(small, "-o", "json")...)
	if status != 0 {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(strings.NewReader(out))
	decoder.DisallowUnknownFields()
	var report coverage.Report
	if err := decoder.Decode(&report); err != nil {
		t.Fatal(err)
	}
	if report.Events != 4 || len(report.Unplaced) != 1 || report.Unplaced[0] != "testdata/events.jsonl:4" {
		t.Errorf("%d events, unplaced %v", report.Events, report.Unplaced)
	}
	for _, p := range report.Points {
		if p.Kind == coverage.Value && p.State == coverage.Refused && (p.File != "testdata/pipeline/sensors.yaml" || p.Line != 19 || p.Why != "3 events come here, and none has it") {
			t.Errorf("%+v", p)
		}
	}
}

func TestHTMLIsOnePage(t *testing.T) {
	out, status, err := run(t, append(small, "-o", "html")...)
	if status != 0 {
		t.Fatal(err)
	}
	for _, want := range []string{
		"<!doctype html>", `<tr class="reached"><td class="number">18</td>`, `<tr class="never"><td class="number">19</td>`,
		`title="✓ data[0] event_type: ^identity\.project\.created$: 2 events, first testdata/events.jsonl:1"`, "testdata/events.jsonl:4", "not counted",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	for _, alien := range []string{"http://", "https://", "<script", "<link", "src="} {
		if strings.Contains(strings.ReplaceAll(out, "example.org", ""), alien) {
			t.Errorf("the page needs something else: %q", alien)
		}
	}
}

func TestExitStatus(t *testing.T) {
	with := func(more ...string) []string { return append(append([]string{}, small...), more...) }
	for name, c := range map[string]struct {
		arguments []string
		status    int
		want      string
	}{
		"enough":             {with("--fail-under", "50"), 0, ""},
		"too little":         {with("--fail-under", "95"), 1, "in all: 5"},
		"too little of one":  {with("--fail-under", "10", "--fail-under", "sensor=100"), 1, "Sensors that fire: 50.0 % (1 of 2), and --fail-under wants 100 %"},
		"no such kind":       {with("--fail-under", "sensors=10"), 2, `there is no kind "sensors"`},
		"no percentage":      {with("--fail-under", "many"), 2, "no percentage"},
		"no number":          {with("--fail-under", "NaN"), 2, "no percentage"},
		"above all":          {with("--fail-under", "101"), 2, "no percentage"},
		"output":             {with("-o", "xml"), 2, `"xml"`},
		"time":               {with("--time", "noon"), 2, "--time"},
		"form":               {with("--form", "xml"), 2, `"xml"`},
		"source":             {with("--source", "a/b"), 2, "--source"},
		"no corpus":          {[]string{"--corpus", "testdata/none"}, 2, "testdata/none"},
		"no scenario":        {[]string{"--scenarios", "testdata/none"}, 2, "testdata/none"},
		"manifests as event": {[]string{"--corpus", "testdata/pipeline/sensors.yaml"}, 2, "testdata/pipeline/sensors.yaml:1"},
		"events as scenario": {[]string{"--scenarios", "testdata/pipeline"}, 2, "testdata/pipeline/sensors.yaml:5"},
		"no manifests":       {[]string{"--manifests", "testdata/none"}, 2, "testdata/none"},
		"no Sensor":          {[]string{"--manifests", "testdata/pipeline/templates.yaml"}, 2, "no Sensor"},
	} {
		t.Run(name, func(t *testing.T) {
			out, status, err := run(t, c.arguments...)
			if status != c.status || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("exit status %d, %v", status, err)
			}
			if status == 2 && out != "" {
				t.Errorf("bad input, and a result: %s", out)
			}
			if status == 1 && out == "" {
				t.Error("a failed check, and no result")
			}
		})
	}
}

func TestTheSameTwice(t *testing.T) {
	for _, output := range []string{"text", "json", "html"} {
		first, status, err := run(t, "-o", output, "--seed", "7")
		if status != 0 {
			t.Fatal(err)
		}
		second, _, err := run(t, "-o", output, "--seed", "7")
		if err != nil || first != second {
			t.Errorf("%s: another result the second time (%v)", output, err)
		}
	}
}
