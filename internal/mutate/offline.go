package mutate

import (
	"context"
	"runtime"

	"github.com/eventrig/eventrig/e2e/offline"
	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/pipeline"
)

// Offline are lanes at the offline tier, one for each core.
func Offline(graph *pipeline.Graph, seed int64) []Stage {
	lanes := make([]Stage, runtime.GOMAXPROCS(0))
	for i := range lanes {
		lanes[i] = &offlineLane{graph, seed}
	}
	return lanes
}

type offlineLane struct {
	graph *pipeline.Graph
	seed  int64
}

func (l *offlineLane) Tier() string { return offline.Tier }

func (l *offlineLane) Force(_ context.Context, m *Mutant) (Trial, error) {
	graph := l.graph
	if m != nil {
		graph = m.Graph(graph)
	}
	if m != nil {
		for _, problem := range graph.DecodeProblems() {
			if problem.Object == m.Object.Key() && problem.Kind == pipeline.Undecodable {
				return nil, &Refusal{problem} // an API server would say so, too
			}
		}
	}
	runner, err := offline.Of(graph)
	if err != nil {
		return nil, err
	}
	return offlineTrial{runner, l.seed}, nil
}

type offlineTrial struct {
	runner *offline.Runner
	seed   int64
}

func (t offlineTrial) Run(ctx context.Context, s scenario.Scenario) scenario.Result {
	return t.runner.Run(ctx, s, scenario.Options{Seed: t.seed})
}

func (t offlineTrial) End(context.Context) error { return nil }
