// Package corpusflags holds the flags by which commands take many events: recorded ones and those of scenarios.
//
// In: the command line. Out: a corpus (internal/corpus), and how it is to be evaluated.
package corpusflags

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/eventrig/eventrig/internal/corpus"
	"github.com/eventrig/eventrig/internal/evaluate"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/message"
)

// Reading is what the command line says of how recorded events are to be taken.
type Reading struct {
	form, source, time string
	wrap               bool
}

// Flags is what the command line says of events.
type Flags struct {
	Reading
	files, scenarios []string
	seed             int64
}

// Add adds the flags to a command.
func (r *Reading) Add(command *cobra.Command) {
	options := command.Flags()
	forms := names()
	options.StringVar(&r.form, "form", "", "how recorded events are written (default: found out): "+strings.Join(forms, ", "))
	options.StringVar(&r.source, "source", "", "the EventSource's event that the events come from: `NAMESPACE/NAME/EVENT`")
	options.StringVar(&r.time, "time", "", "when the EventSource gets the events, for time filters: `RFC3339` (default: now)")
	options.BoolVar(&r.wrap, "wrap", false, "put notifications without oslo's envelope into one")
	if err := command.RegisterFlagCompletionFunc("form", cobra.FixedCompletions(forms, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // only a misspelt flag name gets here
	}
}

// Add adds the flags to a command.
func (f *Flags) Add(command *cobra.Command) {
	options := command.Flags()
	options.StringArrayVarP(&f.files, "corpus", "c", nil, "`FILE` of recorded events, or a folder of such files; - is standard input (repeatable)")
	options.StringArrayVar(&f.scenarios, "scenarios", nil, "`PATH` of scenarios, a file or a folder; "+corpus.BuiltIn+": those that come with eventrig (repeatable; default without --corpus)")
	options.Int64Var(&f.seed, "seed", 1, "of what scenarios draw at random")
	f.Reading.Add(command)
}

func names() []string {
	var names []string
	for _, form := range message.Forms() {
		names = append(names, string(form))
	}
	return names
}

// Corpus finds the events. What is wrong with the flags, and scenarios that cannot be read, are bad input; files are read later.
func (f *Flags) Corpus() (*corpus.Corpus, error) {
	return corpus.New(f.files, f.scenarios, f.form, f.seed)
}

// Form is the form in which events are written; "" when it is to be found out.
func (r *Reading) Form() string { return r.form }

// Options say how to evaluate the events.
func (r *Reading) Options() (evaluate.Options, error) {
	options := evaluate.Options{Source: r.source, Wrap: r.wrap}
	if r.time == "" {
		return options, nil
	}
	at, err := time.Parse(time.RFC3339, r.time)
	if err != nil {
		return options, failure.New(failure.BadInput, "such as 2026-11-24T18:00:00Z", "--time %q is no time of RFC 3339", r.time)
	}
	options.Time = at
	return options, nil
}
