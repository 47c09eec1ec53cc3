package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	kyaml "sigs.k8s.io/yaml"
)

// watchedFS is what kustomize reads from. It notes what is wrong with a file where kustomize would say it without file and
// line, keeps what is not allowed from being fetched, and has the kustomization that is built ask for origins, without
// changing the user's file. For a tolerant loader it takes out what kustomize would stop at.
type watchedFS struct {
	filesys.FileSystem
	loader *loader
	root   string
	shown  func(file string) string

	mutex       sync.Mutex
	read        map[string]bool // files that were read
	problems    []Problem       // what is wrong, as far as building can go on
	failure     error           // the first thing that ends it
	keepOrigins bool            // the user asked for the annotations himself
	made        map[string]inflated
}

func (w *watchedFS) failed() error {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.failure
}

// ReadFile reads a file.
func (w *watchedFS) ReadFile(name string) ([]byte, error) {
	if made, ok := w.madeAs(name); ok {
		return made.content, nil
	}
	content, err := w.FileSystem.ReadFile(name)
	if err != nil {
		return nil, err
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	first := !w.read[filepath.Clean(name)]
	w.read[filepath.Clean(name)] = true
	base := path.Base(filepath.ToSlash(name))
	kustomization := slices.Contains(kustomizationNames, base)
	if !isManifest(base) && !kustomization {
		return content, nil
	}
	good, problem := goodDocuments(w.shown(name), content)
	if problem != nil && (!w.loader.tolerant || kustomization) {
		w.end(problem.asError())
		return content, nil
	}
	if problem != nil {
		if first {
			w.problems = append(w.problems, *problem)
		}
		return good, nil
	}
	if !kustomization {
		return content, nil
	}
	changed, err := w.kustomization(name, content)
	if err != nil {
		w.end(err)
		return nil, err
	}
	return changed, nil
}

func (w *watchedFS) end(err error) {
	if w.failure == nil {
		w.failure = err
	}
}

// goodDocuments returns what is left of a file without the documents that are not YAML, and the first of those problems.
func goodDocuments(file string, content []byte) ([]byte, *Problem) {
	err := syntax(file, content)
	if err == nil {
		return content, nil
	}
	problem := problemOf(file, err)
	var good bytes.Buffer
	objects, _ := parse(file, content, func(error) error { return nil })
	for _, object := range objects {
		if encoded, err := kyaml.Marshal(object.Object); err == nil {
			good.WriteString("---\n")
			good.Write(encoded)
		}
	}
	return good.Bytes(), &problem
}

func syntax(file string, content []byte) error {
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	for {
		var document yaml.Node
		if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return syntaxError(file, err)
		}
	}
}

// sources are the fields of a kustomization that name files, folders or what is to be fetched.
var sources = []string{"resources", "bases", "components"}

// kustomization checks what a kustomization names, and returns its content as kustomize is to see it.
func (w *watchedFS) kustomization(name string, content []byte) ([]byte, error) {
	var fields map[string]any
	if err := kyaml.Unmarshal(content, &fields); err != nil || fields == nil {
		return content, nil // kustomize says what is wrong with it
	}
	var document yaml.Node
	if err := yaml.Unmarshal(content, &document); err != nil || len(document.Content) == 0 {
		return content, nil
	}
	lines := source{node: document.Content[0]}
	at := func(path string) int { return Object{Line: 1, source: lines}.LineOf(path) }
	file := w.shown(name)
	if list, _ := fields["helmChartInflationGenerator"].([]any); len(list) > 0 {
		return nil, Problem{Kind: Unreadable, File: file, Line: at("helmChartInflationGenerator"), Message: "kustomize would run helm for helmChartInflationGenerator, which is not done here",
			Hint: "write it as helmCharts, or give what `kustomize build --enable-helm` writes"}.asError()
	}
	changed := false
	for _, field := range sources {
		list, _ := fields[field].([]any)
		kept := make([]any, 0, len(list))
		for i, entry := range list {
			text, _ := entry.(string)
			problem := w.missing(name, text)
			if problem == nil {
				kept = append(kept, entry)
				continue
			}
			problem.File, problem.Line = file, at(Path(field, i))
			if !w.loader.tolerant {
				return nil, problem.asError()
			}
			if !slices.Contains(w.problems, *problem) {
				w.problems = append(w.problems, *problem)
			}
			changed = true
		}
		if len(kept) < len(list) {
			fields[field] = kept
		}
	}
	if list, _ := fields["helmCharts"].([]any); len(list) > 0 {
		files, problems := w.inflate(name, content, at)
		for _, problem := range problems {
			if !w.loader.tolerant {
				return nil, problem.asError()
			}
			if !slices.Contains(w.problems, problem) {
				w.problems = append(w.problems, problem)
			}
		}
		resources, _ := fields["resources"].([]any)
		fields["resources"], changed = append(resources, files...), true
		delete(fields, "helmCharts")
		delete(fields, "helmGlobals")
	}
	if filepath.Dir(name) == filepath.Clean(w.root) {
		list, _ := fields["buildMetadata"].([]any)
		if slices.Contains(list, any(types.OriginAnnotations)) {
			w.keepOrigins = true
		} else {
			fields["buildMetadata"], changed = append(list, types.OriginAnnotations), true
		}
	}
	if !changed {
		return content, nil
	}
	encoded, err := kyaml.Marshal(fields)
	if err != nil {
		return content, nil
	}
	return encoded, nil
}

// missing says what is wrong with a file, folder or address that a kustomization names.
func (w *watchedFS) missing(kustomization, entry string) *Problem {
	if entry == "" || strings.Contains(entry, "\n") { // an inline resource
		return nil
	}
	local := filepath.Join(filepath.Dir(kustomization), filepath.FromSlash(entry))
	if filepath.IsAbs(entry) {
		local = entry
	}
	if w.FileSystem.Exists(local) {
		return nil
	}
	if !remote(entry) {
		return &Problem{Kind: Unreadable, Message: fmt.Sprintf("the kustomization names %s, which is not there", entry),
			Hint: "take it out of the list, or add the file"}
	}
	if w.loader.options.Remote {
		return nil
	}
	return &Problem{Kind: Unreadable, Message: fmt.Sprintf("the kustomization needs %s, which would have to be fetched", entry),
		Hint: "allow it with --fetch, or keep a copy beside it"}
}

// remote reports whether kustomize would fetch an entry: an address, or a repository as git names it.
func remote(entry string) bool {
	host, _, _ := strings.Cut(entry, "/")
	return strings.Contains(entry, "://") || strings.HasPrefix(entry, "git::") || strings.HasPrefix(entry, "git@") || strings.Contains(entry, "?ref=") ||
		strings.Contains(host, ".") && strings.Contains(entry, "/") && !strings.HasPrefix(host, ".")
}

// passedOver are the objects in the folder of a kustomization that it does not list: in none of the files that it read, nor
// in a folder that is a kustomization or chart of its own.
func (l *loader) passedOver(folder string, watched *watchedFS) []Object {
	var objects []Object
	var walk func(below string)
	walk = func(below string) {
		entries, err := l.files.ReadDir(l.join(folder, below))
		if err != nil {
			return
		}
		slices.Sort(entries)
		own := func(name string) bool { return name == chartFile || slices.Contains(kustomizationNames, name) }
		if below != "." && slices.ContainsFunc(entries, own) && !slices.ContainsFunc(entries, func(entry string) bool {
			return watched.read[filepath.Join(watched.root, filepath.FromSlash(below), entry)]
		}) {
			return
		}
		for _, entry := range entries {
			inner := path.Join(below, entry)
			file := l.join(folder, filepath.FromSlash(inner))
			switch {
			case strings.HasPrefix(entry, "."), own(entry):
			case l.files.IsDir(file):
				walk(inner)
			case isManifest(entry) && !watched.read[filepath.Join(watched.root, filepath.FromSlash(inner))]:
				content, err := l.files.ReadFile(file)
				if err != nil {
					continue
				}
				// A file that nobody asked for need not be a manifest.
				found, _ := parse(l.name(file), content, func(error) error { return nil })
				objects = append(objects, found...)
			}
		}
	}
	walk(".")
	return objects
}
