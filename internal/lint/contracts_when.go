package lint

import (
	"fmt"
	"slices"
	"strings"

	awv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
)

// whenRules are about the conditions of steps and tasks.
var whenRules = []Rule{
	{
		ID: "contracts/when-invalid", Severity: Error, Title: "A condition that cannot be evaluated",
		Why: "The values are put into the text of `when`, and what comes out is evaluated by govaluate, where a word without quotes is " +
			"text. A dash between words is a minus, so `wanted-but-not-project` without quotes is a subtraction of texts; a word behind " +
			"a word, or a comparison of text with `<`, fails too. The step, and with it the Workflow, ends in Error.",
		Bad:   whenExample(`"'{{steps.look-up.outputs.result}}' == wanted-but-not-here"`),
		Good:  whenExample(`"'{{steps.look-up.outputs.result}}' == 'wanted-but-not-here'"`),
		Check: func(in *Input, report Report) { eachWhen(in, report, whenInvalid) },
	},
	{
		ID: "contracts/when-never", Severity: Error, Title: "A condition that nothing can fulfil",
		Why: "With every value that it names, and with others, it is false: the step never runs. Mostly a text is compared with a truth " +
			"value or a number: `'{{x}}' == true` is false for every x, and `{{x}} == 'true'` too, because true without quotes is no text.",
		Bad:   whenExample(`"'{{steps.look-up.outputs.result}}' == true"`),
		Good:  whenExample(`"'{{steps.look-up.outputs.result}}' == 'true'"`),
		Check: func(in *Input, report Report) { eachWhen(in, report, whenNever) },
	},
	{
		ID: "contracts/when-breaks", Severity: Warning, Title: "A condition that a known value breaks",
		Why: "A value without quotes around it is evaluated as it is. This one, which is known from a default, an argument or a " +
			"notification, makes the condition one that cannot be evaluated, and the step ends in Error.",
		Bad:   strings.Replace(whenExample(`"{{workflow.parameters.state}} == active"`), "  templates:", "  arguments: {parameters: [{name: state, value: clean failed}]}\n  templates:", 1),
		Good:  strings.Replace(whenExample(`"'{{workflow.parameters.state}}' == 'active'"`), "  templates:", "  arguments: {parameters: [{name: state, value: clean failed}]}\n  templates:", 1),
		Check: func(in *Input, report Report) { eachWhen(in, report, whenBreaks) },
	},
	{
		ID: "contracts/when-unquoted", Severity: Info, Title: "A value without quotes in a condition",
		Why: "It works for one word. A value that is empty, or has a blank, a dash, a slash or a quote in it, makes the condition one that " +
			"cannot be evaluated, and the step ends in Error; true, false and numbers are no longer text.",
		Bad:   whenExample(`"{{steps.look-up.outputs.result}} == active"`),
		Good:  whenExample(`"'{{steps.look-up.outputs.result}}' == 'active'"`),
		Check: func(in *Input, report Report) { eachWhen(in, report, whenUnquoted) },
	},
}

// whenUse is a condition in the graph, with what is known of its values.
type whenUse struct {
	condition
	call   call
	known  map[string][]string // values that a tag is known to take, by tag
	closed map[string]bool     // the tags that take no others
}

// eachWhen visits the conditions of all steps and tasks.
func eachWhen(in *Input, report Report, find func(whenUse) (message, hint string)) {
	for _, one := range specs.Of(in) {
		if one.merged {
			continue
		}
		for _, call := range one.calls() {
			if call.when == "" {
				continue
			}
			parsed, ok := parseWhen(call.when)
			if !ok {
				continue
			}
			use := whenUse{condition: parsed, call: call, known: map[string][]string{}, closed: map[string]bool{}}
			for _, name := range parsed.tags() {
				use.known[name], use.closed[name] = in.valuesOf(one, call, name)
			}
			if message, hint := find(use); message != "" {
				report(one.at, one.field(append(slices.Clone(call.path), "when")...), call.label()+message, hint)
			}
		}
	}
}

// domain are the values to try for each tag: those that it can take, or what the condition compares with and another one.
func (u whenUse) domain() map[string][]string {
	all := map[string][]string{}
	literals := u.literals()
	for _, name := range u.tags() {
		if u.closed[name] {
			all[name] = u.known[name]
			continue
		}
		all[name] = append(slices.Clone(literals), other)
	}
	return all
}

func whenInvalid(u whenUse) (message, hint string) {
	trials, ok := u.try(u.domain())
	if !ok {
		return "", ""
	}
	err := u.breaks(trials)
	if err == nil {
		return "", ""
	}
	hint = "see what is written without quotes"
	if words := dashed(u.text); len(words) > 0 {
		hint = "put quotes around " + strings.Join(words, ", ")
	}
	return fmt.Sprintf("the condition %s cannot be evaluated: %s", u.text, strings.ReplaceAll(err.Error(), other, "a value")), hint
}

// dashed are the words with a dash in a condition that stand without quotes.
func dashed(text string) []string {
	var words []string
	for _, word := range strings.FieldsFunc(tag.ReplaceAllString(text, "x"), func(r rune) bool { return strings.ContainsRune(" \t\n()&|=!<>~,", r) }) {
		if strings.Contains(strings.Trim(word, "-"), "-") && !strings.ContainsAny(word, `'"`) && !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	return words
}

func whenNever(u whenUse) (message, hint string) {
	if len(u.slots) == 0 || !u.equalities() {
		return "", "" // a step that is switched off is meant to be
	}
	trials, ok := u.try(u.domain())
	if !ok || slices.ContainsFunc(trials, func(one trial) bool { return one.truth || one.err != nil }) {
		return "", ""
	}
	for _, name := range u.tags() {
		if u.closed[name] {
			return fmt.Sprintf("the condition %s is never true: %s is one of %s", u.text, name, strings.Join(u.known[name], ", ")), "compare with one of these"
		}
	}
	return fmt.Sprintf("the condition %s is never true", u.text), "quote both sides: text is never equal to true, false or a number"
}

func whenBreaks(u whenUse) (message, hint string) {
	domain := u.domain()
	base, ok := u.try(domain)
	if !ok || u.breaks(base) != nil {
		return "", ""
	}
	for _, name := range u.unquoted() {
		for _, value := range u.known[name] {
			one := map[string][]string{}
			for _, tag := range u.tags() {
				one[tag] = domain[tag]
			}
			one[name] = []string{value}
			trials, ok := u.try(one)
			if !ok || slices.ContainsFunc(trials, func(t trial) bool { return t.err == nil }) {
				continue
			}
			return fmt.Sprintf("with %s = %q the condition %s cannot be evaluated: %s", name, value, u.text, trials[0].err), fmt.Sprintf("write '{{%s}}', and quotes around what it is compared with", name)
		}
	}
	return "", ""
}

func whenUnquoted(u whenUse) (message, hint string) {
	for _, worse := range []func(whenUse) (string, string){whenInvalid, whenNever, whenBreaks} {
		if message, _ := worse(u); message != "" {
			return "", ""
		}
	}
	var open []string
	for _, name := range u.unquoted() {
		if !u.closed[name] && !strings.HasSuffix(name, ".status") && !strings.HasSuffix(name, ".exitCode") {
			open = append(open, name)
		}
	}
	if len(open) == 0 || len(u.literals()) == 0 || numeric(u.literals()) {
		return "", ""
	}
	return fmt.Sprintf("the condition %s has no quotes around {{%s}}", u.text, strings.Join(open, "}}, {{")), fmt.Sprintf("write '{{%s}}', and quotes around what it is compared with", open[0])
}

// numeric reports whether all values are numbers, which are to stand without quotes.
func numeric(values []string) bool {
	return !slices.ContainsFunc(values, func(value string) bool { return strings.Trim(value, "+-.0123456789e") != "" })
}

// valuesOf are values that a tag in a condition is known to take, and whether it takes no others.
func (in *Input) valuesOf(one *spec, at call, tag string) (values []string, closed bool) {
	parts := strings.Split(tag, ".")
	switch {
	case len(parts) == 3 && parts[0] == "workflow" && parts[1] == "parameters":
		return in.argumentValues(one, parts[2])
	case len(parts) == 3 && parts[0] == "inputs" && parts[1] == "parameters" && at.caller != nil:
		if input := parameter(at.caller.Inputs.Parameters, parts[2]); input != nil {
			return declaredValues(*input)
		}
	case len(parts) == 5 && parts[2] == "outputs" && parts[3] == "parameters":
		of := sibling(one.calls(), at.caller, parts[1])
		if of == nil {
			return nil, false
		}
		if callee, _ := in.callee(one, *of); callee != nil {
			if output := parameter(callee.Outputs.Parameters, parts[4]); output != nil {
				return declaredValues(*output)
			}
		}
	}
	return nil, false
}

// declaredValues are the values that a parameter's declaration tells: all of them where it has an enum.
func declaredValues(p awv1.Parameter) (values []string, closed bool) {
	for _, one := range p.Enum {
		values = append(values, one.String())
	}
	if len(values) > 0 {
		return values, true
	}
	for _, one := range []*awv1.AnyString{p.Value, p.Default} {
		if one != nil && !open(one.String()) {
			values = append(values, one.String())
		}
	}
	if p.ValueFrom != nil && p.ValueFrom.Default != nil && !open(p.ValueFrom.Default.String()) {
		values = append(values, p.ValueFrom.Default.String())
	}
	return values, false
}

// argumentValues are the values that an argument of a Workflow is known to take: in its declaration, and from the
// notifications that a trigger takes it from.
func (in *Input) argumentValues(one *spec, name string) (values []string, closed bool) {
	for i, argument := range one.Arguments.Parameters {
		if argument.Name != name {
			continue
		}
		if !one.overwrites(i) {
			return declaredValues(argument)
		}
		return in.eventValues(one.trigger, i), false
	}
	return nil, false
}

// eventValues are the values that a trigger's parameter gives an argument, by its index, in the known notifications that start it.
func (in *Input) eventValues(t *trigger, index int) []string {
	var values []string
	for i, written := range t.dests {
		if i >= len(t.parameters) || !equal(written.steps, []string{"spec", "arguments", "parameters", fmt.Sprint(index), "value"}) {
			continue
		}
		src := t.parameters[i].Src
		if src == nil || src.DataKey == "" || src.DataTemplate != "" {
			continue
		}
		for _, d := range sensorDependencies.Of(in) {
			if d.sensor.Unstructured != t.sensor.Unstructured || d.spec.Name != src.DependencyName {
				continue
			}
			for _, result := range d.admitted() {
				if value, ok := lookup(result.after, parsePath(src.DataKey).steps); ok {
					if text, isText := value.(string); isText && !slices.Contains(values, text) {
						values = append(values, text)
					}
				}
			}
		}
	}
	return values
}

// whenExample is a WorkflowTemplate with a condition, for the rules' pages.
func whenExample(when string) string {
	return `apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: sync-svm, namespace: argo-events}
spec:
  entrypoint: all
  serviceAccountName: workflow
  templates:
  - name: all
    steps:
    - - {name: look-up, template: run}
    - - name: sync
        template: run
        when: ` + when + `
  - name: run
    container: {image: "ghcr.io/example/netapp:1", command: [run]}
`
}
