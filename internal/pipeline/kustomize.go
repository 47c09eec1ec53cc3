package pipeline

import (
	"path/filepath"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/resource"
	kyaml "sigs.k8s.io/yaml"

	"github.com/eventrig/eventrig/internal/failure"
)

// originAnnotation is where kustomize writes which file an object came from.
const originAnnotation = "config.kubernetes.io/origin"

// kustomize builds the kustomization in a folder.
func (l *loader) kustomize(folder string) error {
	root, file, err := l.files.CleanedAbs(folder)
	if err != nil || file != "" {
		return failure.New(failure.BadInput, "give a folder with a kustomization.yaml", "read kustomization %s: %w", l.name(folder), err)
	}
	watched := &watchedFS{FileSystem: l.files, loader: l, root: root.String(), read: map[string]bool{}, made: map[string]inflated{}, shown: func(name string) string {
		if relative, err := filepath.Rel(root.String(), name); err == nil {
			return l.name(l.join(folder, relative))
		}
		return l.name(name)
	}}
	resources, err := within(l.ctx, renderTime, func() (resmap.ResMap, error) {
		return krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(watched, folder)
	})
	if err != nil {
		if found := watched.failed(); found != nil {
			return found // kustomize wraps it in many words and loses the line
		}
		problem := Problem{Kind: Unreadable, File: l.name(folder), Message: "kustomize: " + err.Error(), Hint: "`kustomize build` on this folder says the same"}
		for _, name := range kustomizationNames {
			if file := l.join(folder, name); l.files.Exists(file) {
				problem.File = l.name(file)
				break
			}
		}
		return problem.asError()
	}
	for _, problem := range watched.problems {
		if err := l.report(problem.File, problem.asError()); err != nil {
			return err
		}
	}
	l.unlisted = append(l.unlisted, l.passedOver(folder, watched)...)
	for _, built := range resources.Resources() {
		object, err := l.built(folder, built, watched)
		if err != nil {
			return err
		}
		l.objects = append(l.objects, object)
	}
	return nil
}

// built turns kustomize's object into ours, with the place that it was written at.
func (l *loader) built(folder string, built *resource.Resource, watched *watchedFS) (Object, error) {
	origin, err := built.GetOrigin()
	if err != nil {
		return Object{}, failure.New(failure.BadInput, "", "%s: read where %s came from: %w", l.name(folder), built.GetName(), err)
	}
	if !watched.keepOrigins {
		annotations := built.GetAnnotations()
		delete(annotations, originAnnotation)
		if err := built.SetAnnotations(annotations); err != nil {
			return Object{}, failure.New(failure.BadInput, "", "%s: %s: %w", l.name(folder), built.GetName(), err)
		}
	}
	content, err := built.AsYAML()
	if err != nil {
		return Object{}, failure.New(failure.BadInput, "", "%s: %s: %w", l.name(folder), built.GetName(), err)
	}
	encoded, err := kyaml.YAMLToJSON(content)
	if err != nil {
		return Object{}, failure.New(failure.BadInput, "", "%s: %s: %w", l.name(folder), built.GetName(), err)
	}
	var object unstructured.Unstructured
	if err := object.UnmarshalJSON(encoded); err != nil {
		return Object{}, failure.New(failure.BadInput, "", "%s: %s: %w", l.name(folder), built.GetName(), err)
	}
	result := Object{Unstructured: &object, File: l.name(folder)}
	switch {
	case origin == nil:
	case origin.Path != "" && origin.Repo == "":
		file := l.join(folder, filepath.FromSlash(origin.Path))
		if made, ok := watched.madeAs(filepath.Join(watched.root, filepath.FromSlash(origin.Path))); ok {
			if l.written == nil {
				l.written = map[string][]Object{}
			}
			l.written[file] = made.objects
		}
		result.File = l.name(file)
		result.source.file = l.real(file)
		if written := l.writtenAs(file, &object); written.Unstructured != nil {
			result.File, result.Line, result.source = written.File, written.Line, written.source
			result.source.guess = true
		}
	case origin.Repo != "":
		result.File = strings.TrimSuffix(origin.Repo, "/") + "/" + origin.Path
	case origin.ConfiguredIn != "":
		result.File = l.name(l.join(folder, filepath.FromSlash(origin.ConfiguredIn)))
	}
	return result, nil
}

// writtenAs finds the document that an object was made from: same kind and name, or a name that kustomize has put a prefix
// or suffix around. Without one that fits the line is not known, which is better than a wrong one.
func (l *loader) writtenAs(file string, object *unstructured.Unstructured) Object {
	written, ok := l.written[file]
	if !ok {
		if content, err := l.files.ReadFile(file); err == nil {
			// Kustomize has read the file, so there is nothing to report.
			written, _ = parse(l.name(file), content, func(error) error { return nil })
			for i := range written {
				written[i].source.file = l.real(file)
			}
		}
		if l.written == nil {
			l.written = map[string][]Object{}
		}
		l.written[file] = written
	}
	found, length := Object{}, -1
	for _, candidate := range written {
		name := candidate.GetName()
		if candidate.GetKind() != object.GetKind() || !strings.Contains(object.GetName(), name) {
			continue
		}
		namespace := candidate.GetNamespace()
		if name == object.GetName() && (namespace == object.GetNamespace() || namespace == "" && length < len(name)) {
			found, length = candidate, len(name)
			if namespace == object.GetNamespace() {
				return found
			}
		} else if len(name) > length {
			found, length = candidate, len(name)
		}
	}
	return found
}
