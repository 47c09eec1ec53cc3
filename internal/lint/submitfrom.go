package lint

import (
	"fmt"
	"slices"
	"strings"

	aev1 "github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
	awv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	"github.com/eventrig/eventrig/internal/pipeline"
)

// submitFromRules are about triggers that submit a Workflow from an object of the cluster.
var submitFromRules = []Rule{
	{
		ID: "contracts/submit-from", Severity: Error, Title: "A trigger that submits from what cannot be submitted from",
		Why: "`operation: submit-from` runs `argo submit --from KIND/NAME`. Argo Events takes a WorkflowTemplate or a CronWorkflow with a " +
			"name, and otherwise fails: \"invalid kind\", or \"no name is given\".",
		Bad:  strings.Replace(submitFromExample, "kind: WorkflowTemplate, metadata: {name: sync-project", "kind: Workflow, metadata: {name: sync-project", 1),
		Good: submitFromExample + "---\n" + templateExample("sync-project", "argo-events"),
		Check: func(in *Input, report Report) {
			for _, t := range triggers.Of(in) {
				if t.kind != "argoWorkflow" || t.Template.ArgoWorkflow.Operation != aev1.SubmitFrom || t.object == nil || t.moving {
					continue
				}
				switch {
				case t.fromKind() == "" && !t.writes("kind") && !t.writes("metadata", "name"):
					report(t.sensor.Object, t.in("kind"), fmt.Sprintf("trigger %q submits from a %s", t.name(), t.object.GetKind()), "give a WorkflowTemplate or a CronWorkflow; operation submit takes a Workflow")
				case t.object.GetName() == "" && !t.writes("metadata", "name"):
					report(t.sensor.Object, t.in("metadata"), fmt.Sprintf("trigger %q submits from a %s without a name", t.name(), t.object.GetKind()), "give metadata.name")
				}
			}
		},
	},
}

const submitFromExample = `apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: nightly, namespace: argo-events}
spec:
  dependencies:
  - {name: tick, eventSourceName: nightly, eventName: tick}
  triggers:
  - template:
      name: sync
      argoWorkflow:
        operation: submit-from
        source:
          resource: {apiVersion: argoproj.io/v1alpha1, kind: WorkflowTemplate, metadata: {name: sync-project}}
---
apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: nightly, namespace: argo-events}
spec:
  calendar:
    tick: {schedule: "0 2 * * *"}
`

// fromKind is the kind of the object that a trigger submits a Workflow from, "" for other triggers and where it is not known:
// argo-events runs `argo submit --from KIND/NAME`, with nothing else of the object, and refuses other kinds.
func (t *trigger) fromKind() string {
	if t.kind != "argoWorkflow" || t.Template.ArgoWorkflow.Operation != aev1.SubmitFrom || t.object == nil || t.writes("kind") || t.writes("metadata", "name") {
		return ""
	}
	for _, kind := range []string{"WorkflowTemplate", "CronWorkflow"} {
		if strings.EqualFold(kind, t.object.GetKind()) {
			return kind
		}
	}
	return ""
}

// submitsFrom is the spec of the Workflow that a trigger submits from a WorkflowTemplate or CronWorkflow; nil for other
// triggers, and where the graph has no such CronWorkflow.
func (t *trigger) submitsFrom(graph *pipeline.Graph) *spec {
	made := &spec{at: t.sensor.Object, namespace: t.namespace, kind: "Workflow", trigger: t, from: true}
	switch t.fromKind() {
	case "WorkflowTemplate":
		made.WorkflowSpec = &awv1.WorkflowSpec{WorkflowTemplateRef: &awv1.WorkflowTemplateRef{Name: t.object.GetName()}}
	case "CronWorkflow":
		for _, cron := range graph.CronWorkflows() {
			if cron.GetName() == t.object.GetName() && sameNamespace(cron.GetNamespace(), t.namespace) {
				made.WorkflowSpec = cron.Typed.Spec.WorkflowSpec.DeepCopy()
			}
		}
	}
	if made.WorkflowSpec == nil {
		return nil
	}
	given, all := submitted(t.Template.ArgoWorkflow.Args)
	for _, one := range given {
		if before := parameter(made.Arguments.Parameters, one.Name); before != nil {
			before.Value = one.Value
		} else {
			made.Arguments.Parameters = append(made.Arguments.Parameters, one)
		}
	}
	made.merged = !all || slices.ContainsFunc(t.templateDest, func(d dest) bool { return overlap(d.steps, []string{"argoWorkflow", "args"}) })
	return made
}

// submitted are the arguments that words of an `argo submit` command line give; all says that there can be no others.
func submitted(words []string) (given []awv1.Parameter, all bool) {
	all = true
	for i := 0; i < len(words); i++ {
		flag, value, has := strings.Cut(words[i], "=")
		switch {
		case flag == "-f" || flag == "--parameter-file":
			all = false
			continue
		case flag == "--parameter" && has:
		case (words[i] == "-p" || words[i] == "--parameter") && i+1 < len(words):
			i++
			value = words[i]
		case strings.HasPrefix(words[i], "-p") && len(words[i]) > 2:
			value = strings.TrimPrefix(words[i], "-p")
		default:
			continue
		}
		name, text, _ := strings.Cut(value, "=")
		given = append(given, awv1.Parameter{Name: strings.TrimSpace(name), Value: awv1.AnyStringPtr(text)})
	}
	return given, all
}
