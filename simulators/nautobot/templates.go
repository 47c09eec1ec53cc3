package nautobot

import (
	"regexp"
	"strconv"
	"strings"
)

// appendTemplates is what the computed fields of a kind give for a record. Of Jinja's templates those are rendered that
// put values in a text: {{ obj.name }}, {{ obj.location.name | upper }}. Any other gives what Nautobot gives where a
// template fails: the field's fallback value (ComputedField.render of extras/models/customfields.py).
func (s *store) appendTemplates(b []byte, m *model, r *record) []byte {
	shown := map[string]any{}
	table := s.tables["extras/computed-fields"]
	table.ordered.Scan(func(field *record) bool {
		if table.model.text(field, "content_type") == m.kind {
			text, ok := s.render(m, r, table.model.text(field, "template"))
			if !ok {
				text = table.model.text(field, "fallback_value")
			}
			shown[table.model.text(field, "key")] = text
		}
		return true
	})
	return appendJSON(b, shown)
}

// placeholder is {{ obj.a.b | filter | filter }}.
var placeholder = regexp.MustCompile(`^\s*obj((?:\.[A-Za-z_][A-Za-z0-9_]*)*)((?:\s*\|\s*(?:upper|lower|trim|length|default\('[^']*'\)|default\("[^"]*"\)))*)\s*$`)

// render puts a record's values into a template; it says whether it can.
func (s *store) render(m *model, r *record, template string) (string, bool) {
	if strings.Contains(template, "{%") || strings.Contains(template, "{#") {
		return "", false
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(template, "{{")
		b.WriteString(before)
		if !found {
			return strings.TrimSuffix(b.String(), "\n"), true // as Jinja does unless told otherwise
		}
		inside, after, closed := strings.Cut(rest, "}}")
		parts := placeholder.FindStringSubmatch(inside)
		if !closed || parts == nil {
			return "", false
		}
		value, defined := s.path(m, r, strings.Split(parts[1], ".")[1:])
		text := value
		for filter := range strings.SplitSeq(parts[2], "|") {
			switch filter = strings.TrimSpace(filter); {
			case filter == "":
			case filter == "upper":
				text = strings.ToUpper(text)
			case filter == "lower":
				text = strings.ToLower(text)
			case filter == "trim":
				text = strings.TrimSpace(text)
			case filter == "length":
				text = strconv.Itoa(len([]rune(text)))
			case !defined:
				text, defined = filter[len("default('"):len(filter)-len("')")], true
			}
		}
		b.WriteString(text)
		template = after
	}
}

// path follows attributes from a record, as Python shows what is at their end. What is undefined is empty.
func (s *store) path(m *model, r *record, names []string) (text string, defined bool) {
	for i, name := range names {
		switch name {
		case "id", "pk":
			return r.id, i == len(names)-1
		case "created", "last_updated":
			value := map[string]string{"created": r.created, "last_updated": r.updated}[name]
			return value, i == len(names)-1
		case "cf", "custom_field_data":
			if i != len(names)-2 {
				return "", false
			}
			value, there := r.custom[names[i+1]]
			if !there {
				return "", false
			}
			return shownByPython(value), true
		case "display":
			return s.display(m, r), i == len(names)-1
		}
		f := m.field(name)
		switch {
		case f == nil || f.at < 0:
			return "", false
		case f.kind == related:
			id, _ := r.values[f.at].(string)
			next := s.find(f.to, id)
			switch {
			case next == nil && i == len(names)-1:
				return "None", true
			case next == nil:
				return "", false
			}
			m, r = f.target, next
		default:
			return shownByPython(r.values[f.at]), i == len(names)-1
		}
	}
	return s.str(m, r), true
}

// shownByPython is str() of a value.
func shownByPython(value any) string {
	switch value.(type) {
	case map[string]any, []any:
		return pythonRepr(value)
	}
	return plain(value)
}
