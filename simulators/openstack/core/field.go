package core

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/eventrig/eventrig/internal/jsonvalue"
)

// Field describes one field of a resource, so that a resource is a table of these.
type Field struct {
	Name string
	// Types are JSON Schema's names of the types that a client may give, with a space between them; null among them
	// where None is accepted. Empty: the service alone writes the field.
	Types    string
	Required bool     // a creation needs it
	Fixed    bool     // given at creation, never changed by a client
	Default  any      // what a creation without it gets
	Max      int      // most characters of a text; 0: any
	Enum     []string // the texts that are allowed; empty: all
	Since    int      // the minor API version that brought it
	Filter   bool     // a list may be filtered by it
}

// Fields is the table of a resource.
type Fields []Field

// Find returns the field of that name.
func (f Fields) Find(name string) (Field, bool) {
	for _, field := range f {
		if field.Name == name {
			return field, true
		}
	}
	return Field{}, false
}

// Names returns the names of the fields that keep keeps; nil keeps all.
func (f Fields) Names(keep func(Field) bool) []string {
	var names []string
	for _, field := range f {
		if keep == nil || keep(field) {
			names = append(names, field.Name)
		}
	}
	return names
}

// New returns a resource with every field at its default.
func (f Fields) New() Resource {
	made := make(Resource, len(f))
	for _, field := range f {
		made[field.Name] = jsonvalue.Clone(field.Default)
	}
	return made
}

// Violation is what Python's jsonschema says of a value that does not fit.
type Violation struct {
	Keyword string // type, required, additionalProperties, maxLength, enum
	Field   string // empty: the object itself
	Value   any
	Message string
}

// Check holds an object against the table: unknown and read-only fields, types, lengths, and with creating the required
// ones. It returns nil when all fit. The words are jsonschema's.
func (f Fields) Check(object map[string]any, creating bool) *Violation {
	var unknown []string
	for name := range object {
		if field, ok := f.Find(name); !ok || field.Types == "" {
			unknown = append(unknown, Repr(name))
		}
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		verb := "was"
		if len(unknown) > 1 {
			verb = "were"
		}
		return &Violation{Keyword: "additionalProperties", Value: object,
			Message: fmt.Sprintf("Additional properties are not allowed (%s %s unexpected)", strings.Join(unknown, ", "), verb)}
	}
	return f.CheckKnown(object, creating)
}

// CheckKnown is Check for an API that takes any further fields, too.
func (f Fields) CheckKnown(object map[string]any, creating bool) *Violation {
	for _, field := range f {
		value, given := object[field.Name]
		if field.Types == "" {
			continue
		}
		if !given {
			if creating && field.Required {
				return &Violation{Keyword: "required", Value: object, Message: Repr(field.Name) + " is a required property"}
			}
			continue
		}
		if wrong := field.Check(value); wrong != nil {
			return wrong
		}
	}
	return nil
}

// Check holds one value against a field.
func (f Field) Check(value any) *Violation {
	wrong := func(keyword, format string, arguments ...any) *Violation {
		return &Violation{Keyword: keyword, Field: f.Name, Value: value, Message: Repr(value) + " " + fmt.Sprintf(format, arguments...)}
	}
	types := strings.Fields(f.Types)
	if !slices.ContainsFunc(types, func(name string) bool { return isType(value, name) }) {
		quoted := make([]string, len(types))
		for i, name := range types {
			quoted[i] = "'" + name + "'"
		}
		return wrong("type", "is not of type %s", strings.Join(quoted, ", "))
	}
	text, ok := value.(string)
	if !ok {
		return nil
	}
	if f.Max > 0 && utf8.RuneCountInString(text) > f.Max {
		return wrong("maxLength", "is too long")
	}
	if len(f.Enum) > 0 && !slices.Contains(f.Enum, text) {
		quoted := make([]any, len(f.Enum))
		for i, allowed := range f.Enum {
			quoted[i] = allowed
		}
		return wrong("enum", "is not one of %s", Repr(quoted))
	}
	return nil
}

func isType(value any, name string) bool {
	switch v := value.(type) {
	case nil:
		return name == "null"
	case string:
		return name == "string"
	case bool:
		return name == "boolean"
	case json.Number:
		return name == "number" || (name == "integer" && !strings.ContainsAny(v.String(), ".eE"))
	case []any:
		return name == "array"
	case map[string]any:
		return name == "object"
	}
	return false
}
