package oslo

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"unicode/utf16"
)

// Python's json.dumps, which oslo.messaging uses, puts a space after each comma and colon and writes everything beyond
// ASCII as \u escapes. A message is written the same way here, so that its size and its bytes are what a consumer would
// meet in production.

func appendValue(out []byte, value any) ([]byte, error) {
	switch v := value.(type) {
	case map[string]any:
		return appendObject(out, slices.Sorted(maps.Keys(v)), v)
	case []any:
		return appendArray(out, v)
	case string:
		return appendString(out, v), nil
	case json.Number:
		return append(out, v...), nil
	default:
		encoded, err := json.Marshal(v)
		if err != nil {
			return nil, fmt.Errorf("write a value of type %T: %w", v, err)
		}
		return append(out, encoded...), nil
	}
}

func appendObject(out []byte, keys []string, object map[string]any) ([]byte, error) {
	if object == nil {
		return append(out, "null"...), nil
	}
	out = append(out, '{')
	for i, key := range keys {
		if i > 0 {
			out = append(out, ", "...)
		}
		out = append(appendString(out, key), ": "...)
		var err error
		if out, err = appendValue(out, object[key]); err != nil {
			return nil, err
		}
	}
	return append(out, '}'), nil
}

func appendArray(out []byte, array []any) ([]byte, error) {
	out = append(out, '[')
	for i, value := range array {
		if i > 0 {
			out = append(out, ", "...)
		}
		var err error
		if out, err = appendValue(out, value); err != nil {
			return nil, err
		}
	}
	return append(out, ']'), nil
}

func appendString(out []byte, text string) []byte {
	out = append(out, '"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			out = append(out, '\\', byte(r))
		case r == '\n':
			out = append(out, `\n`...)
		case r == '\r':
			out = append(out, `\r`...)
		case r == '\t':
			out = append(out, `\t`...)
		case r == '\b':
			out = append(out, `\b`...)
		case r == '\f':
			out = append(out, `\f`...)
		case r >= ' ' && r < 0x7f:
			out = append(out, byte(r))
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = appendEscape(appendEscape(out, high), low)
		default:
			out = appendEscape(out, r)
		}
	}
	return append(out, '"')
}

func appendEscape(out []byte, r rune) []byte {
	hex := strconv.FormatInt(int64(r)+0x10000, 16) // the added digit keeps leading zeros
	return append(append(out, `\u`...), hex[1:]...)
}

// kind names a JSON value's type.
func kind(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case map[string]any:
		return "an object"
	case []any:
		return "an array"
	case string:
		return "a string"
	case bool:
		return "a boolean"
	default:
		return "a number"
	}
}
