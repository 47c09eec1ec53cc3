package suites_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/eventrig/eventrig/e2e/rig"
)

// account is a ServiceAccount of UnderStack's with its rights, each as "NAMESPACE: VERB RESOURCE.GROUP".
type account struct {
	name  string   // namespace/name
	needs []string // without any of these something stops (deniedSpecs)
	spare []string // what UnderStack gives it besides; none of its pipelines notices when they are gone (deniedSpecs)
}

// submits are the rights of whatever submits Workflows.
func submits(verbs ...string) []string {
	var all []string
	for _, verb := range verbs {
		all = append(all, "argo-events: "+verb+" workflows.argoproj.io")
	}
	return all
}

func reads(resources ...string) []string {
	var all []string
	for _, resource := range resources {
		for _, verb := range []string{"get", "list", "watch"} {
			all = append(all, "argo-events: "+verb+" "+resource+".argoproj.io")
		}
	}
	return all
}

var accounts = []account{
	{
		name: "openstack/sensor-submit-workflow", needs: submits("create"),
		spare: slices.Concat(submits("get", "list", "watch", "update", "patch"), reads("workflowtemplates", "clusterworkflowtemplates")),
	},
	{
		name: "argo-events/sensor-submit-workflow", needs: submits("create"),
		spare: slices.Concat(submits("get", "list", "watch", "update", "patch"), reads("workflowtemplates", "clusterworkflowtemplates")),
	},
	{
		name:  "openstack/k8s-openstack-events-secrets",
		needs: []string{"openstack: list secrets", "openstack: watch secrets", "openstack: create jobs.batch"},
	},
	{
		name:  "argo-events/workflow",
		needs: []string{"argo-events: create workflowtaskresults.argoproj.io", "argo-events: patch workflowtaskresults.argoproj.io"},
		// Only the agent of an HTTP or plugin template has to do with task sets, and there is none.
		spare: []string{"argo-events: list workflowtasksets.argoproj.io", "argo-events: watch workflowtasksets.argoproj.io", "argo-events: patch workflowtasksets/status.argoproj.io"},
	},
	{
		// For operators: nothing runs as it.
		name: "argo-events/operate-workflow-sa",
		spare: []string{"argo-events: * workflows.argoproj.io", "argo-events: * workflowtemplates.argoproj.io", "argo-events: * cronworkflows.argoproj.io",
			"argo-events: * clusterworkflowtemplates.argoproj.io"},
	},
	{name: "openstack/default"},   // the AMQP EventSources, and the Jobs that make Keystone users
	{name: "argo-events/default"}, // the webhook EventSources and, by mistake, reclean-server
}

// as is a client with the rights of a ServiceAccount of the tree's rig.
func as(name string) kubernetes.Interface {
	GinkgoHelper()
	config := configOf(tree)
	namespace, _, _ := strings.Cut(name, "/")
	config.Impersonate = rest.ImpersonationConfig{
		UserName: "system:serviceaccount:" + strings.ReplaceAll(name, "/", ":"),
		Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:" + namespace, "system:authenticated"},
	}
	client, err := kubernetes.NewForConfig(config)
	Expect(err).NotTo(HaveOccurred())
	return client
}

// rightsOf are all rights of a ServiceAccount, by the API server's own word, in every namespace.
func rightsOf(ctx context.Context, name string) []string {
	GinkgoHelper()
	namespaces, err := tree.Kubernetes().CoreV1().Namespaces().List(ctx, metav1.ListOptions{})
	Expect(err).NotTo(HaveOccurred())
	client := as(name)
	var all []string
	for _, namespace := range namespaces.Items {
		review, err := client.AuthorizationV1().SelfSubjectRulesReviews().Create(ctx, &authorizationv1.SelfSubjectRulesReview{
			Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: namespace.Name},
		}, metav1.CreateOptions{})
		Expect(err).NotTo(HaveOccurred())
		Expect(review.Status.Incomplete).To(BeFalse(), review.Status.EvaluationError)
		for _, rule := range review.Status.ResourceRules {
			for _, verb := range rule.Verbs {
				for _, group := range rule.APIGroups {
					for _, resource := range rule.Resources {
						right := verb + " " + strings.TrimSuffix(resource+"."+group, ".")
						if len(rule.ResourceNames) > 0 {
							right += " " + strings.Join(rule.ResourceNames, ",")
						}
						all = append(all, namespace.Name+": "+right)
					}
				}
			}
		}
		for _, rule := range review.Status.NonResourceRules {
			all = append(all, namespace.Name+": "+strings.Join(rule.Verbs, ",")+" "+strings.Join(rule.NonResourceURLs, ","))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// may asks the API server whether a ServiceAccount may do something. An empty namespace stands for all of them.
func may(ctx context.Context, name, namespace, verb, resource string) bool {
	GinkgoHelper()
	resource, group, _ := strings.Cut(resource, ".")
	resource, sub, _ := strings.Cut(resource, "/")
	review, err := as(name).AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, &authorizationv1.SelfSubjectAccessReview{
		Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: namespace, Verb: verb, Group: group, Resource: resource, Subresource: sub,
		}},
	}, metav1.CreateOptions{})
	Expect(err).NotTo(HaveOccurred())
	return review.Status.Allowed
}

// rightsSpecs hold the ServiceAccounts to the least that they need.
func rightsSpecs() {
	It("has no ServiceAccount that nobody looked at", func(ctx SpecContext) {
		graph, _, err := rig.Manifests(understack)
		Expect(err).NotTo(HaveOccurred())
		var known []string
		for _, one := range accounts {
			known = append(known, one.name)
		}
		var found []string
		for _, object := range graph.Objects {
			if object.GetKind() == "ServiceAccount" {
				found = append(found, object.GetNamespace()+"/"+object.GetName())
			}
		}
		Expect(found).NotTo(BeEmpty())
		Expect(known).To(ConsistOf(append(found, "openstack/default", "argo-events/default")), "the table of accounts and the manifests")
	})

	for _, one := range accounts {
		It("gives "+one.name+" the rights that are known of it and no others", func(ctx SpecContext) {
			everybodys := rightsOf(ctx, "default/nobody") // who is bound to nothing
			var own []string
			for _, right := range rightsOf(ctx, one.name) {
				if !slices.Contains(everybodys, right) {
					own = append(own, right)
				}
			}
			Expect(own).To(ConsistOf(slices.Concat(one.needs, one.spare)))

			By("asking for single rights, as the API server decides them")
			for _, right := range slices.Concat(one.needs, one.spare) {
				namespace, rest, _ := strings.Cut(right, ": ")
				verb, resource, _ := strings.Cut(rest, " ")
				Expect(may(ctx, one.name, namespace, verb, resource)).To(BeTrue(), right)
				for _, elsewhere := range []string{"default", "kube-system", "argo", "openstack", "argo-events", ""} {
					if elsewhere != namespace {
						Expect(may(ctx, one.name, elsewhere, verb, resource)).To(BeFalse(), "%s in namespace %q", rest, elsewhere)
					}
				}
			}
			granted := func(namespace, verb, resource string) bool {
				return slices.Contains(slices.Concat(one.needs, one.spare), namespace+": "+verb+" "+resource)
			}
			operator := one.name == "argo-events/operate-workflow-sa" // all verbs of four kinds
			for _, namespace := range []string{"openstack", "argo-events", "argo", "kube-system"} {
				for _, verb := range []string{"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "*"} {
					for _, resource := range []string{
						"secrets", "configmaps", "pods", "pods/exec", "serviceaccounts/token", "jobs.batch", "deployments.apps", "workflows.argoproj.io",
						"sensors.argoproj.io", "eventsources.argoproj.io", "eventbus.argoproj.io", "roles.rbac.authorization.k8s.io", "*", "*.*",
					} {
						if granted(namespace, verb, resource) || operator && namespace == "argo-events" && resource == "workflows.argoproj.io" {
							continue
						}
						Expect(may(ctx, one.name, namespace, verb, resource)).To(BeFalse(), "%s %s in namespace %s", verb, resource, namespace)
					}
				}
			}
			for _, verb := range []string{"impersonate", "bind", "escalate"} {
				for _, resource := range []string{"users", "groups", "serviceaccounts", "clusterroles.rbac.authorization.k8s.io"} {
					Expect(may(ctx, one.name, "", verb, resource)).To(BeFalse(), "%s %s", verb, resource)
				}
			}
		}, NodeTimeout(2*time.Minute))
	}
}

// withRole changes a Role of the tree's rig until the spec ends, or until back is called, and waits each time until the API
// server decides by it.
func withRole(ctx SpecContext, name string, change func(*rbacv1.Role), changed func(context.Context) bool) (back func(context.Context)) {
	GinkgoHelper()
	namespace, name, _ := strings.Cut(name, "/")
	roles := tree.Kubernetes().RbacV1().Roles(namespace)
	before, err := roles.Get(ctx, name, metav1.GetOptions{})
	Expect(err).NotTo(HaveOccurred())
	role := before.DeepCopy()
	change(role)
	_, err = roles.Update(ctx, role, metav1.UpdateOptions{})
	Expect(err).NotTo(HaveOccurred())
	restored := false
	back = func(ctx context.Context) {
		GinkgoHelper()
		if restored {
			return
		}
		restored = true
		current, err := roles.Get(ctx, name, metav1.GetOptions{})
		Expect(err).NotTo(HaveOccurred())
		current.Rules = before.Rules
		_, err = roles.Update(ctx, current, metav1.UpdateOptions{})
		Expect(err).NotTo(HaveOccurred())
		Eventually(ctx, changed).Should(BeFalse(), "the API server decides by the Role as it was")
	}
	DeferCleanup(func(ctx SpecContext) { back(ctx) }, NodeTimeout(20*time.Second))
	Eventually(ctx, changed).Should(BeTrue(), "the API server decides by the changed Role")
	return back
}

// without takes one verb for one resource out of a Role.
func without(verb, resource string) func(*rbacv1.Role) {
	return func(role *rbacv1.Role) {
		for i, rule := range role.Rules {
			if slices.Contains(rule.Resources, resource) {
				role.Rules[i].Verbs = slices.DeleteFunc(slices.Clone(rule.Verbs), func(v string) bool { return v == verb })
			}
		}
		role.Rules = slices.DeleteFunc(role.Rules, func(rule rbacv1.PolicyRule) bool { return len(rule.Verbs) == 0 })
	}
}

// only leaves of a Role what is named as "verb resource".
func only(rights ...string) func(*rbacv1.Role) {
	return func(role *rbacv1.Role) {
		var rules []rbacv1.PolicyRule
		for _, rule := range role.Rules {
			for _, resource := range rule.Resources {
				for _, verb := range rule.Verbs {
					if slices.Contains(rights, fmt.Sprintf("%s %s", verb, resource)) {
						rules = append(rules, rbacv1.PolicyRule{APIGroups: rule.APIGroups, Resources: []string{resource}, Verbs: []string{verb}})
					}
				}
			}
		}
		role.Rules = rules
	}
}
