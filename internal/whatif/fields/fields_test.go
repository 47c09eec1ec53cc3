package fields_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/eventrig/eventrig/internal/whatif/fields"
)

func paths(old, now string) []string {
	var all []string
	for _, d := range fields.Objects(json.RawMessage(old), json.RawMessage(now)) {
		all = append(all, fmt.Sprintf("%s %s>%s", d.Path, d.Old, d.New))
	}
	return all
}

func TestFieldsOfObjects(t *testing.T) {
	for name, c := range map[string]struct {
		old, now string
		want     []string
	}{
		"equal":                 {`{"a": 1, "b": [1, {"c": null}]}`, `{"b": [1, {"c": null}], "a": 1}`, nil},
		"a field more":          {`{"a": {}}`, `{"a": {"b": 1}}`, []string{"a.b >1"}},
		"a field less":          {`{"a": {"b": null}}`, `{"a": {}}`, []string{"a.b null>"}},
		"another type":          {`{"a": {"b": 1}}`, `{"a": [1]}`, []string{`a {"b":1}>[1]`}},
		"a key with dots":       {`{"a": {"x.y/z": 1}}`, `{"a": {"x.y/z": 2}}`, []string{`a["x.y/z"] 1>2`}},
		"a list by place":       {`{"a": [1, 2]}`, `{"a": [1, 3, 4]}`, []string{"a[1] 2>3", "a[2] >4"}},
		"an item in front":      {`{"env": [{"name": "a"}]}`, `{"env": [{"name": "z"}, {"name": "a"}]}`, []string{`env[z] >{"name":"z"}`}},
		"another order":         {`{"env": [{"name": "a"}, {"name": "b"}]}`, `{"env": [{"name": "b"}, {"name": "a"}]}`, []string{`env (order) ["a","b"]>["b","a"]`}},
		"names that are twice":  {`{"env": [{"name": "a", "v": 1}, {"name": "a", "v": 2}]}`, `{"env": [{"name": "a", "v": 1}, {"name": "a", "v": 3}]}`, []string{"env[1].v 2>3"}},
		"JSON in a text":        {`{"v": "{\"a\": {\"b\": 1}}"}`, `{"v": "{\"a\": {\"b\": 2}}"}`, []string{"v → a.b 1>2"}},
		"JSON in JSON":          {`{"v": "{\"a\": \"[1]\"}"}`, `{"v": "{\"a\": \"[2]\"}"}`, []string{"v → a → [0] 1>2"}},
		"JSON written anew":     {`{"v": "{\"a\":1}"}`, `{"v": "{ \"a\": 1 }"}`, []string{`v "{\"a\":1}">"{ \"a\": 1 }"`}},
		"a number in a text":    {`{"v": "1"}`, `{"v": "2"}`, []string{`v "1">"2"`}},
		"large numbers":         {`{"v": 12345678901234567890}`, `{"v": 12345678901234567891}`, []string{"v 12345678901234567890>12345678901234567891"}},
		"what a server writes":  {`{"metadata": {"uid": "a", "name": "n"}, "status": {}}`, `{"metadata": {"name": "n", "managedFields": []}}`, nil},
		"no object on one side": {``, `{"a": 1}`, []string{` >{"a":1}`}},
	} {
		if got := paths(c.old, c.now); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// What nests deeper than any object does is compared as a whole, and in time.
func TestDeepNesting(t *testing.T) {
	deep := func(inner string) string { return strings.Repeat("[", 5000) + inner + strings.Repeat("]", 5000) }
	if got := fields.Objects(json.RawMessage(deep("1")), json.RawMessage(deep("2"))); len(got) != 1 || len(got[0].OldSteps) > 102 {
		t.Errorf("%d differences", len(got))
	}
	if got := fields.Objects(json.RawMessage(deep("1")), json.RawMessage(deep("1"))); len(got) != 0 {
		t.Errorf("%d differences", len(got))
	}
}

// Whatever two objects are, comparing them does not panic, finds nothing in one that is compared with itself, and finds the
// same fields both ways.
func FuzzDifferences(f *testing.F) {
	f.Add(`{"a": [{"name": "x"}, {"name": "y"}], "b": "{\"c\": 1}"}`, `{"a": [{"name": "y"}], "b": "{\"c\": [2]}"}`)
	f.Add(`[1, [2]]`, `{"": {".": "[]"}}`)
	f.Fuzz(func(t *testing.T, old, now string) {
		if got := paths(old, old); len(got) > 0 {
			t.Errorf("%q differs from itself: %v", old, got)
		}
		there := fields.Objects(json.RawMessage(old), json.RawMessage(now))
		back := fields.Objects(json.RawMessage(now), json.RawMessage(old))
		if len(there) != len(back) {
			t.Errorf("%d differences there, %d back", len(there), len(back))
		}
		for _, d := range there {
			if string(d.Old) == string(d.New) {
				t.Errorf("%+v is no difference", d)
			}
		}
	})
}
