package mutate

import (
	"strings"
)

// dataFilters calls do for each data filter of a Sensor, with its path.
func (m *maker) dataFilters(do func(path []any)) {
	m.dependencies(func(path []any) {
		for i := range m.listAt(below(path, "filters", "data")...) {
			do(below(path, "filters", "data", i))
		}
	})
}

// filterLists are the kinds of filters that are lists, filterFields those that are not.
var (
	filterLists  = []string{"exprs", "data"}
	filterFields = []string{"context", "time", "script"}
)

func filterDrop(m *maker) {
	m.dependencies(func(path []any) {
		for _, list := range filterLists {
			for i := range m.listAt(below(path, "filters", list)...) {
				m.drop(below(path, "filters", list, i))
			}
		}
		for _, field := range filterFields {
			if m.has(below(path, "filters", field)...) {
				m.drop(below(path, "filters", field))
			}
		}
	})
}

func filterValue(m *maker) {
	m.dataFilters(func(path []any) {
		for i, value := range m.listAt(below(path, "value")...) {
			m.set(below(path, "value", i), other(value))
		}
	})
	m.dependencies(func(path []any) {
		for _, field := range []string{"type", "subject", "source", "datacontenttype"} {
			if text := m.textAt(below(path, "filters", "context", field)...); text != "" {
				m.set(below(path, "filters", "context", field), text+mark)
			}
		}
		for _, field := range []string{"start", "stop"} {
			if value := m.textAt(below(path, "filters", "time", field)...); value != "" {
				another := "00:00:00"
				if value == another {
					another = "12:00:00"
				}
				m.set(below(path, "filters", "time", field), another)
			}
		}
		if script := m.textAt(below(path, "filters", "script")...); script != "" {
			m.set(below(path, "filters", "script"), "return true")
			m.set(below(path, "filters", "script"), "return false")
		}
		for i := range m.listAt(below(path, "filters", "exprs")...) {
			expr := below(path, "filters", "exprs", i, "expr")
			m.set(expr, "!("+m.textAt(expr...)+")")
			for j := range m.listAt(below(path, "filters", "exprs", i, "fields")...) {
				field := below(path, "filters", "exprs", i, "fields", j, "path")
				m.set(field, renamed(m.textAt(field...)))
			}
		}
	})
}

func filterValueDrop(m *maker) {
	m.dataFilters(func(path []any) {
		if values := m.listAt(below(path, "value")...); len(values) > 1 {
			for i := range values {
				m.drop(below(path, "value", i))
			}
		}
	})
}

// filterWiden takes the last part off a text that is a path of words, or lets it be empty where it had to be something. Values
// are regular expressions without anchors, so that the text in front matches what it did, and more.
func filterWiden(m *maker) {
	m.dataFilters(func(path []any) {
		if m.textAt(below(path, "type")...) != "string" {
			return
		}
		for i, value := range m.listAt(below(path, "value")...) {
			text, _ := value.(string)
			if wider := widened(text); wider != text {
				m.set(below(path, "value", i), wider)
			}
		}
	})
}

func widened(text string) string {
	switch end := strings.LastIndex(text, "."); {
	case strings.HasSuffix(text, "+"):
		return strings.TrimSuffix(text, "+") + "*"
	case strings.HasSuffix(text, "$"):
		return strings.TrimSuffix(text, "$")
	case strings.HasPrefix(text, "^"):
		return strings.TrimPrefix(text, "^")
	case end > 0:
		return strings.TrimSuffix(text[:end+1], `\.`)
	case strings.Contains(text, " "):
		return text[:strings.LastIndex(text, " ")]
	}
	return text
}

// opposites are comparators with one that says something else.
var opposites = map[string]string{"": "!=", "=": "!=", "!=": "=", ">=": ">", "<=": "<", ">": ">=", "<": "<="}

func filterComparator(m *maker) {
	m.dataFilters(func(path []any) {
		if another, known := opposites[m.textAt(below(path, "comparator")...)]; known && m.textAt(below(path, "type")...) != "bool" {
			m.set(below(path, "comparator"), another)
		}
	})
}

func filterPath(m *maker) {
	m.dataFilters(func(path []any) {
		m.set(below(path, "path"), renamed(m.textAt(below(path, "path")...)))
	})
}

func filterOperator(m *maker) {
	turn := func(path []any) {
		if m.textAt(path...) == "or" {
			m.set(path, "and")
		} else {
			m.set(path, "or")
		}
	}
	m.dependencies(func(path []any) {
		if !m.has(below(path, "filters")...) {
			return
		}
		// Without several of what it joins, an operator says nothing.
		kinds := 0
		for _, kind := range append(append([]string{}, filterLists...), filterFields...) {
			if m.has(below(path, "filters", kind)...) {
				kinds++
			}
		}
		if kinds > 1 || m.has(below(path, "filtersLogicalOperator")...) {
			turn(below(path, "filtersLogicalOperator"))
		}
		for _, joined := range [][2]string{{"data", "dataLogicalOperator"}, {"exprs", "exprLogicalOperator"}} {
			if len(m.listAt(below(path, "filters", joined[0])...)) > 1 || m.has(below(path, "filters", joined[1])...) {
				turn(below(path, "filters", joined[1]))
			}
		}
	})
}
