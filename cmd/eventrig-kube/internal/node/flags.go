package node

import (
	"errors"
	"fmt"
	"net"

	"github.com/spf13/pflag"
)

// Flags are what the node is told on its command line.
type Flags struct {
	Kubeconfig   string
	NodeName     string
	NodeIP       string
	PodCIDR      string
	ServiceCIDR  string
	DNSIP        string
	DNSDomain    string
	RootDir      string
	PodLogsDir   string
	Images       string
	Shim         string
	ClientCAFile string
	TLSCertFile  string
	TLSKeyFile   string
	Port         int
	MaxPods      int
	Verbosity    int
	Unprivileged bool
}

func parseFlags(args []string) (*Flags, error) {
	f := &Flags{}
	set := pflag.NewFlagSet("node", pflag.ContinueOnError)
	set.StringVar(&f.Kubeconfig, "kubeconfig", "", "how to reach the API server, with rights of system:node or more")
	set.StringVar(&f.NodeName, "node-name", "", "the node's name in the cluster")
	set.StringVar(&f.NodeIP, "node-ip", "10.244.0.1", "the node's address; must be on an interface of this network namespace, not 127.0.0.1")
	set.StringVar(&f.PodCIDR, "pod-cidr", "10.244.1.0/24", "the pods' addresses")
	set.StringVar(&f.ServiceCIDR, "service-cidr", "10.96.0.0/16", "the Services' addresses, as the API server has them")
	set.StringVar(&f.DNSIP, "dns-ip", "10.96.0.10", "the address of the cluster's DNS; must be on an interface of this network namespace")
	set.StringVar(&f.DNSDomain, "dns-domain", "cluster.local", "the cluster's DNS domain")
	set.StringVar(&f.RootDir, "root-dir", "", "folder for all of the node's state")
	set.StringVar(&f.PodLogsDir, "pod-logs-dir", "", "folder for the containers' logs (default: pod-logs under --root-dir)")
	set.StringVar(&f.Images, "images", "", "the image catalogue (JSON)")
	set.StringVar(&f.Shim, "shim", "", "the eventrig-shim binary")
	set.StringVar(&f.ClientCAFile, "client-ca-file", "", "who may call the kubelet: client certificates signed by this CA (bearer tokens are checked by the API server)")
	set.StringVar(&f.TLSCertFile, "tls-cert-file", "", "the kubelet's serving certificate (default: self-signed)")
	set.StringVar(&f.TLSKeyFile, "tls-private-key-file", "", "the key of --tls-cert-file")
	set.IntVar(&f.Port, "port", 10250, "the kubelet's HTTPS port")
	set.IntVar(&f.MaxPods, "max-pods", 250, "how many pods the node takes")
	set.IntVarP(&f.Verbosity, "v", "v", 1, "log verbosity")
	set.BoolVar(&f.Unprivileged, "unprivileged", false, "the node runs in a user namespace")
	if err := set.Parse(args); err != nil {
		return nil, err
	}
	if f.PodLogsDir == "" && f.RootDir != "" {
		f.PodLogsDir = f.RootDir + "/pod-logs"
	}
	return f, f.check()
}

func (f *Flags) check() error {
	var errs []error
	for _, required := range []struct{ name, value string }{
		{"kubeconfig", f.Kubeconfig}, {"node-name", f.NodeName}, {"root-dir", f.RootDir}, {"images", f.Images}, {"shim", f.Shim},
	} {
		if required.value == "" {
			errs = append(errs, fmt.Errorf("--%s is missing", required.name))
		}
	}
	for _, address := range []struct{ name, value string }{{"node-ip", f.NodeIP}, {"dns-ip", f.DNSIP}} {
		if ip := net.ParseIP(address.value); ip == nil || ip.To4() == nil {
			errs = append(errs, fmt.Errorf("--%s %q is not an IPv4 address", address.name, address.value))
		}
	}
	for _, cidr := range []struct{ name, value string }{{"pod-cidr", f.PodCIDR}, {"service-cidr", f.ServiceCIDR}} {
		if _, _, err := net.ParseCIDR(cidr.value); err != nil {
			errs = append(errs, fmt.Errorf("--%s: %w", cidr.name, err))
		}
	}
	if (f.TLSCertFile == "") != (f.TLSKeyFile == "") {
		errs = append(errs, errors.New("--tls-cert-file and --tls-private-key-file go together"))
	}
	return errors.Join(errs...)
}
