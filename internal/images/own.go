package images

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/eventrig/eventrig/internal/failure"
)

// eventrig's own binaries.
const (
	Kube     = "eventrig-kube"
	Shim     = "eventrig-shim"
	Sandbox  = "eventrig-sandbox"
	Handlers = "eventrig-handlers"
)

const ownModule = "github.com/eventrig/eventrig"

// kubeLDFlags give the control plane and the node the version of the Kubernetes that they are.
const kubeLDFlags = "-s -w -X k8s.io/component-base/version.gitVersion=" + KubeVersion +
	" -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=34"

// KubeVersion is the version of Kubernetes that eventrig-kube is made of.
const KubeVersion = "v1.34.3"

// Find returns the path of one of eventrig's own binaries: in the folder $EVENTRIG_BIN (or at the file that it names),
// beside the running executable, in ../bin of it, or in bin/ of the source tree that the executable is run in.
func Find(name string) (string, error) {
	var tried []string
	try := func(path string) bool {
		tried = append(tried, path)
		info, err := os.Stat(path)
		return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
	}
	if where := os.Getenv("EVENTRIG_BIN"); where != "" {
		if path := filepath.Join(where, name); try(path) {
			return filepath.Abs(path)
		}
		if filepath.Base(where) == name && try(where) {
			return filepath.Abs(where)
		}
	}
	if executable, err := os.Executable(); err == nil {
		if resolved, err := filepath.EvalSymlinks(executable); err == nil {
			executable = resolved
		}
		dir := filepath.Dir(executable)
		for _, path := range []string{filepath.Join(dir, name), filepath.Join(filepath.Dir(dir), "bin", name)} {
			if try(path) {
				return path, nil
			}
		}
	}
	return "", failure.New(failure.Environment, "run `make build` in eventrig's source tree and set EVENTRIG_BIN to its bin folder",
		"find %s: not in %s", name, strings.Join(tried, ", "))
}

// Kube returns the paths of eventrig-kube and eventrig-shim.
func (b *Builder) Kube(ctx context.Context) (kube, shim string, err error) {
	kube, kubeErr := Find(Kube)
	shim, shimErr := Find(Shim)
	if kubeErr == nil && shimErr == nil {
		return kube, shim, nil
	}
	dir, err := b.own(ctx, Kube, filepath.Join("cmd", "eventrig-kube"), kubeLDFlags, []target{{Kube, "."}, {Shim, "./shim"}})
	if err != nil {
		return "", "", err
	}
	return filepath.Join(dir, Kube), filepath.Join(dir, Shim), nil
}

// Sandbox returns the path of the supervisor that is process 1 of a rig's namespaces.
func (b *Builder) Sandbox(ctx context.Context) (string, error) {
	return b.ownOne(ctx, Sandbox)
}

// Handlers returns the path of the stand-ins for the commands in UnderStack's workflow images.
func (b *Builder) Handlers(ctx context.Context) (string, error) {
	return b.ownOne(ctx, Handlers)
}

func (b *Builder) ownOne(ctx context.Context, name string) (string, error) {
	if path, err := Find(name); err == nil {
		return path, nil
	}
	dir, err := b.own(ctx, name, "", "-s -w", []target{{name, "./cmd/" + name}})
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, name), nil
}

// own builds binaries from the source tree, below a key of its content: a changed tree is built anew, never guessed at.
func (b *Builder) own(ctx context.Context, name, modulePath, ldflags string, targets []target) (string, error) {
	tree, err := sourceTree()
	if err != nil {
		_, missing := Find(targets[0].Name)
		return "", errors.Join(missing, err)
	}
	tool, err := findGo()
	if err != nil {
		return "", err
	}
	toolVersion, err := goVersion(ctx, tool)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(tree, modulePath)
	content, err := treeSum(dir)
	if err != nil {
		return "", fmt.Errorf("read the source of %s: %w", name, err)
	}
	sum := sha256.Sum256([]byte(content + "\n" + toolVersion + "\n" + ldflags + "\n" + buildFlags))
	return b.once(ctx, name+"-source-"+hex.EncodeToString(sum[:6]), name, func(_, output string) error {
		for _, t := range targets {
			if err := b.goBuild(ctx, tool, dir, filepath.Join(output, t.Name), t.Package, ldflags); err != nil {
				return err
			}
		}
		return nil
	})
}

// sourceTree finds eventrig's source: the folder that the program is run in or one above it, else where this file was
// compiled (the module cache, for a user's module that requires eventrig).
func sourceTree() (string, error) {
	var starts []string
	if dir, err := os.Getwd(); err == nil {
		starts = append(starts, dir)
	}
	if _, file, _, ok := runtime.Caller(0); ok && filepath.IsAbs(file) {
		starts = append(starts, filepath.Dir(file))
	}
	for _, dir := range starts {
		for ; ; dir = filepath.Dir(dir) {
			content, err := os.ReadFile(filepath.Join(dir, "go.mod"))
			if err == nil && strings.HasPrefix(string(content), "module "+ownModule+"\n") {
				return dir, nil
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	return "", failure.New(failure.Environment, "run in eventrig's source tree, or set EVENTRIG_BIN to a folder with its binaries",
		"eventrig's source tree is not here, so its binaries cannot be built")
}

// treeSum is a hash over the names and content of the module's files, tests excepted; hidden and output folders, and
// modules below it, are no part of it.
func treeSum(root string) (string, error) {
	sum := sha256.New()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() {
			if path == root {
				return nil
			}
			if strings.HasPrefix(name, ".") || name == "bin" || name == "testdata" {
				return filepath.SkipDir
			}
			if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil {
				return filepath.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(name, "_test.go") || !entry.Type().IsRegular() {
			return nil
		}
		relative, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }()
		info, err := file.Stat()
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(sum, "%s\x00%d\x00", filepath.ToSlash(relative), info.Size()); err != nil {
			return err
		}
		_, err = io.Copy(sum, file)
		return err
	})
	return hex.EncodeToString(sum.Sum(nil)), err
}
