package lint

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/eventrig/eventrig/internal/pipeline"
)

// Combination is the manifests with one set of their charts' values.
type Combination struct {
	Name   string // tells it apart; empty for the manifests as they are given
	Turned int    // how many values differ from those as given
	Input  *Input
}

// RunAll runs rules over several combinations of values. A finding appears once and names the combination that shows it: none
// if the manifests as they are given do, else the one with the fewest values changed. What a rule finds at one place is the
// same in all combinations, also in other words, as messages list what there is besides; only where a combination shows more
// findings at a place than were known, those are added. A rule with Everywhere has found something only if it does so in every
// combination that has the object.
func RunAll(ctx context.Context, combinations []Combination, rules []Rule) Result {
	order := slices.Clone(combinations)
	slices.SortStableFunc(order, func(a, b Combination) int { return cmp.Compare(a.Turned, b.Turned) })
	m := merged{everywhere: map[string]bool{}, shown: map[Finding]int{}, known: map[Finding]bool{}, held: map[Finding]int{}, holders: map[string]int{}}
	for _, rule := range rules {
		m.everywhere[rule.ID] = rule.Everywhere
	}
	for _, one := range order {
		m.add(one, Run(ctx, one.Input, rules))
		if ctx.Err() != nil {
			break
		}
	}
	return m.result()
}

// merged is what several runs found.
type merged struct {
	everywhere map[string]bool  // by rule
	all        Result           // in the order of the combinations
	known      map[Finding]bool // without their combination
	shown      map[Finding]int  // by place: how many findings there are known to be
	held       map[Finding]int  // by place: how many combinations have findings
	holders    map[string]int   // by object: how many combinations have it
}

// place is a finding without its words, where these are not what tells it apart: suppressions share the line of their
// annotation, and what nothing defines is said once, at one of the objects that need it.
func place(finding Finding) Finding {
	finding.Hint = ""
	switch {
	case finding.Rule == unused:
	case strings.HasPrefix(finding.Rule, "wiring/undefined-"):
		finding.Message, _, _ = strings.Cut(finding.Message, ", which ")
		finding.Object, finding.File, finding.Line = "", "", 0
	default:
		finding.Message = ""
	}
	return finding
}

func (m *merged) add(from Combination, result Result) {
	objects := map[string]bool{}
	for _, object := range from.Input.Graph.Objects {
		objects[object.Key()] = true
	}
	for key := range objects {
		m.holders[key]++
	}
	here := map[Finding]int{}
	for _, finding := range result.Findings {
		here[place(finding)]++
	}
	for _, finding := range result.Findings {
		if here[place(finding)] > m.shown[place(finding)] && !m.known[finding] {
			m.known[finding] = true
			finding.Combination = from.Name
			m.all.Findings = append(m.all.Findings, finding)
		}
	}
	for at, count := range here {
		m.shown[at] = max(m.shown[at], count)
		m.held[at]++
	}
	for _, one := range result.Suppressed {
		if !m.known[one.Finding] {
			m.known[one.Finding] = true
			one.Combination = from.Name
			m.all.Suppressed = append(m.all.Suppressed, one)
		}
	}
}

func (m *merged) result() Result {
	m.all.Findings = slices.DeleteFunc(m.all.Findings, func(finding Finding) bool {
		at := finding
		at.Combination = ""
		return m.everywhere[finding.Rule] && m.held[place(at)] < m.holders[finding.Object]
	})
	m.all.sort()
	return m.all
}

// Combinations are those of a chart's switches that pipeline.Variants reads, to be checked.
func Combinations(variants []pipeline.Variant, folders []Folder) []Combination {
	var all []Combination
	for _, variant := range variants {
		one := Combination{Turned: len(variant.Set), Input: NewInput(variant.Graph, variant.Problems)}
		if variant.Chart != "" {
			one.Name, one.Input.AsGiven = variant.Name(), variants[0].Graph
		}
		one.Input.Folders = folders
		all = append(all, one)
	}
	return all
}
