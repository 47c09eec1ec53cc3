package lint_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/eventrig/eventrig/internal/lint"
)

// lintText lints manifests that are given as text.
func lintText(t *testing.T, text string) []lint.Finding {
	t.Helper()
	file := filepath.Join(t.TempDir(), "manifests.yaml")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return findings(t, file)
}

// message is what a rule says of an object, "" if it says nothing.
func message(found []lint.Finding, rule, object string) string {
	for _, finding := range found {
		if finding.Rule == rule && finding.Object == object {
			return finding.Message
		}
	}
	return ""
}

const aSensor = `apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: s, namespace: openstack}
spec:
  template: {serviceAccountName: nobody}
  dependencies: [{name: d, eventSourceName: es, eventName: e}]
  triggers:
  - template:
      name: t
`

func TestWhatTriggersNeed(t *testing.T) {
	const workflow = "{apiVersion: argoproj.io/v1alpha1, kind: %s, metadata: {%s}, spec: %s}"
	for _, test := range []struct{ trigger, object, want string }{
		{"k8s: {operation: create", fmt.Sprintf(workflow, "Workflow", "generateName: w-, namespace: argo-events", "{workflowTemplateRef: {name: x}}"), "create workflows.argoproj.io in argo-events"},
		{"k8s: {operation: create", fmt.Sprintf(workflow, "Workflow", "generateName: w-", "{}"), "create workflows.argoproj.io in openstack"},
		{"k8s: {", "{apiVersion: v1, kind: Namespace, metadata: {name: n}}", "create namespaces"},
		{"k8s: {operation: update", "{apiVersion: batch/v1, kind: Job, metadata: {name: j}}", "get, update jobs.batch in openstack"},
		{"k8s: {operation: patch", "{apiVersion: v1, kind: Secret, metadata: {name: j}}", "get, patch secrets in openstack"},
		{"k8s: {operation: delete", "{apiVersion: v1, kind: Pod, metadata: {name: j}}", "get, delete pods in openstack"},
		{"argoWorkflow: {operation: submit", fmt.Sprintf(workflow, "Workflow", "generateName: w-", "{workflowTemplateRef: {name: x}}"),
			"create, list workflows.argoproj.io in openstack; get workflowtemplates.argoproj.io in openstack"},
		{"argoWorkflow: {operation: submit, args: [--wait]", fmt.Sprintf(workflow, "Workflow", "generateName: w-", "{templates: [{name: m, steps: [[{name: a, templateRef: {name: x, template: y, clusterScope: true}}]]}]}"),
			"create, list, get, watch workflows.argoproj.io in openstack; get clusterworkflowtemplates.argoproj.io"},
		{"argoWorkflow: {operation: submit-from", fmt.Sprintf(workflow, "CronWorkflow", "name: c", "{}"), "create, get workflows.argoproj.io in openstack; get cronworkflows.argoproj.io in openstack"},
		{"argoWorkflow: {operation: submit-from", fmt.Sprintf(workflow, "WorkflowTemplate", "name: c", "{}"), "create, get workflows.argoproj.io in openstack; get workflowtemplates.argoproj.io in openstack"},
		{"argoWorkflow: {operation: resubmit", fmt.Sprintf(workflow, "Workflow", "name: w", "{}"), "get, create workflows.argoproj.io in openstack"},
		{"argoWorkflow: {operation: retry", fmt.Sprintf(workflow, "Workflow", "name: w", "{}"), "get, update workflows.argoproj.io in openstack; delete pods in openstack"},
		{"argoWorkflow: {operation: resume", fmt.Sprintf(workflow, "Workflow", "name: w", "{}"), "get, update workflows.argoproj.io in openstack"},
		{"argoWorkflow: {operation: suspend", fmt.Sprintf(workflow, "Workflow", "name: w", "{}"), "get, update workflows.argoproj.io in openstack"},
		{"argoWorkflow: {operation: terminate", fmt.Sprintf(workflow, "Workflow", "name: w", "{}"), "get, patch workflows.argoproj.io in openstack"},
		{"argoWorkflow: {operation: stop", fmt.Sprintf(workflow, "Workflow", "name: w", "{}"), "get, patch workflows.argoproj.io in openstack"},
	} {
		separator := ", "
		if strings.HasSuffix(test.trigger, "{") {
			separator = ""
		}
		text := aSensor + "      " + test.trigger + separator + "source: {resource: " + test.object + "}}\n"
		got := message(lintText(t, text), "rights/unknown", "Sensor/openstack/s")
		if !strings.HasSuffix(got, "needs to "+test.want) {
			t.Errorf("%s: %q, want %q", test.trigger, got, test.want)
		}
	}
}

func TestRightsAreCheckedAgainstRoles(t *testing.T) {
	const binding = `---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: b, namespace: %s}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: r}
subjects: [{kind: ServiceAccount, name: nobody%s}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: r, namespace: %s}
rules: [{apiGroups: [""], resources: [%s], verbs: [create]}]
`
	const trigger = aSensor + "      k8s: {operation: create, source: {resource: {apiVersion: v1, kind: Pod, metadata: {generateName: p-}}}}\n"
	for name, test := range map[string]struct{ roles, missing, surplus string }{
		"fits":                               {fmt.Sprintf(binding, "openstack", ", namespace: openstack", "openstack", "pods"), "", ""},
		"without the subject's namespace":    {fmt.Sprintf(binding, "openstack", "", "openstack", "pods"), "", ""},
		"another resource":                   {fmt.Sprintf(binding, "openstack", ", namespace: openstack", "openstack", "secrets"), "may not create pods in openstack", "may create secrets"},
		"another namespace":                  {fmt.Sprintf(binding, "argo-events", ", namespace: openstack", "argo-events", "pods"), "may not create pods in openstack", "may create pods"},
		"a subresource is not what it is of": {fmt.Sprintf(binding, "openstack", ", namespace: openstack", "openstack", "pods/log"), "may not create pods in openstack", "may create pods/log"},
	} {
		found := lintText(t, trigger+test.roles)
		if got := message(found, "rights/missing", "Sensor/openstack/s"); !strings.Contains(got, test.missing) || test.missing == "" && got != "" {
			t.Errorf("%s: missing: %q, want %q", name, got, test.missing)
		}
		if got := message(found, "rights/unknown", "Sensor/openstack/s"); got != "" {
			t.Errorf("%s: the rights are not found: %s", name, got)
		}
		namespace := "openstack"
		if name == "another namespace" {
			namespace = "argo-events"
		}
		if got := message(found, "rights/surplus", "Role/"+namespace+"/r"); !strings.Contains(got, test.surplus) || test.surplus == "" && got != "" {
			t.Errorf("%s: surplus: %q, want %q", name, got, test.surplus)
		}
	}
}

func TestLoopsOverSeveralSensorsAndThroughTheAPIServer(t *testing.T) {
	const source = `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: es, namespace: openstack}
spec: {resource: {e: {version: v1, resource: configmaps, namespace: openstack, eventTypes: [ADD]%s}}}
---
`
	const trigger = aSensor + "      k8s: {operation: create, source: {resource: {apiVersion: v1, kind: ConfigMap, metadata: {generateName: p-, labels: {made: \"yes\"}}}}}\n"
	for filter, want := range map[string]string{
		"": "trigger t starts itself again: event e reports what it does with configmaps",
		", filter: {labels: [{key: made, operation: exists}]}":                 "trigger t starts itself again",
		", filter: {labels: [{key: made, operation: \"!=\", value: \"yes\"}]}": "",
		", filter: {prefix: q-}": "",
	} {
		got := message(lintText(t, fmt.Sprintf(source, filter)+trigger), "delivery/loop", "Sensor/openstack/s")
		if !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("filter %q: %q, want %q", filter, got, want)
		}
	}

	ironic := func(name, eventType, command string) string {
		return strings.NewReplacer("NAME", name, "TYPE", eventType, "COMMAND", command).Replace(`---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: NAME, namespace: openstack}
spec:
  dependencies:
  - name: d
    eventSourceName: ironic
    eventName: e
    transform: {jq: '.body["oslo.message"] | fromjson'}
    filters: {data: [{path: event_type, type: string, value: [^TYPE$]}]}
  triggers:
  - template:
      name: t
      k8s:
        operation: create
        source:
          resource:
            apiVersion: argoproj.io/v1alpha1
            kind: Workflow
            metadata: {generateName: w-}
            spec: {entrypoint: m, templates: [{name: m, script: {image: x, command: [bash], source: "set -e\nCOMMAND $1\n"}}]}
`)
	}
	const amqp = `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: ironic, namespace: openstack}
spec: {amqp: {e: {url: "amqp://h/ironic", exchangeName: ironic, exchangeType: topic, routingKey: ironic_versioned_notifications.info, jsonBody: true}}}
`
	found := lintText(t, amqp+ironic("one", "baremetal.node.update.end", "openstack baremetal port set")+ironic("two", "baremetal.port.update.end", "exec openstack --os-cloud x baremetal node set"))
	for sensor, want := range map[string]string{
		"one": "openstack baremetal port set makes the service send baremetal.port.update.end, which starts openstack/two, where openstack baremetal node set makes the service send baremetal.node.update.end",
		"two": "which starts openstack/one",
	} {
		if got := message(found, "delivery/loop", "Sensor/openstack/"+sensor); !strings.Contains(got, want) {
			t.Errorf("Sensor %s: %q, want %q", sensor, got, want)
		}
	}
	found = lintText(t, amqp+ironic("one", "baremetal.node.update.end", "openstack baremetal port set")+ironic("two", "baremetal.port.update.end", "openstack baremetal port show"))
	if got := message(found, "delivery/loop", "Sensor/openstack/one"); got != "" {
		t.Errorf("no loop is taken for one: %q", got)
	}
}

// Where whoever deploys gives the namespace, nothing tells yet whether a binding is the account's.
func TestRightsOfObjectsWhoseNamespaceIsNotGivenYet(t *testing.T) {
	const sensor = `apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: s%s}
spec:
  template: {serviceAccountName: submit}
  dependencies: [{name: d, eventSourceName: es, eventName: e}]
  triggers:
  - template:
      name: t
      k8s: {operation: create, source: {resource: {apiVersion: argoproj.io/v1alpha1, kind: Workflow, metadata: {generateName: w-, namespace: argo-events}, spec: {}}}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: submit%[1]s}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: submit%[2]s}
rules: [{apiGroups: [argoproj.io], resources: [workflows], verbs: [%[4]s]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: submit%[2]s}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: submit}
subjects: [{kind: ServiceAccount, name: submit%[3]s}]
`
	const openstack, events = ", namespace: openstack", ", namespace: argo-events"
	for _, test := range []struct{ name, sensor, binding, subject, verbs, rule string }{
		{"all are given", openstack, events, openstack, "get", "rights/missing"},
		{"all are given, and the subject's is another", openstack, events, events, "create", "rights/other-namespace"},
		{"the account's is open", "", events, openstack, "create", "rights/unknown"},
		{"the binding's is open", openstack, "", openstack, "create", "rights/unknown"},
		{"the binding's and its subject's are open", openstack, "", "", "create", "rights/unknown"},
		{"the account's is open, and its binding's is not", "", "", openstack, "create", "rights/unknown"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, finding := range lintText(t, fmt.Sprintf(sensor, test.sensor, test.binding, test.subject, test.verbs)) {
				if strings.HasPrefix(finding.Rule, "rights/") && finding.Rule != "rights/surplus" {
					got = append(got, finding.Rule)
				}
			}
			if !slices.Equal(got, []string{test.rule}) {
				t.Errorf("%v, want %s", got, test.rule)
			}
		})
	}
}
