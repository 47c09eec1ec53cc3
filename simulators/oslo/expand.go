package oslo

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/eventrig/eventrig/internal/nearest"
)

// The keys of a payload that are instructions, not data.
const (
	refKey     = "$ref"     // the part or object of this name; the keys beside it replace those that it has
	onlyKey    = "$only"    // of what $ref names, only these keys
	withoutKey = "$without" // of what $ref names, not these keys
)

// deepest is how far parts may nest; more is a part that contains itself.
const deepest = 32

// parameter is <NAME>, or <NAME|words>: the words that stand for the parameter's value in a description.
var parameter = regexp.MustCompile(`<([a-z_]+)(\|words)?>`)

// expansion makes the payload of one event type from a row and its parameters.
type expansion struct {
	service    *service
	parameters map[string]any
	depth      int
}

// notification returns the payload and the context of a row, with marks left in.
func (e expansion) notification(row row, context string) (payload, contextFields map[string]any, err error) {
	value, err := e.value(row.Payload)
	if err != nil {
		return nil, nil, fmt.Errorf("payload: %w", err)
	}
	payload, ok := value.(map[string]any)
	if !ok {
		return nil, nil, fmt.Errorf("payload must be an object, is %s", kind(value))
	}
	for _, name := range slices.Sorted(maps.Keys(row.Set)) {
		path, err := e.text(name)
		if err != nil {
			return nil, nil, err
		}
		keys, err := splitPath(path)
		if err != nil {
			return nil, nil, err
		}
		value, err := e.value(row.Set[name])
		if err != nil {
			return nil, nil, fmt.Errorf("set %s: %w", name, err)
		}
		if _, err := setAt(payload, keys, value); err != nil {
			return nil, nil, fmt.Errorf("set %s: %w", name, err)
		}
	}
	if context == "" {
		return payload, nil, nil
	}
	value, err = e.value(e.service.file.Contexts[context])
	if err != nil {
		return nil, nil, fmt.Errorf("context %s: %w", context, err)
	}
	if contextFields, ok = value.(map[string]any); !ok {
		return nil, nil, fmt.Errorf("context %s must be an object, is %s", context, kind(value))
	}
	return payload, contextFields, nil
}

func (e expansion) value(value any) (any, error) {
	if e.depth++; e.depth > deepest {
		return nil, errors.New("a part contains itself")
	}
	switch v := value.(type) {
	case string:
		if found := parameter.FindStringSubmatch(v); found != nil && found[0] == v && found[2] == "" {
			if given, ok := e.parameters[found[1]]; ok {
				return given, nil // keeps its type
			}
		}
		return e.text(v)
	case []any:
		list := make([]any, len(v))
		for i, child := range v {
			var err error
			if list[i], err = e.value(child); err != nil {
				return nil, fmt.Errorf("%d: %w", i, err)
			}
		}
		return list, nil
	case map[string]any:
		return e.object(v)
	default:
		return value, nil
	}
}

// object expands an object, and what its $ref names.
func (e expansion) object(v map[string]any) (any, error) {
	made := make(map[string]any, len(v))
	if ref, ok := v[refKey]; ok {
		base, err := e.named(ref)
		if err != nil {
			return nil, err
		}
		of, isObject := base.(map[string]any)
		switch {
		case !isObject && len(v) == 1:
			return base, nil
		case !isObject:
			return nil, fmt.Errorf("%s %v is %s: there can be nothing beside it", refKey, ref, kind(base))
		}
		if made, err = e.selected(of, v); err != nil {
			return nil, fmt.Errorf("%s %v: %w", refKey, ref, err)
		}
	}
	for key, child := range v {
		if key == refKey || key == onlyKey || key == withoutKey {
			continue
		}
		name, err := e.text(key)
		if err != nil {
			return nil, err
		}
		if made[name], err = e.value(child); err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
	}
	return made, nil
}

// selected applies $only and $without. A key that is not there is a mistake.
func (e expansion) selected(of, instructions map[string]any) (map[string]any, error) {
	keys := func(instruction string) ([]string, error) {
		list, _ := instructions[instruction].([]any)
		names := make([]string, len(list))
		for i, name := range list {
			text, _ := name.(string)
			var err error
			if names[i], err = e.text(text); err != nil {
				return nil, err
			}
			if !has(of, names[i]) {
				return nil, fmt.Errorf("%s: there is no %q", instruction, names[i])
			}
		}
		return names, nil
	}
	only, err := keys(onlyKey)
	if err != nil {
		return nil, err
	}
	without, err := keys(withoutKey)
	if err != nil {
		return nil, err
	}
	_, restricted := instructions[onlyKey]
	made := make(map[string]any, len(of))
	for key, value := range of {
		if restricted && !slices.Contains(only, key) || slices.Contains(without, key) {
			continue
		}
		made[key] = value
	}
	return made, nil
}

// named expands a part, or an object with what oslo.versionedobjects puts around it.
func (e expansion) named(ref any) (any, error) {
	text, ok := ref.(string)
	if !ok {
		return nil, fmt.Errorf("%s must be a name, is %s", refKey, kind(ref))
	}
	name, err := e.text(text)
	if err != nil {
		return nil, err
	}
	if part, ok := e.service.parts[name]; ok {
		value, err := e.value(part)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return value, nil
	}
	object, ok := e.service.objects[name]
	if !ok {
		known := slices.Concat(slices.Collect(maps.Keys(e.service.parts)), slices.Collect(maps.Keys(e.service.objects)))
		slices.Sort(known)
		return nil, fmt.Errorf("no part or object %q; nearest: %s", name, strings.Join(nearest.Names(name, known, 2), ", "))
	}
	data, err := e.value(object.Data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	prefix := e.service.file.Object
	if prefix == "" {
		return nil, fmt.Errorf("%s: service.yaml does not say the prefix of versioned objects", name)
	}
	return map[string]any{
		prefix + ".name": name, prefix + ".namespace": e.service.file.Namespace, prefix + ".version": object.Version, prefix + ".data": data,
	}, nil
}

// text replaces the parameters in a string.
func (e expansion) text(text string) (string, error) {
	if !strings.Contains(text, "<") {
		return text, nil
	}
	var unknown error
	replaced := parameter.ReplaceAllStringFunc(text, func(found string) string {
		parts := parameter.FindStringSubmatch(found)
		value, ok := e.parameters[parts[1]]
		if !ok {
			unknown = fmt.Errorf("%s names no parameter", found)
			return found
		}
		given := fmt.Sprint(value)
		if parts[2] == "" {
			return given
		}
		words, ok := e.service.words[given]
		if !ok {
			unknown = fmt.Errorf("%s: there are no words for %q", found, given)
		}
		return words
	})
	return replaced, unknown
}

func (e expansion) mustText(text string) (string, bool) {
	replaced, err := e.text(text)
	return replaced, err == nil
}
