package node

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	clientset "k8s.io/client-go/kubernetes"
	v1core "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/kubernetes/cmd/kubelet/app"
	"k8s.io/kubernetes/cmd/kubelet/app/options"
	"k8s.io/kubernetes/pkg/kubelet"
	kubeletconfig "k8s.io/kubernetes/pkg/kubelet/apis/config"
	"k8s.io/kubernetes/pkg/kubelet/cm"
	kubeletutil "k8s.io/kubernetes/pkg/kubelet/util"
	"k8s.io/kubernetes/pkg/util/oom"
	"k8s.io/kubernetes/pkg/volume/util/subpath"
	"k8s.io/mount-utils"

	"github.com/eventrig/eventrig/cmd/eventrig-kube/internal/runtime"
)

// startKubelet starts upstream's kubelet over the container runtime that listens on socket. It returns once the kubelet's
// loops run. The kubelet cannot be stopped: it ends with the process.
func startKubelet(ctx context.Context, f *Flags, api *rest.Config, containers *runtime.Runtime, socket string, speed *speed) error {
	server, err := kubeletServer(f, socket)
	if err != nil {
		return err
	}
	if err := utilfeature.DefaultMutableFeatureGate.SetFromMap(server.FeatureGates); err != nil {
		return fmt.Errorf("set the kubelet's feature gates: %w", err)
	}
	if err := options.ValidateKubeletServer(server); err != nil {
		return fmt.Errorf("check the kubelet's configuration: %w", err)
	}
	deps, err := app.UnsecuredDependencies(ctx, server, utilfeature.DefaultFeatureGate)
	if err != nil {
		return fmt.Errorf("make the kubelet's dependencies: %w", err)
	}
	if err := connect(deps, server, api); err != nil {
		return err
	}

	owners, err := currentOwners()
	if err != nil {
		return err
	}
	deps.VolumePlugins = owners.affordable(deps.VolumePlugins)
	// systemd would only be asked to own each mount, and inside the rig's namespaces there is none.
	deps.Mounter = mount.NewWithoutSystemd("")
	deps.Subpather = subpath.New(deps.Mounter)
	deps.OSInterface = redirectingOS{legacyLogs: filepath.Join(f.RootDir, "legacy-logs")}
	deps.CAdvisorInterface = &machine{name: f.NodeName, root: f.RootDir}
	deps.ContainerManager = unmanaged{ContainerManager: cm.NewStubContainerManager(), root: f.RootDir}
	deps.PodStartupLatencyTracker = kubeletutil.NewPodStartupLatencyTracker()
	deps.NodeStartupLatencyTracker = kubeletutil.NewNodeStartupLatencyTracker()
	deps.OOMAdjuster = oom.NewFakeOOMAdjuster()
	deps.Options = append(deps.Options, speed.apply)

	auth, reloadClientCA, err := app.BuildAuth(types.NodeName(f.NodeName), deps.KubeClient, server.KubeletConfiguration)
	if err != nil {
		return fmt.Errorf("make the kubelet's authentication: %w", err)
	}
	deps.Auth = auth
	reloadClientCA(ctx.Done())

	if err := kubelet.PreInitRuntimeService(&server.KubeletConfiguration, deps); err != nil {
		return fmt.Errorf("connect the kubelet to the container runtime: %w", err)
	}
	deps.RemoteRuntimeService = direct{deps.RemoteRuntimeService, containers}
	if err := app.RunKubelet(ctx, server, deps); err != nil {
		return fmt.Errorf("start the kubelet: %w", err)
	}
	return nil
}

// connect gives the kubelet its clients. None is throttled: the API server is on the same machine and has no other tenant.
func connect(deps *kubelet.Dependencies, server *options.KubeletServer, api *rest.Config) error {
	heartbeat := rest.CopyConfig(api)
	heartbeat.Timeout = server.NodeStatusUpdateFrequency.Duration
	var errs [3]error
	deps.KubeClient, errs[0] = clientset.NewForConfig(api)
	deps.HeartbeatClient, errs[1] = clientset.NewForConfig(heartbeat)
	deps.EventClient, errs[2] = v1core.NewForConfig(api)
	deps.OnHeartbeatFailure = func() {}
	if err := errors.Join(errs[:]...); err != nil {
		return fmt.Errorf("make the kubelet's API clients: %w", err)
	}
	return nil
}

func kubeletServer(f *Flags, socket string) (*options.KubeletServer, error) {
	config, err := options.NewKubeletConfiguration()
	if err != nil {
		return nil, fmt.Errorf("make the kubelet's default configuration: %w", err)
	}
	flags := options.NewKubeletFlags()
	flags.HostnameOverride = f.NodeName
	flags.NodeIP = f.NodeIP
	flags.KubeConfig = f.Kubeconfig
	flags.RootDirectory = filepath.Join(f.RootDir, "kubelet")
	flags.CertDirectory = filepath.Join(f.RootDir, "kubelet-pki")
	configure(config, f, socket)
	return &options.KubeletServer{KubeletFlags: *flags, KubeletConfiguration: *config}, nil
}

// mostOpenFiles is what the process may have without asking for a privilege: the kubelet asks for a million.
func mostOpenFiles() int64 {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || limit.Max > 1_000_000 {
		return 1_000_000
	}
	return int64(limit.Max)
}

// configure departs from the kubelet's defaults where the rig does: no cgroups, no eviction, no limits on what is local,
// and short periods wherever a pod waits for one.
func configure(c *kubeletconfig.KubeletConfiguration, f *Flags, socket string) {
	duration := func(d time.Duration) metav1.Duration { return metav1.Duration{Duration: d} }

	c.ContainerRuntimeEndpoint = "unix://" + socket
	c.PodLogsDir = f.PodLogsDir
	c.VolumePluginDir = filepath.Join(f.RootDir, "volume-plugins")
	c.PodCIDR = f.PodCIDR
	c.ClusterDNS = []string{f.DNSIP}
	c.ClusterDomain = f.DNSDomain
	c.ResolverConfig = "" // pods ask the cluster's DNS only, the machine's search domains are none of their business
	c.MaxPods = int32(f.MaxPods)

	c.Address = "0.0.0.0"
	c.Port = int32(f.Port)
	c.ReadOnlyPort = 0
	c.HealthzPort = 0
	c.TLSCertFile, c.TLSPrivateKeyFile = f.TLSCertFile, f.TLSKeyFile
	c.Authentication.Anonymous.Enabled = false
	c.Authentication.Webhook.Enabled = true
	c.Authentication.X509.ClientCAFile = f.ClientCAFile
	c.Authorization.Mode = kubeletconfig.KubeletAuthorizationModeWebhook

	c.CgroupsPerQOS = false
	c.EnforceNodeAllocatable = nil
	c.KubeletCgroups = ""
	c.CPUCFSQuota = true // so that the runtime hears of limits and can say that it has none
	c.FailSwapOn = false
	c.MaxOpenFiles = mostOpenFiles()
	c.FailCgroupV1 = false
	c.MakeIPTablesUtilChains = false
	c.EnableControllerAttachDetach = false
	c.LocalStorageCapacityIsolation = true
	c.EvictionHard = map[string]string{}
	c.EvictionSoft = map[string]string{}
	c.ImageGCHighThresholdPercent = 100 // images are folders of the host's, never to be collected

	c.SerializeImagePulls = false
	c.RegistryPullQPS = 0
	c.EventRecordQPS = 0

	c.SyncFrequency = duration(time.Second)
	c.FileCheckFrequency = duration(time.Minute)
	c.NodeStatusUpdateFrequency = duration(10 * time.Second)
	c.VolumeStatsAggPeriod = duration(time.Minute)
	c.ConfigMapAndSecretChangeDetectionStrategy = kubeletconfig.WatchChangeDetectionStrategy
	c.ShutdownGracePeriod = duration(0)

	c.CrashLoopBackOff.MaxContainerRestartPeriod = &metav1.Duration{Duration: time.Second}
	c.FeatureGates = map[string]bool{"KubeletCrashLoopBackOffMax": true}
	if f.Unprivileged {
		c.FeatureGates["KubeletInUserNamespace"] = true
	}
}
