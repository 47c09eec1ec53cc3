package lint

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	aev1 "github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
	awv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/eventrig/eventrig/internal/nearest"
	"github.com/eventrig/eventrig/internal/pipeline"
)

// destRules are about where a trigger's parameters write.
var destRules = []Rule{
	{
		ID: "contracts/undecodable-workflow", Severity: Error, Title: "A trigger's Workflow with a value that its field does not take",
		Why: "The API server takes it (Argo's minimal CRDs do not look inside), and the controller ends it in Error: \"cannot unmarshal\". " +
			"No other rule looks at the Workflow.",
		Bad:   triggerExample("sync-project", "              activeDeadlineSeconds: soon\n") + "---\n" + templateExample("sync-project", "argo-events") + usedByCron,
		Good:  triggerExample("sync-project", "              activeDeadlineSeconds: 600\n") + "---\n" + templateExample("sync-project", "argo-events"),
		Check: undecodableWorkflows,
	},
	{
		ID: "contracts/unknown-dest", Severity: Error, Title: "A parameter's dest that is no field of the object",
		Why: "argo-events writes it as it is said (sjson), so a misspelt path makes a new field, which the API server drops or the " +
			"controller does not know. What was to be filled in keeps the value that stands in the manifest.",
		Bad:  parameterExample("spec.argument.parameters.0.value", "sync-project") + "---\n" + usingExample("project"),
		Good: parameterExample("spec.arguments.parameters.0.value", "sync-project") + "---\n" + usingExample("project"),
		Check: func(in *Input, report Report) {
			eachDest(in, func(t *trigger, one dest, problem destProblem) {
				if problem.kind == noField {
					report(t.sensor.Object, pipeline.Path(one.path...), fmt.Sprintf("trigger %q: %s", t.Template.Name, problem.message), problem.hint)
				}
			})
		},
	},
	{
		ID: "contracts/dest-index", Severity: Error, Title: "A parameter's dest counts past the end of a list",
		Why: "A new item is made that has only what is written there, with empty ones before it: an argument without a name, which " +
			"Argo Workflows refuses, or a variable that no program reads.",
		Bad:  parameterExample("spec.arguments.parameters.1.value", "sync-project") + "---\n" + usingExample("project"),
		Good: parameterExample("spec.arguments.parameters.0.value", "sync-project") + "---\n" + usingExample("project"),
		Check: func(in *Input, report Report) {
			eachDest(in, func(t *trigger, one dest, problem destProblem) {
				if problem.kind == pastEnd {
					report(t.sensor.Object, pipeline.Path(one.path...), fmt.Sprintf("trigger %q: %s", t.Template.Name, problem.message), problem.hint)
				}
			})
		},
	},
	{
		ID: "contracts/same-dest", Severity: Warning, Title: "Two parameters of a trigger write to one place",
		Why: "They are applied in order, so the last one counts and the others do nothing. Mostly a copied parameter whose index was forgotten.",
		Bad: strings.Replace(parameterExample("spec.arguments.parameters.0.value", "sync-project"), "        source:\n", `        - src: {dependencyName: message, dataKey: payload.target.id}
          dest: spec.arguments.parameters.0.value
        source:
`, 1) + "---\n" + usingExample("project"),
		Good: parameterExample("spec.arguments.parameters.0.value", "sync-project") + "---\n" + usingExample("project"),
		Check: func(in *Input, report Report) {
			for _, t := range triggers.Of(in) {
				for i, one := range t.dests {
					for _, later := range t.dests[i+1:] {
						if !later.append && equal(one.steps, later.steps) {
							report(t.sensor.Object, pipeline.Path(one.path...), fmt.Sprintf("trigger %q: %s is written again by parameter %d, so this one has no effect",
								t.Template.Name, strings.Join(one.steps, "."), later.index), "give each its own dest")
							break
						}
					}
				}
			}
		},
	},
}

func undecodableWorkflows(in *Input, report Report) {
	for _, t := range triggers.Of(in) {
		if _, err := t.workflow(); err != nil {
			report(t.sensor.Object, t.in("spec"), fmt.Sprintf("trigger %q: %v", t.Template.Name, err), "`kubectl explain workflow.spec` tells what the field takes")
		}
	}
}

// argoKinds are the types of Argo's objects by kind.
var argoKinds = map[string]reflect.Type{
	"Workflow": reflect.TypeFor[awv1.Workflow](), "WorkflowTemplate": reflect.TypeFor[awv1.WorkflowTemplate](),
	"ClusterWorkflowTemplate": reflect.TypeFor[awv1.ClusterWorkflowTemplate](), "CronWorkflow": reflect.TypeFor[awv1.CronWorkflow](),
	"Sensor": reflect.TypeFor[aev1.Sensor](), "EventSource": reflect.TypeFor[aev1.EventSource](), "EventBus": reflect.TypeFor[aev1.EventBus](),
}

// typeOf is the Go type of an object's kind; nil for kinds of others.
func typeOf(kind schema.GroupVersionKind) reflect.Type {
	if kind.Group == "argoproj.io" {
		return argoKinds[kind.Kind]
	}
	object, err := scheme.Scheme.New(kind)
	if err != nil {
		return nil
	}
	return reflect.TypeOf(object).Elem()
}

type destKind int

const (
	fits destKind = iota
	noField
	pastEnd
)

type destProblem struct {
	kind          destKind
	message, hint string
}

// eachDest visits the dests of parameters that do not fit what they write to.
func eachDest(in *Input, visit func(*trigger, dest, destProblem)) {
	for _, t := range triggers.Of(in) {
		content, _ := fieldAt(t.sensor.Unstructured.Object, t.at("template")).(map[string]any)
		for _, one := range t.templateDest {
			if problem := t.follow(reflect.TypeFor[aev1.TriggerTemplate](), content, one); problem.kind != fits {
				visit(t, one, problem)
			}
		}
		if t.object == nil || t.moving {
			continue
		}
		known := typeOf(t.object.GroupVersionKind())
		if known == nil {
			continue
		}
		for _, one := range t.dests {
			if problem := t.follow(known, t.object.Object, one); problem.kind != fits {
				visit(t, one, problem)
			}
		}
	}
}

// follow goes along a dest through a type and what of it stands in the manifest.
func (t *trigger) follow(kind reflect.Type, content map[string]any, one dest) destProblem {
	var value any = content
	for i, step := range one.steps {
		for kind.Kind() == reflect.Pointer {
			kind = kind.Elem()
		}
		so := strings.Join(one.steps[:i], ".")
		if readsItself(kind) {
			return destProblem{} // its fields say nothing about what it takes
		}
		switch kind.Kind() {
		case reflect.Struct:
			fields := map[string]reflect.Type{}
			fieldsOf(kind, fields)
			next, ok := fields[step]
			if !ok {
				names := make([]string, 0, len(fields))
				for name := range fields {
					names = append(names, name)
				}
				slices.Sort(names)
				hint := "the fields there are: " + strings.Join(names, ", ")
				if near := nearest.Name(step, names); near != "" {
					hint = fmt.Sprintf("did you mean %q?", near)
				}
				if so == "" {
					so = "it"
				}
				return destProblem{noField, fmt.Sprintf("dest %s: %s has no field %q", strings.Join(one.steps, "."), so, step), hint}
			}
			kind = next
			object, _ := value.(map[string]any)
			value = object[step]
		case reflect.Map:
			kind = kind.Elem()
			object, _ := value.(map[string]any)
			value = object[step]
		case reflect.Slice, reflect.Array:
			if kind.Elem().Kind() == reflect.Uint8 {
				return destProblem{}
			}
			list, _ := value.([]any)
			number, ok := index(step)
			if !ok {
				return destProblem{noField, fmt.Sprintf("dest %s: %s is a list, and %q is no index", strings.Join(one.steps, "."), so, step), "write its number, from 0"}
			}
			kind = kind.Elem()
			if number >= 0 && number < len(list) {
				value = list[number]
				continue
			}
			value = nil
			if number > len(list)+t.appended(one.steps[:i], number, len(list)) {
				return destProblem{pastEnd, fmt.Sprintf("dest %s: %s has %s, so there is no item %d", strings.Join(one.steps, "."), so, items(len(list)), number),
					"write the item into the manifest, with its name"}
			}
			if needsName(kind) && i+1 < len(one.steps) && one.steps[i+1] != "name" && !t.writes(append(slices.Clone(one.steps[:i+1]), "name")...) {
				return destProblem{pastEnd, fmt.Sprintf("dest %s: %s has %s, so item %d is a new one without a name", strings.Join(one.steps, "."), so, items(len(list)), number),
					"write the item into the manifest, with its name"}
			}
		case reflect.Interface:
			return destProblem{}
		default:
			return destProblem{noField, fmt.Sprintf("dest %s: %s is a plain value, it has no %q", strings.Join(one.steps, "."), so, step), "end the dest there"}
		}
	}
	return destProblem{}
}

// appended counts the items that other parameters of the trigger put to the end of a list before the given one.
func (t *trigger) appended(list []string, number, length int) int {
	count := 0
	for next := length; next < number; next++ {
		at := append(slices.Clone(list), fmt.Sprint(next))
		if !slices.ContainsFunc(t.dests, func(d dest) bool { return len(d.steps) >= len(at) && equal(d.steps[:len(at)], at) }) {
			break
		}
		count++
	}
	return count
}

func items(n int) string {
	if n == 1 {
		return "1 item"
	}
	return fmt.Sprintf("%d items", n)
}

// needsName says that an item of this type is nothing without its name.
func needsName(kind reflect.Type) bool {
	for kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	if kind.Kind() != reflect.Struct {
		return false
	}
	field, ok := kind.FieldByName("Name")
	return ok && field.Type.Kind() == reflect.String
}

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

// readsItself says that a type reads its JSON by code of its own.
func readsItself(kind reflect.Type) bool {
	return kind.Implements(unmarshaler) || reflect.PointerTo(kind).Implements(unmarshaler)
}

// fieldsOf collects the fields of a struct by their names in JSON, those of inlined structs too.
func fieldsOf(kind reflect.Type, into map[string]reflect.Type) {
	for i := range kind.NumField() {
		field := kind.Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		inner := field.Type
		for inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		switch {
		case name == "-" || !field.IsExported():
		case name == "" && inner.Kind() == reflect.Struct && (field.Anonymous || strings.Contains(options, "inline")):
			fieldsOf(inner, into)
		case name == "":
			into[field.Name] = field.Type
		default:
			into[name] = field.Type
		}
	}
}

const usedByCron = `---
apiVersion: argoproj.io/v1alpha1
kind: CronWorkflow
metadata: {name: nightly, namespace: argo-events}
spec:
  schedules: ["0 2 * * *"]
  workflowSpec:
    serviceAccountName: workflow
    workflowTemplateRef: {name: sync-project}
`

// parameterExample is a Sensor whose trigger writes one parameter into a Workflow with one argument, "project".
func parameterExample(dest, template string) string {
	text := triggerExample(template, `              arguments:
                parameters:
                - {name: project, value: none}
`)
	return strings.Replace(text, "        source:\n", `        parameters:
        - src: {dependencyName: message, dataKey: event_type}
          dest: `+dest+`
        source:
`, 1)
}
