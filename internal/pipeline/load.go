package pipeline

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/eventrig/eventrig/internal/failure"
)

// kustomizationNames are the names by which a folder is a kustomization.
var kustomizationNames = []string{"kustomization.yaml", "kustomization.yml", "Kustomization"}

// Load reads files and folders. A folder with a kustomization is built by kustomize; of another one all .yaml, .yml and
// .json files are read, and below it each folder by the same rule.
func Load(paths ...string) (*Graph, error) {
	loader := &loader{files: filesys.MakeFsOnDisk(), join: filepath.Join}
	for _, name := range paths {
		info, err := os.Stat(name)
		if err != nil {
			return nil, failure.New(failure.BadInput, "give a file or folder with manifests", "read manifests: %w", err)
		}
		if err := loader.load(name, info.IsDir()); err != nil {
			return nil, err
		}
	}
	return loader.graph()
}

// LoadFS reads files and folders of a file system such as manifests.FS; without names, all of it.
func LoadFS(from fs.FS, names ...string) (*Graph, error) {
	if len(names) == 0 {
		names = []string{"."}
	}
	memory := filesys.MakeFsInMemory()
	err := fs.WalkDir(from, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		return memory.WriteFile("/"+name, content)
	})
	if err != nil {
		return nil, fmt.Errorf("read manifests: %w", err)
	}
	loader := &loader{files: memory, join: path.Join, trim: "/"}
	for _, name := range names {
		info, err := fs.Stat(from, name)
		if err != nil {
			return nil, failure.New(failure.BadInput, "give a file or folder with manifests", "read manifests: %w", err)
		}
		if err := loader.load(path.Join("/", name), info.IsDir()); err != nil {
			return nil, err
		}
	}
	return loader.graph()
}

// loader reads from one file system.
type loader struct {
	files   filesys.FileSystem
	join    func(...string) string
	trim    string // taken off the front of file names in what is reported
	objects []Object
}

func (l *loader) name(file string) string { return strings.TrimPrefix(file, l.trim) }

func (l *loader) load(name string, folder bool) error {
	if !folder {
		if slices.Contains(kustomizationNames, path.Base(filepath.ToSlash(name))) {
			return l.kustomize(l.join(name, ".."))
		}
		return l.file(name)
	}
	entries, err := l.files.ReadDir(name)
	if err != nil {
		return failure.New(failure.BadInput, "give a file or folder with manifests", "read manifests: %w", err)
	}
	slices.Sort(entries)
	for _, kustomization := range kustomizationNames {
		if slices.Contains(entries, kustomization) {
			return l.kustomize(name)
		}
	}
	for _, entry := range entries {
		inner := l.join(name, entry)
		switch {
		case strings.HasPrefix(entry, "."):
		case l.files.IsDir(inner):
			if err := l.load(inner, true); err != nil {
				return err
			}
		case isManifest(entry):
			if err := l.file(inner); err != nil {
				return err
			}
		}
	}
	return nil
}

func isManifest(name string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json"}, strings.ToLower(path.Ext(name)))
}

func (l *loader) file(name string) error {
	content, err := l.files.ReadFile(name)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			return failure.New(failure.BadInput, "give a file or folder with manifests", "read manifests: %w", err)
		}
		return fmt.Errorf("read manifests: %w", err)
	}
	objects, err := Parse(l.name(name), content)
	if err != nil {
		return err
	}
	l.objects = append(l.objects, objects...)
	return nil
}

// graph refuses an object that two files define: which of them counts would depend on the order of reading.
func (l *loader) graph() (*Graph, error) {
	seen := map[string]Object{}
	for _, object := range l.objects {
		if object.GetName() == "" {
			continue
		}
		key := object.GroupVersionKind().Group + "/" + object.Key()
		if first, ok := seen[key]; ok {
			if first.Origin() == object.Origin() {
				return nil, failure.New(failure.BadInput, "name each folder once", "%s: %s is read twice", object.Origin(), object.Key())
			}
			return nil, failure.New(failure.BadInput, "take one of them away", "%s: %s is also defined in %s", object.Origin(), object.Key(), first.Origin())
		}
		seen[key] = object
	}
	return &Graph{Objects: l.objects}, nil
}
