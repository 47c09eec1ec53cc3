package rig

import (
	"context"
	"fmt"
	"io/fs"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/eventrig/eventrig/internal/apply"
	"github.com/eventrig/eventrig/internal/argo"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/pipeline"
	"github.com/eventrig/eventrig/internal/random"
	"github.com/eventrig/eventrig/manifests"
	"github.com/eventrig/eventrig/simulators/ontap"
	"github.com/eventrig/eventrig/simulators/openstack"
	"github.com/eventrig/eventrig/simulators/undersync"
)

// busFolders are the built-in EventBus manifests by kind.
var busFolders = map[string]string{
	BusSTAN: "eventbus/stan", BusJetStream: "eventbus/jetstream", BusJetStreamExotic: "eventbus/jetstream-exotic",
}

// defaultManifests are the built-in manifests of a rig that is given none: one pipeline, because a rig with all of them
// boots several times as many pods.
const defaultManifests = "subsets/keystone-project"

// tested is what a rig runs of manifests.
type tested struct {
	graph   *pipeline.Graph  // what is run, as it is written
	objects []apply.Object   // of the manifests, without an EventBus
	bus     []apply.Object   // the EventBuses and what they run on
	brokers []outsideService // by which the EventSources find RabbitMQ, beside the rig's own names for it
	notes   []string         // what of the manifests is not applied, and why
}

// Manifests reads the manifests that options name, as Start applies them: with the chosen EventBus in place of those that they
// bring along, and without what the rig does not have. The notes say what is left out.
func Manifests(options Options) (graph *pipeline.Graph, notes []string, err error) {
	if options, err = options.complete(); err != nil {
		return nil, nil, err
	}
	read, err := loadManifests(options)
	return read.graph, read.notes, err
}

// loadManifests reads the manifests under test and puts the chosen EventBus, with what it runs on, in place of those that
// they bring along.
func loadManifests(options Options) (tested, error) {
	under, err := fs.Sub(manifests.FS, "understack")
	if err != nil {
		return tested{}, fmt.Errorf("find the built-in manifests: %w", err)
	}
	var graph *pipeline.Graph
	if len(options.Manifests) == 0 {
		graph, err = pipeline.LoadFS(under, defaultManifests)
	} else {
		graph, err = pipeline.LoadWith(context.Background(), pipeline.Options(options.Reading), options.Manifests...)
	}
	if err != nil {
		return tested{}, fmt.Errorf("read manifests: %w", err)
	}
	busFolder, err := fs.Sub(manifests.FS, busFolders[options.Bus])
	if err != nil {
		return tested{}, fmt.Errorf("find the built-in EventBus: %w", err)
	}
	buses, err := pipeline.LoadFS(busFolder)
	if err != nil {
		return tested{}, fmt.Errorf("read the built-in EventBus: %w", err)
	}
	read := tested{graph: &pipeline.Graph{Unlisted: graph.Unlisted}}
	take := func(object pipeline.Object, list *[]apply.Object) {
		read.graph.Objects = append(read.graph.Objects, object)
		*list = append(*list, apply.Object{Unstructured: object.Unstructured, Origin: object.Origin()})
	}
	needed := map[string]bool{} // namespaces that need an EventBus
	left := unserved(graph)
	for _, object := range graph.Objects {
		if left[object.Unstructured] {
			continue
		}
		switch object.GetKind() {
		case "EventBus":
			continue
		case "EventSource", "Sensor":
			needed[object.GetNamespace()] = true
		}
		if err := observable(object.Unstructured); err != nil {
			return tested{}, failure.New(failure.BadInput, "", "%s: %w", object.Origin(), err)
		}
		take(object, &read.objects)
	}
	if len(needed) == 0 {
		return tested{}, failure.New(failure.BadInput, "name the folder that holds them with --manifests", "the manifests hold no EventSource and no Sensor")
	}
	for _, object := range buses.Objects {
		// A bus that nobody uses would only cost time and memory.
		if needed[object.GetNamespace()] {
			take(object, &read.bus)
		}
	}
	if read.brokers, err = brokerNames(read.objects); err != nil {
		return tested{}, err
	}
	read.notes = leftOut(graph, left)
	return read, nil
}

// busNamespaces are the namespaces that have an EventBus.
func (r *Rig) busNamespaces() []string {
	var all []string
	for _, object := range r.manifests.bus {
		if object.GetKind() == "EventBus" {
			all = append(all, object.GetNamespace())
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// busTLS is the certificate of the NATS server behind an exotic bus.
func busTLS(namespace string) (apply.Object, error) {
	tls, err := argo.BusTLS(namespace)
	if err != nil {
		return apply.Object{}, err
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(tls)
	if err != nil {
		return apply.Object{}, fmt.Errorf("encode Secret %s: %w", tls.Name, err)
	}
	return apply.Object{Unstructured: &unstructured.Unstructured{Object: content}, Origin: "the rig"}, nil
}

// handlerSettings are what the pods of Workflows and Jobs mount and read: tokens, addresses, and the configuration of the
// clients of OpenStack and NetApp. All are this rig's own.
func handlerSettings(ca []byte) []apply.Object {
	return []apply.Object{
		secret(eventsNamespace, "nautobot-token", map[string]string{"token": nautobotToken, "url": nautobotURL}),
		secret(eventsNamespace, "baremetal-manage", map[string]string{"clouds.yaml": openstack.CloudsYAML(keystoneURL)}),
		secret(eventsNamespace, "undersync-token", map[string]string{"token": undersync.DefaultToken}),
		secret(eventsNamespace, "bmc-master", map[string]string{"key": random.Hex(16)}),
		secret(eventsNamespace, "netapp-config", map[string]string{
			"netapp_nvme.conf": fmt.Sprintf("[netapp_nvme]\nnetapp_server_hostname = %s\nnetapp_login = %s\nnetapp_password = %s\n",
				ontapHost, ontap.DefaultUsername, ontap.DefaultPassword),
			"ca.crt": string(ca),
		}),
		// What openstack-helm leaves of Keystone's bootstrap, as the environment of an openstack client.
		secret(openstackNamespace, "keystone-keystone-admin", map[string]string{
			"OS_AUTH_URL": keystoneURL, "OS_REGION_NAME": openstack.Region, "OS_IDENTITY_API_VERSION": "3",
			"OS_USERNAME": openstack.Username, "OS_PASSWORD": openstack.Password, "OS_PROJECT_NAME": openstack.ProjectName,
			"OS_USER_DOMAIN_NAME": openstack.DomainName, "OS_PROJECT_DOMAIN_NAME": openstack.DomainName,
		}),
		configMap(eventsNamespace, "cluster-metadata", map[string]string{"NAUTOBOT_URL": nautobotURL, "UCVNI_GROUP_NAME": "default"}),
	}
}
