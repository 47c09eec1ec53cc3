package nautobot

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

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

const nonField = "non_field_errors"

// create makes a record from what a client sent.
func (s *Server) create(t *transaction, m *model, data any) (record, error) {
	values, err := dictionary(data)
	if err != nil {
		return nil, err
	}
	now := s.timestamp()
	r := record{"created": now, "last_updated": now, "custom_fields": map[string]any{}}
	issues := problems{}
	for i := range m.fields {
		f := &m.fields[i]
		value, given := values[f.name]
		switch {
		case given && !f.readOnly:
			s.set(r, f, value, issues)
		case f.required:
			issues.add(f.name, "This field is required.")
		default:
			r[f.name] = cloneValue(f.def)
		}
	}
	s.setCustomFields(r, values, issues)
	if given, ok := values["id"]; ok {
		id, err := uuid.Parse(fmt.Sprint(given))
		if err != nil {
			issues.add("id", "Must be a valid UUID.")
		} else {
			r["id"] = id.String()
		}
	}
	if err := issues.refusal(); err != nil {
		return nil, err
	}
	if r["id"] == nil {
		r["id"] = s.newID()
	}
	return r, s.save(t, m, r, true)
}

// update changes a record; with partial, fields that were not sent stay as they are (PATCH), else required ones must
// be there (PUT).
func (s *Server) update(t *transaction, m *model, old record, data any, partial bool) (record, error) {
	values, err := dictionary(data)
	if err != nil {
		return nil, err
	}
	r := old.clone()
	issues := problems{}
	for i := range m.fields {
		f := &m.fields[i]
		if f.readOnly {
			continue
		}
		value, given := values[f.name]
		switch {
		case given:
			s.set(r, f, value, issues)
		case !partial && f.required:
			issues.add(f.name, "This field is required.")
		}
	}
	s.setCustomFields(r, values, issues)
	if err := issues.refusal(); err != nil {
		return nil, err
	}
	r["last_updated"] = s.timestamp()
	return r, s.save(t, m, r, false)
}

// save checks what concerns other records as well and stores the record.
func (s *Server) save(t *transaction, m *model, r record, created bool) error {
	issues := problems{}
	if created {
		if _, exists := s.store.tables[m.path][r.id()]; exists {
			// Not DRF's validator but the model's own full_clean finds this one, hence the capitals.
			issues.add("id", capital(m.verbose)+" with this Id already exists.")
		}
	}
	for i := range m.fields {
		f := &m.fields[i]
		if f.unique && s.store.taken(m, r, []string{f.name}) {
			issues.add(f.name, fmt.Sprintf("%s with this %s already exists.", m.verbose, strings.ReplaceAll(f.name, "_", " ")))
		}
	}
	for _, set := range m.unique {
		if s.store.taken(m, r, set) {
			issues.add(nonField, fmt.Sprintf("The fields %s must make a unique set.", strings.Join(set, ", ")))
		}
	}
	s.checkTypes(m, r, issues)
	if err := issues.refusal(); err != nil {
		return err
	}
	t.put(m, r)
	return nil
}

// checkTypes refuses a status or role that is not made for this kind of record, as their querysets do.
func (s *Server) checkTypes(m *model, r record, issues problems) {
	for i := range m.fields {
		f := &m.fields[i]
		if f.to != "extras/statuses" && f.to != "extras/roles" {
			continue
		}
		id, ok := r[f.name].(string)
		if !ok {
			continue
		}
		types, _ := s.store.tables[f.to][id]["content_types"].([]any)
		if !slices.Contains(types, any(m.kind)) {
			issues.add(f.name, fmt.Sprintf("Related object not found using the provided attributes: {'pk': UUID('%s')}", id))
		}
	}
}

// taken says whether another record has the same values in all of the fields. Null equals nothing, as in SQL.
func (s *store) taken(m *model, r record, fields []string) bool {
	for _, name := range fields {
		if r[name] == nil {
			return false
		}
	}
	for id, other := range s.tables[m.path] {
		if id != r.id() && !slices.ContainsFunc(fields, func(name string) bool { return other[name] != r[name] }) {
			return true
		}
	}
	return false
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

func (s *Server) setCustomFields(r record, values map[string]any, issues problems) {
	given, ok := values["custom_fields"]
	if !ok {
		return
	}
	fields, ok := given.(map[string]any)
	if !ok {
		issues.add("custom_fields", fmt.Sprintf("Invalid data. Expected a dictionary, but got %s.", pythonType(given)))
		return
	}
	merged, _ := r["custom_fields"].(map[string]any)
	merged, _ = cloneValue(merged).(map[string]any)
	if merged == nil {
		merged = map[string]any{}
	}
	for name, value := range fields {
		merged[name] = value
	}
	r["custom_fields"] = merged
}

// set validates one value and stores it.
func (s *Server) set(r record, f *field, value any, issues problems) {
	if value == nil {
		if !f.null {
			issues.add(f.name, "This field may not be null.")
			return
		}
		r[f.name] = nil
		return
	}
	stored, message := s.convert(f, value)
	if message != "" {
		issues.add(f.name, message)
		return
	}
	r[f.name] = stored
}

// convert turns what a client sent into what is stored, or says in Nautobot's words why not.
func (s *Server) convert(f *field, value any) (stored any, message string) {
	switch f.kind {
	case text:
		return convertText(f, value)
	case integer:
		return convertInteger(f, value)
	case boolean:
		return convertBoolean(value)
	case choiceOf:
		return convertChoice(f, value)
	case related:
		return s.resolve(byPath[f.to], value)
	case relatedList:
		list, ok := value.([]any)
		if !ok {
			return nil, fmt.Sprintf(`Expected a list of items but got type "%s".`, pythonType(value))
		}
		ids := []any{}
		for _, item := range list {
			id, message := s.resolve(byPath[f.to], item)
			if message != "" {
				return nil, message
			}
			if !slices.Contains(ids, any(id)) {
				ids = append(ids, id)
			}
		}
		return ids, ""
	case contentTypes:
		list, ok := value.([]any)
		if !ok {
			return nil, fmt.Sprintf(`Expected a list of items but got type "%s".`, pythonType(value))
		}
		for _, item := range list {
			name, ok := item.(string)
			if !ok || strings.Count(name, ".") != 1 {
				return nil, "Invalid value. Specify a content type as '<app_label>.<model_name>'."
			}
		}
		return cloneValue(list), ""
	default:
		if _, ok := value.(map[string]any); !ok {
			return nil, "Value must be valid JSON."
		}
		return cloneValue(value), ""
	}
}

func convertText(f *field, value any) (any, string) {
	var words string
	switch value := value.(type) {
	case string:
		words = strings.TrimSpace(value)
	case json.Number:
		words = value.String()
	default:
		return nil, "Not a valid string."
	}
	switch {
	case words == "" && !f.blank:
		return nil, "This field may not be blank."
	case strings.ContainsRune(words, 0):
		return nil, "Null characters are not allowed."
	case f.max > 0 && utf8.RuneCountInString(words) > f.max:
		return nil, fmt.Sprintf("Ensure this field has no more than %d characters.", f.max)
	case words == "" && f.null:
		return nil, ""
	}
	return words, ""
}

func convertInteger(f *field, value any) (any, string) {
	number, err := json.Number(strings.TrimSuffix(fmt.Sprint(value), ".0")).Int64()
	if err != nil {
		return nil, "A valid integer is required."
	}
	if f.max > 0 && number > int64(f.max) {
		return nil, fmt.Sprintf("Ensure this value is less than or equal to %d.", f.max)
	}
	if number < 0 {
		return nil, "Ensure this value is greater than or equal to 0."
	}
	return number, ""
}

func convertBoolean(value any) (any, string) {
	switch strings.ToLower(fmt.Sprint(value)) {
	case "true", "t", "yes", "y", "on", "1":
		return true, ""
	case "false", "f", "no", "n", "off", "0":
		return false, ""
	}
	return nil, "Must be a valid boolean."
}

func convertChoice(f *field, value any) (any, string) {
	switch value := value.(type) {
	case map[string]any, []any:
		return nil, `Value must be passed directly (e.g. "foo": 123); do not use a dictionary or list.`
	case string:
		if value == "" {
			if f.blank {
				return "", ""
			}
			return nil, "This field may not be blank."
		}
		for _, c := range f.choices {
			if c.value == value {
				return value, ""
			}
		}
	}
	return nil, fmt.Sprintf("%v is not a valid choice.", value)
}

func capital(words string) string {
	if words == "" {
		return words
	}
	return strings.ToUpper(words[:1]) + words[1:]
}

// pythonType is the name of the Python type that a JSON value becomes.
func pythonType(value any) string {
	switch value := value.(type) {
	case nil:
		return "NoneType"
	case string:
		return "str"
	case bool:
		return "bool"
	case json.Number:
		if strings.ContainsAny(value.String(), ".eE") {
			return "float"
		}
		return "int"
	case []any:
		return "list"
	default:
		return "dict"
	}
}
