package nautobot

import (
	"slices"
	"strings"
)

// store holds all records. Its methods expect the server's lock.
type store struct {
	schema   *schema
	tables   map[string]*table // by model path
	generics []reference       // fields that may refer to a record of any model
}

func newStore(schema *schema) *store {
	s := &store{schema: schema, tables: map[string]*table{}}
	for _, m := range schema.models {
		s.tables[m.path] = newTable(m)
		for _, f := range m.stored {
			if f.kind == generic {
				s.generics = append(s.generics, reference{m, f})
			}
		}
	}
	return s
}

// find returns the record of a model with that id, or nil.
func (s *store) find(path, id string) *record {
	if t := s.tables[path]; t != nil {
		return t.byID[id]
	}
	return nil
}

// display is what the API shows as display.
func (s *store) display(m *model, r *record) string { return s.fill(m, r, m.display) }

// str is what str() gives in Nautobot.
func (s *store) str(m *model, r *record) string { return s.fill(m, r, m.str) }

// fill puts a record's values into a template. {a|b} is b where a is empty; #id is the id behind a hash.
func (s *store) fill(m *model, r *record, template string) string {
	if strings.Count(template, "{") == 1 && template[0] == '{' && template[len(template)-1] == '}' && !strings.Contains(template, "|") {
		return s.word(m, r, template[1:len(template)-1])
	}
	var b strings.Builder
	for template != "" {
		before, rest, found := strings.Cut(template, "{")
		b.WriteString(before)
		if !found {
			break
		}
		names, after, _ := strings.Cut(rest, "}")
		for name := range strings.SplitSeq(names, "|") {
			if word := s.word(m, r, name); word != "" {
				b.WriteString(word)
				break
			}
		}
		template = after
	}
	return b.String()
}

func (s *store) word(m *model, r *record, name string) string {
	switch name {
	case "id":
		return r.id
	case "#id":
		return "#" + r.id
	case "created":
		return r.created
	}
	f := m.field(name)
	if f == nil || f.at < 0 {
		return ""
	}
	value := r.values[f.at]
	if f.kind == related {
		id, _ := value.(string)
		if other := s.find(f.to, id); other != nil {
			return s.str(s.schema.byPath[f.to], other)
		}
		return ""
	}
	if f.kind == choiceOf {
		words, _ := value.(string)
		return words
	}
	if value == nil {
		return ""
	}
	return plain(value)
}

// operation is one change of one record: no before is a creation, no after a deletion.
type operation struct {
	model         *model
	before, after *record
	silent        bool // of bookkeeping: not in the journal
}

// transaction changes records and can take its changes back. What it changed reaches the journal with commit only.
type transaction struct {
	store      *store
	operations []operation
}

// put stores a record, new or changed.
func (t *transaction) put(m *model, r *record) {
	table := t.store.tables[m.path]
	before := table.byID[r.id]
	r.order = t.store.orderOf(m, r)
	t.apply(operation{model: m, before: before, after: r})
	if before != nil && before.order != r.order {
		t.reorder(m, r)
	}
}

func (t *transaction) remove(m *model, r *record) { t.apply(operation{model: m, before: r}) }

func (t *transaction) apply(o operation) {
	o.run(t.store)
	t.operations = append(t.operations, o)
}

func (o operation) run(s *store) {
	table := s.tables[o.model.path]
	switch {
	case o.before == nil:
		table.insert(o.after)
	case o.after == nil:
		table.delete(o.before)
	default:
		table.replace(o.before, o.after)
	}
}

// reorder sorts anew what is sorted by the place of a record that moved, such as a renamed device's interfaces.
func (t *transaction) reorder(m *model, r *record) {
	for _, ref := range m.pointed {
		if ref.field.kind != related || !slices.Contains(ref.model.order, ref.field.name) {
			continue
		}
		for _, other := range t.store.tables[ref.model.path].where(ref.field, r.id).records() {
			moved := *other
			moved.order = t.store.orderOf(ref.model, &moved)
			t.apply(operation{model: ref.model, before: other, after: &moved, silent: true})
			t.reorder(ref.model, &moved)
		}
	}
}

func (t *transaction) rollback() {
	for _, o := range slices.Backward(t.operations) {
		operation{model: o.model, before: o.after, after: o.before}.run(t.store)
	}
	t.operations = nil
}

// current returns the version of a record that is in its table now.
func (t *transaction) current(m *model, r *record) *record { return t.store.tables[m.path].byID[r.id] }
