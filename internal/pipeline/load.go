package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/eventrig/eventrig/internal/failure"
)

// kustomizationNames are the names by which a folder is a kustomization.
var kustomizationNames = []string{"kustomization.yaml", "kustomization.yml", "Kustomization"}

// Options say how manifests are read. The zero value is right for files, folders, kustomizations and charts with their own
// values.
type Options struct {
	Values      []string // files with values for Helm charts: "FILE", or "CHART=FILE" for one by its path or name; the last one counts most
	Set         []string // "KEY=VALUE" as `helm --set` takes it, over the files, for every chart
	Namespaces  []string // where objects go that name no namespace: "NAMESPACE", or "PATH=NAMESPACE" for an argument or a chart; a chart's release namespace too
	KubeVersion string   // what charts see as .Capabilities.KubeVersion; 1.34.0 when empty
	APIVersions []string // what charts see in .Capabilities.APIVersions besides Kubernetes' and Argo's own
	Remote      bool     // let kustomize fetch what is not on this machine
}

// Load reads files and folders. A folder with a Chart.yaml is rendered by Helm, one with a kustomization is built by
// kustomize; of another one all .yaml, .yml and .json files are read, and below it each folder by the same rule. A file that
// is reached twice counts once.
func Load(paths ...string) (*Graph, error) {
	return LoadWith(context.Background(), Options{}, paths...)
}

// LoadWith is Load with options.
func LoadWith(ctx context.Context, options Options, paths ...string) (*Graph, error) {
	loader := onDisk(ctx, options)
	if err := loader.all(paths); err != nil {
		return nil, err
	}
	return loader.graph()
}

// Read reads as Load does and does not stop at what cannot be read: that, what is defined twice (the first one counts) and
// what is wrong with objects that Argo defines come back as problems, in reading order.
func Read(ctx context.Context, options Options, paths ...string) (*Graph, []Problem) {
	loader := onDisk(ctx, options)
	loader.tolerant = true
	// Neither fails: a tolerant loader notes its errors.
	_ = loader.all(paths)
	graph, _ := loader.graph()
	return graph, append(loader.problems, graph.DecodeProblems()...)
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
	loader := &loader{ctx: context.Background(), files: memory, join: path.Join, trim: "/", real: path.Clean, reached: map[string]bool{}}
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
	ctx      context.Context
	options  Options
	files    filesys.FileSystem
	join     func(...string) string
	trim     string                   // taken off the front of file names in what is reported
	real     func(file string) string // one name for each file, however it was reached
	reached  map[string]bool          // files and kustomizations that were read, by real name
	written  map[string][]Object      // what files hold, as kustomize's origins name them
	tolerant bool                     // note errors and go on
	cache    map[string]part          // what files and kustomizations gave in an earlier reading, by real name

	roots     []string // the arguments
	charts    []string // names of the charts that were read
	namespace string   // for what is read from the current argument and names none
	vary      func(*helmChart, *chart.Chart, map[string]any) error
	varied    bool // what is being read has charts in it, so that it may be another one with other values

	objects  []Object
	unlisted []Object
	problems []Problem
}

func onDisk(ctx context.Context, options Options) *loader {
	return &loader{ctx: ctx, options: options, files: filesys.MakeFsOnDisk(), join: filepath.Join, reached: map[string]bool{}, real: func(file string) string {
		if absolute, err := filepath.Abs(file); err == nil {
			file = absolute
		}
		if resolved, err := filepath.EvalSymlinks(file); err == nil {
			file = resolved
		}
		return file
	}}
}

// part is what one file or kustomization gave.
type part struct {
	objects  []Object
	unlisted []Object
	problems []Problem
}

func (l *loader) all(paths []string) error {
	l.roots = paths
	for _, name := range paths {
		l.namespace = l.namespaceOf(name, "")
		info, err := os.Stat(name)
		if err != nil {
			err = failure.New(failure.BadInput, "give a file or folder with manifests", "read manifests: %w", err)
		} else if info.IsDir() {
			err = l.within(name, func() error { return l.load(name, true) })
		} else {
			err = l.load(name, false)
		}
		if err := l.report(name, err); err != nil {
			return err
		}
	}
	return l.report("", l.unused())
}

// within reads what is deployed as a whole. Of a unit within a unit the inner one counts.
func (l *loader) within(unit string, read func() error) error {
	first := len(l.objects)
	err := read()
	for i := first; i < len(l.objects); i++ {
		if l.objects[i].unit == "" {
			l.objects[i].unit = l.real(unit)
		}
	}
	return err
}

// report passes an error on, or notes it where reading goes on.
func (l *loader) report(file string, err error) error {
	if err == nil || !l.tolerant {
		return err
	}
	l.problems = append(l.problems, problemOf(file, err))
	return nil
}

func (l *loader) name(file string) string { return strings.TrimPrefix(file, l.trim) }

// first reports whether a file or folder is reached for the first time.
func (l *loader) first(file string) bool {
	name := l.real(file)
	if l.reached[name] {
		return false
	}
	l.reached[name] = true
	return true
}

func (l *loader) load(name string, folder bool) error {
	if err := l.ctx.Err(); err != nil {
		return l.report(name, fmt.Errorf("read manifests: %w", err))
	}
	if !folder {
		if slices.Contains(kustomizationNames, path.Base(filepath.ToSlash(name))) {
			name, folder = l.join(name, ".."), true
		} else if !l.first(name) {
			return nil
		} else if packed(name) {
			return l.report(l.name(name), l.chart(name))
		} else {
			return l.once(name, name, func() error { return l.file(name) })
		}
	}
	if !l.first(name) {
		return nil
	}
	entries, err := l.files.ReadDir(name)
	if err != nil {
		return l.report(l.name(name), failure.New(failure.BadInput, "give a file or folder with manifests", "read manifests: %w", err))
	}
	slices.Sort(entries)
	if slices.Contains(entries, chartFile) {
		return l.report(l.name(l.join(name, chartFile)), l.within(name, func() error { return l.chart(name) }))
	}
	for _, kustomization := range kustomizationNames {
		if slices.Contains(entries, kustomization) {
			return l.within(name, func() error {
				return l.once(name, l.join(name, kustomization), func() error { return l.kustomize(name) })
			})
		}
	}
	for _, entry := range entries {
		inner := l.join(name, entry)
		if strings.HasPrefix(entry, ".") {
			continue
		}
		if below := l.files.IsDir(inner); below || isManifest(entry) {
			if err := l.load(inner, below); err != nil {
				return err
			}
		}
	}
	return nil
}

// once reads what does not depend on the values of a chart, or takes it from an earlier reading.
func (l *loader) once(name, file string, read func() error) error {
	key := l.real(name)
	if known, ok := l.cache[key]; ok {
		l.objects, l.unlisted = append(l.objects, known.objects...), append(l.unlisted, known.unlisted...)
		l.problems = append(l.problems, known.problems...)
		return nil
	}
	objects, unlisted, problems := len(l.objects), len(l.unlisted), len(l.problems)
	l.varied = false
	if err := l.report(l.name(file), read()); err != nil {
		return err
	}
	for i, object := range l.objects[objects:] {
		l.objects[objects+i] = inNamespace(object, l.namespace)
	}
	if l.cache != nil && !l.varied {
		l.cache[key] = part{slices.Clone(l.objects[objects:]), slices.Clone(l.unlisted[unlisted:]), slices.Clone(l.problems[problems:])}
	}
	return nil
}

// packed reports whether a file is a packed Helm chart.
func packed(name string) bool {
	return strings.HasSuffix(name, ".tgz") || strings.HasSuffix(name, ".tar.gz")
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
	objects, err := parse(l.name(name), content, func(err error) error {
		// Whoever names a file takes it for manifests; in a folder values and data may lie beside them.
		if found := problemOf(name, err); found.Kind == NoManifest && slices.ContainsFunc(l.roots, func(root string) bool { return l.real(root) == l.real(name) }) {
			found.Kind = Unreadable
			err = found.asError()
		}
		return l.report(l.name(name), err)
	})
	if err != nil {
		return err
	}
	for i := range objects {
		objects[i].source.file = l.real(name)
	}
	l.objects = append(l.objects, objects...)
	return nil
}

// graph refuses an object that two files define: which of them counts would depend on the order of reading. One that is
// read twice from one place, as a base of two kustomizations is, counts once.
func (l *loader) graph() (*Graph, error) {
	seen := map[string][]Object{}
	graph := &Graph{}
	for _, object := range l.objects {
		if object.GetName() == "" {
			graph.Objects = append(graph.Objects, object)
			continue
		}
		key := object.GroupVersionKind().Group + "/" + object.Key()
		if len(seen[key]) == 0 {
			seen[key] = []Object{object}
			graph.Objects = append(graph.Objects, object)
			continue
		}
		first, kind, hint := seen[key][0], Duplicate, "take one of them away"
		if object.GetNamespace() == "" && !slices.Contains(clusterScoped, object.GetKind()) {
			// What is deployed apart may go to namespaces of its own.
			at := slices.IndexFunc(seen[key], func(other Object) bool { return other.unit == object.unit })
			if at < 0 {
				kind, hint = Unplaced, "say where each goes: --namespace PATH=NAMESPACE"
				seen[key] = append(seen[key], object)
			} else {
				first = seen[key][at]
			}
		}
		samePlace := object.source.file != "" && first.source.file == object.source.file && first.Line == object.Line
		if samePlace && reflect.DeepEqual(first.Object, object.Object) {
			continue
		}
		problem := Problem{Kind: kind, File: object.File, Line: object.Line, Object: object.Key(), Hint: hint,
			Message: fmt.Sprintf("%s is also defined in %s", object.Key(), first.Origin())}
		if samePlace {
			problem.Kind = Duplicate
			problem.Message = object.Key() + " is read twice, and not the same each time"
			problem.Hint = "name either the base or the kustomization that changes it"
		}
		if err := l.report(object.File, problem.asError()); err != nil {
			return nil, err
		}
	}
	for _, object := range l.unlisted {
		if _, ok := seen[object.GroupVersionKind().Group+"/"+object.Key()]; !ok {
			graph.Unlisted = append(graph.Unlisted, object)
		}
	}
	return graph, nil
}
