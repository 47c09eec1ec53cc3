package lint

import (
	"context"

	"github.com/eventrig/eventrig/internal/pipeline"
)

// Input is what rules look at.
type Input struct {
	Graph    *pipeline.Graph
	Problems []pipeline.Problem // what could not be read; the graph holds the rest
	Folders  []Folder           // what was read from; only to say where something lies that is missing
	AsGiven  *pipeline.Graph    // the manifests with their charts' own values, where Graph has others; else nil

	ctx   context.Context // of the run; rules have no other way to it, and those that run jq need it
	facts map[any]any
}

// NewInput makes the input of a run.
func NewInput(graph *pipeline.Graph, problems []pipeline.Problem) *Input {
	return &Input{Graph: graph, Problems: problems, ctx: context.Background(), facts: map[any]any{}}
}

// switchedOff says whether an object is missing only because a chart's value that is not as given leaves it out.
func (in *Input) switchedOff(kind, namespace, name string) bool {
	if in.AsGiven == nil {
		return false
	}
	_, there := in.AsGiven.Find(kind, namespace, name)
	return there
}

// Context ends when the run is to end. Whatever a rule executes of the manifests (jq, expressions, scripts) is executed
// under it, with a limit of its own.
func (in *Input) Context() context.Context { return in.ctx }

// Fact is something that several rules want to know of the input. It is worked out when the first of them asks.
type Fact[T any] struct{ work func(*Input) T }

// NewFact makes a fact, as a package variable.
func NewFact[T any](work func(*Input) T) *Fact[T] { return &Fact[T]{work} }

// Of returns the fact for an input.
func (f *Fact[T]) Of(in *Input) T {
	if known, ok := in.facts[f]; ok {
		return known.(T)
	}
	value := f.work(in)
	in.facts[f] = value
	return value
}
