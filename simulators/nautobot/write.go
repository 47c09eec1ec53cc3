package nautobot

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/google/uuid"
)

// refusal is an answer other than success.
type refusal struct {
	status int
	body   any
}

func (r *refusal) Error() string {
	body, err := json.Marshal(r.body)
	if err != nil {
		return fmt.Sprintf("status %d", r.status)
	}
	return fmt.Sprintf("status %d: %s", r.status, body)
}

// problems are DRF's validation errors: field -> messages.
type problems map[string][]string

func (p problems) add(field, message string) { p[field] = append(p[field], message) }

func (p problems) refusal() error {
	if len(p) == 0 {
		return nil
	}
	return &refusal{status: 400, body: p}
}

// fields in the order of their names, so that a message about several is the same each time.
func (p problems) fields() []string {
	names := make([]string, 0, len(p))
	for name := range p {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

const (
	nonField = "non_field_errors" // where serializers put what concerns no single field
	allField = "__all__"          // where models put it
)

// writer is one write of one record.
type writer struct {
	s       *Server
	t       *transaction
	m       *model
	old     *record // nil: it is created
	r       *record
	given   map[string]any
	issues  problems
	lenient bool // a world: a record may be named by its name alone
	actor   actor
}

// actor is who writes.
type actor struct {
	userID, userName, requestID string
}

func (w *writer) sent(name string) bool { _, ok := w.given[name]; return ok }

func (w *writer) value(name string) any { return w.m.get(w.r, name) }

func (w *writer) text(name string) string { return w.m.text(w.r, name) }

// other returns the record that a related field of the written record refers to, with its model, or nil.
func (w *writer) other(name string) (*model, *record) { return w.s.store.follow(w.m, w.r, name) }

// follow returns the record that a related field refers to, with its model; nil where it is null.
func (s *store) follow(m *model, r *record, name string) (*model, *record) {
	f := m.field(name)
	if f == nil || r == nil || f.kind != related {
		return nil, nil
	}
	id, _ := r.values[f.at].(string)
	return s.schema.byPath[f.to], s.find(f.to, id)
}

// create makes a record from what a client sent.
func (s *Server) create(t *transaction, m *model, data any, who actor, lenient bool) (*record, error) {
	given, err := dictionary(data)
	if err != nil {
		return nil, err
	}
	w := &writer{s: s, t: t, m: m, given: given, issues: problems{}, lenient: lenient, actor: who}
	now := s.timestamp()
	w.r = &record{values: make([]any, len(m.stored))}
	if m.stamped {
		w.r.created, w.r.updated = now, now
	}
	for _, f := range m.stored {
		w.r.values[f.at] = f.def
		value, ok := given[f.name]
		switch {
		case f.readOnly:
		case ok:
			w.set(f, value)
		case f.required:
			w.issues.add(f.name, "This field is required.")
		}
	}
	if id, ok := given["id"]; ok && id != nil {
		parsed, err := uuid.Parse(plain(id))
		if err != nil {
			w.issues.add("id", "Must be a valid UUID.")
		}
		w.r.id = parsed.String()
	} else {
		w.r.id = s.newID()
	}
	return w.finish()
}

// update changes a record; with partial, fields that were not sent stay as they are (PATCH), else required ones must
// be there (PUT).
func (s *Server) update(t *transaction, m *model, old *record, data any, partial bool, who actor) (*record, error) {
	given, err := dictionary(data)
	if err != nil {
		return nil, err
	}
	w := &writer{s: s, t: t, m: m, old: old, r: old.clone(), given: given, issues: problems{}, actor: who}
	for _, f := range m.stored {
		value, ok := given[f.name]
		switch {
		case f.readOnly:
		case ok:
			w.set(f, value)
		case !partial && f.required:
			w.issues.add(f.name, "This field is required.")
		}
	}
	if m.stamped {
		w.r.updated = s.timestamp()
	}
	return w.finish()
}

// finish checks what concerns more than one field, in the order of DRF and Django: the serializer's validators, then
// the model's full_clean; then it stores the record.
func (w *writer) finish() (*record, error) {
	w.setCustomFields()
	associations := w.readRelationships()
	w.checkUniqueFields()
	if err := w.issues.refusal(); err != nil {
		return nil, err
	}
	if derive := derivations[w.m.path]; derive != nil {
		derive(w)
		if err := w.issues.refusal(); err != nil {
			return nil, err
		}
	}
	w.checkSets(byValidator)
	if err := w.issues.refusal(); err != nil {
		return nil, err
	}
	if w.old == nil && w.s.store.find(w.m.path, w.r.id) != nil {
		// Not DRF's validator but the model's own full_clean finds this one, hence the capitals.
		w.issues.add("id", capital(w.m.verbose)+" with this Id already exists.")
	}
	w.checkTypes()
	if rule := rules[w.m.path]; rule != nil {
		rule(w)
	}
	w.checkSets(byModel)
	w.checkCustomFields()
	if err := w.issues.refusal(); err != nil {
		return nil, err
	}
	w.t.put(w.m, w.r)
	if after := afterWrite[w.m.path]; after != nil {
		after(w)
	}
	if err := w.associate(associations); err != nil {
		return nil, err
	}
	return w.t.current(w.m, w.r), nil
}

// set validates one value and stores it.
func (w *writer) set(f *field, value any) {
	if value == nil {
		switch {
		case f.null:
			w.r.values[f.at] = nil
			return
		case f.kind == choiceOf:
			value = "" // nautobot/core/api/fields.py ChoiceField.validate_empty_values
		default:
			w.issues.add(f.name, "This field may not be null.")
			return
		}
	}
	stored, message := w.convert(f, value)
	if message != "" {
		w.issues.add(f.name, message)
		return
	}
	w.r.values[f.at] = stored
}

// checkUniqueFields is DRF's UniqueValidator, which looks at fields that were sent.
func (w *writer) checkUniqueFields() {
	table := w.s.store.tables[w.m.path]
	for i, set := range w.m.sets {
		if len(set.fields) != 1 || !set.fields[0].unique {
			continue
		}
		f := set.fields[0]
		if w.sent(f.name) && len(w.issues[f.name]) == 0 && table.taken(i, w.r) != nil {
			w.issues.add(f.name, fmt.Sprintf("%s with this %s already exists.", w.m.verbose, f.labelOf()))
		}
	}
}

// checkSets looks at sets of fields: stage byValidator for what the serializer finds, byModel for what the model does.
func (w *writer) checkSets(stage uniqueStyle) {
	table := w.s.store.tables[w.m.path]
	singles := len(w.m.sets) - len(w.m.unique)
	for i, set := range w.m.unique {
		style := set.style
		if style == whenGiven {
			style = byModel
			if given := w.given[set.fields[0].name]; given != nil {
				style = byValidator
			}
		}
		if style != stage || table.taken(singles+i, w.r) == nil {
			continue
		}
		if stage == byValidator {
			names := make([]string, len(set.fields))
			for i, f := range set.fields {
				names[i] = f.name
			}
			message := fmt.Sprintf("The fields %s must make a unique set.", strings.Join(names, ", "))
			if w.m.path == "dcim/devices" && names[0] == "rack" {
				message = "The position and face is already occupied on this rack. " + message
			}
			w.issues.add(nonField, message)
			continue
		}
		labels := make([]string, len(set.fields))
		for i, f := range set.fields {
			labels[i] = capital(f.labelOf())
		}
		w.issues.add(allField, fmt.Sprintf("%s with this %s already exists.", capital(w.m.verbose), listed(labels)))
	}
}

// listed is Django's get_text_list with "and".
func listed(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

// checkTypes refuses a status, role or tag that is not made for this kind of record, as their querysets do.
func (w *writer) checkTypes() {
	for _, f := range w.m.stored {
		if (f.to != "extras/statuses" && f.to != "extras/roles" && f.to != "extras/tags") || !w.sent(f.name) || f.readOnly {
			continue
		}
		other := w.s.schema.byPath[f.to]
		check := func(id string) {
			r := w.s.store.find(f.to, id)
			if r == nil {
				return
			}
			if types, _ := other.get(r, "content_types").([]string); !slices.Contains(types, w.m.kind) {
				w.issues.add(f.name, fmt.Sprintf("Related object not found using the provided attributes: {'pk': UUID('%s')}", id))
			}
		}
		if w.m.path == "extras/config-contexts" {
			continue // there, roles are what the context is for
		}
		indexKeys(w.r.values[f.at], check)
	}
}

func dictionary(data any) (map[string]any, error) {
	values, ok := data.(map[string]any)
	if !ok {
		return nil, &refusal{status: 400, body: problems{
			nonField: {fmt.Sprintf("Invalid data. Expected a dictionary, but got %s.", pythonType(data))},
		}}
	}
	return values, nil
}
