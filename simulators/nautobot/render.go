package nautobot

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// view is how one request wants records shown.
type view struct {
	base  string // scheme://host of the request: Nautobot makes its URLs from it
	depth int
	// counted: a record that was just created is shown without its counts, because only lists and lookups annotate them.
	counted bool
	manyAll bool // exclude_m2m=false: many-to-many fields as well
	manyNo  bool // exclude_m2m=true: not even tags and content types
	nested  bool
	include []string // opt-in fields
}

// truthy is Nautobot's is_truthy (core/settings_funcs.py).
func truthy(words string) bool {
	return slices.Contains([]string{"true", "t", "yes", "y", "on", "1"}, strings.ToLower(words))
}

func viewOf(r *http.Request) view {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	v := view{base: scheme + "://" + r.Host, counted: r.Method != http.MethodPost}
	if r.URL.RawQuery == "" {
		return v
	}
	query := r.URL.Query()
	if given := query.Get("exclude_m2m"); given != "" {
		v.manyAll, v.manyNo = !truthy(given), truthy(given)
	}
	if r.Method == http.MethodGet {
		if depth, err := strconv.Atoi(query.Get("depth")); err == nil {
			v.depth = min(max(depth, 0), 10)
		}
		v.include = query["include"]
	}
	return v
}

// part is what one member of a shown record is.
type part int

const (
	ofField part = iota
	ofID
	ofType
	ofDisplay
	ofURL
	ofSlug
	ofCreated
	ofUpdated
	ofNotes
	ofCustom
)

// member is one member of a shown record.
type member struct {
	lead  []byte // ,"name":
	part  part
	field *field
}

// arrange lays down what the model's serializer shows, in its order.
func (m *model) arrange() {
	m.members = nil
	add := func(name string, what part, f *field) {
		m.members = append(m.members, member{lead: []byte(`,"` + name + `":`), part: what, field: f})
	}
	add("id", ofID, nil)
	add("object_type", ofType, nil)
	add("display", ofDisplay, nil)
	add("url", ofURL, nil)
	add("natural_slug", ofSlug, nil)
	for _, f := range m.fields {
		if f.name != "tags" && !f.hidden {
			add(f.name, ofField, f)
		}
	}
	if m.stamped {
		add("created", ofCreated, nil)
		add("last_updated", ofUpdated, nil)
	}
	if m.tags {
		add("tags", ofField, m.field("tags"))
	}
	if m.notes {
		add("notes_url", ofNotes, nil)
	}
	if m.custom {
		add("custom_fields", ofCustom, nil)
	}
	m.members[0].lead[0] = '{'
	m.slugged = make([]*field, len(m.natural))
	for i, name := range m.natural {
		m.slugged[i] = m.field(name) // nil for id and created
	}
}

// appendRecord renders a record as the serializer does.
func (s *store) appendRecord(b []byte, v *view, m *model, r *record) []byte {
	for i := range m.members {
		member := &m.members[i]
		if f := member.field; f != nil && s.left(v, m, f) {
			continue
		}
		b = append(b, member.lead...)
		switch member.part {
		case ofID:
			b = appendString(b, r.id)
		case ofType:
			b = appendString(b, m.kind)
		case ofDisplay:
			b = appendString(b, s.display(m, r))
		case ofURL:
			b = append(v.appendURL(append(b, '"'), m, r.id), '"')
		case ofSlug:
			b = s.appendSlug(b, m, r)
		case ofCreated:
			b = appendText(b, r.created)
		case ofUpdated:
			b = appendText(b, r.updated)
		case ofNotes:
			b = append(v.appendURL(append(b, '"'), m, r.id), `notes/"`...)
		case ofCustom:
			b = s.appendCustom(b, m, r)
		default:
			b = s.appendField(b, v, m, r, member.field)
		}
	}
	if !v.nested {
		for _, name := range v.include {
			switch {
			case !m.custom:
			case name == "relationships":
				b = s.appendRelationships(append(b, `,"relationships":`...), v, m, r)
			case name == "computed_fields":
				b = s.appendTemplates(append(b, `,"computed_fields":`...), m, r)
			}
		}
	}
	return append(b, '}')
}

// left says whether a field is left out: many-to-many fields other than tags and content types since Nautobot 3.0,
// opt-in fields that were not asked for, and counts where nothing was annotated.
func (s *store) left(v *view, m *model, f *field) bool {
	switch {
	case f.kind == counted:
		return !v.counted || v.nested
	case f.kind == computed:
		return (f.near == "optin" && !slices.Contains(v.include, f.name)) || (v.nested && f.name == "tree_depth")
	case f.kind == contentTypes:
		return v.manyNo
	case f.toMany():
		return v.manyNo || v.nested || (!v.manyAll && f.name != "tags")
	}
	return false
}

func (v *view) appendURL(b []byte, m *model, id string) []byte {
	b = append(b, v.base...)
	b = append(b, "/api/"...)
	b = append(b, m.path...)
	b = append(b, '/')
	b = append(b, id...)
	return append(b, '/')
}

func (s *store) appendField(b []byte, v *view, m *model, r *record, f *field) []byte {
	switch f.kind {
	case counted:
		if f.to == "" {
			return append(b, '0')
		}
		other := s.tables[f.to]
		return strconv.AppendInt(b, int64(other.where(other.model.field(f.near), r.id).len()), 10)
	case through:
		return s.appendMany(b, v, s.throughModel(f), s.throughIDs(f, r))
	case computed:
		return shownComputed[f.far](s, b, v, m, r)
	}
	value := r.values[f.at]
	switch f.kind {
	case related:
		return s.appendRelated(b, v, f.target, value)
	case relatedList:
		ids, _ := value.([]string)
		return s.appendMany(b, v, f.target, ids)
	case choiceOf:
		words, _ := value.(string)
		c, ok := f.choice(words)
		if f.bare && ok {
			return appendString(b, words)
		}
		if !ok {
			return append(b, "null"...)
		}
		b = append(b, `{"value":`...)
		if f.number {
			b = append(b, c.value...)
		} else {
			b = appendString(b, c.value)
		}
		b = append(b, `,"label":`...)
		return append(appendString(b, c.label), '}')
	}
	return appendValue(b, value)
}

func appendValue(b []byte, value any) []byte {
	switch value := value.(type) {
	case nil:
		return append(b, "null"...)
	case string:
		return appendString(b, value)
	case bool:
		return strconv.AppendBool(b, value)
	case int64:
		return strconv.AppendInt(b, value, 10)
	default:
		return appendJSON(b, value)
	}
}

// appendRelated shows exactly {id, object_type, url} at depth 0: no name.
func (s *store) appendRelated(b []byte, v *view, m *model, id any) []byte {
	key, ok := id.(string)
	if !ok {
		return append(b, "null"...)
	}
	if v.depth > 0 {
		if r := s.find(m.path, key); r != nil {
			return s.appendRecord(b, v.inside(), m, r)
		}
	}
	b = append(b, `{"id":`...)
	b = appendString(b, key)
	b = append(b, `,"object_type":"`...)
	b = append(b, m.kind...)
	b = append(b, `","url":"`...)
	return append(v.appendURL(b, m, key), `"}`...)
}

func (v *view) inside() *view {
	inner := *v
	inner.depth--
	inner.nested = true
	return &inner
}

func (s *store) appendMany(b []byte, v *view, m *model, ids []string) []byte {
	b = append(b, '[')
	for i, id := range ids {
		if i > 0 {
			b = append(b, ',')
		}
		b = s.appendRelated(b, v, m, id)
	}
	return append(b, ']')
}

// throughModel is the model at the far side of an assignment table.
func (s *store) throughModel(f *field) *model {
	return s.schema.byPath[s.schema.byPath[f.to].field(f.far).to]
}

// throughIDs are the ids at the far side of an assignment table.
func (s *store) throughIDs(f *field, r *record) []string {
	table := s.tables[f.to]
	far := table.model.field(f.far)
	ids := []string{}
	table.where(table.model.field(f.near), r.id).all(func(assignment *record) bool {
		if id, ok := assignment.values[far.at].(string); ok {
			ids = append(ids, id)
		}
		return true
	})
	return ids
}

// appendText is null for a time that is not set.
func appendText(b []byte, words string) []byte {
	if words == "" {
		return append(b, "null"...)
	}
	return appendString(b, words)
}

// appendString writes a JSON string; DRF escapes neither HTML nor what is not ASCII.
func appendString(b []byte, words string) []byte {
	for i := range len(words) {
		if c := words[i]; c < 0x20 || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return appendJSON(b, words)
		}
	}
	b = append(b, '"')
	b = append(b, words...)
	return append(b, '"')
}

func appendJSON(b []byte, value any) []byte {
	if list, ok := value.([]string); ok && list == nil {
		return append(b, "[]"...)
	}
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		// Values come from JSON or from our own tables: nothing in them can fail to encode.
		panic("nautobot: encode answer: " + err.Error())
	}
	return append(b, bytes.TrimRight(buffer.Bytes(), "\n")...)
}

// appendSlug writes the natural key for people, with the beginning of the id to keep it apart from others
// (construct_natural_slug, core/models/utils.py).
func (s *store) appendSlug(b []byte, m *model, r *record) []byte {
	b = s.appendSlugParts(append(b, '"'), m, r, 3)
	return append(append(b, r.id[:min(4, len(r.id))]...), '"')
}

func (s *store) appendSlugParts(b []byte, m *model, r *record, depth int) []byte {
	for i, name := range m.natural {
		switch name {
		case "id":
			b = append(append(b, r.id...), '_')
			continue
		case "created":
			b = append(slug(b, r.created), '_')
			continue
		}
		f := m.slugged[i]
		value := r.values[f.at]
		if f.kind != related {
			if value != nil {
				b = slug(b, plain(value))
			}
			b = append(b, '_')
			continue
		}
		id, _ := value.(string)
		other := s.find(f.to, id)
		if other == nil || depth == 0 {
			b = append(b, '_')
			continue
		}
		b = s.appendSlugParts(b, f.target, other, depth-1)
	}
	return b
}

// slug is Django's slugify with dots and colons as dashes.
func slug(b []byte, words string) []byte {
	dash, some := false, false
	for i := range len(words) {
		c := words[i]
		switch {
		case c >= 'A' && c <= 'Z':
			c += 'a' - 'A'
			fallthrough
		case (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_':
			if dash && some {
				b = append(b, '-')
			}
			b = append(b, c)
			dash, some = false, true
		case c == ' ' || c == '-' || c == '.' || c == ':' || c == '\t' || c == '\n':
			dash = true
		}
	}
	return b
}
