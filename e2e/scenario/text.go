package scenario

import (
	"fmt"
	"strings"
)

// OK says whether the scenario passed, a known defect that is still there included.
func (r Result) OK() bool { return r.Verdict == Passed || r.Verdict == KnownDefect }

// Failed says whether the scenario ran and did not pass.
func (r Result) Failed() bool { return r.Verdict == Failed || r.Verdict == Errored }

// String tells the verdict and, of each expectation that was not met, at which hop, what was expected, what came, why, and what
// to do next.
func (r Result) String() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s: %s", r.Name, r.Verdict)
	if r.File != "" {
		fmt.Fprintf(&out, " (%s:%d)", r.File, r.Line)
	}
	out.WriteString("\n")
	out.WriteString(FailuresText(r.Failures))
	for i, attempt := range r.Earlier {
		fmt.Fprintf(&out, "  attempt %d of %d: %s\n", i+1, len(r.Earlier)+1, attempt.Verdict)
		out.WriteString(FailuresText(attempt.Failures))
	}
	return out.String()
}

// FailuresText tells of each failure at which hop it is, what was expected, what came, why, and what to do next.
func FailuresText(failures []Failure) string {
	var out strings.Builder
	for _, f := range failures {
		fmt.Fprintf(&out, "  at %s", f.Hop)
		if f.Line > 0 && f.File != "" {
			fmt.Fprintf(&out, ", %s:%d", f.File, f.Line)
		}
		out.WriteString("\n")
		for _, part := range f.Parts() {
			fmt.Fprintf(&out, "    %-8s  %s\n", part.Name, strings.ReplaceAll(part.Text, "\n", "\n              "))
		}
	}
	return out.String()
}

// Part is one of what a failure says.
type Part struct{ Name, Text string }

// Parts are those that there are, in the order in which they are read. An explanation is a line for each event.
func (f Failure) Parts() []Part {
	var explained []string
	for _, e := range f.Explanation {
		explained = append(explained, e.String())
	}
	var parts []Part
	for _, one := range []Part{{"expected", f.Expected}, {"got", f.Got}, {"why", f.Why}, {"explain", strings.Join(explained, "\n")}, {"next", f.Next}} {
		if one.Text != "" {
			parts = append(parts, one)
		}
	}
	return parts
}
