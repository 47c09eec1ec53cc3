// Package report writes what a run found: a table and failure texts for people, JSON for scripts, JUnit for CI.
//
// In go the results of e2e/scenario, what was skipped, and the versions that ran; out come documents. It decides
// nothing but the run's verdict.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
	"text/tabwriter"

	"github.com/eventrig/eventrig/e2e/scenario"
)

// Run is a whole run; its JSON is what `eventrig test -o json` prints.
type Run struct {
	Verdict   scenario.Verdict  `json:"verdict"`
	Versions  map[string]string `json:"versions"`
	Scenarios []scenario.Result `json:"scenarios"`
	Skipped   []Skip            `json:"skipped"`
	Warnings  []string          `json:"warnings"` // what makes this run say less about UnderStack than it seems to
	Notes     []string          `json:"notes"`    // what ran otherwise than the manifests ask for, because of where the rig ran
}

// Skip is a scenario that was selected and did not run.
type Skip = scenario.Skip

// New makes a run's report. Results with the verdict skipped are listed with their reason too.
func New(versions map[string]string, results []scenario.Result, skipped []Skip) Run {
	run := Run{Verdict: scenario.Passed, Versions: versions, Scenarios: results, Skipped: append([]Skip{}, skipped...)}
	if run.Versions == nil {
		run.Versions = map[string]string{}
	}
	if run.Scenarios == nil {
		run.Scenarios = []scenario.Result{}
	}
	run.Warnings = versionWarnings(run.Versions)
	run.Notes = []string{}
	ran := false
	for _, r := range results {
		switch r.Verdict {
		case scenario.Errored:
			run.Verdict = scenario.Errored
		case scenario.Failed:
			if run.Verdict != scenario.Errored {
				run.Verdict = scenario.Failed
			}
		case scenario.Skipped:
			reason := "skipped"
			if len(r.Failures) > 0 {
				reason = fmt.Sprintf("needs %s; this is %s", r.Failures[0].Expected, r.Failures[0].Got)
			}
			run.Skipped = append(run.Skipped, Skip{Name: r.Name, Reason: reason})
			continue
		}
		ran = true
	}
	if !ran {
		run.Verdict = scenario.Skipped
	}
	return run
}

// JSON writes the run as one indented document.
func (r Run) JSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(r); err != nil {
		return fmt.Errorf("write the JSON report: %w", err)
	}
	return nil
}

// Text writes the table, the failures below it, the versions that ran and what to know of them, and a last line with the figures.
func (r Run) Text(w io.Writer) error {
	var out strings.Builder
	table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tTIER\tVERDICT\tSECONDS")
	for _, s := range r.Scenarios {
		verdict := string(s.Verdict)
		if s.Flaky() {
			verdict += fmt.Sprintf(" (flaky: attempt %d)", len(s.Earlier)+1)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%.1f\n", s.Name, s.Tier, verdict, s.Seconds)
	}
	table.Flush()
	for _, s := range r.Scenarios {
		if s.Failed() || s.Flaky() {
			out.WriteString("\n" + s.String())
		}
	}
	out.WriteString(r.unchecked())
	out.WriteString("\n")
	if line := versionLine(r.Versions); line != "" {
		out.WriteString(line + "\n")
	}
	for _, warning := range r.Warnings {
		out.WriteString("warning: " + warning + "\n")
	}
	for _, note := range r.Notes {
		out.WriteString("note: " + note + "\n")
	}
	out.WriteString(r.Summary() + "\n")
	if _, err := io.WriteString(w, out.String()); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

var index = regexp.MustCompile(`\[\d+\].*?(\.\w+)?( .*)?$`)

// unchecked tells what was expected and not looked at, one line for each kind of expectation and reason.
func (r Run) unchecked() string {
	type kind struct{ name, reason string }
	counts, in := map[kind]int{}, map[kind]map[string]bool{}
	var order []kind
	for _, s := range r.Scenarios {
		if s.Verdict == scenario.Skipped {
			continue // it is said of the whole
		}
		for _, skip := range s.Skipped {
			name, _, _ := strings.Cut(skip.Name, " ")
			k := kind{index.ReplaceAllString(name, "$1"), skip.Reason}
			if in[k] == nil {
				in[k] = map[string]bool{}
				order = append(order, k)
			}
			counts[k]++
			in[k][s.Name] = true
		}
	}
	var out strings.Builder
	for i, k := range order {
		if i == 0 {
			out.WriteString("\nnot checked at this tier:\n")
		}
		scenarios := fmt.Sprintf("%d scenarios", len(in[k]))
		if len(in[k]) == 1 {
			for name := range in[k] {
				scenarios = name
			}
		}
		fmt.Fprintf(&out, "  %d %s in %s: %s\n", counts[k], k.name, scenarios, k.reason)
	}
	return out.String()
}

// Summary is the run in figures: how many scenarios had which verdict.
func (r Run) Summary() string {
	counts := map[scenario.Verdict]int{}
	for _, s := range r.Scenarios {
		counts[s.Verdict]++
	}
	var parts []string
	for _, v := range []scenario.Verdict{scenario.Passed, scenario.Failed, scenario.Errored, scenario.KnownDefect, scenario.Skipped} {
		n := counts[v]
		if v == scenario.Skipped {
			n = len(r.Skipped)
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, v))
		}
	}
	if len(parts) == 0 {
		return "no scenario ran"
	}
	flaky := 0
	for _, s := range r.Scenarios {
		if s.Flaky() {
			flaky++
		}
	}
	if flaky > 0 {
		parts = append(parts, fmt.Sprintf("%d of them flaky", flaky))
	}
	return strings.Join(parts, ", ")
}

// Timeline tells the records of one scenario, one line each, with the time since the first.
func Timeline(s scenario.Result) string {
	var out strings.Builder
	for _, r := range s.Timeline {
		fmt.Fprintf(&out, "%8.3fs  %-13s  %s", r.Time.Sub(s.Timeline[0].Time).Seconds(), r.Hop, strings.TrimSpace(r.Sensor+" "+r.Object))
		if r.Verdict != "" {
			fmt.Fprintf(&out, "  %s", r.Verdict)
		}
		if r.Cause != "" {
			fmt.Fprintf(&out, "  (%s)", r.Cause)
		}
		if r.Ambiguous {
			out.WriteString("  ambiguous")
		}
		out.WriteString("\n")
	}
	return out.String()
}
