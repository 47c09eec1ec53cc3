package lint

import (
	"maps"
	"slices"

	awv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
)

// call is a place where a template is run: a step, a task of a DAG, or a hook.
type call struct {
	caller *awv1.Template // the template that the call is in; nil for the Workflow's own hooks
	name   string         // of the step or task; "" for a hook
	path   []any          // of the call below the spec
	group  int            // of a step: which group; steps of one group run side by side

	template  string
	ref       *awv1.TemplateRef
	inline    *awv1.Template
	arguments awv1.Arguments
	when      string
	loops     bool // runs once for each item

	step *awv1.WorkflowStep
	task *awv1.DAGTask
}

// calls are all places in the spec where a template is run, in the order in which they are written.
func (s *spec) calls() []call {
	var all []call
	for i := range s.Templates {
		template := &s.Templates[i]
		all = append(all, callsOf(template, []any{"templates", i})...)
	}
	all = append(all, hooks(nil, s.Hooks, []any{"hooks"})...)
	return all
}

func callsOf(template *awv1.Template, path []any) []call {
	var all []call
	below := func(steps ...any) []any { return append(slices.Clone(path), steps...) }
	for group := range template.Steps {
		for i := range template.Steps[group].Steps {
			step := &template.Steps[group].Steps[i]
			at := below("steps", group, i)
			all = append(all, call{caller: template, name: step.Name, path: at, group: group, template: step.Template, ref: step.TemplateRef,
				inline: step.Inline, arguments: step.Arguments, when: step.When, step: step,
				loops: len(step.WithItems) > 0 || step.WithParam != "" || step.WithSequence != nil})
			all = append(all, hooks(template, step.Hooks, append(slices.Clone(at), "hooks"))...)
		}
	}
	if template.DAG == nil {
		return all
	}
	for i := range template.DAG.Tasks {
		task := &template.DAG.Tasks[i]
		at := below("dag", "tasks", i)
		all = append(all, call{caller: template, name: task.Name, path: at, template: task.Template, ref: task.TemplateRef,
			inline: task.Inline, arguments: task.Arguments, when: task.When, task: task,
			loops: len(task.WithItems) > 0 || task.WithParam != "" || task.WithSequence != nil})
		all = append(all, hooks(template, task.Hooks, append(slices.Clone(at), "hooks"))...)
	}
	return all
}

func hooks(caller *awv1.Template, hooks awv1.LifecycleHooks, path []any) []call {
	var all []call
	for _, event := range slices.Sorted(maps.Keys(hooks)) {
		hook := hooks[event]
		all = append(all, call{caller: caller, path: append(slices.Clone(path), string(event)), template: hook.Template, ref: hook.TemplateRef,
			arguments: hook.Arguments})
	}
	return all
}

// callee finds what a call runs: the template and the spec that holds it. Nil where it is not in the graph, or its name is
// filled in later.
func (in *Input) callee(from *spec, one call) (*awv1.Template, *spec) {
	switch {
	case one.inline != nil:
		return one.inline, from
	case one.ref != nil:
		if open(one.ref.Name) || open(one.ref.Template) {
			return nil, nil
		}
		other, _ := in.findTemplate(from.namespace, one.ref.Name, one.ref.ClusterScope)
		if other == nil {
			return nil, nil
		}
		return other.template(one.ref.Template), other
	case one.template != "" && !open(one.template):
		return from.template(one.template), from
	}
	return nil, nil
}
