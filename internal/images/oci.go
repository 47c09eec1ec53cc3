package images

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// unpack makes a root file system of an image archive: of docker save, or an OCI layout as folder or tar, compressed or not.
func (b *Builder) unpack(path, reference string, into *Image) error {
	image, done, err := openImage(path, reference)
	if err != nil {
		return err
	}
	defer done()
	return b.take(context.Background(), image, filepath.Base(path), into)
}

// take unpacks an image into the cache, once for each content, and takes over entrypoint, command, environment, working
// folder and user from its configuration.
func (b *Builder) take(ctx context.Context, image v1.Image, what string, into *Image) error {
	digest, err := image.Digest()
	if err != nil {
		return fmt.Errorf("read image: %w", err)
	}
	file, err := image.ConfigFile()
	if err != nil {
		return fmt.Errorf("read image configuration: %w", err)
	}
	sum := sha256.Sum256([]byte(digest.String()))
	place, err := b.once(ctx, "image-"+hex.EncodeToString(sum[:8]), "root file system of "+what,
		func(_, output string) error { return extract(image, output) })
	if err != nil {
		return err
	}
	config := file.Config
	into.Kind, into.Root, into.Digest = KindRootfs, place, digest.String()
	into.Entrypoint, into.Cmd, into.User = config.Entrypoint, config.Cmd, config.User
	if len(config.Env) > 0 {
		into.Env = config.Env
	}
	if config.WorkingDir != "" {
		into.WorkDir = config.WorkingDir
	}
	return nil
}

// openImage opens an image; done frees what that took. Of an archive that holds several images it is the one with the
// reference.
func openImage(path, reference string) (image v1.Image, done func(), err error) {
	nothing := func() {}
	if info, err := os.Stat(path); err != nil {
		return nil, nothing, err
	} else if info.IsDir() {
		image, err := layoutImage(path)
		return image, nothing, err
	}
	image, dockerErr := dockerImage(path, reference)
	if dockerErr == nil {
		return image, nothing, nil
	}
	dir, err := os.MkdirTemp("", "eventrig-oci-*")
	if err != nil {
		return nil, nothing, fmt.Errorf("unpack OCI layout: %w", err)
	}
	done = func() { _ = os.RemoveAll(dir) }
	file, err := openArchive(path)
	if err == nil {
		err = untar(file, dir)
		_ = file.Close()
	}
	if err == nil {
		image, err = layoutImage(dir)
	}
	if err != nil {
		done()
		return nil, nothing, fmt.Errorf("neither a docker archive (%w) nor an OCI layout (%w)", dockerErr, err)
	}
	return image, done, nil
}

func dockerImage(path, reference string) (v1.Image, error) {
	open := func() (io.ReadCloser, error) { return openArchive(path) }
	manifest, err := tarball.LoadManifest(open)
	if err != nil {
		return nil, err
	}
	if len(manifest) == 1 {
		return tarball.Image(open, nil)
	}
	var all []string
	for _, one := range manifest {
		for _, tag := range one.RepoTags {
			if Normalise(tag) == Normalise(reference) || Repository(tag) == Normalise(reference) {
				chosen, err := name.NewTag(tag)
				if err != nil {
					return nil, fmt.Errorf("read the archive's tag %q: %w", tag, err)
				}
				return tarball.Image(open, &chosen)
			}
			all = append(all, tag)
		}
	}
	return nil, fmt.Errorf("it holds %d images and none is %s: %s", len(manifest), reference, strings.Join(all, ", "))
}

// openArchive opens a tar that may be compressed with gzip.
func openArchive(path string) (io.ReadCloser, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	content := bufio.NewReader(file)
	magic, _ := content.Peek(2) // a shorter file is no archive, which its reader says
	if !bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return archive{content, file}, nil
	}
	unzipped, err := gzip.NewReader(content)
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return archive{unzipped, file}, nil
}

type archive struct {
	io.Reader
	io.Closer
}

func layoutImage(dir string) (v1.Image, error) {
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		return nil, fmt.Errorf("read OCI layout: %w", err)
	}
	var others []string
	image, err := ownImage(index, &others)
	if err != nil {
		return nil, fmt.Errorf("read OCI layout: %w", err)
	}
	if image == nil {
		return nil, fmt.Errorf("the OCI layout holds no image for linux/%s; it has [%s]", runtime.GOARCH, strings.Join(others, ", "))
	}
	return image, nil
}

// ownImage finds the image for this machine in an index, also in one within it, as multi-platform builds make them.
func ownImage(index v1.ImageIndex, others *[]string) (v1.Image, error) {
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	own := v1.Platform{OS: "linux", Architecture: runtime.GOARCH}
	// One without a platform fits every machine, but one made for this machine comes first.
	descriptors := slices.Clone(manifest.Manifests)
	slices.SortStableFunc(descriptors, func(a, b v1.Descriptor) int {
		rank := map[bool]int{true: 1}
		return rank[a.Platform == nil] - rank[b.Platform == nil]
	})
	for _, descriptor := range descriptors {
		switch {
		case descriptor.MediaType.IsIndex():
			inner, err := index.ImageIndex(descriptor.Digest)
			if err != nil {
				return nil, err
			}
			if image, err := ownImage(inner, others); image != nil || err != nil {
				return image, err
			}
		case descriptor.MediaType.IsImage() && (descriptor.Platform == nil || descriptor.Platform.Satisfies(own)):
			return index.Image(descriptor.Digest)
		case descriptor.Platform != nil:
			*others = append(*others, descriptor.Platform.String())
		}
	}
	return nil, nil
}
