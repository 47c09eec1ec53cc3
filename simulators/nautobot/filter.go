package nautobot

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// notFilters are the query parameters that say how to answer, not what to look for.
var notFilters = []string{"limit", "offset", "depth", "format", "api_version", "include", "exclude_m2m", "sort", "brief"}

const unknownFilter = "Unknown filter field"

// condition is one filter. Where an index knows which records may pass, narrow is set and calls do with them; exact
// says that all of them do pass.
type condition struct {
	test   func(r *record) bool
	narrow []*group
	ids    []string
	byID   bool // ids are the ids of the records that may pass
	exact  bool
}

// size is how many records are left to look at; -1: all.
func (c *condition) size() int {
	if c.byID {
		return len(c.ids)
	}
	if c.narrow == nil {
		return -1
	}
	total := 0
	for _, g := range c.narrow {
		total += g.len()
	}
	return total
}

// filters makes conditions of a query, or a 400 as Nautobot with STRICT_FILTERING answers.
func (s *store) filters(m *model, query url.Values) ([]*condition, error) {
	issues := problems{}
	var conditions []*condition
	for name, values := range query {
		if slices.Contains(notFilters, name) {
			continue
		}
		made, message := s.filter(m, name, values)
		if message != "" {
			issues.add(name, message)
			continue
		}
		conditions = append(conditions, made)
	}
	return conditions, issues.refusal()
}

func (s *store) filter(m *model, name string, values []string) (*condition, string) {
	if name == "q" {
		return &condition{test: func(r *record) bool { return s.matches(m, r, values[0]) }}, ""
	}
	if special := specialFilters[m.path+"?"+name]; special != nil {
		return special(s, m, values)
	}
	if key, ok := strings.CutPrefix(name, "cf_"); ok && m.custom {
		return s.customFilter(m, key, values)
	}
	base, lookup := name, ""
	if !m.filterable(base) {
		at := strings.LastIndex(name, "__")
		if at < 0 {
			return nil, unknownFilter
		}
		base, lookup = name[:at], name[at+2:]
		if lookup == "" || !m.filterable(base) {
			return nil, unknownFilter
		}
	}
	return s.filterOn(m, base, lookup, values)
}

func (m *model) filterable(name string) bool {
	switch name {
	case "id":
		return true
	case "created", "last_updated":
		return m.stamped
	}
	if f := m.field(name); f != nil && !f.hidden {
		return f.kind != object && f.kind != counted && f.kind != computed
	}
	if _, ok := m.filters[name]; ok {
		return true
	}
	back, _ := strings.CutPrefix(name, "has_")
	if _, ok := m.byBack[back]; ok {
		return true
	}
	f := m.field(back)
	return back != name && f != nil && (f.kind == related || f.toMany())
}

// filterOn makes the condition of one field, alias or reverse relation.
func (s *store) filterOn(m *model, base, lookup string, values []string) (*condition, string) {
	switch base {
	case "id":
		return s.idFilter(m, lookup, values)
	case "created", "last_updated":
		return orderedFilter(func(r *record) any {
			if base == "created" {
				return r.created
			}
			return r.updated
		}, lookup, values)
	}
	if f := m.field(base); f != nil && !f.hidden {
		return s.fieldFilter(m, f, lookup, values)
	}
	if path, ok := m.filters[base]; ok {
		return s.pathFilter(m, path, lookup, values)
	}
	if back, ok := m.byBack[base]; ok {
		return s.reverseFilter(m, back, lookup, values)
	}
	return s.hasFilter(m, strings.TrimPrefix(base, "has_"), lookup, values)
}

func (s *store) idFilter(m *model, lookup string, values []string) (*condition, string) {
	if lookup != "" && lookup != "n" && lookup != "in" {
		c, message := textCondition(func(r *record) any { return r.id }, false, lookup, values)
		return c, message
	}
	var ids []string
	for _, value := range values {
		for value := range strings.SplitSeq(value, ",") {
			id, err := uuid.Parse(value)
			if err != nil {
				return nil, "Enter a valid UUID."
			}
			ids = append(ids, id.String())
		}
	}
	if lookup == "n" {
		return &condition{test: func(r *record) bool { return !slices.Contains(ids, r.id) }}, ""
	}
	return &condition{test: func(r *record) bool { return slices.Contains(ids, r.id) }, ids: ids, byID: true, exact: true}, ""
}

func (s *store) fieldFilter(m *model, f *field, lookup string, values []string) (*condition, string) {
	get := func(r *record) any { return r.values[max(f.at, 0)] }
	switch f.kind {
	case related, relatedList, through:
		return s.relationFilter(m, f, lookup, values)
	case integer:
		return s.numberFilter(m, f, lookup, values)
	case decimal, float, date, datetime:
		if lookup == "isnull" && f.null {
			return isNull(get, values[0]), ""
		}
		return orderedFilter(get, lookup, values)
	case boolean:
		return booleanFilter(get, lookup, values)
	case object, counted, computed:
		return nil, unknownFilter
	}
	if f.kind == choiceOf && (lookup == "" || lookup == "n") {
		for _, value := range values {
			if _, ok := f.choice(value); !ok {
				return nil, fmt.Sprintf("Select a valid choice. %s is not one of the available choices.", value)
			}
		}
	}
	if f.kind == mac {
		normal := make([]string, len(values))
		for i, value := range values {
			normal[i] = value
			if stored, message := convertMAC(f, value); message == "" {
				normal[i], _ = stored.(string)
			} else if lookup == "" {
				return nil, fmt.Sprintf("Enter a valid MAC address: %s", value)
			}
		}
		values = normal
	}
	c, message := textCondition(get, f.null, lookup, values)
	if message != "" {
		return nil, message
	}
	if lookup == "" && f.indexed && !slices.Contains(values, "null") {
		s.narrow(c, m, f, values)
	}
	return c, ""
}

// narrow sets what the index of a field says about the values.
func (s *store) narrow(c *condition, m *model, f *field, keys []string) {
	c.narrow, c.exact = []*group{}, true
	seen := map[string]bool{}
	for _, key := range keys {
		if seen[key] {
			continue
		}
		seen[key] = true
		if g := s.tables[m.path].where(f, key); g != nil {
			c.narrow = append(c.narrow, g)
		}
	}
	if f.kind == relatedList && len(c.narrow) > 1 {
		c.exact = false // a record may be in several groups
	}
}

// named returns the ids of the records that the values of a relation's filter mean: ids, or names.
func (s *store) named(m *model, values []string) (ids []string, null bool, message string) {
	for _, value := range values {
		if value == "null" {
			null = true
			continue
		}
		if id, err := uuid.Parse(value); err == nil {
			if s.find(m.path, id.String()) == nil {
				return nil, false, fmt.Sprintf("Select a valid choice. %s is not one of the available choices.", value)
			}
			ids = append(ids, id.String())
			continue
		}
		found := false
		if key := m.field(m.natural[0]); key != nil && key.indexed && key.kind != related {
			s.tables[m.path].where(key, value).all(func(r *record) bool {
				ids, found = append(ids, r.id), true
				return true
			})
		}
		if key := m.field("name"); !found && key != nil {
			s.tables[m.path].where(key, value).all(func(r *record) bool {
				ids, found = append(ids, r.id), true
				return true
			})
		}
		if !found {
			return nil, false, fmt.Sprintf("Select a valid choice. %s is not one of the available choices.", value)
		}
	}
	return ids, null, ""
}

// descend adds a tree's descendants: a filter by location means what is below it, too.
func (s *store) descend(m *model, ids []string) []string {
	if !m.tree {
		return ids
	}
	parent := m.field("parent")
	for i := 0; i < len(ids); i++ {
		s.tables[m.path].where(parent, ids[i]).all(func(r *record) bool {
			if !slices.Contains(ids, r.id) {
				ids = append(ids, r.id)
			}
			return true
		})
	}
	return ids
}

func (s *store) relationFilter(m *model, f *field, lookup string, values []string) (*condition, string) {
	idsOf := func(r *record) []string {
		if f.kind == through {
			return s.throughIDs(f, r)
		}
		switch value := r.values[f.at].(type) {
		case string:
			return []string{value}
		case []string:
			return value
		}
		return nil
	}
	switch lookup {
	case "isnull":
		if !f.null && !f.toMany() {
			return nil, unknownFilter
		}
		wanted, message := convertBoolean(values[0])
		if message != "" {
			return &condition{test: func(*record) bool { return true }}, ""
		}
		return &condition{test: func(r *record) bool { return (len(idsOf(r)) == 0) == wanted.(bool) }}, ""
	case "", "n":
	default:
		return nil, unknownFilter
	}
	other := s.schema.byPath[f.to]
	if f.kind == through {
		other = s.throughModel(f)
	}
	ids, null, message := s.named(other, values)
	if message != "" {
		return nil, message
	}
	ids = s.descend(other, ids)
	wanted := map[string]bool{}
	for _, id := range ids {
		wanted[id] = true
	}
	c := &condition{test: func(r *record) bool {
		have := idsOf(r)
		matched := null && len(have) == 0 || slices.ContainsFunc(have, func(id string) bool { return wanted[id] })
		return matched == (lookup == "")
	}}
	if lookup == "" && !null && f.kind != through {
		s.narrow(c, m, f, ids)
	}
	if lookup == "" && !null && f.kind == through {
		table := s.tables[f.to]
		near := table.model.field(f.near)
		c.byID, c.ids = true, []string{}
		for _, id := range ids {
			table.where(table.model.field(f.far), id).all(func(assignment *record) bool {
				if id, ok := assignment.values[near.at].(string); ok {
					c.ids = append(c.ids, id)
				}
				return true
			})
		}
	}
	return c, ""
}

// reverseFilter finds records by those that refer to them.
func (s *store) reverseFilter(m *model, back reference, lookup string, values []string) (*condition, string) {
	if lookup == "isnull" {
		return s.hasFilter(m, back.field.reverse, "", []string{fmt.Sprint(!truthy(values[0]))})
	}
	if lookup != "" && lookup != "n" {
		return nil, unknownFilter
	}
	ids, _, message := s.named(back.model, values)
	if message != "" {
		return nil, message
	}
	wanted := map[string]bool{}
	for _, id := range ids {
		if r := s.find(back.model.path, id); r != nil {
			indexKeys(r.values[back.field.at], func(id string) { wanted[id] = true })
		}
	}
	return &condition{test: func(r *record) bool { return wanted[r.id] == (lookup == "") }}, ""
}

func (s *store) hasFilter(m *model, name, lookup string, values []string) (*condition, string) {
	wanted, message := convertBoolean(values[0])
	if lookup != "" {
		return nil, unknownFilter
	}
	if message != "" {
		return &condition{test: func(*record) bool { return true }}, ""
	}
	return &condition{test: func(r *record) bool {
		_, found := s.step(m, r, name)
		return (len(found) > 0) == wanted.(bool)
	}}, ""
}

// step follows one relation of a record, forwards or backwards.
func (s *store) step(m *model, r *record, name string) (*model, []*record) {
	if f := m.field(name); f != nil {
		var ids []string
		other := s.schema.byPath[f.to]
		switch f.kind {
		case related, relatedList:
			indexKeys(r.values[f.at], func(id string) { ids = append(ids, id) })
		case through:
			other, ids = s.throughModel(f), s.throughIDs(f, r)
		default:
			return nil, nil
		}
		found := make([]*record, 0, len(ids))
		for _, id := range ids {
			if r := s.find(other.path, id); r != nil {
				found = append(found, r)
			}
		}
		return other, found
	}
	if back, ok := m.byBack[name]; ok {
		return back.model, s.tables[back.model.path].where(back.field, r.id).records()
	}
	return nil, nil
}

// stepModel is the model that one relation leads to, or nil.
func (s *store) stepModel(m *model, name string) *model {
	if f := m.field(name); f != nil {
		if f.kind == through {
			return s.throughModel(f)
		}
		return s.schema.byPath[f.to]
	}
	if back, ok := m.byBack[name]; ok {
		return back.model
	}
	return nil
}

// pathFilter is a filter on a field of a related record, such as device_type.manufacturer.
func (s *store) pathFilter(m *model, path, lookup string, values []string) (*condition, string) {
	steps := strings.Split(path, ".")
	last := m
	for _, name := range steps[:len(steps)-1] {
		if last = s.stepModel(last, name); last == nil {
			return nil, unknownFilter
		}
	}
	inner, message := s.filterOn(last, steps[len(steps)-1], lookup, values)
	if message != "" || len(steps) == 1 {
		return inner, message
	}
	var reached func(m *model, r *record, steps []string) bool
	reached = func(m *model, r *record, steps []string) bool {
		if len(steps) == 1 {
			return inner.test(r)
		}
		other, found := s.step(m, r, steps[0])
		return slices.ContainsFunc(found, func(r *record) bool { return reached(other, r, steps[1:]) })
	}
	return &condition{test: func(r *record) bool { return reached(m, r, steps) }}, ""
}

// matches is ?q=: containment in one of the model's search fields, or the whole id.
func (s *store) matches(m *model, r *record, words string) bool {
	words = strings.ToLower(strings.TrimSpace(words))
	if words == "" || r.id == words {
		return true
	}
	for _, name := range m.search {
		first, rest, nested := strings.Cut(name, ".")
		if !nested {
			if value := m.get(r, first); value != nil && strings.Contains(strings.ToLower(plain(value)), words) {
				return true
			}
			continue
		}
		other, found := s.step(m, r, first)
		for _, r := range found {
			if value := other.get(r, rest); value != nil && strings.Contains(strings.ToLower(plain(value)), words) {
				return true
			}
		}
	}
	return false
}

func (s *store) customFilter(m *model, name string, values []string) (*condition, string) {
	definition := s.schema.byPath["extras/custom-fields"]
	for _, field := range s.customFields(m.kind) {
		key := definition.text(field, "key")
		lookup, ok := strings.CutPrefix(name, key)
		if !ok || (lookup != "" && !strings.HasPrefix(lookup, "__")) {
			continue
		}
		get := func(r *record) any {
			value := r.custom[key]
			if list, ok := value.([]any); ok {
				words := make([]string, len(list))
				for i, item := range list {
					words[i] = plain(item)
				}
				return words
			}
			if truth, ok := value.(bool); ok {
				return strings.ToLower(plain(truth))
			}
			if value == nil {
				return nil
			}
			return plain(value)
		}
		return textCondition(get, true, strings.TrimPrefix(lookup, "__"), values)
	}
	return nil, unknownFilter
}
