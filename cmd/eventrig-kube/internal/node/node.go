// Package node is a whole Kubernetes node in one process: upstream's kubelet over eventrig's own container runtime, the pods'
// network, the Services' addresses, the cluster's DNS, and the volumes of the default StorageClass.
//
// In: command-line flags, the API server by kubeconfig, the image catalogue. It expects to run inside the rig's own
// namespaces, with --node-ip and --dns-ip on an interface there.
// Out: a node in the cluster that runs pods. It runs until SIGTERM ends the process.
package node

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"

	"github.com/spf13/pflag"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	clientset "k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"

	"github.com/eventrig/eventrig/cmd/eventrig-kube/internal/dns"
	"github.com/eventrig/eventrig/cmd/eventrig-kube/internal/network"
	"github.com/eventrig/eventrig/cmd/eventrig-kube/internal/runtime"
	"github.com/eventrig/eventrig/cmd/eventrig-kube/internal/service"
	"github.com/eventrig/eventrig/cmd/eventrig-kube/internal/storage"
)

const (
	exitUsage       = 2
	exitEnvironment = 3
)

// Main runs the node and returns the process's exit status.
func Main(args []string) int {
	f, err := parseFlags(args)
	if errors.Is(err, pflag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "eventrig-kube node: %v\n", err)
		return exitUsage
	}
	setVerbosity(f.Verbosity)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, f); err != nil {
		fmt.Fprintf(os.Stderr, "eventrig-kube node: %v\n", err)
		return exitEnvironment
	}
	return 0
}

func setVerbosity(v int) {
	set := flag.NewFlagSet("klog", flag.ContinueOnError)
	klog.InitFlags(set)
	_ = set.Set("v", strconv.Itoa(v)) // a number is always a level
}

func run(ctx context.Context, f *Flags) error {
	api, err := clientcmd.BuildConfigFromFlags("", f.Kubeconfig)
	if err != nil {
		return fmt.Errorf("read the kubeconfig: %w", err)
	}
	api.QPS = -1
	client, err := clientset.NewForConfig(rest.AddUserAgent(api, "eventrig-node"))
	if err != nil {
		return fmt.Errorf("make the API client: %w", err)
	}
	for _, dir := range []string{f.RootDir, f.PodLogsDir} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("make the node's folders: %w", err)
		}
	}
	nodeIP := net.ParseIP(f.NodeIP).To4()
	pods, err := network.New(network.Config{
		Dir: filepath.Join(f.RootDir, "netns"), PodCIDR: f.PodCIDR, ServiceCIDR: f.ServiceCIDR, NodeIP: nodeIP,
	})
	if err != nil {
		return err
	}

	failed := make(chan error, 1)
	var running atomic.Pointer[runtime.Runtime]
	address := func(podUID string) string {
		if containers := running.Load(); containers != nil {
			return containers.Address(podUID)
		}
		return ""
	}
	closeServices, err := startServices(ctx, f, client, nodeIP, address, failed)
	if err != nil {
		return err
	}
	defer closeServices()

	speed := newSpeed()
	go speed.run(ctx)
	socket := filepath.Join(f.RootDir, "cri.sock")
	containers, err := startRuntime(f, client, pods, speed.changed, socket, failed)
	if err != nil {
		return err
	}
	defer containers.Close()
	running.Store(containers)
	if err := startKubelet(ctx, f, api, containers, socket, speed); err != nil {
		return err
	}

	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	}
}

// startServices starts what serves the whole cluster from this node: Service addresses, DNS, volumes.
func startServices(ctx context.Context, f *Flags, client clientset.Interface, nodeIP net.IP, address func(podUID string) string, failed chan<- error) (func(), error) {
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithTransform(slim))
	services := factory.Core().V1().Services()
	slices := factory.Discovery().V1().EndpointSlices()

	proxy, err := service.New(service.Config{
		Services: services, EndpointSlices: slices, NodeIP: nodeIP, ServiceCIDR: f.ServiceCIDR, DNSIP: net.ParseIP(f.DNSIP),
	})
	if err != nil {
		return nil, err
	}
	names, err := dns.New(dns.Config{
		Services: services, EndpointSlices: slices, Pods: factory.Core().V1().Pods(), Address: address, Domain: f.DNSDomain, Listen: net.JoinHostPort(f.DNSIP, "53"),
	})
	if err != nil {
		return nil, err
	}
	volumes, err := storage.New(storage.Config{Client: client, Factory: factory, Dir: filepath.Join(f.RootDir, "volumes")})
	if err != nil {
		names.Close()
		return nil, err
	}
	factory.Start(ctx.Done())
	go proxy.Run(ctx)
	go volumes.Run(ctx)
	go func() {
		if err := names.Serve(); err != nil {
			report(failed, err)
		}
	}()
	return names.Close, nil
}

// slim keeps of a pod what DNS asks for, and of others all but who set which field.
func slim(object any) (any, error) {
	switch object := object.(type) {
	case *v1.Pod:
		return &v1.Pod{
			TypeMeta: object.TypeMeta,
			ObjectMeta: metav1.ObjectMeta{
				Namespace: object.Namespace, Name: object.Name, UID: object.UID, ResourceVersion: object.ResourceVersion, Labels: object.Labels,
			},
			Spec: v1.PodSpec{Hostname: object.Spec.Hostname, Subdomain: object.Spec.Subdomain},
		}, nil
	case metav1.Object:
		object.SetManagedFields(nil)
	}
	return object, nil
}

// report hands over the error that ends the node; one is enough.
func report(failed chan<- error, err error) {
	select {
	case failed <- err:
	default:
	}
}
