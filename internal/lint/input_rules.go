package lint

import (
	"strings"

	"github.com/eventrig/eventrig/internal/pipeline"
)

// inputRules are about what could not be read, or not as it was meant.
var inputRules = []Rule{
	{
		ID: "input/unreadable", Severity: Error, Title: "A file that cannot be read, or a kustomization or chart that cannot be rendered",
		Why: "What is in it is not checked, and `kubectl apply`, kustomize or Helm would stop at it. All else is still checked.",
		Bad: `apiVersion: v1
kind: ConfigMap
metadata: {name: notes
`,
		Good: `apiVersion: v1
kind: ConfigMap
metadata: {name: notes, namespace: openstack}
`,
		Check: problems(pipeline.Unreadable),
	},
	{
		ID: "input/no-manifest", Severity: Info, Title: "A file in a folder of manifests that holds none",
		Why: "Values for a chart, or data, beside manifests: it is left out. `kubectl apply` on the folder would stop at it, Argo CD passes " +
			"over it. What has an apiVersion, a kind or metadata counts as a manifest, and what is missing there is an error.",
		Bad: `replicas: 3
image: {tag: latest}
`,
		Good: `apiVersion: v1
kind: ConfigMap
metadata: {name: notes, namespace: openstack}
`,
		Check: problems(pipeline.NoManifest),
	},
	{
		ID: "input/undecodable", Severity: Error, Title: "An object of Argo's with a value that its field does not take",
		Why: "The API server refuses it, or takes it (Argo's minimal CRDs do not check) and the controller then cannot read it: a Sensor " +
			"or EventSource without a pod, and nothing in its status. The other rules know nothing of the object.",
		Bad: `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: clock, namespace: openstack}
spec:
  calendar:
  - name: hourly
    schedule: "0 * * * *"
`,
		Good: `apiVersion: v1
kind: ConfigMap
metadata: {name: clock, namespace: openstack}
`,
		Check: problems(pipeline.Undecodable),
	},
	{
		ID: "input/unknown-field", Severity: Warning, Title: "A field that Argo does not have",
		Why: "Argo's CRDs keep unknown fields and its controllers pass over them: what the field was to do is not done, and nothing says " +
			"so. Mostly a misspelt name, or one that stands a level too high or too low.",
		Bad: `apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: sync, namespace: argo-events}
spec:
  entryPoint: main
  templates:
  - name: main
    suspend: {}
`,
		Good: `apiVersion: v1
kind: ConfigMap
metadata: {name: sync, namespace: argo-events}
`,
		Check: problems(pipeline.UnknownField),
	},
}

// problems makes a check that reports the problems of one kind that reading found.
func problems(kind pipeline.ProblemKind) func(*Input, Report) {
	return func(in *Input, report Report) {
		for _, problem := range in.Problems {
			if problem.Kind != kind {
				continue
			}
			// The object as the graph has it, so that its annotation counts, with the place that the problem names.
			at := pipeline.Object{}
			for _, object := range in.Graph.Objects {
				if problem.Object != "" && object.Key() == problem.Object {
					at.Unstructured = object.Unstructured
					break
				}
			}
			at.File, at.Line = problem.File, problem.Line
			message := problem.Message
			if at.Unstructured != nil { // said beside the finding already
				message = strings.TrimPrefix(strings.TrimPrefix(message, at.GetKind()+" "+at.GetName()+": "), at.Key()+" ")
			}
			report(at, "", message, problem.Hint)
		}
	}
}
