package images

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// unpack makes a root file system of an image archive (docker save, or an OCI layout as folder or tar) and takes over
// entrypoint, command, environment, working folder and user from its configuration.
func (b *Builder) unpack(path string, into *Image) error {
	image, done, err := openImage(path)
	if err != nil {
		return err
	}
	defer done()
	digest, err := image.Digest()
	if err != nil {
		return fmt.Errorf("read image: %w", err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		return fmt.Errorf("read image configuration: %w", err)
	}
	sum := sha256.Sum256([]byte(digest.String()))
	place, err := b.once(context.Background(), "oci-"+hex.EncodeToString(sum[:8]), "root file system of "+filepath.Base(path),
		func(_, output string) error { return extract(image, output) })
	if err != nil {
		return err
	}
	into.Kind, into.Root = KindRootfs, place
	into.Entrypoint, into.Cmd, into.User = config.Config.Entrypoint, config.Config.Cmd, config.Config.User
	if len(config.Config.Env) > 0 {
		into.Env = config.Config.Env
	}
	if config.Config.WorkingDir != "" {
		into.WorkDir = config.Config.WorkingDir
	}
	return nil
}

// openImage opens an image; done frees what that took.
func openImage(path string) (image v1.Image, done func(), err error) {
	nothing := func() {}
	if info, err := os.Stat(path); err != nil {
		return nil, nothing, err
	} else if info.IsDir() {
		image, err := layoutImage(path)
		return image, nothing, err
	}
	image, tarErr := tarball.ImageFromPath(path, nil)
	if tarErr == nil {
		return image, nothing, nil
	}
	dir, err := os.MkdirTemp("", "eventrig-oci-*")
	if err != nil {
		return nil, nothing, fmt.Errorf("unpack OCI layout: %w", err)
	}
	done = func() { _ = os.RemoveAll(dir) }
	file, err := os.Open(path)
	if err == nil {
		err = untar(file, dir)
		_ = file.Close()
	}
	if err == nil {
		image, err = layoutImage(dir)
	}
	if err != nil {
		done()
		return nil, nothing, fmt.Errorf("neither a docker archive (%w) nor an OCI layout (%w)", tarErr, err)
	}
	return image, done, nil
}

func layoutImage(dir string) (v1.Image, error) {
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		return nil, fmt.Errorf("read OCI layout: %w", err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, fmt.Errorf("read OCI layout: %w", err)
	}
	for _, descriptor := range manifest.Manifests {
		if descriptor.MediaType.IsImage() {
			return index.Image(descriptor.Digest)
		}
	}
	return nil, errors.New("the OCI layout holds no image")
}

func extract(image v1.Image, dir string) error {
	reader := mutate.Extract(image)
	defer func() { _ = reader.Close() }()
	return untar(reader, dir)
}

// untar writes files, folders and links below dir and nothing outside it: os.Root refuses paths that lead out, also
// through symbolic links. Devices are left out, /dev is the node's to make.
func untar(from io.Reader, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("unpack: %w", err)
	}
	defer func() { _ = root.Close() }()
	for archive := tar.NewReader(from); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("unpack: %w", err)
		}
		name := filepath.Clean(strings.TrimLeft(header.Name, "/"))
		if name == "." {
			continue
		}
		if err := untarOne(root, name, header, archive); err != nil {
			return fmt.Errorf("unpack %s: %w", header.Name, err)
		}
	}
}

func untarOne(root *os.Root, name string, header *tar.Header, content io.Reader) error {
	// Owner-writable always: a read-only folder could neither be filled nor removed from the cache.
	mode := fs.FileMode(header.Mode)&0o777 | 0o200
	if parent := filepath.Dir(name); parent != "." {
		if err := root.MkdirAll(parent, 0o755); err != nil {
			return err
		}
	}
	switch header.Typeflag {
	case tar.TypeDir:
		return root.MkdirAll(name, mode|0o700)
	case tar.TypeReg:
		_ = root.Remove(name)
		file, err := root.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, mode)
		if err != nil {
			return err
		}
		_, err = io.Copy(file, content)
		if closeErr := file.Close(); err == nil {
			err = closeErr
		}
		return err
	case tar.TypeSymlink:
		_ = root.Remove(name)
		return root.Symlink(header.Linkname, name)
	case tar.TypeLink:
		_ = root.Remove(name)
		return root.Link(filepath.Clean(strings.TrimLeft(header.Linkname, "/")), name)
	default:
		return nil
	}
}
