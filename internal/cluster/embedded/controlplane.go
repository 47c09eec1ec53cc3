package embedded

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/eventrig/eventrig/internal/logfile"
	"github.com/eventrig/eventrig/internal/sandbox"
)

// auditPolicy records who created, changed or deleted what in Argo's groups, and Jobs: the ledger reads from it who made
// which Workflow or Job, and a denied request is there with the API server's own reason. A created object is recorded as
// it was answered, because only the answer holds a name that the server has made.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
omitManagedFields: true
rules:
- level: RequestResponse
  verbs: [create]
  resources:
  - {group: argoproj.io, resources: [workflows]}
  - {group: batch, resources: [jobs]}
- level: Metadata
  verbs: [create, update, patch, delete]
  resources:
  - {group: argoproj.io}
  - {group: batch, resources: [jobs]}
- level: None
`

// admissionOff are admission plugins that need controllers which are not run here: without the node-lifecycle
// controller nobody would take the not-ready taint away again.
const admissionOff = "TaintNodesByCondition,DefaultTolerationSeconds"

// controllers are what the manifests of Argo and UnderStack need; a short list brings the default ServiceAccount up
// in half the time of all controllers.
var controllers = []string{
	"serviceaccount-controller", "serviceaccount-token-controller", "root-ca-certificate-publisher-controller",
	"deployment-controller", "replicaset-controller", "statefulset-controller", "daemonset-controller",
	"job-controller", "cronjob-controller", "ttl-after-finished-controller", "endpointslice-controller",
	"endpointslice-mirroring-controller", "endpoints-controller",
	"garbage-collector-controller", "namespace-controller", "pod-garbage-collector-controller",
	"disruption-controller", "resourcequota-controller", "clusterrole-aggregation-controller",
	"persistentvolume-binder-controller", "persistentvolumeclaim-protection-controller",
}

// unthrottled lifts the limits that a component's client puts on itself: 20 requests a second would keep the controller
// manager, which asks for a token per controller, from starting its informers for two seconds.
var unthrottled = []string{"--kube-api-qps=1000", "--kube-api-burst=2000"}

// unserved keeps a component from serving its health and metrics, which nobody asks for here, and so from making a
// certificate for it: that costs a quarter of a second of a core each.
const unserved = "--secure-port=0"

// component is one process of the control plane or the node.
type component struct {
	name string
	args []string
}

func (c *Cluster) etcd() component {
	return component{"etcd", []string{
		"--name=eventrig", "--data-dir=" + filepath.Join(c.config.Run, "etcd"),
		"--listen-client-urls=http://127.0.0.1:2379", "--advertise-client-urls=http://127.0.0.1:2379",
		"--listen-peer-urls=http://127.0.0.1:2380", "--initial-advertise-peer-urls=http://127.0.0.1:2380",
		"--initial-cluster=eventrig=http://127.0.0.1:2380",
		// The data lies on a tmpfs and dies with the rig: durability would only cost time.
		"--unsafe-no-fsync", "--log-level=warn",
	}}
}

func (c *Cluster) apiServer() component {
	return component{"kube-apiserver", []string{
		"--etcd-servers=http://127.0.0.1:2379",
		"--bind-address=0.0.0.0", "--secure-port=6443", "--advertise-address=" + NodeAddress,
		"--service-cluster-ip-range=" + ServiceCIDR,
		"--client-ca-file=" + c.pki.path("ca.crt"),
		"--tls-cert-file=" + c.pki.path("apiserver.crt"), "--tls-private-key-file=" + c.pki.path("apiserver.key"),
		"--kubelet-certificate-authority=" + c.pki.path("ca.crt"),
		"--kubelet-client-certificate=" + c.pki.path("apiserver-kubelet-client.crt"),
		"--kubelet-client-key=" + c.pki.path("apiserver-kubelet-client.key"),
		"--kubelet-preferred-address-types=InternalIP",
		"--service-account-issuer=https://kubernetes.default.svc." + DNSDomain,
		"--service-account-key-file=" + c.pki.path("service-account.key"),
		"--service-account-signing-key-file=" + c.pki.path("service-account.key"),
		"--authorization-mode=Node,RBAC",
		// Argo Events' webhook reads this CA from the ConfigMap extension-apiserver-authentication and ends without it.
		// The name in the certificate decides who may speak for others: nobody here has one of that name.
		"--requestheader-client-ca-file=" + c.pki.path("ca.crt"), "--requestheader-allowed-names=front-proxy-client",
		"--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--disable-admission-plugins=" + admissionOff,
		// Webhooks and aggregated services are reached at their endpoints' addresses.
		"--enable-aggregator-routing=true",
		"--audit-policy-file=" + filepath.Join(c.config.Dir, "audit-policy.yaml"),
		"--audit-log-path=" + c.AuditLog(), "--audit-log-mode=blocking",
		// Not begun anew at 100 MB: it is read from its begin to its end.
		"--audit-log-maxsize=1000000",
		"--profiling=false", "--allow-privileged=true",
	}}
}

func (c *Cluster) controllerManager() component {
	return component{"kube-controller-manager", append([]string{
		"--kubeconfig=" + c.pki.path("controller-manager.kubeconfig"),
		"--authentication-kubeconfig=" + c.pki.path("controller-manager.kubeconfig"),
		"--authorization-kubeconfig=" + c.pki.path("controller-manager.kubeconfig"),
		"--service-account-private-key-file=" + c.pki.path("service-account.key"),
		"--root-ca-file=" + c.pki.path("ca.crt"),
		"--use-service-account-credentials=true",
		"--controllers=" + strings.Join(controllers, ","),
		"--leader-elect=false", "--profiling=false", unserved,
	}, unthrottled...)}
}

func (c *Cluster) scheduler() component {
	return component{"kube-scheduler", append([]string{
		"--kubeconfig=" + c.pki.path("scheduler.kubeconfig"),
		"--authentication-kubeconfig=" + c.pki.path("scheduler.kubeconfig"),
		"--authorization-kubeconfig=" + c.pki.path("scheduler.kubeconfig"),
		"--leader-elect=false", "--profiling=false", unserved,
		// The plugin that binds volumes has a cache of claims that another handler fills. Without the second of back-off a pod
		// whose claim has just been bound may be looked at before that, and then waits five minutes for the next look.
		"--feature-gates=SchedulerPopFromBackoffQ=false",
	}, unthrottled...)}
}

func (c *Cluster) node() component {
	args := []string{
		"--kubeconfig", c.pki.path("node.kubeconfig"),
		"--node-name", NodeName, "--node-ip", NodeAddress,
		"--pod-cidr", PodCIDR, "--service-cidr", ServiceCIDR,
		"--dns-ip", DNSAddress, "--dns-domain", DNSDomain,
		"--root-dir", filepath.Join(c.config.Run, "kubelet"),
		"--pod-logs-dir", filepath.Join(c.config.Dir, "pods"),
		"--images", c.config.Images, "--shim", c.config.Binaries.Shim,
		"--client-ca-file", c.pki.path("ca.crt"),
		"--tls-cert-file", c.pki.path("node-serving.crt"), "--tls-private-key-file", c.pki.path("node-serving.key"),
	}
	if c.sandbox.Unprivileged() {
		args = append(args, "--unprivileged")
	}
	return component{"node", args}
}

// start runs one component inside the sandbox, its output in DIR/logs/NAME.log. A component that ends while the
// cluster is up ends the cluster: the first such error is what Cluster.Err reports.
func (c *Cluster) start(ctx context.Context, component component) error {
	log := c.Log(component.name)
	child, err := c.sandbox.Run(ctx, sandbox.Process{
		Name: component.name,
		Path: c.config.Binaries.Kube,
		Args: append([]string{component.name}, component.args...),
		Env: []string{
			"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
			"HOME=" + c.config.Run, "TMPDIR=" + c.config.Run,
			// Small heaps matter more here than garbage-collection time: many processes share one machine.
			"GOGC=75",
		},
		Dir: c.config.Run,
		Log: log,
	})
	if err != nil {
		return fmt.Errorf("start %s: %w", component.name, err)
	}
	go func() {
		<-child.Done()
		c.fail(fmt.Errorf("%s ended (%v); end of %s:\n%s", component.name, child.Err(), log, logfile.Tail(log, 15)))
	}()
	return nil
}
