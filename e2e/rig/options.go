package rig

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/eventrig/eventrig/internal/broker"
	"github.com/eventrig/eventrig/internal/cluster/embedded"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/random"
)

// The versions that UnderStack runs.
const (
	DefaultArgoEvents    = "v1.9.10"
	DefaultArgoWorkflows = "v3.7.15"
)

// DefaultReadyTimeout is many times what Argo's own pods, and then EventSources and Sensors, need on a slow machine.
const DefaultReadyTimeout = 2 * time.Minute

// The kinds of EventBus that a rig can run.
const (
	BusSTAN            = "stan"            // nats.native, three replicas: UnderStack's
	BusJetStream       = "jetstream"       // native JetStream, three replicas
	BusJetStreamExotic = "jetstreamExotic" // a NATS server of the rig's own, which Argo Events does not manage
)

// BrokerProcess is a RabbitMQ of the rig's own, as a process of this machine.
const BrokerProcess = "process"

// Buses are all kinds of EventBus.
var Buses = []string{BusSTAN, BusJetStream, BusJetStreamExotic}

// Options say what rig to start. The zero value is the default rig: UnderStack's versions, bus and manifests.
type Options struct {
	Name          string                                // of the rig; drawn at random when empty
	Bus           string                                // one of Buses; BusSTAN when empty
	Broker        string                                // BrokerProcess, or the AMQP URL without virtual host of a RabbitMQ that someone else runs; BrokerProcess when empty
	ArgoEvents    string                                // version; DefaultArgoEvents when empty
	ArgoWorkflows string                                // version; DefaultArgoWorkflows when empty
	Manifests     []string                              // folders, files, kustomizations or Helm charts; the built-in pipeline of Keystone projects when empty
	Reading       Reading                               // how the manifests are read
	Images        []string                              // REF=command:PATH | applet:PATH | rootfs:PATH | oci:PATH | registry:REFERENCE, see the image catalogue
	Artifacts     string                                // folder that the logs of a rig that fails are kept in, below its name; none when empty
	ReadyTimeout  time.Duration                         // for Argo's own pods and the bus, and then again for EventSources and Sensors; DefaultReadyTimeout when 0
	SampleMemory  bool                                  `json:"-"` // look at the memory in use once a second, for PeakMemoryBytes; costs a few percent of a core
	Progress      Progress                              `json:"-"` // told of each phase of the boot; may be nil
	Log           func(format string, arguments ...any) `json:"-"` // told what is built or found; may be nil
}

// Reading says how manifests are read. The zero value is right for files, folders, kustomizations and charts with their own
// values.
type Reading struct {
	Values      []string // files with values for Helm charts: "FILE", or "CHART=FILE" for one by its path or name; the last one counts most
	Set         []string // "KEY=VALUE" as `helm --set` takes it, over the files, for every chart
	Namespaces  []string // where objects go that name no namespace: "NAMESPACE", or "PATH=NAMESPACE" for one of Manifests or a chart; a chart's release namespace too
	KubeVersion string   // what charts see as the version of Kubernetes; 1.34.0 when empty
	APIVersions []string // what charts see in .Capabilities.APIVersions besides Kubernetes' and Argo's own
	Remote      bool     // let kustomize fetch what is not on this machine
}

var validName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?$`)

func (o Options) complete() (Options, error) {
	if o.Name == "" {
		o.Name = "rig-" + random.Hex(4)
	}
	if !validName.MatchString(o.Name) {
		return o, failure.New(failure.BadInput, "use lower-case letters, digits and dashes", "rig name %q is not valid", o.Name)
	}
	if o.Bus == "" {
		o.Bus = BusSTAN
	}
	if !slices.Contains(Buses, o.Bus) {
		return o, failure.New(failure.BadInput, fmt.Sprintf("use one of %v", Buses), "EventBus kind %q is unknown", o.Bus)
	}
	if o.Broker == "" {
		o.Broker = BrokerProcess
	}
	if !o.ownBroker() {
		if _, err := broker.ParseExternal(o.Broker); err != nil {
			return o, err
		}
	}
	if o.ArgoEvents == "" {
		o.ArgoEvents = DefaultArgoEvents
	}
	if o.ArgoWorkflows == "" {
		o.ArgoWorkflows = DefaultArgoWorkflows
	}
	if o.ReadyTimeout <= 0 {
		o.ReadyTimeout = DefaultReadyTimeout
	}
	if o.Log == nil {
		o.Log = func(string, ...any) {}
	}
	return o, nil
}

// ownBroker says whether the rig starts its RabbitMQ itself.
func (o Options) ownBroker() bool { return o.Broker == BrokerProcess }

// StateFolder is where rigs have their folders: $XDG_STATE_HOME/eventrig/rigs, or the same below ~/.local/state.
func StateFolder() (string, error) {
	state := os.Getenv("XDG_STATE_HOME")
	if state == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", failure.New(failure.Environment, "set HOME or XDG_STATE_HOME", "find the folder for rigs: %w", err)
		}
		state = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(state, "eventrig", "rigs"), nil
}

// longestFolder leaves room for the longest socket path below a rig's folder, the kubelet's, which ends in a random
// number: the kernel takes 107 bytes. It counts only where the kubelet's folders lie in the rig's (embedded.Tmpfs).
const longestFolder = 107 - len("/run/kubelet/kubelet/pod-resources/4294967295")

// excess is by how many bytes a rig's folder is too long for the sockets below run, which may lie in it or elsewhere.
func excess(folder, run string) int {
	if !strings.HasPrefix(run, folder) {
		return 0
	}
	return max(0, len(folder)-longestFolder)
}

// makeFolder makes the rig's own folder; a name in use is refused, so that two rigs never share one.
func makeFolder(name string) (string, error) {
	parent, err := StateFolder()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return "", failure.New(failure.Environment, "set XDG_STATE_HOME to a folder that can be written", "make the folder for rigs: %w", err)
	}
	if err := requireSpace(parent); err != nil {
		return "", err
	}
	folder := filepath.Join(parent, name)
	if over := excess(folder, embedded.Tmpfs(folder)); over > 0 {
		return "", failure.New(failure.BadInput, fmt.Sprintf("set XDG_STATE_HOME to a folder, or --rig to a name, that is %d bytes shorter", over),
			"the rig's folder %s is too long for the Unix sockets in it", folder)
	}
	if err := os.Mkdir(folder, 0o755); err != nil {
		if os.IsExist(err) {
			return "", failure.New(failure.BadInput, "choose another --rig name, or end it: eventrig down --rig "+name, "a rig named %q exists (%s)", name, folder)
		}
		return "", failure.New(failure.Environment, "free some space, or set XDG_STATE_HOME", "make rig folder: %w", err)
	}
	return folder, nil
}
