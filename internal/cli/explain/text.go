package explain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/eventrig/eventrig/internal/evaluate"
	"github.com/eventrig/eventrig/internal/figures"
)

// page is text that grows.
type page struct{ *bytes.Buffer }

func (p page) line(format string, values ...any) { fmt.Fprintf(p.Buffer, format+"\n", values...) }

// wide is how long a line of YAML may be before it is cut.
const wide = 160

// textEvent writes for people: a screen for each Sensor that fires or nearly did, a line for each other.
func (p *printer) textEvent(result *evaluate.Result, compared *compared) {
	on := page{&p.kept}
	if p.told > 0 {
		on.line("")
	}
	p.event(on, result)
	if compared != nil {
		p.differences(on, compared)
	}
	full, short := p.sorted(result)
	for _, o := range full {
		on.line("")
		on.sensor(result, o)
	}
	p.rest(on, short)
	p.summary(on, result)
}

// event writes what the event is and where it comes from.
func (f *flags) event(p page, result *evaluate.Result) {
	event := result.Event
	kind := event.EventType
	if kind == "" {
		kind = "no notification"
	}
	line := fmt.Sprintf("%s  %s", event.Place(), kind)
	if event.MessageID != "" {
		line += "  message_id " + event.MessageID
	}
	p.line("%s", line)
	found := result.Found
	switch {
	case found.Tried && len(found.Sources) > 0:
		p.line("  from  not known: every EventSource is tried (%s); --source NAMESPACE/NAME/EVENT says which it is", figures.Of(len(found.Sources), "event"))
	case len(found.Sources) == 0:
		p.line("  from  nowhere (%s)", found.How)
	default:
		var names []string
		for _, source := range found.Sources {
			names = append(names, source.String())
		}
		p.line("  from  %s, %s", strings.Join(names, " or "), found.How)
	}
	if found.Note != "" {
		p.line("        %s", found.Note)
	}
}

// sorted says which Sensors are shown in full, those that fire first, and which in a line.
func (f *flags) sorted(result *evaluate.Result) (full, short []*evaluate.Outcome) {
	for i := range result.Outcomes {
		o := &result.Outcomes[i]
		switch {
		case !f.shown(o):
		case f.all || f.only != nil || o.Near:
			full = append(full, o)
		default:
			short = append(short, o)
		}
	}
	slices.SortStableFunc(full, func(a, b *evaluate.Outcome) int { return rank(a) - rank(b) })
	return full, short
}

func rank(o *evaluate.Outcome) int {
	switch {
	case o.Verdict == evaluate.Fires:
		return 0
	case o.Near:
		return 1
	case o.Verdict != evaluate.NoDependency:
		return 2
	}
	return 3
}

// rest writes a line for each Sensor that is not near.
func (f *flags) rest(p page, outcomes []*evaluate.Outcome) {
	if len(outcomes) == 0 {
		return
	}
	width := 0
	for _, o := range outcomes {
		width = max(width, len(o.Name()))
	}
	p.line("")
	for _, o := range outcomes {
		p.line("%-*s  %-15s  %s", width, o.Name(), o.Verdict, o.Reason())
	}
}

func (f *flags) summary(p page, result *evaluate.Result) {
	fires := map[string]bool{}
	all := map[string]bool{}
	for i := range result.Outcomes {
		o := &result.Outcomes[i]
		if f.shown(o) {
			all[o.Name()] = true
			if o.Verdict == evaluate.Fires {
				fires[o.Name()] = true
			}
		}
	}
	p.line("")
	p.line("%d of %s fire", len(fires), figures.Of(len(all), "Sensor"))
}

// sensor writes one screen.
func (p page) sensor(result *evaluate.Result, o *evaluate.Outcome) {
	p.line("%s  %s  (%s)", strings.ToUpper(string(o.Verdict)), o.Name(), o.Sensor.Origin())
	if o.Verdict != evaluate.Fires {
		p.field("because", "%s", o.Reason())
		if o.At != "" {
			p.field("written at", "%s", o.At)
		}
	}
	d := o.Dependency
	if o.Source == nil {
		p.field("dependency", "%s listens to %s/%s", d.Name, d.EventSourceName, d.EventName)
		return
	}
	from := ""
	if result.Found.Tried {
		from = " (if the event comes from there)"
	}
	p.field("dependency", "%s gets %s/%s%s", d.Name, d.EventSourceName, d.EventName, from)
	p.transform(o)
	for i := range o.Checks {
		p.check(o, &o.Checks[i])
	}
	if len(o.Checks) == 0 && o.Dependency.Filters == nil && o.Verdict != evaluate.TransformError {
		p.field("filters", "none: every event passes")
	}
	for i := range o.Triggers {
		p.trigger(&o.Triggers[i])
	}
	if o.Doubt != "" {
		p.field("DEFECT", "%s", o.Doubt)
	}
}

func (p page) field(name, format string, values ...any) {
	p.line("%s", strings.TrimRight(fmt.Sprintf("  %-11s %s", name, fmt.Sprintf(format, values...)), " "))
}

func (p page) more(format string, values ...any) { p.field("", "  "+format, values...) }

func (p page) transform(o *evaluate.Outcome) {
	t := o.Transform
	if t == nil {
		return
	}
	if t.JQ != "" {
		p.field("transform", "jq: %s", evaluate.OneLine(strings.TrimSpace(t.JQ)))
	} else {
		p.field("transform", "Lua: %s", evaluate.OneLine(strings.TrimSpace(t.Script)))
	}
	if t.Cause != "" {
		p.more("✗ %s", evaluate.OneLine(t.Cause))
	}
	if t.Error != "" {
		p.more("argo-events says only: %s", evaluate.OneLine(t.Error))
	}
	if t.Result != nil {
		p.more("✓ gives %s", evaluate.OneLineJSON(t.Result))
	}
	for _, note := range t.Notes {
		p.more("note: %s", note)
	}
}

func (p page) check(o *evaluate.Outcome, c *evaluate.Check) {
	mark := "✗"
	if c.Pass {
		mark = "✓"
	}
	name := "filter"
	comparator := ""
	if c.Kind == "data" {
		if c.Comparator != "=" {
			comparator = c.Comparator + " "
		}
		comparator += c.Type + " "
	}
	got := evaluate.OneLineJSON(c.Got)
	if c.Got == nil && c.Kind == "data" {
		got = "missing"
	}
	label := c.Kind
	if c.Kind == "exprs" || c.Kind == "data" {
		label = fmt.Sprintf("%s[%d]", c.Kind, c.Index)
	}
	if c.Path != "" {
		label += " " + evaluate.OneLine(c.Path)
	}
	p.field(name, "%s %s is %s", mark, label, got)
	p.more("wanted: %s%s", comparator, evaluate.OneOf(c.Want))
	if c.Compared != "" && c.Compared != got {
		p.more("compared as: %q", evaluate.OneLine(c.Compared))
	}
	for _, note := range c.Notes {
		p.more("note: %s", note)
	}
	if c.Error != "" {
		p.more("argo-events says: %s", evaluate.OneLine(c.Error))
	}
	if c.Hint != "" {
		p.more("hint: %s", c.Hint)
	}
}

func (p page) trigger(t *evaluate.Trigger) {
	p.field("trigger", "%s: %s", t.Name, strings.TrimSpace(t.Type+" "+t.Operation))
	if t.Conditions != "" {
		line := "conditions: " + t.Conditions
		if len(t.Have) > 0 {
			line += "; met: " + strings.Join(t.Have, ", ")
		}
		if len(t.Missing) > 0 {
			line += "; missing: " + strings.Join(t.Missing, ", ")
		}
		p.more("%s", line)
	}
	for i := range t.Parameters {
		p.parameter(&t.Parameters[i])
	}
	if t.Error != "" {
		p.more("✗ %s", evaluate.OneLine(t.Error))
	}
	for _, note := range t.Notes {
		p.more("note: %s", note)
	}
	if t.Object != nil && t.Error == "" {
		text, err := yaml.JSONToYAML(t.Object)
		if err != nil {
			text = t.Object
		}
		p.field(verb(t), "")
		for _, line := range strings.Split(strings.TrimRight(string(text), "\n"), "\n") {
			p.more("%s", clip(line))
		}
	}
	if t.Payload != "" {
		p.field("payload", "%s", evaluate.OneLine(t.Payload))
	}
	for _, problem := range t.Problems {
		p.field("but", "%s", problem.Message)
		if problem.Hint != "" {
			p.more("hint: %s", problem.Hint)
		}
	}
}

// clip shortens a line of YAML but keeps how far it is indented.
func clip(line string) string {
	if runes := []rune(line); len(runes) > wide {
		return string(runes[:wide]) + "…"
	}
	return line
}

func verb(t *evaluate.Trigger) string {
	switch {
	case t.Type == "k8s" && t.Operation == "create":
		return "creates"
	case t.Type == "k8s":
		return t.Operation + "s"
	case t.Type == "argoWorkflow":
		return "argo " + t.Operation
	}
	return "sends"
}

func (p page) parameter(q *evaluate.Parameter) {
	mark, what := "✓", "= "+evaluate.OneLine(q.Value)
	switch {
	case q.Error != "":
		mark, what = "✗", evaluate.OneLine(q.Error)
	case q.Skipped:
		mark, what = "-", "left as it is"
	case q.Default:
		what += "  (the default)"
	}
	dest := q.Dest
	if q.Template {
		dest = "trigger " + dest
	}
	p.more("%s %s <- %s %s", mark, dest, evaluate.OneLine(q.From), what)
	if q.Note != "" {
		p.more("    %s", q.Note)
	}
}

// differences writes what --diff found.
func (f *flags) differences(p page, c *compared) {
	changes := c.changes
	p.line("")
	p.line("compared with %s  %s: %s", c.other.Place(), c.other.EventType, figures.Of(len(changes), "difference"))
	decides := map[string]bool{}
	for _, d := range c.deciding {
		for _, one := range d.Decides {
			decides[one.Path] = true
		}
	}
	shown := 0
	for _, one := range changes {
		if !decides[one.Path] && shown >= 20 {
			continue
		}
		mark := " "
		if decides[one.Path] {
			mark = "*"
		} else {
			shown++
		}
		p.line("%s %s: %s | %s", mark, one.Path, shorter(one.Event), shorter(one.Other))
	}
	if hidden := len(changes) - shown - len(decides); hidden > 0 {
		p.line("  and %s that decide nothing", figures.Of(hidden, "more difference"))
	}
	names := make([]string, 0, len(c.deciding))
	for name := range c.deciding {
		names = append(names, name)
	}
	slices.Sort(names)
	if len(names) == 0 {
		p.line("  every Sensor does the same with both")
	}
	for _, name := range names {
		d := c.deciding[name]
		sensor, _, _ := strings.Cut(name, "#")
		var paths []string
		for _, one := range d.Decides {
			paths = append(paths, one.Path)
		}
		what := strings.Join(paths, " and ") + " decides"
		switch {
		case len(paths) == 0:
			what = "no set of these differences alone decides"
		case len(paths) > 1:
			what = strings.Join(paths, " and ") + " decide together"
		}
		p.line("  %s is %s with the other: %s", sensor, d.Verdict, what)
	}
}

func shorter(raw json.RawMessage) string {
	text := evaluate.OneLineJSON(raw)
	if runes := []rune(text); len(runes) > 60 {
		return string(runes[:60]) + "…"
	}
	return text
}
