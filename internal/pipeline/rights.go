package pipeline

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// Right is one rule of a role that is bound to a ServiceAccount.
type Right struct {
	Verbs         []string
	APIGroups     []string
	Resources     []string // with subresources as "workflows/status"
	ResourceNames []string // empty: all names
	URLs          []string // nonResourceURLs
	Cluster       bool     // in all namespaces and for what is in none
	Namespace     string   // where it holds; empty with Cluster

	From    Object // the Role or ClusterRole that has the rule; the binding where the role is built into Kubernetes
	Path    string // of the rule in From, for LineOf: rules[2]
	Binding Object // the RoleBinding or ClusterRoleBinding
}

// String is the right as `kubectl auth can-i --list` would word it.
func (r Right) String() string {
	where := "in namespace " + r.Namespace
	if r.Cluster {
		where = "in all namespaces"
	}
	var groups []string
	for _, group := range r.APIGroups {
		if group == "" {
			group = "core"
		}
		groups = append(groups, group)
	}
	text := strings.Join(r.Verbs, ",") + " " + strings.Join(append(slices.Clone(r.Resources), r.URLs...), ",")
	if len(groups) > 0 {
		text += " (" + strings.Join(groups, ",") + ")"
	}
	if len(r.ResourceNames) > 0 {
		text += " named " + strings.Join(r.ResourceNames, ",")
	}
	return text + " " + where
}

// role is a Role or ClusterRole in its typed form.
type role struct {
	Object
	rules       []rbacv1.PolicyRule
	aggregation *rbacv1.AggregationRule
	cluster     bool
}

// binding is a RoleBinding or ClusterRoleBinding in its typed form.
type binding struct {
	Object
	subjects []rbacv1.Subject
	ref      rbacv1.RoleRef
	cluster  bool
}

// Rights returns what a ServiceAccount may do by the roles of the graph, as Kubernetes' RBAC adds them up: bindings that name
// it, its user name or one of its groups; ClusterRoles with the rules that they aggregate. An empty name is the account
// "default". Of Kubernetes' own roles only cluster-admin is known; OpenBindings has the others.
func (g *Graph) Rights(namespace, serviceAccount string) []Right {
	var rights []Right
	for _, bound := range g.bindingsOf(namespace, serviceAccount) {
		roles, known := g.rolesOf(bound)
		if !known {
			continue
		}
		if roles == nil {
			rights = append(rights, bound.right(rbacv1.PolicyRule{Verbs: []string{"*"}, APIGroups: []string{"*"}, Resources: []string{"*"}}, bound.Object, "roleRef"),
				bound.right(rbacv1.PolicyRule{Verbs: []string{"*"}, NonResourceURLs: []string{"*"}}, bound.Object, "roleRef"))
		}
		for _, role := range roles {
			for i, rule := range role.rules {
				rights = append(rights, bound.right(rule, role.Object, Path("rules", i)))
			}
		}
	}
	return rights
}

// OpenBindings returns the bindings of a ServiceAccount whose role is not in the graph, so that what they give is not known.
func (g *Graph) OpenBindings(namespace, serviceAccount string) []Object {
	var open []Object
	for _, bound := range g.bindingsOf(namespace, serviceAccount) {
		if _, known := g.rolesOf(bound); !known {
			open = append(open, bound.Object)
		}
	}
	return open
}

// Allows reports whether one of the rights allows a request, by the rules of Kubernetes' RBAC authorizer: "*" as verb, group
// or resource is all of them, "*" as resource also every subresource, "*/scale" that subresource of every resource; a rule
// with resource names allows only requests that name one, which create, list and watch do not. The resource may be
// "workflows/status"; the namespace is "" for what is in none or for a request over all namespaces.
func Allows(rights []Right, verb, group, resource, namespace, name string) bool {
	return slices.ContainsFunc(rights, func(right Right) bool {
		return right.Allows(verb, group, resource, namespace, name)
	})
}

// Allows reports whether this right allows a request; see the function Allows.
func (r Right) Allows(verb, group, resource, namespace, name string) bool {
	if !r.Cluster && r.Namespace != namespace {
		return false
	}
	_, subresource, _ := strings.Cut(resource, "/")
	return hasOrAll(r.Verbs, verb) && hasOrAll(r.APIGroups, group) &&
		slices.ContainsFunc(r.Resources, func(of string) bool {
			return of == "*" || of == resource || subresource != "" && of == "*/"+subresource
		}) &&
		(len(r.ResourceNames) == 0 || slices.Contains(r.ResourceNames, name))
}

func hasOrAll(list []string, value string) bool {
	return slices.Contains(list, "*") || slices.Contains(list, value)
}

func (b binding) right(rule rbacv1.PolicyRule, from Object, path string) Right {
	right := Right{Verbs: rule.Verbs, APIGroups: rule.APIGroups, Resources: rule.Resources, ResourceNames: rule.ResourceNames,
		URLs: rule.NonResourceURLs, Cluster: b.cluster, From: from, Path: path, Binding: b.Object}
	if !b.cluster {
		right.Namespace = b.GetNamespace()
	}
	return right
}

// bindingsOf returns the bindings that have a ServiceAccount among their subjects.
func (g *Graph) bindingsOf(namespace, serviceAccount string) []binding {
	if serviceAccount == "" {
		serviceAccount = "default"
	}
	user := fmt.Sprintf("system:serviceaccount:%s:%s", namespace, serviceAccount)
	groups := []string{"system:serviceaccounts", "system:serviceaccounts:" + namespace, "system:authenticated"}
	var found []binding
	for _, bound := range g.types().bindings {
		if slices.ContainsFunc(bound.subjects, func(subject rbacv1.Subject) bool {
			switch subject.Kind {
			case rbacv1.ServiceAccountKind:
				// A RoleBinding may leave the namespace out: it is its own then (plugin/pkg/auth/authorizer/rbac of Kubernetes).
				return subject.Name == serviceAccount && cmp.Or(subject.Namespace, bound.GetNamespace()) == namespace
			case rbacv1.UserKind:
				return subject.Name == user
			case rbacv1.GroupKind:
				return slices.Contains(groups, subject.Name)
			}
			return false
		}) {
			found = append(found, bound)
		}
	}
	return found
}

// rolesOf returns the roles whose rules a binding gives; none of them, but known, is cluster-admin.
func (g *Graph) rolesOf(bound binding) (roles []role, known bool) {
	for _, candidate := range g.types().roles {
		if candidate.GetName() != bound.ref.Name || candidate.GetKind() != bound.ref.Kind {
			continue
		}
		if candidate.cluster || candidate.GetNamespace() == bound.GetNamespace() {
			return g.aggregated(candidate, map[string]bool{}), true
		}
	}
	return nil, bound.ref.Kind == "ClusterRole" && bound.ref.Name == "cluster-admin"
}

// aggregated is a role or, of one that aggregates, all those whose labels it selects: the controller puts their rules in the
// place of its own.
func (g *Graph) aggregated(from role, seen map[string]bool) []role {
	if from.aggregation == nil {
		return []role{from}
	}
	seen[from.GetName()] = true
	roles := []role{} // known, even when it selects none
	for _, candidate := range g.types().roles {
		if !candidate.cluster || seen[candidate.GetName()] || !slices.ContainsFunc(from.aggregation.ClusterRoleSelectors, func(s metav1.LabelSelector) bool {
			selector, err := metav1.LabelSelectorAsSelector(&s)
			return err == nil && selector.Matches(labels.Set(candidate.GetLabels()))
		}) {
			continue
		}
		seen[candidate.GetName()] = true
		roles = append(roles, g.aggregated(candidate, seen)...)
	}
	return roles
}
