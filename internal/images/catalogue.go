package images

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/eventrig/eventrig/internal/failure"
)

// The kinds of an image.
const (
	KindApplet   = "applet"   // binaries that eventrig brings, over the host's own /usr
	KindCommand  = "command"  // a command of the host, over the host's own /usr
	KindRootfs   = "rootfs"   // an unpacked root file system
	KindRegistry = "registry" // an image of a registry, pulled when a pod asks for it
)

// Image is what stands behind an image reference.
type Image struct {
	Repository string            `json:"repository"`          // matched without tag and digest
	Reference  string            `json:"reference,omitempty"` // the exact reference; wins over a repository
	Kind       string            `json:"kind"`
	Root       string            `json:"root,omitempty"`   // rootfs: the folder, read-only
	Digest     string            `json:"digest,omitempty"` // rootfs: of the image that it was unpacked from
	Source     string            `json:"source,omitempty"` // registry: the reference to pull; see PulledFrom
	Files      map[string]string `json:"files,omitempty"`  // path in the container to path of the host, bound read-only
	Entrypoint []string          `json:"entrypoint,omitempty"`
	Cmd        []string          `json:"cmd,omitempty"`
	Env        []string          `json:"env,omitempty"`
	WorkDir    string            `json:"workdir,omitempty"`
	User       string            `json:"user,omitempty"`
	Hint       string            `json:"hint,omitempty"` // what a person should know about it
	Last       []string          `json:"last,omitempty"` // names of its containers that start once another one of their pod runs
}

// Catalogue is the list of images; the last entry that matches a reference counts, so that a user's mapping wins.
type Catalogue struct {
	Images []Image `json:"images"`
	Puller string  `json:"puller,omitempty"` // the Unix socket of ServePulls
}

// Components are the paths of the binaries that a catalogue is made of. An empty path leaves its image out.
type Components struct {
	ArgoEvents         string
	ArgoCLI            string // only if a Sensor has an argoWorkflow trigger
	WorkflowController string
	ArgoExec           string
	NATSServer         string
	NATSStreaming      string
	Handlers           string
}

// binDir is where applets lie in a container. It is a folder of its own, because /bin is the host's and read-only.
const binDir = "/eventrig/bin"

// containerPath is the PATH in a container of ours: the applets' folder, then what every image has.
const containerPath = "PATH=" + binDir + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// UnderStackHandlersImage is the repository of the image that UnderStack's workflow templates run their handlers in.
const UnderStackHandlersImage = "ghcr.io/rackerlabs/understack/ironic-nautobot-client"

// UnderStackCommands are the commands of the images that UnderStack's Workflows and Jobs run, by repository, as far as
// eventrig-handlers has stand-ins for them.
var UnderStackCommands = map[string][]string{
	UnderStackHandlersImage: {
		"enroll-fw", "enroll-netdev", "netapp-configure-interfaces", "openstack-oslo-event", "python", "python3", "resync-ironic-nautobot",
		"resync-keystone-nautobot", "resync-neutron-nautobot", "sync-keystone", "sync-network-segment-range", "undersync-switch",
	},
	"ghcr.io/rackerlabs/understack/openstack-client":      {"openstack", "python", "python3"},
	"ghcr.io/rss-engineering/undercloud-nautobot/ansible": {"ansible-playbook", "ansible-runner"},
	"python": {"python", "python3"},
}

// waitForTermination stands in for a sidecar whose work nobody in a rig asks for. It ends at SIGTERM at once; `sleep`
// as process 1 would not, and every bus pod would take its whole grace period to stop.
const waitForTermination = `trap 'exit 0' TERM INT; while :; do sleep 3600 & wait $!; done`

// DefaultCatalogue maps Argo's images, NATS and UnderStack's handlers to the components.
func DefaultCatalogue(c Components) Catalogue {
	var catalogue Catalogue
	applet := func(repository string, entrypoint []string, files map[string]string, hint string) {
		for inside, path := range files {
			if path == "" {
				delete(files, inside)
			}
		}
		if len(files) == 0 {
			return
		}
		catalogue.Images = append(catalogue.Images, Image{
			Repository: repository, Kind: KindApplet, Files: files, Entrypoint: entrypoint,
			Env: []string{containerPath}, WorkDir: "/", Hint: hint,
		})
	}
	at := func(name string) string { return binDir + "/" + name }
	if c.ArgoEvents != "" {
		applet("quay.io/argoproj/argo-events", []string{at("argo-events")},
			map[string]string{at("argo-events"): c.ArgoEvents, at("argo"): c.ArgoCLI}, "")
	}
	applet("quay.io/argoproj/workflow-controller", []string{"workflow-controller"},
		map[string]string{at("workflow-controller"): c.WorkflowController}, "")
	if c.WorkflowController != "" {
		// Its pod demands runAsNonRoot without a user, so the kubelet looks at the image's, as upstream's Dockerfile has it.
		catalogue.Images[len(catalogue.Images)-1].User = "8737"
	}
	applet("quay.io/argoproj/argoexec", []string{"argoexec"}, map[string]string{at("argoexec"): c.ArgoExec}, "")
	if c.ArgoExec != "" {
		// The pod's main container looks once a second whether its command has ended, its wait container once a second whether
		// main has written that down (argo-workflows workflow/executor/osspecific and emissary). Started first it would look
		// right before each time, and every pod take a second more.
		catalogue.Images[len(catalogue.Images)-1].Last = []string{"wait"}
	}
	// argo-events' controller configuration starts NATS as /nats-server, and as nats-server from the alpine images.
	applet("nats", []string{"/nats-server"},
		map[string]string{"/nats-server": c.NATSServer, at("nats-server"): c.NATSServer}, "one version of NATS stands behind every tag")
	applet("nats-streaming", []string{"/nats-streaming-server"},
		map[string]string{"/nats-streaming-server": c.NATSStreaming}, "one version of NATS streaming stands behind every tag")
	if c.NATSServer != "" || c.NATSStreaming != "" {
		for repository, work := range map[string]string{
			"natsio/prometheus-nats-exporter":    "exports no metrics",
			"natsio/nats-server-config-reloader": "reloads no configuration: a changed bus is restarted by its controller",
		} {
			catalogue.Images = append(catalogue.Images, Image{
				Repository: repository, Kind: KindCommand, Entrypoint: []string{"/bin/sh", "-c", waitForTermination},
				Env: []string{containerPath}, WorkDir: "/", Hint: "stand-in that only waits to be stopped: it " + work,
			})
		}
	}
	for repository, commands := range UnderStackCommands {
		files := map[string]string{}
		for _, command := range commands {
			files[at(command)] = c.Handlers
		}
		applet(repository, nil, files, "stand-ins for what UnderStack runs in this image; --image "+repository+"=rootfs:PATH runs the real ones")
	}
	slices.SortFunc(catalogue.Images, func(a, b Image) int { return strings.Compare(a.Repository, b.Repository) })
	return catalogue
}

const mapUsage = "write REF=command:/path/of/command, REF=rootfs:/folder, REF=oci:/image.tar (or an OCI layout folder), REF=registry:host/image:tag, or REF=applet:/path/of/static/binary"

// Map adds the user's mapping REF=HOW. A REF with a tag or digest is matched exactly, one without by its repository.
// An OCI image is unpacked into the default cache folder.
func (c *Catalogue) Map(spec string) error { return c.MapWith(&Builder{}, spec) }

// MapWith is Map with the cache folder and log of b.
func (c *Catalogue) MapWith(b *Builder, spec string) error {
	reference, how, ok := strings.Cut(spec, "=")
	kind, path, ok2 := strings.Cut(how, ":")
	if !ok || !ok2 || reference == "" || path == "" {
		return failure.New(failure.BadInput, mapUsage, "image mapping %q is not REF=HOW:PATH", spec)
	}
	image := Image{Repository: Repository(reference), Env: []string{containerPath}, WorkDir: "/", Hint: "mapped by the user: " + spec}
	if image.Repository != Normalise(reference) {
		image.Reference = reference
	}
	if kind == "registry" {
		if _, err := name.ParseReference(path); err != nil {
			return failure.New(failure.BadInput, mapUsage, "image mapping %q: %w", spec, err)
		}
		image.Kind, image.Source = KindRegistry, path
		c.Images = append(c.Images, image)
		return nil
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("find %s: %w", path, err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return failure.New(failure.BadInput, mapUsage, "image mapping %q: %w", spec, err)
	}
	switch kind {
	case "command", "applet":
		if info.IsDir() || info.Mode().Perm()&0o111 == 0 {
			return failure.New(failure.BadInput, mapUsage, "image mapping %q: %s is not an executable file", spec, path)
		}
		inside := binDir + "/" + filepath.Base(path)
		image.Kind, image.Entrypoint, image.Files = kind, []string{inside}, map[string]string{inside: path}
	case "rootfs":
		if !info.IsDir() {
			return failure.New(failure.BadInput, mapUsage+"; an archive is mapped with oci:", "image mapping %q: %s is not a folder", spec, path)
		}
		image.Kind, image.Root = KindRootfs, path
	case "oci":
		if err := b.unpack(path, reference, &image); err != nil {
			return failure.New(failure.BadInput, mapUsage, "image mapping %q: %w", spec, err)
		}
	default:
		return failure.New(failure.BadInput, mapUsage, "image mapping %q: %q is none of command, rootfs, oci, registry, applet", spec, kind)
	}
	c.Images = append(c.Images, image)
	return nil
}

// Find returns the image that stands behind a reference: an exact reference wins over a repository, and of several the
// one that was added last.
func (c Catalogue) Find(reference string) (Image, bool) {
	for _, image := range slices.Backward(c.Images) {
		if image.Reference != "" && Normalise(image.Reference) == Normalise(reference) {
			return image, true
		}
	}
	for _, image := range slices.Backward(c.Images) {
		if image.Reference == "" && Normalise(image.Repository) == Repository(reference) {
			return image, true
		}
	}
	return Image{}, false
}

// Write writes the catalogue file that the node reads. What Find would never return is left out, so that a reader that
// takes the first match reads the same; the file is replaced by a rename, so that it is never seen half written.
func (c Catalogue) Write(file string) error {
	content, err := json.MarshalIndent(Catalogue{Images: c.effective(), Puller: c.Puller}, "", "  ")
	if err != nil {
		return fmt.Errorf("write image catalogue: %w", err)
	}
	temporary, err := os.CreateTemp(filepath.Dir(file), ".images-*")
	if err != nil {
		return fmt.Errorf("write image catalogue: %w", err)
	}
	defer func() { _ = os.Remove(temporary.Name()) }()
	_, err = temporary.Write(append(content, '\n'))
	if closeErr := temporary.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(temporary.Name(), file)
	}
	if err != nil {
		return fmt.Errorf("write image catalogue: %w", err)
	}
	return nil
}

func (c Catalogue) effective() []Image {
	seen := map[string]bool{}
	images := []Image{}
	for _, image := range slices.Backward(c.Images) {
		key := "repository " + Normalise(image.Repository)
		if image.Reference != "" {
			key = "reference " + Normalise(image.Reference)
		}
		if !seen[key] {
			seen[key] = true
			images = append(images, image)
		}
	}
	slices.Reverse(images)
	return images
}

// Repository is the reference without tag and digest, normalised.
func Repository(reference string) string {
	name, _, _ := strings.Cut(Normalise(reference), "@")
	if colon := strings.LastIndex(name, ":"); colon > strings.LastIndex(name, "/") {
		name = name[:colon]
	}
	return name
}

// Normalise drops Docker Hub's name, which the kubelet and people write or leave out as they like.
func Normalise(reference string) string {
	for _, prefix := range []string{"docker.io/library/", "index.docker.io/library/", "docker.io/", "index.docker.io/"} {
		if rest, ok := strings.CutPrefix(reference, prefix); ok {
			return rest
		}
	}
	return reference
}
