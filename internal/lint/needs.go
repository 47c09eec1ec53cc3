package lint

import (
	"slices"
	"strings"

	aev1 "github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/eventrig/eventrig/internal/pipeline"
)

// account is a ServiceAccount.
type account struct{ namespace, name string }

func (a account) String() string {
	if a.namespace == "" {
		return a.name
	}
	return a.namespace + "/" + a.name
}

// need is a request that a pod sends to the API server.
type need struct {
	account          account
	verb             string
	group, resource  string
	namespace        string // empty: for what is in none, or over all namespaces
	name             string // empty: any
	why              string // what sends it
	at               pipeline.Object
	path             string
	optional         bool // it works without, in most cases; the right is no surplus
	executor, hidden bool // of the executor in a workflow's pods; hidden: what else the pod asks for is not known
}

// accountNeeds are the requests of everything in the graph.
var accountNeeds = NewFact(func(in *Input) []need {
	return slices.Concat(sensorNeeds(in), sourceNeeds(in), workflowNeeds(in))
})

const argoGroup = "argoproj.io"

// nameOr is the account's name, that of the namespace's default account where none is given.
func nameOr(name string) string {
	if name == "" {
		return "default"
	}
	return name
}

// sensorNeeds are the requests of triggers, as argo-events v1.9.10 sends them: pkg/sensors/triggers/standard-k8s and, through
// the argo command line of v3.7.7 in its image, argo-workflow.
func sensorNeeds(in *Input) []need {
	var all []need
	for _, t := range objectTriggers(in) {
		name := ""
		if t.sensor.Typed.Spec.Template != nil {
			name = t.sensor.Typed.Spec.Template.ServiceAccountName
		}
		base := need{account: account{t.sensor.GetNamespace(), nameOr(name)}, namespace: t.goesTo(), at: t.sensor.Object, path: t.where(),
			why: "trigger " + t.name()}
		if t.object == nil || t.object.GetKind() == "" || moved(t) {
			base.hidden = true
			all = append(all, base)
			continue
		}
		gvr, _ := meta.UnsafeGuessKindToResource(t.object.GroupVersionKind())
		if gvr.Resource == "namespaces" || gvr.Resource == "nodes" {
			base.namespace = ""
		}
		add := func(group, resource string, optional bool, verbs ...string) {
			for _, verb := range verbs {
				n := base
				n.group, n.resource, n.verb, n.optional = group, resource, verb, optional
				if resource == "clusterworkflowtemplates" {
					n.namespace = ""
				}
				if verb != "create" && verb != "list" && verb != "watch" && len(t.Template.ConditionsReset) == 0 && !parameterised(t) {
					n.name = t.object.GetName()
				}
				all = append(all, n)
			}
		}
		if k8s := t.Template.K8s; k8s != nil {
			base.why += " (" + string(k8sOperation(k8s)) + ")"
			switch k8sOperation(k8s) {
			case aev1.Create:
				add(gvr.Group, gvr.Resource, false, "create")
			case aev1.Update:
				add(gvr.Group, gvr.Resource, false, "get", "update")
				add(gvr.Group, gvr.Resource, true, "create") // where there is none
			case aev1.Patch:
				add(gvr.Group, gvr.Resource, false, "get", "patch")
				add(gvr.Group, gvr.Resource, true, "create")
			case aev1.Delete:
				add(gvr.Group, gvr.Resource, false, "get", "delete")
			}
			if t.Policy != nil && t.Policy.K8s != nil {
				add(gvr.Group, gvr.Resource, false, "get")
			}
			continue
		}
		argo := t.Template.ArgoWorkflow
		base.why += " (" + string(argo.Operation) + ")"
		workflows := func(verbs ...string) { add(argoGroup, "workflows", false, verbs...) }
		templates := func() {
			for _, kind := range in.templateKinds(t) {
				add(argoGroup, kind, false, "get")
			}
		}
		switch argo.Operation {
		case "", aev1.Submit:
			workflows("create", "list")
			templates()
		case aev1.SubmitFrom:
			workflows("create", "get")
			if strings.EqualFold(t.object.GetKind(), "CronWorkflow") {
				add(argoGroup, "cronworkflows", false, "get")
			} else {
				add(argoGroup, "workflowtemplates", false, "get")
			}
			templates()
		case aev1.Resubmit:
			workflows("get", "create")
		case aev1.Retry:
			workflows("get", "update")
			add("", "pods", false, "delete")
		case aev1.Resume, aev1.Suspend:
			workflows("get", "update")
		case aev1.Terminate, aev1.Stop:
			workflows("get", "patch")
		}
		if slices.ContainsFunc(argo.Args, func(arg string) bool { return arg == "--wait" || arg == "-w" || arg == "--watch" || arg == "--log" }) {
			workflows("get", "watch")
		}
	}
	return all
}

func k8sOperation(trigger *aev1.StandardK8STrigger) aev1.KubernetesResourceOperation {
	if trigger.Operation == "" {
		return aev1.Create
	}
	return trigger.Operation
}

// moved reports whether what the object is, or where it goes, comes from an event.
func moved(t *trigger) bool {
	for i, list := range parameterLists(&t.Trigger, t.index) {
		for _, parameter := range list.parameters {
			ofTrigger := i == 0 && len(t.Parameters) > 0
			if ofTrigger && parameter.Dest != "name" || slices.Contains([]string{"metadata.namespace", "kind", "apiVersion", "metadata"}, parameter.Dest) {
				return true
			}
		}
	}
	return false
}

// parameterised reports whether the object's name comes from an event.
func parameterised(t *trigger) bool {
	for _, list := range parameterLists(&t.Trigger, t.index) {
		for _, parameter := range list.parameters {
			if strings.HasPrefix(parameter.Dest, "metadata") {
				return true
			}
		}
	}
	return t.object.GetName() == ""
}

// templateKinds are the kinds of templates that `argo submit` looks up to validate a Workflow.
func (in *Input) templateKinds(t *trigger) []string {
	kinds := map[bool]bool{}
	var walk func(object map[string]any, depth int)
	walk = func(object map[string]any, depth int) {
		for key, value := range object {
			inner, ok := value.(map[string]any)
			if ok && (key == "templateRef" || key == "workflowTemplateRef") {
				cluster, _ := inner["clusterScope"].(bool)
				kinds[cluster] = true
				name, _ := inner["name"].(string)
				if template, _ := in.findTemplate(t.goesTo(), name, cluster); template != nil && depth < 8 {
					walk(template.at.Object, depth+1)
				}
				continue
			}
			if ok {
				walk(inner, depth)
			}
			items, _ := value.([]any)
			for len(items) > 0 {
				var next []any
				for _, item := range items {
					switch item := item.(type) {
					case map[string]any:
						walk(item, depth)
					case []any: // the steps of a template are a list of lists
						next = append(next, item...)
					}
				}
				items = next
			}
		}
	}
	walk(t.object.Object, 0)
	var names []string
	if kinds[false] {
		names = append(names, "workflowtemplates")
	}
	if kinds[true] {
		names = append(names, "clusterworkflowtemplates")
	}
	return names
}

// sourceNeeds are the requests of resource EventSources, whose informer lists and watches.
func sourceNeeds(in *Input) []need {
	var all []need
	for _, event := range in.Graph.Events() {
		if event.Resource == nil {
			continue
		}
		name := ""
		if event.Source.Typed.Spec.Template != nil {
			name = event.Source.Typed.Spec.Template.ServiceAccountName
		}
		for _, verb := range []string{"list", "watch"} {
			all = append(all, need{account: account{event.Namespace, nameOr(name)}, verb: verb, group: event.Resource.Group, resource: event.Resource.Resource,
				namespace: event.Resource.Namespace, why: "event " + event.Name, at: event.Source.Object, path: event.Path})
		}
	}
	return all
}

// workflowNeeds are the requests of the pods of workflows, as argo-workflows v3.7.15 sends them: the executor reports results
// (workflow/executor/taskresult.go), the agent works on task sets, a resource template runs kubectl.
func workflowNeeds(in *Input) []need {
	var all []need
	overridden := overriddenTemplates(in)
	for _, r := range runs.Of(in) {
		if overridden[r.at.Key()] {
			continue
		}
		for _, s := range r.steps(in) {
			base := need{account: account{r.namespace, nameOr(r.account())}, namespace: r.namespace, group: argoGroup,
				why: "template " + s.template.Name, executor: true}
			holder := r.spec
			if r.base != nil && r.spec.ServiceAccountName == "" {
				holder = r.base
			}
			base.at, base.path = holder.at, holder.field()
			if r.account() != "" {
				base.path = holder.field("serviceAccountName")
			}
			add := func(resource string, verbs ...string) {
				for _, verb := range verbs {
					n := base
					n.resource, n.verb = resource, verb
					all = append(all, n)
				}
			}
			if s.agent() {
				add("workflowtasksets", "list", "watch")
				add("workflowtasksets/status", "patch")
			}
			if !s.pod() {
				continue
			}
			if s.template.ServiceAccountName != "" {
				base.account.name, base.at, base.path = s.template.ServiceAccountName, s.at, s.path
			}
			executor := r.executor()
			if s.template.Executor != nil && s.template.Executor.ServiceAccountName != "" {
				executor = s.template.Executor.ServiceAccountName
			}
			if executor != "" {
				base.account.name = executor
			}
			add("workflowtaskresults", "create", "patch")
			if s.template.Resource != nil {
				all = append(all, resourceNeeds(base, s)...)
			}
		}
	}
	return all
}

// overriddenTemplates are the templates that the graph runs only in ways that do not use their own account: as steps of
// others, or by Workflows that name an account.
func overriddenTemplates(in *Input) map[string]bool {
	used, own := map[string]bool{}, map[string]bool{}
	for _, r := range runs.Of(in) {
		if r.base != nil {
			used[r.base.at.Key()] = true
			if r.spec.ServiceAccountName == "" {
				own[r.base.at.Key()] = true
			}
		}
		for _, s := range r.steps(in) {
			if s.at.Key() != r.at.Key() && (r.base == nil || s.at.Key() != r.base.at.Key()) {
				used[s.at.Key()] = true
			}
		}
	}
	for key := range own {
		delete(used, key)
	}
	return used
}

// resourceNeeds are the requests of a resource template, as far as its manifest tells them.
func resourceNeeds(base need, s step) []need {
	resource := s.template.Resource
	base.executor, base.at, base.path = false, s.at, s.path
	if s.path != "" {
		base.path += ".resource"
	}
	base.why = "resource template " + s.template.Name + " (" + resource.Action + ")"
	var object unstructured.Unstructured
	if err := yamlInto(resource.Manifest, &object.Object); err != nil || object.GetKind() == "" || strings.Contains(object.GetKind()+object.GetAPIVersion()+object.GetNamespace(), "{{") {
		base.hidden = true
		return []need{base}
	}
	gvr, _ := meta.UnsafeGuessKindToResource(schema.FromAPIVersionAndKind(object.GetAPIVersion(), object.GetKind()))
	base.group, base.resource = gvr.Group, gvr.Resource
	if namespace := object.GetNamespace(); namespace != "" {
		base.namespace = namespace
	}
	verbs := map[string][]string{"get": {"get"}, "create": {"create"}, "apply": {"get", "create", "patch"}, "delete": {"delete"}, "patch": {"get", "patch"}, "replace": {"get", "update"}}[resource.Action]
	if (resource.SuccessCondition != "" || resource.FailureCondition != "") && !slices.Contains(verbs, "get") {
		verbs = append(slices.Clone(verbs), "get")
	}
	var all []need
	for _, verb := range verbs {
		n := base
		n.verb = verb
		if name := object.GetName(); verb != "create" && !strings.Contains(name, "{{") {
			n.name = name
		}
		all = append(all, n)
	}
	return all
}

func yamlInto(text string, into *map[string]any) error { return yaml.Unmarshal([]byte(text), into) }
