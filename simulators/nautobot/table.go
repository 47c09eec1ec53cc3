package nautobot

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tidwall/btree"
)

// table holds the records of one model with what finds them: by id, by the values of indexed fields, by unique sets,
// and in the order of lists.
type table struct {
	model   *model
	byID    map[string]*record
	ordered *btree.BTreeG[*record]
	index   []map[string]*group // by field.at; nil where the field is not indexed
	sets    []map[string]*record
}

func before(a, b *record) bool {
	if a.order != b.order {
		return a.order < b.order
	}
	return a.id < b.id
}

func byOrder(a, b *record) int { return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(a.id, b.id)) }

func newTable(m *model) *table {
	t := &table{model: m, byID: map[string]*record{}, ordered: newTree(), index: make([]map[string]*group, len(m.stored))}
	for _, f := range m.stored {
		if f.indexed {
			t.index[f.at] = map[string]*group{}
		}
	}
	t.sets = make([]map[string]*record, len(m.sets))
	for i := range t.sets {
		t.sets[i] = map[string]*record{}
	}
	return t
}

func newTree() *btree.BTreeG[*record] {
	return btree.NewBTreeGOptions(before, btree.Options{NoLocks: true})
}

// group is the records that share one value, in the order of lists. Most groups are small, a few hold the whole table.
type group struct {
	few  []*record
	many *btree.BTreeG[*record]
}

const fewest = 64

func (g *group) add(r *record) {
	if g.many != nil {
		g.many.Set(r)
		return
	}
	at, _ := slices.BinarySearchFunc(g.few, r, byOrder)
	g.few = slices.Insert(g.few, at, r)
	if len(g.few) > fewest {
		g.many = newTree()
		for _, r := range g.few {
			g.many.Set(r)
		}
		g.few = nil
	}
}

func (g *group) remove(r *record) {
	if g.many != nil {
		g.many.Delete(r)
		return
	}
	if at, found := slices.BinarySearchFunc(g.few, r, byOrder); found {
		g.few = slices.Delete(g.few, at, at+1)
	}
}

func (g *group) len() int {
	switch {
	case g == nil:
		return 0
	case g.many != nil:
		return g.many.Len()
	}
	return len(g.few)
}

// all calls do for each record, in order, until it returns false.
func (g *group) all(do func(*record) bool) {
	switch {
	case g == nil:
	case g.many != nil:
		g.many.Scan(do)
	default:
		for _, r := range g.few {
			if !do(r) {
				return
			}
		}
	}
}

func (g *group) at(i int) *record {
	if g.many != nil {
		r, _ := g.many.GetAt(i)
		return r
	}
	return g.few[i]
}

// records returns a copy that may be kept while the group changes.
func (g *group) records() []*record {
	found := make([]*record, 0, g.len())
	g.all(func(r *record) bool {
		found = append(found, r)
		return true
	})
	return found
}

// indexKeys calls do with each key that a value is indexed by: none for null, one for a text, several for a list.
func indexKeys(value any, do func(string)) {
	switch value := value.(type) {
	case string:
		do(value)
	case []string:
		for _, key := range value {
			do(key)
		}
	case int64:
		do(sortNumber(value))
	}
}

// enter puts a record under each key of a value.
func enter(index map[string]*group, value any, r *record) {
	indexKeys(value, func(key string) {
		g := index[key]
		if g == nil {
			g = &group{}
			index[key] = g
		}
		g.add(r)
	})
}

// leave takes a record away from each key of a value.
func leave(index map[string]*group, value any, r *record) {
	indexKeys(value, func(key string) {
		if g := index[key]; g != nil {
			if g.remove(r); g.len() == 0 {
				delete(index, key)
			}
		}
	})
}

func (t *table) insert(r *record) {
	t.byID[r.id] = r
	t.ordered.Set(r)
	for at, index := range t.index {
		if index == nil {
			continue
		}
		enter(index, r.values[at], r)
	}
	for i, set := range t.model.sets {
		if key, whole := set.key(r); whole {
			t.sets[i][key] = r
		}
	}
}

func (t *table) delete(r *record) {
	delete(t.byID, r.id)
	t.ordered.Delete(r)
	for at, index := range t.index {
		if index == nil {
			continue
		}
		leave(index, r.values[at], r)
	}
	for i, set := range t.model.sets {
		if key, whole := set.key(r); whole && t.sets[i][key] == r {
			delete(t.sets[i], key)
		}
	}
}

// where returns the records whose field has that value.
func (t *table) where(f *field, key string) *group {
	if f == nil || f.at < 0 || t.index[f.at] == nil {
		return nil
	}
	return t.index[f.at][key]
}

// key is the set's values as one text. Null equals nothing, as in SQL: then there is no key.
func (s uniqueSet) key(r *record) (string, bool) {
	var b strings.Builder
	for _, f := range s.fields {
		switch value := r.values[f.at].(type) {
		case nil:
			return "", false
		case string:
			if value == "" && f.kind == choiceOf {
				return "", false // an unset face or side makes no set
			}
			b.WriteString(value)
		default:
			b.WriteString(sortText(value))
		}
		b.WriteByte(0)
	}
	return b.String(), true
}

// taken returns the other record that has the same values in the whole set, or nil.
func (t *table) taken(i int, r *record) *record {
	key, whole := t.model.sets[i].key(r)
	if !whole {
		return nil
	}
	if other := t.sets[i][key]; other != nil && other.id != r.id {
		return other
	}
	return nil
}

// replace puts another version of a record in its place.
func (t *table) replace(old, r *record) {
	if old.order != r.order {
		t.delete(old)
		t.insert(r)
		return
	}
	t.byID[r.id] = r
	t.ordered.Set(r)
	for at, index := range t.index {
		if index == nil {
			continue
		}
		if sameKeys(old.values[at], r.values[at]) {
			indexKeys(r.values[at], func(key string) { index[key].swap(r) })
			continue
		}
		leave(index, old.values[at], old)
		enter(index, r.values[at], r)
	}
	for i, set := range t.model.sets {
		oldKey, oldWhole := set.key(old)
		key, whole := set.key(r)
		if oldWhole && oldKey != key && t.sets[i][oldKey] == old {
			delete(t.sets[i], oldKey)
		}
		if whole {
			t.sets[i][key] = r
		}
	}
}

func sameKeys(a, b any) bool {
	switch a := a.(type) {
	case []string:
		b, ok := b.([]string)
		return ok && slices.Equal(a, b)
	case map[string]any, []any:
		return false
	}
	switch b.(type) {
	case []string, map[string]any, []any:
		return false
	}
	return a == b
}

// swap replaces the version of a record that the group holds.
func (g *group) swap(r *record) {
	if g.many != nil {
		g.many.Set(r)
		return
	}
	if at, found := slices.BinarySearchFunc(g.few, r, byOrder); found {
		g.few[at] = r
	}
}
