// Package images decides what stands behind a container image in the embedded tier, and builds what eventrig itself
// needs to run.
//
// In: versions of Argo's and NATS's modules, eventrig's own source tree or binaries, and the user's mappings
// (REF=command:/path, rootfs:/path, oci:/file, registry:reference, applet:/path). Out: paths of binaries in the cache, and the image catalogue
// (a JSON file) that the node reads when the kubelet asks for an image.
//
// Every component is built from its own module at its own pinned dependencies, so that a version is a flag and what
// runs is upstream's code. A build is put in place by one rename below a key of module version, Go version and recipe:
// concurrent rigs share it, an interrupted one leaves nothing that looks finished.
package images

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/eventrig/eventrig/internal/failure"
)

// The versions that UnderStack runs, and those of NATS that the event buses are run with.
const (
	DefaultArgoEvents    = "v1.9.10"
	DefaultArgoWorkflows = "v3.7.15"
	DefaultNATS          = "v2.11.15"
	DefaultNATSStreaming = "v0.25.6"
)

// Builder builds components and keeps them in a cache folder. Its zero value is ready to use.
type Builder struct {
	Cache string                           // ${XDG_CACHE_HOME:-~/.cache}/eventrig when empty
	Log   func(format string, args ...any) // told what is built and what is waited for; may be nil
}

func (b *Builder) logf(format string, args ...any) {
	if b.Log != nil {
		b.Log(format, args...)
	}
}

// dir returns the cache folder, made if it was not there.
func (b *Builder) dir() (string, error) {
	cache := b.Cache
	if cache == "" {
		cache = os.Getenv("XDG_CACHE_HOME")
		if cache == "" {
			home, err := os.UserHomeDir()
			if err != nil {
				return "", failure.New(failure.Environment, "set XDG_CACHE_HOME to a folder that you can write to", "find the cache folder: %w", err)
			}
			cache = filepath.Join(home, ".cache")
		}
		cache = filepath.Join(cache, "eventrig")
	}
	cache, err := filepath.Abs(cache)
	if err != nil {
		return "", fmt.Errorf("find the cache folder: %w", err)
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", failure.New(failure.Environment, "set XDG_CACHE_HOME to a folder that you can write to", "make the cache folder: %w", err)
	}
	return cache, nil
}
