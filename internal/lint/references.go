package lint

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	awv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
)

// reference is one {{...}} in a template that names something of the Workflow.
type reference struct {
	in   *awv1.Template // that it is written in
	tag  string         // what is between the braces, without blanks
	path []any          // of the text below the spec
	call *call          // the step, task or hook that it is written in; nil outside of them
}

// Argo Workflows replaces tags by fasttemplate; one that begins with "=" is an expression, of which nothing is said here.
var tag = regexp.MustCompile(`\{\{([^{}]*)\}\}`)

// references are all that a spec's templates hold.
func (s *spec) references() []reference {
	var all []reference
	calls := s.calls()
	for i := range s.Templates {
		template := &s.Templates[i]
		eachText(plain(template), []any{"templates", i}, func(path []any, text string) {
			for _, match := range tag.FindAllStringSubmatch(text, -1) {
				name := strings.TrimSpace(match[1])
				if strings.HasPrefix(name, "=") {
					continue
				}
				all = append(all, reference{in: template, tag: name, path: slices.Clone(path), call: innermost(calls, path)})
			}
		})
	}
	return all
}

// innermost is the call that a path lies in; of a hook that of the hook.
func innermost(calls []call, path []any) *call {
	var found *call
	for i := range calls {
		if at := calls[i].path; len(at) <= len(path) && slices.Equal(at, path[:len(at)]) && (found == nil || len(at) > len(found.path)) {
			found = &calls[i]
		}
	}
	return found
}

// plain is a template as the manifest's own fields.
func plain(template *awv1.Template) any {
	text, err := json.Marshal(template)
	if err != nil {
		return nil
	}
	var fields any
	if json.Unmarshal(text, &fields) != nil {
		return nil
	}
	return fields
}

// inputs are the declared inputs that a reference may name: those of its template, and of the inline one that it lies in.
func (r reference) inputs() (parameters, artifacts []string) {
	add := func(template *awv1.Template) {
		for _, one := range template.Inputs.Parameters {
			parameters = append(parameters, one.Name)
		}
		for _, one := range template.Inputs.Artifacts {
			artifacts = append(artifacts, one.Name)
		}
	}
	add(r.in)
	if r.call != nil && r.call.inline != nil {
		add(r.call.inline)
	}
	return parameters, artifacts
}

// sibling finds a step or task of the template by name.
func sibling(calls []call, in *awv1.Template, name string) *call {
	for i := range calls {
		if calls[i].caller == in && calls[i].name == name && name != "" {
			return &calls[i]
		}
	}
	return nil
}

// siblings are the names of the steps or tasks of a template.
func siblings(calls []call, in *awv1.Template) []string {
	var names []string
	for _, one := range calls {
		if one.caller == in && one.name != "" {
			names = append(names, one.name)
		}
	}
	return names
}

// dependsWord is a task's name in `depends`, with or without a result behind it.
var dependsWord = regexp.MustCompile(`[A-Za-z0-9][-A-Za-z0-9_]*(\.[A-Za-z]+)?`)

// needed are the tasks that a task waits for by name, as `dependencies` or `depends` has them.
func (c call) needed() []string {
	if c.task == nil {
		return nil
	}
	if c.task.Depends == "" {
		return c.task.Dependencies
	}
	var names []string
	for _, word := range dependsWord.FindAllString(c.task.Depends, -1) {
		name, _, _ := strings.Cut(word, ".")
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// ancestors are all tasks that have ended before a task starts.
func ancestors(calls []call, of call) map[string]bool {
	found := map[string]bool{}
	var walk func(call)
	walk = func(one call) {
		for _, name := range one.needed() {
			if found[name] {
				continue
			}
			found[name] = true
			if next := sibling(calls, of.caller, name); next != nil {
				walk(*next)
			}
		}
	}
	walk(of)
	return found
}

// outputsOf says what a call's template gives back under a name such as outputs.parameters.x: "" if it does, or why not.
func outputsOf(callee *awv1.Template, callee_ string, rest string, loops bool) (problem string, known []string) {
	section, name, _ := strings.Cut(strings.TrimPrefix(rest, "outputs."), ".")
	switch section {
	case "result":
		if !callee.HasOutput() {
			return fmt.Sprintf("template %s has no result: it is no container, script or request", callee_), nil
		}
	case "parameters":
		if name == "" {
			if !loops {
				return "outputs.parameters as a whole are there only of a step that runs for several items", nil
			}
			return "", nil
		}
		for _, one := range callee.Outputs.Parameters {
			known = append(known, one.Name)
		}
	case "artifacts":
		for _, one := range callee.Outputs.Artifacts {
			known = append(known, one.Name)
		}
	default:
		return "", nil
	}
	if section != "result" && !slices.Contains(known, name) {
		return fmt.Sprintf("template %s has no output %s %q", callee_, strings.TrimSuffix(section, "s"), name), known
	}
	return "", nil
}
