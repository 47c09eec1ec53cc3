package nautobot

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/eventrig/eventrig/simulators/internal/journal"
)

// store holds all records. Its methods expect the server's lock.
type store struct {
	tables map[string]map[string]record // model path -> id -> record
}

func newStore() *store {
	s := &store{tables: map[string]map[string]record{}}
	for _, m := range models {
		s.tables[m.path] = map[string]record{}
	}
	return s
}

// all returns a model's records in the order of its lists.
func (s *store) all(m *model) []record {
	records := make([]record, 0, len(s.tables[m.path]))
	for _, r := range s.tables[m.path] {
		records = append(records, r)
	}
	slices.SortFunc(records, func(a, b record) int {
		return cmp.Or(compareValues(a[m.order], b[m.order]), cmp.Compare(a.id(), b.id()))
	})
	return records
}

// compareValues orders two values of one field; null comes last, as PostgreSQL has it.
func compareValues(a, b any) int {
	switch a := a.(type) {
	case nil:
		if b == nil {
			return 0
		}
		return 1
	case int64:
		if b, ok := b.(int64); ok {
			return cmp.Compare(a, b)
		}
	}
	if b == nil {
		return -1
	}
	return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b))
}

// display is what str() gives in Nautobot.
func (s *store) display(m *model, r record) string {
	value := r[m.natural[0]]
	if value == nil || value == "" {
		return r.id()
	}
	return fmt.Sprint(value)
}

// transaction changes records and can take its changes back. What it changed reaches the journal with commit only.
type transaction struct {
	store   *store
	changes []journal.Change
	undo    []func()
}

func (t *transaction) put(m *model, r record) {
	table := t.store.tables[m.path]
	before, existed := table[r.id()]
	table[r.id()] = r
	change := journal.Change{Path: m.path, ID: r.id(), After: r.clone()}
	if existed {
		change.Before = before.clone()
	}
	t.changes = append(t.changes, change)
	t.undo = append(t.undo, func() {
		if existed {
			table[r.id()] = before
		} else {
			delete(table, r.id())
		}
	})
}

func (t *transaction) remove(m *model, r record) {
	table := t.store.tables[m.path]
	delete(table, r.id())
	t.changes = append(t.changes, journal.Change{Path: m.path, ID: r.id(), Before: r.clone()})
	t.undo = append(t.undo, func() { table[r.id()] = r })
}

func (t *transaction) rollback() {
	for i := len(t.undo) - 1; i >= 0; i-- {
		t.undo[i]()
	}
	t.changes, t.undo = nil, nil
}

// dependent is a record that a deletion meets.
type dependent struct {
	model  *model
	record record
	field  *field
}

// delete deletes a record with all that goes with it, or refuses with the records that protect it.
func (t *transaction) delete(m *model, r record) error {
	doomed := map[string]bool{}
	var order, protecting, loosen []dependent
	var collect func(m *model, r record)
	collect = func(m *model, r record) {
		if doomed[r.id()] {
			return
		}
		doomed[r.id()] = true
		for _, d := range t.store.dependents(m, r) {
			switch {
			case d.field.kind == relatedList || d.field.onDelete == setNull:
				loosen = append(loosen, d)
			case d.field.onDelete == cascade:
				collect(d.model, d.record)
			default:
				protecting = append(protecting, d)
			}
		}
		order = append(order, dependent{model: m, record: r})
	}
	collect(m, r)
	// What is deleted along does not protect anything: an interface does not keep its parent on the same device.
	protecting = slices.DeleteFunc(protecting, func(d dependent) bool { return doomed[d.record.id()] })
	if len(protecting) > 0 {
		names := make([]string, 0, len(protecting))
		for _, d := range protecting {
			names = append(names, fmt.Sprintf("%s (%s)", t.store.display(d.model, d.record), d.record.id()))
		}
		return &refusal{status: 409, body: map[string]any{"detail": fmt.Sprintf(
			"Unable to delete object. %d dependent objects were found: %s", len(names), strings.Join(names, ", "))}}
	}
	for _, d := range loosen {
		if doomed[d.record.id()] {
			continue
		}
		changed := t.store.tables[d.model.path][d.record.id()].clone()
		if d.field.kind == relatedList {
			list, _ := changed[d.field.name].([]any)
			changed[d.field.name] = slices.DeleteFunc(list, func(id any) bool { return doomed[fmt.Sprint(id)] })
		} else {
			changed[d.field.name] = nil
		}
		t.put(d.model, changed)
	}
	for _, d := range order {
		t.remove(d.model, d.record)
		t.removeNotes(d.model, d.record)
	}
	return nil
}

// removeNotes deletes the notes of a deleted record: their generic relation cascades.
func (t *transaction) removeNotes(m *model, r record) {
	notes := byPath["extras/notes"]
	for _, note := range t.store.all(notes) {
		if note["assigned_object_type"] == m.kind && note["assigned_object_id"] == r.id() {
			t.remove(notes, note)
		}
	}
}

// dependents returns the records that refer to r.
func (s *store) dependents(m *model, r record) []dependent {
	var found []dependent
	for _, other := range models {
		for i := range other.fields {
			f := &other.fields[i]
			if f.to != m.path {
				continue
			}
			for _, candidate := range s.all(other) {
				if refers(candidate[f.name], r.id()) {
					found = append(found, dependent{model: other, record: candidate, field: f})
				}
			}
		}
	}
	return found
}

func refers(value any, id string) bool {
	if list, ok := value.([]any); ok {
		return slices.Contains(list, any(id))
	}
	return value == id
}
