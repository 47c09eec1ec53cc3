package lint

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/eventrig/eventrig/internal/pipeline"
)

// rightsRules are about what ServiceAccounts may do.
var rightsRules = []Rule{
	{
		ID: "rights/missing", Severity: Error, Title: "A request that the ServiceAccount may not send",
		Why: "The API server refuses it: a trigger fails and its event is lost, a resource EventSource never lists anything, a resource template fails. What is needed is taken from what Argo Events " +
			"v1.9.10, the argo command line in its image and Argo Workflows v3.7.15 send; what is allowed from the roles and bindings of the graph. A Sensor that creates a Workflow needs `create` in the " +
			"Workflow's namespace and nothing else: the workflow controller looks up templates by its own rights.",
		Bad:   updateNotes.Replace(webhookSensor) + "- apiGroups: [\"\"]\n  resources: [configmaps]\n  verbs: [update]\n",
		Good:  updateNotes.Replace(webhookSensor) + "- apiGroups: [\"\"]\n  resources: [configmaps]\n  verbs: [get, update, create]\n",
		Check: checkMissing,
	},
	{
		ID: "rights/executor", Severity: Error, Title: "Pods of a workflow whose account may not report their results",
		Why: "The executor beside every main container creates and patches a WorkflowTaskResult, before and after it. Without the right the node ends as Error, whatever the main container did " +
			"(`workflow/executor/taskresult.go`, v3.7.15). A workflow without serviceAccountName runs with the namespace's account `default`, which has no such right unless it is given. " +
			"Found only where the graph gives that right to some account in the namespace: otherwise roles are kept elsewhere.",
		Bad:   oneStep + executorRights,
		Good:  strings.Replace(oneStep, "  entrypoint:", "  serviceAccountName: workflow\n  entrypoint:", 1) + executorRights,
		Check: checkExecutor,
	},
	{
		ID: "rights/unknown", Severity: Info, Title: "A ServiceAccount of whose rights the graph says nothing",
		Why:   "No binding in the graph names it, or its role is not in the graph. Whether it may do what it needs cannot be told; the finding says what it needs.",
		Bad:   strings.Replace(webhookSensor, "subjects:\n- {kind: ServiceAccount, name: alerts, namespace: openstack}", "subjects:\n- {kind: ServiceAccount, name: other, namespace: openstack}", 1) + createNotes + "---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: other, namespace: openstack}\n",
		Good:  webhookSensor + createNotes,
		Check: checkUnknownRights,
	},
	{
		ID: "rights/surplus", Severity: Warning, Everywhere: true, Title: "A ServiceAccount of Sensors or EventSources that may do more than they need",
		Why: "Whoever gets into the Sensor's pod, or can make it create an object of his choice, has these rights too. The finding names what nothing in the graph that uses the account asks for. " +
			"Accounts of workflows are left out: what their containers ask for is not known.",
		Bad:   webhookSensor + "- apiGroups: [\"\"]\n  resources: [configmaps]\n  verbs: [create, delete]\n",
		Good:  webhookSensor + createNotes,
		Check: checkSurplus,
	},
	{
		ID: "rights/wildcard", Severity: Warning, Title: "A role with a wildcard, bound to an account of the pipeline",
		Why:   "`*` allows also what is added to the cluster later, and hides what is needed.",
		Bad:   webhookSensor + "- apiGroups: [\"\"]\n  resources: [configmaps]\n  verbs: [\"*\"]\n",
		Good:  webhookSensor + createNotes,
		Check: checkWildcard,
	},
	{
		ID: "rights/default-account", Severity: Warning, Title: "Rights given to a namespace's default ServiceAccount",
		Why: "Every pod of the namespace that names no account has the rights too. Give the Sensor, EventSource or Workflow an account of its own.",
		Bad: strings.NewReplacer("  template:\n    serviceAccountName: alerts\n", "", "{kind: ServiceAccount, name: alerts,", "{kind: ServiceAccount, name: default,",
			"---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: alerts, namespace: openstack}\n", "").Replace(webhookSensor) + createNotes,
		Good:  webhookSensor + createNotes,
		Check: checkDefaultAccount,
	},
	{
		ID: "rights/other-namespace", Severity: Error, Title: "A binding that names an account in the wrong namespace",
		Why: "A pod has an account of its own namespace only. The binding names an account that is not there, or that nothing uses, while a Sensor, EventSource or Workflow uses one of the same name in another namespace, " +
			"and lacks what the binding would give.",
		Bad: strings.Replace(webhookSensor, "name: alerts, namespace: openstack}\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: Role\n", "name: alerts, namespace: argo-events}\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: Role\n", 1) + createNotes +
			"---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: alerts, namespace: argo-events}\n",
		Good:  webhookSensor + createNotes,
		Check: checkOtherNamespace,
	},
}

// rightsKnown reports whether the graph tells what an account may do.
func rightsKnown(in *Input, a account) bool {
	return !unplaced(in, a) && len(in.Graph.OpenBindings(a.namespace, a.name)) == 0 && len(in.Graph.Rights(a.namespace, a.name)) > 0
}

// unplaced reports whether a binding may be the account's though nothing says so yet: its namespace, or the account's, is
// given by whoever deploys it (kubectl -n, Argo CD, a kustomization that is not here).
func unplaced(in *Input, a account) bool {
	for binding, bound := range bindings(in) {
		if bound.name != a.name {
			continue
		}
		if (bound.namespace == "") != (a.namespace == "") {
			return true
		}
		if bound == a && a.namespace != "" && binding.GetKind() == "RoleBinding" && binding.GetNamespace() == "" {
			return true
		}
	}
	return false
}

func (n need) allowed(rights []pipeline.Right) bool {
	return pipeline.Allows(rights, n.verb, n.group, n.resource, n.namespace, n.name)
}

// what is what the need is for: "workflows.argoproj.io in argo-events".
func (n need) what() string {
	text := n.resource
	if n.group != "" {
		text += "." + n.group
	}
	if n.namespace != "" {
		text += " in " + n.namespace
	}
	return text
}

// requests sums needs up: "get, list pods in x; create jobs.batch in y".
func requests(needs []need) string {
	verbs := map[string][]string{}
	var order []string
	for _, n := range needs {
		what := n.what()
		if verbs[what] == nil {
			order = append(order, what)
		}
		if !slices.Contains(verbs[what], n.verb) {
			verbs[what] = append(verbs[what], n.verb)
		}
	}
	parts := make([]string, len(order))
	for i, what := range order {
		parts[i] = strings.Join(verbs[what], ", ") + " " + what
	}
	return strings.Join(parts, "; ")
}

// group is the needs of one object with one account.
type group struct {
	account account
	at      pipeline.Object
	path    string
	needs   []need
}

func (g group) whys() string {
	var whys []string
	for _, n := range g.needs {
		if !slices.Contains(whys, n.why) {
			whys = append(whys, n.why)
		}
	}
	return listed(whys, 3)
}

// grouped puts needs that pass a test together by object and account.
func grouped(needs []need, pass func(need) bool) []group {
	var groups []group
	for _, n := range needs {
		if !pass(n) {
			continue
		}
		i := slices.IndexFunc(groups, func(g group) bool { return g.account == n.account && g.at.Unstructured == n.at.Unstructured })
		if i < 0 {
			groups = append(groups, group{account: n.account, at: n.at, path: n.path})
			i = len(groups) - 1
		}
		groups[i].needs = append(groups[i].needs, n)
	}
	return groups
}

func checkMissing(in *Input, report Report) {
	for _, g := range grouped(accountNeeds.Of(in), func(n need) bool {
		return !n.executor && !n.hidden && !n.optional && rightsKnown(in, n.account) && !n.allowed(in.Graph.Rights(n.account.namespace, n.account.name)) && misplaced(in, n.account) == nil
	}) {
		report(g.at, g.path, fmt.Sprintf("ServiceAccount %s may not %s, which %s needs", g.account, requests(g.needs), g.whys()),
			"give it a Role with these verbs in that namespace, and bind it there")
	}
}

func checkExecutor(in *Input, report Report) {
	for _, g := range grouped(accountNeeds.Of(in), func(n need) bool {
		return n.executor && executorsKnown(in, n.namespace) && !unplaced(in, n.account) && len(in.Graph.OpenBindings(n.account.namespace, n.account.name)) == 0 &&
			!n.allowed(in.Graph.Rights(n.account.namespace, n.account.name)) && misplaced(in, n.account) == nil
	}) {
		who := "ServiceAccount " + g.account.String()
		if g.account.name == "default" {
			who += " (no serviceAccountName is given)"
		}
		report(g.at, g.path, fmt.Sprintf("%s may not %s, which the pods of %s need", who, requests(g.needs), g.whys()), "name an account that may, or bind this one to such a role")
	}
}

// executorsKnown reports whether the graph gives some account in a namespace the rights of an executor: then the others are
// expected to get theirs in the graph too.
func executorsKnown(in *Input, namespace string) bool {
	for binding, bound := range bindings(in) {
		if binding.GetKind() == "RoleBinding" && binding.GetNamespace() != namespace {
			continue
		}
		if pipeline.Allows(in.Graph.Rights(bound.namespace, bound.name), "create", argoGroup, "workflowtaskresults", namespace, "") {
			return true
		}
	}
	return false
}

// bindings gives each RoleBinding and ClusterRoleBinding of the graph once for each account that it names.
func bindings(in *Input) iter.Seq2[*pipeline.Object, account] {
	return func(yield func(*pipeline.Object, account) bool) {
		for i := range in.Graph.Objects {
			object := &in.Graph.Objects[i]
			if object.GetKind() != "RoleBinding" && object.GetKind() != "ClusterRoleBinding" {
				continue
			}
			for _, bound := range boundAccounts(*object) {
				if !yield(object, bound) {
					return
				}
			}
		}
	}
}

// boundAccounts are the accounts that a binding names.
func boundAccounts(binding pipeline.Object) []account {
	var accounts []account
	subjects, _ := binding.Object["subjects"].([]any)
	for _, subject := range subjects {
		fields, _ := subject.(map[string]any)
		if kind, _ := fields["kind"].(string); kind != "ServiceAccount" {
			continue
		}
		name, _ := fields["name"].(string)
		namespace, _ := fields["namespace"].(string)
		accounts = append(accounts, account{cmp.Or(namespace, binding.GetNamespace()), name})
	}
	return accounts
}

func checkUnknownRights(in *Input, report Report) {
	for _, g := range grouped(accountNeeds.Of(in), func(n need) bool {
		return !n.hidden && !n.optional && !rightsKnown(in, n.account) && !(n.executor && executorsKnown(in, n.namespace)) && misplaced(in, n.account) == nil
	}) {
		report(g.at, g.path, fmt.Sprintf("no roles in the graph tell what ServiceAccount %s may do; %s needs to %s", g.account, g.whys(), requests(g.needs)),
			"add the folder with its roles and bindings to the arguments")
	}
}

func checkSurplus(in *Input, report Report) {
	users := map[account][]need{}
	for _, n := range accountNeeds.Of(in) {
		users[n.account] = append(users[n.account], n)
	}
	for _, a := range sortedAccounts(users) {
		if !rightsKnown(in, a) || slices.ContainsFunc(users[a], func(n need) bool { return n.executor || n.hidden }) {
			continue
		}
		for _, right := range in.Graph.Rights(a.namespace, a.name) {
			if surplus := surplusOf(right, users[a]); surplus != "" {
				report(right.From, right.Path, fmt.Sprintf("ServiceAccount %s may %s; nothing in the graph that uses it does", a, surplus), "take it out of the role, or give the account a role of its own")
			}
		}
	}
}

func sortedAccounts[V any](accounts map[account]V) []account {
	return slices.SortedFunc(maps.Keys(accounts), func(a, b account) int {
		return cmp.Or(cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.name, b.name))
	})
}

// surplusOf is what a right allows besides the needs, "" if nothing. Wildcards are another rule's.
func surplusOf(right pipeline.Right, needs []need) string {
	if wildcard(right) || len(right.Resources) == 0 {
		return ""
	}
	byVerbs := map[string][]string{}
	for _, group := range right.APIGroups {
		for _, resource := range right.Resources {
			var verbs []string
			for _, verb := range right.Verbs {
				one := right
				one.Verbs, one.APIGroups, one.Resources = []string{verb}, []string{group}, []string{resource}
				if !slices.ContainsFunc(needs, func(n need) bool { return one.Allows(n.verb, n.group, n.resource, n.namespace, n.name) }) {
					verbs = append(verbs, verb)
				}
			}
			if len(verbs) > 0 {
				key := strings.Join(verbs, ", ")
				if group != "" {
					resource += "." + group
				}
				byVerbs[key] = append(byVerbs[key], resource)
			}
		}
	}
	var parts []string
	for _, verbs := range slices.Sorted(maps.Keys(byVerbs)) {
		parts = append(parts, verbs+" "+strings.Join(byVerbs[verbs], ", "))
	}
	return strings.Join(parts, "; ")
}

func wildcard(right pipeline.Right) bool {
	return slices.Contains(right.Verbs, "*") || slices.Contains(right.Resources, "*") || slices.Contains(right.APIGroups, "*")
}

func checkWildcard(in *Input, report Report) {
	used := map[account]bool{}
	for _, n := range accountNeeds.Of(in) {
		used[n.account] = true
	}
	for _, a := range sortedAccounts(used) {
		for _, right := range in.Graph.Rights(a.namespace, a.name) {
			if wildcard(right) {
				report(right.From, right.Path, fmt.Sprintf("the role of ServiceAccount %s has a wildcard: %s", a, right), "name the verbs and resources")
			}
		}
	}
}

func checkDefaultAccount(in *Input, report Report) {
	for _, g := range grouped(accountNeeds.Of(in), func(n need) bool {
		return n.account.name == "default" && !n.hidden && n.allowed(in.Graph.Rights(n.account.namespace, n.account.name))
	}) {
		report(g.at, g.path, fmt.Sprintf("%s works by rights of the namespace's default ServiceAccount: %s", g.whys(), requests(g.needs)), "give it a serviceAccountName of its own")
	}
}

// misplaced is a binding that gives rights to an account of the same name in another namespace, where there is none or
// nothing uses it, while nothing gives any to this one.
func misplaced(in *Input, a account) *pipeline.Object {
	if a.name == "default" || len(in.Graph.Rights(a.namespace, a.name)) > 0 {
		return nil
	}
	for binding, bound := range bindings(in) {
		if bound.name != a.name || bound.namespace == a.namespace || bound.namespace == "" || a.namespace == "" {
			continue
		}
		if !slices.ContainsFunc(accountNeeds.Of(in), func(n need) bool { return n.account == bound }) {
			if _, here := in.Graph.Find("ServiceAccount", a.namespace, a.name); here {
				return binding
			}
		}
	}
	return nil
}

func checkOtherNamespace(in *Input, report Report) {
	used := map[account]need{}
	for _, n := range accountNeeds.Of(in) {
		if _, ok := used[n.account]; !ok {
			used[n.account] = n
		}
	}
	for _, a := range sortedAccounts(used) {
		if binding := misplaced(in, a); binding != nil {
			report(*binding, "subjects", fmt.Sprintf("the binding names ServiceAccount %s of a namespace in which nothing uses it; %s uses %s", a.name, used[a].why, a),
				"set the subject's namespace to "+a.namespace)
		}
	}
}
