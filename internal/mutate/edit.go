package mutate

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"k8s.io/apimachinery/pkg/runtime"
)

// Edit puts a value somewhere in an object, or takes away what is there.
type Edit struct {
	Path   []any // names of fields and indexes of items
	Remove bool
	Value  any // without Remove: what is there instead
}

// apply changes content, which is the caller's own, and returns it.
func (e Edit) apply(content map[string]any) map[string]any {
	changed, _ := e.in(content, e.Path).(map[string]any)
	return changed
}

// in returns a value with the edit made in it.
func (e Edit) in(value any, path []any) any {
	if len(path) == 0 {
		return runtime.DeepCopyJSONValue(e.Value)
	}
	last := len(path) == 1
	switch step := path[0].(type) {
	case string:
		fields, ok := value.(map[string]any)
		if !ok {
			fields = map[string]any{}
		}
		if last && e.Remove {
			delete(fields, step)
		} else {
			fields[step] = e.in(fields[step], path[1:])
		}
		return fields
	case int:
		items, _ := value.([]any)
		if step < 0 || step >= len(items) {
			return value
		}
		if last && e.Remove {
			return slices.Delete(items, step, step+1)
		}
		items[step] = e.in(items[step], path[1:])
		return items
	}
	return value
}

// at is what lies at a path.
func at(value any, path []any) (found any, there bool) {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			fields, _ := value.(map[string]any)
			if value, there = fields[step]; !there {
				return nil, false
			}
		case int:
			items, _ := value.([]any)
			if step < 0 || step >= len(items) {
				return nil, false
			}
			value = items[step]
		}
	}
	return value, true
}

// below makes a longer path.
func below(path []any, steps ...any) []any { return append(slices.Clone(path), steps...) }

// textAt is the text at a path; empty where there is none.
func (m *maker) textAt(path ...any) string {
	found, _ := at(m.object.Object, path)
	text, _ := found.(string)
	return text
}

// listAt is the list at a path; empty where there is none.
func (m *maker) listAt(path ...any) []any {
	found, _ := at(m.object.Object, path)
	list, _ := found.([]any)
	return list
}

// fieldsAt are the fields of the object at a path; none where there is none.
func (m *maker) fieldsAt(path ...any) map[string]any {
	found, _ := at(m.object.Object, path)
	fields, _ := found.(map[string]any)
	return fields
}

// has reports whether something is written at a path.
func (m *maker) has(path ...any) bool {
	_, there := at(m.object.Object, path)
	return there
}

// mark is put behind a name, so that it is another one, which nothing has.
const mark = "-mutated"

// other is a value of the same type that is another one.
func other(value any) any {
	switch value := value.(type) {
	case bool:
		return !value
	case int64:
		return value + 1
	case float64:
		return value + 1
	case string:
		return otherText(value)
	}
	return value
}

func otherText(text string) string {
	switch text {
	case "":
		return "mutated"
	case "true", "True":
		return swapCase(text, "false")
	case "false", "False":
		return swapCase(text, "true")
	}
	if strings.Contains(text, "{{") {
		return "mutated" // what is filled in is not taken
	}
	if number, err := strconv.Atoi(text); err == nil {
		return strconv.Itoa(number + 1)
	}
	return text + mark
}

// swapCase writes a word with a capital where the one that it replaces has one.
func swapCase(like, word string) string {
	if unicode.IsUpper(rune(like[0])) {
		return strings.ToUpper(word[:1]) + word[1:]
	}
	return word
}

// renamed is a path, as gjson or a parameter's dest has it, whose last field is another one.
func renamed(path string) string {
	if path == "" {
		return "mutated"
	}
	return path + "_mutated"
}
