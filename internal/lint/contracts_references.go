package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/eventrig/eventrig/internal/nearest"
)

// readRules are about what the templates of a Workflow read of each other.
var readRules = []Rule{
	{
		ID: "contracts/unknown-reference", Severity: Error, Title: "A reference to an output or input that is not there",
		Why: "`{{steps.X.outputs.parameters.Y}}`, `{{tasks...}}` and `{{inputs...}}` are filled in by name: of a step that ran before, " +
			"of a task that this one depends on, of an output or input that the template declares. Otherwise the controller ends the " +
			"Workflow in Error: \"failed to resolve {{steps.X.outputs.parameters.Y}}\".",
		Bad:   referenceExample("{{steps.look-up.outputs.parameters.state}}"),
		Good:  referenceExample("{{steps.look-up.outputs.parameters.svm_state}}"),
		Check: unknownReferences,
	},
	{
		ID: "contracts/unread-argument", Severity: Error, Title: "A template that reads an argument which its Workflow does not have",
		Why: "`{{workflow.parameters.X}}` is an argument of the Workflow, or of the WorkflowTemplate that it names; inputs of templates " +
			"are `{{inputs.parameters.X}}`. The controller ends the Workflow in Error: \"failed to resolve {{workflow.parameters.X}}\".",
		Bad:   argumentExample("project"),
		Good:  argumentExample("project_id"),
		Check: unreadArguments,
	},
	{
		ID: "contracts/unknown-task", Severity: Error, Title: "A task that depends on one that is not there",
		Why:  "The controller ends the Workflow in Error before any pod runs: \"dependency 'X' not defined\".",
		Bad:  taskExample("lookup"),
		Good: taskExample("look-up"),
		Check: func(in *Input, report Report) {
			for _, one := range specs.Of(in) {
				calls := one.calls()
				for _, call := range calls {
					if one.merged || call.task == nil {
						continue
					}
					for _, name := range call.needed() {
						if sibling(calls, call.caller, name) != nil || open(call.task.Depends) {
							continue
						}
						field := "dependencies"
						if call.task.Depends != "" {
							field = "depends"
						}
						report(one.at, one.field(append(slices.Clone(call.path), field)...), fmt.Sprintf("%sthere is no task %q", call.label(), name),
							didYouMean(name, siblings(calls, call.caller), "its tasks are: "))
					}
				}
			}
		},
	},
}

// didYouMean is a hint: the name that comes close, else all that there are.
func didYouMean(name string, known []string, list string) string {
	if near := nearest.Name(name, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	if len(known) == 0 {
		return "there are none"
	}
	return list + strings.Join(known, ", ")
}

func unknownReferences(in *Input, report Report) {
	for _, one := range specs.Of(in) {
		if one.merged {
			continue
		}
		calls := one.calls()
		for _, ref := range one.references() {
			message, hint := in.unresolved(one, calls, ref)
			if message != "" {
				report(one.at, one.field(ref.path...), fmt.Sprintf("{{%s}}: %s", ref.tag, message), hint)
			}
		}
	}
}

// unresolved says why a reference cannot be filled in; "" where it can, or where that is not known.
func (in *Input) unresolved(one *spec, calls []call, ref reference) (message, hint string) {
	kind, rest, _ := strings.Cut(ref.tag, ".")
	switch kind {
	case "inputs":
		return unresolvedInput(ref, rest)
	case "steps", "tasks":
	default:
		return "", ""
	}
	name, rest, _ := strings.Cut(rest, ".")
	if name == "name" && rest == "" || name == "" {
		return "", ""
	}
	word := strings.TrimSuffix(kind, "s")
	if (kind == "steps") != (len(ref.in.Steps) > 0) {
		if ref.in.Steps == nil && ref.in.DAG == nil {
			return fmt.Sprintf("a template without steps or tasks sees no %s of others", word), "hand it in as an input"
		}
		return "", "" // {{tasks.x}} among steps may be meant for a template within; nobody writes it
	}
	of := sibling(calls, ref.in, name)
	if of == nil {
		return fmt.Sprintf("there is no %s %q in template %q", word, name, ref.in.Name), didYouMean(name, siblings(calls, ref.in), "there are: ")
	}
	// A hook of a step may read that step itself, and outputs of the template are worked out when all have ended.
	if at := ref.call; at != nil && at.name != "" && at.caller == ref.in {
		switch {
		case of.step != nil && of.group >= at.group && of.name != at.name:
			return fmt.Sprintf("step %q does not run before this one", name), "move this step into a later group"
		case of.task != nil && of.name != at.name && !ancestors(calls, *at)[name]:
			return fmt.Sprintf("task %q need not have ended: this one does not depend on it", name), "add it to the task's depends"
		}
	}
	callee, holder := in.callee(one, *of)
	if callee == nil || !strings.HasPrefix(rest, "outputs.") {
		return "", ""
	}
	label := fmt.Sprintf("%q, which it runs,", "inline")
	if of.inline == nil {
		label = calleeName(*of, holder, one)
	}
	message, known := outputsOf(callee, label, rest, of.loops)
	if message == "" {
		return "", ""
	}
	return message, didYouMean(rest[strings.LastIndex(rest, ".")+1:], known, "its outputs are: ")
}

func unresolvedInput(ref reference, rest string) (message, hint string) {
	section, name, _ := strings.Cut(rest, ".")
	parameters, artifacts := ref.inputs()
	known := parameters
	switch section {
	case "parameters":
	case "artifacts":
		known = artifacts
		name = strings.TrimSuffix(name, ".path")
	default:
		return "", ""
	}
	if name == "" || slices.Contains(known, name) {
		return "", ""
	}
	return fmt.Sprintf("template %q has no input %s %q", ref.in.Name, strings.TrimSuffix(section, "s"), name), didYouMean(name, known, "its inputs are: ")
}

// unreadArguments looks at what a run reads in all templates that it comes to. A template that is submitted by hand may be
// given any argument, so only runs that the manifests make are looked at.
func unreadArguments(in *Input, report Report) {
	for _, r := range runs.Of(in) {
		one := r.spec
		if one.isTemplate() || one.merged || one.open() || one.WorkflowTemplateRef != nil && r.base == nil {
			continue
		}
		var known []string
		for _, argument := range one.Arguments.Parameters {
			known = append(known, argument.Name)
		}
		if r.base != nil {
			for _, argument := range r.base.Arguments.Parameters {
				known = append(known, argument.Name)
			}
		}
		seen := map[string]bool{}
		if entry, _ := in.entry(one, r.base); entry != nil {
			for _, input := range entry.Inputs.Parameters {
				seen[input.Name] = true // that it is not given is another rule's
			}
		}
		for _, s := range r.steps(in) {
			eachText(plain(s.template), nil, func(_ []any, text string) {
				for _, match := range tag.FindAllStringSubmatch(text, -1) {
					name, ok := strings.CutPrefix(strings.TrimSpace(match[1]), "workflow.parameters.")
					if !ok || seen[name] || slices.Contains(known, name) {
						continue
					}
					seen[name] = true
					report(one.at, one.field("arguments"), fmt.Sprintf("template %q%s reads {{workflow.parameters.%s}}, and the Workflow has no such argument",
						s.template.Name, elsewhere(s, one), name), didYouMean(name, known, "its arguments are: "))
				}
			})
		}
	}
}

// elsewhere names the object of a step where it is not that of the run.
func elsewhere(s step, one *spec) string {
	if s.at.Unstructured == one.at.Unstructured {
		return ""
	}
	return fmt.Sprintf(" of %s %q", s.at.GetKind(), s.at.GetName())
}

// referenceExample is a WorkflowTemplate whose second step is given what the first one found, for the rules' pages.
func referenceExample(reference string) string {
	return `apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: sync-svm, namespace: argo-events}
spec:
  entrypoint: all
  serviceAccountName: workflow
  templates:
  - name: all
    steps:
    - - {name: look-up, template: look-up}
    - - name: sync
        template: sync
        arguments: {parameters: [{name: state, value: "` + reference + `"}]}
  - name: look-up
    outputs:
      parameters:
      - name: svm_state
        valueFrom: {path: /var/run/argo/output.svm_state}
    container: {image: "ghcr.io/example/netapp:1", command: [look-up]}
  - name: sync
    inputs: {parameters: [{name: state}]}
    container: {image: "ghcr.io/example/netapp:1", command: [sync], args: ["{{inputs.parameters.state}}"]}
`
}

// argumentExample is a Workflow that reads an argument "project_id", for the rules' pages.
func argumentExample(argument string) string {
	return `apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: sync-project, namespace: argo-events}
spec:
  entrypoint: main
  serviceAccountName: workflow
  arguments: {parameters: [{name: ` + argument + `, value: eng}]}
  templates:
  - name: main
    container: {image: "ghcr.io/example/netapp:1", command: [sync], args: ["{{workflow.parameters.project_id}}"]}
`
}

// taskExample is a WorkflowTemplate with a task that depends on another, for the rules' pages.
func taskExample(depends string) string {
	return `apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: sync-svm, namespace: argo-events}
spec:
  entrypoint: all
  serviceAccountName: workflow
  templates:
  - name: all
    dag:
      tasks:
      - {name: look-up, template: run}
      - {name: sync, template: run, depends: ` + depends + `.Succeeded}
  - name: run
    container: {image: "ghcr.io/example/netapp:1", command: [run]}
`
}
