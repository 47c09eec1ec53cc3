package pipeline_test

import (
	"context"
	"testing"

	"github.com/eventrig/eventrig/internal/pipeline"
)

const rbac = `apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: submit, namespace: argo-events}
rules:
- {apiGroups: [argoproj.io], resources: [workflows], verbs: [create, get]}
- {apiGroups: [""], resources: [secrets], resourceNames: [token], verbs: [get, list]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: submit, namespace: argo-events}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: submit}
subjects: [{kind: ServiceAccount, name: sensor, namespace: openstack}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: all}
aggregationRule: {clusterRoleSelectors: [{matchLabels: {part: "true"}}]}
rules: []
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: part, labels: {part: "true"}}
rules:
- {apiGroups: ["*"], resources: ["*/status", pods], verbs: ["*"]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: inner, labels: {part: "true"}}
aggregationRule: {clusterRoleSelectors: [{matchLabels: {part: "true"}}]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: group}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: all}
subjects: [{kind: Group, apiGroup: rbac.authorization.k8s.io, name: "system:serviceaccounts:openstack"}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: user, namespace: one}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{kind: User, apiGroup: rbac.authorization.k8s.io, name: "system:serviceaccount:openstack:default"}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: open, namespace: one}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects: [{kind: ServiceAccount, name: sensor, namespace: openstack}]
`

func TestRightsAddUpAsInKubernetes(t *testing.T) {
	graph, problems := pipeline.Read(context.Background(), pipeline.Options{}, write(t, map[string]string{"rbac.yaml": rbac}))
	if len(problems) != 0 {
		t.Fatal(problems)
	}
	for _, test := range []struct {
		account, verb, group, resource, namespace, name string
		want                                            bool
	}{
		{"sensor", "create", "argoproj.io", "workflows", "argo-events", "", true},
		{"sensor", "create", "argoproj.io", "workflows", "openstack", "", false},
		{"sensor", "create", "argoproj.io", "workflows", "", "", false},
		{"sensor", "delete", "argoproj.io", "workflows", "argo-events", "x", false},
		{"sensor", "get", "argoproj.io", "workflows/log", "argo-events", "x", false},
		{"sensor", "get", "", "secrets", "argo-events", "token", true},
		{"sensor", "get", "", "secrets", "argo-events", "other", false},
		{"sensor", "list", "", "secrets", "argo-events", "", false},
		{"sensor", "patch", "argoproj.io", "workflows/status", "anywhere", "x", true},
		{"sensor", "patch", "argoproj.io", "workflows/scale", "anywhere", "x", false},
		{"sensor", "create", "", "pods", "anywhere", "", true},
		{"sensor", "create", "", "pods/exec", "anywhere", "x", false},
		{"", "delete", "apps", "deployments/scale", "one", "x", true},
		{"", "delete", "apps", "deployments", "two", "x", false},
		{"stranger", "create", "argoproj.io", "workflows", "argo-events", "", false},
	} {
		if got := pipeline.Allows(graph.Rights("openstack", test.account), test.verb, test.group, test.resource, test.namespace, test.name); got != test.want {
			t.Errorf("%+v: allowed %v", test, got)
		}
	}
	rights := graph.Rights("openstack", "sensor")
	if len(rights) != 3 || rights[1].From.LineOf(rights[1].Path) != 6 || rights[1].Binding.GetName() != "submit" || rights[2].From.GetName() != "part" {
		t.Errorf("rights %v", rights)
	}
	if got := rights[1].String(); got != "get,list secrets (core) named token in namespace argo-events" {
		t.Errorf("the right reads %q", got)
	}
	if open := graph.OpenBindings("openstack", "sensor"); len(open) != 1 || open[0].GetName() != "open" {
		t.Errorf("open bindings %v", open)
	}
	if rights := graph.Rights("elsewhere", "sensor"); len(rights) != 0 {
		t.Errorf("an account of another namespace has %v", rights)
	}
}
