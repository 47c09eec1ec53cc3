// Package offline is the tier that needs nothing: scenarios without a cluster, a broker and a bus.
//
// In: manifests and scenarios. Out: results as of every other tier. What Sensors make of a scenario's events is evaluated by
// argo-events' own code (internal/evaluate), and the Workflows' parameters are those of the objects that the triggers would
// create. Everything else is left out by name and with the reason (scenario.Result.Skipped): an expectation that was not
// looked at never counts as met, and a scenario of which nothing can be decided is skipped.
package offline

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/eventrig/eventrig/e2e/rig"
	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/evaluate"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/ledger"
	"github.com/eventrig/eventrig/internal/lint"
	"github.com/eventrig/eventrig/internal/pipeline"
)

// Tier is the tier that this package's runners run scenarios at.
const Tier = "offline"

// Runner runs scenarios against manifests. Several may run side by side: each has manifests, simulators and a ledger of its
// own.
type Runner struct {
	pipeline *manifests
	notes    []string

	mu      sync.Mutex
	records []ledger.Record
}

// New reads the manifests that options name, as a rig would run them. What options say of images, the broker and the rig
// itself is of no interest here.
func New(options rig.Options) (*Runner, error) {
	graph, notes, err := rig.Manifests(options)
	if err != nil {
		return nil, err
	}
	r, err := Of(graph)
	if err != nil {
		return nil, err
	}
	for _, problem := range graph.DecodeProblems() {
		notes = append(notes, problem.Error())
	}
	if !r.pipeline.hasRoles() {
		notes = append(notes, "the manifests hold no roles: that the Sensors may create what they create is taken for granted")
	}
	r.notes = notes
	return r, nil
}

// Of makes a Runner of manifests that are read, as rig.Manifests returns them. It has no notes.
func Of(graph *pipeline.Graph) (*Runner, error) {
	read, err := newManifests(graph)
	if err != nil {
		return nil, err
	}
	return &Runner{pipeline: read}, nil
}

// Run plays a scenario.
func (r *Runner) Run(ctx context.Context, s scenario.Scenario, opts scenario.Options) scenario.Result {
	p := newPlay(r.pipeline, s)
	result := scenario.Run(ctx, p, s, opts)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.records = append(r.records, p.ledger.Records()...)
	return result
}

// Versions are those of what evaluates.
func (r *Runner) Versions() map[string]string {
	return map[string]string{"argo-events": rig.DefaultArgoEvents}
}

// Notes say what ran otherwise than the manifests ask for.
func (r *Runner) Notes() []string { return slices.Clone(r.notes) }

// SaveLedger writes the records of all scenarios so far into a folder.
func (r *Runner) SaveLedger(folder string) error {
	target := filepath.Join(folder, Tier)
	if err := os.MkdirAll(target, 0o755); err != nil {
		return failure.New(failure.BadInput, "name a folder that can be written with --artifacts", "make artifacts folder: %w", err)
	}
	file, err := os.Create(filepath.Join(target, "ledger.jsonl"))
	if err != nil {
		return failure.New(failure.BadInput, "name a folder that can be written with --artifacts", "write the ledger: %w", err)
	}
	out := ledger.New(file)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, record := range r.records {
		out.Append(record)
	}
	if err := out.Close(); err != nil {
		file.Close()
		return err
	}
	if err := file.Close(); err != nil {
		return fmt.Errorf("write the ledger: %w", err)
	}
	return nil
}

// manifests are manifests with what evaluates them.
type manifests struct {
	graph     *pipeline.Graph
	evaluator *evaluate.Evaluator
	chains    func() []lint.Chain
}

func newManifests(graph *pipeline.Graph) (*manifests, error) {
	evaluator, err := evaluate.New(graph, evaluate.Options{})
	if err != nil {
		return nil, fmt.Errorf("evaluate: %w", err)
	}
	// It takes longer than all else, and most scenarios need no more than one answer.
	chains := sync.OnceValue(func() []lint.Chain { return lint.Chains(context.Background(), graph) })
	return &manifests{graph: graph, evaluator: evaluator, chains: chains}, nil
}

// hasRoles says whether the manifests tell anything of what ServiceAccounts may do.
func (m *manifests) hasRoles() bool {
	return slices.ContainsFunc(m.graph.Objects, func(o pipeline.Object) bool {
		return o.GroupVersionKind().Group == "rbac.authorization.k8s.io"
	})
}
