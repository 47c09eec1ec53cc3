package mutate

import (
	"strconv"
	"strings"
)

// parameters calls do for each parameter of each trigger of a Sensor, with the path of its list and its place there: those of
// the object, of the payload, and of the trigger itself.
func (m *maker) parameters(do func(list []any, place int)) {
	m.triggers(func(path []any) {
		lists := [][]any{below(path, "parameters")}
		template := m.fieldsAt(below(path, "template")...)
		for _, kind := range sortedKeys(template) {
			lists = append(lists, below(path, "template", kind, "parameters"), below(path, "template", kind, "payload"))
		}
		for _, list := range lists {
			for i := range m.listAt(list...) {
				do(list, i)
			}
		}
	})
}

func parameterDrop(m *maker) {
	m.parameters(func(list []any, place int) { m.drop(below(list, place)) })
}

func parameterSource(m *maker) {
	m.parameters(func(list []any, place int) {
		for _, field := range []string{"dataKey", "contextKey"} {
			if path := below(list, place, "src", field); m.textAt(path...) != "" {
				m.set(path, renamed(m.textAt(path...)))
			}
		}
		for _, field := range []string{"dataTemplate", "contextTemplate"} {
			if path := below(list, place, "src", field); m.textAt(path...) != "" {
				m.set(path, "mutated")
			}
		}
	})
}

func parameterSwap(m *maker) {
	m.parameters(func(list []any, place int) {
		all := m.listAt(list...)
		next := (place + 1) % len(all)
		here, there := m.textAt(below(list, place, "src", "dataKey")...), m.textAt(below(list, next, "src", "dataKey")...)
		if here != "" && there != "" && here != there {
			m.set(below(list, place, "src", "dataKey"), there)
		}
	})
}

// parameterDest moves a parameter to the next item of the list that it goes to, or else to a field of another name.
func parameterDest(m *maker) {
	m.parameters(func(list []any, place int) {
		path := below(list, place, "dest")
		steps := strings.Split(m.textAt(path...), ".")
		changed := renamed(strings.Join(steps, "."))
		for i := len(steps) - 1; i >= 0; i-- {
			if number, err := strconv.Atoi(steps[i]); err == nil {
				moved := append([]string{}, steps...)
				moved[i] = strconv.Itoa(number + 1)
				changed = strings.Join(moved, ".")
				break
			}
		}
		m.set(path, changed)
	})
}

func parameterDefault(m *maker) {
	m.parameters(func(list []any, place int) {
		if path := below(list, place, "src", "value"); m.has(path...) {
			value, _ := at(m.object.Object, path)
			m.set(path, other(value))
			m.drop(path)
		}
	})
}
