package mutate

import (
	"regexp"
	"slices"
	"strings"

	"github.com/eventrig/eventrig/internal/pipeline"
)

// dependencies calls do for each dependency of a Sensor, with its path.
func (m *maker) dependencies(do func(path []any)) {
	if !m.is(argo, "Sensor") {
		return
	}
	for i := range m.listAt("spec", "dependencies") {
		do([]any{"spec", "dependencies", i})
	}
}

// eventSource names the next EventSource of the namespace that has an event of the name, or else one that is not there.
func eventSource(m *maker) {
	m.dependencies(func(path []any) {
		name, event := m.textAt(below(path, "eventSourceName")...), m.textAt(below(path, "eventName")...)
		another := name + mark
		for _, one := range m.next(func(e pipeline.Event) bool { return e.SourceName == name }) {
			if one.SourceName != name && one.Name == event {
				another = one.SourceName
				break
			}
		}
		m.set(below(path, "eventSourceName"), another)
	})
}

// eventName names the next event of the EventSource, or else one that is not there.
func eventName(m *maker) {
	m.dependencies(func(path []any) {
		name, event := m.textAt(below(path, "eventSourceName")...), m.textAt(below(path, "eventName")...)
		another := event + mark
		for _, one := range m.next(func(e pipeline.Event) bool { return e.SourceName == name && e.Name == event }) {
			if one.SourceName == name && one.Name != event {
				another = one.Name
				break
			}
		}
		m.set(below(path, "eventName"), another)
	})
}

// next are the events of the namespace from the first one that is meant on, and then those before it.
func (m *maker) next(meant func(pipeline.Event) bool) []pipeline.Event {
	var all []pipeline.Event
	for _, event := range m.graph.Events() {
		if event.Namespace == m.object.GetNamespace() {
			all = append(all, event)
		}
	}
	from := max(0, slices.IndexFunc(all, meant))
	return append(slices.Clone(all[from:]), all[:from]...)
}

// jqField finds what a jq program reads and writes: .field.field, ["field"], and other texts.
var jqField = regexp.MustCompile(`\.[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*|"(?:[^"\\]|\\.)*"`)

func transform(m *maker) {
	m.dependencies(func(path []any) {
		if !m.has(below(path, "transform")...) {
			return
		}
		m.drop(below(path, "transform"))
		if program := m.textAt(below(path, "transform", "jq")...); program != "" {
			m.set(below(path, "transform", "jq"), strings.TrimRight(program, "\n")+" | error")
			for _, field := range jqField.FindAllStringIndex(program, -1) {
				text := program[field[0]:field[1]]
				changed := text + "_mutated"
				if strings.HasPrefix(text, `"`) {
					changed = text[:len(text)-1] + `_mutated"`
				}
				m.add(changed+" instead of "+text, Edit{Path: below(path, "transform", "jq"), Value: program[:field[0]] + changed + program[field[1]:]})
			}
		}
		if script := m.textAt(below(path, "transform", "script")...); script != "" {
			m.set(below(path, "transform", "script"), "error('mutated')\n"+script)
		}
	})
}
