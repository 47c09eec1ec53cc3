package suites_test

import (
	"context"
	"fmt"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/eventrig/eventrig/e2e/offline"
	"github.com/eventrig/eventrig/e2e/rig"
	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/fixtures/scenarios"
	"github.com/eventrig/eventrig/internal/report"
)

// scenarioTimeout bounds a spec of one scenario; it may have to wait for its turn.
const scenarioTimeout = 5 * time.Minute

// sideBySide is how many scenarios run on one rig at a time, each with simulators and ids of its own.
const sideBySide = 4

// The scenarios of the pipeline that a rig runs when it is given no manifests.
var _ = Describe("scenario", Ordered, ContinueOnFailure, func() {
	batch := newBatch(loaded(scenario.LoadFS(scenarios.FS)), rig.Options{})
	BeforeAll(func() { batch.on = shared })
	AfterAll(func() { batch.stop() })
	batch.specs()
})

// The same and UnderStack's at the tier that needs no rig.
var _ = Describe("scenario at the offline tier", ownRig, Label("tier:offline", "offline"), func() {
	for _, part := range []struct {
		options rig.Options
		all     []scenario.Scenario
	}{
		{rig.Options{}, loaded(scenario.LoadFS(scenarios.FS))},
		{understack, loaded(scenario.LoadFS(scenarios.UnderStack))},
	} {
		runner := sync.OnceValues(func() (*offline.Runner, error) { return offline.New(part.options) })
		for _, one := range part.all {
			It(one.Metadata.Name, Label(one.Labels()...), func(ctx SpecContext) {
				on, err := runner()
				Expect(err).NotTo(HaveOccurred())
				result := on.Run(ctx, one, scenario.Options{Seed: GinkgoRandomSeed()})
				if result.Verdict == scenario.Skipped {
					Skip(fmt.Sprintf("needs %s", result.Failures[0].Expected))
				}
				Expect(result.Verdict).To(Or(Equal(scenario.Passed), Equal(scenario.KnownDefect)), result.String())
			}, NodeTimeout(time.Minute))
		}
	}
})

func loaded(all []scenario.Scenario, err error) []scenario.Scenario {
	if err != nil {
		panic(err) // the embedded fixtures are broken; a test of theirs says how
	}
	return all
}

// batch runs scenarios on one rig side by side, and has a spec for each: the specs of a process run one after the other, so
// the scenarios run ahead of them. Only those do whose specs were selected.
type batch struct {
	on      *rig.Rig
	all     []scenario.Scenario
	options rig.Options // of the rig, for what is evaluated without it

	begin   sync.Once
	cancel  context.CancelFunc
	group   sync.WaitGroup
	results map[string]chan scenario.Result // by the scenario's name; each holds its result once
	runner  func() (*offline.Runner, error)
}

func newBatch(all []scenario.Scenario, options rig.Options) *batch {
	b := &batch{all: all, options: options, results: map[string]chan scenario.Result{}, cancel: func() {}}
	for _, one := range all {
		b.results[one.Metadata.Name] = make(chan scenario.Result, 1)
	}
	b.runner = sync.OnceValues(func() (*offline.Runner, error) { return offline.New(b.options) })
	return b
}

// specs makes them, in a container that sets on before the first and calls stop after the last.
func (b *batch) specs() {
	for _, one := range b.all {
		It(one.Metadata.Name, Label(one.Labels()...), Label("tier:"+rig.Tier, rig.Tier), func(ctx SpecContext) {
			b.begin.Do(func() { b.start(ctx, container()) })
			result := b.result(ctx, one)
			AddReportEntry("seconds", result.Seconds)
			Expect(result.Verdict).To(Or(Equal(scenario.Passed), Equal(scenario.KnownDefect)), result.String()+report.Timeline(result))
			b.expectParity(ctx, one, result)
		}, NodeTimeout(scenarioTimeout))
	}
}

// start lets the selected scenarios run.
func (b *batch) start(ctx context.Context, container string) {
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	b.cancel = cancel
	chosen := selected.specs()
	free := make(chan struct{}, sideBySide)
	seed := GinkgoRandomSeed()
	b.group.Go(func() {
		for _, one := range b.all {
			if _, is := chosen[container+" "+one.Metadata.Name]; !is {
				continue
			}
			select {
			case free <- struct{}{}:
			case <-running.Done():
				return
			}
			b.group.Go(func() {
				defer func() { <-free }()
				b.results[one.Metadata.Name] <- scenario.Run(running, b.on, one, scenario.Options{Seed: seed})
			})
		}
	})
}

// result waits for a scenario's. A spec that runs once more runs its scenario once more.
func (b *batch) result(ctx context.Context, one scenario.Scenario) scenario.Result {
	GinkgoHelper()
	if CurrentSpecReport().NumAttempts > 1 {
		return scenario.Run(ctx, b.on, one, scenario.Options{Seed: GinkgoRandomSeed(), Attempt: CurrentSpecReport().NumAttempts - 1})
	}
	select {
	case result := <-b.results[one.Metadata.Name]:
		return result
	case <-ctx.Done():
		Fail(fmt.Sprintf("scenario %s has not ended: %v", one.Metadata.Name, context.Cause(ctx)))
		return scenario.Result{}
	}
}

// expectParity tells that evaluation, without a rig, says the same of each message as the rig's Sensors did.
func (b *batch) expectParity(ctx context.Context, one scenario.Scenario, there scenario.Result) {
	GinkgoHelper()
	runner, err := b.runner()
	Expect(err).NotTo(HaveOccurred())
	here := runner.Run(ctx, one, scenario.Options{Seed: GinkgoRandomSeed()})
	Expect(disparities(there, here)).To(BeEmpty())
}

// stop ends what still runs.
func (b *batch) stop() {
	b.cancel()
	b.group.Wait()
}
