package lint

import (
	"path"
	"slices"
	"strings"

	awv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/eventrig/eventrig/internal/pipeline"
	"github.com/eventrig/eventrig/simulators/handlers"
)

// Reached is what a Workflow comes to from its entrypoint, its exit handler and its hooks. Conditions (`when`) are not
// looked at: a step that may run counts.
type Reached struct {
	Templates []string // WorkflowTemplates and ClusterWorkflowTemplates, by Object.Key; each once
	Commands  []string // commands of UnderStack's images that take events; each once
}

// ReachedBy tells what a Workflow comes to; nothing for an object of another kind. Its namespace must be set.
func (in *Input) ReachedBy(workflow *unstructured.Unstructured) Reached {
	if workflow.GetKind() != "Workflow" || !strings.HasPrefix(workflow.GetAPIVersion(), "argoproj.io/") {
		return Reached{}
	}
	var typed awv1.Workflow
	if runtime.DefaultUnstructuredConverter.FromUnstructured(workflow.Object, &typed) != nil {
		return Reached{}
	}
	r := run{spec: &spec{WorkflowSpec: &typed.Spec, namespace: workflow.GetNamespace(), kind: "Workflow"}}
	if ref := typed.Spec.WorkflowTemplateRef; ref != nil {
		r.base, _ = in.findTemplate(r.namespace, ref.Name, ref.ClusterScope)
	}
	return r.reached(in)
}

// ReachedFrom tells what a Workflow comes to that is submitted from a WorkflowTemplate, or that a CronWorkflow makes, by kind and
// namespace/name; found is false where there is no such one.
func (in *Input) ReachedFrom(kind, from string) (reached Reached, found bool) {
	namespace, name, _ := strings.Cut(from, "/")
	if kind == "CronWorkflow" {
		return in.reachedByCron(namespace, name)
	}
	base, _ := in.findTemplate(namespace, name, false)
	if base == nil {
		return Reached{}, false
	}
	return run{spec: &spec{WorkflowSpec: &awv1.WorkflowSpec{}, namespace: namespace, kind: "Workflow"}, base: base}.reached(in), true
}

func (in *Input) reachedByCron(namespace, name string) (reached Reached, found bool) {
	for _, cron := range in.Graph.CronWorkflows() {
		if cron.GetNamespace() != namespace || cron.GetName() != name {
			continue
		}
		r := run{spec: &spec{WorkflowSpec: &cron.Typed.Spec.WorkflowSpec, namespace: namespace, kind: "Workflow"}}
		if ref := cron.Typed.Spec.WorkflowSpec.WorkflowTemplateRef; ref != nil {
			r.base, _ = in.findTemplate(namespace, ref.Name, ref.ClusterScope)
		}
		return r.reached(in), true
	}
	return Reached{}, false
}

func (r run) reached(in *Input) Reached {
	var found Reached
	if r.base != nil {
		found.Templates = append(found.Templates, r.base.at.Key())
	}
	for _, s := range r.steps(in) {
		if s.at.Unstructured != nil && strings.HasSuffix(s.at.GetKind(), "WorkflowTemplate") && !slices.Contains(found.Templates, s.at.Key()) {
			found.Templates = append(found.Templates, s.at.Key())
		}
		for _, name := range s.eventCommands() {
			if !slices.Contains(found.Commands, name) {
				found.Commands = append(found.Commands, name)
			}
		}
	}
	return found
}

// eventCommands are the commands of UnderStack's images in the template that take events.
func (s step) eventCommands() []string {
	var found []string
	for _, words := range s.words() {
		if name := path.Base(words[0]); len(handlers.EventTypes(name)) > 0 {
			found = append(found, name)
		}
	}
	return found
}

// Startable is what the Sensors of a graph can start, told from the manifests alone.
type Startable struct {
	Templates map[string]bool // by Object.Key
	Commands  []EventCommand  // those that templates of the graph run, in the order of the templates
}

// EventCommand is a command of UnderStack's images that takes events.
type EventCommand struct {
	Name  string
	At    pipeline.Object // the first template that runs it
	Path  string          // of it in At
	Types []string        // the event types that some Sensor hands it, as far as they are known; sorted
	Known bool            // Types says all
}

// StartableBy tells what the Sensors of a graph can start.
func StartableBy(graph *pipeline.Graph) Startable {
	in := NewInput(graph, nil)
	can := Startable{Templates: map[string]bool{}}
	types := map[string][]string{}
	unknown := map[string]bool{}
	for _, r := range runs.Of(in) {
		if r.trigger != nil {
			for _, key := range r.reached(in).Templates {
				can.Templates[key] = true
			}
		}
	}
	for _, e := range effects.Of(in) {
		for _, use := range e.command {
			types[use.name] = append(types[use.name], e.types...)
			unknown[use.name] = unknown[use.name] || len(e.types) == 0
		}
	}
	seen := map[string]bool{}
	for _, template := range graph.WorkflowTemplates() {
		for i := range template.Typed.Spec.Templates {
			s := step{template: &template.Typed.Spec.Templates[i], at: template.Object, path: pipeline.Path("spec", "templates", i)}
			for _, name := range s.eventCommands() {
				if seen[name] {
					continue
				}
				seen[name] = true
				handed := slices.Compact(slices.Sorted(slices.Values(types[name])))
				can.Commands = append(can.Commands, EventCommand{name, s.at, s.path, handed, !unknown[name]})
			}
		}
	}
	return can
}
