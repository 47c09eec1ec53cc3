package evaluate

import (
	"fmt"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/eventrig/eventrig/internal/nearest"
)

// missing says why a gjson path leads nowhere in data, and which path was probably meant.
func missing(data []byte, path string) string {
	keys, plain := splitPath(path)
	if !plain {
		return ""
	}
	at := gjson.ParseBytes(data)
	for i, key := range keys {
		next := child(at, key)
		if next.Exists() {
			at = next
			continue
		}
		here := "the event"
		if i > 0 {
			here = joinPath(keys[:i])
		}
		switch {
		case at.Type == gjson.Null && i > 0:
			return here + " is null"
		case at.Type == gjson.String && gjson.Valid(at.String()) && strings.HasPrefix(strings.TrimSpace(at.String()), "{"):
			return here + " is a text that holds JSON: the transform must read it (fromjson)"
		case at.IsObject():
			if meant := dotted(at, keys[i:]); meant != nil {
				return fmt.Sprintf("a key holds a dot: write %s", joinPath(append(append([]string{}, keys[:i]...), meant...)))
			}
			if found := elsewhere(gjson.ParseBytes(data), keys, 0); found != nil {
				return fmt.Sprintf("%s has no %s; %s exists", here, key, joinPath(found))
			}
			var names []string
			at.ForEach(func(name, _ gjson.Result) bool { names = append(names, name.String()); return true })
			if near := nearest.Name(key, names); near != "" {
				return fmt.Sprintf("%s has no %s; did you mean %s?", here, key, joinPath(append(append([]string{}, keys[:i]...), near)))
			}
			return fmt.Sprintf("%s has no %s", here, key)
		case at.IsArray():
			return fmt.Sprintf("%s is a list of %d", here, len(at.Array()))
		default:
			return fmt.Sprintf("%s is %s, not an object", here, shorten(at.Raw, 40))
		}
	}
	return ""
}

// dotted joins keys where an object's key holds dots.
func dotted(at gjson.Result, keys []string) []string {
	for n := len(keys); n > 1; n-- {
		joined := strings.Join(keys[:n], ".")
		next := child(at, joined)
		if !next.Exists() {
			continue
		}
		rest := keys[n:]
		for i, key := range rest {
			if inner := child(next, key); inner.Exists() {
				next = inner
				continue
			}
			if more := dotted(next, rest[i:]); more != nil {
				return append(append([]string{joined}, rest[:i]...), more...)
			}
			return nil
		}
		return append([]string{joined}, rest...)
	}
	return nil
}

// elsewhere looks for the same keys, or the last of them, deeper in the event, or without those that lead there.
func elsewhere(root gjson.Result, keys []string, depth int) []string {
	for from := 1; from < len(keys); from++ { // payload.x instead of body.payload.x
		if has(root, keys[from:]) {
			return keys[from:]
		}
	}
	return deeper(root, keys, depth)
}

func deeper(root gjson.Result, keys []string, depth int) []string {
	if depth > 3 || !root.IsObject() {
		return nil
	}
	var found []string
	root.ForEach(func(key, value gjson.Result) bool {
		if has(value, keys) {
			found = append([]string{key.String()}, keys...)
			return false
		}
		if inner := deeper(value, keys, depth+1); inner != nil {
			found = append([]string{key.String()}, inner...)
			return false
		}
		return true
	})
	return found
}

func has(at gjson.Result, keys []string) bool {
	if !at.IsObject() {
		return false
	}
	for _, key := range keys {
		if at = child(at, key); !at.Exists() {
			return false
		}
	}
	return true
}

// child is a value by its key as it is written, or an item by its index.
func child(at gjson.Result, key string) gjson.Result {
	if !at.IsObject() && !at.IsArray() {
		return gjson.Result{}
	}
	return at.Get(gjson.Escape(key))
}

// splitPath takes a path apart into keys; false for one with queries, patterns or modifiers.
func splitPath(path string) ([]string, bool) {
	var keys []string
	var key strings.Builder
	for i := 0; i < len(path); i++ {
		switch c := path[i]; c {
		case '\\':
			if i++; i < len(path) {
				key.WriteByte(path[i])
			}
		case '.':
			keys = append(keys, key.String())
			key.Reset()
		case '#', '*', '?', '|', '@', '!', '{', '[', '(':
			return nil, false
		default:
			key.WriteByte(c)
		}
	}
	return append(keys, key.String()), path != ""
}

// joinPath is the other way round.
func joinPath(keys []string) string {
	escaped := make([]string, len(keys))
	for i, key := range keys {
		escaped[i] = gjson.Escape(key)
	}
	return strings.Join(escaped, ".")
}
