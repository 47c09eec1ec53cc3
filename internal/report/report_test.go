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
	}, []Skip{{Name: "left", Reason: "interrupted"}})
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

func TestAnExplanationStandsInEveryForm(t *testing.T) {
	explained := run()
	explained.Scenarios[1].Failures[0].Explanation = []scenario.Explanation{
		{Event: "m1", EventType: "identity.user.created", Events: 2, Sensor: "openstack/s", Verdict: "filtered", Step: "filter", Path: "event_type", Text: "filter event_type is not wanted", At: "s.yaml:7"},
	}
	line := "identity.user.created (2 events): filtered: filter event_type is not wanted (s.yaml:7)"
	for name, c := range map[string]struct {
		write func(Run, *strings.Builder) error
		want  string
	}{
		"text":   {func(r Run, out *strings.Builder) error { return r.Text(out) }, "\n    explain   " + line + "\n"},
		"JSON":   {func(r Run, out *strings.Builder) error { return r.JSON(out) }, `"path": "event_type"`},
		"JUnit":  {func(r Run, out *strings.Builder) error { return r.JUnit(out) }, line},
		"HTML":   {func(r Run, out *strings.Builder) error { return r.HTML(out) }, "<dt>explain</dt><dd>" + line},
		"GitHub": {func(r Run, out *strings.Builder) error { return r.GitHub(out, "") }, "explain: " + line},
	} {
		var out strings.Builder
		if err := c.write(explained, &out); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), c.want) {
			t.Errorf("%s does not hold %q:\n%s", name, c.want, out.String())
		}
	}
}

// flaky is a run with a scenario that passed at its second attempt.
func flaky() Run {
	r := run()
	r.Scenarios[0].Earlier = []scenario.Attempt{{Verdict: scenario.Failed, Seconds: 3, Failures: []scenario.Failure{{Hop: "workflow", Expected: "1 Workflow", Got: "none", Why: "100% <late>\nreally", File: "/work/k.yaml", Line: 4}}}}
	return r
}

func TestAFlakeIsHiddenInNoReport(t *testing.T) {
	for name, write := range map[string]func(Run, *strings.Builder) error{
		"text":   func(r Run, out *strings.Builder) error { return r.Text(out) },
		"JSON":   func(r Run, out *strings.Builder) error { return r.JSON(out) },
		"JUnit":  func(r Run, out *strings.Builder) error { return r.JUnit(out) },
		"HTML":   func(r Run, out *strings.Builder) error { return r.HTML(out) },
		"GitHub": func(r Run, out *strings.Builder) error { return r.GitHub(out, "") },
	} {
		var out strings.Builder
		if err := write(flaky(), &out); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), "1 Workflow") || !strings.Contains(out.String(), "none") {
			t.Errorf("%s does not tell of the attempt that failed:\n%s", name, out.String())
		}
	}
	var text strings.Builder
	if err := flaky().Text(&text); err != nil || !strings.Contains(text.String(), "passed (flaky: attempt 2)") || !strings.Contains(text.String(), "1 of them flaky") {
		t.Errorf("%v\n%s", err, text.String())
	}
	var xmlText strings.Builder
	if err := flaky().JUnit(&xmlText); err != nil {
		t.Fatal(err)
	}
	var suites junitSuites
	if err := xml.Unmarshal([]byte(xmlText.String()), &suites); err != nil || len(suites.Suites[0].Cases[0].Flaky) != 1 || suites.Suites[0].Cases[0].Failure != nil {
		t.Errorf("%v %+v", err, suites.Suites[0].Cases[0])
	}
}

func TestGitHubAnnotationsAreItsWorkflowCommands(t *testing.T) {
	r := flaky()
	r.Scenarios[1].Failures[0].File = "/work/dir,1/k.yaml"
	var out strings.Builder
	if err := r.GitHub(&out, "/work"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"::error file=dir%2C1/k.yaml,line=9,title=bad%3A failed at triggered::hop: triggered%0Aexpected: Sensor s fires once%0Agot: it fired 0%0Awhy: t: failed ([31mforbidden <x>)%0Anext: grant it\n",
		"::warning title=good%3A flaky::passed at attempt 2%0Aattempt 1, at workflow%0Ahop: workflow%0Aexpected: 1 Workflow%0Agot: none%0Awhy: 100%25 <late>%0Areally\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("lacks %q:\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "far") || strings.Contains(out.String(), "old") {
		t.Errorf("says something of what did not fail:\n%s", out.String())
	}
}

func TestHTMLIsOnePageThatNeedsNothingElse(t *testing.T) {
	r := flaky()
	r.Scenarios[1].Timeline = append(r.Scenarios[1].Timeline, ledger.Record{Time: time.Unix(4, 0), Hop: ledger.Workflow, Ambiguous: true, Candidates: []string{"m", "n"}, Details: map[string]any{"parameters": map[string]string{"a": "<script>"}}})
	var out strings.Builder
	if err := r.HTML(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<title>eventrig: failed</title>", "Sensor s fires once", "it fired 0", "<details id=\"s1\" open>", "forbidden", "2.000", "ambiguous", "skipped: interrupted", "flaky: 1 earlier"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("lacks %q", want)
		}
	}
	for _, never := range []string{"<script", "<link", "src=", "http://", "https://"} {
		if strings.Contains(out.String(), never) {
			t.Errorf("holds %q", never)
		}
	}
}

func TestAStoryTellsWhatFiredRanAndChanged(t *testing.T) {
	story := NewStory(map[string]string{"argo-events": "v1.9.10"}, scenario.Result{Verdict: scenario.Passed, Failures: []scenario.Failure{}, Timeline: []ledger.Record{
		{Hop: ledger.Published, MessageID: "m", Object: "v/e/k", Details: map[string]any{"event_type": "x.created"}},
		{Hop: ledger.Routed, MessageID: "m", Object: "EventSource/openstack/e/n"},
		{Hop: ledger.Decided, MessageID: "m", Sensor: "openstack/s", Trigger: "t", Verdict: "fires"},
		{Hop: ledger.Triggered, MessageID: "m", Sensor: "openstack/s", Trigger: "t", Verdict: "failed", Cause: "is forbidden"},
		{Hop: ledger.Decided, MessageID: "m", Sensor: "openstack/other", Trigger: "u", Verdict: "filtered", Cause: "discarded due to filtering"},
		{Hop: ledger.Workflow, MessageID: "m", Object: "Workflow/a/w", Verdict: "", Details: map[string]any{"parameters": map[string]string{"p": "1"}}},
		{Hop: ledger.Workflow, MessageID: "m", Object: "Workflow/a/w", Verdict: "Failed", Cause: "exit code 1"},
		{Hop: ledger.Pod, MessageID: "m", Object: "Pod/a/p", Details: map[string]any{"workflow": "Workflow/a/w", "exitCode": 1}},
		{Hop: ledger.APICall, MessageID: "m", Object: "nautobot POST /api/", Verdict: "201"},
		{Hop: ledger.RecordChange, MessageID: "m", Object: "nautobot tenancy/tenants 1", Verdict: "created"},
		{Hop: ledger.Workflow, Ambiguous: true, Candidates: []string{"m", "n"}, Object: "Workflow/a/unsure"},
	}, Explained: []scenario.Explanation{
		{Event: "n", Sensor: "openstack/other", Verdict: "filtered", Text: "of another message"},
		{Event: "m", Sensor: "openstack/other", Verdict: "filtered", Text: "filter type is x.created, wanted y", Want: []string{"y"}},
		{Event: "m", Sensor: "openstack/s", Verdict: "fires", Text: "filters pass", Want: []string{}},
	}})
	var text, document strings.Builder
	if err := errors.Join(story.Text(&text), story.JSON(&document)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"m x.created", "routed    EventSource/openstack/e/n", "openstack/s t: failed (is forbidden)", "openstack/other u: filtered: filter type is x.created, wanted y\n", "Workflow/a/w: Failed (exit code 1)", "p=1", "Pod/a/p: exit code 1", "nautobot POST /api/ -> 201", "tenancy/tenants 1: created", "unsure    Workflow/a/unsure"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("lacks %q:\n%s", want, text.String())
		}
	}
	if strings.Contains(document.String(), "null") {
		t.Errorf("%s", document.String())
	}
}

func TestWhatATierCannotCheckIsNamed(t *testing.T) {
	part := run()
	part.Scenarios[0].Skipped = []scenario.Skip{{Name: "then.workflows[0].phase s", Reason: "it ends there"}, {Name: "then.workflows[1].phase s", Reason: "it ends there"}, {Name: "then.ledger", Reason: "there is no bus"}}
	part.Scenarios[2].Skipped = []scenario.Skip{{Name: "then.workflows[3].phase other", Reason: "it ends there"}}
	var text, xmlText, page strings.Builder
	if err := errors.Join(part.Text(&text), part.JUnit(&xmlText), part.HTML(&page)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"\nnot checked at this tier:\n", "  3 then.workflows.phase in 2 scenarios: it ends there\n", "  1 then.ledger in good: there is no bus\n"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in:\n%s", want, text.String())
		}
	}
	if !strings.Contains(xmlText.String(), "not checked: then.workflows[1].phase s: it ends there") || !strings.Contains(page.String(), "not checked: then.ledger: there is no bus") {
		t.Errorf("%s\n%s", xmlText.String(), page.String())
	}
}
