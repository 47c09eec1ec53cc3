package whatif

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/eventrig/eventrig/internal/cli/paint"
	"github.com/eventrig/eventrig/internal/evaluate"
	"github.com/eventrig/eventrig/internal/figures"
	"github.com/eventrig/eventrig/internal/whatif"
	"github.com/eventrig/eventrig/internal/whatif/fields"
)

// headings are what people read for the kinds of changes.
var headings = map[whatif.Kind]string{
	whatif.Silent: "SILENT NOW", whatif.Fails: "FAILS NOW", whatif.Fires: "FIRES NOW", whatif.Parameters: "OTHER PARAMETERS",
	whatif.Object: "OTHER OBJECT", whatif.Problems: "OTHER PROBLEMS", whatif.Reason: "OTHER REASON",
}

var hues = map[whatif.Kind]paint.Colour{whatif.Silent: paint.Red, whatif.Fails: paint.Red, whatif.Fires: paint.Green}

// text writes for people.
type text struct {
	*bytes.Buffer
	colour paint.Painter
	all    bool
}

func (t text) line(format string, values ...any) {
	t.WriteString(strings.TrimRight(fmt.Sprintf(format, values...), " ") + "\n")
}

// report writes what changes: the Sensors, the changes of one kind together, and what the corpus does not show.
func (t text) report(report *whatif.Report, before, after, size string) {
	t.line("%s", t.colour(paint.Bold, fmt.Sprintf("%s -> %s", before, after)))
	t.line("%s of %s; %s", figures.Of(report.Events, "event"), size, summary(report))
	for _, note := range report.Notes {
		t.line("%s", t.colour(paint.Yellow, note))
	}
	if report.Unplaced > 0 {
		t.line("%s", t.colour(paint.Yellow, fmt.Sprintf("%s of unknown origin: every EventSource is tried; --source NAMESPACE/NAME/EVENT says where they come from", figures.Of(report.Unplaced, "event"))))
	}
	if len(report.Added)+len(report.Removed) > 0 {
		t.line("")
	}
	for _, one := range report.Removed {
		t.line("%s  %s", t.colour(paint.Red, "- "+one.Object), t.colour(paint.Dim, one.At))
	}
	for _, one := range report.Added {
		t.line("%s  %s", t.colour(paint.Green, "+ "+one.Object), t.colour(paint.Dim, one.At))
	}
	for _, group := range groups(report.Changes) {
		t.line("")
		t.group(group)
	}
	if len(report.Unseen) > 0 {
		t.line("")
		t.line("written differently, and no event of the corpus shows a difference:")
		for _, one := range report.Unseen {
			t.line("  %s  %s", one.Object, t.colour(paint.Dim, one.At))
		}
	}
}

// groups puts changes together that are alike: of one trigger and kind, for one reason, in the same fields. The gravest
// kinds come first.
func groups(changes []whatif.Change) [][]whatif.Change {
	var order []string
	alike := map[string][]whatif.Change{}
	for _, change := range changes {
		key := fmt.Sprintf("%02d\x00%s\x00%s\x00%s\x00%s", slices.Index(whatif.Kinds(), change.Change), change.Sensor, change.Trigger, change.New.At, change.Old.At)
		for _, d := range change.Diff {
			key += "\x00" + d.Path
		}
		for _, p := range change.New.Problems {
			key += "\x00" + p.Message
		}
		if _, known := alike[key]; !known {
			order = append(order, key)
		}
		alike[key] = append(alike[key], change)
	}
	slices.SortStableFunc(order, func(a, b string) int { return strings.Compare(a[:2], b[:2]) })
	all := make([][]whatif.Change, 0, len(order))
	for _, key := range order {
		all = append(all, alike[key])
	}
	return all
}

// named is how many events of a group are named without --all.
const named = 5

func (t text) group(changes []whatif.Change) {
	first := changes[0]
	title := first.Sensor
	if first.Trigger != "" {
		title += ", trigger " + first.Trigger
	}
	hue, ok := hues[first.Change]
	if !ok {
		hue = paint.Yellow
	}
	t.line("%s  %s: %s", t.colour(hue, headings[first.Change]), t.colour(paint.Bold, title), figures.Of(len(changes), "event"))
	for i, change := range changes {
		if i == named && !t.all {
			t.line("  and %d more (--all names them)", len(changes)-named)
			break
		}
		t.event(change)
		if t.all {
			t.change(change)
		}
	}
	if !t.all {
		if len(changes) > 1 && len(first.Diff) > 0 {
			t.line("  %s", t.colour(paint.Dim, "of the first of them:"))
		}
		t.change(first)
	}
}

func (t text) event(change whatif.Change) {
	what := change.EventType
	if what == "" {
		what = "no notification"
	}
	if change.Scenario != "" {
		what += "  scenario " + change.Scenario
	}
	t.line("  %s  %s", change.Event, t.colour(paint.Dim, what))
}

// change writes what is different.
func (t text) change(change whatif.Change) {
	switch change.Change {
	case whatif.Silent, whatif.Fails:
		t.because("because", change.New)
	case whatif.Fires:
		t.line("    now      makes %s  %s", describe(change.New), t.colour(paint.Dim, change.New.At))
		t.because("before", change.Old)
	case whatif.Reason:
		t.because("before", change.Old)
		t.because("now", change.New)
	case whatif.Problems:
		t.problems(paint.Red, "-", change.Old.Problems, change.New.Problems)
		t.problems(paint.Green, "+", change.New.Problems, change.Old.Problems)
		return
	default:
		t.line("    %s", t.colour(paint.Red, "--- "+change.Old.At))
		t.line("    %s", t.colour(paint.Green, "+++ "+change.New.At))
		for _, d := range change.Diff {
			t.difference(d)
		}
	}
	if change.Change != whatif.Silent && change.Change != whatif.Reason {
		t.problems(paint.Green, "+ but", change.New.Problems, change.Old.Problems)
	}
}

func (t text) because(word string, outcome whatif.Outcome) {
	reason := outcome.Reason
	if reason == "" {
		reason = outcome.Verdict
	}
	if outcome.At != "" {
		reason = evaluate.OneLine(reason) + "  " + t.colour(paint.Dim, outcome.At)
	}
	t.line("    %-8s %s", word, reason)
}

// problems writes those that the other side does not have.
func (t text) problems(hue paint.Colour, mark string, these, others []evaluate.Problem) {
	for _, problem := range these {
		if !slices.Contains(others, problem) {
			t.line("    %s", t.colour(hue, mark+" "+problem.Message))
		}
	}
}

// difference writes a field of both sides, and of a text of several lines those that differ.
func (t text) difference(d fields.Difference) {
	var old, now string
	if json.Unmarshal(d.Old, &old) == nil && json.Unmarshal(d.New, &now) == nil && strings.Contains(old, "\n") && strings.Contains(now, "\n") {
		t.line("      %s:", d.Path)
		for _, line := range unified(old, now) {
			hue := paint.Dim
			switch line[0] {
			case '-':
				hue = paint.Red
			case '+':
				hue = paint.Green
			}
			t.line("        %s", t.colour(hue, line))
		}
		return
	}
	if d.Old != nil {
		t.line("    %s", t.colour(paint.Red, "- "+d.Path+": "+evaluate.OneLineJSON(d.Old)))
	}
	if d.New != nil {
		t.line("    %s", t.colour(paint.Green, "+ "+d.Path+": "+evaluate.OneLineJSON(d.New)))
	}
}

// describe names what a trigger makes.
func describe(outcome whatif.Outcome) string {
	var object unstructured.Unstructured
	if json.Unmarshal(outcome.Object, &object.Object) != nil || object.GetKind() == "" {
		if outcome.Payload != "" {
			return "a call with " + evaluate.OneLine(outcome.Payload)
		}
		return "a call"
	}
	name := object.GetName()
	if name == "" {
		name = object.GetGenerateName() + "*"
	}
	return strings.TrimPrefix(object.GetKind()+" "+object.GetNamespace()+"/"+name, "/")
}

// summary says in a line how much changes.
func summary(report *whatif.Report) string {
	if !report.Any() {
		return "nothing changes"
	}
	words := fmt.Sprintf("%d of them have another outcome", report.Changed)
	if report.Changed == 1 {
		words = "1 of them has another outcome"
	}
	if n := len(report.Removed); n > 0 {
		words += fmt.Sprintf(", %d gone", n)
	}
	if n := len(report.Added); n > 0 {
		words += fmt.Sprintf(", %d new", n)
	}
	return words
}
