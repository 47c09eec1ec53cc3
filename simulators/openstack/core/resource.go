package core

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/eventrig/eventrig/internal/jsonvalue"
)

// Resource is one record of a service as its API shows it, without links. Values are what decoding JSON gives, numbers
// as json.Number. A resource that lies in a Table is never changed: who changes one stores another in its place.
type Resource map[string]any

// Text returns a string field, "" where it is none.
func (r Resource) Text(name string) string { value, _ := r[name].(string); return value }

// Flag returns a boolean field, false where it is none.
func (r Resource) Flag(name string) bool { value, _ := r[name].(bool); return value }

// Object returns an object field, nil where it is none.
func (r Resource) Object(name string) map[string]any {
	value, _ := r[name].(map[string]any)
	return value
}

// List returns an array field, nil where it is none.
func (r Resource) List(name string) []any { value, _ := r[name].([]any); return value }

// Clone returns a copy that shares nothing with r.
func (r Resource) Clone() Resource {
	if r == nil {
		return nil
	}
	return Resource(jsonvalue.Clone(map[string]any(r)).(map[string]any)) // Clone keeps the type
}

// Normalise turns a value from YAML or Go into what decoding its JSON gives.
func Normalise(value any) (any, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("a value of type %T is not JSON: %w", value, err)
	}
	return Decode(data)
}

// Decode reads one JSON value and nothing after it; numbers keep their digits.
func Decode(data []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, fmt.Errorf("decode JSON: %w", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, fmt.Errorf("decode JSON: more after the value, at byte %d", decoder.InputOffset())
	}
	return value, nil
}

// Same says whether two values are the same JSON.
func Same(a, b any) bool {
	if left, ok := a.(string); ok {
		right, ok := b.(string)
		return ok && left == right
	}
	left, err := json.Marshal(a)
	if err != nil {
		return false
	}
	right, err := json.Marshal(b)
	return err == nil && bytes.Equal(left, right)
}

// Sort orders resources by a field, stable, with null before everything else as MySQL has it.
func Sort(resources []Resource, key string, descending bool) {
	slices.SortStableFunc(resources, func(a, b Resource) int {
		if descending {
			a, b = b, a
		}
		return compare(a[key], b[key])
	})
}

func compare(a, b any) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	left, leftNumber := number(a)
	right, rightNumber := number(b)
	if leftNumber && rightNumber {
		return cmp.Compare(left, right)
	}
	return strings.Compare(fmt.Sprint(a), fmt.Sprint(b))
}

func number(value any) (float64, bool) {
	switch v := value.(type) {
	case json.Number:
		f, err := v.Float64()
		return f, err == nil
	case int:
		return float64(v), true
	}
	return 0, false
}

// Integer returns an integer field's value, 0 where it is none.
func (r Resource) Integer(name string) int {
	switch v := r[name].(type) {
	case json.Number:
		i, err := strconv.Atoi(v.String())
		if err != nil {
			return 0
		}
		return i
	case int:
		return v
	}
	return 0
}

// Integer is a number of a Resource.
func Integer(i int) json.Number { return json.Number(strconv.Itoa(i)) }

// Page returns what follows the resource whose field key is marker, at most limit of it (0: all), and whether there is
// more. A marker that is not among the resources is reported by found.
func Page(resources []Resource, key, marker string, limit int) (page []Resource, more, found bool) {
	if marker != "" {
		at := slices.IndexFunc(resources, func(r Resource) bool { return r.Text(key) == marker })
		if at < 0 {
			return nil, false, false
		}
		resources = resources[at+1:]
	}
	if limit > 0 && len(resources) > limit {
		return resources[:limit], true, true
	}
	return resources, false, true
}
