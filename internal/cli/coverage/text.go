package coverage

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/eventrig/eventrig/internal/cli/paint"
	"github.com/eventrig/eventrig/internal/coverage"
	"github.com/eventrig/eventrig/internal/evaluate"
	"github.com/eventrig/eventrig/internal/figures"
)

// words are what people read for the kinds.
var words = map[coverage.Kind]string{
	coverage.Source: "EventSources' events", coverage.Sensor: "Sensors that fire", coverage.Dependency: "dependencies",
	coverage.Transform: "transforms", coverage.Value: "filter values", coverage.Refusal: "filter refusals", coverage.Trigger: "triggers",
	coverage.Condition: "conditions", coverage.Parameter: "parameters", coverage.Template: "WorkflowTemplates", coverage.Handler: "handlers",
}

// one is a point of the kind.
var one = map[coverage.Kind]string{
	coverage.Source: "source", coverage.Sensor: "sensor", coverage.Dependency: "dependency", coverage.Transform: "transform",
	coverage.Value: "value", coverage.Refusal: "refusal", coverage.Trigger: "trigger", coverage.Condition: "condition",
	coverage.Parameter: "parameter", coverage.Template: "template", coverage.Handler: "handler",
}

func percent(s coverage.Share) string { return fmt.Sprintf("%.1f", s.Percent) }

// width of a bar, in characters.
const width = 20

func bar(s coverage.Share) string {
	full := width
	if s.Of > 0 {
		full = width * s.Reached / s.Of
	}
	return strings.Repeat("█", full) + strings.Repeat("░", width-full)
}

// shade is how good a share looks.
func shade(s coverage.Share) paint.Colour {
	switch {
	case s.Reached == s.Of:
		return paint.Green
	case s.Percent >= 50:
		return paint.Yellow
	}
	return paint.Red
}

// text writes for people: a table of the kinds, and per object what nothing reaches.
func (f *flags) text(out *bytes.Buffer, report *coverage.Report, size string, colour paint.Painter) {
	line := func(format string, values ...any) { fmt.Fprintf(out, format+"\n", values...) }
	line("%s of %s", figures.Of(report.Events, "event"), size)
	for _, note := range report.Notes {
		line("%s", colour(paint.Yellow, note))
	}
	if n := len(report.Unplaced); n > 0 {
		line("%s", colour(paint.Yellow, fmt.Sprintf("%s of unknown origin, which %s nothing (%s): --source NAMESPACE/NAME/EVENT says where they come from",
			figures.Of(n, "event"), verb(n, "reaches", "reach"), few(report.Unplaced, 3))))
	}
	if n := report.Nowhere; n > 0 {
		line("%s that no EventSource of the manifests takes", figures.Of(n, "event"))
	}
	line("")
	row := func(name string, share coverage.Share) {
		line("%-22s %4d of %4d  %5s %%  %s", name, share.Reached, share.Of, percent(share), colour(shade(share), bar(share)))
	}
	for _, kind := range report.Kinds {
		row(words[kind.Kind], kind.Share)
	}
	row("in all", report.Total)
	f.objects(line, report, colour)
	if report.Total.Reached == report.Total.Of {
		line("\nnothing is left unreached")
	}
	f.uncounted(line, report)
}

// objects writes what nothing reaches, object by object: first those in which something is reached, then those in which
// nothing is, a line each.
func (f *flags) objects(line func(string, ...any), report *coverage.Report, colour paint.Painter) {
	points := map[string][]*coverage.Point{}
	for i := range report.Points {
		p := &report.Points[i]
		if f.all || p.Counts && p.State != coverage.Reached {
			points[p.Object] = append(points[p.Object], p)
		}
	}
	var whole []coverage.ObjectShare
	for _, object := range report.Objects {
		shown := points[object.Object]
		switch {
		case len(shown) == 0:
		case !f.all && object.Reached == 0:
			whole = append(whole, object)
		default:
			line("")
			line("%s  %s  %s", colour(paint.Bold, object.Object), colour(shade(object.Share), fmt.Sprintf("%d of %d", object.Reached, object.Of)),
				colour(paint.Dim, object.File))
			for _, p := range shown {
				f.point(line, object, p, colour)
			}
		}
	}
	if len(whole) == 0 {
		return
	}
	line("")
	line("%s", colour(paint.Bold, "Nothing of these is reached (--all shows each part):"))
	longest := 0
	for _, object := range whole {
		longest = max(longest, len(object.Object))
	}
	for _, object := range whole {
		line("  %s %-*s  0 of %-3d %s", colour(paint.Red, "✗"), longest, object.Object, object.Of, evaluate.OneLine(points[object.Object][0].Why))
	}
}

// point writes a line of a point.
func (f *flags) point(line func(string, ...any), object coverage.ObjectShare, p *coverage.Point, colour paint.Painter) {
	mark, hue, why := "✗", paint.Red, p.Why
	switch {
	case p.State == coverage.Reached:
		mark, hue, why = "✓", paint.Green, fmt.Sprintf("%s, first %s", figures.Of(p.Events, "event"), p.First)
	case !p.Counts:
		mark, hue = "-", paint.Dim
	case p.State != coverage.Never:
		mark, hue = "~", paint.Yellow
	}
	at := fmt.Sprintf(":%d", p.Line)
	if p.File != object.File {
		at = place(p.File, p.Line)
	}
	line("  %s %-5s %-10s %s", colour(hue, mark), at, one[p.Kind], evaluate.OneLine(p.Name))
	line("    %-5s %-10s %s", "", "", colour(paint.Dim, evaluate.OneLine(why)))
}

// uncounted names the templates that no event can reach.
func (f *flags) uncounted(line func(string, ...any), report *coverage.Report) {
	var names []string
	for i := range report.Points {
		if p := &report.Points[i]; !p.Counts {
			names = append(names, strings.TrimPrefix(p.Object, "WorkflowTemplate/"))
		}
	}
	if len(names) > 0 && !f.all {
		line("\nnot counted, because no Sensor starts them: %s", strings.Join(names, ", "))
	}
}

func place(file string, line int) string {
	if line == 0 {
		return file
	}
	return fmt.Sprintf("%s:%d", file, line)
}

func verb(n int, one, several string) string {
	if n == 1 {
		return one
	}
	return several
}

// few lists the first of many.
func few(texts []string, limit int) string {
	if len(texts) <= limit {
		return strings.Join(texts, ", ")
	}
	return strings.Join(texts[:limit], ", ") + fmt.Sprintf(" and %d more", len(texts)-limit)
}
