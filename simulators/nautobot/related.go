package nautobot

import (
	"fmt"
	"net/url"
	"sort"
	"strings"

	"github.com/google/uuid"
)

// resolve finds the record that a client means by a UUID, a URL, {attributes}, or a natural key, and returns its id or
// Nautobot's words why it cannot.
func (s *Server) resolve(m *model, value any) (id string, message string) {
	switch value := value.(type) {
	case map[string]any:
		return s.resolveAttributes(m, value)
	case string:
		given := value
		if strings.Contains(given, "/") {
			parts := strings.Split(strings.Trim(given, "/"), "/")
			given = parts[len(parts)-1]
		}
		if parsed, err := uuid.Parse(given); err == nil {
			if _, exists := s.store.tables[m.path][parsed.String()]; exists {
				return parsed.String(), ""
			}
			return "", fmt.Sprintf("Related object not found using the provided attributes: {'pk': UUID('%s')}", parsed)
		}
		matches := s.byNaturalKey(m, value)
		attributes := fmt.Sprintf("{'%s': '%s'}", m.natural[0], value)
		return only(matches, attributes)
	default:
		return "", fmt.Sprintf("Related objects must be referenced by ID or by dictionary of attributes. Received an unrecognized value: %v", value)
	}
}

func only(matches []record, attributes string) (string, string) {
	switch len(matches) {
	case 1:
		return matches[0].id(), ""
	case 0:
		return "", "Related object not found using the provided attributes: " + attributes
	default:
		return "", "Multiple objects match the provided attributes: " + attributes
	}
}

func (s *Server) resolveAttributes(m *model, attributes map[string]any) (string, string) {
	var names []string
	for name := range attributes {
		switch name {
		case "object_type", "url", "display", "natural_slug": // shown, but no columns: a client may send them back
		default:
			names = append(names, name)
		}
	}
	sort.Strings(names)
	shown := make([]string, 0, len(names))
	for _, name := range names {
		shown = append(shown, fmt.Sprintf("'%s': %s", name, pythonRepr(attributes[name])))
	}
	text := "{" + strings.Join(shown, ", ") + "}"
	var matches []record
	for _, r := range s.store.all(m) {
		fits := true
		for _, name := range names {
			value, known := s.attribute(m, r, name)
			if !known {
				return "", fmt.Sprintf("Cannot resolve keyword '%s' into field.", name)
			}
			if inner, ok := attributes[name].(map[string]any); ok {
				f := m.field(name)
				if f == nil || f.kind != related {
					return "", fmt.Sprintf("Cannot resolve keyword '%s' into field.", name)
				}
				id, _ := s.resolveAttributes(byPath[f.to], inner)
				fits = fits && id != "" && id == value
				continue
			}
			fits = fits && fmt.Sprint(value) == fmt.Sprint(attributes[name])
		}
		if fits {
			matches = append(matches, r)
		}
	}
	return only(matches, text)
}

// attribute follows Django's double underscores: tenant__name.
func (s *Server) attribute(m *model, r record, name string) (any, bool) {
	if name == "id" || name == "pk" {
		return r.id(), true
	}
	first, rest, nested := strings.Cut(name, "__")
	f := m.field(first)
	if f == nil {
		return nil, false
	}
	if !nested {
		return r[first], true
	}
	if f.kind != related {
		return nil, false
	}
	id, ok := r[first].(string)
	if !ok {
		return nil, byPath[f.to].field(strings.Split(rest, "__")[0]) != nil || rest == "id"
	}
	return s.attribute(byPath[f.to], s.store.tables[f.to][id], rest)
}

// byNaturalKey finds records by their composite key: the natural key's values with semicolons between them, each
// percent-encoded. Values left out at the end are not compared.
func (s *Server) byNaturalKey(m *model, key string) []record {
	parts := strings.Split(key, ";")
	if len(parts) > len(m.natural) {
		return nil
	}
	var matches []record
	for _, r := range s.store.all(m) {
		fits := true
		for i, part := range parts {
			value, err := url.PathUnescape(part)
			if err != nil {
				return nil
			}
			have := r[m.natural[i]]
			if f := m.field(m.natural[i]); f.kind == related {
				other := byPath[f.to]
				id, _ := have.(string)
				have = s.store.tables[f.to][id][other.natural[0]]
			}
			// A key that was not encoded is a plain name, and a name may hold a percent sign.
			fits = fits && have != nil && (fmt.Sprint(have) == value || fmt.Sprint(have) == part)
		}
		if fits {
			matches = append(matches, r)
		}
	}
	return matches
}

func pythonRepr(value any) string {
	switch value := value.(type) {
	case nil:
		return "None"
	case bool:
		return capital(fmt.Sprint(value))
	case string:
		if strings.Contains(value, "'") && !strings.Contains(value, `"`) {
			return `"` + value + `"`
		}
		return "'" + strings.ReplaceAll(value, "'", `\'`) + "'"
	default:
		return fmt.Sprint(value)
	}
}
