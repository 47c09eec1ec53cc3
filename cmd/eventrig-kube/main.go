// Command eventrig-kube is everything of Kubernetes that an embedded rig runs, in one file: etcd, kube-apiserver,
// kube-controller-manager and kube-scheduler as upstream wrote them, and node, the real kubelet over eventrig's own
// container runtime together with the pod network, the service proxy and the cluster's DNS.
//
// One process runs one component: several in one process panic, since feature gates, logging and signal handlers are global.
//
// Built with:
//
//	CGO_ENABLED=0 go build -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=v1.34.3 \
//	  -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=34"
package main

import (
	"os"

	"github.com/eventrig/eventrig/cmd/eventrig-kube/internal/controlplane"
	"github.com/eventrig/eventrig/cmd/eventrig-kube/internal/node"
)

func main() {
	os.Exit(controlplane.Main(os.Args, map[string]controlplane.Command{"node": node.Main}))
}
