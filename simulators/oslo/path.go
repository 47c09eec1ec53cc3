package oslo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/eventrig/eventrig/internal/failure"
)

// Literal is a value as typed on a command line. It becomes a string where the notification has a string already (so that
// an identifier of digits stays one), JSON where it is JSON, and a string otherwise.
type Literal string

// ParseAssignment reads PATH=VALUE; a backslash keeps the next character of the path from meaning anything.
func ParseAssignment(text string) (path string, value Literal, err error) {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '=':
			if _, err := splitPath(text[:i]); err != nil {
				return "", "", err
			}
			return text[:i], Literal(text[i+1:]), nil
		}
	}
	return "", "", failure.New(failure.BadInput, "for example payload.target.id=148f2f86b96440a1ba0934f837b2c77b",
		"read %q: no = between path and value", text)
}

// splitPath splits a path at its dots; \. is a dot that belongs to a name, as in Argo's own data keys.
func splitPath(path string) ([]string, error) {
	var keys []string
	var key strings.Builder
	for i := 0; i < len(path); i++ {
		switch path[i] {
		case '\\':
			if i++; i == len(path) {
				return nil, badPath(path, "it ends in a backslash")
			}
			key.WriteByte(path[i])
		case '.':
			if key.Len() == 0 {
				return nil, badPath(path, "a name is empty")
			}
			keys = append(keys, key.String())
			key.Reset()
		default:
			key.WriteByte(path[i])
		}
	}
	if key.Len() == 0 {
		return nil, badPath(path, "a name is empty")
	}
	return append(keys, key.String()), nil
}

// joinPath is the inverse of splitPath.
func joinPath(keys []string) string {
	escaped := make([]string, len(keys))
	for i, key := range keys {
		escaped[i] = strings.NewReplacer(`\`, `\\`, `.`, `\.`, `=`, `\=`).Replace(key)
	}
	return strings.Join(escaped, ".")
}

func badPath(path, why string) error {
	return failure.New(failure.BadInput, `a path is names with dots between them, for example payload.target.id; \. is a dot in a name`,
		"read path %q: %s", path, why)
}

// Path is where a value lies in a notification.
type Path struct {
	Path  string // names with dots between; dots within a name are not escaped
	Value any    // a string, json.Number, bool or nil, or an object or array that is empty
}

// Paths returns where each value of the notification lies, sorted.
func (n Notification) Paths() []Path {
	var all []Path
	var walk func(path string, value any)
	walk = func(path string, value any) {
		switch v := value.(type) {
		case map[string]any:
			for _, key := range sortedKeys(v) {
				walk(path+"."+key, v[key])
			}
			if len(v) > 0 {
				return
			}
		case []any:
			for i, child := range v {
				walk(path+"."+strconv.Itoa(i), child)
			}
			if len(v) > 0 {
				return
			}
		}
		all = append(all, Path{strings.TrimPrefix(path, "."), value})
	}
	walk("", n.Document())
	return all
}

// step resolves the first names of keys in object and returns the key and the names left. A name that the object lacks is
// tried together with those after it: ironic_object.data is one key there, and forgetting the backslash is easy.
func step(object map[string]any, keys []string) (string, []string) {
	if _, ok := object[keys[0]]; !ok {
		for n := len(keys); n > 1; n-- {
			if joined := strings.Join(keys[:n], "."); has(object, joined) {
				return joined, keys[n:]
			}
		}
	}
	return keys[0], keys[1:]
}

func has(object map[string]any, key string) bool { _, ok := object[key]; return ok }

// setAt returns node with the value at keys replaced, making objects on the way where nothing was.
func setAt(node any, keys []string, value any) (any, error) {
	if len(keys) == 0 {
		return settle(node, value)
	}
	switch parent := node.(type) {
	case nil:
		return setAt(map[string]any{}, keys, value)
	case map[string]any:
		key, rest := step(parent, keys)
		child, err := setAt(parent[key], rest, value)
		if err != nil {
			return nil, err
		}
		parent[key] = child
		return parent, nil
	case []any:
		index, err := strconv.Atoi(keys[0])
		if err != nil || index < 0 || index > len(parent) {
			return nil, fmt.Errorf("%q is no place in an array of %d", keys[0], len(parent))
		}
		if index == len(parent) {
			parent = append(parent, nil)
		}
		parent[index], err = setAt(parent[index], keys[1:], value)
		return parent, err
	default:
		return nil, fmt.Errorf("%q lies below %s", joinPath(keys), kind(node))
	}
}

// removeAt returns node without what lies at keys, and whether it was there.
func removeAt(node any, keys []string) (any, bool) {
	switch parent := node.(type) {
	case map[string]any:
		key, rest := step(parent, keys)
		child, ok := parent[key]
		if ok && len(rest) == 0 {
			delete(parent, key)
			return parent, true
		}
		if ok {
			parent[key], ok = removeAt(child, rest)
		}
		return parent, ok
	case []any:
		index, err := strconv.Atoi(keys[0])
		if err != nil || index < 0 || index >= len(parent) {
			return parent, false
		}
		if len(keys) == 1 {
			return append(parent[:index:index], parent[index+1:]...), true
		}
		child, ok := removeAt(parent[index], keys[1:])
		parent[index] = child
		return parent, ok
	default:
		return node, false
	}
}

// settle decides what a new value is, given the one that it replaces.
func settle(old, value any) (any, error) {
	literal, ok := value.(Literal)
	if !ok {
		return normalise(value)
	}
	text := string(literal)
	parsed, err := decode([]byte(text))
	if err != nil {
		return text, nil // not JSON, so it is meant as it stands
	}
	if _, wasString := old.(string); wasString {
		switch parsed.(type) {
		case bool, json.Number:
			return text, nil
		}
	}
	return parsed, nil
}

// normalise turns any value into what decoding its JSON gives, so that structs, YAML maps and JSON mean the same.
func normalise(value any) (any, error) {
	encoded, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("a value of type %T is not JSON: %w", value, err)
	}
	return decode(encoded)
}

// decode reads one JSON value and nothing after it; numbers keep their digits.
func decode(data []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, fmt.Errorf("more after the JSON value, at byte %d", decoder.InputOffset())
	}
	return value, nil
}
