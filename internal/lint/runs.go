package lint

import (
	"slices"

	awv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	"github.com/eventrig/eventrig/internal/pipeline"
)

// run is a workflow that can be run: one in the manifests, one that a Sensor creates, a CronWorkflow's, or a template that is
// submitted as it is.
type run struct {
	*spec
	base *spec // what workflowTemplateRef names, where the graph has it
}

// account is the ServiceAccount that its pods have unless their template says otherwise; "" is the default one. The
// Workflow's own comes before its template's.
func (r run) account() string {
	if r.ServiceAccountName == "" && r.base != nil {
		return r.base.ServiceAccountName
	}
	return r.ServiceAccountName
}

// executor is the account of the executor in its pods, "" if it is that of the pod.
func (r run) executor() string {
	switch {
	case r.Executor != nil:
		return r.Executor.ServiceAccountName
	case r.base != nil && r.base.Executor != nil:
		return r.base.Executor.ServiceAccountName
	}
	return ""
}

// runs are all workflows that the manifests can run. Templates come last, without those that are only parts of others.
var runs = NewFact(func(in *Input) []run {
	var all, templates []run
	for _, one := range specs.Of(in) {
		r := run{spec: one}
		if ref := one.WorkflowTemplateRef; ref != nil {
			r.base, _ = in.findTemplate(one.namespace, ref.Name, ref.ClusterScope)
		}
		switch {
		case !one.isTemplate():
			all = append(all, r)
		case one.kind == "WorkflowTemplate" && one.Entrypoint != "":
			templates = append(templates, r)
		}
	}
	return append(all, templates...)
})

// step is a template that a run comes to.
type step struct {
	template *awv1.Template
	at       pipeline.Object
	path     string              // of the template in at
	inputs   map[string][]string // the values that its parameters are given, where they are written in the manifest
}

// steps are the templates that a run comes to from its entrypoint, its exit handler and its hooks, each once.
func (r run) steps(in *Input) []step {
	w := &stepWalk{in: in, namespace: r.namespace, seen: map[*awv1.Template]map[string][]string{}}
	own := r.spec
	specs := []*spec{r.spec}
	if r.base != nil {
		own = r.base
		specs = append(specs, r.base)
	}
	started := false
	for _, spec := range specs {
		for _, name := range []string{spec.Entrypoint, spec.OnExit} {
			if name != "" {
				started = true
				w.named(own, name, spec.Arguments)
			}
		}
		for _, hook := range hooks(nil, spec.Hooks, nil) {
			w.reference(own, hook.template, hook.ref, hook.arguments)
		}
	}
	if !started {
		for i := range own.Templates {
			w.visit(own, &own.Templates[i], own.field("templates", i), awv1.Arguments{})
		}
	}
	return w.found
}

type stepWalk struct {
	in        *Input
	namespace string
	seen      map[*awv1.Template]map[string][]string // with the values that their parameters are given
	found     []step
}

func (w *stepWalk) named(of *spec, name string, given awv1.Arguments) {
	for i := range of.Templates {
		if of.Templates[i].Name == name {
			w.visit(of, &of.Templates[i], of.field("templates", i), given)
		}
	}
}

func (w *stepWalk) reference(of *spec, name string, ref *awv1.TemplateRef, given awv1.Arguments) {
	if ref == nil {
		w.named(of, name, given)
		return
	}
	if template, _ := w.in.findTemplate(w.namespace, ref.Name, ref.ClusterScope); template != nil {
		w.named(template, ref.Template, given)
	}
}

func (w *stepWalk) visit(of *spec, template *awv1.Template, path string, given awv1.Arguments) {
	inputs, before := w.seen[template]
	if !before {
		inputs = map[string][]string{}
		w.seen[template] = inputs
		w.found = append(w.found, step{template, of.at, path, inputs})
	}
	for _, parameter := range given.Parameters {
		if value := parameter.Value; value != nil && !slices.Contains(inputs[parameter.Name], value.String()) {
			inputs[parameter.Name] = append(inputs[parameter.Name], value.String())
		}
	}
	if before {
		return
	}
	for _, call := range callsOf(template, nil) {
		if call.inline != nil {
			w.visit(of, call.inline, path, call.arguments)
		}
		w.reference(of, call.template, call.ref, call.arguments)
	}
}

// pod reports whether the template runs in a pod of its own.
func (s step) pod() bool {
	t := s.template
	return t.Container != nil || t.Script != nil || t.ContainerSet != nil || t.Resource != nil || t.Data != nil
}

// agent reports whether the agent runs the template.
func (s step) agent() bool { return s.template.HTTP != nil || s.template.Plugin != nil }
