package mutate

import (
	"maps"
	"slices"
)

func sortedKeys[V any](fields map[string]V) []string { return slices.Sorted(maps.Keys(fields)) }

// specs calls do for each specification of a Workflow in the object, with its path: a template's, a Workflow's, a
// CronWorkflow's, and those that a Sensor's triggers create.
func (m *maker) specs(do func(path []any)) {
	switch {
	case m.is(argo, "WorkflowTemplate", "ClusterWorkflowTemplate", "Workflow"):
		do([]any{"spec"})
	case m.is(argo, "CronWorkflow"):
		do([]any{"spec", "workflowSpec"})
	}
	m.created(func(_, object []any) {
		if m.textAt(below(object, "kind")...) == "Workflow" {
			do(below(object, "spec"))
		}
	})
}

// templates calls do for each template of each specification, with its path; those that are written in a step too.
func (m *maker) templates(do func(path []any)) {
	m.specs(func(spec []any) {
		for i := range m.listAt(below(spec, "templates")...) {
			do(below(spec, "templates", i))
		}
	})
	m.steps(func(_, step []any) {
		if inline := below(step, "inline"); m.has(inline...) {
			do(inline)
		}
	})
}

// steps calls do for each step and each task of the templates, with the path of its list (a group of steps, the tasks of a
// graph) and its own.
func (m *maker) steps(do func(list, step []any)) {
	m.specs(func(spec []any) {
		for i := range m.listAt(below(spec, "templates")...) {
			template := below(spec, "templates", i)
			for group := range m.listAt(below(template, "steps")...) {
				list := below(template, "steps", group)
				for step := range m.listAt(list...) {
					do(list, below(list, step))
				}
			}
			list := below(template, "dag", "tasks")
			for task := range m.listAt(list...) {
				do(list, below(list, task))
			}
		}
	})
}

// pods calls do for each specification of a pod in the object, with its path: a Job's or a Deployment's, and those of Jobs
// that a Sensor's triggers create.
func (m *maker) pods(do func(path []any)) {
	each := func(content, path []any) {
		if m.has(below(content, path...)...) {
			do(below(content, path...))
		}
	}
	switch kind := m.object.GroupVersionKind(); {
	case kind.Group == "batch" && kind.Kind == "CronJob":
		each(nil, []any{"spec", "jobTemplate", "spec", "template", "spec"})
	case kind.Group == "batch" || kind.Group == "apps":
		each(nil, []any{"spec", "template", "spec"})
	case kind.Group == "" && kind.Kind == "Pod":
		each(nil, []any{"spec"})
	}
	m.created(func(_, object []any) {
		if m.textAt(below(object, "kind")...) == "Job" {
			each(object, []any{"spec", "template", "spec"})
		}
	})
}

// containers calls do for each container, with its path: of templates (a script is one) and of pods.
func (m *maker) containers(do func(path []any)) {
	lists := func(path []any, names ...string) {
		for _, name := range names {
			for i := range m.listAt(below(path, name)...) {
				do(below(path, name, i))
			}
		}
	}
	m.templates(func(path []any) {
		for _, field := range []string{"container", "script"} {
			if m.has(below(path, field)...) {
				do(below(path, field))
			}
		}
		lists(path, "initContainers", "sidecars")
		lists(below(path, "containerSet"), "containers")
	})
	m.pods(func(path []any) { lists(path, "initContainers", "containers") })
}

// volumes calls do for each volume, with its path: of Workflows, templates and pods.
func (m *maker) volumes(do func(path []any)) {
	of := func(path []any) {
		for i := range m.listAt(below(path, "volumes")...) {
			do(below(path, "volumes", i))
		}
	}
	m.specs(of)
	m.templates(of)
	m.pods(of)
}
