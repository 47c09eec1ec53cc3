package test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/eventrig/eventrig/internal/bundle"
	"github.com/eventrig/eventrig/internal/report"
)

// afterwards are flags that only say what becomes of the verdict and the rig.
var afterwards = []string{"output", "junit-file", "json-file", "html-file", "github-output", "artifacts", "keep", "write-scenario"}

// again is the command that makes a run happen again: what was given, with the seed, and only the scenarios that did not pass
// where there are such.
func (f *flags) again(command *cobra.Command, verdict report.Run) bundle.Command {
	again := bundle.Command{Program: "eventrig", Folder: ".", Arguments: []string{command.Name()}}
	if program, err := os.Executable(); err == nil {
		again.Program = program
	}
	if folder, err := os.Getwd(); err == nil {
		again.Folder = folder
	}
	skipped := append([]string{"seed"}, afterwards...)
	if failed := bundle.Failed(verdict); len(failed) > 0 && f.event == "" {
		skipped = append(skipped, "focus", "label-filter")
		for i, name := range failed {
			failed[i] = regexp.QuoteMeta(name)
		}
		again.Arguments = append(again.Arguments, "--focus", "^("+strings.Join(failed, "|")+")$")
	}
	command.Flags().Visit(func(flag *pflag.Flag) {
		if slices.Contains(skipped, flag.Name) {
			return
		}
		if several, is := flag.Value.(pflag.SliceValue); is {
			for _, value := range several.GetSlice() {
				again.Arguments = append(again.Arguments, "--"+flag.Name+"="+value)
			}
			return
		}
		again.Arguments = append(again.Arguments, "--"+flag.Name+"="+flag.Value.String())
	})
	// The artifacts of that run do not overwrite those of this one.
	again.Arguments = append(again.Arguments, fmt.Sprintf("--seed=%d", f.seed), "--artifacts="+filepath.Join(absolute(f.artifacts), "again"))
	again.Arguments = append(again.Arguments, command.Flags().Args()...)
	return again
}

// save keeps what explains the run: the rig's artifacts, and beside them where to look first.
func (f *flags) save(command *cobra.Command, on target, verdict report.Run) error {
	saved := on.SaveArtifacts(f.artifacts)
	return errors.Join(saved, bundle.Bundle{Folder: f.artifacts, Rig: on.Status().Name, Run: verdict, Command: f.again(command, verdict)}.Write())
}
