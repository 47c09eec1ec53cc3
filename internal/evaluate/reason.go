package evaluate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// longest is how many characters of a value a line for people shows.
const longest = 160

// Reason says in one line why a Sensor does not fire; it is empty where it does.
func (o *Outcome) Reason() string {
	switch o.Verdict {
	case Fires:
		return ""
	case NoDependency:
		if len(o.Want) == 0 {
			return o.Hint
		}
		return withHint("listens to "+strings.Join(o.Want, ", "), o.Hint)
	}
	text := ""
	switch {
	case o.Step == "filter" && o.Path != "" && o.Got == nil:
		text = fmt.Sprintf("filter %s: there is no such path", o.Path)
	case o.Step == "filter" && o.Path != "":
		text = fmt.Sprintf("filter %s is %s, wanted %s", o.Path, OneLineJSON(o.Got), OneOf(o.Want))
	case o.Step == "conditions":
		text = fmt.Sprintf("conditions %s, and there is only %s", strings.Join(o.Want, ""), OneLineJSON(o.Got))
	default:
		text = o.Step + ": " + OneLineJSON(o.Got)
	}
	return withHint(text, o.Hint)
}

// Passes says in one line why the filters let an event through, with what their comparisons mean.
func (o *Outcome) Passes() string {
	if len(o.Checks) == 0 {
		return "no filter: every event of " + o.Dependency.EventSourceName + "/" + o.Dependency.EventName + " passes"
	}
	var parts []string
	for i := range o.Checks {
		c := &o.Checks[i]
		if !c.Pass {
			continue // the operator is or
		}
		name := c.Path
		if name == "" {
			name = c.Kind
		}
		text := fmt.Sprintf("%s is %s, wanted %s", OneLine(name), OneLineJSON(c.Got), OneOf(c.Want))
		if len(c.Notes) > 0 {
			text += " (" + strings.Join(c.Notes, "; ") + ")"
		}
		parts = append(parts, text)
	}
	return "filters pass: " + strings.Join(parts, "; ")
}

func withHint(text, hint string) string {
	if hint == "" {
		return text
	}
	return text + "; " + hint
}

// OneLine puts a text in one line and cuts it where it is too long for people.
func OneLine(text string) string {
	return shorten(strings.ReplaceAll(text, "\n", " "), longest)
}

// OneLineJSON is a JSON value in one line; "missing" where there is none.
func OneLineJSON(raw json.RawMessage) string {
	if raw == nil {
		return "missing"
	}
	var compact bytes.Buffer
	if json.Compact(&compact, raw) == nil {
		return OneLine(compact.String())
	}
	return OneLine(string(raw))
}

// OneOf words the values of which one is wanted.
func OneOf(values []string) string {
	switch len(values) {
	case 0:
		return "nothing"
	case 1:
		return values[0]
	}
	return "one of " + strings.Join(values, " | ")
}
