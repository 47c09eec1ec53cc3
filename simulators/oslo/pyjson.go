package oslo

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Python's json.dumps, which oslo.messaging uses, puts a space after each comma and colon and writes everything beyond
// ASCII as \u escapes. A message is written the same way here, so that its size and its bytes are what a consumer would
// meet in production.

func appendValue(out []byte, value any) ([]byte, error) {
	switch v := value.(type) {
	case map[string]any:
		return appendObject(out, sortedKeys(v), v)
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

// sortedKeys is slices.Sorted(maps.Keys(object)) with one allocation: most of the work of writing a message is here.
func sortedKeys(object map[string]any) []string {
	keys := make([]string, 0, len(object))
	for key := range object {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func appendString(out []byte, text string) []byte {
	out = append(out, '"')
	plain := 0 // where the text that is written as it is begins
	for i, r := range text {
		if r >= ' ' && r < 0x7f && r != '"' && r != '\\' {
			continue
		}
		out = append(out, text[plain:i]...)
		_, size := utf8.DecodeRuneInString(text[i:]) // a byte that is no UTF-8 is a rune of size 1
		plain = i + size
		out = appendSpecial(out, r)
	}
	out = append(out, text[plain:]...)
	return append(out, '"')
}

// appendSpecial writes a character that a JSON string of Python's does not have as it is.
func appendSpecial(out []byte, r rune) []byte {
	switch r {
	case '"', '\\':
		return append(out, '\\', byte(r))
	case '\n':
		return append(out, `\n`...)
	case '\r':
		return append(out, `\r`...)
	case '\t':
		return append(out, `\t`...)
	case '\b':
		return append(out, `\b`...)
	case '\f':
		return append(out, `\f`...)
	}
	if r > 0xffff {
		high, low := utf16.EncodeRune(r)
		return appendEscape(appendEscape(out, high), low)
	}
	return appendEscape(out, r)
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
