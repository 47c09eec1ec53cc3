package lint

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/figures"
	"github.com/eventrig/eventrig/internal/lint"
	"github.com/eventrig/eventrig/internal/pipeline"
	"github.com/eventrig/eventrig/manifests"
)

// input is what is checked.
type input struct {
	variants     []pipeline.Variant // the first one with the values as given
	combinations []lint.Combination // the same, in the same order
}

// read reads the manifests that are to be checked.
func read(command *cobra.Command, f flags, paths []string) (*input, error) {
	if err := f.reading.Check(); err != nil {
		return nil, err
	}
	// A path that is not there is a slip on the command line; what is wrong with those that are is a finding.
	for _, path := range paths {
		if _, err := os.Stat(path); err != nil {
			return nil, failure.New(failure.BadInput, "give files and folders with manifests", "%w", err)
		}
	}
	var variants []pipeline.Variant
	if f.allEnabled {
		variants = pipeline.Variants(command.Context(), f.reading, paths...)
	} else {
		graph, problems := pipeline.Read(command.Context(), f.reading, paths...)
		variants = []pipeline.Variant{{Graph: graph, Problems: problems}}
	}
	for _, problem := range variants[0].Problems {
		if problem.File == "" { // about the options
			return nil, failure.New(failure.BadInput, problem.Hint, "%w", problem)
		}
	}
	var folders []lint.Folder
	for _, path := range paths {
		folders = append(folders, lint.Folder{FS: os.DirFS(path), Name: filepath.ToSlash(filepath.Clean(path))})
	}
	if f.builtin {
		const name = "understack"
		own, err := pipeline.LoadFS(manifests.FS, name)
		if err != nil {
			return nil, fmt.Errorf("read the manifests that eventrig brings along: %w", err)
		}
		for i, variant := range variants {
			variants[i].Graph = &pipeline.Graph{Objects: slices.Concat(variant.Graph.Objects, own.Objects), Unlisted: slices.Concat(variant.Graph.Unlisted, own.Unlisted)}
		}
		within, err := fs.Sub(manifests.FS, name)
		if err != nil {
			return nil, fmt.Errorf("read the manifests that eventrig brings along: %w", err)
		}
		folders = append(folders, lint.Folder{FS: within, Name: name})
	}
	if first := variants[0]; len(variants) == 1 && len(first.Graph.Objects) == 0 && len(first.Problems) == 0 {
		return nil, failure.New(failure.BadInput, "give files and folders with manifests (.yaml, .yml, .json), kustomizations or Helm charts",
			"no manifests in %s", strings.Join(paths, ", "))
	}
	return &input{variants, lint.Combinations(variants, folders)}, nil
}

// objects is how many objects the manifests have with the values as given.
func (in *input) objects() int { return len(in.variants[0].Graph.Objects) }

// list are the combinations of values that were checked besides those as given.
func (in *input) list() []combination {
	var all []combination
	for _, variant := range in.variants {
		if variant.Chart != "" {
			all = append(all, combination{variant.Chart, variant.Set})
		}
	}
	return all
}

// varied says in a line for each chart which combinations of its values were checked.
func (in *input) varied() []string {
	numbers := map[string]int{}
	switches := map[string][]string{}
	var charts []string
	for _, one := range in.list() {
		if numbers[one.Chart]++; numbers[one.Chart] == 1 {
			charts = append(charts, one.Chart)
		}
		for _, set := range one.Set {
			if name, _, _ := strings.Cut(set, "="); !slices.Contains(switches[one.Chart], name) {
				switches[one.Chart] = append(switches[one.Chart], name)
			}
		}
	}
	var lines []string
	for _, chart := range charts {
		names := switches[chart]
		slices.Sort(names)
		how := "every combination of"
		if numbers[chart]+1 < 1<<len(names) {
			how = "each value changed alone, all on, all off, and every two in their four states, of"
		}
		lines = append(lines, fmt.Sprintf("chart %s with the values as given and %s: %s %s", chart, figures.Of(numbers[chart], "other combination"), how, strings.Join(names, ", ")))
	}
	return lines
}
