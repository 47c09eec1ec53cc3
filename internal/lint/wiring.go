package lint

import "github.com/eventrig/eventrig/internal/pipeline"

// wiringRules are about what refers to what, and whether it is there.
var wiringRules = []Rule{
	{
		ID: "wiring/duplicate-object", Severity: Error, Title: "Two objects of one kind, namespace and name",
		Why: "`kubectl apply` takes both, and which one is there in the end depends on the order; kustomize and Argo CD stop. " +
			"The rules look at the first one that was read.",
		Bad: `apiVersion: v1
kind: ConfigMap
metadata: {name: notes, namespace: openstack}
data: {vlan: "100"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: notes, namespace: openstack}
data: {vlan: "200"}
`,
		Good: `apiVersion: v1
kind: ConfigMap
metadata: {name: notes, namespace: openstack}
data: {vlan: "100"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: notes, namespace: argo-events}
data: {vlan: "200"}
`,
		Check: problems(pipeline.Duplicate),
	},
}
