package offline

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/eventrig/eventrig/internal/evaluate"
	"github.com/eventrig/eventrig/internal/pipeline"
)

// refusal is what the API server says to a Sensor that may not create an object by the roles in the manifests, "" where it
// may. It is not known where a role lies elsewhere.
func (p *play) refusal(o *evaluate.Outcome, t *evaluate.Trigger, object *unstructured.Unstructured) (text string, known bool) {
	if !p.manifests.hasRoles() {
		return "", true
	}
	graph, sensor := p.manifests.graph, o.Sensor
	account := "default"
	if template := sensor.Typed.Spec.Template; template != nil && template.ServiceAccountName != "" {
		account = template.ServiceAccountName
	}
	gvr, _ := meta.UnsafeGuessKindToResource(object.GroupVersionKind())
	if pipeline.Allows(graph.Rights(sensor.GetNamespace(), account), "create", gvr.Group, gvr.Resource, object.GetNamespace(), "") {
		// The argo command line asks for more than the creation.
		return "", t.Type == "k8s" || pipeline.Allows(graph.Rights(sensor.GetNamespace(), account), "list", gvr.Group, gvr.Resource, object.GetNamespace(), "")
	}
	if len(graph.OpenBindings(sensor.GetNamespace(), account)) > 0 {
		return "", false
	}
	// As k8s.io/apimachinery's errors.NewForbidden and the RBAC authorizer word it.
	return fmt.Sprintf("failed to execute trigger, %s is forbidden: User \"system:serviceaccount:%s:%s\" cannot create resource %q in API group %q in the namespace %q",
		gvr.GroupResource(), sensor.GetNamespace(), account, gvr.Resource, gvr.Group, object.GetNamespace()), true
}
