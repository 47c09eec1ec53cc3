package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/ledger"
)

func (r *runner) recordFailure(ctx context.Context, simulator string, e RecordExpectation) *Failure {
	want := AtLeast(1)
	if e.Count != nil {
		want = *e.Count
	}
	f := &Failure{Hop: string(ledger.RecordChange), Expected: fmt.Sprintf("%s: %s %s in %s", simulator, want, plural(want, "record"), e.Path), Line: e.Line}
	if len(e.Where) > 0 {
		f.Expected += " where " + compact(e.Where)
	}
	records, err := r.stores.Records(ctx, simulator, e.Path, e.Where)
	if err != nil {
		f.Got = err.Error()
		return f
	}
	if !want.Holds(len(records)) {
		f.Got = strconv.Itoa(len(records))
		if len(records) > 0 {
			f.Why = compact(records)
		} else if all, err := r.stores.Records(ctx, simulator, e.Path, nil); err == nil {
			f.Why = fmt.Sprintf("%s holds %d records: %s", e.Path, len(all), compact(all))
		}
		f.Next = "the timeline shows which requests the handler made and how they were answered"
		return f
	}
	if name, record := differing(records, e.Fields); name != "" {
		f.Expected = fmt.Sprintf("%s: %s of every matching record in %s is %s", simulator, name, e.Path, compact(e.Fields[name]))
		f.Got, f.Why = fieldText(record, name), compact(record)
		return f
	}
	return nil
}

// objectFailure asks for Kubernetes objects.
func (r *runner) objectFailure(ctx context.Context, v *view, e ObjectExpectation) *Failure {
	want := AtLeast(1)
	if e.Count != nil {
		want = *e.Count
	}
	what := strings.TrimSuffix(e.Kind+" "+strings.Trim(e.Namespace+"/"+e.Name, "/"), " ")
	if len(e.Labels) > 0 {
		what += " with labels " + compact(e.Labels)
	}
	f := &Failure{Hop: "objects", Expected: fmt.Sprintf("%s %s", want, what), Line: e.Line}
	if e.Sensor != "" {
		f.Hop, f.Expected = string(ledger.Workflow), f.Expected+" from Sensor "+e.Sensor
	}
	objects, err := r.rig.Objects(ctx, e)
	if err != nil {
		f.Got, f.Next = err.Error(), failure.Hint(err)
		return f
	}
	if e.Sensor != "" {
		its := map[string]bool{}
		for _, made := range v.last(ledger.Workflow, e.Sensor) {
			its[made.Object] = true
		}
		objects = slices.DeleteFunc(slices.Clone(objects), func(o map[string]any) bool { return !its[objectName(o)] })
	}
	if !want.Holds(len(objects)) {
		f.Got = strconv.Itoa(len(objects))
		var names []string
		for _, o := range objects {
			names = append(names, objectName(o))
		}
		if len(names) > 0 {
			f.Why = shorten(strings.Join(names, ", "), 600)
		}
		return f
	}
	if name, object := differing(objects, e.Fields); name != "" {
		f.Expected = fmt.Sprintf("%s of every %s is %s", name, what, compact(e.Fields[name]))
		f.Got, f.Why = fieldText(object, name), objectName(object)
		return f
	}
	return nil
}

// objectName is how the ledger calls a Kubernetes object: Kind/namespace/name.
func objectName(object map[string]any) string {
	kind, _ := object["kind"].(string)
	metadata, _ := object["metadata"].(map[string]any)
	namespace, _ := metadata["namespace"].(string)
	name, _ := metadata["name"].(string)
	return strings.ReplaceAll(kind+"/"+namespace+"/"+name, "//", "/")
}

// differing returns the first field that a record does not hold as wanted, "" when there is none.
func differing(records []map[string]any, want map[string]any) (name string, record map[string]any) {
	for _, record := range records {
		for _, name := range sortedKeys(want) {
			if got, ok := field(record, name); !ok || !equal(got, want[name]) {
				return name, record
			}
		}
	}
	return "", nil
}

func fieldText(record map[string]any, name string) string {
	got, ok := field(record, name)
	if !ok {
		return "no such field"
	}
	return compact(got)
}

// field goes into objects and lists by a dotted path, in lists by position; a key that holds the dots itself wins.
func field(value any, name string) (any, bool) {
	head, rest, more := strings.Cut(name, ".")
	switch in := value.(type) {
	case map[string]any:
		if v, ok := in[name]; ok {
			return v, true
		}
		if !more {
			return nil, false
		}
		for ; ; head, rest, more = cutAfter(name, head) {
			if inner, ok := in[head]; ok {
				return field(inner, rest)
			}
			if !more {
				return nil, false
			}
		}
	case []any:
		i, err := strconv.Atoi(head)
		if err != nil || i < 0 || i >= len(in) {
			return nil, false
		}
		if !more {
			return in[i], true
		}
		return field(in[i], rest)
	}
	return nil, false
}

// cutAfter lengthens head by one part of the name, for keys that hold dots, such as a label's.
func cutAfter(name, head string) (longer, rest string, more bool) {
	next, rest, more := strings.Cut(name[len(head)+1:], ".")
	return head + "." + next, rest, more
}

// equal compares a value of a store with one of a scenario as their JSON reads, so that 1 and 1.0 are one.
func equal(got, want any) bool { return reflect.DeepEqual(viaJSON(got), viaJSON(want)) }

func viaJSON(v any) any {
	data, err := json.Marshal(v)
	if err != nil {
		return v
	}
	var out any
	if json.Unmarshal(data, &out) != nil {
		return v
	}
	return out
}
