package nautobot

import (
	"fmt"
	"slices"
	"strings"
)

// dependent is a record that a deletion meets.
type dependent struct {
	model  *model
	record *record
	field  *field
}

// deletion follows what a record's deletion brings with it, as Django's Collector does.
type deletionPlan struct {
	store      *store
	doomed     map[string]bool
	order      []dependent // what is deleted, dependents first
	protecting []dependent // what forbids it
	loosen     []dependent // what loses its reference
}

func (p *deletionPlan) collect(m *model, r *record) {
	if p.doomed[r.id] {
		return
	}
	p.doomed[r.id] = true
	for _, ref := range m.pointed {
		p.store.tables[ref.model.path].where(ref.field, r.id).all(func(other *record) bool {
			d := dependent{model: ref.model, record: other, field: ref.field}
			switch {
			case ref.field.kind == relatedList || ref.field.onDelete == setNull:
				p.loosen = append(p.loosen, d)
			case ref.field.onDelete == cascade:
				p.collect(ref.model, other)
			default:
				p.protecting = append(p.protecting, d)
			}
			return true
		})
	}
	for _, ref := range p.store.generics {
		p.store.tables[ref.model.path].where(ref.field, r.id).all(func(other *record) bool {
			if ref.model.text(other, ref.field.far) == m.kind {
				p.collect(ref.model, other)
			}
			return true
		})
	}
	p.order = append(p.order, dependent{model: m, record: r})
}

// delete deletes a record with all that goes with it, or refuses with the records that protect it.
func (t *transaction) delete(m *model, r *record) error {
	if hook := beforeDelete[m.path]; hook != nil {
		if err := hook(t, m, r); err != nil {
			return err
		}
		r = t.current(m, r)
	}
	p := &deletionPlan{store: t.store, doomed: map[string]bool{}}
	p.collect(m, r)
	// What is deleted along does not protect anything: an interface does not keep its parent on the same device.
	protecting := slices.DeleteFunc(p.protecting, func(d dependent) bool { return p.doomed[d.record.id] })
	if len(protecting) > 0 {
		return t.protected(protecting)
	}
	for _, d := range p.loosen {
		if p.doomed[d.record.id] {
			continue
		}
		changed := t.current(d.model, d.record).clone()
		if list, ok := changed.values[d.field.at].([]string); ok {
			changed.values[d.field.at] = slices.DeleteFunc(slices.Clone(list), func(id string) bool { return p.doomed[id] })
		} else {
			changed.values[d.field.at] = nil
		}
		t.put(d.model, changed)
	}
	for _, d := range p.order {
		t.remove(d.model, t.current(d.model, d.record))
	}
	return nil
}

// protected is the 409 of ModelViewSetMixin.dispatch (core/api/views.py).
func (t *transaction) protected(by []dependent) error {
	names := make([]string, 0, len(by))
	seen := map[string]bool{}
	for _, d := range by {
		if !seen[d.record.id] {
			seen[d.record.id] = true
			names = append(names, fmt.Sprintf("%s (%s)", t.store.str(d.model, d.record), d.record.id))
		}
	}
	return &refusal{status: 409, body: map[string]any{"detail": fmt.Sprintf(
		"Unable to delete object. %d dependent objects were found: %s", len(names), strings.Join(names, ", "))}}
}
