package mutate

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/eventrig/eventrig/internal/cli/paint"
	"github.com/eventrig/eventrig/internal/figures"
	"github.com/eventrig/eventrig/internal/mutate"
)

// text writes a report for people: first what is to be done something about.
type text struct {
	out    *bytes.Buffer
	colour paint.Painter
	all    bool
}

func (t text) line(format string, values ...any) { fmt.Fprintf(t.out, format+"\n", values...) }

// shades are the colours of verdicts.
var shades = map[mutate.Verdict]paint.Colour{
	mutate.Killed: paint.Green, mutate.Refused: paint.Green, mutate.Equivalent: paint.Dim, mutate.Linted: paint.Yellow, mutate.Reasoned: paint.Dim,
	mutate.Survived: paint.Red, mutate.Open: paint.Yellow, mutate.Left: paint.Yellow,
}

func (t text) report(r *mutate.Report) {
	t.table(r)
	for _, v := range mutate.Verdicts() {
		switch {
		case v == mutate.Open && !t.all:
			continue // too many to be read; the table has how many
		case v == mutate.Killed || v == mutate.Refused || v == mutate.Equivalent:
			if !t.all {
				continue
			}
		}
		t.mutants(r, v)
	}
	t.sensors(r)
	t.scenarios(r)
	for _, note := range r.Notes {
		t.line("%s", t.colour(paint.Yellow, note))
	}
	t.line("")
	if r.Total.Open > 0 {
		t.line("%s only a rig can tell: --tier embedded", figures.Of(r.Total.Open, "mutant"))
	}
	if r.Made > r.Total.Mutants {
		t.line("a sample: %d of %s, with --seed %d", r.Total.Mutants, figures.Of(r.Made, "mutant"), r.Seed)
	}
	t.line("%s", t.colour(paint.Bold, fmt.Sprintf("%s: %d killed, %d refused, %d equivalent, %d by lint only, %d reasoned, %d survived; %.1f %% of those that matter are killed, in %.0f s",
		figures.Of(r.Total.Mutants, "mutant"), r.Total.Killed, r.Total.Refused, r.Total.Equivalent, r.Total.Lint, r.Total.Reasoned, r.Total.Survived, r.Total.Score, r.Seconds)))
}

// table has the verdicts by operator.
func (t text) table(r *mutate.Report) {
	t.line("%-20s %7s %7s %7s %7s %7s %7s %8s %7s", "", "mutants", "killed", "refused", "equiv.", "lint", "reason.", "survived", "open")
	row := func(name string, c mutate.Counts) {
		survived := fmt.Sprintf("%8d", c.Survived)
		if c.Survived > 0 {
			survived = t.colour(paint.Red, survived)
		}
		t.line("%-20s %7d %7d %7d %7d %7d %7d %s %7d", name, c.Mutants, c.Killed, c.Refused, c.Equivalent, c.Lint, c.Reasoned, survived, c.Open+c.Left)
	}
	for _, one := range r.Operators {
		row(one.Name, one.Counts)
	}
	row("in all", r.Total)
}

// titles say what the mutants of a verdict have in common.
var titles = map[mutate.Verdict]string{
	mutate.Killed: "killed", mutate.Refused: "refused by the API server", mutate.Equivalent: "equivalent", mutate.Linted: "noticed by eventrig lint only",
	mutate.Reasoned: "reasoned", mutate.Survived: "survived: no scenario notices", mutate.Open: "open: only a rig can tell", mutate.Left: "not tried",
}

func (t text) mutants(r *mutate.Report, v mutate.Verdict) {
	first := true
	for _, m := range r.Mutants {
		if m.Verdict != v {
			continue
		}
		if first {
			t.line("\n%s", t.colour(shades[v], titles[v]))
			first = false
		}
		place := m.File
		if m.Line > 0 {
			place = fmt.Sprintf("%s:%d", m.File, m.Line)
		}
		t.line("  %s: %s %s: %s", place, m.Operator, m.Object, m.Change)
		for _, more := range [][2]string{{"by", m.Scenario}, {"", m.Why}, {"", m.Reason}, {"a scenario could send", m.Apart}} {
			if more[1] != "" {
				t.line("      %s", strings.TrimSpace(more[0]+" "+oneLine(more[1])))
			}
		}
	}
}

func oneLine(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > 240 {
		return string(runes[:240]) + "…"
	}
	return text
}

// sensors have a score each.
func (t text) sensors(r *mutate.Report) {
	first := true
	for _, one := range r.Objects {
		kind, name, _ := strings.Cut(one.Name, "/")
		c := one.Counts
		if kind != "Sensor" || c.Killed+c.Lint+c.Survived == 0 {
			continue
		}
		if first {
			t.line("\n%-52s %7s %8s %7s", "Sensors", "killed", "survived", "score")
			first = false
		}
		shade := paint.Green
		if c.Survived > 0 {
			shade = paint.Red
		}
		t.line("%-52s %7d %8d %s", name, c.Killed, c.Survived, t.colour(shade, fmt.Sprintf("%5.1f %%", c.Score)))
	}
}

// scenarios have what they killed, with --all; else only those that never fail are named.
func (t text) scenarios(r *mutate.Report) {
	for _, one := range r.Excluded {
		t.line("\n%s", t.colour(paint.Red, fmt.Sprintf("left out, it does not pass with the manifests as they are written (%s): %s: %s", one.Tier, one.Name, oneLine(one.Why))))
	}
	if t.all {
		t.line("\n%-56s %7s %7s", "scenarios", "tried", "kills")
		for _, one := range r.Scenarios {
			t.line("%-56s %7d %7d", one.Name, one.Tried, one.Kills)
		}
	}
	if never := r.NeverFail(); len(never) > 0 {
		t.line("\n%s", t.colour(paint.Yellow, "scenarios that failed with none of the mutants that they ran with"))
		for _, one := range never {
			t.line("  %s:%d: %s (%s)", one.File, one.Line, one.Name, figures.Of(one.Tried, "mutant"))
		}
	}
}
