// Package lint finds mistakes in event pipelines without a cluster: over EventSources, Sensors, WorkflowTemplates, what
// they refer to and what they may do, as one graph.
//
// In: a pipeline.Graph and what could not be read of it. Out: findings, each with a rule's id, a severity, the object, file
// and line, what is wrong and what to do. Each rule carries its own page: why, a bad and a good example, which are also
// its tests.
package lint

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/eventrig/eventrig/internal/pipeline"
)

// Severity is how bad a finding is.
type Severity string

// The severities. Error: it does not work, or loses events whatever happens. Warning: it works only as long as
// something else holds. Info: it is worth knowing.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Info    Severity = "info"
)

// Rank orders severities, the worst highest; 0 is no severity.
func (s Severity) Rank() int { return slices.Index([]Severity{"", Info, Warning, Error}, s) }

// Finding is one thing that a rule found.
type Finding struct {
	Rule     string   `json:"rule"`           // the rule's id; `eventrig lint --rules ID` explains it
	Severity Severity `json:"severity"`       // error, warning or info
	Object   string   `json:"object"`         // Kind/namespace/name; empty for a file that cannot be read
	File     string   `json:"file"`           // as the argument named it; of a kustomization or chart the file that the object is written in
	Line     int      `json:"line"`           // the field's line, else the object's; 0 where it is not known
	Message  string   `json:"message"`        // what is wrong
	Hint     string   `json:"hint,omitempty"` // what to do about it

	// Combination is the chart and its values that the finding needs, with --all-enabled; empty for the values as given.
	Combination string `json:"combination,omitempty"`
}

// Suppressed is a finding that an annotation of its object takes back, with the reason that it gives.
type Suppressed struct {
	Finding
	Reason string
}

// Result is what a run found.
type Result struct {
	Findings   []Finding    // by file, line and rule, each once
	Suppressed []Suppressed // in the same order
}

// Worst is the highest severity among the findings, "" without any.
func (r Result) Worst() Severity {
	var worst Severity
	for _, finding := range r.Findings {
		if finding.Severity.Rank() > worst.Rank() {
			worst = finding.Severity
		}
	}
	return worst
}

// Rule is one mistake that can be made.
type Rule struct {
	ID       string // family/name
	Severity Severity
	Title    string // one line, without a full stop
	Why      string // Markdown: what happens, and how it is known
	Bad      string // YAML in which this rule finds something, and others find nothing worse than info
	Good     string // YAML in which this rule finds nothing, and others nothing worse than info
	Check    func(in *Input, report Report)

	// Everywhere says that the rule finds what nothing else makes use of: over several combinations of values that is so only
	// if it is in each of them.
	Everywhere bool
}

// Family is the part of the rule's id before the slash.
func (r Rule) Family() string {
	family, _, _ := strings.Cut(r.ID, "/")
	return family
}

// Report is how a rule says what it found: at an object, whose field path (as pipeline.Object.LineOf takes it; empty for
// the object as a whole) gives the line.
type Report func(at pipeline.Object, path, message, hint string)

// Run runs rules over the input. Findings are sorted, each appears once, and those that an annotation suppresses are
// kept apart. It stops between rules when ctx ends; what was found until then is returned.
func Run(ctx context.Context, in *Input, rules []Rule) Result {
	in.ctx = ctx
	var findings []located
	ran := map[string]bool{}
	for _, rule := range rules {
		if ctx.Err() != nil {
			break
		}
		ran[rule.ID] = true
		if rule.Check == nil {
			continue // Run itself finds what this rule is about
		}
		rule.Check(in, func(at pipeline.Object, path, message, hint string) {
			findings = append(findings, locate(rule, at, path, message, hint))
		})
	}
	result := suppress(in, findings, rules, ran)
	result.sort()
	return result
}

// sort puts the findings in order, each once.
func (r *Result) sort() {
	slices.SortFunc(r.Findings, compare)
	r.Findings = slices.Compact(r.Findings)
	slices.SortFunc(r.Suppressed, func(a, b Suppressed) int { return compare(a.Finding, b.Finding) })
	r.Suppressed = slices.Compact(r.Suppressed)
}

// located is a finding with the object that an annotation could suppress it at.
type located struct {
	Finding
	at pipeline.Object
}

func locate(rule Rule, at pipeline.Object, path, message, hint string) located {
	finding := Finding{Rule: rule.ID, Severity: rule.Severity, File: at.File, Line: at.LineOf(path), Message: message, Hint: hint}
	if at.Unstructured != nil {
		finding.Object = at.Key()
	}
	return located{finding, at}
}

func compare(a, b Finding) int {
	return cmp.Or(
		cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Rule, b.Rule),
		cmp.Compare(a.Object, b.Object), cmp.Compare(a.Message, b.Message), cmp.Compare(a.Hint, b.Hint), cmp.Compare(a.Combination, b.Combination))
}
