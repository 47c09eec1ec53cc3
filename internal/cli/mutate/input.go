package mutate

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/eventrig/eventrig/e2e/rig"
	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/fixtures/mutants"
	"github.com/eventrig/eventrig/internal/corpus"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/mutate"
	"github.com/eventrig/eventrig/internal/pipeline"
	"github.com/eventrig/eventrig/manifests"
)

// input is what is tried.
type input struct {
	rig       rig.Options
	graph     *pipeline.Graph // as a rig would run it
	notes     []string
	scenarios []scenario.Scenario
	reasons   *mutate.Reasons
	close     func()
}

// read reads manifests, scenarios and reasons. The built-in manifests are written into a temporary folder, because a rig takes
// folders.
func (f *flags) read(paths []string) (*input, error) {
	in := &input{rig: f.rig, close: func() {}}
	builtIn := len(f.rig.Manifests) == 0
	prefix := ""
	if builtIn {
		folder, err := os.MkdirTemp("", "eventrig-mutate-")
		if err != nil {
			return nil, failure.New(failure.Environment, "set TMPDIR to a folder that can be written", "write the built-in manifests: %w", err)
		}
		in.close = func() { os.RemoveAll(folder) }
		if err := os.CopyFS(folder, manifests.FS); err != nil {
			in.close()
			return nil, failure.New(failure.Environment, "set TMPDIR to a folder that can be written", "write the built-in manifests: %w", err)
		}
		prefix = folder + string(filepath.Separator)
		in.rig.Manifests = []string{filepath.Join(folder, "understack")}
	}
	var err error
	if in.graph, in.notes, err = rig.Manifests(in.rig); err != nil {
		in.close()
		return nil, err
	}
	for i := range in.graph.Objects {
		in.graph.Objects[i].File = strings.TrimPrefix(in.graph.Objects[i].File, prefix)
	}
	if len(paths) == 0 {
		paths = []string{corpus.BuiltIn}
	}
	read, err := corpus.New(nil, paths, "", f.seed)
	if err != nil {
		in.close()
		return nil, err
	}
	in.scenarios = read.Scenarios
	if in.reasons, err = f.readReasons(builtIn); err != nil {
		in.close()
		return nil, err
	}
	return in, nil
}

func (f *flags) readReasons(builtIn bool) (*mutate.Reasons, error) {
	switch {
	case f.reasons != "":
		content, err := os.ReadFile(f.reasons)
		if err != nil {
			return nil, failure.New(failure.BadInput, "give the file with reasons", "read --reasons: %w", err)
		}
		return mutate.ParseReasons(f.reasons, content)
	case builtIn:
		reasons, err := mutate.ParseReasons(mutants.File, mutants.UnderStack)
		if err != nil {
			return nil, fmt.Errorf("read the reasons that come with eventrig: %w", err)
		}
		return reasons, nil
	}
	return nil, nil
}
