package pipeline

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// maker says which object an operator makes of another one: its kind, and where its name is written.
type maker struct {
	kind    string
	name    []string // the field with the name; the maker's own name where it is absent
	suffix  string   // put after the name
	cluster bool     // in every namespace that it selects
}

// makers are kinds whose operators make Secrets and ConfigMaps, by group and kind. Sources: the documentation of External
// Secrets, Sealed Secrets, cert-manager, trust-manager, Vault Secrets Operator and RabbitMQ's operators.
var makers = map[string]maker{
	"external-secrets.io/ExternalSecret":        {kind: "Secret", name: []string{"spec", "target", "name"}},
	"external-secrets.io/ClusterExternalSecret": {kind: "Secret", name: []string{"spec", "externalSecretName"}, cluster: true},
	"bitnami.com/SealedSecret":                  {kind: "Secret", name: []string{"spec", "template", "metadata", "name"}},
	"cert-manager.io/Certificate":               {kind: "Secret", name: []string{"spec", "secretName"}},
	"trust.cert-manager.io/Bundle":              {kind: "ConfigMap", cluster: true},
	"secrets.hashicorp.com/VaultStaticSecret":   {kind: "Secret", name: []string{"spec", "destination", "name"}},
	"secrets.hashicorp.com/VaultDynamicSecret":  {kind: "Secret", name: []string{"spec", "destination", "name"}},
	"rabbitmq.com/User":                         {kind: "Secret", suffix: "-user-credentials"},
	"rabbitmq.com/RabbitmqCluster":              {kind: "Secret", suffix: "-default-user"},
}

// Defines reports whether the graph has what a reference names, or an object of which a well-known operator makes it, or
// whether every namespace has it from Kubernetes itself (the account "default", the ConfigMap kube-root-ca.crt).
func (g *Graph) Defines(reference Reference) bool {
	switch reference.Kind + " " + reference.Name {
	case "ServiceAccount default", "ConfigMap kube-root-ca.crt":
		return true
	}
	for _, object := range g.Objects {
		here := reference.Anywhere || object.GetNamespace() == reference.Namespace
		if here && object.GetKind() == reference.Kind && object.GetName() == reference.Name {
			return true
		}
		kind := object.GroupVersionKind()
		maker, ok := makers[kind.Group+"/"+kind.Kind]
		if !ok || maker.kind != reference.Kind || !here && !maker.cluster {
			continue
		}
		name, _, _ := unstructured.NestedString(object.Unstructured.Object, maker.name...)
		if name == "" || len(maker.name) == 0 {
			name = object.GetName()
		}
		if name+maker.suffix == reference.Name {
			return true
		}
	}
	return false
}
