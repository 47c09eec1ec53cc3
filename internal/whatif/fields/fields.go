// Package fields compares JSON objects field by field.
//
// In: two objects. Out: the fields that they do not share, in the order of their paths, which people can read and with which
// a field can be found. Lists whose items have names are compared by name; a text that holds JSON is compared as JSON.
package fields

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// generated are fields of an object's metadata that the API server writes.
var generated = []string{"creationTimestamp", "deletionTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"}

// arrow leads from the path of a text to a path in the JSON that it holds.
const arrow = " → "

// Difference is a field that two objects do not share.
type Difference struct {
	Path string          `json:"path"`          // such as spec.arguments.parameters[project].value: items of a list that have names are told by them, and JSON in a text goes on behind " → "
	Old  json.RawMessage `json:"old,omitempty"` // missing where only the new object has the field
	New  json.RawMessage `json:"new,omitempty"` // missing where only the old one has it

	// OldSteps and NewSteps are the keys and indexes that lead there in each object; -1 for an item that it does not have.
	OldSteps []string `json:"-"`
	NewSteps []string `json:"-"`
}

// Objects compares two Kubernetes objects, without what an API server writes into them. One that is empty or no JSON counts
// as none.
func Objects(old, now json.RawMessage) []Difference {
	var w walk
	w.value(spot{}, bare(old), bare(now))
	return w.found
}

// Texts compares two texts that people call name.
func Texts(name, old, now string) []Difference {
	if old == now {
		return nil
	}
	var w walk
	w.value(spot{path: name, old: []string{name}, now: []string{name}}, any(old), any(now))
	return w.found
}

// bare decodes an object and takes out what a server writes.
func bare(raw json.RawMessage) any {
	value, ok := decode(string(raw))
	if !ok {
		return absent{}
	}
	object, isObject := value.(map[string]any)
	if !isObject {
		return value
	}
	delete(object, "status")
	if metadata, isObject := object["metadata"].(map[string]any); isObject {
		for _, name := range generated {
			delete(metadata, name)
		}
	}
	return object
}

func decode(text string) (any, bool) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) != nil || decoder.More() {
		return nil, false
	}
	return value, true
}

// absent stands for a value that only the other side has.
type absent struct{}

// spot is a place in what is compared: as people read it, and by keys and indexes on each side, as a parameter's dest has it.
type spot struct {
	path     string
	old, now []string
}

func (s spot) below(name string) spot {
	return spot{below(s.path, name), append(slices.Clip(s.old), name), append(slices.Clip(s.now), name)}
}

// item is an item of a list; name is what people read, an index of -1 that the side has none.
func (s spot) item(name string, old, now int) spot {
	return spot{fmt.Sprintf("%s[%s]", s.path, name), append(slices.Clip(s.old), strconv.Itoa(old)), append(slices.Clip(s.now), strconv.Itoa(now))}
}

// walk collects what differs.
type walk struct{ found []Difference }

// deepest is how many levels down fields are told apart; no object of Kubernetes nests so deep.
const deepest = 100

func (w *walk) differ(at spot, old, now json.RawMessage) {
	w.found = append(w.found, Difference{at.path, old, now, at.old, at.now})
}

func (w *walk) value(at spot, a, b any) {
	if len(at.old) > deepest {
		a, b = any(encode(a)), any(encode(b)) // which are compared as a whole
	}
	switch x := a.(type) {
	case map[string]any:
		if y, ok := b.(map[string]any); ok {
			w.fields(at, x, y)
			return
		}
	case []any:
		if y, ok := b.([]any); ok {
			w.items(at, x, y)
			return
		}
	case string:
		if y, ok := b.(string); ok && x != y && w.inside(at, x, y) {
			return
		}
	}
	if old, now := encode(a), encode(b); !bytes.Equal(old, now) {
		w.differ(at, old, now)
	}
}

// encode is a value as JSON, the same for the same value; nil for none.
func encode(value any) json.RawMessage {
	if _, none := value.(absent); none {
		return nil
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(value) != nil {
		return json.RawMessage("null") // what was decoded can be encoded
	}
	return bytes.TrimSpace(text.Bytes())
}

func (w *walk) fields(at spot, a, b map[string]any) {
	names := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		w.value(at.below(name), of(a, name), of(b, name))
	}
}

func of(fields map[string]any, name string) any {
	if value, ok := fields[name]; ok {
		return value
	}
	return absent{}
}

// below is a field's path; names that hold dots are quoted.
func below(path, name string) string {
	if name == "" || strings.ContainsAny(name, `.[]" →`) {
		return fmt.Sprintf("%s[%q]", path, name)
	}
	if path == "" || strings.HasSuffix(path, arrow) {
		return path + name
	}
	return path + "." + name
}

// items compares lists: those whose items all have names of their own by name, others by place.
func (w *walk) items(at spot, a, b []any) {
	before, okA := namesOf(a)
	after, okB := namesOf(b)
	if !okA || !okB {
		for i := range max(len(a), len(b)) {
			w.value(at.item(strconv.Itoa(i), i, i), item(a, i), item(b, i))
		}
		return
	}
	for i, name := range before {
		other := slices.Index(after, name)
		w.value(at.item(name, i, other), a[i], item(b, other))
	}
	for i, name := range after {
		if !slices.Contains(before, name) {
			w.value(at.item(name, -1, i), absent{}, b[i])
		}
	}
	// The order of parameters means nothing to Argo Workflows; that of variables and containers does to Kubernetes.
	if strings.HasSuffix(at.path, "parameters") {
		return
	}
	kept := func(names, other []string) []string {
		return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !slices.Contains(other, name) })
	}
	if x, y := kept(before, after), kept(after, before); !slices.Equal(x, y) {
		at.path += " (order)"
		w.differ(at, encode(x), encode(y))
	}
}

func item(list []any, index int) any {
	if index < 0 || index >= len(list) {
		return absent{}
	}
	return list[index]
}

// namesOf are the names of a list's items, if each has one of its own.
func namesOf(list []any) ([]string, bool) {
	var names []string
	for _, one := range list {
		fields, _ := one.(map[string]any)
		name, ok := fields["name"].(string)
		if !ok || slices.Contains(names, name) {
			return nil, false
		}
		names = append(names, name)
	}
	return names, true
}

// inside compares texts that both hold a JSON object or list, such as an event that is handed on whole.
func (w *walk) inside(at spot, a, b string) bool {
	x, okX := decode(a)
	y, okY := decode(b)
	if !okX || !okY || !sameContainer(x, y) {
		return false
	}
	before := len(w.found)
	within := at
	within.path += arrow
	w.value(within, x, y)
	if len(w.found) == before { // it is written differently, and means the same
		w.differ(at, encode(a), encode(b))
	}
	return true
}

// sameContainer reports whether both values are objects, or both lists.
func sameContainer(a, b any) bool {
	switch a.(type) {
	case map[string]any:
		_, same := b.(map[string]any)
		return same
	case []any:
		_, same := b.([]any)
		return same
	}
	return false
}

// Without takes out of found what lies within one of the others, around it, or is it.
func Without(found []Difference, others ...[]Difference) []Difference {
	return slices.DeleteFunc(found, func(one Difference) bool {
		for _, list := range others {
			for _, other := range list {
				if strings.HasPrefix(one.Path, other.Path) || strings.HasPrefix(other.Path, one.Path) {
					return true
				}
			}
		}
		return false
	})
}
