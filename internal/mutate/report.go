package mutate

import (
	"cmp"
	"slices"
)

// Report is what became of all mutants.
type Report struct {
	Tier      string      `json:"tier"`      // the last one that mutants were tried at
	Seconds   float64     `json:"seconds"`   // how long it took
	Seed      int64       `json:"seed"`      // of the sample, and of what scenarios draw at random
	Made      int         `json:"made"`      // how many mutants there are; without a sample all of them are tried
	Total     Counts      `json:"total"`     // of the mutants that were tried
	Operators []Tally     `json:"operators"` // by operator, in the order of a pipeline
	Objects   []Tally     `json:"objects"`   // by object: Kind/namespace/name
	Scenarios []Witness   `json:"scenarios"` // by scenario
	Mutants   []Mutation  `json:"mutants"`   // in the order of the manifests
	Excluded  []Exclusion `json:"excluded"`  // scenarios that do not pass with the manifests as they are written
	Notes     []string    `json:"notes"`     // what is to be told besides
}

// Counts are mutants by verdict.
type Counts struct {
	Mutants    int `json:"mutants"`    // all
	Killed     int `json:"killed"`     // a scenario fails with it, and passes without
	Refused    int `json:"refused"`    // the API server, or argo-events' webhook, does not take it
	Equivalent int `json:"equivalent"` // it means the same as what is written
	Lint       int `json:"lint"`       // no scenario fails, but eventrig lint has a new error
	Reasoned   int `json:"reasoned"`   // no scenario fails, and a file says why that is right
	Survived   int `json:"survived"`   // no scenario fails, and nothing says why
	Open       int `json:"open"`       // the tier cannot tell
	Left       int `json:"left"`       // not tried

	// Score is the share in percent of those killed among those that scenarios have to notice: killed, lint and survived.
	Score float64 `json:"score"`
}

func (c *Counts) add(v Verdict) {
	c.Mutants++
	*map[Verdict]*int{Killed: &c.Killed, Refused: &c.Refused, Equivalent: &c.Equivalent, Linted: &c.Lint, Reasoned: &c.Reasoned,
		Survived: &c.Survived, Open: &c.Open, Left: &c.Left}[v]++
	if of := c.Killed + c.Lint + c.Survived; of > 0 {
		c.Score = float64(c.Killed*1000/of) / 10 // rounded down, so that 100 means all
	}
}

// Tally are the mutants of one sort, or of one object.
type Tally struct {
	Name   string `json:"name"`   // of the operator, or the object
	Counts Counts `json:"counts"` // its mutants
}

// Witness is a scenario with what it noticed.
type Witness struct {
	Name  string `json:"name"`  // of the scenario
	File  string `json:"file"`  // where it is written
	Line  int    `json:"line"`  // where it begins
	Tried int    `json:"tried"` // how many mutants it ran with
	Kills int    `json:"kills"` // how many of them it killed; each mutant is killed once, by the first scenario that fails
}

// Mutation is a mutant with what became of it.
type Mutation struct {
	ID       string  `json:"id"`                 // operator, object and path
	Operator string  `json:"operator"`           // the sort of change
	Object   string  `json:"object"`             // Kind/namespace/name
	Path     string  `json:"path"`               // of what is changed; empty for the object as a whole
	File     string  `json:"file"`               // where it is written
	Line     int     `json:"line"`               // where it is written; 0 where that is not known
	Change   string  `json:"change"`             // what is instead of what
	Verdict  Verdict `json:"verdict"`            // killed, refused, equivalent, lint, reasoned, survived, open or left
	Tier     string  `json:"tier,omitempty"`     // that decided
	Scenario string  `json:"scenario,omitempty"` // that killed it
	Why      string  `json:"why,omitempty"`      // how it showed, or why it did not
	Reason   string  `json:"reason,omitempty"`   // of the file with reasons
	Apart    string  `json:"apart,omitempty"`    // of a survivor: an event of which something else becomes with it, which a scenario could send
	Tried    int     `json:"tried"`              // how many scenarios ran with it in force
	Seconds  float64 `json:"seconds"`            // how long that took
}

// Exclusion is a scenario that says nothing about mutants.
type Exclusion struct {
	Name string `json:"name"` // of the scenario
	Tier string `json:"tier"` // where it does not pass
	Why  string `json:"why"`  // what it has against the manifests as they are written
}

// Survivors are the mutants that nothing accounts for.
func (r *Report) Survivors() []Mutation {
	return slices.DeleteFunc(slices.Clone(r.Mutants), func(m Mutation) bool { return m.Verdict != Survived })
}

// NeverFail are the scenarios that ran with mutants and killed none.
func (r *Report) NeverFail() []Witness {
	return slices.DeleteFunc(slices.Clone(r.Scenarios), func(w Witness) bool { return w.Tried == 0 || w.Kills > 0 })
}

// report sums outcomes up.
func (e *Engine) report(r *Report, outcomes []*Outcome, apart map[*Outcome]string) {
	operators, objects := map[string]*Counts{}, map[string]*Counts{}
	var names []string
	tally := func(of map[string]*Counts, name string, v Verdict) (first bool) {
		if first = of[name] == nil; first {
			of[name] = &Counts{}
		}
		of[name].add(v)
		return first
	}
	for _, o := range outcomes {
		m := o.Mutant
		r.Total.add(o.Verdict)
		tally(operators, m.Operator.Name, o.Verdict)
		if tally(objects, m.Object.Key(), o.Verdict) {
			names = append(names, m.Object.Key())
		}
		r.Mutants = append(r.Mutants, Mutation{ID: m.ID, Operator: m.Operator.Name, Object: m.Object.Key(), Path: m.Path, File: m.Object.File, Line: m.Line(),
			Change: m.Change, Verdict: o.Verdict, Tier: o.Tier, Scenario: o.Scenario, Why: o.Why, Reason: o.Reason, Apart: apart[o], Tried: o.Tried, Seconds: o.Seconds})
	}
	for _, name := range Names() {
		if counts := operators[name]; counts != nil {
			r.Operators = append(r.Operators, Tally{name, *counts})
		}
	}
	for _, name := range names {
		r.Objects = append(r.Objects, Tally{name, *objects[name]})
	}
	for place, s := range e.Scenarios {
		w := Witness{Name: s.Metadata.Name, File: s.File, Line: s.Line}
		for _, tier := range sortedKeys(e.tiers) {
			w.Tried += e.tiers[tier].tried[place]
			w.Kills += e.tiers[tier].kills[place]
		}
		r.Scenarios = append(r.Scenarios, w)
	}
	for _, tier := range sortedKeys(e.tiers) {
		for place, why := range e.tiers[tier].why {
			r.Excluded = append(r.Excluded, Exclusion{e.Scenarios[place].Metadata.Name, tier, why})
		}
	}
	slices.SortFunc(r.Excluded, func(a, b Exclusion) int { return cmp.Or(cmp.Compare(a.Tier, b.Tier), cmp.Compare(a.Name, b.Name)) })
}
