package mutate

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/pipeline"
)

// fake is a stage whose scenarios fail where they are told to.
type fake struct {
	t       *testing.T
	verdict func(mutant, scenario string) scenario.Verdict // mutant is empty with the manifests as they are written
	force   func(mutant string) error

	mu    sync.Mutex
	inUse bool
	ran   []string
}

func (f *fake) Tier() string { return "fake" }

func (f *fake) Force(_ context.Context, m *Mutant) (Trial, error) {
	name := ""
	if m != nil {
		name = m.ID
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.inUse {
		f.t.Errorf("%q is put in force while another mutant is", name)
	}
	if f.force != nil && m != nil {
		if err := f.force(name); err != nil {
			return nil, err
		}
	}
	f.inUse = true
	return &fakeTrial{f, name}, nil
}

type fakeTrial struct {
	stage  *fake
	mutant string
}

func (t *fakeTrial) Run(_ context.Context, s scenario.Scenario) scenario.Result {
	t.stage.mu.Lock()
	defer t.stage.mu.Unlock()
	t.stage.ran = append(t.stage.ran, strings.TrimSpace(t.mutant+" "+s.Metadata.Name))
	result := scenario.Result{Name: s.Metadata.Name, Verdict: t.stage.verdict(t.mutant, s.Metadata.Name)}
	if result.Verdict == scenario.Failed {
		result.Failures = []scenario.Failure{{Hop: "sensors", Expected: "fires: 1", Got: "0"}}
	}
	return result
}

func (t *fakeTrial) End(context.Context) error {
	t.stage.mu.Lock()
	defer t.stage.mu.Unlock()
	t.stage.inUse = false
	return nil
}

// engine has the scenarios one, two and three, which all come to everything.
func engine(graph *pipeline.Graph) *Engine {
	e := &Engine{Reach: Reach{}}
	for place, name := range []string{"one", "two", "three"} {
		e.Scenarios = append(e.Scenarios, scenario.Scenario{Metadata: scenario.Metadata{Name: name}})
		for _, object := range graph.Objects {
			e.Reach[object.Key()] = append(e.Reach[object.Key()], place)
		}
	}
	return e
}

func some(t *testing.T, graph *pipeline.Graph, n int) []*Outcome {
	t.Helper()
	var all []*Outcome
	for _, m := range makeAll(t, graph)[:n] {
		all = append(all, &Outcome{Mutant: m})
	}
	return all
}

func TestAMutantIsTriedUntilAScenarioFails(t *testing.T) {
	graph := load(t)
	e, outcomes := engine(graph), some(t, graph, 2)
	killer := outcomes[0].Mutant.ID
	stage := &fake{t: t, verdict: func(mutant, name string) scenario.Verdict {
		if mutant == killer && name == "two" {
			return scenario.Failed
		}
		return scenario.Passed
	}}
	if err := e.Try(t.Context(), []Stage{stage}, outcomes); err != nil {
		t.Fatal(err)
	}
	if o := outcomes[0]; o.Verdict != Killed || o.Scenario != "two" || o.Why != "sensors: expected fires: 1, got 0" || o.Tier != "fake" {
		t.Errorf("%+v", o)
	}
	if o := outcomes[1]; o.Verdict != Survived || o.Tried != 3 {
		t.Errorf("%+v", o)
	}
	// The one that fails is run without the mutant, once.
	if slices.Contains(stage.ran, killer+" three") || !slices.Contains(stage.ran, "two") || slices.Contains(stage.ran, "one") {
		t.Errorf("%v", stage.ran)
	}
	report := &Report{}
	e.report(report, outcomes, nil)
	if report.Total.Killed != 1 || report.Total.Survived != 1 || report.Total.Score != 50 || len(report.Survivors()) != 1 || len(report.Operators) == 0 {
		t.Errorf("%+v", report.Total)
	}
	if never := report.NeverFail(); len(never) != 2 || never[0].Name != "one" || never[1].Name != "three" {
		t.Errorf("%+v", never)
	}
}

func TestAScenarioThatFailsAnywayKillsNothing(t *testing.T) {
	graph := load(t)
	e, outcomes := engine(graph), some(t, graph, 3)
	stage := &fake{t: t, verdict: func(mutant, name string) scenario.Verdict {
		if name == "one" || name == "three" && mutant == outcomes[2].Mutant.ID {
			return scenario.Failed
		}
		return scenario.Passed
	}}
	if err := e.Try(t.Context(), []Stage{stage}, outcomes); err != nil {
		t.Fatal(err)
	}
	for i, want := range []Verdict{Survived, Survived, Killed} {
		if outcomes[i].Verdict != want || outcomes[i].Scenario == "one" {
			t.Errorf("%+v", outcomes[i])
		}
	}
	report := &Report{}
	e.report(report, outcomes, nil)
	if len(report.Excluded) != 1 || report.Excluded[0].Name != "one" {
		t.Errorf("%+v", report.Excluded)
	}
}

func TestAScenarioThatCannotBeRunCountsWhereItCanWithoutTheMutant(t *testing.T) {
	graph := load(t)
	e, outcomes := engine(graph), some(t, graph, 2)
	broken := false
	stage := &fake{t: t, verdict: func(mutant, name string) scenario.Verdict {
		if mutant == outcomes[1].Mutant.ID {
			broken = true // from here on nothing can be run
		}
		if broken || mutant == outcomes[0].Mutant.ID && name == "one" {
			return scenario.Errored
		}
		return scenario.Passed
	}}
	if err := e.Try(t.Context(), []Stage{stage}, outcomes); err != nil {
		t.Fatal(err)
	}
	if outcomes[0].Verdict != Killed || outcomes[1].Verdict == Killed {
		t.Errorf("%+v %+v", outcomes[0], outcomes[1])
	}
}

func TestWhatIsNotTakenIsNotTried(t *testing.T) {
	graph := load(t)
	e, outcomes := engine(graph), some(t, graph, 3)
	stage := &fake{t: t, verdict: func(string, string) scenario.Verdict { return scenario.Passed }, force: func(mutant string) error {
		switch mutant {
		case outcomes[0].Mutant.ID:
			return &Refusal{errors.New("spec.x: Invalid value")}
		case outcomes[1].Mutant.ID:
			return &Unready{errors.New("Sensor openstack/projects is not subscribed")}
		}
		return nil
	}}
	if err := e.Try(t.Context(), []Stage{stage}, outcomes); err != nil {
		t.Fatal(err)
	}
	if o := outcomes[0]; o.Verdict != Refused || o.Why != "spec.x: Invalid value" {
		t.Errorf("%+v", o)
	}
	if o := outcomes[1]; o.Verdict != Killed || !strings.Contains(o.Why, "not subscribed") || o.Scenario != "" {
		t.Errorf("%+v", o)
	}
	if outcomes[2].Verdict != Survived || len(stage.ran) != 3 {
		t.Errorf("%+v %v", outcomes[2], stage.ran)
	}
}

func TestTheRestIsLeftWhereTheRigFails(t *testing.T) {
	graph := load(t)
	e, outcomes := engine(graph), some(t, graph, 3)
	lost := errors.New("the API server is gone")
	stage := &fake{t: t, verdict: func(string, string) scenario.Verdict { return scenario.Passed }, force: func(mutant string) error {
		if mutant == outcomes[1].Mutant.ID {
			return lost
		}
		return nil
	}}
	if err := e.Try(t.Context(), []Stage{stage}, outcomes); !errors.Is(err, lost) {
		t.Errorf("%v", err)
	}
	for i, want := range []Verdict{Survived, Left, Left} {
		if outcomes[i].Verdict != want {
			t.Errorf("%d: %+v", i, outcomes[i])
		}
	}
}

func TestNothingIsPutInForceForWhatNoScenarioComesTo(t *testing.T) {
	graph := load(t)
	e, outcomes := engine(graph), some(t, graph, 1)
	delete(e.Reach, outcomes[0].Mutant.Object.Key())
	stage := &fake{t: t, force: func(string) error { t.Error("it is put in force"); return nil }}
	if err := e.Try(t.Context(), []Stage{stage}, outcomes); err != nil || outcomes[0].Verdict != Survived || outcomes[0].Why != "no scenario comes to it" {
		t.Errorf("%+v %v", outcomes[0], err)
	}
}

func TestATierThatCanDecideNothingTellsNothing(t *testing.T) {
	graph := load(t)
	e, outcomes := engine(graph), some(t, graph, 1)
	stage := &fake{t: t, verdict: func(string, string) scenario.Verdict { return scenario.Skipped }}
	lanes := []Stage{stage}
	if err := errors.Join(e.Baseline(t.Context(), lanes), e.Try(t.Context(), lanes, outcomes)); err != nil || outcomes[0].Verdict != Open {
		t.Errorf("%+v %v", outcomes[0], err)
	}
	report := &Report{}
	if e.report(report, outcomes, nil); len(report.Excluded) != 0 || report.Total.Open != 1 {
		t.Errorf("%+v %+v", report.Excluded, report.Total)
	}
}

// A mutant is killed by the first scenario that fails; those behind it get their chance afterwards.
func TestEveryScenarioGetsAChanceToFail(t *testing.T) {
	graph := load(t)
	e, outcomes := engine(graph), some(t, graph, 1)
	stage := &fake{t: t, verdict: func(mutant, name string) scenario.Verdict {
		if mutant != "" && name != "two" {
			return scenario.Failed
		}
		return scenario.Passed
	}}
	lanes := []Stage{stage}
	if err := errors.Join(e.Try(t.Context(), lanes, outcomes), e.chances(t.Context(), lanes, outcomes)); err != nil {
		t.Fatal(err)
	}
	report := &Report{}
	e.report(report, outcomes, nil)
	if never := report.NeverFail(); len(never) != 1 || never[0].Name != "two" {
		t.Errorf("%+v", never)
	}
}
