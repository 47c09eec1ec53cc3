package lint

import (
	"strings"

	"github.com/eventrig/eventrig/internal/lint/jq"
)

// dataPath is a gjson path, taken apart as far as its steps are names.
type dataPath struct {
	steps []string // unescaped
	whole bool     // there is nothing in the path but those names: no wildcard, query, modifier or list of paths

	escapedIndex bool // a number is written with a backslash: it is a name of an object, and nothing in a list
}

// parsePath takes a gjson path apart (gjson v1.18: "." goes on to the next step, "\" takes the meaning from the
// character after it).
func parsePath(text string) dataPath {
	var path dataPath
	var step strings.Builder
	escaped := false // of the step
	end := func() {
		name := step.String()
		path.steps = append(path.steps, name)
		path.escapedIndex = path.escapedIndex || escaped && strings.Trim(name, "0123456789") == ""
		escaped = false
		step.Reset()
	}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\':
			escaped = true
			if i++; i < len(text) { // at the end it stands for nothing
				step.WriteByte(text[i])
			}
		case step.Len() == 0 && (c == '.' || c == '|'):
			return path // an empty name, or JSON lines
		case c == '.':
			end()
		case c == '|':
			end()
			return path // what follows is a path of its own
		case c == '*' || c == '?' || c == '#':
			return path
		case (c == '@' || c == '{' || c == '[' || c == '!') && step.Len() == 0:
			return path
		default:
			step.WriteByte(c)
		}
	}
	if step.Len() > 0 {
		end()
		path.whole = !path.escapedIndex
	}
	return path
}

// cannotExist tells at which step a value of a shape is certain to have nothing; ok is false if it may have it.
// A list of paths or a modifier makes a value of its own, also of nothing, so that only a path of names can be certain.
func (p dataPath) cannotExist(shape jq.Shape) (at int, ok bool) {
	if !p.whole {
		return 0, false
	}
	for i, step := range p.steps {
		index := step != "" && strings.Trim(step, "0123456789") == ""
		if shape.Kinds&jq.Array != 0 && index {
			return 0, false
		}
		shape = shape.Field(step)
		if shape.Kinds == jq.Nothing {
			return i, true
		}
	}
	return 0, false
}

// joined writes steps as a gjson path again, escaping what needs it.
func joined(steps []string) string {
	escaped := make([]string, len(steps))
	for i, step := range steps {
		var out strings.Builder
		for _, c := range step {
			if strings.ContainsRune(`.|*?#\@{}[]()!`, c) && (c != '@' && c != '!' || out.Len() == 0) {
				out.WriteByte('\\')
			}
			out.WriteRune(c)
		}
		escaped[i] = out.String()
	}
	return strings.Join(escaped, ".")
}

// lookup finds the value at steps; ok is false where there is none.
func lookup(value any, steps []string) (any, bool) {
	for _, step := range steps {
		switch container := value.(type) {
		case map[string]any:
			inner, ok := container[step]
			if !ok {
				return nil, false
			}
			value = inner
		case []any:
			index := 0
			for _, c := range step {
				if c < '0' || c > '9' || index > len(container) {
					return nil, false
				}
				index = index*10 + int(c-'0')
			}
			if step == "" || index >= len(container) {
				return nil, false
			}
			value = container[index]
		default:
			return nil, false
		}
	}
	return value, true
}

// dotted finds in a value the path that was meant by one whose names hold dots that are not escaped: at each step as many
// steps as there is a key for are taken together.
func dotted(value any, steps []string) ([]string, bool) {
	if len(steps) == 0 {
		return nil, true
	}
	if _, isObject := value.(map[string]any); !isObject {
		inner, ok := lookup(value, steps[:1])
		if !ok {
			return nil, false
		}
		rest, ok := dotted(inner, steps[1:])
		return append([]string{steps[0]}, rest...), ok
	}
	object := value.(map[string]any)
	for length := 1; length <= len(steps); length++ {
		key := strings.Join(steps[:length], ".")
		if inner, ok := object[key]; ok {
			if rest, ok := dotted(inner, steps[length:]); ok {
				return append([]string{key}, rest...), true
			}
		}
	}
	return nil, false
}
