package nautobot

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// getter reads the value that a lookup looks at.
type getter func(r *record) any

// textLookups are Nautobot's filter suffixes for texts (core/constants.py FILTER_CHAR_BASED_LOOKUP_MAP).
var textLookups = map[string]func(have, want string) bool{
	"":    func(have, want string) bool { return have == want },
	"ic":  func(have, want string) bool { return strings.Contains(strings.ToLower(have), strings.ToLower(want)) },
	"ie":  strings.EqualFold,
	"isw": func(have, want string) bool { return strings.HasPrefix(strings.ToLower(have), strings.ToLower(want)) },
	"iew": func(have, want string) bool { return strings.HasSuffix(strings.ToLower(have), strings.ToLower(want)) },
}

func textCondition(get getter, null bool, lookup string, values []string) (*condition, string) {
	if lookup == "isnull" && null {
		return isNull(get, values[0]), ""
	}
	compare, positive := textLookups[lookup]
	if rest, negative := strings.CutPrefix(lookup, "n"); !positive && negative {
		compare = textLookups[rest] // n, nic, nie, nisw, niew say the opposite of "", ic, ie, isw, iew
	}
	if strings.TrimPrefix(strings.TrimPrefix(lookup, "n"), "i") == "re" {
		positive = !strings.HasPrefix(lookup, "n")
		patterns := map[string]*regexp.Regexp{}
		for _, value := range values {
			flags := ""
			if strings.Contains(lookup, "ire") {
				flags = "(?i)"
			}
			pattern, err := regexp.Compile(flags + value)
			if err != nil {
				return nil, "Enter a valid regular expression."
			}
			patterns[value] = pattern
		}
		compare = func(have, want string) bool { return patterns[want].MatchString(have) }
	}
	if compare == nil {
		return nil, unknownFilter
	}
	return &condition{test: func(r *record) bool {
		switch have := get(r).(type) {
		case string:
			return slices.ContainsFunc(values, func(want string) bool { return compare(have, want) }) == positive
		case []string:
			return slices.ContainsFunc(values, func(want string) bool {
				return slices.ContainsFunc(have, func(have string) bool { return compare(have, want) })
			}) == positive
		}
		return (null && slices.Contains(values, "null")) == positive
	}}, ""
}

func (s *store) numberFilter(m *model, f *field, lookup string, values []string) (*condition, string) {
	get := func(r *record) any { return r.values[f.at] }
	if lookup == "isnull" && f.null {
		return isNull(get, values[0]), ""
	}
	if !slices.Contains([]string{"", "n", "gt", "gte", "lt", "lte"}, lookup) {
		return nil, unknownFilter
	}
	var numbers []int64
	for _, value := range values {
		if value == "null" && f.null && lookup == "" {
			return isNull(get, "true"), ""
		}
		number, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return nil, "Enter a whole number."
		}
		numbers = append(numbers, number)
	}
	c := &condition{test: func(r *record) bool {
		have, ok := r.values[f.at].(int64)
		if lookup == "n" {
			return !ok || !slices.Contains(numbers, have)
		}
		return ok && slices.ContainsFunc(numbers, func(number int64) bool { return inOrder(lookup, cmp.Compare(have, number)) })
	}}
	if lookup == "" && f.indexed {
		keys := make([]string, len(numbers))
		for i, number := range numbers {
			keys[i] = sortNumber(number)
		}
		s.narrow(c, m, f, keys)
	}
	return c, ""
}

// orderedFilter compares times, dates and decimals.
func orderedFilter(get getter, lookup string, values []string) (*condition, string) {
	if !slices.Contains([]string{"", "n", "gt", "gte", "lt", "lte"}, lookup) {
		return nil, unknownFilter
	}
	wanted := make([]string, len(values))
	for i, value := range values {
		wanted[i] = value
		if stored, message := convertTime(&field{kind: datetime}, strings.Replace(value, " ", "T", 1)); message == "" && len(value) > len("2006-01-02") {
			wanted[i] = fmt.Sprint(stored)
		}
	}
	return &condition{test: func(r *record) bool {
		value := get(r)
		if value == nil || value == "" {
			return lookup == "n"
		}
		have := fmt.Sprint(value)
		return slices.ContainsFunc(wanted, func(want string) bool {
			comparison := strings.Compare(have, want)
			left, leftErr := strconv.ParseFloat(have, 64)
			right, rightErr := strconv.ParseFloat(want, 64)
			if leftErr == nil && rightErr == nil {
				comparison = cmp.Compare(left, right)
			}
			return inOrder(lookup, comparison)
		})
	}}, ""
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
	case "n":
		return comparison != 0
	default:
		return comparison == 0
	}
}

func booleanFilter(get getter, lookup string, values []string) (*condition, string) {
	if lookup != "" {
		return nil, unknownFilter
	}
	wanted, message := convertBoolean(values[0])
	if message != "" {
		// A null boolean select reads what it does not know as "either".
		return &condition{test: func(*record) bool { return true }}, ""
	}
	return &condition{test: func(r *record) bool { return get(r) == wanted }}, ""
}

func isNull(get getter, value string) *condition {
	wanted, message := convertBoolean(value)
	if message != "" {
		return &condition{test: func(*record) bool { return true }}
	}
	return &condition{test: func(r *record) bool { return (get(r) == nil) == wanted.(bool) }}
}
