package suites_test

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/eventrig/eventrig/e2e/rig"
	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/report"
)

// The scenarios in testdata/steps use every step and expectation that the built-in ones do not: recordings, webhooks,
// submissions, faults with what mends them, Jobs.
var _ = Describe("step", func() {
	for _, one := range stepScenarios() {
		It(one.Metadata.Name, func(ctx SpecContext) { expectPassed(ctx, shared, one) }, NodeTimeout(stepTimeout))
	}
})

// On the buses that the shared rig has not, those of them run whose outcome may depend on the bus: labelled buses: every.
var _ = DescribeTableSubtree("step on a bus of the kind", func(bus string) {
	Describe("that is not UnderStack's:", Ordered, ContinueOnFailure, ownRig, func() {
		var its *rig.Rig
		BeforeAll(func(ctx SpecContext) {
			its = startRig(ctx, rig.Options{Bus: bus})
		}, NodeTimeout(bootTimeout))
		for _, one := range stepScenarios() {
			if one.Metadata.Labels["buses"] == "every" {
				It(one.Metadata.Name, func(ctx SpecContext) { expectPassed(ctx, its, one) }, NodeTimeout(stepTimeout))
			}
		}
	})
},
	Entry(rig.BusJetStream, rig.BusJetStream),
	Entry(rig.BusJetStreamExotic, rig.BusJetStreamExotic),
)

const stepTimeout = 3 * time.Minute

func stepScenarios() []scenario.Scenario {
	all, err := scenario.Load("testdata/steps")
	if err != nil {
		panic(err) // the files are part of this test
	}
	return all
}

func expectPassed(ctx SpecContext, on *rig.Rig, one scenario.Scenario) {
	GinkgoHelper()
	result := scenario.Run(ctx, on, one, scenario.Options{Seed: GinkgoRandomSeed()})
	Expect(result.Verdict).To(Equal(scenario.Passed), result.String()+report.Timeline(result))
}
