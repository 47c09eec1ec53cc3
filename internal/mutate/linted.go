package mutate

import (
	"context"

	"github.com/eventrig/eventrig/internal/lint"
	"github.com/eventrig/eventrig/internal/pipeline"
)

// linter says what eventrig lint has against mutants that it has not against the manifests as they are written.
type linter struct {
	graph *pipeline.Graph
	known map[string]int
}

func newLinter(ctx context.Context, graph *pipeline.Graph) *linter {
	l := &linter{graph: graph, known: map[string]int{}}
	for _, finding := range lint.Run(ctx, lint.NewInput(graph, graph.DecodeProblems()), lint.Rules).Findings {
		l.known[finding.Rule+" "+finding.Object]++
	}
	return l
}

// of is the first new error that lint finds with a mutant; "" where there is none.
func (l *linter) of(ctx context.Context, m *Mutant) string {
	graph := m.Graph(l.graph)
	found := map[string]int{}
	for _, finding := range lint.Run(ctx, lint.NewInput(graph, graph.DecodeProblems()), lint.Rules).Findings {
		key := finding.Rule + " " + finding.Object
		if found[key]++; finding.Severity == lint.Error && found[key] > l.known[key] {
			return finding.Rule + ": " + finding.Message
		}
	}
	return ""
}
