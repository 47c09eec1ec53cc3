// Package corpus reads the events that whole sets of manifests are held against: recorded ones out of files, and those that
// scenarios send.
//
// In: files in every form that internal/message reads, and scenarios. Out: parts, one after the other, so that a long
// recording is never held as a whole; Evaluate lets the Sensors of one or several graphs work on them, on all cores, and
// returns the results in the order of the corpus. The same corpus and seed give the same events: what a scenario draws at
// random is drawn from the seed, and its notifications are written at one fixed time.
package corpus

import (
	"context"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/fixtures/scenarios"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/figures"
	"github.com/eventrig/eventrig/internal/message"
)

// BuiltIn is the name that stands for the scenarios that come with eventrig.
const BuiltIn = "built-in"

// A part of a file has so many events, or fewer where they are large: so many bytes.
const (
	partEvents = 512
	partBytes  = 8 << 20
)

// moment is when the notifications of scenarios are written.
var moment = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// Corpus is a set of events.
type Corpus struct {
	Files     []string            // of recorded events; message.Stdin is standard input
	Form      message.Form        // how they are written; empty: found out for each
	Scenarios []scenario.Scenario // what these send
	Seed      int64               // of what scenarios draw at random
}

// Part is a piece of a corpus.
type Part struct {
	Scenario  string // its name; empty for recorded events
	First     bool   // a new sequence starts: what came before is forgotten
	Events    []message.Event
	Submitted []Submitted // what the scenario starts without an event
	Notes     []string    // steps that cannot be had without a rig
}

// Submitted is a Workflow that a scenario starts from a WorkflowTemplate or a CronWorkflow.
type Submitted struct {
	Kind  string // of what it is started from
	From  string // namespace/name
	Place string // FILE:LINE of the step
}

// New makes a corpus of files and folders of recorded events, and of files and folders of scenarios, among which BuiltIn
// stands for those that come with eventrig. With neither it is BuiltIn. What cannot be found or read is bad input.
func New(files, paths []string, form string, seed int64) (*Corpus, error) {
	parsed, err := message.ParseForm(form)
	if err != nil {
		return nil, err
	}
	c := &Corpus{Form: parsed, Seed: seed}
	if c.Files, err = message.Expand(files); err != nil {
		return nil, err
	}
	if len(files) == 0 && len(paths) == 0 {
		paths = []string{BuiltIn}
	}
	var own []string
	for _, path := range paths {
		if path != BuiltIn {
			own = append(own, path)
			continue
		}
		for _, load := range []func() ([]scenario.Scenario, error){
			func() ([]scenario.Scenario, error) { return scenario.LoadFS(scenarios.FS) },
			func() ([]scenario.Scenario, error) { return scenario.LoadFS(scenarios.UnderStack) },
		} {
			found, err := load()
			if err != nil {
				return nil, fmt.Errorf("read the scenarios that come with eventrig: %w", err)
			}
			c.Scenarios = append(c.Scenarios, found...)
		}
	}
	if len(own) > 0 {
		found, err := scenario.Load(own...)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, failure.New(failure.BadInput, "scenarios lie in files that end in .yaml or .yml", "there is no scenario in %v", own)
		}
		c.Scenarios = append(c.Scenarios, found...)
	}
	return c, nil
}

// Parts reads the corpus: the files as one sequence in their order, then each scenario as a sequence of its own. It ends
// after the first error, which is bad input and names file and line.
func (c *Corpus) Parts(ctx context.Context, stdin io.Reader) iter.Seq2[Part, error] {
	return func(yield func(Part, error) bool) {
		part, size := Part{First: true}, 0
		for event, err := range message.Files(c.Files, stdin, message.Options{As: c.Form}) {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				yield(Part{}, err)
				return
			}
			part.Events, size = append(part.Events, event), size+len(event.Raw)
			if len(part.Events) == partEvents || size >= partBytes {
				if !yield(part, nil) {
					return
				}
				part, size = Part{}, 0
			}
		}
		if len(part.Events) > 0 && !yield(part, nil) {
			return
		}
		for i := range c.Scenarios {
			part, err := c.play(ctx, c.Scenarios[i])
			if !yield(part, err) || err != nil {
				return
			}
		}
	}
}

// Size says in words what the corpus is made of.
func (c *Corpus) Size() string {
	switch files, scenarios := len(c.Files), len(c.Scenarios); {
	case scenarios == 0:
		return figures.Of(files, "file")
	case files == 0:
		return figures.Of(scenarios, "scenario")
	default:
		return figures.Of(files, "file") + " and " + figures.Of(scenarios, "scenario")
	}
}
