package nautobot

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// resolve finds the record that a client means by a UUID, a URL, {attributes}, or a natural key, and returns its id or
// Nautobot's words why it cannot (NautobotHyperlinkedRelatedField, core/api/mixins.py).
func (w *writer) resolve(f *field, value any) (id string, message string) {
	s := w.s.store
	m := s.schema.byPath[f.to]
	switch value := value.(type) {
	case map[string]any:
		flat := map[string]any{}
		flatten("", value, flat)
		return s.resolveAttributes(m, flat)
	case string:
		given := value
		if strings.Contains(given, "://") {
			parts := strings.Split(strings.Trim(given, "/"), "/")
			given = parts[len(parts)-1]
		}
		if parsed, err := uuid.Parse(given); err == nil {
			if s.find(m.path, parsed.String()) != nil {
				return parsed.String(), ""
			}
			return "", fmt.Sprintf("Related object not found using the provided attributes: {'pk': UUID('%s')}", parsed)
		}
		matches, attributes := s.byNaturalKey(m, given, w.lenient)
		return only(matches, attributes)
	default:
		return "", fmt.Sprintf("Related objects must be referenced by ID or by dictionary of attributes. Received an unrecognized value: %s", plain(value))
	}
}

func only(matches []*record, attributes string) (string, string) {
	switch len(matches) {
	case 1:
		return matches[0].id, ""
	case 0:
		return "", "Related object not found using the provided attributes: " + attributes
	default:
		return "", "Multiple objects match the provided attributes: " + attributes
	}
}

// notAttributes are shown but no columns: a client may send them back (remove_non_filter_fields).
var notAttributes = []string{"object_type", "url", "display", "natural_slug", "notes_url", "composite_key"}

// flatten is dict_to_filter_params (core/api/utils.py): {manufacturer: {name: x}} is manufacturer__name=x.
func flatten(prefix string, attributes, into map[string]any) {
	for name, value := range attributes {
		if slices.Contains(notAttributes, name) {
			continue
		}
		if inner, ok := value.(map[string]any); ok {
			flatten(prefix+name+"__", inner, into)
			continue
		}
		into[prefix+name] = value
	}
}

func (s *store) resolveAttributes(m *model, attributes map[string]any) (string, string) {
	names, wanted := make([]string, 0, len(attributes)), map[string]any{}
	for name, value := range attributes {
		wanted[name] = value
		if id, ok := value.(string); ok && len(id) >= 32 {
			if parsed, err := uuid.Parse(id); err == nil {
				wanted[name] = parsed.String() // a UUID without its dashes is the same to a UUID column
			}
		}
		if _, known := s.attribute(m, nil, name); !known {
			return "", fmt.Sprintf("Cannot resolve keyword '%s' into field.", strings.Split(name, "__")[0])
		}
		names = append(names, name)
	}
	slices.Sort(names)
	var matches []*record
	s.candidates(m, wanted, func(r *record) bool {
		for _, name := range names {
			value, _ := s.attribute(m, r, name)
			if !equalAttribute(value, wanted[name]) && !equalAttribute(value, attributes[name]) {
				return true
			}
		}
		matches = append(matches, r)
		return len(matches) < 2
	})
	return only(matches, pythonDict(attributes))
}

// equalAttribute compares a stored value with one from JSON as a query would.
func equalAttribute(have, want any) bool {
	switch want := want.(type) {
	case nil:
		return have == nil
	case bool:
		return have == want
	case string:
		if have == nil {
			return false
		}
		return plain(have) == want
	case json.Number:
		return have != nil && plain(have) == want.String()
	}
	return false
}

// candidates calls do with the records that may have the attributes, found by an index where there is one.
func (s *store) candidates(m *model, attributes map[string]any, do func(*record) bool) {
	table := s.tables[m.path]
	for _, name := range []string{"id", "pk"} {
		if id, ok := attributes[name].(string); ok {
			if r := table.byID[strings.ToLower(id)]; r != nil {
				do(r)
			}
			return
		}
	}
	for name, value := range attributes {
		f := m.field(name)
		if f == nil {
			first, rest, nested := strings.Cut(name, "__")
			if f = m.field(first); !nested || f == nil || f.kind != related || rest == "" {
				continue
			}
			if rest != "id" && rest != "pk" {
				continue
			}
		}
		if words, ok := value.(string); ok && f.at >= 0 && table.index[f.at] != nil && f.kind != integer {
			table.where(f, words).all(do)
			return
		}
	}
	table.ordered.Scan(do)
}

// attribute follows Django's double underscores: tenant__name. It says whether there is such a field; without a record
// it only says that.
func (s *store) attribute(m *model, r *record, name string) (any, bool) {
	switch name {
	case "id", "pk":
		if r == nil {
			return nil, true
		}
		return r.id, true
	case "created", "last_updated":
		switch {
		case r == nil:
			return nil, true
		case name == "created":
			return r.created, true
		}
		return r.updated, true
	case "custom_fields":
		if r == nil {
			return nil, true
		}
		return r.custom, true
	}
	first, rest, nested := strings.Cut(name, "__")
	f := m.field(first)
	if f == nil {
		return nil, false
	}
	if f.at < 0 {
		if nested || r == nil {
			return nil, !nested
		}
		return s.derived(m, r, f), true
	}
	if !nested {
		if r == nil {
			return nil, true
		}
		return r.values[f.at], true
	}
	if f.kind != related {
		return nil, false
	}
	other := s.schema.byPath[f.to]
	if r == nil {
		return s.attribute(other, nil, rest)
	}
	id, _ := r.values[f.at].(string)
	return s.attribute(other, s.find(f.to, id), rest)
}

// keyPart is one value of a natural key, such as tenant__name.
type keyPart struct {
	path   string
	fields []string
}

// naturalParts flattens a natural key: a related field counts as the parts of the other model's natural key.
func (s *schema) naturalParts(m *model, depth int) []keyPart {
	var parts []keyPart
	for _, name := range m.natural {
		f := m.field(name)
		if f == nil || f.kind != related || depth == 0 {
			parts = append(parts, keyPart{path: name, fields: []string{name}})
			continue
		}
		other := s.byPath[f.to]
		below := depth - 1
		if other == m {
			below = 0
		}
		for _, part := range s.naturalParts(other, below) {
			if below == 0 && other == m && part.path != other.natural[0] {
				continue // a tree's key would go on for ever
			}
			parts = append(parts, keyPart{path: name + "__" + part.path, fields: append([]string{name}, part.fields...)})
		}
	}
	return parts
}

// byNaturalKey finds records by their composite key: the natural key's values with semicolons between them, each
// percent-encoded. Values left out at the end are null (natural_key_args_to_kwargs, core/models); with lenient they are
// not compared. It also returns the key as a query's attributes, for messages.
func (s *store) byNaturalKey(m *model, key string, lenient bool) ([]*record, string) {
	given := strings.Split(key, ";")
	parts := s.schema.naturalParts(m, 3)
	attributes := map[string]any{}
	for i, part := range parts {
		if i >= len(given) {
			if !lenient {
				attributes[part.path] = nil
			}
			continue
		}
		value, err := url.PathUnescape(given[i])
		if err != nil {
			value = given[i]
		}
		if attributes[part.path] = value; value == "\x00" {
			attributes[part.path] = nil
		}
	}
	shown := make([]string, 0, len(parts))
	for _, part := range parts {
		if value, ok := attributes[part.path]; ok {
			shown = append(shown, pythonRepr(part.path)+": "+pythonRepr(value))
		}
	}
	text := "{" + strings.Join(shown, ", ") + "}"
	if len(given) > len(parts) {
		return nil, text
	}
	var matches []*record
	s.candidates(m, attributes, func(r *record) bool {
		for path, want := range attributes {
			have, _ := s.attribute(m, r, path)
			if have == "" {
				have = nil
			}
			if !equalAttribute(have, want) {
				return true
			}
		}
		matches = append(matches, r)
		return len(matches) < 2
	})
	// A name may hold a semicolon or a percent sign and was not encoded: then the whole key is the name.
	if len(matches) == 0 && strings.ContainsAny(key, ";%") && m.natural[0] == "name" {
		s.tables[m.path].where(m.field("name"), key).all(func(r *record) bool {
			matches = append(matches, r)
			return len(matches) < 2
		})
	}
	return matches, text
}
