package pipeline_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/eventrig/eventrig/internal/pipeline"
)

const needs = `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: nova, namespace: openstack}
spec:
  amqp:
    notifications:
      url: amqp://rabbitmq:5672/nova
      exchangeName: nova
      exchangeType: topic
      routingKey: notifications.info
      auth:
        username: {name: argo-nova-user-credentials, key: username}
        password: {name: missing, key: password}
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: users, namespace: openstack}
spec:
  template:
    serviceAccountName: submit
    imagePullSecrets: [{name: registry}]
  dependencies: []
  triggers:
  - template:
      name: job
      k8s:
        operation: create
        parameters:
        - {src: {dependencyName: x, dataKey: body.metadata.name}, dest: spec.template.spec.volumes.0.secret.secretName}
        source:
          resource:
            apiVersion: batch/v1
            kind: Job
            metadata: {generateName: user-}
            spec:
              template:
                spec:
                  serviceAccountName: default
                  restartPolicy: Never
                  containers:
                  - name: main
                    image: busybox
                    envFrom: [{configMapRef: {name: metadata, optional: true}}]
                  volumes:
                  - {name: filled, secret: {secretName: by-the-trigger}}
                  - name: fixed
                    secret:
                      secretName: clouds
---
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: t, namespace: argo-events}
spec:
  entrypoint: main
  serviceAccountName: workflow
  volumes:
  - {name: a, persistentVolumeClaim: {claimName: claim}}
  - {name: b, secret: {secretName: "{{workflow.parameters.name}}"}}
  templates:
  - name: main
    container:
      image: busybox
      env:
      - name: URL
        valueFrom: {configMapKeyRef: {name: metadata, key: url}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: b, namespace: argo-events}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: r}
subjects: [{kind: ServiceAccount, name: workflow, namespace: argo-events}]
---
apiVersion: rabbitmq.com/v1beta1
kind: User
metadata: {name: argo-nova, namespace: openstack}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: other, namespace: openstack}
spec: {target: {name: clouds}}
`

func TestReferencesOutOfPodsAndTriggers(t *testing.T) {
	graph, problems := pipeline.Read(context.Background(), pipeline.Options{}, write(t, map[string]string{"m.yaml": needs}))
	if len(problems) != 0 {
		t.Fatal(problems)
	}
	var got []string
	for _, reference := range graph.References() {
		text := fmt.Sprintf("%d %s %s/%s", reference.Line(), reference.Kind, reference.Namespace, reference.Name)
		if reference.Key != "" {
			text += ":" + reference.Key
		}
		if reference.Optional {
			text += " optional"
		}
		if graph.Defines(reference) {
			text += " defined"
		}
		got = append(got, text)
	}
	want := []string{
		"12 Secret openstack/argo-nova-user-credentials:username defined", "13 Secret openstack/missing:password",
		"20 ServiceAccount openstack/submit", "21 Secret openstack/registry",
		"38 ServiceAccount openstack/default defined", "43 ConfigMap openstack/metadata optional", "48 Secret openstack/clouds defined",
		"55 ServiceAccount argo-events/workflow", "57 PersistentVolumeClaim argo-events/claim", "65 ConfigMap argo-events/metadata:url",
		"71 ServiceAccount argo-events/workflow", "70 Role argo-events/r",
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
