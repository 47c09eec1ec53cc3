package nautobot

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/eventrig/eventrig/internal/jsonvalue"
)

// setCustomFields takes over the custom fields that were sent, on top of those that are there.
func (w *writer) setCustomFields() {
	given, ok := w.given["custom_fields"]
	if !ok || !w.m.custom {
		return
	}
	fields, ok := given.(map[string]any)
	if !ok {
		w.issues.add("custom_fields", fmt.Sprintf("Invalid data. Expected a dictionary, but got %s.", pythonType(given)))
		return
	}
	merged := make(map[string]any, len(fields)+len(w.r.custom))
	for name, value := range w.r.custom {
		merged[name] = value
	}
	for name, value := range fields {
		merged[name] = jsonvalue.Clone(value)
	}
	w.r.custom = merged
}

// customFields returns the custom fields of a kind of record.
func (s *store) customFields(kind string) []*record {
	table := s.tables["extras/custom-fields"]
	if len(table.byID) == 0 {
		return nil
	}
	at := table.model.field("content_types").at
	var found []*record
	table.ordered.Scan(func(r *record) bool {
		if types, _ := r.values[at].([]string); slices.Contains(types, kind) {
			found = append(found, r)
		}
		return true
	})
	return found
}

// checkCustomFields is CustomFieldModel.clean (extras/models/customfields.py): each value against its field, defaults
// and required fields. A key that no custom field has is let through there, too.
func (w *writer) checkCustomFields() {
	if !w.m.custom {
		return
	}
	fields := w.s.store.customFields(w.m.kind)
	if len(fields) == 0 {
		return
	}
	m := w.s.schema.byPath["extras/custom-fields"]
	checked := make(map[string]any, len(w.r.custom)+len(fields))
	for name, value := range w.r.custom {
		checked[name] = value
	}
	for _, field := range fields {
		key := m.text(field, "key")
		value, there := checked[key]
		if !there {
			checked[key] = m.get(field, "default")
			if required, _ := m.get(field, "required").(bool); required && checked[key] == nil {
				w.issues.add(allField, fmt.Sprintf("Missing required custom field '%s'.", key))
			}
			continue
		}
		stored, message := w.customValue(m, field, value)
		if message != "" {
			w.issues.add(allField, fmt.Sprintf("Invalid value for custom field '%s': %s", key, message))
			continue
		}
		checked[key] = stored
	}
	w.r.custom = checked
}

// customValue is CustomField.validate.
func (w *writer) customValue(m *model, field *record, value any) (any, string) {
	if value == nil || value == "" {
		if required, _ := m.get(field, "required").(bool); required {
			return nil, "Required field cannot be empty."
		}
		return value, ""
	}
	low, bounded := m.get(field, "validation_minimum").(int64)
	high, limited := m.get(field, "validation_maximum").(int64)
	switch m.text(field, "type") {
	case "text", "url", "markdown":
		words, ok := value.(string)
		if !ok {
			return nil, "Value must be a string."
		}
		length := int64(utf8.RuneCountInString(words))
		if bounded && length < low {
			return nil, fmt.Sprintf("Value must be at least %d characters in length.", low)
		}
		if limited && length > high {
			return nil, fmt.Sprintf("Value must not exceed %d characters in length.", high)
		}
		if pattern := m.text(field, "validation_regex"); pattern != "" {
			if re, err := regexp.Compile(pattern); err == nil && !re.MatchString(words) {
				return nil, fmt.Sprintf("Value must match regex '%s'.", pattern)
			}
		}
		return words, ""
	case "integer":
		number, err := strconv.ParseInt(plain(value), 10, 64)
		if err != nil {
			return nil, "Value must be an integer."
		}
		if bounded && number < low {
			return nil, fmt.Sprintf("Value must be at least %d.", low)
		}
		if limited && number > high {
			return nil, fmt.Sprintf("Value must not exceed %d.", high)
		}
		return number, ""
	case "boolean":
		truth, message := convertBoolean(value)
		if message != "" {
			return nil, "Value must be true or false."
		}
		return truth, ""
	case "date":
		words, _ := value.(string)
		if _, err := time.Parse(time.DateOnly, words); err != nil {
			return nil, "Date values must be in the format YYYY-MM-DD."
		}
		return words, ""
	case "select":
		choices := w.customChoices(field)
		if !slices.Contains(choices, plain(value)) {
			return nil, fmt.Sprintf("Invalid choice (%s). Available choices are: %s", plain(value), strings.Join(choices, ", "))
		}
		return plain(value), ""
	case "multi-select":
		choices := w.customChoices(field)
		list, ok := value.([]any)
		if words, single := value.(string); single {
			list, ok = []any{}, true
			for word := range strings.SplitSeq(words, ",") {
				list = append(list, strings.TrimSpace(word))
			}
		}
		if !ok || slices.ContainsFunc(list, func(item any) bool { return !slices.Contains(choices, plain(item)) }) {
			return nil, fmt.Sprintf("Invalid choice(s) (%s). Available choices are: %s", plain(value), strings.Join(choices, ", "))
		}
		return list, ""
	}
	return value, ""
}

func (w *writer) customChoices(field *record) []string {
	table := w.s.store.tables["extras/custom-field-choices"]
	var choices []string
	table.where(table.model.field("custom_field"), field.id).all(func(r *record) bool {
		choices = append(choices, table.model.text(r, "value"))
		return true
	})
	return choices
}

// customShown is what the API shows: every field of the kind, null where there is no value.
func (s *store) appendCustom(b []byte, m *model, r *record) []byte {
	if len(s.tables["extras/custom-fields"].byID) == 0 {
		return append(b, "{}"...)
	}
	return appendJSON(b, s.customShown(m, r))
}

func (s *store) customShown(m *model, r *record) map[string]any {
	fields := s.customFields(m.kind)
	shown := make(map[string]any, len(fields))
	definition := s.schema.byPath["extras/custom-fields"]
	for _, field := range fields {
		key := definition.text(field, "key")
		shown[key] = r.custom[key]
	}
	return shown
}
