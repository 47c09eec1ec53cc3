package coverage_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/eventrig/eventrig/internal/cli/clitest"
	command "github.com/eventrig/eventrig/internal/cli/coverage"
	"github.com/eventrig/eventrig/internal/coverage"
)

func run(t testing.TB, arguments ...string) (stdout string, status int, err error) {
	t.Helper()
	return clitest.Run(t, command.New(), arguments...)
}

var small = []string{"--manifests", "testdata/pipeline", "--corpus", "testdata/events.jsonl"}

func TestText(t *testing.T) {
	out, status, err := run(t, small...)
	if status != 0 {
		t.Fatal(err)
	}
	clitest.Golden(t, "text.golden", out)
	out, status, err = run(t, append(small, "--all")...)
	if status != 0 {
		t.Fatal(err)
	}
	clitest.Golden(t, "all.golden", out)
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

// The lines are those of the chart's templates, which is what its author edits.
func TestAChartWithValues(t *testing.T) {
	chart := filepath.Join("..", "..", "pipeline", "testdata", "chart")
	out, status, err := run(t, "--manifests", chart, "--set", "enabled.keystone=false", "--namespace", "openstack", "--scenarios", "built-in", "-o", "json")
	if status != 0 {
		t.Fatal(err)
	}
	var report coverage.Report
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatal(err)
	}
	found := false
	for _, p := range report.Points {
		found = found || p.Kind == coverage.Dependency && p.File == filepath.Join(chart, "templates", "sensor-nova.yaml") && p.Line > 2
	}
	if !found {
		t.Errorf("no dependency of the chart's Sensor has its line: %s", out)
	}
	out, status, err = run(t, "--manifests", chart, "--set", "enabled.keystone=false", "--namespace", "openstack", "-o", "html")
	if status != 0 || !strings.Contains(out, "sensor-nova.yaml") {
		t.Errorf("%v", err)
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
