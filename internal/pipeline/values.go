package pipeline

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/strvals"

	"github.com/eventrig/eventrig/internal/failure"
)

// scoped takes "PATH=VALUE" apart; without "=" the value is for all.
func scoped(text string) (scope, value string) {
	if before, after, ok := strings.Cut(text, "="); ok {
		return before, after
	}
	return "", text
}

// meant reports whether a scope names a chart or an argument: by its path, its folder's name or, of a chart, its name.
func (l *loader) meant(scope, folder, name string) bool {
	return scope == "" || scope == name || l.real(scope) == l.real(folder) || scope == filepath.Base(filepath.Clean(folder))
}

// valuesFiles are the files with values that are for a chart, the strongest last.
func (l *loader) valuesFiles(of *helmChart) []string {
	var files []string
	for _, given := range l.options.Values {
		if scope, file := scoped(given); l.meant(scope, of.folder, of.name) {
			files = append(files, file)
		}
	}
	return files
}

// Check refuses options that are wrong whatever the manifests are: files with values that cannot be read, settings that Helm
// does not take, a Kubernetes version that is none. Reading the manifests would say so of each chart.
func (o Options) Check() error {
	for _, given := range o.Values {
		_, file := scoped(given)
		if _, err := readValues(file); err != nil {
			return err
		}
	}
	if err := o.set(map[string]any{}); err != nil {
		return err
	}
	_, err := o.kubeVersion()
	return err
}

func (o Options) set(values map[string]any) error {
	for _, set := range o.Set {
		if err := strvals.ParseInto(set, values); err != nil {
			return failure.New(failure.BadInput, "--set takes KEY=VALUE as `helm --set` does", "--set %s: %w", set, err)
		}
	}
	return nil
}

func (o Options) kubeVersion() (*chartutil.KubeVersion, error) {
	version, err := chartutil.ParseKubeVersion(orDefault(o.KubeVersion, defaultKubeVersion))
	if err != nil {
		return nil, failure.New(failure.BadInput, "give a version such as "+defaultKubeVersion, "--kube-version %q: %w", o.KubeVersion, err)
	}
	return version, nil
}

func readValues(file string) (map[string]any, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, failure.New(failure.BadInput, "--values takes FILE or CHART=FILE", "read values for charts: %w", err)
	}
	if err := syntax(file, content); err != nil {
		return nil, err
	}
	read, err := chartutil.ReadValues(withoutBOM(content))
	if err != nil {
		return nil, Problem{Kind: Unreadable, File: file, Line: errorLine(err), Message: "the values are no YAML object: " + err.Error(),
			Hint: "a values file holds the chart's fields"}.asError()
	}
	return read, nil
}

// chartValues are the values that the options give to a chart, over its own.
func (l *loader) chartValues(of *helmChart) (map[string]any, error) {
	values := map[string]any{}
	for _, file := range l.valuesFiles(of) {
		read, err := readValues(file)
		if err != nil {
			return nil, err
		}
		values = chartutil.MergeTables(read, values)
	}
	if err := l.options.set(values); err != nil {
		return nil, err
	}
	return values, nil
}

// unused finds options for charts that were not read: most likely a name is misspelt.
func (l *loader) unused() error {
	if len(l.charts) == 0 && (len(l.options.Values) > 0 || len(l.options.Set) > 0) {
		return failure.New(failure.BadInput, "name a folder with a Chart.yaml, or leave --values and --set out", "values are given, but there is no Helm chart among the manifests")
	}
	for _, given := range l.options.Values {
		scope, file := scoped(given)
		if scope == "" || slices.ContainsFunc(l.roots, func(root string) bool { return l.meant(scope, root, "") }) || slices.Contains(l.charts, scope) {
			continue
		}
		return failure.New(failure.BadInput, "the charts are "+strings.Join(l.charts, ", "), "--values %s=%s: no chart %q was read", scope, file, scope)
	}
	for _, given := range l.options.Namespaces {
		scope, namespace := scoped(given)
		if scope == "" || slices.ContainsFunc(l.roots, func(root string) bool { return l.meant(scope, root, "") }) || slices.Contains(l.charts, scope) {
			continue
		}
		return failure.New(failure.BadInput, "give --namespace NAMESPACE or PATH=NAMESPACE, with PATH as in the manifests' own flag", "--namespace %s=%s: %q is no path and no chart that was read", scope, namespace, scope)
	}
	return nil
}

// namespaceOf is the namespace that options give to what is read from an argument or a chart; the last one that fits counts.
func (l *loader) namespaceOf(folder, name string) string {
	namespace := ""
	for _, given := range l.options.Namespaces {
		if scope, value := scoped(given); l.meant(scope, folder, name) && (scope != "" || namespace == "") {
			namespace = value
		}
	}
	return namespace
}

func (l *loader) chartNamespace(of *helmChart) string {
	if of.namespace != "" {
		return of.namespace
	}
	if namespace := l.namespaceOf(of.folder, of.name); namespace != "" {
		return namespace
	}
	return l.namespace
}

// clusterScoped are kinds that lie in no namespace.
var clusterScoped = []string{
	"APIService", "Bundle", "CertificateSigningRequest", "ClusterExternalSecret", "ClusterIssuer", "ClusterRole", "ClusterRoleBinding", "ClusterSecretStore",
	"ClusterTrustBundle", "ClusterWorkflowTemplate", "CSIDriver", "CSINode", "CustomResourceDefinition", "DeviceClass", "FlowSchema", "GatewayClass", "IngressClass",
	"MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding", "MutatingWebhookConfiguration", "Namespace", "Node", "PersistentVolume", "PriorityClass",
	"PriorityLevelConfiguration", "RuntimeClass", "StorageClass", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding",
	"ValidatingWebhookConfiguration", "VolumeAttachment",
}

// ClusterScoped returns the kinds that lie in no namespace, as far as they are known without a cluster.
func ClusterScoped() []string { return slices.Clone(clusterScoped) }

// inNamespace puts an object without a namespace into the one that it would be applied to.
func inNamespace(object Object, namespace string) Object {
	if namespace != "" && object.GetNamespace() == "" && !slices.Contains(clusterScoped, object.GetKind()) {
		object.SetNamespace(namespace)
	}
	return object
}

var schemaPlace = regexp.MustCompile(`at '([^']*)'`)

// valuesPlace is where a value stands that the chart's schema refuses: in the strongest file that has it.
func (l *loader) valuesPlace(of *helmChart, text string) (file string, line int) {
	var steps []string
	for _, match := range schemaPlace.FindAllStringSubmatch(text, -1) {
		if found := strings.Split(strings.Trim(match[1], "/"), "/"); match[1] != "" && len(found) > len(steps) {
			steps = found
		}
	}
	files := append([]string{l.join(of.folder, "values.yaml")}, l.valuesFiles(of)...)
	for _, file := range slices.Backward(files) {
		content, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		var document yaml.Node
		if err := yaml.Unmarshal(content, &document); err != nil || len(document.Content) == 0 {
			continue
		}
		node, line := document.Content[0], 0
		for i, step := range steps {
			key, value := field(resolve(node), step, 8)
			if key == nil {
				break
			}
			node = value
			if i == len(steps)-1 {
				line = key.Line
			}
		}
		if line > 0 {
			return file, line
		}
	}
	return files[0], 1
}
