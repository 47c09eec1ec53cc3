package node

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	clientset "k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	v1core "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/record"
	"k8s.io/klog/v2"

	"github.com/eventrig/eventrig/cmd/eventrig-kube/internal/images"
	"github.com/eventrig/eventrig/cmd/eventrig-kube/internal/network"
	"github.com/eventrig/eventrig/cmd/eventrig-kube/internal/runtime"
	"github.com/eventrig/eventrig/cmd/eventrig-kube/internal/service"
)

// startRuntime starts the container runtime on socket. changed hears of each container's start and end.
func startRuntime(f *Flags, client clientset.Interface, pods *network.Network, changed func(podUID string), socket string, failed chan<- error) (*runtime.Runtime, error) {
	catalogue, err := images.Load(f.Images)
	if err != nil {
		return nil, err
	}
	hostPorts, err := service.NewHostPorts(net.ParseIP(f.NodeIP))
	if err != nil {
		return nil, err
	}
	containers, err := runtime.New(runtime.Config{
		Root:         filepath.Join(f.RootDir, "containers"),
		Shim:         f.Shim,
		Images:       catalogue,
		Network:      pods,
		HostPorts:    hostPorts,
		OnChange:     changed,
		Unprivileged: f.Unprivileged,
		Log:          klog.Background(),
		Warn:         warner(f, client),
	})
	if err != nil {
		return nil, err
	}
	listener, err := runtime.Listen(socket)
	if err != nil {
		return nil, errors.Join(err, containers.Close())
	}
	go func() {
		if err := containers.Serve(listener); err != nil {
			report(failed, fmt.Errorf("serve the container runtime: %w", err))
		}
	}()
	return containers, nil
}

// warner makes an Event of what a pod gets otherwise than it asked for, so that `kubectl describe pod` tells.
func warner(f *Flags, client clientset.Interface) func(namespace, name, uid, reason, message string) {
	broadcaster := record.NewBroadcaster()
	broadcaster.StartRecordingToSink(&v1core.EventSinkImpl{Interface: client.CoreV1().Events("")})
	recorder := broadcaster.NewRecorder(scheme.Scheme, v1.EventSource{Component: "eventrig-node", Host: f.NodeName})
	return func(namespace, name, uid, reason, message string) {
		pod := &v1.ObjectReference{APIVersion: "v1", Kind: "Pod", Namespace: namespace, Name: name, UID: types.UID(uid)}
		recorder.Event(pod, v1.EventTypeWarning, reason, message)
	}
}
