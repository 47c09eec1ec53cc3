package pipeline

import "github.com/spf13/pflag"

// Flags adds the flags that say how manifests are read, those for Helm charts with the names that helm has for them.
func (o *Options) Flags(flags *pflag.FlagSet) {
	flags.StringArrayVar(&o.Values, "values", nil, "file with values for Helm charts among the manifests: FILE, or CHART=FILE for one by its path or name (repeatable, the last one counts most)")
	flags.StringArrayVar(&o.Set, "set", nil, "value for Helm charts, KEY=VALUE as helm takes it (repeatable)")
	flags.StringArrayVar(&o.Namespaces, "namespace", nil, "where manifests go that name no namespace, and the release namespace of charts: NAMESPACE, or PATH=NAMESPACE for one argument or chart (repeatable)")
	flags.StringVar(&o.KubeVersion, "kube-version", defaultKubeVersion, "version of Kubernetes that Helm charts are rendered for")
	flags.BoolVar(&o.Remote, "fetch", false, "let kustomize fetch bases that are not on this machine")
}
