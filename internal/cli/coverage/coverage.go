// Package coverage holds `eventrig coverage`: which parts of event pipelines recorded events or scenarios reach, and which
// nothing reaches, without a cluster.
//
// In: manifests, recorded events, scenarios. Out: text for people, JSON for programs, or one HTML page; exit status 1 only
// where less is reached than --fail-under wants.
package coverage

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/eventrig/eventrig/internal/cli/corpusflags"
	"github.com/eventrig/eventrig/internal/cli/paint"
	"github.com/eventrig/eventrig/internal/coverage"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/nearest"
	"github.com/eventrig/eventrig/internal/pipeline"
	"github.com/eventrig/eventrig/manifests"
)

// flags is what the command line says.
type flags struct {
	manifests []string
	reading   pipeline.Options
	events    corpusflags.Flags
	all       bool
	failUnder []string
	output    string
}

const examples = `  # what do the built-in scenarios reach of UnderStack's pipelines, and what does nothing reach
  eventrig coverage

  # my manifests and my scenarios
  eventrig coverage --manifests deploy/ --scenarios scenarios/

  # what of my manifests did last week's notifications use
  eventrig coverage --manifests deploy/ --corpus capture.jsonl

  # in CI: at least 80 % in all, and every Sensor fires
  eventrig coverage --manifests deploy/ --scenarios scenarios/ --fail-under 80 --fail-under sensor=100

  # the manifests, coloured by what is reached
  eventrig coverage --manifests deploy/ --scenarios scenarios/ -o html >coverage.html

  # for programs: filter values that nothing has
  eventrig coverage -o json | jq -r '.points[] | select(.kind == "value" and .state != "reached") | "\(.file):\(.line) \(.name)"'`

// New makes the command.
func New() *cobra.Command {
	var f flags
	command := &cobra.Command{
		Use:   "coverage",
		Short: "Say what of the manifests events or scenarios reach, and what nothing reaches",
		Long: `Hold recorded events, or what scenarios send, against manifests, and say which parts of the pipelines they reach:
EventSources' events, Sensors, dependencies, transforms, each value of each filter and the refusing side of each filter,
triggers, conditions, parameters (taken from the event, and left to the default), WorkflowTemplates, and the event types
that the commands in their pods take.

What becomes of an event is argo-events' own word, as with eventrig explain; no cluster is asked and no pod runs.
Without --corpus and --scenarios the scenarios that come with eventrig are taken.

Percentages count points, not lines; docs/coverage.md says what they mean and what not.`,
		Example: examples,
		Args:    cobra.NoArgs,
	}
	options := command.Flags()
	options.StringArrayVarP(&f.manifests, "manifests", "m", nil, "`PATH` of manifests: a file, a folder, a kustomization, a chart (repeatable; default: UnderStack's, which are built in)")
	f.events.Add(command)
	options.BoolVar(&f.all, "all", false, "show what is reached, too")
	options.StringArrayVar(&f.failUnder, "fail-under", nil, "exit status 1 where less is reached: `[KIND=]PERCENT`, of a kind or in all (repeatable)")
	options.StringVarP(&f.output, "output", "o", "text", "text, json or html")
	f.reading.Flags(options)
	if err := command.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"text", "json", "html"}, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // only a misspelt flag name gets here
	}
	command.RunE = func(command *cobra.Command, _ []string) error { return f.run(command) }
	return command
}

func (f *flags) run(command *cobra.Command) error {
	if !slices.Contains([]string{"text", "json", "html"}, f.output) {
		return failure.New(failure.BadInput, "give text, json or html", "unknown output format %q", f.output)
	}
	limits, err := limitsOf(f.failUnder)
	if err != nil {
		return err
	}
	options, err := f.events.Options()
	if err != nil {
		return err
	}
	events, err := f.events.Corpus()
	if err != nil {
		return err
	}
	graph, read, err := f.graph(command)
	if err != nil {
		return err
	}
	report, err := coverage.Measure(command.Context(), graph, events, command.InOrStdin(), options)
	if err != nil {
		return err
	}
	if report.Events == 0 && len(report.Notes) == 0 && len(events.Files) > 0 {
		return failure.New(failure.BadInput, "give files with events", "there is no event in the corpus")
	}
	for _, problem := range graph.DecodeProblems() {
		command.PrintErrf("%s\n", problem)
	}
	out := command.OutOrStdout()
	var page bytes.Buffer
	switch f.output {
	case "json":
		err = writeJSON(&page, report)
	case "html":
		err = writeHTML(&page, report, events.Size(), read)
	default:
		f.text(&page, report, events.Size(), paint.For(out))
	}
	if err == nil {
		_, err = out.Write(page.Bytes())
	}
	if err != nil {
		return fmt.Errorf("print the coverage: %w", err)
	}
	return under(report, limits)
}

// graph reads the manifests, and returns what reads their files.
func (f *flags) graph(command *cobra.Command) (*pipeline.Graph, func(string) ([]byte, error), error) {
	read := os.ReadFile
	var graph *pipeline.Graph
	var err error
	if len(f.manifests) == 0 {
		read = func(name string) ([]byte, error) { return fs.ReadFile(manifests.FS, name) }
		graph, err = pipeline.LoadFS(manifests.FS, "understack")
	} else {
		graph, err = pipeline.LoadWith(command.Context(), f.reading, f.manifests...)
	}
	if err != nil {
		return nil, nil, err
	}
	if len(graph.Sensors()) == 0 && len(graph.EventSources()) == 0 {
		if problems := graph.DecodeProblems(); len(problems) > 0 {
			return nil, nil, failure.New(failure.BadInput, problems[0].Hint, "%w", problems[0])
		}
		return nil, nil, failure.New(failure.BadInput, "give the folder that has them with --manifests", "there is no Sensor in %s", strings.Join(f.manifests, ", "))
	}
	return graph, read, nil
}

func writeJSON(out io.Writer, report *coverage.Report) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(report)
}

// limit is one --fail-under.
type limit struct {
	kind    coverage.Kind // empty: in all
	percent float64
}

func limitsOf(texts []string) ([]limit, error) {
	var limits []limit
	var kinds []string
	for _, kind := range coverage.Kinds() {
		kinds = append(kinds, string(kind))
	}
	for _, text := range texts {
		kind, number, found := strings.Cut(text, "=")
		if !found {
			kind, number = "", text
		}
		if found && !slices.Contains(kinds, kind) {
			hint := "the kinds are " + strings.Join(kinds, ", ")
			if near := nearest.Name(kind, kinds); near != "" {
				hint = fmt.Sprintf("did you mean %s? ", near) + hint
			}
			return nil, failure.New(failure.BadInput, hint, "--fail-under %q: there is no kind %q", text, kind)
		}
		percent, err := strconv.ParseFloat(strings.TrimSuffix(number, "%"), 64)
		if err != nil || !(percent >= 0 && percent <= 100) {
			return nil, failure.New(failure.BadInput, "such as 80, or sensor=100", "--fail-under %q is no percentage from 0 to 100", text)
		}
		limits = append(limits, limit{coverage.Kind(kind), percent})
	}
	return limits, nil
}

// under fails where less is reached than is wanted.
func under(report *coverage.Report, limits []limit) error {
	var missed []string
	for _, l := range limits {
		share, what := report.Total, "in all"
		if l.kind != "" {
			share, what = coverage.Share{}, words[l.kind]
			for _, one := range report.Kinds {
				if one.Kind == l.kind {
					share = one.Share
				}
			}
		}
		if share.Under(l.percent) {
			missed = append(missed, fmt.Sprintf("%s: %s %% (%d of %d), and --fail-under wants %g %%", what, percent(share), share.Reached, share.Of, l.percent))
		}
	}
	if len(missed) == 0 {
		return nil
	}
	return failure.New(failure.Check, "", "too little is reached: %s", strings.Join(missed, "; "))
}
