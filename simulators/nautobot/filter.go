package nautobot

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// notFilters are the query parameters that say how to answer, not what to look for.
var notFilters = []string{"limit", "offset", "depth", "format", "api_version", "include", "exclude_m2m", "sort", "brief"}

// predicate says whether a record passes a filter.
type predicate func(r record) bool

// filters makes predicates of a query, or a 400 as Nautobot with STRICT_FILTERING answers.
func (s *Server) filters(m *model, query url.Values) ([]predicate, error) {
	issues := problems{}
	var predicates []predicate
	for name, values := range query {
		if slices.Contains(notFilters, name) {
			continue
		}
		made, message := s.filter(m, name, values)
		if message != "" {
			issues.add(name, message)
			continue
		}
		predicates = append(predicates, made)
	}
	return predicates, issues.refusal()
}

func (s *Server) filter(m *model, name string, values []string) (predicate, string) {
	if name == "q" {
		return func(r record) bool { return search(m, r, values[0]) }, ""
	}
	base, lookup, _ := strings.Cut(name, "__")
	if other, ok := m.alias[base]; ok {
		base = other
	}
	if base == "id" {
		return idFilter(lookup, values)
	}
	if (base == "created" || base == "last_updated") && slices.Contains([]string{"gt", "gte", "lt", "lte"}, lookup) {
		return ordered(base, lookup, values)
	}
	f := m.field(base)
	if f == nil || f.kind == object {
		return nil, "Unknown filter field"
	}
	switch f.kind {
	case related, relatedList:
		return s.relatedFilter(f, lookup, values)
	case integer:
		return integerFilter(f, lookup, values)
	case boolean:
		return booleanFilter(f, lookup, values)
	default:
		return textFilter(f, lookup, values)
	}
}

func search(m *model, r record, words string) bool {
	words = strings.ToLower(strings.TrimSpace(words))
	return words == "" || r.id() == words || slices.ContainsFunc(m.search, func(name string) bool {
		value, _ := r[name].(string)
		return strings.Contains(strings.ToLower(value), words)
	})
}

func idFilter(lookup string, values []string) (predicate, string) {
	if lookup != "" && lookup != "n" {
		return nil, "Unknown filter field"
	}
	ids := make([]string, 0, len(values))
	for _, value := range values {
		id, err := uuid.Parse(value)
		if err != nil {
			return nil, "Enter a valid UUID."
		}
		ids = append(ids, id.String())
	}
	return func(r record) bool { return slices.Contains(ids, r.id()) == (lookup == "") }, ""
}

// relatedFilter takes ids and natural keys; a value that is no record's is an error, not an empty list.
func (s *Server) relatedFilter(f *field, lookup string, values []string) (predicate, string) {
	if lookup == "isnull" {
		return isNull(f.name, values[0])
	}
	if lookup != "" && lookup != "n" {
		return nil, "Unknown filter field"
	}
	other := byPath[f.to]
	var wanted []any
	for _, value := range values {
		if value == "null" {
			wanted = append(wanted, nil)
			continue
		}
		if id, err := uuid.Parse(value); err == nil {
			if _, exists := s.store.tables[f.to][id.String()]; exists {
				wanted = append(wanted, id.String())
				continue
			}
		}
		found := false
		for _, r := range s.store.all(other) {
			if r[other.natural[0]] == value {
				wanted = append(wanted, r.id())
				found = true
			}
		}
		if !found {
			return nil, fmt.Sprintf("Select a valid choice. %s is not one of the available choices.", value)
		}
	}
	return func(r record) bool {
		var matched bool
		if list, ok := r[f.name].([]any); ok {
			matched = slices.ContainsFunc(wanted, func(id any) bool { return slices.Contains(list, id) })
		} else {
			matched = slices.Contains(wanted, r[f.name])
		}
		return matched == (lookup == "")
	}, ""
}

func integerFilter(f *field, lookup string, values []string) (predicate, string) {
	if lookup == "isnull" && f.null {
		return isNull(f.name, values[0])
	}
	var numbers []int64
	for _, value := range values {
		number, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return nil, "Enter a whole number."
		}
		numbers = append(numbers, number)
	}
	if !slices.Contains([]string{"", "n", "gt", "gte", "lt", "lte"}, lookup) {
		return nil, "Unknown filter field"
	}
	return func(r record) bool {
		have, ok := r[f.name].(int64)
		if lookup == "n" {
			return !ok || !slices.Contains(numbers, have)
		}
		return ok && slices.ContainsFunc(numbers, func(number int64) bool { return inOrder(lookup, int(have-number)) })
	}, ""
}

func ordered(name, lookup string, values []string) (predicate, string) {
	return func(r record) bool {
		return slices.ContainsFunc(values, func(value string) bool {
			return inOrder(lookup, strings.Compare(fmt.Sprint(r[name]), value))
		})
	}, ""
}

func inOrder(lookup string, comparison int) bool {
	switch lookup {
	case "gt":
		return comparison > 0
	case "gte":
		return comparison >= 0
	case "lt":
		return comparison < 0
	case "lte":
		return comparison <= 0
	default:
		return comparison == 0
	}
}

func booleanFilter(f *field, lookup string, values []string) (predicate, string) {
	if lookup != "" {
		return nil, "Unknown filter field"
	}
	wanted, message := convertBoolean(values[0])
	if message != "" {
		// A null boolean select reads what it does not know as "either".
		return func(record) bool { return true }, ""
	}
	return func(r record) bool { return r[f.name] == wanted }, ""
}

func isNull(name, value string) (predicate, string) {
	wanted, message := convertBoolean(value)
	if message != "" {
		return func(record) bool { return true }, ""
	}
	return func(r record) bool { return (r[name] == nil) == wanted.(bool) }, ""
}

// textLookups are Nautobot's filter suffixes for texts.
var textLookups = map[string]func(have, want string) bool{
	"":    func(have, want string) bool { return have == want },
	"ic":  func(have, want string) bool { return strings.Contains(strings.ToLower(have), strings.ToLower(want)) },
	"ie":  strings.EqualFold,
	"isw": func(have, want string) bool { return strings.HasPrefix(strings.ToLower(have), strings.ToLower(want)) },
	"iew": func(have, want string) bool { return strings.HasSuffix(strings.ToLower(have), strings.ToLower(want)) },
}

func textFilter(f *field, lookup string, values []string) (predicate, string) {
	if lookup == "isnull" && f.null {
		return isNull(f.name, values[0])
	}
	if f.kind == choiceOf && (lookup == "" || lookup == "n") {
		for _, value := range values {
			if !slices.ContainsFunc(f.choices, func(c choice) bool { return c.value == value }) {
				return nil, fmt.Sprintf("Select a valid choice. %s is not one of the available choices.", value)
			}
		}
	}
	compare, positive := textLookups[lookup]
	if !positive {
		// n, nic, nie, nisw, niew say the opposite of "", ic, ie, isw, iew.
		if rest, ok := strings.CutPrefix(lookup, "n"); ok {
			compare = textLookups[rest]
		}
	}
	if lookup == "re" || lookup == "ire" || lookup == "nre" || lookup == "nire" {
		positive = !strings.HasPrefix(lookup, "n")
		flags := ""
		if strings.Contains(lookup, "ire") {
			flags = "(?i)"
		}
		for _, value := range values {
			if _, err := regexp.Compile(flags + value); err != nil {
				return nil, "Enter a valid regular expression."
			}
		}
		compare = func(have, want string) bool { return regexp.MustCompile(flags + want).MatchString(have) }
	}
	if compare == nil {
		return nil, "Unknown filter field"
	}
	return func(r record) bool {
		if list, ok := r[f.name].([]any); ok {
			return slices.ContainsFunc(values, func(want string) bool { return slices.Contains(list, any(want)) }) == positive
		}
		have, ok := r[f.name].(string)
		if !ok {
			return slices.Contains(values, "null") == positive
		}
		return slices.ContainsFunc(values, func(want string) bool { return compare(have, want) }) == positive
	}, ""
}
