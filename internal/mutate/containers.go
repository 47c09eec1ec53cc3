package mutate

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// shells are commands whose last argument, or source, is a script.
var shells = []string{"sh", "bash", "ash", "dash"}

// programs are the programs that a container is given as text, with their paths: a script's source, and what stands behind -c.
func (m *maker) programs(container []any) (paths [][]any, shell bool) {
	command := m.listAt(below(container, "command")...)
	if len(command) > 0 {
		name, _ := command[0].(string)
		shell = slices.Contains(shells, path.Base(name))
	}
	if m.has(below(container, "source")...) {
		return [][]any{below(container, "source")}, shell
	}
	for _, field := range []string{"command", "args"} {
		words := m.listAt(below(container, field)...)
		for i := range words {
			text, _ := words[i].(string)
			behind := i > 0 && words[i-1] == "-c" || i == 0 && field == "args" && len(command) > 0 && command[len(command)-1] == "-c"
			if behind && text != "" {
				paths = append(paths, below(container, field, i))
			}
		}
	}
	return paths, shell
}

// command makes a container run another command: of the standard ones another one is true, which succeeds and does nothing.
func command(m *maker) {
	m.containers(func(container []any) {
		words := m.listAt(below(container, "command")...)
		if len(words) > 0 && words[0] != "true" {
			m.add("true instead of "+short(words[0]), Edit{Path: below(container, "command"), Value: []any{"true"}})
		}
	})
}

// argument calls do for each argument of a container's command that is no program, with its path.
func (m *maker) arguments(do func(list []any, place int)) {
	m.containers(func(container []any) {
		programs, _ := m.programs(container)
		for _, field := range []string{"command", "args"} {
			list := below(container, field)
			for i := range m.listAt(list...) {
				isProgram := slices.ContainsFunc(programs, func(p []any) bool { return slices.Equal(p, below(list, i)) })
				if field == "command" && i == 0 || isProgram || m.textAt(below(list, i)...) == "-c" {
					continue
				}
				do(list, i)
			}
		}
	})
}

// argsDrop takes arguments away one by one: of a flag with a value, both.
func argsDrop(m *maker) {
	m.arguments(func(list []any, place int) {
		words := m.listAt(list...)
		text, _ := words[place].(string)
		if place > 0 && flagWithValue(words[place-1]) && !strings.HasPrefix(text, "-") {
			return // it goes with its flag
		}
		if next := place + 1; flagWithValue(text) && next < len(words) {
			if value, _ := words[next].(string); !strings.HasPrefix(value, "-") {
				kept := append(slices.Clone(words[:place]), words[next+1:]...)
				m.made = append(m.made, m.edited(below(list, place), fmt.Sprintf("without %s %s", text, short(value)), Edit{Path: list, Value: kept}))
				return
			}
		}
		m.drop(below(list, place))
	})
}

// flagWithValue reports whether a word is a flag whose value may stand behind it.
func flagWithValue(word any) bool {
	text, _ := word.(string)
	return strings.HasPrefix(text, "-") && !strings.Contains(text, "=")
}

func argsValue(m *maker) {
	m.arguments(func(list []any, place int) {
		text := m.textAt(below(list, place)...)
		if strings.Contains(text, "{{") && strings.Trim(text, "{}") != text && !strings.HasPrefix(text, "{{") {
			m.set(below(list, place), strings.NewReplacer("{{", "mutated ", "}}", "").Replace(text))
			return
		}
		m.set(below(list, place), otherText(text))
	})
}
