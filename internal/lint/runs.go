package lint

import (
	"encoding/json"
	"slices"

	aev1 "github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
	awv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/eventrig/eventrig/internal/pipeline"
)

// triggered is an object that a Sensor's trigger creates or works on.
type triggered struct {
	sensor  pipeline.Sensor
	index   int
	trigger *aev1.Trigger
	path    string                     // of the trigger in the Sensor
	object  *unstructured.Unstructured // nil: it lies elsewhere (git, S3, a URL), and is not known
	source  string                     // of the object in the Sensor; empty if it is written as text
}

// name is the trigger's name.
func (t triggered) name() string { return t.trigger.Template.Name }

// namespace is where the object goes: its own, else the Sensor's.
func (t triggered) namespace() string {
	if t.object != nil && t.object.GetNamespace() != "" {
		return t.object.GetNamespace()
	}
	return t.sensor.GetNamespace()
}

// triggerObjects are those of all Sensors that work on Kubernetes objects.
var triggerObjects = NewFact(func(in *Input) []triggered {
	var all []triggered
	for _, sensor := range in.Graph.Sensors() {
		for i := range sensor.Typed.Spec.Triggers {
			trigger := &sensor.Typed.Spec.Triggers[i]
			if trigger.Template == nil {
				continue
			}
			t := triggered{sensor: sensor, index: i, trigger: trigger, path: pipeline.Path("spec", "triggers", i)}
			switch {
			case trigger.Template.K8s != nil:
				t.object, t.source = artifact(trigger.Template.K8s.Source, t.path+".template.k8s.source")
			case trigger.Template.ArgoWorkflow != nil:
				t.object, t.source = artifact(trigger.Template.ArgoWorkflow.Source, t.path+".template.argoWorkflow.source")
			default:
				continue
			}
			all = append(all, t)
		}
	}
	return all
})

// artifact reads the object that a trigger has in its source, if it is there as such or as text.
func artifact(source *aev1.ArtifactLocation, path string) (*unstructured.Unstructured, string) {
	var content []byte
	switch {
	case source == nil:
		return nil, ""
	case source.Resource != nil:
		content, path = source.Resource.Value, path+".resource"
	case source.Inline != nil:
		text, err := yaml.YAMLToJSON([]byte(*source.Inline))
		if err != nil {
			return nil, ""
		}
		content, path = text, ""
	default:
		return nil, ""
	}
	var object unstructured.Unstructured
	if json.Unmarshal(content, &object.Object) != nil || object.GetKind() == "" {
		return nil, ""
	}
	return &object, path
}

// run is a workflow that can be run: one in the manifests, one that a Sensor creates, a CronWorkflow's, or a template that is
// submitted as it is.
type run struct {
	at        pipeline.Object
	path      string // of the spec in at; empty where that is written as text
	namespace string
	spec      *awv1.WorkflowSpec
	base      *pipeline.WorkflowTemplate // what workflowTemplateRef names
	by        *triggered                 // the trigger that creates it
}

// account is the ServiceAccount that its pods have unless their template says otherwise; "" is the default one. The
// Workflow's own comes before its template's.
func (r run) account() string {
	if r.spec.ServiceAccountName == "" && r.base != nil {
		return r.base.Typed.Spec.ServiceAccountName
	}
	return r.spec.ServiceAccountName
}

// executor is the account of the executor in its pods, "" if it is that of the pod.
func (r run) executor() string {
	switch {
	case r.spec.Executor != nil:
		return r.spec.Executor.ServiceAccountName
	case r.base != nil && r.base.Typed.Spec.Executor != nil:
		return r.base.Typed.Spec.Executor.ServiceAccountName
	}
	return ""
}

// runs are all workflows that the manifests can run. Templates come last, without those that are only parts of others.
var runs = NewFact(func(in *Input) []run {
	var all []run
	add := func(r run) {
		if ref := r.spec.WorkflowTemplateRef; ref != nil {
			r.base = findTemplate(in.Graph, r.namespace, ref.Name, ref.ClusterScope)
		}
		all = append(all, r)
	}
	for _, workflow := range in.Graph.Workflows() {
		add(run{at: workflow.Object, path: "spec", namespace: workflow.GetNamespace(), spec: &workflow.Typed.Spec})
	}
	for _, cron := range in.Graph.CronWorkflows() {
		add(run{at: cron.Object, path: "spec.workflowSpec", namespace: cron.GetNamespace(), spec: &cron.Typed.Spec.WorkflowSpec})
	}
	list := triggerObjects.Of(in)
	for i := range list {
		t := &list[i]
		if t.object == nil || t.object.GetKind() != "Workflow" || t.object.GroupVersionKind().Group != "argoproj.io" {
			continue
		}
		if k8s := t.trigger.Template.K8s; k8s != nil && k8s.Operation == aev1.Delete {
			continue
		}
		var workflow awv1.Workflow
		if runtime.DefaultUnstructuredConverter.FromUnstructured(t.object.Object, &workflow) != nil {
			continue
		}
		path := ""
		if t.source != "" {
			path = t.source + ".spec"
		}
		add(run{at: t.sensor.Object, path: path, namespace: t.namespace(), spec: &workflow.Spec, by: t})
	}
	templates := in.Graph.WorkflowTemplates()
	for i := range templates {
		template := &templates[i]
		if template.Typed.Spec.Entrypoint == "" || template.Cluster {
			continue
		}
		add(run{at: template.Object, path: "spec", namespace: template.GetNamespace(), spec: &template.Typed.Spec})
	}
	return all
})

func findTemplate(graph *pipeline.Graph, namespace, name string, cluster bool) *pipeline.WorkflowTemplate {
	templates := graph.WorkflowTemplates()
	for i := range templates {
		if templates[i].Cluster == cluster && templates[i].GetName() == name && (cluster || templates[i].GetNamespace() == namespace) {
			return &templates[i]
		}
	}
	return nil
}

// step is a template that a run comes to.
type step struct {
	template *awv1.Template
	at       pipeline.Object
	path     string              // of the template in at
	inputs   map[string][]string // the values that its parameters are given, where they are written in the manifest
}

// steps are the templates that a run comes to from its entrypoint, its exit handler and its hooks, each once.
func (r run) steps(graph *pipeline.Graph) []step {
	w := &stepWalk{graph: graph, namespace: r.namespace, seen: map[*awv1.Template]map[string][]string{}}
	own := holder{r.at, r.path, r.spec.Templates}
	specs := []*awv1.WorkflowSpec{r.spec}
	if r.base != nil {
		own = holder{r.base.Object, "spec", r.base.Typed.Spec.Templates}
		specs = append(specs, &r.base.Typed.Spec)
	}
	started := false
	for _, spec := range specs {
		for _, name := range []string{spec.Entrypoint, spec.OnExit} {
			if name != "" {
				started = true
				w.named(own, name, spec.Arguments)
			}
		}
		for _, hook := range spec.Hooks {
			w.reference(own, hook.Template, hook.TemplateRef, hook.Arguments)
		}
	}
	if !started {
		for i := range own.templates {
			w.visit(own, &own.templates[i], own.item(i), awv1.Arguments{})
		}
	}
	return w.found
}

// holder is an object with templates.
type holder struct {
	at        pipeline.Object
	path      string // of its spec
	templates []awv1.Template
}

func (h holder) item(i int) string {
	if h.path == "" {
		return ""
	}
	return h.path + "." + pipeline.Path("templates", i)
}

type stepWalk struct {
	graph     *pipeline.Graph
	namespace string
	seen      map[*awv1.Template]map[string][]string // with the values that their parameters are given
	found     []step
}

func (w *stepWalk) named(in holder, name string, given awv1.Arguments) {
	for i := range in.templates {
		if in.templates[i].Name == name {
			w.visit(in, &in.templates[i], in.item(i), given)
		}
	}
}

func (w *stepWalk) reference(in holder, name string, ref *awv1.TemplateRef, given awv1.Arguments) {
	if ref == nil {
		w.named(in, name, given)
		return
	}
	if template := findTemplate(w.graph, w.namespace, ref.Name, ref.ClusterScope); template != nil {
		w.named(holder{template.Object, "spec", template.Typed.Spec.Templates}, ref.Template, given)
	}
}

func (w *stepWalk) visit(in holder, template *awv1.Template, path string, given awv1.Arguments) {
	inputs, before := w.seen[template]
	if !before {
		inputs = map[string][]string{}
		w.seen[template] = inputs
		w.found = append(w.found, step{template, in.at, path, inputs})
	}
	for _, parameter := range given.Parameters {
		if value := parameter.Value; value != nil && !slices.Contains(inputs[parameter.Name], value.String()) {
			inputs[parameter.Name] = append(inputs[parameter.Name], value.String())
		}
	}
	if before {
		return
	}
	call := func(name string, ref *awv1.TemplateRef, inline *awv1.Template, given awv1.Arguments, hooks awv1.LifecycleHooks) {
		if inline != nil {
			w.visit(in, inline, path, given)
		}
		w.reference(in, name, ref, given)
		for _, hook := range hooks {
			w.reference(in, hook.Template, hook.TemplateRef, hook.Arguments)
		}
	}
	for _, parallel := range template.Steps {
		for i := range parallel.Steps {
			s := &parallel.Steps[i]
			call(s.Template, s.TemplateRef, s.Inline, s.Arguments, s.Hooks)
		}
	}
	if template.DAG == nil {
		return
	}
	for i := range template.DAG.Tasks {
		task := &template.DAG.Tasks[i]
		call(task.Template, task.TemplateRef, task.Inline, task.Arguments, task.Hooks)
	}
}

// pod reports whether the template runs in a pod of its own.
func (s step) pod() bool {
	t := s.template
	return t.Container != nil || t.Script != nil || t.ContainerSet != nil || t.Resource != nil || t.Data != nil
}

// agent reports whether the agent runs the template.
func (s step) agent() bool { return s.template.HTTP != nil || s.template.Plugin != nil }
