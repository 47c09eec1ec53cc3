package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/eventrig/eventrig/e2e/scenario"
)

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Skipped  int          `xml:"skipped,attr"`
	Time     string       `xml:"time,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name       string          `xml:"name,attr"`
	Tests      int             `xml:"tests,attr"`
	Failures   int             `xml:"failures,attr"`
	Errors     int             `xml:"errors,attr"`
	Skipped    int             `xml:"skipped,attr"`
	Time       string          `xml:"time,attr"`
	Properties []junitProperty `xml:"properties>property,omitempty"`
	Cases      []junitCase     `xml:"testcase"`
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCase struct {
	Name      string         `xml:"name,attr"`
	Class     string         `xml:"classname,attr"`
	File      string         `xml:"file,attr,omitempty"`
	Line      int            `xml:"line,attr,omitempty"`
	Time      string         `xml:"time,attr"`
	Failure   *junitMessage  `xml:"failure,omitempty"`
	Error     *junitMessage  `xml:"error,omitempty"`
	Skipped   *junitMessage  `xml:"skipped,omitempty"`
	Flaky     []junitMessage `xml:"flakyFailure,omitempty"` // as Maven's Surefire writes attempts of a test that passed at last
	Rerun     []junitMessage `xml:"rerunFailure,omitempty"` // and those of one that never did
	SystemOut string         `xml:"system-out,omitempty"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
}

// JUnit writes the run as JUnit XML: one test suite per tier, one test case per scenario. A known defect is a passed
// case whose output says so.
func (r Run) JUnit(w io.Writer) error {
	reasons := map[string]string{}
	for _, s := range r.Skipped {
		reasons[s.Name] = s.Reason
	}
	tiers := map[string]*junitSuite{}
	seconds := map[string]float64{}
	suite := func(tier string) *junitSuite {
		if tiers[tier] == nil {
			tiers[tier] = &junitSuite{Name: "eventrig." + tier}
			for _, name := range sortedKeys(r.Versions) {
				tiers[tier].Properties = append(tiers[tier].Properties, junitProperty{name, r.Versions[name]})
			}
		}
		return tiers[tier]
	}
	seen := map[string]bool{}
	lastTier := "none"
	for _, s := range r.Scenarios {
		seen[s.Name] = true
		lastTier = s.Tier
		in := suite(s.Tier)
		c := junitCase{Name: s.Name, Class: in.Name, File: s.File, Line: s.Line, Time: fmt.Sprintf("%.3f", s.Seconds), SystemOut: clean(Timeline(s))}
		message := func() *junitMessage {
			m := &junitMessage{Type: string(s.Verdict), Text: clean(s.String())}
			if len(s.Failures) > 0 {
				m.Message = clean(s.Failures[0].Expected + "; got " + s.Failures[0].Got)
			}
			return m
		}
		switch s.Verdict {
		case scenario.Failed:
			c.Failure = message()
			in.Failures++
		case scenario.Errored:
			c.Error = message()
			in.Errors++
		case scenario.Skipped:
			c.Skipped = &junitMessage{Message: clean(reasons[s.Name])}
			in.Skipped++
		case scenario.KnownDefect:
			there := "known defect, still there"
			if len(s.Skipped) > 0 {
				there += " as far as this tier can tell"
			}
			c.SystemOut = there + "\n" + c.SystemOut
		}
		for _, skip := range s.Skipped {
			c.SystemOut += clean(fmt.Sprintf("not checked: %s: %s\n", skip.Name, skip.Reason))
		}
		for _, attempt := range s.Earlier {
			m := junitMessage{Type: string(attempt.Verdict), Text: clean(scenario.Result{Name: s.Name, Verdict: attempt.Verdict, Failures: attempt.Failures}.String())}
			if len(attempt.Failures) > 0 {
				m.Message = clean(attempt.Failures[0].Expected + "; got " + attempt.Failures[0].Got)
			}
			if s.Flaky() {
				c.Flaky = append(c.Flaky, m)
			} else {
				c.Rerun = append(c.Rerun, m)
			}
		}
		in.Tests++
		seconds[s.Tier] += s.Seconds
		in.Cases = append(in.Cases, c)
	}
	for _, s := range r.Skipped {
		if seen[s.Name] {
			continue
		}
		in := suite(lastTier)
		in.Cases = append(in.Cases, junitCase{Name: s.Name, Class: in.Name, Time: "0.000", Skipped: &junitMessage{Message: clean(s.Reason)}})
		in.Tests++
		in.Skipped++
	}
	all := junitSuites{Name: "eventrig"}
	total := 0.0
	for _, tier := range sortedKeys(tiers) {
		s := tiers[tier]
		s.Time = fmt.Sprintf("%.3f", seconds[tier])
		all.Tests, all.Failures, all.Errors, all.Skipped = all.Tests+s.Tests, all.Failures+s.Failures, all.Errors+s.Errors, all.Skipped+s.Skipped
		total += seconds[tier]
		all.Suites = append(all.Suites, *s)
	}
	all.Time = fmt.Sprintf("%.3f", total)
	out, err := xml.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("write the JUnit report: %w", err)
	}
	if _, err := io.WriteString(w, xml.Header+string(out)+"\n"); err != nil {
		return fmt.Errorf("write the JUnit report: %w", err)
	}
	return nil
}

// clean drops the terminal sequences and control characters that a component's message may hold: XML has no way to
// write them.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || (r >= ' ' && r != 0x7f && r != 0xfffe && r != 0xffff) {
			return r
		}
		return -1
	}, strings.ToValidUTF8(s, "?"))
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
