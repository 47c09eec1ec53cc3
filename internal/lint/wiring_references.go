package lint

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/eventrig/eventrig/internal/nearest"
	"github.com/eventrig/eventrig/internal/pipeline"
)

// referenceRules are about what pods need beside their image: Secrets, ConfigMaps, accounts.
var referenceRules = []Rule{
	{
		ID: "wiring/undefined-secret", Severity: Info, Title: "A Secret that nothing here defines",
		Why: "Secrets are seldom in the manifests, so this is no mistake by itself: it is the list of what has to be there before. " +
			"As definitions count Secrets and what operators make them of: ExternalSecret, SealedSecret, Certificate, VaultStaticSecret, " +
			"RabbitMQ's User and others. A pod that lacks its Secret stays in ContainerCreating or CreateContainerConfigError.",
		Bad:   podExample("secret: {secretName: nautobot-token}"),
		Good:  podExample("secret: {secretName: nautobot-token}") + "---\n" + externalSecretExample,
		Check: undefined("Secret"),
	},
	{
		ID: "wiring/undefined-config-map", Severity: Info, Title: "A ConfigMap that nothing here defines",
		Why: "It has to come from elsewhere: another repository, an operator, a generator. A pod that lacks its ConfigMap stays in " +
			"ContainerCreating or CreateContainerConfigError.",
		Bad: podExample("configMap: {name: cluster-metadata}"),
		Good: podExample("configMap: {name: cluster-metadata}") + `---
apiVersion: v1
kind: ConfigMap
metadata: {name: cluster-metadata, namespace: argo-events}
data: {site: dc1}
`,
		Check: undefined("ConfigMap"),
	},
	{
		ID: "wiring/undefined-service-account", Severity: Warning, Title: "A ServiceAccount that nothing here defines",
		Why: "Kubernetes refuses the pod of a ServiceAccount that is not there: a Sensor's or EventSource's Deployment stays without " +
			"pods, a Workflow ends in Error. A binding to one gives its rights to nobody.",
		Bad:   strings.Replace(stepExample("inline: {suspend: {}}"), "serviceAccountName: workflow", "serviceAccountName: workflows", 1),
		Good:  stepExample("inline: {suspend: {}}"),
		Check: undefined("ServiceAccount"),
	},
	{
		ID: "wiring/undefined-claim", Severity: Info, Title: "A PersistentVolumeClaim that nothing here defines",
		Why: "A pod waits for its claim, Pending, as long as it is not there.",
		Bad: podExample("persistentVolumeClaim: {claimName: firmware}"),
		Good: podExample("persistentVolumeClaim: {claimName: firmware}") + `---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: firmware, namespace: argo-events}
spec:
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 1Gi}}
`,
		Check: undefined("PersistentVolumeClaim"),
	},
	{
		ID: "wiring/missing-key", Severity: Error, Title: "A key that its Secret or ConfigMap does not have",
		Why: "The Secret or ConfigMap is there, the key in it is not: the container does not start (CreateContainerConfigError), or the " +
			"EventSource cannot log in.",
		Bad: envExample("sites") + `---
apiVersion: v1
kind: ConfigMap
metadata: {name: cluster-metadata, namespace: argo-events}
data: {site: dc1}
`,
		Good: envExample("site") + `---
apiVersion: v1
kind: ConfigMap
metadata: {name: cluster-metadata, namespace: argo-events}
data: {site: dc1}
`,
		Check: missingKeys,
	},
}

// references are all names by which objects need others.
var references = NewFact(func(in *Input) []pipeline.Reference { return in.Graph.References() })

// undefined makes a check for references of a kind that nothing defines. Each name is said once, at the first that needs it.
func undefined(kind string) func(*Input, Report) {
	return func(in *Input, report Report) {
		type name struct{ namespace, name string }
		users := map[name][]pipeline.Reference{}
		var order []name
		for _, reference := range references.Of(in) {
			if reference.Kind != kind || reference.Optional {
				continue
			}
			key := name{reference.Namespace, reference.Name}
			if users[key] == nil {
				if in.defines(reference) {
					continue
				}
				order = append(order, key)
			}
			if !slices.ContainsFunc(users[key], func(r pipeline.Reference) bool { return r.From.Unstructured == reference.From.Unstructured }) {
				users[key] = append(users[key], reference)
			}
		}
		for _, key := range order {
			where := ""
			if key.namespace != "" {
				where = " in namespace " + key.namespace
			}
			message := fmt.Sprintf("nothing here defines the %s %q%s", kind, key.name, where)
			if n := len(users[key]); n > 1 {
				message += fmt.Sprintf(", which %d objects need", n)
			}
			hint := fmt.Sprintf("see that it is there%s before this is deployed", where)
			if near := nearest.Name(key.name, in.definedNames(kind, key.namespace)); near != "" {
				hint = fmt.Sprintf("did you mean %q?", near)
			}
			report(users[key][0].From, users[key][0].Path, message, hint)
		}
	}
}

// defines says that the graph has what a reference names. An object without a namespace is in whichever it is applied to.
func (in *Input) defines(reference pipeline.Reference) bool {
	if in.Graph.Defines(reference) {
		return true
	}
	reference.Anywhere = reference.Anywhere || reference.Namespace == ""
	if in.Graph.Defines(reference) {
		return true
	}
	reference.Namespace = ""
	return in.Graph.Defines(reference)
}

func (in *Input) definedNames(kind, namespace string) []string {
	var names []string
	for _, object := range in.Graph.Objects {
		if object.GetKind() == kind && sameNamespace(object.GetNamespace(), namespace) {
			names = append(names, object.GetName())
		}
	}
	return names
}

func missingKeys(in *Input, report Report) {
	for _, reference := range references.Of(in) {
		if reference.Key == "" || reference.Optional || reference.Anywhere {
			continue
		}
		for _, object := range in.Graph.Objects {
			if object.GetKind() != reference.Kind || object.GetName() != reference.Name || object.GetNamespace() != reference.Namespace {
				continue
			}
			var keys []string
			for _, field := range []string{"data", "stringData", "binaryData"} {
				values, _, _ := unstructured.NestedMap(object.Object, field)
				for key := range values {
					keys = append(keys, key)
				}
			}
			slices.Sort(keys)
			if len(keys) == 0 || slices.Contains(keys, reference.Key) {
				continue // without any it is filled by something else
			}
			hint := "its keys are: " + strings.Join(keys, ", ")
			if near := nearest.Name(reference.Key, keys); near != "" {
				hint = fmt.Sprintf("did you mean %q?", near)
			}
			report(reference.From, reference.Path, fmt.Sprintf("%s %q (%s) has no key %q", reference.Kind, reference.Name, object.Origin(), reference.Key), hint)
		}
	}
}

// podExample is a CronWorkflow whose pod mounts a volume, for the rules' pages.
func podExample(volume string) string {
	return `apiVersion: argoproj.io/v1alpha1
kind: CronWorkflow
metadata: {name: nightly, namespace: argo-events}
spec:
  schedules: ["0 2 * * *"]
  workflowSpec:
    serviceAccountName: workflow
    entrypoint: sync
    volumes:
    - name: settings
      ` + volume + `
    templates:
    - name: sync
      container:
        image: ghcr.io/rackerlabs/understack/ironic-nautobot-client:latest
        command: [sync]
        volumeMounts:
        - {name: settings, mountPath: /etc/settings}
`
}

// envExample is a CronWorkflow whose pod reads a key of a ConfigMap, for the rules' pages.
func envExample(key string) string {
	return `apiVersion: argoproj.io/v1alpha1
kind: CronWorkflow
metadata: {name: nightly, namespace: argo-events}
spec:
  schedules: ["0 2 * * *"]
  workflowSpec:
    serviceAccountName: workflow
    entrypoint: sync
    templates:
    - name: sync
      container:
        image: ghcr.io/rackerlabs/understack/ironic-nautobot-client:latest
        command: [sync]
        env:
        - name: SITE
          valueFrom:
            configMapKeyRef: {name: cluster-metadata, key: ` + key + `}
`
}

const externalSecretExample = `apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: nautobot-token, namespace: argo-events}
spec:
  secretStoreRef: {kind: ClusterSecretStore, name: vault}
  dataFrom:
  - extract: {key: nautobot}
`
