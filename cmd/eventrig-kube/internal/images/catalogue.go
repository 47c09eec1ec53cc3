// Package images reads the image catalogue: what stands behind an image reference on an embedded node. In comes the JSON
// file that eventrig writes, out comes per reference the root file system, the files bound into it and the image's
// defaults (entrypoint, environment, user). A node has no network to the outside: an image of a registry is pulled by
// eventrig, which is asked on a Unix socket.
package images

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strings"
)

// Kinds of images.
const (
	Applet   = "applet"   // a program of ours or of a component, on the host's /usr
	Command  = "command"  // a command of the host, on the host's /usr
	Rootfs   = "rootfs"   // an unpacked root file system
	Registry = "registry" // an image of a registry, which becomes a Rootfs when it is pulled
)

// DefaultPath is the PATH of a container whose image sets none.
const DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Image is one entry of the catalogue.
type Image struct {
	Repository string            `json:"repository"`
	Reference  string            `json:"reference,omitempty"`
	Kind       string            `json:"kind"`
	Root       string            `json:"root,omitempty"`
	Digest     string            `json:"digest,omitempty"` // of the image that Root was unpacked from
	Source     string            `json:"source,omitempty"` // what is pulled for a Registry image
	Files      map[string]string `json:"files,omitempty"`
	Entrypoint []string          `json:"entrypoint,omitempty"`
	Cmd        []string          `json:"cmd,omitempty"`
	Env        []string          `json:"env,omitempty"`
	Workdir    string            `json:"workdir,omitempty"`
	User       string            `json:"user,omitempty"`
	Hint       string            `json:"hint,omitempty"`
	Last       []string          `json:"last,omitempty"` // names of containers that start once another one of their pod runs
}

// Catalogue is the whole file.
type Catalogue struct {
	Images []Image `json:"images"`
	Puller string  `json:"puller,omitempty"` // the Unix socket on which eventrig pulls
}

// Load reads and checks a catalogue file.
func Load(file string) (*Catalogue, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the image catalogue: %w", err)
	}
	var c Catalogue
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, fmt.Errorf("read the image catalogue %s: %w", file, err)
	}
	for i, image := range c.Images {
		if err := image.check(); err != nil {
			return nil, fmt.Errorf("read the image catalogue %s: images[%d]: %w", file, i, err)
		}
	}
	return &c, nil
}

func (i Image) check() error {
	if i.Repository == "" && i.Reference == "" {
		return fmt.Errorf("repository and reference are both empty")
	}
	switch i.Kind {
	case Applet, Command:
	case Rootfs:
		if i.Root == "" {
			return fmt.Errorf("%s%s: a rootfs image needs root", i.Repository, i.Reference)
		}
	case Registry:
		if i.Source == "" {
			return fmt.Errorf("%s%s: an image of a registry needs source", i.Repository, i.Reference)
		}
	default:
		return fmt.Errorf("%s%s: kind %q is none of %s, %s, %s, %s", i.Repository, i.Reference, i.Kind, Applet, Command, Rootfs, Registry)
	}
	return nil
}

// Find returns the entry for an image reference. An exact reference wins over a repository, a later entry over an earlier
// one, so that what the user maps overrides the defaults.
func (c *Catalogue) Find(reference string) (Image, bool) {
	if c == nil {
		return Image{}, false
	}
	full, repository := normalise(reference), normalise(Repository(reference))
	for i := len(c.Images) - 1; i >= 0; i-- {
		if r := c.Images[i].Reference; r != "" && normalise(r) == full {
			return c.Images[i], true
		}
	}
	for i := len(c.Images) - 1; i >= 0; i-- {
		if entry := c.Images[i]; entry.Reference == "" && normalise(Repository(entry.Repository)) == repository {
			return entry, true
		}
	}
	return Image{}, false
}

// Resolve is Find with an error that says what to do: how to map the image, or which file of it is missing.
func (c *Catalogue) Resolve(reference string) (Image, error) {
	image, ok := c.Find(reference)
	if !ok {
		return Image{}, fmt.Errorf("image %s has no mapping: add --image %s=rootfs:PATH (or command:PATH, oci:FILE, registry:REFERENCE)", reference, Repository(reference))
	}
	hint := ""
	if image.Hint != "" {
		hint = ": " + image.Hint
	}
	if image.Root != "" {
		if info, err := os.Stat(image.Root); err != nil || !info.IsDir() {
			return Image{}, fmt.Errorf("image %s: its root file system %s is no folder on this machine%s", reference, image.Root, hint)
		}
	}
	for _, target := range image.Targets() {
		if _, err := os.Stat(image.Files[target]); err != nil {
			return Image{}, fmt.Errorf("image %s: %s stands for its %s and cannot be used: %w%s", reference, image.Files[target], target, err, hint)
		}
	}
	return image, nil
}

// Targets lists the paths of Files in a stable order.
func (i Image) Targets() []string {
	targets := make([]string, 0, len(i.Files))
	for target := range i.Files {
		targets = append(targets, target)
	}
	sort.Strings(targets)
	return targets
}

// ID is a stable identifier in the form of an image digest, made of the reference and of what stands behind it.
func ID(reference string, image Image) string {
	data, _ := json.Marshal(image) // strings, slices and a map of strings always marshal
	sum := sha256.Sum256(append([]byte(normalise(reference)+"\n"), data...))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Repository is a reference without tag and digest.
func Repository(reference string) string {
	reference, _, _ = strings.Cut(reference, "@")
	if colon := strings.LastIndex(reference, ":"); colon > strings.LastIndex(reference, "/") {
		reference = reference[:colon]
	}
	return reference
}

// normalise writes out what Docker Hub's short names leave out, so that busybox and docker.io/library/busybox are one.
func normalise(reference string) string {
	first, _, found := strings.Cut(reference, "/")
	switch {
	case !found:
		return "docker.io/library/" + reference
	case !strings.ContainsAny(first, ".:") && first != "localhost":
		return "docker.io/" + reference
	case first == "index.docker.io":
		return "docker.io" + strings.TrimPrefix(reference, first)
	}
	return reference
}
