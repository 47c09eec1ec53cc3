package nautobot

// kind is what a field holds.
type kind int

const (
	text kind = iota
	integer
	boolean
	choiceOf     // one of Field.choices; shown as {value, label}
	related      // another record; stored as its id
	relatedList  // several other records; stored as their ids
	contentTypes // list of app.model names
	object       // free JSON object
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
	to       string // related: path of the other model
	required bool
	null     bool // null is allowed
	blank    bool // "" is allowed
	unique   bool
	def      any // value when not given
	max      int // length of a text, or greatest integer; 0: unbounded
	choices  []choice
	readOnly bool
	onDelete deletion
}

// model is one kind of record with its endpoint. The engine knows nothing else about it.
type model struct {
	path    string // app/endpoint, as in /api/{path}/
	kind    string // app.model, shown as object_type
	class   string // Python class, in messages
	verbose string // verbose name, in messages
	fields  []field
	unique  [][]string        // fields that make a unique set
	natural []string          // fields of the natural key; display is the first
	order   string            // field that lists are ordered by
	counts  map[string]string // read-only count -> "path.field" that is counted; "" is always 0
	alias   map[string]string // further names of filters
	search  []string          // fields that ?q= looks in
	notes   bool              // has a notes subroute
	extra   map[string]any    // constant read-only fields
}

func (m *model) field(name string) *field {
	for i := range m.fields {
		if m.fields[i].name == name {
			return &m.fields[i]
		}
	}
	return nil
}

// record holds the values of one record by field name, with id, created and last_updated. A related field holds an id.
type record map[string]any

func (r record) id() string { id, _ := r["id"].(string); return id }

func (r record) clone() record {
	copied := make(record, len(r))
	for name, value := range r {
		copied[name] = cloneValue(value)
	}
	return copied
}

func cloneValue(value any) any {
	switch value := value.(type) {
	case map[string]any:
		copied := make(map[string]any, len(value))
		for name, inner := range value {
			copied[name] = cloneValue(inner)
		}
		return copied
	case []any:
		copied := make([]any, len(value))
		for i, inner := range value {
			copied[i] = cloneValue(inner)
		}
		return copied
	default:
		return value
	}
}
