// Package whatif holds `eventrig whatif`: what a change of manifests changes for recorded events or for what scenarios send,
// without a cluster.
//
// In: old and new manifests, as folders or as git revisions; recorded events; scenarios. Out: text for people or JSON for
// programs, of what changes and of nothing else; exit status 1 only where --fail-on-change says so.
package whatif

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/eventrig/eventrig/internal/cli/corpusflags"
	"github.com/eventrig/eventrig/internal/cli/lifecycle"
	"github.com/eventrig/eventrig/internal/cli/paint"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/pipeline"
	"github.com/eventrig/eventrig/internal/whatif"
)

// flags is what the command line says.
type flags struct {
	old, new     []string
	manifests    []string
	reading      pipeline.Options
	events       corpusflags.Flags
	reasons      bool
	all          bool
	failOnChange bool
	output       string
}

const examples = `  # what does my branch change for last week's notifications
  eventrig whatif --old main --manifests deploy/ --corpus capture.jsonl

  # two folders, and what the scenarios send
  eventrig whatif --old deployed/ --new deploy/ --scenarios scenarios/

  # two revisions; PATH as git takes it, from the repository's root
  eventrig whatif --old v1.4:charts/site-workflows --new HEAD:charts/site-workflows --values site.yaml --corpus capture.jsonl

  # in CI: fail where anything changes
  eventrig whatif --old origin/main --manifests deploy/ --corpus capture.jsonl --fail-on-change

  # for programs: the Sensors that fall silent
  eventrig whatif --old a/ --new b/ --corpus capture.jsonl -o json | jq -r '.changes[] | select(.change == "silent") | .sensor' | sort -u`

// New makes the command.
func New() *cobra.Command {
	var f flags
	command := &cobra.Command{
		Use:   "whatif --old DIR|REV:PATH --new DIR|REV:PATH",
		Short: "Say what a change of manifests changes for events, and nothing else",
		Long: `Hold recorded events, or what scenarios send, against old and new manifests, and print every event with another outcome:
a trigger that acts now, no longer, or fails; other parameters; another object, field by field; other problems with it.
Sensors and EventSources that are new or gone are named, and those that are written differently without a difference for
any of the events.

Each side is a file, a folder, a kustomization or a chart, or one of a git revision: REV:PATH, or REV together with
--manifests PATH. With --manifests and without --new the working tree is the new side.

What becomes of an event is argo-events' own word, as with eventrig explain; no cluster is asked. Without --corpus and
--scenarios the scenarios that come with eventrig are taken.`,
		Example: examples,
		Args:    cobra.NoArgs,
	}
	options := command.Flags()
	options.StringArrayVar(&f.old, "old", nil, "old manifests: `DIR|REV:PATH|REV` (repeatable)")
	options.StringArrayVar(&f.new, "new", nil, "new manifests: `DIR|REV:PATH|REV` (repeatable; default with --manifests: the working tree)")
	options.StringArrayVarP(&f.manifests, "manifests", "m", nil, "`PATH` of the manifests in the revisions, named from the current folder (repeatable)")
	f.events.Add(command)
	options.BoolVar(&f.reasons, "reasons", false, "also show where only the reason is another one")
	options.BoolVar(&f.all, "all", false, "name every event of a change, and show the difference of each")
	options.BoolVar(&f.failOnChange, "fail-on-change", false, "exit status 1 where the outcome of an event changes, or a Sensor or EventSource is new or gone")
	f.reading.Flags(options)
	_ = command.MarkFlagDirname("manifests")
	check := lifecycle.Output(command, &f.output)
	command.RunE = func(command *cobra.Command, _ []string) error {
		if err := check(); err != nil {
			return err
		}
		return f.run(command)
	}
	return command
}

func (f *flags) run(command *cobra.Command) error {
	evaluation, err := f.events.Options()
	if err != nil {
		return err
	}
	events, err := f.events.Corpus()
	if err != nil {
		return err
	}
	before, after, err := f.sides(command.Context())
	if err != nil {
		return err
	}
	report, err := whatif.Compare(command.Context(), before.graph, after.graph, events, command.InOrStdin(), whatif.Options{Reasons: f.reasons, Evaluate: evaluation})
	if err != nil {
		return err
	}
	for _, problem := range append(before.graph.DecodeProblems(), after.graph.DecodeProblems()...) {
		command.PrintErrf("%s\n", problem)
	}
	out := command.OutOrStdout()
	var page bytes.Buffer
	if f.output == "json" {
		encoder := json.NewEncoder(&page)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(report)
	} else {
		text{&page, paint.For(out), f.all}.report(report, before.name, after.name, events.Size())
	}
	if err == nil {
		_, err = out.Write(page.Bytes())
	}
	if err != nil {
		return fmt.Errorf("print what changes: %w", err)
	}
	if f.failOnChange && report.Any() {
		return failure.New(failure.Check, "", "%s", summary(report))
	}
	return nil
}
