package lint

import (
	"strings"
)

const (
	// secretsSource watches Secrets; its filter comes next.
	secretsSource = `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: secrets, namespace: openstack}
spec:
  template:
    serviceAccountName: secrets
  resource:
    created:
      version: v1
      resource: secrets
      namespace: openstack
      eventTypes: [ADD]
`

	// secretsRights are those of its account.
	secretsRights = `---
apiVersion: v1
kind: ServiceAccount
metadata: {name: secrets, namespace: openstack}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: secrets, namespace: openstack}
rules:
- apiGroups: [""]
  resources: [secrets]
  verbs: [list, watch]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: secrets, namespace: openstack}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: secrets}
subjects:
- {kind: ServiceAccount, name: secrets, namespace: openstack}
`

	afterStart = "      filter: {afterStart: true}\n"
)

const (
	loopExample = ironicSource + ironicSensor + unwrap + "    filters:\n      data:\n      - path: event_type\n        type: string\n        value: ["
	loopTrigger = `  template:
    serviceAccountName: sensor
  triggers:
  - template:
      name: reclean
      k8s:
        operation: create
        source:
          resource:
            apiVersion: argoproj.io/v1alpha1
            kind: Workflow
            metadata: {generateName: reclean-, namespace: argo-events}
            spec:
              serviceAccountName: workflow
              entrypoint: provide
              templates:
              - name: provide
                container:
                  image: ghcr.io/rackerlabs/understack/openstack-client:latest
                  command: [openstack]
                  args: [baremetal, node, provide, node-1]
`

	mutex = "              synchronization:\n                mutexes: [{name: nautobot}]\n"

	osloTemplate = `---
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: openstack-oslo-event, namespace: argo-events}
spec:
  entrypoint: main
  serviceAccountName: workflow
  arguments:
    parameters:
    - {name: event-json}
  templates:
  - name: main
    inputs:
      artifacts:
      - {name: event, path: /tmp/event.json, raw: {data: "{{workflow.parameters.event-json}}"}}
    container:
      image: ghcr.io/rackerlabs/understack/ironic-nautobot-client:latest
      command: [openstack-oslo-event]
      args: [--file, /tmp/event.json]
`
)

// osloSensor is one that hands some events of Ironic to openstack-oslo-event.
func osloSensor(name, types, synchronization string) string {
	return strings.Replace(ironicSensor, "ironic-node", name, 1) + unwrap + "    filters:\n      data:\n      - path: event_type\n        type: string\n        value: [" + types + `]
  template:
    serviceAccountName: sensor
  triggers:
  - template:
      name: sync
      k8s:
        operation: create
        parameters:
        - src: {dependencyName: node, dataTemplate: "{{ .Input | toJson }}"}
          dest: spec.arguments.parameters.0.value
        source:
          resource:
            apiVersion: argoproj.io/v1alpha1
            kind: Workflow
            metadata: {generateName: ` + name + `-, namespace: argo-events}
            spec:
              workflowTemplateRef: {name: openstack-oslo-event}
              arguments:
                parameters:
                - {name: event-json, value: set by the trigger}
` + synchronization
}
