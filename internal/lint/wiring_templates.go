package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/eventrig/eventrig/internal/nearest"
	"github.com/eventrig/eventrig/internal/pipeline"
)

// templateRules are about the way from a trigger, a CronWorkflow or a step to a WorkflowTemplate.
var templateRules = []Rule{
	{
		ID: "wiring/unknown-template", Severity: Error, Title: "A WorkflowTemplate is named that is not there",
		Why: "The trigger succeeds: the Workflow is created. The controller then ends it in Error before any pod runs, because it cannot " +
			"find the template.",
		Bad:  triggerExample("sync-project", ""),
		Good: triggerExample("sync-project", "") + "---\n" + templateExample("sync-project", "argo-events"),
		Check: func(in *Input, report Report) {
			eachMissingTemplate(in, func(use templateUse, elsewhere []*spec, beside *pipeline.Object) {
				if len(elsewhere) > 0 || beside != nil {
					return
				}
				hint := "define it in namespace " + use.by.namespace
				if use.cluster {
					hint = "define it"
				}
				if near := nearest.Name(use.name, templateNames(in, use)); near != "" {
					hint = fmt.Sprintf("did you mean %q?", near)
				}
				report(use.by.at, use.path, fmt.Sprintf("there is no %s %q", templateKind(use.cluster), use.name), hint)
			})
			for _, t := range triggers.Of(in) {
				if t.fromKind() == "CronWorkflow" && t.object.GetName() != "" && t.submitsFrom(in.Graph) == nil {
					report(t.sensor.Object, t.in("metadata", "name"), fmt.Sprintf("there is no CronWorkflow %q to submit from", t.object.GetName()), "define it in namespace "+t.goesTo())
				}
			}
		},
	},
	{
		ID: "wiring/template-namespace", Severity: Error, Title: "A WorkflowTemplate is in another namespace than the Workflow that names it",
		Why: "A Workflow finds templates in its own namespace, and ClusterWorkflowTemplates where `clusterScope: true` is said. A Workflow " +
			"of a Sensor is in the namespace that the trigger's object names, else in the Sensor's. It ends in Error before any pod runs. " +
			"The same goes for a CronWorkflow.",
		Bad:  triggerExample("sync-project", "") + "---\n" + templateExample("sync-project", "openstack"),
		Good: triggerExample("sync-project", "") + "---\n" + templateExample("sync-project", "argo-events"),
		Check: func(in *Input, report Report) {
			eachMissingTemplate(in, func(use templateUse, elsewhere []*spec, _ *pipeline.Object) {
				if len(elsewhere) == 0 {
					return
				}
				other := elsewhere[0]
				where, hint := "in namespace "+other.namespace, "put both into one namespace"
				switch {
				case other.kind == "ClusterWorkflowTemplate":
					where, hint = "a ClusterWorkflowTemplate", "add clusterScope: true"
				case use.cluster:
					where, hint = "a WorkflowTemplate of namespace "+other.namespace, "take clusterScope away"
				}
				message := fmt.Sprintf("the Workflow runs in namespace %s, but %q is %s (%s)", use.by.namespace, use.name, where, other.at.Origin())
				if use.cluster {
					message = fmt.Sprintf("%q is named with clusterScope, but it is %s (%s)", use.name, where, other.at.Origin())
				}
				report(use.by.at, use.path, message, hint)
			})
		},
	},
	{
		ID: "wiring/template-not-listed", Severity: Error, Title: "A WorkflowTemplate is named that no kustomization lists",
		Why: "The file lies in the folder, so everybody thinks it is deployed; the kustomization does not name it, so it is not. Workflows " +
			"that name it end in Error.",
		Bad: "# file: kustomization.yaml\nresources:\n- sensor.yaml\n# file: sensor.yaml\n" + triggerExample("sync-project", "") +
			"# file: sync-project.yaml\n" + templateExample("sync-project", "argo-events"),
		Good: "# file: kustomization.yaml\nresources:\n- sensor.yaml\n- sync-project.yaml\n# file: sensor.yaml\n" + triggerExample("sync-project", "") +
			"# file: sync-project.yaml\n" + templateExample("sync-project", "argo-events"),
		Check: func(in *Input, report Report) {
			eachMissingTemplate(in, func(use templateUse, elsewhere []*spec, beside *pipeline.Object) {
				if len(elsewhere) > 0 || beside == nil {
					return
				}
				report(use.by.at, use.path, fmt.Sprintf("WorkflowTemplate %q is in %s, which no kustomization lists", use.name, beside.Origin()),
					"add it to the resources of the kustomization")
			})
		},
	},
	{
		ID: "wiring/unknown-template-entry", Severity: Error, Title: "A templateRef names a template that its WorkflowTemplate does not have",
		Why:  "The Workflow ends in Error when it comes to the step (\"template reference ... not found\"), after all steps before it have run.",
		Bad:  stepExample("templateRef: {name: sync-project, template: mian}") + "---\n" + templateExample("sync-project", "argo-events"),
		Good: stepExample("templateRef: {name: sync-project, template: main}") + "---\n" + templateExample("sync-project", "argo-events"),
		Check: func(in *Input, report Report) {
			for _, use := range templateUses.Of(in) {
				if use.entry == "" {
					continue
				}
				found, _ := in.findTemplate(use.by.namespace, use.name, use.cluster)
				if found == nil || found.template(use.entry) != nil {
					continue
				}
				var names []string
				for _, template := range found.Templates {
					names = append(names, template.Name)
				}
				hint := "its templates are: " + strings.Join(names, ", ")
				if near := nearest.Name(use.entry, names); near != "" {
					hint = fmt.Sprintf("did you mean %q?", near)
				}
				report(use.by.at, strings.TrimSuffix(use.path, ".name")+".template",
					fmt.Sprintf("%s %q has no template %q", found.kind, use.name, use.entry), hint)
			}
		},
	},
}

func templateKind(cluster bool) string {
	if cluster {
		return "ClusterWorkflowTemplate"
	}
	return "WorkflowTemplate"
}

// eachMissingTemplate visits the places that name a WorkflowTemplate which is not where it is looked for: with those of the
// name that are elsewhere, and one in a file that nothing lists.
func eachMissingTemplate(in *Input, visit func(use templateUse, elsewhere []*spec, beside *pipeline.Object)) {
	for _, use := range templateUses.Of(in) {
		found, elsewhere := in.findTemplate(use.by.namespace, use.name, use.cluster)
		if found != nil || len(elsewhere) == 0 && undecoded(in, templateKind(use.cluster), use.name) {
			continue
		}
		var unlisted *pipeline.Object
		if len(elsewhere) == 0 {
			for _, object := range beside.Of(in) {
				if object.GetKind() == templateKind(use.cluster) && object.GetName() == use.name &&
					(use.cluster || sameNamespace(object.GetNamespace(), use.by.namespace)) {
					unlisted = &object
					break
				}
			}
		}
		visit(use, elsewhere, unlisted)
	}
}

// templateNames are the names that a use could have meant.
func templateNames(in *Input, use templateUse) []string {
	var names []string
	for _, one := range specs.Of(in) {
		if one.isTemplate() && use.cluster == (one.kind == "ClusterWorkflowTemplate") && !slices.Contains(names, one.name) {
			names = append(names, one.name)
		}
	}
	return names
}

// triggerExample is a Sensor that creates a Workflow of a template, with its EventSource, for the rules' pages. arguments
// are lines below the Workflow's spec.
func triggerExample(template, arguments string) string {
	return `apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: project, namespace: openstack}
spec:
  template:
    serviceAccountName: sensor
  dependencies:
  - name: message
    eventSourceName: openstack-keystone
    eventName: notifications
    transform:
      jq: .body["oslo.message"] | fromjson
    filters:
      data:
      - {path: event_type, type: string, value: [^identity.project.created$]}
  triggers:
  - template:
      name: sync
      k8s:
        operation: create
        source:
          resource:
            apiVersion: argoproj.io/v1alpha1
            kind: Workflow
            metadata: {generateName: project-, namespace: argo-events}
            spec:
              serviceAccountName: workflow
              workflowTemplateRef: {name: ` + template + `}
` + arguments + `---
` + eventSourceExample
}

// templateExample is a WorkflowTemplate, for the rules' pages.
func templateExample(name, namespace string) string {
	return `apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: ` + name + `, namespace: ` + namespace + `}
spec:
  entrypoint: main
  templates:
  - name: main
    suspend: {}
`
}

// stepExample is a CronWorkflow of one step, for the rules' pages.
func stepExample(template string) string {
	return `apiVersion: argoproj.io/v1alpha1
kind: CronWorkflow
metadata: {name: nightly, namespace: argo-events}
spec:
  schedules: ["0 2 * * *"]
  workflowSpec:
    serviceAccountName: workflow
    entrypoint: all
    templates:
    - name: all
      steps:
      - - name: sync
          ` + template + `
`
}
