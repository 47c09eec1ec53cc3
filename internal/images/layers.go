package images

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	securejoin "github.com/cyphar/filepath-securejoin"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Whiteouts, by which a layer says what of the layers below is gone (OCI image specification, layer.md).
const (
	whiteout = ".wh."
	opaque   = ".wh..wh..opq"
)

// extract unpacks an image's layers into an empty folder, the lowest first: a hard link may lead to a file that a layer above
// replaces or takes away.
func extract(image v1.Image, dir string) error {
	layers, err := image.Layers()
	if err != nil {
		return fmt.Errorf("read the image's layers: %w", err)
	}
	for i, layer := range layers {
		content, err := layer.Uncompressed()
		if err != nil {
			return fmt.Errorf("read layer %d of the image: %w", i, err)
		}
		err = untar(content, dir)
		if closeErr := content.Close(); err == nil {
			err = closeErr // a checksum that does not fit is told here
		}
		if err != nil {
			return fmt.Errorf("unpack layer %d of the image: %w", i, err)
		}
	}
	return nil
}

// layer is one archive on its way into a folder.
type layer struct {
	dir   string
	root  *os.Root
	added map[string]bool // its own entries and their parents, which its opaque markers leave alone
}

// untar writes folders, files and links below dir and nothing outside it: links in an entry's path are followed as if dir
// were the root, and os.Root refuses whatever leads out all the same. Devices are left out, /dev is the node's to make.
func untar(from io.Reader, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("unpack: %w", err)
	}
	defer func() { _ = root.Close() }()
	l := layer{dir: dir, root: root, added: map[string]bool{}}
	for archive := tar.NewReader(from); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("unpack: %w", err)
		}
		if err := l.take(header, archive); err != nil {
			return fmt.Errorf("unpack %s: %w", header.Name, err)
		}
	}
}

func (l *layer) take(header *tar.Header, content io.Reader) error {
	name, err := l.resolve(header.Name)
	if err != nil || name == "." {
		return err
	}
	parent, base := filepath.Dir(name), filepath.Base(name)
	switch {
	case base == opaque:
		return l.clear(parent)
	case strings.HasPrefix(base, whiteout):
		return l.root.RemoveAll(filepath.Join(parent, strings.TrimPrefix(base, whiteout)))
	}
	if err := l.root.MkdirAll(parent, 0o755); err != nil {
		return err
	}
	if err := l.write(name, header, content); err != nil {
		return err
	}
	for at := name; at != "."; at = filepath.Dir(at) {
		l.added[at] = true
	}
	return nil
}

// resolve returns where an entry goes, relative to the folder. A name with .. in front is no image's, it is an attack.
func (l *layer) resolve(name string) (string, error) {
	name = filepath.Clean(strings.TrimLeft(name, "/"))
	if !filepath.IsLocal(name) {
		return "", fmt.Errorf("the name leads out of the image: %w", fs.ErrInvalid)
	}
	if name == "." {
		return name, nil
	}
	parent, err := securejoin.SecureJoin(l.dir, filepath.Dir(name))
	if err != nil {
		return "", err
	}
	relative, err := filepath.Rel(l.dir, parent)
	if err != nil {
		return "", err
	}
	return filepath.Join(relative, filepath.Base(name)), nil
}

// clear removes what lower layers have put into a folder.
func (l *layer) clear(folder string) error {
	entries, err := fs.ReadDir(l.root.FS(), folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, entry := range entries {
		path := filepath.Join(folder, entry.Name())
		switch {
		case !l.added[path]:
			err = l.root.RemoveAll(path)
		case entry.IsDir():
			err = l.clear(path)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *layer) write(name string, header *tar.Header, content io.Reader) error {
	if header.Typeflag == tar.TypeDir {
		if info, err := l.root.Lstat(name); err == nil && !info.IsDir() {
			if err := l.root.Remove(name); err != nil {
				return err
			}
		}
		if err := l.root.MkdirAll(name, 0o755); err != nil {
			return err
		}
		// Its owner may always write: a read-only folder could neither be filled nor removed from the cache.
		return l.finish(name, header, 0o700)
	}
	if header.Typeflag == tar.TypeLink {
		target, err := l.resolve(header.Linkname)
		if err != nil {
			return fmt.Errorf("link to %s: %w", header.Linkname, err)
		}
		if target == name {
			return nil
		}
		if err := l.root.RemoveAll(name); err != nil {
			return err
		}
		return l.root.Link(target, name)
	}
	if err := l.root.RemoveAll(name); err != nil {
		return err
	}
	switch header.Typeflag {
	case tar.TypeReg:
		file, err := l.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		_, err = io.Copy(file, content)
		if closeErr := file.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			return err
		}
		return l.finish(name, header, 0o200)
	case tar.TypeSymlink:
		if err := l.root.Symlink(header.Linkname, name); err != nil {
			return err
		}
		return l.own(name, header)
	}
	return nil
}

// finish sets owner and mode, in this order: a change of the owner takes the set-uid bit away.
func (l *layer) finish(name string, header *tar.Header, always fs.FileMode) error {
	if err := l.own(name, header); err != nil {
		return err
	}
	mode := header.FileInfo().Mode()
	return l.root.Chmod(name, mode&(fs.ModePerm|fs.ModeSetuid|fs.ModeSetgid|fs.ModeSticky)|always)
}

// own gives an entry to its owner where that can be done: by root. Otherwise everything is the user's own, which is root in
// the rig's namespaces.
func (l *layer) own(name string, header *tar.Header) error {
	if os.Geteuid() != 0 || header.Uid == 0 && header.Gid == 0 {
		return nil
	}
	if err := l.root.Lchown(name, header.Uid, header.Gid); err != nil && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, fs.ErrInvalid) {
		return err
	}
	return nil
}
