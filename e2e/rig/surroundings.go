package rig

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/eventrig/eventrig/internal/apply"
	"github.com/eventrig/eventrig/internal/cluster/embedded"
)

// An outside service is something that UnderStack runs in its cluster and the rig runs beside it: in the cluster it
// has the DNS name that the manifests use, behind it the rig's own listener.
type outsideService struct {
	namespace, name string
	ports           []int    // the Service's
	target          int      // the port of the rig's listener
	pods            []string // names in front of the Service's that lead to the listener too: the Service is then headless
}

func (s outsideService) isSame(other outsideService) bool {
	return s.namespace == other.namespace && s.name == other.name
}

// add makes it answer on one more port and, where that is not empty, to one more pod's name.
func (s *outsideService) add(pod string, port int) {
	if !slices.Contains(s.ports, port) {
		s.ports = append(s.ports, port)
	}
	if pod != "" && !slices.Contains(s.pods, pod) {
		s.pods = append(s.pods, pod)
	}
}

// Ports of the rig's listeners inside its sandbox; the sandbox has a network of its own, so they collide with nothing.
const (
	amqpPort = 5672

	// On the sandbox's loopback only: RabbitMQ as an Erlang node, and its HTTP API.
	distributionPort = 25672
	managementPort   = 15672

	nautobotPort  = 8080
	openstackPort = 5000
	ontapPort     = 8443
	undersyncPort = 8081
)

// outsideServices are the names by which UnderStack's manifests reach what lies outside Argo.
var outsideServices = []outsideService{
	{namespace: "openstack", name: "rabbitmq", ports: []int{5672}, target: amqpPort},
	{namespace: "openstack", name: "keystone-api", ports: []int{5000}, target: openstackPort},
	{namespace: "nautobot", name: "nautobot-default", ports: []int{80}, target: nautobotPort},
	{namespace: "openstack", name: "netapp", ports: []int{443}, target: ontapPort}, // UnderStack has it outside the cluster: the name is the rig's own
	// The two names that UnderStack's clients have had for it; they cannot be told another.
	{namespace: "undersync", name: "undersync", ports: []int{8080}, target: undersyncPort},
	{namespace: "undersync", name: "undersync-service", ports: []int{8080}, target: undersyncPort},
}

// ontapHost is where pods find ONTAP, over TLS.
const ontapHost = "netapp.openstack.svc.cluster.local"

// keystoneURL is where pods find Keystone.
const keystoneURL = "http://keystone-api.openstack.svc.cluster.local:5000/v3"

// nautobotURL is where pods find Nautobot.
const nautobotURL = "http://nautobot-default.nautobot.svc.cluster.local"

// objects are the Service without selector and its EndpointSlice.
func (s outsideService) objects() []apply.Object {
	var ports, targets []any
	for _, port := range s.ports {
		name := fmt.Sprintf("port-%d", port)
		ports = append(ports, map[string]any{"name": name, "port": int64(port), "targetPort": int64(s.target), "protocol": "TCP"})
		targets = append(targets, map[string]any{"name": name, "port": int64(s.target), "protocol": "TCP"})
	}
	slice := func(name string, host map[string]any) apply.Object {
		endpoint := map[string]any{"addresses": []any{embedded.NodeAddress}, "conditions": map[string]any{"ready": true}}
		maps.Copy(endpoint, host)
		return made(map[string]any{
			"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
			"metadata": map[string]any{
				"name": name, "namespace": s.namespace,
				"labels": map[string]any{"kubernetes.io/service-name": s.name, "endpointslice.kubernetes.io/managed-by": "eventrig"},
			},
			"addressType": "IPv4", "ports": targets, "endpoints": []any{endpoint},
		})
	}
	spec := map[string]any{"ports": ports}
	var all []apply.Object
	if len(s.pods) == 0 {
		all = append(all, slice(s.name+"-eventrig", nil))
	} else {
		spec["clusterIP"] = "None"
	}
	for _, pod := range s.pods {
		all = append(all, slice(s.name+"-eventrig-"+pod, map[string]any{"hostname": pod}))
	}
	return append(all, made(map[string]any{
		"apiVersion": "v1", "kind": "Service", "metadata": map[string]any{"name": s.name, "namespace": s.namespace}, "spec": spec,
	}))
}

// made marks an object as the rig's own.
func made(content map[string]any) apply.Object {
	return apply.Object{Unstructured: &unstructured.Unstructured{Object: content}, Origin: "the rig"}
}

func namespace(name string) apply.Object {
	return made(map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name}})
}

// secret makes a Secret from plain values.
func secret(namespace, name string, values map[string]string) apply.Object {
	data := map[string]any{}
	for key, value := range values {
		data[key] = base64.StdEncoding.EncodeToString([]byte(value))
	}
	return made(map[string]any{
		"apiVersion": "v1", "kind": "Secret", "type": "Opaque",
		"metadata": map[string]any{"name": name, "namespace": namespace}, "data": data,
	})
}

func configMap(namespace, name string, values map[string]string) apply.Object {
	data := map[string]any{}
	for key, value := range values {
		data[key] = value
	}
	return made(map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": name, "namespace": namespace}, "data": data,
	})
}

// observable raises the log level of an EventSource or a Sensor to debug: a filter that says no is logged only there
// (argo-events pkg/sensors/listener.go), and the rig decides a negative by what was observed. It is the one thing
// that the rig changes in a user's manifests.
func observable(object *unstructured.Unstructured) error {
	kind := object.GetKind()
	if kind != "Sensor" && kind != "EventSource" {
		return nil
	}
	path := []string{"spec", "template", "container", "env"}
	env, _, err := unstructured.NestedSlice(object.Object, path...)
	if err != nil {
		return fmt.Errorf("read spec.template.container.env of %s: %w", apply.Name(object), err)
	}
	kept := []any{map[string]any{"name": "LOG_LEVEL", "value": "debug"}}
	for _, variable := range env {
		if fields, _ := variable.(map[string]any); fields["name"] != "LOG_LEVEL" {
			kept = append(kept, variable)
		}
	}
	if err := unstructured.SetNestedSlice(object.Object, kept, path...); err != nil {
		return fmt.Errorf("set the log level of %s: %w", apply.Name(object), err)
	}
	return nil
}
