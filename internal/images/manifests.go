package images

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// ModuleManifests returns a folder whose manifests/ is the module's own, kept in the cache: a rig on a machine that was
// given a cache only, without Go, renders the same objects. A version's zip never changes, so the version is the key.
func (b *Builder) ModuleManifests(ctx context.Context, module, version string) (dir string, err error) {
	name := path.Base(module)
	if strings.HasPrefix(name, "v") && strings.Trim(name[1:], "0123456789") == "" {
		name = path.Base(path.Dir(module)) // argo-workflows/v3
	}
	return b.once(ctx, name+"-manifests-"+version, "the manifests of "+name+" "+version, func(_, output string) error {
		source, err := b.Module(ctx, module, version)
		if err != nil {
			return err
		}
		from := filepath.Join(source, "manifests")
		if _, err := os.Stat(from); os.IsNotExist(err) {
			return nil // the version has none; who renders them says so
		}
		if err := copyTree(from, filepath.Join(output, "manifests")); err != nil {
			return fmt.Errorf("copy the manifests of %s %s: %w", name, version, err)
		}
		return nil
	})
}
