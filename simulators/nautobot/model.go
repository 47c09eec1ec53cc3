package nautobot

import (
	"slices"
	"strings"
)

// kind is what a field holds.
type kind int

const (
	text         kind = iota
	integer           // int64
	decimal           // a string of fixed precision, as DRF shows decimals
	float             // float64
	boolean           // bool
	date              // YYYY-MM-DD
	datetime          // RFC 3339 in UTC
	choiceOf          // one of field.choices; shown as {value, label}
	choiceList        // several of field.choices, as a list of values
	related           // another record; stored as its id
	relatedList       // several other records; stored as their ids
	through           // several other records, found by way of an assignment table; read-only
	contentType       // app.model
	contentTypes      // list of app.model names
	generic           // id of a record of the model that another field names
	identifier        // any UUID
	object            // any JSON
	address           // IP address with mask, or network
	mac               // MAC address
	counted           // read-only number of records that refer here
	computed          // read-only, by a function of this package
)

// deletion is what happens to a record when the one it refers to is deleted.
type deletion int

const (
	protect deletion = iota // the deletion is refused with 409
	cascade
	setNull
)

// choice is one value of a choice field.
type choice struct{ value, label string }

// field is one field of a model, as Django's model and DRF's serializer together define it.
type field struct {
	name     string
	kind     kind
	at       int    // place in record.values; -1: nothing is stored
	to       string // related: path of the other model; counted, through: of the table that is looked into
	target   *model // the model of to, nil where there is none
	near     string // counted, through: field of that table that refers here
	far      string // through: field of that table that refers to what is shown; generic: field that names the model
	required bool
	null     bool // null is allowed
	blank    bool // "" is allowed
	unique   bool
	readOnly bool
	hidden   bool // written but not shown
	number   bool // choiceOf: the values are numbers
	bare     bool // choiceOf: shown as the value alone
	def      any  // value when not given
	max      int  // greatest length of a text; 0: unbounded
	low      int64
	high     int64 // bounds of an integer; both 0: none
	places   int   // decimal: digits behind the point
	choices  []choice
	onDelete deletion
	reverse  string // what the other model calls the records that refer to it by this field
	label    string // verbose name, in messages
	indexed  bool
}

// toMany says whether the field is a many-to-many one, which Nautobot 3 shows on request only (exclude_m2m=false).
func (f *field) toMany() bool { return f.kind == relatedList || f.kind == through }

func (f *field) choice(value string) (choice, bool) {
	for _, c := range f.choices {
		if c.value == value {
			return c, true
		}
	}
	return choice{}, false
}

// labelOf returns a field's verbose name as Django's messages have it.
func (f *field) labelOf() string {
	if f.label != "" {
		return f.label
	}
	return strings.ReplaceAll(f.name, "_", " ")
}

// uniqueStyle is which part of Nautobot notices that a set of fields is not unique, and therefore in which words.
type uniqueStyle int

const (
	byValidator uniqueStyle = iota // DRF's UniqueTogetherValidator
	whenGiven                      // the same, called by hand and only when its first field was sent; else as byModel
	byModel                        // the model's own validate_unique
)

type uniqueSet struct {
	fields []*field
	style  uniqueStyle
}

// model is one kind of record with its endpoint. The engine knows nothing else about it.
type model struct {
	path    string // app/endpoint, as in /api/{path}/
	kind    string // app.model, shown as object_type
	class   string // Python class, in messages
	verbose string // verbose name, in messages
	plural  string // name of a list of them in GraphQL and in reverse relations
	fields  []*field
	unique  []uniqueSet
	natural []string          // fields of the natural key
	order   []string          // fields that lists are ordered by; _name: name, with the numbers inside it as numbers
	search  []string          // fields that ?q= looks into
	filters map[string]string // further filters: name -> path of fields, such as device_type.manufacturer
	display string            // template of display, such as "{manufacturer} {model}"
	str     string            // template of str()
	tree    bool              // a tree by its field parent
	tags    bool
	notes   bool // has a notes subroute
	custom  bool // has custom fields
	stamped bool // has created and last_updated
	logged  bool // a change of it makes an object change
	fixed   bool // read-only over the API

	byName  map[string]*field
	stored  []*field // fields with a place in record.values, by that place
	sets    []uniqueSet
	pointed []reference // fields of all models that refer to this one
	byBack  map[string]reference
	members []member // what is shown, in order
	slugged []*field // natural's, looked up
}

// reference is a field of a model that refers to another one.
type reference struct {
	model *model
	field *field
}

func (m *model) field(name string) *field { return m.byName[name] }

// schema is all models that a server knows.
type schema struct {
	models  []*model
	byPath  map[string]*model
	byKind  map[string]*model
	choices map[string][]choice
}

func (s *schema) paths() []string {
	paths := make([]string, 0, len(s.models))
	for _, m := range s.models {
		paths = append(paths, m.path)
	}
	return paths
}

// record is one record. It is never changed once it is in a table: a change makes a new one, so that a journal, an
// object change or a reader may keep the old one.
type record struct {
	id      string
	created string
	updated string
	order   string // what lists are sorted by
	values  []any  // by field.at: a related field holds an id, a list []string
	custom  map[string]any
}

func (r *record) clone() *record {
	copied := *r
	copied.values = slices.Clone(r.values)
	return &copied
}

// get returns a stored value by the field's name; nil where there is no such field.
func (m *model) get(r *record, name string) any {
	if f := m.byName[name]; f != nil && f.at >= 0 {
		return r.values[f.at]
	}
	return nil
}

// text returns a stored text or id, "" for null.
func (m *model) text(r *record, name string) string {
	words, _ := m.get(r, name).(string)
	return words
}

func (m *model) set(r *record, name string, value any) {
	if f := m.byName[name]; f != nil && f.at >= 0 {
		r.values[f.at] = value
	}
}
