package pipeline

import (
	stdjson "encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"sigs.k8s.io/json"

	"github.com/eventrig/eventrig/internal/nearest"
)

// quoteIt is what to do about a word that is to be text and is none.
const quoteIt = "quote it: without quotes YAML reads numbers, and y, yes, on, true, n, no, off and false as booleans"

// decode gives an object its typed form as the API's own clients do: field names are case-sensitive, unknown ones are
// dropped. Those, and what does not fit its type, are problems with their line. The result is nil where something does not fit.
func decode[T any](object Object) (*T, []Problem) {
	typed := new(T)
	content, err := object.MarshalJSON()
	if err == nil {
		err = json.UnmarshalCaseSensitivePreserveInts(content, typed)
	}
	walk := &fieldWalk{object: object}
	walk.unknown(reflect.TypeFor[T](), object.Object, nil)
	if err == nil {
		return typed, walk.problems
	}
	path, inner := misfit(reflect.TypeFor[T](), object.Object, nil)
	if inner == nil {
		inner = err
	}
	where := ""
	if len(path) > 0 {
		where = Path(path...) + ": "
	}
	hint := fmt.Sprintf("`kubectl explain %s` tells what the field takes", strings.ToLower(object.GetKind()))
	if mismatch := (*stdjson.UnmarshalTypeError)(nil); errors.As(inner, &mismatch) && mismatch.Type.Kind() == reflect.String && mismatch.Value != "array" && mismatch.Value != "object" {
		hint = quoteIt
	}
	return nil, append(walk.problems, Problem{Kind: Undecodable, File: object.File, Line: object.LineOf(Path(path...)), Object: object.Key(),
		Message: fmt.Sprintf("%s %s: %s%s", object.GetKind(), object.GetName(), where, plain(inner)),
		Hint:    hint})
}

// plain says in a manifest's terms what a decoder says in Go's.
func plain(err error) string {
	var mismatch *stdjson.UnmarshalTypeError
	if !errors.As(err, &mismatch) {
		return err.Error()
	}
	return fmt.Sprintf("is %s, but the field takes %s", article(mismatch.Value), typeName(mismatch.Type))
}

func article(kind string) string {
	kind, _, _ = strings.Cut(kind, " ")
	switch kind {
	case "array":
		return "a list"
	case "object":
		return "an object"
	case "bool":
		return "true or false"
	}
	return "a " + kind
}

func typeName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return typeName(t.Elem())
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return "a string"
		}
		return "a list"
	case reflect.Map, reflect.Struct:
		return "an object"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number"
	case reflect.Float32, reflect.Float64:
		return "a number"
	}
	return "a " + t.String()
}

var unmarshaler = reflect.TypeFor[stdjson.Unmarshaler]()

// opaque reports whether a type reads its JSON itself, so that its fields say nothing about what it takes.
func opaque(t reflect.Type) bool {
	return t.Implements(unmarshaler) || reflect.PointerTo(t).Implements(unmarshaler)
}

// jsonFields are the fields of a struct by their names in JSON, those of inlined structs too.
func jsonFields(t reflect.Type) map[string]reflect.Type {
	fields := map[string]reflect.Type{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		inner := f.Type
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		switch {
		case name == "-" || !f.IsExported() && !f.Anonymous:
		case name == "" && f.Anonymous && inner.Kind() == reflect.Struct:
			for name, inner := range jsonFields(inner) {
				if _, ok := fields[name]; !ok {
					fields[name] = inner
				}
			}
		case name == "":
			fields[f.Name] = f.Type
		default:
			fields[name] = f.Type
		}
	}
	return fields
}

// children calls visit for each part of a value that has a type of its own, with the step that leads to it, in order.
func children(t reflect.Type, value any, visit func(step any, t reflect.Type, value any) bool, unknown func(name string, known []string)) {
	switch value := value.(type) {
	case map[string]any:
		switch t.Kind() {
		case reflect.Struct:
			fields := jsonFields(t)
			for _, name := range sortedKeys(value) {
				if inner, ok := fields[name]; ok {
					if !visit(name, inner, value[name]) {
						return
					}
				} else if unknown != nil {
					unknown(name, sortedKeys(fields))
				}
			}
		case reflect.Map:
			for _, name := range sortedKeys(value) {
				if !visit(name, t.Elem(), value[name]) {
					return
				}
			}
		}
	case []any:
		if t.Kind() == reflect.Slice || t.Kind() == reflect.Array {
			for i, item := range value {
				if !visit(i, t.Elem(), item) {
					return
				}
			}
		}
	}
}

func sortedKeys[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// misfit finds the innermost part of a value that cannot be read into its type.
func misfit(t reflect.Type, value any, path []any) ([]any, error) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	var where []any
	var why error
	if !opaque(t) {
		children(t, value, func(step any, inner reflect.Type, part any) bool {
			where, why = misfit(inner, part, append(slices.Clip(path), step))
			return why == nil
		}, nil)
		if why != nil {
			return where, why
		}
	}
	content, err := stdjson.Marshal(value)
	if err != nil {
		return path, err
	}
	if err := json.UnmarshalCaseSensitivePreserveInts(content, reflect.New(t).Interface()); err != nil {
		return path, err
	}
	return nil, nil
}

// fieldWalk looks for fields that the type does not have.
type fieldWalk struct {
	object   Object
	problems []Problem
}

func (w *fieldWalk) unknown(t reflect.Type, value any, path []any) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if opaque(t) {
		return
	}
	children(t, value, func(step any, inner reflect.Type, part any) bool {
		w.unknown(inner, part, append(slices.Clip(path), step))
		return true
	}, func(name string, known []string) {
		at := Path(append(slices.Clip(path), name)...)
		hint := "take it away: it has no effect"
		if meant := nearest.Name(name, known); meant != "" {
			hint = fmt.Sprintf("did you mean %s?", meant)
		}
		w.problems = append(w.problems, Problem{Kind: UnknownField, File: w.object.File, Line: w.object.LineOf(at), Object: w.object.Key(),
			Message: fmt.Sprintf("%s %s: there is no field %s; it has no effect", w.object.GetKind(), w.object.GetName(), at), Hint: hint})
	})
}
