package lint

import (
	"encoding/json"
	"fmt"
	"strings"

	awv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	"github.com/eventrig/eventrig/internal/pipeline"
)

// spec is the spec of a Workflow, wherever one is written: in a Workflow, a template, a CronWorkflow, or in a Sensor's
// trigger.
type spec struct {
	*awv1.WorkflowSpec
	at        pipeline.Object
	path      []any  // of the spec in at
	namespace string // that its Workflows run in; "" where that is not known
	kind      string // Workflow, WorkflowTemplate, ClusterWorkflowTemplate or CronWorkflow
	name      string // of a template
	trigger   *trigger
	merged    bool // cannot be taken as it is: parameters of the trigger write more than values into it
	from      bool // is what a trigger with `operation: submit-from` makes of the object that it names
}

// isTemplate says that the spec is not run as it stands: others refer to it.
func (s *spec) isTemplate() bool { return strings.HasSuffix(s.kind, "WorkflowTemplate") }

// field is the path of a field of the spec in its object.
func (s *spec) field(steps ...any) string {
	if s.from {
		return s.trigger.in("metadata", "name")
	}
	if s.trigger != nil {
		return s.trigger.in(append([]any{"spec"}, steps...)...)
	}
	return pipeline.Path(append(append([]any{}, s.path...), steps...)...)
}

// template finds one of the spec's own templates by name.
func (s *spec) template(name string) *awv1.Template {
	for i := range s.Templates {
		if s.Templates[i].Name == name {
			return &s.Templates[i]
		}
	}
	return nil
}

// specs are all specs of Workflows in the graph.
var specs = NewFact(func(in *Input) []*spec {
	var all []*spec
	for _, one := range in.Graph.WorkflowTemplates() {
		all = append(all, &spec{WorkflowSpec: &one.Typed.Spec, at: one.Object, path: []any{"spec"}, namespace: one.GetNamespace(),
			kind: one.GetKind(), name: one.GetName()})
	}
	for _, one := range in.Graph.CronWorkflows() {
		all = append(all, &spec{WorkflowSpec: &one.Typed.Spec.WorkflowSpec, at: one.Object, path: []any{"spec", "workflowSpec"},
			namespace: one.GetNamespace(), kind: one.GetKind(), name: one.GetName()})
	}
	for _, one := range in.Graph.Workflows() {
		all = append(all, &spec{WorkflowSpec: &one.Typed.Spec, at: one.Object, path: []any{"spec"}, namespace: one.GetNamespace(),
			kind: one.GetKind(), name: one.GetName()})
	}
	for _, one := range triggers.Of(in) {
		if from := one.submitsFrom(in.Graph); from != nil {
			all = append(all, from)
		}
		if workflow, err := one.workflow(); workflow != nil && err == nil {
			all = append(all, &spec{WorkflowSpec: &workflow.Spec, at: one.sensor.Object, namespace: one.namespace, kind: "Workflow",
				trigger: one, merged: one.rewrites()})
		}
	}
	return all
})

// workflow is the Workflow that a trigger creates, as it is written; nil where it creates something else.
func (t *trigger) workflow() (*awv1.Workflow, error) {
	if t.object == nil || !t.creates || t.object.GetKind() != "Workflow" || !strings.HasPrefix(t.object.GetAPIVersion(), "argoproj.io/") {
		return nil, nil
	}
	content, err := json.Marshal(t.object.Object)
	if err != nil {
		return nil, fmt.Errorf("read the Workflow: %w", err)
	}
	var workflow awv1.Workflow
	if err := json.Unmarshal(content, &workflow); err != nil {
		return nil, fmt.Errorf("read the Workflow: %w", err)
	}
	return &workflow, nil
}

// rewrites says that a parameter writes into the Workflow's templates, or replaces its arguments as a whole: what is
// written in the manifest is then not what runs.
func (t *trigger) rewrites() bool {
	if t.moving {
		return true
	}
	for _, one := range t.dests {
		if len(one.steps) > 0 && one.steps[0] == "spec" {
			if len(one.steps) < 4 || one.steps[1] != "arguments" {
				return true
			}
		}
	}
	return false
}

// sameNamespace says that two namespaces may be one: without a namespace in the manifest it is that of whoever applies it.
func sameNamespace(a, b string) bool { return a == b || a == "" || b == "" }

// findTemplate finds a template by name as Argo Workflows does: in the Workflow's namespace, or of the cluster. Where it is
// only elsewhere, those places are returned.
func (in *Input) findTemplate(namespace, name string, cluster bool) (found *spec, elsewhere []*spec) {
	for _, one := range specs.Of(in) {
		if !one.isTemplate() || one.name != name {
			continue
		}
		isCluster := one.kind == "ClusterWorkflowTemplate"
		switch {
		case isCluster == cluster && (cluster || one.namespace == namespace):
			return one, nil
		case isCluster == cluster && sameNamespace(one.namespace, namespace):
			found = one
		default:
			elsewhere = append(elsewhere, one)
		}
	}
	if found != nil {
		return found, nil
	}
	return nil, elsewhere
}

// open says that a name is filled in later, so that nothing can be said about it.
func open(name string) bool { return strings.Contains(name, "{{") }

// templateUse is one place that names a WorkflowTemplate.
type templateUse struct {
	by      *spec
	name    string
	entry   string // the template in it; "" for its entrypoint
	cluster bool
	path    string // of the name in by.at
}

// templateUses are all places that name WorkflowTemplates whose names are known.
var templateUses = NewFact(func(in *Input) []templateUse {
	var all []templateUse
	for _, one := range specs.Of(in) {
		if ref := one.WorkflowTemplateRef; ref != nil && ref.Name != "" && !open(ref.Name) {
			if one.trigger == nil || !one.trigger.writes("spec", "workflowTemplateRef", "name") {
				all = append(all, templateUse{by: one, name: ref.Name, cluster: ref.ClusterScope, path: one.field("workflowTemplateRef", "name")})
			}
		}
		for _, step := range one.calls() {
			if ref := step.ref; ref != nil && ref.Name != "" && !open(ref.Name) && !open(ref.Template) {
				all = append(all, templateUse{by: one, name: ref.Name, entry: ref.Template, cluster: ref.ClusterScope,
					path: one.field(append(step.path, "templateRef", "name")...)})
			}
		}
	}
	return all
})
