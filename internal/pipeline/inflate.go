package pipeline

import (
	"bytes"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	chartloader "helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	kyaml "sigs.k8s.io/yaml"
)

// inflated is a file that kustomize finds beside a kustomization instead of one of its helmCharts: what the chart renders to.
type inflated struct {
	content []byte
	objects []Object // with the places in the chart that they are from
}

// inflate renders the helmCharts of a kustomization that lie on this machine, which kustomize would run helm for, and
// returns the names of the files that hold them now. A chart that is not there is a problem.
func (w *watchedFS) inflate(name string, content []byte, at func(path string) int) ([]any, []Problem) {
	var fields types.Kustomization
	if err := kyaml.Unmarshal(content, &fields); err != nil {
		return nil, nil // kustomize says what is wrong with it
	}
	home := "charts"
	if fields.HelmGlobals != nil && fields.HelmGlobals.ChartHome != "" {
		home = fields.HelmGlobals.ChartHome
	}
	folder := filepath.Dir(name)
	if !filepath.IsAbs(home) {
		home = filepath.Join(folder, home)
	}
	var files []any
	var problems []Problem
	for i, entry := range fields.HelmCharts {
		objects, err := w.renderEntry(folder, home, entry)
		if err != nil {
			problem := problemOf("", err)
			if problem.File == "" {
				problem.File, problem.Line = w.shown(name), at(Path("helmCharts", i))
			}
			problems = append(problems, problem)
			continue
		}
		var text bytes.Buffer
		for _, object := range objects {
			if encoded, err := kyaml.Marshal(object.Object); err == nil {
				text.WriteString("---\n")
				text.Write(encoded)
			}
		}
		file := fmt.Sprintf("helmCharts-%d-%s.yaml", i, entry.Name)
		w.made[filepath.Join(folder, file)] = inflated{text.Bytes(), objects}
		files = append(files, file)
	}
	return files, problems
}

func (w *watchedFS) renderEntry(folder, home string, entry types.HelmChart) ([]Object, error) {
	chart := filepath.Join(home, entry.Name)
	if versioned := filepath.Join(home, entry.Name+"-"+entry.Version, entry.Name); entry.Version != "" && w.FileSystem.IsDir(versioned) {
		chart = versioned
	}
	if w.loader.trim != "" || !w.FileSystem.Exists(filepath.Join(chart, chartFile)) {
		return nil, Problem{Kind: Unreadable, Message: fmt.Sprintf("the chart %s that kustomize would fetch is not in %s", entry.Name, w.shown(home)),
			Hint: "fetch it there with `helm pull --untar`, or give what `kustomize build --enable-helm` writes"}
	}
	read, err := chartloader.Load(chart)
	if err != nil {
		return nil, Problem{Kind: Unreadable, File: w.shown(filepath.Join(chart, chartFile)), Line: errorLine(err), Message: "Helm chart: " + err.Error(),
			Hint: "`helm lint` on this folder says the same"}
	}
	from := &helmChart{folder: w.shown(chart), name: read.Name(), release: orDefault(entry.ReleaseName, entry.Name), namespace: orDefault(entry.Namespace, "default")}
	for _, file := range read.Raw {
		from.files = append(from.files, &chartloader.BufferedFile{Name: file.Name, Data: file.Data})
	}
	values, err := w.entryValues(folder, entry)
	if err != nil {
		return nil, err
	}
	if w.loader.vary != nil {
		w.loader.varied = true
		if err := w.loader.vary(from, read, values); err != nil {
			return nil, err
		}
	}
	loader := &loader{ctx: w.loader.ctx, options: w.loader.options, files: w.FileSystem, join: w.loader.join, real: w.loader.real}
	if entry.KubeVersion != "" {
		loader.options.KubeVersion = entry.KubeVersion
	}
	loader.options.APIVersions = slices.Concat(loader.options.APIVersions, entry.ApiVersions)
	rendered, err := loader.render(from, values, nil)
	if err != nil {
		return nil, loader.chartError(from, values, err)
	}
	maps.DeleteFunc(rendered, func(name, _ string) bool { return !entry.IncludeCRDs && strings.HasPrefix(name, "crds/") })
	err = loader.renderedObjects(from, rendered)
	return loader.objects, err
}

// entryValues are the values that a kustomization gives to a chart.
func (w *watchedFS) entryValues(folder string, entry types.HelmChart) (map[string]any, error) {
	values := map[string]any{}
	for _, name := range append([]string{entry.ValuesFile}, entry.AdditionalValuesFiles...) {
		if name == "" {
			continue
		}
		file := filepath.Join(folder, name)
		content, err := w.FileSystem.ReadFile(file)
		if err != nil {
			return nil, Problem{Kind: Unreadable, Message: fmt.Sprintf("the values file %s of chart %s cannot be read: %v", name, entry.Name, err), Hint: "add the file, or take it out of the kustomization"}
		}
		w.read[filepath.Clean(file)] = true
		if err := syntax(w.shown(file), content); err != nil {
			return nil, err
		}
		read, err := chartutil.ReadValues(withoutBOM(content))
		if err != nil {
			return nil, Problem{Kind: Unreadable, File: w.shown(file), Line: errorLine(err), Message: "the values are no YAML object: " + err.Error(), Hint: "a values file holds the chart's fields"}
		}
		values = chartutil.MergeTables(read, values)
	}
	switch entry.ValuesMerge {
	case "merge":
		return chartutil.MergeTables(values, copyMap(entry.ValuesInline)), nil
	case "replace":
		if entry.ValuesInline != nil {
			return copyMap(entry.ValuesInline), nil
		}
	}
	return chartutil.MergeTables(copyMap(entry.ValuesInline), values), nil
}

// Exists reports whether there is a file or folder.
func (w *watchedFS) Exists(name string) bool {
	_, made := w.madeAs(name)
	return made || w.FileSystem.Exists(name)
}

// CleanedAbs returns the folder and file that a name stands for.
func (w *watchedFS) CleanedAbs(name string) (filesys.ConfirmedDir, string, error) {
	if _, made := w.madeAs(name); made {
		folder, _, err := w.FileSystem.CleanedAbs(filepath.Dir(name))
		return folder, filepath.Base(name), err
	}
	return w.FileSystem.CleanedAbs(name)
}

func (w *watchedFS) madeAs(name string) (inflated, bool) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	found, ok := w.made[filepath.Clean(name)]
	return found, ok
}
