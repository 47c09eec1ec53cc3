package mutate

import (
	"slices"

	"github.com/eventrig/eventrig/internal/pipeline"
)

func templateName(m *maker) {
	m.specs(func(spec []any) {
		if path := below(spec, "workflowTemplateRef", "name"); m.has(path...) {
			m.set(path, m.anotherTemplate(m.textAt(path...)))
		}
	})
	m.steps(func(_, step []any) {
		if path := below(step, "templateRef", "name"); m.has(path...) {
			m.set(path, m.anotherTemplate(m.textAt(path...)))
		}
		if path := below(step, "templateRef", "template"); m.has(path...) {
			m.set(path, m.textAt(path...)+mark)
		}
		if path := below(step, "template"); m.textAt(path...) != "" {
			m.set(path, m.sibling(step, m.textAt(path...)))
		}
	})
}

// anotherTemplate is the name of the next WorkflowTemplate of the manifests, or else one that nothing has.
func (m *maker) anotherTemplate(name string) string {
	all := m.graph.WorkflowTemplates()
	place := slices.IndexFunc(all, func(t pipeline.WorkflowTemplate) bool { return t.GetName() == name })
	if place < 0 || len(all) < 2 {
		return name + mark
	}
	return all[(place+1)%len(all)].GetName()
}

// sibling is the name of the next template beside the one that a step is in, or else one that nothing has. It is neither the
// one that is named nor the one that the step is in, which would never end.
func (m *maker) sibling(step []any, name string) string {
	for i := len(step) - 1; i > 0; i-- {
		if step[i-1] != "templates" {
			continue
		}
		list, own := step[:i], step[i].(int)
		all := m.listAt(list...)
		for j := 1; j < len(all); j++ {
			place := (own + j) % len(all)
			if found := m.textAt(below(list, place, "name")...); found != name && found != "" {
				return found
			}
		}
		break
	}
	return name + mark
}

func entrypoint(m *maker) {
	m.specs(func(spec []any) {
		for _, field := range []string{"entrypoint", "onExit"} {
			path := below(spec, field)
			name := m.textAt(path...)
			if name == "" {
				continue
			}
			if field == "onExit" {
				m.drop(path)
				continue
			}
			another := name + mark
			for i := range m.listAt(below(spec, "templates")...) {
				if found := m.textAt(below(spec, "templates", i, "name")...); found != name && found != "" {
					another = found
					break
				}
			}
			m.set(path, another)
		}
		if hooks := below(spec, "hooks"); m.has(hooks...) {
			for _, name := range sortedKeys(m.fieldsAt(hooks...)) {
				m.drop(below(hooks, name))
			}
		}
	})
}

func argumentDefault(m *maker) {
	either := func(list []any) {
		for i := range m.listAt(list...) {
			for _, field := range []string{"value", "default"} {
				if value, there := at(m.object.Object, below(list, i, field)); there {
					m.set(below(list, i, field), other(value))
					m.drop(below(list, i, field))
				}
			}
		}
	}
	m.specs(func(spec []any) { either(below(spec, "arguments", "parameters")) })
	m.templates(func(path []any) { either(below(path, "inputs", "parameters")) })
}

func argumentValue(m *maker) {
	m.steps(func(_, step []any) {
		list := below(step, "arguments", "parameters")
		for i := range m.listAt(list...) {
			if value, there := at(m.object.Object, below(list, i, "value")); there {
				m.set(below(list, i, "value"), other(value))
			}
			m.drop(below(list, i))
		}
	})
}

func output(m *maker) {
	m.templates(func(path []any) {
		for i := range m.listAt(below(path, "outputs", "parameters")...) {
			from := below(path, "outputs", "parameters", i, "valueFrom")
			for _, field := range []string{"path", "default"} {
				if value, there := at(m.object.Object, below(from, field)); there {
					m.set(below(from, field), other(value))
				}
			}
		}
	})
}

func artifact(m *maker) {
	m.templates(func(path []any) {
		for _, way := range []string{"inputs", "outputs"} {
			for i := range m.listAt(below(path, way, "artifacts")...) {
				one := below(path, way, "artifacts", i)
				if m.textAt(below(one, "path")...) != "" {
					m.set(below(one, "path"), other(m.textAt(below(one, "path")...)))
				}
				if m.has(below(one, "raw", "data")...) {
					m.set(below(one, "raw", "data"), other(m.textAt(below(one, "raw", "data")...)))
				}
			}
		}
	})
}
