package evaluate

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/eventrig/eventrig/internal/nearest"
	"github.com/eventrig/eventrig/internal/pipeline"
)

// problems says what the API server or the workflow controller will object to.
func (e *Evaluator) problems(s *sensor, object *unstructured.Unstructured, operation string) []Problem {
	var found []Problem
	add := func(hint, format string, values ...any) {
		found = append(found, Problem{fmt.Sprintf(format, values...), hint})
	}
	if object.GetKind() == "" || object.GetAPIVersion() == "" {
		add("", "the object has no apiVersion or no kind: the API server cannot tell what it is")
		return found
	}
	if object.GetName() == "" && object.GetGenerateName() == "" {
		add("", "the object has neither name nor generateName: the API server refuses it")
	} else if object.GetGenerateName() == "" && operation == "create" {
		add("use generateName, or a name with something of the event", "the object's name is %s every time: if one of that name still exists the API server refuses the second", object.GetName())
	}
	if object.GetKind() == "Workflow" && strings.HasPrefix(object.GetAPIVersion(), "argoproj.io/") {
		e.workflow(object, add)
	}
	return found
}

type report func(hint, format string, values ...any)

// workflow checks a Workflow against the templates that it names.
func (e *Evaluator) workflow(object *unstructured.Unstructured, add report) {
	given := parametersOf(object.Object, "spec", "arguments", "parameters")
	if name, has, _ := unstructured.NestedString(object.Object, "spec", "workflowTemplateRef", "name"); has {
		cluster, _, _ := unstructured.NestedBool(object.Object, "spec", "workflowTemplateRef", "clusterScope")
		if template, ok := e.template(object.GetNamespace(), name, cluster, add); ok {
			e.arguments(template, given, add)
		}
	}
	for _, ref := range refsOf(object.Object["spec"]) {
		template, ok := e.template(object.GetNamespace(), ref.name, ref.cluster, add)
		if !ok || ref.template == "" || strings.Contains(ref.template, "{{") {
			continue
		}
		var names []string
		for _, t := range template.Typed.Spec.Templates {
			names = append(names, t.Name)
		}
		if !slices.Contains(names, ref.template) {
			add(nearHint(ref.template, names), "%s %s has no template %s", template.GetKind(), ref.name, ref.template)
		}
	}
}

func nearHint(name string, names []string) string {
	if near := nearest.Name(name, names); near != "" {
		return "did you mean " + near + "?"
	}
	if len(names) > 0 {
		return "there is: " + strings.Join(names, ", ")
	}
	return ""
}

// template finds a WorkflowTemplate, or says why the controller will not.
func (e *Evaluator) template(namespace, name string, cluster bool, add report) (pipeline.WorkflowTemplate, bool) {
	kind := "WorkflowTemplate"
	if cluster {
		kind = "ClusterWorkflowTemplate"
	}
	var names []string
	elsewhere := ""
	for _, t := range e.graph.WorkflowTemplates() {
		switch {
		case t.Cluster != cluster:
		case t.GetName() != name:
			if cluster || t.GetNamespace() == namespace {
				names = append(names, t.GetName())
			}
		case cluster || t.GetNamespace() == namespace:
			return t, true
		default:
			elsewhere = t.GetNamespace()
		}
	}
	switch {
	case elsewhere != "":
		add("a Workflow finds WorkflowTemplates of its own namespace only", "WorkflowTemplate %s is in namespace %s, the Workflow in %s: it will fail", name, elsewhere, namespace)
	case len(e.graph.WorkflowTemplates()) == 0:
		add("give the folder that has it with --manifests", "%s %s is not in the manifests", kind, name)
	default:
		add(nearHint(name, names), "%s %s is not in the manifests", kind, name)
	}
	return pipeline.WorkflowTemplate{}, false
}

// arguments compares what a Workflow gives with what its template declares.
func (e *Evaluator) arguments(template pipeline.WorkflowTemplate, given map[string]bool, add report) {
	var declared []string
	for _, p := range template.Typed.Spec.Arguments.Parameters {
		declared = append(declared, p.Name)
		if value, has := given[p.Name]; has && value {
			continue
		}
		if p.Value == nil && p.Default == nil && p.ValueFrom == nil {
			add("", "WorkflowTemplate %s needs the parameter %s, and gets no value: the Workflow will fail", template.GetName(), p.Name)
		}
	}
	var extra []string
	for name := range given {
		if !slices.Contains(declared, name) {
			extra = append(extra, name)
		}
	}
	slices.Sort(extra)
	for _, name := range extra {
		add(nearHint(name, declared), "WorkflowTemplate %s does not declare the parameter %s: it is handed over and not used unless a template names it", template.GetName(), name)
	}
}

// parametersOf lists the parameters at a place, and whether each has a value.
func parametersOf(object map[string]any, fields ...string) map[string]bool {
	list, _, _ := unstructured.NestedFieldNoCopy(object, fields...)
	items, _ := list.([]any)
	found := map[string]bool{}
	for _, item := range items {
		p, _ := item.(map[string]any)
		name, _ := p["name"].(string)
		if name != "" {
			_, value := p["value"]
			_, from := p["valueFrom"]
			_, fallback := p["default"]
			found[name] = value || from || fallback
		}
	}
	return found
}

type templateRef struct {
	name, template string
	cluster        bool
}

// refsOf finds every templateRef in a Workflow's spec.
func refsOf(value any) []templateRef {
	var found []templateRef
	switch value := value.(type) {
	case []any:
		for _, item := range value {
			found = append(found, refsOf(item)...)
		}
	case map[string]any:
		names := make([]string, 0, len(value))
		for name := range value {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			ref, isObject := value[name].(map[string]any)
			if name != "templateRef" || !isObject {
				found = append(found, refsOf(value[name])...)
				continue
			}
			one := templateRef{}
			one.name, _ = ref["name"].(string)
			one.template, _ = ref["template"].(string)
			one.cluster, _ = ref["clusterScope"].(bool)
			if one.name != "" && !strings.Contains(one.name, "{{") {
				found = append(found, one)
			}
		}
	}
	return found
}
