package ontap

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// parameters are those of any call that are no filters.
var parameters = []string{
	"fields", "max_records", "order_by", "return_records", "return_timeout", "query", "query_fields", "start.index",
	"force", "allow_delete_while_mapped", "privilege_level",
}

// filter is one condition of a query. ONTAP joins alternatives with |.
type filter struct {
	name         string
	alternatives []alternative
}

type alternative struct {
	not     bool
	compare string // one of "", <, <=, >, >=
	value   string
	upper   string // of a range, which is from value to upper
	null    bool
	pattern *regexp.Regexp // of a value with *
}

// filtersOf reads the conditions of a query; whatever is no parameter must be a field.
func filtersOf(c *collection, query url.Values) ([]filter, error) {
	var filters []filter
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if slices.Contains(parameters, name) {
			continue
		}
		if !c.hasElsewhere(name) && (!c.knows(name) || (c.field(name) == nil && c.object(name))) {
			return nil, unexpected(name)
		}
		for _, value := range query[name] {
			f := filter{name: name}
			for one := range strings.SplitSeq(value, "|") {
				f.alternatives = append(f.alternatives, alternativeOf(one))
			}
			filters = append(filters, f)
		}
	}
	return filters, nil
}

func alternativeOf(given string) (a alternative) {
	if rest, ok := strings.CutPrefix(given, "!"); ok {
		a.not, given = true, rest
	}
	if given == "null" {
		a.null = true
		return a
	}
	for _, operator := range []string{"<=", ">=", "<", ">"} {
		if rest, ok := strings.CutPrefix(given, operator); ok {
			a.compare, given = operator, rest
			break
		}
	}
	if lower, upper, ok := strings.Cut(given, ".."); ok && a.compare == "" && lower != "" && upper != "" {
		given, a.upper = lower, upper
	}
	a.value = given
	if strings.Contains(given, "*") && a.compare == "" && a.upper == "" {
		a.pattern = wildcard(given)
	}
	return a
}

func wildcard(given string) *regexp.Regexp {
	return regexp.MustCompile(`(?s)\A` + strings.ReplaceAll(regexp.QuoteMeta(given), `\*`, `.*`) + `\z`)
}

// matches says whether a complete record fulfils a condition; of a list one item suffices.
func (f *filter) matches(shown map[string]any) bool {
	var have []any
	for _, value := range lookup(shown, f.name) {
		if list, ok := value.([]any); ok {
			have = append(have, list...)
		} else {
			have = append(have, value)
		}
	}
	return slices.ContainsFunc(f.alternatives, func(a alternative) bool {
		if a.null {
			return (len(have) == 0) != a.not
		}
		// A field without a value fulfils nothing, not even a negation.
		return len(have) > 0 && slices.ContainsFunc(have, a.fits) != a.not
	})
}

func (a *alternative) fits(value any) bool {
	written := fmt.Sprint(value)
	switch {
	case a.pattern != nil:
		return a.pattern.MatchString(written)
	case a.upper != "":
		return order(value, a.value) >= 0 && order(value, a.upper) <= 0
	case a.compare == "<":
		return order(value, a.value) < 0
	case a.compare == "<=":
		return order(value, a.value) <= 0
	case a.compare == ">":
		return order(value, a.value) > 0
	case a.compare == ">=":
		return order(value, a.value) >= 0
	}
	return written == a.value || order(value, a.value) == 0
}

// order compares a value with what a query says: as numbers, which may be sizes, where the value is one.
func order(value any, given string) int {
	if have, ok := integer(value); ok {
		if want, ok := sizeOf(given); ok {
			return cmp.Compare(have, want)
		}
		if want, err := strconv.ParseFloat(given, 64); err == nil {
			return cmp.Compare(float64(have), want)
		}
	}
	return cmp.Compare(fmt.Sprint(value), given)
}

// found says whether a record has a text that the parameter query looks for: it is a search, in all fields or in those of
// query_fields, and not a list of conditions.
func found(query url.Values, shown map[string]any, c *collection) bool {
	if !query.Has("query") {
		return true
	}
	pattern := wildcard(query.Get("query"))
	names := c.names()
	if given := query.Get("query_fields"); given != "" {
		names = strings.Split(given, ",")
	}
	for _, name := range names {
		for _, value := range lookup(shown, name) {
			if written, ok := value.(string); ok && pattern.MatchString(written) {
				return true
			}
		}
	}
	return false
}

// arrange sorts by the parameter order_by: fields with asc or desc.
func arrange(c *collection, records []map[string]any, given string) error {
	if given == "" {
		return nil
	}
	keys := strings.Split(given, ",")
	for _, key := range keys {
		name, direction, _ := strings.Cut(strings.TrimSpace(key), " ")
		if !c.knows(name) || (direction != "" && direction != "asc" && direction != "desc") {
			return invalid("order_by", key, "field [asc|desc],...")
		}
	}
	slices.SortStableFunc(records, func(a, b map[string]any) int {
		for _, key := range keys {
			name, direction, _ := strings.Cut(strings.TrimSpace(key), " ")
			one, other := record(a).value(name), record(b).value(name)
			way := order(one, fmt.Sprint(other))
			if direction == "desc" {
				way = -way
			}
			if way != 0 {
				return way
			}
		}
		return 0
	})
	return nil
}
