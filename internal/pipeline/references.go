package pipeline

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	aev1 "github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
	awv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Reference is a name by which an object needs another one: a Secret, a ConfigMap, a ServiceAccount, a
// PersistentVolumeClaim, a Role or a ClusterRole.
type Reference struct {
	Kind      string
	Namespace string // where it is looked for
	Anywhere  bool   // in whatever namespace the pods run: the object is a ClusterWorkflowTemplate
	Name      string
	Key       string // of a Secret or ConfigMap, where one is named
	Optional  bool   // the pod starts without it

	From Object
	Path string // of the name in From, for LineOf
}

// Line is the line of the name.
func (r Reference) Line() int { return r.From.LineOf(r.Path) }

// References returns what the graph's EventSources, EventBuses, Sensors (with the objects that their triggers create),
// Workflows, templates and workloads need in their pods, and the accounts and roles that bindings name, in reading order.
// Names that are filled in later ("{{...}}", or by a trigger's parameter) are not among them.
func (g *Graph) References() []Reference {
	var all []Reference
	for _, object := range g.Objects {
		if object.GroupVersionKind().Group == "rbac.authorization.k8s.io" {
			continue
		}
		value := typedForm(object.Unstructured.Object)
		if value == nil {
			continue
		}
		walk := &referenceWalk{from: object, namespace: object.GetNamespace(), anywhere: object.GetKind() == "ClusterWorkflowTemplate"}
		walk.value(reflect.ValueOf(value).Elem(), nil)
		all = append(all, walk.found...)
		if sensor, ok := value.(*aev1.Sensor); ok {
			all = append(all, ofTriggers(object, sensor)...)
		}
	}
	for _, bound := range g.types().bindings {
		all = append(all, ofBinding(bound)...)
	}
	return all
}

// typedForm decodes an object of a kind that runs pods; nil for others and for those that cannot be decoded.
func typedForm(content map[string]any) any {
	object := Object{Unstructured: &unstructured.Unstructured{Object: content}}
	kind := object.GroupVersionKind()
	switch kind.Group + "/" + kind.Kind {
	case "argoproj.io/Sensor":
		return decodedAs[aev1.Sensor](object)
	case "argoproj.io/EventSource":
		return decodedAs[aev1.EventSource](object)
	case "argoproj.io/EventBus":
		return decodedAs[aev1.EventBus](object)
	case "argoproj.io/Workflow":
		return decodedAs[awv1.Workflow](object)
	case "argoproj.io/WorkflowTemplate", "argoproj.io/ClusterWorkflowTemplate":
		return decodedAs[awv1.WorkflowTemplate](object)
	case "argoproj.io/CronWorkflow":
		return decodedAs[awv1.CronWorkflow](object)
	case "/Pod":
		return decodedAs[corev1.Pod](object)
	case "batch/Job":
		return decodedAs[batchv1.Job](object)
	case "batch/CronJob":
		return decodedAs[batchv1.CronJob](object)
	case "apps/Deployment":
		return decodedAs[appsv1.Deployment](object)
	case "apps/StatefulSet":
		return decodedAs[appsv1.StatefulSet](object)
	case "apps/DaemonSet":
		return decodedAs[appsv1.DaemonSet](object)
	}
	return nil
}

func decodedAs[T any](object Object) any {
	if typed, _ := decode[T](object); typed != nil {
		return typed
	}
	return nil
}

// ofTriggers are the references of the objects that a Sensor creates.
func ofTriggers(object Object, sensor *aev1.Sensor) []Reference {
	var all []Reference
	for i, trigger := range sensor.Spec.Triggers {
		if trigger.Template == nil {
			continue
		}
		path := []any{"spec", "triggers", i, "template"}
		switch {
		case trigger.Template.K8s != nil:
			path = append(path, "k8s")
			all = append(all, ofCreated(object, append(path, "source", "resource"), trigger.Template.K8s.Parameters)...)
		case trigger.Template.ArgoWorkflow != nil:
			path = append(path, "argoWorkflow")
			all = append(all, ofCreated(object, append(path, "source", "resource"), trigger.Template.ArgoWorkflow.Parameters)...)
		}
	}
	return all
}

func ofCreated(sensor Object, path []any, parameters []aev1.TriggerParameter) []Reference {
	content, _ := valueAt(sensor.Unstructured.Object, path).(map[string]any)
	value := typedForm(content)
	if value == nil {
		return nil
	}
	created := unstructured.Unstructured{Object: content}
	namespace := created.GetNamespace()
	if namespace == "" {
		namespace = sensor.GetNamespace()
	}
	walk := &referenceWalk{from: sensor, namespace: namespace, prefix: path}
	walk.value(reflect.ValueOf(value).Elem(), nil)
	return slices.DeleteFunc(walk.found, func(reference Reference) bool {
		inside := splitPath(reference.Path)[len(path):]
		return slices.ContainsFunc(parameters, func(parameter aev1.TriggerParameter) bool {
			dest := strings.Split(parameter.Dest, ".")
			return len(dest) <= len(inside) && slices.Equal(dest, inside[:len(dest)])
		})
	})
}

func valueAt(value any, path []any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			fields, _ := value.(map[string]any)
			value = fields[step]
		case int:
			items, _ := value.([]any)
			if step >= len(items) {
				return nil
			}
			value = items[step]
		}
	}
	return value
}

func ofBinding(bound binding) []Reference {
	var all []Reference
	for i, subject := range bound.subjects {
		if subject.Kind == "ServiceAccount" {
			all = append(all, Reference{Kind: subject.Kind, Namespace: subject.Namespace, Name: subject.Name,
				From: bound.Object, Path: Path("subjects", i, "name")})
		}
	}
	role := Reference{Kind: bound.ref.Kind, Name: bound.ref.Name, From: bound.Object, Path: "roleRef.name"}
	if role.Kind == "Role" {
		role.Namespace = bound.GetNamespace()
	}
	return append(all, role)
}

// referenceWalk finds references by the types that Kubernetes' API has for them.
type referenceWalk struct {
	from      Object
	prefix    []any
	namespace string
	anywhere  bool
	found     []Reference
}

func (w *referenceWalk) add(path []any, kind, name, key string, optional *bool) {
	if name == "" || strings.Contains(name, "{{") {
		return
	}
	if strings.Contains(key, "{{") {
		key = ""
	}
	w.found = append(w.found, Reference{Kind: kind, Namespace: w.namespace, Anywhere: w.anywhere, Name: name, Key: key,
		Optional: optional != nil && *optional, From: w.from, Path: Path(append(slices.Clone(w.prefix), path...)...)})
}

func (w *referenceWalk) value(value reflect.Value, path []any) {
	at := func(steps ...any) []any { return append(slices.Clip(path), steps...) }
	switch value.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !value.IsNil() {
			w.value(value.Elem(), path)
		}
		return
	case reflect.Slice, reflect.Array:
		if value.Type().Elem().Kind() == reflect.Uint8 {
			return
		}
		for i := range value.Len() {
			w.value(value.Index(i), at(i))
		}
		return
	case reflect.Map:
		keys := value.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		for _, key := range keys {
			w.value(value.MapIndex(key), at(fmt.Sprint(key)))
		}
		return
	case reflect.Struct:
	default:
		return
	}
	switch typed := value.Interface().(type) {
	case corev1.SecretKeySelector:
		w.add(at("name"), "Secret", typed.Name, typed.Key, typed.Optional)
	case corev1.ConfigMapKeySelector:
		w.add(at("name"), "ConfigMap", typed.Name, typed.Key, typed.Optional)
	case corev1.SecretEnvSource:
		w.add(at("name"), "Secret", typed.Name, "", typed.Optional)
	case corev1.ConfigMapEnvSource:
		w.add(at("name"), "ConfigMap", typed.Name, "", typed.Optional)
	case corev1.SecretVolumeSource:
		w.add(at("secretName"), "Secret", typed.SecretName, "", typed.Optional)
	case corev1.ConfigMapVolumeSource:
		w.add(at("name"), "ConfigMap", typed.Name, "", typed.Optional)
	case corev1.SecretProjection:
		w.add(at("name"), "Secret", typed.Name, "", typed.Optional)
	case corev1.ConfigMapProjection:
		w.add(at("name"), "ConfigMap", typed.Name, "", typed.Optional)
	case corev1.PersistentVolumeClaimVolumeSource:
		w.add(at("claimName"), "PersistentVolumeClaim", typed.ClaimName, "", nil)
	case awv1.ArtifactRepositoryRef:
		w.add(at("configMap"), "ConfigMap", typed.ConfigMap, typed.Key, nil)
	case awv1.Cache:
		// The controller makes the ConfigMap where there is none.
	default:
		w.fields(value, path)
	}
}

func (w *referenceWalk) fields(value reflect.Value, path []any) {
	for i := range value.NumField() {
		field, part := value.Type().Field(i), value.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if !field.IsExported() || name == "-" || name == "status" {
			continue
		}
		inner := path
		if name != "" {
			inner = append(slices.Clip(path), name)
		}
		switch {
		case field.Name == "ServiceAccountName" && part.Kind() == reflect.String:
			w.add(inner, "ServiceAccount", part.String(), "", nil)
		case part.Type() == reflect.TypeFor[[]corev1.LocalObjectReference](): // imagePullSecrets
			for i, secret := range part.Interface().([]corev1.LocalObjectReference) {
				w.add(append(slices.Clip(inner), i, "name"), "Secret", secret.Name, "", nil)
			}
		case part.Type() == reflect.TypeFor[*corev1.LocalObjectReference]() && strings.HasSuffix(field.Name, "SecretRef"):
			if secret := part.Interface().(*corev1.LocalObjectReference); secret != nil {
				w.add(append(slices.Clip(inner), "name"), "Secret", secret.Name, "", nil)
			}
		default:
			w.value(part, inner)
		}
	}
}
