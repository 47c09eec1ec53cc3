package lint

import (
	"strings"
)

const (
	// webhookSensor has a trigger; what it creates comes next.
	webhookSensor = `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: webhook, namespace: openstack}
spec:
  webhook:
    alerts: {port: "12000", endpoint: /alerts, method: POST}
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: alerts, namespace: openstack}
spec:
  template:
    serviceAccountName: alerts
  dependencies:
  - {name: alert, eventSourceName: webhook, eventName: alerts}
  triggers:
  - template:
      name: notes
      k8s:
        operation: create
        source:
          resource:
            apiVersion: v1
            kind: ConfigMap
            metadata: {generateName: alert-}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: alerts, namespace: openstack}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: alerts, namespace: openstack}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: alerts}
subjects:
- {kind: ServiceAccount, name: alerts, namespace: openstack}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: alerts, namespace: openstack}
rules:
`

	createNotes = "- apiGroups: [\"\"]\n  resources: [configmaps]\n  verbs: [create]\n"

	// oneStep is a WorkflowTemplate; its account comes next.
	oneStep = `apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: reclean-server, namespace: argo-events}
spec:
  entrypoint: main
  arguments:
    parameters:
    - {name: device_uuid}
  templates:
  - name: main
    container:
      image: ghcr.io/rackerlabs/understack/openstack-client:latest
      command: [openstack]
      args: [baremetal, node, show, "{{workflow.parameters.device_uuid}}"]
`

	// executorRights are those of the account workflow.
	executorRights = `---
apiVersion: v1
kind: ServiceAccount
metadata: {name: workflow, namespace: argo-events}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: executor, namespace: argo-events}
rules:
- apiGroups: [argoproj.io]
  resources: [workflowtaskresults]
  verbs: [create, patch]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: executor, namespace: argo-events}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: executor}
subjects:
- {kind: ServiceAccount, name: workflow, namespace: argo-events}
`
)

// updateNotes makes the trigger one that updates an object.
var updateNotes = strings.NewReplacer("operation: create", "operation: update", "{generateName: alert-}", "{name: alert}")
