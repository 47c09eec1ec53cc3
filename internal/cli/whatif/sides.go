package whatif

import (
	"context"
	"errors"
	"os"
	"strings"

	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/pipeline"
	"github.com/eventrig/eventrig/internal/revision"
)

// manifests are those of one side.
type manifests struct {
	graph *pipeline.Graph
	name  string // for people
}

// sides reads both. What is taken out of git is gone again when it returns: the graphs are in memory.
func (f *flags) sides(ctx context.Context) (before, after manifests, err error) {
	if len(f.old) == 0 {
		return before, after, failure.New(failure.BadInput, "give the old manifests: --old DIR, --old REV:PATH, or --old REV --manifests PATH", "there is nothing to compare with")
	}
	if len(f.new) == 0 && len(f.manifests) == 0 {
		return before, after, failure.New(failure.BadInput, "give the new manifests: --new DIR, --new REV:PATH; or --manifests PATH for those of the working tree", "there is nothing to compare %s with", strings.Join(f.old, ", "))
	}
	if before, err = f.side(ctx, "--old", f.old); err != nil {
		return before, after, err
	}
	if len(f.new) == 0 {
		after, err = f.load(ctx, "--manifests", f.manifests, strings.Join(f.manifests, ", "), nil)
	} else {
		after, err = f.side(ctx, "--new", f.new)
	}
	if err == nil && len(before.graph.Sensors())+len(after.graph.Sensors()) == 0 {
		err = failure.New(failure.BadInput, "give folders that have Sensors", "there is no Sensor in %s and none in %s", before.name, after.name)
	}
	return before, after, err
}

// side reads what a flag names.
func (f *flags) side(ctx context.Context, flag string, given []string) (side manifests, err error) {
	trees := map[string]*revision.Tree{}
	defer func() {
		for _, tree := range trees {
			err = errors.Join(err, tree.Close())
		}
	}()
	open := func(at, name string) (*revision.Tree, error) {
		if known := trees[name]; known != nil {
			return known, nil
		}
		tree, err := revision.Open(ctx, at, name)
		if err == nil {
			trees[name] = tree
		}
		return tree, err
	}
	if len(f.manifests) > 0 {
		return f.revisionSide(ctx, flag, given, open)
	}
	var paths []string
	for _, one := range given {
		if _, err := os.Stat(one); err == nil {
			paths = append(paths, one)
			continue
		}
		name, path, found := strings.Cut(one, ":")
		if !found || name == "" {
			return side, failure.New(failure.BadInput, "a git revision is REV:PATH, or REV with --manifests PATH", "%s %s: there is no such file or folder", flag, one)
		}
		tree, err := open(".", name)
		if err != nil {
			return side, err
		}
		inner, err := tree.Path(path)
		if err != nil {
			return side, err
		}
		paths = append(paths, inner)
	}
	return f.load(ctx, flag, paths, strings.Join(given, ", "), trees)
}

// revisionSide reads the manifests of --manifests at a revision; a folder that is no revision is itself a side.
func (f *flags) revisionSide(ctx context.Context, flag string, given []string, open func(at, name string) (*revision.Tree, error)) (manifests, error) {
	if len(given) > 1 {
		return manifests{}, failure.New(failure.BadInput, "give one revision; --manifests can be repeated", "%s is given %d times, and --manifests as well", flag, len(given))
	}
	name, at := given[0], "."
	if _, err := os.Stat(f.manifests[0]); err == nil {
		at = f.manifests[0]
	}
	tree, err := open(at, name)
	if err != nil {
		if _, statErr := os.Stat(name); statErr == nil {
			return f.load(ctx, flag, given, name, nil)
		}
		return manifests{}, err
	}
	var paths []string
	for _, path := range f.manifests {
		inner, err := tree.Beside(path)
		if err != nil {
			return manifests{}, err
		}
		paths = append(paths, inner)
	}
	return f.load(ctx, flag, paths, name+":"+strings.Join(f.manifests, ", "), map[string]*revision.Tree{name: tree})
}

// load reads manifests; files of revisions are named as git names them.
func (f *flags) load(ctx context.Context, flag string, paths []string, name string, trees map[string]*revision.Tree) (manifests, error) {
	graph, err := pipeline.LoadWith(ctx, f.reading, paths...)
	if err != nil {
		text := err.Error()
		for _, tree := range trees {
			text = tree.Reword(text)
		}
		if text != err.Error() {
			return manifests{}, &failure.Error{Class: failure.Class(failure.ExitStatus(err)), Hint: failure.Hint(err), Err: errors.New(text)}
		}
		return manifests{}, err
	}
	if len(graph.Objects) == 0 {
		return manifests{}, failure.New(failure.BadInput, "give a file, a folder, a kustomization or a chart", "%s: there are no manifests in %s", flag, name)
	}
	for i := range graph.Objects {
		for _, tree := range trees {
			graph.Objects[i].File = tree.Name(graph.Objects[i].File)
		}
	}
	if problems := graph.DecodeProblems(); len(problems) > 0 && len(graph.Sensors())+len(graph.EventSources()) == 0 {
		return manifests{}, failure.New(failure.BadInput, problems[0].Hint, "%w", problems[0])
	}
	return manifests{graph, name}, nil
}
