package lint

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	awv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	"github.com/eventrig/eventrig/internal/nearest"
	"github.com/eventrig/eventrig/internal/pipeline"
)

// argumentRules are about what a Workflow is given and what it wants.
var argumentRules = []Rule{
	{
		ID: "contracts/missing-argument", Severity: Error, Title: "A Workflow is not given an argument that it needs",
		Why: "An argument that is declared without a value has to come from whoever makes the Workflow: a value in the manifest, or a " +
			"trigger's parameter whose dest is `spec.arguments.parameters.N.value`. Without one the controller ends the Workflow in Error: " +
			"\"spec.arguments.X.value or spec.arguments.X.valueFrom is required\".",
		Bad:   parameterExample("spec.arguments.parameters.0.value", "sync-project") + "---\n" + usingExample("project", "event_type"),
		Good:  parameterExample("spec.arguments.parameters.0.value", "sync-project") + "---\n" + usingExample("project"),
		Check: missingArguments,
	},
	{
		ID: "contracts/undeclared-argument", Severity: Warning, Title: "A Workflow is given an argument that its template does not know",
		Why: "It is in no `arguments` of the WorkflowTemplate and nothing there reads `{{workflow.parameters...}}` of that name: it has no " +
			"effect. Mostly the template calls it something else.",
		Bad:   parameterExample("spec.arguments.parameters.0.value", "sync-project") + "---\n" + templateExample("sync-project", "argo-events"),
		Good:  parameterExample("spec.arguments.parameters.0.value", "sync-project") + "---\n" + usingExample("project"),
		Check: undeclaredArguments,
	},
	{
		ID: "contracts/enum", Severity: Error, Title: "A value that is not among those that the argument allows",
		Why:  "The controller ends the Workflow in Error: \"value should be present in enum list\".",
		Bad:  givenExample("force") + "---\n" + enumExample,
		Good: givenExample("dry-run") + "---\n" + enumExample,
		Check: func(in *Input, report Report) {
			eachRun(in, func(one *spec, template *spec) {
				if template == nil {
					return
				}
				for i, given := range one.Arguments.Parameters {
					wanted := parameter(template.Arguments.Parameters, given.Name)
					if wanted == nil || len(wanted.Enum) == 0 || given.Value == nil || open(given.Value.String()) || one.overwrites(i) ||
						slices.Contains(wanted.Enum, *given.Value) {
						continue
					}
					report(one.at, one.field("arguments", "parameters", i, "value"), fmt.Sprintf("argument %q is %q", given.Name, given.Value.String()),
						fmt.Sprintf("%s %q allows: %s", template.kind, template.name, joinAny(wanted.Enum)))
				}
			})
		},
	},
	{
		ID: "contracts/placeholder", Severity: Warning, Title: "A placeholder that nothing replaces",
		Why:   "The value says that a trigger fills it in, and no parameter has it as its dest: pods get the placeholder itself.",
		Bad:   strings.Replace(parameterExample("metadata.generateName", "sync-project"), "value: none", "value: set by the trigger", 1) + "---\n" + usingExample("project"),
		Good:  strings.Replace(parameterExample("spec.arguments.parameters.0.value", "sync-project"), "value: none", "value: set by the trigger", 1) + "---\n" + usingExample("project"),
		Check: placeholders,
	},
}

func joinAny(values []awv1.AnyString) string {
	var words []string
	for _, value := range values {
		words = append(words, value.String())
	}
	return strings.Join(words, ", ")
}

// eachRun visits what is run as it stands: Workflows, CronWorkflows and what triggers create, each with the template that
// it names (nil without one). One whose template is not in the graph is left out.
func eachRun(in *Input, visit func(one *spec, template *spec)) {
	for _, one := range specs.Of(in) {
		if one.isTemplate() {
			continue
		}
		var template *spec
		if ref := one.WorkflowTemplateRef; ref != nil {
			if one.trigger != nil && one.trigger.writes("spec", "workflowTemplateRef", "name") || open(ref.Name) {
				continue
			}
			if template, _ = in.findTemplate(one.namespace, ref.Name, ref.ClusterScope); template == nil {
				continue
			}
		}
		visit(one, template)
	}
}

// overwrites says that the trigger writes the value of the Workflow's argument of that index.
func (s *spec) overwrites(index int) bool {
	return s.trigger != nil && s.trigger.writes("spec", "arguments", "parameters", fmt.Sprint(index), "value")
}

func parameter(list []awv1.Parameter, name string) *awv1.Parameter {
	for i := range list {
		if list[i].Name == name {
			return &list[i]
		}
	}
	return nil
}

func hasValue(p awv1.Parameter) bool { return p.Value != nil || p.ValueFrom != nil || p.Default != nil }

// given says which arguments a run has, by name, and whether each has a value.
func (s *spec) given() map[string]bool {
	given := map[string]bool{}
	for i, one := range s.Arguments.Parameters {
		given[one.Name] = hasValue(one) || s.overwrites(i)
	}
	return given
}

func missingArguments(in *Input, report Report) {
	eachRun(in, func(one *spec, template *spec) {
		if one.open() {
			return // the list as a whole comes from the event
		}
		given := one.given()
		for i, argument := range one.Arguments.Parameters {
			if given[argument.Name] {
				continue
			}
			if template != nil {
				if theirs := parameter(template.Arguments.Parameters, argument.Name); theirs != nil && hasValue(*theirs) {
					continue
				}
			}
			report(one.at, one.field("arguments", "parameters", i), fmt.Sprintf("argument %q has no value", argument.Name),
				giveHint(one, i))
		}
		if template == nil {
			return
		}
		for _, wanted := range template.Arguments.Parameters {
			if _, listed := given[wanted.Name]; listed || hasValue(wanted) {
				continue
			}
			hint := "add it to the Workflow's arguments"
			if near := nearest.Name(wanted.Name, unknownTo(template, given)); near != "" {
				hint = fmt.Sprintf("is %q meant to be it?", near)
			}
			report(one.at, one.field("workflowTemplateRef", "name"), fmt.Sprintf("%s %q needs the argument %q", template.kind, template.name, wanted.Name), hint)
		}
	})
}

// open says that which arguments there are is known only with the event.
func (s *spec) open() bool {
	return s.from && s.merged || s.trigger != nil &&
		(s.trigger.writes("spec", "arguments") || s.trigger.writes("spec", "arguments", "parameters") || s.trigger.names())
}

// names says that parameters write names of arguments, so that which ones there are is known only with the event.
func (t *trigger) names() bool {
	return t.moving || slices.ContainsFunc(t.dests, func(d dest) bool {
		return len(d.steps) == 5 && equal(d.steps[:3], []string{"spec", "arguments", "parameters"}) && d.steps[4] == "name" ||
			len(d.steps) == 4 && equal(d.steps[:3], []string{"spec", "arguments", "parameters"})
	})
}

func giveHint(one *spec, index int) string {
	if one.trigger == nil {
		return "give it a value"
	}
	return fmt.Sprintf("give it a value, or the trigger a parameter with dest spec.arguments.parameters.%d.value", index)
}

// unknownTo are the given arguments that a template does not declare.
func unknownTo(template *spec, given map[string]bool) []string {
	var names []string
	for name := range given {
		if parameter(template.Arguments.Parameters, name) == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func undeclaredArguments(in *Input, report Report) {
	eachRun(in, func(one *spec, template *spec) {
		if template == nil {
			return
		}
		for i, given := range one.Arguments.Parameters {
			if given.Name == "" || parameter(template.Arguments.Parameters, given.Name) != nil || in.reads(template, given.Name) {
				continue
			}
			var names []string
			for _, wanted := range template.Arguments.Parameters {
				names = append(names, wanted.Name)
			}
			hint := "take it away, or declare it there"
			if near := nearest.Name(given.Name, names); near != "" {
				hint = fmt.Sprintf("did you mean %q?", near)
			}
			report(one.at, one.field("arguments", "parameters", i, "name"),
				fmt.Sprintf("%s %q has no argument %q and does not read it", template.kind, template.name, given.Name), hint)
		}
	})
}

// reads says that a template, or one that its steps run, takes an argument of the Workflow by name: with
// {{workflow.parameters.NAME}}, all of them as JSON, or as an input of that name of the entrypoint.
func (in *Input) reads(one *spec, name string) bool {
	seen := map[*spec]bool{}
	var search func(*spec) bool
	search = func(one *spec) bool {
		if seen[one] {
			return false
		}
		seen[one] = true
		text, err := json.Marshal(one.WorkflowSpec)
		if err != nil {
			return true
		}
		if strings.Contains(string(text), "workflow.parameters."+name) || strings.Contains(string(text), "workflow.parameters}}") ||
			strings.Contains(string(text), "workflow.parameters.json") || strings.Contains(string(text), "workflow.parameters[") {
			return true
		}
		if entry := one.template(one.Entrypoint); entry != nil && parameter(entry.Inputs.Parameters, name) != nil {
			return true
		}
		for _, call := range one.calls() {
			if call.ref == nil {
				continue
			}
			_, other := in.callee(one, call)
			if other == nil || search(other) {
				return true // also where it is not known what runs
			}
		}
		return false
	}
	return search(one)
}

// Words by which people mark what something else is to fill in.
var placeholder = regexp.MustCompile(`(?i)^\W*(placeholder|changeme|change[-_ ]me|replace[-_ ]?me|todo|tbd|fixme)\W*$|` +
	`\b(set|filled in|filled|replaced|overwritten|overridden|provided|supplied|injected) by (the )?(trigger|sensor|event|parameter)|` +
	`\b(will|to)[ _]be[ _](replaced|overwritten|overridden|set|filled)\b|this_will_be_replaced`)

func placeholders(in *Input, report Report) {
	for _, t := range triggers.Of(in) {
		if t.object == nil {
			continue
		}
		eachText(t.object.Object, nil, func(path []any, text string) {
			if !placeholder.MatchString(text) {
				return
			}
			var steps []string
			for _, step := range path {
				steps = append(steps, fmt.Sprint(step))
			}
			// A parameter may also replace a part of the value below, as in a list of arguments.
			if t.writes(steps...) || slices.ContainsFunc(t.dests, func(d dest) bool { return len(d.steps) > len(steps) && equal(d.steps[:len(steps)], steps) }) {
				return
			}
			report(t.sensor.Object, t.in(path...), fmt.Sprintf("trigger %q: %s is %q, and no parameter writes there", t.Template.Name, pipeline.Path(path...), text),
				"give it its value, or add a parameter with dest "+strings.Join(steps, "."))
		})
	}
}

// eachText visits the strings in a value, in order.
func eachText(value any, path []any, visit func(path []any, text string)) {
	switch value := value.(type) {
	case string:
		visit(path, value)
	case []any:
		for i, item := range value {
			eachText(item, append(slices.Clone(path), i), visit)
		}
	case map[string]any:
		names := make([]string, 0, len(value))
		for name := range value {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			eachText(value[name], append(slices.Clone(path), name), visit)
		}
	}
}

// usingExample is a WorkflowTemplate that declares arguments and hands them to its container, for the rules' pages.
func usingExample(names ...string) string {
	text := `apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: sync-project, namespace: argo-events}
spec:
  entrypoint: main
  arguments:
    parameters:
`
	for _, name := range names {
		text += "    - name: " + name + "\n"
	}
	text += `  templates:
  - name: main
    container:
      image: ghcr.io/rackerlabs/understack/ironic-nautobot-client:latest
      command: [sync-keystone]
      args:
`
	for _, name := range names {
		text += "      - \"{{workflow.parameters." + name + "}}\"\n"
	}
	return text
}

// givenExample is a CronWorkflow that gives its template an argument "mode", for the rules' pages.
func givenExample(value string) string {
	return `apiVersion: argoproj.io/v1alpha1
kind: CronWorkflow
metadata: {name: nightly, namespace: argo-events}
spec:
  schedules: ["0 2 * * *"]
  workflowSpec:
    serviceAccountName: workflow
    workflowTemplateRef: {name: sync-switches}
    arguments:
      parameters:
      - {name: mode, value: ` + value + `}
`
}

const enumExample = `apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: sync-switches, namespace: argo-events}
spec:
  entrypoint: main
  arguments:
    parameters:
    - {name: mode, enum: [sync, dry-run]}
  templates:
  - name: main
    container:
      image: ghcr.io/rackerlabs/understack/ironic-nautobot-client:latest
      command: [undersync-switch]
      args: ["{{workflow.parameters.mode}}"]
`
