package lint

import (
	"fmt"
	"slices"
	"strings"

	awv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	"github.com/eventrig/eventrig/internal/nearest"
)

// callRules are about the templates that a Workflow runs, and what they are given.
var callRules = []Rule{
	{
		ID: "contracts/unknown-entrypoint", Severity: Error, Title: "A Workflow whose entrypoint is not there",
		Why: "The controller ends the Workflow in Error before any pod runs: \"template name 'X' undefined\", or \"spec.entrypoint is " +
			"required\". A WorkflowTemplate that others only take templates from needs none.",
		Bad:   strings.Replace(stepExample("inline: {suspend: {}}"), "entrypoint: all", "entrypoint: al", 1),
		Good:  stepExample("inline: {suspend: {}}"),
		Check: unknownEntrypoints,
	},
	{
		ID: "contracts/unknown-step-template", Severity: Error, Title: "A step runs a template that its Workflow does not have",
		Why: "The controller ends the Workflow in Error: \"template name 'X' undefined\".",
		Bad: stepExample("template: syncing"),
		Good: stepExample("template: sync") + `    - name: sync
      suspend: {}
`,
		Check: func(in *Input, report Report) {
			for _, one := range specs.Of(in) {
				for _, call := range one.calls() {
					if call.ref != nil || call.inline != nil || call.template == "" || open(call.template) || one.merged || one.template(call.template) != nil {
						continue
					}
					if one.WorkflowTemplateRef != nil && len(one.Templates) == 0 {
						continue // a hook that runs one of the template's
					}
					hint := "its templates are: " + strings.Join(one.templateNames(), ", ")
					if near := nearest.Name(call.template, one.templateNames()); near != "" {
						hint = fmt.Sprintf("did you mean %q?", near)
					}
					report(one.at, one.field(append(slices.Clone(call.path), "template")...), fmt.Sprintf("%sthere is no template %q", call.label(), call.template), hint)
				}
			}
		},
	},
	{
		ID: "contracts/missing-input", Severity: Error, Title: "A template is not given an input that it needs",
		Why: "An input without a value or default has to come from the arguments of the step or task that runs the template, of the " +
			"entrypoint from the Workflow's. Without it the Workflow ends in Error: \"inputs.parameters.X had no value\".",
		Bad:   stepExample("template: sync") + inputExample,
		Good:  stepExample("template: sync\n          arguments: {parameters: [{name: service, value: ironic}]}") + inputExample,
		Check: missingInputs,
	},
	{
		ID: "contracts/undeclared-input", Severity: Warning, Title: "A step gives its template an argument that it does not declare",
		Why:   "Argo Workflows passes over it: what it was to say does not arrive. Mostly the template calls it something else.",
		Bad:   stepExample("template: sync\n          arguments: {parameters: [{name: service, value: ironic}, {name: mode, value: full}]}") + inputExample,
		Good:  stepExample("template: sync\n          arguments: {parameters: [{name: service, value: ironic}]}") + inputExample,
		Check: undeclaredInputs,
	},
}

const inputExample = `    - name: sync
      inputs:
        parameters: [{name: service}]
      container:
        image: ghcr.io/rackerlabs/understack/ironic-nautobot-client:latest
        command: [sync]
        args: ["{{inputs.parameters.service}}"]
`

func (s *spec) templateNames() []string {
	var names []string
	for _, template := range s.Templates {
		names = append(names, template.Name)
	}
	return names
}

// label begins a message about the call.
func (c call) label() string {
	switch {
	case c.task != nil:
		return fmt.Sprintf("task %q: ", c.name)
	case c.step != nil:
		return fmt.Sprintf("step %q: ", c.name)
	}
	return "hook: "
}

func unknownEntrypoints(in *Input, report Report) {
	for _, one := range specs.Of(in) {
		if one.merged {
			continue
		}
		holder, field := one, "entrypoint"
		if ref := one.WorkflowTemplateRef; ref != nil {
			found, _ := in.findTemplate(one.namespace, ref.Name, ref.ClusterScope)
			if found == nil {
				continue
			}
			holder = found
			if one.Entrypoint == "" {
				field = "workflowTemplateRef"
			}
		}
		for holder.WorkflowTemplateRef != nil {
			// A template of a template: which templates there are is known only at the end of the chain.
			found, _ := in.findTemplate(holder.namespace, holder.WorkflowTemplateRef.Name, holder.WorkflowTemplateRef.ClusterScope)
			if found == nil || found == holder {
				break
			}
			holder = found
		}
		if holder.WorkflowTemplateRef != nil {
			continue
		}
		entrypoint := one.Entrypoint
		if entrypoint == "" {
			entrypoint = holder.Entrypoint
		}
		names := holder.templateNames()
		switch {
		case entrypoint == "" && one.isTemplate():
		case entrypoint == "":
			report(one.at, one.field(field), "it has no entrypoint", "its templates are: "+strings.Join(names, ", "))
		case !open(entrypoint) && !slices.Contains(names, entrypoint) && (holder == one || one.Entrypoint != ""):
			// Where the template's own entrypoint is wrong, that is said at the template.
			hint := "its templates are: " + strings.Join(names, ", ")
			if near := nearest.Name(entrypoint, names); near != "" {
				hint = fmt.Sprintf("did you mean %q?", near)
			}
			report(one.at, one.field("entrypoint"), fmt.Sprintf("there is no template %q", entrypoint), hint)
		}
		if one.OnExit != "" && !open(one.OnExit) && !slices.Contains(names, one.OnExit) {
			report(one.at, one.field("onExit"), fmt.Sprintf("there is no template %q to run at the end", one.OnExit), "its templates are: "+strings.Join(names, ", "))
		}
	}
}

// entry is the template that a run begins with, and the spec that holds it.
func (in *Input) entry(one, template *spec) (*awv1.Template, *spec) {
	holder := one
	if template != nil {
		holder = template
	}
	name := one.Entrypoint
	if name == "" {
		name = holder.Entrypoint
	}
	return holder.template(name), holder
}

func missingInputs(in *Input, report Report) {
	for _, one := range specs.Of(in) {
		if one.merged {
			continue
		}
		for _, call := range one.calls() {
			callee, holder := in.callee(one, call)
			if callee == nil || call.inline != nil {
				continue
			}
			for _, input := range callee.Inputs.Parameters {
				if hasValue(input) || parameter(call.arguments.Parameters, input.Name) != nil {
					continue
				}
				hint := "add it to the arguments"
				if near := nearest.Name(input.Name, undeclared(call, callee)); near != "" {
					hint = fmt.Sprintf("is %q meant to be it?", near)
				}
				report(one.at, one.field(call.path...), fmt.Sprintf("%stemplate %s needs the input %q", call.label(), calleeName(call, holder, one), input.Name), hint)
			}
			for _, input := range callee.Inputs.Artifacts {
				if input.Optional || input.HasLocationOrKey() || call.arguments.GetArtifactByName(input.Name) != nil {
					continue
				}
				report(one.at, one.field(call.path...), fmt.Sprintf("%stemplate %s needs the artifact %q", call.label(), calleeName(call, holder, one), input.Name),
					"add it to the arguments")
			}
		}
	}
	eachRun(in, func(one, template *spec) {
		entry, holder := in.entry(one, template)
		if entry == nil || one.merged || one.open() {
			return
		}
		for _, input := range entry.Inputs.Parameters {
			if hasValue(input) || parameter(one.Arguments.Parameters, input.Name) != nil || parameter(holder.Arguments.Parameters, input.Name) != nil {
				continue
			}
			report(one.at, one.field("arguments"), fmt.Sprintf("the entrypoint %q needs the input %q, and there is no argument of that name", entry.Name, input.Name),
				"add it to the Workflow's arguments")
		}
	})
}

func calleeName(call call, holder, caller *spec) string {
	switch {
	case call.ref != nil && holder != caller:
		return fmt.Sprintf("%q of %s %q", call.ref.Template, holder.kind, holder.name)
	case call.ref != nil:
		return fmt.Sprintf("%q", call.ref.Template)
	}
	return fmt.Sprintf("%q", call.template)
}

// undeclared are the arguments of a call that its template does not declare.
func undeclared(call call, callee *awv1.Template) []string {
	var names []string
	for _, argument := range call.arguments.Parameters {
		if parameter(callee.Inputs.Parameters, argument.Name) == nil {
			names = append(names, argument.Name)
		}
	}
	return names
}

func undeclaredInputs(in *Input, report Report) {
	for _, one := range specs.Of(in) {
		for _, call := range one.calls() {
			callee, holder := in.callee(one, call)
			if callee == nil || call.inline != nil || one.merged {
				continue
			}
			for i, argument := range call.arguments.Parameters {
				if argument.Name == "" || parameter(callee.Inputs.Parameters, argument.Name) != nil {
					continue
				}
				var names []string
				for _, input := range callee.Inputs.Parameters {
					names = append(names, input.Name)
				}
				hint := "take it away, or declare it there"
				if near := nearest.Name(argument.Name, names); near != "" {
					hint = fmt.Sprintf("did you mean %q?", near)
				}
				report(one.at, one.field(append(slices.Clone(call.path), "arguments", "parameters", i, "name")...),
					fmt.Sprintf("%stemplate %s has no input %q", call.label(), calleeName(call, holder, one), argument.Name), hint)
			}
		}
	}
}
