package report

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/ledger"
)

func run() Run {
	return New(map[string]string{"argo-events": "v1.9.10"}, []scenario.Result{
		{Name: "good", Tier: "embedded", Verdict: scenario.Passed, Seconds: 1.25, Failures: []scenario.Failure{}},
		{Name: "bad", Tier: "embedded", Verdict: scenario.Failed, Seconds: 2, File: "k.yaml", Line: 3,
			Failures: []scenario.Failure{{Hop: "triggered", Expected: "Sensor s fires once", Got: "it fired 0", Why: "t: failed (\x1b[31mforbidden <x>)", Next: "grant it", File: "k.yaml", Line: 9}},
			Timeline: []ledger.Record{{Time: time.Unix(1, 0), Hop: ledger.Published}, {Time: time.Unix(3, 0), Hop: ledger.Triggered, Sensor: "openstack/s", Verdict: "failed", Cause: "forbidden"}}},
		{Name: "old", Tier: "embedded", Verdict: scenario.KnownDefect, Failures: []scenario.Failure{}},
		{Name: "far", Tier: "embedded", Verdict: scenario.Skipped, Failures: []scenario.Failure{{Expected: "tier kind", Got: "tier embedded"}}},
	}, []Skip{{"left", "interrupted"}})
}

func TestText(t *testing.T) {
	var out strings.Builder
	if err := run().Text(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"NAME  TIER      VERDICT       SECONDS\ngood  embedded  passed        1.2\n", "bad: failed (k.yaml:3)\n  at triggered, k.yaml:9\n    expected  Sensor s fires once\n    got       it fired 0\n",
		"    next      grant it\n", "1 passed, 1 failed, 1 known-defect, 2 skipped\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("lacks %q:\n%s", want, out.String())
		}
	}
}

func TestJSONHasTheAgreedFields(t *testing.T) {
	var out strings.Builder
	if err := run().JSON(&out); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Verdict   string
		Versions  map[string]string
		Scenarios []struct {
			Name, Tier, Verdict string
			Seconds             float64
			Failures            []map[string]any
		}
		Skipped []Skip
	}
	if err := json.Unmarshal([]byte(out.String()), &got); err != nil {
		t.Fatal(err)
	}
	if got.Verdict != "failed" || got.Versions["argo-events"] == "" || len(got.Scenarios) != 4 || got.Scenarios[1].Failures[0]["got"] != "it fired 0" || len(got.Skipped) != 2 {
		t.Errorf("%+v", got)
	}
	out.Reset()
	if err := New(nil, nil, nil).JSON(&out); err != nil || strings.Contains(out.String(), "null") || !strings.Contains(out.String(), `"verdict": "skipped"`) {
		t.Errorf("%s %v", out.String(), err)
	}
}

func TestJUnitIsXMLWithEveryCase(t *testing.T) {
	var out strings.Builder
	if err := run().JUnit(&out); err != nil {
		t.Fatal(err)
	}
	var got junitSuites
	if err := xml.Unmarshal([]byte(out.String()), &got); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if got.Tests != 5 || got.Failures != 1 || got.Skipped != 2 || got.Errors != 0 || len(got.Suites) != 1 {
		t.Errorf("%+v", got)
	}
	if f := got.Suites[0].Cases[1].Failure; f == nil || !strings.Contains(f.Text, "[31mforbidden <x>") || !strings.Contains(got.Suites[0].Cases[1].SystemOut, "2.000s  triggered") {
		t.Errorf("%+v", got.Suites[0].Cases[1])
	}
}

func TestNotesStandInEveryForm(t *testing.T) {
	noted := run()
	noted.Notes = append(noted.Notes, "no subordinate ids")
	var text, document strings.Builder
	if err := errors.Join(noted.Text(&text), noted.JSON(&document)); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.String(), "\nnote: no subordinate ids\n") || !strings.Contains(document.String(), `"no subordinate ids"`) {
		t.Errorf("%s\n%s", text.String(), document.String())
	}
	if strings.Contains(document.String(), "null") {
		t.Errorf("null in: %s", document.String())
	}
}
